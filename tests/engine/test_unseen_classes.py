from dataclasses import replace

import pytest

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.unseen_classes import unseen_classes
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask, write_boxes

pytestmark = pytest.mark.engine

SEEN = Preprocessing(dimensions=3, spacing=(1.5, 1.0, 1.0), patch=(24, 24, 24), channels=("image",))
SHAPES = Task("shapes", "segmentation", ("background", "ball", "cube"))
MORE_SHAPES = replace(SHAPES, classes=(*SHAPES.classes, "cone"))
FOUND = Task("found", "detection", ("ball", "cube"))


@pytest.fixture
def dataset(tiny_dataset, tmp_path):
    """The tiny dataset, whose boxes are of balls in three cases and of a ball and a cube in the fourth."""
    tiny = open_dataset(tiny_dataset)
    cases = []
    for case in tiny.cases:
        mask = read_mask(case.annotations["shapes"], SHAPES)
        boxes = Boxes.from_mask(mask, FOUND if case.id == "case_3" else replace(FOUND, classes=("ball",)))
        path = tmp_path / f"{case.id}.json"
        write_boxes(path, replace(boxes, task=FOUND))
        cases.append(replace(case, annotations={"shapes": case.annotations["shapes"], "found": path}))
    return replace(tiny, tasks={"shapes": MORE_SHAPES, "found": FOUND}, cases=tuple(cases))


def cases(dataset, *names):
    return Cases(dataset, (MORE_SHAPES, FOUND), names, SEEN)


def test_a_class_in_no_mask_is_unseen_and_background_is_no_class(dataset):
    assert unseen_classes(cases(dataset, "case_0", "case_1"), MORE_SHAPES) == ("cone",)
    assert unseen_classes(cases(dataset, "case_0"), SHAPES) == ()


def test_only_the_cases_that_are_annotated_for_a_task_are_looked_at(dataset, monkeypatch):
    monkeypatch.setattr("napari_medkd.engine.unseen_classes.MOST_LOOKED_AT", 1)
    without = replace(dataset.cases[0], annotations={})
    rarely = replace(dataset, cases=(without, *dataset.cases[1:]))

    assert unseen_classes(cases(rarely, "case_0", "case_1"), SHAPES) == ()


def test_a_class_of_no_box_is_unseen(dataset):
    assert unseen_classes(cases(dataset, "case_0", "case_1"), FOUND) == ("cube",)
    assert unseen_classes(cases(dataset, "case_0", "case_3"), FOUND) == ()
