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
    the change for an affine one around its middle. Where a grid reaches beyond the patch that was cut, the border goes
    on: nothing is seen there of what lies beyond it.

    Parameters
    ----------
    boxes
        In voxels of the patch that was cut; none of them partly there.
    grid_ZYXD
        Where each voxel of the new patch lies in there, as `sampling_grid` tells it; None where it is its middle.
    input_shape, output_shape
        Voxels of both patches along each axis.
    """
    if grid_ZYXD is None:
        cut_off_D = [(has - wanted) // 2 for has, wanted in zip(input_shape, output_shape, strict=True)]
        shifted = boxes._replace(corners_ND=boxes.corners_ND - torch.tensor(cut_off_D * 2))
        return _visible(shifted, output_shape, torch.ones(len(boxes.corners_ND)))
    cut_ND = _cut(boxes.corners_ND, input_shape)
    is_there_N = _volumes(cut_ND) > 0
    share_N = (_volumes(cut_ND) / _volumes(boxes.corners_ND))[is_there_N]
    corners_ND = _moved(cut_ND[is_there_N], grid_ZYXD, input_shape)
    return _visible(BoxTarget(corners_ND, boxes.classes_N[is_there_N]), output_shape, share_N)


def _visible(boxes: BoxTarget, shape: tuple[int, ...], share_N: Tensor) -> BoxTarget:
    """Return the boxes cut to a patch; those of which too little is left are partly there.

    Parameters
    ----------
    share_N
        How much of each there was before.
    """
    cut_ND = _cut(boxes.corners_ND, shape)
    is_kept_N = share_N * _volumes(cut_ND) >= LEAST_VISIBLE * _volumes(boxes.corners_ND)
    partly_ND = cut_ND[~is_kept_N]
    return BoxTarget(cut_ND[is_kept_N], boxes.classes_N[is_kept_N], partly_ND[_volumes(partly_ND) > 0])


def _cut(corners_ND: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return what of boxes lies in a patch; of those beside it nothing, with a volume of 0."""
    return corners_ND.clamp(min=0).minimum(torch.tensor(shape * 2, dtype=corners_ND.dtype))


def _volumes(corners_ND: Tensor) -> Tensor:
    low_ND, high_ND = corners_ND.chunk(2, dim=1)
    return (high_ND - low_ND).prod(1)


def _moved(corners_ND: Tensor, grid_ZYXD: Tensor, input_shape: tuple[int, ...]) -> Tensor:
    """Return boxes as they lie in the new patch."""
    if not len(corners_ND):
        return corners_ND
    low_ND, high_ND = corners_ND.chunk(2, dim=1)
    middle_ND, half_ND = (low_ND + high_ND) / 2, (high_ND - low_ND) / 2
    place_ZYXD = (grid_ZYXD.flip(-1).to(middle_ND.dtype) + 1) / 2 * torch.tensor(input_shape)
    shape = place_ZYXD.shape[:-1]
    nearest_N = torch.cdist(middle_ND, place_ZYXD.flatten(0, -2)).argmin(1)
    voxel_ND = torch.stack(torch.unravel_index(nearest_N, shape), dim=1)
    inverse_NDD = torch.linalg.inv(_change_around(place_ZYXD, voxel_ND))
    missed_ND = middle_ND - place_ZYXD[tuple(voxel_ND.T)]
    found_ND = voxel_ND + 0.5 + (inverse_NDD @ missed_ND[..., None])[..., 0]
    reach_ND = (inverse_NDD * half_ND[:, None]).square().sum(2).sqrt()
    return torch.cat([found_ND - reach_ND, found_ND + reach_ND], dim=1)


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
