"""From what a person asks to predictions in a folder that follows the rules of a run folder."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_medkd.cli.attempt import Advice, carry_out
from napari_medkd.cli.stopping import SignalledControl
from napari_medkd.cli.terminal import tell
from napari_medkd.core.errors import DatasetProblem, InputProblem, Problem, SpecProblem
from napari_medkd.core.events import AnyEvent
from napari_medkd.core.paths import problem_of_name
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import PredictSpec
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.series_path import on_disk
from napari_medkd.files.web_path import is_there
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.prediction_folder import prediction_folder, run_asked_in, with_folder_of_its_own
from napari_medkd.runs.pulse import wait_until_sure

#: Every case of the dataset, whether its split lists it or not.
ALL = "all"

_ADVICE = Advice(
    "What was predicted stays; for all of it, ask again.",
    "Close other programs that use it, or ask again on another device (--device).",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which images to predict: files, or cases of a dataset by id, by the side of its split, or all of them."""

    images: tuple[Path, ...]
    cases: tuple[str, ...]
    split: str
    data: Path | None

    @property
    def in_words(self) -> str:
        """A word for a folder's name."""
        return self.split or ("images" if self.images else "cases")


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
    unnamed = [problem for path in (run, asked.data, out) if path and (problem := problem_of_name(path))]
    if unnamed:
        raise InputProblem.of(unnamed)
    data = asked.data.absolute() if asked.data else _taught_dataset(run, network)
    by_default = prediction_folder(run, network, asked.in_words, data=data, given=given)
    spec = PredictSpec.model_validate(
        {
            "run": run.absolute(),
            "images": _existing(asked.images),
            "cases": () if asked.images else _cases(asked, data or RunFolder(run).spec().datasets[0]),
            "data": data,
            "stage": network,
            "given": given,
            "out": (out or by_default).absolute(),
        }
    )
    return spec if out else with_folder_of_its_own(spec)


def asked_in(prediction: RunFolder) -> PredictSpec:
    """Return what a prediction's folder was asked, to be answered there; checked like `spec_for` does."""
    spec = prediction.prediction_spec()
    asked = Asked(spec.images, spec.cases, "", spec.data)
    again = spec_for(run_asked_in(prediction), asked, spec.stage, spec.given, prediction.path)
    changed: PredictSpec = again.replace(hardware=spec.hardware.model_dump())
    return changed


def predict_in(spec: PredictSpec) -> int:
    """Predict into the spec's folder, and return the exit code."""

    def work(control: SignalledControl, _: Heartbeat) -> Iterator[AnyEvent]:
        from napari_medkd.engine.predict import predict

        yield from predict(spec, control)

    wait_until_sure(spec.out, tell)
    return carry_out(RunFolder.for_prediction(spec), 1, work, _ADVICE)


def _existing(images: tuple[Path, ...]) -> tuple[Path, ...]:
    problems = [problem for path in images if (problem := _problem_of(path))]
    if problems:
        raise InputProblem.of(problems)
    return tuple(path.absolute() for path in images)


def _problem_of(image: Path) -> Problem | None:
    """Return why a path cannot be predicted: nothing is there, or it cannot be written into a spec."""
    unnamed = problem_of_name(image)
    if unnamed or is_there(on_disk(image)):
        return unnamed
    return Problem(str(image), "There is no such image.", "Check the path.")


def _taught_dataset(run: Path, network: str) -> Path | None:
    """Return the dataset a network was taught, where its run learned from several; else None."""
    datasets = RunFolder(run).spec().datasets
    if len(datasets) < 2:
        return None
    cards = (checkpoint_path(run, network, which).with_suffix(".json") for which in ("done", "best"))
    name = next((json.loads(card.read_bytes()).get("dataset") for card in cards if card.is_file()), None)
    return next((path for path in datasets if open_dataset(path).name == name), None)


def _cases(asked: Asked, data: Path) -> tuple[str, ...]:
    dataset = open_dataset(data)
    for name in asked.cases:
        dataset.case(name)
    if asked.split == ALL:
        return tuple(case.id for case in dataset.cases)
    cases = asked.cases or tuple(getattr(dataset.split, asked.split))
    if not cases:
        hint = "Choose another side, all cases with --split all, or name cases with --case."
        raise DatasetProblem(f"dataset {dataset.name}", f"No case is on the {asked.split} side of its split.", hint)
    return cases
