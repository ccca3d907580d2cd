"""How strongly patches are changed at random, and the presets: data alone, what is done with it stands beside."""

from dataclasses import dataclass

from napari_medkd.core.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly patches are changed. The defaults change nothing.

    Nothing is mirrored: left and right are not the same organ.
    """

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
        return any(strengths) or self.zoom != (1.0, 1.0)

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
