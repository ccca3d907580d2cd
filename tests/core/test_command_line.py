import subprocess
import sys

import pytest

from napari_medkd.core.command_line import command_line


@pytest.mark.process
def test_a_command_line_can_be_pasted_into_a_shell(tmp_path):
    printing = [sys.executable, "-c", "import sys; print(sys.argv[1:])", str(tmp_path / "my run's"), "--resume"]

    printed = subprocess.run(command_line(printing), shell=True, check=True, capture_output=True, text=True).stdout

    assert printed.strip() == str(printing[3:])


def test_windows_has_quotes_of_its_own(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("os.name", "nt")
        line = command_line(["medkd", "train", "--run", r"C:\my runs\liver"])

    assert line == r'medkd train --run "C:\my runs\liver"'
