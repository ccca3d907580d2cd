"""A teacher's answers to whole images, computed once: what a student follows without asking the teacher in every step.

Legend: B batch, K class, Z Y X space (no Z for planes).
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.engine.data.array_cache import ArrayCache, digest_of
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.data.image_names import ImageNames, seen_as
from napari_medkd.engine.data.patches import window_read
from napari_medkd.engine.data.resampling import Region
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.sliding_window import blended, enlarged

#: Logits are written in blocks of as many voxels (z, y, x) along each axis, by dimensions: about what a patch needs.
_BLOCKS = {2: (1, 256, 256), 3: (64, 64, 64)}


class TeacherAnswers:
    """The logits of a frozen teacher, kept in Zarr v3 beside the run where it has a folder.

    They are those of the image as it is: a student that sees it brighter or noisier follows what was said of the plain
    one. That is the approximation.

    Parameters
    ----------
    teacher
        Answers the tasks of one dataset.
    answers
        Its heads; of boxes nothing is kept.
    folder
        Where they are kept, a folder of the dataset's own: of the same images the same weights say something else where
        they are asked for another dataset. None keeps them in memory.
    """

    def __init__(
        self,
        teacher: nn.Module,
        answers: HeadsShape,
        preprocessing: Preprocessing,
        machine: Machine,
        folder: Path | None,
    ) -> None:
        self._teacher = teacher.eval()
        self._answers = answers
        self._preprocessing = preprocessing
        self._machine = machine
        self._names = ImageNames()
        key = f"{digest_of(teacher)}-{seen_as(preprocessing)}"
        block = (answers.num_classes, *_BLOCKS[preprocessing.dimensions])
        self._masks = ArrayCache(folder, f"masks-{key}", block) if answers.num_classes else None
        self._classes = ArrayCache(folder, f"classes-{key}") if answers.num_scores else None

    def of_mask(
        self, case: PreparedCase, start_D: NDArray[np.int64], shape: tuple[int, int, int]
    ) -> NDArray[np.float32] | None:
        """Return the logits (K, z, y, x) of a window, see `window_of`; None where no mask is drawn."""
        masks = self._masks
        if masks is None:
            return None

        def read(inside: Region) -> NDArray[np.float32]:
            return masks.get(self._names.of(case), lambda: self._mask(case), (slice(None), *inside))

        return window_read(read, case.image.shape[1:], start_D, shape)

    def of_classes(self, case: PreparedCase) -> NDArray[np.float32] | None:
        """Return the logits (K,) of the whole image; None where no class is asked."""
        if self._classes is None:
            return None
        return self._classes.get(self._names.of(case), lambda: self._class_logits(case))

    def _mask(self, case: PreparedCase) -> NDArray[np.float32]:
        patch, autocast = self._preprocessing.patch, self._machine.autocast
        return blended(self._teacher, self._image(case), patch, autocast=autocast).float().cpu().numpy()

    @torch.no_grad()
    def _class_logits(self, case: PreparedCase) -> NDArray[np.float32]:
        fitting_CZYX, _ = enlarged(self._image(case), self._preprocessing.patch)
        flat = self._preprocessing.dimensions == 2
        with self._machine.autocast():
            output = self._teacher((fitting_CZYX[:, 0] if flat else fitting_CZYX)[None])
        logits: NDArray[np.float32] = output.classification[0].float().cpu().numpy()
        return logits

    def _image(self, case: PreparedCase) -> Tensor:
        return torch.from_numpy(case.image_CZYX).to(self._machine.device)
