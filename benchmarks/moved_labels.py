"""A reference's label on other images: copied, or moved by classical registration or by a registration network."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.grid import Grid
from napari_medkd.core.run_layout import RESOLVED
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.volume import Volume
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.checkpoint import Checkpoints
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.data.registered import Registered
from napari_medkd.engine.data.transfer import transfers
from napari_medkd.engine.method import settings_of
from napari_medkd.engine.refinement import Refined
from napari_medkd.engine.resolved import read_resolved
from napari_medkd.files.opening import read_mask, read_volume, write_mask, write_volume
from napari_medkd.methods import method_named

#: The Python of an environment that has picsl-greedy; see greedy_warp.py.
GREEDY = "MEDKD_GREEDY_PYTHON"


def copied_label(dataset: Dataset, reference: str) -> Callable[[Case, Volume], Mask]:
    """Return what lays the reference's label on an image, centre on centre, voxel for voxel."""
    labels = _label(dataset, reference).labels

    def draw(_case: Case, volume: Volume) -> Mask:
        (task,) = dataset.tasks.values()
        placed = np.zeros(volume.grid.shape, labels.dtype)
        there, here = zip(*(_overlap(a, b) for a, b in zip(placed.shape, labels.shape, strict=True)), strict=True)
        placed[there] = labels[here]
        return Mask(placed, volume.grid, task)

    return draw


def registered_label(dataset: Dataset, reference: str) -> Callable[[Case, Volume], Mask]:
    """Return what moves the reference's label onto an image with greedy."""
    python = os.environ.get(GREEDY)
    if not python:
        sys.exit(f"Set {GREEDY} to the Python of an environment that has picsl-greedy; see greedy_warp.py.")
    (task,) = dataset.tasks.values()
    still = dataset.case(reference)

    def draw(case: Case, volume: Volume) -> Mask:
        with tempfile.TemporaryDirectory() as folder:
            moving, label, fixed, out = (
                Path(folder) / f"{name}.nii.gz" for name in ("moving", "label", "fixed", "moved-label")
            )
            write_volume(moving, _one_channel(read_volume(still.images, channels=dataset.channels)))
            mask = _label(dataset, reference)
            write_mask(label, replace(mask, grid=_plane_first(mask.grid)))
            write_volume(fixed, _one_channel(volume))
            script, dimensions = Path(__file__).with_name("greedy_warp.py"), 2 if volume.grid.is_flat else 3
            command = [python, str(script), str(dimensions), *map(str, (moving, label, fixed, out))]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            return read_mask(out, task, grid=volume.grid)

    return draw


def _one_channel(volume: Volume) -> Volume:
    """Return the only channel, or of a colour picture the green one, in which vessels stand out."""
    number = 1 if len(volume.channels) == 3 else 0
    one = slice(number, number + 1)
    return replace(volume, data=volume.data[one], channels=volume.channels[one], grid=_plane_first(volume.grid))


def _plane_first(grid: Grid) -> Grid:
    """Return the grid of a picture so that a file of it has the axes of its plane first, as greedy needs them."""
    return replace(grid, axes_in_file="LPI") if grid.is_flat else grid


def network_registered_label(spec: TrainSpec, run: Path) -> Callable[[Case, Volume], Mask]:
    """Return what moves the reference's label onto an image with the registration network of a one-shot run."""
    method = method_named(spec.method.name)
    settings = settings_of(method, spec.method)
    bench = open_bench(spec, method.tasks, read_resolved(run / RESOLVED))
    network = bench.registration_network()
    if not Checkpoints(run).restore_product("registration", network):
        raise RuntimeError(f"{run} has no registration network.")
    registered = Registered(bench.training_cases, bench.unlabelled_cases, bench.machine, None)
    closer = Refined(network.eval(), settings.refinement)
    show = transfers(registered, bench.training_cases, closer)

    def draw(case: Case, _volume: Volume) -> Mask:
        (asked,) = Cases(bench.dataset, bench.tasks, (case.id,), bench.preprocessing, labelled=False)
        (picture,) = show(asked)
        if picture.mask is None:
            raise RuntimeError(f"The reference came onto {case.id} without its label.")
        return picture.mask

    return draw


def _label(dataset: Dataset, reference: str) -> Mask:
    (task,) = dataset.tasks.values()
    case = dataset.case(reference)
    volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)
    path = case.annotations[task.name]
    if not isinstance(path, Path):
        raise TypeError(reference)
    return read_mask(path, task, grid=volume.grid, label_map=dataset.label_maps.get(task.name))


def _overlap(there: int, here: int) -> tuple[slice, slice]:
    """Return where two lines of so many voxels lie on one another, their middles together."""
    size, shift = min(there, here), (there - here) // 2
    return slice(max(shift, 0), max(shift, 0) + size), slice(max(-shift, 0), max(-shift, 0) + size)
