"""What the joint-teacher benchmark learns from: groups of datasets, with masks, classes and boxes."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from real_data import busbra, chasedb1, data_folder, hippocampus

from napari_medkd.core.annotation import Boxes, ClassLabel
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import Schedule
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from napari_medkd.files.importing import write_source
from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import read_mask, read_volume, write_boxes
from napari_medkd.files.phantom import DOMAINS
from napari_medkd.files.sample import write_sample

WORK = Path(__file__).parent / "work" / "joint_teacher"

LUNGS = Task("lungs", "segmentation", ("background", "lung"))
TUBERCULOSIS = Task("tuberculosis", "classification", ("normal", "tuberculosis"))
PATHOLOGY = Task("pathology", "classification", ("benign", "malignant"))
LESIONS = Task("lesions", "detection", ("lesion",))
MS_LESIONS = Task("lesions", "segmentation", ("background", "lesion"))
MS_BOXES = Task("boxes", "detection", ("lesion",))

_PHANTOMS_A_DOMAIN = 48


@dataclass(frozen=True)
class Group:
    """Datasets that teach one another, and the budget of every row.

    Parameters
    ----------
    datasets
        By name: all of it, with the one task that is learned; *validate* is development.
    elsewhere
        Tests of a dataset's student on a domain that nothing in the group learns from, by name: the dataset whose
        student it is, and the cases.
    preprocessing
        By dataset.
    settings
        Of the method, in every row.
    version
        One more each time code is changed in such a way that rows of the group become others; what was learned before
        is kept apart.
    """

    datasets: dict[str, Callable[[], Dataset]]
    schedule: Schedule
    preprocessing: dict[str, PreprocessingWishes]
    elsewhere: dict[str, tuple[str, Callable[[], Dataset]]] = field(default_factory=dict)
    widths: tuple[int, ...] = (8, 16, 32, 48)
    settings: dict[str, bool | float | str] = field(default_factory=dict)
    version: int = 1


def _busbra(side: str, task: Task) -> Dataset:
    """Return breast ultrasound with its pathology or its boxes in place of masks."""
    dataset, folder = busbra(side), data_folder() / "busbra"
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    known = _pathology if task is PATHOLOGY else _native_box
    cases = tuple(replace(case, annotations={task.name: known(case, rows[case.id])}) for case in dataset.cases)
    return replace(dataset, tasks={task.name: task}, cases=cases)


def _pathology(case: Case, row: dict[str, str]) -> ClassLabel:
    return ClassLabel(frozenset({row["pathology"]}), PATHOLOGY)


def _native_box(case: Case, row: dict[str, str]) -> Path:
    """Return the file of the lesion's box, which is written where it is not there."""
    path = WORK / "boxes" / "busbra" / f"{case.id}.json"
    if not path.is_file():
        x, y, w, h = (float(row[f"bbox_{name}"]) for name in "xywh")
        grid = read_volume(case.images).grid
        corners = np.array([[0.0, y, x, 1.0, y + h, x + w]])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_boxes(path, Boxes(corners, ("lesion",), grid, LESIONS).clipped())
    return path


def chest(site: str, task: Task, tested: int = 4) -> Dataset:
    """Return chest X-rays of a country: of five folds one tests, the one before it develops, the others train."""
    folder = data_folder() / f"cxr_{site}"
    folds = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
    order = [(tested + 1 + step) % len(folds) for step in range(len(folds))]
    sides = [
        [name for number in numbers for name in folds[f"fold{number}"]] for numbers in (order[:3], *zip(order[3:]))
    ]
    named = {name for side in sides for name in side}
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["image"] in named]
    cases = tuple(
        Case(
            row["image"],
            (folder / "images" / row["image"],),
            group=row["image"],
            domain=site,
            annotations={
                task.name: folder / "lung_masks" / row["image"]
                if task is LUNGS
                else ClassLabel(frozenset({row["class"]}), task)
            },
        )
        for row in rows
    )
    split = Split(*(tuple(side) for side in sides))
    return Dataset(site, ("x-ray",), Modality.XR, {task.name: task}, cases, split, folder=folder)


def _imported(source: Path, name: str) -> Dataset:
    """Return a dataset that has to be imported before it can be learned from."""
    folder = WORK / "imported" / name
    if not (folder / "medkd-dataset.json").is_file():
        write_source(source_at(source, ColumnWishes()), folder, name)
    return open_dataset(folder)


def bccd() -> Dataset:
    """Return blood smears with the boxes of their cells."""
    return replace(_imported(data_folder() / "bccd", "bccd"), name="bccd")


def pneumonia() -> Dataset:
    """Return chest X-rays of children, 28 pixels wide, with the official split."""
    source = data_folder() / "pneumoniamnist" / "pneumoniamnist.npz"
    return replace(_imported(source, "pneumoniamnist"), name="pneumoniamnist")


def _multiple_sclerosis(task: Task) -> Dataset:
    """Return three patients with four contrasts: one trains, one develops, one tests; boxes are lesions' components."""
    folder = data_folder() / "openms_mni3"
    contrasts = ("flair", "t1", "t1post", "t2")
    cases = []
    for name in ("patient26", "patient07", "patient19"):
        mask = folder / name / "lesion.nii.gz"
        images = tuple(folder / name / f"{contrast}.nii.gz" for contrast in contrasts)
        known = mask if task is MS_LESIONS else _component_boxes(name, images, mask)
        cases.append(Case(name, images, group=name, domain="ljubljana", annotations={task.name: known}))
    split = Split(("patient26",), ("patient07",), ("patient19",))
    return Dataset("openms", contrasts, Modality.MR, {task.name: task}, tuple(cases), split, folder=folder)


def _component_boxes(name: str, images: tuple[Path, ...], mask: Path) -> Path:
    path = WORK / "boxes" / "openms" / f"{name}.json"
    if not path.is_file():
        grid = read_volume(images).grid
        boxes = Boxes.from_mask(read_mask(mask, MS_LESIONS, grid=grid), MS_BOXES)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_boxes(path, boxes)
    return path


def _phantoms(domain: str, task: str) -> Dataset:
    """Return generated patients of one look."""
    folder = WORK / "imported" / f"{_PHANTOMS_A_DOMAIN}-phantoms-{domain}"
    if not (folder / "medkd-dataset.json").is_file():
        # Other seeds are other patients: none is in two domains.
        write_sample(folder, cases_per_domain=_PHANTOMS_A_DOMAIN, seed=DOMAINS.index(domain), domains=(domain,))
    dataset = open_dataset(folder)
    cases = tuple(replace(case, annotations={task: case.annotations[task]}) for case in dataset.cases)
    names = [case.id for case in cases]
    split = Split(tuple(names[:24]), tuple(names[24:32]), tuple(names[32:]))
    return replace(dataset, name=f"phantoms-{domain}", tasks={task: dataset.tasks[task]}, cases=cases, split=split)


def _all_tests(dataset: Dataset) -> Dataset:
    """Return a dataset that no network of a group has seen: what develops stays, everything else tests."""
    split = dataset.split
    return replace(dataset, split=Split((), split.validate, (*split.train, *split.test)))


_QUARTER = PreprocessingWishes(spacing=(1.0, 4.0, 4.0), patch=(1, 64, 64))
_THIRD = PreprocessingWishes(spacing=(1.0, 3.0, 3.0), patch=(1, 64, 64))
_WHOLE = PreprocessingWishes(patch=(1, 96, 96))
_SMALL = PreprocessingWishes(patch=(1, 32, 32))
_CUBE = PreprocessingWishes(spacing=(1.0, 1.0, 1.0), patch=(32, 32, 32))
_SHORT = Schedule(epochs=4, steps_per_epoch=150, batch_size=8, learning_rate=2e-3)
_IN_VOLUMES = _SHORT.replace(batch_size=2)

GROUPS = {
    "segmentation": Group(
        {"busbra": lambda: busbra("in site"), "montgomery": lambda: chest("montgomery", LUNGS), "chasedb1": chasedb1},
        _SHORT,
        {"busbra": _QUARTER, "montgomery": _QUARTER, "chasedb1": _THIRD},
        {"busbra-toshiba": ("busbra", lambda: busbra("cross-site"))},
        version=2,
    ),
    "classification": Group(
        {
            "shenzhen": lambda: chest("shenzhen", TUBERCULOSIS),
            "busbra": lambda: _busbra("in site", PATHOLOGY),
            "pneumoniamnist": pneumonia,
        },
        _SHORT,
        {"shenzhen": _WHOLE, "busbra": _WHOLE, "pneumoniamnist": _SMALL},
        {
            "montgomery": ("shenzhen", lambda: _all_tests(chest("montgomery", TUBERCULOSIS))),
            "busbra-toshiba": ("busbra", lambda: _busbra("cross-site", PATHOLOGY)),
        },
    ),
    "classification, the other country": Group(
        {"montgomery": lambda: chest("montgomery", TUBERCULOSIS), "pneumoniamnist": pneumonia},
        _SHORT,
        {"montgomery": _WHOLE, "pneumoniamnist": _SMALL},
        {"shenzhen": ("montgomery", lambda: _all_tests(chest("shenzhen", TUBERCULOSIS)))},
    ),
    "detection": Group(
        {"busbra": lambda: _busbra("in site", LESIONS), "bccd": bccd},
        _SHORT,
        {"busbra": _QUARTER, "bccd": PreprocessingWishes(spacing=(1.0, 4.0, 4.0), patch=(1, 64, 64))},
        {"busbra-toshiba": ("busbra", lambda: _busbra("cross-site", LESIONS))},
        version=3,
    ),
    "segmentation in volumes": Group(
        {
            "hippocampus": hippocampus,
            "openms": lambda: _multiple_sclerosis(MS_LESIONS),
            "phantoms-t1-like": lambda: _phantoms("t1-like", "organs"),
        },
        _IN_VOLUMES,
        {
            "hippocampus": _CUBE,
            "openms": _CUBE,
            "phantoms-t1-like": PreprocessingWishes(spacing=(5.0, 7.0, 7.0), patch=(32, 32, 32)),
        },
    ),
    "classification in volumes": Group(
        {f"phantoms-{domain}": lambda domain=domain: _phantoms(domain, "lesion") for domain in ("t1-like", "t2-like")},
        _IN_VOLUMES,
        {f"phantoms-{domain}": PreprocessingWishes(patch=(48, 48, 48)) for domain in ("t1-like", "t2-like")},
    ),
    "detection in volumes": Group(
        {
            "openms": lambda: _multiple_sclerosis(MS_BOXES),
            "phantoms-t1-like": lambda: _phantoms("t1-like", "lesions"),
            "phantoms-t2-like": lambda: _phantoms("t2-like", "lesions"),
        },
        _IN_VOLUMES,
        {
            "openms": _CUBE,
            **{
                f"phantoms-{domain}": PreprocessingWishes(spacing=(3.5, 5.0, 5.0), patch=(32, 32, 32))
                for domain in ("t1-like", "t2-like")
            },
        },
    ),
}
#: As everything was learned before decision record 0028.
GROUPS["segmentation, plain Dice"] = replace(GROUPS["segmentation"], settings={"log_dice": False})


def written(group: str, name: str) -> Path:
    """Return the manifest of a group's dataset, called by its name in the group."""
    folder = WORK / "datasets" / f"{group}-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    return write_dataset(replace(GROUPS[group].datasets[name](), name=name), folder)
