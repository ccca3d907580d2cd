"""What the docks know, as evented dataclasses without Qt: one for each dock, and the `Session` they share.

Every field change is announced: ``session.events.run.connect(callback)`` hears of a newly selected run. Assign new
values (tuples, not lists): a change inside a value is not noticed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from psygnal import SignalGroupDescriptor

from napari_medkd.gui.own_viewer import own_viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_medkd.core.card import Estimate, MethodCard
    from napari_medkd.core.dataset import Case, Dataset
    from napari_medkd.core.errors import Problem
    from napari_medkd.core.events import PreviewSaved
    from napari_medkd.core.status import RunStatus
    from napari_medkd.gui.annotation import Painted
    from napari_medkd.gui.answers import Answer
    from napari_medkd.gui.case_answers import CaseAnswer
    from napari_medkd.gui.finished_run import Drawn, FinishedRun
    from napari_medkd.gui.members import Corrected, Member, MemberRow
    from napari_medkd.gui.networks import Network
    from napari_medkd.gui.panels import Panel
    from napari_medkd.gui.subject import Picture
    from napari_medkd.gui.transfer import Transfer


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """A case that stands in the viewer as layers.

    Parameters
    ----------
    layers
        ``layer.unique_id`` of each layer, image first: names may be changed by the person, these do not change.
    """

    dataset: Dataset
    case: Case
    layers: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a live run said of a case at the end of an epoch: a prediction for each of its tasks.

    Parameters
    ----------
    events
        Of one stage and epoch, at least one; their paths are relative to the run folder.
    """

    run: Path
    events: tuple[PreviewSaved, ...]

    @property
    def event(self) -> PreviewSaved:
        """The first of them, for what they have in common: stage, epoch and case."""
        return self.events[0]


def _unknown_status() -> RunStatus:
    from napari_medkd.core.status import RunStatus

    return RunStatus()


@dataclass(eq=False)
class Session:
    """What all docks of one viewer share.

    Parameters
    ----------
    study
        The open datasets; see `gui.study.study_of`, which knows the current one as it is now.
    dataset, dataset_path
        The current one, and the folder or manifest it was read from (what a spec refers to).
    opened
        The case that is shown, None while no case is.
    corrected
        What was corrected last: measures of it are about what was before.
    drawn
        The answer that a person began to correct last, until a run is set up from its case.
    references
        Ids of the current dataset's cases that are marked as reference.
    run, run_status
        The selected run folder, and the newest that is known of it.
    preview
        The newest preview of any live run.
    runs_folder
        Where new runs are made and the Runs dock looks.
    interpreter
        The Python that trains and predicts; it may belong to another environment than the viewer's.
    asks_at_closing
        Whether a person is asked about live runs when the window closes; else they go on. A script sets it to False.
    save_at_closing
        Saves what is being painted, and returns why where that fails; None while nobody paints.
    sides
        On which side of the screen the patient's right is, one of `gui.sides.SIDES`.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    study: tuple[Member, ...] = ()
    dataset: Dataset | None = None
    dataset_path: Path | None = None
    opened: OpenedCase | None = None
    corrected: Corrected | None = None
    drawn: Drawn | None = None
    references: tuple[str, ...] = ()
    run: Path | None = None
    run_status: RunStatus = field(default_factory=_unknown_status)
    preview: Preview | None = None
    runs_folder: Path = field(default_factory=Path)
    interpreter: Path = field(default_factory=lambda: Path(sys.executable))
    asks_at_closing: bool = True
    save_at_closing: Callable[[], Problem | None] | None = None
    sides: str = "radiological"


_SESSIONS: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session_of(viewer: Any) -> Session:
    """Return the one session of a viewer, made at the first call; a proxy of the viewer gives the same one."""
    viewer = own_viewer(viewer)
    return _SESSIONS.setdefault(viewer, Session())


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One line of the table of cases.

    Parameters
    ----------
    side
        ``"train"``, ``"validate"``, ``"test"``, or empty where the split leaves the case out.
    labelled
        Names of the tasks the case carries an annotation for.
    """

    id: str
    domain: str
    side: str
    labelled: tuple[str, ...]
    is_reference: bool = False


@dataclass(eq=False)
class DataState:
    """The Data dock; what it says of cases and problems is about the current dataset."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    members: tuple[MemberRow, ...] = ()
    rows: tuple[CaseRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    summary: str = ""
    is_reading: bool = False
    is_checking: bool = False
    can_be_cancelled: bool = False
    """Whether what is being checked can be."""
    suggestion: Mapping[str, float] = field(default_factory=dict)
    """Cases from the best reference on, with their mean correlation with the others; empty where nobody asked."""
    is_suggesting: bool = False
    images: tuple[Path, ...] = ()
    """Folders that were to be opened, and are no datasets but images."""


@dataclass(eq=False)
class AnnotateState:
    """The page on which a mask is painted.

    Parameters
    ----------
    painted
        What the mask holds; None while none is painted.
    saved
        When it was saved last; empty before the first time.
    problem
        Why it could not be saved or changed.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    painted: Painted | None = None
    saved: str = ""
    problem: Problem | None = None


@dataclass(eq=False)
class TrainState:
    """The Train dock.

    Parameters
    ----------
    missing
        What the interpreter lacks for training, with the line that installs it; empty where all is ready.
    task
        Of the current dataset, for methods that teach one task.
    taught
        What the person chose to be taught, names of tasks by the folder of their dataset, for methods that teach
        several; none where a dataset takes no part. What is not listed is left to the method.
    changes
        What the person set, by the spec's field path: ``"schedule.epochs"``, ``"method.settings.features"``.
    problems
        What `medkd check` found in the spec; shown beside the fields.
    busy
        What is being waited for, in a word or two; empty where nothing is.
    started
        The run that was started last.
    finished
        Runs that another could start from, newest first.
    generation
        Counts the changes of the spec; an answer about an earlier one is dropped.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    cards: tuple[MethodCard, ...] = ()
    missing: tuple[Problem, ...] = ()
    method: str = ""
    preset: str = ""
    task: str = ""
    taught: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    estimate: Estimate | None = None
    busy: str = ""
    started: Path | None = None
    finished: tuple[FinishedRun, ...] = ()
    generation: int = 0


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of the list of runs, already in words.

    Parameters
    ----------
    title
        What a person called it; ``method`` and ``when`` stand beside it, so they are left out of it.
    """

    path: Path
    title: str
    method: str
    when: str
    phase: str
    progress: str
    left: str
    fraction: float
    is_live: bool


@dataclass(eq=False)
class RunsState:
    """The Runs dock; the selected run itself stands in the session."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    rows: tuple[RunRow, ...] = ()
    message: str = ""
    hint: str = ""


@dataclass(eq=False)
class ResultsState:
    """The Results dock.

    Parameters
    ----------
    runs
        Every run, newest first, as (folder, name).
    networks
        Those of the selected run that have weights; ``network`` is the chosen one's stage.
    pictures
        The images that can be predicted; ``picture`` is the chosen one's key.
    answers
        What the networks said about the chosen picture, student first; of each network one for each task.
    box_threshold, class_threshold
        The least score of a box that is shown, and of a class that is called present where several can be.
    preview
        What a live run's preview says about the classes of the image.
    differences, difference
        Which two masks the difference panel can compare, and the chosen pair.
    panels
        What stands side by side on the canvas, empty where nothing does.
    transfer
        What the selected run carried over from its reference, shown while ``transfer_is_on``; the two are never shown
        together with ``panels``.
    advice
        Why nothing can be predicted yet, empty where all is ready.
    busy
        What is being done, empty where nothing is.
    log
        The log of the prediction that ``message`` is about.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    runs: tuple[tuple[Path, str], ...] = ()
    networks: tuple[Network, ...] = ()
    network: str = ""
    pictures: tuple[Picture, ...] = ()
    picture: Any = None
    answers: tuple[Answer, ...] = ()
    box_threshold: float = 0.5
    class_threshold: float = 0.5
    preview: str = ""
    differences: tuple[str, ...] = ()
    difference: str = ""
    panels: tuple[Panel, ...] = ()
    transfer: Transfer | None = None
    transfer_is_on: bool = False
    advice: str = ""
    busy: str = ""
    message: str = ""
    hint: str = ""
    log: Path | None = None


@dataclass(eq=False)
class AllCasesState:
    """The part of the Results dock that asks a run's student about every case of the current dataset.

    Parameters
    ----------
    student
        The stage of the student that would be asked: of several that of the dataset; empty where there is none.
    advice
        Why that is not possible yet, empty where it is.
    busy
        What is being done, empty where nothing is; ``num_done`` of ``num_cases`` are predicted then.
    log
        The log of the prediction that ``message`` is about.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    student: str = ""
    advice: str = ""
    busy: str = ""
    num_done: int = 0
    num_cases: int = 0
    message: str = ""
    hint: str = ""
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One case of the sheet.

    Parameters
    ----------
    answer
        What the student said about it.
    is_annotated
        Whether the case has a mask of the task in the dataset.
    is_set_apart
        Whether it, or another case of its patient, validates or tests.
    """

    answer: CaseAnswer
    is_reference: bool = False
    is_annotated: bool = False
    is_set_apart: bool = False


@dataclass(eq=False)
class SheetState:
    """The sheet: every case that a student was asked about.

    Parameters
    ----------
    rows
        The cases that the selected run's student was asked about, the most uncertain first.
    summary
        How many of the dataset's cases these are, or what to do to see any.
    problems
        What could not be read or done.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    rows: tuple[SheetRow, ...] = ()
    summary: str = ""
    problems: tuple[Problem, ...] = ()
