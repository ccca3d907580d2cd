"""An OME-Zarr in the place of an earlier one: whatever happens, one of the two is whole."""

import shutil

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.files.opening import read_mask, write_mask


def test_a_folder_that_cannot_be_deleted_keeps_no_new_one_away(tmp_path, monkeypatch):
    task, grid = Task("organs", "segmentation", ("background", "liver")), Grid.upright((4, 5, 6))
    path = tmp_path / "mask.ome.zarr"
    write_mask(path, Mask(np.ones(grid.shape, np.uint8), grid, task))
    delete = shutil.rmtree

    def half(folder, ignore_errors=False):
        if not (folder / "zarr.json").exists() or str(folder).endswith(".part"):
            delete(folder, ignore_errors)
            return
        (folder / "zarr.json").unlink()
        if not ignore_errors:
            raise OSError(39, "Directory not empty")

    monkeypatch.setattr(shutil, "rmtree", half)
    write_mask(path, Mask(np.zeros(grid.shape, np.uint8), grid, task))

    assert not read_mask(path, task).labels.any()
