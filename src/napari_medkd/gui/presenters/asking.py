"""From a picture and a network to a prediction's spec, with the true mask of the case where it is known. Blocks."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.core.annotation import Annotation, Mask
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.run_layout import PREDICTIONS
from napari_medkd.core.task import KINDS_IN_WORDS
from napari_medkd.gui.networks import Network
from napari_medkd.gui.subject import KnownCase, Picture, known_case, truth_of

if TYPE_CHECKING:
    from napari_medkd.core.spec import PredictSpec

#: A dataset and where it was opened from.
Opened = tuple[Path, Dataset]


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What a person asks for: an answer of one network of a run to one picture.

    Parameters
    ----------
    study
        The datasets that are open in the viewer; the run's own are looked into as well.
    """

    run: Path
    network: Network
    picture: Picture
    study: tuple[Opened, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A wish that can be launched: its spec, and what it can be held against.

    Parameters
    ----------
    truths
        What an expert said, by task name, as far as it is known.
    doubt
        Why something that should be known is not.
    """

    wish: Wish
    spec: "PredictSpec"
    truths: Mapping[str, Annotation] = field(default_factory=dict)
    doubt: str = ""


def question_of(wish: Wish) -> Question:
    """Return the wish as a prediction to launch. An image that is in memory alone is written beside its answer.

    Raises
    ------
    InputProblem
        Where the folder of the answer cannot be made, or the image cannot be read or written.
    """
    from napari_medkd.core.spec import PredictSpec

    drawn = wish.picture
    wish = replace(wish, picture=drawn.as_in_its_file())
    picture, network = wish.picture, wish.network
    known = known_case(picture.source, _taught_first(_datasets(wish), network.dataset))
    truths, doubt = _truths(known, wish)
    has_mask = any(isinstance(truth, Mask) for truth in truths.values())
    if drawn.source and not picture.source:
        doubt = f"The voxels on the canvas are not those of {drawn.source.name}: they were asked about, not the file."
    out = _new_folder(wish.run, f"{network.stage}_{picture.name}")
    spec = PredictSpec(
        run=wish.run,
        cases=(known.case.id,) if known else (),
        data=known.path if known else None,
        images=() if known else (picture.source or _written(picture, out),),
        stage=network.stage,
        given="image" if not network.needs_mask else "true mask" if has_mask else "student mask",
        out=out,
    )
    return Question(wish, spec, truths, doubt)


def _datasets(wish: Wish) -> Iterable[Opened]:
    """Yield the open datasets, then the run's own; one that is no longer where it was is left out."""
    from napari_medkd.files.manifest import open_dataset
    from napari_medkd.runs.folder import RunFolder

    yield from wish.study
    paths: tuple[Path, ...] = ()
    with suppress(InputProblem):
        paths = RunFolder(wish.run).spec().datasets
    for path in paths:
        with suppress(InputProblem):
            yield path.absolute(), open_dataset(path)


def _taught_first(datasets: Iterable[Opened], name: str) -> list[Opened]:
    """Return the datasets, those of the name first: what a network was taught is looked into before anything else."""
    return sorted(datasets, key=lambda one: one[1].name != name)


def _truths(known: KnownCase | None, wish: Wish) -> tuple[dict[str, Annotation], str]:
    """Return what is known for each task of the network, and what is wrong with the rest."""
    truths: dict[str, Annotation] = {}
    doubts = []
    for task in wish.network.tasks:
        try:
            truth = truth_of(known, task, wish.picture.grid)
        except InputProblem as problem:
            doubts.append(f"The true {KINDS_IN_WORDS[task.kind]} cannot be used. {problem}")
            continue
        if truth is not None:
            truths[task.name] = truth
    return truths, " ".join(doubts)


def _written(picture: Picture, folder: Path) -> Path:
    from napari_medkd.files.opening import write_volume

    # Both keep any size and position, but NIfTI knows no pixels without a size.
    path = folder / ("image.nii.gz" if picture.grid.unit == "mm" else "image.nrrd")
    write_volume(path, picture.volume())
    return path


def _new_folder(run: Path, words: str) -> Path:
    """Make a folder among a run's predictions, named after the moment and the words."""
    from napari_medkd.files.new_folder import new_folder
    from napari_medkd.files.plain_name import readable_name

    name = f"{datetime.now().astimezone():%Y-%m-%d_%H%M%S}_{readable_name(words)}"
    try:
        return new_folder(run / PREDICTIONS, name)
    except OSError as error:
        where = run / PREDICTIONS / name
        raise InputProblem.from_os_error(error, where, "The folder for the answer cannot be made") from error
