"""Importing a source in one call, and small files to import."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import Problem
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from napari_medkd.files.importing import write_source
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from napari_medkd.files.opening import read_boxes, read_volume


def imported(source: Path, out: Path, wishes: ColumnWishes | None = None) -> tuple[Dataset, tuple[Problem, ...]]:
    """Return the dataset that importing leaves, which has no problem, and the remarks."""
    found = source_at(source, wishes or ColumnWishes())
    dataset = open_dataset(write_source(found, out))
    assert problems_of_dataset(dataset, read_images=True) == []
    return dataset, found.remarks


def picture(path: Path, height: int = 30, width: int = 40, lit: tuple[int, int, int, int] | None = None) -> Path:
    """Write a grey picture whose pixels x0 to x1 and y0 to y1 (``lit``) are 200, the others 10."""
    pixels = np.full((height, width), 10, np.uint8)
    if lit is not None:
        x0, y0, x1, y1 = lit
        pixels[y0:y1, x0:x1] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, document: Any) -> Path:
    return write(path, json.dumps(document))


def boxes_of(dataset: Dataset, case: str, task: str = "boxes") -> Boxes:
    known = dataset.case(case)
    grid = read_volume(known.images).grid
    return read_boxes(Path(str(known.annotations[task])), dataset.task(task), grid)


def lit_inside(dataset: Dataset, case: str, task: str = "boxes") -> set[int]:
    """Return the intensities inside the case's first box, and fail where a lit pixel is outside of it."""
    volume = read_volume(dataset.case(case).images).data[0]
    z0, y0, x0, z1, y1, x1 = (int(edge) for edge in boxes_of(dataset, case, task).corners[0])
    inside = np.zeros(volume.shape, bool)
    inside[z0:z1, y0:y1, x0:x1] = True
    assert not (volume[~inside] == 200).any()
    return set(volume[inside].tolist())


def told(remarks: tuple[Problem, ...]) -> str:
    return "\n".join(map(str, remarks))


def case_labels(dataset: Dataset, task: str) -> dict[str, set[str]]:
    """Return the classes of each labelled case."""
    return {case.id: set(case.annotations[task].present) for case in dataset.labelled(task)}  # type: ignore[union-attr]
