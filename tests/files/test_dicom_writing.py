"""Images written as DICOM: the same numbers at the same places for SimpleITK and for us, and nobody's name."""

import shutil
import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files import dicom_writing
from napari_medkd.files.opening import read_volume, write_volume
from tests.files.dicom_series_made import BIRTH_DATE, PATIENT, PATIENT_ID, save_series
from tests.files.test_axes import ORIENTATIONS
from tests.files.test_nifti import STORED_AFFINES, STRAIGHT_AND_OBLIQUE, affine_of
from tests.files.test_volume_geometry import ARRAY, assert_same_places, image_at, our_places, places


def upright(values: np.ndarray, **said: object) -> Volume:
    return Volume(values[np.newaxis], Grid.upright(values.shape, (2.5, 1.0, 0.7)), **said)


@STRAIGHT_AND_OBLIQUE
@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_every_voxel_of_every_orientation_lies_where_it_was(tmp_path, letters, tilt):
    image = image_at(ARRAY, affine_of(letters, (0.7, 1.0, 2.5), tilt, (-120.5, 33.25, 800)))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))

    write_volume(tmp_path / "a.dcm", read_volume(tmp_path / "a.mha"))

    assert_same_places(our_places(read_volume(tmp_path / "a.dcm")), places(image))
    theirs = places(sitk.ReadImage(str(tmp_path / "a.dcm")))
    for value, place in places(image).items():  # SimpleITK keeps the spacing of DICOM in single precision
        assert theirs[value] == pytest.approx(place, abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(
    STORED_AFFINES,
    st.sampled_from(["u1", "i1", "u2", "i2", "i4", "f4"]),
    st.tuples(*[st.integers(1, 5)] * 3),
    st.integers(-40_000, 40_000),
    st.integers(0, 2**32 - 1),
)
def test_saving_and_loading_changes_no_number_and_no_place(tmp_path_factory, affine, kind, shape, lowest, seed):
    folder = tmp_path_factory.mktemp("same")
    limits = np.iinfo(kind) if kind[0] in "iu" else np.iinfo(np.int32)
    low = int(np.clip(lowest, limits.min, limits.max))
    high = min(low + 65_535, limits.max)
    array = np.random.default_rng(seed).integers(low, high + 1, shape).astype(kind)
    sitk.WriteImage(image_at(array, affine), str(folder / "a.mha"))

    before = read_volume(folder / "a.mha")
    write_volume(folder / "a.dcm", before)
    after = read_volume(folder / "a.dcm")

    np.testing.assert_array_equal(after.data, before.data)
    np.testing.assert_allclose(after.grid.affine, before.grid.affine, rtol=1e-9, atol=1e-6)
    seen = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "a.dcm")))
    assert sorted(seen.ravel().tolist()) == sorted(array.ravel().tolist())


def test_what_no_file_has_ordered_is_written_in_axial_slices(tmp_path):
    write_volume(tmp_path / "a.dcm", upright(np.arange(60, dtype=np.uint8).reshape(3, 4, 5)))

    header = pydicom.dcmread(tmp_path / "a.dcm")
    [shared] = header.SharedFunctionalGroupsSequence
    assert (header.NumberOfFrames, header.Rows, header.Columns) == (3, 4, 5)
    assert list(shared.PlaneOrientationSequence[0].ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    assert list(shared.PixelMeasuresSequence[0].PixelSpacing) == [1.0, 0.7]
    heights = [
        frame.PlanePositionSequence[0].ImagePositionPatient[2] for frame in header.PerFrameFunctionalGroupsSequence
    ]
    assert heights == [-5.0, -2.5, 0.0]
    np.testing.assert_array_equal(header.pixel_array[0], np.arange(40, 60).reshape(4, 5))


def test_a_series_is_written_in_its_own_slices(tmp_path):
    pixels = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    save_series(tmp_path / "scan", pixels, orientation=(0, 1, 0, 0, 0, -1))

    write_volume(tmp_path / "a.dcm", read_volume(tmp_path / "scan"))

    np.testing.assert_array_equal(pydicom.dcmread(tmp_path / "a.dcm").pixel_array, pixels)


def test_hounsfield_units_stay_such(tmp_path):
    values = np.array([[[-1024, 0, 3071]]], np.int16)

    write_volume(tmp_path / "a.dcm", upright(values, modality=Modality.CT))

    again, header = read_volume(tmp_path / "a.dcm"), pydicom.dcmread(tmp_path / "a.dcm")
    assert again.data.ravel().tolist() == [-1024, 0, 3071]
    assert (again.modality, header.RescaleType, header.Modality) == (Modality.CT, "HU", "CT")


@pytest.mark.parametrize("shape", [(4, 6, 3), (4, 6)])
def test_a_picture_is_written_without_a_place(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")

    write_volume(tmp_path / "a.dcm", read_volume(tmp_path / "a.png"))

    again, header = read_volume(tmp_path / "a.dcm"), pydicom.dcmread(tmp_path / "a.dcm")
    np.testing.assert_array_equal(np.moveaxis(again.data[:, 0], 0, -1), pixels.reshape(4, 6, -1))
    assert again.grid.unit == "pixel"
    assert "FrameOfReferenceUID" not in header
    np.testing.assert_array_equal(header.pixel_array.reshape(shape), pixels)


def test_nothing_of_the_header_an_image_came_with_is_written(tmp_path):
    save_series(tmp_path / "scan", np.ones((2, 3, 3), np.uint16), SeriesDescription=f"Thorax of {PATIENT}")

    write_volume(tmp_path / "a.dcm", read_volume(tmp_path / "scan"))

    content = (tmp_path / "a.dcm").read_bytes()
    assert not any(secret.encode() in content for secret in (*PATIENT.split("^"), BIRTH_DATE, PATIENT_ID, "1.2.3\0"))
    header = pydicom.dcmread(tmp_path / "a.dcm")
    assert (str(header.PatientName), header.PatientID, header.PatientIdentityRemoved) == ("", "", "YES")


def test_two_files_are_two_images_for_an_archive(tmp_path):
    for name in ("a", "b"):
        write_volume(tmp_path / f"{name}.dcm", upright(np.ones((2, 3, 3), np.uint8)))

    one, other = (pydicom.dcmread(tmp_path / f"{name}.dcm") for name in ("a", "b"))
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.SeriesInstanceUID != other.SeriesInstanceUID
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID


def test_channels_that_are_no_colours_are_not_taken_for_some(tmp_path):
    contrasts = Volume(np.ones((3, 2, 3, 3), np.uint8), Grid.upright((2, 3, 3)), ("t1", "t2", "flair"))

    with pytest.raises(VolumeProblem, match="3 channels of uint8"):
        write_volume(tmp_path / "a.dcm", contrasts)


SHEARED = np.array([[0, 0, -1, 0], [0, -1, 0, 0], [-1, -0.1, 0, 0], [0, 0, 0, 1.0]])
ONES = np.ones((2, 3, 3), np.int32)


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        (upright(np.full((2, 3, 3), 0.5, np.float32)), r"fractions.*\.nii\.gz"),
        (upright(ONES * np.arange(3) * 40_000), "go from 0 to 80000, which is more than 16 bits"),
        (Volume(np.ones((2, 2, 3, 3), np.uint8), Grid.upright((2, 3, 3)), ("a", "b")), "2 channels of uint8"),
        (Volume(np.ones((3, 2, 3, 3), np.uint16), Grid.upright((2, 3, 3)), ("a", "b", "c")), "3 channels of uint16"),
        (upright(np.full((2, 3, 3), np.nan)), "NaN or infinite"),
        (upright(np.full((2, 3, 3), 1e20)), "go from 1e\\+20 to 1e\\+20"),
        (upright(np.full((2, 3, 3), 2**63 + 5, np.uint64)), "more than 16 bits"),
        (upright(np.ones((1, 1, 70_000), np.uint8)), "DICOM holds 65535 rows and columns"),
        (Volume(ONES[np.newaxis], Grid((2, 3, 3), SHEARED)), r"not at right angles.*\.nii\.gz"),
        (Volume(ONES[np.newaxis], Grid.upright((2, 3, 3), unit="pixel")), r"size of a volume's voxels.*\.tif"),
    ],
)
def test_what_dicom_cannot_hold_is_refused_by_name(tmp_path, volume, words):
    with pytest.raises(VolumeProblem, match=words) as error:
        write_volume(tmp_path / "a.dcm", volume)

    assert error.value.problems[0].where == str(tmp_path / "a.dcm")
    assert not (tmp_path / "a.dcm").exists()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy of dicom3tools")
@pytest.mark.parametrize("modality", Modality)
@pytest.mark.parametrize("lowest", [-1000, 0, 250])
@pytest.mark.parametrize("highest", [100, 3000])
def test_a_validator_finds_no_error(tmp_path, modality, lowest, highest):
    values = np.linspace(lowest, max(lowest, highest), 60).round().astype(np.int16).reshape(3, 4, 5)

    write_volume(tmp_path / "a.dcm", upright(values, modality=modality))

    command = ["dciodvfy", str(tmp_path / "a.dcm")]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stderr
    assert "SCImage" in said
    assert "Error" not in said


def test_what_a_length_of_32_bits_cannot_say_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_writing, "_MOST_BYTES", 17)

    with pytest.raises(VolumeProblem, match=r"one DICOM file holds 4.*\.ome\.zarr"):
        write_volume(tmp_path / "a.dcm", upright(np.ones((2, 3, 3), np.uint8)))
