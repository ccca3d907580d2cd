"""One colour for each class, the same in layers, tables and legends, and told apart by colour-blind eyes."""

import colorsys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from napari_medkd.core.task import Task

Rgba: TypeAlias = tuple[float, float, float, float]

TRANSPARENT: Rgba = (0.0, 0.0, 0.0, 0.0)
#: For label values that belong to no class, so that a stray voxel is seen.
UNKNOWN = "#9a9a9a"

#: Okabe and Ito's palette without black, ordered so that the first ones stand out on a grey image.
_FIRST = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2")
_GOLDEN_ANGLE = 0.381966

#: What a difference layer marks: only in the first mask, only in the second, in both as different classes.
ONLY_FIRST, ONLY_SECOND, OTHER_CLASS = "#e5132c", "#00e5ff", "#ffe14d"


def hex_of(label: int) -> str:
    """Return the colour of a label value (1 and up) as ``#rrggbb``.

    The first seven are fixed; many more classes than that can only be told apart by their names.
    """
    if label <= len(_FIRST):
        return _FIRST[label - 1]
    turn = label - len(_FIRST)
    red, green, blue = colorsys.hsv_to_rgb(
        (turn * _GOLDEN_ANGLE) % 1.0, (0.5, 0.85)[turn % 2], (1.0, 0.8, 0.6)[turn % 3]
    )
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def rgba_of(colour: str) -> Rgba:
    """Return ``#rrggbb`` as numbers from 0 to 1, opaque."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue, 1.0


def colour_of(task: "Task", label: int) -> str:
    """Return the colour of a class of a segmentation: the one a person chose, else the palette's."""
    return task.colours[label - 1] if label <= len(task.colours) else hex_of(label)


def colour_of_class(task: "Task", name: str) -> str:
    """Return the colour of a class by its name, whatever the task's kind; only a mask's first class has none."""
    return colour_of(task, task.classes.index(name) + (0 if task.kind == "segmentation" else 1))


def colours_of_labels(task: "Task") -> Mapping[int | None, Rgba]:
    """Return the colour of every label value of a segmentation; ``None`` is for values beyond the classes."""
    table: dict[int | None, Rgba] = {None: rgba_of(UNKNOWN), 0: TRANSPARENT}
    table.update({label: rgba_of(colour_of(task, label)) for label in range(1, len(task.classes))})
    return table
