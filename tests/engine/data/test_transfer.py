"""A reference moved onto a case: on the case's own grid, by as many millimetres as the flow says."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.measures import dice
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.data import transfer
from napari_medkd.engine.data.registered import Registered
from napari_medkd.engine.data.transfer import transfers
from napari_medkd.engine.networks.registration import Matching
from napari_medkd.files.opening import read_volume, write_mask, write_volume

pytestmark = pytest.mark.engine

TASK = Task("organs", "segmentation", ("background", "organ"))
SHAPE, SPACING = (14, 24, 20), (3.0, 1.0, 1.5)


class Push(nn.Module):
    """Says of every image that it is to be pushed by as many voxels."""

    def __init__(self, *by):
        super().__init__()
        self.by = torch.tensor(by)

    def forward(self, moving, fixed):
        del moving
        flow = self.by.reshape(1, -1, *[1] * len(self.by)).expand(1, -1, *fixed.shape[2:])
        return Matching(flow.contiguous(), fixed)


def anatomy(shape, at):
    """Return intensities of 400 to 1100 with an ellipsoid, and its label."""
    index = np.indices(shape)
    radius = [max(size / 5, 0.6) for size in shape]
    away = sum(((axis - centre) / one) ** 2 for axis, centre, one in zip(index, at, radius, strict=True))
    gradient = 100 * index[1] / shape[1] + 200 * index[2] / shape[2]
    return (400 + gradient + 400 * np.exp(-away)).astype(np.float32), (away <= 1).astype(np.uint8)


def placed(shape, first, axes_in_file):
    """Return an upright grid elsewhere, whose file has other axes."""
    affine = Grid.upright(shape, SPACING).affine.copy()
    affine[:3, 3] = first
    return Grid(shape, affine, "mm", axes_in_file)


def bench_of(folder, reference, case, first=(40.0, -30.0, 12.0)):
    """Write reference and case, each as (intensities, label), into other places and file axes, and open a bench."""
    shape = reference[0].shape
    for name, (image, label), grid in (
        ("reference", reference, placed(shape, (0.0, 0.0, 0.0), "RAS")),
        ("case", case, placed(shape, first, "LPS")),
    ):
        write_volume(folder / f"{name}.nii.gz", Volume(image[None], grid))
        write_mask(folder / f"{name}-label.nii.gz", Mask(label, grid, TASK))
    listed = [{"id": "reference", "images": ["reference.nii.gz"], "annotations": {"organs": "reference-label.nii.gz"}}]
    manifest = {
        "schema_version": 1,
        "name": "two",
        "channels": ["image"],
        "modality": "MR",
        "tasks": {"organs": {"kind": "segmentation", "classes": list(TASK.classes)}},
        "cases": [*listed, {"id": "case", "images": ["case.nii.gz"]}],
    }
    (folder / "medkd-dataset.json").write_text(json.dumps(manifest))
    spec = TrainSpec(
        datasets=(folder,),
        references=("reference",),
        method=MethodChoice(name="one-shot"),
        network=NetworkChoice(widths=(4, 8)),
        preprocessing=PreprocessingWishes(spacing=(1.5, 1.0, 1.0)),
        hardware=Hardware(device="cpu", precision="fp32"),
    )
    return open_bench(spec, frozenset({"segmentation"}))


def shown(bench, network, *, aligned=True):
    """Return the reference on the case; where it is not aligned, one lies on the other voxel by voxel."""
    references, cases = bench.training_cases, bench.unlabelled_cases
    registered = Registered(references, cases, bench.machine, None)
    if not aligned:
        dimensions = bench.preprocessing.dimensions
        same = np.eye(dimensions, dimensions + 1, dtype=np.float32)
        registered._alignments.get("reference~case", lambda: same)
    (picture,) = transfers(registered, references, network)(cases[0])
    return picture


@pytest.mark.parametrize("at_once", [2**20, 3 * 24 * 20])
def test_a_flow_moves_the_reference_by_its_millimetres_on_grids_of_other_voxels(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(transfer, "_VOXELS_AT_ONCE", at_once)
    image, label = anatomy(SHAPE, (7, 12, 10))
    bench = bench_of(tmp_path, (image, label), (image, label))

    # Networks see voxels of 1.5 x 1 x 1 mm: 3 mm further down, 2 mm forward, 3 mm to the right.
    picture = shown(bench, Push(2.0, -2.0, -3.0), aligned=False)

    # In the files' voxels of 3 x 1 x 1.5 mm: 1, -2 and -2.
    expected = np.roll(image, (-1, 2, 2), (0, 1, 2))
    inside = (slice(1, -2), slice(3, -1), slice(3, -1))
    np.testing.assert_allclose(picture.volume.data[0][inside], expected[inside], atol=0.01)
    np.testing.assert_array_equal(picture.mask.labels[inside], np.roll(label, (-1, 2, 2), (0, 1, 2))[inside])
    assert (picture.name, picture.of) == ("warped reference", "reference")


def test_the_warped_reference_lies_on_the_cases_own_grid(tmp_path):
    reference = anatomy(SHAPE, (7, 12, 10))
    bench = bench_of(tmp_path, reference, reference)

    picture = shown(bench, Push(0.0, 0.0, 0.0), aligned=False)

    grid = read_volume(tmp_path / "case.nii.gz").grid
    for found in (picture.volume.grid, picture.mask.grid):
        assert found.shape == SHAPE
        assert found.axes_in_file == "LPS"
        np.testing.assert_allclose(found.affine, grid.affine)
    np.testing.assert_allclose(picture.volume.data[0], reference[0], atol=0.01)


def test_whole_intensities_stay_whole(tmp_path):
    image, label = anatomy(SHAPE, (7, 12, 10))
    bench = bench_of(tmp_path, (image.astype(np.uint16), label), (image, label))

    picture = shown(bench, Push(0.3, 0.0, 0.0), aligned=False)

    assert picture.volume.data.dtype == np.uint16
    assert abs(picture.volume.data[0][1:-1].astype(float) - image[1:-1]).max() < 60


def test_beyond_the_reference_there_is_nothing(tmp_path):
    image, label = anatomy(SHAPE, (7, 12, 10))
    bench = bench_of(tmp_path, (image, np.ones_like(label)), (image, label))

    picture = shown(bench, Push(0.0, 0.0, -3.0), aligned=False)

    assert (picture.volume.data[0][..., :2] == image.min()).all()
    assert (picture.mask.labels[..., :2] == 0).all()
    assert (picture.mask.labels[..., 2:] == 1).all()


@pytest.mark.parametrize("shape", [SHAPE, (1, 48, 40)], ids=["volumes", "planes"])
def test_a_case_that_is_the_reference_moved_gets_the_label_where_it_belongs(tmp_path, shape):
    middle = np.array(shape) // 2
    reference, case = anatomy(shape, middle), anatomy(shape, middle + (np.array(shape) > 1) * [1, -3, 2])
    bench = bench_of(tmp_path, reference, case)

    picture = shown(bench, Push(*[0.0] * bench.preprocessing.dimensions))

    before, after = (dice(label, case[1], 2)[1] for label in (reference[1], picture.mask.labels))
    assert after > max(0.9, before)
