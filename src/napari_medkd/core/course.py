"""What a run learns from each of its datasets, as its targets say."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import Problem, SpecProblem, did_you_mean
from napari_medkd.core.run_layout import stage_name
from napari_medkd.core.spec import Target, TrainSpec
from napari_medkd.core.task import Task


@dataclass(frozen=True, slots=True)
class Course:
    """What is learned from one dataset.

    Parameters
    ----------
    tasks
        At most one of each kind; one network answers them all.
    """

    dataset: Dataset
    tasks: tuple[Task, ...]


def problem_of_no_reference(references: Sequence[str], dataset: Dataset) -> Problem:
    """Return the problem of a dataset that has none of the cases whose labels alone are learned from."""
    found = f"Dataset {dataset.name!r} has none of the references: {', '.join(references)}."
    return Problem("references", found, "Name one of its cases, too, or leave the dataset out.")


def courses_of(spec: TrainSpec, datasets: Sequence[Dataset], kinds: frozenset[str]) -> tuple[Course, ...]:
    """Return what is learned from each dataset: the tasks that targets name, or its only one, or that draws masks.

    Parameters
    ----------
    datasets
        Those of the spec, opened, in its order.
    kinds
        The kinds of task the method can teach.

    Raises
    ------
    SpecProblem
        With every fault: datasets whose files would be called alike, a target that names none, tasks that are not
        there, cannot be taught or are two of one kind, a dataset of whose tasks it is not said which is meant.
    """
    problems = [*_of_names(datasets), *_of_targets(spec.targets, datasets)]
    courses = []
    for dataset in datasets:
        named = [
            (index, target.task)
            for index, target in enumerate(spec.targets)
            if target.task and _means(target, dataset, datasets)
        ]
        tasks, faults = _named_tasks(spec, named, dataset, kinds) if named else _only_task(spec, dataset, kinds)
        courses.append(Course(dataset, tasks))
        problems += faults
    if problems:
        raise SpecProblem.of(problems)
    return tuple(courses)


def _means(target: Target, dataset: Dataset, datasets: Sequence[Dataset]) -> bool:
    return target.dataset == dataset.name or (not target.dataset and len(datasets) == 1)


def _of_names(datasets: Sequence[Dataset]) -> list[Problem]:
    """Return which names cannot be told apart in file names, on a disk for which A is a."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for dataset in datasets:
        by_file[stage_name("", dataset.name).lower()].append(dataset.name)
    hint = "Give each dataset a name of its own in its medkd-dataset.json; answers are called by it."
    return [Problem("datasets", _alike_in_words(names), hint) for names in by_file.values() if len(names) > 1]


def _alike_in_words(names: Sequence[str]) -> str:
    if len(set(names)) == 1:
        return f"{len(names)} datasets are called {names[0]!r}."
    return f"The files of {' and '.join(repr(name) for name in names)} would be called alike."


def _of_targets(targets: Sequence[Target], datasets: Sequence[Dataset]) -> list[Problem]:
    names, problems = [dataset.name for dataset in datasets], []
    for index, target in enumerate(targets):
        if target.dataset and target.dataset not in names:
            where, found = f"targets[{index}].dataset", f"No dataset {target.dataset!r} is listed."
            problems.append(Problem(where, found, did_you_mean(target.dataset, names)))
        elif target.task and not target.dataset and len(datasets) > 1:
            found = f"The task {target.task!r} is named, but not of which dataset."
            problems.append(Problem(f"targets[{index}].dataset", found, f"Name one of: {', '.join(names)}."))
    return problems


def _named_tasks(
    spec: TrainSpec, named: Sequence[tuple[int, str]], dataset: Dataset, kinds: frozenset[str]
) -> tuple[tuple[Task, ...], list[Problem]]:
    problems: list[Problem] = []
    tasks: dict[str, Task] = {}
    for index, name in named:
        where, task = f"targets[{index}].task", dataset.tasks.get(name)
        if task is None:
            found = f"Dataset {dataset.name!r} has no task {name!r}."
            problems.append(Problem(where, found, did_you_mean(name, dataset.tasks)))
        elif kinds and task.kind not in kinds:
            problems.append(_not_taught(spec, where, [task], kinds))
        elif task.kind in tasks:
            found = f"Of {dataset.name!r} two tasks of the kind {task.kind} are named: {tasks[task.kind].name}, {name}."
            problems.append(Problem(where, found, "A network answers one of each kind: make two runs."))
        else:
            tasks[task.kind] = task
    return tuple(tasks.values()), problems


def _only_task(spec: TrainSpec, dataset: Dataset, kinds: frozenset[str]) -> tuple[tuple[Task, ...], list[Problem]]:
    where, known = "targets[0].task", list(dataset.tasks.values())
    fitting = [task for task in known if task.kind in kinds or not kinds]
    if not fitting:
        return (), [_not_taught(spec, where, known, kinds)]
    masks = [task for task in fitting if task.kind == "segmentation"]
    if len(fitting) > 1 and len(masks) == 1:
        return tuple(masks), []
    if len(fitting) > 1:
        names = ", ".join(task.name for task in fitting)
        found = f"Several tasks of {dataset.name!r} fit and none is named: {names}."
        return (), [Problem(where, found, "Name one of them here.")]
    return tuple(fitting), []


def _not_taught(spec: TrainSpec, where: str, tasks: Sequence[Task], kinds: frozenset[str]) -> Problem:
    found = ", ".join(f"{task.name} ({task.kind})" for task in tasks) or "no task"
    hint = "Choose another task or method; `medkd describe` lists what each method teaches."
    return Problem(where, f"{spec.method.name} teaches {' or '.join(sorted(kinds))}, but found: {found}.", hint)
