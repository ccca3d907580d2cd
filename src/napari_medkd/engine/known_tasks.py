"""What the network of an earlier run answers, and whether that is what is to be learned now."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from napari_medkd.core.course import Course
from napari_medkd.core.errors import Problem
from napari_medkd.core.task import Task, TaskKind
from napari_medkd.engine.checkpoint import TaskCard, WeightsCard

#: By kind the classes, and whether several may be there at once.
_Answers: TypeAlias = Mapping[TaskKind, tuple[tuple[str, ...], bool]]


def problems_of_tasks(card: WeightsCard, course: Course, where: str, otherwise: str) -> list[Problem]:
    """Return whether a network answers other tasks than are to be learned of a dataset.

    Parameters
    ----------
    where, otherwise
        The field of the spec that names the run, and what else can be done than to name another one.
    """
    learned, wanted = _answers(card.tasks or (card.task,)), _answers(course.tasks)
    if learned == wanted:
        return []
    found = (
        f"The earlier run learned {_in_words(learned)}; of {course.dataset.name!r} is to be learned "
        f"{_in_words(wanted)}."
    )
    return [
        Problem(where, found, f"Name a run of the same tasks, with the same classes in the same order, {otherwise}")
    ]


def _answers(tasks: Iterable[Task | TaskCard]) -> _Answers:
    return {task.kind: (task.classes, task.multilabel) for task in tasks}


def _in_words(answers: _Answers) -> str:
    return "; ".join(
        f"{kind}{' of several classes at once' if at_once else ''} ({', '.join(classes)})"
        for kind, (classes, at_once) in sorted(answers.items())
    )
