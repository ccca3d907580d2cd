"""An image file as layers: its values, its name and its header tell whether it holds a picture or class numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.volume import Volume
    from napari_medkd.gui.layers import LayerData

_NIFTI = (".nii", ".nii.gz")
_WORDS_FOR_LABELS = ("label", "mask", "seg", "annot", "truth", "lesion", "roi", "aseg", "parc")
_FEW_VALUES = 8
_MOST_VALUES = 512
_NIFTI_INTENT_LABEL = 1002


def layers_of_images(files: Sequence[Path]) -> list[LayerData]:
    """Return a layer for each file: labels where it holds a mask, an image otherwise."""
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


def layers_of_ome_zarr(files: Sequence[Path]) -> list[LayerData]:
    """Return the image of each folder or address, a large one in all its resolutions, and its labels over it."""
    from napari_medkd.files.ome_zarr import label_classes, label_paths, read_labels, read_levels
    from napari_medkd.files.opening import stem_of
    from napari_medkd.gui.layers import image_layers, mask_layer

    layers: list[LayerData] = []
    for file in files:
        labels = [file] if label_classes(file) is not None else label_paths(file)
        if file not in labels:
            volume, *coarser = read_levels(file)
            layers += image_layers(volume, stem_of(file), coarser=coarser if volume.is_on_disk else ())
        for found in labels:
            mask = _unnamed_mask(read_labels(found), label_classes(found) or {})
            title = stem_of(file) if found == file else f"{stem_of(file)} · {found.name}"
            layers.append(mask_layer(mask, title, source=found))
    return layers


def layers_of_segments(file: Path) -> list[LayerData]:
    """Return the labels of a DICOM segmentation, called as its header calls them."""
    from napari_medkd.files.dicom_segments import read_segments
    from napari_medkd.files.opening import stem_of
    from napari_medkd.gui.layers import mask_layer

    segments = read_segments(file)
    return [mask_layer(_unnamed_mask(segments.labels, segments.names), stem_of(file), source=file)]


def _holds_labels(data: NDArray[Any], file: Path) -> bool:
    """Whether these are class numbers: few whole numbers, or more of them under a name or header that says so."""
    import numpy as np

    from napari_medkd.gui.contrast import sampled

    if len(data) > 1 or data.dtype.kind not in "iu":
        return False
    sample = sampled(data[0])  # of a large image enough to see that it is none
    if sample.min() < 0 or len(np.unique(sample)) > _MOST_VALUES:
        return False
    if data.min() < 0 or data.max() > np.iinfo(np.uint16).max:
        return False
    values = len(np.asarray(np.unique(data)))  # of an array on the disk, counted chunk by chunk
    says_so = any(word in f"{file.parent.name}/{file.name}".lower() for word in _WORDS_FOR_LABELS)
    if says_so or _header_says_labels(file):
        return values <= _MOST_VALUES
    return values <= _FEW_VALUES and bool(data.max() <= np.iinfo(np.uint8).max)


def _header_says_labels(file: Path) -> bool:
    import nibabel

    if not file.name.lower().endswith(_NIFTI):
        return False
    header: Any = nibabel.load(file).header
    return int(header["intent_code"]) == _NIFTI_INTENT_LABEL


def _unnamed_mask(volume: Volume, known: Mapping[int, str] | None = None) -> Mask:
    """Return the mask of an image of whole numbers; ``known`` are names for some of them."""
    import numpy as np

    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.task import Task

    known = known or {}
    found = np.iinfo(np.uint8).max if volume.is_on_disk else int(volume.data.max())
    highest = max(1, found, *known)
    labels = volume.data[0].astype(np.uint8 if highest < 256 else np.uint16)
    names = ("background", *(known.get(value, f"label {value}") for value in range(1, highest + 1)))
    return Mask(labels, volume.grid, Task("labels", "segmentation", names))
