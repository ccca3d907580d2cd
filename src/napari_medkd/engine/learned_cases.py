"""Which cases taught a run and those it began from, and which of them a dataset keeps for judging now."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ConfigDict, Field

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import Problem
from napari_medkd.core.run_layout import RESOLVED, SPEC
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import TrainSpec
from napari_medkd.files.manifest import open_dataset

_Document = TypeVar("_Document", bound=Settings)

#: So many cases of a list are named.
_NAMED = 10


class _Taught(Settings):
    """What a run's decisions say of the cases that taught it; an older version wrote down less."""

    model_config = ConfigDict(extra="ignore")

    taught_by: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    taught_before: dict[str, tuple[str, ...]] | None = None


def earlier_runs(spec: TrainSpec) -> tuple[Path, ...]:
    """Return the runs whose weights a run begins with."""
    return tuple(run for run in (spec.start_from, *spec.starts_from.values()) if run is not None)


def learned_by(*runs: Path) -> dict[str, tuple[str, ...]]:
    """Return, by dataset's name, the ids of the cases that taught some runs and those that these began from.

    What a run did not write down when it began, its spec and its datasets tell as they are today, if they are there.
    """
    learned: dict[str, set[str]] = defaultdict(set)
    waiting, seen = list(runs), set[Path]()
    while waiting:
        run = waiting.pop()
        if run in seen:
            continue
        seen.add(run)
        taught, spec = _read(run / RESOLVED, _Taught) or _Taught(), _read(run / SPEC, TrainSpec)
        listed = _listed(spec) if spec else {}
        for dataset, names in (*(listed | taught.taught_by).items(), *(taught.taught_before or {}).items()):
            learned[dataset].update(names)
        if spec and taught.taught_before is None:
            waiting += earlier_runs(spec)
    return {dataset: tuple(sorted(names)) for dataset, names in learned.items()}


def learned_among(names: Iterable[str], run: Path, dataset: Dataset) -> tuple[str, ...]:
    """Return those of a dataset's cases of whose patients a run has learned; none where nobody knows them.

    A dataset is known again by its name, its cases by their ids.
    """
    learned = learned_by(run).get(dataset.name, ())
    groups = {case.id: case.group for case in dataset.cases}
    patients = {groups[name] for name in learned if name in groups}
    return tuple(name for name in names if groups.get(name) in patients)


def judging_what_was_learned(run: Path, dataset: Dataset, side: Literal["validate", "test"]) -> tuple[str, ...]:
    """Return the ids of a side's cases of whose patients an earlier run has learned."""
    return learned_among(getattr(dataset.split, side), run, dataset)


def problems_of_tested(run: Path, dataset: Dataset, where: str, otherwise: str) -> list[Problem]:
    """Return whether an earlier run has learned from patients who test here: what begins there would remember them.

    Parameters
    ----------
    where
        The field of the spec that names the run.
    otherwise
        The last of the ways out, as the end of a sentence.
    """
    again = judging_what_was_learned(run, dataset, "test")
    if not again:
        return []
    found = f"The earlier run learned from patients who test here: {first_of(again)}."
    return [Problem(where, found, f"Name a run that they did not teach, take them off split.test, {otherwise}")]


def first_of(names: tuple[str, ...]) -> str:
    """Return the names of cases, of many the first."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _read(path: Path, model: type[_Document]) -> _Document | None:
    """Return what a run wrote down; None where it is not there, damaged, or of another version."""
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


def _listed(spec: TrainSpec) -> dict[str, tuple[str, ...]]:
    """Return, by dataset's name, the cases that teach as a spec and its datasets say today."""
    listed = {}
    for path in spec.datasets:
        with suppress(OSError, ValueError):  # moved, deleted or damaged since
            dataset = open_dataset(path)
            listed[dataset.name] = dataset.own(spec.references) if spec.references else dataset.split.train
    return listed
