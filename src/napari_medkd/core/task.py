"""What is to be predicted, and its class names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from napari_medkd.core.errors import DatasetProblem

TaskKind: TypeAlias = Literal["segmentation", "classification", "detection"]

#: What an image has of a task, in a person's words.
KINDS_IN_WORDS: Mapping[TaskKind, str] = {"segmentation": "mask", "classification": "class", "detection": "boxes"}

#: The label of a voxel that counts nowhere, while training.
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to predict from an image.

    Parameters
    ----------
    name
        How datasets and specs refer to it.
    kind
        Segmentation, classification or detection.
    classes
        Their names. For segmentation the first is the background and label ``i`` is ``classes[i]``.
    multilabel
        Whether several classes may be present at once (classification).
    ignore
        A label value of a mask that counts nowhere; none of the classes'.
    colours
        What a person chose to draw the classes after the background in, ``#rrggbb``; the rest take the palette's.
    """

    name: str
    kind: TaskKind
    classes: tuple[str, ...]
    multilabel: bool = False
    ignore: int | None = None
    colours: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        fewest = 1 if self.kind == "detection" or self.multilabel else 2
        if len(self.classes) < fewest:
            raise DatasetProblem(
                f"tasks.{self.name}",
                f"{len(self.classes)} classes are listed; a {self.kind} task needs at least {fewest}.",
                "List every class; a segmentation's first class is the background.",
            )
        if len(set(self.classes)) != len(self.classes):
            raise DatasetProblem(
                f"tasks.{self.name}",
                f"A class is listed twice: {', '.join(self.classes)}.",
                "Give each class its own name.",
            )
        if not all(name.strip() for name in self.classes):
            raise DatasetProblem(
                f"tasks.{self.name}",
                f"Class {[bool(name.strip()) for name in self.classes].index(False)} has no name.",
                "Give each class a name of its own.",
            )
        if self.ignore is not None and 0 <= self.ignore < len(self.classes):
            raise DatasetProblem(
                f"tasks.{self.name}",
                f"The label to ignore, {self.ignore}, is that of class {self.classes[self.ignore]!r}.",
                f"Choose {len(self.classes)} or more, such as 255.",
            )

    @classmethod
    def of_kind(cls, tasks: Iterable["Task"], kind: TaskKind) -> "Task | None":
        """Return the one of some tasks that is of a kind; None where there is none."""
        return next((task for task in tasks if task.kind == kind), None)

    @property
    def foreground(self) -> tuple[str, ...]:
        """The classes that are reported: all but a segmentation's background."""
        return self.classes[1:] if self.kind == "segmentation" else self.classes

    def agrees_with(self, other: "Task") -> bool:
        """Return whether a label of the one means no other class to the other, as far as names can tell.

        Either may have further classes at the end. Classes may have been renamed instead: as many classes, none of
        which stands at another place in the other list.
        """
        others = [pair for pair in zip(self.classes, other.classes, strict=False) if pair[0] != pair[1]]
        is_as_long = len(self.classes) == len(other.classes)
        is_renamed = is_as_long and not any(one in other.classes or two in self.classes for one, two in others)
        return self.kind == other.kind and (not others or is_renamed)
