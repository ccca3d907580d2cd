"""Stages that are not trained, because a finished run has their network: an expert that exists already."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from napari_medkd.core.course import Course
from napari_medkd.core.errors import Problem, RunProblem, SpecProblem
from napari_medkd.core.run_layout import stage_name
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import TaskKind
from napari_medkd.engine.checkpoint import WeightsCard, read_product
from napari_medkd.engine.networks.shape import UNetShape

#: The network of a run that is taken: the one it ships, or, of a run over several datasets, the dataset's.
_SHIPS = "student"


def given_expert(spec: TrainSpec, course: Course) -> tuple[UNetShape, WeightsCard] | None:
    """Return the network of the run that stands in for a dataset's expert, and its card; None where it is trained.

    Raises
    ------
    SpecProblem
        Where the run is not finished, or learned something else.
    """
    names = ("expert", stage_name("expert", course.dataset.name))
    name = next((name for name in names if name in spec.starts_from), None)
    if name is None:
        return None
    where, run = f"starts_from.{name}", spec.starts_from[name]
    _, card = given_weights(run, where, course.dataset.name)
    problems = [*_problems(card, course, where), *_of_levels(card, spec, where)]
    if problems or not isinstance(card.network, UNetShape):
        found = f"The network of {run.name} is no network of a single dataset."
        raise SpecProblem.of(problems or [Problem(where, found, "Name a run of the method supervised.")])
    return card.network, card


def given_weights(run: Path, where: str, dataset: str) -> tuple[dict[str, Tensor], WeightsCard]:
    """Return the weights of a finished run's student, and their card; of several students, the dataset's.

    Raises
    ------
    SpecProblem
        Where there are none, or they cannot be read.
    """
    try:
        found = read_product(run, _SHIPS, "done") or read_product(run, stage_name(_SHIPS, dataset), "done")
    except RunProblem as error:
        raise SpecProblem.of(Problem(where, one.problem, one.hint) for one in error.problems) from error
    if found is None:
        hint = "Name the folder of a run that was trained to its end."
        raise SpecProblem(where, f"{run} has no finished weights of its {_SHIPS}.", hint)
    return found


def _problems(card: WeightsCard, course: Course, where: str) -> list[Problem]:
    problems = []
    learned = {task.kind: task.classes for task in card.tasks or (card.task,)}
    wanted = {task.kind: task.classes for task in course.tasks}
    if learned != wanted:
        found = (
            f"The run learned {_in_words(learned)}; of {course.dataset.name!r} is to be learned {_in_words(wanted)}."
        )
        problems.append(Problem(where, found, "Name a run of the same tasks, with the same classes in the same order."))
    channels = card.preprocessing.channels
    if channels != course.dataset.channels and not len(channels) == len(course.dataset.channels) == 1:
        found = f"The run saw the channels {', '.join(channels)}; {course.dataset.name!r} has "
        hint = "Name a run of the same channels in the same order."
        problems.append(Problem(where, f"{found}{', '.join(course.dataset.channels)}.", hint))
    return problems


def _of_levels(card: WeightsCard, spec: TrainSpec, where: str) -> list[Problem]:
    """Return whether the network is deeper or flatter than those it is joined with: maps are joined level by level."""
    if not isinstance(card.network, UNetShape) or len(card.network.widths) == len(spec.network.widths):
        return []
    levels, wanted = len(card.network.widths), len(spec.network.widths)
    found = f"Its network has {levels} levels ({', '.join(map(str, card.network.widths))}); this run's have {wanted}."
    return [Problem(where, found, f"Set network.widths to {levels} levels, or name a run of {wanted}.")]


def _in_words(tasks: Mapping[TaskKind, tuple[str, ...]]) -> str:
    return "; ".join(f"{kind} ({', '.join(classes)})" for kind, classes in sorted(tasks.items()))
