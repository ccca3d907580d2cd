import time
from functools import cache

import numpy as np
import pytest
from scipy.ndimage import center_of_mass
from scipy.ndimage import label as connected

from napari_medkd.core.errors import InputProblem, VolumeProblem
from napari_medkd.core.measures import dice
from napari_medkd.files.phantom import CLASSES, DOMAINS, make_phantom
from napari_medkd.files.phantom_anatomy import draw_anatomy
from napari_medkd.files.phantom_patient import EXTENT_MM

SMALL = (32, 32, 32)

# Fewer or more than a person can have and still be scanned.
PLAUSIBLE_ML = {
    "liver": (700, 2200),
    "spleen": (25, 400),
    "kidneys": (150, 700),
    "spine": (200, 600),
    "aorta": (30, 150),
}


@cache
def full_size(seed, domain="ct-like"):
    """Return a case at the usual size; made once for all tests that only look at it."""
    return make_phantom(seed, domain)


def middle(labels, name):
    return center_of_mass(labels == CLASSES.index(name))


def mean_of(phantom, name):
    return phantom.image[phantom.labels == CLASSES.index(name)].mean()


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_seed_and_a_domain_always_give_the_same_case(domain):
    first, second = make_phantom(7, domain, SMALL), make_phantom(7, domain, SMALL)

    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.corners_N6, second.corners_N6)


def test_another_seed_is_another_patient():
    one, other = make_phantom(0, "ct-like", SMALL), make_phantom(2, "ct-like", SMALL)

    scores = dice(one.labels, other.labels, len(CLASSES))

    assert scores[CLASSES.index("liver")] > 0.4
    assert scores[1:].max() < 0.95


def test_one_seed_is_one_patient_in_every_domain():
    scans = [make_phantom(3, domain, SMALL) for domain in DOMAINS]

    for scan in scans[1:]:
        np.testing.assert_array_equal(scan.labels, scans[0].labels)
        np.testing.assert_array_equal(scan.corners_N6, scans[0].corners_N6)
        assert abs(np.corrcoef(scan.image.ravel(), scans[0].image.ravel())[0, 1]) < 0.95


@pytest.mark.parametrize("shape", [(64, 64, 64), (20, 48, 32)])
def test_the_scanned_box_stays_the_same_whatever_the_shape(shape):
    phantom = make_phantom(1, "t1-like", shape)

    assert phantom.image.shape == phantom.labels.shape == shape
    assert (phantom.image.dtype, phantom.labels.dtype) == (np.float32, np.uint8)
    np.testing.assert_allclose(np.multiply(phantom.spacing_mm, shape), EXTENT_MM)
    assert np.isfinite(phantom.image).all()


def test_a_finer_grid_shows_the_same_patient():
    fine, coarse = full_size(4), make_phantom(4, "ct-like", SMALL)

    scores = dice(np.repeat(np.repeat(np.repeat(coarse.labels, 2, 0), 2, 1), 2, 2), fine.labels, len(CLASSES))

    assert scores[CLASSES.index("liver")] > 0.85
    assert scores.min() > 0.5


@pytest.mark.parametrize("seed", range(5))
def test_every_organ_has_a_plausible_volume(seed):
    phantom = full_size(seed)

    millilitres = np.bincount(phantom.labels.ravel(), minlength=len(CLASSES)) * np.prod(phantom.spacing_mm) / 1000

    for name, (least, most) in PLAUSIBLE_ML.items():
        assert least < millilitres[CLASSES.index(name)] < most, name


@pytest.mark.parametrize("seed", range(5))
def test_axes_run_to_the_feet_to_the_back_and_to_the_left(seed):
    labels = full_size(seed).labels
    spine, liver, spleen = (middle(labels, name) for name in ("spine", "liver", "spleen"))
    aorta, kidneys = middle(labels, "aorta"), middle(labels, "kidneys")

    assert liver[2] < spine[2] < spleen[2]
    assert liver[1] < aorta[1] < spine[1]
    assert liver[0] < kidneys[0]
    assert aorta[2] > spine[2]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["liver", "spleen"])
def test_an_organ_is_in_one_piece(seed, name):
    components, _ = connected(full_size(seed).labels == CLASSES.index(name), np.ones((3, 3, 3)))
    sizes = np.bincount(components.ravel())[1:]

    # Another organ painted over a thin place may cut a few voxels off.
    assert sizes.max() > 0.97 * sizes.sum()


@pytest.mark.parametrize("seed", range(5))
def test_there_is_one_kidney_on_each_side_of_the_spine(seed):
    labels = full_size(seed).labels
    components, count = connected(labels == CLASSES.index("kidneys"))
    sizes = np.bincount(components.ravel())[1:]
    largest = np.argsort(sizes)[-2:] + 1

    sides = [center_of_mass(components == index)[2] - middle(labels, "spine")[2] for index in largest]

    assert count >= 2
    assert sizes[largest - 1].min() > 0.25 * sizes[largest - 1].max()
    assert min(sides) < -5 < 5 < max(sides)


@pytest.mark.parametrize("domain", DOMAINS)
def test_odd_seeds_have_lesions_and_even_ones_none(domain):
    for seed in range(6):
        phantom = make_phantom(seed, domain, SMALL)

        assert phantom.has_lesion == (seed % 2 == 1)
        assert phantom.has_lesion == (len(phantom.corners_N6) > 0)
        assert phantom.corners_N6.shape[1:] == (6,)


@pytest.mark.parametrize("seed", [1, 3])
def test_boxes_are_the_tight_voxel_edges_of_lesions_in_the_liver(seed):
    phantom = full_size(seed)
    _, lesions = draw_anatomy(seed, phantom.image.shape, num_lesions=len(phantom.corners_N6))

    assert len(lesions) == len(phantom.corners_N6)
    for lesion, corners in zip(lesions, phantom.corners_N6, strict=True):
        inside = np.argwhere(lesion.share >= 0.5)
        np.testing.assert_array_equal(corners[:3], inside.min(axis=0))
        np.testing.assert_array_equal(corners[3:], inside.max(axis=0) + 1)
        assert (phantom.labels[tuple(inside.T)] == CLASSES.index("liver")).all()


@pytest.mark.parametrize(("domain", "sign"), [("t1-like", -1), ("t2-like", 1), ("ct-like", -1)])
def test_lesions_stand_out_from_the_liver_but_not_by_much(domain, sign):
    phantom = full_size(5, domain)
    _, lesions = draw_anatomy(5, phantom.image.shape, num_lesions=len(phantom.corners_N6))
    untouched = (phantom.labels == CLASSES.index("liver")) & ~np.any([lesion.share > 0 for lesion in lesions], axis=0)
    liver = phantom.image[untouched]

    contrasts = [(phantom.image[lesion.share > 0.9].mean() - liver.mean()) / liver.std() for lesion in lesions]

    assert 0.8 < np.median(contrasts) * sign < 4


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ct_is_in_hounsfield_units(seed):
    phantom = full_size(seed)

    assert np.median(phantom.image[:, :2]) == pytest.approx(-1000, abs=25)
    assert 30 < mean_of(phantom, "liver") < 80
    assert 20 < mean_of(phantom, "spleen") < 80
    assert 100 < mean_of(phantom, "spine") < 400
    assert phantom.image[phantom.labels == CLASSES.index("spine")].max() > 300
    assert phantom.image.min() >= -1024


def test_t2_turns_the_contrast_of_t1_round():
    one, other = full_size(1, "t1-like"), full_size(1, "t2-like")

    assert mean_of(one, "liver") > mean_of(one, "kidneys")
    assert mean_of(other, "liver") < mean_of(other, "kidneys")
    assert min(one.image.min(), other.image.min()) >= 0


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_threshold_tells_the_soft_organs_apart(domain):
    phantom = full_size(1, domain)
    liver, spleen = (phantom.image[phantom.labels == CLASSES.index(name)] for name in ("liver", "spleen"))
    background = phantom.image[phantom.labels == 0]
    least, most = np.percentile(liver, [5, 95])

    # Whatever window holds the liver holds more of what is no liver.
    assert ((background > least) & (background < most)).sum() > 0.5 * len(liver)
    assert abs(liver.mean() - spleen.mean()) < 6 * liver.std()


def test_organ_edges_share_their_voxels():
    parts, _ = draw_anatomy(0, SMALL, num_lesions=0)

    liver = next(part for part in parts if part.tissue == "liver")

    assert ((liver.share > 0.1) & (liver.share < 0.9)).sum() > 0.1 * (liver.share >= 0.9).sum()


def test_a_phantom_is_made_in_under_a_second(record_property):
    seconds = []
    for seed in range(2):
        began = time.process_time()
        make_phantom(seed, "t2-like")
        seconds.append(time.process_time() - began)

    record_property("seconds", min(seconds))
    assert min(seconds) < 1.0


def test_an_unknown_domain_is_refused_with_the_nearest_name():
    with pytest.raises(InputProblem, match="Did you mean 't1-like'"):
        make_phantom(0, "t1_like", SMALL)


def test_a_negative_seed_is_refused():
    with pytest.raises(InputProblem, match="seed: It is -1; expected 0 or more"):
        make_phantom(-1, "t1-like", SMALL)


def test_a_shape_too_small_for_the_anatomy_is_refused():
    with pytest.raises(VolumeProblem, match="at least 8"):
        make_phantom(0, "t1-like", (7, 64, 64))
