import pytest
import torch

from napari_medkd.engine.losses.smoothness import roughness

pytestmark = pytest.mark.engine


def test_a_translation_is_smooth():
    assert roughness(torch.full((2, 3, 4, 5, 6), 7.0)).item() == 0


def test_a_stretch_along_one_axis_counts_its_slope_once():
    flow = torch.zeros(1, 2, 5, 6)
    flow[:, 0] = 0.5 * torch.arange(5.0)[:, None]

    # Squared slope 0.25 of one of two components along y, nothing along x.
    assert roughness(flow).item() == pytest.approx((0.25 / 2 + 0) / 2)


def test_an_axis_of_one_voxel_does_not_count():
    flow = torch.randn(1, 2, 8, 8)

    assert roughness(flow[:, :, None]).item() == pytest.approx(roughness(flow).item())


def test_the_gradient_is_right():
    flow = torch.randn(1, 3, 3, 3, 3, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(roughness, flow)
