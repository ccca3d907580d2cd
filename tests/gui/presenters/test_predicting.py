import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.run_layout import PREDICTIONS
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask, read_volume
from napari_medkd.gui.following import follow
from napari_medkd.gui.networks import networks_of
from napari_medkd.gui.presenters.asking import Wish, question_of
from napari_medkd.gui.presenters.predicting import Predicting
from napari_medkd.gui.subject import Picture
from napari_medkd.runs.launch import Here
from tests.gui.answering_run import PREDICTOR, HereAndWait, make_run
from tests.gui.presenting import Later, at_once

if TYPE_CHECKING:
    from napari_medkd.gui.answers import Answer

pytestmark = pytest.mark.process


@pytest.fixture
def picture(tiny_dataset: Path) -> Picture:
    source = tiny_dataset / "images" / "case_5.nii.gz"
    volume = read_volume(source)
    return Picture("layer", "case_5", volume.grid, source, volume.data[0])


class Told:
    """What a `Predicting` said, in order."""

    def __init__(self, predicting: Predicting) -> None:
        self.answers: list[Answer] = []  # of every network, in the order of its tasks
        self.failures: list[tuple[str, str, Path | None]] = []
        self.progress: list[str] = []
        predicting.answered.connect(lambda answers: self.answers.extend(answers))
        predicting.failed.connect(lambda *failure: self.failures.append(failure))
        predicting.progressed.connect(self.progress.append)


@pytest.fixture
def launches() -> HereAndWait:
    return HereAndWait()


@pytest.fixture
def asked(launches: HereAndWait) -> tuple[Predicting, Told]:
    predicting = Predicting(launches, at_once)
    return predicting, Told(predicting)


def _wish(run: Path, stage: str, picture: Picture) -> Wish:
    return Wish(run, next(one for one in networks_of(run) if one.stage == stage), picture)


def test_the_students_answer_comes_measured_against_the_true_mask(
    run: Path, picture: Picture, launches: HereAndWait, asked: tuple[Predicting, Told], tiny_dataset: Path
) -> None:
    predicting, told = asked

    predicting.ask(_wish(run, "student", picture))
    launches.hear_out(predicting)

    [answer] = told.answers
    assert answer.title == "student"
    assert answer.prediction.case == "case_5"
    truth = read_mask(tiny_dataset / "labels" / "case_5.nii.gz", answer.prediction.task)
    assert answer.truth is not None
    np.testing.assert_array_equal(answer.truth.labels, truth.labels)
    assert [one.name for one in answer.measures] == ["ball", "cube"]
    assert all(0.9 < one.dice <= 1 for one in answer.measures)
    assert answer.measures[0].truth_volume == pytest.approx((truth.labels == 1).sum() * 1.5e-3)
    assert told.failures == []
    assert told.progress[-1] == "Measuring …"


def test_a_teacher_that_needs_a_mask_is_given_the_true_one_and_says_so(
    run: Path, picture: Picture, launches: HereAndWait, asked: tuple[Predicting, Told]
) -> None:
    predicting, told = asked

    predicting.ask(_wish(run, "teacher", picture))
    launches.hear_out(predicting)

    assert launches.specs[0].given == "true mask"
    assert launches.specs[0].cases == ("case_5",)
    assert [answer.title for answer in told.answers] == ["teacher, given class means of the true mask"]


def test_where_no_true_mask_is_known_the_teacher_is_given_the_students(
    run: Path, picture: Picture, launches: HereAndWait, asked: tuple[Predicting, Told], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "somewhere.nii.gz"
    assert picture.source is not None
    elsewhere.write_bytes(picture.source.read_bytes())
    predicting, told = asked

    predicting.ask(_wish(run, "teacher", replace(picture, source=elsewhere)))
    launches.hear_out(predicting)

    assert launches.specs[0].given == "student mask"
    assert launches.specs[0].images == (elsewhere,)
    [answer] = told.answers
    assert answer.title == "teacher, given class means of the student's mask"
    assert answer.truth is None


def test_an_image_in_memory_alone_is_written_for_the_network_on_its_grid(
    run: Path, picture: Picture, launches: HereAndWait, asked: tuple[Predicting, Told]
) -> None:
    predicting, told = asked

    predicting.ask(_wish(run, "student", replace(picture, source=None, name="drawn / by hand")))
    launches.hear_out(predicting)

    [written] = launches.specs[0].images
    assert written.parent == launches.specs[0].out
    assert read_volume(written).grid.matches(picture.grid)
    [answer] = told.answers
    assert answer.labels.shape == picture.grid.shape
    assert set(np.unique(answer.labels)) == {0, 1, 2}


@pytest.mark.parametrize("shape", [(1, 20, 30), (20, 30, 3), (20, 30)])
def test_a_picture_in_memory_that_is_measured_in_pixels_is_written_in_pixels(
    run: Path, picture: Picture, shape: tuple[int, ...]
) -> None:
    values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    drawn = Picture("layer", "edited", Grid.upright((1, 20, 30), unit="pixel"), None, values)

    question = question_of(_wish(run, "student", drawn))

    [written] = question.spec.images
    there = read_volume(written)
    assert there.grid.matches(drawn.grid)
    assert there.grid.unit == "pixel"
    np.testing.assert_array_equal(there.data, drawn.volume().data)


def test_a_case_that_another_reader_placed_is_measured_on_its_files_grid(
    run: Path, picture: Picture, launches: HereAndWait, asked: tuple[Predicting, Told]
) -> None:
    predicting, told = asked
    drawn = Grid.upright(picture.grid.shape, unit="pixel")

    predicting.ask(_wish(run, "student", replace(picture, grid=drawn, is_ours=False)))
    launches.hear_out(predicting)

    [answer] = told.answers
    assert answer.grid.matches(picture.grid)
    assert answer.doubt == ""
    assert all(0.9 < one.dice <= 1 and one.distance_unit == "mm" for one in answer.measures)


def test_a_layer_whose_voxels_are_not_its_files_is_asked_about_itself_and_says_so(
    run: Path, picture: Picture, launches: HereAndWait, asked: tuple[Predicting, Told]
) -> None:
    predicting, told = asked
    drawn = Grid.upright(picture.grid.shape, unit="pixel")

    predicting.ask(_wish(run, "student", replace(picture, grid=drawn, data=picture.data[::-1], is_ours=False)))
    launches.hear_out(predicting)

    [answer] = told.answers
    np.testing.assert_array_equal(answer.labels, np.digitize(picture.data[::-1], (50, 110)))
    assert answer.truth is None
    assert "case_5.nii.gz" in answer.doubt


def test_a_case_of_the_open_dataset_is_found_though_the_run_is_of_another(
    tmp_path: Path, picture: Picture, tiny_dataset: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run = make_run(tmp_path / "runs", other)
    wish = replace(_wish(run, "student", picture), study=((tiny_dataset, open_dataset(tiny_dataset)),))

    question = question_of(wish)

    assert question.spec.data == tiny_dataset
    assert isinstance(question.truths["shapes"], Mask)


def test_a_true_mask_that_cannot_be_read_is_a_doubt_and_not_the_end(
    tmp_path: Path, picture: Picture, tiny_dataset: Path
) -> None:
    folder = Path(shutil.copytree(tiny_dataset, tmp_path / "data"))
    (folder / "labels" / "case_5.nii.gz").write_bytes(b"torn")
    run = make_run(tmp_path / "runs", folder)

    question = question_of(_wish(run, "student", replace(picture, source=folder / "images" / "case_5.nii.gz")))

    assert question.truths == {}
    assert "case_5.nii.gz" in question.doubt
    assert question.spec.cases == ("case_5",)


def test_a_true_mask_whose_labels_mean_other_classes_than_the_networks_is_a_doubt(run: Path, picture: Picture) -> None:
    network = networks_of(run)[0]
    other = replace(network, tasks=(replace(network.tasks[0], classes=("background", "cube", "ball")),))

    question = question_of(Wish(run, other, picture))

    assert question.truths == {}
    assert "background, cube, ball" in question.doubt
    assert "background, ball, cube" in question.doubt


def test_every_question_gets_a_folder_of_its_own(run: Path, picture: Picture) -> None:
    folders = {question_of(_wish(run, "student", picture)).spec.out for _ in range(3)}

    assert len(folders) == 3
    assert {folder.parent for folder in folders} == {run / PREDICTIONS}


def test_a_refusal_is_told_with_what_to_do_and_where_the_log_is(
    run: Path,
    picture: Picture,
    launches: HereAndWait,
    asked: tuple[Predicting, Told],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDKD_SCRIPT", "fail")
    predicting, told = asked

    predicting.ask(_wish(run, "student", picture))
    launches.hear_out(predicting)

    [(message, hint, log)] = told.failures
    assert "The image is upside down." in message
    assert hint == "Turn it round."
    assert log is not None
    assert log.is_file()
    assert told.answers == []


def test_a_process_that_dies_without_a_word_is_told(
    run: Path,
    picture: Picture,
    launches: HereAndWait,
    asked: tuple[Predicting, Told],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDKD_SCRIPT", "die")
    predicting, told = asked

    predicting.ask(_wish(run, "student", picture))
    launches.hear_out(predicting)

    [(message, _, _)] = told.failures
    assert message
    assert told.answers == []


def test_a_stopped_prediction_ends_without_an_answer(
    run: Path, picture: Picture, launches: HereAndWait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDKD_SCRIPT", "wait")
    predicting = Predicting(launches, at_once)
    told = Told(predicting)
    predicting.ask(_wish(run, "student", picture))
    spec = launches.specs[-1]

    for heard in follow(spec.out, lambda: Here(Path(sys.executable), (str(PREDICTOR),)).predict(spec)):
        if heard is None:
            continue
        predicting.hear(heard)
        if heard.status.phase != "queued" and "Stopping …" not in told.progress:
            predicting.stop()

    assert [message for message, _, _ in told.failures] == ["The prediction was stopped."]


def test_what_is_stopped_while_it_is_prepared_is_never_launched(
    run: Path, picture: Picture, launches: HereAndWait
) -> None:
    later = Later()
    predicting = Predicting(launches, later)
    told = Told(predicting)
    predicting.ask(_wish(run, "student", picture))
    assert told.progress[-1] == "Preparing the student …"

    predicting.stop()
    later.do()

    assert launches.specs == []
    assert told.progress[-1] == ""
    assert told.failures == []


def test_what_is_stopped_while_it_is_measured_is_dropped(run: Path, picture: Picture, launches: HereAndWait) -> None:
    later = Later()
    predicting = Predicting(launches, later)
    told = Told(predicting)
    predicting.ask(_wish(run, "student", picture))
    later.do()
    launches.hear_out(predicting)
    assert told.progress[-1] == "Measuring …"

    predicting.stop()
    later.do()

    assert told.progress[-1] == ""
    assert told.answers == []


@pytest.mark.parametrize("way", ["stop", "forget"])
def test_a_process_that_has_not_begun_when_it_is_stopped_is_told_when_it_has(
    run: Path, picture: Picture, launches: HereAndWait, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("MEDKD_SCRIPT", "wait")
    predicting = Predicting(launches, at_once)
    told = Told(predicting)
    predicting.ask(_wish(run, "student", picture))

    getattr(predicting, way)()
    launches.hear_out(predicting)

    assert told.progress[-1] == "Stopping …"
    assert [message for message, _, _ in told.failures] == ["The prediction was stopped."] * (way == "stop")


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(
    run: Path, picture: Picture, launches: HereAndWait
) -> None:
    later = Later()
    predicting = Predicting(launches, later)
    told = Told(predicting)
    predicting.ask(_wish(run, "student", picture))
    later.do()
    launches.hear_out(predicting)
    assert len(later.waiting) == 1, "the answer is there and waits to be read"

    predicting.forget()
    later.do()

    assert told.answers == []
    assert told.failures == []


def test_a_new_wish_makes_the_one_before_stale(run: Path, picture: Picture, launches: HereAndWait) -> None:
    later = Later()
    predicting = Predicting(launches, later)
    told = Told(predicting)

    predicting.ask(_wish(run, "student", picture))
    predicting.ask(_wish(run, "teacher", picture))
    later.do()
    later.do()

    assert [spec.stage for spec in launches.specs] == ["teacher"]
    launches.hear_out(predicting)
    later.do()
    assert [answer.stage for answer in told.answers] == ["teacher"]
