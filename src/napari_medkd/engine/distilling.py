"""A student learns its labels and follows a frozen teacher: its answers, its maps, and where its boxes lie.

Legend: B batch, C channel, K class, N anchors, D spatial axes, Z Y X space (no Z for planes).
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.losses.box_weights import box_weights
from napari_medkd.engine.losses.boxes import Matched, box_divergence, matched
from napari_medkd.engine.losses.divergence import dice_semimetric, divergence, divergence_of_each
from napari_medkd.engine.losses.features import standardised_mse
from napari_medkd.engine.networks.heads import CONVOLUTION, Output
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.objective import Frozen, LossParts, Objective
from napari_medkd.engine.task_losses import TaskLosses

#: Over this share of the student's steps the weight of the maps rises to its value, from a hundredth of it.
WARM_UP = 0.1
_FIRST = 0.01


@dataclass(frozen=True, slots=True)
class DistillingWeights:
    """How much each part of the objective counts.

    Parameters
    ----------
    labels, answers, features
        Of the tasks' own terms, of the teacher's answers and of its maps; a part of weight 0 is not there.
    temperature
        By which answers are softened.
    overlap
        Of how far masks overlap with the teacher's, among the answers; 0 leaves it out.
    """

    labels: float
    answers: float
    features: float
    temperature: float
    overlap: float = 0.0


@dataclass(frozen=True, slots=True)
class Followed:
    """A trained teacher, and the channels of its maps, coarse to fine."""

    network: Frozen
    channels: tuple[int, ...]


class Distilling(Objective):
    """The student's objective, ``k2 task + k0 T² KL + k1 mean MSE`` over the levels.

    As labels teach masks by cross-entropy and by Dice, so may answers: by their divergence, and by how they overlap.

    Parameters
    ----------
    student
        Trains.
    teacher
        Whom it follows; None where nothing of it counts.

    References
    ----------
    .. [1] "Multi-Dataset Cross-Domain Knowledge Distillation for Unified Medical Image Segmentation, Classification,
       and Detection", arXiv 2605.01563: the students' loss.
    """

    def __init__(
        self,
        student: UNet,
        teacher: Followed | None,
        losses: TaskLosses,
        weights: DistillingWeights,
    ) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher
        self.losses = losses
        self.weights = weights
        self.adapters = nn.ModuleList()
        if teacher is not None and teacher.channels != student.pyramid_channels[: len(teacher.channels)]:
            convolution, has = CONVOLUTION[student.dimensions], student.pyramid_channels[: len(teacher.channels)]
            self.adapters.extend(convolution(*each, 1) for each in zip(has, teacher.channels, strict=True))
            self.adapters.to(next(student.parameters()).device)

    def forward(self, batch: Batch) -> LossParts:
        """Return the tasks' terms, and those of following the teacher."""
        weights, student = self.weights, self.student(batch.image_BCZYX)
        boxes = None
        if student.detection is not None and batch.boxes is not None:
            boxes = matched(student.detection, batch.boxes)
        terms: dict[str, Tensor] = {}
        if weights.labels:
            terms |= {name: weights.labels * term for name, term in self.losses(student, batch, boxes).items()}
        if batch.said is not None:
            said = Output((), segmentation=batch.said.mask_BKZYX, classification=batch.said.classes_BK)
            terms |= {name: weights.answers * term for name, term in self._of_answers(student, said, boxes)}
        elif self.teacher is not None:
            teacher = self.teacher.network(batch.image_BCZYX)
            if weights.answers:
                terms |= {name: weights.answers * term for name, term in self._of_answers(student, teacher, boxes)}
            if weights.features:
                rising = min(1.0, _FIRST + self.progress / WARM_UP)
                terms["features"] = weights.features * rising * self._of_features(student, teacher, batch)
        return terms

    def _of_answers(
        self, student: Output, teacher: Output, boxes: tuple[Matched | None, ...] | None
    ) -> list[tuple[str, Tensor]]:
        found, temperature = [], self.weights.temperature
        for task in self.losses.tasks:
            if task.kind == "segmentation":
                found.append(("answers: mask", divergence(student.logits, teacher.logits, temperature)))
                if self.weights.overlap:
                    overlap = self.weights.overlap * dice_semimetric(student.logits, teacher.logits)
                    found.append(("answers: overlap", overlap))
            elif task.kind == "classification":
                one, other = cast("Tensor", student.classification), cast("Tensor", teacher.classification)
                compare = divergence_of_each if task.multilabel else divergence
                found.append(("answers: classes", compare(one, other, temperature)))
            elif student.detection is not None and teacher.detection is not None:
                classes, places = box_divergence(student.detection, teacher.detection, boxes, temperature)
                found += [("answers: box classes", classes), ("answers: box places", places)]
        return found

    def _of_features(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        maps = student.pyramid[: len(teacher.pyramid)]
        if len(self.adapters):
            maps = tuple(adapt(each) for adapt, each in zip(self.adapters, maps, strict=True))
        pairs = zip(maps, teacher.pyramid, strict=True)
        return torch.stack([standardised_mse(one, other, self._weights_of(one, batch)) for one, other in pairs]).mean()

    def _weights_of(self, map_BCZYX: Tensor, batch: Batch) -> Tensor | None:
        """Return how much each place of a map counts; None counts all alike, unless boxes are all that is asked."""
        if batch.boxes is None or any(task.kind != "detection" for task in self.losses.tasks):
            return None
        sides = tuple(batch.image_BCZYX.shape[2:])
        return box_weights(batch.boxes, tuple(map_BCZYX.shape[2:]), sides, map_BCZYX.device)
