"""Labels are read between voxels without moving outlines."""

import pytest
import torch

from napari_medkd.engine.data.augment_space import sample, sampling_grid
from napari_medkd.engine.data.augmentation import STRONG
from napari_medkd.engine.data.labels_between import labels_at
from napari_medkd.engine.data.warp import voxel_positions

pytestmark = pytest.mark.engine

HALF_AXES = torch.tensor([5.0, 9.0, 4.0])
SIDES = (32, 40, 32)


def ellipsoid(positions_ZYXD):
    """Whether positions in voxels lie in an ellipsoid in the middle."""
    return (((positions_ZYXD - (torch.tensor(SIDES) - 1) / 2) / HALF_AXES) ** 2).sum(-1) < 1


def dice(one, other):
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_an_augmented_label_is_nearly_the_shape_itself():
    label = ellipsoid(voxel_positions(SIDES, torch.zeros(1))).long()
    overlaps = []
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        grid = sampling_grid(STRONG, [generator], (1.0, 1.0, 1.0), SIDES, SIDES)
        true = ellipsoid(((grid.flip(-1) + 1) * torch.tensor(SIDES) - 1) / 2)[0]

        _, moved = sample(torch.zeros(1, 1, *SIDES), label, grid)

        overlaps.append(dice(moved[0] == 1, true))

    assert sum(overlaps) / len(overlaps) > 0.945  # the nearest voxel's label: 0.93


@pytest.mark.parametrize("shape", [(9, 12), (7, 9, 12)], ids=["planes", "volumes"])
def test_at_the_voxels_themselves_labels_are_as_they_were(shape):
    labels = torch.randint(-1, 5, (1, *shape), generator=torch.Generator().manual_seed(0))

    found = labels_at(labels, voxel_positions(shape, torch.zeros(1)))

    assert found.dtype == torch.int64
    assert torch.equal(found, labels)


def test_the_larger_share_wins_and_no_label_comes_up_that_is_not_there():
    labels = torch.tensor([[[0, 4, 4, -1]]])
    places = torch.tensor([0.4, 0.6, 2.4, 2.6, 9.0, -7.0])
    positions = torch.stack([torch.zeros(6), places], -1)[None, None]

    assert labels_at(labels, positions).tolist() == [[[0, 4, 4, -1, -1, 0]]]


def test_of_three_that_meet_the_largest_share_wins_though_none_has_half():
    labels = torch.tensor([[[0, 1], [2, 1]]])

    assert labels_at(labels, torch.tensor([[[[0.5, 0.5]]]])).tolist() == [[[1]]]


def test_what_lies_around_the_positions_is_enough():
    random = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 3, (1, 20, 20, 20), generator=random)
    positions = 7 + 3 * torch.rand(1, 4, 4, 4, 3, generator=random)

    everywhere = torch.cat([positions, torch.tensor([[0.0, 0, 0], [19, 19, 19]]).expand(1, 4, 4, 2, 3)], 3)

    assert torch.equal(labels_at(labels, positions), labels_at(labels, everywhere)[..., :4])
