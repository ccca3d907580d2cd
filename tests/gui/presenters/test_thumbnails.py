from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.core.dataset import Dataset
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.case_answers import CaseAnswer, read_answers
from napari_medkd.gui.presenters.thumbnails import Thumbnails
from tests.gui.asked_run import answer_into
from tests.gui.presenting import Later, at_once

pytest.importorskip("napari.layers")


@pytest.fixture
def dataset(tiny_dataset: Path) -> Dataset:
    return open_dataset(tiny_dataset)


@pytest.fixture
def answers(tiny_dataset: Path, tmp_path: Path) -> tuple[CaseAnswer, ...]:
    return read_answers(answer_into(tmp_path, tiny_dataset, f"case_{number}") for number in range(4))


def told(thumbnails: Thumbnails) -> list[str]:
    cases: list[str] = []
    thumbnails.made.connect(lambda answer, _: cases.append(answer.case))
    thumbnails.failed.connect(lambda answer, _: cases.append(f"no {answer.case}"))
    return cases


def test_they_are_made_one_at_a_time_in_the_order_of_the_sheet(dataset: Dataset, answers: tuple[CaseAnswer, ...]):
    later = Later()
    thumbnails = Thumbnails(later)
    cases = told(thumbnails)

    thumbnails.want(dataset, answers[::-1])
    while later.waiting:
        assert len(later.waiting) == 1
        later.do()

    assert cases == ["case_3", "case_2", "case_1", "case_0"]
    assert thumbnails.of(answers[0]) is not None


def test_those_in_sight_come_next(dataset: Dataset, answers: tuple[CaseAnswer, ...]):
    later = Later()
    thumbnails = Thumbnails(later)
    cases = told(thumbnails)
    thumbnails.want(dataset, answers)

    thumbnails.prefer(answers[2:])
    for _ in answers:
        later.do()

    assert cases == ["case_0", "case_2", "case_3", "case_1"]


def test_one_that_is_there_is_not_made_again_but_a_new_answer_is(dataset: Dataset, answers: tuple[CaseAnswer, ...]):
    thumbnails = Thumbnails(at_once)
    cases = told(thumbnails)
    thumbnails.want(dataset, answers[:2])

    thumbnails.want(dataset, [answers[1], answers[0], replace(answers[2], written_at=1)])
    thumbnails.want(dataset, [answers[1], replace(answers[2], written_at=2)])

    assert cases == ["case_0", "case_1", "case_2", "case_2"]
    assert thumbnails.of(answers[0]) is None


def test_in_other_colours_they_are_made_again_one_that_is_under_way_as_well(
    dataset: Dataset, answers: tuple[CaseAnswer, ...]
):
    later = Later()
    thumbnails = Thumbnails(later)
    recoloured = replace(
        dataset, tasks={name: replace(task, colours=("#123456",)) for name, task in dataset.tasks.items()}
    )
    thumbnails.want(dataset, answers[:2])
    later.do()

    thumbnails.want(recoloured, answers[:2])
    at_first = [thumbnails.of(answer) for answer in answers[:2]]
    while later.waiting:
        later.do()

    assert at_first == [None, None]
    for answer in answers[:2]:
        made = thumbnails.of(answer)
        assert made is not None
        assert (0x12, 0x34, 0x56) in {tuple(pixel) for pixel in made.pixels.reshape(-1, 3).tolist()}


def test_one_that_cannot_be_made_is_told_once_and_the_others_follow(dataset: Dataset, answers: tuple[CaseAnswer, ...]):
    thumbnails = Thumbnails(at_once)
    cases = told(thumbnails)
    (answers[0].folder / "mask.nii.gz").unlink()

    thumbnails.want(dataset, answers[:2])
    thumbnails.want(dataset, answers[:3])

    assert cases == ["no case_0", "case_1", "case_2"]


def test_what_nobody_wants_any_more_is_dropped(dataset: Dataset, answers: tuple[CaseAnswer, ...]):
    later = Later()
    thumbnails = Thumbnails(later)
    cases = told(thumbnails)
    thumbnails.want(dataset, answers[:1])

    thumbnails.want(dataset, answers[1:2])
    later.do()
    later.do()

    assert cases == ["case_1"]
