"""Which masks stand side by side, and which two the difference panel compares."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.gui.answers import Answer
from napari_medkd.gui.panels import Panel, difference
from napari_medkd.gui.subject import Picture

TRUTH = "true mask"
_VERSUS = " vs "


def _masks(answers: Sequence[Answer]) -> dict[str, NDArray[Any]]:
    """Return every mask by who said it: student, truth, teacher, in the order in which pairs are offered."""
    masks = {answer.stage: answer.labels for answer in answers if answer.stage == "student"}
    truths = [answer.truth.labels for answer in answers if answer.truth is not None]
    if truths:
        masks[TRUTH] = truths[0]
    masks |= {answer.stage: answer.labels for answer in answers}
    return masks


def pairs_of(answers: Sequence[Answer]) -> tuple[str, ...]:
    """Return which two masks can be compared; student and truth first, where there is a truth."""
    pairs = [pair if pair[0] != TRUTH else pair[::-1] for pair in combinations(_masks(answers), 2)]
    return tuple(_VERSUS.join(pair) for pair in pairs)


def sides_of(pair: str) -> tuple[str, str]:
    """Return the two names of a pair."""
    first, _, second = pair.partition(_VERSUS)
    return first, second


def panels_of(answers: Sequence[Answer], pair: str, picture: Picture) -> tuple[Panel, ...]:
    """Return teacher, student and their difference; the truth where no teacher answered, else the plain image."""
    if not answers:
        return ()
    panels = [Panel(one.title, picture.on_layer(one.labels), one.prediction.task) for one in reversed(answers)]
    task, truth = answers[0].prediction.task, answers[0].truth
    if len(panels) == 1:
        plain = np.zeros(picture.grid.shape, dtype=np.uint8)
        first = Panel("image", plain, task) if truth is None else Panel(TRUTH, truth.labels, task)
        panels.insert(0, Panel(first.title, picture.on_layer(first.labels), task))
    if pair:
        masks, (one, other) = _masks(answers), sides_of(pair)
        marks = difference(masks[one], masks[other])
        panels.append(Panel(f"difference:\n{one}{_VERSUS}{other}", picture.on_layer(marks)))
    return tuple(panels)
