import pytest
from qtpy.QtCore import Qt

from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.state import Session
from napari_medkd.gui.widgets.all_cases_box import AllCasesBox
from tests.gui.answering_run import make_run, scripted_python

pytestmark = [pytest.mark.gui, pytest.mark.process]


def test_what_is_predicted_is_stopped_by_the_button_that_began_it(tiny_dataset, tmp_path, qtbot, monkeypatch):
    monkeypatch.setenv("MEDKD_SCRIPT", "wait")
    run = make_run(tmp_path / "runs", tiny_dataset)
    session = Session(dataset=open_dataset(tiny_dataset), dataset_path=tiny_dataset, run=run)
    session.interpreter = scripted_python(tmp_path)
    box = AllCasesBox(session)
    qtbot.addWidget(box)
    qtbot.mouseClick(box.predict, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "are predicted" in box.words.text(), timeout=60_000)
    assert box.predict.text() == "Stop"

    qtbot.mouseClick(box.predict, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: box.predict.text() == "Predict all", timeout=60_000)
    assert box.problems.toPlainText() == ""
