"""Which of several tables are read, and what is told of the others."""

from pathlib import Path

import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers import box_table, class_labels
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from tests.files.importers.imported import boxes_of, case_labels, imported, picture, told, write


def laid_out(folder: Path, names: str = "abcd", **tables: str) -> Path:
    for name in names:
        picture(folder / "images" / f"{name}.png")
    for name, text in tables.items():
        write(folder / f"{name}.csv", text)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(DatasetProblem) as caught:
        source_at(folder, ColumnWishes())
    return str(caught.value)


def test_tables_of_sides_are_read_together(tmp_path):
    tables = {"train_labels": "image,label\na,x\nb,y\nc,y\n", "test_labels": "image,label\nd,x\n"}

    dataset, remarks = imported(laid_out(tmp_path / "s", **tables), tmp_path / "d")

    assert case_labels(dataset, "label") == {"a": {"x"}, "b": {"y"}, "c": {"y"}, "d": {"x"}}
    assert dataset.split.test == ("d",)
    assert "not read" not in told(remarks)


def test_tables_of_boxes_on_sides_are_read_together(tmp_path):
    tables = {"train": "image,x,y,w,h\na,1,1,2,2\nb,1,1,2,2\n", "valid": "image,x,y,w,h\nc,3,3,4,4\n"}

    dataset, _ = imported(laid_out(tmp_path / "s", **tables), tmp_path / "d")

    assert boxes_of(dataset, "c").corners.tolist() == [[0, 3, 3, 1, 7, 7]]
    assert (dataset.split.train, dataset.split.validate) == (("a", "b"), ("c",))


def test_an_image_in_the_tables_of_two_sides_is_refused(tmp_path):
    tables = {"train": "image,label\na,x\nb,y\n", "test": "image,label\na,x\nc,y\n"}

    message = refused(laid_out(tmp_path, **tables))

    assert "test.csv and train.csv: Rows of one image differ in 'split' (test and train)" in message


def test_a_column_of_sides_counts_before_the_names_of_the_tables(tmp_path):
    tables = {"train": "image,label,split\na,x,train\nb,y,val\n", "test": "image,label,split\nc,x,val\nd,y,test\n"}

    dataset, _ = imported(laid_out(tmp_path / "s", **tables), tmp_path / "d")

    assert (dataset.split.train, set(dataset.split.validate), dataset.split.test) == (("a",), {"b", "c"}, ("d",))


@pytest.mark.parametrize("heading", ["phase", "split"])
def test_the_names_of_the_tables_count_where_a_column_names_no_side(tmp_path, heading):
    tables = {
        "train": f"image,label,{heading}\na,x,arterial\nb,y,portal\nc,y,portal\n",
        "test": f"image,label,{heading}\nd,x,portal\n",
    }

    dataset, _ = imported(laid_out(tmp_path / "s", **tables), tmp_path / "d")

    assert dataset.split.test == ("d",)


@pytest.mark.parametrize("second", ["image,label\nc,x\nd,y\n", "image,grade\nc,1\nd,2\n"])
def test_other_tables_of_images_are_told(tmp_path, second):
    tables = {"first": "image,label\na,x\nb,y\n", "second": second, "scanners": "name,year\nGE,1999\n"}

    dataset, remarks = imported(laid_out(tmp_path / "s", **tables), tmp_path / "d")

    assert set(case_labels(dataset, "label")) == {"a", "b"}
    assert "Other tables of images are not read (second.csv)" in told(remarks)


def test_a_table_of_classes_beside_one_of_boxes_is_told(tmp_path):
    tables = {"boxes": "image,x,y,w,h\na,1,1,2,2\n", "grades": "image,grade\na,1\nb,2\n"}

    found = source_at(laid_out(tmp_path, **tables), ColumnWishes())

    assert "Other tables of images are not read (grades.csv)" in told(found.remarks)


def test_what_was_told_of_a_table_without_classes_is_told_beside_the_next_one(tmp_path):
    tables = {"a_ages": "image,label\na,same\nb,same\n", "b_grades": "image,label\na,x\nb,y\n"}

    _, remarks = imported(laid_out(tmp_path / "s", **tables), tmp_path / "d")

    assert "a_ages.csv: A column has not 2 to 100 different classes" in told(remarks)
    assert "A table of images gives no classes, and is left out (a_ages.csv)" in told(remarks)


def test_what_was_told_of_tables_without_classes_is_told_beside_another_layout(tmp_path):
    folder = laid_out(tmp_path / "s", labels="image,label\na,same\nb,same\n")
    for name in "abcd":
        picture(folder / "masks" / f"{name}.png", lit=(1, 1, 3, 3))

    _, remarks = imported(folder, tmp_path / "d")

    assert "labels.csv: A column has not 2 to 100 different classes" in told(remarks)


@pytest.mark.parametrize(
    "table", ["image,label\n{0}/a.png,x\n{0}/b.png,y\n", "image,p,q\n{0}/a.png,1,0\n{0}/b.png,0,1\n"]
)
def test_a_table_none_of_whose_images_is_here_is_refused(tmp_path, table):
    message = refused(laid_out(tmp_path, labels=table.format("elsewhere/images")))

    assert "labels.csv: None of the images that it lists is here, such as elsewhere/images/a.png" in message


def test_a_table_without_rows_is_no_table_of_images(tmp_path):
    folder = laid_out(tmp_path, labels="image,label\n")

    assert source_at(folder, ColumnWishes(image="image")).dataset.tasks == {}


def test_a_folder_without_tables_is_not_walked_for_them(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_medkd.files.importers.image_index._MOST_FILES", 2)

    assert class_labels.recognise(laid_out(tmp_path), ColumnWishes()) is None
    assert box_table.recognise(laid_out(tmp_path, labels="image,label\na,x\n"), ColumnWishes()) is None


@pytest.mark.parametrize("content", [b"name,note\nGE,M\xfcnchen\n", b"note,note\na,b\n"])
@pytest.mark.parametrize(
    ("table", "task"),
    [("image,label\na,x\nb,y\n", "label"), ("image,x,y,w,h\na,1,1,2,2\n", "boxes"), ("", "segmentation")],
)
def test_a_table_that_cannot_be_read_is_left_out_and_told(tmp_path, table, task, content):
    folder = laid_out(tmp_path / "s", **({"labels": table} if table else {}))
    (folder / "a_notes.csv").write_bytes(content)
    if task == "segmentation":
        for name in "abcd":
            picture(folder / "masks" / f"{name}.png", lit=(1, 1, 3, 3))

    dataset, remarks = imported(folder, tmp_path / "d")

    assert list(dataset.tasks) == [task]
    assert told(remarks).count("a_notes.csv: ") == told(remarks).count("The table is left out.") == 1


def test_several_masks_of_one_image_beside_a_table_are_left_out_and_told(tmp_path):
    folder = laid_out(tmp_path / "s", labels="image,label\na,x\nb,y\n")
    for name in ("a_mask", "a_mask_1", "b_mask"):
        picture(folder / "masks" / f"{name}.png", lit=(1, 1, 3, 3))

    dataset, remarks = imported(folder, tmp_path / "d")

    assert list(dataset.tasks) == ["label"]
    assert "The image has several masks: a_mask.png, a_mask_1.png. The masks are left out." in told(remarks)
    assert "medkd import" not in told(remarks)


def test_names_may_begin_above_the_folder(tmp_path):
    folder = laid_out(tmp_path / "data", labels="image,label\ndata/images/a.png,x\ndata/images/b.png,y\n")

    dataset, _ = imported(folder, tmp_path / "d")

    assert case_labels(dataset, "label") == {"a": {"x"}, "b": {"y"}}


def test_chexpert_is_read_as_it_is_released(tmp_path):
    folder, columns = tmp_path / "CheXpert-v1.0-small", "Path,Sex,Edema,Mass\n"
    rows = {"train": [], "valid": []}
    for side, patient, values in (("train", 1, "1.0,0.0"), ("train", 2, "0.0,1.0"), ("valid", 3, "1.0,1.0")):
        place = f"{side}/patient0000{patient}/study1/view1_frontal.jpg"
        picture(folder / place)
        rows[side].append(f"{folder.name}/{place},Male,{values}\n")
    for side, lines in rows.items():
        write(folder / f"{side}.csv", columns + "".join(lines))

    dataset, _ = imported(folder, tmp_path / "d")

    assert sorted(map(sorted, case_labels(dataset, "findings").values())) == [["Edema"], ["Edema", "Mass"], ["Mass"]]
    assert (len(dataset.split.train), len(dataset.split.validate)) == (2, 1)


def test_of_a_single_column_of_0_and_1_it_is_told_how_to_name_it(tmp_path):
    folder = laid_out(tmp_path, labels="image,age,malignant\na,50,0\nb,60,1\nc,70,1\nd,80,0\n")
    hint = "If it is one, name it: --column class=malignant"

    assert hint in told(source_at(folder, ColumnWishes()).remarks)
    with pytest.raises(DatasetProblem, match=hint):
        source_at(folder / "labels.csv", ColumnWishes())
    named = source_at(folder, ColumnWishes(classes=("malignant",))).dataset
    assert case_labels(named, "malignant")["b"] == {"1"}
