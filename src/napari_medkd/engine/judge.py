"""Quick scores while training, on whole validation cases and on the device."""

from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.box_measures import FLAT_OVERLAP, VOLUME_OVERLAP, ImageBoxes, average_precision
from napari_medkd.core.class_measures import auc
from napari_medkd.core.measures import dice, mean_of_applicable
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import UNKNOWN, Task, TaskKind
from napari_medkd.engine.box_finding import find_boxes
from napari_medkd.engine.class_scores import class_scores
from napari_medkd.engine.data.batch import Batch, View
from napari_medkd.engine.data.cases import Cases, PreparedCase
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.one_pass import asked_once
from napari_medkd.engine.sliding_window import sliding_window

T = TypeVar("T")


def exhaust(generator: Generator[object, None, T]) -> T:
    """Return what a generator returns, ignoring what it yields."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            answer: T = end.value
            return answer


def shown_image(case: PreparedCase, view: View | None, machine: Machine) -> Tensor:
    """Return what a network is shown of a whole case, (C, Z, Y, X) on the device."""
    image = torch.from_numpy(case.image_CZYX).to(machine.device)
    if view is None:  # nothing reads the label, which in whole numbers is larger than the image
        return image
    label = torch.from_numpy(case.label_ZYX).to(machine.device).long()
    return view(Batch(image[None], label[None])).shown_or_image()[0]


def judge(network: nn.Module, cases: Cases, machine: Machine, view: View | None = None) -> dict[str, float]:
    """Return the scores of each class over the cases, and the mean over the tasks (``score``) where there is one.

    Of masks the mean Dice over cases (``dice liver``), of classes the AUC (``auc malignant``), of boxes the average
    precision (``ap lesion``) at an overlap of a half in planes and of a tenth in volumes. What is neither in a case nor
    predicted there does not count, nor do voxels of label -1 and tasks of which nothing is known. Of a
    case that is too large to be held in memory a part is judged. The network is left in the training state it was in.

    Raises
    ------
    VolumeProblem
        Where boxes are known of a case that is too large: they are found in whole images.
    """
    was_training = network.training
    network.eval()
    answers: dict[TaskKind, list[Any]] = defaultdict(list)
    for case in (case if case.boxes is not None else case.held() for case in cases):
        image_CZYX, patch = shown_image(case, view, machine), cases.preprocessing.patch
        asked = asked_once(network, image_CZYX.shape[1:], patch, len(cases.tasks))
        look = _Look(asked, image_CZYX, case, cases.preprocessing, machine)
        for task in cases.tasks:
            answer = _ANSWERS[task.kind](look, task)
            if answer is not None:
                answers[task.kind].append(answer)
    network.train(was_training)
    scores: dict[str, float] = {}
    means = []
    for task in cases.tasks:
        if answers[task.kind]:
            of_classes = _SCORES[task.kind](answers[task.kind], task)
            scores |= {name: value for name, value in of_classes.items() if not np.isnan(value)}
            means.append(mean_of_applicable(of_classes.values()))
    score = mean_of_applicable(means)
    return scores if np.isnan(score) else {**scores, "score": score}


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """A network before a case."""

    network: nn.Module
    image_CZYX: Tensor
    case: PreparedCase
    preprocessing: Preprocessing
    machine: Machine


def _dice(look: _Look, task: Task) -> NDArray[np.float64] | None:
    label_ZYX = look.case.label_ZYX
    known = label_ZYX != UNKNOWN
    if not known.any():
        return None
    windows = sliding_window(look.network, look.image_CZYX, look.preprocessing.patch, autocast=look.machine.autocast)
    return dice(exhaust(windows).labels[known], label_ZYX[known], len(task.classes))[1:]


def _probabilities(look: _Look, task: Task) -> tuple[NDArray[np.float64], NDArray[np.float32]] | None:
    present_K = look.case.present_K
    if present_K is None or (present_K == UNKNOWN).all():
        return None
    found = class_scores(look.network, look.image_CZYX, look.preprocessing.patch, task, look.machine.autocast)
    return found.probabilities_K, present_K


def _boxes(look: _Look, task: Task) -> tuple[ImageBoxes, float] | None:
    if look.case.boxes is None:
        return None
    found = exhaust(find_boxes(look.network, look.image_CZYX, look.preprocessing.patch, look.machine.autocast))
    names = tuple(task.classes[index] for index in found.classes_N)
    boxes = ScoredBoxes(Boxes(found.corners_N6, names, look.case.grid, task), found.scores_N)
    overlap = FLAT_OVERLAP if look.preprocessing.dimensions == 2 else VOLUME_OVERLAP
    return ImageBoxes.of(boxes, look.case.boxes), overlap


def _mean_dice(dice_NK: list[NDArray[np.float64]], task: Task) -> dict[str, float]:
    return {
        f"dice {name}": mean_of_applicable(values)
        for name, values in zip(task.foreground, np.array(dice_NK).T.tolist(), strict=True)
    }


def _auc(answers: list[tuple[NDArray[np.float64], NDArray[np.float32]]], task: Task) -> dict[str, float]:
    probabilities_NK, present_NK = (np.stack(column) for column in zip(*answers, strict=True))
    labels = present_NK.astype(np.int64) if task.multilabel else present_NK.argmax(1)
    values = auc(probabilities_NK, labels).tolist()
    return {f"auc {name}": value for name, value in zip(task.classes, values, strict=True)}


def _average_precision(answers: list[tuple[ImageBoxes, float]], task: Task) -> dict[str, float]:
    images, overlaps = zip(*answers, strict=True)
    values = average_precision(images, len(task.classes), overlaps[:1])
    return {f"ap {name}": value for name, value in zip(task.classes, values[:, 0].tolist(), strict=True)}


_ANSWERS: Mapping[TaskKind, Callable[[_Look, Task], Any]] = {
    "segmentation": _dice,
    "classification": _probabilities,
    "detection": _boxes,
}
_SCORES: Mapping[TaskKind, Callable[[list[Any], Task], dict[str, float]]] = {
    "segmentation": _mean_dice,
    "classification": _auc,
    "detection": _average_precision,
}
