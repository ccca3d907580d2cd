"""A reference and a case on disk with a bench over them, and a network that says a flow that is known."""

import json

import torch
from torch import nn

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.networks.registration import Matching
from napari_medkd.files.opening import write_mask, write_volume

TASK = Task("organs", "segmentation", ("background", "organ"))
SPACING = (3.0, 1.0, 1.5)


class Push(nn.Module):
    """Says of every image that it is to be pushed by as many voxels."""

    def __init__(self, *by):
        super().__init__()
        self.by = torch.tensor(by)

    def forward(self, moving, fixed):
        del moving
        flow = self.by.reshape(1, -1, *[1] * len(self.by)).expand(1, -1, *fixed.shape[2:])
        return Matching(flow.contiguous(), fixed)


def placed(shape, first, axes_in_file, spacing):
    """Return an upright grid elsewhere, whose file has other axes."""
    affine = Grid.upright(shape, spacing).affine.copy()
    affine[:3, 3] = first
    return Grid(shape, affine, "mm", axes_in_file)


def bench_of(folder, reference, case, *, spacing=SPACING, seen_at=(1.5, 1.0, 1.0)):
    """Write reference and case, each as (intensities, label), into other places and file axes, and open a bench."""
    shape = reference[0].shape
    for name, (image, label), grid in (
        ("reference", reference, placed(shape, (0.0, 0.0, 0.0), "RAS", spacing)),
        ("case", case, placed(shape, (40.0, -30.0, 12.0), "LPS", spacing)),
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
        preprocessing=PreprocessingWishes(spacing=seen_at),
        hardware=Hardware(device="cpu", precision="fp32"),
    )
    return open_bench(spec, frozenset({"segmentation"}))
