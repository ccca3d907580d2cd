"""What is told where nothing says which images are of one patient."""

from pathlib import Path

import pytest

from napari_medkd.files.importers.patterns import Patterns, source_by_patterns
from napari_medkd.files.importers.source import ColumnWishes, Source
from napari_medkd.files.importers.sources import source_at
from tests.files.importers.imported import imported, picture, told, write, write_json

UNKNOWN = "Every image counts as a patient of its own"


def of_table(folder: Path, table: str = "image,label\na,x\nb,y\n") -> Source:
    for name in "ab":
        picture(folder / "images" / f"{name}.png")
    write(folder / "labels.csv", table)
    return source_at(folder, ColumnWishes())


def of_pairs(folder: Path) -> Source:
    for name in ("images/a", "images/b", "masks/a", "masks/b"):
        picture(folder / f"{name}.png")
    return source_at(folder, ColumnWishes())


def of_coco(folder: Path) -> Source:
    listed = [{"id": number, "file_name": f"{name}.png"} for number, name in enumerate("ab")]
    boxes = [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 2, 2]}]
    for name in "ab":
        picture(folder / f"{name}.png")
    document = {"images": listed, "annotations": boxes, "categories": [{"id": 1, "name": "cell"}]}
    write_json(folder / "annotations.json", document)
    return source_at(folder, ColumnWishes())


def of_folders(folder: Path) -> Source:
    for name in ("cat/a", "dog/b"):
        picture(folder / f"{name}.png")
    return source_at(folder, ColumnWishes())


def of_patterns(folder: Path) -> Source:
    for name in "ab":
        picture(folder / f"{name}_img.png")
    return source_by_patterns(folder, Patterns(("{case}_img.png",)))


@pytest.mark.parametrize("of_layout", [of_table, of_pairs, of_coco, of_folders, of_patterns])
def test_that_no_patient_is_named_is_told_once(tmp_path, of_layout):
    said = told(of_layout(tmp_path).remarks)

    assert said.count(UNKNOWN) == 1
    assert "cases.csv" in said
    assert ("--column group=" in said) == (of_layout is of_table)


@pytest.mark.parametrize("of_layout", [of_table, of_pairs, of_coco, of_folders, of_patterns])
def test_with_patients_beside_the_images_nothing_is_told(tmp_path, of_layout):
    write(tmp_path / "cases.csv", "id,group\na,Ann\nb,Bob\n")

    assert UNKNOWN not in told(of_layout(tmp_path).remarks)


def test_a_column_of_patients_is_enough(tmp_path):
    found = of_table(tmp_path, "image,label,patient\na,x,Ann\nb,y,Bob\n")

    assert UNKNOWN not in told(found.remarks)


@pytest.mark.parametrize("blank", ["NA", "nan", "N/A", ""])
def test_a_cell_that_says_nothing_is_no_patient(tmp_path, blank):
    found = of_table(tmp_path / "table", f"image,label,patient,site\na,x,{blank},{blank}\nb,y,{blank},GE\n")
    write(tmp_path / "pairs/cases.csv", f"id,group,domain\na,{blank},{blank}\nb,{blank},GE\na,,\n")

    for source in (found, of_pairs(tmp_path / "pairs")):
        assert [(case.group, case.domain) for case in source.dataset.cases] == [("a", ""), ("b", "GE")]
        assert UNKNOWN in told(source.remarks)


def test_rows_of_one_image_may_leave_its_patient_open(tmp_path):
    found = of_table(tmp_path, "image,label,patient\na,x,Ann\na,x,NA\nb,y,Bob\n")

    assert [case.group for case in found.dataset.cases] == ["Ann", "Bob"]


def test_the_arm_of_a_study_is_no_patient(tmp_path):
    table = "image,group,label\na,AD,x\nb,AD,y\n"
    found = of_table(tmp_path, table)

    assert [case.group for case in found.dataset.cases] == ["a", "b"]
    assert UNKNOWN in told(found.remarks)
    wished = source_at(tmp_path, ColumnWishes(group="group"))
    assert [case.group for case in wished.dataset.cases] == ["AD", "AD"]


def test_one_image_alone_is_of_one_patient(tmp_path):
    picture(tmp_path / "a.png")

    assert source_at(tmp_path, ColumnWishes()).remarks == ()


def test_layouts_whose_names_are_the_patients_tell_nothing(tmp_path, save):
    for subject in "12":
        save(tmp_path / "bids" / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz")
        for part in ("volume", "segmentation"):
            save(tmp_path / "lits" / f"{part}-{subject}.nii")

    assert source_at(tmp_path / "bids", ColumnWishes()).remarks == ()
    assert source_at(tmp_path / "lits", ColumnWishes()).remarks == ()


def test_pictures_of_one_lesion_are_of_one_patient(tmp_path):
    rows = "HAM_1,a,bkl,histo\nHAM_1,b,bkl,histo\nHAM_2,c,nv,follow_up\nHAM_3,d,nv,histo\n"
    for name in "abcd":
        picture(tmp_path / "s" / "HAM10000_images_part_1" / f"{name}.jpg")
    write(tmp_path / "s" / "HAM10000_metadata.csv", f"lesion_id,image_id,dx,dx_type\n{rows}")

    dataset, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert [case.group for case in dataset.cases] == ["HAM_1", "HAM_1", "HAM_2", "HAM_3"]
    assert UNKNOWN not in told(remarks)
