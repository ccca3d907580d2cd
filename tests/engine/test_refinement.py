"""A flow that is improved on its own two images leads closer, stays smooth, and asks no network twice."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_medkd.engine.data.array_cache import digest_of
from napari_medkd.engine.data.warp import warp
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.engine.refinement import Refined, improved

pytestmark = pytest.mark.engine


def tissue(*sides: int, seed: int = 0) -> torch.Tensor:
    """Return an image (1, 1, Z, Y, X), or of a plane, with structures of a few voxels, 0 to 1."""
    noise = np.random.default_rng(seed).normal(size=sides)
    image = gaussian_filter(noise, 2)
    return torch.from_numpy((image - image.min()) / np.ptp(image)).float()[None, None]


def smooth_flow(*sides: int) -> torch.Tensor:
    """Return a flow (1, D, Z, Y, X) of about a voxel and a half that nowhere folds."""
    noise = np.random.default_rng(1).normal(size=(len(sides), *sides))
    flow = np.stack([gaussian_filter(one, 6) for one in noise])
    return torch.from_numpy(1.5 * flow / flow.std()).float()[None]


@pytest.mark.parametrize("sides", [(24, 28, 20), (40, 44)])
def test_a_known_flow_is_found_again(sides):
    moving, known = tissue(*sides), smooth_flow(*sides)
    inside = (..., *[slice(5, -5)] * len(sides))

    flow = improved(torch.zeros_like(known), moving, warp(moving, known), 60)

    left = (flow - known)[inside].norm(dim=1).mean()
    assert left < 0.4 * known[inside].norm(dim=1).mean()


def test_no_step_leaves_what_the_network_says():
    torch.manual_seed(0)
    network = RegistrationNetwork(dimensions=3, in_channels=1)
    moving, fixed = tissue(24, 28, 20), tissue(24, 28, 20, seed=5)

    torch.testing.assert_close(Refined(network, 0)(moving, fixed), network(moving, fixed), rtol=0, atol=0)


def test_it_is_the_same_bit_for_bit_where_gradients_are_off_and_precision_is_halved():
    moving, fixed, still = tissue(24, 28, 20), tissue(24, 28, 20, seed=5), torch.zeros(1, 3, 24, 28, 20)
    expected = improved(still, moving, fixed, 5)

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = improved(still, moving, fixed, 5)

    assert torch.equal(found, expected)
    assert not found.requires_grad


def test_flows_of_other_steps_are_kept_under_another_name():
    torch.manual_seed(0)
    network = RegistrationNetwork(dimensions=3, in_channels=1)

    assert len({digest_of(Refined(network, steps)) for steps in (0, 20, 40)}) == 3
