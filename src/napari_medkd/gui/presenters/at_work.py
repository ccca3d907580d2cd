"""What is said of the runs and predictions that are at work when napari closes, and what a person can answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_medkd.core.run_layout import PREDICTIONS
from napari_medkd.core.words import count
from napari_medkd.gui.following import Heard
from napari_medkd.gui.presenters.runs import row_of

_OF_RUNS = (
    "Kept, it goes on without napari, and the Runs dock finds it again. "
    "Stopped, it keeps what it has learned up to the last finished epoch."
)
_OF_PREDICTIONS = (
    "Left to finish, a prediction goes on without napari. Stopped, it keeps the answers to the cases it is done with."
)
_OF_BOTH = (
    "Left to finish, they go on without napari, and the Runs dock finds runs again. "
    "Stopped, a run keeps what it has learned up to the last finished epoch, "
    "and a prediction the answers to the cases it is done with."
)


@dataclass(frozen=True, slots=True)
class AtWork:
    """A question in words, with what the buttons say that leave everything at work or stop it."""

    title: str
    details: str
    keep: str
    stop: str


def at_work(live: Sequence[Path], latest: Mapping[Path, Heard]) -> AtWork:
    """Return the question about what is live, as far as it was heard of."""
    predictions = [run for run in live if run.parent.name == PREDICTIONS]
    num_runs = len(live) - len(predictions)
    kinds = [_counted(number, kind) for number, kind in ((num_runs, "run"), (len(predictions), "prediction")) if number]
    counted = " and ".join(kinds)
    title = f"{counted[0].upper()}{counted[1:]} {'is' if len(live) == 1 else 'are'} at work."
    lines = "\n".join(_in_words(run, latest.get(run)) for run in live)
    if not predictions:
        return AtWork(title, f"{lines}\n\n{_OF_RUNS}", "Keep training", "Stop training")
    outcome = _OF_BOTH if num_runs else _OF_PREDICTIONS
    places = "\n".join(map(str, predictions))
    found = f"Answers will be in\n{places}\nand those of a student to cases of a dataset in the Sheet dock."
    them = "it" if len(live) == 1 else "them"
    return AtWork(title, f"{lines}\n\n{outcome}\n\n{found}", f"Let {them} finish", f"Stop {them}")


def _counted(number: int, kind: str) -> str:
    return f"a {kind}" if number == 1 else count(number, kind)


def _in_words(run: Path, heard: Heard | None) -> str:
    if heard is None:
        return run.name
    row = row_of(run, run.name, heard.status.method, heard.status)
    return " · ".join(part for part in (row.title, row.phase, row.progress, row.left) if part)
