"""Files, folders and datasets that a person drops on the canvas, as real drop events within a running event loop."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialog, QProgressDialog, QPushButton, QRadioButton

from napari_medkd.gui.state import session_of
from napari_medkd.gui.widgets.dock import dock_of
from tests.files.dicom_series_made import save_series
from tests.gui.person import Person

pytestmark = pytest.mark.gui

OURS = "Medical knowledge distillation"


@pytest.fixture
def viewer(make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    viewer = make_napari_viewer(show=True)
    monkeypatch.setitem(get_settings().plugins.extension2reader, "*.nii.gz", "napari-medkd")  # else napari asks
    session_of(viewer).asks_at_closing = False
    return viewer


def drop(viewer: Any, *paths: Path) -> None:
    """Drop files on the canvas as soon as the event loop runs."""
    target = viewer.window._qt_viewer
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, free = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

    def act() -> None:
        QApplication.sendEvent(target, QDragEnterEvent(QPoint(50, 50), copy, data, left, free))
        QApplication.sendEvent(target, QDropEvent(QPointF(50, 50), copy, data, left, free, QEvent.Type.Drop))

    QTimer.singleShot(0, act)


def pick_our_reader(dialog: QDialog) -> None:
    """Answer napari's question which reader shall open a folder."""
    [mine] = [one for one in dialog.findChildren(QRadioButton) if one.text() == OURS]
    mine.setChecked(True)
    [accept] = [one for one in dialog.findChildren(QPushButton) if one.text().strip("&") == "OK"]
    QTest.mouseClick(accept, Qt.MouseButton.LeftButton)


@pytest.fixture
def person(viewer: Any) -> Any:
    person = Person(QDialog)
    yield person
    person.leave()


def test_a_dropped_scan_is_shown_with_letters_and_its_window(viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-1000, 500, (9, 8, 7)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 1.0, 2.0, 1.0])), tmp_path / "ct.nii.gz")

    drop(viewer, tmp_path / "ct.nii.gz")

    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20_000)
    assert viewer.layers[0].contrast_limits == [-160, 240]
    assert viewer.canvas.overlays["medkd_middle_left"].text == "R"
    assert viewer.canvas.overlays["medkd_middle_left"].visible


def test_a_dropped_folder_of_dicom_is_one_image(viewer: Any, person: Person, qtbot: Any, tmp_path: Path) -> None:
    save_series(tmp_path / "scan", np.full((3, 8, 8), 7, np.uint16))
    person.will(pick_our_reader)

    drop(viewer, tmp_path / "scan")

    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20_000)
    assert viewer.layers[0].data.shape == (3, 8, 8)


def test_a_dropped_manifest_opens_in_the_data_dock_with_its_first_case(
    viewer: Any, qtbot: Any, tiny_dataset: Path
) -> None:
    drop(viewer, tiny_dataset / "medkd-dataset.json")

    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=20_000)
    dock = dock_of(viewer, "Data")
    assert dock is not None
    assert len(dock.state.rows) == 6
    assert session_of(viewer).opened.case.id == "case_0"


def test_a_dropped_folder_of_images_and_labels_is_a_dataset(
    viewer: Any, person: Person, qtbot: Any, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        for kind, values in (("images", np.arange(60)), ("labels", np.arange(60) % 2)):
            (tmp_path / "study" / kind).mkdir(parents=True, exist_ok=True)
            image = nibabel.Nifti1Image(values.reshape(5, 4, 3).astype(np.int16), np.eye(4))
            nibabel.save(image, tmp_path / "study" / kind / f"{name}.nii.gz")
    person.will(pick_our_reader)

    drop(viewer, tmp_path / "study")

    qtbot.waitUntil(lambda: session_of(viewer).opened is not None, timeout=20_000)
    assert session_of(viewer).opened.case.id == "a"


def test_a_large_scan_that_is_cancelled_leaves_nothing_behind(
    viewer: Any, person: Person, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_medkd.files import packed

    values = np.random.default_rng(0).integers(0, 4000, (160, 160, 100)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "large.nii.gz")
    monkeypatch.setattr(packed, "_BLOCK", 16)  # as slow as a far larger one
    person.will(lambda dialog: QTest.mouseClick(dialog.findChildren(QPushButton)[0], Qt.MouseButton.LeftButton))

    drop(viewer, tmp_path / "large.nii.gz")

    qtbot.waitUntil(lambda: bool(person.saw), timeout=20_000)
    assert isinstance(person.saw[0], QProgressDialog)
    qtbot.wait(200)
    assert len(viewer.layers) == 0


def test_a_script_beside_a_window_gets_the_layers_of_a_dataset(viewer: Any, tiny_dataset: Path) -> None:
    layers = viewer.open(tiny_dataset / "medkd-dataset.json", plugin="napari-medkd")

    assert [layer.name for layer in layers] == ["case_0", "case_0 · shapes (truth)"]
    assert dock_of(viewer, "Data") is None
