"""What an OME-Zarr group (0.4 or 0.5) says of its arrays: axes, units, where each resolution lies, channels.

It has no rotation. A grid that is not upright stands whole beside it, under a key of ours that other programs ignore.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid, Unit

Version = Literal["0.4", "0.5"]
Place = tuple[int, int, int]
VERSIONS: tuple[Version, ...] = ("0.4", "0.5")

#: Key of the affine of a grid that has a rotation, shear or other directions than OME-Zarr can say.
EXACT = "napari-medkd"
_MM_PER_UNIT = {
    "angstrom": 1e-7,
    "picometer": 1e-9,
    "nanometer": 1e-6,
    "micrometer": 1e-3,
    "millimeter": 1.0,
    "centimeter": 10.0,
    "decimeter": 100.0,
    "meter": 1000.0,
    "kilometer": 1e6,
    "inch": 25.4,
    "foot": 304.8,
    "yard": 914.4,
}
_SPACE = ("z", "y", "x")


class _Axis(BaseModel):
    name: str
    type: str | None = None
    unit: str | None = None


class _Step(BaseModel):
    """A coordinate transformation."""

    type: str
    scale: tuple[float, ...] | None = None
    translation: tuple[float, ...] | None = None


class _Dataset(BaseModel):
    path: str
    coordinateTransformations: tuple[_Step, ...]


class _Entry(BaseModel):
    axes: tuple[_Axis, ...]
    datasets: tuple[_Dataset, ...]
    coordinateTransformations: tuple[_Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution: the array's path in the group, and scale and translation of each axis in the file's units."""

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Multiscale:
    """An image in several resolutions, the finest first.

    Parameters
    ----------
    axes
        What each axis of the arrays is: ``z``, ``y``, ``x``, ``channel``, or another name, such as ``t``.
    mm_per_unit
        Of z, y and x; None where one of them has no length.
    affine
        (4, 4), of the finest resolution's canonical voxels, where the group holds a grid of ours.
    label_classes
        Of labels, the names that are said for their values; None of an image.
    """

    axes: tuple[str, ...]
    levels: tuple[Level, ...]
    mm_per_unit: tuple[float, float, float] | None
    channels: tuple[str, ...] = ()
    affine: NDArray[np.float64] | None = None
    label_classes: Mapping[int, str] | None = None

    @property
    def unit(self) -> Unit:
        """What lengths are given in."""
        return "pixel" if self.mm_per_unit is None else "mm"


def multiscale_of(attributes: Mapping[str, Any], where: str) -> Multiscale:
    """Return what a group's attributes say of its image.

    Raises
    ------
    VolumeProblem
        Where the group is no OME-Zarr image of version 0.4 or 0.5, or says something impossible.
    """
    said = attributes.get("ome", attributes)
    found = said.get("multiscales") if isinstance(said, Mapping) else None
    if not isinstance(found, list) or not found or not isinstance(found[0], Mapping):
        raise _no_image(said if isinstance(said, Mapping) else {}, where)
    version = said.get("version", found[0].get("version", "0.4"))
    if version not in VERSIONS:
        raise VolumeProblem(
            where,
            f"The image is OME-Zarr {version}; expected {' or '.join(VERSIONS)}.",
            "Convert it, for example by saving it again with a current version of its program.",
        )
    try:
        entry = _Entry.model_validate(found[0])
    except ValidationError as error:
        faults: list[Any] = error.errors()
        raise VolumeProblem.of(
            Problem(where, f"multiscales[0].{'.'.join(map(str, fault['loc']))}: {fault['msg']}.", _EXPORT)
            for fault in faults
        ) from error
    axes = _axes(entry, where)
    levels = tuple(_level(one, entry, where) for one in entry.datasets)
    if not levels:
        raise VolumeProblem(where, "No array is listed in multiscales[0].datasets.", _EXPORT)
    return Multiscale(axes, levels, _lengths(entry, where), _channels(said), _exact(attributes), _classes(said))


_EXPORT = "Export the image again from its source."


def _no_image(said: Mapping[str, Any], where: str) -> VolumeProblem:
    what = next((word for word in ("plate", "well", "bioformats2raw.layout") if word in said), None)
    if what is not None:
        return VolumeProblem(where, f"The folder is a {what} of several images.", "Name one of them: FOLDER.zarr/0.")
    return VolumeProblem(
        where,
        "The Zarr folder says nothing of an image: it has no `multiscales`.",
        "Expected OME-Zarr 0.4 or 0.5. An image inside it is named by its path: FOLDER.zarr/IMAGE.",
    )


def _axes(entry: _Entry, where: str) -> tuple[str, ...]:
    names = tuple("channel" if axis.type == "channel" else axis.name.lower() for axis in entry.axes)
    if len(set(names)) < len(names) or not {"y", "x"} <= set(names):
        found = ", ".join(axis.name for axis in entry.axes)
        raise VolumeProblem(where, f"The axes are {found}; expected y and x, and each once.", _EXPORT)
    return names


def _lengths(entry: _Entry, where: str) -> tuple[float, float, float] | None:
    """Return mm for each of z, y and x; z of a plane is as y."""
    units = {axis.name.lower(): axis.unit for axis in entry.axes}
    units.setdefault("z", units["y"])
    lengths = [_MM_PER_UNIT.get((units[axis] or "").lower()) for axis in _SPACE]
    strangers = [units[axis] for axis, length in zip(_SPACE, lengths, strict=True) if units[axis] and length is None]
    if any(unit not in ("pixel", "pixels", "index") for unit in strangers):
        known = ", ".join(_MM_PER_UNIT)
        raise VolumeProblem(where, f"The unit {strangers[0]!r} is not known.", f"Use one of {known}.")
    z, y, x = lengths
    return None if z is None or y is None or x is None else (z, y, x)


def _level(dataset: _Dataset, entry: _Entry, where: str) -> Level:
    """Return scale and translation of one array: its own transformations, then those that all share."""
    count = len(entry.axes)
    scale, translation = np.ones(count), np.zeros(count)
    for step in (*dataset.coordinateTransformations, *entry.coordinateTransformations):
        numbers = step.scale if step.type == "scale" else step.translation
        if step.type == "identity":
            continue
        if step.type not in ("scale", "translation") or numbers is None or len(numbers) != count:
            raise VolumeProblem(
                where,
                f"The {step.type!r} of {dataset.path!r} is not one number for each of {count} axes.",
                "Expected scale and translation with their numbers: export the image again from its source.",
            )
        if step.type == "scale":
            scale, translation = scale * numbers, translation * numbers
        else:
            translation = translation + numbers
    if not all(map(math.isfinite, (*scale, *translation))) or not scale.all():
        raise VolumeProblem(where, f"The scale of {dataset.path!r} is {scale.tolist()}; none may be 0.", _EXPORT)
    if not dataset.path or set(dataset.path.split("/")) & {"..", ""}:
        raise VolumeProblem(where, f"The array {dataset.path!r} lies outside the folder.", _EXPORT)
    return Level(dataset.path, tuple(scale.tolist()), tuple(translation.tolist()))


def _channels(said: Mapping[str, Any]) -> tuple[str, ...]:
    omero = said.get("omero")
    listed = omero.get("channels") if isinstance(omero, Mapping) else None
    if not isinstance(listed, list):
        return ()
    names = [str(one.get("label") or "") if isinstance(one, Mapping) else "" for one in listed]
    return tuple(name or f"channel {number}" for number, name in enumerate(names, start=1))


def _classes(said: Mapping[str, Any]) -> dict[int, str] | None:
    label = said.get("image-label")
    if not isinstance(label, Mapping):
        return None
    listed = label.get("properties")
    known = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    pairs = [(one.get("label-value"), one.get("class") or one.get("name")) for one in known]
    return {value: name for value, name in pairs if isinstance(value, int) and isinstance(name, str) and value > 0}


def _exact(attributes: Mapping[str, Any]) -> NDArray[np.float64] | None:
    said = attributes.get(EXACT)
    try:
        affine = np.array(said["affine"], np.float64) if isinstance(said, Mapping) else np.zeros(0)
    except (KeyError, TypeError, ValueError):
        return None
    return affine if affine.shape == (4, 4) and np.isfinite(affine).all() else None


def attributes_of(
    grid: Grid, steps: Mapping[str, Place], by_mean: bool, channels: tuple[str, ...], version: Version
) -> dict[str, Any]:
    """Return a group's attributes for arrays in canonical order.

    Parameters
    ----------
    steps
        By name of each array, the finest first, how many of the grid's voxels (z, y, x) one of its voxels stands for.
    by_mean
        Whether it stands for their mean, in their middle, or else for the first of them.
    channels
        Names, where the arrays have an axis of channels; empty where they have none.
    """
    axes: list[dict[str, str]] = [{"name": "c", "type": "channel"}] if channels else []
    for name in _SPACE:
        axes.append({"name": name, "type": "space"} | ({"unit": "millimeter"} if grid.unit == "mm" else {}))
    lead = [1.0] if channels else []
    datasets = []
    for path, step in steps.items():
        scale = np.array(grid.spacing) * step
        first = _first_of(grid) + ((scale - grid.spacing) / 2 if by_mean else 0.0)
        transformations = [
            {"type": "scale", "scale": [*lead, *scale.tolist()]},
            {"type": "translation", "translation": [*(0.0 for _ in lead), *first.tolist()]},
        ]
        datasets.append({"path": path, "coordinateTransformations": transformations})
    multiscales = [{"axes": axes, "datasets": datasets}]
    said: dict[str, Any] = {"multiscales": multiscales}
    if channels:
        said["omero"] = {"channels": [{"label": name} for name in channels]}
    exact = {} if _is_upright(grid) else {EXACT: {"affine": grid.affine.tolist()}}
    if version == "0.4":
        multiscales[0]["version"] = version
        return said | exact
    return {"ome": {"version": version} | said} | exact


def _first_of(grid: Grid) -> NDArray[np.float64]:
    """Return where the first voxel lies along (z, y, x), counted towards Inferior, Posterior, Left."""
    return -grid.affine[[2, 1, 0], 3] + 0.0


def _is_upright(grid: Grid) -> bool:
    upright = Grid.upright(grid.shape, grid.spacing, grid.unit).affine
    same = np.allclose(upright[:3, :3], grid.affine[:3, :3], rtol=0, atol=1e-9 * max(grid.spacing))
    return bool(same)
