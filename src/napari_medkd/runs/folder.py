"""A run folder: what was asked, what happened, and where everything lies."""

import contextlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from napari_medkd.core.control import Wish
from napari_medkd.core.errors import RunProblem
from napari_medkd.core.events import AnyEvent, from_line, to_line
from napari_medkd.core.run_layout import (
    CACHE,
    CHECKPOINTS,
    CONTROL,
    EVENTS,
    HEARTBEAT,
    LOCK,
    LOG,
    MACHINE,
    PREDICTIONS,
    PREVIEWS,
    RESOLVED,
    SPEC,
    is_run,
)
from napari_medkd.core.spec import PredictSpec, TrainSpec
from napari_medkd.core.status import status_of
from napari_medkd.files.atomic import unfinished, write_json
from napari_medkd.files.new_folder import new_folder
from napari_medkd.files.plain_name import readable_name
from napari_medkd.runs.documents import read_document, read_spec
from napari_medkd.runs.heartbeat import refuse_if_busy
from napari_medkd.runs.journal import append_line, cut_torn_line
from napari_medkd.runs.orders import give_order
from napari_medkd.runs.tail import Tail

#: Everything a run writes, and all that deleting it takes away.
_FILES = (SPEC, MACHINE, RESOLVED, HEARTBEAT, LOCK, EVENTS, CONTROL, LOG)
_FOLDERS = (CHECKPOINTS, PREVIEWS, PREDICTIONS, CACHE)


class RunFolder:
    """One training run or prediction on disk; whoever trains appends to it, whoever watches reads it.

    Parameters
    ----------
    path
        The folder. It is not looked at before something is asked of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._events = self.path / EVENTS
        self._may_be_torn = True

    @classmethod
    def create(cls, parent: Path, spec: TrainSpec, *, now: datetime | None = None) -> Self:
        """Make a new run folder that holds the spec.

        Parameters
        ----------
        parent
            The runs folder; made where it is missing.
        now
            Stands in the folder's name, beside the method and the spec's name or its first dataset's.

        Raises
        ------
        InputProblem
            Where the folder cannot be made or written; an empty one does not stay behind.
        """
        day = f"{now or datetime.now().astimezone():%Y-%m-%d_%H%M}"
        words = map(readable_name, (spec.method.name, spec.name or _dataset(spec)))
        name = "_".join([day, *filter(None, words)])
        try:
            run = cls(new_folder(parent, name))
        except OSError as error:
            raise RunProblem.from_os_error(error, parent, "The runs folder cannot be written") from error
        try:
            write_json(run.path / SPEC, spec.model_dump(mode="json"))
        except BaseException:
            with contextlib.suppress(OSError):
                run.path.rmdir()
            raise
        return run

    @classmethod
    def for_prediction(cls, spec: PredictSpec) -> Self:
        """Make the folder of a prediction, ``spec.out``, which may hold earlier ones; it may be no training run.

        Raises
        ------
        RunProblem
            Where the folder is a training run or another process predicts into it, or it holds someone else's files
            of the names that a prediction writes, or it cannot be written.
        """
        prediction = cls(spec.out)
        _refuse_files_of_others(prediction.path)
        if is_run(prediction.path) and not prediction.is_prediction():
            raise RunProblem(
                str(spec.out), "This folder is a training run; predictions would mix with it.", "Choose another folder."
            )
        refuse_if_busy(prediction.path)
        try:
            prediction.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunProblem.from_os_error(error, spec.out, "The folder cannot be made") from error
        write_json(prediction.path / SPEC, spec.model_dump(mode="json"))
        return prediction

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def log_path(self) -> Path:
        """The file with everything the process printed."""
        return self.path / LOG

    def spec(self) -> TrainSpec:
        """Return what was asked (RunProblem where spec.json is missing or is not valid)."""
        return read_spec(self.path, TrainSpec)

    def prediction_spec(self) -> PredictSpec:
        """Return what was asked of a prediction (RunProblem where spec.json is missing or is not valid)."""
        return read_spec(self.path, PredictSpec)

    def is_prediction(self) -> bool:
        """Return whether the folder belongs to a prediction instead of a training run."""
        document = read_document(self.path, SPEC)
        return "run" in document and "out" in document

    def append(self, event: AnyEvent) -> None:
        """Write down what happened, as one line in one write.

        Raises
        ------
        RunProblem
            Where it cannot be written; a full disk leaves the earlier lines whole.
        """
        try:
            if self._may_be_torn:
                cut_torn_line(self._events)
                self._may_be_torn = False
            append_line(self._events, to_line(event))
        except OSError as error:
            raise RunProblem.from_os_error(error, self._events, "The event cannot be written") from error

    def events(self) -> list[AnyEvent]:
        """Return everything that happened so far, without damaged lines and kinds this version does not know."""
        found = (from_line(line) for line in Tail(self._events).lines())
        return [event for event in found if event is not None]

    def next_attempt(self) -> int:
        """Return the number of the attempt that would come next, 1 for a run that never began."""
        return status_of(self.events()).attempt + 1

    def order(self, wish: Wish) -> None:
        """Tell the process at work to go on, to pause or to stop (RunProblem where that cannot be written)."""
        give_order(self.path, wish)

    def write_machine(self, facts: dict[str, Any]) -> None:
        """Write down what the run was computed with: versions, device, command line."""
        write_json(self.path / MACHINE, facts)

    def write_resolved(self, choices: dict[str, Any]) -> None:
        """Write down what was chosen from the data and by measuring, for a later attempt to use again."""
        write_json(self.path / RESOLVED, choices)

    def rename(self, new: str) -> "RunFolder":
        """Give the folder another name in the same place, and return it.

        Raises
        ------
        RunBusy
            While a process works on it, or predicts into it.
        RunProblem
            Where the name is taken or no name, or the system refuses.
        """
        self._refuse_if_at_work()
        target = self.path.with_name(readable_name(new) or self.name)
        if target.exists() and target != self.path:
            raise RunProblem(str(target), "There is already a folder of this name.", "Choose another name.")
        try:
            return RunFolder(self.path.rename(target))
        except OSError as error:
            raise RunProblem.from_os_error(error, self.path, "The run cannot be renamed") from error

    def delete(self) -> None:
        """Delete the run: its files, and the folder where nothing else is in it.

        Raises
        ------
        RunBusy
            While a process works on it, or predicts into it.
        RunProblem
            Where the folder is no run, or the system refuses.
        """
        self._refuse_if_at_work()
        if not is_run(self.path):
            raise RunProblem(str(self.path), f"This folder holds no {SPEC}: it is no run.", "Choose a run.")
        try:
            for name in _FOLDERS:
                if (self.path / name).is_dir():
                    shutil.rmtree(self.path / name)
            for name in reversed(_FILES):  # the spec last: until then it is a run that can be deleted again
                for path in (*unfinished(self.path / name), self.path / name):
                    path.unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()
        except OSError as error:
            raise RunProblem.from_os_error(error, self.path, "The run cannot be deleted") from error

    def _refuse_if_at_work(self) -> None:
        """Raise RunBusy where a process works on the run, or on one of the predictions that lie in it."""
        for folder in (self.path, *filter(is_run, (self.path / PREDICTIONS).glob("*"))):
            refuse_if_busy(folder)


def _refuse_files_of_others(folder: Path) -> None:
    """Raise a RunProblem where a folder that is no run holds a file that a prediction would write into.

    An order to stop may be there already: it was given before the prediction began.
    """
    theirs = [] if is_run(folder) else [folder / name for name in (MACHINE, EVENTS, LOG) if (folder / name).exists()]
    if theirs:
        raise RunProblem(
            str(theirs[0]), "This file is of no prediction, and one would write into it.", "Choose another folder."
        )


def _dataset(spec: TrainSpec) -> str:
    first = spec.datasets[0].absolute()
    return first.parent.name if first.suffix == ".json" else first.name
