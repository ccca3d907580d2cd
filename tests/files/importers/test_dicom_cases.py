"""Folders of DICOM as cases of the plain layouts."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_medkd.core.errors import DatasetProblem, VolumeProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.loose_slices import LooseSlices
from napari_medkd.files.manifest import open_dataset, problems_of_dataset, write_dataset
from napari_medkd.files.opening import read_mask, read_volume, write_volume
from napari_medkd.files.picture_size import picture_grid
from tests.files.dicom_series_made import save_series

PIXELS = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)


def save_mask_of(series: Path, path: Path) -> None:
    """Write a mask on the grid of a series with nibabel, 1 where the series is above 30."""
    path.parent.mkdir(exist_ok=True)
    write_volume(path, read_volume(series))
    stored = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image((np.asarray(stored.dataobj) > 30).astype(np.uint8), stored.affine), path)


def test_every_folder_of_slices_is_a_case(tmp_path):
    for name in ("anna", "ben"):
        save_series(tmp_path / name / "study/1", PIXELS, RescaleIntercept=-1024)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/read me").write_text("no")

    dataset = open_dataset(tmp_path)

    assert [(case.id, case.images) for case in dataset.cases] == [
        ("anna", (tmp_path / "anna",)),
        ("ben", (tmp_path / "ben",)),
    ]
    assert (dataset.channels, dataset.modality) == (("image",), Modality.CT)
    assert problems_of_dataset(dataset, read_images=True) == []


def test_folders_of_slices_find_their_masks(tmp_path):
    save_series(tmp_path / "images/anna", PIXELS)
    save_mask_of(tmp_path / "images/anna", tmp_path / "labels/anna.nii.gz")

    dataset = open_dataset(tmp_path)

    [case] = dataset.cases
    image = read_volume(case.images)
    mask = read_mask(case.annotations["segmentation"], dataset.task("segmentation"), grid=image.grid)
    np.testing.assert_array_equal(mask.labels, image.data[0] > 30)


def test_loose_slices_are_not_taken_for_an_image_each(tmp_path):
    save_series(tmp_path, PIXELS)

    with pytest.raises(DatasetProblem, match=r"loose slices.*a folder of its own"):
        open_dataset(tmp_path)


def test_loose_radiographs_are_an_image_each(tmp_path):
    bare = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient"))
    save_series(tmp_path, PIXELS[:2], Modality="DX", **bare)

    dataset = open_dataset(tmp_path)

    assert [case.id for case in dataset.cases] == ["000", "001"]
    assert dataset.modality is Modality.XR


def test_a_case_of_several_series_is_told_by_the_check(tmp_path):
    save_series(tmp_path / "anna/1", PIXELS)
    save_series(tmp_path / "anna/2", PIXELS)

    [problem] = problems_of_dataset(open_dataset(tmp_path), read_images=True)

    assert problem.where == "cases.anna"
    assert "2 DICOM images" in problem.problem


def test_a_manifest_may_pick_a_series(tmp_path):
    save_series(tmp_path / "anna/1", PIXELS, SeriesInstanceUID="1.2.1")
    save_series(tmp_path / "anna/2", PIXELS * 2, SeriesInstanceUID="1.2.2")
    cases = '[{"id": "anna", "images": ["anna?series=1.2.2"]}]'
    (tmp_path / "medkd-dataset.json").write_text(f'{{"schema_version": 1, "name": "scans", "cases": {cases}}}')

    dataset = open_dataset(tmp_path)

    assert problems_of_dataset(dataset, read_images=True) == []
    assert read_volume(dataset.cases[0].images).data.max() == 118
    assert open_dataset(write_dataset(dataset, tmp_path)).cases == dataset.cases


def test_a_folder_that_is_gone_is_missing(tmp_path):
    text = '{"name": "scans", "cases": [{"id": "anna", "images": ["anna?series=1.2.2"]}]}'
    (tmp_path / "medkd-dataset.json").write_text(text)

    [problem] = problems_of_dataset(open_dataset(tmp_path), read_images=False)

    assert "does not exist" in problem.problem


def test_the_folder_of_a_scanner_whose_files_have_no_suffix_is_an_image_and_no_dataset(tmp_path):
    save_series(tmp_path, PIXELS, names=["IM1", "IM2", "IM3"])

    with pytest.raises(LooseSlices, match="Open it as an image"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("suffix", [".dcm", ".dicom", ".IMA"])
def test_loose_slices_are_known_by_every_name_of_dicom(tmp_path, suffix):
    save_series(tmp_path, PIXELS, names=[f"{number}{suffix}" for number in range(3)])

    with pytest.raises(LooseSlices):
        open_dataset(tmp_path)


def test_rectangles_lie_on_the_pixels_of_an_upright_slice_alone(tmp_path):
    [upright] = save_series(tmp_path / "upright", PIXELS[:1])
    [prone] = save_series(tmp_path / "prone", PIXELS[:1], orientation=(-1, 0, 0, 0, -1, 0))

    assert picture_grid(upright).shape == (1, 4, 5)
    with pytest.raises(
        VolumeProblem, match=r'cannot be laid on this DICOM slice.*box files .*: {"axes": "IPL", "boxes"'
    ):
        picture_grid(prone)
