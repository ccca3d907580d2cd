import pytest
import torch

from napari_medkd.engine.data.spline import control_positions, dense_field, spline_weights

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(("num_voxels", "intervals"), [(1, 1), (2, 1), (9, 1), (17, 4), (20, 7)])
def test_the_weights_at_a_voxel_sum_to_one_and_none_is_negative(num_voxels, intervals):
    weights = spline_weights(num_voxels, intervals)

    assert weights.shape == (num_voxels, intervals + 3)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(num_voxels))


@pytest.mark.parametrize(("num_voxels", "intervals"), [(1, 1), (9, 1), (17, 4), (20, 7)])
def test_a_linear_function_of_the_positions_is_reproduced(num_voxels, intervals):
    found = spline_weights(num_voxels, intervals) @ (2 * control_positions(num_voxels, intervals) - 3)

    torch.testing.assert_close(found, 2 * torch.arange(float(num_voxels)) - 3, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("shape", [(5, 9), (4, 5, 9)])
def test_a_dense_field_is_the_product_of_the_axes_weights(shape):
    controls = torch.randn(2, *(count + 3 for count in range(2, 2 + len(shape))), 3)

    found = dense_field(controls, shape)

    weights = [spline_weights(size, count) for size, count in zip(shape, range(2, 2 + len(shape)), strict=True)]
    letters = "zyx"[-len(shape) :]
    equation = f"b{letters.upper()}v,{','.join(low + low.upper() for low in letters)}->b{letters}v"
    torch.testing.assert_close(found, torch.einsum(equation, controls, *weights), atol=1e-5, rtol=1e-4)
