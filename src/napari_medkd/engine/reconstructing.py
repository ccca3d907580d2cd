"""What a teacher draws of a case whose image it has learned to reconstruct."""

from collections.abc import Callable

import torch

from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.preview import PreviewPicture
from napari_medkd.core.volume import Volume
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.data.preprocess import restore_image
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.sliding_window import blended


def reconstructions(
    teacher: UNet, preprocessing: Preprocessing, machine: Machine
) -> Callable[[PreparedCase], tuple[PreviewPicture, ...]]:
    """Return what shows a case as a network that may still train reconstructs it, on the case's own grid.

    Parameters
    ----------
    teacher
        Its answer is the image's own channels.
    """

    def shown(case: PreparedCase) -> tuple[PreviewPicture, ...]:
        image_CZYX = torch.from_numpy(case.image_CZYX).to(machine.device)
        drawn_CZYX = blended(teacher, image_CZYX, preprocessing.patch, autocast=machine.autocast).cpu().numpy()
        restored_CZYX = restore_image(drawn_CZYX, case.grid, case.original)
        return (
            PreviewPicture("reconstruction", case.id, Volume(restored_CZYX, case.original, preprocessing.channels)),
        )

    return shown
