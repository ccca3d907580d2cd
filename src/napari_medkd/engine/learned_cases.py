"""Which cases an earlier run learned from, and which of them a dataset keeps for judging now."""

import json
from pathlib import Path
from typing import Literal

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.run_layout import RESOLVED, SPEC
from napari_medkd.core.spec import TrainSpec
from napari_medkd.files.manifest import open_dataset

#: So many cases of a list are named.
_NAMED = 10


def judging_what_was_learned(run: Path, dataset: Dataset, side: Literal["validate", "test"]) -> tuple[str, ...]:
    """Return the ids of a side's cases of whose patients an earlier run has learned; none where nobody knows them.

    A dataset is known again by its name, its cases by their ids.
    """
    learned = _recorded(run, dataset.name) or _listed(run, dataset.name)
    patients = {case.group for case in dataset.cases if case.id in learned}
    return tuple(name for name in getattr(dataset.split, side) if dataset.case(name).group in patients)


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


def _recorded(run: Path, dataset: str) -> tuple[str, ...]:
    """Return the cases that the run wrote down when it began."""
    try:
        return tuple(json.loads((run / RESOLVED).read_bytes())["taught_by"][dataset])
    except (OSError, ValueError, KeyError, TypeError):  # an older run, a damaged file, or another dataset
        return ()


def _listed(run: Path, dataset: str) -> tuple[str, ...]:
    """Return the cases that teach as the run's own spec and dataset say today."""
    try:
        spec = TrainSpec.model_validate_json((run / SPEC).read_bytes())
        found = [one for one in map(open_dataset, spec.datasets) if one.name == dataset]
    except (OSError, ValueError, InputProblem):  # moved, deleted or damaged since
        return ()
    return spec.references or found[0].split.train if found else ()
