"""Small datasets of pictures with masks, classes and boxes, written as files."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32


def _picture(seed: int, channels: int, *, dark: bool) -> tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[int, ...]]:
    """Return channels (C, Y, X), the mask of a rectangle and its box (y0, x0, y1, x1); every other one is framed."""
    random = np.random.default_rng(seed)
    y0, x0 = random.integers(3, 14, 2)
    y1, x1 = y0 + random.integers(8, 13), x0 + random.integers(8, 13)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[y0:y1, x0:x1] = 1
    inside, outside = (60, 170) if dark else (200, 90)
    image = np.where(mask, inside, outside) + random.normal(0, 12, (channels, SIDE, SIDE))
    if seed % 2:
        image[:, :3] = image[:, -3:] = 255
    return image.clip(0, 255).astype(np.uint8), mask, (int(y0), int(x0), int(y1), int(x1))


def write_pictures(folder: Path, name: str, *, channels: int = 1, dark: bool = False, tasks: str = "mcb") -> Path:
    """Write twelve pictures, eight to train, two to validate, two to test, and return the folder.

    Parameters
    ----------
    tasks
        Which are known: m masks, c classes, b boxes.
    """
    kinds = {
        "m": ("shape", {"kind": "segmentation", "classes": ["background", "rectangle"]}),
        "c": ("border", {"kind": "classification", "classes": ["plain", "framed"]}),
        "b": ("places", {"kind": "detection", "classes": ["rectangle"]}),
    }
    folder.mkdir(parents=True)
    cases = []
    for number in range(12):
        image, mask, (y0, x0, y1, x1) = _picture(number, channels, dark=dark)
        paths = []
        for channel in range(channels):
            paths.append(f"{name}{number}_{channel}.png")
            Image.fromarray(image[channel]).save(folder / paths[-1])
        Image.fromarray(mask).save(folder / f"mask{number}.png")
        box = {"class": "rectangle", "corners": [0, y0, x0, 1, y1, x1]}
        (folder / f"boxes{number}.json").write_text(json.dumps({"axes": "IPL", "boxes": [box]}))
        known = {
            "m": f"mask{number}.png",
            "c": {"present": [("plain", "framed")[number % 2]]},
            "b": f"boxes{number}.json",
        }
        cases.append(
            {"id": f"{name}{number}", "images": paths, "annotations": {kinds[one][0]: known[one] for one in tasks}}
        )
    ids = [case["id"] for case in cases]
    manifest = {
        "schema_version": 1,
        "name": name,
        "channels": [f"channel {one}" for one in range(channels)],
        "tasks": {kinds[one][0]: kinds[one][1] for one in tasks},
        "cases": cases,
        "split": {"train": ids[:8], "validate": ids[8:10], "test": ids[10:]},
    }
    (folder / "medkd-dataset.json").write_text(json.dumps(manifest))
    return folder
