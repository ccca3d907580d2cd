import json
import os
import subprocess
import sys

import pytest


def facts(**environment):
    done = subprocess.run(
        [sys.executable, "-m", "napari_medkd.gui.probe"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, **environment},
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.gui
@pytest.mark.process
def test_the_probe_tells_qt_screen_and_opengl():
    found = facts()

    assert found["binding"] in ("PyQt6", "PySide6")
    assert found["opengl"]
    assert found["screen"]


@pytest.mark.process
def test_without_a_screen_the_probe_says_that_opengl_is_missing():
    assert "opengl_error" in facts(QT_QPA_PLATFORM="offscreen", DISPLAY="")
