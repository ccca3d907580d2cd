"""Reads DICOM segmentations, masks as clinics exchange them (PS3.3, A.51): the number of the segment of each voxel.

A file holds a frame for each segment and slice on which something is drawn, and need not hold the other slices. On the
grid of an image they are laid where they belong; alone, the labels end with the first and the last slice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.files.dicom_geometry import different_heights, heights, refuse_tilt
from napari_medkd.files.dicom_header import TAGS, read_tags, slices_in, translated_damage
from napari_medkd.files.dicom_pixels import stored_frames
from napari_medkd.files.dicom_slice import Slice
from napari_medkd.files.memory import refuse_beyond_memory
from napari_medkd.files.placing import placed
from napari_medkd.files.voxel_layout import LPS

_MEASURES = "PixelMeasuresSequence"
_TAGS = [*TAGS, "SegmentationType", "SegmentSequence"]
#: How far a slice may lie from where an even stack has it, in slices.
_UNEVEN = 0.25
_AGAIN = "Convert the segmentation to NIfTI, for example with dcmqi."


@dataclass(frozen=True, slots=True)
class Segments:
    """What a segmentation holds.

    Parameters
    ----------
    labels
        An image of one channel: the number of the segment that each voxel is of, 0 where there is none.
    names
        What the segments are called, by their number; each name once.
    """

    labels: Volume
    names: Mapping[int, str]


def read_segments(path: Path, grid: Grid | None = None) -> Segments:
    """Return the segments of a file.

    Parameters
    ----------
    grid
        Of the image that they are to lie on: its distance of slices counts, unless the header says another one. Where
        they do not lie on it, they are returned on a grid of their own.

    Raises
    ------
    VolumeProblem
        Naming the file: damaged, without an even place in space, or with segments that overlap or are fractions.
    """
    dataset = read_tags(path, _TAGS, stop_before_pixels=True)
    with translated_damage(path):
        slices, numbers, names = slices_in(dataset, path), _numbers(dataset, path), _names(dataset)
        spacing = _spacing_said(dataset)
    planes, affine = _stacked(slices, spacing, grid, path)
    labels = _drawn(path, planes, numbers, slices[0].origin.shape)
    volume = placed(labels.transpose(2, 1, 0)[..., np.newaxis], LPS @ affine, ("image",), path)
    return Segments(volume if grid is None else _laid_on(grid, volume), names)


def _numbers(dataset: FileDataset, path: Path) -> list[int] | None:
    """Return the number of the segment that each frame is of; None where the voxels say it themselves."""
    if dataset.get("SegmentationType") == "FRACTIONAL":
        raise VolumeProblem(
            str(path),
            "The segmentation holds probabilities; expected segments that are there or not.",
            "Export it as a binary segmentation.",
        )
    if dataset.get("SegmentationType") == "LABELMAP":
        return None
    shared = dataset.SharedFunctionalGroupsSequence[0]
    frames = dataset.PerFrameFunctionalGroupsSequence
    groups = [frame if "SegmentIdentificationSequence" in frame else shared for frame in frames]
    return [int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber) for group in groups]


def _names(dataset: FileDataset) -> dict[int, str]:
    """Return the names of the segments; where two are called the same, or like the background, with their number."""
    said = {int(one.SegmentNumber): str(one.get("SegmentLabel") or "").strip() for one in dataset.SegmentSequence}
    taken, names = {"background", ""}, {}
    for number, name in said.items():
        names[number] = name if name not in taken else f"{name or 'label'} {number}"
        taken.add(names[number])
    return {number: name for number, name in names.items() if number > 0}


def _spacing_said(dataset: FileDataset) -> float | None:
    """Return the distance of slices in mm, if the header says it for all or for the first."""
    groups = (dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence[0])
    said = [measures.get("SpacingBetweenSlices") for group in groups for measures in group.get(_MEASURES) or ()]
    return next((float(one) for one in said if one), None)


def _stacked(
    slices: Sequence[Slice], spacing: float | None, grid: Grid | None, path: Path
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the number of the plane that each frame lies on, and the affine (4, 4) from (column, row, plane)."""
    first = slices[0]
    if first.position is None or first.pixel_spacing is None or any(one.position is None for one in slices):
        raise VolumeProblem(str(path), "The segmentation has no position in space.", _AGAIN)
    if any(np.abs(one.directions - first.directions).max() > _UNEVEN / 10 for one in slices):
        raise VolumeProblem(str(path), "The slices of the segmentation do not lie parallel.", _AGAIN)
    along = heights(slices)
    refuse_tilt(slices, along, str(path))
    lowest = int(along.argmin())
    step = _step(different_heights(slices), first, spacing, grid)
    planes = (along - along[lowest]) / step
    if np.abs(planes - planes.round()).max() > _UNEVEN:
        raise VolumeProblem(str(path), "The slices of the segmentation are unevenly spaced.", _AGAIN)
    rows, columns = first.pixel_spacing
    affine = np.eye(4)
    affine[:3, :3] = (first.directions * [[columns], [rows], [step]]).T
    affine[:3, 3] = slices[lowest].position
    return planes.round().astype(np.int64), affine


def _step(levels: NDArray[np.float64], first: Slice, spacing: float | None, grid: Grid | None) -> float:
    """Return the distance between slices: the image's; else what the header says, if it fits; else the least one.

    Where the header contradicts the image, slices between were not left out for being empty.
    """
    if grid is not None:
        normal = LPS[:3, :3] @ first.directions[2]
        of_image = float(np.abs(grid.affine[:3, :3].T @ normal).max())
        if spacing is None or abs(spacing - of_image) <= _UNEVEN * of_image:
            return of_image
    if len(levels) < 2:
        return first.thickness
    said, least = first.thickness, float(np.diff(levels).min())
    counts = (levels - levels[0]) / said
    return said if np.abs(counts - counts.round()).max() <= _UNEVEN and said <= least * (1 + _UNEVEN) else least


def _drawn(
    path: Path, planes: NDArray[np.int64], numbers: Sequence[int] | None, shape: tuple[int, int]
) -> NDArray[np.uint16]:
    """Return the labels (plane, row, column) of all frames."""
    depth = int(planes.max()) + 1
    refuse_beyond_memory(2 * depth * shape[0] * shape[1], path)
    labels = np.zeros((depth, *shape), np.uint16)
    for index, frame in enumerate(stored_frames(path)):
        plane, is_drawn = labels[planes[index]], frame > 0
        drawn: Any = frame[is_drawn] if numbers is None else np.uint16(numbers[index])
        there = plane[is_drawn]
        if ((there > 0) & (there != drawn)).any():
            raise VolumeProblem(
                str(path),
                "The segments overlap; a mask has one class for each voxel.",
                "Export each segment as a file of its own.",
            )
        plane[is_drawn] = drawn
    return labels


def _laid_on(grid: Grid, volume: Volume) -> Volume:
    """Return the labels on the whole of a grid where they are a part of it, 0 around them; else as they are."""
    steps = volume.grid.steps_in(grid)
    if steps is None:
        return volume
    axes = np.abs(steps[:, :3]).argmax(axis=1)
    ways = steps[np.arange(3), axes]
    turned = volume.data[0].transpose(axes)
    first = np.where(ways > 0, steps[:, 3], steps[:, 3] - np.array(turned.shape) + 1)
    if (first < 0).any() or (first + turned.shape > grid.shape).any():
        return volume
    whole = np.zeros(grid.shape, volume.data.dtype)
    inside = tuple(slice(low, low + size) for low, size in zip(first.tolist(), turned.shape, strict=True))
    whole[inside] = turned[tuple(slice(None, None, way) for way in ways.tolist())]
    return Volume(whole[np.newaxis], grid, volume.channels, volume.modality, volume.source)
