import pytest
import torch

from napari_medkd.engine.data.warp import warp
from napari_medkd.engine.losses.similarity import local_correlation
from napari_medkd.engine.losses.smoothness import roughness
from napari_medkd.engine.networks.registration import RegistrationNetwork

pytestmark = pytest.mark.engine

SHAPES = pytest.mark.parametrize("shape", [(20, 27), (16, 21, 18)], ids=["planes", "volumes"])


@SHAPES
def test_training_begins_near_the_identity_on_any_size_of_image(shape):
    network = RegistrationNetwork(dimensions=len(shape), in_channels=2)

    matching = network(torch.rand(3, 2, *shape), torch.rand(3, 2, *shape))

    assert matching.flow_BDZYX.shape == (3, len(shape), *shape)
    assert matching.flow_BDZYX.abs().max() < 0.01
    assert matching.fixed_BE.shape == (3, 64)


def test_both_images_go_through_one_encoder():
    network = RegistrationNetwork(dimensions=2, in_channels=1)
    moving, fixed = torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16)

    assert torch.allclose(network(moving, fixed).fixed_BE, network.embed(fixed), atol=1e-6)


def test_a_known_translation_is_recovered():
    torch.manual_seed(0)
    coarse = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    moving = torch.nn.functional.interpolate(coarse, size=(40, 40), mode="bicubic", align_corners=False)
    fixed = moving.roll((2, -3), dims=(2, 3))
    network = RegistrationNetwork(dimensions=2, in_channels=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)

    for _ in range(150):
        flow = network(moving, fixed).flow_BDZYX
        optimizer.zero_grad()
        (1 - local_correlation(warp(moving, flow), fixed) + 0.1 * roughness(flow)).backward()
        optimizer.step()

    inside = network(moving, fixed).flow_BDZYX[0, :, 8:-8, 8:-8].flatten(1).median(1).values
    assert inside.tolist() == pytest.approx([-2, 3], abs=0.3)
