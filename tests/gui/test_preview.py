import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.events import PreviewSaved
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ClassScores, Prediction, ScoredBoxes
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.results import write_prediction
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.members import Member
from napari_medkd.gui.preview import LivePreview
from napari_medkd.gui.reader import get_reader
from napari_medkd.gui.state import OpenedCase, Preview, Session
from napari_medkd.runs.folder import RunFolder
from tests.gui.presenting import Later, at_once
from tests.pictures import write_pictures

pytestmark = pytest.mark.gui

TASK = Task("shapes", "segmentation", ("background", "ball", "cube"))

SAID_OF_CLASSES = "preview · student · cells, epoch 1\nborder\n━━━━━━━━━━━─ 0.90 framed\n━─────────── 0.10 plain"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """A window with a case of the tiny dataset, and a run that writes previews of cases."""

    def __init__(self, viewer: Any, dataset: Path, run: Path) -> None:
        self.viewer, self.run, self.clock = viewer, run, Clock()
        self.dataset = open_dataset(dataset)
        for layer in case_layers(self.dataset, self.dataset.case("case_4")):
            viewer.add_layer(Layer.create(*layer))
        self.session = Session()
        self.preview = LivePreview(viewer, self.session, at_once, self.clock)
        self.grid = Grid.upright((24, 24, 24))

    def open(self, case: str) -> None:
        """Show another case in place of the one that is open."""
        self.viewer.layers.clear()
        for layer in case_layers(self.dataset, self.dataset.case(case)):
            self.viewer.add_layer(Layer.create(*layer))
        self.session.opened = OpenedCase(self.dataset, self.dataset.case(case))

    def say(self, epoch: int, label: int, case: str = "case_4", seconds: float = 1.0) -> None:
        """Let time pass, write a preview full of one label, and tell the session."""
        from napari_medkd.files.opening import read_volume

        self.clock.now += seconds
        grid = read_volume(self.dataset.case(case).images).grid
        mask = Mask(np.full(grid.shape, label, np.uint8), grid, TASK)
        write_prediction(Prediction(case, TASK, grid, "run", "student.best", mask), self.run / "previews")
        event = PreviewSaved(case=case, stage="student", epoch=epoch, path=f"previews/{case}")
        self.session.preview = Preview(self.run, (event,))


@pytest.fixture
def scene(make_napari_viewer_proxy: Any, tiny_dataset: Path, tmp_path: Path) -> Scene:
    return Scene(make_napari_viewer_proxy(), tiny_dataset, tmp_path)


def test_a_preview_lies_on_its_cases_image_in_the_classes_colours(scene: Scene) -> None:
    selected = {layer.name for layer in scene.viewer.layers.selection}

    scene.say(epoch=1, label=2)

    layer, image = scene.preview.layer, scene.viewer.layers[0]
    assert layer.name == "preview · student, epoch 1"
    assert layer.data.dtype == np.uint8
    np.testing.assert_array_equal(np.unique(layer.data), [2])
    np.testing.assert_allclose(layer.translate, image.translate)
    np.testing.assert_allclose(layer.scale, image.scale)
    assert layer.units == image.units
    assert {one.name for one in scene.viewer.layers.selection} == selected


def test_the_next_previews_are_written_into_the_same_array(scene: Scene) -> None:
    scene.say(epoch=1, label=2)
    layer, array = scene.preview.layer, scene.preview.layer.data
    extents: list[Any] = []
    layer.events.extent.connect(extents.append)

    scene.say(epoch=2, label=1)

    assert scene.preview.layer is layer
    assert layer.data is array
    np.testing.assert_array_equal(np.unique(array), [1])
    assert layer.name == "preview · student, epoch 2"
    assert extents == []
    assert len(scene.viewer.layers) == 3


def test_no_more_than_five_previews_a_second_are_drawn(scene: Scene) -> None:
    for number in range(20):
        scene.say(epoch=number, label=1 + number % 2, seconds=0.05)
        if number == 0:
            drawn = [scene.preview.layer.name]
        elif drawn[-1] != scene.preview.layer.name:
            drawn.append(scene.preview.layer.name)

    assert 4 <= len(drawn) <= 6


def test_a_hidden_preview_is_not_read_and_catches_up_when_it_is_shown(scene: Scene) -> None:
    scene.say(epoch=1, label=1)
    scene.preview.layer.visible = False

    scene.say(epoch=2, label=2)
    assert scene.preview.layer.data.max() == 1
    scene.preview.layer.visible = True

    assert scene.preview.layer.data.max() == 2
    assert scene.preview.layer.name.endswith("epoch 2")


def test_switched_off_nothing_is_shown_until_it_is_on_again(scene: Scene) -> None:
    scene.preview.switch(False)
    scene.say(epoch=1, label=1)
    assert scene.preview.layer is None

    scene.preview.switch(True)

    assert scene.preview.layer is not None


def test_a_preview_of_a_case_that_is_not_open_is_not_shown(scene: Scene) -> None:
    scene.say(epoch=1, label=1, case="case_5")

    assert scene.preview.layer is None
    assert len(scene.viewer.layers) == 2


def test_a_preview_is_drawn_when_its_case_is_opened(scene: Scene) -> None:
    scene.say(epoch=1, label=1, case="case_5")

    scene.open("case_5")

    assert scene.preview.layer.name == "preview · student, epoch 1"


def test_a_preview_is_drawn_when_its_file_is_opened_by_itself(scene: Scene) -> None:
    scene.session.dataset = scene.dataset
    scene.say(epoch=1, label=1, case="case_5")

    scene.viewer.open(scene.dataset.case("case_5").images[0], plugin="napari-medkd")

    assert scene.preview.layer.name == "preview · student, epoch 1"


def test_a_preview_that_came_too_early_is_drawn_though_none_follows(scene: Scene, qtbot: Any) -> None:
    scene.say(epoch=1, label=1)
    scene.say(epoch=2, label=2, seconds=0.05)
    assert scene.preview.layer.data.max() == 1

    scene.clock.now += 1.0

    qtbot.waitUntil(lambda: scene.preview.layer.data.max() == 2)


def test_a_case_opened_as_a_plain_file_is_known_by_the_open_dataset(scene: Scene) -> None:
    scene.viewer.layers.clear()
    path = str(scene.dataset.case("case_4").images[0])
    reader = get_reader(path)
    assert reader is not None
    scene.viewer.add_layer(Layer.create(*reader(path)[0]))

    scene.say(epoch=1, label=1)
    assert scene.preview.layer is None
    scene.session.dataset = scene.dataset
    scene.say(epoch=2, label=1)

    assert scene.preview.layer is not None


def test_a_deleted_preview_comes_back_with_the_next_one(scene: Scene) -> None:
    scene.say(epoch=1, label=1)

    scene.viewer.layers.remove(scene.preview.layer)
    scene.say(epoch=2, label=2)

    assert scene.preview.layer in scene.viewer.layers


def test_a_preview_that_vanished_while_it_was_read_is_skipped(
    make_napari_viewer_proxy: Any, tiny_dataset: Path, tmp_path: Path
) -> None:
    scene = Scene(make_napari_viewer_proxy(), tiny_dataset, tmp_path)
    later = Later()
    scene.preview._in_background = later
    scene.say(epoch=1, label=1)
    for path in (tmp_path / "previews" / "case_4").iterdir():
        path.unlink()

    later.do()
    scene.say(epoch=2, label=2)
    later.do()

    assert scene.preview.layer.name.endswith("epoch 2")


def test_what_came_while_one_that_vanished_was_read_is_shown_next(scene: Scene, tmp_path: Path) -> None:
    scene.preview._in_background = later = Later()
    scene.say(epoch=1, label=1)
    for path in (tmp_path / "previews" / "case_4").iterdir():
        path.unlink()
    work, _, failed = later.waiting.pop()
    with pytest.raises(InputProblem) as vanished:
        work()
    scene.say(epoch=2, label=2)

    failed(vanished.value)
    later.do()

    assert scene.preview.layer.name.endswith("epoch 2")


def test_what_came_while_one_was_read_is_shown_next(
    make_napari_viewer_proxy: Any, tiny_dataset: Path, tmp_path: Path
) -> None:
    scene = Scene(make_napari_viewer_proxy(), tiny_dataset, tmp_path)
    later = Later()
    scene.preview._in_background = later
    scene.say(epoch=1, label=1)
    scene.say(epoch=2, label=2)
    assert len(later.waiting) == 1

    later.do()
    scene.clock.now += 1.0
    scene.preview.catch_up()
    later.do()

    assert scene.preview.layer.name.endswith("epoch 2")


class Study:
    """A window with a picture of a dataset whose cases are called as those of another one that is open too."""

    def __init__(self, viewer: Any, folder: Path) -> None:
        self.viewer, self.run, self.clock = viewer, folder, Clock()
        self.datasets = {}
        for name in ("cells", "spots"):
            write_pictures(folder / name, name)
            manifest = folder / name / "medkd-dataset.json"
            manifest.write_text(_with_cases_called_alike(manifest.read_text()))
            self.datasets[name] = open_dataset(folder / name)
        study = tuple(Member(one.folder, one) for one in self.datasets.values())
        self.session = Session(study=study, dataset=study[0].dataset, dataset_path=study[0].path)
        for layer in case_layers(self.datasets["cells"], self.datasets["cells"].case("case_8")):
            viewer.add_layer(Layer.create(*layer))
        self.preview = LivePreview(viewer, self.session, at_once, self.clock)
        self.said: list[str] = []
        self.preview.said.connect(self.said.append)

    def say(self, stage: str, epoch: int, tasks: str = "mcb", score: float = 0.9) -> None:
        """Write what a network of up to three tasks says of the case, and tell the session."""
        self.clock.now += 1.0
        grid = Grid.upright((1, 32, 32), unit="pixel")
        known = self.datasets["cells"].tasks
        corners = np.array([[0.0, 4.0, 4.0, 1.0, 12.0, 12.0]])
        boxes = ScoredBoxes(Boxes(corners, ("rectangle",), grid, known["places"]), np.array([score]))
        answers = {
            "m": ("shape", {"mask": Mask(np.ones(grid.shape, np.uint8), grid, known["shape"])}),
            "c": ("border", {"scores": ClassScores({"plain": 1 - score, "framed": score})}),
            "b": ("places", {"boxes": boxes}),
        }
        events = []
        for task, answer in (answers[one] for one in tasks):
            said = Prediction("case_8", known[task], grid, "run", f"{stage}.best", **answer)
            folder = write_prediction(said, self.run / "previews" / stage / task)
            path = folder.relative_to(self.run).as_posix()
            events.append(PreviewSaved(case="case_8", stage=stage, epoch=epoch, path=path))
        self.session.preview = Preview(self.run, tuple(events))

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.viewer.layers if layer.name.startswith("preview")]


def _with_cases_called_alike(manifest: str) -> str:
    document = json.loads(manifest)
    del document["split"]
    for number, case in enumerate(document["cases"]):
        case["id"] = f"case_{number}"
    return json.dumps(document)


@pytest.fixture
def study(make_napari_viewer_proxy: Any, tmp_path: Path) -> Study:
    return Study(make_napari_viewer_proxy(), tmp_path)


def test_mask_boxes_and_class_of_one_epoch_are_shown_together(study: Study) -> None:
    study.say("student-cells", epoch=1)

    assert study.names == [
        "preview · student · cells · shape, epoch 1",
        "preview · student · cells · places, epoch 1",
        "preview · student · cells · places, epoch 1 · labels",
    ]
    assert study.said == [SAID_OF_CLASSES]


def test_the_next_epoch_takes_their_place(study: Study) -> None:
    study.say("student-cells", epoch=1)
    mask = study.preview.layer

    study.say("student-cells", epoch=2)

    assert study.preview.layer is mask
    assert [name.split(", ")[1] for name in study.names] == ["epoch 2", "epoch 2", "epoch 2 · labels"]


def test_a_task_that_follows_later_joins_those_of_its_epoch(study: Study) -> None:
    study.say("student-cells", epoch=1, tasks="c")
    study.say("student-cells", epoch=1, tasks="m")

    assert study.names == ["preview · student · cells · shape, epoch 1"]
    assert study.said == [SAID_OF_CLASSES]


def test_a_stage_without_a_task_takes_its_layers_away(study: Study) -> None:
    study.say("expert-cells", epoch=1)
    study.say("student-cells", epoch=1, tasks="m")

    assert study.names == ["preview · student · cells · shape, epoch 1"]
    assert study.said[-1] == ""


def test_another_datasets_case_of_the_same_name_is_not_drawn_on(study: Study) -> None:
    study.say("student-spots", epoch=1)

    assert study.names == []
    assert study.said == []


@pytest.mark.parametrize(
    ("taught", "drawn"),
    [
        pytest.param("spots", [], id="of the other dataset"),
        pytest.param("cells/medkd-dataset.json", ["preview · student, epoch 1"], id="of this one, by its manifest"),
    ],
)
def test_a_run_of_one_dataset_is_drawn_on_that_ones_cases_alone(study: Study, taught: str, drawn: list[str]) -> None:
    study.run = RunFolder.create(study.run / "runs", TrainSpec(datasets=(study.run / taught,))).path

    study.say("student", epoch=1, tasks="m")

    assert [name.replace(" · shape", "") for name in study.names] == drawn


def test_what_was_said_of_the_classes_goes_with_the_image(study: Study) -> None:
    study.say("student-cells", epoch=1, tasks="c")

    study.viewer.layers.remove("case_8")

    assert study.said == [
        SAID_OF_CLASSES,
        "",
    ]


def test_a_preview_goes_when_another_case_takes_the_place_of_its_image(study: Study) -> None:
    study.say("student-cells", epoch=1)
    spots = study.datasets["spots"]

    study.viewer.layers.remove("case_8")
    study.session.opened = OpenedCase(spots, spots.case("case_1"))

    assert study.names == []


def test_boxes_below_the_threshold_are_not_drawn(study: Study) -> None:
    study.say("student-cells", epoch=1, tasks="b", score=0.3)
    lines = study.viewer.layers["preview · student · cells · places, epoch 1"]
    before = len(lines.data)

    study.preview.layers.filter_boxes(0.2)

    assert before == 0
    assert len(lines.data) > 0
