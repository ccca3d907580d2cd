"""Class-mean images: every voxel takes the mean intensity of its true class (SIKD, arXiv 2409.17503, section 3.1).

Shape legend: B batch, C channel, K class, V voxels (all spatial axes flattened).
"""

import torch
from torch import Tensor

#: A class with fewer voxels than this in the patch takes its mean over the training set instead.
FEWEST_VOXELS = 10


def mean_intensities(image_BCV: Tensor, label_BV: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return the mean intensity (B, C, K) of each class, and its number of voxels (B, K).

    Sums are taken in double precision, so that the means of a class-mean image are that image's own values. A class
    that is absent has mean 0; labels below 0 are not counted.
    """
    batch, channels, _ = image_BCV.shape
    bins_BV = torch.where(label_BV < 0, num_classes, label_BV)
    precise = torch.float32 if image_BCV.device.type == "mps" else torch.float64
    sums_BCK = torch.zeros(batch, channels, num_classes + 1, dtype=precise, device=image_BCV.device)
    index_BCV = bins_BV[:, None].expand(-1, channels, -1)
    sums_BCK.scatter_add_(2, index_BCV, image_BCV.to(precise))
    counts_BK = torch.zeros(batch, num_classes + 1, dtype=precise, device=image_BCV.device)
    counts_BK.scatter_add_(1, bins_BV, torch.ones_like(bins_BV, dtype=precise))
    means_BCK = sums_BCK[..., :-1] / counts_BK[:, None, :-1].clamp(min=1)
    return means_BCK.to(image_BCV.dtype), counts_BK[:, :-1]


def class_mean_image(
    image: Tensor, label: Tensor | None, num_classes: int, fallback_CK: Tensor | None = None
) -> Tensor:
    """Return the image in which every voxel has the mean intensity of its class, background included.

    Parameters
    ----------
    image
        (B, C, ...) intensities, augmented: the class means are those of what the student sees.
    label
        (B, ...) class indices; voxels of -1 keep the background's mean.
    num_classes
        Number of classes, background included.
    fallback_CK
        Means over the training set, used for a class with fewer than `FEWEST_VOXELS` voxels in the sample.

    Raises
    ------
    ValueError
        Without a label: class means exist only where the truth (or a mask) is known.
    """
    if label is None:
        message = "A class-mean image needs a label; show the teacher images only where a mask is known."
        raise ValueError(message)
    image_BCV, label_BV = image.flatten(2), label.flatten(1).long()
    means_BCK, counts_BK = mean_intensities(image_BCV, label_BV, num_classes)
    if fallback_CK is not None:
        few_B1K = (counts_BK < FEWEST_VOXELS)[:, None]
        means_BCK = torch.where(few_B1K, fallback_CK.to(means_BCK)[None], means_BCK)
    index_BCV = label_BV.clamp(min=0)[:, None].expand(-1, image_BCV.shape[1], -1)
    return torch.gather(means_BCK, 2, index_BCV).view_as(image)
