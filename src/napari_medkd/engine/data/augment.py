"""Random changes of a whole batch on its device: one sampling grid for images and labels, then an intensity chain.

Legend: B batch, C channel, Z Y X space (no Z for planes).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from napari_medkd.engine.data.augment_intensity import drawn_appearance, repainted
from napari_medkd.engine.data.augment_space import sample, sample_image, sampling_grid
from napari_medkd.engine.data.augmentation import Augmentation


class Augmented(NamedTuple):
    """Randomly changed patches."""

    images_BCZYX: Tensor
    labels_BZYX: Tensor
    grid_BZYXD: Tensor | None
    """Where each voxel lies in the patch it is made from, as `sampling_grid` tells it, on the CPU; None where voxels do
    not move, but for those that are cut off on both sides of a larger patch."""


def augment(
    images_BCZYX: Tensor,
    labels_BZYX: Tensor,
    augmentation: Augmentation,
    spacing: tuple[float, ...],
    generator: torch.Generator,
    output_shape: tuple[int, ...] | None = None,
) -> Augmented:
    """Return randomly changed patches with their labels, and where they come from.

    What happens to a sample depends on one seed that is drawn for it, not on its neighbours in the batch.

    Parameters
    ----------
    images_BCZYX
        Float patches on any device.
    labels_BZYX
        Class index of every voxel, any integer type.
    augmentation
        Strengths. Where nothing is to be done, the inputs themselves come back (their middle, for a smaller output).
    spacing
        Voxel size along each spatial axis, so that turns and blurs are round in physical space.
    generator
        On the CPU, so that the choices are the same on every device (the noise is drawn on the device itself).
    output_shape
        Voxels of each spatial axis of the result; None keeps the input's. Sampling a smaller patch from the middle of
        a larger one brings tissue instead of border fill into the corners of a turned patch.

    Returns
    -------
    Augmented
        In the types and on the device they came in.
    """
    input_shape = tuple(images_BCZYX.shape[2:])
    wanted = input_shape if output_shape is None else tuple(output_shape)
    _refuse_shapes(images_BCZYX, labels_BZYX, spacing, wanted)
    seeds = [int(seed) for seed in torch.randint(2**62, (len(images_BCZYX),), generator=generator)]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    grid = None
    if augmentation.changes_space:
        grid = sampling_grid(augmentation, generators, spacing, input_shape, wanted)
        images_BCZYX, labels_BZYX = sample(images_BCZYX, labels_BZYX, grid.to(images_BCZYX.device))
    elif wanted != input_shape:
        middle = _middle(input_shape, wanted)
        images_BCZYX, labels_BZYX = images_BCZYX[:, :, *middle], labels_BZYX[:, *middle]
    if augmentation.changes_intensity:
        appearance = drawn_appearance(augmentation, generators, images_BCZYX.shape[1], len(wanted))
        images_BCZYX = repainted(images_BCZYX, appearance, spacing, seeds)
    return Augmented(images_BCZYX, labels_BZYX, grid)


def moved_image(image_BCZYX: Tensor, grid_BZYXD: Tensor | None, output_shape: tuple[int, ...]) -> Tensor:
    """Return what lies over patches moved as the patches were, by the grid that `augment` gave, linearly.

    Parameters
    ----------
    output_shape
        Voxels of the result, of which the last axes count; used where there is no grid.
    """
    if grid_BZYXD is not None:
        return sample_image(image_BCZYX, grid_BZYXD.to(image_BCZYX.device))
    sides = tuple(image_BCZYX.shape[2:])
    return image_BCZYX[:, :, *_middle(sides, output_shape[-len(sides) :])]


def _middle(shape: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice((has - want) // 2, (has - want) // 2 + want) for has, want in zip(shape, wanted, strict=True))


def _refuse_shapes(images: Tensor, labels: Tensor, spacing: tuple[float, ...], wanted: tuple[int, ...]) -> None:
    expected = (images.shape[0], *images.shape[2:])
    if labels.shape != expected:
        raise ValueError(f"Images of shape {tuple(images.shape)} need labels {expected}, not {tuple(labels.shape)}.")
    if not len(spacing) == len(wanted) == len(expected) - 1:
        raise ValueError(
            f"Images with {len(expected) - 1} spatial axes need a spacing and an output shape of as many numbers; "
            f"found {spacing} and {wanted}."
        )
    if any(want > has for want, has in zip(wanted, expected[1:], strict=True)):
        raise ValueError(
            f"A patch of {wanted} voxels cannot be cut from one of {expected[1:]}; cut a larger one first."
        )
