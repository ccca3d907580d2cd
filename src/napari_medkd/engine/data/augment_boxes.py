"""Where boxes come to lie when the patch they are in is cut out and changed at random.

Legend: N boxes, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes). A box is (N, 2 D), low edges and
then high ones, in voxels; the voxel i spans the edges i to i + 1.
"""

import torch
from torch import Tensor

from napari_medkd.engine.data.batch import BoxTarget

#: A box of which less is left in the patch is no box there, but what is left of it is no background either.
LEAST_VISIBLE = 0.4


def moved_boxes(
    boxes: BoxTarget, grid_ZYXD: Tensor | None, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> BoxTarget:
    """Return the boxes of a patch as they lie in the patch that was made from it; those that left it are left out.

    What is in a box is taken for an ellipsoid that touches its sides, so that the box of a turned one fits tightly, and
    the change for an affine one around its middle.

    Parameters
    ----------
    boxes
        In voxels of the patch that was cut.
    grid_ZYXD
        Where each voxel of the new patch lies in there, as `sampling_grid` tells it; None where it is its middle.
    input_shape, output_shape
        Voxels of both patches along each axis.
    """
    corners_ND = boxes.corners_ND
    dimensions = len(output_shape)
    low_ND, high_ND = corners_ND[:, :dimensions], corners_ND[:, dimensions:]
    middle_ND, half_ND = (low_ND + high_ND) / 2, (high_ND - low_ND) / 2
    if grid_ZYXD is None:
        cut_off_D = [(has - wanted) // 2 for has, wanted in zip(input_shape, output_shape, strict=True)]
        middle_ND = middle_ND - torch.tensor(cut_off_D)
    elif len(corners_ND):
        middle_ND, half_ND = _moved(middle_ND, half_ND, grid_ZYXD, input_shape)
    return visible(
        BoxTarget(torch.cat([middle_ND - half_ND, middle_ND + half_ND], dim=1), boxes.classes_N), output_shape
    )


def visible(boxes: BoxTarget, shape: tuple[int, ...]) -> BoxTarget:
    """Return the boxes cut to a patch; those of which too little is left are partly there."""
    corners_ND, dimensions = boxes.corners_ND, len(shape)
    sides_D = torch.tensor(shape, dtype=corners_ND.dtype)
    low_ND = corners_ND[:, :dimensions].clamp(min=0).minimum(sides_D)
    high_ND = corners_ND[:, dimensions:].clamp(min=0).minimum(sides_D)
    whole_N = (corners_ND[:, dimensions:] - corners_ND[:, :dimensions]).prod(1)
    left_N = (high_ND - low_ND).prod(1)
    is_kept_N = left_N >= LEAST_VISIBLE * whole_N
    cut_ND = torch.cat([low_ND, high_ND], dim=1)
    return BoxTarget(cut_ND[is_kept_N], boxes.classes_N[is_kept_N], cut_ND[~is_kept_N & (left_N > 0)])


def _moved(
    middle_ND: Tensor, half_ND: Tensor, grid_ZYXD: Tensor, input_shape: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Return the middles and half sides of boxes in the new patch."""
    place_ZYXD = (grid_ZYXD.flip(-1).to(middle_ND.dtype) + 1) / 2 * torch.tensor(input_shape)
    shape = place_ZYXD.shape[:-1]
    nearest_N = torch.cdist(middle_ND, place_ZYXD.flatten(0, -2)).argmin(1)
    voxel_ND = torch.stack(torch.unravel_index(nearest_N, shape), dim=1)
    inverse_NDD = torch.linalg.inv(_change_around(place_ZYXD, voxel_ND))
    missed_ND = middle_ND - place_ZYXD[tuple(voxel_ND.T)]
    found_ND = voxel_ND + 0.5 + (inverse_NDD @ missed_ND[..., None])[..., 0]
    return found_ND, (inverse_NDD * half_ND[:, None]).square().sum(2).sqrt()


def _change_around(place_ZYXD: Tensor, voxel_ND: Tensor) -> Tensor:
    """Return how the place changes along each axis of the new patch (N, D of the place, D of the patch)."""
    changes = []
    for axis, size in enumerate(place_ZYXD.shape[:-1]):
        above_ND, below_ND = voxel_ND.clone(), voxel_ND.clone()
        above_ND[:, axis] = (voxel_ND[:, axis] + 1).clamp(max=size - 1)
        below_ND[:, axis] = (voxel_ND[:, axis] - 1).clamp(min=0)
        steps_N1 = (above_ND[:, axis] - below_ND[:, axis])[:, None]
        changes.append((place_ZYXD[tuple(above_ND.T)] - place_ZYXD[tuple(below_ND.T)]) / steps_N1)
    return torch.stack(changes, dim=2)
