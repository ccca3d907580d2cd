"""From what a person asks to predictions in a folder that follows the rules of a run folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from napari_medkd.cli.attempt import carry_out
from napari_medkd.cli.stopping import SignalledControl
from napari_medkd.core.errors import DatasetProblem, InputProblem, Problem, SpecProblem
from napari_medkd.core.events import AnyEvent
from napari_medkd.core.run_layout import PREDICTIONS, is_run
from napari_medkd.core.spec import PredictSpec
from napari_medkd.files.manifest import open_dataset
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat


@dataclass(frozen=True, slots=True)
class Asked:
    """Which images to predict: files, or cases of a dataset by id or by the side of its split."""

    images: tuple[Path, ...]
    cases: tuple[str, ...]
    split: str
    data: Path | None

    @property
    def in_words(self) -> str:
        """A few words for a folder's name."""
        words = self.split or ("images" if self.images else "cases")
        return f"{words}-{self.data.resolve().stem}" if self.data else words


def spec_for(run: Path, asked: Asked, network: str, given: str, out: Path | None) -> PredictSpec:
    """Return the prediction's spec, with paths made absolute and a split turned into case ids.

    Raises
    ------
    InputProblem
        Where nothing or two things at once are asked for, or a file, case or label is missing.
    """
    if bool(asked.images) + bool(asked.cases) + bool(asked.split) != 1:
        raise SpecProblem(
            "medkd predict", "Exactly one of --image, --case and --split says what to predict.", "Give one of them."
        )
    data = asked.data.absolute() if asked.data else None
    by_default = "-".join([network, asked.in_words, *([given.replace(" ", "-")] if given != "image" else [])])
    spec = PredictSpec.model_validate(
        {
            "run": run.absolute(),
            "images": _existing(asked.images),
            "cases": _cases(asked, data or RunFolder(run).spec().datasets[0]),
            "data": data,
            "stage": network,
            "given": given,
            "out": (out or run / PREDICTIONS / by_default).absolute(),
        }
    )
    return spec if out else spec.replace(out=_folder_of_its_own(spec))


def _folder_of_its_own(spec: PredictSpec) -> Path:
    """Return the spec's folder, with a number behind its name where one holds answers about other images."""
    numbered = (spec.out.with_name(f"{spec.out.name}-{number}") for number in count(2))
    return next(folder for folder in chain([spec.out], numbered) if not is_run(folder) or _is_about(folder, spec))


def _is_about(folder: Path, spec: PredictSpec) -> bool:
    """Return whether the folder's predictions are of the spec's image files, or of cases of its dataset."""
    earlier = RunFolder(folder).prediction_spec()
    return (earlier.images, earlier.data) == (spec.images, spec.data)


def predict_in(spec: PredictSpec) -> int:
    """Predict into the spec's folder, and return the exit code."""

    def work(control: SignalledControl, _: Heartbeat) -> Iterator[AnyEvent]:
        from napari_medkd.engine.predict import predict

        yield from predict(spec, control)

    return carry_out(RunFolder.for_prediction(spec), 1, work)


def _existing(images: tuple[Path, ...]) -> tuple[Path, ...]:
    missing = [path for path in images if not path.exists()]
    if missing:
        raise InputProblem.of([Problem(str(path), "There is no such image.", "Check the path.") for path in missing])
    return tuple(path.absolute() for path in images)


def _cases(asked: Asked, data: Path) -> tuple[str, ...]:
    if asked.images:
        return ()
    dataset = open_dataset(data)
    for name in asked.cases:
        dataset.case(name)
    cases = asked.cases or tuple(getattr(dataset.split, asked.split))
    if not cases:
        hint = "Choose another side, or name cases with --case."
        raise DatasetProblem(f"dataset {dataset.name}", f"No case is on the {asked.split} side of its split.", hint)
    return cases
