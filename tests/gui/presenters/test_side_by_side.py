from dataclasses import replace

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.gui.answers import answer_of
from napari_medkd.gui.presenters.side_by_side import noted, panels_of
from napari_medkd.gui.subject import Picture
from tests.gui.answered import ORGANS, masked, predicted, signed

GRID = Grid.upright((1, 2, 4), unit="pixel")
PICTURE = Picture("layer", "scan", GRID, None, np.zeros((2, 4)))


def test_where_the_truth_says_nothing_nothing_is_a_difference():
    task = replace(ORGANS, ignore=255)
    truth = np.array([[[255, 255, 1, 0], [0, 1, 255, 1]]], np.uint8)
    answers = [
        answer_of(
            predicted(task, GRID, stage, mask=Mask(np.full((1, 2, 4), label, np.uint8), GRID, task)),
            GRID,
            Mask(truth, GRID, task),
        )
        for stage, label in (("student", 1), ("teacher", 0))
    ]

    marks = [panels_of(answers, pair, PICTURE)[-1].labels for pair in ("student vs true mask", "student vs teacher")]

    np.testing.assert_array_equal(marks, [[[0, 0, 0, 1], [1, 0, 0, 0]], [[0, 0, 1, 1], [1, 1, 0, 1]]])


def test_another_threshold_of_classes_changes_nothing_but_the_notes():
    zeros = np.zeros((1, 2, 4), np.uint8)
    answers = [masked(GRID, zeros, zeros), signed(GRID, effusion=0.6, nodule=0.8, truth={"nodule"})]
    panels, wanted = (panels_of(answers, "student vs true mask", PICTURE, threshold) for threshold in (0.5, 0.7))

    others = noted(panels, 0.7)

    assert [panel.labels is other.labels for panel, other in zip(panels, others, strict=True)] == [True] * 3
    assert [one.notes for one in others] == [one.notes for one in wanted] != [one.notes for one in panels]
