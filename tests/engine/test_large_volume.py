"""A volume of 4.2 GB: opened, trained from and predicted in a process of its own that never holds it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from napari_medkd.core.task import Task
from napari_medkd.files.opening import read_mask, read_volume
from tests.engine.large_volume import CHUNK, make

pytestmark = [pytest.mark.engine, pytest.mark.process]

MOST_BYTES = 1.5e9
ROOT = Path(__file__).parents[2]
ORGANS = Task("organs", "segmentation", ("background", "organ"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("large")
    make(made)
    return made


def started(folder, task):
    command = [sys.executable, "-m", "tests.engine.large_volume", str(folder), task]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)


def said(folder, task):
    """Return what the process told when it was done."""
    process = started(folder, task)
    out, err = process.communicate(timeout=1500)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


def finished(folder):
    """Return the pieces that are finished, by the chunks that are written last."""
    return set((folder / "answers" / "unfinished").glob("*/asked/organs/sums/c/*/0"))


def killed_with(folder, number):
    """Start a prediction, and kill it when so many pieces are finished."""
    process = started(folder, "predict-in-small-pieces")
    began = time.monotonic()
    while len(finished(folder)) < number:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() - began < 200
        time.sleep(0.05)
    process.kill()
    process.communicate()


def test_it_opens_without_being_read(folder):
    began = psutil.Process().memory_info().rss

    volume = read_volume(folder / "image.ome.zarr")

    assert volume.data.nbytes > 4e9
    assert volume.is_on_disk
    assert psutil.Process().memory_info().rss - began < 2e8


def test_patches_are_cut_from_where_it_lies(folder):
    found = said(folder, "crops")

    assert found["peak"] < MOST_BYTES
    assert len(found["bright"]) == 5
    assert found["part"] == [1, 192, 192, 192]


def test_a_prediction_that_is_killed_goes_on_with_what_is_missing(folder):
    killed_with(folder, 1)
    before = {path: path.stat().st_mtime_ns for path in finished(folder)}

    killed_with(folder, len(before) + 1)

    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_patches_hold_the_labels_that_belong_to_them(folder):
    found = said(folder, "labelled-crops")

    assert found["peak"] < MOST_BYTES
    assert all(found["labelled"])
    assert found["agree"]


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_the_whole_is_predicted_and_written_without_being_held(folder):
    found = said(folder, "predict")

    assert found["peak"] < MOST_BYTES
    (path,) = found["paths"]
    mask = read_mask(Path(path) / "mask.ome.zarr", ORGANS, grid=read_volume(folder / "image.ome.zarr").grid)
    assert mask.is_on_disk
    assert np.asarray(mask.labels[320 : 320 + CHUNK, 640 : 640 + CHUNK, 640 : 640 + CHUNK]).mean() > 0.95
    assert not np.asarray(mask.labels[100:300, 100:300, 100:300]).any()
    assert not (folder / "answers" / "unfinished").exists()
