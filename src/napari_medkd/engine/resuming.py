"""What keeps a run from going on: its datasets are no longer what it has begun to learn from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from napari_medkd.core.course import Course
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.core.task import Task
from napari_medkd.engine.checkpoint import TaskCard
from napari_medkd.engine.learned_cases import first_of
from napari_medkd.engine.resolved import Resolved, ResolvedCourse, label_maps_of

_HINT = "Make it what it was, or train a new run."


def refuse_changes(resolved: Resolved, courses: Sequence[Course]) -> None:
    """Refuse to go on with other datasets, tasks, channels or cases than the first attempt's.

    What an older version did not write down is not compared. Cases may have been added, and the split may be another.

    Raises
    ------
    DatasetProblem
        With everything that has changed.
    """
    began, now = tuple(resolved.taught_by), tuple(course.dataset.name for course in courses)
    if began and began != now:
        found = f"The run began with {', '.join(began)}; the spec's datasets are called {', '.join(now)} now."
        raise DatasetProblem("datasets", found, "Give them the names and the order they had, or train a new run.")
    problems = [
        problem
        for course, decided in zip(courses, resolved.courses, strict=True)
        for problem in (
            *_of_tasks(course, decided),
            *_of_label_maps(course, decided),
            *_of_channels(course, decided),
            *_of_cases(course, resolved.taught_by.get(course.dataset.name, ()), decided.unlabelled or ()),
        )
    ]
    if problems:
        raise DatasetProblem.of(problems)


def as_begun(course: Course, decided: ResolvedCourse) -> Course:
    """Return what a run goes on to learn of a dataset: masks in the classes that it began with.

    Names may be others now, and further classes may have been added at the end. What was painted of these is
    background, as it was before (`files/known_classes.py`).
    """
    began = {card.name: card.task for card in decided.tasks}
    tasks = tuple(_as_begun(began.get(task.name, task), task) for task in course.tasks)
    return replace(course, tasks=tasks)


def added_since(course: Course) -> list[str]:
    """Return of each task of a course, in a sentence, which classes the run does not know that goes on with it."""
    known = {task.name: task.classes for task in course.tasks}
    added = {name: course.dataset.task(name).classes[len(classes) :] for name, classes in known.items()}
    return [
        f"The run does not know {', '.join(classes)} ({name}), added since it began: background to it. Train a new run "
        "to learn it."
        for name, classes in added.items()
        if classes
    ]


def _as_begun(began: Task, now: Task) -> Task:
    differs_in_classes_alone = replace(now, classes=began.classes, colours=began.colours) == began
    is_known = now.kind == "segmentation" and differs_in_classes_alone and now.agrees_with(began)
    return began if is_known and len(now.classes) >= len(began.classes) else now


def _of_tasks(course: Course, decided: ResolvedCourse) -> list[Problem]:
    began, now = _without_colours(decided.tasks), _without_colours(TaskCard.of(task) for task in course.tasks)
    if not began or began == now:
        return []
    found = f"The run began to learn {_in_words(began)}; the dataset has {_in_words(now)} now."
    return [Problem(f"dataset {course.dataset.name}", found, _HINT)]


def _of_label_maps(course: Course, decided: ResolvedCourse) -> list[Problem]:
    began, now = decided.label_maps, label_maps_of(course)
    if began is None:
        return []
    return [
        Problem(
            f"dataset {course.dataset.name}",
            f"The run began with stored labels of {task.name!r} read as {_map_in_words(began.get(task.name, {}))}; "
            f"they are read as {_map_in_words(now.get(task.name, {}))} now.",
            _HINT,
        )
        for task in course.tasks
        if began.get(task.name, {}) != now.get(task.name, {})
    ]


def _of_channels(course: Course, decided: ResolvedCourse) -> list[Problem]:
    began, now = decided.preprocessing.channels, course.dataset.channels
    if began == now:
        return []
    found = f"The run began with the channels {', '.join(began)}; they are {', '.join(now)} now."
    return [Problem(f"dataset {course.dataset.name}", found, _HINT)]


def _of_cases(course: Course, taught: Sequence[str], unlabelled: Sequence[str]) -> list[Problem]:
    wanted = {task.name for task in course.tasks}
    there = {case.id for case in course.dataset.cases}
    labelled = {case.id for case in course.dataset.cases if wanted & case.annotations.keys()}
    gone = (*(name for name in taught if name not in labelled), *(name for name in unlabelled if name not in there))
    if not gone:
        return []
    found = f"Cases that the run learns from are gone, or have lost their labels: {first_of(gone)}."
    return [Problem(f"dataset {course.dataset.name}", found, _HINT)]


def _map_in_words(label_map: Mapping[int, int]) -> str:
    return ", ".join(f"{stored} -> {label}" for stored, label in label_map.items()) or "they are"


def _without_colours(cards: Iterable[TaskCard]) -> list[TaskCard]:
    return [card.replace(colours=()) for card in cards]


def _in_words(cards: Sequence[TaskCard]) -> str:
    return "; ".join(_task_in_words(card) for card in cards)


def _task_in_words(card: TaskCard) -> str:
    several = ", several at once" if card.multilabel else ""
    ignored = "" if card.ignore is None else f", {card.ignore} ignored"
    return f"{card.kind} {card.name!r} ({', '.join(card.classes)}{several}{ignored})"
