"""Uncertainties computed by hand."""

from math import log

import pytest
import torch

from napari_medkd.engine.uncertainty import ExpectedOverlap

pytestmark = pytest.mark.engine


def gathered(*pieces):
    """Return what is gathered of pieces, each the probabilities of the voxels, whose labels are the likeliest."""
    overlap = ExpectedOverlap()
    for probabilities in pieces:
        logits_KZYX = torch.tensor(probabilities).log().T[:, None, None]
        overlap.add(logits_KZYX, logits_KZYX.argmax(0))
    return overlap.uncertainty()


def test_the_expected_dice_of_one_class_is_that_computed_by_hand():
    # p_1 is 0.9, 0.6, 0.3, 0.2, the labels 1, 1, 0, 0: 1 - 2 * (0.9 + 0.6) / (2.0 + 2)
    assert gathered([[0.1, 0.9], [0.4, 0.6], [0.7, 0.3], [0.8, 0.2]]) == pytest.approx(0.25)


def test_classes_count_alike_and_the_background_not_at_all():
    # class 1: 2 * 0.8 / (0.8 + 0.1 + 1), class 2: 2 * 0.7 / (0.1 + 0.7 + 0.2 + 1)
    found = gathered([[0.1, 0.8, 0.1], [0.2, 0.1, 0.7], [0.8, 0.0, 0.2]])

    assert found == pytest.approx(1 - (1.6 / 1.9 + 1.4 / 2.0) / 2)


def test_pieces_are_one_image():
    voxels = [[0.1, 0.9], [0.4, 0.6], [0.7, 0.3], [0.8, 0.2]]

    assert gathered(voxels[:1], voxels[1:]) == pytest.approx(gathered(voxels))


def test_who_is_certain_everywhere_is_not_unsure():
    assert gathered([[0.0, 1.0], [1.0, 0.0]]) == pytest.approx(0, abs=1e-6)


def test_a_class_that_is_drawn_nowhere_and_hardly_expected_is_left_out():
    # class 2 is expected in 2e-5 of the two voxels
    found = gathered([[0.2, 0.8 - 2e-5, 2e-5], [1.0 - 2e-5, 0.0, 2e-5]])

    assert found == pytest.approx(1 - 1.6 / 1.8, abs=1e-4)


def test_a_class_that_is_drawn_nowhere_but_expected_counts_as_not_found():
    # class 1: 2 * 0.8 / (0.8 + 1); class 2 is expected in 0.4 of a voxel and agrees nowhere
    found = gathered([[0.1, 0.8, 0.1], [0.7, 0.0, 0.3]])

    assert found == pytest.approx(1 - (1.6 / 1.8 + 0) / 2)


@pytest.mark.parametrize("pieces", [[], [[[1.0, 0.0], [1.0, 0.0]]]])
def test_nothing_found_at_all_is_the_least_certain(pieces):
    assert gathered(*pieces) == 1.0


def test_a_constant_added_to_the_logits_changes_nothing():
    overlap = ExpectedOverlap()
    logits_KZYX = torch.tensor([100.0, 100.0 + log(3)]).reshape(2, 1, 1, 1)

    overlap.add(logits_KZYX, torch.ones(1, 1, 1))

    assert overlap.uncertainty() == pytest.approx(1 - 2 * 0.75 / 1.75, abs=1e-6)


def test_answers_that_are_no_numbers_are_the_least_certain():
    overlap = ExpectedOverlap()

    overlap.add(torch.full((2, 1, 1, 3), float("nan")), torch.ones(1, 1, 3))

    assert overlap.uncertainty() == 1.0
