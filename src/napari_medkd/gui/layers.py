"""What core knows about an image as napari layer data, and back. No Qt, no viewer.

A layer stands in the canonical frame (Inferior, Posterior, Left) with positive scale and translate; the true grid
travels in ``layer.metadata["medkd"]``, so that saving restores it.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.gui.colours import colours_of_labels
from napari_medkd.gui.contrast import Window, first_window
from napari_medkd.gui.fingerprint import fingerprint_of

LayerData: TypeAlias = tuple[Any, dict[str, Any], str]

KEY = "medkd"
LABELS_OPACITY = 0.6

#: In 3-D the near side of a volume shines through less, and masks are never hidden inside it.
_GREY = {"colormap": "gray", "rendering": "attenuated_mip", "blending": "translucent_no_depth"}


def placement(grid: Grid) -> dict[str, Any]:
    """Return scale, translate, units and axis labels of a layer on the grid; two axes for a flat grid.

    The centre of the lattice stands where it is in the world. An oblique grid is shown along its own axes.
    """
    spacing = np.array(grid.spacing)
    middle = (np.array(grid.shape) - 1) / 2
    right, anterior, superior = grid.to_world(middle[None])[0]
    translate = np.array((-superior, -anterior, -right)) - middle * spacing
    labels = ("inferior", "posterior", "left") if grid.unit == "mm" else ("z", "y", "x")
    shown = slice(1, None) if grid.is_flat else slice(None)
    return {
        "scale": tuple(spacing[shown].tolist()),
        "translate": tuple(np.round(translate, 9)[shown].tolist()),
        "units": (grid.unit,) * len(labels[shown]),
        "axis_labels": labels[shown],
    }


def shown_array(array_ZYX: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Return the array as napari shall draw it: one plane as a 2-D image."""
    return array_ZYX[0] if grid.is_flat else array_ZYX


def image_layers(volume: Volume, name: str, *, case: str = "", coarser: Sequence[Volume] = ()) -> list[LayerData]:
    """Return an image layer for each channel; red, green and blue become one picture in colour.

    Parameters
    ----------
    coarser
        The same image in lower resolutions, each lower than the one before, which are drawn from afar.
    """
    origin = origin_of(volume.grid, "image", source=volume.source) | {"modality": str(volume.modality), "case": case}
    common = placement(volume.grid)
    if _is_colour_picture(volume):
        picture = np.moveaxis(volume.data[:, 0], 0, -1)
        look = {"name": name, "rgb": True, "metadata": {KEY: origin | {"voxels": fingerprint_of(picture)}}}
        return [(picture, common | look, "image")]
    layers: list[LayerData] = []
    for index, channel in enumerate(volume.channels):
        title = name if len(volume.channels) == 1 else f"{name} · {channel}"
        levels = [shown_array(level.data[index], volume.grid) for level in (volume, *coarser)]
        window = first_window(levels[-1], volume.modality, is_picture=volume.grid.unit == "pixel")
        look = {"name": title, "contrast_limits": window.limits, "visible": index == 0}
        look["metadata"] = {KEY: origin | {"window": remembered(window), "voxels": fingerprint_of(levels[0])}}
        layers.append((levels if coarser else levels[0], common | _GREY | look, "image"))
    return layers


def remembered(first: Window) -> dict[str, Any]:
    """Return what a layer remembers of the window it was first shown with (see `gui/windows.py`), as plain values."""
    return {"first": first.name, "name": first.name, "limits": first.limits}


def _is_colour_picture(volume: Volume) -> bool:
    few_bits = volume.data.dtype == np.uint8
    return volume.grid.is_flat and few_bits and volume.channels in (("red", "green", "blue"), ("r", "g", "b"))


def mask_layer(
    mask: Mask,
    name: str,
    *,
    on: Grid | None = None,
    source: Path | None = None,
    is_truth: bool = False,
    case: str = "",
) -> LayerData:
    """Return a labels layer in the classes' colours, which remembers their names.

    Parameters
    ----------
    on
        The grid of the image it shall lie on; a mask of another grid is resampled to it, not just drawn.
    source
        The file the mask was read from, if any.
    is_truth
        Whether it is what an expert drew; beside a network's answer it is drawn as an outline.
    case
        Id of the case whose mask it is, if that is known.
    """
    grid = on or mask.grid
    labels = mask.labels if grid.matches(mask.grid) else resampled_labels(mask.labels, mask.grid, grid)
    origin = origin_of(grid, "labels", source=source)
    origin |= {"task": asdict(mask.task), "is_truth": is_truth, "case": case}
    return shown_array(labels, grid), placement(grid) | labels_look(mask.task, name, origin), "labels"


def labels_look(task: Task, name: str, origin: dict[str, Any]) -> dict[str, Any]:
    """Return name, colours and origin of a labels layer."""
    return {
        "name": name,
        "opacity": LABELS_OPACITY,
        "colormap": DirectLabelColormap(color_dict=dict(colours_of_labels(task))),
        "metadata": {KEY: origin},
    }


def resampled_labels(labels_ZYX: NDArray[Any], of: Grid, on: Grid) -> NDArray[Any]:
    """Return the labels on another grid, each voxel with the nearest one's label; 0 outside."""
    return _resampled(labels_ZYX, of, on, order=0)


def resampled_map(map_ZYX: NDArray[Any], of: Grid, on: Grid) -> NDArray[np.float32]:
    """Return values from 0 to 1 on another grid, interpolated linearly; 0 outside."""
    moved: NDArray[np.float32] = _resampled(map_ZYX.astype(np.float32), of, on, order=1)
    return np.clip(moved, 0, 1)


def _resampled(values_ZYX: NDArray[Any], of: Grid, on: Grid, *, order: Literal[0, 1]) -> NDArray[Any]:
    from scipy import ndimage

    back = np.linalg.inv(of.affine) @ on.affine
    # Between planes a single one has no neighbour to come from along z; the nearest voxel needs none.
    mode: Literal["nearest", "grid-constant"] = "nearest" if order and of.is_flat else "grid-constant"
    moved: NDArray[Any] = ndimage.affine_transform(
        values_ZYX, back[:3, :3], back[:3, 3], output_shape=on.shape, order=order, mode=mode
    )
    return moved


def origin_of(grid: Grid, kind: str, *, source: Path | None = None) -> dict[str, Any]:
    """Return what a layer remembers of where it came from, as plain values."""
    return {
        "kind": kind,
        "source": None if source is None else str(source),
        "grid": {
            "shape": grid.shape,
            "affine": grid.affine.tolist(),
            "unit": grid.unit,
            "axes_in_file": grid.axes_in_file,
        },
    }


def grid_of(metadata: dict[str, Any], shape: tuple[int, ...]) -> Grid | None:
    """Return the true grid of a layer of ours, or None where there is none or its array has changed shape since."""
    found = metadata.get(KEY, {}).get("grid")
    if found is None:
        return None
    grid = Grid(tuple(found["shape"]), np.array(found["affine"]), found["unit"], found["axes_in_file"])
    expected = grid.shape[1:] if grid.is_flat else grid.shape
    return grid if shape[: len(expected)] == expected else None


def grid_of_placement(shape: tuple[int, ...], scale: Any, translate: Any, units: Sequence[Any]) -> Grid:
    """Return the grid of a layer that is not ours, taken to stand in the canonical frame as drawn.

    Lengths become mm; where an axis has none, the numbers stay as they are and the unit is pixels.
    """
    missing = 3 - len(shape)
    sizes = (1,) * missing + tuple(shape)
    mm = _mm_per(units[-len(shape) :])
    factors = np.ones(len(shape)) if mm is None else np.array(mm)
    spacing = np.concatenate([np.ones(missing), np.asarray(scale, dtype=np.float64)[-len(shape) :] * factors])
    first = np.concatenate([np.zeros(missing), np.asarray(translate, dtype=np.float64)[-len(shape) :] * factors])
    z, y, x = (float(step) for step in spacing)
    upright = Grid.upright((sizes[0], sizes[1], sizes[2]), (z, y, x), "pixel" if mm is None else "mm")
    affine = upright.affine.copy()
    affine[:3, 3] = -first[::-1]
    return Grid(upright.shape, affine, upright.unit)


def _mm_per(units: Sequence[Any]) -> list[float] | None:
    """Return how many mm each of napari's units is, or None where one is no length."""
    import pint

    ones = [pint.Quantity(1.0, str(unit)) for unit in units]
    return [float(one.m_as("mm")) for one in ones] if all(one.check("[length]") for one in ones) else None


def task_of(metadata: dict[str, Any]) -> Task | None:
    """Return the task of a labels layer of ours."""
    found = metadata.get(KEY, {}).get("task")
    return (
        None
        if found is None
        else Task(**(found | {name: tuple(found[name]) for name in ("classes", "colours") if name in found}))
    )


def source_of(metadata: dict[str, Any]) -> Path | None:
    """Return the file a layer of ours was read from."""
    found = metadata.get(KEY, {}).get("source")
    return None if found is None else Path(found)


def is_as_read(metadata: dict[str, Any], array: Any) -> bool:
    """Return whether an image of ours has the voxels that were read, as far as they are in memory."""
    remembered_voxels, found = metadata.get(KEY, {}).get("voxels"), fingerprint_of(array)
    return remembered_voxels is None or found is None or remembered_voxels == found
