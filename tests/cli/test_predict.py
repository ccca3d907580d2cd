import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from napari_medkd.cli.predicting import Asked, spec_for
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.spec import TrainSpec
from napari_medkd.files.results import predictions_in, read_prediction
from napari_medkd.files.sample import write_sample
from napari_medkd.runs.folder import RunFolder
from tests.cli.conftest import Medkd

NOTHING = Asked(images=(), cases=(), split="", data=None)


@pytest.fixture
def untrained(tiny_dataset: Path, tmp_path: Path) -> Path:
    """A run folder that nothing was trained in yet."""
    return RunFolder.create(tmp_path, TrainSpec(datasets=(tiny_dataset,))).path


def test_a_split_becomes_its_cases_and_a_folder_that_tells_them_apart(untrained: Path):
    spec = spec_for(untrained, Asked((), (), "test", None), "teacher", "true mask", None)

    assert spec.cases == ("case_5",)
    assert spec.out == untrained / "predictions" / "teacher-test-true-mask"


def test_cases_of_another_dataset_get_a_folder_of_their_own(untrained: Path, tiny_dataset: Path):
    spec = spec_for(untrained, Asked((), ("case_0",), "", tiny_dataset), "student", "image", None)

    assert spec.data == tiny_dataset
    assert spec.out.name == f"student-cases-{tiny_dataset.name}"


def test_all_cases_are_predicted_though_no_split_lists_them(untrained: Path, tiny_dataset: Path, tmp_path: Path):
    document = json.loads((tiny_dataset / "medkd-dataset.json").read_text(encoding="utf-8"))
    for case in document["cases"]:
        case |= {"images": [str(tiny_dataset / path) for path in case["images"]], "annotations": {}}
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "medkd-dataset.json").write_text(json.dumps(document | {"split": {}}), encoding="utf-8")

    own = spec_for(untrained, Asked((), (), "all", None), "student", "image", None)
    other = spec_for(untrained, Asked((), (), "all", scans / "medkd-dataset.json"), "student", "image", None)

    assert own.cases == other.cases == tuple(f"case_{number}" for number in range(6))
    assert (own.out.name, other.out.name) == ("student-all", "student-all-scans")


def test_the_same_question_is_answered_into_the_same_folder_and_another_into_its_own(untrained: Path, tmp_path: Path):
    def folder_for(asked: Asked) -> str:
        spec = spec_for(untrained, asked, "student", "image", None)
        return RunFolder.for_prediction(spec).name

    first, second = (write_sample(tmp_path / site / "data", shape=(8, 8, 8)).parent for site in "AB")
    scans = [site / "images" / "t1-like_00.nii.gz" for site in (first, second)]

    assert [folder_for(Asked((), (), "test", data)) for data in (first, second, first, second)] == [
        "student-test-data",
        "student-test-data-2",
        "student-test-data",
        "student-test-data-2",
    ]
    assert [folder_for(Asked((scan,), (), "", None)) for scan in (*scans, scans[0])] == [
        "student-images",
        "student-images-2",
        "student-images",
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (NOTHING, "Exactly one of"),
        (Asked((Path("a"),), ("case_0",), "", None), "Exactly one of"),
        (Asked((Path("nowhere.nii.gz"),), (), "", None), "nowhere.nii.gz"),
        (Asked((), ("case_9",), "", None), "Did you mean"),
        (Asked((), (), "test", Path("nowhere")), "nowhere"),
    ],
)
def test_what_cannot_be_predicted_is_refused_before_a_folder_is_made(untrained: Path, asked: Asked, said: str):
    with pytest.raises(InputProblem, match=said):
        spec_for(untrained, asked, "student", "image", None)

    assert not (untrained / "predictions").exists()


def test_a_series_picked_from_a_folder_is_an_image(untrained: Path, tmp_path: Path) -> None:
    picked = tmp_path / "scans?series=1f2e3d4c"
    asked = Asked((picked,), (), "", None)

    with pytest.raises(InputProblem, match="There is no such image"):
        spec_for(untrained, asked, "student", "image", None)
    (tmp_path / "scans").mkdir()

    assert spec_for(untrained, asked, "student", "image", None).images == (picked,)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is Unicode")
def test_a_file_name_that_is_not_in_utf_8_is_refused(untrained: Path, tmp_path: Path, medkd: Medkd) -> None:
    latin = Path(os.fsdecode(os.fsencode(tmp_path) + b"/K\xf6ln.png"))
    latin.touch()

    answer = medkd("predict", untrained, "--image", latin, "--image", tmp_path / "nowhere.png")

    assert answer.code == 2
    for said in (
        "K?ln.png:",
        "a name that is not in UTF-8",
        "Rename the file",
        "nowhere.png:",
        "There is no such image",
    ):
        assert said in answer.err
    assert not (untrained / "predictions").exists()


@pytest.mark.engine
def test_a_run_without_weights_is_told_and_leaves_a_last_word(untrained: Path, medkd: Medkd):
    answer = medkd("predict", untrained, "--case", "case_5", "--device", "cpu", "--precision", "bf16", "--threads", 1)

    assert answer.code == 2
    assert "There are no trained weights of 'student'" in answer.err
    events = (untrained / "predictions" / "student-cases" / "events.jsonl").read_text(encoding="utf-8")
    assert json.loads(events)["outcome"] == "failed"
    asked = json.loads((untrained / "predictions" / "student-cases" / "spec.json").read_text(encoding="utf-8"))
    assert asked["hardware"] == {"device": "cpu", "precision": "bf16", "threads": 1}


@pytest.mark.engine
def test_images_and_the_folder_to_write_to_may_lie_below_the_home_folder(
    untrained: Path, tiny_dataset: Path, tmp_path: Path, medkd: Medkd, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "data").symlink_to(tiny_dataset)
    (tmp_path / "scan.png").touch()

    of_an_image = medkd("predict", untrained, "--image=~/scan.png", "--out=~/one")
    of_a_case = medkd("predict", untrained, "--case=case_5", "--data=~/data", "--out=~/other")

    assert (of_an_image.out.strip(), of_a_case.out.strip()) == (str(tmp_path / "one"), str(tmp_path / "other"))
    assert all("There are no trained weights" in answer.err for answer in (of_an_image, of_a_case))


@pytest.mark.engine
def test_student_and_teacher_answer_about_cases_and_files(
    tiny_dataset: Path, tiny_spec: TrainSpec, tmp_path: Path, medkd: Medkd
):
    spec = tiny_spec.replace(method={"name": "shape-intensity"})
    run = RunFolder.create(tmp_path / "runs", spec).path
    assert medkd("train", "--run", run).code == 0
    images = [tiny_dataset / "images" / f"case_{number}.nii.gz" for number in (0, 5)]

    student = medkd("predict", run, "--split", "test")
    teacher = medkd("predict", run, "--split", "test", "--network", "teacher", "--given", "student mask")
    files = medkd("predict", run, "--image", images[0], "--image", images[1], "--out", tmp_path / "answers")
    again = medkd("predict", student.out.strip())

    assert (student.code, teacher.code, files.code, again.code) == (0, 0, 0, 0)
    assert student.out == again.out
    assert Path(student.out.strip()) == run / "predictions" / "student-test"
    assert [path.name for path in predictions_in(tmp_path / "answers")] == ["case_0", "case_5"]
    (asked,) = predictions_in(Path(teacher.out.strip()))
    assert read_prediction(asked).shown == "class means of the student mask"
    told = json.loads(medkd("evaluate", run, "--json").out)
    assert {(row["network"], row["case"]) for row in told["cases"]} == {
        ("student", "case_5"),
        ("teacher, given class means of the student mask", "case_5"),
    }


@pytest.mark.engine
def test_an_image_that_cannot_be_read_keeps_no_other_from_being_predicted(
    tiny_dataset: Path, tiny_spec: TrainSpec, tmp_path: Path, medkd: Medkd
):
    schedule = tiny_spec.schedule.replace(epochs=1, steps_per_epoch=1)
    run = RunFolder.create(tmp_path, tiny_spec.replace(schedule=schedule)).path
    medkd("train", "--run", run)
    torn, whole = tmp_path / "torn.nii.gz", tiny_dataset / "images" / "case_5.nii.gz"
    torn.write_bytes(whole.read_bytes()[:500])

    answer = medkd("predict", run, "--image", torn, "--image", whole, "--out", tmp_path / "answers")

    assert answer.code == 2
    assert str(torn) in answer.err
    assert [path.name for path in predictions_in(tmp_path / "answers")] == ["case_5"]


@pytest.mark.engine
def test_a_teacher_that_needs_class_means_is_not_asked_without(
    tiny_dataset: Path, tiny_spec: TrainSpec, tmp_path: Path, medkd: Medkd
):
    spec = tiny_spec.replace(
        method={"name": "shape-intensity"}, schedule=tiny_spec.schedule.replace(epochs=1, steps_per_epoch=1)
    )
    run = RunFolder.create(tmp_path / "runs", spec).path
    medkd("train", "--run", run)

    answer = medkd("predict", run, "--split", "test", "--network", "teacher")

    assert answer.code == 2
    assert "'true mask' or 'student mask'" in answer.err


def test_another_training_run_is_never_written_into(untrained: Path, medkd: Medkd):
    before = (untrained / "spec.json").read_bytes()

    answer = medkd("predict", untrained, "--case", "case_5", "--out", untrained)

    assert answer.code == 2
    assert (untrained / "spec.json").read_bytes() == before


@pytest.mark.engine
def test_a_predictions_folder_says_what_is_asked(untrained: Path, medkd: Medkd):
    medkd("predict", untrained, "--case", "case_5", "--device", "cpu")
    asked = untrained / "predictions" / "student-cases"
    before = RunFolder(asked).prediction_spec()

    again, more = medkd("predict", asked), medkd("predict", asked, "--case", "case_4", "--device", "cpu")

    assert again.out.strip() == str(asked)
    assert ["There are no trained weights" in event.message for event in RunFolder(asked).events()] == [True, True]
    assert RunFolder(asked).prediction_spec() == before
    assert more.code == 2
    assert "--case, --device would change nothing" in more.err


@pytest.mark.engine
@pytest.mark.parametrize("was_copied", [False, True], ids=["renamed", "copied"])
def test_the_same_is_asked_again_of_the_run_that_a_predictions_folder_lies_in(
    untrained: Path, tmp_path: Path, medkd: Medkd, was_copied: bool
):
    first = Path(medkd("predict", untrained, "--case", "case_5", "--device", "cpu").out.strip())
    moved = tmp_path / "final"
    shutil.copytree(untrained, moved) if was_copied else untrained.rename(moved)
    asked = moved / "predictions" / first.name

    again = medkd("predict", asked)

    assert again.out.strip() == str(asked)
    assert f"{moved}:\n  There are no trained weights" in again.err
    assert RunFolder(asked).prediction_spec().run == moved
