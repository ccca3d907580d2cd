"""The lettered phantom on a real canvas: upright in three planes, not mirrored in 3-D, whatever the file's order."""

from pathlib import Path
from typing import Any

import pytest

from napari_medkd.gui.planes import PLANES, camera_of, keep_unmirrored, show_plane
from tests.gui.seen_plates import open_phantom, seen_plates, shot_of, show_letters

pytestmark = pytest.mark.gui

ORIENTATIONS = [("RAS", 0.0), ("PIR", 0.0), ("SAL", 0.0), ("LAS", 25.0)]
#: Who must be seen where: left, right, top, bottom of the canvas.
SEEN = {"Axial": "RLAP", "Coronal": "RLSI", "Sagittal": "APSI"}


@pytest.fixture
def phantom_viewer(make_napari_viewer: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    orientation, tilt = request.param
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1000, 800)
    open_phantom(viewer, tmp_path, orientation, tilt_degrees=tilt)
    return viewer


@pytest.mark.parametrize("phantom_viewer", ORIENTATIONS, indirect=True, ids=lambda value: f"{value[0]}{value[1]:.0f}")
def test_the_body_stands_upright_in_three_planes_as_radiologists_see_it(phantom_viewer: Any) -> None:
    viewer = phantom_viewer
    for plane, (left, right, top, bottom) in SEEN.items():
        show_letters(viewer, plane)

        seen = seen_plates(shot_of(viewer, f"{plane}"))

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
    from_below = seen_plates(shot_of(viewer, "3d-from-below"))
    camera_of(viewer).set_view_direction((0, 1, 0), (-1, 0, 0))
    from_the_front = seen_plates(shot_of(viewer, "3d-from-the-front"))
    camera_of(viewer).set_view_direction((0, 0, -1), (-1, 0, 0))
    from_the_left = seen_plates(shot_of(viewer, "3d-from-the-left"))

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
    seen = seen_plates(shot_of(viewer, "3d-after-coronal"))

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
        seen = seen_plates(shot_of(viewer, f"3d-after-{plane}"))

        assert "A" in seen, plane
        assert "P" not in seen, plane
        assert seen["L"][1] - seen["R"][1] > 100, plane
        assert seen["I"][0] - seen["S"][0] > 100, plane
