"""What is kept of references and cases belongs to their images, whatever the cases are called."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from napari_medkd.engine.data import registered as module
from napari_medkd.engine.data.atlas import coarse_shape
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.data.registered import Registered
from napari_medkd.engine.networks.registration import Matching
from tests.engine.data.two_cases import bench_of

pytestmark = pytest.mark.engine

SHAPE = (14, 24, 20)


class Middle(nn.Module):
    """Finds a flow that depends on the fixed image."""

    def forward(self, moving, fixed):
        del moving
        return Matching(fixed.mean().expand(1, 3, *fixed.shape[2:]).contiguous(), fixed)


def ball(*at):
    away = sum((axis - middle) ** 2 for axis, middle in zip(np.indices(SHAPE), at, strict=True))
    return 400 * np.exp(-away / 30).astype(np.float32), (away < 9).astype(np.uint8)


def opened(folder, case):
    """Return what is registered of a dataset that is written, with what was kept beside it before."""
    bench = bench_of(folder, ball(7, 12, 10), case)
    return Registered(bench.training_cases, bench.unlabelled_cases, bench.machine, folder / "cache")


def found(registered):
    """Return alignment and flow of the case, and moved positions."""
    case, atlas = registered.unlabelled[0], registered.atlases[0]
    flow = registered.flows_by(Middle()).moved(torch.zeros(1, 1, 1, 1, 3), case, atlas, 1.0)
    return registered.alignment(case, atlas), flow


def test_another_attempt_finds_what_was_computed(tmp_path, monkeypatch):
    alignment, flow = found(opened(tmp_path, ball(7, 15, 8)))
    monkeypatch.setattr(module, "align", lambda *_: pytest.fail("The case was aligned again."))
    monkeypatch.setattr(Middle, "forward", lambda *_: pytest.fail("The flow was found again."))

    again = found(opened(tmp_path, ball(7, 15, 8)))

    assert np.array_equal(again[0], alignment)
    assert torch.equal(again[1], flow)


def test_an_image_that_replaced_another_is_registered_anew(tmp_path):
    found(opened(tmp_path, ball(7, 15, 8)))

    alignment, flow = found(opened(tmp_path, ball(7, 9, 12)))

    (fresh := tmp_path / "fresh").mkdir()
    expected = found(opened(fresh, ball(7, 9, 12)))
    assert np.array_equal(alignment, expected[0])
    assert torch.equal(flow, expected[1])


@pytest.mark.parametrize("name", ["a" * 300, "scan 12:30", "../case", "a~b"])
def test_a_case_may_have_any_id(tmp_path, name):
    registered = opened(tmp_path, ball(7, 15, 8))
    case = registered.unlabelled[0]
    called = PreparedCase(name, case.domain, case.image, case.label, case.grid, case.original)

    alignment = registered.alignment(called, registered.atlases[0])

    assert np.array_equal(alignment, registered.alignment(case, registered.atlases[0]))
    assert all(set(path.name) <= set("0123456789abcdef-~") for path in (tmp_path / "cache").glob("*.zarr/*~*"))


def test_noise_is_averaged_away_where_the_registration_grid_is_coarser_than_the_image(tmp_path):
    random, label = np.random.default_rng(0), np.ones((1, 768, 768), np.uint8)
    scene = ndimage.gaussian_filter(random.normal(size=label.shape), (0, 16, 16))
    reference, case = ((scene / scene.std() + random.normal(size=scene.shape)).astype(np.float32) for _ in range(2))
    bench = bench_of(tmp_path, (reference, label), (case, label), spacing=(1, 1, 1), seen_at=(1, 1, 1))
    registered = Registered(bench.training_cases, bench.unlabelled_cases, bench.machine, None)
    atlas = registered.atlases[0]

    coarse = registered.on_grid(registered.unlabelled[0], atlas)

    assert coarse.shape == atlas.coarse_image_BCZYX.shape == (1, 1, 192, 192)
    # Of the two to four voxels that a point lies between: 0.78.
    assert np.corrcoef(coarse.flatten(), atlas.coarse_image_BCZYX.flatten())[0, 1] > 0.9


def test_an_image_no_larger_than_the_registration_grid_is_read_as_it_is(tmp_path):
    atlas = opened(tmp_path, ball(7, 15, 8)).atlases[0]

    torch.testing.assert_close(atlas.coarse_image_BCZYX, atlas.image_BCZYX, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("sides", "spacing", "shape"),
    [
        ((40, 50, 40), (1.0, 1.0, 1.0), (40, 50, 40)),
        ((112, 112, 112), (1.0, 1.0, 1.0), (56, 56, 56)),
        ((20, 512, 512), (5.0, 0.7, 0.7), (20, 94, 94)),
        ((128, 256, 256), (2.0, 1.0, 1.0), (56, 56, 56)),
        ((384, 768), (1.0, 1.0), (136, 272)),
    ],
    ids=["small", "cube", "thick slices", "slices that become as thick", "plane"],
)
def test_the_grid_of_flows_is_coarser_where_the_image_is_finest(sides, spacing, shape):
    assert coarse_shape(sides, spacing) == shape
