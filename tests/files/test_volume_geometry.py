"""Where a voxel is: what SimpleITK wrote lies where it says, and what we write lies there for SimpleITK, too."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import labels_in, read_mask, read_volume, write_mask, write_volume
from tests.files.test_axes import ORIENTATIONS
from tests.files.test_nifti import STORED_AFFINES, STORED_TYPES, STRAIGHT_AND_OBLIQUE, affine_of

SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
EVERY_SUFFIX = pytest.mark.parametrize("suffix", SUFFIXES)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def image_at(array: np.ndarray, affine: np.ndarray, *, is_vector: bool = False) -> sitk.Image:
    """An image of SimpleITK's of an array (k, j, i) with an affine from (i, j, k) to (right, anterior, superior)."""
    image = sitk.GetImageFromArray(array, isVector=is_vector)
    lps = LPS @ affine
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetDirection((lps[:3, :3] / steps).ravel().tolist())
    image.SetSpacing(steps.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def places(image: sitk.Image) -> dict[float, tuple[float, ...]]:
    """Where SimpleITK sees each intensity, in (right, anterior, superior); each is there once."""
    found = {}
    for index in np.ndindex(image.GetSize()):
        left, posterior, superior = image.TransformIndexToPhysicalPoint(index)
        found[image.GetPixel(index)] = (-left, -posterior, superior)
    return found


def our_places(volume: Volume) -> dict[float, tuple[float, ...]]:
    where = volume.grid.to_world(np.argwhere(np.ones(volume.grid.shape)))
    return dict(zip(volume.data[0].ravel().tolist(), map(tuple, where), strict=True))


def assert_same_places(found: dict[float, tuple[float, ...]], expected: dict[float, tuple[float, ...]]) -> None:
    assert found.keys() == expected.keys()
    for value, place in expected.items():
        assert found[value] == pytest.approx(place, abs=1e-6)


ARRAY = np.random.default_rng(0).permutation(24).astype(np.int16).reshape(4, 3, 2)


@STRAIGHT_AND_OBLIQUE
@EVERY_SUFFIX
@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_every_voxel_of_every_orientation_lies_where_simpleitk_says(tmp_path, letters, suffix, tilt):
    image = image_at(ARRAY, affine_of(letters, (0.7, 1.0, 2.5), tilt, (-120.5, 33.25, 800)))
    sitk.WriteImage(image, str(tmp_path / f"a{suffix}"))

    volume = read_volume(tmp_path / f"a{suffix}")
    write_volume(tmp_path / f"b{suffix}", volume)

    assert_same_places(our_places(volume), places(image))
    written = sitk.ReadImage(str(tmp_path / f"b{suffix}"))
    assert_same_places(places(written), places(image))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(written), ARRAY)


@settings(deadline=None, max_examples=40)
@given(
    STORED_AFFINES,
    st.sampled_from(STORED_TYPES),
    st.tuples(*[st.integers(1, 5)] * 3, st.integers(1, 3)),
    st.sampled_from(SUFFIXES),
    st.integers(0, 2**32 - 1),
)
def test_loading_saving_and_loading_again_changes_nothing(tmp_path_factory, affine, kind, shape, suffix, seed):
    folder = tmp_path_factory.mktemp("same")
    array = np.random.default_rng(seed).integers(0, 100, shape).astype(kind)
    theirs = image_at(array, affine, is_vector=True)
    sitk.WriteImage(theirs, str(folder / f"a{suffix}"), useCompression=bool(seed % 2))

    first = read_volume(folder / f"a{suffix}")
    write_volume(folder / f"b{suffix}", first)
    again, seen = read_volume(folder / f"b{suffix}"), sitk.ReadImage(str(folder / f"b{suffix}"))

    np.testing.assert_array_equal(again.data, first.data)
    assert (first.data.dtype, again.data.dtype, len(first.data)) == (kind, kind, shape[3])
    np.testing.assert_allclose(again.grid.affine, first.grid.affine, rtol=1e-12, atol=1e-9)
    assert again.grid.axes_in_file == first.grid.axes_in_file
    np.testing.assert_array_equal(sitk.GetArrayFromImage(seen).reshape(shape), array)
    np.testing.assert_allclose(seen.GetOrigin(), theirs.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(seen.GetSpacing(), theirs.GetSpacing(), rtol=1e-12)
    np.testing.assert_allclose(seen.GetDirection(), theirs.GetDirection(), atol=1e-12)


@EVERY_SUFFIX
@pytest.mark.parametrize("letters", ["RAS", "LPS", "SAL"])
def test_a_mask_of_ours_lies_on_its_image_for_simpleitk(tmp_path, suffix, letters):
    image = image_at(ARRAY, affine_of(letters, (0.7, 1.0, 2.5), (0.3, -0.2, 0.35), (-120.5, 33.25, 800)))
    sitk.WriteImage(image, str(tmp_path / f"image{suffix}"))
    grid = read_volume(tmp_path / f"image{suffix}").grid
    task = Task("organs", "segmentation", ("background", "liver"))

    write_mask(tmp_path / f"mask{suffix}", Mask(np.ones(grid.shape, np.uint8), grid, task))

    mask = sitk.ReadImage(str(tmp_path / f"mask{suffix}"))
    assert mask.GetSize() == image.GetSize()
    np.testing.assert_allclose(mask.GetOrigin(), image.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(mask.GetDirection(), image.GetDirection(), atol=1e-12)
    assert read_mask(tmp_path / f"mask{suffix}", task, grid=grid).labels.all()


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".nii", ".nii.gz"])
@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (0, 1, -1, 0), (0.6, -0.8, 0.8, 0.6), (-1, 0, 0, 1)])
def test_a_plane_lies_where_simpleitk_says(tmp_path, suffix, matrix):
    image = sitk.GetImageFromArray(ARRAY[0])
    image.SetDirection(matrix)
    image.SetSpacing((0.5, 2.0))
    image.SetOrigin((10.0, -20.0))
    sitk.WriteImage(image, str(tmp_path / f"a{suffix}"))

    volume = read_volume(tmp_path / f"a{suffix}")

    found = our_places(volume)
    assert volume.grid.is_flat
    for index in np.ndindex(image.GetSize()):
        left, posterior = image.TransformIndexToPhysicalPoint(index)
        assert found[image.GetPixel(index)] == pytest.approx((-left, -posterior, 0), abs=1e-6)


@EVERY_SUFFIX
def test_shear_is_kept_for_us_and_for_simpleitk(tmp_path, suffix):
    affine = np.array([[0, -0.4, -1, 5], [-0.1, -1, 0, 6], [-2, 0, 0, 7], [0, 0, 0, 1.0]])
    volume = Volume(np.arange(24, dtype=np.int16).reshape(1, 2, 3, 4), Grid((2, 3, 4), affine))

    write_volume(tmp_path / f"a{suffix}", volume)

    np.testing.assert_allclose(read_volume(tmp_path / f"a{suffix}").grid.affine, volume.grid.affine, atol=1e-12)
    assert_same_places(our_places(volume), places(sitk.ReadImage(str(tmp_path / f"a{suffix}"))))


def test_shear_is_kept_in_nifti_though_simpleitk_refuses_it(tmp_path):
    affine = np.array([[0, -0.4, -1, 5], [-0.1, -1, 0, 6], [-2, 0, 0, 7], [0, 0, 0, 1.0]])
    volume = Volume(np.zeros((1, 2, 3, 4), np.int16), Grid((2, 3, 4), affine))

    write_volume(tmp_path / "a.nii", volume)

    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").grid.affine, affine, atol=1e-6)
    with pytest.raises(RuntimeError, match=r"orthonormal|qfac|direction"):
        sitk.ReadImage(str(tmp_path / "a.nii"))


# ---------------------------------------------------------------- what headers may say


def headed(path: Path, header: str) -> Path:
    path.write_bytes(header.encode() + np.arange(24, dtype=np.uint8).tobytes())
    return path


@pytest.mark.parametrize(
    "space", ["space: RAS", "space: LAS", "space: left-posterior-superior", "space dimension: 3", "space: scanner-xyz"]
)
@pytest.mark.parametrize("origin", ["", "space origin: (10,20,30)\n"])
def test_every_space_of_nrrd_is_read_as_simpleitk_reads_it(tmp_path, space, origin):
    directions = "space directions: (0.5,0,0) (0,0,-3) (0,2,0.25)\n"
    header = f"NRRD0005\ntype: uchar\ndimension: 3\nsizes: 2 3 4\nencoding: raw\n{space}\n{directions}{origin}\n"

    path = headed(tmp_path / "a.nrrd", header)

    assert_same_places(our_places(read_volume(path)), places(sitk.ReadImage(str(path))))


@pytest.mark.parametrize(
    "fields", ["", "spacings: 1 -2 3\n", "spacings: 0.5 2 3\nkinds: domain domain domain\n", "# remark\nkey:=value\n"]
)
def test_nrrd_without_directions_is_read_as_simpleitk_reads_it(tmp_path, fields):
    path = headed(tmp_path / "a.nrrd", f"NRRD0001\ntype: uchar\ndimension: 3\nsizes: 2 3 4\nencoding: raw\n{fields}\n")

    assert_same_places(our_places(read_volume(path)), places(sitk.ReadImage(str(path))))


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "ElementSize = 1 2 3\n",
        "ElementSpacing = 1 -2 3\nElementSize = 4 5 6\n",
        "ElementSpacing = 1 2 3\nPosition = 7 8 9\nOrientation = 0 1 0 -1 0 0 0 0 1\n",
        "ElementSpacing = 1 2 3\nOrigin = 7 8 9\nRotation = 0 0 1 1 0 0 0 1 0\nCenterOfRotation = 4 5 6\n",
        "AnatomicalOrientation = LPS\nComment = a = b\n",
    ],
)
def test_every_word_of_metaimage_for_a_place_is_read_as_simpleitk_reads_it(tmp_path, fields):
    header = "ObjectType = Image\nNDims = 3\nDimSize = 2 3 4\nElementType = MET_UCHAR\n"
    path = headed(tmp_path / "a.mha", f"{header}{fields}ElementDataFile = LOCAL\n")

    assert_same_places(our_places(read_volume(path)), places(sitk.ReadImage(str(path))))


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("um", 1e-3), ("cm", 10), ("furlong", 1)])
def test_lengths_in_nrrd_become_millimetres(tmp_path, unit, factor):
    header = "NRRD0005\ntype: uchar\ndimension: 3\nsizes: 2 3 4\nencoding: raw\nspace: LPS\n"
    where = "space directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (5,6,7)\n"

    path = headed(tmp_path / "a.nrrd", f'{header}{where}space units: "{unit}" "{unit}" "{unit}"\n\n')

    grid = read_volume(path).grid
    assert (grid.unit, grid.spacing) == ("mm", pytest.approx((3 * factor, 2 * factor, factor)))
    assert grid.to_world([[3, 0, 0]])[0] == pytest.approx((-5 * factor, -6 * factor, 7 * factor))


@EVERY_SUFFIX
def test_an_image_in_pixels_stays_one(tmp_path, suffix):
    write_volume(tmp_path / f"a{suffix}", Volume(np.zeros((1, 2, 3, 4)), Grid.upright((2, 3, 4), unit="pixel")))

    assert read_volume(tmp_path / f"a{suffix}").grid.unit == "pixel"


# ---------------------------------------------------------------- channels and time


@EVERY_SUFFIX
@pytest.mark.parametrize("count", [2, 3, 12])
def test_the_numbers_of_a_voxel_are_channels(tmp_path, suffix, count):
    array = np.arange(24 * count, dtype=np.int16).reshape(4, 3, 2, count)
    sitk.WriteImage(image_at(array, np.diag([-1.0, -1, -1, 1]), is_vector=True), str(tmp_path / f"a{suffix}"))

    volume = read_volume(tmp_path / f"a{suffix}")
    write_volume(tmp_path / f"b{suffix}", volume)

    np.testing.assert_array_equal(volume.data, array.transpose(3, 0, 1, 2))
    seen = sitk.ReadImage(str(tmp_path / f"b{suffix}"))
    assert seen.GetNumberOfComponentsPerPixel() == count
    np.testing.assert_array_equal(sitk.GetArrayFromImage(seen).ravel(), array.ravel())


def four_dimensional(path: Path, count: int) -> np.ndarray:
    array = np.arange(24 * count, dtype=np.int16).reshape(count, 4, 3, 2)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=False), str(path))
    return array


@EVERY_SUFFIX
def test_a_few_volumes_are_channels_and_many_are_asked_about(tmp_path, suffix):
    few, many = (four_dimensional(tmp_path / f"{count}{suffix}", count) for count in (3, 20))

    np.testing.assert_array_equal(read_volume(tmp_path / f"3{suffix}").data, few[:, ::-1])
    named = read_volume(tmp_path / f"20{suffix}", channels=[f"b{n}" for n in range(20)])
    np.testing.assert_array_equal(named.data, many[:, ::-1])
    with pytest.raises(VolumeProblem, match=r"20 volumes of 2 x 3 x 4.*does not say.*name each"):
        read_volume(tmp_path / f"20{suffix}")


def listed(path: Path, kind: str) -> Path:
    header = "NRRD0005\ntype: uchar\ndimension: 4\nsizes: 2 2 2 3\nencoding: raw\nspace: LPS\n"
    directions = "space directions: (1,0,0) (0,1,0) (0,0,1) none\n"
    return headed(path, f"{header}{directions}kinds: domain domain domain {kind}\n\n")


def in_space_and_time(path: Path) -> Path:
    header = "NRRD0005\ntype: uchar\ndimension: 4\nsizes: 2 2 3 2\nencoding: raw\nspace: right-anterior-superior-time\n"
    where = "space directions: (1,0,0,0) (0,2,0,0) (0,0,3,0) (0,0,0,0.5)\nspace origin: (5,6,7,0)\n"
    return headed(path, f"{header}{where}\n")


def test_an_image_in_space_and_time_lies_in_space(tmp_path):
    grid = read_volume(in_space_and_time(tmp_path / "a.nrrd"), channels=["early", "late"]).grid

    assert grid.spacing == (3, 2, 1)
    assert grid.to_world([[2, 1, 1]])[0].tolist() == [5, 6, 7]


def test_the_kinds_of_nrrd_tell_time_from_channels(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.nrrd.*time series: 3 volumes"):
        read_volume(listed(tmp_path / "a.nrrd", "time"))
    with pytest.raises(VolumeProblem, match=r"d\.nrrd.*time series: 2 volumes"):
        read_volume(in_space_and_time(tmp_path / "d.nrrd"))

    assert read_volume(listed(tmp_path / "b.nrrd", "list")).channels == ("channel 1", "channel 2", "channel 3")
    assert read_volume(listed(tmp_path / "c.nrrd", "RGB-color")).channels == ("red", "green", "blue")


# ---------------------------------------------------------------- real images


@EVERY_SUFFIX
@pytest.mark.parametrize(
    "name", ["brain_vxm_scan/t1.nii.gz", "totalseg_samples/ct.nii.gz", "totalseg_samples/mr.nii.gz"]
)
def test_a_real_volume_keeps_its_place_in_another_format(real_data, tmp_path, name, suffix):
    volume = read_volume(real_data / name)

    write_volume(tmp_path / f"a{suffix}", volume)

    again = read_volume(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(again.data, volume.data)
    np.testing.assert_allclose(again.grid.corners_in_world(), volume.grid.corners_in_world(), atol=1e-6)
    theirs, ours = sitk.ReadImage(str(real_data / name)), sitk.ReadImage(str(tmp_path / f"a{suffix}"))
    assert ours.GetSize() == theirs.GetSize()
    np.testing.assert_allclose(ours.GetOrigin(), theirs.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(ours.GetDirection(), theirs.GetDirection(), atol=1e-5)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(ours), sitk.GetArrayViewFromImage(theirs))


def test_a_real_mask_keeps_its_labels_in_another_format(real_data, tmp_path):
    path = real_data / "totalseg_samples/ct_labels.nii.gz"
    task = Task("all", "segmentation", tuple(str(n) for n in range(1 + max(labels_in(path)))))
    mask = read_mask(path, task)

    write_mask(tmp_path / "a.nrrd", mask)

    np.testing.assert_array_equal(read_mask(tmp_path / "a.nrrd", task, grid=mask.grid).labels, mask.labels)


@EVERY_SUFFIX
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm"])
def test_a_slice_of_dicom_keeps_its_place_in_another_format(tmp_path, name, suffix):
    path = get_testdata_file(name, download=False)

    write_volume(tmp_path / f"a{suffix}", read_volume(Path(path)))

    theirs, ours = sitk.ReadImage(path), sitk.ReadImage(str(tmp_path / f"a{suffix}"))
    np.testing.assert_allclose(ours.GetOrigin(), theirs.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(ours.GetDirection(), theirs.GetDirection(), atol=1e-6)
    np.testing.assert_allclose(ours.GetSpacing()[:2], theirs.GetSpacing()[:2], atol=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
