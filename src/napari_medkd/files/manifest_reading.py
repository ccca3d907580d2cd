"""From the text of a manifest to a Dataset, gathering everything that is wrong with it on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset, LabelMap, Split
from napari_medkd.core.errors import DatasetProblem, InputProblem, Problem, did_you_mean
from napari_medkd.core.task import Task
from napari_medkd.files.dataset_paths import resolved
from napari_medkd.files.manifest_form import Form, read_form
from napari_medkd.files.manifest_model import CaseEntry, ClassesPresent, SplitEntry
from napari_medkd.files.splitting import split_by_group

Made = TypeVar("Made")


def read_manifest(path: Path) -> Dataset:
    """Return the dataset of a manifest; no file but the manifest is opened.

    Raises
    ------
    DatasetProblem
        With all that is wrong: unknown fields, tasks and cases that contradict each other, a patient on two sides.
    """
    form = read_form(path)
    reading = _Reading(path, form, list(form.problems))
    dataset = reading.dataset()
    if dataset is None or reading.problems:
        raise DatasetProblem.of(
            Problem(f"{path}: {found.where}", found.problem, found.hint) for found in reading.problems
        )
    return dataset


@dataclass
class _Reading:
    """The state of reading one manifest: what was found wrong so far."""

    path: Path
    form: Form
    problems: list[Problem] = field(default_factory=list)

    def dataset(self) -> Dataset | None:
        manifest = self.form.manifest
        tasks = self._tasks()
        cases = tuple(self._case(entry, tasks) for entry in manifest.cases)
        split = self._split(cases)
        label_maps = {name: LabelMap(entry.label_map) for name, entry in manifest.tasks.items() if entry.label_map}
        return self._attempt(
            lambda: Dataset(
                manifest.name,
                manifest.channels,
                manifest.modality,
                tasks,
                cases,
                split,
                label_maps,
                self.path.parent,
                self.path.name,
            )
        )

    def _tasks(self) -> dict[str, Task]:
        tasks: dict[str, Task] = {}
        for name, entry in self.form.manifest.tasks.items():
            described = (entry.kind, entry.classes, entry.multilabel, entry.ignore, entry.colours)
            task = self._attempt(partial(Task, name, *described))
            if task is not None:
                tasks[name] = task
        return tasks

    def _case(self, entry: CaseEntry, tasks: Mapping[str, Task]) -> Case:
        where = f"cases.{entry.id}"
        count, channels = self.form.num_channels, ", ".join(self.form.manifest.channels)
        if count is not None and len(entry.images) not in (1, count):
            self._add(
                f"{where}.images",
                f"{len(entry.images)} files are listed for {count} channels ({channels}).",
                "List one file per channel, or one file that holds them all.",
            )
        images = [self._path(text, f"{where}.images.{number}") for number, text in enumerate(entry.images)]
        annotations: dict[str, Path | ClassLabel] = {}
        for name, known in entry.annotations.items():
            annotation = self._annotation(name, known, f"{where}.annotations.{name}", tasks)
            if annotation is not None:
                annotations[name] = annotation
        return Case(entry.id, tuple(images), entry.group or entry.id, entry.domain, annotations)

    def _annotation(
        self, name: str, known: str | ClassesPresent, where: str, tasks: Mapping[str, Task]
    ) -> Path | ClassLabel | None:
        if name not in tasks:
            if name not in self.form.task_names:
                self._add(where, f"There is no task {name!r}.", did_you_mean(name, self.form.task_names))
            return None
        task = tasks[name]
        wants_classes = task.kind == "classification"
        if wants_classes != isinstance(known, ClassesPresent):
            self._add(
                where,
                f"This is {'a path' if wants_classes else 'a class label'}, but the task is {task.kind}.",
                'Write {"present": [class]}.' if wants_classes else "Write the path of a mask or box file.",
            )
            return None
        if isinstance(known, str):
            return self._path(known, where)
        return self._attempt(lambda: ClassLabel(frozenset(known.present), task, frozenset(known.unknown or ())), where)

    def _path(self, text: str, where: str) -> Path:
        return self._attempt(lambda: resolved(text, self.path.parent, where)) or self.path

    def _split(self, cases: tuple[Case, ...]) -> Split:
        entry = self.form.manifest.split
        if entry is None:
            return split_by_group(self.form.manifest.name, cases)
        dropped = self.form.case_ids - {case.id for case in cases}  # faulty cases, which were reported as such
        return self._attempt(lambda: _sides(entry, dropped)) or Split()

    def _add(self, where: str, problem: str, hint: str) -> None:
        self.problems.append(Problem(where, problem, hint))

    def _attempt(self, make: Callable[[], Made], where: str = "") -> Made | None:
        """Return what is made, or None after noting why it cannot be."""
        try:
            return make()
        except InputProblem as error:
            self.problems += [Problem(where or found.where, found.problem, found.hint) for found in error.problems]
        return None


def _sides(entry: SplitEntry, dropped: frozenset[str]) -> Split:
    train, validate, test = (
        tuple(name for name in names if name not in dropped) for names in (entry.train, entry.validate_, entry.test)
    )
    return Split(train, validate, test)
