"""What the network of an earlier run answers, and whether that is what is to be learned now."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from napari_medkd.core.course import Course
from napari_medkd.core.errors import Problem
from napari_medkd.core.task import Task, TaskKind
from napari_medkd.engine.checkpoint import WeightsCard

#: By kind the classes, and whether several may be there at once.
_Answers: TypeAlias = Mapping[TaskKind, tuple[tuple[str, ...], bool]]


def problems_of_tasks(
    card: WeightsCard, course: Course, where: str, otherwise: str, *, may_be_renamed: bool = False
) -> list[Problem]:
    """Return whether a network answers other tasks than are to be learned of a dataset.

    Parameters
    ----------
    where, otherwise
        The field of the spec that names the run, and what else can be done than to name another one.
    may_be_renamed
        Whether classes may have other names than they were learned by (`Task.agrees_with`).
    """
    tasks = [one.task for one in card.tasks or (card.task,)]
    learned, wanted = _answers(tasks), _answers(course.tasks)
    if learned == wanted or (may_be_renamed and _are_renamed(tasks, course.tasks)):
        return []
    found = (
        f"The earlier run learned {_in_words(learned)}; of {course.dataset.name!r} is to be learned "
        f"{_in_words(wanted)}."
    )
    return [
        Problem(where, found, f"Name a run of the same tasks, with the same classes in the same order, {otherwise}")
    ]


def _are_renamed(learned: Iterable[Task], wanted: Iterable[Task]) -> bool:
    were, are = ({task.kind: task for task in tasks} for tasks in (learned, wanted))
    return were.keys() == are.keys() and all(
        one.agrees_with(are[kind])
        and len(one.classes) == len(are[kind].classes)
        and one.multilabel == are[kind].multilabel
        for kind, one in were.items()
    )


def _answers(tasks: Iterable[Task]) -> _Answers:
    return {task.kind: (task.classes, task.multilabel) for task in tasks}


def _in_words(answers: _Answers) -> str:
    return "; ".join(
        f"{kind}{' of several classes at once' if at_once else ''} ({', '.join(classes)})"
        for kind, (classes, at_once) in sorted(answers.items())
    )
