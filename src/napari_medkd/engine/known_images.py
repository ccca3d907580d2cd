"""What images the network of an earlier run knows, and whether those of a dataset are such."""

from dataclasses import replace
from typing import Any

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import Problem, SpecProblem, VolumeProblem
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.checkpoint import WeightsCard
from napari_medkd.files.lazy_array import in_pieces
from napari_medkd.files.opening import read_volume


def problems_of_images(
    card: WeightsCard, dataset: Dataset, where: str, otherwise: str, *, read_images: bool
) -> list[Problem]:
    """Return whether a dataset has other channels than a network knows, or planes where that knows volumes.

    Parameters
    ----------
    where, otherwise
        The field of the spec that names the run, and what else can be done than to name another one.
    read_images
        Whether an image may be opened, to tell planes from volumes.
    """
    problems = _of_channels(card, dataset, where, otherwise)
    if read_images and dataset.cases:
        problems += _of_dimensions(card, dataset, where, otherwise)
    return problems


def problems_of_wishes(
    card: WeightsCard, spec: TrainSpec, dataset: Dataset, whose: str, otherwise: str
) -> list[Problem]:
    """Return each wish about a dataset's preprocessing that is not what a network was trained with."""
    is_alone = dataset.name in spec.preprocessing_of
    field = f"preprocessing_of.{dataset.name}" if is_alone else "preprocessing"
    known: dict[str, Any] = card.preprocessing.model_dump()
    wishes: dict[str, Any] = spec.preprocessing_of.get(dataset.name, spec.preprocessing).model_dump()
    set_aside = "" if is_alone or len(spec.datasets) == 1 else f"set preprocessing_of.{dataset.name} to {{}}, "
    return [
        Problem(
            f"{field}.{name}",
            f"{in_words(wish)} is asked for, but {whose} was trained with {in_words(known[name])}.",
            f"Leave {field}.{name} out, {set_aside}{otherwise}",
        )
        for name, wish in wishes.items()
        if wish is not None and wish != known[name]
    ]


def refuse_unknown_channels(dataset: Dataset, known: tuple[str, ...]) -> None:
    """Raise a SpecProblem where a dataset's channels are not those a network knows, whatever their order.

    A single one may have another name.
    """
    given = dataset.channels
    is_told_apart = given == known or len(set(known)) == len(known)
    if (is_told_apart and sorted(given) == sorted(known)) or len(given) == len(known) == 1:
        return
    raise SpecProblem(
        "data",
        f"The network saw the channels {', '.join(known)}; {dataset.name!r} has {', '.join(given)}.",
        "Choose a dataset of the same channels, or name the same ones alike in its medkd-dataset.json.",
    )


def answerable_tasks(volume: Volume, card: WeightsCard) -> tuple[tuple[Task, ...], str | None]:
    """Return the tasks that a network can answer about a volume, and a sentence about those it cannot, if any.

    A network that saw planes puts masks together plane by plane. A class is read off the image as a whole, which would
    be made as small as it takes for one axis to become a single plane; and boxes of the planes are none of the
    volume's.

    Raises
    ------
    VolumeProblem
        Where none is left.
    """
    tasks = tuple(one.task for one in card.tasks or (card.task,))
    of_planes = card.preprocessing.dimensions == 2 and not volume.grid.is_flat
    left_out = [f"{task.name!r} ({task.kind})" for task in tasks if of_planes and task.kind != "segmentation"]
    if not left_out:
        return tasks, None
    found = (
        f"The image has {volume.grid.shape[0]} planes; expected one: the network was trained on planes, and answers "
        f"{' and '.join(left_out)} for a single one alone."
    )
    masks = tuple(task for task in tasks if task.kind == "segmentation")
    if masks:
        return masks, f"{found} Its masks are drawn plane by plane."
    raise VolumeProblem(
        str(volume.source or "volume"),
        found,
        "Save the planes that matter as pictures and predict those, or train on volumes.",
    )


def in_known_order(volume: Volume, known: tuple[str, ...]) -> Volume:
    """Return a volume of the channels a network knows with them in its order; a large one stays on the disk."""
    if volume.channels == known or len(known) == 1:
        return volume
    order = [volume.channels.index(name) for name in known]
    data: Any = volume.data
    if volume.is_on_disk:
        data = in_pieces(data)
    return replace(volume, data=data[order], channels=known)


def in_words(value: Any) -> str:
    """Return a setting as it is told: sizes as ``1 x 2 x 3``."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(one)}" for name, one in value.items())
    return " x ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else str(value)


def _of_channels(card: WeightsCard, dataset: Dataset, where: str, otherwise: str) -> list[Problem]:
    """Return what is wrong with the channels; a single one may have another name."""
    known, given = card.preprocessing.channels, dataset.channels
    if known == given or len(known) == len(given) == 1:
        return []
    found = f"The earlier run saw the channels {', '.join(known)}; {dataset.name!r} has {', '.join(given)}."
    return [Problem(where, found, f"Name a run of the same channels in the same order, {otherwise}")]


def _of_dimensions(card: WeightsCard, dataset: Dataset, where: str, otherwise: str) -> list[Problem]:
    case = dataset.cases[0]
    grid = read_volume(case.images, channels=dataset.channels, modality=dataset.modality).grid
    here = 2 if grid.is_flat else 3
    if here == card.preprocessing.dimensions:
        return []
    found = f"The earlier run saw {card.preprocessing.dimensions}-D images; {case.id} is a {here}-D one."
    return [Problem(where, found, f"Name a run on {here}-D images, {otherwise}")]
