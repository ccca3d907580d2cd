import numpy as np
import pytest

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ClassScores, Prediction
from napari_medkd.core.task import Task
from napari_medkd.gui.answers import Answer, answer_of
from napari_medkd.gui.verdicts import chosen_classes, scores_of, true_line, verdict_of, verdict_text

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

    assert verdict_of(answer, 0.5) == ("benign 0.80",)
    assert {one.is_true for one in scores_of(answer)} == {None}
    assert true_line([answer]) == ""


def test_the_words_on_the_canvas_name_every_network_and_the_truth():
    answers = [
        said(GRADE, {"benign": 0.8, "malignant": 0.2}, {"malignant"}),
        said(GRADE, {"benign": 0.3, "malignant": 0.7}, {"malignant"}, "teacher"),
        said(SIGNS, {"effusion": 0.4}, set()),
    ]

    assert verdict_text(answers, 0.5).split("\n") == [
        "grade · true: malignant",
        "student: benign 0.80 (wrong)",
        "teacher: malignant 0.70 (right)",
        "",
        "signs · true: none of the classes",
        "student: no class reaches 0.50",
    ]


def test_only_the_highest_few_of_many_present_classes_are_written():
    answer = said(SIGNS, dict(zip(SIGNS.classes, (0.6, 0.9, 0.8, 0.7, 0.1), strict=True)))

    assert verdict_of(answer, 0.5) == ("nodule 0.90", "mass 0.80", "fibrosis 0.70", "1 more")


def test_an_answer_without_scores_writes_nothing():
    mask = Task("organs", "segmentation", ("background", "liver"))
    answer = answer_of(Prediction("case", mask, GRID, "run", "student.done"), GRID, None)

    assert verdict_text([answer], 0.5) == ""
    assert not np.any(answer.labels)
