"""DICOM that is no image, half of one, or no even stack: refused by the name of the file, with what to do."""

import time
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import MPEG2MPML, UID, JPEGBaseline8Bit, generate_uid

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.opening import read_volume
from tests.files.dicom_series_made import AXIAL, header, save, save_series

PIXELS = np.arange(64, dtype=np.uint16).reshape(4, 4, 4)


def refused(path: Path, where: Path | None = None) -> str:
    """Return what a person is told, in less than a second."""
    began = time.perf_counter()
    with pytest.raises(VolumeProblem) as error:
        read_volume(path)
    assert time.perf_counter() - began < 1
    (problem,) = error.value.problems
    assert problem.where == str(where or path)
    assert problem.hint
    return problem.problem


def sound(folder: Path, **tags: object) -> Path:
    return save_series(folder, PIXELS[:1], **tags)[0]


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    "content", [b"", b"x", b"patient,age\n1,50\n" * 40, bytes(200), b"\x89PNG\r\n\x1a\n" + bytes(600)]
)
def test_other_contents_under_the_name_of_dicom_are_none(tmp_path, content):
    (tmp_path / "a.dcm").write_bytes(content)

    assert "not DICOM, whatever its name says" in refused(tmp_path / "a.dcm")


def test_a_missing_file_is_named(tmp_path):
    assert "does not exist" in refused(tmp_path / "gone.dcm")
    assert "does not exist" in refused(tmp_path / "gone?series=1")


def test_a_folder_without_dicom_is_no_image(tmp_path):
    (tmp_path / "notes.txt").write_text("no")

    assert "folder without DICOM images" in refused(tmp_path)


def test_a_report_is_no_image():
    assert "holds no image" in refused(Path(get_testdata_file("test-SR.dcm", download=False)))


@pytest.mark.parametrize("kept", [140, 300, 420, 600, 700])
def test_a_truncated_file_is_incomplete(tmp_path, kept):
    path = sound(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])

    assert any(word in refused(path) for word in ("incomplete", "holds no image"))


def test_missing_pixels_are_found_before_they_are_read(tmp_path):
    [path] = save_series(tmp_path, np.zeros((1, 64, 64), np.uint16))
    path.write_bytes(path.read_bytes()[:4000])

    assert refused(path) == "The file is incomplete: 1 x 64 x 64 pixels are 8192 bytes, the file has 4000."


def test_a_truncated_file_of_a_folder_is_told_by_its_name(tmp_path):
    paths = save_series(tmp_path, np.zeros((4, 64, 64), np.uint16))
    paths[3].write_bytes(paths[3].read_bytes()[:4000])

    assert "incomplete" in refused(tmp_path, paths[3])


def test_every_damaged_file_of_a_folder_is_told(tmp_path):
    paths = save_series(tmp_path, np.zeros((4, 64, 64), np.uint16))
    for path in paths[1:3]:
        path.write_bytes(path.read_bytes()[:4000])

    with pytest.raises(VolumeProblem) as error:
        read_volume(tmp_path)

    assert [problem.where for problem in error.value.problems] == [str(path) for path in paths[1:3]]


def test_pixels_that_do_not_fill_the_image_are_damaged(tmp_path):
    path = Path(get_testdata_file("MR_truncated.dcm", download=False))

    assert "damaged or incomplete" in refused(path)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"NumberOfFrames": 2_000_000_000}, "which no image has"),
        ({"NumberOfFrames": 90_000}, "incomplete: 90000 x 4 x 4 pixels"),
        ({"NumberOfFrames": -3}, "which no image has"),
        ({"SamplesPerPixel": 30_000}, "incomplete"),
        ({"BitsAllocated": 0}, "which no image has"),
    ],
)
def test_sizes_that_cannot_be_are_refused_before_memory_is_asked_for(tmp_path, tags, said):
    assert said in refused(sound(tmp_path, **tags))


@pytest.mark.parametrize(
    ("rows", "said"), [(0, "which no image has"), (65535, "incomplete: 1 x 65535 x 4"), (None, "no image size")]
)
def test_a_header_without_a_size_that_can_be_is_refused(tmp_path, rows, said):
    path = sound(tmp_path)
    made = dcmread(path)
    made.Rows = rows
    made.save_as(path)

    assert said in refused(path)


def test_an_image_larger_than_the_memory_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    class Memory:
        available = 10

    path = sound(tmp_path)
    monkeypatch.setattr("psutil.virtual_memory", Memory)

    assert "GiB of memory" in refused(path)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"ImagePositionPatient": [[1, 2]]}, "ImagePositionPatient in the header is not 3 finite numbers"),
        ({"ImageOrientationPatient": [[1, 0, 0, 1, 0, 0]]}, "not two directions at a right angle"),
        ({"ImageOrientationPatient": [[0, 0, 0, 0, 0, 0]]}, "not two directions at a right angle"),
        ({"PixelSpacing": [[0, 1]]}, "The pixel size in the header is 0 x 1"),
        ({"PixelSpacing": [[-1, 1]]}, "each must be above 0"),
        ({"PixelSpacing": None}, "a position but no PixelSpacing"),
        ({"RescaleSlope": 0}, "RescaleSlope in the header is 0"),
    ],
)
def test_numbers_that_place_or_scale_nothing_are_refused_by_their_tag(tmp_path, tags, said):
    assert said in refused(sound(tmp_path, **tags))


def test_words_in_place_of_a_number_are_refused(tmp_path):
    path = sound(tmp_path, RescaleSlope="1.25")
    path.write_bytes(path.read_bytes().replace(b"1.25", b"abcd"))

    assert refused(path) == "RescaleSlope in the header is not a finite number."


# ---------------------------------------------------------------- compression


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm"])
def test_compressed_pixels_are_those_of_the_uncompressed_file(name):
    plain, packed = (read_volume(Path(get_testdata_file(n, download=False))) for n in ("MR_small.dcm", name))

    np.testing.assert_array_equal(packed.data, plain.data)
    assert packed.grid.matches(plain.grid)


def test_runs_that_are_longer_than_the_image_are_cut(tmp_path):
    packed = bytearray(Path(get_testdata_file("rtdose_rle.dcm", download=False)).read_bytes())
    first_frame = packed.rindex(b"\xfe\xff\x00\xe0", 0, packed.index(b"\x04\x00\x00\x00\x40\x00\x00\x00"))
    runs = first_frame + 8 + 64  # behind the item's tag and length, and the table of segments
    packed[runs : runs + 40] = b"\x81\x07" * 20  # 128 times 7, and again
    (tmp_path / "a.dcm").write_bytes(packed)

    assert read_volume(tmp_path / "a.dcm").data.shape == (1, 15, 10, 10)


def test_byte_order_makes_no_difference():
    small, big = (get_testdata_file(name, download=False) for name in ("MR_small.dcm", "MR_small_bigendian.dcm"))

    volume = read_volume(Path(big))

    np.testing.assert_array_equal(volume.data, read_volume(Path(small)).data)
    assert volume.data.dtype.isnative


def compressed_as(path: Path, syntax: UID) -> Path:
    made = dcmread(Path(get_testdata_file("MR_small_RLE.dcm", download=False)))
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(path)
    return path


def test_a_missing_decoder_is_told_with_what_to_install(tmp_path, monkeypatch):
    path = compressed_as(tmp_path / "a.dcm", JPEGBaseline8Bit)
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", False)

    with pytest.raises(VolumeProblem, match=r"JPEG Baseline.*pip install 'napari-medkd\[dicom\]'"):
        read_volume(path)


def test_pixels_that_no_decoder_understands_are_told(tmp_path):
    said = refused(compressed_as(tmp_path / "a.dcm", JPEGBaseline8Bit))

    assert "cannot be decompressed (JPEG Baseline" in said


def test_a_film_in_a_compression_of_films_cannot_be_read(tmp_path):
    assert "in a way that cannot be read" in refused(compressed_as(tmp_path / "a.dcm", MPEG2MPML))


# ---------------------------------------------------------------- stacks


def test_missing_slices_are_told_with_where(tmp_path):
    paths = save_series(tmp_path, np.zeros((10, 4, 4), np.uint16), spacing=(2.5, 1, 1))
    paths[4].unlink()
    paths[5].unlink()

    assert refused(tmp_path) == (
        "About 2 of the slices, which are 2.5 mm apart, are missing: 7.5 mm between 003.dcm and 006.dcm, from 37.5 to "
        "45 mm along the normal."
    )


def test_of_many_gaps_the_first_are_told_and_the_others_counted(tmp_path):
    paths = save_series(tmp_path, np.zeros((40, 4, 4), np.uint16), spacing=(2, 1, 1))
    for number in (3, 9, 15, 21, 27):
        paths[number].unlink()

    said = refused(tmp_path)

    assert said.startswith("About 5 of the slices, which are 2 mm apart, are missing: 4 mm between 002.dcm and 004.dcm")
    assert said.endswith("; 4 mm between 014.dcm and 016.dcm, from 58 to 62 mm along the normal; and 2 more gaps.")


def test_uneven_slices_are_told(tmp_path):
    heights = [0, 1, 2.4, 3, 4]
    save_series(tmp_path, np.zeros((5, 4, 4), np.uint16), ImagePositionPatient=[[0, 0, z] for z in heights])

    assert "unevenly spaced, 0.6 to 1.4 mm apart" in refused(tmp_path)


def test_positions_rounded_by_a_scanner_are_even_enough(tmp_path):
    heights = [round(number * 1.25, 1) for number in range(20)]
    save_series(tmp_path, np.zeros((20, 4, 4), np.uint16), ImagePositionPatient=[[0, 0, z] for z in heights])

    assert read_volume(tmp_path).grid.spacing[0] == pytest.approx(1.25, abs=0.005)


def test_two_slices_at_one_position_that_nothing_tells_apart_are_refused(tmp_path):
    save_series(tmp_path, PIXELS, ImagePositionPatient=[[0, 0, z] for z in (0, 2, 2, 4)])

    said = refused(tmp_path)

    assert "1 of 4 slices lie where another one lies" in said
    assert "001.dcm and 002.dcm, 2 mm along the normal" in said


def test_a_tilted_gantry_is_told_with_its_angle(tmp_path):
    positions = [[0, number * np.tan(np.radians(15)) * 3, number * 3] for number in range(4)]
    save_series(tmp_path, PIXELS, ImagePositionPatient=positions)

    assert "shifted sideways against each other, by up to 2.41 mm: as with a gantry tilted by 15 degrees" in refused(
        tmp_path
    )


def test_a_gantry_tilted_over_both_axes_is_told_with_the_angle_between_normal_and_table(tmp_path):
    positions = [[-number * 0.6, number * 0.8, number] for number in range(4)]  # 1 mm sideways for 1 mm along
    save_series(tmp_path, PIXELS, ImagePositionPatient=positions)

    assert "by up to 3 mm: as with a gantry tilted by 45 degrees" in refused(tmp_path)


def test_one_slice_that_lies_aside_is_no_tilted_gantry(tmp_path):
    save_series(tmp_path, PIXELS, ImagePositionPatient=[[0, 0, 0], [0, 0, 1], [3, 0, 2], [0, 0, 3]])

    said = refused(tmp_path)

    assert "do not lie above each other: 002.dcm and others are shifted sideways, by up to 3 mm" in said
    assert "gantry" not in said


def test_slices_that_slip_by_a_fraction_of_a_pixel_are_a_stack(tmp_path):
    save_series(tmp_path, PIXELS, ImagePositionPatient=[[0.01 * z, 0, z] for z in range(4)])

    assert read_volume(tmp_path).data.shape == (1, 4, 4, 4)


def test_a_slice_without_a_position_does_not_slip_into_the_stack(tmp_path):
    save_series(tmp_path, PIXELS, ImagePositionPatient=[[0, 0, 0], [0, 0, 1], None, [0, 0, 3]], orientation=AXIAL)

    assert "without a position in space" in refused(tmp_path)


def test_no_image_at_all_is_told_by_its_folder(tmp_path):
    made = header(generate_uid(), SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3")
    save(tmp_path / "structures.dcm", made, PIXELS[:1])
    plan = dcmread(tmp_path / "structures.dcm")
    del plan.Rows, plan.Columns
    plan.save_as(tmp_path / "structures.dcm")

    assert "without DICOM images" in refused(tmp_path)
