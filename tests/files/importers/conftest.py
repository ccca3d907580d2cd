"""Small images for foreign layouts."""

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

Save = Callable[..., Path]


@pytest.fixture
def save() -> Save:
    """Write a 4 x 5 x 6 volume or a 5 x 4 picture holding the values in turn, and the folders it needs."""

    def write(path: Path, *values: int, channels: int = 1, colour: bool = False) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            pixels = np.resize(np.array(values or (0, 1), np.uint8), (4, 5))
            image = Image.fromarray(pixels)
            (Image.merge("RGB", [image, image.rotate(180), image]) if colour else image).save(path)
        elif path.suffix in (".nrrd", ".mha"):
            sitk.WriteImage(
                sitk.GetImageFromArray(np.resize(np.array(values or (0, 1), np.int16), (6, 5, 4))), str(path)
            )
        else:
            voxels = np.resize(np.array(values or (0, 1), np.int16), (4, 5, 6, channels)[: 3 if channels == 1 else 4])
            nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 2.0, 1.0])), path)
        return path

    return write
