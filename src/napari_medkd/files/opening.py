"""Open and save images, masks and boxes: picks the format by the suffix and names the file in every problem."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, TypeAlias
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.core.words import count
from napari_medkd.files.dicom_folder import NAMED_SUFFIXES, holds_dicom
from napari_medkd.files.formats import Format, format_called
from napari_medkd.files.label_values import counts_of
from napari_medkd.files.lazy_array import in_pieces
from napari_medkd.files.memory import MOST_VOXELS_HELD
from napari_medkd.files.picture_folder import pictures_in
from napari_medkd.files.series_path import on_disk
from napari_medkd.files.web_path import web_address
from napari_medkd.files.zarr_path import ZARR_SUFFIXES, suffix_around

Labels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_FORMAT_OF = {
    ".nii.gz": "nifti",
    ".nii": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
    ".png": "raster",
    ".jpg": "raster",
    ".jpeg": "raster",
    ".tif": "tiff",
    ".tiff": "tiff",
    **dict.fromkeys(NAMED_SUFFIXES, "dicom"),
    **dict.fromkeys(ZARR_SUFFIXES, "ome_zarr"),
}
#: Suffixes (lower case) of the files that can be opened.
IMAGE_SUFFIXES = tuple(_FORMAT_OF)
#: Those of formats that place their voxels in the world, in an order of their own.
VOLUME_SUFFIXES = tuple(suffix for suffix, name in _FORMAT_OF.items() if name in ("nifti", "nrrd", "metaimage"))


def suffix_of(path: Path) -> str:
    """Return the image suffix of the name in lower case (``.nii.gz`` whole), or "" if it is not an image's."""
    name = on_disk(path).name.lower()
    return next((suffix for suffix in IMAGE_SUFFIXES if name.endswith(suffix)), "") or suffix_around(path)


def stem_of(path: Path) -> str:
    """Return the name of the file, or of the DICOM folder, without its image suffix, accents composed (NFC)."""
    name, suffix = normalize("NFC", on_disk(path).name), suffix_of(path)
    return name[: -len(suffix)] if suffix and name.lower().endswith(suffix) else name


def is_image(path: Path) -> bool:
    """Return whether the path can name an image: by its suffix, or because it is a folder, which is looked into."""
    return bool(suffix_of(path)) or on_disk(path).is_dir()


def mask_suffix(grid: Grid) -> str:
    """Return the suffix a mask on the grid is saved with: PNG for a picture's, else that of an image.

    One too large to be held in memory is saved as OME-Zarr.
    """
    if prod(grid.shape) > MOST_VOXELS_HELD:
        return ".ome.zarr"
    suffix = map_suffix(grid)
    return ".png" if suffix == ".tif" and grid.is_flat else suffix


def map_suffix(grid: Grid) -> str:
    """Return the suffix that a map of values on the grid is saved with, so that the grid is the same when it is read.

    NIfTI where voxels have a size in mm, TIFF where they are plain pixels, else NRRD, which keeps where pixels lie.
    """
    if grid.unit == "mm":
        return ".nii.gz"
    return ".tif" if Grid.upright(grid.shape, unit="pixel").matches(grid) else ".nrrd"


def read_volume(
    paths: Path | Sequence[Path],
    *,
    channels: Sequence[str] | None = None,
    modality: Modality = Modality.OTHER,
) -> Volume:
    """Return the image of one file, or of one file per channel, in canonical order.

    Parameters
    ----------
    paths
        One file with any number of channels, or one single-channel file for each; all on one grid. A folder with the
        files of one DICOM series counts as a file; ``FOLDER?series=KEY`` picks one of several. So does a folder of
        numbered pictures, the slices of a stack.
    channels
        A name for each channel; None takes the file's.
    modality
        How the image was made; intensities are not changed by it. OTHER takes what a DICOM header says.

    Raises
    ------
    VolumeProblem
        Naming the file: missing, damaged, of an unknown format, NaN, another grid, another number of channels. A large
        image that stays on the disk is not looked through for NaN.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    if not files:
        raise VolumeProblem("image", "No file is given.", "Give one file, or one for each channel.")
    expected = len(channels) if channels else None
    volumes = [_read_one(path, expected if len(files) == 1 else 1) for path in files]
    for volume, path in zip(volumes[1:], files[1:], strict=True):
        _refuse_other_grid(volume.grid, volumes[0].grid, path, f"the first channel's ({files[0].name})")
    data = volumes[0].data if len(files) == 1 else _joined(volumes)
    if channels and len(data) != len(channels):
        raise VolumeProblem(
            str(files[0]),
            f"The image has {count(len(data), 'channel')}; expected {len(channels)}: {', '.join(channels)}.",
            "Give all of them, in one file or in one for each; a dataset's are named in medkd-dataset.json.",
        )
    names = tuple(channels) if channels else volumes[0].channels
    if not channels and len(files) > 1:
        names = tuple(stem_of(path) for path in files)
    with naming(files[0]):
        made_by = volumes[0].modality if modality is Modality.OTHER else modality
        return Volume(data, volumes[0].grid, names, made_by, files[0])


def read_mask(
    path: Path,
    task: Task,
    *,
    grid: Grid | None = None,
    whose: str = "its image's",
    label_map: LabelMap | None = None,
) -> Mask:
    """Return the mask of a file, in canonical order.

    Where a task has two classes and the file holds nothing but 0 and 255, 255 is the second class.

    Parameters
    ----------
    path
        An image of whole numbers with one channel.
    task
        What the labels mean.
    grid
        The image's grid; the mask must lie on it. A DICOM segmentation, which leaves empty slices out, on a part of it.
    whose
        Grid that is, where it is another file's.
    label_map
        Applied to the stored labels first.

    Raises
    ------
    VolumeProblem
        Naming the file: as `read_volume`, or fractions, labels of no class, another grid than the image's.
    """
    stored, own_grid = _stored_labels(path, grid)
    if grid is not None:
        _refuse_other_grid(own_grid, grid, path, whose)
    labels = _as_classes(stored, task, label_map or LabelMap(), path)
    return Mask(labels, grid or own_grid, task)


def read_boxes(path: Path, task: Task, grid: Grid) -> Boxes:
    """Return the boxes of a file (see `napari_medkd.files.boxes`) on the image's grid."""
    from napari_medkd.files import boxes

    return boxes.read(path, task, grid)


def write_volume(path: Path, volume: Volume) -> None:
    """Save the image in its file's own axis order with its affine; the suffix picks the format."""
    if volume.is_on_disk and suffix_of(path) not in ZARR_SUFFIXES:
        volume = replace(volume, data=np.asarray(volume.data))
    _format_of(path).write_image(path, volume)


def write_mask(path: Path, mask: Mask, *, label_map: LabelMap | None = None) -> None:
    """Save the mask as `write_volume` does, so that it opens on its image in any program.

    Parameters
    ----------
    label_map
        What `read_mask` will apply: such labels are stored that it finds the mask's own again.
    """
    is_renamed, is_zarr = bool(label_map and label_map.values), suffix_of(path) in ZARR_SUFFIXES
    labels: Any = mask.labels if is_zarr and not is_renamed else np.asarray(mask.labels)
    if label_map is not None and is_renamed:
        stored = label_map.inverse(np.unique(labels).tolist())(labels)
        labels = _smallest(stored, int(stored.max()))
    _format_of(path).write_labels(path, labels, mask.grid, None if is_renamed else mask.task)


def write_boxes(path: Path, boxes: Boxes) -> None:
    """Save the boxes as JSON."""
    from napari_medkd.files import boxes as box_file

    box_file.write(path, boxes)


def labels_in(path: Path) -> tuple[int, ...]:
    """Return the label values a mask file holds, as stored, in rising order."""
    return tuple(voxels_by_label(path))


def voxels_by_label(path: Path) -> dict[int, int]:
    """Return how many voxels have each of the label values a mask file holds, as stored, in rising order."""
    stored, _ = _stored_labels(path)
    counts = counts_of(stored)
    return {label: int(counts[label]) for label in np.flatnonzero(counts).tolist()}


def doubts_about(path: Path) -> list[Problem]:
    """Return why the position of an image may be wrong though it can be opened."""
    _refuse_missing(path)
    return _format_of(path).doubts(path)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name on every problem with a volume that is raised inside; a file inside a folder has its own."""
    inside = str(on_disk(path))
    try:
        yield
    except VolumeProblem as error:
        raise VolumeProblem.of(
            found if found.where.startswith(inside) else Problem(str(path), found.problem, found.hint)
            for found in error.problems
        ) from error
    except MemoryError as error:
        raise VolumeProblem(
            str(path), "The image does not fit into memory.", "Crop it or save it at a lower resolution."
        ) from error


def _format_of(path: Path) -> Format:
    """Return the module that knows the suffix, or the images of a folder."""
    there, suffix = on_disk(path), suffix_of(path)
    if suffix:
        return format_called(_FORMAT_OF[suffix])
    if there.is_dir():
        return format_called("picture_stack" if pictures_in(there) and not holds_dicom(there) else "dicom")
    raise VolumeProblem(
        str(path),
        f"The suffix {path.suffix!r} is of no image format that can be opened.",
        f"Use one of {', '.join(IMAGE_SUFFIXES)}.",
    )


def _read_one(path: Path, num_channels: int | None) -> Volume:
    _refuse_missing(path)
    with naming(path):
        volume = _format_of(path).read_image(path, num_channels)
    if not volume.is_on_disk:
        refuse_not_finite(volume, path)
    return volume


def refuse_not_finite(volume: Volume, path: Path) -> None:
    """Raise a VolumeProblem naming the file where an intensity is NaN or infinite; reads the whole image.

    `read_volume` asks this of every image but one that stays on the disk: there it is for those who read it.
    """
    if not volume.is_finite:
        count = int(np.count_nonzero(~np.isfinite(volume.data)))
        raise VolumeProblem(
            str(path),
            f"{count} of {volume.data.size} intensities are NaN or infinite.",
            "Replace them, for example by the smallest intensity, and save the image again.",
        )


def _joined(volumes: list[Volume]) -> NDArray[Any]:
    """Return the channels of several files, on the disk where one of them is."""
    if not any(volume.is_on_disk for volume in volumes):
        return np.concatenate([volume.data for volume in volumes])
    import dask.array

    joined: NDArray[Any] = dask.array.concatenate([in_pieces(volume.data) for volume in volumes])  # type: ignore[no-untyped-call]
    return joined


def _refuse_missing(path: Path) -> None:
    there = on_disk(path)
    if web_address(path) is not None:
        return
    is_folder = there.is_dir()
    if not there.is_file() and not (is_folder and suffix_of(path) in ("", *NAMED_SUFFIXES, *ZARR_SUFFIXES)):
        raise VolumeProblem(
            str(path),
            "This is a folder; expected an image file." if is_folder else "The file does not exist.",
            "Check the path; relative paths start at the dataset's folder.",
        )


def _refuse_other_grid(found: Grid, expected: Grid, path: Path, whose: str) -> None:
    if found.matches(expected):
        return
    if found.shape != expected.shape or not np.allclose(found.spacing, expected.spacing, rtol=1e-3):
        how = f"Its grid is {found.describe()}, but {whose} is {expected.describe()}."
    else:
        apart = np.linalg.norm(found.corners_in_world() - expected.corners_in_world(), axis=1).max()
        how = f"It lies elsewhere: a corner is {apart:.3g} {expected.unit} away from {whose}, with the same voxels."
    raise VolumeProblem(str(path), how, "Resample it to the image, or list the right file in medkd-dataset.json.")


def _stored_labels(path: Path, grid: Grid | None = None) -> tuple[Labels, Grid]:
    """Return the labels (z, y, x) as they stand in the file, and the grid they are on.

    Those of a DICOM segmentation, which leaves empty slices out, are laid on ``grid`` if they are a part of it.
    """
    _refuse_missing(path)
    with naming(path):
        if grid is not None and _holds_segments(path):
            from napari_medkd.files.dicom_segments import read_segments

            volume = read_segments(path, grid).labels
        else:
            volume = _format_of(path).read_labels(path)
    if len(volume.data) > 1:
        raise VolumeProblem(
            str(path), f"The mask has {len(volume.data)} channels; expected one.", "Save one number for each voxel."
        )
    stored = volume.data[0] if prod(volume.grid.shape) > MOST_VOXELS_HELD else np.asarray(volume.data[0])
    return _whole_numbers(stored, path), volume.grid


def _holds_segments(path: Path) -> bool:
    if _FORMAT_OF.get(suffix_of(path)) != "dicom":
        return False
    from napari_medkd.files.dicom_header import holds_segments

    return holds_segments(path)


def _whole_numbers(values: NDArray[Any], path: Path) -> Labels:
    low, high = (np.asarray(end()) for end in (values.min, values.max))
    fractions = 0 if values.dtype.kind != "f" else int(np.asarray(np.count_nonzero(values != np.rint(values))))
    if fractions or low < 0 or high > np.iinfo(np.uint16).max:
        found = f"{fractions} values that are none" if fractions else f"values from {low} to {high}"
        raise VolumeProblem(
            str(path),
            f"A mask holds whole numbers from 0 to 65535; this file has {found}.",
            "Check that this is the mask and not the image, and that it was resampled with nearest neighbour.",
        )
    return _smallest(values, int(high))


def _as_classes(stored: Labels, task: Task, label_map: LabelMap, path: Path) -> Labels:
    """Return the labels of the task's classes; a stored value that is none is refused by the value in the file."""
    present = np.flatnonzero(counts_of(stored))
    if not label_map.values and len(task.classes) == 2 and task.ignore != 255 and set(present) <= {0, 255}:
        label_map = LabelMap({255: 1})
    meant = label_map(present)
    is_known = (meant < len(task.classes)) | (meant == (-1 if task.ignore is None else task.ignore))
    if not is_known.all():
        strangers = present[~is_known].tolist()
        raise VolumeProblem(
            str(path),
            f"The mask holds the labels {strangers[:8]}, but task {task.name!r} has the classes "
            + ", ".join(f"{n} {name}" for n, name in enumerate(task.classes[:8]))
            + (", ..." if len(task.classes) > 8 else "")
            + ".",
            "List the missing classes in the task, or map the labels with label_map in medkd-dataset.json.",
        )
    if not label_map.values:
        return stored
    highest = int(meant.max())
    renamed: Any = stored
    if type(renamed) is np.ndarray:
        return _smallest(label_map(renamed), highest)
    by_chunk: Labels = renamed.map_blocks(lambda block: _smallest(label_map(block), highest))
    return by_chunk


def _smallest(labels: NDArray[Any], highest: int) -> Labels:
    """Return the labels in one byte where that is enough, else in two."""
    if highest <= np.iinfo(np.uint8).max:
        return labels.astype(np.uint8, copy=False)
    return labels.astype(np.uint16, copy=False)
