"""Nobody may be named but where a person chooses a series: every header of these files names a patient."""

import logging

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.dicom_series import list_series
from napari_medkd.files.manifest import MANIFEST, write_dataset
from napari_medkd.files.opening import read_volume, write_mask, write_volume
from napari_medkd.files.series_path import picking
from tests.files.dicom_series_made import BIRTH_DATE, PATIENT, PATIENT_ID, save_series

DESCRIPTION = f"Thorax of {PATIENT}"
PIXELS = np.arange(48, dtype=np.uint16).reshape(3, 4, 4)


def refuse_a_name(text: str) -> None:
    for secret in (*PATIENT.split("^"), BIRTH_DATE, PATIENT_ID, "1.2.777"):
        assert secret not in text


@pytest.fixture
def folder(tmp_path):
    save_series(tmp_path / "ct", PIXELS, SeriesDescription=DESCRIPTION, SeriesInstanceUID="1.2.777")
    save_series(
        tmp_path / "mr", PIXELS[:2], SeriesDescription=DESCRIPTION, SeriesInstanceUID="1.2.777.1", Modality="MR"
    )
    return tmp_path


def test_the_files_do_name_the_patient(folder):
    content = (folder / "ct/000.dcm").read_bytes()

    assert all(secret.encode() in content for secret in (PATIENT, BIRTH_DATE, PATIENT_ID, "1.2.777"))


def test_only_the_description_of_a_listing_may_name_somebody(folder, caplog):
    caplog.set_level(logging.DEBUG)
    listing = list_series(folder)

    assert {series.description for series in listing.series} == {DESCRIPTION}
    for series in listing.series:
        refuse_a_name(series.describe() + series.key + series.part)
        refuse_a_name(repr(series).replace(series.uid, ""))
    refuse_a_name(caplog.text)


def test_an_image_and_what_is_saved_of_it_name_nobody(folder):
    volume = read_volume(folder / "ct")
    task = Task("organs", "segmentation", ("background", "one"))

    write_volume(folder / "ct.nii", volume)
    write_mask(folder / "mask.nii", Mask((volume.data[0] > 20).astype(np.uint8), volume.grid, task))

    refuse_a_name(repr(volume))
    refuse_a_name(
        (folder / "ct.nii").read_bytes().decode("latin-1") + (folder / "mask.nii").read_bytes().decode("latin-1")
    )


def test_a_manifest_names_nobody(folder):
    key = list_series(folder).series[0].key
    case = Case("one", (picking(folder, key),), "one")
    write_dataset(Dataset("scans", ("image",), Modality.CT, {}, (case,), folder=folder.parent), folder)

    text = (folder / MANIFEST).read_text(encoding="utf-8")
    assert f"?series={key}" in text
    refuse_a_name(text)


@pytest.mark.parametrize("damage", ["several", "truncated", "gap", "same place", "number"])
def test_no_problem_names_anybody(folder, damage):
    files = sorted((folder / "ct").iterdir())
    where = folder / "ct"
    match damage:
        case "several":
            where = folder
        case "truncated":
            files[0].write_bytes(files[0].read_bytes()[:600])
        case "gap":
            save_series(folder / "ct", PIXELS, ImagePositionPatient=[[0, 0, z] for z in (0, 1, 9)])
        case "same place":
            save_series(folder / "ct", PIXELS, ImagePositionPatient=[[0, 0, z] for z in (0, 1, 1)])
        case "number":
            save_series(folder / "ct", PIXELS, RescaleSlope=0)

    with pytest.raises(VolumeProblem) as error:
        read_volume(where)

    refuse_a_name(str(error.value))
    refuse_a_name(repr(error.value.__cause__))
