"""Masks that lie among their images, told by how their names end: ``a_mask.png``, ``a_mask_1.png``, ``a_seg.nii``."""

import re
from collections.abc import Iterable
from pathlib import Path

from napari_medkd.files.opening import stem_of

_MASK = re.compile(r"(?P<image>.+)(_masks|_mask(_\d+)?|_labels|_label|_seg)")

#: The masks of each image, by the image's name.
MasksOf = dict[str, tuple[Path, ...]]


def image_of(mask: Path) -> str:
    """Return the name of the image that a file is a mask of by its name, or its own name."""
    found = _MASK.fullmatch(stem_of(mask))
    return found["image"] if found else stem_of(mask)


def parted(files: Iterable[Path]) -> tuple[list[Path], MasksOf]:
    """Return the images among the files, and the masks."""
    images: list[Path] = []
    masks: dict[str, list[Path]] = {}
    for path in files:
        if image_of(path) == stem_of(path):
            images.append(path)
        else:
            masks.setdefault(image_of(path), []).append(path)
    return images, {name: tuple(paths) for name, paths in masks.items()}
