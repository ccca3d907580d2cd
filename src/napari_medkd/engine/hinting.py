"""What a student minimises that segments synthetic images, beside a teacher that reconstructs real ones and hints."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.losses.features import cosine_distance
from napari_medkd.engine.mask_terms import MaskWeights, mask_terms
from napari_medkd.engine.networks.heads import Output
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.objective import LossParts, Objective
from napari_medkd.engine.self_training import SelfTraining

#: The hint compares the last two decoder maps: half and full resolution.
_MAPS = 2


@dataclass(frozen=True, slots=True)
class HintingWeights:
    """The weight of each term; one of 0 is not computed."""

    masks: MaskWeights
    reconstruction: float
    hint: float
    self_training: float


class Hinting(Objective):
    """Student and reconstructing teacher in one objective (arXiv 2408.03616, stage B).

    Parameters
    ----------
    student, teacher
        Both train; the teacher by its reconstruction alone. None leaves the teacher out.
    self_training
        Beyond the paper: lets the student learn from its own answers to the real images as well.
    """

    def __init__(
        self, student: UNet, teacher: UNet | None, weights: HintingWeights, self_training: SelfTraining | None = None
    ) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher
        self.weights = weights
        self.self_training = self_training

    def forward(self, batch: Batch) -> LossParts:
        """Return the task's terms and, with a teacher, its reconstruction and the hint."""
        weights, real = self.weights, batch.shown_or_image()
        output = self.student(batch.image_BCZYX)
        terms = mask_terms(output.logits.float(), batch.label_BZYX, weights.masks)
        if self.teacher is not None:
            terms |= self._hints(self.teacher(real), output, real)
        if self.self_training is not None:
            learned = self.self_training(self.student, batch, self.progress)
            if learned is not None:
                terms["self-training"] = weights.self_training * learned
        return terms

    def take_up(self) -> None:
        """Let the running average begin where the student does."""
        if self.self_training is not None:
            self.self_training.average.begin_at(self.student)

    def _hints(self, told: Output, output: Output, real: Tensor) -> dict[str, Tensor]:
        weights, terms = self.weights, {}
        if weights.reconstruction:
            terms["reconstruction"] = weights.reconstruction * functional.mse_loss(told.logits.float(), real)
        if weights.hint:
            # The teacher learns from its own loss alone; the student's side keeps its gradient.
            distances = [
                cosine_distance(student, teacher.detach())
                for student, teacher in zip(output.features[-_MAPS:], told.features[-_MAPS:], strict=True)
            ]
            terms["hint"] = weights.hint * torch.stack(distances).sum()
        return terms
