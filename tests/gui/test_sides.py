"""Radiological and neurological views of the lettered phantom on a real canvas, and the letters at its edges."""

from pathlib import Path
from typing import Any

import pytest

from napari_medkd.gui.direction_letters import keep_letters
from napari_medkd.gui.planes import keep_unmirrored, show_plane
from napari_medkd.gui.sides import PLACES
from napari_medkd.gui.state import session_of
from tests.gui.seen_plates import open_phantom, seen_plates, shot_of, show_letters

pytestmark = pytest.mark.gui

#: Who must be seen where: left, right, top, bottom of the canvas.
SEEN = {
    "radiological": {"Axial": "RLAP", "Coronal": "RLSI", "Sagittal": "APSI"},
    "neurological": {"Axial": "LRAP", "Coronal": "LRSI", "Sagittal": "APSI"},
}


@pytest.fixture
def viewer(make_napari_viewer: Any, tmp_path: Path) -> Any:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1000, 800)
    keep_unmirrored(viewer)
    keep_letters(viewer)
    open_phantom(viewer, tmp_path, "LPS")
    return viewer


def letters_on(viewer: Any) -> str:
    """Return the letters that are seen, left, right, top and bottom."""
    texts = viewer.canvas.overlays
    down, across = [[texts[f"medkd_{place}"] for place in places] for places in PLACES]
    return "".join(text.text if text.visible else "-" for text in (*across, *down))


@pytest.mark.parametrize("sides", ["radiological", "neurological"])
def test_body_and_letters_stand_where_the_sides_say(viewer: Any, sides: str) -> None:
    session_of(viewer).sides = sides

    for plane, wanted in SEEN[sides].items():
        show_letters(viewer, plane)

        seen = seen_plates(shot_of(viewer, f"{sides}-{plane}"))

        left, right, top, bottom = wanted
        assert set(seen) == set(wanted), plane
        assert seen[right][1] - seen[left][1] > 200, plane
        assert seen[bottom][0] - seen[top][0] > 200, plane
        assert letters_on(viewer) == wanted


def test_changing_sides_turns_the_view_and_nothing_else(viewer: Any) -> None:
    show_letters(viewer, "Axial")
    layer = viewer.layers[0]
    before = layer.scale.copy(), layer.translate.copy(), viewer.dims.point, layer.data.copy()

    session_of(viewer).sides = "neurological"

    assert letters_on(viewer) == "LRAP"
    assert (layer.scale == before[0]).all()
    assert (layer.translate == before[1]).all()
    assert viewer.dims.point == before[2]
    assert (layer.data == before[3]).all()
    session_of(viewer).sides = "radiological"
    assert letters_on(viewer) == "RLAP"


def test_the_volume_is_never_mirrored_and_has_no_letters(viewer: Any) -> None:
    session_of(viewer).sides = "neurological"
    show_plane(viewer, "Axial")

    show_plane(viewer, "3D")
    seen = seen_plates(shot_of(viewer, "neurological-3d"))

    assert "A" in seen
    assert "P" not in seen
    assert seen["L"][1] - seen["R"][1] > 100
    assert letters_on(viewer) == "----"


def test_images_of_others_are_neither_turned_nor_lettered(make_napari_viewer: Any) -> None:
    import numpy as np

    viewer = make_napari_viewer()
    keep_unmirrored(viewer)
    keep_letters(viewer)
    viewer.add_image(np.zeros((4, 5, 6)))
    session_of(viewer).sides = "neurological"

    assert str(viewer.scene.camera.orientation[2]) == "right"
    assert letters_on(viewer) == "----"


def test_letters_go_with_the_image(viewer: Any) -> None:
    assert letters_on(viewer) != "----"

    viewer.layers.clear()

    assert letters_on(viewer) == "----"


def white_rows(viewer: Any, columns: int, *, from_below: bool = False) -> list[int]:
    """Return the rows of the outer tenth in which the middle of the first panel is white, as letters are."""
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].min(axis=-1)[:: -1 if from_below else 1]
    height, middle = len(picture) // 10, picture.shape[1] // (2 * columns)
    is_white = (picture[:height, middle - 8 : middle + 8] > 200).any(axis=1)
    return [row for row in range(height) if is_white[row]]


@pytest.mark.parametrize("from_below", [False, True])
def test_in_panels_the_letters_leave_place_for_titles_and_notes(viewer: Any, qtbot: Any, from_below: bool) -> None:
    show_letters(viewer, "Axial")
    viewer.layers[0].visible = False
    alone = white_rows(viewer, 1, from_below=from_below)
    viewer.canvas.grid.shape = (1, 3)
    viewer.canvas.grid.enabled = True
    qtbot.wait(200)

    assert min(white_rows(viewer, 3, from_below=from_below)) > max(alone) + 10

    viewer.canvas.grid.enabled = False
    qtbot.wait(200)
    assert white_rows(viewer, 1, from_below=from_below) == alone
