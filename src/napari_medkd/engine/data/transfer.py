"""Where a labelled reference comes to lie on a case, in the reference's own intensities and on the case's own grid.

Legend: B batch, C channel, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes).
"""

from collections.abc import Callable, Iterator
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.preview import PreviewPicture
from napari_medkd.core.volume import Volume
from napari_medkd.engine.data.array_cache import ArrayCache
from napari_medkd.engine.data.atlas import Atlas, as_tensor, mapped
from napari_medkd.engine.data.cases import Cases, PreparedCase
from napari_medkd.engine.data.labels_between import labels_at
from napari_medkd.engine.data.registered import Flows, Registered
from napari_medkd.engine.data.warp import is_beyond, read_at

#: Voxels filled at once, so that the images of a large case fit into memory.
_VOXELS_AT_ONCE = 2**20


def warped_reference(flows: Flows, case: PreparedCase, atlas: Atlas, original: tuple[Volume, Mask]) -> PreviewPicture:
    """Return a reference's image and label moved onto a case: each voxel is read once, from the reference's files.

    Parameters
    ----------
    flows
        Where the cases lie in the references.
    case
        Onto which it is moved; its label is not looked at.
    atlas, original
        The reference as networks see it, and as its files have it.

    Returns
    -------
    PreviewPicture
        On the case's own grid. Beyond the reference's border, its lowest intensity and the background.
    """
    volume, mask = original
    device = atlas.image_BCZYX.device
    image = as_tensor(np.asarray(volume.data).astype(np.float32), device)
    label = as_tensor(np.asarray(mask.labels).astype(np.int32)[None], device)[:, 0]
    lowest = image.amin(dim=tuple(range(2, image.dim())), keepdim=True)
    images, labels = [], []
    for positions in _positions(flows, case, atlas, volume.grid):
        nothing = is_beyond(positions, tuple(image.shape[2:]))
        images.append(torch.where(nothing[:, None], lowest, read_at(image, positions)))
        labels.append(labels_at(label, positions).masked_fill(nothing, 0))
    shape = case.original.shape
    warped_CZYX = torch.cat(images, dim=2).cpu().numpy().reshape(len(volume.data), *shape)
    if np.issubdtype(volume.data.dtype, np.integer):
        warped_CZYX = np.rint(warped_CZYX).astype(volume.data.dtype)
    label_ZYX = torch.cat(labels, dim=1).cpu().numpy().reshape(shape)
    labels_ZYX = label_ZYX.astype(np.uint8) if mask.labels.dtype == np.uint8 else label_ZYX.astype(np.uint16)
    warped = Volume(warped_CZYX, case.original, volume.channels, volume.modality)
    return PreviewPicture("warped reference", atlas.case.id, warped, Mask(labels_ZYX, case.original, mask.task))


def _positions(flows: Flows, case: PreparedCase, atlas: Atlas, original: Grid) -> Iterator[Tensor]:
    """Yield where the voxels of a case's own grid lie on a reference's own, some planes or lines at a time."""
    device, dimensions = atlas.image_BCZYX.device, atlas.image_BCZYX.dim() - 2
    alignment = flows.registered.alignment(case, atlas)
    to_prepared = _between(case.original, case.grid, dimensions)
    to_original = _between(atlas.case.grid, original, dimensions)
    first, *rest = case.original.shape[3 - dimensions :]
    step = max(1, _VOXELS_AT_ONCE // prod(rest))
    for start in range(0, first, step):
        sizes = (torch.arange(start, min(first, start + step)), *map(torch.arange, rest))
        index = torch.stack(torch.meshgrid(*sizes, indexing="ij"), dim=-1)[None].to(device, torch.float32)
        in_case = mapped(index, to_prepared)
        in_atlas = flows.moved(mapped(in_case, alignment), case, atlas, 1.0)
        yield mapped(in_atlas, to_original)


def _between(source: Grid, target: Grid, dimensions: int) -> NDArray[np.float32]:
    """Return the affine map (D, D + 1) from the voxels of one grid to those of another over the same space."""
    matrix = np.linalg.solve(target.affine, source.affine)[:3]
    return np.asarray(matrix[3 - dimensions :, 3 - dimensions :], dtype=np.float32)


def transfers(
    registered: Registered, references: Cases, network: nn.Module
) -> Callable[[PreparedCase], tuple[PreviewPicture, ...]]:
    """Return what shows a reference on a case, as a network that may still train moves it.

    Of several it is the one that was added last: what it brings is new to whoever looks. Its files are read here, not
    when it is shown: a person may go on painting it, and what is shown is what the run learns.

    Parameters
    ----------
    references
        Those that are registered.
    """
    atlas = registered.atlases[-1]
    original = references.original(atlas.case.id)

    def shown(case: PreparedCase) -> tuple[PreviewPicture, ...]:
        flows = Flows(registered, network, ArrayCache(None, "of the moment"))
        return (warped_reference(flows, case, atlas, original),)

    return shown
