"""MetaImage as other programs write it; where voxels lie is held against SimpleITK in test_volume_geometry.py."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import settings

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import read_volume, write_volume
from tests.files.noise import any_noise, named_of, with_noise

ARRAY = np.random.default_rng(0).integers(0, 200, (4, 3, 2))


def save(path: Path, fields: str, voxels: bytes, *, kind: str = "MET_UCHAR", where: str = "LOCAL") -> Path:
    start = "ObjectType = Image\nNDims = 3\nBinaryData = True\nDimSize = 2 3 4\nElementSpacing = 1 1 1\n"
    turned = "TransformMatrix = 1 0 0 0 1 0 0 0 -1\n"
    path.write_bytes(f"{start}{turned}{fields}ElementType = {kind}\nElementDataFile = {where}\n".encode() + voxels)
    return path


@pytest.mark.parametrize(
    ("kind", "code"), [("MET_CHAR", "i1"), ("MET_USHORT", "u2"), ("MET_LONG", "i4"), ("MET_DOUBLE", "f8")]
)
@pytest.mark.parametrize(
    ("field", "order"), [("", "<"), ("BinaryDataByteOrderMSB = True\n", ">"), ("ElementByteOrderMSB = True\n", ">")]
)
def test_every_type_of_number_is_read_in_the_machines_order(tmp_path, kind, code, field, order):
    array = ARRAY % 100
    path = save(tmp_path / "a.mha", field, array.astype(np.dtype(code).newbyteorder(order)).tobytes(), kind=kind)

    data = read_volume(path).data

    assert (data.dtype, data.dtype.isnative) == (np.dtype(code), True)
    np.testing.assert_array_equal(data[0], array)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), array)


def test_voxels_beside_the_header_may_come_after_a_header_of_their_own(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"of another program" + ARRAY.astype(np.uint8).tobytes())

    for size in (18, -1):
        path = save(tmp_path / "a.mhd", f"HeaderSize = {size}\n", b"", where="a.raw")
        np.testing.assert_array_equal(read_volume(path).data[0], ARRAY)


def test_a_file_outside_of_the_folder_is_not_opened(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret.raw").write_bytes(ARRAY.astype(np.uint8).tobytes())

    with pytest.raises(VolumeProblem, match=r"a\.mhd: The header names voxels outside of its folder"):
        read_volume(save(tmp_path / "inner/a.mhd", "", b"", where="../secret.raw"))


def test_damaged_packed_voxels_are_found_by_their_checksum_where_simpleitk_shows_them(tmp_path):
    packed = bytearray(zlib.compress(ARRAY.astype(np.uint8).tobytes(), 0))
    packed[10] ^= 1
    path = save(tmp_path / "a.mha", f"CompressedData = True\nCompressedDataSize = {len(packed)}\n", bytes(packed))

    assert (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) != ARRAY).any()
    with pytest.raises(VolumeProblem, match=r"a\.mha: The file is incomplete or damaged"):
        read_volume(path)


def test_the_voxels_of_several_slices_are_not_searched_for(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.mhd: The voxels lie in several files\. Save the image as one"):
        read_volume(save(tmp_path / "a.mhd", "", b"", where="slice%03d.raw 1 4 1"))


def test_a_detached_image_is_two_files(tmp_path):
    write_volume(tmp_path / "a.mhd", Volume(np.ones((1, 2, 3, 4), np.int16), Grid.upright((2, 3, 4))))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mhd", "a.zraw"]


def test_pixels_of_another_size_are_refused(tmp_path):
    volume = Volume(np.zeros((1, 2, 3, 4)), Grid.upright((2, 3, 4), (2.0, 2.0, 2.0), "pixel"))

    with pytest.raises(VolumeProblem, match=r"a\.mha.*mm and whole pixels.*Choose \.nrrd"):
        write_volume(tmp_path / "a.mha", volume)


@settings(deadline=None, max_examples=150)
@any_noise
def test_whatever_a_header_says_the_file_is_read_or_refused_by_name(tmp_path_factory, place, noise, gone):
    path = save(tmp_path_factory.getbasetemp() / "noise.mha", "", ARRAY.astype(np.uint8).tobytes())
    path.write_bytes(with_noise(path.read_bytes(), place, noise, gone))

    assert named_of(path) == str(path)
