import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import read_mask, read_volume, write_mask, write_volume
from tests.files.lzw_tiff import write_lzw

GRADES = Task("grades", "segmentation", ("background", "low", "high"))
RANDOM = np.random.default_rng(0)
STACK = RANDOM.integers(0, 256, (3, 5, 7), dtype=np.uint8)


def test_pages_are_a_stack(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in STACK:
            file.write(page, photometric="minisblack", metadata=None)

    volume = read_volume(tmp_path / "a.tif")

    np.testing.assert_array_equal(volume.data[0], STACK)
    assert volume.grid.unit == "pixel"


def test_one_page_is_a_flat_picture(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0])

    assert read_volume(tmp_path / "a.tif").grid.shape == (1, 5, 7)


@pytest.mark.parametrize("kind", ["u2", "i2", "f4", ">u2"])
def test_every_type_of_number_is_kept(tmp_path, kind):
    tifffile.imwrite(
        tmp_path / "a.tif", STACK.astype(kind), photometric="minisblack", byteorder=">" if ">" in kind else "<"
    )

    data = read_volume(tmp_path / "a.tif").data

    assert data.dtype == np.dtype(kind).newbyteorder("=")
    assert data.dtype.isnative
    np.testing.assert_array_equal(data[0], STACK)


def test_colour_has_three_channels_and_equal_colours_one(tmp_path):
    colour = RANDOM.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "colour.tif", colour, photometric="rgb")
    tifffile.imwrite(tmp_path / "grey.tif", np.repeat(STACK[0][..., None], 3, axis=2), photometric="rgb")

    volume = read_volume(tmp_path / "colour.tif")

    np.testing.assert_array_equal(volume.data[:, 0], colour.transpose(2, 0, 1))
    assert volume.channels == ("red", "green", "blue")
    assert read_volume(tmp_path / "grey.tif").channels == ("image",)


def test_deep_colour_keeps_its_bits(tmp_path):
    colour = RANDOM.integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")

    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").data[:, 0], colour.transpose(2, 0, 1))


def test_channels_of_a_microscope_are_channels(tmp_path):
    data = RANDOM.integers(0, 9, (4, 2, 5, 7), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, metadata={"axes": "ZCYX"})

    volume = read_volume(tmp_path / "a.tif")

    np.testing.assert_array_equal(volume.data, data.swapaxes(0, 1))
    assert volume.channels == ("channel 1", "channel 2")


@pytest.mark.parametrize("count", [2, 4])
def test_no_channel_of_a_microscope_is_taken_for_transparency(tmp_path, count):
    labels = np.zeros((3, count, 5, 7), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", labels, imagej=True, metadata={"axes": "ZCYX"})

    with pytest.raises(VolumeProblem, match=f"The mask has {count} channels; expected one"):
        read_mask(tmp_path / "a.tif", GRADES)
    with pytest.raises(VolumeProblem, match=f"The image has {count} channels; expected 1"):
        read_volume(tmp_path / "a.tif", channels=["DAPI"])


@pytest.mark.parametrize("axes", ["TYX", "TZYX"])
def test_a_time_series_is_refused(tmp_path, axes):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((2, 3, 5, 7)[-len(axes) :], np.uint8), imagej=True, metadata={"axes": axes}
    )

    with pytest.raises(VolumeProblem, match=rf"a\.tif: The TIFF has the axes {axes}"):
        read_volume(tmp_path / "a.tif")


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("unit", "factor"), [("mm", 1), ("cm", 10), ("micron", 1e-3), ("um", 1e-3), ("\\u00B5m", 1e-3)]
)
def test_imagej_says_how_large_a_voxel_is(tmp_path, unit, factor):
    tifffile.imwrite(
        tmp_path / "a.tif",
        STACK,
        imagej=True,
        resolution=(4, 2),
        metadata={"unit": unit, "spacing": 3.0, "axes": "ZYX"},
    )

    grid = read_volume(tmp_path / "a.tif").grid

    assert grid.unit == "mm"
    assert grid.spacing == pytest.approx((3 * factor, 0.5 * factor, 0.25 * factor))


@pytest.mark.parametrize("metadata", [{"unit": "inch"}, {"unit": "pixel"}, {}])
def test_other_units_of_imagej_leave_pixels(tmp_path, metadata):
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, resolution=(4, 2), metadata={**metadata, "axes": "ZYX"})

    assert read_volume(tmp_path / "a.tif").grid.unit == "pixel"


def test_ome_says_how_large_a_voxel_is_in_micrometres_unless_it_says_otherwise(tmp_path):
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "mm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, ome=True, metadata={"axes": "ZYX", **sizes})

    assert read_volume(tmp_path / "a.ome.tif").grid.spacing == pytest.approx((2.0, 0.0005, 0.00025))


def test_a_resolution_for_printing_is_no_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], resolution=(118, 118), resolutionunit="CENTIMETER")

    assert read_volume(tmp_path / "a.tif").grid.spacing == (1, 1, 1)
    assert read_volume(tmp_path / "a.tif").grid.unit == "pixel"


# ---------------------------------------------------------------- other writers


def test_a_compression_without_a_codec_is_read_by_pillow(tmp_path):
    pages = [Image.fromarray(page) for page in STACK]
    pages[0].save(tmp_path / "a.tif", compression="tiff_lzw", save_all=True, append_images=pages[1:])

    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").data[0], STACK)


@pytest.mark.parametrize("kind", ["u1", "<u2", ">u2", "<i2", "<i4", "<f4"])
def test_numbers_that_pillow_unpacks_are_kept(tmp_path, kind):
    path = write_lzw(tmp_path / "a.tif", STACK[0].astype(kind), byteorder=">" if ">" in kind else "<")

    np.testing.assert_array_equal(read_volume(path).data[0, 0], STACK[0])


@pytest.mark.parametrize("kind", ["i1", "<u4", ">u4", ">i2", ">i4", ">f4", "<f8"])
def test_numbers_that_pillow_would_change_are_refused(tmp_path, kind):
    path = write_lzw(tmp_path / "a.tif", STACK[0].astype(kind), byteorder=">" if ">" in kind else "<")

    with pytest.raises(VolumeProblem, match=r"cannot be unpacked as they are.* Save it with Deflate or uncompressed"):
        read_volume(path)


@pytest.mark.parametrize("samples", [3, 4])
def test_deep_colour_that_pillow_would_make_shallow_is_refused(tmp_path, samples):
    colour = RANDOM.integers(0, 65536, (5, 7, samples), dtype=np.uint16)

    with pytest.raises(VolumeProblem, match=f"{samples} of uint16 a pixel"):
        read_volume(write_lzw(tmp_path / "a.tif", colour, photometric="rgb"))


def test_shallow_colour_is_kept(tmp_path):
    colour = RANDOM.integers(0, 256, (5, 7, 3), dtype=np.uint8)

    volume = read_volume(write_lzw(tmp_path / "a.tif", colour, photometric="rgb"))

    np.testing.assert_array_equal(volume.data[:, 0], colour.transpose(2, 0, 1))


def test_a_palette_gives_labels(tmp_path):
    indexed = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), "P")
    indexed.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    indexed.save(tmp_path / "a.tif")

    assert read_mask(tmp_path / "a.tif", GRADES).labels.tolist() == [[[0, 1], [2, 0]]]


def test_a_palette_of_an_image_is_resolved(tmp_path):
    indexed = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), "P")
    indexed.putpalette([0, 0, 0, 128, 0, 0, 0, 64, 7])
    indexed.save(tmp_path / "a.tif")

    volume = read_volume(tmp_path / "a.tif")

    assert volume.channels == ("red", "green", "blue")
    assert volume.data[:, 0].tolist() == [[[0, 128], [0, 0]], [[0, 0], [64, 0]], [[0, 0], [7, 0]]]


def test_a_palette_of_greys_gives_shades(tmp_path):
    shades = np.repeat(np.arange(0, 256, 2).repeat(2)[:, None], 3, axis=1).astype(np.uint8)
    indexed = Image.fromarray(STACK[0], "P")
    indexed.putpalette(shades.ravel().tolist())
    indexed.save(tmp_path / "a.tif")

    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").data[0, 0], STACK[0] // 2 * 2)


def test_how_imagej_shows_shades_leaves_them_as_they_are(tmp_path):
    red = np.zeros((3, 256), np.uint16)
    red[0] = np.arange(256) * 257
    data = RANDOM.integers(0, 256, (3, 2, 5, 7), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, colormap=red, metadata={"axes": "ZCYX"})

    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").data, data.swapaxes(0, 1))


def test_inks_are_refused(tmp_path):
    Image.fromarray(RANDOM.integers(0, 256, (5, 7, 4), dtype=np.uint8), "CMYK").save(tmp_path / "a.tif")

    with pytest.raises(VolumeProblem, match=r"inks for printing \(CMYK\)\. Save it in shades of grey, or as RGB"):
        read_volume(tmp_path / "a.tif")


def test_black_and_white_is_zero_and_one(tmp_path):
    Image.fromarray((STACK[0] > 128).astype(np.uint8) * 255).convert("1").save(tmp_path / "a.tif")

    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").data[0, 0], STACK[0] > 128)


def test_black_and_white_takes_eight_times_the_room_of_its_file(tmp_path):
    pixels = RANDOM.integers(0, 2, (512, 512), dtype=np.uint8)
    Image.fromarray(pixels * 255).convert("1").save(tmp_path / "a.tif")

    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").data[0, 0], pixels)


@pytest.mark.parametrize("kept", [0, 3, 8, 60, 0.5, 0.9])
def test_a_truncated_file_is_refused_by_name(tmp_path, kept):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])

    with pytest.raises(VolumeProblem, match=r"a\.tif: The TIFF is damaged"):
        read_volume(tmp_path / "a.tif")


def test_numbers_that_are_none_are_refused(tmp_path):
    data = np.zeros((4, 4), np.float32)
    data[0, :3] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", data)

    with pytest.raises(VolumeProblem, match=r"a\.tif: 3 of 16 intensities are NaN"):
        read_volume(tmp_path / "a.tif")


def test_an_image_larger_than_the_memory_is_refused(tmp_path, monkeypatch):
    class Memory:
        available = 10

    tifffile.imwrite(tmp_path / "a.tif", STACK[0])
    monkeypatch.setattr("psutil.virtual_memory", Memory)

    with pytest.raises(VolumeProblem, match=r"a\.tif: The image needs"):
        read_volume(tmp_path / "a.tif")


# ---------------------------------------------------------------- saving


@pytest.mark.parametrize("unit", ["mm", "pixel"])
@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 5, 7)])
def test_a_saved_mask_is_read_back_on_its_grid(tmp_path, unit, shape):
    grid = Grid.upright(shape, (2.5, 0.5, 0.7) if unit == "mm" else (1, 1, 1), unit)
    mask = Mask((STACK[: shape[0]] % 3).astype(np.uint8), grid, GRADES)

    write_mask(tmp_path / "a.tif", mask)

    back = read_mask(tmp_path / "a.tif", GRADES, grid=grid)
    np.testing.assert_array_equal(back.labels, mask.labels)
    assert read_volume(tmp_path / "a.tif").grid.unit == unit
    np.testing.assert_allclose(read_volume(tmp_path / "a.tif").grid.affine, grid.affine)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_saved_image_is_read_back(tmp_path, kind, channels):
    data = RANDOM.integers(0, 100, (channels, 3, 5, 7)).astype(kind)
    volume = Volume(data, Grid.upright((3, 5, 7), (3.0, 1.0, 0.5)), tuple("abc"[:channels]))

    write_volume(tmp_path / "a.tif", volume)

    back = read_volume(tmp_path / "a.tif")
    np.testing.assert_array_equal(back.data, data)
    assert back.data.dtype == data.dtype
    assert back.grid.matches(volume.grid)


def test_a_saved_colour_picture_is_one_for_other_programs(tmp_path):
    colour = RANDOM.integers(0, 256, (3, 1, 5, 7), dtype=np.uint8)
    write_volume(tmp_path / "a.tif", Volume(colour, Grid.upright((1, 5, 7), unit="pixel"), ("red", "green", "blue")))

    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), colour[:, 0].transpose(1, 2, 0))
    assert read_volume(tmp_path / "a.tif").channels == ("red", "green", "blue")


def test_the_same_mask_gives_the_same_bytes(tmp_path):
    mask = Mask(STACK % 3, Grid.upright((3, 5, 7)), GRADES)

    write_mask(tmp_path / "a.tif", mask)
    write_mask(tmp_path / "b.tif", mask)

    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_a_position_that_tiff_cannot_keep_is_not_lost_silently(tmp_path):
    affine = Grid.upright((3, 5, 7)).affine.copy()
    affine[0, 3] = 50

    with pytest.raises(VolumeProblem, match=r"a\.tif.*position.*\.nii\.gz"):
        write_mask(tmp_path / "a.tif", Mask(STACK % 3, Grid((3, 5, 7), affine), GRADES))


def test_numbers_tiff_has_no_type_for_are_refused(tmp_path):
    volume = Volume(np.zeros((1, 2, 2, 2), np.int64), Grid.upright((2, 2, 2)))

    with pytest.raises(VolumeProblem, match=r"a\.tif: TIFF cannot hold int64"):
        write_volume(tmp_path / "a.tif", volume)
