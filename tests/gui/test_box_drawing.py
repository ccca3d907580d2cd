from typing import Any

import numpy as np
import pytest

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume

napari_layers = pytest.importorskip("napari.layers")

from napari_medkd.gui.box_drawing import BoxDrawing, BoxSet  # noqa: E402 - napari first
from napari_medkd.gui.canvas import placed_like  # noqa: E402
from napari_medkd.gui.colours import hex_of, rgba_of  # noqa: E402
from napari_medkd.gui.layers import image_layers  # noqa: E402
from napari_medkd.gui.viewpoint import Viewpoint  # noqa: E402
from tests.gui.answered import FOUND  # noqa: E402

PICTURE = Grid.upright((1, 30, 40), unit="pixel")
ANISOTROPIC = Grid.upright((10, 20, 30), (5.0, 1.0, 0.5))


def turned() -> Grid:
    """Return a grid that is tilted by 20 degrees about the axis from left to right."""
    angle = np.deg2rad(20)
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = ANISOTROPIC.affine.copy()
    affine[:3, :3] = tilt @ affine[:3, :3]
    affine[:3, 3] = (30, -20, 100)
    return Grid(ANISOTROPIC.shape, affine)


def drawn(grid: Grid, corners: list[tuple[float, ...]], scores: list[float] | None, channels: int = 1) -> Any:
    """Return the drawing of tumours, the last one a cyst, on the image of the last channel, and that image."""
    values = np.zeros((channels, *grid.shape), np.float32)
    names = tuple(f"channel {number}" for number in range(channels))
    image = napari_layers.Layer.create(*image_layers(Volume(values, grid, names), "scan")[-1])
    classes = (*["tumour"] * (len(corners) - 1), "cyst")
    boxes = Boxes(np.array(corners, float).reshape(-1, 6), classes, grid, FOUND)
    known = None if scores is None else np.array(scores)
    return BoxDrawing(BoxSet(boxes, known), "boxes", placed_like(image), len(image.scale)), image


def sees(axis: int | None, plane: int = 0, pixel: float = 0.5) -> Viewpoint:
    across = np.zeros((2, 3))
    rows, columns = [one for one in range(3) if one != (0 if axis is None else axis)]
    across[0, rows] = across[1, columns] = 1
    return Viewpoint(axis, plane, pixel, across)


def texts(drawing: BoxDrawing) -> list[str]:
    """Return the labels, each once: it is drawn five times, the last one in colour on a dark rim."""
    return list(drawing.labels.text.values)[4::5]


@pytest.mark.parametrize("grid", [ANISOTROPIC, turned()], ids=["anisotropic", "turned"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_box_lies_on_its_voxels_on_every_plane_of_the_image(grid: Grid, channels: int, axis: int) -> None:
    drawing, image = drawn(grid, [(2, 4, 6, 5, 9, 12)], [0.9], channels)

    drawing.follow(sees(axis, (3, 5, 7)[axis]))

    starts = np.array([drawing.lines.data_to_world(point) for point in drawing.lines.data[:, 0]])
    low, high = [1.5, 3.5, 5.5], [4.5, 8.5, 11.5]
    low[axis] = high[axis] = (3, 5, 7)[axis]
    np.testing.assert_allclose(starts.min(axis=0), image.data_to_world(low))
    np.testing.assert_allclose(starts.max(axis=0), image.data_to_world(high))


def test_a_box_of_a_picture_has_two_axes() -> None:
    drawing, _ = drawn(PICTURE, [(0, 4, 6, 1, 9, 12)], [0.9])

    drawing.follow(sees(0))

    np.testing.assert_array_equal(drawing.lines.data[:, 0].min(axis=0), [3.5, 5.5])
    assert drawing.lines.ndim == drawing.labels.ndim == 2


def test_only_the_boxes_of_the_slice_are_drawn_in_the_colours_of_their_classes() -> None:
    drawing, _ = drawn(ANISOTROPIC, [(0, 0, 0, 3, 5, 5), (2, 0, 0, 6, 5, 5)], [0.9, 0.4])
    numbers = []

    for plane in (1, 2, 4, 8):
        drawing.follow(sees(0, plane))
        numbers.append(len(drawing.lines.data) // 4)
    drawing.follow(sees(0, 4))

    assert numbers == [1, 2, 1, 0]
    np.testing.assert_allclose(drawing.lines.edge_color[0], rgba_of(hex_of(1)), atol=1e-6)
    assert texts(drawing) == ["cyst 0.40"]


def test_in_space_every_box_has_twelve_edges() -> None:
    drawing, _ = drawn(ANISOTROPIC, [(0, 0, 0, 3, 5, 5), (2, 0, 0, 6, 5, 5)], [0.9, 0.4])

    drawing.follow(sees(None))

    assert len(drawing.lines.data) == 24
    assert texts(drawing) == ["tumour 0.90", "cyst 0.40"]


def test_the_threshold_takes_boxes_away_and_brings_them_back() -> None:
    drawing, _ = drawn(PICTURE, [(0, 0, 0, 1, 5, 5), (0, 9, 9, 1, 12, 12)], [0.9, 0.4])
    drawing.follow(sees(0))
    seen = []

    for count in (1, 0, 2):
        drawing.keep(count)
        seen.append((len(drawing.lines.data) // 4, texts(drawing)))

    assert seen == [(1, ["tumour 0.90"]), (0, []), (2, ["tumour 0.90", "cyst 0.40"])]


def test_a_hidden_drawing_is_brought_up_to_date_when_it_is_seen_again() -> None:
    drawing, _ = drawn(ANISOTROPIC, [(0, 0, 0, 3, 5, 5)], [0.9])
    drawing.follow(sees(0, 1))
    drawing.lines.visible = drawing.labels.visible = False

    drawing.follow(sees(1, 2))
    assert (drawing.lines.data[:, 0, 0] == 1).all()
    drawing.lines.visible = True
    drawing.follow(sees(1, 2))

    assert (drawing.lines.data[:, 0, 1] == 2).all()


def test_true_boxes_are_dashed_and_have_no_labels() -> None:
    drawing, _ = drawn(PICTURE, [(0, 4, 6, 1, 14, 26)], None)

    drawing.follow(sees(0))

    assert drawing.labels is None
    lengths = np.linalg.norm(drawing.lines.data[:, 1], axis=1)
    assert len(lengths) > 8
    assert lengths.sum() == pytest.approx(0.5 * 60, rel=0.1)


def test_a_line_is_as_wide_on_the_screen_at_any_zoom() -> None:
    drawing, _ = drawn(ANISOTROPIC, [(0, 0, 0, 3, 5, 5)], [0.9])
    widths = []

    for pixel in (1.0, 0.25):
        drawing.follow(sees(0, 1, pixel))
        widths.append(drawing.lines.edge_width)

    assert widths[0] == pytest.approx(4 * widths[1])
    assert widths[0] == pytest.approx(2.0 / np.sqrt(1.0 * 0.5))  # two pixels of 1 mm, in voxels of 1 x 0.5 mm


def test_of_many_boxes_the_surest_are_labelled() -> None:
    corners = [(0, 0, n % 30, 1, 5, n % 30 + 5) for n in range(100)]
    drawing, _ = drawn(PICTURE, corners, np.linspace(1, 0, 100).tolist())

    drawing.follow(sees(0))

    assert len(drawing.lines.data) == 400
    assert len(texts(drawing)) == 40
    assert texts(drawing)[0] == "tumour 1.00"


def test_no_boxes_draw_nothing() -> None:
    drawing, _ = drawn(PICTURE, [(0, 0, 0, 1, 5, 5)], [0.1])
    drawing.keep(0)

    drawing.follow(sees(0))

    assert len(drawing.lines.data) == 0
    assert texts(drawing) == []
