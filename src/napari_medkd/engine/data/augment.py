"""Random changes of a whole batch on its device: one sampling grid for images and labels, then an intensity chain.

Legend: B batch, C channel, Z Y X space (no Z for planes).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_medkd.core.errors import did_you_mean
from napari_medkd.engine.data.augment_intensity import drawn_appearance, repainted
from napari_medkd.engine.data.augment_space import sample, sampling_grid


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly patches are changed. The defaults change nothing."""

    rotation_degrees: float = 0.0
    """Largest turn within the (y, x) plane, either way."""
    tilt_degrees: float = 0.0
    """Largest turn of that plane itself, about x and about y; volumes only."""
    zoom: tuple[float, float] = (1.0, 1.0)
    """Smallest and largest magnification."""
    shear: float = 0.0
    """Largest shear, as the tangent of its angle."""
    translation: float = 0.0
    """Largest shift along each axis, as a fraction of the patch."""
    flip_axes: tuple[int, ...] = ()
    """Axes mirrored half of the time, 0 first; left and right are not the same organ, so none by default."""
    elastic: float = 0.0
    """Standard deviation of a control point's displacement, as a fraction of the points' distance; up to 0.3 tissue
    neither folds nor tears."""
    elastic_distance: float = 0.25
    """Distance of the control points, as a fraction of the patch's longest side."""
    chance: float = 0.5
    """Probability of each of the following changes, drawn per sample and channel."""
    gamma: tuple[float, float] = (1.0, 1.0)
    """Smallest and largest exponent of the values within their range."""
    contrast: tuple[float, float] = (1.0, 1.0)
    """Smallest and largest factor about the mean."""
    brightness: float = 0.0
    """Largest shift of the values, as a fraction of their range."""
    bias_field: float = 0.0
    """Standard deviation of the logarithm of a smooth field the values are multiplied by, at its control points."""
    blur: float = 0.0
    """Largest standard deviation of a Gaussian, in voxels of the finest axis."""
    noise: float = 0.0
    """Largest standard deviation of white noise, as a fraction of the range of values."""
    inversion_chance: float = 0.0
    """Probability that bright and dark change places."""

    @property
    def is_nothing(self) -> bool:
        """Whether patches come back as they are."""
        return not (self.changes_space or self.changes_intensity)

    @property
    def changes_space(self) -> bool:
        """Whether voxels move."""
        strengths = (self.rotation_degrees, self.tilt_degrees, self.shear, self.translation, self.elastic)
        return any(strengths) or len(self.flip_axes) > 0 or self.zoom != (1.0, 1.0)

    @property
    def changes_intensity(self) -> bool:
        """Whether values change where voxels do not."""
        strengths = (self.brightness, self.bias_field, self.blur, self.noise)
        has_strength = any(strengths) or self.gamma != (1.0, 1.0) or self.contrast != (1.0, 1.0)
        return self.inversion_chance > 0 or (self.chance > 0 and has_strength)


NONE = Augmentation()
#: The geometric augmentation of the shape-intensity paper (arXiv 2409.17503), which names nothing else.
PAPER = Augmentation(rotation_degrees=180.0, translation=0.125)
STRONG = Augmentation(
    rotation_degrees=20.0,
    tilt_degrees=15.0,
    zoom=(0.8, 1.25),
    shear=0.1,
    translation=0.05,
    elastic=0.2,
    gamma=(0.6, 1.7),
    contrast=(0.65, 1.5),
    brightness=0.15,
    bias_field=0.3,
    blur=1.0,
    noise=0.08,
)
_PRESETS = {"none": NONE, "paper": PAPER, "strong": STRONG}


def augmentation_named(name: str) -> Augmentation:
    """Return a preset: none, paper or strong."""
    if name not in _PRESETS:
        raise ValueError(f"Augmentation {name!r} is not known. {did_you_mean(name, _PRESETS)}")
    return _PRESETS[name]


def augment(
    images_BCZYX: Tensor,
    labels_BZYX: Tensor,
    augmentation: Augmentation,
    spacing: tuple[float, ...],
    generator: torch.Generator,
    output_shape: tuple[int, ...] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return randomly changed patches with their labels.

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
    tuple of Tensor
        Images (B, C, Z, Y, X) and labels (B, Z, Y, X), in the types and on the device they came in.
    """
    input_shape = tuple(images_BCZYX.shape[2:])
    wanted = input_shape if output_shape is None else tuple(output_shape)
    _refuse_shapes(images_BCZYX, labels_BZYX, spacing, wanted)
    seeds = [int(seed) for seed in torch.randint(2**62, (len(images_BCZYX),), generator=generator)]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    if augmentation.changes_space:
        grid = sampling_grid(augmentation, generators, spacing, input_shape, wanted)
        images_BCZYX, labels_BZYX = sample(images_BCZYX, labels_BZYX, grid.to(images_BCZYX.device))
    elif wanted != input_shape:
        middle = tuple(
            slice((has - want) // 2, (has - want) // 2 + want) for has, want in zip(input_shape, wanted, strict=True)
        )
        images_BCZYX, labels_BZYX = images_BCZYX[:, :, *middle], labels_BZYX[:, *middle]
    if augmentation.changes_intensity:
        appearance = drawn_appearance(augmentation, generators, images_BCZYX.shape[1], len(wanted))
        images_BCZYX = repainted(images_BCZYX, appearance, spacing, seeds)
    return images_BCZYX, labels_BZYX


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
