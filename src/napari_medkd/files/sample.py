"""The generated sample as a dataset on disk: NIfTI images, organ masks, lesion labels and boxes, a split, domains.

It is made to show what shape-intensity distillation is for: a network learns from the first domain (t1-like) alone and
is scored in all of them. No patient is in two domains.
"""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import Boxes, ClassLabel, Mask
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.errors import DatasetProblem, InputProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.manifest import MANIFEST, open_dataset, write_dataset
from napari_medkd.files.opening import write_boxes, write_mask, write_volume
from napari_medkd.files.phantom import CLASSES, DOMAINS, Phantom, make_phantom

ORGANS = Task("organs", "segmentation", CLASSES)
LESION = Task("lesion", "classification", ("no lesion", "lesion"))
LESIONS = Task("lesions", "detection", ("lesion",))

_NAME = "phantoms"
#: Scanners store their images in different orders; so does the sample.
_AXES_IN_FILE = {"t1-like": "RAS", "t2-like": "LPS", "ct-like": "LAS"}
_SEEDS_BETWEEN_SAMPLES = 10_000


def write_sample(
    folder: Path,
    *,
    cases_per_domain: int = 8,
    seed: int = 0,
    shape: tuple[int, int, int] = (64, 64, 64),
    domains: Sequence[str] = DOMAINS,
) -> Path:
    """Write the sample into the folder, which is made, and return the path of its manifest.

    The same arguments give the same bytes. Of the first domain's cases about 5 in 8 train, 1 validates and 2 test;
    those of every other domain test.

    Parameters
    ----------
    folder
        New, empty, or an older sample, which is replaced.
    cases_per_domain
        At least 1; every other one has lesions.
    seed
        Other seeds give other patients.
    shape
        Voxels (z, y, x) of each image.
    domains
        The looks to make, first the one to train on.

    Raises
    ------
    InputProblem
        Where an argument makes no sense, or the folder holds something else or cannot be written to.
    """
    if cases_per_domain < 1 or not domains:
        raise DatasetProblem("sample", "No case would be made.", "Ask for at least one case of at least one domain.")
    _prepare(folder)
    numbers = range(len(domains) * cases_per_domain)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # drawing is filters, which do not hold the interpreter
        cases = tuple(
            pool.map(
                lambda number: _write_case(
                    folder,
                    f"{domains[number // cases_per_domain]}_{number % cases_per_domain:02d}",
                    make_phantom(seed * _SEEDS_BETWEEN_SAMPLES + number, domains[number // cases_per_domain], shape),
                ),
                numbers,
            )
        )
    dataset = Dataset(
        name=_NAME,
        channels=("image",),
        modality=Modality.OTHER,
        tasks={task.name: task for task in (ORGANS, LESION, LESIONS)},
        cases=cases,
        split=_split([case.id for case in cases], cases_per_domain),
        folder=folder,
    )
    return write_dataset(dataset, folder)


def _split(names: list[str], cases_per_domain: int) -> Split:
    """Return the split of cases that are listed domain by domain."""
    num_test = max(cases_per_domain // 4, cases_per_domain > 2)
    num_validate = max(cases_per_domain // 8, cases_per_domain > 1)
    num_train = cases_per_domain - num_test - num_validate
    return Split(
        train=tuple(names[:num_train]),
        validate=tuple(names[num_train : num_train + num_validate]),
        test=tuple(names[num_train + num_validate :]),
    )


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(not path.name.startswith(".") for path in folder.iterdir()) and not _is_sample(folder):
            found = "The folder holds other files than a sample written earlier."
            raise DatasetProblem(str(folder), found, "Choose a new or an empty folder.")
        for name in ("images", "labels", "boxes"):
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise InputProblem.from_os_error(error, folder, "The folder cannot be made") from error


def _is_sample(folder: Path) -> bool:
    """Return whether the folder's manifest is one that `write_sample` wrote."""
    try:
        dataset = open_dataset(folder / MANIFEST)
    except InputProblem:
        return False
    are_ours = (re.fullmatch(rf"{re.escape(case.domain)}_\d\d+", case.id) for case in dataset.cases)
    return dataset.name == _NAME and all(are_ours)


def _write_case(folder: Path, name: str, phantom: Phantom) -> Case:
    grid = _grid(phantom)
    image, labels = folder / "images" / f"{name}.nii.gz", folder / "labels" / f"{name}.nii.gz"
    boxes = folder / "boxes" / f"{name}.json"
    intensities = np.rint(phantom.image).astype(np.int16)
    write_volume(image, Volume(intensities[np.newaxis], grid))
    write_mask(labels, Mask(phantom.labels, grid, ORGANS))
    found = phantom.corners_N6
    write_boxes(boxes, Boxes(found, ("lesion",) * len(found), grid, LESIONS))
    seen = ClassLabel(frozenset({LESION.classes[phantom.has_lesion]}), LESION)
    annotations: dict[str, Path | ClassLabel] = {ORGANS.name: labels, LESION.name: seen, LESIONS.name: boxes}
    return Case(name, (image,), group=name, domain=phantom.domain, annotations=annotations)


def _grid(phantom: Phantom) -> Grid:
    """Return the grid of the phantom with its middle at the world's origin."""
    z, y, x = phantom.labels.shape
    upright = Grid.upright((z, y, x), phantom.spacing_mm)
    affine = upright.affine.copy()
    affine[:3, 3] = -upright.to_world([[(z - 1) / 2, (y - 1) / 2, (x - 1) / 2]])[0]
    return Grid((z, y, x), affine, "mm", _AXES_IN_FILE.get(phantom.domain, "RAS"))
