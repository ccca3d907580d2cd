"""What the Results dock reads from and puts on the canvas, through napari's public API; no Qt."""

from pathlib import Path
from typing import Any

from napari.layers import Image, Labels, Shapes, Vectors

from napari_medkd.gui import attention_layers, panels
from napari_medkd.gui.answers import Answer, place_of
from napari_medkd.gui.layers import KEY, grid_of, grid_of_placement, is_as_read, source_of
from napari_medkd.gui.subject import Picture

#: Kinds of image layers that only say something of another one.
_NO_PICTURES = (attention_layers.KIND, panels.KIND)


def pictures_on(viewer: Any) -> list[Picture]:
    """Return every image that a network could be asked about: of each file one, whichever layers show it."""
    pictures: dict[Any, Picture] = {}
    for layer in viewer.layers:
        picture = picture_of(layer)
        if picture is not None:
            pictures.setdefault(picture.key, picture)
    return list(pictures.values())


def picture_of(layer: Any) -> Picture | None:
    """Return the image that a layer shows, a plane or a volume; None where a network could not be asked about it."""
    is_image = isinstance(layer, Image) and layer.metadata.get(KEY, {}).get("kind") not in _NO_PICTURES
    if not is_image or (layer.multiscale and KEY not in layer.metadata):
        return None
    shape = layer.data.shape[:-1] if layer.rgb else layer.data.shape
    if len(shape) not in (2, 3):
        return None
    ours = grid_of(layer.metadata, shape)
    grid = ours or grid_of_placement(shape, layer.scale, layer.translate, layer.units)
    data = layer.data[0] if layer.multiscale else layer.data
    # A filtered copy keeps what the layer remembers, but is another image than its file.
    source = (source_of(layer.metadata) or _file_behind(layer)) if is_as_read(layer.metadata, data) else None
    return Picture(layer.unique_id, layer.name, grid, source, data, is_ours=ours is not None)


def _file_behind(layer: Any) -> Path | None:
    """Return the file another reader opened, if it is one that a network can be asked about."""
    from napari_medkd.files.opening import suffix_of

    path = getattr(layer.source, "path", None)
    return Path(path) if path and suffix_of(Path(path)) and Path(path).exists() else None


def layer_of(viewer: Any, unique_id: Any) -> Any:
    """Return the layer of that id, or None where it is gone."""
    return next((layer for layer in viewer.layers if layer.unique_id == unique_id), None)


def is_painted_on(viewer: Any) -> bool:
    """Return whether a case's mask is being painted: its layer has the brush, and what comes must not take it."""
    return any(layer.metadata.get(KEY, {}).get("is_painted") for layer in viewer.layers)


def outline_truth(viewer: Any) -> None:
    """Draw true masks as outlines, so that a network's answer is seen beneath and not a mixture."""
    for layer in _of_truth(viewer):
        if isinstance(layer, Labels):
            layer.contour = layer.contour or 1
            layer.opacity = 1.0


def hide_true_boxes(viewer: Any) -> None:
    """Hide true boxes that were opened with the case, where they are drawn dashed beside a network's."""
    for layer in _of_truth(viewer):
        if isinstance(layer, (Shapes, Vectors)):
            layer.visible = False


def _of_truth(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if layer.metadata.get(KEY, {}).get("is_truth")]


def placed_like(image: Any) -> dict[str, Any]:
    """Return where an image layer stands, for a mask that lies on it."""
    transforms = ("scale", "translate", "rotate", "shear", "affine")
    return {name: getattr(image, name) for name in (*transforms, "units", "axis_labels")}


def show_slice(viewer: Any, layer: Any, z: int) -> None:
    """Move the first slider to a slice of a volume's layer; a plane has only one."""
    if layer.ndim < 3:
        return
    world = layer.data_to_world((z, *(0,) * (layer.ndim - 1)))
    viewer.dims.set_point(viewer.dims.ndim - len(world), float(world[0]))


def jump_to(viewer: Any, layer: Any, answer: Answer, label: int) -> bool:
    """Move the sliders to a class's middle and make its label the selected one; False where the class is not there."""
    voxel = place_of(answer.labels, label)
    if voxel is None:
        return False
    world = layer.data_to_world(voxel[3 - layer.ndim :])
    first = viewer.dims.ndim - len(world)
    for axis, point in enumerate(world):
        viewer.dims.set_point(first + axis, float(point))
    viewer.layers.selection.active = layer
    layer.selected_label = label
    return True
