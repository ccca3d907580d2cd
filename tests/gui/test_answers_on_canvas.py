from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.annotation import task_to_paint
from napari_medkd.gui.answers import Answer, answer_of
from napari_medkd.gui.answers_on_canvas import AnswersOnCanvas
from napari_medkd.gui.boxes_on_canvas import BoxesOnCanvas
from napari_medkd.gui.canvas import pictures_on
from napari_medkd.gui.layers import task_of
from tests.gui.annotating import annotation_on
from tests.gui.answered import ORGANS, boxed, predicted

pytestmark = pytest.mark.gui

GRID = Grid.upright((4, 6, 8), unit="pixel")


class Scene:
    """An image on the canvas, and networks that say one label of all of it."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        viewer.add_image(np.zeros(GRID.shape), name="scan")
        [self.picture] = pictures_on(viewer)
        self.on_canvas = AnswersOnCanvas(viewer, BoxesOnCanvas(viewer, 0.5))

    def answer(self, label: int, task: Task = ORGANS, stage: str = "student", **said: Any) -> Answer:
        mask = Mask(np.full(GRID.shape, label, np.uint8), GRID, task)
        return answer_of(replace(predicted(task, GRID, stage, mask=mask), **said), GRID, None)

    def draw(self, *answers: Answer) -> None:
        self.on_canvas.draw(answers, self.picture)

    @property
    def masks(self) -> dict[str, bool]:
        """Names of all masks on the canvas, and whether each is seen."""
        return {layer.name: layer.visible for layer in self.viewer.layers if layer.name != "scan"}


def paint_a_voxel(layer: Any) -> None:
    layer.data_setitem((np.array([1]), np.array([2]), np.array([3])), 1)


@pytest.fixture
def scene(make_napari_viewer_proxy: Any) -> Scene:
    return Scene(make_napari_viewer_proxy())


def test_the_same_question_again_draws_into_the_layer_that_stands(scene: Scene) -> None:
    scene.draw(scene.answer(1))
    layer = scene.viewer.layers[-1]

    scene.draw(scene.answer(0))

    assert scene.viewer.layers[-1] == layer
    assert len(scene.viewer.layers) == 2
    assert not layer.data.any()


def test_the_answer_of_another_run_brings_its_own_classes(scene: Scene) -> None:
    other = replace(ORGANS, classes=("background", "spleen"), colours=("#102030",))
    scene.draw(scene.answer(1))

    scene.draw(scene.answer(1, other, made_by="another-run"))

    assert list(scene.masks) == ["student · scan"]
    layer = scene.viewer.layers[-1]
    assert task_of(layer.metadata) == other
    np.testing.assert_allclose(layer.get_color(1)[:3], np.array([0x10, 0x20, 0x30]) / 255, atol=0.01)


def test_what_a_teacher_was_given_for_its_newest_answer_stands_in_the_layers_name(scene: Scene) -> None:
    scene.draw(scene.answer(1, stage="teacher", shown="class means of the true mask"))

    scene.draw(scene.answer(1, stage="teacher", shown="class means of the student mask"))

    assert list(scene.masks) == ["teacher, given class means of the student's mask · scan"]


def test_an_answer_that_is_asked_for_again_is_seen_and_the_others_make_room(scene: Scene) -> None:
    student, teacher = scene.answer(1), scene.answer(1, stage="teacher")
    scene.draw(student)
    scene.draw(student, teacher)

    scene.draw(scene.answer(1), teacher)

    assert scene.masks == {"student · scan": True, "teacher · scan": False}


def test_an_answer_of_another_run_is_not_seen_until_it_is_given_again(scene: Scene) -> None:
    scene.draw(scene.answer(1, made_by="first"))

    scene.on_canvas.hide_other_runs("second")
    hidden = scene.masks
    scene.draw(scene.answer(1, made_by="first"))

    assert hidden == {"student · scan": False}
    assert scene.masks == {"student · scan": True}


def test_an_answer_of_the_same_run_stays_when_another_picture_was_chosen_in_between(scene: Scene) -> None:
    scene.draw(scene.answer(1, made_by="first"))

    scene.draw()
    scene.on_canvas.hide_other_runs("first")

    assert scene.masks == {"student · scan": True}


def test_what_a_person_painted_on_a_mask_is_kept_hidden_when_the_network_answers_again(scene: Scene) -> None:
    scene.draw(scene.answer(0))
    painted = scene.viewer.layers[-1]
    paint_a_voxel(painted)

    scene.draw(scene.answer(0))

    assert list(scene.masks.values()) == [False, True]
    assert painted.data[1, 2, 3] == 1
    assert not scene.viewer.layers[-1].data.any()


def test_true_boxes_that_a_person_took_away_are_drawn_again_with_the_next_answer(scene: Scene) -> None:
    corners = [(1.0, 1.0, 1.0, 3.0, 4.0, 5.0)]
    scene.draw(boxed(GRID, corners, [0.9], truth=corners))
    scene.viewer.layers.remove("true found · scan")

    scene.draw(boxed(GRID, corners, [0.8], truth=corners))

    assert "true found · scan" in scene.masks


def test_painting_on_a_mask_changes_nothing_of_what_the_network_said(scene: Scene) -> None:
    first, second = scene.answer(0), scene.answer(0)
    scene.draw(first)
    scene.draw(second)

    paint_a_voxel(scene.viewer.layers[-1])

    assert not first.labels.any()
    assert not second.labels.any()


def test_an_answer_that_comes_while_a_case_is_painted_does_not_take_the_brush(scene: Scene, tiny_dataset: Any) -> None:
    annotation = annotation_on(scene.viewer, open_dataset(tiny_dataset), task=task_to_paint(open_dataset(tiny_dataset)))

    scene.draw(scene.answer(1))
    while_painted = scene.viewer.layers.selection.active
    annotation.close()
    scene.draw(scene.answer(1, stage="teacher"))

    assert while_painted == annotation.layer
    assert scene.viewer.layers.selection.active.name == "teacher · scan"
