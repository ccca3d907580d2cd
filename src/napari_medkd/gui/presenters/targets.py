"""What a run is to learn: which open datasets take part, and which tasks of each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_medkd.core.course import courses_of
from napari_medkd.core.errors import Problem, SpecProblem
from napari_medkd.core.spec import MethodChoice, Target, TrainSpec
from napari_medkd.gui.members import Member
from napari_medkd.gui.study import current_of, study_of

if TYPE_CHECKING:
    from napari_medkd.core.card import MethodCard
    from napari_medkd.core.dataset import Dataset
    from napari_medkd.core.task import Task
    from napari_medkd.gui.state import Session, TrainState

_SEVERAL = "labels of several datasets"


@dataclass(frozen=True, slots=True)
class OfferedTask:
    """A task that the method can teach."""

    task: "Task"
    is_taught: bool


@dataclass(frozen=True, slots=True)
class OfferedDataset:
    """An open dataset, and those of its tasks that the method can teach; it takes part where one of them is taught."""

    folder: Path
    name: str
    tasks: tuple[OfferedTask, ...]

    @property
    def taught(self) -> tuple[str, ...]:
        """Names of the tasks that are taught."""
        return tuple(one.task.name for one in self.tasks if one.is_taught)


class Targets:
    """Which tasks of which datasets are taught, for methods that can teach several."""

    def __init__(self, session: "Session", state: "TrainState") -> None:
        self._session = session
        self._state = state

    def members(self) -> tuple[Member, ...]:
        """Return the datasets that the method could learn from: the whole study, or the current one alone."""
        card, current = self._card(), current_of(self._session)
        if card is not None and card.needs == _SEVERAL:
            return study_of(self._session)
        return () if current is None else (current,)

    def offered(self) -> tuple[OfferedDataset, ...]:
        """Return what a person chooses from; nothing where the method teaches one task of one dataset."""
        card, members = self._card(), self.members()
        if card is None or card.needs == "references" or (card.needs != _SEVERAL and len(card.tasks) < 2):
            return ()
        offered = tuple(self._offered(member, card) for member in members)
        has_choice = len(offered) > 1 or any(len(one.tasks) > 1 for one in offered)
        return offered if has_choice else ()

    def teach(self, folder: Path, task: str, *, on: bool) -> None:
        """Take a task in among those that are taught, or leave it out."""
        dataset = self._dataset(folder)
        if dataset is not None:
            names = [one.task.name for one in dataset.tasks]
            taught = {*dataset.taught, task} if on else {*dataset.taught} - {task}
            self._choose(folder, tuple(name for name in names if name in taught))

    def take_part(self, folder: Path, *, on: bool) -> None:
        """Let a dataset take part, with the tasks that are taught by default, or leave it out."""
        taught = dict(self._state.taught)
        taught.pop(folder, None)
        self._state.taught = taught if on else {**taught, folder: ()}

    def spec_part(self) -> dict[str, Any]:
        """Return ``datasets`` and ``targets`` of the spec."""
        taking_part = [(member, one) for member, one in self._pairs() if one.taught]
        names = [one.name for _, one in taking_part]
        return {
            "datasets": [str(member.path) for member, _ in taking_part],
            "targets": [
                {"dataset": one.name if len(names) > 1 else "", "task": task}
                for _, one in taking_part
                for task in one.taught
            ],
        }

    def taking_part(self) -> tuple["Dataset", ...]:
        """Return the datasets that are learned from."""
        return tuple(member.dataset for member, one in self._pairs() if one.taught)

    def learned_from(self) -> tuple["Dataset", ...]:
        """Return the datasets that are learned from, also where there is nothing to choose."""
        current = self._session.dataset
        return self.taking_part() or (() if current is None else (current,))

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the choice: nothing chosen, two tasks of a kind, two datasets of one name."""
        if not self.offered():
            return ()
        datasets, card = self.taking_part(), self._card()
        if not datasets or card is None:
            return (Problem("targets", "No task is chosen.", "Check one that is to be learned."),)
        part = self.spec_part()
        targets = tuple(Target(**one) for one in part["targets"])
        spec = TrainSpec(datasets=part["datasets"], targets=targets, method=MethodChoice(name=card.name))
        try:
            courses_of(spec, datasets, frozenset(card.tasks))
        except SpecProblem as problem:
            found = [replace(one, where=one.where.partition("[")[0]) for one in problem.problems]
            # While two datasets share a name, what is said of each one's tasks is about both.
            return tuple([one for one in found if one.where == "datasets"] or found)
        return ()

    def _pairs(self) -> Iterator[tuple[Member, OfferedDataset]]:
        offered = self.offered()
        return zip(self.members() if offered else (), offered, strict=True)

    def _dataset(self, folder: Path) -> OfferedDataset | None:
        return next((one for one in self.offered() if one.folder == folder), None)

    def _offered(self, member: Member, card: "MethodCard") -> OfferedDataset:
        tasks = [task for task in member.dataset.tasks.values() if task.kind in card.tasks]
        default = [task.name for task in tasks if task.kind == "segmentation"] or [task.name for task in tasks]
        known = {task.name for task in tasks}
        chosen = [name for name in self._state.taught.get(member.folder, default[:1]) if name in known]
        offered = tuple(OfferedTask(task, task.name in chosen) for task in tasks)
        return OfferedDataset(member.folder, member.dataset.name, offered)

    def _choose(self, folder: Path, tasks: tuple[str, ...]) -> None:
        self._state.taught = {**self._state.taught, folder: tasks}

    def _card(self) -> "MethodCard | None":
        return next((card for card in self._state.cards if card.name == self._state.method), None)
