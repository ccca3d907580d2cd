"""Small datasets of volumes with classes and boxes, written as files."""

import json
from pathlib import Path

import numpy as np

from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import write_volume


def write_volumes(
    folder: Path, name: str, grid: Grid, *, lump: tuple[int, int, int], findings: bool, number: int = 4
) -> Path:
    """Write volumes with a bright lump each, one to validate, one to test, the rest to train; return the folder.

    Parameters
    ----------
    lump
        Voxels (z, y, x) of the lump.
    findings
        Whether classes are known beside boxes: a lump everywhere, and a bright slice in every other volume.
    """
    folder.mkdir(parents=True)
    cases = []
    for index in range(number):
        random = np.random.default_rng(index)
        image = random.normal(100, 10, grid.shape).astype(np.float32)
        low = [int(random.integers(1, size - side)) for size, side in zip(grid.shape, lump, strict=True)]
        high = [start + side for start, side in zip(low, lump, strict=True)]
        image[low[0] : high[0], low[1] : high[1], low[2] : high[2]] += 80
        if index % 2:
            image[0] += 150
        case = f"{name}{index}"
        write_volume(folder / f"{case}.nii.gz", Volume(image[None], grid))
        boxes = {"axes": "IPL", "boxes": [{"class": "lump", "corners": [*low, *high]}]}
        (folder / f"{case}.json").write_text(json.dumps(boxes))
        known: dict[str, object] = {"places": f"{case}.json"}
        if findings:
            known["findings"] = {"present": ["lump", "bright slice"][: 1 + index % 2]}
        cases.append({"id": case, "images": [f"{case}.nii.gz"], "annotations": known})
    tasks: dict[str, object] = {"places": {"kind": "detection", "classes": ["lump"]}}
    if findings:
        classes = ["lump", "bright slice"]
        tasks["findings"] = {"kind": "classification", "classes": classes, "multilabel": True}
    ids = [case["id"] for case in cases]
    manifest = {
        "schema_version": 1,
        "name": name,
        "channels": ["image"],
        "modality": "MR",
        "tasks": tasks,
        "cases": cases,
        "split": {"train": ids[:-2], "validate": ids[-2:-1], "test": ids[-1:]},
    }
    (folder / "medkd-dataset.json").write_text(json.dumps(manifest))
    return folder
