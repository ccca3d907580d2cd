"""Which answers stand side by side, and which two masks the difference panel compares."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Mask
from napari_medkd.gui.answers import Answer
from napari_medkd.gui.networks import name_of
from napari_medkd.gui.panels import Panel, difference
from napari_medkd.gui.subject import Picture
from napari_medkd.gui.verdicts import THRESHOLD, true_line, verdict_of

TRUTH = "true mask"
_TRUE_BOXES = "true boxes"
_VERSUS = " vs "


def _masks(answers: Sequence[Answer]) -> dict[str, NDArray[Any]]:
    """Return every mask by who said it: the first network, truth, the others, in the order of the offered pairs.

    Of a network that draws several masks, the first one is compared.
    """
    truth = _true_mask(answers)
    masks: dict[str, NDArray[Any]] = {}
    for answer in (answer for answer in answers if answer.is_mask):
        masks.setdefault(name_of(answer.stage), answer.labels)
        if truth is not None:
            masks.setdefault(TRUTH, truth.labels)
    return masks


def _true_mask(answers: Sequence[Answer]) -> Mask | None:
    return next((answer.true_mask for answer in answers if answer.is_mask and answer.true_mask is not None), None)


def pairs_of(answers: Sequence[Answer]) -> tuple[str, ...]:
    """Return which two masks can be compared; student and truth first, where there is a truth."""
    pairs = [pair if pair[0] != TRUTH else pair[::-1] for pair in combinations(_masks(answers), 2)]
    return tuple(_VERSUS.join(pair) for pair in pairs)


def sides_of(pair: str) -> tuple[str, str]:
    """Return the two names of a pair."""
    first, _, second = pair.partition(_VERSUS)
    return first, second


def panels_of(
    answers: Sequence[Answer], pair: str, picture: Picture, threshold: float = THRESHOLD
) -> tuple[Panel, ...]:
    """Return expert, teacher, student and their difference; beside a lone network the truth, else the plain image.

    Parameters
    ----------
    threshold
        From which score a class is called present, where several can be.
    """
    if not answers:
        return ()
    stages = list(dict.fromkeys(answer.stage for answer in answers))
    panels = [
        _panel([answer for answer in answers if answer.stage == stage], picture, threshold)
        for stage in reversed(stages)
    ]
    if len(panels) == 1:
        panels.insert(0, _beside(answers, picture))
    if pair:
        panels.append(_difference(answers, pair, picture))
    return tuple(panels)


def noted(panels: Sequence[Panel], threshold: float) -> tuple[Panel, ...]:
    """Return the panels with the classes that are present from another score on; the masks are the very same."""
    return tuple(
        panel if panel.is_truth else replace(panel, notes=_notes(panel.answers, threshold)) for panel in panels
    )


def _difference(answers: Sequence[Answer], pair: str, picture: Picture) -> Panel:
    """Return where two masks differ; nowhere where the truth is not known, for these voxels count nowhere."""
    masks, truth, (one, other) = _masks(answers), _true_mask(answers), sides_of(pair)
    marks = difference(masks[one], masks[other])
    if truth is not None and truth.task.ignore is not None:
        marks[truth.labels == truth.task.ignore] = 0
    return Panel(f"difference:\n{one}{_VERSUS}{other}", picture.on_layer(marks))


def _panel(answers: Sequence[Answer], picture: Picture, threshold: float) -> Panel:
    """Return all that one network says."""
    first = next((answer for answer in answers if answer.is_mask), answers[0])
    drawn = tuple(answer for answer in answers if not answer.is_mask)
    notes = _notes(drawn, threshold)
    return Panel(first.title, picture.on_layer(first.labels), first.task, notes=notes, answers=drawn)


def _notes(answers: Sequence[Answer], threshold: float) -> tuple[str, ...]:
    notes: list[str] = []
    for answer in answers:
        if answer.prediction.scores is not None:
            notes += [*verdict_of(answer, threshold), *filter(None, [true_line([answer])])]
    return tuple(notes)


def _beside(answers: Sequence[Answer], picture: Picture) -> Panel:
    """Return what is true as far as it is known, on the image."""
    first = next((answer for answer in answers if answer.is_mask), answers[0])
    known = [answer for answer in answers if answer.true_boxes is not None]
    title = TRUTH if first.true_mask is not None else _TRUE_BOXES if known else "image"
    labels = np.zeros(picture.grid.shape, dtype=np.uint8) if first.true_mask is None else first.true_mask.labels
    notes = tuple(line for line in (true_line([answer]) for answer in answers) if line)
    shown = picture.on_layer(labels)
    return Panel(title, shown, first.task, notes=notes, answers=tuple(known), is_truth=True)
