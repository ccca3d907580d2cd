import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import doubts_about, read_mask, read_volume, write_mask, write_volume
from tests.files.test_axes import ORIENTATIONS, direction

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"))
STORED_TYPES = tuple(np.dtype(code) for code in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"))


def save(path: Path, array: np.ndarray, affine: np.ndarray, **header: object) -> Path:
    """Write a NIfTI file with nibabel alone, some header fields set afterwards."""
    image = nibabel.Nifti1Image(array, affine, dtype=array.dtype)
    image.header.set_xyzt_units("mm", "sec")
    for name, value in header.items():
        image.header[name] = value
    path.write_bytes(image.to_bytes())
    return path


def affine_of(letters: str, sizes: tuple[float, ...], tilt: tuple[float, ...], place: tuple[float, ...]) -> np.ndarray:
    """An affine as a file can hold it, in 32 bits."""
    affine = np.eye(4)
    straight = np.array([direction(letter) for letter in letters]).T * sizes
    affine[:3, :3] = Rotation.from_rotvec(tilt).as_matrix() @ straight
    affine[:3, 3] = place
    return affine.astype(np.float32).astype(np.float64)


STORED_AFFINES = st.builds(
    affine_of,
    st.sampled_from(ORIENTATIONS),
    st.tuples(*[st.sampled_from([0.4, 0.7, 1.0, 2.5, 5.0])] * 3),
    st.tuples(*[st.floats(-0.4, 0.4)] * 3),
    st.tuples(*[st.integers(-300_000, 300_000).map(lambda micron: micron / 1000)] * 3),
)
STRAIGHT_AND_OBLIQUE = pytest.mark.parametrize("tilt", [(0, 0, 0), (0.3, -0.2, 0.35)], ids=["straight", "oblique"])


# ---------------------------------------------------------------- load, save, load


def refuse_a_change(folder: Path, array: np.ndarray, affine: np.ndarray) -> None:
    """Load, save and load; fail where nibabel or we find anything changed."""
    first = read_volume(save(folder / "a.nii", array, affine))
    write_volume(folder / "b.nii", first)
    second, stored = read_volume(folder / "b.nii"), nibabel.load(folder / "b.nii")

    np.testing.assert_array_equal(second.data, first.data)
    assert (second.data.dtype, first.data.dtype) == (array.dtype, array.dtype)
    np.testing.assert_array_equal(second.grid.affine, first.grid.affine)
    assert second.grid.axes_in_file == first.grid.axes_in_file
    np.testing.assert_array_equal(np.asanyarray(stored.dataobj), array)
    np.testing.assert_array_equal(stored.affine, affine)


@STRAIGHT_AND_OBLIQUE
@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_every_orientation_survives_loading_and_saving(tmp_path, letters, tilt):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)

    refuse_a_change(tmp_path, array, affine_of(letters, (0.7, 1.0, 2.5), tilt, (-120.5, 33.25, 800)))


@settings(deadline=None, max_examples=30)
@given(STORED_AFFINES, st.sampled_from(STORED_TYPES), st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 2**32 - 1))
def test_loading_saving_and_loading_again_changes_nothing(tmp_path_factory, affine, kind, shape, seed):
    array = np.random.default_rng(seed).integers(0, 100, shape).astype(kind)

    refuse_a_change(tmp_path_factory.mktemp("identity"), array, affine)


@settings(deadline=None, max_examples=15)
@given(STORED_AFFINES, st.integers(0, 2**32 - 1))
def test_every_voxel_keeps_its_place_in_the_world(tmp_path_factory, affine, seed):
    array = np.random.default_rng(seed).permutation(60).reshape(3, 4, 5).astype(np.int16)
    volume = read_volume(save(tmp_path_factory.mktemp("world") / "a.nii", array, affine))

    in_file = np.argwhere(array >= 0)
    in_file = in_file[np.argsort(array[tuple(in_file.T)])]
    ours = np.argwhere(volume.data[0] >= 0)
    ours = ours[np.argsort(volume.data[0][tuple(ours.T)])]

    np.testing.assert_allclose(volume.grid.to_world(ours), nibabel.affines.apply_affine(affine, in_file), atol=1e-9)


@settings(deadline=None, max_examples=15)
@given(STORED_AFFINES)
def test_indices_grow_towards_inferior_posterior_and_left(tmp_path_factory, affine):
    volume = read_volume(save(tmp_path_factory.mktemp("ipl") / "a.nii", np.zeros((2, 3, 4), np.uint8), affine))

    step = volume.grid.affine[:3, :3]

    assert (step[2, 0] < 0, step[1, 1] < 0, step[0, 2] < 0) == (True, True, True)


def refuse_another_place(folder: Path, affine: np.ndarray, seed: int) -> None:
    """Save a mask on an image; fail where nibabel or SimpleITK see it elsewhere, or with other bytes."""
    random = np.random.default_rng(seed)
    image = save(folder / "image.nii", random.integers(-9, 9, (3, 4, 5)).astype(np.int16), affine)
    in_file = random.integers(0, 3, (3, 4, 5)).astype(np.uint8)
    mask = read_mask(save(folder / "given.nii", in_file, affine), ORGANS, grid=read_volume(image).grid)
    write_mask(folder / "mask.nii", mask)

    stored = nibabel.load(folder / "mask.nii")
    assert np.asanyarray(stored.dataobj).tobytes(order="F") == in_file.tobytes(order="F")
    np.testing.assert_array_equal(stored.affine, nibabel.load(image).affine)
    theirs, ours = sitk.ReadImage(str(image)), sitk.ReadImage(str(folder / "mask.nii"))
    assert ours.GetSize() == theirs.GetSize()
    assert ours.GetOrigin() == theirs.GetOrigin()
    assert ours.GetSpacing() == theirs.GetSpacing()
    assert ours.GetDirection() == theirs.GetDirection()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), in_file.T)


@STRAIGHT_AND_OBLIQUE
@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_a_mask_of_ours_opens_on_its_image_in_nibabel_and_simpleitk(tmp_path, letters, tilt):
    refuse_another_place(tmp_path, affine_of(letters, (0.7, 1.0, 2.5), tilt, (-120.5, 33.25, 800)), seed=1)


@settings(deadline=None, max_examples=15)
@given(STORED_AFFINES, st.integers(0, 2**32 - 1))
def test_a_mask_of_ours_opens_on_an_image_anywhere(tmp_path_factory, affine, seed):
    refuse_another_place(tmp_path_factory.mktemp("mask"), affine, seed)


def test_an_affine_with_shear_is_kept_though_no_quaternion_can_hold_it(tmp_path):
    affine = np.array([[1, 0.4, 0, 5], [0, 1, 0, 6], [0, 0, 2, 7], [0, 0, 0, 1.0]])
    volume = read_volume(save(tmp_path / "a.nii", np.zeros((2, 3, 4), np.uint8), affine))

    write_volume(tmp_path / "b.nii", volume)

    stored = nibabel.load(tmp_path / "b.nii")
    np.testing.assert_allclose(stored.affine, affine, atol=1e-6)
    assert int(stored.header["qform_code"]) == 0
    assert doubts_about(tmp_path / "b.nii") == []


def test_the_same_image_gives_the_same_bytes(tmp_path):
    volume = Volume(np.ones((1, 2, 3, 4), np.int16), Grid.upright((2, 3, 4)))

    write_volume(tmp_path / "a.nii.gz", volume)
    write_volume(tmp_path / "b.nii.gz", volume)

    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_a_mask_is_marked_as_labels_and_an_image_is_not(tmp_path):
    grid = Grid.upright((2, 3, 4))
    write_mask(tmp_path / "mask.nii", Mask(np.zeros((2, 3, 4), np.uint8), grid, ORGANS))
    write_volume(tmp_path / "image.nii", Volume(np.zeros((1, 2, 3, 4), np.uint8), grid))

    assert nibabel.load(tmp_path / "mask.nii").header.get_intent()[0] == "label"
    assert nibabel.load(tmp_path / "image.nii").header.get_intent()[0] == "none"


def test_several_channels_are_saved_as_a_vector_image(tmp_path):
    grid = Grid(shape=(2, 3, 4), affine=Grid.upright((2, 3, 4)).affine, axes_in_file="RAS")
    data = np.arange(2 * 12 * 24, dtype=np.int16).reshape(24, 2, 3, 4)
    write_volume(tmp_path / "a.nii.gz", Volume(data, grid, tuple(f"b{n}" for n in range(24))))

    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").data, data)
    assert sitk.ReadImage(str(tmp_path / "a.nii.gz")).GetNumberOfComponentsPerPixel() == 24


def test_types_nifti_does_not_know_are_saved_as_the_next_that_hold_them(tmp_path):
    grid = Grid.upright((2, 3, 4))
    for kind, stored in ((np.bool_, np.uint8), (np.float16, np.float32)):
        write_volume(tmp_path / "a.nii", Volume(np.ones((1, 2, 3, 4), kind), grid))

        assert read_volume(tmp_path / "a.nii").data.dtype == stored


def test_an_image_longer_than_nifti_1_can_say_is_saved_as_nifti_2(tmp_path):
    volume = Volume(np.zeros((1, 1, 2, 40_000), np.uint8), Grid.upright((1, 2, 40_000)))

    write_volume(tmp_path / "a.nii.gz", volume)

    assert isinstance(nibabel.load(tmp_path / "a.nii.gz"), nibabel.Nifti2Image)
    assert read_volume(tmp_path / "a.nii.gz").grid.shape == (1, 2, 40_000)


def test_a_grid_with_nonsense_for_its_file_axes_is_not_saved(tmp_path):
    grid = Grid((2, 3, 4), np.eye(4), axes_in_file="RAR")

    with pytest.raises(VolumeProblem, match=r"a\.nii.*'RAR'"):
        write_volume(tmp_path / "a.nii", Volume(np.zeros((1, 2, 3, 4)), grid))
    assert not (tmp_path / "a.nii").exists()


# ---------------------------------------------------------------- dimensions


@pytest.mark.parametrize(
    ("shape", "ours"),
    [
        ((4, 3), (1, 1, 3, 4)),
        ((4, 3, 1), (1, 1, 3, 4)),
        ((4, 3, 2, 1), (1, 2, 3, 4)),
        ((4, 3, 2, 1, 1), (1, 2, 3, 4)),
        ((4, 3, 2, 3), (3, 2, 3, 4)),
        ((4, 3, 2, 1, 3), (3, 2, 3, 4)),
    ],
)
def test_planes_volumes_and_channels_are_told_apart(tmp_path, shape, ours):
    assert read_volume(save(tmp_path / "a.nii", np.zeros(shape, np.uint8), np.eye(4))).data.shape == ours


def test_channels_are_not_mixed_up_with_voxels(tmp_path):
    array = np.arange(4 * 3 * 2 * 3, dtype=np.int16).reshape(4, 3, 2, 3)

    volume = read_volume(save(tmp_path / "a.nii", array, np.diag([-1, -1, -1, 1])))

    np.testing.assert_array_equal(volume.data, array.transpose(3, 2, 1, 0))
    assert volume.channels == ("channel 1", "channel 2", "channel 3")


def test_a_time_series_is_refused_with_what_to_do(tmp_path):
    path = save(tmp_path / "bold.nii", np.zeros((4, 3, 2, 30), np.uint8), np.eye(4))

    with pytest.raises(VolumeProblem, match=r"bold\.nii.*time series: 30 volumes of 4 x 3 x 2.*name each"):
        read_volume(path)


def test_many_volumes_are_channels_where_each_has_a_name(tmp_path):
    path = save(tmp_path / "a.nii", np.zeros((4, 3, 2, 30), np.uint8), np.eye(4))

    assert read_volume(path, channels=[f"b{n}" for n in range(30)]).data.shape == (30, 2, 3, 4)


def test_channels_of_a_time_series_are_refused(tmp_path):
    with pytest.raises(VolumeProblem, match="5 dimensions"):
        read_volume(save(tmp_path / "a.nii", np.zeros((4, 3, 2, 3, 2), np.uint8), np.eye(4)))


def test_a_colour_image_has_three_channels(tmp_path):
    pixels = np.zeros((4, 3, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    pixels["G"] = 7
    path = tmp_path / "a.nii"
    path.write_bytes(nibabel.Nifti1Image(pixels, np.eye(4)).to_bytes())

    volume = read_volume(path)

    assert volume.channels == ("red", "green", "blue")
    assert volume.data.max(axis=(1, 2, 3)).tolist() == [0, 7, 0]


def test_a_series_of_colour_images_is_refused(tmp_path):
    pixels = np.zeros((4, 3, 2, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    (tmp_path / "a.nii").write_bytes(nibabel.Nifti1Image(pixels, np.eye(4)).to_bytes())

    with pytest.raises(VolumeProblem, match=r"a\.nii.*series of colour images"):
        read_volume(tmp_path / "a.nii")


# ---------------------------------------------------------------- intensities


def scaled(path: Path, array: np.ndarray, slope: float, inter: float) -> Path:
    return save(path, array, np.eye(4), scl_slope=slope, scl_inter=inter)


@pytest.mark.parametrize(
    ("slope", "inter", "kind"), [(1, -1024, np.int16), (2, 0, np.int16), (100, 0, np.int32), (1, 40_000, np.int32)]
)
def test_whole_numbers_scaled_by_whole_numbers_stay_whole(tmp_path, slope, inter, kind):
    array = np.array([0, 1, 4095], np.uint16).reshape(3, 1, 1)

    data = read_volume(scaled(tmp_path / "ct.nii", array, slope, inter)).data

    assert data.dtype == kind
    assert sorted(data.ravel().tolist()) == [inter, slope + inter, 4095 * slope + inter]


def test_a_fractional_scaling_gives_real_numbers(tmp_path):
    data = read_volume(scaled(tmp_path / "a.nii", np.full((2, 2, 2), 3, np.int16), 0.5, 0.25)).data

    assert data.dtype == np.float32
    assert np.unique(data).tolist() == [1.75]


def test_a_slope_of_zero_means_none(tmp_path):
    data = read_volume(scaled(tmp_path / "a.nii", np.full((2, 2, 2), 3, np.int16), 0, 0)).data

    assert data.dtype == np.int16
    assert data.max() == 3


def test_a_scaling_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.nii.*scaling"):
        read_volume(scaled(tmp_path / "a.nii", np.zeros((2, 2, 2), np.int16), 1, np.nan))


def test_big_endian_files_are_read_as_the_machine_counts(tmp_path):
    image = nibabel.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.diag([-1.0, -1, -1, 1]))
    header = image.header.as_byteswapped(">")
    header["vox_offset"], header["magic"] = 352, b"n+1"
    voxels = np.asanyarray(image.dataobj).astype(">i2").tobytes(order="F")
    (tmp_path / "a.nii").write_bytes(header.binaryblock + bytes(4) + voxels)

    data = read_volume(tmp_path / "a.nii").data

    assert data.dtype.isnative
    np.testing.assert_array_equal(data[0], np.arange(8).reshape(2, 2, 2).T)


@pytest.mark.parametrize("stranger", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_counted_and_refused(tmp_path, stranger):
    array = np.zeros((4, 3, 2), np.float32)
    array[0, 0, 0] = array[1, 1, 1] = stranger

    with pytest.raises(VolumeProblem, match=r"a\.nii: 2 of 24 intensities are NaN or infinite"):
        read_volume(save(tmp_path / "a.nii", array, np.eye(4)))


def test_complex_numbers_are_refused(tmp_path):
    path = save(tmp_path / "a.nii", np.zeros((2, 2, 2), np.complex64), np.eye(4))

    with pytest.raises(VolumeProblem, match=r"a\.nii.*intensities are of type"):
        read_volume(path)


# ---------------------------------------------------------------- where it is


def coded(path: Path, *, sform: np.ndarray | None = None, qform: np.ndarray | None = None) -> Path:
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), None)
    image.header.set_xyzt_units("mm")
    image.header["pixdim"][1:4] = (1, 2, 3)
    image.set_sform(sform, code=1 if sform is not None else 0)
    image.set_qform(qform, code=1 if qform is not None else 0)
    path.write_bytes(image.to_bytes())
    return path


SHIFTED = np.array([[1, 0, 0, 50], [0, 2, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1.0]])
STRAIGHT = np.diag([1.0, 2.0, 3.0, 1.0])


def test_the_sform_wins_over_the_qform_and_the_check_says_so(tmp_path):
    path = coded(tmp_path / "a.nii", sform=SHIFTED, qform=STRAIGHT)

    assert read_volume(path).grid.to_world([[5, 4, 3]])[0].tolist() == [50, 0, 0]
    (doubt,) = doubts_about(path)
    assert "sform and qform put a corner 50 mm apart" in doubt.problem


def test_the_qform_is_taken_where_there_is_no_sform(tmp_path):
    path = coded(tmp_path / "a.nii", qform=SHIFTED)

    assert read_volume(path).grid.to_world([[5, 4, 3]])[0] == pytest.approx([50, 0, 0])
    assert doubts_about(path) == []


def test_two_positions_that_agree_to_a_fraction_of_a_voxel_are_no_problem(tmp_path):
    almost = SHIFTED.copy()
    almost[0, 3] += 0.2

    assert doubts_about(coded(tmp_path / "a.nii", sform=SHIFTED, qform=almost)) == []


def test_a_header_without_orientation_is_read_as_nibabel_does_and_doubted(tmp_path):
    path = coded(tmp_path / "a.nii")

    volume = read_volume(path)

    assert volume.grid.spacing == (3, 2, 1)
    centre = volume.grid.to_world([[2.5, 2, 1.5]])[0]
    np.testing.assert_allclose(centre, nibabel.affines.apply_affine(nibabel.load(path).affine, [1.5, 2, 2.5]))
    assert "left and right cannot be known" in doubts_about(path)[0].problem


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("mm", 1), ("micron", 0.001), ("unknown", 1)])
def test_lengths_become_millimetres(tmp_path, unit, factor):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), SHIFTED)
    image.header.set_xyzt_units(unit)
    (tmp_path / "a.nii").write_bytes(image.to_bytes())

    grid = read_volume(tmp_path / "a.nii").grid

    assert grid.unit == "mm"
    assert grid.spacing == pytest.approx((3 * factor, 2 * factor, factor))
    assert grid.to_world([[5, 4, 3]])[0] == pytest.approx([50 * factor, 0, 0])


def test_a_plane_without_a_third_voxel_size_can_be_read(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((4, 5), np.uint8), None)
    image.set_qform(np.diag([0.5, 0.25, 1, 1]), code=1)
    content = bytearray(image.to_bytes())
    content[88:92] = bytes(4)  # pixdim[3]
    (tmp_path / "a.nii").write_bytes(content)

    assert read_volume(tmp_path / "a.nii").grid.spacing == pytest.approx((1, 0.25, 0.5))


def test_a_packed_file_is_known_by_its_content_not_its_name(tmp_path):
    path = save(tmp_path / "a.nii", np.ones((2, 2, 2), np.uint8), np.eye(4))
    path.write_bytes(gzip.compress(path.read_bytes()))

    assert read_volume(path).data.max() == 1
