from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.gui.colours import ONLY_FIRST, hex_of, rgba_of
from napari_medkd.gui.comparison import Comparison, grid_of_viewer
from napari_medkd.gui.layers import image_layers, mask_layer
from napari_medkd.gui.panels import Panel, difference
from napari_medkd.gui.planes import camera_of

pytestmark = pytest.mark.gui

TASK = Task("organs", "segmentation", ("background", "liver", "spleen"))
SHAPE = (12, 20, 16)


@pytest.fixture
def viewer(make_napari_viewer_proxy: Any) -> Any:
    """A window with three layers of the person's own: a scan, a hidden mask called as a panel will be, and points."""
    from napari.layers import Layer

    proxy = make_napari_viewer_proxy(show=True)
    grid = Grid.upright(SHAPE, (2.0, 1.0, 1.0))
    values = np.random.default_rng(0).uniform(0, 50, (1, *SHAPE)).astype(np.float32)
    [scan] = image_layers(Volume(values, grid), "scan")
    proxy.add_layer(Layer.create(*scan))
    proxy.add_layer(Layer.create(*mask_layer(Mask(np.ones(SHAPE, np.uint8), grid, TASK), "student")))
    proxy.add_points(np.zeros((1, 3)), name="points", units=("mm",) * 3)
    proxy.layers["student"].visible = False
    proxy.layers.selection = {proxy.layers["scan"], proxy.layers["points"]}
    proxy.layers.selection.active = proxy.layers["scan"]
    return proxy


@pytest.fixture
def panels() -> list[Panel]:
    one, other = np.full(SHAPE, 1, np.uint8), np.full(SHAPE, 2, np.uint8)
    return [
        Panel("teacher", one, TASK),
        Panel("student", other, TASK),
        Panel("difference:\nteacher vs none", difference(one, np.zeros_like(one))),
    ]


def _as_left(viewer: Any) -> dict[str, Any]:
    grid, camera = grid_of_viewer(viewer), camera_of(viewer)
    return {
        "layers": [(layer.name, layer.visible, layer.unique_id) for layer in viewer.layers],
        "selected": {layer.name for layer in viewer.layers.selection},
        "active": viewer.layers.selection.active.name,
        "grid": (grid.enabled, grid.stride, grid.shape, grid.spacing),
        "camera": (tuple(camera.center), camera.zoom),
        "ndisplay": viewer.dims.ndisplay,
    }


def _columns(viewer: Any) -> list[NDArray[np.float64]]:
    """Return the mean colour in the middle of each third of the canvas, strongest channel 1."""
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)
    height, width = picture.shape[:2]
    rows = slice(height // 2 - 20, height // 2 + 20)
    middles = [width * (2 * column + 1) // 6 for column in range(3)]
    means = [picture[rows, at - 20 : at + 20].mean(axis=(0, 1)) for at in middles]
    return [mean / mean.max() for mean in means]


def _wanted(colour: str) -> NDArray[np.float64]:
    values = np.array(rgba_of(colour)[:3])
    return values / values.max()


@pytest.mark.parametrize("ndisplay", [2, 3])
def test_the_panels_stand_from_left_to_right_each_in_its_colour(
    viewer: Any, panels: list[Panel], ndisplay: int
) -> None:
    viewer.dims.ndisplay = ndisplay

    Comparison(viewer).show(viewer.layers["scan"], panels)

    teacher, student, marks = _columns(viewer)
    np.testing.assert_allclose(teacher, _wanted(hex_of(1)), atol=0.3)
    np.testing.assert_allclose(student, _wanted(hex_of(2)), atol=0.3)
    np.testing.assert_allclose(marks, _wanted(ONLY_FIRST), atol=0.3)


def test_every_panel_draws_the_same_array_of_the_image(viewer: Any, panels: list[Panel]) -> None:
    comparison = Comparison(viewer)

    comparison.show(viewer.layers["scan"], panels)

    assert [layer.data is viewer.layers["scan"].data for layer in comparison.layers[::2]] == [True] * 3
    assert all(str(layer.units[0]) == "millimeter" for layer in comparison.layers)


def test_a_panel_is_headed_by_its_title(viewer: Any, panels: list[Panel]) -> None:
    comparison = Comparison(viewer)
    title = "teacher, given class means of the true mask"

    comparison.show(viewer.layers["scan"], [Panel(title, panels[0].labels, TASK), *panels[1:]])

    overlay = comparison.overlay(title)
    assert overlay.name_overlay.visible
    assert overlay.name.split() == title.split()
    assert max(len(line) for line in overlay.name.splitlines()) <= 24


def test_a_panel_cannot_be_painted_on_and_can_be_hidden(viewer: Any, panels: list[Panel]) -> None:
    comparison = Comparison(viewer)
    other = replace(panels[0], labels=panels[1].labels)

    for shown in (panels, [other, *panels[1:]]):  # put up, then exchanged in place
        comparison.show(viewer.layers["scan"], shown)
        overlay = comparison.overlay("teacher")
        overlay.mode = "paint"
        assert str(overlay.mode) == "pan_zoom"
        overlay.visible = False
        assert not overlay.visible
        overlay.visible = True


@pytest.mark.parametrize("was_grid", [False, True])
@pytest.mark.parametrize("ndisplay", [2, 3])
def test_leaving_restores_layers_selection_grid_and_camera(
    viewer: Any, panels: list[Panel], was_grid: bool, ndisplay: int
) -> None:
    grid = grid_of_viewer(viewer)
    viewer.dims.ndisplay = ndisplay
    grid.stride, grid.shape, grid.enabled = -3, (2, -1), was_grid
    camera_of(viewer).zoom = 7.5
    camera_of(viewer).center = (3.0, 4.0, 5.0)
    before = _as_left(viewer)
    comparison = Comparison(viewer)

    comparison.show(viewer.layers["scan"], panels)
    assert _as_left(viewer) != before
    comparison.leave()

    assert _as_left(viewer) == before
    assert not comparison.is_shown


def test_leaving_keeps_the_slice_and_the_plane_the_person_went_to(viewer: Any, panels: list[Panel]) -> None:
    comparison = Comparison(viewer)
    comparison.show(viewer.layers["scan"], panels)

    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_current_step(1, 3)
    comparison.leave()

    assert tuple(viewer.dims.order) == (1, 0, 2)
    assert viewer.dims.current_step[1] == 3


def test_what_the_person_does_to_the_layers_meanwhile_is_kept(viewer: Any, panels: list[Panel]) -> None:
    comparison = Comparison(viewer)
    comparison.show(viewer.layers["scan"], panels)

    viewer.layers.remove(comparison.layers[3])
    viewer.layers.remove("points")
    viewer.add_image(np.zeros(SHAPE), name="new", units=("mm",) * 3)
    comparison.leave()

    assert [(layer.name, layer.visible) for layer in viewer.layers] == [
        ("scan", True),
        ("student", False),
        ("new", True),
    ]
    assert viewer.layers.selection.active.name == "scan"


def test_turning_the_grid_off_by_naparis_button_leaves_the_comparison(viewer: Any, panels: list[Panel]) -> None:
    before = [layer.name for layer in viewer.layers]
    comparison = Comparison(viewer)
    comparison.show(viewer.layers["scan"], panels)

    grid_of_viewer(viewer).enabled = False

    assert not comparison.is_shown
    assert [layer.name for layer in viewer.layers] == before


def test_new_panels_take_the_old_ones_places_and_the_camera_stays(viewer: Any, panels: list[Panel]) -> None:
    comparison = Comparison(viewer)
    before = [layer.name for layer in viewer.layers]
    comparison.show(viewer.layers["scan"], panels)
    zoom = camera_of(viewer).zoom / 1.5
    camera_of(viewer).zoom = zoom

    comparison.show(viewer.layers["scan"], [panels[1], panels[0], panels[2]])

    assert camera_of(viewer).zoom == zoom
    first, second, _ = _columns(viewer)
    np.testing.assert_allclose(first, _wanted(hex_of(2)), atol=0.3)
    np.testing.assert_allclose(second, _wanted(hex_of(1)), atol=0.3)
    comparison.leave()
    assert [layer.name for layer in viewer.layers] == before


def test_the_voxels_of_masks_that_are_shown_already_are_not_written_again(viewer: Any, panels: list[Panel]) -> None:
    noted = [replace(panel, notes=("benign",)) for panel in panels]
    comparison, written = Comparison(viewer), []
    comparison.show(viewer.layers["scan"], noted)
    for layer in comparison.layers:
        layer.events.set_data.connect(lambda event: written.append(event.source.name))

    comparison.show(viewer.layers["scan"], [replace(panel, notes=("malignant",)) for panel in noted])

    assert [layer.name.split()[0] for layer in comparison.layers[2::3]] == ["malignant"] * 3
    assert written == []


def test_a_2d_picture_is_compared_as_well(make_napari_viewer_proxy: Any) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    picture = viewer.add_image(np.random.default_rng(0).integers(0, 60, (30, 20, 3), np.uint8), rgb=True)
    one = np.ones((30, 20), np.uint8)
    comparison = Comparison(viewer)

    comparison.show(picture, [Panel("student", one, TASK), Panel("true mask", 2 * one, TASK), Panel("both", one)])

    student, truth, marks = _columns(viewer)
    np.testing.assert_allclose(student, _wanted(hex_of(1)), atol=0.3)
    np.testing.assert_allclose(truth, _wanted(hex_of(2)), atol=0.3)
    np.testing.assert_allclose(marks, _wanted(ONLY_FIRST), atol=0.3)


def test_a_difference_tells_extra_missed_and_other_class_apart() -> None:
    first = np.array([0, 1, 1, 0, 2, 1], np.uint8)
    second = np.array([0, 1, 0, 2, 1, 2], np.uint8)

    np.testing.assert_array_equal(difference(first, second), [0, 0, 1, 2, 3, 3])


def test_painting_on_a_panel_does_not_change_what_it_was_made_of(viewer: Any, panels: list[Panel]) -> None:
    comparison, voxel = Comparison(viewer), (np.array([0]), np.array([0]), np.array([0]))

    for _ in range(2):  # the second time they are exchanged in place
        comparison.show(viewer.layers["scan"], panels)
        comparison.layers[1].data_setitem(voxel, 2)

    assert panels[0].labels[0, 0, 0] == 1
