"""napari's reader: NIfTI and DICOM, predictions of ours and datasets. Says None at once to everything else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_medkd.gui.dropped_dataset import MANIFEST, is_dataset, open_in_data_dock
from napari_medkd.gui.waiting import waited_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.dataset import Case, Dataset
    from napari_medkd.core.grid import Grid
    from napari_medkd.core.volume import Volume
    from napari_medkd.files.dicom_series import Series
    from napari_medkd.gui.layers import LayerData

Reader: TypeAlias = "Callable[[str | Sequence[str]], list[LayerData]]"

PREDICTION = "prediction.json"
_NO_LAYER = [(None,)]
_IMAGES = (".nii", ".nii.gz")
_WORDS_FOR_LABELS = ("label", "mask", "seg", "annot", "truth", "lesion", "roi", "aseg", "parc")
_FEW_VALUES = 8
_MOST_VALUES = 512
_NIFTI_INTENT_LABEL = 1002


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return what reads the path, or None where it is no medical image, and no prediction or dataset that we know.

    Where a window is in sight, it lives on while the reader reads, and the person can cancel it.
    """
    first = Path(path if isinstance(path, str) else path[0])
    if first.name.lower().endswith(_IMAGES):
        return _kept(read_images)
    if first.name == PREDICTION or (first.is_dir() and (first / PREDICTION).is_file()):
        return _kept(read_predictions)
    if first.name == MANIFEST or (first.is_dir() and is_dataset(first)):
        return _kept(read_dataset)
    return _kept(read_dicom) if _is_dicom(first) else None


def read_images(path: str | Sequence[str]) -> list[Any]:
    """Return a layer for each file: labels where it holds a mask, an image otherwise."""
    files = _paths(path)
    return waited_for(lambda: _layers_of_images(files), files[0].name) or _NO_LAYER


def read_dicom(path: str | Sequence[str]) -> list[Any]:
    """Return the image of each DICOM file or folder; of several, the one that the person picks.

    The layer is called like the file or folder: what a header says of its image may name a person. Where all is
    cancelled, there is napari's sign of no layer.

    Raises
    ------
    VolumeProblem
        As `napari_medkd.files.dicom.read_image`.
    """
    from napari_medkd.files.dicom import list_images
    from napari_medkd.gui.series_choice import choose_series

    layers: list[LayerData] = []
    for file in _paths(path):
        listing = waited_for(partial(list_images, file), file.name)
        series = listing and choose_series(file, listing)
        if listing and series:
            is_alone = len(listing.series) == 1
            layers += waited_for(partial(_layers_of_series, series, file, is_alone=is_alone), file.name) or []
    return layers or _NO_LAYER


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


def _layers_of_images(files: list[Path]) -> list[LayerData]:
    from napari_medkd.files.opening import read_volume, stem_of
    from napari_medkd.gui.layers import image_layers, mask_layer

    layers: list[LayerData] = []
    for file in files:
        volume = read_volume(file)
        if _holds_labels(volume.data, file):
            layers.append(mask_layer(_unnamed_mask(volume), stem_of(file), source=file))
        else:
            layers += image_layers(volume, stem_of(file))
    return layers


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

    layers: list[LayerData] = []
    for file in files:
        dataset = open_dataset(file)
        layers += case_layers(dataset, dataset.cases[0])
    return layers


def case_layers(dataset: Dataset, case: Case, answer: Path | None = None) -> list[LayerData]:
    """Return the image of a case, and its masks and boxes over it.

    Parameters
    ----------
    answer
        The folder of a network's prediction of the case, which is drawn on top.

    Raises
    ------
    InputProblem
        Where a file is missing or damaged, or an annotation lies on another grid than the image.
    """
    from napari_medkd.files.opening import read_boxes, read_mask, read_volume
    from napari_medkd.gui.box_layers import boxes_layers
    from napari_medkd.gui.layers import image_layers, mask_layer

    volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)
    layers = image_layers(volume, case.id, case=case.id)
    for name, known in case.annotations.items():
        task = dataset.tasks[name]
        title = f"{case.id} · {name} (truth)"
        if not isinstance(known, Path):
            continue
        if task.kind == "segmentation":
            mask = read_mask(known, task, grid=volume.grid, label_map=dataset.label_maps.get(name))
            layers.append(mask_layer(mask, title, source=known, is_truth=True, case=case.id))
        elif task.kind == "detection":
            layers += boxes_layers(read_boxes(known, task, volume.grid), title, is_truth=True)
    return layers if answer is None else [*layers, *_answer_layers(answer, dataset, volume.grid)]


def _answer_layers(folder: Path, dataset: Dataset, grid: Grid) -> list[LayerData]:
    from napari_medkd.files.results import read_prediction
    from napari_medkd.gui.networks import stage_of, title_of
    from napari_medkd.gui.overlays import prediction_layers

    answer = read_prediction(folder)
    if answer.mask is not None:
        answer = replace(answer, mask=replace(answer.mask, task=dataset.as_known(answer.mask.task)))
    title = title_of(stage_of(answer.checkpoint), answer.shown)
    return prediction_layers(answer, f"{title} · {answer.case}", on=grid)


def _is_dicom(path: Path) -> bool:
    from napari_medkd.files.dicom_folder import NAMED_SUFFIXES, holds_dicom

    return path.name.lower().endswith(NAMED_SUFFIXES) or (path.is_dir() and holds_dicom(path))


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(path)] if isinstance(path, str) else [Path(one) for one in path]


def _holds_labels(data: NDArray[Any], file: Path) -> bool:
    """Whether these are class numbers: few whole numbers, or more of them under a name or header that says so."""
    import numpy as np

    if len(data) > 1 or data.dtype.kind not in "iu" or data.min() < 0 or data.max() > np.iinfo(np.uint16).max:
        return False
    values = len(np.unique(data))
    says_so = any(word in f"{file.parent.name}/{file.name}".lower() for word in _WORDS_FOR_LABELS)
    if says_so or _header_says_labels(file):
        return values <= _MOST_VALUES
    return values <= _FEW_VALUES and bool(data.max() <= np.iinfo(np.uint8).max)


def _header_says_labels(file: Path) -> bool:
    import nibabel

    header: Any = nibabel.load(file).header
    return int(header["intent_code"]) == _NIFTI_INTENT_LABEL


def _unnamed_mask(volume: Volume) -> Mask:
    import numpy as np

    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.task import Task

    highest = max(1, int(volume.data.max()))
    labels = volume.data[0].astype(np.uint8 if highest < 256 else np.uint16)
    names = ("background", *(f"label {value}" for value in range(1, highest + 1)))
    return Mask(labels, volume.grid, Task("labels", "segmentation", names))
