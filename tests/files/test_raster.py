import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import read_mask, read_volume, write_mask, write_volume
from napari_medkd.files.picture_size import picture_grid

LESION = Task("lesion", "segmentation", ("background", "lesion"))
GRADES = Task("grades", "segmentation", ("background", "low", "high"))
RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def test_a_grey_picture_has_one_channel_on_a_grid_of_pixels(tmp_path):
    volume = read_volume(save(tmp_path / "a.png", GREY))

    np.testing.assert_array_equal(volume.data[0, 0], GREY)
    assert volume.channels == ("image",)
    assert (volume.grid.shape, volume.grid.unit, volume.grid.is_flat) == ((1, 5, 7), "pixel", True)


def test_a_colour_picture_has_three(tmp_path):
    volume = read_volume(save(tmp_path / "a.png", COLOUR))

    np.testing.assert_array_equal(volume.data[:, 0], COLOUR.transpose(2, 0, 1))
    assert volume.channels == ("red", "green", "blue")


def test_equal_colours_are_grey(tmp_path):
    volume = read_volume(save(tmp_path / "a.png", GREY, "RGB"))

    np.testing.assert_array_equal(volume.data, GREY[np.newaxis, np.newaxis])


def test_a_grey_picture_among_coloured_ones_has_three_equal_channels(tmp_path):
    for mode in ("L", "RGB"):
        volume = read_volume(save(tmp_path / "a.png", GREY, mode), channels=("red", "green", "blue"))

        np.testing.assert_array_equal(volume.data[:, 0], [GREY, GREY, GREY])


def test_a_coloured_picture_among_grey_ones_is_refused(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.png: The picture has 3 colour channels; expected one"):
        read_volume(save(tmp_path / "a.png", COLOUR), channels=("image",))


@pytest.mark.parametrize(("mode", "channels"), [("LA", 1), ("RGBA", 3)])
def test_transparency_is_dropped(tmp_path, mode, channels):
    pixels = COLOUR if mode == "RGBA" else GREY

    volume = read_volume(save(tmp_path / "a.png", pixels, mode))

    assert volume.data.shape == (channels, 1, 5, 7)
    np.testing.assert_array_equal(volume.data[0, 0], pixels[..., 0] if mode == "RGBA" else pixels)


def test_sixteen_bits_are_kept(tmp_path):
    deep = RANDOM.integers(0, 65536, (5, 7), dtype=np.uint16)

    volume = read_volume(save(tmp_path / "a.png", deep))

    assert volume.data.dtype == np.uint16
    np.testing.assert_array_equal(volume.data[0, 0], deep)


def test_sixteen_bit_colour_is_refused_before_half_of_it_is_lost(tmp_path):
    path = save(tmp_path / "a.png", COLOUR)
    content = bytearray(path.read_bytes())
    content[24] = 16
    path.write_bytes(content)

    with pytest.raises(VolumeProblem, match=r"a\.png: 16-bit PNG with colour.*TIFF"):
        read_volume(path)


def test_a_palette_is_resolved_for_an_image_and_is_the_labels_of_a_mask(tmp_path):
    indexed = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), "P")
    indexed.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    indexed.save(tmp_path / "a.png")

    assert read_volume(tmp_path / "a.png").data[:, 0, 0, 1].tolist() == [128, 0, 0]
    assert read_mask(tmp_path / "a.png", GRADES).labels.tolist() == [[[0, 1], [2, 0]]]


def test_black_and_white_is_zero_and_one(tmp_path):
    path = save(tmp_path / "a.png", (GREY > 128).astype(np.uint8) * 255, "1")

    np.testing.assert_array_equal(read_mask(path, LESION).labels[0], GREY > 128)
    assert read_volume(path).data.max() == 1


def test_a_jpeg_is_read_with_little_change(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)

    volume = read_volume(save(tmp_path / "a.jpg", smooth, quality=95))

    assert np.abs(volume.data[0, 0].astype(int) - smooth).max() <= 4


def test_a_camera_held_upright_gives_an_upright_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view
    picture = np.zeros((8, 16), np.uint8)
    picture[:, :8] = 255

    volume = read_volume(save(tmp_path / "a.jpg", picture, exif=exif))

    assert volume.grid.shape == (1, 16, 8)
    assert volume.data[0, 0, 0].min() > 200
    assert volume.data[0, 0, -1].max() < 50


def test_colour_spaces_of_printers_become_red_green_blue(tmp_path):
    assert read_volume(save(tmp_path / "a.jpg", COLOUR, "CMYK")).channels == ("red", "green", "blue")


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("kept", [0, 5, 30, 100, 0.5, 0.9])
def test_a_truncated_picture_is_refused_by_name(tmp_path, name, kept):
    path = save(tmp_path / name, RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])

    with pytest.raises(VolumeProblem, match=rf"{name}: The picture is damaged"):
        read_volume(path)


def test_another_file_under_the_name_of_a_picture_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("id,age\n")

    with pytest.raises(VolumeProblem, match=r"a\.png: The picture is damaged, too large, or not a picture"):
        read_volume(tmp_path / "a.png")


def test_damaged_pixels_are_found_by_their_checksum(tmp_path):
    path = save(tmp_path / "a.png", GREY, compress_level=0)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 20] ^= 1
    path.write_bytes(content)

    with pytest.raises(VolumeProblem, match=r"a\.png: The picture is damaged: a checksum in it is wrong"):
        read_volume(path)


def test_a_large_picture_is_read_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", GREY.size - 1)

    assert read_volume(save(tmp_path / "a.png", GREY)).data.shape == (1, 1, 5, 7)


def test_a_picture_of_absurd_size_is_refused(tmp_path):
    path = save(tmp_path / "a.png", GREY)
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    path.write_bytes(content)

    with pytest.raises(VolumeProblem, match=r"a\.png"):
        read_volume(path)


# ---------------------------------------------------------------- masks


def test_a_mask_of_black_and_white_pixels_has_two_classes(tmp_path):
    path = save(tmp_path / "a.png", (GREY > 128).astype(np.uint8) * 255)

    np.testing.assert_array_equal(read_mask(path, LESION).labels[0], GREY > 128)


def test_255_is_no_class_of_three(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.png: The mask holds the labels \[255\].*0 background, 1 low, 2 high"):
        read_mask(save(tmp_path / "a.png", (GREY > 128).astype(np.uint8) * 255), GRADES)


def test_255_stays_what_is_ignored(tmp_path):
    unsure = Task("lesion", "segmentation", ("background", "lesion"), ignore=255)

    assert read_mask(save(tmp_path / "a.png", np.full((2, 2), 255, np.uint8)), unsure).labels.min() == 255


def test_a_mask_with_grey_borders_is_refused(tmp_path):
    with pytest.raises(VolumeProblem, match=r"labels \[128, 255\]"):
        read_mask(save(tmp_path / "a.png", np.array([[0, 128, 255]], np.uint8)), LESION)


def test_a_mask_is_never_read_from_a_jpeg(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.jpg: JPEG blurs labels"):
        read_mask(save(tmp_path / "a.jpg", GREY), LESION)


def test_a_mask_saved_in_grey_colour_is_read(tmp_path):
    assert read_mask(save(tmp_path / "a.png", np.full((2, 3), 2, np.uint8), "RGB"), GRADES).labels.min() == 2


def test_a_mask_painted_in_colours_is_refused(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.png.*one number per class"):
        read_mask(save(tmp_path / "a.png", COLOUR), LESION)


# ---------------------------------------------------------------- saving


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_saved_mask_is_read_back(tmp_path, kind):
    grid = Grid.upright((1, 5, 7), unit="pixel")
    mask = Mask((GREY % 3).astype(kind)[np.newaxis], grid, GRADES)

    write_mask(tmp_path / "a.png", mask)

    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), mask.labels[0])
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png", GRADES, grid=grid).labels, mask.labels)


@pytest.mark.parametrize("pixels", [GREY, COLOUR, GREY.astype(np.uint16) * 257], ids=["grey", "colour", "16 bits"])
def test_a_saved_picture_is_read_back(tmp_path, pixels):
    first = read_volume(save(tmp_path / "a.png", pixels))

    write_volume(tmp_path / "b.png", first)

    second = read_volume(tmp_path / "b.png")
    np.testing.assert_array_equal(second.data, first.data)
    assert second.data.dtype == first.data.dtype


def test_a_picture_is_saved_as_jpeg_where_asked(tmp_path):
    write_volume(
        tmp_path / "a.jpg", read_volume(save(tmp_path / "a.png", np.full((16, 16, 3), (200, 10, 10), np.uint8)))
    )

    with Image.open(tmp_path / "a.jpg") as saved:
        assert saved.format == "JPEG"


def test_labels_are_not_saved_as_jpeg(tmp_path):
    mask = Mask(np.zeros((1, 2, 2), np.uint8), Grid.upright((1, 2, 2), unit="pixel"), LESION)

    with pytest.raises(VolumeProblem, match="blur"):
        write_mask(tmp_path / "a.jpg", mask)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("grid", [Grid.upright((2, 2, 2), unit="pixel"), Grid.upright((1, 2, 2))], ids=["stack", "mm"])
def test_what_a_picture_cannot_hold_is_not_saved_as_one(tmp_path, grid):
    with pytest.raises(VolumeProblem, match=r"\.nii\.gz"):
        write_mask(tmp_path / "a.png", Mask(np.zeros(grid.shape, np.uint8), grid, LESION))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("affine", [np.diag([2.0, 2.0, 1.0, 1.0]), np.eye(4) + np.eye(4, k=3)], ids=["size", "place"])
def test_pixels_with_a_size_or_a_place_are_not_saved_where_it_would_be_lost(tmp_path, name, affine):
    grid = Grid((1, 2, 2), affine @ Grid.upright((1, 2, 2), unit="pixel").affine, "pixel")

    with pytest.raises(VolumeProblem, match=r"\.nrrd"):
        write_mask(tmp_path / name, Mask(np.zeros(grid.shape, np.uint8), grid, LESION))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "channels"), [(np.float32, 1), (np.int16, 1), (np.uint8, 2), (np.uint16, 3)])
def test_intensities_a_picture_cannot_hold_are_not_saved_as_one(tmp_path, kind, channels):
    data = np.zeros((channels, 1, 2, 2), kind)
    volume = Volume(data, Grid.upright((1, 2, 2), unit="pixel"), tuple(str(n) for n in range(channels)))

    with pytest.raises(VolumeProblem, match="do not fit"):
        write_volume(tmp_path / "a.png", volume)


def test_postscript_that_is_called_a_picture_is_never_run(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path / 'was_run'}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(ghostscript.parent), prepend=":")
    path = tmp_path / "evil.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(hi) print\n%%EOF\n")

    with pytest.raises(VolumeProblem, match="not a picture"):
        read_volume(path)
    with pytest.raises(VolumeProblem, match="cannot be read"):
        picture_grid(path)
    assert not (tmp_path / "was_run").exists()


def test_grey_of_16_bits_with_transparency_is_refused(tmp_path):
    def piece(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = piece(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 4, 0, 0, 0))
    pixels = piece(b"IDAT", zlib.compress(b"\0" + struct.pack(">HH", 1, 65535)))
    path = tmp_path / "mask.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + pixels + piece(b"IEND", b""))

    with pytest.raises(VolumeProblem, match="transparency"):
        read_volume(path)
