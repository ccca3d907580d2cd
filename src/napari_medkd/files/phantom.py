"""A generated sample: made-up abdomens in three looks, with organ masks, a lesion label and lesion boxes.

Enough like an image to show the program, to test it and to let a student learn from a teacher; no more than that.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, gaussian_filter

from napari_medkd.core.errors import InputProblem, VolumeProblem, did_you_mean
from napari_medkd.files.phantom_anatomy import draw_anatomy
from napari_medkd.files.phantom_patient import EXTENT_MM, Part, visible_labels
from napari_medkd.files.phantom_shapes import Field, smooth_noise

#: The looks a phantom can have; a domain here is what a scanner or a sequence is in a real dataset.
DOMAINS = ("t1-like", "t2-like", "ct-like")

#: What the labels 0, 1, 2 … mean. Lesions lie in the liver and belong to it; they have boxes of their own.
CLASSES = ("background", "liver", "spleen", "kidneys", "spine", "aorta")

_SMALLEST = 8

# Mean in each domain, in their order (MR in arbitrary units, CT in HU), and how grainy the tissue is.
_TISSUES: dict[str, tuple[float, float, float, float]] = {
    "air": (0, 0, -1000, 0.0),
    "skin": (240, 190, 20, 0.5),
    "fat": (500, 360, -100, 0.8),
    "muscle": (215, 120, 52, 0.8),
    "bone": (190, 140, 380, 2.5),
    "lung": (30, 35, -830, 1.5),
    "marrow": (310, 235, 190, 2.5),
    "cortex": (170, 125, 420, 2.0),
    "disc": (225, 290, 85, 1.0),
    "csf": (95, 640, 15, 0.3),
    "liver": (295, 185, 60, 0.9),
    "vein": (255, 225, 46, 0.5),
    "lesion": (236, 250, 26, 0.9),
    "spleen": (240, 285, 50, 0.8),
    "kidney": (245, 330, 36, 1.2),
    "sinus": (400, 400, -40, 1.5),
    "blood": (180, 95, 43, 0.8),
    "fluid": (110, 620, 8, 0.4),
    "gas": (15, 15, -920, 0.5),
    "bowel": (225, 230, 42, 1.0),
    "chyme": (190, 400, 25, 3.0),
    "pancreas": (290, 250, 40, 1.4),
}


@dataclass(frozen=True, slots=True)
class _Look:
    """How one domain turns tissue into intensity."""

    column: int
    grain: float
    spread_floor: float
    spread_share: float
    bias: float
    noise: tuple[float, float]
    is_ct: bool


_LOOKS = {
    "t1-like": _Look(0, grain=14, spread_floor=0, spread_share=0.05, bias=0.18, noise=(9, 17), is_ct=False),
    "t2-like": _Look(1, grain=16, spread_floor=0, spread_share=0.07, bias=0.22, noise=(10, 19), is_ct=False),
    "ct-like": _Look(2, grain=6, spread_floor=4, spread_share=0, bias=0.0, noise=(9, 16), is_ct=True),
}


@dataclass(frozen=True, slots=True)
class Phantom:
    """One generated case.

    Attributes
    ----------
    image
        (Z, Y, X) float32, axes towards Inferior, Posterior, Left. HU where the domain is CT, else arbitrary units.
    labels
        (Z, Y, X) uint8, indices into :data:`CLASSES`.
    corners_N6
        Lesion boxes as z0, y0, x0, z1, y1, x1: voxel edges, half-open, tight.
    has_lesion
        Whether there is a lesion; then ``corners_N6`` has at least one row.
    spacing_mm
        Distance of two voxels along (z, y, x).
    domain
        One of :data:`DOMAINS`.
    seed
        What the case was made from.
    """

    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    corners_N6: NDArray[np.float64]
    has_lesion: bool
    spacing_mm: tuple[float, float, float]
    domain: str
    seed: int


def make_phantom(seed: int, domain: str, shape: tuple[int, int, int] = (64, 64, 64)) -> Phantom:
    """Return the case that a seed and a domain stand for, always the same one (to the last bit on one machine).

    The patient depends on the seed alone, so one seed in two domains is one patient scanned twice. Odd seeds have
    one to three liver lesions, even seeds none.

    Parameters
    ----------
    seed
        Not negative.
    domain
        One of :data:`DOMAINS`.
    shape
        Number of voxels along (z, y, x), at least 8 each. The scanned box stays the same, so more are smaller.

    Raises
    ------
    InputProblem
        Where the domain is not known or the seed is negative.
    VolumeProblem
        Where the shape is too small to hold the anatomy.
    """
    _refuse_nonsense(seed, domain, shape)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1 + DOMAINS.index(domain)]))
    parts, lesions = draw_anatomy(seed, shape, num_lesions=1 + seed // 2 % 3 if seed % 2 else 0)
    corners_N6 = _boxes(lesions)
    dz, dy, dx = (length / n for length, n in zip(EXTENT_MM, shape, strict=True))
    return Phantom(
        image=_scan([*parts, *lesions], _LOOKS[domain], rng),
        labels=visible_labels([*parts, *lesions]),
        corners_N6=corners_N6,
        has_lesion=len(corners_N6) > 0,
        spacing_mm=(dz, dy, dx),
        domain=domain,
        seed=seed,
    )


def _refuse_nonsense(seed: int, domain: str, shape: tuple[int, int, int]) -> None:
    if domain not in DOMAINS:
        raise InputProblem("domain", f"{domain!r} is not known.", did_you_mean(domain, DOMAINS))
    if seed < 0:
        raise InputProblem("seed", f"It is {seed}; expected 0 or more.", "Choose another seed.")
    if min(shape) < _SMALLEST:
        raise VolumeProblem(
            "shape", f"It is {shape}; expected three sizes of at least {_SMALLEST}.", "Choose a larger shape."
        )


def _boxes(lesions: list[Part]) -> NDArray[np.float64]:
    """Return the tight box of every lesion that fills at least one voxel by half."""
    found = [find_objects((lesion.share >= 0.5).astype(np.uint8)) for lesion in lesions]
    corners = [[axis.start for axis in box] + [axis.stop for axis in box] for boxes in found for box in boxes]
    return np.array(corners, dtype=np.float64).reshape(-1, 6)


def _scan(parts: list[Part], look: _Look, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the image a scanner would make of the parts: mixed intensities, grain, blur, bias and noise."""
    shape = parts[0].share.shape
    image = np.full(shape, _TISSUES["air"][look.column], dtype=np.float32)
    grain = np.zeros(shape, dtype=np.float32)
    tones = {name: _tone(name, look, rng) for name in _TISSUES}
    # A lesion stands out from this case's liver, so that none is lost where two tones happen to meet.
    contrast = np.float32(_TISSUES["lesion"][look.column] - _TISSUES["liver"][look.column])
    tones["lesion"] = (tones["liver"][0] + np.float32(rng.uniform(0.8, 1.2)) * contrast, tones["lesion"][1])
    for part in parts:
        tone, roughness = tones[part.tissue]
        image += part.share * (tone - image)
        grain += part.share * (roughness - grain)
    texture = 0.8 * smooth_noise(rng, shape, 30) + 0.6 * smooth_noise(rng, shape, 12)
    image = gaussian_filter(image + grain * texture, 0.45)
    return _tomograph(image, look, rng) if look.is_ct else _resonance(image, look, rng)


def _tone(tissue: str, look: _Look, rng: np.random.Generator) -> tuple[np.float32, np.float32]:
    """Return a tissue's intensity in this case, and the standard deviation of its grain."""
    row = _TISSUES[tissue]
    mean = row[look.column]
    spread = 0.0 if tissue in ("air", "gas") else look.spread_floor + look.spread_share * mean
    return np.float32(mean + spread * rng.standard_normal()), np.float32(look.grain * row[3])


def _tomograph(image: Field, look: _Look, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the image with Gaussian noise that is a little correlated, cut off where a scanner's HU end."""
    noise = gaussian_filter(rng.standard_normal(image.shape, dtype=np.float32), 0.5)
    noise *= rng.uniform(*look.noise) / noise.std()
    return np.asarray(np.clip(image + noise, -1024, 3071), dtype=np.float32)


def _resonance(image: Field, look: _Look, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the image with a scanner's gain, a smooth bias field and Rician noise."""
    bias = np.exp(look.bias * smooth_noise(rng, image.shape, 2))
    sigma = rng.uniform(*look.noise)
    real, imaginary = (sigma * rng.standard_normal(image.shape, dtype=np.float32) for _ in range(2))
    gain = rng.uniform(0.75, 1.3)
    return np.asarray(gain * np.hypot(np.maximum(image, 0) * bias + real, imaginary), dtype=np.float32)
