import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.box_matching import matched
from napari_medkd.core.box_measures import FLAT_OVERLAP, VOLUME_OVERLAP, ImageBoxes, found_in, iou
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.core.task import Task

TASK = Task("found", "detection", ("cyst", "tumour"))
VOLUME = Grid.upright((20, 20, 20), (5.0, 1.0, 0.5))
PICTURE = Grid.upright((1, 20, 20), unit="pixel")


def boxes(corners: list[list[float]], classes: str = "", grid: Grid = VOLUME) -> Boxes:
    names = {"c": "cyst", "t": "tumour"}
    return Boxes(
        np.array(corners, float).reshape(-1, 6), tuple(names[one] for one in classes or "c" * len(corners)), grid, TASK
    )


def test_the_overlap_of_two_boxes_is_the_shared_over_the_joint_volume():
    first = np.array([[0, 0, 0, 2, 2, 2.0]])
    second = np.array([[1, 0, 0, 3, 2, 2.0], [0, 0, 0, 2, 2, 2], [2, 0, 0, 4, 2, 2], [0, 0, 0, 1, 1, 2]])

    np.testing.assert_allclose(iou(first, second), [[4 / 12, 1, 0, 2 / 8]])


def test_the_overlap_in_a_picture_is_that_of_the_areas():
    found = np.array([[0, 2, 2, 1, 6, 6.0]])

    np.testing.assert_allclose(iou(found, np.array([[0, 4, 4, 1, 8, 8.0]])), [[4 / 28]])


def test_the_surest_box_takes_the_true_one_and_the_next_is_extra():
    truth = boxes([[0, 0, 0, 4, 4, 4]])
    found = ScoredBoxes(boxes([[0, 0, 0, 4, 4, 4], [0, 0, 0, 4, 4, 3]]), np.array([0.3, 0.9]))

    pairs = matched(found, truth)

    assert pairs.found.scores.tolist() == [0.9, 0.3]
    assert pairs.pairs_N.tolist() == [0, -1]
    np.testing.assert_allclose(pairs.ious_N, [0.75, 0])


def test_a_box_of_another_class_or_with_too_little_overlap_has_no_pair():
    truth = boxes([[0, 0, 0, 10, 10, 10]], "c")
    found = ScoredBoxes(boxes([[0, 0, 0, 10, 10, 10], [9, 9, 9, 12, 12, 12]], "tc"), np.array([0.9, 0.8]))

    pairs = matched(found, truth)

    assert pairs.pairs_N.tolist() == [-1, -1]
    assert pairs.missed(0.0).tolist() == [0]


@pytest.mark.parametrize(("grid", "is_pair"), [(PICTURE, False), (VOLUME, True)])
def test_boxes_that_share_a_third_are_a_pair_in_a_volume_alone(grid, is_pair):
    truth = boxes([[0, 0, 0, 1, 4, 4]], grid=grid)
    found = ScoredBoxes(boxes([[0, 0, 2, 1, 4, 6]], grid=grid), np.array([0.9]))

    pairs = matched(found, truth)

    assert pairs.pairs_N.tolist() == [0 if is_pair else -1]
    np.testing.assert_allclose(pairs.ious_N, [1 / 3 if is_pair else 0])


def test_what_is_left_above_a_threshold_is_paired_as_if_the_rest_had_never_been():
    random = np.random.default_rng(1)
    low = random.uniform(0, 12, (60, 3))
    corners = np.concatenate([low, low + random.uniform(1, 6, (60, 3))], axis=1)
    truth = boxes(corners[:20].tolist())
    found = ScoredBoxes(boxes((corners + random.normal(0, 0.2, 6)).tolist()), random.random(60))
    threshold = 0.4

    whole = matched(found, truth)
    kept = found.scores >= threshold
    part = matched(ScoredBoxes(boxes(found.boxes.corners[kept].tolist()), found.scores[kept]), truth)

    count = whole.num_kept(threshold)
    assert count == kept.sum()
    np.testing.assert_array_equal(whole.pairs_N[:count], part.pairs_N)
    np.testing.assert_array_equal(whole.missed(threshold), part.missed(0.0))


def test_a_score_that_equals_the_threshold_is_kept():
    found = matched(ScoredBoxes(boxes([[0, 0, 0, 1, 1, 1]] * 3), np.array([0.5, 0.2, 0.7])), None)

    assert [found.num_kept(threshold) for threshold in (0.0, 0.2, 0.21, 0.5, 0.51, 1.0)] == [3, 3, 2, 2, 1, 0]


@pytest.mark.parametrize("truth", [None, boxes([])], ids=["unknown", "none"])
def test_without_true_boxes_nothing_is_paired_or_missed(truth):
    found = matched(ScoredBoxes(boxes([[0, 0, 0, 1, 1, 1]]), np.array([0.5])), truth)

    assert found.pairs_N.tolist() == [-1]
    assert found.missed(0.0).tolist() == []


def test_no_boxes_miss_every_true_one():
    found = matched(ScoredBoxes(boxes([]), np.zeros(0)), boxes([[0, 0, 0, 1, 1, 1]] * 2))

    assert found.num_kept(0.0) == 0
    assert found.missed(0.0).tolist() == [0, 1]


def test_of_true_boxes_overlapped_equally_the_last_is_paired_as_the_measures_count():
    truth = boxes([[0, 0, 0, 1, 1, 4], [0, 0, 4, 1, 1, 8]])
    between, first = [0, 0, 2, 1, 1, 6], [0, 0, 0, 1, 1, 4]
    found = ScoredBoxes(boxes([between, first]), np.array([0.9, 0.8]))

    pairs = matched(found, truth)

    assert pairs.pairs_N.tolist() == [1, 0]
    np.testing.assert_allclose(pairs.ious_N, [1 / 3, 1])
    assert found_in(ImageBoxes.of(found, truth), 0, [VOLUME_OVERLAP]).is_hit_TN.tolist() == [[True, True]]


@given(st.integers(0, 2**31), st.booleans())
@settings(max_examples=30, deadline=None)
def test_what_is_paired_is_what_the_measures_call_a_hit(seed, is_flat):
    random, grid = np.random.default_rng(seed), PICTURE if is_flat else VOLUME
    low = random.integers(0, 4, (30, 3))  # whole numbers: many boxes overlap equally, and many scores are equal
    corners = np.concatenate([low, low + random.integers(1, 4, (30, 3))], axis=1)
    if is_flat:
        corners[:, [0, 3]] = 0, 1
    names = ["".join(random.choice(["c", "t"], number)) for number in (20, 10)]
    found = ScoredBoxes(boxes(corners[:20].tolist(), names[0], grid), random.integers(0, 4, 20) / 4)
    truth = boxes(corners[20:].tolist(), names[1], grid)

    pairs = matched(found, truth)

    least, classes = FLAT_OVERLAP if is_flat else VOLUME_OVERLAP, np.array(pairs.found.boxes.classes)
    for number, name in enumerate(TASK.classes):
        hits = found_in(ImageBoxes.of(found, truth), number, [least]).is_hit_TN[0]
        assert (pairs.pairs_N[classes == name] >= 0).tolist() == hits.tolist()
