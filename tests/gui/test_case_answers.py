import os
from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.core.task import Task
from napari_medkd.files.manifest import MANIFEST
from napari_medkd.gui.case_answers import answers_of, newest, read_answers
from tests.gui.asked_run import answer_into, asked_about


def test_the_answers_to_the_runs_own_dataset_and_to_the_same_one_named_are_found(run: Path, tiny_dataset: Path):
    asked_about(run, tiny_dataset, None, {"case_0": 0.1, "case_1": 0.2})
    asked_about(run, tiny_dataset, tiny_dataset / MANIFEST, {"case_2": None}, name="student-case_2")

    found = answers_of(run, tiny_dataset, "student")

    assert {(answer.case, answer.uncertainty) for answer in found} == {
        ("case_0", 0.1),
        ("case_1", 0.2),
        ("case_2", None),
    }
    assert {answer.checkpoint for answer in found} == {"student.done"}


@pytest.mark.parametrize(
    "question", [{"stage": "teacher"}, {"given": "true mask"}, {"images": (Path("scan.nii.gz"),)}], ids=str
)
def test_other_answers_than_the_students_to_an_image_alone_are_left_out(run: Path, tiny_dataset: Path, question: dict):
    asked_about(run, tiny_dataset, None, {"case_0": 0.1}, **question)

    assert answers_of(run, tiny_dataset, "student") == ()


def test_answers_about_another_dataset_are_left_out(run: Path, tiny_dataset: Path, tmp_path: Path):
    asked_about(run, tiny_dataset, tmp_path / "elsewhere", {"case_0": 0.1})

    assert answers_of(run, tiny_dataset, "student") == ()


def test_of_several_answers_to_a_case_the_newest_counts(run: Path, tiny_dataset: Path):
    first = asked_about(run, tiny_dataset, None, {"case_0": 0.1}, name="first")
    second = asked_about(run, tiny_dataset, None, {"case_0": 0.2}, name="another")
    os.utime(first / "case_0" / "prediction.json", (1e9, 1e9))
    os.utime(second / "case_0" / "prediction.json", (2e9, 2e9))

    (answer,) = answers_of(run, tiny_dataset, "student")

    assert (answer.folder, answer.uncertainty) == (second / "case_0", 0.2)


def test_a_damaged_answer_and_one_without_a_mask_are_left_out(tiny_dataset: Path, tmp_path: Path):
    damaged, bare = (answer_into(tmp_path, tiny_dataset, name) for name in ("case_0", "case_1"))
    (damaged / "prediction.json").write_text("{")
    answer_into(tmp_path, tiny_dataset, "case_1", mask=None, task=Task("grade", "classification", ("a", "b")))

    assert read_answers([damaged, bare, tmp_path / "nowhere"]) == ()


def test_an_answer_that_was_written_again_is_another_one(tiny_dataset: Path, tmp_path: Path):
    (first,) = read_answers([answer_into(tmp_path, tiny_dataset, "case_0")])
    again = replace(first, written_at=first.written_at + 1)

    assert newest([again, first]) == (again,)


def test_a_run_that_was_never_asked_has_no_answers(run: Path, tiny_dataset: Path):
    assert answers_of(run, tiny_dataset, "student") == ()
