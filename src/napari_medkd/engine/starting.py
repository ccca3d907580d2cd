"""Beginning from the trained networks of an earlier run instead of from scratch."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from napari_medkd.core.command_line import command_line
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import Problem, RunProblem, SpecProblem
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.run_layout import is_run
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.engine.checkpoint import Checkpoints, WeightsCard, read_product, stages_with_weights, tensors_of
from napari_medkd.engine.known_images import in_words, problems_of_images, problems_of_wishes
from napari_medkd.engine.learned_cases import problems_of_tested
from napari_medkd.engine.networks.anchors import AnchorSizes
from napari_medkd.engine.networks.shape import UNetShape, shape_of
from napari_medkd.engine.objective import Objective

#: The field of the spec that every problem stands at, and the stage whose weights every finished run has.
_WHERE = "start_from"
_SHIPS = "student"
_FROM_SCRATCH = "or leave start_from out to begin from scratch."


def problems_of_start(spec: TrainSpec, dataset: Dataset, task: Task, *, read_images: bool = True) -> list[Problem]:
    """Return why a run cannot begin where the spec says; none where it says nothing.

    Parameters
    ----------
    dataset, task
        What is to be learned.
    read_images
        Whether an image may be opened, to tell planes from volumes.
    """
    if spec.start_from is None:
        return []
    try:
        card = _card_of(spec.start_from)
    except SpecProblem as error:
        return list(error.problems)
    return [
        *_of_task(card, task),
        *_of_network(card, spec),
        *problems_of_images(card, dataset, _WHERE, _FROM_SCRATCH, read_images=read_images),
        *problems_of_wishes(card, spec, dataset, "the run to start from", _FROM_SCRATCH),
        *problems_of_tested(spec.start_from, dataset, _WHERE, _FROM_SCRATCH),
    ]


def notices_of_start(spec: TrainSpec, task: Task) -> Iterator[str]:
    """Yield which classes of the run to begin from have another name here, which is all that tells them apart."""
    if spec.start_from is not None:
        learned = _card_of(spec.start_from).task.classes
        renamed = [f"{was} is {now}" for was, now in zip(learned, task.classes, strict=False) if was != now]
        if renamed:
            found = f"What the run to start from learned as {', '.join(renamed)} here"
            yield f"{found}: begin from scratch if it is another thing."


class Beginning(NamedTuple):
    """What a run takes over from the one it begins from, so that the weights see what they know and fit."""

    preprocessing: Preprocessing
    anchors: AnchorSizes | None
    """What boxes start from; None where the earlier run found none."""


def beginning_of(spec: TrainSpec, dataset: Dataset, task: Task) -> Beginning | None:
    """Return what is taken over from the run to begin from; None without one.

    Raises
    ------
    SpecProblem
        Where the run cannot be begun there: everything that is wrong with it.
    """
    if spec.start_from is None:
        return None
    problems = problems_of_start(spec, dataset, task)
    if problems:
        raise SpecProblem.of(problems)
    card = _card_of(spec.start_from)
    anchors = card.network.answers.anchors if isinstance(card.network, UNetShape) else None
    return Beginning(card.preprocessing.replace(channels=dataset.channels), anchors)


def take_weights(stage: str, sees: str, product: nn.Module, run: Path) -> bool:
    """Load the weights that a run's stage of this name ended with, and return whether it has any.

    Raises
    ------
    SpecProblem
        Where they are of another network, or of one that was shown something else.
    """
    _card_of(run)  # it may have been deleted since the spec was checked
    found = _read(run, stage)
    if found is None:
        return False
    tensors, card = found
    wanted = shape_of(product)
    if card.network != wanted or card.sees != sees:
        was, expected = _words(card.network, card.sees), _words(wanted, sees)
        problem = f"In {run.name} the network of {stage!r} is {was}; expected {expected}."
        raise SpecProblem(_WHERE, problem, f"Take the settings of that run, {_FROM_SCRATCH}")
    product.load_state_dict(tensors)
    return True


def take_other_networks(stage: str, objective: Objective, product: nn.Module, run: Path) -> list[str]:
    """Load what a run's stage of this name trained beside its product, and return the names of what it has not.

    It is in the stage's newest epoch checkpoint; what has other names or shapes there is left as it is.
    """
    kept, missing = Checkpoints(run).last_objective(stage), []
    for name, network in objective.named_children():
        if network is product:
            continue
        tensors = tensors_of(name, kept)
        if _shapes(tensors) == _shapes(network.state_dict()):
            network.load_state_dict(tensors)
        elif any(parameter.requires_grad for parameter in network.parameters()):
            missing.append(name)
    return missing


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _card_of(run: Path) -> WeightsCard:
    """Return the card of a finished run's student."""
    if not is_run(run):
        raise SpecProblem(_WHERE, f"{run} is no run: it has no spec.json.", "Name the folder of a finished run.")
    found = _read(run, _SHIPS)
    if found is None:
        there = ", ".join(stages_with_weights(run)) or "none"
        if f"{_SHIPS}-" in there:
            hint = f"Name it under starts_from for a dataset's expert, {_FROM_SCRATCH}"
            raise SpecProblem(_WHERE, f"{run.name} has a {_SHIPS} of each of several datasets: {there}.", hint)
        command = command_line(["medkd", "train", "--run", str(run), "--resume"])
        raise SpecProblem(
            _WHERE,
            f"{run.name} is not finished: expected the last weights of its {_SHIPS}, found weights of: {there}.",
            f"Continue it to its end, or name a finished run. It goes on with: {command}",
        )
    return found[1]


def _read(run: Path, stage: str) -> tuple[dict[str, Tensor], WeightsCard] | None:
    try:
        return read_product(run, stage, "done")
    except RunProblem as error:
        problems = (Problem(_WHERE, f"{one.where}: {one.problem}", one.hint) for one in error.problems)
        raise SpecProblem.of(problems) from error


def _of_task(card: WeightsCard, task: Task) -> list[Problem]:
    if card.task.task.agrees_with(task) and len(card.task.classes) == len(task.classes):
        return []
    found = f"The earlier run learned {', '.join(card.task.classes)}; {task.name!r} has {', '.join(task.classes)}."
    return [Problem(_WHERE, found, f"Name a run of the same classes in the same order, {_FROM_SCRATCH}")]


def _of_network(card: WeightsCard, spec: TrainSpec) -> list[Problem]:
    network = card.network
    if not isinstance(network, UNetShape) or network.widths == spec.network.widths:
        return []
    widths = list(network.widths)
    found = f"The earlier run's student has the widths {widths}; here they are {list(spec.network.widths)}."
    return [Problem(_WHERE, found, f"Set network.widths to {widths}, {_FROM_SCRATCH}")]


def _words(network: Any, sees: str) -> str:
    fields = ", ".join(f"{name} {in_words(value)}" for name, value in network.model_dump().items())
    return f"{type(network).__name__.removesuffix('Shape')} ({fields}) that sees the {sees}"
