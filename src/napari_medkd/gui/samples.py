"""napari's *Open Sample*: one generated phantom of each look, with its organs and, where there are any, lesions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medkd.gui.layers import LayerData

_SEED = 1  # odd seeds have lesions


def t1_like() -> list[LayerData]:
    """Return a phantom that looks like T1-weighted MR."""
    return phantom_layers("t1-like")


def t2_like() -> list[LayerData]:
    """Return a phantom that looks like T2-weighted MR."""
    return phantom_layers("t2-like")


def ct_like() -> list[LayerData]:
    """Return a phantom in Hounsfield units."""
    return phantom_layers("ct-like")


def phantom_layers(domain: str) -> list[LayerData]:
    """Return image, organs and lesion boxes of the phantom of a domain."""
    from napari_medkd.core.annotation import Boxes, Mask
    from napari_medkd.core.grid import Grid
    from napari_medkd.core.task import Task
    from napari_medkd.core.volume import Modality, Volume
    from napari_medkd.files.phantom import CLASSES, make_phantom
    from napari_medkd.gui.box_layers import boxes_layers
    from napari_medkd.gui.layers import image_layers, mask_layer

    phantom = make_phantom(_SEED, domain)
    z, y, x = phantom.image.shape
    grid = Grid.upright((z, y, x), phantom.spacing_mm)
    modality = Modality.CT if domain == "ct-like" else Modality.MR
    name = f"phantom {domain}"
    organs = Mask(phantom.labels, grid, Task("organs", "segmentation", CLASSES))
    lesion = Task("lesions", "detection", ("lesion",))
    boxes = Boxes(phantom.corners_N6, ("lesion",) * len(phantom.corners_N6), grid, lesion)
    return [
        *image_layers(Volume(phantom.image[None], grid, modality=modality), name),
        mask_layer(organs, f"{name} · organs (truth)", is_truth=True),
        *boxes_layers(boxes, f"{name} · lesions (truth)"),
    ]
