"""What a teacher is shown of a labelled batch: the image, its class means, or the label map."""

from typing import Literal, TypeAlias

import torch
from torch import Tensor

from napari_medkd.engine.data.batch import Batch, View
from napari_medkd.engine.data.class_means import class_mean_image

#: What a network must be shown to answer.
Sees: TypeAlias = Literal["image", "class means", "label map"]


def showing(sees: Sees, num_classes: int, fallback_CK: Tensor | None = None) -> View:
    """Return the view that shows a batch the way a teacher is to see it.

    Parameters
    ----------
    sees
        ``image``: nothing is changed. ``class means``: see `class_mean_image`. ``label map``: the class index, spread
        over 0 to 1, in every channel.
    num_classes
        Background included.
    fallback_CK
        Mean intensities over the training set, for classes with hardly a voxel in the sample.
    """

    def show(batch: Batch) -> Batch:
        if sees == "image":
            return batch
        image, label = batch.image_BCZYX, batch.label_BZYX
        if sees == "label map":
            shown = label.clamp(min=0)[:, None].to(image.dtype) / (num_classes - 1)
            return batch.showing(shown.expand(image.shape).contiguous())
        with torch.no_grad():
            return batch.showing(class_mean_image(image, label, num_classes, fallback_CK))

    return show
