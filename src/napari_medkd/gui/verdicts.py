"""What class scores come to: the classes a network decides for, and their bars on the canvas. No Qt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.task import Task
from napari_medkd.gui.answers import Answer, by_task
from napari_medkd.gui.text_bars import text_bar

#: A class is called present from here on, where several can be.
THRESHOLD = 0.5
_MOST_CLASSES = 5
_MOST_VERDICTS = 3


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
    truth = answer.true_label
    return tuple(
        ClassScore(name, float(given.get(name, 0.0)), name in chosen, _is_true(name, truth))
        for name in answer.task.classes
    )


def chosen_classes(scores: Mapping[str, float], task: Task, threshold: float) -> frozenset[str]:
    """Return the classes decided for: the highest score, or all that reach the threshold where several can be."""
    known = {name: float(scores[name]) for name in task.classes if name in scores}
    if task.multilabel:
        return frozenset(name for name, score in known.items() if score >= threshold)
    return frozenset({max(known, key=lambda name: known[name])} if known else ())


def score_lines(answer: Answer, threshold: float) -> tuple[str, ...]:
    """Return a line for each class, the highest score first: its bar, score and name, and whether a decision is right.

    Where several classes can be present, the bar has a stroke at the threshold. Of many classes the last line says how
    many more there are, and below which score.
    """
    scores = sorted(scores_of(answer, threshold), key=lambda one: -one.score)
    stroke = threshold if answer.task.multilabel else None
    lines = [
        f"{text_bar(one.score, stroke)} {one.score:.2f} {one.name}{_judged(one)}" for one in scores[:_MOST_CLASSES]
    ]
    others = scores[_MOST_CLASSES:]
    return (*lines, f"{len(others)} more, none above {others[0].score:.2f}") if others else tuple(lines)


def verdict_of(answer: Answer, threshold: float) -> tuple[str, ...]:
    """Return what a network decides, in a few words for each class, for where a bar has no room."""
    chosen = sorted((one for one in scores_of(answer, threshold) if one.is_chosen), key=lambda one: -one.score)
    if not chosen:
        return (f"no class reaches {threshold:.2f}",)
    words = tuple(f"{one.name} {one.score:.2f}{_judged(one)}" for one in chosen[:_MOST_VERDICTS])
    return (*words, f"{len(chosen) - _MOST_VERDICTS} more") if len(chosen) > _MOST_VERDICTS else words


def true_line(answers: Iterable[Answer]) -> str:
    """Return the true classes in words; empty where they are not known."""
    truth = next((answer.true_label for answer in answers if answer.true_label is not None), None)
    if truth is None:
        return ""
    unknown = f"; not known: {', '.join(sorted(truth.unknown))}" if truth.unknown else ""
    return f"true: {', '.join(sorted(truth.present)) or 'none of the classes'}{unknown}"


def verdict_text(answers: Sequence[Answer], threshold: float) -> str:
    """Return what all networks say about the classes of the image, for a text on the canvas: a block for each task.

    Parameters
    ----------
    answers
        Those with class scores count.
    """
    blocks = []
    for task, of_task in by_task(answer for answer in answers if answer.prediction.scores).items():
        lines = [" · ".join(filter(None, (task.name, true_line(of_task))))]
        for answer in of_task:
            lines += [answer.title, *score_lines(answer, threshold)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _is_true(name: str, truth: ClassLabel | None) -> bool | None:
    return None if truth is None or name in truth.unknown else name in truth.present


def _judged(one: ClassScore) -> str:
    """Return what a decision is worth, as far as that is known; what is rightly not decided for needs no word."""
    if one.is_true is None or not (one.is_chosen or one.is_true):
        return ""
    return " (missed)" if not one.is_chosen else " (right)" if one.is_true else " (wrong)"
