"""A dataset to whose masks a person adds a class."""

from dataclasses import replace
from pathlib import Path

from napari_medkd.core.annotation import Mask
from napari_medkd.files.annotating import save_annotation
from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import read_mask


def copied(tiny_dataset: Path, folder: Path) -> Path:
    """Write a dataset of the tiny one's images in which case_0 was painted by hand, and return its folder."""
    folder.mkdir(exist_ok=True)
    dataset = replace(open_dataset(tiny_dataset), folder=folder)
    write_dataset(dataset, folder)
    save_annotation(open_dataset(folder), "case_0", mask_of(folder))
    return folder


def mask_of(folder: Path) -> Mask:
    """Return the mask of case_0 as it lies there now."""
    dataset = open_dataset(folder)
    path = dataset.case("case_0").annotations["shapes"]
    assert isinstance(path, Path)
    return read_mask(path, dataset.task("shapes"))


def paint_another_class(folder: Path) -> None:
    """Paint a third structure on case_0, in a corner that was background."""
    mask = mask_of(folder)
    labels = mask.labels.copy()
    assert not labels[:3, -5:, -5:].any()
    labels[:3, -5:, -5:] = 3
    added = replace(mask.task, classes=(*mask.task.classes, "corner"))
    save_annotation(open_dataset(folder), "case_0", Mask(labels, mask.grid, added))
