"""What a module of one format offers, and the modules, imported on first use: nibabel alone takes 0.1 s."""

from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from napari_medkd.core.errors import Problem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume


class Format(Protocol):
    """What a module of one format offers."""

    def read_image(self, path: Path, num_channels: int | None = None) -> Volume:
        """Return the image; ``num_channels`` says how many the caller expects, if it knows."""
        ...

    def read_labels(self, path: Path) -> Volume:
        """Return the labels as an image of one channel."""
        ...

    def write_image(self, path: Path, volume: Volume) -> None:
        """Write the image in the order and with the affine its grid came from."""
        ...

    def write_labels(self, path: Path, labels: NDArray[Any], grid: Grid, task: Task | None = None) -> None:
        """Write the labels (z, y, x) in the order and with the affine the grid came from.

        ``task`` says what they mean, for formats that keep it; None where they are other numbers than its classes'.
        """
        ...

    def doubts(self, path: Path) -> list[Problem]:
        """Return why the position may be wrong though the image can be read."""
        ...


def format_called(name: str) -> Format:
    """Return the module of a format."""
    match name:
        case "nifti":
            from napari_medkd.files import nifti

            return nifti
        case "nrrd":
            from napari_medkd.files import nrrd

            return nrrd
        case "metaimage":
            from napari_medkd.files import metaimage

            return metaimage
        case "raster":
            from napari_medkd.files import raster

            return raster
        case "tiff":
            from napari_medkd.files import tiff

            return tiff
        case "ome_zarr":
            from napari_medkd.files import ome_zarr

            return ome_zarr
        case "picture_stack":
            from napari_medkd.files import picture_stack

            return picture_stack
    from napari_medkd.files import dicom

    return dicom
