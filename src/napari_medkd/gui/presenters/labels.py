"""What the editor of labels decides: what each stored label of a task's masks means, and when that is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from psygnal import SignalGroupDescriptor

from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.relabelling import NOWHERE, meanings_of, relabelled
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


@dataclass(eq=False)
class LabelsState:
    """The page on which labels are given a meaning.

    Parameters
    ----------
    tasks
        Of the dataset, those that draw masks; ``task`` is the one whose labels are shown.
    meanings
        By stored label: a class's name, `NOWHERE`, or None where it means nothing yet.
    cases
        By stored label, in how many of the masks that were read it is.
    offered
        Names of classes to choose from: the task's own, and those of other open datasets.
    elsewhere
        The classes of each other mask task of the study, as (dataset and task, classes).
    read
        How many masks were read, in words.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    tasks: tuple[str, ...] = ()
    task: str = ""
    meanings: Mapping[int, str | None] = field(default_factory=dict)
    cases: Mapping[int, int] = field(default_factory=dict)
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
        self._drafts: dict[str, Mapping[int, str | None]] = {}  # by task, where something was chosen

    @property
    def dataset(self) -> "Dataset | None":
        """The dataset whose labels are edited."""
        return self._dataset

    def begin(self, dataset: "Dataset") -> None:
        """Edit the labels of a dataset's first mask task."""
        self._dataset = dataset
        self._drafts = {}
        self._state.tasks = tuple(name for name, task in dataset.tasks.items() if task.kind == "segmentation")
        self.choose_task(self._state.tasks[0] if self._state.tasks else "")

    def choose_task(self, name: str) -> None:
        """Show what the labels of a task mean, as it is or as it was chosen, and read in which masks each is."""
        dataset, state = self._dataset, self._state
        self._wish += 1
        wish = self._wish
        state.task, state.problems, state.cases = name, (), {}
        if dataset is None or name not in dataset.tasks:
            state.meanings, state.offered, state.elsewhere = {}, (), ()
            return
        state.elsewhere = self._elsewhere(dataset, name)
        known = meanings_of(dataset.tasks[name], dataset.label_maps.get(name, LabelMap()), ())
        state.meanings = self._drafts.get(name, known)
        elsewhere = [one for _, classes in state.elsewhere for one in classes[1:]]
        chosen = [meaning for meaning in state.meanings.values() if meaning]
        state.offered = tuple(dict.fromkeys([*dataset.tasks[name].classes, *elsewhere, *chosen]))
        state.read = "Reading which labels the masks hold …"

        def work() -> "StoredLabels":
            from napari_medkd.files.relabelling import stored_labels

            return stored_labels(dataset, name, MOST_MASKS)

        def then(found: "StoredLabels") -> None:
            if wish == self._wish:
                self._take(dataset.tasks[name], dataset.label_maps.get(name, LabelMap()), found)

        def failed(error: Exception) -> None:
            if wish == self._wish:
                state.read = ""
                state.problems = problems_of(error, dataset.name)

        self._in_background(work, then, failed)

    def mean(self, label: int, name: str | None) -> None:
        """Let a stored label mean a class, which may be new, or count nowhere."""
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

            changes = [relabelled(dataset.tasks[name], drafts[name], orders[name]) for name in drafts]
            return save_relabelled(dataset, *changes)

        def take(changed: "Dataset") -> None:
            self._dataset = changed
            self._drafts = {}
            then(changed)

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
            task, _ = relabelled(dataset.tasks[state.task], state.meanings, [known for _, known in state.elsewhere])
        except InputProblem as problem:
            return problem.problems[0]
        return task

    def _take(self, task: Task, label_map: LabelMap, found: "StoredLabels") -> None:
        self._state.cases = found.cases
        draft = self._drafts.get(task.name)
        self._state.meanings = meanings_of(task, label_map, found.cases) | dict(draft or {})
        if draft is not None:
            self._drafts[task.name] = self._state.meanings
        of_all = f" of {found.num_masks}" if found.num_read < found.num_masks else ""
        self._state.read = f"{found.num_read}{of_all} masks were read to see which labels there are."

    def _elsewhere(self, dataset: "Dataset", name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the classes of the other mask tasks of the study, to be compared with these."""
        folder = dataset.folder.resolve()
        return tuple(
            (f"{member.dataset.name} · {task.name}", task.classes)
            for member in study_of(self._session)
            for task in member.dataset.tasks.values()
            if task.kind == "segmentation" and (member.folder != folder or task.name != name)
        )
