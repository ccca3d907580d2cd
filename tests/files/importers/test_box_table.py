from pathlib import Path

import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from tests.files.importers.imported import boxes_of, case_labels, imported, lit_inside, picture, told, write


def laid_out(folder: Path, table: str, name: str = "boxes.csv") -> Path:
    picture(folder / "images" / "a.png", lit=(12, 4, 32, 10))
    picture(folder / "images" / "b.png")
    write(folder / name, table)
    return folder


@pytest.mark.parametrize(
    "table",
    [
        "image,x,y,w,h,class\na.png,12,4,20,6,cell\n",
        "file_name;xmin;ymin;xmax;ymax;label\nimages/a.png;12;4;32;10;cell\n",
        "id\tx0\ty0\tx1\ty1\tcategory\na\t12\t4\t32\t10\tcell\n",
        "Image ID,x1,y1,x2,y2,Class Name\na,12,4,32,10,cell\n",
        "id,w,h,bbox_x,bbox_y,bbox_w,bbox_h,pathology\na,40,30,12,4,20,6,cell\n",
        "anything,left,top,width,height\na.png,12.0,4.0,20.0,6.0\n",
        "image,label,x_center,y_center,width,height\na.png,cell,22,7,20,6\n",
        "image;label;cx;cy;w;h\na.png;cell;22;7;20;6\n",
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,cell,12.0,4.0,20.0,6.0,,,\n",
    ],
)
def test_corners_and_sizes_under_many_names_lie_on_the_painted_rectangle(tmp_path, table):
    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert boxes_of(dataset, "a").corners.tolist() == [[0, 4, 12, 1, 10, 32]]
    assert boxes_of(dataset, "a").classes == (("object",) if "anything" in table else ("cell",))
    assert lit_inside(dataset, "a") == {200}


def test_a_row_without_numbers_is_an_image_without_a_box(tmp_path):
    table = "patientId,x,y,width,height,Target\na,12,4,20,6,1\na,1,1,3,3,1\nb,,,,,0\n"

    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert len(boxes_of(dataset, "a").corners) == 2
    assert len(boxes_of(dataset, "b").corners) == 0
    assert [case.id for case in dataset.labelled("boxes")] == ["a", "b"]


def test_a_box_without_a_class_is_refused_by_its_row(tmp_path):
    table = "image,x,y,w,h,class\na,12,4,20,6,cell\na,1,2,3,4,\nb,,,,,\n"

    with pytest.raises(
        DatasetProblem, match=r"boxes\.csv: A box has no class \(a: 1, 2, 3, 4\)\. Write it into its row"
    ):
        source_at(laid_out(tmp_path, table), ColumnWishes())


def test_a_class_that_is_one_for_all_boxes_of_each_image_is_the_images_too(tmp_path):
    of_image = "image,x,y,w,h,pathology\na,1,1,2,2,benign\na,5,5,2,2,benign\nb,1,1,2,2,malignant\n"
    of_boxes = "image,x,y,w,h,pathology\na,1,1,2,2,benign\na,5,5,2,2,malignant\nb,1,1,2,2,malignant\n"

    whole, _ = imported(laid_out(tmp_path / "s", of_image), tmp_path / "d")
    mixed, _ = imported(laid_out(tmp_path / "s2", of_boxes), tmp_path / "d2")

    assert case_labels(whole, "pathology") == {"a": {"benign"}, "b": {"malignant"}}
    assert list(mixed.tasks) == ["boxes"]
    assert mixed.task("boxes").classes == ("benign", "malignant")


def test_columns_of_classes_that_are_called_alike_or_like_the_boxes_stay_apart(tmp_path):
    table = "image,x,y,w,h,Side,side_,boxes\na,1,1,2,2,left,up,one\nb,1,1,2,2,right,down,two\n"

    wishes = ColumnWishes(classes=("Side", "side_", "boxes"))
    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d", wishes)

    assert set(dataset.tasks) == {"boxes", "boxes-2", "side", "side-2"}
    assert dataset.tasks["boxes"].kind == "detection"
    assert case_labels(dataset, "side-2") == {"a": {"up"}, "b": {"down"}}


def test_masks_in_pairs_are_taken_along(tmp_path):
    picture(tmp_path / "s" / "masks" / "a.png", lit=(12, 4, 32, 10))

    dataset, _ = imported(laid_out(tmp_path / "s", "image,x,y,w,h,class\na,12,4,20,6,cell\n"), tmp_path / "d")

    assert set(dataset.tasks) == {"segmentation", "boxes"}
    assert set(dataset.case("a").annotations) == {"segmentation", "boxes"}


def test_rows_that_are_no_numbers_are_all_refused(tmp_path):
    table = "image,x,y,w,h\na,1,1,2,wide\nb,1,,2,2\n"

    with pytest.raises(DatasetProblem, match=r"no four numbers \(a: 1, 1, 2, wide, b: 1, , 2, 2\)"):
        source_at(laid_out(tmp_path / "s", table), ColumnWishes())


def test_an_inverted_or_infinite_box_is_left_out_and_told(tmp_path):
    table = "image,x0,y0,x1,y1\na,12,4,32,10\na,9,9,5,5\nb,0,0,inf,3\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert len(boxes_of(dataset, "a").corners) == 1
    assert "no area, and is left out (a, b)" in told(remarks)


def test_a_box_on_a_nifti_image_is_refused(tmp_path, save):
    save(tmp_path / "s" / "images" / "c.nii.gz", 1, 2)
    write(tmp_path / "s" / "boxes.csv", "image,x,y,w,h\nc.nii.gz,1,1,2,2\n")

    with pytest.raises(DatasetProblem, match="order of axes is its own"):
        source_at(tmp_path / "s", ColumnWishes())


def test_fractions_of_the_image_are_refused_rather_than_taken_for_pixels(tmp_path):
    table = "image,x_center,y_center,width,height\na,0.55,0.23,0.5,0.2\nb,0.5,0.5,1,1\n"

    with pytest.raises(DatasetProblem, match=r"between 0 and 1, like fractions .* \(a: 0.55, 0.23, 0.5, 0.2"):
        source_at(laid_out(tmp_path / "s", table), ColumnWishes())


@pytest.mark.parametrize(
    "table",
    [
        "image,label,bbox\na.png,cell,12 4 20 6\nb.png,none,\n",
        "image,label,min_x,min_y,span\na.png,cell,12,4,20\nb.png,none,,,\n",
        "image,x,y\na.png,12,4\nb.png,5,5\n",
    ],
)
def test_columns_like_coordinates_that_fit_no_form_are_told(tmp_path, save, table):
    folder = laid_out(tmp_path / "s", table, "points.csv")
    picture(folder / "masks" / "a.png")
    picture(folder / "masks" / "b.png")

    found = source_at(folder, ColumnWishes())

    assert "boxes" not in found.dataset.tasks
    assert "points.csv: Columns look like coordinates of boxes, which are not read" in told(found.remarks)
    assert "x, y, width, height" in told(found.remarks)


def test_boxes_of_images_that_are_not_here_are_told(tmp_path):
    folder = laid_out(tmp_path / "s", "image,x,y,w,h\nz.png,1,1,2,2\n")
    picture(folder / "masks" / "a.png")
    picture(folder / "masks" / "b.png")

    found = source_at(folder, ColumnWishes())

    assert "No image of the table of boxes is here, or no row has a box" in told(found.remarks)


def test_sides_of_the_body_and_the_size_of_images_are_no_coordinates(tmp_path):
    table = "image,label,left,right,width,height\na.png,cell,1,0,40,30\nb.png,none,0,1,40,30\n"

    found = source_at(laid_out(tmp_path / "s", table), ColumnWishes())

    assert "coordinates" not in told(found.remarks)
