"""Under a flow of several voxels, the label of a synthetic image is where the image shows the organ."""

import numpy as np
import pytest
import torch

from napari_medkd.engine.data.augmentation import NONE
from napari_medkd.engine.data.registered import Registered
from napari_medkd.engine.data.synthetic_pairs import SyntheticPairs
from tests.engine.data.two_cases import Push, bench_of

pytestmark = pytest.mark.engine

SHAPE = (16, 20, 24)
#: From the case's voxels to the reference's, (z, y, x): first the alignment, then the flow.
ALIGNED_BY, PUSHED_BY = (0, 1, -2), (3, -4, 2)


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    """A binary phantom and a case of noise, with a known alignment and a known flow between them."""
    organ = np.zeros(SHAPE, np.uint8)
    organ[5:11, 4:12, 9:17] = 1
    noise = np.random.default_rng(0).uniform(0, 100, SHAPE).astype(np.float32)
    size = (1.0, 1.0, 1.0)
    bench = bench_of(
        tmp_path_factory.mktemp("two"),
        (100 * organ.astype(np.float32), organ),
        (noise, organ),
        spacing=size,
        seen_at=size,
    )
    registered = Registered(bench.training_cases, bench.unlabelled_cases, bench.machine, None)
    alignment = np.column_stack([np.eye(3), ALIGNED_BY]).astype(np.float32)
    registered.alignment = lambda _case, _atlas: alignment
    return registered.flows_by(Push(*map(float, PUSHED_BY)))


def drawn(flows, generation, shape=SHAPE):
    return SyntheticPairs(flows, generation, NONE, shape, True).draw(1, torch.Generator().manual_seed(0))


def test_the_label_is_where_the_synthetic_image_shows_the_organ(flows):
    batch = drawn(flows, "warped reference")
    image, label = batch.image_BCZYX[0, 0], batch.label_BZYX[0]

    shows_organ = image > (image.min() + image.max()) / 2
    assert torch.equal(label == 1, shows_organ)


def test_the_organ_is_where_alignment_and_flow_lead_together(flows):
    label = drawn(flows, "warped reference").label_BZYX[0].numpy()
    organ = flows.registered.atlases[0].case.label_ZYX

    back = tuple(-(one + other) for one, other in zip(ALIGNED_BY, PUSHED_BY, strict=True))

    np.testing.assert_array_equal(np.argwhere(label == 1), np.argwhere(organ == 1) + back)


def test_the_intensities_of_another_case_come_from_where_it_shows_the_same_place(flows):
    # The only case gives both the shape and the intensities, so that the way there and back ends where it began.
    batch = drawn(flows, "independent transforms")

    torch.testing.assert_close(batch.image_BCZYX, batch.shown_or_image(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("amount", [1.0, 0.5, -0.5])
def test_part_of_a_flow_moves_by_as_much_and_its_opposite_leads_back(flows, amount):
    case, atlas = flows.registered.unlabelled[0], flows.registered.atlases[0]
    positions = atlas.grid_positions()

    there = flows.moved(positions, case, atlas, amount)
    back = flows.moved(there, case, atlas, -amount)

    torch.testing.assert_close(there - positions, (amount * torch.tensor(PUSHED_BY)).expand_as(positions))
    torch.testing.assert_close(back, positions, rtol=0, atol=1e-4)


@pytest.mark.parametrize("generation", ["warped reference", "mixed transforms", "composed transforms"])
def test_registration_expects_the_organ_where_it_leads_however_the_synthetic_image_is_made(flows, generation):
    expected = drawn(flows, generation).expected_BZYX

    assert torch.equal(expected, drawn(flows, "warped reference").label_BZYX)


def test_registration_expects_nothing_beyond_the_real_image_and_a_synthetic_image_is_labelled_everywhere(flows):
    z, y, x = SHAPE
    batch = drawn(flows, "warped reference", (z + 4, y, x))

    assert (batch.expected_BZYX[0, [0, 1, -2, -1]] == -1).all()
    assert (batch.expected_BZYX[0, 2:-2] >= 0).all()
    assert (batch.label_BZYX >= 0).all()
