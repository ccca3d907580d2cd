"""OME-TIFF as microscopes write it, and what of a TIFF is missing though it can be opened."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import read_volume, write_volume

RANDOM = np.random.default_rng(0)
STACK = RANDOM.integers(0, 256, (3, 5, 7), dtype=np.uint8)


def described(path: Path, attributes: str = "", inner: str = '<TiffData IFD="0" PlaneCount="3"/>') -> Path:
    """A TIFF whose OME-XML is written by hand."""
    sizes = 'DimensionOrder="XYZCT" Type="uint8" SizeX="7" SizeY="5" SizeZ="3" SizeC="1" SizeT="1"'
    pixels = f'<Pixels ID="Pixels:0" {sizes} {attributes}>{inner}</Pixels>'
    root = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">'
    xml = f'<?xml version="1.0" encoding="UTF-8"?>{root}<Image ID="Image:0">{pixels}</Image></OME>'
    tifffile.imwrite(path, STACK, description=xml.encode(), metadata=None, photometric="minisblack")
    return path


def refused(path: Path) -> str:
    with pytest.raises(VolumeProblem) as error:
        read_volume(path)
    (problem,) = error.value.problems
    assert problem.where == str(path)
    return problem.problem


def with_channels(path: Path, data: np.ndarray, axes: str, *names: str) -> Path:
    said = {"axes": axes, "Channel": {"Name": list(names)}}
    tifffile.imwrite(path, data, ome=True, photometric="minisblack", metadata=said)
    return path


def test_planes_and_channels_are_told_apart_and_channels_are_named(tmp_path):
    data = RANDOM.integers(0, 256, (2, 3, 5, 7), dtype=np.uint8)

    volume = read_volume(with_channels(tmp_path / "a.ome.tif", data, "CZYX", "DAPI", "GFP"))

    np.testing.assert_array_equal(volume.data, data)
    assert volume.channels == ("DAPI", "GFP")


def test_the_names_of_channels_are_kept_when_it_is_saved(tmp_path):
    data = RANDOM.integers(0, 256, (2, 3, 5, 7), dtype=np.uint8)
    write_volume(tmp_path / "a.tif", Volume(data, Grid.upright((3, 5, 7)), ("DAPI", "GFP")))

    assert read_volume(tmp_path / "a.tif").channels == ("DAPI", "GFP")


def test_channels_of_one_name_are_numbered(tmp_path):
    path = with_channels(tmp_path / "a.ome.tif", np.zeros((2, 5, 7), np.uint8), "CYX", "stain", "stain")

    assert read_volume(path).channels == ("channel 1", "channel 2")


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("", 1e-3), ("µm", 1e-3), ("&#181;m", 1e-3), ("mm", 1), ("cm", 10), ("nm", 1e-6), ("m", 1e3)],
)
def test_voxel_sizes_are_in_their_unit(tmp_path, unit, factor):
    said = "".join(
        f'PhysicalSize{axis}="{size}" ' + (f'PhysicalSize{axis}Unit="{unit}" ' if unit else "")
        for axis, size in zip("XYZ", (0.25, 0.5, 2), strict=True)
    )

    grid = read_volume(described(tmp_path / "a.ome.tif", said)).grid

    assert (grid.unit, grid.spacing) == ("mm", pytest.approx((2 * factor, 0.5 * factor, 0.25 * factor)))


@pytest.mark.parametrize(
    "said", ["", 'PhysicalSizeX="1"', 'PhysicalSizeX="1" PhysicalSizeY="1" PhysicalSizeYUnit="pixel"']
)
def test_a_size_that_is_not_said_in_full_leaves_pixels(tmp_path, said):
    assert read_volume(described(tmp_path / "a.ome.tif", said)).grid.unit == "pixel"


def test_sizes_of_a_second_image_are_not_those_of_the_first(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(STACK, photometric="minisblack", metadata={"axes": "ZYX"})
        file.write(STACK[:1, :2, :2], photometric="minisblack", subfiletype=1, metadata={"PhysicalSizeX": 3.0})

    assert read_volume(tmp_path / "a.ome.tif").grid.unit == "pixel"


@pytest.mark.parametrize("size", ["0", "-1", "inf", "nan"])
def test_a_voxel_of_no_size_is_refused(tmp_path, size):
    assert "each must be above 0" in refused(
        described(tmp_path / "a.ome.tif", f'PhysicalSizeX="{size}" PhysicalSizeY="1"')
    )


# ---------------------------------------------------------------- in other files, and missing


def in_file(name: str) -> str:
    return f'<TiffData IFD="0" PlaneCount="3"><UUID FileName="{name}">urn:uuid:2</UUID></TiffData>'


def test_planes_in_other_files_are_not_opened_and_not_zero(tmp_path):
    tifffile.imwrite(tmp_path / "other.tif", STACK, photometric="minisblack")

    said = refused(described(tmp_path / "a.ome.tif", inner=in_file("other.tif")))

    assert said == "Its planes lie in other files, too: other.tif."


def test_a_file_that_names_itself_is_whole(tmp_path):
    path = described(tmp_path / "A.ome.tif", inner=in_file("a.ome.tif"))

    np.testing.assert_array_equal(read_volume(path).data[0], STACK)


def test_a_file_that_was_renamed_is_known_by_its_number(tmp_path):
    path = described(tmp_path / "b.tif", inner=in_file("a.ome.tif").replace("urn:uuid:2", "urn:uuid:1"))

    np.testing.assert_array_equal(read_volume(path).data[0], STACK)


def test_planes_that_are_announced_and_not_there_are_not_zero(tmp_path):
    path = described(tmp_path / "a.ome.tif")
    path.write_bytes(path.read_bytes().replace(b'SizeZ="3"', b'SizeZ="4"'))

    assert "some of its planes or strips are missing" in refused(path)


def test_pages_of_several_sizes_are_told(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in (STACK[0], STACK[1], STACK[2, :4, :4]):
            file.write(page, photometric="minisblack", metadata=None)

    assert "holds 2 images (2 x 5 x 7, 4 x 4); expected one stack" in refused(tmp_path / "a.tif")


def test_a_small_copy_beside_the_image_does_not_count(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(STACK[0], photometric="minisblack", metadata=None)
        file.write(STACK[0, ::2, ::2], photometric="minisblack", metadata=None, subfiletype=1)

    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").data[0, 0], STACK[0])


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_stack_whose_last_pages_are_cut_off_is_refused(tmp_path, bigtiff, byteorder):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=None, bigtiff=bigtiff, byteorder=byteorder)
    np.testing.assert_array_equal(read_volume(path).data[0], STACK)
    path.write_bytes(path.read_bytes()[:-40])

    assert "The TIFF is damaged: page" in refused(path)
