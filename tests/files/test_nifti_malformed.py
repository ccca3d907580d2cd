"""Files that are no image, or half of one: refused quickly, by their name, with what to do."""

import gzip
import struct
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.opening import read_volume
from tests.files.noise import named_of


def content(**header: object) -> bytearray:
    """The bytes of a sound 4 x 5 x 6 image of int16, with some header fields changed afterwards."""
    image = nibabel.Nifti1Image(np.arange(120, dtype=np.int16).reshape(4, 5, 6), np.diag([1.0, 2.0, 3.0, 1.0]))
    sound = image.to_bytes()
    changed = nibabel.Nifti1Header(sound[:348], check=False)
    for name, value in header.items():
        changed[name] = value
    return bytearray(changed.binaryblock + sound[348:])


def refused(tmp_path: Path, data: bytes, name: str = "bad.nii") -> str:
    """Return what a person is told about the file, within half a second."""
    path = tmp_path / name
    path.write_bytes(data)
    began = time.perf_counter()
    with pytest.raises(VolumeProblem) as error:
        read_volume(path)
    assert time.perf_counter() - began < 0.5
    (problem,) = error.value.problems
    assert problem.where == str(path)
    assert problem.hint
    assert problem.problem.count(str(path)) == 0
    return problem.problem


def test_the_sound_image_is_read(tmp_path):
    (tmp_path / "good.nii").write_bytes(content())

    assert read_volume(tmp_path / "good.nii").data.shape == (1, 6, 5, 4)


def test_an_empty_file_is_no_image(tmp_path):
    assert "is empty" in refused(tmp_path, b"")


@pytest.mark.parametrize("data", [b"patient,age\n1,50\n" * 40, b"\x89PNG\r\n\x1a\n" + bytes(600), bytes(1000), b"x"])
def test_other_contents_under_the_name_of_an_image_are_not_nifti(tmp_path, data):
    assert "not a NIfTI image, whatever its name says" in refused(tmp_path, data)


def test_text_that_was_packed_is_not_nifti_either(tmp_path):
    assert "not a NIfTI image" in refused(tmp_path, gzip.compress(b"hello\n" * 200), "bad.nii.gz")


def test_the_header_of_a_pair_of_files_is_refused(tmp_path):
    assert "not a NIfTI image" in refused(tmp_path, content(magic=b"ni1"))


@pytest.mark.parametrize("kept", [100, 347])
def test_half_a_header_is_no_image(tmp_path, kept):
    assert "not a NIfTI image" in refused(tmp_path, content()[:kept])


@pytest.mark.parametrize("kept", [352, 353, 500, 591])
def test_a_truncated_file_is_incomplete(tmp_path, kept):
    assert "incomplete or damaged" in refused(tmp_path, content()[:kept])


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9, 0.99])
def test_a_truncated_packed_file_is_incomplete(tmp_path, kept):
    packed = gzip.compress(content(), mtime=0)

    assert "incomplete or damaged" in refused(tmp_path, packed[: int(len(packed) * kept)], "bad.nii.gz")


def test_half_a_file_that_was_packed_whole_is_incomplete(tmp_path):
    assert "ends after 100 of 240 bytes" in refused(tmp_path, gzip.compress(content()[: 352 + 100]), "bad.nii.gz")


def test_damaged_packed_voxels_are_found_by_their_checksum(tmp_path):
    packed = bytearray(gzip.compress(content(), compresslevel=0, mtime=0))
    packed[-100] ^= 0xFF

    assert "damaged" in refused(tmp_path, packed, "bad.nii.gz")


def test_only_packed_names_with_raw_content_are_read_as_what_they_are(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(content())

    assert read_volume(tmp_path / "a.nii.gz").data.shape == (1, 6, 5, 4)


@pytest.mark.parametrize(
    "dim", [(3, 0, 5, 6, 1, 1, 1, 1), (3, -4, 5, 6, 1, 1, 1, 1), (0, 4, 5, 6, 1, 1, 1, 1), (9, 4, 5, 6, 1, 1, 1, 1)]
)
def test_sizes_that_no_image_has_are_refused(tmp_path, dim):
    assert "every size must be at least 1" in refused(tmp_path, content(dim=dim))


@pytest.mark.parametrize("name", ["bad.nii", "bad.nii.gz"])
def test_absurd_sizes_are_refused_before_memory_is_asked_for(tmp_path, name):
    data = bytes(content(dim=(4, 32767, 32767, 32767, 100, 1, 1, 1)))

    said = refused(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name)

    assert "32767 x 32767 x 32767 x 100 voxels" in said


def test_an_image_larger_than_the_memory_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    class Memory:
        available = 100

    monkeypatch.setattr("psutil.virtual_memory", Memory)

    assert "GiB of memory" in refused(tmp_path, content())


@pytest.mark.parametrize("offset", [np.nan, np.inf, 1e30])
def test_an_offset_that_leads_nowhere_is_refused(tmp_path, offset):
    assert "damaged" in refused(tmp_path, content(vox_offset=offset))


def test_an_unknown_type_of_voxel_is_refused(tmp_path):
    assert "damaged" in refused(tmp_path, content(datatype=7777))


def test_packed_bits_are_refused(tmp_path):
    assert "damaged" in refused(tmp_path, content(datatype=1)) or "type" in refused(tmp_path, content(datatype=1))


# ---------------------------------------------------------------- geometry


def in_qform(**header: object) -> bytearray:
    return content(sform_code=0, qform_code=1, **header)


@pytest.mark.parametrize("pixdim", [(1, 0, 2, 3), (1, 1, -2, 3), (1, 1, 2, np.nan), (1, np.inf, 2, 3)])
@pytest.mark.parametrize("qform_code", [0, 1])
def test_a_voxel_size_that_is_not_above_zero_is_refused(tmp_path, pixdim, qform_code):
    data = content(sform_code=0, qform_code=qform_code, pixdim=(*pixdim, 1, 1, 1, 1))

    assert "each must be above 0" in refused(tmp_path, data)


def test_a_voxel_size_that_the_sform_replaces_is_not_asked_for(tmp_path):
    (tmp_path / "a.nii").write_bytes(content(pixdim=(1, 0, 0, 0, 0, 0, 0, 0)))

    assert read_volume(tmp_path / "a.nii").grid.spacing == (3, 2, 1)


@pytest.mark.parametrize("row", [(0, 0, 0, 0), (0, 1, 0, 0), (0, 2, 0, 5)])
def test_a_singular_affine_is_refused(tmp_path, row):
    assert "singular" in refused(tmp_path, content(srow_x=row, srow_y=(0, 2, 0, 0)))


@pytest.mark.parametrize("stranger", [np.nan, np.inf])
def test_an_affine_with_numbers_that_are_none_is_refused(tmp_path, stranger):
    assert "affine holds NaN or infinite" in refused(tmp_path, content(srow_y=(0, stranger, 0, 0)))


def test_a_quaternion_that_is_no_rotation_is_refused(tmp_path):
    assert "position" in refused(tmp_path, in_qform(quatern_b=2, quatern_c=2))


def test_a_quaternion_without_its_sign_is_read_as_the_standard_says(tmp_path):
    (tmp_path / "a.nii").write_bytes(in_qform(pixdim=(0, 1, 2, 3, 1, 1, 1, 1)))

    assert read_volume(tmp_path / "a.nii").grid.spacing == pytest.approx((3, 2, 1))


def test_a_unit_that_does_not_exist_counts_as_millimetres(tmp_path):
    (tmp_path / "a.nii").write_bytes(content(xyzt_units=7))

    assert read_volume(tmp_path / "a.nii").grid.spacing == (3, 2, 1)


# ---------------------------------------------------------------- anything


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 351), st.binary(min_size=1, max_size=8))
def test_whatever_a_header_says_the_file_is_read_or_refused_by_name(tmp_path_factory, place, noise):
    path = tmp_path_factory.getbasetemp() / "noise.nii"
    data = content()
    data[place : place + len(noise)] = noise
    path.write_bytes(data)

    assert named_of(path) == str(path)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=600))
def test_any_bytes_are_refused_by_name(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.nii.gz"
    path.write_bytes(struct.pack("<i", 348) + data)

    with pytest.raises(VolumeProblem, match=r"bytes\.nii\.gz"):
        read_volume(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(VolumeProblem, match=r"none\.nii: The file does not exist"):
        read_volume(tmp_path / "none.nii")
    (tmp_path / "folder.nii").mkdir()
    with pytest.raises(VolumeProblem, match=r"folder\.nii: This is a folder"):
        read_volume(tmp_path / "folder.nii")
