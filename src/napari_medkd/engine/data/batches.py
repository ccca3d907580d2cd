"""Draws augmented batches from cases: patches, with all that is known of them moved along."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_medkd.core.spec import Schedule
from napari_medkd.core.task import Task
from napari_medkd.engine.data.augment import augment, moved_image
from napari_medkd.engine.data.augment_boxes import moved_boxes
from napari_medkd.engine.data.augmentation import augmentation_named
from napari_medkd.engine.data.batch import Batch, BoxTarget, Said
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.data.patches import Patches, Source
from napari_medkd.engine.data.teacher_answers import TeacherAnswers

#: On each side a patch is cut this much larger than it is used, so that a rotation brings no border in.
MARGIN = 1 / 8


@dataclass(frozen=True, slots=True)
class Batches:
    """Draws batches.

    Parameters
    ----------
    cases
        Where patches are cut from.
    schedule
        How strongly they are varied.
    label_goes_on
        See `Patches`.
    teacher
        What a teacher said of the cases, to be moved along with them; None where it is asked in every step.
    """

    cases: Cases
    schedule: Schedule
    device: torch.device
    label_goes_on: bool = False
    teacher: TeacherAnswers | None = None

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return a batch of so many samples, on the device."""
        shape, flat = self.cases.preprocessing.patch, self.cases.preprocessing.dimensions == 2
        augmentation = augmentation_named(self.schedule.augmentation)
        margin = (0, 0, 0) if augmentation.is_nothing else _margin_of(shape)
        patches = Patches(self.cases, shape, margin, self.label_goes_on, self.cases.holding_something)
        cut, drawn = patches.cut, patches.draw(size, generator)
        images, labels = drawn.images_BCZYX.to(self.device), drawn.labels_BZYX.to(self.device)
        if flat:
            images, labels = images[:, :, 0], labels[:, 0]
        first = 1 if flat else 0
        spacing, wanted = self.cases.preprocessing.spacing[first:], shape[first:]
        images, labels, grid_BZYXD = augment(images, labels, augmentation, spacing, generator, output_shape=wanted)
        boxes = None
        if Task.of_kind(self.cases.tasks, "detection") is not None:
            grids = [None] * size if grid_BZYXD is None else list(grid_BZYXD)
            boxes = tuple(
                self._boxes(source, cut[first:], grid, wanted)
                for source, grid in zip(drawn.sources, grids, strict=True)
            )
        said = None if self.teacher is None else self._said(self.teacher, drawn.sources, cut, grid_BZYXD)
        return Batch(images, labels.long(), present_BK=self._present(drawn.sources), boxes=boxes, said=said)

    def _said(
        self,
        teacher: TeacherAnswers,
        sources: tuple[Source, ...],
        cut: tuple[int, int, int],
        grid_BZYXD: Tensor | None,
    ) -> Said:
        """Return what the teacher said of the samples, changed in space as they were."""
        classes = [found for source in sources if (found := teacher.of_classes(source.case)) is not None]
        masks = [
            found for source in sources if (found := teacher.of_mask(source.case, source.start_D, cut)) is not None
        ]
        mask_BKZYX = None
        if masks:
            mask_BKZYX = torch.from_numpy(np.stack(masks)).to(self.device)
            if self.cases.preprocessing.dimensions == 2:
                mask_BKZYX = mask_BKZYX[:, :, 0]
            mask_BKZYX = moved_image(mask_BKZYX, grid_BZYXD, self.cases.preprocessing.patch)
        return Said(mask_BKZYX, torch.from_numpy(np.stack(classes)).to(self.device) if classes else None)

    def _present(self, sources: tuple[Source, ...]) -> Tensor | None:
        known = [source.case.present_K for source in sources if source.case.present_K is not None]
        return torch.from_numpy(np.stack(known)).to(self.device) if known else None

    def _boxes(
        self, source: Source, cut: tuple[int, ...], grid_ZYXD: Tensor | None, wanted: tuple[int, ...]
    ) -> BoxTarget | None:
        """Return the boxes of a sample; None where they are not known."""
        boxes = source.case.boxes
        if boxes is None:
            return None
        first = 3 - len(wanted)
        corners = boxes.corners.reshape(-1, 2, 3)[:, :, first:] - source.start_D[first:]
        classes = torch.tensor([boxes.task.classes.index(name) for name in boxes.classes], dtype=torch.int64)
        found = BoxTarget(torch.from_numpy(corners.reshape(-1, 2 * len(wanted))).float(), classes)
        return moved_boxes(found, grid_ZYXD, cut, wanted).to(self.device)


def _margin_of(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    z, y, x = (round(size * MARGIN) if size > 1 else 0 for size in shape)
    return z, y, x
