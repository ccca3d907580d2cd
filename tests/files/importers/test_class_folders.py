"""Folders of pictures called like their class, with and without masks among the pictures."""

from pathlib import Path

import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.preview import preview_of
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from napari_medkd.files.opening import read_mask
from tests.files.importers.imported import case_labels, imported, picture, told, write


def busi(folder: Path, save) -> Path:
    """Write pictures with their masks among them; the second mask of ``benign (1)`` is the other half of the first."""
    for name, number in (("benign", 1), ("benign", 2), ("malignant", 1), ("normal", 1)):
        picture(folder / name / f"{name} ({number}).png", 4, 5)
        save(folder / name / f"{name} ({number})_mask.png", *((0,) if name == "normal" else (0, 0, 255, 0, 0)))
    save(folder / "benign" / "benign (1)_mask_1.png", 255, 0, 0, 0, 0)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(DatasetProblem) as caught:
        source_at(folder, ColumnWishes())
    return str(caught.value)


def test_masks_among_the_pictures_of_a_class_are_a_task_of_their_own(tmp_path, save):
    dataset, _ = imported(busi(tmp_path / "s", save), tmp_path / "d")

    assert case_labels(dataset, "class") == {
        "benign (1)": {"benign"},
        "benign (2)": {"benign"},
        "malignant (1)": {"malignant"},
        "normal (1)": {"normal"},
    }
    assert dataset.task("segmentation").classes == ("background", "label 1")
    assert len(dataset.labelled("segmentation")) == 4


def test_several_masks_of_one_picture_are_united(tmp_path, save):
    dataset, remarks = imported(busi(tmp_path / "s", save), tmp_path / "d")

    path = Path(str(dataset.case("benign (1)").annotations["segmentation"]))
    mask = read_mask(path, dataset.task("segmentation"))
    assert mask.labels[0].tolist() == [[1, 0, 1, 0, 0]] * 4
    assert "Several masks of one image are united (benign (1): 2)" in told(remarks)


def test_a_preview_counts_masks_that_are_there_and_those_to_be_united(tmp_path, save):
    from napari_medkd.cli.import_preview import document_of

    seen = preview_of(source_at(busi(tmp_path, save), ColumnWishes()))

    assert seen.problems == ()
    assert document_of(seen)["tasks"]["segmentation"]["labelled"] == 4


def test_a_mask_whose_picture_is_gone_is_left_out_and_told(tmp_path, save):
    folder = busi(tmp_path / "s", save)
    (folder / "benign" / "benign (2).png").unlink()

    dataset, remarks = imported(folder, tmp_path / "d")

    assert "benign (2)_mask" not in case_labels(dataset, "class")
    assert "A mask is left out, for it has no image (benign (2)_mask.png)" in told(remarks)


def test_pictures_that_are_only_called_like_masks_stay_pictures(tmp_path):
    for name in ("with_mask", "without_mask"):
        for number in range(2):
            picture(tmp_path / "s" / name / f"{name}_{number}.png")

    dataset, _ = imported(tmp_path / "s", tmp_path / "d")

    assert list(dataset.tasks) == ["class"]
    assert len(dataset.cases) == 4


@pytest.mark.parametrize(
    ("images", "masks"), [("Original", "Ground Truth"), ("imgs", "GT"), ("train/images", "train/gt")]
)
def test_folders_of_images_and_masks_are_no_classes(tmp_path, images, masks):
    for name in (images, masks):
        picture(tmp_path / name / "0.png")

    message = refused(tmp_path)

    assert "not of classes" in message
    assert "--images" in message


@pytest.mark.parametrize("names", ["01", ("label 0", "label 1")])
def test_folders_with_numbers_are_classes(tmp_path, names):
    for name in names:
        picture(tmp_path / name / f"of {name}.png")

    assert source_at(tmp_path, ColumnWishes()).dataset.task("class").classes == tuple(names)


def test_a_fault_of_images_and_masks_is_not_hidden_by_taking_them_for_classes(tmp_path):
    for name in ("images/a", "masks/a", "masks/b"):
        picture(tmp_path / f"{name}.png")

    assert "There is no image called 'b'" in refused(tmp_path)


def test_a_class_without_pictures_is_left_out_and_told(tmp_path):
    for name in ("train/cat/0", "train/dog/1", "test/cat/2"):
        picture(tmp_path / "s" / f"{name}.png")
    (tmp_path / "s" / "test" / "dog").mkdir()

    dataset, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert dataset.split.test == ("2",)
    assert "A folder is empty, and is left out (test/dog)" in told(remarks)


def test_a_side_that_is_laid_out_otherwise_is_told(tmp_path):
    for name in ("train/cat/0", "train/dog/1", "test/2", "test/3"):
        picture(tmp_path / "s" / f"{name}.png")

    _, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert "has no folder of pictures for each class, and is left out (test)" in told(remarks)


def test_patients_named_beside_folders_of_sides_stay_together_when_those_who_validate_are_drawn(tmp_path):
    pictures = {"train": range(12), "test": range(12, 16)}
    for side, numbers in pictures.items():
        for number in numbers:
            picture(tmp_path / "s" / side / ["cat", "dog"][number % 2] / f"{number}.png")
    lines = [f"{number},p{number // 4}\n" for number in range(16)]
    write(tmp_path / "s" / "cases.csv", "id,group\n" + "".join(lines))

    dataset, _ = imported(tmp_path / "s", tmp_path / "d")

    assert [len(side) for side in (dataset.split.train, dataset.split.validate, dataset.split.test)] == [8, 4, 4]
