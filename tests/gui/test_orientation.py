"""The lettered phantom on a real canvas: upright in three planes, not mirrored in 3-D, whatever the file's order."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_medkd.gui.planes import PLANES, camera_of, keep_unmirrored, show_plane
from tests.gui.lettered_phantom import LETTERS_AT_MM, PLATES, save_phantom

pytestmark = pytest.mark.gui

ORIENTATIONS = [("RAS", 0.0), ("PIR", 0.0), ("SAL", 0.0), ("LAS", 25.0)]
#: Who must be seen where: left, right, top, bottom of the canvas.
SEEN = {"Axial": "RLAP", "Coronal": "RLSI", "Sagittal": "APSI"}
PURE = {"R": (1, 0, 0), "L": (0, 1, 0), "A": (0, 0, 1), "P": (1, 1, 0), "S": (0, 1, 1), "I": (1, 0, 1)}


@pytest.fixture
def phantom_viewer(make_napari_viewer: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    orientation, tilt = request.param
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1000, 800)
    for path in save_phantom(tmp_path, orientation, tilt_degrees=tilt):
        viewer.open(path, plugin="napari-medkd")
    labels = viewer.layers[1]
    labels.opacity = 1
    colours = {PLATES[letter]: (*colour, 1.0) for letter, colour in PURE.items()}
    labels.colormap = DirectLabelColormap(color_dict={None: (0, 0, 0, 0), 0: (0, 0, 0, 0)} | colours)
    return viewer


def _shot(viewer: Any, name: str) -> NDArray[np.uint8]:
    picture = viewer.screenshot(canvas_only=True, flash=False)
    folder = os.environ.get("MEDKD_SCREENSHOTS")
    if folder:
        from PIL import Image

        Image.fromarray(picture).save(Path(folder) / f"{name}.png")
    return picture


def _where_the_letters_are(layer: Any, axis: int) -> float:
    return float(layer.extent.world[:, axis].mean()) - LETTERS_AT_MM


def _seen(picture: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Return where each plate's colour is seen, as (row, column); plates that are not seen are left out."""
    colours = picture[..., :3].astype(float) / 255
    places = {}
    for letter, pure in PURE.items():
        wanted = np.array(pure, dtype=bool)
        strong = colours[..., wanted].min(axis=-1) - colours[..., ~wanted].max(axis=-1) > 0.35
        if strong.sum() >= 20:
            places[letter] = np.argwhere(strong).mean(axis=0)
    return places


@pytest.mark.parametrize("phantom_viewer", ORIENTATIONS, indirect=True, ids=lambda value: f"{value[0]}{value[1]:.0f}")
def test_the_body_stands_upright_in_three_planes_as_radiologists_see_it(phantom_viewer: Any) -> None:
    viewer = phantom_viewer
    for plane, (left, right, top, bottom) in SEEN.items():
        show_plane(viewer, plane)
        normal = PLANES[plane][0]
        viewer.dims.set_point(normal, _where_the_letters_are(viewer.layers[0], normal))

        seen = _seen(_shot(viewer, f"{plane}"))

        assert set(seen) == {left, right, top, bottom}, plane
        across, down = seen[right] - seen[left], seen[bottom] - seen[top]
        assert across[1] > 200, plane
        assert down[0] > 200, plane
        assert abs(across[0]) < 5, plane
        assert abs(down[1]) < 5, plane


@pytest.mark.parametrize("phantom_viewer", [("RAS", 0.0), ("PIR", 0.0)], indirect=True, ids=lambda value: value[0])
def test_the_body_is_not_mirrored_in_3d(phantom_viewer: Any) -> None:
    viewer = phantom_viewer
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    from_below = _seen(_shot(viewer, "3d-from-below"))
    camera_of(viewer).set_view_direction((0, 1, 0), (-1, 0, 0))
    from_the_front = _seen(_shot(viewer, "3d-from-the-front"))
    camera_of(viewer).set_view_direction((0, 0, -1), (-1, 0, 0))
    from_the_left = _seen(_shot(viewer, "3d-from-the-left"))

    # The nearer of two plates hides the other, so what is seen tells the third direction of a right-handed triple.
    for seen, near, far, right, up in (
        (from_below, "I", "S", ("R", "L"), ("P", "A")),
        (from_the_front, "A", "P", ("R", "L"), ("I", "S")),
        (from_the_left, "L", "R", ("A", "P"), ("I", "S")),
    ):
        assert near in seen
        assert far not in seen
        to_the_right = seen[right[1]] - seen[right[0]]
        upwards = seen[up[1]] - seen[up[0]]
        assert to_the_right[1] * -upwards[0] - to_the_right[0] * -upwards[1] > 100**2


@pytest.mark.parametrize("phantom_viewer", [("LPS", 0.0)], indirect=True, ids=lambda value: value[0])
def test_going_from_a_coronal_slice_to_3d_does_not_swap_left_and_right(phantom_viewer: Any) -> None:
    viewer = phantom_viewer
    keep_unmirrored(viewer)
    show_plane(viewer, "Coronal")

    viewer.dims.ndisplay = 3
    viewer.reset_view()
    seen = _seen(_shot(viewer, "3d-after-coronal"))

    assert "A" in seen, "the coronal plane is seen from the front"
    assert "P" not in seen
    assert seen["L"][1] - seen["R"][1] > 100
    assert seen["I"][0] - seen["S"][0] > 100


@pytest.mark.parametrize("phantom_viewer", [("LPS", 0.0)], indirect=True, ids=lambda value: value[0])
def test_the_3d_button_shows_the_body_from_the_front_after_any_plane(phantom_viewer: Any) -> None:
    viewer = phantom_viewer
    keep_unmirrored(viewer)
    for plane in PLANES:
        show_plane(viewer, plane)

        show_plane(viewer, "3D")
        seen = _seen(_shot(viewer, f"3d-after-{plane}"))

        assert "A" in seen, plane
        assert "P" not in seen, plane
        assert seen["L"][1] - seen["R"][1] > 100, plane
        assert seen["I"][0] - seen["S"][0] > 100, plane
