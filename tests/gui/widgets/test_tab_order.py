"""The Tab key goes through the Train dock as the eye does, whatever its form holds."""

from itertools import pairwise

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.members import Member
from napari_medkd.gui.presenters import train
from napari_medkd.gui.widgets.train_dock import TrainDock
from tests.gui.presenting import demo_card
from tests.pictures import write_pictures

pytestmark = pytest.mark.gui

FEW = {"type": "object", "properties": {"weight": {"type": "number", "title": "Weight", "default": 1.0}}}
PLAIN = demo_card("plain", "nothing").replace(settings_schema=FEW)
JOINT = demo_card("joint", "masks", needs="labels of several datasets")


@pytest.fixture
def dock(make_napari_viewer_proxy, qtbot, tmp_path, monkeypatch):
    """The dock with a study of two datasets, as high as all it shows, with everything unfolded."""
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(train, "cards_of", lambda interpreter, **_: (PLAIN, JOINT))
    folders = [write_pictures(tmp_path / name, name) for name in ("cells", "spots")]
    dock = TrainDock(make_napari_viewer_proxy())
    qtbot.addWidget(dock)
    dock.resize(420, 2400)
    study = tuple(Member(folder, open_dataset(folder)) for folder in folders)
    dock.session.study = study
    dock.session.dataset_path, dock.session.dataset = folders[0], study[0].dataset
    dock.show()
    dock.settle()
    qtbot.waitUntil(lambda: dock.start.isEnabled(), timeout=20_000)
    dock.presenter.choices.choose_method("plain")
    for section in (dock.form.method_section, dock.form.advanced_section, dock.spec_section):
        section.show_content(True)
    return dock


def heights_of_a_round(dock, qtbot):
    """Return how far down what has the focus stands, each time Tab is pressed from *Start training* back to it."""
    dock.start.setFocus()
    heights = []
    while not heights or (dock.focusWidget() is not dock.start and len(heights) < 100):
        qtbot.keyClick(dock.focusWidget(), Qt.Key.Key_Tab)
        heights.append(dock.focusWidget().mapTo(dock, QPoint(0, 0)).y())
    return heights


@pytest.mark.parametrize("keys", [(), ("Down",), ("Down", "Up")])
def test_tab_goes_from_top_to_bottom_whatever_methods_were_chosen(dock, qtbot, keys):
    for key in keys:
        qtbot.keyClick(dock.form.method, Qt.Key[f"Key_{key}"])
    assert dock.form.targets.isVisible() is (keys == ("Down",))  # in place of the list of tasks
    qtbot.wait(50)  # the layouts take their places

    heights = heights_of_a_round(dock, qtbot)

    assert len(heights) > 15
    a_row = 8  # what stands side by side may differ a little
    assert [later for earlier, later in pairwise(heights) if later < earlier - a_row] == []
