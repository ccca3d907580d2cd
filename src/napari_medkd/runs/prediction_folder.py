"""Which folder among a run's predictions the answers to a question go to."""

from itertools import chain, count
from pathlib import Path

from napari_medkd.core.run_layout import PREDICTIONS, is_run
from napari_medkd.core.spec import PredictSpec
from napari_medkd.runs.folder import RunFolder


def prediction_folder(run: Path, stage: str, asked: str, *, data: Path | None = None, given: str = "image") -> Path:
    """Return the folder for a network's answers, whose name says what was asked: ``student-test``.

    Parameters
    ----------
    asked
        Which images, in a word: ``test``, ``all``, ``images``.
    data
        Another dataset than the run's own.
    """
    words = [stage, asked]
    if data is not None:
        place = data.resolve()
        words.append(place.parent.name if place.suffix == ".json" else place.stem)
    if given != "image":
        words.append(given.replace(" ", "-"))
    return (run / PREDICTIONS / "-".join(words)).absolute()


def run_asked_in(prediction: RunFolder) -> Path:
    """Return the run whose network is asked; it may have moved, with its predictions, since it was asked first.

    Raises
    ------
    RunProblem
        Where the folder says nothing of a run.
    """
    spec, above = prediction.prediction_spec(), prediction.path.parent.parent
    return above if prediction.path.parent.name == PREDICTIONS and is_run(above) else spec.run


def with_folder_of_its_own(spec: PredictSpec) -> PredictSpec:
    """Return the spec with a number behind its folder's name where that holds answers about other images."""
    numbered = (spec.out.with_name(f"{spec.out.name}-{number}") for number in count(2))
    free = next(folder for folder in chain([spec.out], numbered) if not is_run(folder) or _is_about(folder, spec))
    changed: PredictSpec = spec.replace(out=free)
    return changed


def _is_about(folder: Path, spec: PredictSpec) -> bool:
    """Return whether the folder's predictions are of the spec's image files, or of cases of its dataset."""
    earlier = RunFolder(folder).prediction_spec()
    return (earlier.images, earlier.data) == (spec.images, spec.data)
