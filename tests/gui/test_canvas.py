from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from PIL import Image

from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import read_volume
from napari_medkd.gui.canvas import pictures_on
from napari_medkd.gui.comparison import Comparison
from napari_medkd.gui.layers import image_layers
from napari_medkd.gui.panels import Panel
from tests.gui.answered import ORGANS

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("shape", [(60, 40), (60, 40, 3), (60, 40, 4)], ids=["grey", "colour", "transparent"])
def test_a_picture_opened_by_naparis_own_reader_is_asked_about_by_its_file(
    viewer: Any, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "scan.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, np.uint8)).save(path)
    viewer.open(path, plugin="napari")

    [picture] = pictures_on(viewer)

    assert picture.as_in_its_file().source == path
    assert picture.as_in_its_file().grid.matches(read_volume(path).grid)


def test_the_channels_of_one_file_are_one_picture(viewer: Any) -> None:
    volume = Volume(np.zeros((2, 4, 5, 6)), Grid.upright((4, 5, 6)), ("t1", "flair"), source=Path("scan.nii.gz"))
    for layer in image_layers(volume, "patient"):
        viewer.add_layer(Layer.create(*layer))

    assert [picture.name for picture in pictures_on(viewer)] == ["patient · t1"]


@pytest.mark.parametrize("in_colour", [False, True], ids=["grey", "colour"])
def test_a_filtered_copy_of_a_file_is_an_image_of_its_own(viewer: Any, in_colour: bool) -> None:
    shape, names = ((3, 1, 30, 40), ("red", "green", "blue")) if in_colour else ((1, 6, 30, 40), ("image",))
    voxels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    volume = Volume(voxels, Grid.upright(voxels.shape[1:]), names, source=Path("scan.nii.gz"))
    layer = viewer.add_layer(Layer.create(*image_layers(volume, "scan")[0]))
    copy = viewer.add_layer(Layer.create(*deepcopy(layer.as_layer_data_tuple())))
    assert [picture.name for picture in pictures_on(viewer)] == ["scan"]

    copy.data = copy.data // 2

    kept, filtered = pictures_on(viewer)
    assert (kept.source, filtered.source) == (Path("scan.nii.gz"), None)
    assert filtered.grid.matches(volume.grid)
    np.testing.assert_array_equal(filtered.volume().data, voxels // 2)


def test_what_no_network_can_see_is_no_picture(viewer: Any) -> None:
    viewer.add_image(np.zeros((2, 3, 4, 5)), name="a series")
    viewer.add_image([np.zeros((16, 16)), np.zeros((8, 8))], multiscale=True, name="a pyramid")
    viewer.add_labels(np.zeros((4, 5), int))
    kept = viewer.add_image(np.zeros((4, 5)), name="kept")

    assert [picture.name for picture in pictures_on(viewer)] == [kept.name]


def test_the_images_of_panels_are_no_pictures_whoever_put_them_there(viewer: Any) -> None:
    image = viewer.add_image(np.zeros((4, 5)), name="scan")
    Comparison(viewer).show(image, [Panel("student", np.zeros((4, 5), np.uint8), ORGANS)])

    assert len(viewer.layers) == 3
    assert [picture.name for picture in pictures_on(viewer)] == ["scan"]


def test_an_image_made_by_another_plugin_becomes_a_volume_where_it_is_drawn(viewer: Any) -> None:
    viewer.add_image(np.arange(24.0).reshape(2, 3, 4), scale=(3, 2, 1), translate=(9, 8, 7), units=("mm",) * 3)

    [picture] = pictures_on(viewer)

    volume = picture.volume()
    assert volume.grid.spacing == (3, 2, 1)
    assert volume.grid.unit == "mm"
    np.testing.assert_allclose(volume.grid.to_world(np.zeros((1, 3)))[0], (-7, -8, -9))
    np.testing.assert_array_equal(volume.data[0], viewer.layers[0].data)


@pytest.mark.parametrize("samples", [3, 4], ids=["opaque", "with transparency"])
def test_a_picture_in_colour_becomes_a_volume_of_three_channels(viewer: Any, samples: int) -> None:
    viewer.add_image(np.random.default_rng(0).integers(0, 255, (5, 4, samples), np.uint8), rgb=True)

    [picture] = pictures_on(viewer)

    assert picture.volume().data.shape == (3, 1, 5, 4)
