"""napari's reader: medical images, predictions of ours and datasets. Says None at once to everything else."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_medkd.gui.dropped_dataset import MANIFEST, is_dataset, open_in_data_dock
from napari_medkd.gui.waiting import waited_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_medkd.files.dicom_series import Series
    from napari_medkd.gui.layers import LayerData

Reader: TypeAlias = "Callable[[str | Sequence[str]], list[LayerData]]"

PREDICTION = "prediction.json"
_NO_LAYER = [(None,)]
#: Of nobody else; pictures (PNG, JPEG, TIFF) are napari's, and come through the Data dock.
_MEDICAL = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return what reads the path, or None where it is no medical image, and no prediction or dataset that we know.

    Where a window is in sight, it lives on while the reader reads, and the person can cancel it.
    """
    first = Path(path if isinstance(path, str) else path[0])
    if first.name.lower().endswith(_MEDICAL):
        return _kept(read_images) if _can_be_opened(first) else None
    if first.name == PREDICTION or (first.is_dir() and (first / PREDICTION).is_file()):
        return _kept(read_predictions)
    if _is_ome_zarr(first):
        return _kept(read_ome_zarr)
    if first.name == MANIFEST or (first.is_dir() and is_dataset(first)):
        return _kept(read_dataset)
    return _kept(read_dicom) if _is_dicom(first) else None


def read_images(path: str | Sequence[str]) -> list[Any]:
    """Return a layer for each file: labels where it holds a mask, an image otherwise."""
    from napari_medkd.gui.image_files import layers_of_images

    files = _paths(path)
    return waited_for(lambda: layers_of_images(files), files[0].name) or _NO_LAYER


def read_dicom(path: str | Sequence[str]) -> list[Any]:
    """Return the image of each DICOM file or folder; of several, the one that the person picks.

    Of a segmentation, the labels. The layer is called like the file or folder: what a header says of its image may
    name a person. Where all is cancelled, there is napari's sign of no layer.

    Raises
    ------
    VolumeProblem
        As `napari_medkd.files.dicom.read_image`.
    """
    from napari_medkd.files.dicom import list_images
    from napari_medkd.files.dicom_header import holds_segments
    from napari_medkd.gui.image_files import layers_of_segments
    from napari_medkd.gui.series_choice import choose_series

    layers: list[LayerData] = []
    for file in _paths(path):
        if holds_segments(file):
            layers += waited_for(partial(layers_of_segments, file), file.name) or []
            continue
        listing = waited_for(partial(list_images, file), file.name)
        series = listing and choose_series(file, listing)
        if listing and series:
            is_alone = len(listing.series) == 1
            layers += waited_for(partial(_layers_of_series, series, file, is_alone=is_alone), file.name) or []
    return layers or _NO_LAYER


def read_ome_zarr(path: str | Sequence[str]) -> list[Any]:
    """Return the image of each folder or address, a large one in all its resolutions, and its labels over it."""
    from napari_medkd.gui.image_files import layers_of_ome_zarr

    files = _paths(path)
    return waited_for(lambda: layers_of_ome_zarr(files), files[0].name) or _NO_LAYER


def read_predictions(path: str | Sequence[str]) -> list[Any]:
    """Return the overlays of each prediction folder."""
    files = _paths(path)
    return waited_for(lambda: _layers_of_predictions(files), files[0].name) or _NO_LAYER


def read_dataset(path: str | Sequence[str]) -> list[Any]:
    """Return the first case of each dataset with what is known about it.

    Where a person drops it on the canvas or opens it by a menu, the Data dock opens it instead and shows that case:
    there the others are listed.
    """
    files = _paths(path)
    if open_in_data_dock(files):
        return _NO_LAYER
    return waited_for(lambda: _layers_of_datasets(files), files[0].name) or _NO_LAYER


def _kept(read: Reader) -> Reader:
    """Return the reader, after which letters and coordinates stand on the canvas that the layers come to."""

    def reader(path: str | Sequence[str]) -> list[LayerData]:
        import napari

        layers = read(path)
        viewer = napari.current_viewer()
        if viewer is not None:
            from napari_medkd.gui.keeping import keep_all

            keep_all(viewer)
        return layers

    return reader


def _layers_of_series(series: Series, file: Path, *, is_alone: bool) -> list[LayerData]:
    from napari_medkd.files.dicom import read_series
    from napari_medkd.files.opening import stem_of
    from napari_medkd.files.series_path import picking
    from napari_medkd.gui.layers import image_layers

    source = file if is_alone else picking(file, series.key)
    return image_layers(read_series(series, source), stem_of(file))


def _layers_of_predictions(files: list[Path]) -> list[LayerData]:
    from napari_medkd.files.results import read_prediction
    from napari_medkd.gui.overlays import prediction_layers

    layers: list[LayerData] = []
    for file in files:
        prediction = read_prediction(file.parent if file.name == PREDICTION else file)
        layers += prediction_layers(prediction, f"{prediction.case} · {prediction.checkpoint or prediction.made_by}")
    return layers


def _layers_of_datasets(files: list[Path]) -> list[LayerData]:
    from napari_medkd.files.manifest import open_dataset
    from napari_medkd.gui.case_layers import case_layers

    layers: list[LayerData] = []
    for file in files:
        dataset = open_dataset(file)
        if dataset.cases:
            layers += case_layers(dataset, dataset.cases[0])
    return layers


def _can_be_opened(path: Path) -> bool:
    from napari_medkd.files.opening import suffix_of

    return bool(suffix_of(path))


def _is_ome_zarr(path: Path) -> bool:
    from napari_medkd.files.zarr_path import holds_image

    return holds_image(path)


def _is_dicom(path: Path) -> bool:
    from napari_medkd.files.dicom_folder import NAMED_SUFFIXES, holds_dicom

    return path.name.lower().endswith(NAMED_SUFFIXES) or (path.is_dir() and holds_dicom(path))


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(path)] if isinstance(path, str) else [Path(one) for one in path]
