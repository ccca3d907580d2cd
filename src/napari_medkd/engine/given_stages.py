"""Stages that are not trained, because a finished run has their network: an expert that exists already."""

from pathlib import Path

from torch import Tensor

from napari_medkd.core.course import Course
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import Problem, RunProblem, SpecProblem
from napari_medkd.core.run_layout import stage_name
from napari_medkd.core.spec import TrainSpec
from napari_medkd.engine.checkpoint import WeightsCard, read_product
from napari_medkd.engine.known_images import problems_of_images, problems_of_wishes
from napari_medkd.engine.known_tasks import problems_of_tasks
from napari_medkd.engine.learned_cases import first_of, judging_what_was_learned, problems_of_tested
from napari_medkd.engine.networks.shape import UNetShape

#: The network of a run that is taken: the one it ships, or, of a run over several datasets, the dataset's.
_SHIPS = "student"


def given_stage(spec: TrainSpec, dataset: Dataset) -> str | None:
    """Return the name under which a run is given for a dataset's expert; None where it is trained."""
    names = ("expert", stage_name("expert", dataset.name))
    return next((name for name in names if name in spec.starts_from), None)


def given_expert(spec: TrainSpec, course: Course, *, read_images: bool = True) -> tuple[UNetShape, WeightsCard] | None:
    """Return the network of the run that stands in for a dataset's expert, and its card; None where it is trained.

    Parameters
    ----------
    read_images
        Whether an image may be opened, to tell planes from volumes.

    Raises
    ------
    SpecProblem
        Where the run is not finished, learned something else, knows other images, or has learned from what tests here.
    """
    name, dataset = given_stage(spec, course.dataset), course.dataset
    if name is None:
        return None
    where, run = f"starts_from.{name}", spec.starts_from[name]
    otherwise = f"or leave {where} out to train the expert."
    _, card = given_weights(run, where, dataset.name)
    problems = [
        *problems_of_tasks(card, course, where, otherwise),
        *_of_levels(card, spec, where),
        *problems_of_images(card, dataset, where, otherwise, read_images=read_images),
        *problems_of_wishes(card, spec, dataset, f"the expert given for {dataset.name!r}", otherwise),
        *problems_of_tested(run, dataset, where, otherwise),
    ]
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


def notices_of_given(run: Path, dataset: Dataset) -> list[str]:
    """Return what a person should know of a given expert although it may be used."""
    again = judging_what_was_learned(run, dataset, "validate")
    if not again:
        return []
    return [f"{run.name} learned from patients who validate here, which flatters its answers: {first_of(again)}."]


def _of_levels(card: WeightsCard, spec: TrainSpec, where: str) -> list[Problem]:
    """Return whether the network is deeper or flatter than those it is joined with: maps are joined level by level."""
    if not isinstance(card.network, UNetShape) or len(card.network.widths) == len(spec.network.widths):
        return []
    levels, wanted = len(card.network.widths), len(spec.network.widths)
    found = f"Its network has {levels} levels ({', '.join(map(str, card.network.widths))}); this run's have {wanted}."
    return [Problem(where, found, f"Set network.widths to {levels} levels, or name a run of {wanted}.")]
