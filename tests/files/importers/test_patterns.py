from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.patterns import Patterns, source_by_patterns
from napari_medkd.files.importing import write_source
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from tests.files.dicom_series_made import header
from tests.files.dicom_series_made import save as save_dicom


def found(folder: Path, *images: str, masks: str = "") -> Dataset:
    return source_by_patterns(folder, Patterns(images, masks)).dataset


def masks_of(dataset: Dataset) -> dict[str, str]:
    """Return the name of each case's mask, or nothing."""
    return {case.id: Path(str(case.annotations.get("segmentation", ""))).name for case in dataset.cases}


@pytest.fixture
def folder(tmp_path: Path, save) -> Path:
    """Three images with masks of their own naming, and one without."""
    for name in ("a", "b.1", "c", "d"):
        save(tmp_path / f"s/images/{name}_img.nii.gz", 1, 2, 3)
    for name in ("a", "b.1", "c"):
        save(tmp_path / f"s/masks/{name}_seg.nii.gz", 0, 1, 4)
    return tmp_path / "s"


@pytest.mark.parametrize("images", ["images/*_img.nii.gz", "images/{case}_img.nii.gz", "**/{case}_i*.nii.gz"])
def test_images_and_masks_are_found_by_their_case(folder: Path, images: str):
    dataset = found(folder, images, masks="masks/{case}_seg.nii.gz")

    assert masks_of(dataset) == {"a": "a_seg.nii.gz", "b.1": "b.1_seg.nii.gz", "c": "c_seg.nii.gz", "d": ""}
    assert dataset.task("segmentation").classes == ("background", "label 1", "label 4")
    assert problems_of_dataset(dataset, read_images=True) == []


def test_what_is_found_can_be_written_as_a_dataset(tmp_path: Path, folder: Path):
    patterns = Patterns(("images/*_img.nii.gz",), "masks/{case}_seg.nii.gz")

    dataset = open_dataset(write_source(source_by_patterns(folder, patterns), tmp_path / "d"))

    assert len(dataset.labelled("segmentation")) == 3
    assert problems_of_dataset(dataset, read_images=True) == []


def test_masks_beside_their_images_are_no_images(tmp_path: Path, save):
    save(tmp_path / "a.nii", 1, 2)
    save(tmp_path / "a_seg.nii", 0, 1)

    assert masks_of(found(tmp_path, "*.nii", masks="{case}_seg.nii")) == {"a": "a_seg.nii"}


def test_a_folder_may_be_the_case_and_the_one_above_the_patient(tmp_path: Path, save):
    for patient, visit in (("p1", "v1"), ("p1", "v2"), ("p2", "v1")):
        save(tmp_path / patient / visit / "ct.nii", 1, 2)
        save(tmp_path / patient / visit / "truth.nii", 0, 1)

    dataset = found(tmp_path, "{patient}/{case}/ct.nii", masks="{patient}/{case}/truth.nii")

    assert [(case.id, case.group) for case in dataset.cases] == [("p1_v1", "p1"), ("p1_v2", "p1"), ("p2_v1", "p2")]
    assert len(dataset.labelled("segmentation")) == 3


def test_one_mask_is_never_that_of_two_images(tmp_path: Path, save):
    for patient in ("p1", "p2"):
        save(tmp_path / patient / "v1.nii", 1, 2)
    save(tmp_path / "masks" / "v1.nii", 0, 1)

    with pytest.raises(DatasetProblem, match=r"A mask is that of several images"):
        found(tmp_path, "{patient}/{case}.nii", masks="masks/{case}.nii")


def test_several_patterns_are_channels_in_their_order(tmp_path: Path, save):
    for patient in ("p1", "p2"):
        for name in ("t2", "flair", "t1"):
            save(tmp_path / patient / f"{name}.nii", 1, 2)
        save(tmp_path / patient / "lesion.nii", 0, 1)

    dataset = found(tmp_path, "*/t1.nii", "*/flair.nii", masks="{case}/lesion.nii")

    assert (dataset.channels, dataset.modality) == (("t1", "flair"), Modality.MR)
    assert [path.name for path in dataset.case("p1").images] == ["t1.nii", "flair.nii"]
    assert problems_of_dataset(dataset, read_images=True) == []


@pytest.mark.parametrize(("second", "modality"), [("PT", Modality.OTHER), ("CT", Modality.CT)])
def test_a_dataset_of_dicom_is_ct_where_every_channel_is(tmp_path: Path, second: str, modality: Modality):
    for patient in ("p1", "p2"):
        for time, made_by in (("early", "CT"), ("late", second)):
            path = tmp_path / time / f"{patient}.dcm"
            save_dicom(path, header("1.2.3", Modality=made_by), np.arange(20, dtype=np.uint16).reshape(4, 5))

    assert found(tmp_path, "early/*.dcm", "late/*.dcm").modality is modality


def test_every_case_that_lacks_a_channel_is_told(tmp_path: Path, save):
    for name in ("p1/t1", "p1/t2", "p2/t1", "p3/t2"):
        save(tmp_path / f"{name}.nii", 1, 2)

    with pytest.raises(DatasetProblem) as caught:
        found(tmp_path, "*/t1.nii", "*/t2.nii")

    assert [problem.problem for problem in caught.value.problems] == [
        "A case has no {case}/t1.nii (p3).",
        "A case has no {case}/t2.nii (p2).",
    ]


def test_images_alone_wait_to_be_annotated(folder: Path):
    dataset = found(folder, "images/*_img.nii.gz")

    assert dataset.tasks == {}
    assert len(dataset.cases) == 4


def test_a_mask_without_an_image_is_left_out_and_told(folder: Path):
    (folder / "images/a_img.nii.gz").unlink()

    source = source_by_patterns(folder, Patterns(("images/*_img.nii.gz",), "masks/{case}_seg.nii.gz"))

    assert "A mask is left out, for it has no image (masks/a_seg.nii.gz)." in [
        remark.problem for remark in source.remarks
    ]


def test_what_lies_beside_is_taken_along(folder: Path):
    (folder / "cases.csv").write_text("id,group,domain\na,p1,north\nd,p1,south\n")

    dataset = found(folder, "images/*_img.nii.gz")

    assert {case.id: (case.group, case.domain) for case in dataset.cases}["d"] == ("p1", "south")


@pytest.mark.parametrize(
    ("images", "masks", "said"),
    [
        ("image/*.nii.gz", "", r"No file is named like .*; there is 7 others, such as images/a_img"),
        ("images/*_img.nii.gz", "masks/{case}.png", "Correct --masks"),
        ("**/*_*.nii.gz", "", "does not say once what a case is called"),
        ("**/{case}_*.nii.gz", "", "Several files by --images .* are of one case"),
        ("images/*_img.nii.gz", "masks/seg.nii.gz", "does not say once"),
        ("../*.nii.gz", "", "leaves the folder"),
        ("/tmp/*.nii.gz", "", "leaves the folder"),
        ("images/{case}_{channel}.nii.gz", "", r"has \{channel\}"),
        ("images/*_img.nii.gz", "{patient}/{case}.nii.gz", "not in the pattern of the images"),
    ],
)
def test_patterns_that_do_not_tell_the_cases_are_refused(folder: Path, images: str, masks: str, said: str):
    with pytest.raises(DatasetProblem, match=said):
        found(folder, images, masks=masks)


def test_a_link_that_leads_outside_is_no_image(tmp_path: Path, folder: Path, save):
    outside = save(tmp_path / "outside.nii.gz", 1)
    (folder / "images/e_img.nii.gz").symlink_to(outside)

    assert len(found(folder, "images/*_img.nii.gz").cases) == 4
