from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Prediction, ScoredBoxes
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume

napari_layers = pytest.importorskip("napari.layers")

from napari_medkd.gui.box_layers import boxes_layers  # noqa: E402 - napari first
from napari_medkd.gui.colours import hex_of, rgba_of  # noqa: E402
from napari_medkd.gui.layers import (  # noqa: E402
    grid_of,
    grid_of_placement,
    image_layers,
    mask_layer,
    placement,
    resampled_labels,
    source_of,
    task_of,
)
from napari_medkd.gui.overlays import prediction_layers  # noqa: E402

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"))
LESIONS = Task("lesions", "detection", ("cyst", "tumour"))


def _upright(shape: tuple[int, int, int], spacing: tuple[float, float, float], first_ras: Any) -> Grid:
    grid = Grid.upright(shape, spacing)
    affine = grid.affine.copy()
    affine[:3, 3] = first_ras
    return replace(grid, affine=affine)


def _layer(data: tuple[Any, dict[str, Any], str]) -> Any:
    return napari_layers.Layer.create(*data)


def test_a_layer_stands_where_its_voxels_are_in_the_world_counted_towards_inferior_posterior_left() -> None:
    grid = _upright((4, 5, 6), (3.0, 2.0, 1.0), (30.0, -20.0, 100.0))
    [data] = image_layers(Volume(np.zeros((1, 4, 5, 6), np.float32), grid), "scan")

    layer = _layer(data)

    world = grid.to_world(np.array([[1, 2, 3]]))[0]
    np.testing.assert_allclose(layer.data_to_world((1, 2, 3)), -world[::-1])
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
    assert layer.axis_labels == ("inferior", "posterior", "left")
    assert (np.array(layer.scale) > 0).all()


def test_an_oblique_image_keeps_its_true_grid_and_the_place_of_its_middle() -> None:
    turn = np.deg2rad(20)
    tilt = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    upright = _upright((4, 5, 6), (3.0, 2.0, 1.0), (30.0, -20.0, 100.0))
    affine = upright.affine.copy()
    affine[:3, :3] = tilt @ affine[:3, :3]
    grid = Grid(upright.shape, affine, axes_in_file="LAS")
    [data] = image_layers(Volume(np.zeros((1, 4, 5, 6), np.float32), grid), "scan")

    layer = _layer(data)

    middle = (np.array(grid.shape) - 1) / 2
    np.testing.assert_allclose(layer.data_to_world(middle), -grid.to_world(middle[None])[0][::-1])
    np.testing.assert_allclose(layer.scale, grid.spacing)
    kept = grid_of(layer.metadata, layer.data.shape)
    assert kept is not None
    assert kept.matches(grid, tolerance=1e-9)
    assert kept.axes_in_file == "LAS"


def test_a_layer_whose_array_was_cropped_no_longer_has_the_grid_of_its_file() -> None:
    grid = Grid.upright((4, 5, 6))
    [(_, keywords, _)] = image_layers(Volume(np.zeros((1, 4, 5, 6)), grid), "scan")

    assert grid_of(keywords["metadata"], (4, 5, 5)) is None
    assert grid_of({}, (4, 5, 6)) is None


def test_one_plane_opens_as_a_picture_of_two_axes() -> None:
    grid = Grid.upright((1, 5, 6), unit="pixel")
    [data] = image_layers(Volume(np.zeros((1, 1, 5, 6), np.uint8), grid), "photo")

    layer = _layer(data)

    assert layer.ndim == 2
    assert [str(unit) for unit in layer.units] == ["pixel"] * 2
    assert layer.axis_labels == ("y", "x")
    assert layer.contrast_limits == [0.0, 255.0]


def test_red_green_and_blue_become_one_picture_in_colour() -> None:
    data = np.zeros((3, 1, 5, 6), np.uint8)
    data[1] = 200
    volume = Volume(data, Grid.upright((1, 5, 6), unit="pixel"), ("red", "green", "blue"))

    [layer] = [_layer(one) for one in image_layers(volume, "slide")]

    assert layer.rgb
    assert tuple(layer.data[2, 3]) == (0, 200, 0)


def test_channels_become_layers_of_which_the_first_is_seen() -> None:
    volume = Volume(np.zeros((2, 4, 5, 6)), Grid.upright((4, 5, 6)), ("t1", "flair"), source=Path("scan.nii.gz"))

    layers = [_layer(one) for one in image_layers(volume, "patient")]

    assert [layer.name for layer in layers] == ["patient · t1", "patient · flair"]
    assert [layer.visible for layer in layers] == [True, False]
    assert source_of(layers[1].metadata) == Path("scan.nii.gz")


def test_a_mask_has_its_classes_colours_and_remembers_their_names() -> None:
    labels = np.zeros((2, 3, 4), np.uint8)
    labels[0, 0, 1] = 2

    layer = _layer(mask_layer(Mask(labels, Grid.upright((2, 3, 4)), ORGANS), "organs"))

    np.testing.assert_allclose(layer.get_color(2), rgba_of(hex_of(2)), atol=1e-3)
    assert task_of(layer.metadata) == ORGANS


def test_a_label_beyond_the_classes_is_seen() -> None:
    layer = _layer(mask_layer(Mask(np.zeros((2, 3, 4), np.uint8), Grid.upright((2, 3, 4)), ORGANS), "organs"))

    assert layer.get_color(9)[3] == 1


def test_a_mask_of_another_grid_is_resampled_to_the_image_not_just_drawn() -> None:
    fine = _upright((8, 8, 8), (1.0, 1.0, 1.0), (7.0, 7.0, 7.0))
    coarse = _upright((4, 4, 4), (2.0, 2.0, 2.0), (6.5, 6.5, 6.5))
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[1, 2, 3] = 1

    data, keywords, _ = mask_layer(Mask(labels, coarse, ORGANS), "organs", on=fine)

    expected = np.zeros((8, 8, 8), np.uint8)
    expected[2:4, 4:6, 6:8] = 1
    np.testing.assert_array_equal(data, expected)
    assert keywords["scale"] == (1.0, 1.0, 1.0)


def test_resampling_there_and_back_between_grids_of_any_axis_order_changes_nothing() -> None:
    labels = np.random.default_rng(1).integers(0, 3, (3, 4, 5), np.uint8)
    for order, signs in product(permutations(range(3)), product((-1.0, 1.0), repeat=3)):
        turned = np.zeros((3, 3))
        turned[range(3), order] = signs
        affine = np.eye(4)
        affine[:3, :3] = turned
        other = Grid((7, 7, 7), affine)
        home = other.affine.copy()
        home[:3, 3] = other.to_world(np.array([[1.0, 1.0, 1.0]]))[0]
        grid = Grid((3, 4, 5), home)

        back = resampled_labels(resampled_labels(labels, grid, other), other, grid)

        np.testing.assert_array_equal(back, labels)


def test_boxes_are_rectangles_on_the_edges_of_the_voxels_they_hold() -> None:
    mask = np.zeros((5, 6, 7), np.uint8)
    mask[1:3, 2:4, 3:6] = 1
    grid = Grid.upright((5, 6, 7), (2.0, 1.0, 1.0))
    kinds = Task("organs", "detection", ("liver",))
    boxes = Boxes.from_mask(Mask(mask, grid, ORGANS), kinds)

    rectangles, wires = (_layer(one) for one in boxes_layers(boxes, "boxes"))

    corners = np.array(rectangles.data)
    assert sorted(set(corners[:, :, 0].ravel())) == [1, 2]
    np.testing.assert_array_equal(corners[:, :, 1:].min(axis=(0, 1)), [1.5, 2.5])
    np.testing.assert_array_equal(corners[:, :, 1:].max(axis=(0, 1)), [3.5, 5.5])
    ends = wires.data[:, 0] + wires.data[:, 1]
    assert len(wires.data) == 12
    np.testing.assert_allclose(ends.max(axis=0), [2.5, 3.5, 5.5], atol=0.01)
    np.testing.assert_allclose(wires.scale, grid.spacing)


def test_a_box_carries_its_class_and_score_as_features() -> None:
    grid = Grid.upright((1, 10, 10), unit="pixel")
    boxes = Boxes(np.array([[0, 1, 1, 1, 4, 4], [0, 5, 5, 1, 9, 9.0]]), ("tumour", "cyst"), grid, LESIONS)
    [layer] = [_layer(one) for one in boxes_layers(ScoredBoxes(boxes, np.array([0.9, 0.4])), "boxes")]

    assert layer.ndim == 2
    assert layer.features["class"].tolist() == ["tumour", "cyst"]
    assert layer.features["score"].tolist() == [0.9, 0.4]
    np.testing.assert_allclose(layer.edge_color[0], rgba_of(hex_of(2)), atol=1e-3)


def test_boxes_of_another_grid_are_moved_to_the_image() -> None:
    fine, coarse = Grid.upright((8, 8, 8)), _upright((4, 4, 4), (2.0, 2.0, 2.0), (-0.5, -0.5, -0.5))
    boxes = Boxes(np.array([[1, 1, 1, 2, 2, 3.0]]), ("cyst",), coarse, LESIONS)

    rectangles, _ = boxes_layers(boxes, "boxes", on=fine)

    corners = np.array(rectangles[0])
    assert sorted(set(corners[:, :, 0].ravel())) == [2, 3]
    np.testing.assert_allclose(corners[:, :, 1:].max(axis=(0, 1)), [3.5, 5.5])


def test_no_boxes_make_an_empty_layer() -> None:
    grid = Grid.upright((4, 4, 4))
    [layer] = [_layer(one) for one in boxes_layers(Boxes(np.zeros((0, 6)), (), grid, LESIONS), "boxes")]

    assert len(layer.data) == 0
    assert layer.ndim == 3


def test_a_prediction_of_a_class_alone_has_nothing_to_draw() -> None:
    prediction = Prediction("case", LESIONS, Grid.upright((2, 2, 2)), "run", "student.done")

    assert prediction_layers(prediction, "answer") == []


def test_a_layer_that_is_not_ours_stands_where_it_is_drawn() -> None:
    grid = _upright((4, 5, 6), (3.0, 2.0, 1.0), (30.0, -20.0, 100.0))
    drawn = placement(grid)

    found = grid_of_placement((4, 5, 6), drawn["scale"], drawn["translate"], drawn["units"])

    assert found.matches(grid, tolerance=1e-6)
