"""What the status bar says under a real mouse pointer."""

import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from qtpy.QtCore import QPoint
from qtpy.QtTest import QTest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.gui.keeping import keep_all
from napari_medkd.gui.layers import image_layers, mask_layer
from napari_medkd.gui.pointer import place_in_words

pytestmark = pytest.mark.gui

TOLD = re.compile(r"R (-?[\d.]+)  A (-?[\d.]+)  S (-?[\d.]+) mm(?:: (.+))?")


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    keep_all(viewer)
    return viewer


def told_under(viewer: Any, qtbot: Any, across: float, down: float) -> str:
    """Move the mouse to a place on the canvas, and return what the bar tells then."""
    canvas = viewer.window._qt_viewer.canvas.native
    for nudge in (3, 0):
        place = QPoint(round(across * canvas.width()) + nudge, round(down * canvas.height()))
        QTest.mouseMove(canvas, place)
        qtbot.wait(50)
    viewer.update_status_from_cursor()  # done by a thread where a real pointer is
    return str(viewer.window._qt_window.statusBar()._coordinates.text())


def add(viewer: Any, data: Any) -> Any:
    from napari.layers import Layer

    return viewer.add_layer(Layer.create(*data))


def test_the_place_of_an_oblique_scan_is_where_its_file_says_it_is(viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    turn = np.deg2rad(25)
    affine = np.array(
        [
            [-1.5, 0, 0, 40.0],
            [0, 2 * np.cos(turn), -3 * np.sin(turn), -30.0],
            [0, 2 * np.sin(turn), 3 * np.cos(turn), -20.0],
            [0, 0, 0, 1],
        ]
    )
    values = np.random.default_rng(0).permutation(40 * 30 * 20).reshape(40, 30, 20).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / "t1.nii.gz")
    viewer.open(tmp_path / "t1.nii.gz", plugin="napari-medkd")

    found = [TOLD.fullmatch(told_under(viewer, qtbot, across, down)) for across, down in ((0.45, 0.4), (0.6, 0.55))]

    assert all(found)
    for one in found:
        *place, value = one.groups()
        voxel = np.linalg.inv(affine) @ [*map(float, place), 1]
        i, j, k = (int(index) for index in np.rint(voxel[:3]))
        near = values[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2, max(0, k - 1) : k + 2]
        assert int(value) == values[i, j, k] or (np.abs(voxel[:3] % 1 - 0.5).min() < 0.06 and int(value) in near)


def test_a_ct_is_told_in_hounsfield_units_and_a_class_by_its_name(viewer: Any, qtbot: Any) -> None:
    grid = Grid.upright((4, 20, 20), (2.0, 1.0, 1.0))
    scan = Volume(np.full((1, 4, 20, 20), -77, np.int16), grid, modality=Modality.CT)
    organs = Mask(np.full(grid.shape, 1, np.uint8), grid, Task("organs", "segmentation", ("background", "liver")))
    image = add(viewer, image_layers(scan, "scan")[0])
    add(viewer, mask_layer(organs, "organs"))

    over_mask = told_under(viewer, qtbot, 0.5, 0.5)
    viewer.layers.selection.active = image
    over_image = told_under(viewer, qtbot, 0.52, 0.52)

    assert TOLD.fullmatch(over_mask)[4] == "1; class: liver"
    assert TOLD.fullmatch(over_image)[4] == "-77 HU"


def test_an_mr_has_no_unit_and_beside_an_image_there_is_no_value(viewer: Any, qtbot: Any) -> None:
    scan = Volume(np.full((1, 4, 20, 60), 300, np.int16), Grid.upright((4, 20, 60)), modality=Modality.MR)
    add(viewer, image_layers(scan, "scan")[0])

    assert TOLD.fullmatch(told_under(viewer, qtbot, 0.5, 0.5))[4] == "300"
    assert TOLD.fullmatch(told_under(viewer, qtbot, 0.5, 0.03))[4] is None


def test_a_picture_without_a_size_and_the_layers_of_others_are_told_as_napari_does(viewer: Any, qtbot: Any) -> None:
    picture = Volume(np.full((1, 1, 20, 20), 9, np.uint8), Grid.upright((1, 20, 20), unit="pixel"))
    add(viewer, image_layers(picture, "photo")[0])
    assert told_under(viewer, qtbot, 0.5, 0.5).startswith("[")

    viewer.layers.clear()
    viewer.add_image(np.zeros((20, 20)))
    assert told_under(viewer, qtbot, 0.45, 0.5).startswith("[")


def test_minus_zero_is_zero() -> None:
    assert place_in_words(-0.01, 2.26, -3.0) == "R 0.0  A 2.3  S -3.0 mm"
