"""Public sets that come with a table: ChestX-ray14, OASIS-1, RSNA Pneumonia; and folders for each class."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.chest_xray14 import FINDINGS
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from tests.files.dicom_series_made import WITHOUT_PLACE, save_series
from tests.files.importers.imported import boxes_of, case_labels, imported, lit_inside, picture, told, write

NIH = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
)
OASIS = "ID,M/F,Hand,Age,Educ,SES,MMSE,CDR,eTIV,nWBV,ASF,Delay\n"


def nih(folder: Path, *rows: tuple[str, str, int], shelf: str = "images") -> Path:
    lines = [f"{name},{found},0,{patient},57,M,PA,2682,2749,0.143,0.143,\n" for name, found, patient in rows]
    write(folder / "Data_Entry_2017.csv", NIH + "".join(lines))
    for name, _, _ in rows:
        picture(folder / shelf / name)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(DatasetProblem) as caught:
        source_at(folder, ColumnWishes())
    return str(caught.value)


@pytest.mark.parametrize("shelf", ["images", "images_001/images"])
def test_chest_xray14_has_14_findings_patients_and_the_official_test_side(tmp_path, shelf):
    folder = nih(
        tmp_path / "s",
        ("00000001_000.png", "Cardiomegaly", 1),
        ("00000001_001.png", "Cardiomegaly|Emphysema", 1),
        ("00000002_000.png", "No Finding", 2),
        ("00000003_000.png", "Hernia", 3),
        shelf=shelf,
    )
    write(folder / "test_list.txt", "00000003_000.png\n")

    dataset, _ = imported(folder, tmp_path / "d")

    assert dataset.task("findings").classes == FINDINGS
    assert case_labels(dataset, "findings") == {
        "00000001_000": {"Cardiomegaly"},
        "00000001_001": {"Cardiomegaly", "Emphysema"},
        "00000002_000": set(),
        "00000003_000": {"Hernia"},
    }
    assert (dataset.name, dataset.modality) == ("chest-xray14", Modality.XR)
    assert dataset.split.test == ("00000003_000",)
    assert sorted(map(len, (dataset.split.train, dataset.split.validate))) == [1, 2]


def test_chest_xray14_takes_its_list_of_boxes_along(tmp_path):
    folder = nih(
        tmp_path / "s",
        ("00000001_000.png", "Infiltration|Mass", 1),
        ("00000002_000.png", "No Finding", 2),
        ("00000003_000.png", "Hernia", 3),
        shelf="images_001/images",
    )
    picture(folder / "images_001" / "images" / "00000001_000.png", lit=(12, 4, 32, 10))
    boxes = ("00000001_000.png,Infiltrate,12.0,4.0,20.0,6.0,,,", "00000001_000.png,Mass,1.5,2.5,3.0,4.0,,,")
    gone = "00000099_000.png,Mass,1.5,2.5,3.0,4.0,,,"
    write(folder / "BBox_List_2017.csv", "\n".join(("Image Index,Finding Label,Bbox [x,y,w,h],,,", *boxes, gone)))

    dataset, remarks = imported(folder, tmp_path / "d")

    assert set(dataset.tasks) == {"findings", "boxes"}
    assert case_labels(dataset, "findings")["00000001_000"] == {"Infiltration", "Mass"}
    assert [case.id for case in dataset.labelled("boxes")] == ["00000001_000"]
    assert boxes_of(dataset, "00000001_000").classes == ("Infiltration", "Mass")
    assert lit_inside(dataset, "00000001_000") == {200}
    assert "BBox_List_2017.csv: An image is not here, and is left out (00000099_000.png)" in told(remarks)


def test_chest_xray14_without_an_image_of_its_list_of_boxes_has_findings_alone(tmp_path):
    folder = nih(tmp_path / "s", ("a.png", "Mass", 1), ("b.png", "No Finding", 2), ("c.png", "Hernia", 3))
    write(folder / "BBox_List_2017.csv", "Image Index,Finding Label,Bbox [x,y,w,h],,,\nz.png,Mass,1,2,3,4,,,\n")

    dataset, remarks = imported(folder, tmp_path / "d")

    assert set(dataset.tasks) == {"findings"}
    assert "No image of the table of boxes is here" in told(remarks)


def test_findings_that_are_none_are_told(tmp_path):
    message = refused(nih(tmp_path / "s", ("a.png", "Mass|Flu", 1), ("b.png", "Cold", 2)))

    assert "A finding is not known (a: Flu, b: Cold)" in message


def oasis(folder: Path, save, *rows: tuple[str, str], ending: str = "_mpr_n4_anon_111_t88_masked_gfc") -> Path:
    lines = [f"{scan},F,R,74,2,3,29,{rating},1344,0.743,1.306,N/A\n" for scan, rating in rows]
    write(folder / "oasis_cross-sectional.csv", OASIS + "".join(lines))
    for scan, _ in rows:
        save(folder / "disc1" / scan / f"{scan}{ending}.nii.gz", 1, 2)
    return folder


def test_oasis_1_is_rated_by_scan_and_grouped_by_person(tmp_path, save):
    rows = [("OAS1_0001_MR1", "0"), ("OAS1_0001_MR2", "0"), ("OAS1_0003_MR1", "0.5"), ("OAS1_0004_MR1", "")]
    folder = oasis(tmp_path / "s", save, *rows)

    dataset, _ = imported(folder, tmp_path / "d")

    assert case_labels(dataset, "dementia") == {
        "OAS1_0001_MR1": {"nondemented"},
        "OAS1_0001_MR2": {"nondemented"},
        "OAS1_0003_MR1": {"demented"},
    }
    assert case_labels(dataset, "cdr")["OAS1_0003_MR1"] == {"CDR 0.5"}
    assert [case.group for case in dataset.cases] == ["OAS1_0001", "OAS1_0001", "OAS1_0003", "OAS1_0004"]
    assert dataset.unlabelled("dementia")[0].id == "OAS1_0004_MR1"


def test_of_several_images_of_a_scan_the_masked_one_in_atlas_space_is_taken(tmp_path, save):
    folder = oasis(tmp_path / "s", save, ("OAS1_0001_MR1", "0"), ("OAS1_0003_MR1", "1"))
    for other in ("_mpr-1_anon", "_mpr_n4_anon_111_t88_masked_gfc_fseg", "_mpr_n4_anon_sbj_111"):
        save(folder / "disc1" / "x" / f"OAS1_0001_MR1{other}.nii.gz", 3)

    dataset, _ = imported(folder, tmp_path / "d")

    assert dataset.case("OAS1_0001_MR1").images[0].name.endswith("t88_masked_gfc.nii.gz")


def test_oasis_1_faults_are_told_at_once(tmp_path, save):
    folder = oasis(tmp_path / "s", save, ("OAS1_0001_MR1", "3"), ("OAS1_0002_MR1", "0"), ending="_a")
    save(folder / "OAS1_0002_MR1_b.nii.gz", 1)

    message = refused(folder)

    assert "none of 0, 0.5, 1 and 2 (OAS1_0001_MR1: 3)" in message
    assert "A scan has several images (OAS1_0002_MR1)" in message


def test_oasis_1_in_analyze_format_is_told_to_be_converted(tmp_path):
    write(tmp_path / "oasis_cross-sectional.csv", OASIS + "OAS1_0001_MR1,F,R,74,2,3,29,0,1344,0.743,1.306,N/A\n")
    write(tmp_path / "OAS1_0001_MR1_mpr_n4_anon_111_t88_masked_gfc.img", "")

    assert "Convert the Analyze images" in refused(tmp_path)


def rsna(folder: Path, suffix: str = ".png") -> Path:
    write(
        folder / "stage_2_train_labels.csv",
        "patientId,x,y,width,height,Target\np1,,,,,0\np2,12.0,4.0,20.0,6.0,1\np2,1.0,1.0,2.0,2.0,1\np3,,,,,0\n",
    )
    write(
        folder / "stage_2_detailed_class_info.csv",
        "patientId,class\np1,Normal\np2,Lung Opacity\np2,Lung Opacity\np3,No Lung Opacity / Not Normal\n",
    )
    for name in ("p1", "p2", "p3"):
        lit = (12, 4, 32, 10) if name == "p2" else None
        path = picture(folder / "stage_2_train_images" / f"{name}.png", lit=lit)
        path.rename(path.with_suffix(suffix))
    return folder


def test_rsna_pneumonia_has_boxes_images_without_boxes_and_classes(tmp_path):
    dataset, _ = imported(rsna(tmp_path / "s"), tmp_path / "d")

    assert lit_inside(dataset, "p2", "opacities") == {200}
    assert boxes_of(dataset, "p2", "opacities").classes == ("lung opacity", "lung opacity")
    assert len(boxes_of(dataset, "p1", "opacities").corners) == 0
    assert case_labels(dataset, "finding")["p3"] == {"No Lung Opacity / Not Normal"}
    assert (dataset.name, dataset.modality) == ("rsna-pneumonia", Modality.XR)


def test_rsna_pneumonia_is_imported_from_its_own_dicom(tmp_path):
    source = rsna(tmp_path / "s")
    for path in sorted((source / "stage_2_train_images").iterdir()):
        pixels = np.array(Image.open(path)).astype(np.uint16)[None]
        save_series(path.parent, pixels, names=[f"{path.stem}.dcm"], Modality="CR", **WITHOUT_PLACE)
        path.unlink()

    dataset, _ = imported(source, tmp_path / "d")

    assert lit_inside(dataset, "p2", "opacities") == {200}
    assert dataset.modality == Modality.XR


def test_rsna_pneumonia_with_two_classes_of_one_image_is_refused(tmp_path):
    folder = rsna(tmp_path / "s")
    with (folder / "stage_2_detailed_class_info.csv").open("a", encoding="utf-8") as table:
        table.write("p1,Lung Opacity\n")

    message = refused(folder)

    assert "stage_2_detailed_class_info.csv: Rows of one image give different classes" in message
    assert "(p1: 'Lung Opacity' and 'Normal')" in message


def test_rsna_pneumonia_without_an_image_that_can_be_opened_is_told(tmp_path):
    message = refused(rsna(tmp_path / "s", ".xyz"))

    assert "None of the patients has an image below this folder. Put the images beside the table" in message


def test_folders_of_classes_below_folders_of_sides(tmp_path):
    for side, counts in (("train", (3, 2)), ("test", (1, 1))):
        for name, count in zip(("NonDemented", "MildDemented"), counts, strict=True):
            for number in range(count):
                picture(tmp_path / "s" / side / name / f"{name[0]}{number}.jpg")

    dataset, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert dataset.task("class").classes == ("MildDemented", "NonDemented")
    assert case_labels(dataset, "class")["test_MildDemented_M0"] == {"MildDemented"}
    assert len(dataset.split.test) == 2
    assert len(dataset.split.train) + len(dataset.split.validate) == 5
    assert "counts as a patient of its own" in told(remarks)


def test_folders_of_classes_alone_are_split_at_random(tmp_path):
    for name in ("cat", "dog"):
        for number in range(5):
            picture(tmp_path / "s" / name / f"{name}_{number}.png")

    dataset, _ = imported(tmp_path / "s", tmp_path / "d")

    assert [len(side) for side in (dataset.split.train, dataset.split.validate, dataset.split.test)] == [6, 2, 2]


def test_folders_of_patients_with_nifti_are_no_classes(tmp_path, save):
    for name in ("patient07", "patient19"):
        save(tmp_path / "s" / name / "flair.nii.gz", 1, 2)

    assert "No dataset was found" in refused(tmp_path / "s")
