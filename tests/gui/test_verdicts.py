import numpy as np
import pytest

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ClassScores, Prediction
from napari_medkd.core.task import Task
from napari_medkd.gui.answers import Answer, answer_of
from napari_medkd.gui.verdicts import chosen_classes, score_lines, scores_of, true_line, verdict_of, verdict_text

GRADE = Task("grade", "classification", ("normal", "benign", "malignant"))
SIGNS = Task("signs", "classification", ("effusion", "nodule", "mass", "fibrosis", "oedema"), multilabel=True)
GRID = Grid.upright((1, 4, 4), unit="pixel")


def said(task: Task, scores: dict[str, float], truth: set[str] | None = None, stage: str = "student") -> Answer:
    prediction = Prediction("case", task, GRID, "run", f"{stage}.done", scores=ClassScores(scores))
    return answer_of(prediction, GRID, None if truth is None else ClassLabel(frozenset(truth), task))


@pytest.mark.parametrize(
    ("scores", "threshold", "chosen"),
    [
        ({"effusion": 0.5, "nodule": 0.49}, 0.5, {"effusion"}),
        ({"effusion": 0.9, "nodule": 0.7}, 0.6, {"effusion", "nodule"}),
        ({"effusion": 0.1}, 0.5, set()),
    ],
)
def test_where_several_classes_can_be_all_that_reach_the_threshold_are_chosen(scores, threshold, chosen):
    assert chosen_classes(scores, SIGNS, threshold) == chosen


def test_where_one_class_can_be_the_highest_score_is_chosen_whatever_the_threshold():
    assert chosen_classes({"normal": 0.3, "benign": 0.45, "malignant": 0.25}, GRADE, 0.9) == {"benign"}


def test_a_class_without_a_score_has_none_and_is_not_true():
    normal, benign, malignant = scores_of(said(GRADE, {"benign": 0.8}, {"malignant"}))

    assert (normal.score, normal.is_chosen, normal.is_true) == (0.0, False, False)
    assert (benign.score, benign.is_chosen, benign.is_true) == (0.8, True, False)
    assert (malignant.is_chosen, malignant.is_true) == (False, True)


def test_where_the_truth_is_not_known_nothing_is_called_right_or_wrong():
    answer = said(GRADE, {"benign": 0.8})

    assert score_lines(answer, 0.5) == (
        "━━━━━━━━━━── 0.80 benign",
        "──────────── 0.00 normal",
        "──────────── 0.00 malignant",
    )
    assert {one.is_true for one in scores_of(answer)} == {None}
    assert true_line([answer]) == ""


def test_the_words_on_the_canvas_name_every_network_and_the_truth():
    answers = [
        said(GRADE, {"benign": 0.8, "malignant": 0.2}, {"malignant"}),
        said(GRADE, {"benign": 0.3, "malignant": 0.7}, {"malignant"}, "teacher"),
    ]

    assert verdict_text(answers, 0.5).split("\n") == [
        "grade · true: malignant",
        "student",
        "━━━━━━━━━━── 0.80 benign (wrong)",
        "━━────────── 0.20 malignant (missed)",
        "──────────── 0.00 normal",
        "teacher",
        "━━━━━━━━──── 0.70 malignant (right)",
        "━━━━──────── 0.30 benign",
        "──────────── 0.00 normal",
    ]


def test_where_several_classes_can_be_the_bars_show_the_threshold():
    scores = {"effusion": 0.4, "nodule": 0.51, "mass": 1.0, "fibrosis": 0.49, "oedema": 0.0}

    assert verdict_text([said(SIGNS, scores, {"fibrosis", "mass"})], 0.5).split("\n") == [
        "signs · true: fibrosis, mass",
        "student",
        "━━━━━━┃━━━━━━ 1.00 mass (right)",
        "━━━━━━┃────── 0.51 nodule (wrong)",
        "━━━━━━┃────── 0.49 fibrosis (missed)",
        "━━━━━─┃────── 0.40 effusion",
        "──────┃────── 0.00 oedema",
    ]


def test_what_is_not_known_of_some_classes_is_neither_right_nor_wrong():
    scores = {"effusion": 0.9, "nodule": 0.1, "mass": 0.8, "fibrosis": 0.0, "oedema": 0.0}
    truth = ClassLabel(frozenset({"mass"}), SIGNS, frozenset({"oedema", "effusion"}))
    prediction = Prediction("case", SIGNS, GRID, "run", "student.done", scores=ClassScores(scores))
    answer = answer_of(prediction, GRID, truth)

    assert [one.is_true for one in scores_of(answer)] == [None, False, True, False, None]
    assert true_line([answer]) == "true: mass; not known: effusion, oedema"
    assert verdict_of(answer, 0.5) == ("effusion 0.90", "mass 0.80 (right)")


def test_only_the_highest_few_of_many_classes_have_a_line():
    many = Task("findings", "classification", tuple("abcdefg"), multilabel=True)
    lines = score_lines(said(many, dict(zip("abcdefg", (0.6, 0.9, 0.8, 0.7, 0.1, 0.35, 0.2), strict=True))), 0.5)

    assert [line.split()[-1] for line in lines[:-1]] == ["b", "c", "d", "a", "f"]
    assert lines[-1] == "2 more, none above 0.20"


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ((0.6, 0.9, 0.8, 0.7, 0.1), ("nodule 0.90", "mass 0.80", "fibrosis 0.70", "1 more")),
        ((0.4, 0.0, 0.0, 0.0, 0.0), ("no class reaches 0.50",)),
    ],
)
def test_a_verdict_is_the_highest_few_of_the_classes_decided_for(scores, words):
    assert verdict_of(said(SIGNS, dict(zip(SIGNS.classes, scores, strict=True))), 0.5) == words


def test_an_answer_without_scores_writes_nothing():
    mask = Task("organs", "segmentation", ("background", "liver"))
    answer = answer_of(Prediction("case", mask, GRID, "run", "student.done"), GRID, None)

    assert verdict_text([answer], 0.5) == ""
    assert not np.any(answer.labels)
