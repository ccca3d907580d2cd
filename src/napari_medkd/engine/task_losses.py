"""What a network that answers several tasks learns from: the terms of each, where something is known."""

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.task import Task
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.losses.boxes import Matched, box_losses, matched
from napari_medkd.engine.losses.classification import class_cross_entropy
from napari_medkd.engine.losses.usual_matches import UsualMatches
from napari_medkd.engine.mask_terms import MaskWeights, mask_terms
from napari_medkd.engine.networks.heads import Output

#: How much a very rare class counts at most; see `class_weights`.
_MOST_WEIGHT = 20.0

#: The setting of methods that learn classes.
BALANCED: Any = Field(
    False,
    title="Balance classes",
    description="Whether every class of a classification weighs the same, however many images show it.",
)


class TaskLosses(nn.Module):
    """The terms of all tasks of a dataset, weighted, for one stage: what usual batches hold is kept from step to step.

    Parameters
    ----------
    tasks
        At most one of each kind.
    masks
        Of the terms of a segmentation.
    class_weights_K
        How much each class of a classification counts; None counts all alike.
    """

    def __init__(
        self,
        tasks: tuple[Task, ...],
        masks: MaskWeights,
        class_weights_K: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.tasks = tasks
        self.masks = masks
        self.class_weights_K = class_weights_K
        self.usual_matches = UsualMatches()

    def forward(
        self, output: Output, batch: Batch, boxes: tuple[Matched | None, ...] | None = None
    ) -> dict[str, Tensor]:
        """Return the terms of a batch.

        Parameters
        ----------
        boxes
            What `matched` says of the output's anchors, from who knows it already; else it is found out here.
        """
        terms: dict[str, Tensor] = {}
        for task in self.tasks:
            if task.kind == "segmentation":
                terms |= mask_terms(output.logits.float(), batch.label_BZYX, self.masks)
            elif task.kind == "classification" and output.classification is not None and batch.present_BK is not None:
                terms["classes"] = class_cross_entropy(
                    output.classification, batch.present_BK, multilabel=task.multilabel, weights_K=self.class_weights_K
                )
            elif task.kind == "detection" and output.detection is not None and batch.boxes is not None:
                boxes = boxes or matched(output.detection, batch.boxes)
                terms["box classes"], terms["box places"] = box_losses(output.detection, boxes, self.usual_matches)
        return terms


def losses_of(cases: Cases, masks: MaskWeights, *, balanced: bool = False) -> TaskLosses:
    """Return the terms of the tasks of the cases that are learned from.

    Parameters
    ----------
    balanced
        Whether all classes of a classification weigh the same, however many images show them.
    """
    weights, task = None, Task.of_kind(cases.tasks, "classification")
    if balanced and task is not None:
        weights = class_weights(cases.dataset, task, cases.names)
    return TaskLosses(cases.tasks, masks, weights)


def class_weights(dataset: Dataset, task: Task, names: tuple[str, ...]) -> Tensor:
    """Return how much each class (K,) has to count so that all weigh the same, 1 in the mean over the cases.

    Where several classes may be present, it is how often a class is absent over how often it is present, and 1 for one
    that is absent nowhere: of weight 0 it would not be learned at all. Where it is not known it is neither.

    No class counts more than 20 times, and so one that fewer than about 5 % of the cases show less than the others: a
    batch of few images with one of weight 500 would be that image alone, and it would be learned by heart.

    Parameters
    ----------
    names
        Ids of the cases that are learned from; every class is present in one of them.
    """
    shown = [dataset.case(name).annotations.get(task.name) for name in names]
    labels = [label for label in shown if isinstance(label, ClassLabel)]
    presences_NK = torch.tensor([label.presences for label in labels]).reshape(-1, len(task.classes))
    present_K = (presences_NK == 1).sum(0).float().clamp(min=1)
    if task.multilabel:
        absent_K = (presences_NK == 0).sum(0).float()
        return torch.where(absent_K > 0, absent_K / present_K, 1.0).clamp(max=_MOST_WEIGHT)
    return (len(labels) / (len(task.classes) * present_K)).clamp(max=_MOST_WEIGHT)
