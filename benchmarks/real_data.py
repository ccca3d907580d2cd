"""The real datasets of the benchmarks, as our datasets; read in place from the folder that MEDKD_DATA names."""

import csv
import json
import os
import sys
from pathlib import Path

from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality

HIPPOCAMPUS = Task("hippocampus", "segmentation", ("background", "anterior", "posterior"))
VESSELS = Task("vessels", "segmentation", ("background", "vessel"))
LESION = Task("lesion", "segmentation", ("background", "lesion"))


def data_folder() -> Path:
    """Return the folder of the real data, or end with a clear line."""
    folder = os.environ.get("MEDKD_DATA")
    if not folder or not Path(folder).is_dir():
        sys.exit("Set MEDKD_DATA to the folder that holds hippocampus_msd, hippocampus_oasis70 and busbra.")
    return Path(folder)


def _splits(folder: Path) -> dict[str, tuple[str, ...]]:
    return {name: tuple(ids) for name, ids in json.loads((folder / "splits.json").read_text()).items()}


def hippocampus() -> Dataset:
    """Return MSD hippocampus: train, development as validate, test; every image its own patient (none is named)."""
    folder = data_folder() / "hippocampus_msd"
    splits = _splits(folder)
    split = Split(splits["train"], splits["development"], splits["test"])
    named = [name for side in (split.train, split.validate, split.test) for name in side]
    cases = tuple(
        Case(
            name,
            (folder / "images" / f"{name}.nii.gz",),
            group=name,
            domain="msd",
            annotations={HIPPOCAMPUS.name: folder / "labels" / f"{name}.nii.gz"},
        )
        for name in named
    )
    return Dataset("hippocampus", ("T1",), Modality.MR, {HIPPOCAMPUS.name: HIPPOCAMPUS}, cases, split, folder=folder)


def oasis() -> Dataset:
    """Return the second site of the hippocampus, with one label; development as validate; patients are subjects."""
    folder = data_folder() / "hippocampus_oasis70"
    splits = _splits(folder)
    split = Split((), splits["development"], splits["test"])
    whole = Task(HIPPOCAMPUS.name, "segmentation", ("background", "hippocampus"))
    cases = tuple(
        Case(
            name,
            (folder / "images" / f"{name}.nii.gz",),
            group=name.split("_")[0],
            domain="oasis",
            annotations={whole.name: folder / "labels" / f"{name}.nii.gz"},
        )
        for name in (*split.validate, *split.test)
    )
    return Dataset("oasis", ("T1",), Modality.MR, {whole.name: whole}, cases, split, folder=folder)


def busbra(side: str) -> Dataset:
    """Return breast ultrasound: ``in site`` (GE scanners: train, test) or ``cross-site`` (Toshiba and U-Systems).

    The release has no in-site development cases, so 60 of the 560 training cases, drawn once, serve as such.
    """
    folder = data_folder() / "busbra"
    splits = _splits(folder)
    if side == "in site":
        held_out = splits["train"][::9][:60]
        train = tuple(name for name in splits["train"] if name not in set(held_out))
        split = Split(train, held_out, splits["in_domain_test"])
    else:
        split = Split((), splits["cross_development"], splits["cross_test"])
    named = {name for names in (split.train, split.validate, split.test) for name in names}
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["id"] in named]
    masks = folder / "masks"
    cases = tuple(
        Case(
            row["id"],
            (folder / "images" / f"{row['id']}.png",),
            group=row["case"],
            domain=row["device"],
            annotations={LESION.name: masks / f"{row['id']}.png"},
        )
        for row in rows
    )
    return Dataset(f"busbra {side}", ("B-mode",), Modality.US, {LESION.name: LESION}, cases, split, folder=folder)


def chasedb1() -> Dataset:
    """Return retinal photographs with the first observer's vessels; 8 of 14 children train, 2 develop, 4 test."""
    folder = data_folder() / "chasedb1"
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    children = sorted({row["child"] for row in rows})
    sides = (children[:8], children[8:10], children[10:])
    split = Split(*(tuple(row["id"] for row in rows if row["child"] in side) for side in sides))
    cases = tuple(
        Case(
            row["id"],
            (folder / "images" / f"{row['id']}.jpg",),
            group=row["child"],
            domain="chasedb1",
            annotations={VESSELS.name: folder / "masks_obs1" / f"{row['id']}.png"},
        )
        for row in rows
    )
    channels = ("red", "green", "blue")
    return Dataset("chasedb1", channels, Modality.OTHER, {VESSELS.name: VESSELS}, cases, split, folder=folder)
