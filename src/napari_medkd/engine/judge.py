"""Quick scores while training: Dice on whole validation cases, on the device."""

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from napari_medkd.core.measures import dice
from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.data.batch import Batch, View
from napari_medkd.engine.data.cases import Cases, PreparedCase
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.networks.unet import UNet
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


def shown_image(case: PreparedCase, view: View | None, machine: Machine) -> torch.Tensor:
    """Return what a network is shown of a whole case, (C, Z, Y, X) on the device."""
    image = torch.from_numpy(case.image_CZYX).to(machine.device)[None]
    label = torch.from_numpy(case.label_ZYX).to(machine.device).long()[None]
    batch = Batch(image, label)
    return (batch if view is None else view(batch)).shown_or_image()[0]


def judge(network: UNet, cases: Cases, machine: Machine, view: View | None = None) -> dict[str, float]:
    """Return the mean Dice of each class over the cases (``dice liver``), and of all (``score``).

    A class that is neither in a case nor predicted there does not count for that case, nor do voxels of label -1. The
    network is left in the training state it was in.
    """
    was_training = network.training
    network.eval()
    rows = []
    for case in cases:
        image = shown_image(case, view, machine)
        labels = exhaust(sliding_window(network, image, cases.preprocessing.patch, autocast=machine.autocast)).labels
        known = case.label_ZYX != UNKNOWN
        rows.append(dice(labels[known], case.label_ZYX[known], len(cases.task.classes))[1:])
    network.train(was_training)
    return _means(np.array(rows), cases.task.foreground)


def _means(dice_NK: NDArray[np.float64], classes: tuple[str, ...]) -> dict[str, float]:
    counted = ~np.isnan(dice_NK)
    means = np.where(counted, dice_NK, 0).sum(0) / np.maximum(counted.sum(0), 1)
    scores = {
        f"dice {name}": float(mean)
        for name, mean, number in zip(classes, means.tolist(), counted.sum(0).tolist(), strict=True)
        if number
    }
    return {**scores, "score": float(np.mean(list(scores.values()))) if scores else 0.0}
