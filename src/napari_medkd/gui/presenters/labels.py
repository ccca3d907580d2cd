"""What the editor of labels decides: what each stored label or class of a task means, and when that is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from psygnal import SignalGroupDescriptor

from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.relabelling import NOWHERE, Stored, changed, meanings_of
from napari_medkd.core.task import Task
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.study import study_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medkd.core.dataset import Dataset
    from napari_medkd.files.relabelling import StoredLabels
    from napari_medkd.gui.state import Session

#: More masks are not read to see which labels they hold: the first ones tell it, and the check of every voxel the rest.
MOST_MASKS = 40

_FILES = {"segmentation": "masks", "classification": "class labels", "detection": "files of boxes"}


@dataclass(eq=False)
class LabelsState:
    """The page on which labels are given a meaning.

    Parameters
    ----------
    tasks
        Of the dataset; ``task`` is the one whose labels are shown.
    meanings
        By stored label of masks, or by class of images and boxes: a class's name, `NOWHERE`, or None where it means
        nothing yet.
    cases
        By the same, in how many of the cases that were read it is.
    offered
        Names of classes to choose from: the task's own, and those of other open datasets.
    elsewhere
        The classes of each other task of the kind in the study, as (dataset and task, classes).
    read
        How many cases were read, in words.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    tasks: tuple[str, ...] = ()
    task: str = ""
    meanings: Mapping[Stored, str | None] = field(default_factory=dict)
    cases: Mapping[Stored, int] = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, tuple[str, ...]], ...] = ()
    read: str = ""
    problems: tuple[Problem, ...] = ()


class LabelsPresenter:
    """Edits one dataset's labels; nothing is written before `save`."""

    def __init__(self, session: "Session", state: LabelsState, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._dataset: Dataset | None = None
        self._wish = 0
        self._drafts: dict[str, Mapping[Stored, str | None]] = {}  # by task, where something was chosen

    @property
    def dataset(self) -> "Dataset | None":
        """The dataset whose labels are edited."""
        return self._dataset

    def begin(self, dataset: "Dataset") -> None:
        """Edit the labels of a dataset's first task: one that draws masks, where there is any."""
        self._dataset = dataset
        self._drafts = {}
        self._state.tasks = tuple(sorted(dataset.tasks, key=lambda name: dataset.tasks[name].kind != "segmentation"))
        self.choose_task(self._state.tasks[0] if self._state.tasks else "")

    def choose_task(self, name: str) -> None:
        """Show what the labels of a task mean, as it is or as it was chosen, and read in which cases each is."""
        dataset, state = self._dataset, self._state
        self._wish += 1
        wish = self._wish
        state.task, state.problems, state.cases = name, (), {}
        if dataset is None or name not in dataset.tasks:
            state.meanings, state.offered, state.elsewhere = {}, (), ()
            return
        state.elsewhere = self._elsewhere(dataset, name)
        task, label_map = dataset.tasks[name], dataset.label_maps.get(name, LabelMap())
        state.meanings = self._drafts.get(name, _meanings(task, label_map, ()))
        first = 1 if task.kind == "segmentation" else 0  # the background is one already
        elsewhere = [one for _, classes in state.elsewhere for one in classes[first:]]
        chosen = [meaning for meaning in state.meanings.values() if meaning]
        state.offered = tuple(dict.fromkeys([*dataset.tasks[name].classes, *elsewhere, *chosen]))
        state.read = f"Reading which labels the {_FILES[task.kind]} hold …"

        def work() -> "StoredLabels":
            from napari_medkd.files.relabelling import stored_labels

            return stored_labels(dataset, name, MOST_MASKS)

        def then(found: "StoredLabels") -> None:
            if wish == self._wish:
                self._take(task, label_map, found)

        def failed(error: Exception) -> None:
            if wish == self._wish:
                state.read = ""
                state.problems = problems_of(error, dataset.name)

        self._in_background(work, then, failed)

    def mean(self, label: Stored, name: str | None) -> None:
        """Let a stored label or class mean a class, which may be new, or count nowhere."""
        name = name if name in (None, NOWHERE) else str(name).strip()
        if self._state.meanings.get(label) == name:
            return
        self._state.meanings = {**self._state.meanings, label: name}
        self._drafts[self._state.task] = self._state.meanings
        if name and name not in self._state.offered:
            self._state.offered = (*self._state.offered, name)
        self._state.problems = ()

    def save(self, then: "Callable[[Dataset], None]") -> None:
        """Write what labels mean, also of tasks not shown now, into the manifest, and hand over the changed dataset."""
        dataset, state = self._dataset, self._state
        if dataset is None:
            return
        drafts = {**self._drafts, state.task: state.meanings}
        orders = {name: [classes for _, classes in self._elsewhere(dataset, name)] for name in drafts}

        def work() -> "Dataset":
            from napari_medkd.files.relabelling import save_relabelled

            changes = [changed(dataset.tasks[name], drafts[name], orders[name]) for name in drafts]
            return save_relabelled(dataset, *changes)

        def take(saved: "Dataset") -> None:
            self._dataset = saved
            self._drafts = {}
            then(saved)

        def failed(error: Exception) -> None:
            state.problems = problems_of(error, dataset.name)

        self._in_background(work, take, failed)

    def outcome(self) -> tuple[str, ...]:
        """Return the classes that the task has once this is saved; nothing where it cannot be."""
        found = self._attempted()
        return found.classes if isinstance(found, Task) else ()

    def hindrance(self) -> str:
        """Return why it cannot be saved; empty where it can."""
        found = self._attempted()
        return f"{found.problem} {found.hint}" if isinstance(found, Problem) else ""

    def _attempted(self) -> Task | Problem | None:
        dataset, state = self._dataset, self._state
        if dataset is None or state.task not in dataset.tasks or not state.meanings:
            return None
        try:
            task, _ = changed(dataset.tasks[state.task], state.meanings, [known for _, known in state.elsewhere])
        except InputProblem as problem:
            return problem.problems[0]
        return task

    def _take(self, task: Task, label_map: LabelMap, found: "StoredLabels") -> None:
        self._state.cases = found.cases
        draft = self._drafts.get(task.name)
        self._state.meanings = _meanings(task, label_map, found.cases) | dict(draft or {})
        if draft is not None:
            self._drafts[task.name] = self._state.meanings
        of_all = f" of {found.num_masks}" if found.num_read < found.num_masks else ""
        self._state.read = f"{found.num_read}{of_all} {_FILES[task.kind]} were read to see which labels there are."

    def _elsewhere(self, dataset: "Dataset", name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the classes of the other tasks of the kind in the study, to be compared with these."""
        folder, kind = dataset.folder.resolve(), dataset.tasks[name].kind
        return tuple(
            (f"{member.dataset.name} · {task.name}", task.classes)
            for member in study_of(self._session)
            for task in member.dataset.tasks.values()
            if task.kind == kind and (member.folder != folder or task.name != name)
        )


def _meanings(task: Task, label_map: LabelMap, stored: Iterable[Stored]) -> dict[Stored, str | None]:
    """Return what is read as which class: stored labels of masks, else the classes themselves."""
    if task.kind != "segmentation":
        return {name: name for name in task.classes}
    return dict(meanings_of(task, label_map, (label for label in stored if isinstance(label, int))).items())
