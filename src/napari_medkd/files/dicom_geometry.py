"""Where the slices of a series lie: their order along the normal, and the affine of the stack, if they are one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.dicom_slice import Slice
from napari_medkd.files.voxel_layout import LPS

#: How far a slice may lie from where an even stack has it, in slices along the normal, in pixels across it.
_UNEVEN, _ASIDE = 0.1, 0.5
#: Slices that are closer than this share of a pixel lie at one position.
_SAME_PLACE = 0.01
#: Steps of more than this many usual ones are gaps; so many of them are told.
_GAP, _MOST_GAPS = 1.5, 3


def heights(slices: Sequence[Slice]) -> NDArray[np.float64]:
    """Return how far along the normal of the first slice each one lies, in mm."""
    along: NDArray[np.float64] = np.array([one.position for one in slices], dtype=np.float64) @ slices[0].directions[2]
    return along


def in_order(slices: Sequence[Slice]) -> tuple[Slice, ...]:
    """Return slices of one orientation by their position along the normal, whatever their files are called."""
    return tuple(slices[n] for n in np.argsort(heights(slices), kind="stable"))


def most_at_one_place(slices: Sequence[Slice]) -> int:
    """Return how many slices lie at the position that has the most."""
    ordered = np.sort(heights(slices))
    return int(np.diff(_first_at_each_place(ordered, slices), append=len(ordered)).max())


def different_heights(slices: Sequence[Slice]) -> NDArray[np.float64]:
    """Return the heights at which there is a slice, or several, in rising order."""
    ordered = np.sort(heights(slices))
    return ordered[_first_at_each_place(ordered, slices)]


def _first_at_each_place(ordered: NDArray[np.float64], slices: Sequence[Slice]) -> NDArray[np.intp]:
    return np.flatnonzero(np.diff(ordered, prepend=-np.inf) > _same_place(slices))


def spacing_of(slices: Sequence[Slice]) -> float:
    """Return the usual distance between slices in order; a single one's thickness."""
    return float(np.median(np.diff(heights(slices)))) if len(slices) > 1 else slices[0].thickness


def affine_of(slices: Sequence[Slice], where: str) -> NDArray[np.float64]:
    """Return the (4, 4) affine from (column, row, slice) to (right, anterior, superior) in mm, of slices in order.

    Raises
    ------
    VolumeProblem
        Where the slices are no even stack: two at one position, some missing, or the gantry was tilted.
    """
    first = slices[0]
    directions = first.directions
    along = heights(slices)
    _refuse_same_place(slices, along, where)
    _refuse_gaps(slices, along, where)
    refuse_tilt(slices, along, where)
    between_rows, between_columns = first.pixel_spacing or (1.0, 1.0)
    between_slices = (along[-1] - along[0]) / (len(slices) - 1) if len(slices) > 1 else first.thickness
    affine = np.eye(4)
    affine[:3, :3] = (directions * [[between_columns], [between_rows], [between_slices]]).T
    affine[:3, 3] = np.array(first.position)
    return LPS @ affine


def _same_place(slices: Sequence[Slice]) -> float:
    return _SAME_PLACE * min(slices[0].pixel_spacing or (1.0,))


def _refuse_same_place(slices: Sequence[Slice], along: NDArray[np.float64], where: str) -> None:
    twice = np.flatnonzero(np.diff(along) <= _same_place(slices))
    if len(twice):
        one, other = slices[twice[0]], slices[twice[0] + 1]
        raise VolumeProblem(
            where,
            f"{len(twice)} of {len(slices)} slices lie where another one lies, such as {_named(one)} and "
            f"{_named(other)}, {along[twice[0]]:.4g} mm along the normal; nothing in their headers tells them apart.",
            "Keep one of them for each position, or give each image a folder of its own.",
        )


def _named(one: Slice) -> str:
    return f"frame {one.frame + 1} of {one.origin.file.name}" if one.frame else one.origin.file.name


def _refuse_gaps(slices: Sequence[Slice], along: NDArray[np.float64], where: str) -> None:
    if len(along) < 3:
        return
    even = np.linspace(along[0], along[-1], len(along))
    step = (along[-1] - along[0]) / (len(along) - 1)
    if np.abs(along - even).max() <= _UNEVEN * step:
        return
    steps = np.diff(along)
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > _GAP * usual)
    if len(gaps):
        missing = int(np.rint(steps[gaps] / usual - 1).sum())
        told = [
            f"{steps[gap]:.4g} mm between {_named(slices[gap])} and {_named(slices[gap + 1])}, "
            f"from {along[gap]:.4g} to {along[gap + 1]:.4g} mm along the normal"
            for gap in gaps[:_MOST_GAPS]
        ]
        more = f"; and {len(gaps) - _MOST_GAPS} more gaps" if len(gaps) > _MOST_GAPS else ""
        raise VolumeProblem(
            where,
            f"About {missing} of the slices, which are {usual:.4g} mm apart, are missing: {'; '.join(told)}{more}.",
            "Export or copy the missing files; a volume with holes would be drawn and measured too short.",
        )
    raise VolumeProblem(
        where,
        f"The slices are unevenly spaced, {steps.min():.4g} to {steps.max():.4g} mm apart.",
        "Resample them to an even stack, for example with a converter to NIfTI, and open that.",
    )


def refuse_tilt(slices: Sequence[Slice], along: NDArray[np.float64], where: str) -> None:
    """Refuse slices that are shifted sideways: a grid has right angles, and so has what SimpleITK can say of one."""
    height = along - along[0]
    across = np.array([one.position for one in slices]) - np.array(slices[0].position)
    across -= np.outer(height, slices[0].directions[2])
    tolerance = _ASIDE * min(slices[0].pixel_spacing or (1.0,))
    aside = np.linalg.norm(across, axis=1)
    if aside.max() <= tolerance:
        return
    shear = height @ across / (height @ height)  # mm sideways for each mm along the normal
    off = np.linalg.norm(across - np.outer(height, shear), axis=1)
    if off.max() <= tolerance:
        degrees = np.degrees(np.arctan(np.linalg.norm(shear)))
        raise VolumeProblem(
            where,
            f"The slices are shifted sideways against each other, by up to {aside.max():.3g} mm: as with a gantry "
            f"tilted by {degrees:.3g} degrees. Drawn upright, the image would be sheared.",
            "Straighten the image first, for example with dcm2niix, and open the NIfTI it writes.",
        )
    raise VolumeProblem(
        where,
        f"The slices do not lie above each other: {_named(slices[int(off.argmax())])} and others are shifted sideways, "
        f"by up to {aside.max():.3g} mm.",
        "Check that they are of one image; then resample them to an even stack with a converter to NIfTI.",
    )
