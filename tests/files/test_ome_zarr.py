"""OME-Zarr of both versions: hand-made folders as other programs write them, ours, and one on a web server."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.memory import LARGE_BYTES
from napari_medkd.files.ome_zarr import label_paths, read_levels
from napari_medkd.files.opening import (
    doubts_about,
    labels_in,
    read_mask,
    read_volume,
    stem_of,
    suffix_of,
    write_mask,
    write_volume,
)

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"), colours=("#ff0000", "#00ff00"))
SPACE = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]


def scaled_by(*scale, path="0", then=()):
    return {"path": path, "coordinateTransformations": [{"type": "scale", "scale": list(scale)}, *then]}


def at(*translation):
    return {"type": "translation", "translation": list(translation)}


def made(path: Path, arrays, said, version="0.5"):
    """Write a folder as another program would, with the entry of its `multiscales`."""
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    for name, array in arrays.items():
        group.create_array(name, data=array, chunks=tuple(min(8, size) for size in array.shape))
    if version == "0.4":
        group.attrs.update({"multiscales": [{"version": "0.4"} | said]})
    else:
        group.attrs.update({"ome": {"version": version, "multiscales": [said]}})
    return path


def counting(*shape, kind=np.int16):
    return np.arange(np.prod(shape)).reshape(shape).astype(kind)


def refusal(path):
    with pytest.raises(VolumeProblem) as caught:
        read_volume(path)
    (problem,) = caught.value.problems
    assert str(path) in problem.where
    assert problem.hint
    return problem.problem


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_scale_and_translation_place_an_image_in_millimetres(tmp_path, version):
    said = {"axes": SPACE, "datasets": [scaled_by(2000, 500, 250, then=[at(1000, 2000, 3000)])]}
    path = made(tmp_path / "a.ome.zarr", {"0": counting(2, 3, 4)}, said, version)

    volume = read_volume(path)

    assert volume.grid.unit == "mm"
    assert volume.grid.spacing == (2.0, 0.5, 0.25)
    np.testing.assert_array_equal(volume.data[0], counting(2, 3, 4))
    # z, y and x grow towards inferior, posterior and left, against superior, anterior and right
    np.testing.assert_allclose(volume.grid.to_world([[1, 2, 3]]), [[-(3 + 0.75), -(2 + 1), -(1 + 2)]])
    assert doubts_about(path) == []


def test_transformations_of_all_resolutions_come_after_an_arrays_own(tmp_path):
    shared = {"coordinateTransformations": [{"type": "scale", "scale": [10, 10, 10]}, at(1000, 0, 0)]}
    said = {"axes": SPACE, "datasets": [scaled_by(100, 100, 100, then=[at(100, 0, 0)])]} | shared
    path = made(tmp_path / "a.zarr", {"0": counting(2, 3, 4)}, said)

    grid = read_volume(path).grid

    assert grid.spacing == (1.0, 1.0, 1.0)
    np.testing.assert_allclose(grid.to_world([[0, 0, 0]]), [[0, 0, -2]])


def test_axes_in_another_order_and_a_scale_below_zero_are_turned(tmp_path):
    said = {"axes": SPACE[::-1], "datasets": [scaled_by(1000, 1000, -1000)]}
    path = made(tmp_path / "a.zarr", {"0": counting(4, 3, 2)}, said)

    volume = read_volume(path)

    assert volume.grid.shape == (2, 3, 4)
    np.testing.assert_array_equal(volume.data[0], counting(4, 3, 2).transpose(2, 1, 0)[::-1])
    np.testing.assert_allclose(volume.grid.to_world([[1, 0, 0]]), [[0, 0, 0]], atol=1e-12)


def test_a_plane_has_one_and_channels_have_names(tmp_path):
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *SPACE[1:]]
    said = {"axes": axes, "datasets": [scaled_by(1, 1, 500, 500)]}
    path = made(tmp_path / "a.zarr", {"0": counting(1, 2, 3, 4)}, said)
    group = zarr.open_group(path, mode="r+")
    ome = dict(group.attrs["ome"]) | {"omero": {"channels": [{"label": "DAPI"}, {"color": "FF0000"}]}}
    group.attrs.put({"ome": ome})

    volume = read_volume(path)

    assert volume.grid.is_flat
    assert volume.channels == ("DAPI", "channel 2")
    np.testing.assert_array_equal(volume.data[:, 0], counting(2, 3, 4))


def test_without_a_unit_it_counts_in_pixels_and_says_so(tmp_path):
    said = {"axes": [{"name": name, "type": "space"} for name in "zyx"], "datasets": [scaled_by(2, 1, 1)]}
    path = made(tmp_path / "a.zarr", {"0": counting(2, 3, 4)}, said)

    assert read_volume(path).grid.unit == "pixel"
    assert "no unit" in doubts_about(path)[0].problem


def test_every_resolution_lies_where_it_says(tmp_path):
    said = {
        "axes": SPACE,
        "datasets": [scaled_by(1000, 1000, 1000), scaled_by(2000, 2000, 2000, path="1", then=[at(500, 500, 500)])],
    }
    path = made(tmp_path / "a.zarr", {"0": counting(4, 4, 4), "1": counting(2, 2, 2)}, said)

    fine, coarse = read_levels(path)

    np.testing.assert_allclose(coarse.grid.to_world([[-0.5] * 3]), fine.grid.to_world([[-0.5] * 3]))
    np.testing.assert_allclose(coarse.grid.to_world([[1.5] * 3]), fine.grid.to_world([[3.5] * 3]))


def test_a_large_image_stays_on_the_disk_and_only_what_is_looked_at_is_read(tmp_path):
    side = 400
    path = tmp_path / "large.zarr"
    group = zarr.open_group(path, mode="w")
    array = group.create_array("0", shape=(side,) * 3, chunks=(40,) * 3, dtype=np.int16, fill_value=7)
    array[200, 200, 200] = 9
    said = {"axes": SPACE, "datasets": [scaled_by(1000, 1000, 1000)]}
    group.attrs.update({"ome": {"version": "0.5", "multiscales": [said]}})
    (damaged,) = (path / "0").rglob("c/5/5/5")

    volume = read_volume(path)

    assert volume.is_on_disk
    assert volume.data.nbytes > LARGE_BYTES
    assert np.asarray(volume.data[0, 200, 200, 199:202]).tolist() == [7, 9, 7]
    damaged.write_bytes(b"no chunk")
    assert int(np.asarray(volume.data[0, 0, 0, 0])) == 7
    with pytest.raises(VolumeProblem, match=r"large\.zarr.*cannot be read"):
        np.asarray(volume.data[0, 200, 200, 200])


# ---------------------------------------------------------------- refusing

DAMAGE = [b"", b"{", b"{}", b"[]", b'{"zarr_format": 3, "node_type": "group"}', b"\xff" * 99]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"axes": SPACE, "datasets": [scaled_by(1, 1)]}, "one number for each of 3 axes"),
        ({"axes": SPACE, "datasets": [scaled_by(1, 0, 1)]}, "none may be 0"),
        ({"axes": SPACE, "datasets": [scaled_by(1, float("nan"), 1)]}, "none may be 0"),
        ({"axes": SPACE, "datasets": [scaled_by(1, 1, 1, path="../0")]}, "outside"),
        ({"axes": SPACE, "datasets": [scaled_by(1, 1, 1, path="7")]}, "cannot be read"),
        ({"axes": SPACE, "datasets": []}, "No array"),
        ({"axes": SPACE[:1], "datasets": [scaled_by(1)]}, "expected y and x"),
        ({"axes": SPACE[1:], "datasets": [scaled_by(1, 1)]}, "no array with the axes y, x"),
        ({"axes": [SPACE[0] | {"unit": "furlong"}, *SPACE[1:]], "datasets": [scaled_by(1, 1, 1)]}, "'furlong'"),
        ({"axes": SPACE, "datasets": [{"path": "0", "coordinateTransformations": [{"type": "rotation"}]}]}, "rotation"),
        ({"datasets": [scaled_by(1, 1, 1)]}, "multiscales[0].axes"),
    ],
)
def test_metadata_that_say_something_impossible_are_refused(tmp_path, said, reason):
    assert reason in refusal(made(tmp_path / "a.zarr", {"0": counting(2, 3, 4)}, said))


def test_another_version_and_another_layout_are_refused_by_name(tmp_path):
    old = made(tmp_path / "old.zarr", {}, {"version": "0.2"}, "0.4")
    plate = tmp_path / "plate.zarr"
    zarr.open_group(plate, mode="w").attrs.update({"ome": {"version": "0.5", "plate": {}}})
    plain = tmp_path / "plain.zarr"
    zarr.open_group(plain, mode="w")

    assert "0.2; expected 0.4 or 0.5" in refusal(old)
    assert "plate of several images" in refusal(plate)
    assert "no `multiscales`" in refusal(plain)


def test_a_series_in_time_is_refused(tmp_path):
    axes = [{"name": "t", "type": "time"}, *SPACE]
    path = made(tmp_path / "a.zarr", {"0": counting(5, 2, 3, 4)}, {"axes": axes, "datasets": [scaled_by(1, 1, 1, 1)]})

    assert "5 along t" in refusal(path)


@pytest.mark.parametrize("name", ["zarr.json", "0/zarr.json", "0/c/0/0/0"])
@pytest.mark.parametrize("content", DAMAGE)
def test_a_damaged_folder_is_refused_by_name(tmp_path, name, content):
    path = made(tmp_path / "a.zarr", {"0": counting(2, 3, 4)}, {"axes": SPACE, "datasets": [scaled_by(1, 1, 1)]})
    (path / name).write_bytes(content)

    refusal(path)


def test_a_missing_folder_and_an_empty_one_are_refused(tmp_path):
    (tmp_path / "empty.zarr").mkdir()

    assert "does not exist" in refusal(tmp_path / "missing.zarr")
    assert "no Zarr" in refusal(tmp_path / "empty.zarr")


# ---------------------------------------------------------------- writing


def oblique():
    affine = Grid.upright((5, 6, 7), (3.0, 1.0, 2.0)).affine.copy()
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = (10, -20, 30)
    return Grid((5, 6, 7), affine, "mm", "RAS")


@pytest.mark.parametrize("grid", [Grid.upright((5, 6, 7), (3, 1, 2)), oblique(), Grid.upright((1, 6, 7), unit="pixel")])
def test_an_image_written_and_read_again_has_every_voxel_where_it_was(tmp_path, grid):
    volume = Volume(counting(2, *grid.shape, kind=np.float32), grid, ("T1", "T2"))

    write_volume(tmp_path / "a.ome.zarr", volume)
    again = read_volume(tmp_path / "a.ome.zarr")

    np.testing.assert_array_equal(again.data, volume.data)
    np.testing.assert_allclose(again.grid.affine, grid.affine, atol=1e-12)
    assert (again.grid.unit, again.channels) == (grid.unit, ("T1", "T2"))


def test_a_file_without_our_affine_is_upright_and_one_of_another_size_is_not_believed(tmp_path):
    path = tmp_path / "a.ome.zarr"
    write_volume(path, Volume(counting(1, 5, 6, 7), oblique()))
    group = zarr.open_group(path, mode="r+")
    attributes = dict(group.attrs)
    attributes["napari-medkd"]["affine"][0][2] *= 3
    group.attrs.put(attributes)

    grid = read_volume(path).grid

    np.testing.assert_allclose(np.abs(grid.affine[:3, :3]) > 0, np.fliplr(np.eye(3)))


def test_coarser_resolutions_are_written_and_lie_on_the_finest(tmp_path):
    grid = Grid.upright((2, 600, 500), (3.0, 1.0, 1.0))
    image = Volume(counting(1, *grid.shape, kind=np.float32), grid)

    write_volume(tmp_path / "a.ome.zarr", image)
    levels = read_levels(tmp_path / "a.ome.zarr")

    assert [level.grid.shape for level in levels] == [(2, 600, 500), (1, 300, 250), (1, 150, 125)]
    middle = np.mean(image.data[0, :, :2, :2])
    assert levels[1].data[0, 0, 0, 0] == pytest.approx(middle)
    np.testing.assert_allclose(levels[1].grid.to_world([[0, 0, 0]]), grid.to_world([[0.5, 0.5, 0.5]]))
    np.testing.assert_allclose(levels[2].grid.to_world([[0, 0, 0]]), grid.to_world([[0.5, 1.5, 1.5]]))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_are_written_into_an_image_with_names_and_colours_and_listed_there(tmp_path, version):
    said = {"axes": SPACE, "datasets": [scaled_by(2000, 500, 250, then=[at(1000, 2000, 3000)])]}
    path = made(tmp_path / "scan.ome.zarr", {"0": counting(2, 3, 4)}, said, version)
    image = read_volume(path)
    mask = Mask(counting(2, 3, 4, kind=np.uint8) % 3, image.grid, ORGANS)

    for name in ("student", "teacher", "student"):
        write_mask(path / "labels" / name, mask)

    again = read_mask(path / "labels" / "student", ORGANS, grid=image.grid)
    np.testing.assert_array_equal(again.labels, mask.labels)
    np.testing.assert_allclose(again.grid.affine, image.grid.affine)
    assert label_paths(path) == [path / "labels" / "student", path / "labels" / "teacher"]
    attributes = dict(zarr.open_group(path / "labels" / "student", mode="r").attrs)
    assert ("ome" in attributes) == (version == "0.5")
    label = attributes.get("ome", attributes)["image-label"]
    assert label["source"] == {"image": "../../"}
    assert label["properties"] == [{"label-value": 1, "class": "liver"}, {"label-value": 2, "class": "spleen"}]
    assert label["colors"][0] == {"label-value": 1, "rgba": [255, 0, 0, 255]}
    np.testing.assert_array_equal(read_volume(path).data, image.data)


def test_a_mask_never_takes_the_place_of_an_image(tmp_path):
    path = tmp_path / "scan.ome.zarr"
    grid = Grid.upright((2, 3, 4))
    write_volume(path, Volume(counting(1, 2, 3, 4), grid))

    with pytest.raises(VolumeProblem, match=r"scan\.ome\.zarr/labels/NAME"):
        write_mask(path, Mask(np.zeros((2, 3, 4), np.uint8), grid, ORGANS))

    assert read_volume(path).data.max() == 23
    assert [found.name for found in tmp_path.iterdir()] == ["scan.ome.zarr"]


def test_a_folder_that_is_no_zarr_is_never_replaced(tmp_path):
    mine = tmp_path / "mine.zarr" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")

    with pytest.raises(VolumeProblem, match="something else"):
        write_volume(mine.parent, Volume(counting(1, 2, 3, 4), Grid.upright((2, 3, 4))))

    assert mine.read_text() == "mine"


def test_a_mask_too_large_for_memory_is_read_chunk_by_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_medkd.files.opening.MOST_VOXELS_HELD", LARGE_BYTES)
    side = 420
    group = zarr.open_group(tmp_path / "m.zarr", mode="w")
    array = group.create_array("0", shape=(side,) * 3, chunks=(70,) * 3, dtype=np.uint8)
    array[100, 100, 100] = 255
    said = {"axes": SPACE, "datasets": [scaled_by(1000, 1000, 1000)]}
    group.attrs.update({"ome": {"version": "0.5", "multiscales": [said], "image-label": {}}})
    two = Task("one", "segmentation", ("background", "thing"))

    mask = read_mask(tmp_path / "m.zarr", two)

    assert mask.is_on_disk
    assert labels_in(tmp_path / "m.zarr") == (0, 255)
    assert np.asarray(mask.labels[100, 100, 99:102]).tolist() == [0, 1, 0]
    with pytest.raises(VolumeProblem, match=r"\[255\].*organs"):
        read_mask(tmp_path / "m.zarr", ORGANS)


# ---------------------------------------------------------------- names and addresses


@pytest.mark.parametrize(
    ("name", "suffix", "stem"),
    [
        ("scan.ome.zarr", ".ome.zarr", "scan"),
        ("scan.zarr", ".zarr", "scan"),
        ("scan.zarr/labels/liver", ".zarr", "liver"),
        ("plate.zarr/0", ".zarr", "0"),
        ("http://server/data/scan.ome.zarr", ".ome.zarr", "scan"),
    ],
)
def test_a_folder_is_known_by_its_suffix_and_what_is_inside_by_the_folders(name, suffix, stem):
    assert suffix_of(Path(name)) == suffix
    assert stem_of(Path(name)) == stem


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The address of a server of `tmp_path` on this machine."""
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path))) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()
        thread.join()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_image_on_a_server_is_read_from_its_address(tmp_path, server, version):
    said = {"axes": SPACE, "datasets": [scaled_by(2000, 500, 250)]}
    path = made(tmp_path / "scan.ome.zarr", {"0": counting(20, 3, 4)}, said, version)
    write_mask(path / "labels" / "liver", Mask(np.ones((20, 3, 4), np.uint8), read_volume(path).grid, ORGANS))

    for address in (Path(f"{server}/scan.ome.zarr"), tmp_path / f"{server}/scan.ome.zarr"):
        volume = read_volume(address)
        (labels,) = label_paths(address)

        np.testing.assert_array_equal(volume.data[0], counting(20, 3, 4))
        assert volume.grid.spacing == (2.0, 0.5, 0.25)
        assert read_mask(labels, ORGANS, grid=volume.grid).labels.min() == 1


def test_an_address_where_nothing_is_and_a_server_that_is_gone_are_told(server):
    assert "no Zarr" in refusal(Path(f"{server}/missing.zarr"))
    assert "cannot be read" in refusal(Path("http://127.0.0.1:9/gone.zarr"))
