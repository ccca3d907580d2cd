"""A student that learns from its own answers to real, unlabelled images: those its running average is sure of."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.mask_terms import MaskWeights, mask_terms
from napari_medkd.engine.nearness import nearness
from napari_medkd.engine.networks.running_average import RunningAverage
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.uncertainty import uncertainty_of_patch


@dataclass(frozen=True, slots=True)
class Trust:
    """Which of a student's own answers it learns from.

    Parameters
    ----------
    confidence
        Probability from which an answer is learned from; other voxels count nowhere.
    begins_at
        Share of the stage's steps before any is.
    registration
        How much registration has to say: the exponent of `nearness`, which a class's probability is multiplied by.
    doubt
        Uncertainty of an answer above which the label that registration expects is learned in its place.
    """

    confidence: float
    begins_at: float
    registration: float
    doubt: float


class SelfTraining(nn.Module):
    """The running average labels a real image; the student sees the same image in another appearance.

    A student that has not found a structure yet is sure of background everywhere, and would teach itself to stay so.
    Therefore the loss counts in proportion to the foreground that is drawn on the real images, up to as much as the
    synthetic ones beside them hold. Nor does a student find structures that look unlike the reference's: there
    registration, which compares shapes, is the better teacher, and the student's uncertainty says so.

    Parameters
    ----------
    student
        Whose average answers.
    trust
        Which of its answers are learned from.
    masks
        Of the terms on these answers.

    References
    ----------
    .. [1] Sohn et al., "FixMatch: Simplifying semi-supervised learning with consistency and confidence", NeurIPS 2020.
    """

    def __init__(self, student: UNet, trust: Trust, masks: MaskWeights) -> None:
        super().__init__()
        self.average = RunningAverage(student)
        self.trust = trust
        self.masks = masks

    def forward(self, student: UNet, batch: Batch, progress: float) -> Tensor | None:
        """Let the average follow, and return the loss of learning from it; None before it has learned enough itself."""
        self.average.follow(student)
        if progress < self.trust.begins_at or batch.varied_BCZYX is None:
            return None
        label = self.label(batch)
        logits = student(batch.varied_BCZYX).logits.float()
        loss = torch.stack(list(mask_terms(logits, label, self.masks).values())).sum()
        drawn, there = (label > 0).sum(), (batch.label_BZYX > 0).sum()
        share: Tensor = (drawn / there.clamp(min=1)).clamp(max=1)
        return loss * share

    def label(self, batch: Batch) -> Tensor:
        """Return what the average draws on the real images where it and registration are sure of it; -1 elsewhere.

        Nor is anything learned where registration expects a class that the average draws nowhere in a patch. Of an
        image on which the average is in doubt: what registration expects there.
        """
        logits_BKZYX = self.average(batch.shown_or_image()).logits.float()
        chances_BKZYX = logits_BKZYX.softmax(1)
        if self.trust.registration and batch.expected_BZYX is not None:
            near_BKZYX = nearness(batch.expected_BZYX, chances_BKZYX.shape[1])
            chances_BKZYX = chances_BKZYX * near_BKZYX**self.trust.registration
            chances_BKZYX = chances_BKZYX / chances_BKZYX.sum(1, keepdim=True)
        sure, label = chances_BKZYX.max(1)
        learned: Tensor = label.masked_fill(sure < self.trust.confidence, UNKNOWN)
        if batch.expected_BZYX is None:
            return learned
        for sample, (logits_KZYX, expected_ZYX) in enumerate(zip(logits_BKZYX, batch.expected_BZYX, strict=True)):
            drawn_ZYX = logits_KZYX.argmax(0)
            if uncertainty_of_patch(logits_KZYX, drawn_ZYX, expected_ZYX) > self.trust.doubt:
                learned[sample] = expected_ZYX
            else:
                is_found_ZYX = torch.isin(expected_ZYX, drawn_ZYX.unique())
                learned[sample].masked_fill_((expected_ZYX > 0) & ~is_found_ZYX, UNKNOWN)
        return learned
