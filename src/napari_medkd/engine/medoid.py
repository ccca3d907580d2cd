"""Ranks cases by how typical they are: the most typical one makes the best reference. Looks into no mask; no torch.

Legend: N cases, V voxels of the template.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.volume import Volume
from napari_medkd.engine.data.alignment import align
from napari_medkd.engine.data.choose import choose_preprocessing
from napari_medkd.engine.data.preprocess import prepare_image
from napari_medkd.files.opening import read_volume

#: The template has about as many voxels; more tell nothing more about what is typical.
_VOXELS = {2: 96 * 96, 3: 32**3}
#: An axis that would have fewer voxels in the template keeps its own.
_FEWEST_ALONG_AN_AXIS = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that could be the reference.

    Parameters
    ----------
    likeness
        Mean correlation of its image with the others', each laid over one template: 1 is the same image.
    """

    case: str
    likeness: float


def candidates_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the cases that may become references: those of no patient set apart to choose settings or to be scored."""
    apart = dataset.set_apart()
    return tuple(case.id for case in dataset.cases if case.id not in apart)


def proposed_of(dataset: Dataset, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of some cases that have no mask yet of a task that others have one of; all where none is left."""
    tasks = [task.name for task in dataset.tasks.values() if task.kind == "segmentation"]
    left = tuple(name for name in names if any(task not in dataset.case(name).annotations for task in tasks))
    return left or names


def rank_candidates(dataset: Dataset) -> Iterator[str | list[Candidate]]:
    """Yield each case's id when it has been laid over the template, and at last the candidates, most typical first.

    The medoid of all images: n alignments to one template instead of one of each pair. Those that have a mask already
    are compared with, but ranked only where all have one.

    Raises
    ------
    DatasetProblem
        Where there are fewer than two candidates.
    """
    names = candidates_of(dataset)
    if len(names) < 2:
        raise DatasetProblem(
            f"dataset {dataset.name}",
            f"{len(names)} case(s) could be a reference; ranking needs at least 2.",
            "Add images, or take cases off the validate and test sides of the split.",
        )
    grids = {name: _volume(dataset, name).grid for name in names}
    template, spacing = _template(grids)
    recipe = choose_preprocessing(dataset, names, PreprocessingWishes(spacing=spacing), divisor=1, on_gpu=False)
    fixed, _ = prepare_image(_volume(dataset, template), recipe)
    rows = []
    for name in names:
        image, _ = prepare_image(_volume(dataset, name), recipe)
        rows.append(_laid_over(image, fixed, spacing).ravel())
        yield name
    likeness_N = mean_correlations(np.stack(rows))
    proposed = proposed_of(dataset, names)
    found = zip(names, likeness_N.tolist(), strict=True)
    ranked = [Candidate(name, likeness) for name, likeness in found if name in proposed]
    yield sorted(ranked, key=lambda candidate: -candidate.likeness)


def mean_correlations(rows_NV: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean correlation (N,) of each row with the others; a constant row is like none."""
    centred = rows_NV - rows_NV.mean(1, keepdims=True)
    normed = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-8)
    alike = (normed @ normed.T).astype(np.float64)
    np.fill_diagonal(alike, 0.0)
    means: NDArray[np.float64] = alike.sum(1) / (len(rows_NV) - 1)
    return means


def _volume(dataset: Dataset, name: str) -> Volume:
    return read_volume(dataset.case(name).images, channels=dataset.channels, modality=dataset.modality)


def _template(grids: dict[str, Grid]) -> tuple[str, tuple[float, float, float]]:
    """Return the case whose extent is nearest to the median, and a coarse voxel size for all."""
    extents = {name: np.array(grid.shape) * grid.spacing for name, grid in grids.items()}
    median = np.median(np.stack(list(extents.values())), axis=0)
    chosen = min(extents, key=lambda name: float(np.abs(np.log(extents[name] / median)).sum()))
    grid = grids[chosen]
    z, y, x = np.array(grid.spacing) * _coarser_by(grid)
    return chosen, (float(z), float(y), float(x))


def _coarser_by(grid: Grid) -> NDArray[np.float64]:
    """Return how much larger (z, y, x) the template's voxels are: alike along all axes but the short ones."""
    sides = np.array(grid.shape)
    is_long = sides > 1
    wanted = _VOXELS[2 if grid.is_flat else 3]
    while True:
        ratio = max(1.0, float(np.prod(sides) / wanted) ** (1 / is_long.sum()))
        becomes_short = is_long & (ratio > 1) & (sides / ratio < _FEWEST_ALONG_AN_AXIS)
        if not becomes_short.any():
            return np.where(is_long, ratio, 1.0)
        is_long &= ~becomes_short


def _laid_over(
    image_CZYX: NDArray[np.float32], fixed_CZYX: NDArray[np.float32], spacing: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Return the image's mean channel on the fixed image's voxels."""
    matrix = align(image_CZYX, fixed_CZYX, spacing)
    flat = fixed_CZYX.shape[1] == 1
    moving, fixed = (array.mean(0)[0] if flat else array.mean(0) for array in (image_CZYX, fixed_CZYX))
    laid: NDArray[np.float32] = ndimage.affine_transform(
        moving, matrix[:, :-1], matrix[:, -1], output_shape=fixed.shape, order=1, mode="nearest"
    )
    return laid
