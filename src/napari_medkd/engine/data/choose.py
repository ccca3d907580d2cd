"""Chooses the preprocessing that a person left open, from the training cases."""

import numpy as np

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import IntensityRule, Preprocessing, PreprocessingWishes
from napari_medkd.core.volume import Modality
from napari_medkd.engine.data.preprocess import coarser_of
from napari_medkd.files.importers.dataset_json import modality_of
from napari_medkd.files.opening import read_volume

#: A training patch has at most this many voxels, by dimensions: what a step of a few patches takes seconds for.
MOST_VOXELS_ON_CPU = {2: 256 * 256, 3: 48**3}
MOST_VOXELS_ON_GPU = {2: 512 * 512, 3: 112**3}

#: As many cases are looked at as tell the median size well.
CASES_LOOKED_AT = 32

SOFT_TISSUE = IntensityRule(kind="window", low=-160.0, high=240.0)


def _patch(shapes: list[tuple[int, int, int]], divisor: int, dimensions: int, most_voxels: int) -> tuple[int, int, int]:
    """Return the median shape rounded up to the divisor, cut to 3/4 along its longest axis until it fits."""
    sizes = [int(np.ceil(size / divisor) * divisor) for size in np.median(np.array(shapes), axis=0)]
    if dimensions == 2:
        sizes[0] = 1
    while np.prod(sizes) > most_voxels:
        longest = int(np.argmax(sizes))
        shorter = min(sizes[longest] - divisor, int(np.ceil(sizes[longest] * 0.75 / divisor) * divisor))
        sizes[longest] = max(divisor, shorter)
        if max(sizes) == divisor:
            break
    z, y, x = sizes
    return z, y, x


def _room_for_all(
    shapes: list[tuple[int, int, int]], divisor: int, dimensions: int, most_voxels: int
) -> tuple[int, int, int]:
    """Return the median shape, made smaller as a whole where it does not fit, rounded up to the divisor."""
    sides = np.median(np.array(shapes), axis=0)
    smaller = min(1.0, (most_voxels / np.prod(sides)) ** (1 / dimensions))
    z, y, x = (int(np.ceil(side * smaller / divisor - 1e-9)) * divisor if side > 1 else 1 for side in sides)
    return (1 if dimensions == 2 else z), y, x


def _spacing(grids: list[Grid], *, whole: bool) -> tuple[float, float, float]:
    """Return the median spacing; the finest where images are to stay as they are."""
    spacings = np.array([grid.spacing for grid in grids])
    z, y, x = spacings.min(axis=0) if whole else np.median(spacings, axis=0)
    return float(z), float(y), float(x)


def _is_ct(dataset: Dataset) -> bool:
    """Return whether intensities are in Hounsfield units; of several channels each has to be called CT."""
    is_told = len(dataset.channels) == 1 or modality_of(dataset.channels) is Modality.CT
    return dataset.modality is Modality.CT and is_told


def choose_preprocessing(
    dataset: Dataset,
    cases: tuple[str, ...],
    wishes: PreprocessingWishes,
    divisor: int,
    *,
    on_gpu: bool,
    whole: bool = False,
) -> Preprocessing:
    """Return a complete recipe: what the person fixed, and the rest from the grids of the training cases.

    Parameters
    ----------
    cases
        Ids of the training cases.
    divisor
        Patch sizes are multiples of it (the network's total downsampling).
    on_gpu
        Whether patches may be large.
    whole
        Whether every image has to fit into the patch, because something is to be said of it as a whole.

    Raises
    ------
    DatasetProblem
        Where flat and deep images are mixed, or units, or no patch fits the images and the network.
    """
    step = max(1, len(cases) // CASES_LOOKED_AT)
    looked_at = [dataset.case(name) for name in cases[::step]]
    grids = [read_volume(case.images, channels=dataset.channels, modality=dataset.modality).grid for case in looked_at]
    flat = [grid.is_flat for grid in grids]
    if any(flat) and not all(flat):
        raise DatasetProblem(
            f"dataset {dataset.name}",
            f"{looked_at[flat.index(True)].id} is a 2-D image and {looked_at[flat.index(False)].id} a 3-D one.",
            "Make one dataset of each.",
        )
    units = [grid.unit for grid in grids]
    if len(set(units)) > 1:
        raise DatasetProblem(
            f"dataset {dataset.name}",
            f"{looked_at[units.index('mm')].id} is measured in mm, and {looked_at[units.index('pixel')].id} in pixels.",
            "Save all in a format with a voxel size, or make one dataset of each.",
        )
    dimensions = 2 if flat[0] else 3
    spacing = wishes.spacing or _spacing(grids, whole=whole)
    intensity = wishes.intensity or (SOFT_TISSUE if _is_ct(dataset) else IntensityRule())
    most_voxels = (MOST_VOXELS_ON_GPU if on_gpu else MOST_VOXELS_ON_CPU)[dimensions]
    shapes = [grid.resized(coarser_of(grid.spacing, spacing) if whole else spacing).shape for grid in grids]
    patch = wishes.patch or (_room_for_all if whole else _patch)(shapes, divisor, dimensions, most_voxels)
    _refuse_patch(patch, divisor, dimensions)
    return Preprocessing(
        dimensions=2 if dimensions == 2 else 3,
        spacing=spacing,
        unit=units[0],
        intensity=intensity,
        patch=patch,
        channels=dataset.channels,
        whole=whole,
    )


def _refuse_patch(patch: tuple[int, int, int], divisor: int, dimensions: int) -> None:
    """Raise a DatasetProblem where a network cannot be trained on patches of that size."""
    if dimensions == 2 and patch[0] != 1:
        raise DatasetProblem(
            "preprocessing.patch",
            f"The patch {patch} has {patch[0]} planes; the images are 2-D.",
            "Choose 1 for its first size: sizes are z, y, x.",
        )
    wrong = [size for size in patch[3 - dimensions :] if size % divisor]
    if wrong:
        raise DatasetProblem(
            "preprocessing.patch",
            f"The patch {patch} has sizes that are not multiples of {divisor}.",
            f"Choose multiples of {divisor}, or fewer network levels.",
        )
    if all(size == divisor for size in patch[3 - dimensions :]):
        raise DatasetProblem(
            "preprocessing.patch",
            f"A patch of {patch} voxels leaves a single one at the network's coarsest level, too few to normalise.",
            "Take fewer network levels (--widths), or a larger patch where the images are larger.",
        )
