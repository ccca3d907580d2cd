"""Small worlds in which methods can be held against their baselines.

*Two sites* image the same anatomy. A curved tube of two parts lies among tissue, bright strands, fluid and cortex of
its own intensity. The other site has another contrast curve and a smoother noise; no image of it is trained on.

In *two looks* patients of the generated sample, one anatomy under smooth deformations, are seen as by T1-weighted MR or
as by T2-weighted: labels are known of the first look, images without labels and tests are of the second.

*Two hospitals* see the same kind of nodule, solid or hollow, in noise among bright strands; no patient is in both.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_medkd.core.annotation import ClassLabel, Mask
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import write_mask, write_volume
from napari_medkd.files.sample import ORGANS, write_sample

SHAPE = (24, 40, 28)
TASK = Task("tube", "segmentation", ("background", "front", "back"))

NODULE = Task("nodule", "classification", ("solid", "hollow"))

_WIDTH = 32  # of a nodule's picture, in pixels

_CONTRAST_HERE = (0.0, 0.12, 0.45, 0.56, 0.75, 1.0)
_CONTRAST_THERE = (0.0, 0.15, 0.46, 0.56, 0.72, 0.95)


def _smooth(random: np.random.Generator, sigma: float, shape: tuple[int, ...] = SHAPE) -> NDArray[np.float64]:
    noise = ndimage.gaussian_filter(random.normal(size=shape), sigma, mode="wrap")
    return noise / noise.std()


def _labels(random: np.random.Generator) -> NDArray[np.uint8]:
    z, y, x = np.indices(SHAPE).astype(float)
    middle = np.array(SHAPE) / 2 + random.uniform(-2, 2, 3)
    along = (y - middle[1]) / random.uniform(9, 12)
    height = middle[0] + random.uniform(2, 4) * along**2 - 1
    side = middle[2] + random.uniform(-2, 2) * along
    thickness = (3.4 - 1.2 * along) * random.uniform(0.85, 1.15)
    across = np.hypot((z - height) / thickness, (x - side) / (1.3 * thickness))
    is_tube = across + along**6 + 0.1 * _smooth(random, 3) < 1
    return (is_tube * np.where(along > 0.1, 2, 1)).astype(np.uint8)


def tube(seed: int, *, other_site: bool) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return an image and its labels (z, y, x); the same seed is the same anatomy at both sites."""
    random = np.random.default_rng(seed)
    labels = _labels(random)
    image = 0.45 + 0.12 * _smooth(random, 4)
    image = np.where(_smooth(random, 3.2) > 0.9, 0.75, image)
    image = np.where(_smooth(random, 3) > 1.3, 0.12, image)
    is_cortex = np.abs(_smooth(random, 3.5)) < 0.22
    image = np.where(is_cortex, 0.56, image)
    image = np.where(labels > 0, 0.56 + 0.02 * random.normal(), image)
    image = ndimage.gaussian_filter(image, 0.6)
    if other_site:
        image = np.interp(image, _CONTRAST_HERE, _CONTRAST_THERE)
    noise = 0.04 * _smooth(random, 1.0) if other_site else 0.05 * random.normal(size=SHAPE)
    image = image * (1 + 0.1 * _smooth(random, 12)) + noise
    return (100 * image).astype(np.float32), labels


def two_sites(folder: Path, num_training: int, num_tests: int) -> Path:
    """Write training cases of one site and test cases of the other; return the manifest."""
    folder.mkdir(parents=True)
    cases, grid = [], Grid.upright(SHAPE)
    for number in range(num_training + num_tests):
        image, labels = tube(number, other_site=number >= num_training)
        name = f"case_{number}"
        paths = folder / f"{name}.nii.gz", folder / f"{name}_tube.nii.gz"
        write_volume(paths[0], Volume(image[None], grid))
        write_mask(paths[1], Mask(labels, grid, TASK))
        cases.append(Case(name, paths[:1], name, annotations={TASK.name: paths[1]}))
    names = tuple(case.id for case in cases)
    split = Split(names[:num_training], (), names[num_training:])
    dataset = Dataset("tubes", ("image",), Modality.MR, {TASK.name: TASK}, tuple(cases), split, folder=folder)
    return write_dataset(dataset, folder)


def two_looks(folder: Path, num_labelled: int, num_unlabelled: int, num_tests: int) -> tuple[Path, tuple[str, ...]]:
    """Write the world; return its manifest and the ids of the cases of the look of which labels are known."""
    num_others = num_unlabelled + num_tests
    sample = open_dataset(
        write_sample(folder / "sample", cases_per_domain=num_others, shape=(32, 32, 32), domains=("t1-like", "t2-like"))
    )
    labelled, others = sample.cases[:num_labelled], sample.cases[num_others:]
    cases = tuple(
        replace(case, annotations={ORGANS.name: case.annotations[ORGANS.name]}) for case in (*labelled, *others)
    )
    names = tuple(case.id for case in cases)
    num_training = num_labelled + num_unlabelled
    split = Split(names[:num_training], (), names[num_training:])
    (folder / "world").mkdir()
    dataset = replace(sample, tasks={ORGANS.name: ORGANS}, cases=cases, split=split)
    return write_dataset(dataset, folder / "world"), names[:num_labelled]


def nodule(seed: int, *, is_hollow: bool) -> NDArray[np.float32]:
    """Return a picture (y, x); a solid nodule is as bright as a hollow one's wall, less a quarter."""
    random = np.random.default_rng(seed)
    shape = (_WIDTH, _WIDTH)
    y, x = np.indices(shape).astype(float)
    image = 0.25 * _smooth(random, 4, shape) + 0.5 * (np.abs(_smooth(random, 3, shape)) < 0.12)
    middle, radius = random.uniform(9, _WIDTH - 9, 2), random.uniform(4.5, 6.5)
    distance = np.hypot(y - middle[0], (x - middle[1]) * random.uniform(0.85, 1.15)) / radius
    image += (distance < 1) & (distance >= 0.5) if is_hollow else 0.75 * (distance < 1)
    image = ndimage.gaussian_filter(image, 0.7) + 0.45 * random.normal(size=shape)
    return (100 * image).astype(np.float32)


def two_hospitals(folder: Path, seed: int, num_training: int, num_tests: int) -> tuple[Path, Path]:
    """Write a dataset of each hospital, half of its cases of either class; return their manifests."""
    here, there = (
        _hospital(folder / name, (2 * seed + number) * (num_training + num_tests), num_training, num_tests)
        for number, name in enumerate(("here", "there"))
    )
    return here, there


def _hospital(folder: Path, first: int, num_training: int, num_tests: int) -> Path:
    folder.mkdir(parents=True)
    cases, grid = [], Grid.upright((1, _WIDTH, _WIDTH))
    for number in range(first, first + num_training + num_tests):
        name, path = f"case_{number}", folder / f"case_{number}.nii.gz"
        is_hollow = bool(number % 2)
        write_volume(path, Volume(nodule(number, is_hollow=is_hollow)[None, None], grid))
        label = ClassLabel(frozenset({NODULE.classes[is_hollow]}), NODULE)
        cases.append(Case(name, (path,), name, annotations={NODULE.name: label}))
    names = tuple(case.id for case in cases)
    split = Split(names[:num_training], (), names[num_training:])
    tasks = {NODULE.name: NODULE}
    return write_dataset(
        Dataset(folder.name, ("image",), Modality.XR, tasks, tuple(cases), split, folder=folder), folder
    )
