from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medkd.core.dataset import Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from tests.files.importers.imported import boxes_of, imported, lit_inside, picture, told, write_json


def document(**changes: Any) -> dict[str, Any]:
    sound = {
        "images": [
            {"id": 1, "file_name": "a.png", "width": 40, "height": 30},
            {"id": 7, "file_name": "b.png", "width": 40, "height": 30},
        ],
        "annotations": [{"id": 3, "image_id": 1, "category_id": 5, "bbox": [12, 4, 20, 6], "iscrowd": 0}],
        "categories": [{"id": 5, "name": "cell"}, {"id": 9, "name": "artefact"}],
    }
    return sound | changes


def laid_out(folder: Path, **changes: Any) -> Path:
    picture(folder / "images" / "a.png", lit=(12, 4, 32, 10))
    picture(folder / "images" / "b.png")
    write_json(folder / "annotations.coco.json", document(**changes))
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(DatasetProblem) as caught:
        source_at(folder, ColumnWishes())
    return str(caught.value)


def test_a_box_lies_on_the_painted_rectangle(tmp_path):
    dataset, _ = imported(laid_out(tmp_path / "s"), tmp_path / "d")

    assert boxes_of(dataset, "a").corners.tolist() == [[0, 4, 12, 1, 10, 32]]
    assert boxes_of(dataset, "a").classes == ("cell",)
    assert lit_inside(dataset, "a") == {200}


def test_an_image_without_boxes_has_been_looked_at(tmp_path):
    dataset, _ = imported(laid_out(tmp_path / "s"), tmp_path / "d")

    assert [case.id for case in dataset.labelled("boxes")] == ["a", "b"]
    assert boxes_of(dataset, "b").corners.shape == (0, 6)


def test_a_class_without_boxes_stays_so_that_another_site_gets_the_same_list(tmp_path):
    other = [{"id": 3, "image_id": 1, "category_id": 9, "bbox": [12, 4, 20, 6]}]

    here, remarks = imported(laid_out(tmp_path / "here"), tmp_path / "d")
    there, _ = imported(laid_out(tmp_path / "there", annotations=other), tmp_path / "e")

    assert here.tasks["boxes"].classes == there.tasks["boxes"].classes == ("artefact", "cell")
    assert "A class is listed and no box is of it" in told(remarks)
    assert "(artefact)" in told(remarks)


@pytest.mark.parametrize("images", [["a.png"], ["a.png", "c.png"]], ids=["the same image", "another image as well"])
def test_a_document_of_something_else_than_boxes_is_passed_over_and_told(tmp_path, images):
    folder = laid_out(tmp_path / "s")
    picture(folder / "images" / "c.png")
    panoptic = document(
        images=[{"id": number, "file_name": name} for number, name in enumerate(images)],
        annotations=[
            {"image_id": number, "file_name": name, "segments_info": []} for number, name in enumerate(images)
        ],
        categories=[{"id": 1, "name": "sky"}],
    )
    write_json(folder / "annotations" / "panoptic.json", panoptic)

    dataset, remarks = imported(folder, tmp_path / "d")

    assert [case.id for case in dataset.cases] == ["a", "b"]
    assert dataset.tasks["boxes"].classes == ("artefact", "cell")
    assert lit_inside(dataset, "a") == {200}
    assert "None of a document's annotations has a category_id, and it is passed over (panoptic.json)" in told(remarks)


def test_a_document_without_categories_that_is_the_only_one_is_refused(tmp_path):
    message = refused(laid_out(tmp_path / "s", annotations=[{"id": 4, "image_id": 1, "bbox": [1, 1, 2, 2]}]))

    assert "no image_id or category_id" in message


def test_nothing_is_asked_of_annotations_of_an_image_whose_boxes_are_not_taken(tmp_path):
    folder = in_two_documents(tmp_path / "s", "a.json", "b.json")
    torn = [{"id": 3, "image_id": 1, "bbox": [1, 1, 2, 2]}, {"id": 4, "image_id": 1, "category_id": 5}]
    only_a = [{"id": 1, "file_name": "a.png"}]
    write_json(folder / "annotations" / "b.json", document(images=only_a, annotations=torn))

    dataset, _ = imported(folder, tmp_path / "d")

    assert lit_inside(dataset, "a") == {200}


def test_the_document_can_be_named_itself(tmp_path):
    laid_out(tmp_path / "s")

    dataset, _ = imported(tmp_path / "s" / "annotations.coco.json", tmp_path / "d")

    assert lit_inside(dataset, "a") == {200}


def test_fractions_of_a_pixel_are_kept_and_what_reaches_over_the_edge_is_cut(tmp_path):
    of_both = [
        {"id": 1, "image_id": 1, "category_id": 5, "bbox": [0.5, 1.25, 2, 3]},
        {"id": 2, "image_id": 7, "category_id": 9, "bbox": [30, 20, 25, 10.5]},
    ]

    dataset, remarks = imported(laid_out(tmp_path / "s", annotations=of_both), tmp_path / "d")

    assert boxes_of(dataset, "a").corners.tolist() == [[0, 1.25, 0.5, 1, 4.25, 2.5]]
    assert boxes_of(dataset, "b").corners.tolist() == [[0, 20, 30, 1, 30, 40]]
    assert "more than a pixel over the image's edge, and is cut or left out (b)" in told(remarks)


def test_crowds_and_boxes_without_an_area_are_left_out_and_told(tmp_path):
    listed = [
        {"id": 1, "image_id": 1, "category_id": 5, "bbox": [1, 1, 5, 5], "iscrowd": 1, "segmentation": {"counts": []}},
        {"id": 2, "image_id": 1, "category_id": 5, "bbox": [1, 1, 0, 5]},
        {"id": 3, "image_id": 1, "category_id": 5, "bbox": [12, 4, 20, 6], "segmentation": [[12, 4, 32, 4, 32, 10]]},
    ]

    dataset, remarks = imported(laid_out(tmp_path / "s", annotations=listed), tmp_path / "d")

    assert boxes_of(dataset, "a").corners.tolist() == [[0, 4, 12, 1, 10, 32]]
    assert "crowd is no single box, and is left out (annotation 1)" in told(remarks)
    assert "no area, and is left out (a)" in told(remarks)
    assert "outline is not taken over, its box is (annotation 3)" in told(remarks)


def test_an_image_that_is_not_here_is_left_out_with_its_boxes(tmp_path):
    laid_out(tmp_path / "s")
    (tmp_path / "s" / "images" / "b.png").unlink()

    dataset, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert [case.id for case in dataset.cases] == ["a"]
    assert "not here, and is left out with its boxes (b.png)" in told(remarks)


def test_all_faults_are_told_at_once(tmp_path):
    faulty = [
        {"id": 1, "image_id": 4, "category_id": 5, "bbox": [1, 1, 2, 2]},
        {"id": 2, "image_id": 1, "category_id": 6, "bbox": [1, 1, 2, 2]},
        {"id": 3, "image_id": 1, "category_id": 5, "bbox": [1, 1, "2", 2]},
        {"id": 4, "bbox": [1, 1, 2, 2]},
    ]
    images = [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}, {"id": 2, "file_name": "../b.png"}]

    message = refused(laid_out(tmp_path / "s", annotations=faulty, images=images))

    assert "not listed (annotation 1, annotation 2)" in message
    assert "A bbox is no four numbers (annotation 3)" in message
    assert "no image_id or category_id" in message
    assert "a.png: 40 x 30 instead of 80 x 60" in message
    assert "A name leaves the folder (../b.png)" in message


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    secret = picture(tmp_path / "elsewhere" / "b.png")
    laid_out(tmp_path / "s")
    (tmp_path / "s" / "images" / "b.png").unlink()
    (tmp_path / "s" / "images" / "b.png").symlink_to(secret)

    dataset, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert [case.id for case in dataset.cases] == ["a"]
    assert "A link leads out of the folder, and is not followed (b.png)" in told(remarks)


@pytest.mark.parametrize("layout", ["key", "document", "folder"])
def test_the_sides_are_the_images_own_or_those_of_document_or_folder(tmp_path, layout):
    for side, lit in (("train", (1, 1, 5, 5)), ("val", (2, 2, 7, 7)), ("test", (3, 3, 9, 9))):
        own = {"key": "all", "document": f"{side}2017", "folder": "valid" if side == "val" else side}[layout]
        picture(tmp_path / "s" / own / f"{side}_1.png", lit=lit)
    listed = {
        side: document(
            images=[{"id": 1, "file_name": f"{side}_1.png"} | ({"split": side} if layout == "key" else {})],
            annotations=[{"id": 1, "image_id": 1, "category_id": 5, "bbox": [1, 1, 2, 2]}],
        )
        for side in ("train", "val", "test")
    }
    for side, one in listed.items():
        own = {
            "key": f"part_{len(side)}.json",
            "document": f"annotations/instances_{side}2017.json",
            "folder": f"{'valid' if side == 'val' else side}/_annotations.coco.json",
        }[layout]
        write_json(tmp_path / "s" / own, one)

    dataset, _ = imported(tmp_path / "s", tmp_path / "d")

    assert dataset.split.train == ("train_1",)
    assert dataset.split.validate == ("val_1",)
    assert dataset.split.test == ("test_1",)


def in_two_documents(folder: Path, first: str, second: str) -> Path:
    """Lay out COCO's own way: the second document lists the same image, with another box."""
    picture(folder / "images" / "a.png", lit=(12, 4, 32, 10))
    only_a = [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}]
    other = [{"id": 3, "image_id": 1, "category_id": 5, "bbox": [1, 1, 2, 2], "keypoints": [2, 2, 2]}]
    write_json(folder / "annotations" / first, document(images=only_a))
    write_json(folder / "annotations" / second, document(images=only_a, annotations=other))
    return folder


def test_an_image_in_two_documents_has_the_boxes_of_the_first_and_that_is_told(tmp_path):
    folder = in_two_documents(tmp_path / "s", "instances_train2017.json", "person_keypoints_train2017.json")

    dataset, remarks = imported(folder, tmp_path / "d")

    assert boxes_of(dataset, "a").corners.tolist() == [[0, 4, 12, 1, 10, 32]]
    assert "An image is listed in several documents; its boxes are those of the first (a.png)." in told(remarks)
    assert dataset.split.train == ("a",)


@pytest.mark.parametrize("documents", [("a_train.json", "b.json"), ("a.json", "b_train.json")])
def test_a_document_that_says_nothing_of_a_side_takes_none_away(tmp_path, documents):
    dataset, _ = imported(in_two_documents(tmp_path / "s", *documents), tmp_path / "d")

    assert dataset.split.train == ("a",)


@pytest.mark.parametrize("named", ["", "annotations.coco.json"])
@pytest.mark.parametrize("name", ["dev", "test-2024"])
def test_the_chosen_folders_own_name_is_no_side(tmp_path, name, named):
    found = source_at(laid_out(tmp_path / name) / named, ColumnWishes())

    assert found.dataset.split == Split()


@pytest.mark.parametrize("place", ["instances_test.json", "test/_annotations.coco.json"])
def test_a_side_of_all_images_that_does_not_train_is_left_out_and_told(tmp_path, place):
    (laid_out(tmp_path / "s") / "annotations.coco.json").unlink()
    write_json(tmp_path / "s" / place, document())

    found = source_at(tmp_path / "s", ColumnWishes())

    assert found.dataset.split == Split()
    assert "All images are on one side, which is not that to train" in told(found.remarks)


def test_images_to_test_beside_images_of_no_side_stay_apart(tmp_path):
    folder = laid_out(tmp_path / "s")
    picture(folder / "images" / "c.png")
    write_json(folder / "test.json", document(images=[{"id": 1, "file_name": "c.png"}]))

    assert source_at(folder, ColumnWishes()).dataset.split.test == ("c",)


@pytest.mark.parametrize("size", [{"width": None, "height": None}, {"width": 0, "height": 0}, {"width": 40}])
def test_a_size_that_is_not_said_is_not_compared(tmp_path, size):
    images = [{"id": 1, "file_name": "a.png"} | size]

    dataset, _ = imported(laid_out(tmp_path / "s", images=images), tmp_path / "d")

    assert lit_inside(dataset, "a") == {200}


def test_an_image_on_two_sides_is_a_fault(tmp_path):
    message = refused(in_two_documents(tmp_path / "s", "instances_train2017.json", "instances_val2017.json"))

    assert "An image is listed on two sides (a.png: train and validate)." in message
    assert "List it on one side" in message


def test_images_of_one_name_in_two_folders_are_two_cases(tmp_path):
    for side, x in (("train", 3), ("test", 9)):
        picture(tmp_path / "s" / side / "1.png", lit=(x, 2, x + 4, 6))
        boxed = [{"id": 1, "image_id": 1, "category_id": 5, "bbox": [x, 2, 4, 4]}]
        one = document(images=[{"id": 1, "file_name": "1.png"}], annotations=boxed)
        write_json(tmp_path / "s" / side / "_annotations.coco.json", one)

    dataset, _ = imported(tmp_path / "s", tmp_path / "d")

    assert lit_inside(dataset, "train_1") == lit_inside(dataset, "test_1") == {200}


def test_json_of_something_else_is_no_coco(tmp_path):
    picture(tmp_path / "s" / "images" / "a.png")
    write_json(tmp_path / "s" / "notes.json", {"images": "nice"})

    dataset, _ = imported_plain(tmp_path)

    assert dataset.tasks == {}


def imported_plain(tmp_path: Path):
    found = source_at(tmp_path / "s", ColumnWishes())
    return found.dataset, found.remarks


def test_a_picture_turned_by_its_camera_is_boxed_as_it_is_seen(tmp_path):
    from PIL import Image

    (tmp_path / "s").mkdir()
    pixels = np.full((30, 40), 10, np.uint8)
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "s" / "a.jpg", exif=on_its_side)
    seen = {"id": 1, "file_name": "a.jpg", "width": 30, "height": 40}
    boxed = [{"id": 1, "image_id": 1, "category_id": 5, "bbox": [1, 30, 2, 9]}]
    write_json(tmp_path / "s" / "coco.json", document(images=[seen], annotations=boxed))

    dataset, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert boxes_of(dataset, "a").corners.tolist() == [[0, 30, 1, 1, 39, 3]]
    assert [remark.problem for remark in remarks] == [
        "A class is listed and no box is of it; it is kept, so that datasets of one list agree (artefact)."
    ]
