import pytest
import torch

from napari_medkd.engine.data.warp import inverse, read_at, voxel_positions, warp

pytestmark = pytest.mark.engine

SHAPES = pytest.mark.parametrize("shape", [(9, 12), (7, 9, 12)], ids=["planes", "volumes"])


def smooth_flow(shape, size=1.5):
    coarse = torch.randn(1, len(shape), *(3 for _ in shape), generator=torch.Generator().manual_seed(0))
    mode = "bicubic" if len(shape) == 2 else "trilinear"
    return size * torch.nn.functional.interpolate(coarse, size=shape, mode=mode, align_corners=True)


@SHAPES
def test_a_flow_of_zero_changes_nothing(shape):
    image = torch.rand(2, 3, *shape)

    assert torch.allclose(warp(image, torch.zeros(2, len(shape), *shape)), image, atol=1e-5)


@SHAPES
def test_a_translation_moves_along_its_own_axis(shape):
    image = torch.rand(1, 1, *shape)
    for axis in range(len(shape)):
        flow = torch.zeros(1, len(shape), *shape)
        flow[:, axis] = 2.0

        moved = warp(image, flow)

        size = shape[axis]
        found = moved.narrow(axis + 2, 0, size - 2)
        assert torch.allclose(found, image.narrow(axis + 2, 2, size - 2), atol=1e-4)


def test_beyond_the_border_its_nearest_voxel_is_read():
    image = torch.arange(4.0).reshape(1, 1, 1, 4)
    positions = torch.tensor([[0.0, -3.0], [0.0, 9.0]]).reshape(1, 1, 2, 2)

    assert read_at(image, positions).flatten().tolist() == pytest.approx([0, 3])


def test_positions_are_in_voxels_from_the_first_centre():
    image = torch.arange(24.0).reshape(1, 1, 2, 3, 4)

    assert torch.allclose(read_at(image, voxel_positions((2, 3, 4), image)), image, atol=1e-5)


def test_there_and_back_ends_where_it_began():
    flow = smooth_flow((24, 30))
    back = inverse(flow)

    # Moving along one and then along the other: flow(p + back(p)) + back(p).
    rest = warp(flow, back) + back
    assert rest[..., 4:-4, 4:-4].abs().max() < 0.01
