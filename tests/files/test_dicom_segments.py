"""DICOM segmentations: written so that highdicom and SimpleITK find them, read whoever wrote them."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.files.dicom_segments import read_segments
from napari_medkd.files.dicom_series import list_series
from napari_medkd.files.giving_up import GivenUp, until
from napari_medkd.files.opening import labels_in, read_mask, read_volume, write_mask
from tests.files.dicom_series_made import AXIAL, BIRTH_DATE, PATIENT, PATIENT_ID, save_series
from tests.files.test_dicom import OBLIQUE
from tests.files.test_nifti import affine_of

ORGANS = Task("organs", "segmentation", ("background", "liver", "Milz (groß)"))
SHAPE = (6, 5, 4)


def drawn(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Labels of both organs, with nothing on the first and the last slice and on one between."""
    labels = np.zeros(shape, np.uint8)
    labels[1, 1:3, 1:3], labels[2, 2, 0], labels[-2, 3:, 2:] = 1, 2, 2
    return labels


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    save_series(tmp_path / "ct", np.arange(120, dtype=np.uint16).reshape(6, 5, 4), orientation=OBLIQUE)
    return tmp_path / "ct"


def by_others(
    scan: Path, path: Path, kind: str = "BINARY", *, pixels: np.ndarray | None = None, **said: object
) -> Path:
    """A segmentation as highdicom makes it of a series, without the slices on which nothing is drawn."""
    sources = [pydicom.dcmread(file) for file in sorted(scan.iterdir())]
    for source in sources:
        source.PatientSex = source.AccessionNumber = source.StudyID = source.StudyTime = source.StudyDate = ""
        source.SliceThickness = 2.0
    labels = drawn() if pixels is None else pixels
    count = labels.shape[3] if labels.ndim == 4 else int(np.ceil(labels.max()))
    segments = [
        SegmentDescription(n, f"organ {n}", codes.SCT.Tissue, codes.SCT.Organ, "MANUAL") for n in range(1, count + 1)
    ]
    made = Segmentation(
        sources, labels, kind, segments, generate_uid(), 1, generate_uid(), 1, "other", "other", "1", "1", **said
    )  # fmt: skip
    made.save_as(path)
    return path


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize("letters", ["RAS", "LPS", "PIR", "SAL", "LAS"])
def test_a_mask_is_read_again_as_it_was_on_its_image(tmp_path, letters):
    grid = Grid(SHAPE, affine_of("IPL", (2.5, 1.0, 0.7), (0.3, -0.2, 0.35), (-120.5, 33.25, 800)), "mm", letters)

    write_mask(tmp_path / "a.dcm", Mask(drawn(), grid, ORGANS))

    mask = read_mask(tmp_path / "a.dcm", ORGANS, grid=grid)
    np.testing.assert_array_equal(mask.labels, drawn())
    np.testing.assert_array_equal(read_volume(tmp_path / "a.dcm").data[0], drawn())
    assert labels_in(tmp_path / "a.dcm") == (0, 1, 2)


def test_other_programs_find_each_class_by_its_name_where_the_image_has_it(tmp_path, scan):
    image = read_volume(scan)

    write_mask(tmp_path / "a.dcm", Mask(drawn(), image.grid, ORGANS))

    theirs = highdicom.seg.segread(tmp_path / "a.dcm")
    volume = theirs.get_volume(combine_segments=True)
    assert [theirs.get_segment_description(n).segment_label for n in (1, 2)] == ["liver", "Milz (groß)"]
    for value in (1, 2):
        voxels = np.argwhere(drawn() == value)
        world = image.grid.to_world(voxels) * (-1, -1, 1)  # their world is (left, posterior, superior)
        found = np.argwhere(volume.array == value)
        np.testing.assert_allclose(
            np.sort(volume.map_indices_to_reference(found), axis=0), np.sort(world, axis=0), atol=1e-6
        )


def test_it_is_of_nobody_and_refers_to_nothing(tmp_path, scan):
    write_mask(tmp_path / "a.dcm", Mask(drawn(), read_volume(scan).grid, ORGANS))

    header = pydicom.dcmread(tmp_path / "a.dcm")
    content = (tmp_path / "a.dcm").read_bytes()
    assert (str(header.PatientName), header.PatientID) == ("", "")
    assert not any(secret.encode() in content for secret in (*PATIENT.split("^"), BIRTH_DATE, PATIENT_ID))
    assert "ReferencedSeriesSequence" not in header
    assert not any("DerivationImageSequence" in frame for frame in header.PerFrameFunctionalGroupsSequence)


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_voxels_may_be_as_small_or_large_as_they_are(tmp_path, size):
    mask = Mask(drawn(), Grid.upright(SHAPE, (size, size, size)), ORGANS)

    write_mask(tmp_path / "a.dcm", mask)

    np.testing.assert_array_equal(read_mask(tmp_path / "a.dcm", ORGANS, grid=mask.grid).labels, drawn())
    assert read_volume(tmp_path / "a.dcm").grid.matches(mask.grid)


@pytest.mark.parametrize("shape", [SHAPE, (1, 5, 4)])
def test_a_mask_with_nothing_on_it_keeps_its_size(tmp_path, shape):
    empty = Mask(np.zeros(shape, np.uint8), Grid.upright(shape, (3.0, 0.5, 0.5)), ORGANS)

    write_mask(tmp_path / "a.dcm", empty)

    assert read_volume(tmp_path / "a.dcm").grid.matches(empty.grid)
    assert not read_mask(tmp_path / "a.dcm", ORGANS).labels.any()
    assert read_segments(tmp_path / "a.dcm").names == {1: "liver", 2: "Milz (groß)"}


def test_a_label_to_ignore_costs_no_frame_where_it_is_not_drawn(tmp_path):
    partial = replace(ORGANS, ignore=255)
    labels = drawn()
    labels[4, 0, 0] = 255

    write_mask(tmp_path / "a.dcm", Mask(labels, Grid.upright(SHAPE), partial))

    assert pydicom.dcmread(tmp_path / "a.dcm").NumberOfFrames == 7, "one a slice, and one more on the fifth"
    np.testing.assert_array_equal(read_mask(tmp_path / "a.dcm", partial).labels, labels)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
@pytest.mark.parametrize("degrees", [45, -45, 135, -135])
def test_where_two_orders_of_axes_are_as_good_a_mask_still_lies_on_its_image(tmp_path, axis, degrees):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * np.array(axis)).as_matrix() * (0.7, 1.0, 2.5)
    nibabel.save(nibabel.Nifti1Image(np.zeros(SHAPE, np.uint8), affine), tmp_path / "a.nii")
    grid = read_volume(tmp_path / "a.nii").grid
    labels = drawn(grid.shape)

    write_mask(tmp_path / "a.dcm", Mask(labels, grid, ORGANS))

    np.testing.assert_array_equal(read_mask(tmp_path / "a.dcm", ORGANS, grid=grid).labels, labels)


@pytest.mark.parametrize("name", ["a\\b", "x" * 90])
def test_names_that_dicom_does_not_hold_are_written_as_it_does(tmp_path, name):
    task = replace(ORGANS, classes=("background", name, "x" * 64))

    write_mask(tmp_path / "a.dcm", Mask(drawn(), Grid.upright(SHAPE), task))

    names = read_segments(tmp_path / "a.dcm").names
    assert names[1] == {"a\\b": "a/b"}.get(name, "x" * 64)
    assert names[2] == ("x" * 64 + " 2" if len(name) > 64 else "x" * 64)


def test_a_label_without_a_class_is_written_by_its_number(tmp_path):
    labels = drawn()
    labels[labels == 1] = 7

    write_mask(tmp_path / "a.dcm", Mask(labels, Grid.upright(SHAPE), replace(ORGANS, ignore=7)))

    assert read_segments(tmp_path / "a.dcm").names[7] == "label 7"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy of dicom3tools")
@pytest.mark.parametrize("labels", [drawn(), np.zeros((1, 5, 4), np.uint8)], ids=["drawn", "one empty slice"])
def test_a_validator_finds_no_error(tmp_path, labels):
    write_mask(tmp_path / "a.dcm", Mask(labels, Grid.upright(labels.shape), ORGANS))

    command = ["dciodvfy", str(tmp_path / "a.dcm")]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stderr
    assert "Segmentation" in said
    assert "Error" not in said


def test_reading_is_given_up_between_two_frames(tmp_path):
    write_mask(tmp_path / "a.dcm", Mask(drawn(), Grid.upright(SHAPE), ORGANS))
    asked: list[int] = []

    with until(lambda: asked.append(0) or len(asked) > 2), pytest.raises(GivenUp):
        read_volume(tmp_path / "a.dcm")

    assert len(asked) == 3


def test_stored_numbers_that_are_no_classes_are_called_by_their_number(tmp_path):
    swapped = LabelMap({1: 2, 2: 1})
    mask = Mask(drawn(), Grid.upright(SHAPE), ORGANS)

    write_mask(tmp_path / "a.dcm", mask, label_map=swapped)

    assert read_segments(tmp_path / "a.dcm").names == {1: "label 1", 2: "label 2"}
    np.testing.assert_array_equal(read_mask(tmp_path / "a.dcm", ORGANS, label_map=swapped).labels, drawn())


@pytest.mark.parametrize(
    ("labels", "grid", "words"),
    [
        (drawn(), Grid.upright(SHAPE, unit="pixel"), "size of a volume's voxels in mm"),
        (drawn((6, 5, 4))[:1], Grid.upright((1, 5, 4), unit="pixel"), r"needs a size in mm.*\.png"),
    ],
)
def test_masks_that_no_segmentation_holds_are_refused(tmp_path, labels, grid, words):
    with pytest.raises(VolumeProblem, match=words):
        write_mask(tmp_path / "a.dcm", Mask(labels, grid, ORGANS))

    assert not (tmp_path / "a.dcm").exists()


# ---------------------------------------------------------------- reading what others wrote


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_a_segmentation_without_empty_slices_is_laid_on_its_image(tmp_path, scan, kind):
    path = by_others(scan, tmp_path / "seg.dcm", kind)
    image = read_volume(scan)

    mask = read_mask(path, ORGANS, grid=image.grid)

    assert read_volume(path).grid.shape < image.grid.shape
    in_file_order = image.data[0].ravel().argsort()  # the series counts its voxels
    np.testing.assert_array_equal(mask.labels.ravel()[in_file_order], drawn().ravel())
    assert read_segments(path).names[1] == "organ 1"


@pytest.mark.parametrize("planes", [(1, 5), (1, 3, 5), (0, 2, 5), (4,)])
def test_on_an_image_slices_are_laid_by_their_position_alone(tmp_path, scan, planes):
    labels = np.zeros(SHAPE, np.uint8)
    labels[list(planes), 1:3, 2] = 1
    path = by_others(scan, tmp_path / "seg.dcm", pixels=labels)
    header = pydicom.dcmread(path)
    del header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    header.save_as(path)
    image = read_volume(scan)

    mask = read_mask(path, ORGANS, grid=image.grid)

    np.testing.assert_array_equal(mask.labels.ravel()[image.data[0].ravel().argsort()], labels.ravel())


def test_one_of_thicker_slices_is_not_taken_for_one_that_leaves_every_other_slice_out(tmp_path, scan):
    path = by_others(scan, tmp_path / "seg.dcm")
    save_series(tmp_path / "finer", np.zeros((11, 5, 4), np.uint16), orientation=OBLIQUE, spacing=(1.0, 1.0, 0.5))

    with pytest.raises(VolumeProblem, match="but its image's is"):
        read_mask(path, ORGANS, grid=read_volume(tmp_path / "finer").grid)


def test_a_series_of_slices_a_little_uneven_takes_its_segmentation(tmp_path):
    heights = np.arange(6) * 2.0 + np.array([0, 0.12, -0.12, 0.1, -0.1, 0])
    positions = [[-10.0, 20.0, 30.0 + height] for height in heights]
    save_series(tmp_path / "ct", np.arange(120, dtype=np.uint16).reshape(SHAPE), ImagePositionPatient=positions)
    path = by_others(tmp_path / "ct", tmp_path / "seg.dcm")
    image = read_volume(tmp_path / "ct")

    mask = read_mask(path, ORGANS, grid=image.grid)

    np.testing.assert_array_equal(mask.labels.ravel()[image.data[0].ravel().argsort()], drawn().ravel())


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("Lesion", "Lesion"), {1: "Lesion", 2: "Lesion 2"}),
        (("background", "organ"), {1: "background 1", 2: "organ"}),
        (("organ 2", ""), {1: "organ 2", 2: "label 2"}),
    ],
)
def test_every_segment_has_a_name_of_its_own(tmp_path, scan, said, expected):
    path = by_others(scan, tmp_path / "seg.dcm")
    header = pydicom.dcmread(path)
    for segment, name in zip(header.SegmentSequence, said, strict=True):
        segment.SegmentLabel = name
    header.save_as(path)

    assert read_segments(path).names == expected


def test_one_that_lies_beside_its_image_is_refused(tmp_path, scan):
    path = by_others(scan, tmp_path / "seg.dcm")
    elsewhere = save_series(tmp_path / "other", np.zeros((6, 5, 4), np.uint16), orientation=AXIAL)[0].parent

    with pytest.raises(VolumeProblem, match="its image's is"):
        read_mask(path, ORGANS, grid=read_volume(elsewhere).grid)


def test_segments_that_overlap_are_refused(tmp_path, scan):
    both = np.stack([drawn() > 0, drawn() == 1], axis=-1).astype(np.uint8)

    with pytest.raises(VolumeProblem, match="segments overlap"):
        read_volume(by_others(scan, tmp_path / "seg.dcm", pixels=both))


def test_probabilities_are_refused(tmp_path, scan):
    path = by_others(scan, tmp_path / "seg.dcm", "FRACTIONAL", pixels=(drawn() > 0) * 0.7)

    with pytest.raises(VolumeProblem, match="holds probabilities"):
        read_volume(path)


def test_one_without_a_position_is_refused(tmp_path, scan):
    path = by_others(scan, tmp_path / "seg.dcm")
    header = pydicom.dcmread(path)
    del header.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    header.save_as(path)

    with pytest.raises(VolumeProblem, match="no position in space"):
        read_volume(path)


@pytest.mark.parametrize("keyword", ["SegmentSequence", "PerFrameFunctionalGroupsSequence", "BitsAllocated"])
def test_one_that_lacks_what_it_needs_is_damaged(tmp_path, scan, keyword):
    path = by_others(scan, tmp_path / "seg.dcm")
    header = pydicom.dcmread(path)
    delattr(header, keyword)
    header.save_as(path)

    with pytest.raises(VolumeProblem, match=r"seg\.dcm"):
        read_volume(path)


def test_slices_far_apart_do_not_take_the_memory(tmp_path, scan):
    path = by_others(scan, tmp_path / "seg.dcm")
    header = pydicom.dcmread(path)
    for measures in header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence:
        measures.SpacingBetweenSlices = 1e-9
    header.save_as(path)

    with pytest.raises(VolumeProblem, match="GiB of memory"):
        read_volume(path)


def test_one_beside_its_series_is_no_image_of_the_folder(scan):
    by_others(scan, scan / "seg.dcm")

    [series] = list_series(scan).series
    assert series.modality == "CT"
    assert sorted(read_volume(scan).grid.shape) == [4, 5, 6]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.97])
def test_half_a_segmentation_is_damaged(tmp_path, share):
    write_mask(tmp_path / "a.dcm", Mask(drawn((60, 50, 40)), Grid.upright((60, 50, 40)), ORGANS))
    content = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(content[: int(share * len(content))])

    with pytest.raises(VolumeProblem, match="incomplete") as error:
        read_volume(tmp_path / "a.dcm")
    assert error.value.problems[0].where == str(tmp_path / "a.dcm")


def test_a_header_of_absurd_size_is_refused_before_its_pixels_are_read(tmp_path):
    write_mask(tmp_path / "a.dcm", Mask(drawn(), Grid.upright(SHAPE), ORGANS))
    header = pydicom.dcmread(tmp_path / "a.dcm")
    header.Rows = header.Columns = 65_535
    header.NumberOfFrames = 99_999
    header.save_as(tmp_path / "a.dcm")

    with pytest.raises(VolumeProblem, match="The file is incomplete"):
        read_volume(tmp_path / "a.dcm")
