from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.opening import read_volume, write_mask
from tests.files.dicom_series_made import AXIAL, CORONAL, SAGITTAL, enhanced, header, save, save_series
from tests.files.test_axes import ORIENTATIONS, direction

OBLIQUE = tuple(Rotation.from_rotvec((0.3, -0.2, 0.35)).as_matrix()[:2].ravel().tolist())


def counting(num_slices: int = 4, rows: int = 3, columns: int = 5) -> np.ndarray:
    """Every pixel another number, 0 first."""
    return np.arange(num_slices * rows * columns, dtype=np.uint16).reshape(num_slices, rows, columns)


def world_of(values: np.ndarray, image: sitk.Image) -> np.ndarray:
    """Where SimpleITK has each value of 0, 1, 2..., turned to (right, anterior, superior)."""
    theirs = sitk.GetArrayFromImage(image)
    indices = [np.argwhere(theirs == value)[0][::-1].tolist() for value in values]
    return np.array([image.TransformIndexToPhysicalPoint(index) for index in indices]) * (-1, -1, 1)


def refuse_another_place(folder: Path, ours: Volume) -> None:
    """Fail where SimpleITK reads other intensities from the folder, or has one of them elsewhere."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    theirs = reader.Execute()

    values = np.sort(ours.data[0], axis=None)
    np.testing.assert_array_equal(values, np.sort(sitk.GetArrayFromImage(theirs), axis=None))
    voxels = np.array([np.argwhere(ours.data[0] == value)[0] for value in values])
    np.testing.assert_allclose(ours.grid.to_world(voxels), world_of(values, theirs), atol=1e-4)


# ---------------------------------------------------------------- geometry


@pytest.mark.parametrize(
    "orientation", [AXIAL, CORONAL, SAGITTAL, OBLIQUE], ids=["axial", "coronal", "sagittal", "oblique"]
)
def test_every_voxel_lies_where_simpleitk_has_it(tmp_path, orientation):
    save_series(tmp_path, counting(), orientation=orientation, spacing=(2.5, 0.7, 0.4), RescaleIntercept=-1024)

    refuse_another_place(tmp_path, read_volume(tmp_path))


def right_handed(letters: str) -> tuple[float, ...]:
    """Where columns and rows are counted, in DICOM's world, where the first two indices grow towards the letters."""
    return tuple(np.concatenate([direction(letter) * np.array((-1, -1, 1)) for letter in letters[:2]]).tolist())


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(ORIENTATIONS),
    st.tuples(*[st.floats(-0.4, 0.4)] * 3),
    st.tuples(*[st.sampled_from([0.4, 1.0, 2.5])] * 3),
    st.permutations(range(5)),
)
def test_orientation_and_shuffled_names_do_not_move_a_voxel(tmp_path_factory, letters, tilt, spacing, order):
    folder = tmp_path_factory.mktemp("turned")
    turn = Rotation.from_rotvec(tilt).as_matrix()
    straight = np.reshape(right_handed(letters), (2, 3))
    orientation = tuple(np.round((straight @ turn.T).ravel(), 9).tolist())
    save_series(
        folder,
        counting(5),
        orientation=orientation,
        spacing=spacing,
        names=[f"IM{name}" for name in order],
        InstanceNumber=[int(9 - name) for name in order],
    )

    volume = read_volume(folder)

    refuse_another_place(folder, volume)
    step = volume.grid.affine[:3, :3]
    assert (step[2, 0] < 0, step[1, 1] < 0, step[0, 2] < 0) == (True, True, True)


def test_an_axial_stack_is_turned_so_that_its_first_plane_is_the_highest(tmp_path):
    save_series(tmp_path, counting(), spacing=(2.0, 1.0, 0.5))

    volume = read_volume(tmp_path)

    assert volume.grid.axes_in_file == "LPS"
    assert volume.grid.spacing == (2.0, 1.0, 0.5)
    np.testing.assert_array_equal(volume.data[0], counting()[::-1])
    np.testing.assert_allclose(volume.grid.to_world([[3, 0, 0], [0, 2, 4]]), [[10, -20, 30], [8, -22, 36]])


def test_slices_are_ordered_by_position_and_never_by_name_or_number(tmp_path):
    save_series(tmp_path, counting(), names=["d.dcm", "b.dcm", "c.dcm", "a.dcm"], InstanceNumber=[3, 1, 4, 2])

    np.testing.assert_array_equal(read_volume(tmp_path).data[0], counting()[::-1])


def test_a_mask_is_saved_so_that_it_lies_on_the_series_in_other_programs(tmp_path):
    save_series(tmp_path / "ct", counting(), orientation=OBLIQUE)
    image = read_volume(tmp_path / "ct")
    labels = (image.data[0] == 17).astype(np.uint8)

    write_mask(
        tmp_path / "mask.nii.gz", Mask(labels, image.grid, Task("organs", "segmentation", ("background", "one")))
    )

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "ct")))
    theirs, mask = reader.Execute(), sitk.ReadImage(str(tmp_path / "mask.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(mask), sitk.GetArrayFromImage(theirs) == 17)
    np.testing.assert_allclose(mask.GetOrigin(), theirs.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(mask.GetDirection(), theirs.GetDirection(), atol=1e-5)


def test_a_single_slice_is_as_thick_as_its_header_says(tmp_path):
    save_series(tmp_path, counting(1), SliceThickness=5)

    assert read_volume(tmp_path).grid.spacing == (5.0, 1.0, 0.5)


@pytest.mark.parametrize(
    ("tags", "unit", "spacing"),
    [
        ({}, "pixel", (1, 1, 1)),
        ({"ImagerPixelSpacing": [[0.2, 0.1]]}, "mm", (1, 0.2, 0.1)),
    ],
)
def test_a_radiograph_without_a_position_stands_upright(tmp_path, tags, unit, spacing):
    bare = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    [path] = save_series(tmp_path, counting(1), Modality="DX", **bare, **tags)

    volume = read_volume(path)

    assert (volume.grid.unit, volume.grid.spacing, volume.modality) == (unit, spacing, Modality.XR)
    np.testing.assert_array_equal(volume.data[0], counting(1))


# ---------------------------------------------------------------- intensities


def test_intensities_are_hounsfield_units_and_stay_whole_numbers(tmp_path):
    save_series(tmp_path, counting(1), RescaleSlope=2, RescaleIntercept=-1024)

    volume = read_volume(tmp_path)

    assert volume.data.dtype == np.int16
    assert volume.data[0, 0, 0].tolist() == [-1024, -1022, -1020, -1018, -1016]
    assert volume.modality is Modality.CT


def test_every_slice_is_scaled_by_its_own_header(tmp_path):
    save_series(tmp_path, np.full((3, 2, 2), 10, np.uint16), RescaleSlope=[1, 2, 0.5], RescaleIntercept=[0, 5, 1])

    volume = read_volume(tmp_path)

    assert volume.data[0, :, 0, 0].tolist() == [6.0, 25.0, 10.0]
    assert volume.data.dtype == np.float32


def test_where_less_is_brighter_the_stored_numbers_are_turned_round(tmp_path):
    pixels = np.array([[[0, 1], [4000, 4095]]], np.uint16)
    [path] = save_series(tmp_path, pixels, PhotometricInterpretation="MONOCHROME1", RescaleIntercept=-1000)

    assert read_volume(path).data[0, 0].tolist() == [[3095, 3094], [-905, -1000]]


def test_signed_numbers_are_turned_round_within_their_range(tmp_path):
    pixels = np.array([[[-2048, -1], [0, 2047]]], np.int16)
    [path] = save_series(tmp_path, pixels, PhotometricInterpretation="MONOCHROME1", PixelRepresentation=1)

    assert read_volume(path).data[0, 0].tolist() == [[2047, 0], [-1, -2048]]


def test_colour_becomes_three_channels(tmp_path):
    made = header(
        generate_uid(), Modality="US", SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0
    )
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    path = save(tmp_path / "us.dcm", made, pixels)
    made.Rows, made.Columns = 2, 3
    made.save_as(path, enforce_file_format=True)

    volume = read_volume(path)

    assert volume.channels == ("red", "green", "blue")
    np.testing.assert_array_equal(volume.data[:, 0], np.moveaxis(pixels, -1, 0))


def test_the_caller_may_know_the_modality_better(tmp_path):
    save_series(tmp_path, counting(1))

    assert read_volume(tmp_path, modality=Modality.MR).modality is Modality.MR


# ---------------------------------------------------------------- multi-frame


def test_frames_of_an_enhanced_file_are_ordered_and_scaled_each_by_itself(tmp_path):
    pixels = np.stack([np.full((2, 3), value, np.uint16) for value in (5, 7, 9)])
    path = save(tmp_path / "mr.dcm", enhanced(pixels, heights=(34, 30, 32)), pixels)

    volume = read_volume(path)

    assert volume.data[0, :, 0, 0].tolist() == [5 * 1, 9 * 3, 7 * 2]
    assert volume.modality is Modality.MR
    assert volume.grid.spacing == (2.0, 1.0, 0.5)
    np.testing.assert_allclose(volume.grid.to_world([[2, 0, 0]]), [[10, -20, 30]])


def test_an_enhanced_file_lies_where_simpleitk_has_it(tmp_path):
    pixels = counting(4)
    made = enhanced(pixels, heights=(30, 32, 34, 36))
    for frame in made.PerFrameFunctionalGroupsSequence:
        frame.PixelValueTransformationSequence[0].RescaleSlope = 1
    path = save(tmp_path / "mr.dcm", made, pixels)
    ours, theirs = read_volume(path), sitk.ReadImage(str(path))

    np.testing.assert_array_equal(ours.data[0, ::-1], sitk.GetArrayFromImage(theirs))
    corner = np.array(theirs.TransformIndexToPhysicalPoint((0, 0, 3))) * (-1, -1, 1)
    np.testing.assert_allclose(ours.grid.to_world([[0, 0, 0]])[0], corner, atol=1e-6)


def test_frames_at_offsets_from_the_first_lie_where_simpleitk_has_them():
    path = Path(get_testdata_file("rtdose.dcm", download=False))

    ours, theirs = read_volume(path), sitk.ReadImage(str(path))

    assert ours.grid.spacing == pytest.approx((5.0, 10.0, 10.0))
    dose_per_number = 1e-6  # DoseGridScaling of the file
    np.testing.assert_allclose(ours.data[0, ::-1], sitk.GetArrayFromImage(theirs) * dose_per_number, rtol=1e-6)
    corners = np.array([theirs.TransformIndexToPhysicalPoint(index) for index in ((0, 0, 14), (9, 9, 0))])
    np.testing.assert_allclose(ours.grid.to_world([[0, 0, 0], [14, 9, 9]]), corners * (-1, -1, 1), atol=1e-6)


def test_a_film_has_no_place_in_space(tmp_path):
    made = header(generate_uid(), Modality="US", NumberOfFrames=4)

    with pytest.raises(VolumeProblem, match="4 frames of the file have no position in space"):
        read_volume(save(tmp_path / "film.dcm", made, counting(4)))
