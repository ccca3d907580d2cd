from pathlib import Path

from napari_medkd.gui.shelf import shelf_of
from napari_medkd.gui.state import Session


def test_the_docks_of_a_session_look_through_its_runs_together(tmp_path: Path):
    session = Session(runs_folder=tmp_path / "mine")
    shelf = shelf_of(session)

    assert shelf_of(session) is shelf
    assert shelf_of(Session(runs_folder=tmp_path / "mine")) is not shelf

    session.runs_folder = tmp_path / "others"

    assert shelf_of(session).folder == tmp_path / "others"
