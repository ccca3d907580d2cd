"""Patches cut out of prepared cases."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from napari_medkd.core.grid import Grid
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.data.patches import Patches

pytestmark = pytest.mark.engine


def case(label: np.ndarray) -> PreparedCase:
    """A case whose intensities tell every voxel's place."""
    image = np.arange(label.size, dtype=np.float32).reshape(1, *label.shape)
    grid = Grid.upright(label.shape)
    return PreparedCase("one", "", image, label.astype(np.int16), grid, grid)


def drawn(cases: Sequence[PreparedCase], shape: tuple[int, int, int], number: int, seed: int = 0):
    return Patches(cases, shape).draw(number, torch.Generator().manual_seed(seed))[:2]


def test_image_and_label_are_cut_at_the_same_place():
    label = np.zeros((8, 9, 10), np.uint8)
    label[2:6, 3:7, 4:8] = 1
    one = case(label)

    images, labels = drawn([one], (4, 4, 4), 20)

    for image, cut in zip(images[:, 0].numpy().astype(int), labels.numpy(), strict=True):
        assert np.array_equal(cut, label.ravel()[image])


def test_the_same_seed_draws_the_same():
    one = case(np.ones((8, 8, 8)))

    assert torch.equal(drawn([one], (4, 4, 4), 5)[0], drawn([one], (4, 4, 4), 5)[0])
    assert not torch.equal(drawn([one], (4, 4, 4), 5)[0], drawn([one], (4, 4, 4), 5, seed=1)[0])


def test_outside_the_image_the_edge_goes_on_and_nothing_is_labelled():
    images, labels = drawn([case(np.ones((4, 4, 4)))], (6, 4, 4), 1)

    assert (labels[0, [0, -1]] == -1).all()
    assert (labels[0, 1:-1] == 1).all()
    assert torch.equal(images[0, 0, 0], images[0, 0, 1])


def test_outside_the_image_the_label_goes_on_with_the_edge_where_asked():
    label = np.zeros((4, 4, 4), np.uint8)
    label[0] = 2
    patches = Patches([case(label)], (6, 4, 4), label_goes_on=True)

    labels = patches.draw(1, torch.Generator().manual_seed(0)).labels_BZYX

    assert labels[0].amax((1, 2)).tolist() == labels[0].amin((1, 2)).tolist() == [2, 2, 0, 0, 0, 0]


def test_what_is_used_of_a_patch_reaches_the_images_edge_as_often_as_without_a_margin():
    patches = Patches([case(np.zeros((1, 40, 40)))], (1, 16, 16), margin=(0, 4, 4))

    starts = [source.start_D for source in patches.draw(400, torch.Generator().manual_seed(0)).sources]

    firsts = np.array(starts)[:, 1:] + 4
    assert (firsts.min(), firsts.max()) == (0, 24)
    assert patches.cut == (1, 24, 24)
    assert np.mean(firsts == 0) == pytest.approx(1 / 25, abs=0.02)


def test_around_a_voxel_at_the_edge_a_patch_holds_it_in_the_part_that_is_used():
    label = np.zeros((1, 40, 40), np.uint8)
    label[0, 0, 39] = 1
    patches = Patches([case(label)], (1, 16, 16), margin=(0, 4, 4))

    labels = patches.draw(30, torch.Generator().manual_seed(0)).labels_BZYX

    used = labels[:, :, 4:-4, 4:-4]
    assert (used[:10] == 1).any((1, 2, 3)).all()
    assert (labels[:10, 0, :4] == -1).all()


def test_a_third_of_the_patches_holds_foreground_and_small_organs_come_as_often_as_large():
    label = np.zeros((40, 40, 40), np.uint8)
    label[:10] = 1
    label[38, 38, 38] = 2

    _, labels = drawn([case(label)], (4, 4, 4), 300)

    centred = labels[:100]
    small = sum(bool((one == 2).any()) for one in centred)
    assert all((one > 0).any() for one in centred)
    assert 30 <= small <= 70


def test_the_centred_patches_are_of_the_cases_that_hold_something_and_the_others_of_any():
    cases = [case(np.full((8, 8, 8), number % 2)) for number in range(40)]
    patches = Patches(cases, (4, 4, 4), centred_in=(1, 3))

    sources = patches.draw(300, torch.Generator().manual_seed(0)).sources

    places = [next(place for place, one in enumerate(cases) if one is source.case) for source in sources]
    assert set(places[:100]) == {1, 3}
    assert len(set(places[100:])) > 30


def test_where_every_case_holds_something_the_same_is_drawn_as_where_nobody_knows():
    cases = [case(np.full((8, 8, 8), number)) for number in range(1, 6)]
    whole = Patches(cases, (4, 4, 4), centred_in=range(5)).draw(30, torch.Generator().manual_seed(0))

    assert torch.equal(whole.images_BCZYX, drawn(cases, (4, 4, 4), 30)[0])
    assert [source.case.label[0, 0, 0] for source in whole.sources] == drawn(cases, (4, 4, 4), 30)[1][
        :, 0, 0, 0
    ].tolist()


def test_a_case_without_foreground_can_be_drawn_from():
    images, labels = drawn([case(np.zeros((8, 8, 8)))], (4, 4, 4), 6)

    assert images.shape == (6, 1, 4, 4, 4)
    assert not labels.any()


def test_a_third_of_single_patches_holds_foreground_too():
    label = np.zeros((40, 40, 40), np.uint8)
    label[38, 38, 38] = 1

    found = [bool(drawn([case(label)], (4, 4, 4), 1, seed)[1].any()) for seed in range(300)]

    assert 70 <= sum(found) <= 130
