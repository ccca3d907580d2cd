"""Which files belong together: cases, their split, and the dataset they form. Paths only; nothing is opened."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.errors import DatasetProblem, Problem, did_you_mean
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality


@dataclass(frozen=True, slots=True)
class Case:
    """One image, and what is known about it.

    Parameters
    ----------
    id
        Unique in the dataset.
    images
        One file per channel.
    group
        The patient; no group is ever on two sides of a split.
    domain
        Site, scanner or sequence.
    annotations
        By task name: a mask or box file, or a class label.
    """

    id: str
    images: tuple[Path, ...]
    group: str
    domain: str = ""
    annotations: Mapping[str, Path | ClassLabel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Split:
    """Which cases train, choose settings (validate) and are scored once (test), by case id."""

    train: tuple[str, ...] = ()
    validate: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        listed = Counter((*self.train, *self.validate, *self.test))
        twice = [name for name, count in listed.items() if count > 1]
        if twice:
            raise DatasetProblem(
                "split", f"The cases {twice[:5]} are listed twice, on one or on two sides.", "List each case once."
            )


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Renames or merges label values when one dataset's mask is read as another's task.

    Parameters
    ----------
    values
        New label by stored label; a stored label that is not listed keeps its value.
    """

    values: Mapping[int, int] = field(default_factory=dict)

    def __call__(self, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the labels with every listed value replaced."""
        if not self.values:
            return labels
        size = max(int(labels.max(initial=0)), *self.values, *self.values.values()) + 1
        table = np.arange(size, dtype=np.uint16)
        for stored, new in self.values.items():
            table[stored] = new
        renamed: NDArray[np.integer] = table[labels]
        return renamed

    def stored_value(self, label: int) -> int | None:
        """Return a stored label that is read as the given one, itself if possible; None where there is none."""
        if self.values.get(label, label) == label:
            return label
        return min((stored for stored, new in self.values.items() if new == label), default=None)

    def inverse(self, labels: Iterable[int]) -> "LabelMap":
        """Return the map from labels to what is stored for them; one that nothing is read as is left as it is."""
        found = {label: self.stored_value(label) for label in labels}
        return LabelMap({label: stored for label, stored in found.items() if stored not in (None, label)})


@dataclass(frozen=True, slots=True)
class Dataset:
    """Cases that share channels, modality and tasks.

    Parameters
    ----------
    folder
        Where files are written that belong to the dataset.
    manifest
        Name of the file in the folder that it was read from; empty where that was no manifest.

    Raises
    ------
    DatasetProblem
        With every contradiction: case ids that repeat, a split that names no case, a patient on two sides.
    """

    name: str
    channels: tuple[str, ...]
    modality: Modality
    tasks: Mapping[str, Task]
    cases: tuple[Case, ...]
    split: Split = field(default_factory=Split)
    label_maps: Mapping[str, LabelMap] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    manifest: str = field(default="", compare=False)
    _by_id: Mapping[str, Case] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {case.id: case for case in self.cases})
        problems = [*self._repeated_ids(), *self._split_problems()]
        if problems:
            raise DatasetProblem.of(problems)

    def _repeated_ids(self) -> list[Problem]:
        seen: set[str] = set()
        repeated = sorted({case.id for case in self.cases if case.id in seen or seen.add(case.id)})  # type: ignore[func-returns-value]
        return [
            Problem(f"cases.{name}", "The case is listed twice.", "Give each case its own id.") for name in repeated
        ]

    def _split_problems(self) -> list[Problem]:
        groups = {case.id: case.group for case in self.cases}
        sides = {"train": self.split.train, "validate": self.split.validate, "test": self.split.test}
        problems = [
            Problem(f"split.{side}", f"The case {name!r} is not in the dataset.", did_you_mean(name, groups))
            for side, names in sides.items()
            for name in names
            if name not in groups
        ]
        side_of: dict[str, str] = {}
        for side, names in sides.items():
            for name in names:
                group = groups.get(name, name)
                if side_of.setdefault(group, side) != side:
                    problems.append(
                        Problem(
                            f"split.{side}.{name}",
                            f"Patient {group!r} is also in {side_of[group]!r}.",
                            "Keep all images of a patient on one side.",
                        )
                    )
        return problems

    def case(self, name: str) -> Case:
        """Return the case of that id."""
        if name not in self._by_id:
            raise DatasetProblem(f"dataset {self.name}", f"There is no case {name!r}.", did_you_mean(name, self._by_id))
        return self._by_id[name]

    def own(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of some ids that are of its cases, in their order."""
        return tuple(name for name in names if name in self._by_id)

    def task(self, name: str) -> Task:
        """Return the task of that name."""
        if name not in self.tasks:
            raise DatasetProblem(f"dataset {self.name}", f"There is no task {name!r}.", did_you_mean(name, self.tasks))
        return self.tasks[name]

    def set_apart(self) -> frozenset[str]:
        """Return the ids of all cases of the patients who validate or test, on whatever side or none they are."""
        judged = {*self.split.validate, *self.split.test}
        groups = {case.group for case in self.cases if case.id in judged}
        return frozenset(case.id for case in self.cases if case.group in groups)

    def as_known(self, task: Task) -> Task:
        """Return the dataset's task of the same name, for its colours; the given one where its labels mean others."""
        known = self.tasks.get(task.name)
        if known is None or known.kind != task.kind or known.classes[: len(task.classes)] != task.classes:
            return task
        return known

    def continued(self, task: Task) -> Task:
        """Return the dataset's task for masks that were drawn for a run's task of the same name.

        Either may have further classes at the end; they are in the result. Classes that were only renamed since keep
        the dataset's names (`Task.agrees_with`).

        Raises
        ------
        DatasetProblem
            Where a label means one class to the run and another to the dataset.
        """
        known = self.tasks.get(task.name)
        if known is None:
            return task
        if not known.agrees_with(task):
            raise DatasetProblem(
                f"tasks.{task.name}",
                f"The run's classes are {', '.join(task.classes)}; the dataset's are {', '.join(known.classes)}: "
                "a label of the run's mask would mean another class here.",
                "Train with the dataset's classes and predict again, or give these the names and order they had.",
            )
        return replace(known, classes=(*known.classes, *task.classes[len(known.classes) :]))

    def labelled(self, task: str) -> tuple[Case, ...]:
        """Return the cases that carry an annotation for the task."""
        return tuple(case for case in self.cases if task in case.annotations)

    def labelled_among(self, names: Iterable[str], task: str) -> tuple[str, ...]:
        """Return those of some ids whose cases carry an annotation for the task, in their order."""
        return tuple(name for name in names if task in self.case(name).annotations)

    def unlabelled(self, task: str) -> tuple[Case, ...]:
        """Return the cases without an annotation for the task."""
        return tuple(case for case in self.cases if task not in case.annotations)
