"""The choices made in the form of the Train dock, and the spec they make."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_medkd.core.errors import Problem, SpecProblem
from napari_medkd.core.spec import TrainSpec
from napari_medkd.gui.presenters.experts import Experts
from napari_medkd.gui.presenters.fields import FormField, Value, fields_of_schema
from napari_medkd.gui.presenters.spec_fields import offering, spec_fields
from napari_medkd.gui.presenters.targets import Targets
from napari_medkd.gui.presenters.words import run_in_short
from napari_medkd.gui.state import Session, TrainState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_medkd.core.card import MethodCard

METHOD_SETTINGS = "method.settings."


class TrainChoices:
    """Method, preset, task and settings; every change makes earlier answers (problems, estimate) void."""

    def __init__(self, session: Session, state: TrainState) -> None:
        self._session = session
        self._state = state
        self._shared_fields = spec_fields()
        self.targets = Targets(session, state)
        self.experts = Experts(state, self.targets)

    @property
    def shared_fields(self) -> dict[str, FormField]:
        """The fields that all methods share, with the cases and runs there are to choose from, and the chosen run."""
        runs, datasets = self._state.finished, self.targets.learned_from()
        # Of several datasets none is named: a case's id would have to be in all of them.
        cases = {case.id: case.id for case in datasets[0].cases} if len(datasets) == 1 else {}
        same = {str(run.path): run_in_short(run.path.name) for run in runs if run.method == self._state.method}
        chosen = str(self._state.changes.get("start_from", ""))
        if chosen:
            same.setdefault(chosen, run_in_short(Path(chosen).name))
        return offering(self._shared_fields, cases, same)

    def card(self) -> "MethodCard | None":
        """Return the card of the chosen method."""
        return next((card for card in self._state.cards if card.name == self._state.method), None)

    def choose_method(self, name: str) -> None:
        """Take a method, with its default preset; a run to start from was one of the method before."""
        if name != self._state.method:
            self._forget("start_from")
        self._state.method = name
        self._forget_foreign()
        card = self.card()
        self.choose_preset(card.default_preset if card else "")

    def choose_for_references(self) -> bool:
        """Take the method that learns from references, and what they are labelled for; return whether there is one.

        The task that is chosen stays where they are labelled for it. Where one of them is a corrected answer of a
        finished run of the method, that run is what to start from, until a person chooses otherwise.
        """
        card = next((card for card in self._state.cards if card.needs == "references"), None)
        dataset = self._session.dataset
        if card is None or dataset is None:
            return False
        if card.name != self._state.method:
            self.choose_method(card.name)
        labelled = [dataset.case(name).annotations for name in self._session.references]
        fitting = [task for task in self.tasks() if all(task in annotations for annotations in labelled)]
        chosen = self._state.task
        self.choose_task(chosen if chosen in fitting else next(iter(fitting), ""))
        self._go_on_from_answer(dataset.folder.resolve())
        return True

    def _go_on_from_answer(self, folder: Path) -> None:
        drawn = self._session.drawn
        if drawn is None or drawn.case not in self._session.references or folder not in drawn.run.datasets:
            return
        self._session.drawn = None
        if drawn.run.method == self._state.method:
            self._change({**self._state.changes, "start_from": str(drawn.run.path)})

    def teach(self, folder: Path, task: str, on: bool) -> None:
        """Take a task in among those that are taught, or leave it out; an empty name is the dataset as a whole."""
        if task:
            self.targets.teach(folder, task, on=on)
        else:
            self.targets.take_part(folder, on=on)
        self._forget_foreign()
        self.forget_answers()

    def choose_preset(self, preset: str) -> None:
        """Take a preset; what was changed in the method's settings is forgotten."""
        self._state.preset = preset
        self._change({name: value for name, value in self._state.changes.items() if not _is_of_method(name)})

    def choose_task(self, task: str) -> None:
        """Take a task of the dataset."""
        self._state.task = task
        self.forget_answers()

    def take_dataset(self) -> None:
        """Forget what is not in the datasets that are open now; the task stays where the dataset has it."""
        self._forget_foreign()
        self.choose_task(self._state.task if self._state.task in self.tasks() else "")

    def set_value(self, name: str, value: Value) -> None:
        """Change one setting; its default again is no change."""
        changes = dict(self._state.changes)
        known = self.shared_fields | {field.name: field for field in (*self.method_fields(), *self.experts.fields())}
        if value == known[name].default:
            changes.pop(name, None)
        else:
            changes[name] = value
        self._change(changes)

    def method_fields(self) -> tuple[FormField, ...]:
        """Return the fields of the method's settings, with the chosen preset's values as defaults."""
        card = self.card()
        if card is None:
            return ()
        preset = card.presets.get(self._state.preset, {})
        fields = fields_of_schema(card.settings_schema, METHOD_SETTINGS)
        return tuple(
            field.with_default(preset.get(field.name.removeprefix(METHOD_SETTINGS), field.default)) for field in fields
        )

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks of the current dataset that the method can teach."""
        dataset, card = self._session.dataset, self.card()
        if dataset is None or card is None:
            return ()
        return tuple(name for name, task in dataset.tasks.items() if task.kind in card.tasks)

    def references(self) -> tuple[str, ...]:
        """Return the marked cases, for a method that learns from them alone; another one learns from all labels."""
        card = self.card()
        return self._session.references if card is not None and card.needs == "references" else ()

    def hindrance(self) -> str:
        """Return why nothing can be started, in a sentence; empty where it can."""
        if self._state.missing:
            return "Training is not installed in this Python."
        if self._session.dataset is None:
            return "Open a dataset in the Data dock first."
        card = self.card()
        if card is None:
            return "Choose a method."
        if not self.tasks() and not self.targets.offered():
            return f"The dataset has no task of a kind this method teaches: {', '.join(card.tasks)}."
        if card.needs == "references" and not self._session.references:
            return "Mark a case as reference in the Data dock first: this method learns from it."
        problems = self.targets.problems()
        return problems[0].problem if problems else ""

    def spec(self) -> TrainSpec:
        """Return the run as it is set up now.

        Raises
        ------
        SpecProblem
            With every setting that is not allowed, by its path.
        """
        hindrance = self.hindrance()
        if hindrance:
            raise SpecProblem("", hindrance, "")
        document: dict[str, Any] = {
            "datasets": [str(self._session.dataset_path)],
            "targets": [{"task": self._state.task or next(iter(self.tasks()), "")}],
            **(self.targets.spec_part() if self.targets.offered() else {}),
            "references": self.references(),
            "method": {"name": self._state.method, "preset": self._state.preset, "settings": {}},
        }
        for name, value in self._state.changes.items():
            _put(document, name.split("."), value)
        try:
            return TrainSpec.model_validate(document)
        except ValidationError as error:
            raise SpecProblem.of(
                Problem(".".join(map(str, fault["loc"])), f"{fault['msg']}.", "") for fault in error.errors()
            ) from error

    def _forget_foreign(self) -> None:
        """Forget the case and the experts that are of datasets which take no part now."""
        if self._state.changes.get("preview_case", "") not in self.shared_fields["preview_case"].choices:
            self._forget("preview_case")
        for name in self.experts.foreign():
            self._forget(name)

    def _forget(self, name: str) -> None:
        if name in self._state.changes:
            self._change({other: value for other, value in self._state.changes.items() if other != name})

    def _change(self, changes: "Mapping[str, Any]") -> None:
        self._state.changes = changes
        self.forget_answers()

    def forget_answers(self) -> None:
        """Drop what was said of an earlier spec, also what is still to come."""
        self._state.generation += 1
        self._state.estimate = None
        self._state.problems = ()


def _is_of_method(name: str) -> bool:
    return name.startswith(METHOD_SETTINGS)


def _put(document: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        document = document.setdefault(part, {})
    document[path[-1]] = value
