"""What was found in a layout that cannot be opened in place, because some of its files have to be made first."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import Problem
from napari_medkd.core.volume import Volume


@dataclass(frozen=True, slots=True)
class Made:
    """What a case has not got as files, to be written as such.

    Parameters
    ----------
    case
        Its id.
    volume
        Its image; None where the case names its files.
    annotations
        By name of the task.
    """

    case: str
    volume: Volume | None = None
    annotations: Mapping[str, Mask | Boxes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset as others keep it.

    Parameters
    ----------
    layout
        What it was recognised as, in words.
    dataset
        Its cases name the files that are there, and carry the class labels.
    made
        Gives what the cases have not got as files, one case after the other.
    remarks
        What was left out or changed, and why; nothing that keeps the rest from being used.
    """

    layout: str
    dataset: Dataset
    made: Callable[[], Iterator[Made]] = lambda: iter(())
    remarks: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnWishes:
    """What a person said about a table's columns; an empty name leaves the choice to the importer.

    Parameters
    ----------
    image, group, domain, split
        Names of columns.
    classes
        Names of the columns that hold classes.
    """

    image: str = ""
    group: str = ""
    domain: str = ""
    split: str = ""
    classes: tuple[str, ...] = ()


def folder_of(source: Path) -> Path:
    """Return the folder that a source lies in: itself, or that of the file."""
    return source.parent if source.is_file() else source
