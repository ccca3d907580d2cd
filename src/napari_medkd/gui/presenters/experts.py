"""Whose network is the expert of each dataset: one that is trained in the run, or that of a finished run."""

from typing import TYPE_CHECKING

from napari_medkd.core.run_layout import stage_name
from napari_medkd.gui.presenters.fields import FormField
from napari_medkd.gui.presenters.words import run_in_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medkd.core.dataset import Dataset
    from napari_medkd.gui.finished_run import FinishedRun
    from napari_medkd.gui.presenters.targets import Targets
    from napari_medkd.gui.state import TrainState

#: The part of the spec that names finished runs by stage.
_STARTS_FROM = "starts_from."
#: How the fields begin in which a finished run is chosen.
LISTS_OF_RUNS = ("start_from", _STARTS_FROM)
_STAGE = "expert"
_DESCRIPTION = (
    "A finished run that learned the same tasks of this dataset: its student is the expert, and none is trained."
)


class Experts:
    """The expert of each dataset that takes part, for methods that have experts."""

    def __init__(self, state: "TrainState", targets: "Targets") -> None:
        self._state = state
        self._targets = targets

    def fields(self) -> tuple[FormField, ...]:
        """Return a field for the expert of each dataset: for choice are the finished runs that learned from it."""
        card = next((card for card in self._state.cards if card.name == self._state.method), None)
        if card is None or _STAGE not in {name.split("-")[0] for name in card.stages}:
            return ()
        datasets, finished = self._targets.learned_from(), self._state.finished
        several = len(datasets) > 1
        return tuple(
            _field(dataset, stage_name(_STAGE, dataset.name) if several else _STAGE, finished) for dataset in datasets
        )

    def foreign(self) -> tuple[str, ...]:
        """Return the names of choices made that are none now: of another method, or of a dataset that left."""
        choices = {field.name: field.choices for field in self.fields()}
        made = [(name, value) for name, value in self._state.changes.items() if name.startswith(_STARTS_FROM)]
        return tuple(name for name, value in made if value not in choices.get(name, ()))


def _field(dataset: "Dataset", stage: str, finished: "Sequence[FinishedRun]") -> FormField:
    fitting = [run.path for run in finished if dataset.folder.resolve() in run.datasets]
    return FormField(
        _STARTS_FROM + stage,
        f"Expert of {dataset.name}",
        _DESCRIPTION,
        "choice",
        "",
        choices=("", *map(str, fitting)),
        words=("trained in this run", *(run_in_short(path.name) for path in fitting)),
    )
