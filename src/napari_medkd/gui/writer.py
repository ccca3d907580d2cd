"""napari's writers: an image on the grid it came with, a mask on the grid of the image it was drawn on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_medkd.core.grid import Grid
    from napari_medkd.core.task import Task


def write_labels(path: str, data: NDArray[Any], meta: dict[str, Any]) -> list[str]:
    """Save a labels layer; the suffix picks the format.

    Returns
    -------
    The path that was written.

    Raises
    ------
    InputProblem
        Where the layer has more axes than an image, values that are no labels, or the format cannot hold it.
    """
    import numpy as np

    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.errors import VolumeProblem
    from napari_medkd.files.opening import write_mask

    labels = np.asarray(_finest(data, meta))
    _refuse_other_axes(labels.shape, meta)
    grid = grid_of_layer(labels.shape, meta)
    highest = int(labels.max(initial=0))
    if labels.min(initial=0) < 0 or highest > np.iinfo(np.uint16).max:
        raise VolumeProblem(
            str(meta.get("name", "labels")),
            f"The layer holds values from {labels.min()} to {highest}; expected 0 to 65535.",
            "Renumber its labels.",
        )
    kind = np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16
    volume: NDArray[Any] = labels.reshape(grid.shape).astype(kind)
    write_mask(Path(path), Mask(volume, grid, _task(meta, highest)))
    return [path]


def write_image(path: str, data: NDArray[Any], meta: dict[str, Any]) -> list[str]:
    """Save an image layer with its intensities as they are, whatever window it is shown with.

    A picture in colour is saved with three channels; the channels of a volume are layers, each saved on its own.

    Returns
    -------
    The path that was written.

    Raises
    ------
    InputProblem
        Where the layer has more axes than an image, or the format cannot hold it.
    """
    import numpy as np

    from napari_medkd.core.volume import Modality, Volume
    from napari_medkd.files.opening import write_volume

    values = _finest(data, meta)
    is_colour = bool(meta.get("rgb"))
    shape = values.shape[:-1] if is_colour else values.shape
    _refuse_other_axes(shape, meta)
    grid = grid_of_layer(shape, meta)
    channels = np.moveaxis(values, -1, 0)[:3] if is_colour else values[np.newaxis]
    names = ("red", "green", "blue") if is_colour else ("image",)
    made_by = Modality(meta.get("metadata", {}).get("medkd", {}).get("modality", Modality.OTHER))
    write_volume(Path(path), Volume(channels.reshape(-1, *grid.shape), grid, names, made_by))
    return [path]


def _finest(data: Any, meta: dict[str, Any]) -> Any:
    """Return the layer's array, of several resolutions the finest; one that dask reads stays on the disk."""
    import dask.array
    import numpy as np

    finest = data[0] if meta.get("multiscale") else data
    return finest if isinstance(finest, dask.array.Array) else np.asarray(finest)


def _refuse_other_axes(shape: tuple[int, ...], meta: dict[str, Any]) -> None:
    from napari_medkd.core.errors import VolumeProblem

    if len(shape) not in (2, 3):
        raise VolumeProblem(
            str(meta.get("name", "layer")),
            f"The layer has {len(shape)} axes; expected 2 or 3.",
            "Save one volume at a time: duplicate the part you need as its own layer.",
        )


def grid_of_layer(shape: tuple[int, ...], meta: dict[str, Any]) -> Grid:
    """Return the grid a layer lies on: its own, that of an image of ours it covers, or as it is drawn."""
    import napari

    from napari_medkd.gui.layers import grid_of, grid_of_placement

    own = grid_of(meta.get("metadata", {}), shape)
    if own is not None:
        return own
    viewer = napari.current_viewer()
    covered = _grid_below(shape, meta, viewer.layers if viewer is not None else ())
    if covered is not None:
        return covered
    scale, translate = meta.get("scale", (1,) * len(shape)), meta.get("translate", (0,) * len(shape))
    return grid_of_placement(shape, scale, translate, meta.get("units") or ("pixel",) * len(shape))


def _grid_below(shape: tuple[int, ...], meta: dict[str, Any], layers: Iterable[Any]) -> Grid | None:
    import numpy as np

    from napari_medkd.gui.layers import grid_of

    for layer in layers:
        spatial = layer.data.shape[:-1] if getattr(layer, "rgb", False) else getattr(layer.data, "shape", ())
        found = grid_of(layer.metadata, spatial)
        if found is None or spatial != shape:
            continue
        same = all(np.allclose(meta.get(name, ()), getattr(layer, name), atol=1e-3) for name in ("scale", "translate"))
        if same:
            return found
    return None


def _task(meta: dict[str, Any], highest: int) -> Task:
    """Return the layer's task, with classes added for values that were painted beyond it."""
    from napari_medkd.core.task import Task
    from napari_medkd.gui.layers import task_of

    known = task_of(meta.get("metadata", {}))
    names = known.classes if known else ("background",)
    more = tuple(f"label {value}" for value in range(len(names), max(highest, 1) + 1))
    return Task(known.name if known else "labels", "segmentation", names + more)
