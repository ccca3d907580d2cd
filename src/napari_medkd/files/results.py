"""A prediction as a folder: ``prediction.json`` beside the mask, which is in the image's own file order.

::

    predictions/liver_012/prediction.json    case, task, grid, class scores, boxes, who said it
    predictions/liver_012/mask.nii.gz        or mask.png / mask.tif where the image has no physical size, mask.nrrd
                                             where its pixels are placed all the same, or mask.ome.zarr where it is
                                             too large to be held in memory
    predictions/liver_012/attention.nii.gz   or attention.tif / attention.nrrd; where the network looked, 0 to 255

The answers of a network with several tasks lie one folder lower: ``predictions/TASK/liver_012``.
"""

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from napari_medkd.core.errors import Problem, SpecProblem, VolumeProblem
from napari_medkd.core.grid import Grid, Unit
from napari_medkd.core.prediction import Attention, ClassScores, Prediction, ScoredBoxes
from napari_medkd.core.settings import Settings
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.atomic import write_json
from napari_medkd.files.boxes import BoxRecord, boxes_of, records_of
from napari_medkd.files.opening import map_suffix, mask_suffix, naming, read_mask, read_volume, write_mask, write_volume
from napari_medkd.files.plain_name import distinct_name, plain_name

RECORD = "prediction.json"
_MASKS = ("mask.nii.gz", "mask.png", "mask.tif", "mask.nrrd", "mask.ome.zarr")
_ATTENTIONS = ("attention.nii.gz", "attention.tif", "attention.nrrd")
#: What is looked at most, in the file; eight bits are enough for a map that is drawn in colours.
_MOST = np.float32(255)
#: Lies in a prediction's folder while it is written: what a crash leaves there is known as ours.
_BEGUN = "prediction.begun"


class GridRecord(Settings):
    """A grid, with nothing rounded."""

    shape: tuple[int, int, int]
    affine: tuple[tuple[float, float, float, float], ...]
    unit: Unit
    axes_in_file: str


class ScoredBoxRecord(BoxRecord):
    """A box and how sure the network is, in [0, 1]."""

    score: float


class AttentionRecord(Settings):
    """Which class the network looked for, and the file of the map in the same folder."""

    model_config = ConfigDict(populate_by_name=True)

    class_name: str = Field(alias="class")
    file: str


class PredictionRecord(Settings):
    """What prediction.json holds."""

    schema_version: Literal[1] = 1
    case: str
    task: Task
    grid: GridRecord
    made_by: str
    checkpoint: str
    shown: str
    mask: str | None = None
    """Name of the mask file in the same folder."""
    scores: dict[str, float] | None = None
    boxes: tuple[ScoredBoxRecord, ...] | None = None
    uncertainty: float | None = None
    """How unsure the network is of the mask, from 0 to 1."""
    attention: AttentionRecord | None = None


def refuse_to_replace_others(cases: Iterable[str], folders: Iterable[Path]) -> None:
    """Raise a SpecProblem where predictions of the cases would replace files in the folders that are of no prediction.

    Parameters
    ----------
    folders
        What `write_prediction` will be given, each for all cases.
    """
    places = [_folder_of(case, folder) for folder, case in product(folders, cases)]
    names = (RECORD, *_MASKS, *_ATTENTIONS)
    others = [place / name for place in places if not _is_ours(place) for name in names if (place / name).exists()]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        raise SpecProblem(
            "out",
            f"Files that are of no prediction would be replaced: {', '.join(map(str, others[:5]))}{more}.",
            "Choose another folder, or move them away.",
        )


def write_prediction(prediction: Prediction, folder: Path) -> Path:
    """Write the prediction into a folder of its case and return that folder; an older one of the case is replaced."""
    path = _folder_of(prediction.case, folder)
    grid = prediction.grid
    _begin(path)
    mask = None
    if prediction.mask is not None:
        mask = f"mask{mask_suffix(grid)}"
        write_mask(path / mask, prediction.mask)
    attention = _write_attention(prediction, path)
    record = PredictionRecord(
        case=prediction.case,
        task=prediction.task,
        grid=GridRecord(shape=grid.shape, affine=grid.affine.tolist(), unit=grid.unit, axes_in_file=grid.axes_in_file),
        made_by=prediction.made_by,
        checkpoint=prediction.checkpoint,
        shown=prediction.shown,
        mask=mask,
        scores=dict(prediction.scores.scores) if prediction.scores else None,
        boxes=_box_records(prediction.boxes) if prediction.boxes else None,
        uncertainty=prediction.uncertainty,
        attention=attention,
    )
    write_json(path / RECORD, record.model_dump(mode="json", by_alias=True, exclude_none=True))
    for name in {*_MASKS, *_ATTENTIONS} - {mask, attention and attention.file}:
        if (path / name).is_dir():
            shutil.rmtree(path / name, ignore_errors=True)
        else:
            (path / name).unlink(missing_ok=True)
    (path / _BEGUN).unlink(missing_ok=True)
    return path


def read_prediction(folder: Path) -> Prediction:
    """Return the prediction of a folder that `write_prediction` made.

    Raises
    ------
    VolumeProblem
        Naming the file that is missing, damaged or does not fit.
    """
    said, found = read_answer(folder), record_of(folder).attention
    return said if found is None else replace(said, attention=_read_attention(folder, found, said.grid))


def read_answer(folder: Path) -> Prediction:
    """Return the prediction of a folder without where the network looked, which is as large as the image.

    Raises
    ------
    VolumeProblem
        As `read_prediction`.
    """
    path = folder / RECORD
    record = _record(path)
    with naming(path):
        grid = Grid(record.grid.shape, np.array(record.grid.affine), record.grid.unit, record.grid.axes_in_file)
        boxes = None
        if record.boxes is not None:
            scores = np.array([box.score for box in record.boxes], dtype=np.float64)
            boxes = ScoredBoxes(boxes_of(record.boxes, record.task, grid), scores)
    _refuse_other_name(record.mask, _MASKS, "mask", path)
    _refuse_other_name(record.attention.file if record.attention else None, _ATTENTIONS, "attention", path)
    return Prediction(
        case=record.case,
        task=record.task,
        grid=grid,
        made_by=record.made_by,
        checkpoint=record.checkpoint,
        mask=read_mask(folder / record.mask, record.task, grid=grid) if record.mask else None,
        scores=ClassScores(record.scores) if record.scores is not None else None,
        boxes=boxes,
        shown=record.shown,
        uncertainty=record.uncertainty,
    )


def record_of(folder: Path) -> PredictionRecord:
    """Return what a prediction's folder says about it, without reading the mask.

    Raises
    ------
    VolumeProblem
        Where it cannot be read or is damaged.
    """
    return _record(folder / RECORD)


def predictions_in(folder: Path) -> list[Path]:
    """Return the prediction folders in and below a folder, in order of their paths; none where it does not exist."""
    return sorted(path.parent for path in folder.rglob(RECORD))


def _folder_of(case: str, folder: Path) -> Path:
    """Return a folder that no other case has, also where a system does not tell large letters from small."""
    path = folder / plain_name(case)
    return folder / distinct_name(case) if _is_of_another(path, case) else path


def _is_of_another(path: Path, case: str) -> bool:
    """Return whether a folder is another case's, as where a system does not tell large letters from small."""
    try:
        return _record(path / RECORD).case != case
    except VolumeProblem:
        return False


def _is_ours(path: Path) -> bool:
    """Return whether a prediction was written or begun in a folder, however damaged its record is."""
    try:
        document = json.loads((path / RECORD).read_bytes())
    except (OSError, ValueError):
        return (path / _BEGUN).exists()
    return isinstance(document, dict) and "made_by" in document


def _write_attention(prediction: Prediction, folder: Path) -> AttentionRecord | None:
    found = prediction.attention
    if found is None:
        return None
    name = f"attention{map_suffix(prediction.grid)}"
    shades = np.rint(found.map_ZYX * _MOST).astype(np.uint8)
    write_volume(folder / name, Volume(shades[np.newaxis], prediction.grid, ("attention",)))
    return AttentionRecord(class_name=found.class_name, file=name)


def _read_attention(folder: Path, record: AttentionRecord, grid: Grid) -> Attention:
    path = folder / record.file
    volume = read_volume(path, channels=("attention",))
    if not volume.grid.matches(grid):
        raise VolumeProblem(
            str(path),
            f"Its grid is {volume.grid.describe()} but the image's is {grid.describe()}, or it lies elsewhere.",
            "Predict the case again.",
        )
    with naming(path):
        found = volume.data[0]
        is_in_shades = found.dtype == np.uint8  # earlier versions wrote fractions
        return Attention(record.class_name, found.astype(np.float32, copy=False) / (_MOST if is_in_shades else 1))


def _refuse_other_name(name: str | None, known: tuple[str, ...], what: str, record: Path) -> None:
    """Refuse a file that this module does not write, which may lie anywhere."""
    if name is not None and name not in known:
        raise VolumeProblem(str(record), f"The {what} is called {name!r}.", f"Expected one of {', '.join(known)}.")


def _begin(folder: Path) -> None:
    """Take the record away first: what a crash leaves is no prediction, rather than a new mask under an old record."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _BEGUN).touch()
        (folder / RECORD).unlink(missing_ok=True)
    except OSError as error:
        raise VolumeProblem.from_os_error(error, folder, "The folder cannot be made") from error


def _box_records(found: ScoredBoxes) -> tuple[ScoredBoxRecord, ...]:
    return tuple(
        ScoredBoxRecord.model_validate(box.model_dump(by_alias=True) | {"score": score})
        for box, score in zip(records_of(found.boxes), found.scores.tolist(), strict=True)
    )


def _record(path: Path) -> PredictionRecord:
    try:
        return PredictionRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise VolumeProblem.from_os_error(error, path, "The prediction cannot be read") from error
    except ValidationError as error:
        faults: list[Any] = error.errors()
        raise VolumeProblem.of(
            Problem(f"{path}: {'.'.join(map(str, fault['loc']))}", f"{fault['msg']}.", "Predict the case again.")
            for fault in faults
        ) from error
