"""NRRD as other programs write it; where voxels lie is held against SimpleITK in test_volume_geometry.py."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import settings

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import doubts_about, read_mask, read_volume, write_volume
from tests.files.noise import any_noise, named_of, with_noise

ARRAY = np.random.default_rng(0).integers(0, 200, (4, 3, 2))
LESION = Task("lesion", "segmentation", ("background", "lesion"))


def save(path: Path, fields: str, voxels: bytes, *, kind: str = "uchar") -> Path:
    start = f"NRRD0004\ntype: {kind}\ndimension: 3\nsizes: 2 3 4\nspace: LPS\n"
    where = "space directions: (1,0,0) (0,1,0) (0,0,-1)\n"
    path.write_bytes(f"{start}{where}{fields}\n\n".encode() + voxels)
    return path


@pytest.mark.parametrize(
    ("kind", "code"),
    [("signed char", "i1"), ("unsigned short int", "u2"), ("int", "i4"), ("longlong", "i8"), ("float", "f4")],
)
@pytest.mark.parametrize("endian", ["little", "big"])
def test_every_type_of_number_is_read_in_the_machines_order(tmp_path, kind, code, endian):
    dtype = np.dtype(code).newbyteorder(">" if endian == "big" else "<")
    array = ARRAY % 100
    path = save(tmp_path / "a.nrrd", f"encoding: raw\nendian: {endian}", array.astype(dtype).tobytes(), kind=kind)

    data = read_volume(path).data

    assert (data.dtype, data.dtype.isnative) == (np.dtype(code), True)
    np.testing.assert_array_equal(data[0], array)


def test_packed_voxels_may_follow_in_several_parts(tmp_path):
    voxels = ARRAY.astype(np.uint8).tobytes()
    packed = gzip.compress(voxels[:10]) + gzip.compress(voxels[10:])

    np.testing.assert_array_equal(read_volume(save(tmp_path / "a.nrrd", "encoding: gz", packed)).data[0], ARRAY)


def test_voxels_beside_the_header_may_come_after_a_header_of_their_own(tmp_path):
    (tmp_path / "a.img").write_bytes(b"of another program" + ARRAY.astype(np.uint8).tobytes())
    counted = save(tmp_path / "a.nhdr", "encoding: raw\ndata file: a.img\nbyte skip: 18", b"")
    from_the_end = save(tmp_path / "b.nhdr", "encoding: raw\ndata file: ./a.img\nbyte skip: -1", b"")

    for path in (counted, from_the_end):
        np.testing.assert_array_equal(read_volume(path).data[0], ARRAY)


def test_voxels_may_lie_in_a_folder_inside(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.raw").write_bytes(ARRAY.astype(np.uint8).tobytes())

    assert read_volume(save(tmp_path / "a.nhdr", "encoding: raw\ndata file: raw/a.raw", b"")).data.shape == (1, 4, 3, 2)


def test_voxels_that_are_not_there_are_asked_for_by_the_headers_name(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.nhdr: The file 'gone\.raw' that holds its voxels does not lie beside"):
        read_volume(save(tmp_path / "a.nhdr", "encoding: raw\ndata file: gone.raw", b""))


def test_a_file_outside_of_the_folder_is_not_opened(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret.raw").write_bytes(ARRAY.astype(np.uint8).tobytes())

    with pytest.raises(VolumeProblem, match=r"a\.nhdr: The header names voxels outside of its folder"):
        read_volume(save(tmp_path / "inner/a.nhdr", "encoding: raw\ndata file: ../secret.raw", b""))


def test_damaged_packed_voxels_are_found_by_their_checksum(tmp_path):
    packed = bytearray(gzip.compress(ARRAY.astype(np.uint8).tobytes(), compresslevel=0))
    packed[20] ^= 1

    with pytest.raises(VolumeProblem, match=r"a\.nrrd: The file is incomplete or damaged"):
        read_volume(save(tmp_path / "a.nrrd", "encoding: gzip", bytes(packed)))


def test_a_header_without_a_patients_space_is_doubted(tmp_path):
    grid = Grid.upright((2, 3, 4))
    write_volume(tmp_path / "a.nrrd", Volume(np.zeros((1, 2, 3, 4)), grid))
    content = (tmp_path / "a.nrrd").read_bytes()
    (tmp_path / "b.nrrd").write_bytes(content.replace(b"space: left-posterior-superior", b"space dimension: 3"))

    assert doubts_about(tmp_path / "a.nrrd") == []
    assert "left and right cannot be known" in doubts_about(tmp_path / "b.nrrd")[0].problem
    assert read_volume(tmp_path / "b.nrrd").grid.matches(grid)


def test_a_mask_that_another_program_saved_is_read(tmp_path):
    image = sitk.GetImageFromArray((ARRAY > 100).astype(np.uint8))
    sitk.WriteImage(image, str(tmp_path / "a.seg.nrrd"), useCompression=True)

    assert read_mask(tmp_path / "a.seg.nrrd", LESION).labels.sum() == (ARRAY > 100).sum()


def test_the_same_image_gives_the_same_bytes(tmp_path):
    for name in ("a.nrrd", "b.nrrd"):
        write_volume(tmp_path / name, Volume(np.ones((1, 2, 3, 4), np.int16), Grid.upright((2, 3, 4))))

    assert (tmp_path / "a.nrrd").read_bytes() == (tmp_path / "b.nrrd").read_bytes()


def test_a_detached_image_is_two_files(tmp_path):
    write_volume(tmp_path / "a.nhdr", Volume(np.ones((1, 2, 3, 4), np.int16), Grid.upright((2, 3, 4))))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nhdr", "a.raw.gz"]


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_types_that_the_formats_do_not_know_become_the_next_or_are_refused(tmp_path, suffix):
    for kind, stored in ((np.bool_, np.uint8), (np.float16, np.float32)):
        write_volume(tmp_path / f"a{suffix}", Volume(np.ones((1, 2, 3, 4), kind), Grid.upright((2, 3, 4))))

        assert read_volume(tmp_path / f"a{suffix}").data.dtype == stored
    with pytest.raises(VolumeProblem, match=f"b{suffix}.*cannot hold complex64"):
        write_volume(tmp_path / f"b{suffix}", Volume(np.ones((1, 2, 3, 4), np.complex64), Grid.upright((2, 3, 4))))
    assert not (tmp_path / f"b{suffix}").exists()


@settings(deadline=None, max_examples=150)
@any_noise
def test_whatever_a_header_says_the_file_is_read_or_refused_by_name(tmp_path_factory, place, noise, gone):
    path = save(tmp_path_factory.getbasetemp() / "noise.nrrd", "encoding: raw", ARRAY.astype(np.uint8).tobytes())
    path.write_bytes(with_noise(path.read_bytes(), place, noise, gone))

    assert named_of(path) == str(path)
