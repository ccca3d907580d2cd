"""What a run carried over from a reference to its preview case, as panels: reference, warped one, student. No Qt."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import RunProblem
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.preview import PreviewPicture
from napari_medkd.core.run_layout import PREVIEWS
from napari_medkd.core.volume import Volume
from napari_medkd.gui.layers import LayerData, image_layers, shown_array
from napari_medkd.gui.panels import Panel

_STUDENT = "student"


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What stays while a run trains.

    Parameters
    ----------
    previews
        The folder of the warped reference.
    case
        Id of the preview case, and ``image`` its image.
    reference
        The panel of the reference. It is moved as a whole, so that its label's middle lies where the warped label's was
        when the scene was read: the same slice then cuts the same place. Nothing of it is resampled.
    """

    previews: Path
    case: str
    image: LayerData
    reference: Panel


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """A run's newest previews, from left to right.

    Parameters
    ----------
    middle
        Of the warped label, in voxels of the case's layer; None where it is empty.
    """

    scene: Scene
    panels: tuple[Panel, ...]
    middle: tuple[float, ...] | None


def read_transfer(run: Path, known: Scene | None = None) -> Transfer:
    """Return what a run shows of its preview case now.

    Parameters
    ----------
    known
        The scene of an earlier look, which need not be read again.

    Raises
    ------
    InputProblem
        Where the run has not warped a reference yet, or a file cannot be read.
    """
    from napari_medkd.files.results import read_prediction

    folder, warped = _newest(run, "warped reference")
    moved = read_prediction(folder)
    scene = known if known is not None and known.previews == folder else _scene(run, folder, moved, warped)
    limits = {} if scene.reference.image is None else _limits(scene.reference.image)
    panels = [
        scene.reference,
        _panel(f"warped reference\n{_made_in(moved)}", warped.volume, moved.mask, limits),
        _student(scene, run / PREVIEWS / _STUDENT / folder.name, moved),
    ]
    for drawn_in, drawn in _pictures(run, "reconstruction"):
        if drawn_in.name == folder.name:
            panels.append(_panel(f"teacher's reconstruction\n{_epoch(read_prediction(drawn_in))}", drawn.volume))
    return Transfer(scene, tuple(panels), None if moved.mask is None else _middle(moved.mask))


def _pictures(run: Path, name: str) -> Iterator[tuple[Path, PreviewPicture]]:
    """Yield the pictures of a name that a run's stages wrote, each with its folder; the newest first."""
    from napari_medkd.files.previews import RECORD, read_pictures

    records = sorted((run / PREVIEWS).glob(f"*/*/{RECORD}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for record in records:
        yield from ((record.parent, picture) for picture in read_pictures(record.parent) if picture.name == name)


def _newest(run: Path, name: str) -> tuple[Path, PreviewPicture]:
    found = next(_pictures(run, name), None)
    if found is None:
        hint = "Wait until its first epoch of registration has ended, or choose a one-shot run."
        raise RunProblem(run.name, f"This run has written no {name}.", hint)
    return found


def _scene(run: Path, folder: Path, moved: Prediction, warped: PreviewPicture) -> Scene:
    from napari_medkd.core.spec import TrainSpec
    from napari_medkd.files.known_classes import mask_as_learned
    from napari_medkd.files.manifest import open_dataset
    from napari_medkd.files.opening import read_volume
    from napari_medkd.runs.documents import read_spec

    dataset = open_dataset(read_spec(run, TrainSpec).datasets[0])
    case, reference = dataset.case(moved.case), dataset.case(warped.of)
    volume, atlas = (
        read_volume(one.images, channels=dataset.channels, modality=dataset.modality) for one in (case, reference)
    )
    path = _annotation(dataset, reference, moved)
    mask = mask_as_learned(path, moved.task, dataset, atlas.grid, later="background")
    panel = _panel(f"reference\n{reference.id}", atlas, mask)
    image = image_layers(volume, case.id)[0]
    return Scene(folder, case.id, image, _laid_over(panel, mask, moved, image))


def _annotation(dataset: Dataset, reference: Case, moved: Prediction) -> Path:
    found = reference.annotations.get(moved.task.name)
    if not isinstance(found, Path):
        where = f"dataset {dataset.name}, case {reference.id}"
        raise RunProblem(where, f"There is no mask for {moved.task.name!r} any more.", "Open the dataset it had then.")
    return found


def _laid_over(panel: Panel, mask: Mask, moved: Prediction, image: LayerData) -> Panel:
    """Return the reference moved as a whole: its label's middle onto the warped one's, else image onto image."""
    if panel.image is None:
        return panel
    data, look, kind = panel.image
    here, there = _middle(mask), None if moved.mask is None else _middle(moved.mask)
    if here is None or there is None:
        here, there = _centre(mask.grid.shape, mask.grid.is_flat), _centre(moved.grid.shape, moved.grid.is_flat)
    target = np.array(image[1]["translate"]) + np.array(there) * np.array(image[1]["scale"])
    translate = target - np.array(here) * np.array(look["scale"])
    return Panel(panel.title, panel.labels, panel.task, (data, look | {"translate": tuple(translate.tolist())}, kind))


def _student(scene: Scene, folder: Path, moved: Prediction) -> Panel:
    """Return the case with the student's newest mask, or plain before there is one."""
    from napari_medkd.files.results import RECORD, read_prediction

    if not (folder / RECORD).is_file():
        nothing = shown_array(np.zeros(moved.grid.shape, np.uint8), moved.grid)
        return Panel(f"student, not begun\n{scene.case}", nothing, moved.task, scene.image)
    said = read_prediction(folder)
    labels = np.zeros(said.grid.shape, np.uint8) if said.mask is None else said.mask.labels
    return Panel(f"student, {_epoch(said)}\n{scene.case}", shown_array(labels, said.grid), said.task, scene.image)


def _panel(title: str, volume: Volume, mask: Mask | None = None, look: dict[str, Any] | None = None) -> Panel:
    data, own, kind = image_layers(volume, title)[0]
    labels = np.zeros(volume.grid.shape, np.uint8) if mask is None else mask.labels
    task = None if mask is None else mask.task
    return Panel(title, shown_array(labels, volume.grid), task, (data, own | (look or {}), kind))


def _limits(image: LayerData) -> dict[str, Any]:
    """Return how bright an image is drawn, for another one in the same unit."""
    return {name: image[1][name] for name in ("contrast_limits",) if name in image[1]}


def _made_in(said: Prediction) -> str:
    return f"{said.checkpoint.split('.')[0]}, {_epoch(said)}"


def _epoch(said: Prediction) -> str:
    """Return ``"epoch 3"`` of a checkpoint's name."""
    return f"epoch {int(said.checkpoint.rpartition('-')[2])}"


def _middle(mask: Mask) -> tuple[float, ...] | None:
    """Return the middle of what is labelled, in voxels of its layer; None where nothing is."""
    voxels = np.argwhere((mask.labels > 0) & (mask.labels != mask.task.ignore))
    if not len(voxels):
        return None
    middle = voxels.mean(0)
    return tuple(float(one) for one in (middle[1:] if mask.grid.is_flat else middle))


def _centre(shape: tuple[int, ...], is_flat: bool) -> tuple[float, ...]:
    return tuple((size - 1) / 2 for size in (shape[1:] if is_flat else shape))
