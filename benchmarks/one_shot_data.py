"""What the one-shot benchmark learns from and is tested on: three references, unlabelled images, and test cases."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from real_data import chasedb1, data_folder, hippocampus

from napari_medkd.core.dataset import Dataset, LabelMap, Split
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import NetworkChoice, Schedule
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.sample import write_sample

WORK = Path(__file__).parent / "work" / "one_shot"

#: What the students of rows that are done drew, by row and reference.
ANSWERS = WORK / "answers"

_PHANTOMS_A_DOMAIN = 24
_SIDES = ((0, 16), (16, 18), (18, 24))


@dataclass(frozen=True)
class Experiment:
    """A dataset, the references of which one is labelled at a time, and the budget of every row.

    Parameters
    ----------
    dataset
        All of it; *validate* is development.
    references
        Ids of training cases.
    tests
        By name: the same dataset, with the cases of one test on its *validate* and *test* sides.
    """

    dataset: Callable[[], Dataset]
    references: Callable[[], list[str]]
    tests: dict[str, Callable[[], Dataset]]
    network: NetworkChoice
    schedule: Schedule
    preprocessing: PreprocessingWishes


def _hippocampus_references() -> list[str]:
    splits = json.loads((data_folder() / "hippocampus_msd" / "splits.json").read_text(encoding="utf-8"))
    return list(splits["references"])


def phantoms() -> Dataset:
    """Return the generated sample: T1-like training cases to be references, T2-like and CT-like ones beside them.

    Four of its five organs: the aorta is few voxels wide, and in the rows' budget not even all labels teach it.
    """
    folder = WORK / "datasets" / "phantoms-sample"
    manifest = folder / "medkd-dataset.json"
    if not manifest.is_file():
        write_sample(folder, cases_per_domain=_PHANTOMS_A_DOMAIN)
    dataset = open_dataset(manifest)
    by_domain = [[case.id for case in dataset.cases if case.domain == domain] for domain in _domains(dataset)]
    sides = [tuple(name for names in by_domain for name in names[low:high]) for low, high in _SIDES]
    cases = tuple(replace(case, annotations={"organs": case.annotations["organs"]}) for case in dataset.cases)
    *classes, aorta = dataset.tasks["organs"].classes
    tasks = {"organs": replace(dataset.tasks["organs"], classes=tuple(classes))}
    without = {"organs": LabelMap({dataset.tasks["organs"].classes.index(aorta): 0})}
    return replace(dataset, name="phantoms", split=Split(*sides), cases=cases, tasks=tasks, label_maps=without)


def _domains(dataset: Dataset) -> list[str]:
    return list(dict.fromkeys(case.domain for case in dataset.cases))


def _of_domain(domain: str) -> Callable[[], Dataset]:
    def cut() -> Dataset:
        dataset = phantoms()
        kept = {case.id for case in dataset.cases if case.domain == domain}
        sides = (dataset.split.validate, dataset.split.test)
        validate, test = (tuple(name for name in side if name in kept) for side in sides)
        return replace(dataset, split=Split((), validate, test))

    return cut


EXPERIMENTS = {
    "hippocampus": Experiment(
        hippocampus,
        _hippocampus_references,
        {"hippocampus": hippocampus},
        NetworkChoice(widths=(16, 32, 64, 128)),
        Schedule(epochs=8, steps_per_epoch=150, batch_size=4, learning_rate=2e-3),
        PreprocessingWishes(spacing=(1.0, 1.0, 1.0), patch=(40, 56, 40)),
    ),
    "chasedb1": Experiment(
        chasedb1,
        lambda: ["Image_01L", "Image_03L", "Image_06R"],
        {"chasedb1": chasedb1},
        NetworkChoice(widths=(16, 32, 64, 128)),
        Schedule(epochs=4, steps_per_epoch=150, batch_size=4, learning_rate=2e-3),
        PreprocessingWishes(spacing=(1.0, 2.0, 2.0), patch=(1, 192, 192)),
    ),
    "phantoms": Experiment(
        phantoms,
        lambda: [case.id for case in phantoms().cases if case.domain == _domains(phantoms())[0]][:3],
        {f"phantoms-{domain}": _of_domain(domain) for domain in ("t1-like", "t2-like", "ct-like")},
        NetworkChoice(widths=(8, 16, 32, 64)),
        Schedule(epochs=6, steps_per_epoch=150, batch_size=2, learning_rate=1e-2),
        PreprocessingWishes(spacing=(3.5, 5.0, 5.0), patch=(48, 48, 48)),
    ),
}
