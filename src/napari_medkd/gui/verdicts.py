"""What class scores come to: the classes a network decides for, and the words for it on the canvas. No Qt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from napari_medkd.core.task import Task
from napari_medkd.gui.answers import Answer

#: A class is called present from here on, where several can be.
THRESHOLD = 0.5
_MOST_CLASSES = 3


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class in one network's answer.

    Parameters
    ----------
    is_chosen
        Whether the network decides for it: it has the highest score, or one that reaches the threshold where several
        classes can be present.
    is_true
        Whether it is truly present; None where that is not known.
    """

    name: str
    score: float
    is_chosen: bool
    is_true: bool | None


def scores_of(answer: Answer, threshold: float = THRESHOLD) -> tuple[ClassScore, ...]:
    """Return every class of the task in its order; one that the network gave no score has 0."""
    given = answer.prediction.scores.scores if answer.prediction.scores else {}
    chosen = chosen_classes(given, answer.task, threshold)
    truth = answer.true_classes
    return tuple(
        ClassScore(name, float(given.get(name, 0.0)), name in chosen, None if truth is None else name in truth)
        for name in answer.task.classes
    )


def chosen_classes(scores: Mapping[str, float], task: Task, threshold: float) -> frozenset[str]:
    """Return the classes decided for: the highest score, or all that reach the threshold where several can be."""
    known = {name: float(scores[name]) for name in task.classes if name in scores}
    if task.multilabel:
        return frozenset(name for name, score in known.items() if score >= threshold)
    return frozenset({max(known, key=lambda name: known[name])} if known else ())


def verdict_of(answer: Answer, threshold: float) -> tuple[str, ...]:
    """Return what a network decides, in a few words for each class: its name and score, and whether it is right."""
    scores = sorted(scores_of(answer, threshold), key=lambda one: -one.score)
    chosen = [one for one in scores if one.is_chosen]
    if not chosen:
        return (f"no class reaches {threshold:.2f}",)
    words = tuple(_decided(one) for one in chosen[:_MOST_CLASSES])
    return (*words, f"{len(chosen) - _MOST_CLASSES} more") if len(chosen) > _MOST_CLASSES else words


def true_line(answers: Iterable[Answer]) -> str:
    """Return the true classes in words; empty where they are not known."""
    truths = [answer.true_classes for answer in answers if answer.true_classes is not None]
    if not truths:
        return ""
    return f"true: {', '.join(sorted(truths[0])) or 'none of the classes'}"


def verdict_text(answers: Sequence[Answer], threshold: float) -> str:
    """Return what all networks say about the classes of the image, for a text on the canvas: a block for each task.

    Parameters
    ----------
    answers
        Those with class scores count.
    """
    blocks = []
    scored = [answer for answer in answers if answer.prediction.scores]
    for task in dict.fromkeys(answer.task.name for answer in scored):
        of_task = [answer for answer in scored if answer.task.name == task]
        lines = [" · ".join(filter(None, (task, true_line(of_task))))]
        lines += [f"{answer.title}: {', '.join(verdict_of(answer, threshold))}" for answer in of_task]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _decided(one: ClassScore) -> str:
    mark = "" if one.is_true is None else " (right)" if one.is_true else " (wrong)"
    return f"{one.name} {one.score:.2f}{mark}"
