"""A reference moved onto a case: on the case's own grid, by as many millimetres as the flow says."""

import numpy as np
import pytest

from napari_medkd.core.measures import dice
from napari_medkd.engine.data import transfer
from napari_medkd.engine.data.registered import Registered
from napari_medkd.engine.data.transfer import transfers
from napari_medkd.files.opening import read_volume
from tests.engine.data.two_cases import Push, bench_of

pytestmark = pytest.mark.engine

SHAPE = (14, 24, 20)


def anatomy(shape, at):
    """Return intensities of 400 to 1100 with an ellipsoid, and its label."""
    index = np.indices(shape)
    radius = [max(size / 5, 0.6) for size in shape]
    away = sum(((axis - centre) / one) ** 2 for axis, centre, one in zip(index, at, radius, strict=True))
    gradient = 100 * index[1] / shape[1] + 200 * index[2] / shape[2]
    return (400 + gradient + 400 * np.exp(-away)).astype(np.float32), (away <= 1).astype(np.uint8)


def shown(bench, network, *, aligned=True):
    """Return the reference on the case; where it is not aligned, one lies on the other voxel by voxel."""
    references, cases = bench.training_cases, bench.unlabelled_cases
    registered = Registered(references, cases, bench.machine, None)
    if not aligned:
        dimensions = bench.preprocessing.dimensions
        same = np.eye(dimensions, dimensions + 1, dtype=np.float32)
        registered.alignment = lambda _case, _atlas: same
    (picture,) = transfers(registered, references, network)(cases[0])
    return picture


@pytest.mark.parametrize("at_once", [2**20, 3 * 24 * 20])
def test_a_flow_moves_the_reference_by_its_millimetres_on_grids_of_other_voxels(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(transfer, "_VOXELS_AT_ONCE", at_once)
    image, label = anatomy(SHAPE, (7, 12, 10))
    bench = bench_of(tmp_path, (image, label), (image, label))

    # Networks see voxels of 1.5 x 1 x 1 mm: 3 mm further down, 2 mm forward, 3 mm to the right.
    picture = shown(bench, Push(2.0, -2.0, -3.0), aligned=False)

    # In the files' voxels of 3 x 1 x 1.5 mm: 1, -2 and -2.
    expected = np.roll(image, (-1, 2, 2), (0, 1, 2))
    inside = (slice(1, -2), slice(3, -1), slice(3, -1))
    np.testing.assert_allclose(picture.volume.data[0][inside], expected[inside], atol=0.01)
    np.testing.assert_array_equal(picture.mask.labels[inside], np.roll(label, (-1, 2, 2), (0, 1, 2))[inside])
    assert (picture.name, picture.of) == ("warped reference", "reference")


def test_the_warped_reference_lies_on_the_cases_own_grid(tmp_path):
    reference = anatomy(SHAPE, (7, 12, 10))
    bench = bench_of(tmp_path, reference, reference)

    picture = shown(bench, Push(0.0, 0.0, 0.0), aligned=False)

    grid = read_volume(tmp_path / "case.nii.gz").grid
    for found in (picture.volume.grid, picture.mask.grid):
        assert found.shape == SHAPE
        assert found.axes_in_file == "LPS"
        np.testing.assert_allclose(found.affine, grid.affine)
    np.testing.assert_allclose(picture.volume.data[0], reference[0], atol=0.01)


def test_whole_intensities_stay_whole(tmp_path):
    image, label = anatomy(SHAPE, (7, 12, 10))
    bench = bench_of(tmp_path, (image.astype(np.uint16), label), (image, label))

    picture = shown(bench, Push(0.3, 0.0, 0.0), aligned=False)

    assert picture.volume.data.dtype == np.uint16
    assert abs(picture.volume.data[0][1:-1].astype(float) - image[1:-1]).max() < 60


def test_beyond_the_reference_there_is_nothing(tmp_path):
    image, label = anatomy(SHAPE, (7, 12, 10))
    bench = bench_of(tmp_path, (image, np.ones_like(label)), (image, label))

    picture = shown(bench, Push(0.0, 0.0, -3.0), aligned=False)

    assert (picture.volume.data[0][..., :2] == image.min()).all()
    assert (picture.mask.labels[..., :2] == 0).all()
    assert (picture.mask.labels[..., 2:] == 1).all()


@pytest.mark.parametrize("shape", [SHAPE, (1, 48, 40)], ids=["volumes", "planes"])
def test_a_case_that_is_the_reference_moved_gets_the_label_where_it_belongs(tmp_path, shape):
    middle = np.array(shape) // 2
    reference, case = anatomy(shape, middle), anatomy(shape, middle + (np.array(shape) > 1) * [1, -3, 2])
    bench = bench_of(tmp_path, reference, case)

    picture = shown(bench, Push(*[0.0] * bench.preprocessing.dimensions))

    before, after = (dice(label, case[1], 2)[1] for label in (reference[1], picture.mask.labels))
    assert after > max(0.9, before)
