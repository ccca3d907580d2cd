"""Other scanners and sequences, imitated: inversion, gamma, contrast, brightness, bias field, blur and noise.

Strengths are fractions of each channel's own range of values, so the chain serves every normalisation. Every sample and
channel draws its own.

Legend: B batch, C channel, n control points, Z Y X space (no Z for planes).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from napari_medkd.engine.data.augmentation import Augmentation
from napari_medkd.engine.data.spline import EXTRA_POINTS, dense_field

BIAS_INTERVALS = 2


@dataclass(frozen=True, slots=True)
class Appearance:
    """What is done to the values of a batch. Neutral numbers mean: left alone."""

    inverted_BC: Tensor
    """1 where bright and dark change places, else 0."""
    gamma_BC: Tensor
    contrast_BC: Tensor
    brightness_BC: Tensor
    bias_BCn: Tensor
    """Logarithms of the bias field at its control points, (B, C, n, …, n)."""
    blur_BC: Tensor
    """Standard deviation in voxels of the finest axis."""
    noise_BC: Tensor
    """Standard deviation."""

    def to(self, device: torch.device) -> "Appearance":
        """Return the same on another device."""
        return Appearance(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def drawn_appearance(
    augmentation: Augmentation, generators: Sequence[torch.Generator], channels: int, dimensions: int
) -> Appearance:
    """Return random choices, one set per generator and channel.

    Parameters
    ----------
    augmentation
        Strengths; only those of intensity are read.
    generators
        One per sample, on the CPU.
    channels, dimensions
        Of the images.

    Returns
    -------
    Appearance
        On the CPU.
    """
    drawn = [_of_sample(augmentation, generator, channels, dimensions) for generator in generators]
    return Appearance(*(torch.stack(parts) for parts in zip(*drawn, strict=True)))


def repainted(images_BCZYX: Tensor, appearance: Appearance, spacing: tuple[float, ...], seeds: Sequence[int]) -> Tensor:
    """Return the images with another appearance; shapes and labels stay where they are.

    Parameters
    ----------
    images_BCZYX
        Any range of values.
    appearance
        From ``drawn_appearance``, on the CPU, so that what does nothing costs nothing.
    spacing
        Voxel size along each axis; the blur is round in physical space.
    seeds
        One per sample, for the noise, which is drawn on the images' device.

    Returns
    -------
    Tensor of shape (B, C, Z, Y, X)
    """
    chosen = appearance
    appearance = appearance.to(images_BCZYX.device)
    axes = tuple(range(2, images_BCZYX.dim()))
    lowest = images_BCZYX.amin(axes, keepdim=True)
    span = (images_BCZYX.amax(axes, keepdim=True) - lowest).clamp(min=1e-6)
    values = (images_BCZYX - lowest) / span
    if chosen.inverted_BC.any():
        inverted = _over_space(appearance.inverted_BC, values)
        values = inverted + (1 - 2 * inverted) * values
    if (chosen.gamma_BC != 1).any():
        values = values.clamp(min=1e-6).pow(_over_space(appearance.gamma_BC, values))
    if (chosen.contrast_BC != 1).any() or chosen.brightness_BC.any():
        mean = values.mean(axes, keepdim=True)
        shift = mean + _over_space(appearance.brightness_BC, values)
        values = (values - mean) * _over_space(appearance.contrast_BC, values) + shift
    if chosen.bias_BCn.any():
        field = dense_field(appearance.bias_BCn.flatten(0, 1).unsqueeze(-1), tuple(values.shape[2:]))
        values = values * field.exp().reshape(values.shape)
    if chosen.blur_BC.any():
        values = _blurred(values, appearance.blur_BC, spacing)
    if chosen.noise_BC.any():
        values = values + _over_space(appearance.noise_BC, values) * _white(values, seeds)
    return values * span + lowest


def _of_sample(
    augmentation: Augmentation, generator: torch.Generator, channels: int, dimensions: int
) -> tuple[Tensor, ...]:
    def evenly(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(channels, generator=generator)

    def sometimes(chance: float = augmentation.chance) -> Tensor:
        return (torch.rand(channels, generator=generator) < chance).float()

    def around_one(limits: tuple[float, float]) -> Tensor:
        return (evenly(math.log(limits[0]), math.log(limits[1])) * sometimes()).exp()

    points = (BIAS_INTERVALS + EXTRA_POINTS,) * dimensions
    bias = augmentation.bias_field * torch.randn(channels, *points, generator=generator)
    return (
        sometimes(augmentation.inversion_chance),
        around_one(augmentation.gamma),
        around_one(augmentation.contrast),
        evenly(-augmentation.brightness, augmentation.brightness) * sometimes(),
        bias * sometimes().reshape(-1, *(1 for _ in points)),
        evenly(0, augmentation.blur) * sometimes(),
        evenly(0, augmentation.noise) * sometimes(),
    )


def _over_space(number_BC: Tensor, like: Tensor) -> Tensor:
    return number_BC.reshape(*number_BC.shape, *(1 for _ in like.shape[2:]))


def _blurred(values: Tensor, blur_BC: Tensor, spacing: tuple[float, ...]) -> Tensor:
    """Return the values after one Gaussian per axis, each as a matrix product: any width at one price."""
    batch, channels, *shape = values.shape
    before, after = 1, math.prod(shape)
    for size, voxel in zip(shape, spacing, strict=True):
        after //= size
        sigma = (blur_BC.flatten() * (min(spacing) / voxel)).clamp(min=1e-3)[:, None, None]
        place = torch.arange(size, device=values.device, dtype=values.dtype)
        # Never below 1e-13: a denormal number costs a hundred times a normal one.
        weights = torch.exp(-0.5 * ((place[:, None] - place) / sigma).square().clamp(max=60))
        weights = (weights / weights.sum(-1, keepdim=True)).unsqueeze(1)
        values = values.reshape(batch * channels, before, size, after)
        last = after == 1  # one product of matrices instead of a vector for each line
        values = values.squeeze(-1) @ weights.squeeze(1).transpose(1, 2) if last else weights @ values
        before *= size
    return values.reshape(batch, channels, *shape)


def _white(values: Tensor, seeds: Sequence[int]) -> Tensor:
    """Return standard normal noise that depends on nothing but each sample's seed (and the kind of device)."""
    noise = torch.empty_like(values)
    generator = torch.Generator(device=values.device)
    for sample, seed in zip(noise, seeds, strict=True):
        sample.normal_(generator=generator.manual_seed(seed))
    return noise
