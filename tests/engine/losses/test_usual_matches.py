"""How many anchors usually stand for a box."""

import pytest
import torch

from napari_medkd.engine.losses.usual_matches import UsualMatches

pytestmark = pytest.mark.engine


def test_the_mean_begins_with_the_first_batch_and_follows_the_later_ones_by_a_tenth():
    usual = UsualMatches()

    assert [usual(8, 4), usual(0, 4), usual(8, 4)] == pytest.approx([8, 7.3, 7.37])  # an empty batch counts as 1


def test_a_smaller_batch_usually_has_as_much_less():
    usual = UsualMatches()
    usual(8, 4)

    assert usual(2, 1) == pytest.approx(2)


def test_samples_of_unknown_boxes_tell_nothing():
    usual = UsualMatches()

    assert usual(0, 0) == 1
    assert usual(8, 4) == 8


def test_what_is_asked_without_training_is_not_kept():
    usual = UsualMatches()
    usual(8, 4)

    usual.eval()(100, 4)

    assert usual.mean == 2


def test_a_continued_mean_has_the_same_bits():
    one, other = UsualMatches(), UsualMatches()
    for number in (3, 5, 0, 7):
        one(number, 3)

    other.load_state_dict(one.state_dict())

    assert [one(number, 3) for number in (1, 2, 6)] == [other(number, 3) for number in (1, 2, 6)]


def test_a_checkpoint_of_before_is_continued_with_a_mean_that_begins():
    holder = torch.nn.ModuleDict({"usual": UsualMatches()})

    holder.load_state_dict({})

    assert holder["usual"](6, 2) == 6
