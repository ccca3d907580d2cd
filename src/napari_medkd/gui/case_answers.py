"""What a run's student said about the cases of a dataset, read from its prediction folders without masks. Blocks."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.run_layout import PREDICTIONS, is_run
from napari_medkd.core.task import Task

if TYPE_CHECKING:
    from napari_medkd.core.spec import PredictSpec


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """A student's mask of a case, not read yet.

    Parameters
    ----------
    folder
        Where the prediction lies.
    uncertainty
        From 0 to 1; None where an older version predicted it.
    checkpoint
        The weights that drew it.
    written_at
        Nanoseconds; tells it from an earlier answer in the same folder.
    """

    case: str
    folder: Path
    task: Task
    uncertainty: float | None
    checkpoint: str
    written_at: int


def answers_of(run: Path, dataset_path: Path, stage: str) -> tuple[CaseAnswer, ...]:
    """Return a student's newest answer to each case of a dataset; none where it was never asked."""
    from napari_medkd.files.results import predictions_in

    folders = sorted(folder for folder in (run / PREDICTIONS).glob("*") if is_run(folder))
    members: list[CaseAnswer] = []
    for folder in folders:
        if is_about(folder, run, dataset_path, stage):
            members += read_answers(predictions_in(folder))
    return newest(members)


def newest(answers: Iterable[CaseAnswer]) -> tuple[CaseAnswer, ...]:
    """Return the newest answer to each case."""
    return tuple({answer.case: answer for answer in sorted(answers, key=lambda one: one.written_at)}.values())


def read_answers(folders: Iterable[Path]) -> tuple[CaseAnswer, ...]:
    """Return the answers in prediction folders; one that is damaged, or holds no mask, is left out."""
    from napari_medkd.files.results import RECORD, record_of

    found = []
    for folder in folders:
        with suppress(InputProblem, OSError):
            written_at = (folder / RECORD).stat().st_mtime_ns
            record = record_of(folder)
            if record.mask and record.shown == "image":
                answer = (record.case, folder, record.task, record.uncertainty, record.checkpoint, written_at)
                found.append(CaseAnswer(*answer))
    return tuple(found)


def is_about(folder: Path, run: Path, dataset_path: Path, stage: str) -> bool:
    """Return whether a folder holds a student's answers to cases of the dataset, seen the image alone."""
    from napari_medkd.runs.folder import RunFolder

    with suppress(InputProblem):
        spec = RunFolder(folder).prediction_spec()
        if spec.stage == stage and spec.given == "image" and not spec.images:
            return _place(_dataset_of(spec, run)) == _place(dataset_path)
    return False


def _dataset_of(spec: "PredictSpec", run: Path) -> Path:
    from napari_medkd.runs.folder import RunFolder

    return spec.data or RunFolder(run).spec().datasets[0]


def _place(dataset_path: Path) -> Path:
    """Return the dataset's folder: the first annotation gives a dataset a manifest, by which it is named from then."""
    path = dataset_path.resolve()
    return path.parent if path.suffix == ".json" else path
