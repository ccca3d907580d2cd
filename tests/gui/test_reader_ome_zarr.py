"""OME-Zarr in the viewer: images of several resolutions, their labels, and what is not ours."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import read_mask, write_mask, write_volume
from napari_medkd.gui.reader import get_reader

pytest.importorskip("napari")

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"))
GRID = Grid.upright((4, 6, 5), (2.0, 1.0, 1.0))


def read(path: Path):
    reader = get_reader(str(path))
    assert reader is not None
    return reader(str(path))


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.ome.zarr"
    write_volume(path, Volume(np.random.default_rng(0).normal(100, 20, (1, *GRID.shape)).astype(np.float32), GRID))
    return path


@pytest.fixture
def large(tmp_path):
    """An image of 128 MB that takes no room, in two resolutions; the coarser one is from 0 to 100."""
    group = zarr.open_group(tmp_path / "large.ome.zarr", mode="w")
    group.create_array("0", shape=(400,) * 3, chunks=(40,) * 3, dtype=np.int16, fill_value=7)
    coarse = np.linspace(0, 100, 50**3).reshape(50, 50, 50).astype(np.int16)
    group.create_array("1", data=coarse, chunks=(50, 50, 50))
    axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    datasets = [
        {"path": path, "coordinateTransformations": [{"type": "scale", "scale": [scale] * 3}]}
        for path, scale in (("0", 0.5), ("1", 4.0))
    ]
    group.attrs.update({"ome": {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}})
    return tmp_path / "large.ome.zarr"


def test_an_image_opens_with_its_labels_which_have_their_names(scan):
    write_mask(scan / "labels" / "organs", Mask(np.full(GRID.shape, 2, np.uint8), GRID, ORGANS))

    [(image, look, kind), (labels, over, labels_kind)] = read(scan)

    assert (kind, labels_kind) == ("image", "labels")
    assert (look["name"], over["name"]) == ("scan", "scan · organs")
    assert image.shape == labels.shape == GRID.shape
    assert look["units"] == ("mm",) * 3
    assert look["scale"] == over["scale"] == (2.0, 1.0, 1.0)
    assert over["metadata"]["medkd"]["task"]["classes"] == ("background", "liver", "spleen")
    assert read_mask(Path(over["metadata"]["medkd"]["source"]), ORGANS).labels.max() == 2


def test_labels_alone_open_as_labels(scan):
    write_mask(scan / "labels" / "organs", Mask(np.ones(GRID.shape, np.uint8), GRID, ORGANS))

    [(labels, look, kind)] = read(scan / "labels" / "organs")

    assert (kind, look["name"], labels.max()) == ("labels", "organs", 1)


def test_a_large_image_opens_in_all_resolutions_without_being_read(large):
    for z, y, x in np.ndindex(10, 10, 10):  # no chunk of the finest can be read
        chunk = large / "0" / "c" / str(z) / str(y) / str(x)
        chunk.parent.mkdir(parents=True, exist_ok=True)
        chunk.write_bytes(b"damaged")

    [(levels, look, _)] = read(large)

    assert [level.shape for level in levels] == [(400, 400, 400), (50, 50, 50)]
    assert look["scale"] == (0.5, 0.5, 0.5)
    with pytest.raises(VolumeProblem, match=r"large\.ome\.zarr"):
        np.asarray(levels[0][0])


@pytest.mark.gui
def test_a_large_image_is_shown_and_can_be_asked_about(large, make_napari_viewer_proxy):
    from napari_medkd.gui.canvas import pictures_on

    viewer = make_napari_viewer_proxy()
    (layer,) = viewer.open(str(large), plugin="napari-medkd")

    assert layer.multiscale
    assert layer.contrast_limits == pytest.approx([0, 100], abs=1)
    [picture] = pictures_on(viewer)
    assert picture.grid.shape == (400, 400, 400)
    assert picture.source == large
    assert picture.is_ours


def test_an_address_is_taken_by_its_suffix_and_nothing_else_on_the_web(tmp_path):
    assert get_reader("https://server.example/scan.ome.zarr") is not None
    assert get_reader("https://server.example/scan.png") is None


def test_a_zarr_folder_that_is_no_image_is_left_to_others(tmp_path):
    zarr.open_group(tmp_path / "table.zarr", mode="w").attrs.update({"columns": ["a"]})
    (tmp_path / "empty.zarr").mkdir()

    assert get_reader(str(tmp_path / "table.zarr")) is None
    assert get_reader(str(tmp_path / "empty.zarr")) is None
    assert get_reader(str(tmp_path / "missing.zarr")) is None


def test_a_labels_layer_is_saved_as_ome_zarr_on_its_images_grid(scan, tmp_path):
    from napari_medkd.gui.writer import write_labels

    [(_, look, _)] = read(scan)
    drawn = np.zeros(GRID.shape, np.int32)
    drawn[1, 2, 3] = 2

    write_labels(str(tmp_path / "drawn.ome.zarr"), drawn, {"metadata": look["metadata"]})

    again = read_mask(tmp_path / "drawn.ome.zarr", ORGANS, grid=GRID)
    np.testing.assert_array_equal(again.labels, drawn)
