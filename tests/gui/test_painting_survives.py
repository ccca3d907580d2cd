"""A viewer that is killed in the middle of painting loses little."""

import os
import signal
import subprocess
import sys
import time

import pytest

from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import read_mask
from tests.gui.annotating import unpainted

pytestmark = pytest.mark.gui

STROKES = 60
MOST_LOST_SECONDS = 5.0


def test_sixty_strokes_then_kill(tiny_dataset, tmp_path):
    write_dataset(unpainted(tiny_dataset, tmp_path), tmp_path)
    environment = os.environ | {"MEDKD_RUNS": str(tmp_path / "runs")}
    command = [sys.executable, "-m", "tests.gui.painting_child", str(tmp_path), str(STROKES)]
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        for line in child.stdout:
            moment, voxels = line.split()
            said.append((float(moment), int(voxels)))
            if len(said) == STROKES:
                break
        killed_at = time.time()
        child.send_signal(signal.SIGKILL)

    assert len(said) == STROKES
    assert said[-1][1] > said[0][1] > 0
    dataset = open_dataset(tmp_path)
    (task,) = dataset.tasks.values()
    mask = read_mask(dataset.case("case_0").annotations[task.name], task)
    safe = [voxels for moment, voxels in said if moment <= killed_at - MOST_LOST_SECONDS]
    assert safe, "painting took less time than may be lost"
    assert (mask.labels > 0).sum() >= safe[-1]
