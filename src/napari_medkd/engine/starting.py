"""Beginning from the trained networks of an earlier run instead of from scratch."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from napari_medkd.core.command_line import command_line
from napari_medkd.core.course import Course
from napari_medkd.core.errors import Problem, RunProblem, SpecProblem
from napari_medkd.core.events import StagePlan
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.run_layout import is_run, stage_name
from napari_medkd.core.spec import TrainSpec
from napari_medkd.engine.checkpoint import Checkpoints, WeightsCard, read_product, stages_with_weights, tensors_of
from napari_medkd.engine.given_stages import given_stage
from napari_medkd.engine.known_images import in_words, problems_of_images, problems_of_wishes
from napari_medkd.engine.known_tasks import problems_of_tasks
from napari_medkd.engine.learned_cases import learned_by, problems_of_tested
from napari_medkd.engine.networks.anchors import AnchorSizes
from napari_medkd.engine.networks.shape import NetworkShape, RegistrationShape, UNetShape, shape_of
from napari_medkd.engine.objective import Objective

#: The field of the spec that every problem stands at, and the stage whose weights every finished run has.
_WHERE = "start_from"
_SHIPS = "student"
_FROM_SCRATCH = "or leave start_from out to begin from scratch."


def problems_of_start(spec: TrainSpec, course: Course, *, read_images: bool = True) -> list[Problem]:
    """Return why a run cannot begin where the spec says, of one of its datasets; none where it says nothing.

    Parameters
    ----------
    read_images
        Whether an image may be opened, to tell planes from volumes.
    """
    if spec.start_from is None:
        return []
    try:
        card = _card_of(spec.start_from, course.dataset.name)
    except SpecProblem as error:
        return list(error.problems)
    dataset = course.dataset
    # Other names of another dataset's classes are other classes.
    may_be_renamed = dataset.name in learned_by(spec.start_from)
    return [
        *problems_of_tasks(card, course, _WHERE, _FROM_SCRATCH, may_be_renamed=may_be_renamed),
        *problems_of_images(card, dataset, _WHERE, _FROM_SCRATCH, read_images=read_images),
        *problems_of_wishes(card, spec, dataset, "the run to start from", _FROM_SCRATCH),
        *problems_of_tested(spec.start_from, dataset, _WHERE, _FROM_SCRATCH),
    ]


def notices_of_start(spec: TrainSpec, course: Course) -> Iterator[str]:
    """Yield which classes of the run to begin from have another name in a dataset, which is all that tells them apart.

    A dataset whose expert is given does not begin there.
    """
    if spec.start_from is None or given_stage(spec, course.dataset) is not None:
        return
    card = _card_of(spec.start_from, course.dataset.name)
    learned = {one.kind: one.classes for one in card.tasks or (card.task,)}
    for task in course.tasks:
        pairs = zip(learned.get(task.kind, ()), task.classes, strict=False)
        renamed = [f"{was} is {now}" for was, now in pairs if was != now]
        if renamed:
            found = f"What the run to start from learned as {', '.join(renamed)} in {course.dataset.name!r}"
            yield f"{found}: begin from scratch if it is another thing."


def problems_of_student(spec: TrainSpec, plan: Sequence[StagePlan]) -> list[Problem]:
    """Return why the network that a run ships cannot begin with the earlier run's; what that has not begins anew.

    Parameters
    ----------
    plan
        The stages of the run.
    """
    ships = next((planned for planned in plan if planned.name == _SHIPS), None)
    if spec.start_from is None or ships is None:
        return []
    try:
        card = _card_of(spec.start_from)
    except SpecProblem as error:
        return list(error.problems)
    return _of_heads(card, spec) or _of_widths(card, spec, ships.narrower)


class Beginning(NamedTuple):
    """What a run takes over from the one it begins from, so that the weights see what they know and fit."""

    preprocessing: Preprocessing
    anchors: AnchorSizes | None
    """What boxes start from; None where the earlier run found none."""


def beginning_of(spec: TrainSpec, course: Course) -> Beginning | None:
    """Return what is taken over from the run to begin from; None without one.

    Raises
    ------
    SpecProblem
        Where the run cannot be begun there: everything that is wrong with it.
    """
    if spec.start_from is None:
        return None
    problems = problems_of_start(spec, course)
    if problems:
        raise SpecProblem.of(problems)
    card = _card_of(spec.start_from, course.dataset.name)
    anchors = card.network.answers.anchors if isinstance(card.network, UNetShape) else None
    return Beginning(card.preprocessing.replace(channels=course.dataset.channels), anchors)


def take_weights(stage: str, sees: str, product: nn.Module, run: Path) -> str:
    """Load the weights that a run's stage of this name ended with, or return why there are none to begin with.

    Raises
    ------
    SpecProblem
        Where the network that ships is another one than there, or is shown something else.
    """
    _card_of(run)  # it may have been deleted since the spec was checked
    found = _read(run, stage)
    if found is None:
        return f"{run.name} has no stage {stage!r}"
    tensors, card = found
    differences = _differences(card, shape_of(product), sees)
    if differences:
        why = f"In {run.name} the network of {stage!r} is another one ({', '.join(differences)})"
        if stage == _SHIPS:
            raise SpecProblem(_WHERE, f"{why}.", f"Take the settings of that run, {_FROM_SCRATCH}")
        return why
    product.load_state_dict(tensors)
    return ""


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


def _card_of(run: Path, dataset: str = "") -> WeightsCard:
    """Return the card of a finished run's student; of one that serves several datasets, that for the dataset."""
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
    own = _read(run, stage_name(_SHIPS, dataset)) if dataset else None
    return (own or found)[1]


def _read(run: Path, stage: str) -> tuple[dict[str, Tensor], WeightsCard] | None:
    try:
        return read_product(run, stage, "done")
    except RunProblem as error:
        problems = (Problem(_WHERE, f"{one.where}: {one.problem}", one.hint) for one in error.problems)
        raise SpecProblem.of(problems) from error


def _of_heads(card: WeightsCard, spec: TrainSpec) -> list[Problem]:
    """Return whether the one student answers for several datasets, and the earlier run's does not, or the other way."""
    is_of_one, of_one, of_several = isinstance(card.network, UNetShape), "a single dataset", "each of its datasets"
    if is_of_one == (len(spec.datasets) == 1) or card.method == spec.method.name:
        return []
    was, expected = (of_one, of_several) if is_of_one else (of_several, of_one)
    found = f"The earlier run's student ({card.method}) has heads for {was}; here it has heads for {expected}."
    return [Problem(_WHERE, found, f"Name a run of the method {spec.method.name}, {_FROM_SCRATCH}")]


def _of_widths(card: WeightsCard, spec: TrainSpec, narrower: int) -> list[Problem]:
    if isinstance(card.network, RegistrationShape) or card.network.widths == spec.network.narrowed(narrower):
        return []
    widths, here = list(card.network.widths), list(spec.network.narrowed(narrower))
    found = f"The earlier run's student has the widths {widths}; here they are {here}."
    fitting = [width * narrower for width in widths]
    return [Problem(_WHERE, found, f"Set network.widths to {fitting}, {_FROM_SCRATCH}")]


def _differences(card: WeightsCard, wanted: NetworkShape, sees: str) -> list[str]:
    """Return in words how a network and what it sees are not what is wanted."""
    found = [f"it sees the {card.sees} instead of the {sees}"] if card.sees != sees else []
    kind, kind_wanted = (type(one).__name__.removesuffix("Shape") for one in (card.network, wanted))
    if kind != kind_wanted:
        return [*found, f"{kind} instead of {kind_wanted}"]
    was, expected = card.network.model_dump(), wanted.model_dump()
    return found + [_difference(name, was[name], expected[name]) for name in was if was[name] != expected[name]]


def _difference(name: str, was: Any, expected: Any) -> str:
    if name in ("answers", "experts", "pupils"):
        return f"other {name}"
    return f"{name} {in_words(was)} instead of {in_words(expected)}"
