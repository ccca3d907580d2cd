"""A run whose student was asked about cases before, without any process."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_medkd.core.prediction import Prediction
from napari_medkd.core.spec import PredictSpec
from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.files.results import write_prediction
from napari_medkd.gui.following import Heard, Listener
from napari_medkd.runs.folder import RunFolder


def scans_with_one_reference(tiny_dataset: Path, folder: Path) -> Path:
    """Write a dataset of the tiny dataset's images, of which only case_0 has a mask and nothing is split."""
    dataset = open_dataset(tiny_dataset)
    cases = [case if case.id == "case_0" else replace(case, annotations={}) for case in dataset.cases]
    folder.mkdir()
    split = replace(dataset.split, train=("case_0",), validate=(), test=())
    write_dataset(replace(dataset, cases=tuple(cases), split=split, folder=folder), folder)
    return folder


def answer_into(out: Path, tiny_dataset: Path, case: str, uncertainty: float | None = None, **changes: Any) -> Path:
    """Write the student's answer to a case: its true mask; return its folder."""
    task = open_dataset(tiny_dataset).task("shapes")
    mask = read_mask(tiny_dataset / "labels" / f"{case}.nii.gz", task)
    said = Prediction(case, task, mask.grid, "a-run", "student.done", mask=mask, uncertainty=uncertainty)
    return write_prediction(replace(said, **changes), out)


def asked_about(
    run: Path, tiny_dataset: Path, data: Path | None, answers: Mapping[str, float | None], **question: Any
) -> Path:
    """Write a folder with the student's answers, as a prediction of these cases leaves it, and return it."""
    out = run / "predictions" / question.pop("name", "student-all")
    spec = PredictSpec(run=run, cases=tuple(answers), data=data, out=out, **question)
    folder = RunFolder.for_prediction(spec).path
    for case, uncertainty in answers.items():
        answer_into(folder, tiny_dataset, case, uncertainty)
    return folder


def heard_of(folder: Path) -> Heard:
    """Return all that a prediction folder says."""
    return Listener(folder).poll()
