"""Files too large to be copied or read as a whole before anything is shown."""

import gzip
import tracemalloc
from contextlib import contextmanager

import nibabel
import numpy as np
import pytest

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.memory import LARGE_BYTES
from napari_medkd.files.opening import read_mask, read_volume
from napari_medkd.files.problems import problems_of_dataset

SIDE = 330  # 330 x 330 x 330 of int16 are a little more than LARGE_BYTES
LUNG = Task("lung", "segmentation", ("background", "lung"))


def saved(path, kind=np.int16, stranger=None):
    """Write an image that is empty but for two voxels, (i, j, k) growing towards left, anterior, superior."""
    data = np.zeros((SIDE, SIDE, SIDE), kind)
    data[1, 2, 3] = 1
    if stranger is not None:
        data[4, 5, 6] = stranger
    nibabel.save(nibabel.Nifti1Image(data, np.diag([-1.0, 2.0, 3.0, 1.0])), path)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("large") / "plain.nii")


def test_a_large_plain_file_stays_on_the_disk_in_canonical_order(plain):
    volume = read_volume(plain)

    assert volume.is_on_disk
    assert volume.data.nbytes > LARGE_BYTES
    assert volume.grid.axes_in_file == "LAS"
    assert volume.data[0, SIDE - 4, SIDE - 3, 1] == 1
    np.testing.assert_allclose(volume.grid.to_world([[SIDE - 4, SIDE - 3, 1]]), [[-1.0, 4.0, 9.0]])


@contextmanager
def taking_little_memory():
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LARGE_BYTES / 2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("slope", "intercept", "kind"), [(1, -1024, np.int32), (2, 0, np.int32), (0.5, 3, np.float32)])
def test_a_large_plain_file_is_scaled_where_it_is_looked_at(plain, tmp_path, slope, intercept, kind):
    content = bytearray(plain.read_bytes())
    content[112:120] = np.array([slope, intercept], np.float32).tobytes()
    (tmp_path / "scaled.nii").write_bytes(content)

    with taking_little_memory():
        volume = read_volume(tmp_path / "scaled.nii")
        corner = np.asarray(volume.data[0, SIDE - 5 :, SIDE - 4 :, :3])

    expected = np.full((5, 4, 3), intercept, kind)
    expected[1, 1, 1] += slope
    assert volume.is_on_disk
    assert corner.dtype == volume.data.dtype == kind
    np.testing.assert_array_equal(corner, expected)


def test_a_large_packed_file_is_the_same_image_in_memory(plain, tmp_path):
    packed = tmp_path / "packed.nii.gz"
    nibabel.save(nibabel.load(plain), packed)

    volume = read_volume(packed)

    assert not volume.is_on_disk
    assert volume.data[0, SIDE - 4, SIDE - 3, 1] == 1
    assert np.count_nonzero(volume.data) == 1


def test_a_large_mask_can_be_painted_on(plain):
    mask = read_mask(plain, LUNG)

    mask.labels[0, 0, 0] = 1

    assert np.count_nonzero(mask.labels) == 2


def test_numbers_that_are_none_are_found_by_the_check_though_opening_does_not_look(tmp_path):
    path = saved(tmp_path / "nan.nii", np.float32, np.nan)
    dataset = Dataset("one", ("image",), Modality.MR, {}, (Case("a", (path,), "a"),))

    found = problems_of_dataset(dataset, read_images=True)

    assert read_volume(path).is_on_disk
    assert ["1 of 35937000 intensities are NaN" in str(problem) for problem in found] == [True]


def test_a_file_packed_in_several_pieces_is_read_whole(tmp_path):
    path = tmp_path / "pieces.nii.gz"
    nibabel.save(
        nibabel.Nifti1Image(np.arange(1000, dtype=np.int16).reshape(10, 10, 10), np.eye(4)), tmp_path / "a.nii"
    )
    content = (tmp_path / "a.nii").read_bytes()
    path.write_bytes(gzip.compress(content[:700]) + gzip.compress(content[700:]) + b"\0" * 20)

    assert sorted(read_volume(path).data.ravel().tolist()) == list(range(1000))


def test_channels_of_large_files_stay_on_the_disk_together(plain):
    with taking_little_memory():
        volume = read_volume([plain, plain], channels=("T1", "T2"))

    assert volume.is_on_disk
    assert volume.data.shape == (2, SIDE, SIDE, SIDE)
    assert np.asarray(volume.data[:, SIDE - 4, SIDE - 3, 1]).tolist() == [1, 1]
