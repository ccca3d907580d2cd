"""What can be seen of a case while a run trains, besides the mask that its network draws."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from napari_medkd.core.annotation import Mask
from napari_medkd.core.volume import Volume

#: ``warped reference``: a labelled reference in the shape of the case. ``reconstruction``: the case, as a teacher draws
#: it from what it has learned.
PictureName: TypeAlias = Literal["warped reference", "reconstruction"]


@dataclass(frozen=True, slots=True, eq=False)
class PreviewPicture:
    """An image on a case's own grid.

    Parameters
    ----------
    name
        What it is.
    of
        Id of the case whose intensities it has: the reference, or the case itself.
    volume
        On the case's grid. Of a warped reference in the unit of the reference's file; of a reconstruction as networks
        see images, see `Preprocessing.intensity`.
    mask
        Labels that came with it, where it brings any.
    """

    name: PictureName
    of: str
    volume: Volume
    mask: Mask | None = None
