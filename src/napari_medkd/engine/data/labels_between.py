"""Labels read between voxels: each place takes the label that has the largest share there.

The nearest voxel's alone would move an outline by up to half a voxel, whatever the shape it belongs to.

Legend: B batch, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from napari_medkd.engine.data.warp import read_at


def labels_between(labels_BZYX: Tensor, read: Callable[[Tensor], Tensor]) -> Tensor:
    """Return labels at other places, in their type; of those with the same share the lowest.

    Parameters
    ----------
    labels_BZYX
        Whole numbers.
    read
        Interpolates a field (B, 1, Z, Y, X) linearly: returns what it has at the places, (B, 1, ...).
    """
    lowest, *others = labels_BZYX.unique().tolist()  # type: ignore[no-untyped-call]
    largest = read((labels_BZYX == lowest).float()[:, None])[:, 0]
    chosen = torch.full_like(largest, lowest)
    for label in others:
        share = read((labels_BZYX == label).float()[:, None])[:, 0]
        chosen = torch.where(share > largest, float(label), chosen)
        largest = torch.maximum(largest, share)
    return chosen.to(labels_BZYX.dtype)


def labels_at(labels_BZYX: Tensor, positions_BZYXD: Tensor) -> Tensor:
    """Return the labels of an image at positions in its voxels; beyond its border, those of the border.

    Of a large image no more is looked at than what lies around the positions.
    """
    sides_D = torch.tensor(labels_BZYX.shape[1:], device=positions_BZYXD.device)
    places_ND = positions_BZYXD.flatten(0, -2)
    first_D = places_ND.amin(0).floor().long().clamp(min=0).minimum(sides_D - 1)
    stop_D = (places_ND.amax(0).ceil().long() + 1).clamp(min=1).minimum(sides_D).maximum(first_D + 1)
    around = tuple(slice(*ends) for ends in zip(first_D.tolist(), stop_D.tolist(), strict=True))
    return labels_between(labels_BZYX[:, *around], lambda field: read_at(field, positions_BZYXD - first_D))
