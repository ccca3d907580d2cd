import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.opening import doubts_about, read_volume
from tests.files.test_nifti import save

# ---------------------------------------------------------------- dimensions


@pytest.mark.parametrize(
    ("shape", "ours"),
    [
        ((4, 3), (1, 1, 3, 4)),
        ((4, 3, 1), (1, 1, 3, 4)),
        ((4, 3, 2, 1), (1, 2, 3, 4)),
        ((4, 3, 2, 1, 1), (1, 2, 3, 4)),
        ((4, 3, 2, 3), (3, 2, 3, 4)),
        ((4, 3, 2, 1, 3), (3, 2, 3, 4)),
    ],
)
def test_planes_volumes_and_channels_are_told_apart(tmp_path, shape, ours):
    assert read_volume(save(tmp_path / "a.nii", np.zeros(shape, np.uint8), np.eye(4))).data.shape == ours


def test_channels_are_not_mixed_up_with_voxels(tmp_path):
    array = np.arange(4 * 3 * 2 * 3, dtype=np.int16).reshape(4, 3, 2, 3)

    volume = read_volume(save(tmp_path / "a.nii", array, np.diag([-1, -1, -1, 1])))

    np.testing.assert_array_equal(volume.data, array.transpose(3, 2, 1, 0))
    assert volume.channels == ("channel 1", "channel 2", "channel 3")


def four_volumes(path: Path, **header: object) -> Path:
    return save(path, np.arange(96, dtype=np.int16).reshape(4, 3, 2, 4), np.eye(4), **header)


SECONDS, MILLISECONDS, HERTZ = 2 + 8, 2 + 16, 2 + 32
TIME_SERIES, VECTOR = 2001, 1007


@pytest.mark.parametrize(
    "header",
    [
        {"xyzt_units": SECONDS, "pixdim": (1, 1, 1, 1, 0.72, 0, 0, 0)},
        {"xyzt_units": MILLISECONDS, "pixdim": (1, 1, 1, 1, 2000, 0, 0, 0)},
        {"intent_code": TIME_SERIES},
    ],
)
def test_a_time_series_is_told_by_its_header_and_refused_with_what_to_do(tmp_path, header):
    path = four_volumes(tmp_path / "bold.nii", **header)

    with pytest.raises(VolumeProblem, match=r"bold\.nii.*time series: 4 volumes of 4 x 3 x 2 voxels.*name each"):
        read_volume(path)
    assert len(read_volume(path, channels=["a", "b", "c", "d"]).data) == 4


@pytest.mark.parametrize(
    "header",
    [
        {"xyzt_units": 2, "pixdim": (1, 1, 1, 1, 2, 0, 0, 0)},
        {"xyzt_units": SECONDS, "pixdim": (1, 1, 1, 1, 1, 0, 0, 0)},
        {"xyzt_units": SECONDS, "pixdim": (1, 1, 1, 1, 0, 0, 0, 0)},
        {"xyzt_units": SECONDS, "pixdim": (1, 1, 1, 1, np.nan, 0, 0, 0)},
        {"xyzt_units": 7 * 8 + 2},
    ],
)
def test_a_few_volumes_of_which_nothing_is_said_are_channels(tmp_path, header):
    assert len(read_volume(four_volumes(tmp_path / "a.nii", **header)).data) == 4


def test_many_volumes_of_which_nothing_is_said_are_refused_with_how_to_choose(tmp_path):
    path = save(tmp_path / "a.nii", np.zeros((4, 3, 2, 30), np.uint8), np.eye(4))

    with pytest.raises(VolumeProblem, match=r"a\.nii.*30 volumes of 4 x 3 x 2.*does not say.*name each.*30 names"):
        read_volume(path)


@pytest.mark.parametrize("header", [{"intent_code": VECTOR}, {"xyzt_units": HERTZ}])
def test_many_volumes_are_channels_where_the_header_says_so(tmp_path, header):
    path = save(tmp_path / "a.nii", np.zeros((4, 3, 2, 30), np.uint8), np.eye(4), **header)

    assert len(read_volume(path).channels) == 30


def test_many_volumes_are_channels_where_each_has_a_name(tmp_path):
    path = save(tmp_path / "a.nii", np.zeros((4, 3, 2, 30), np.uint8), np.eye(4))

    assert read_volume(path, channels=[f"b{n}" for n in range(30)]).data.shape == (30, 2, 3, 4)


def test_channels_of_a_time_series_are_refused(tmp_path):
    with pytest.raises(VolumeProblem, match="5 dimensions"):
        read_volume(save(tmp_path / "a.nii", np.zeros((4, 3, 2, 3, 2), np.uint8), np.eye(4)))


def test_a_colour_image_has_three_channels(tmp_path):
    pixels = np.zeros((4, 3, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    pixels["G"] = 7
    path = tmp_path / "a.nii"
    path.write_bytes(nibabel.Nifti1Image(pixels, np.eye(4)).to_bytes())

    volume = read_volume(path)

    assert volume.channels == ("red", "green", "blue")
    assert volume.data.max(axis=(1, 2, 3)).tolist() == [0, 7, 0]


def test_a_series_of_colour_images_is_refused(tmp_path):
    pixels = np.zeros((4, 3, 2, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    (tmp_path / "a.nii").write_bytes(nibabel.Nifti1Image(pixels, np.eye(4)).to_bytes())

    with pytest.raises(VolumeProblem, match=r"a\.nii.*series of colour images"):
        read_volume(tmp_path / "a.nii")


# ---------------------------------------------------------------- intensities


def scaled(path: Path, array: np.ndarray, slope: float, inter: float) -> Path:
    return save(path, array, np.eye(4), scl_slope=slope, scl_inter=inter)


@pytest.mark.parametrize(
    ("slope", "inter", "kind"), [(1, -1024, np.int16), (2, 0, np.int16), (100, 0, np.int32), (1, 40_000, np.int32)]
)
def test_whole_numbers_scaled_by_whole_numbers_stay_whole(tmp_path, slope, inter, kind):
    array = np.array([0, 1, 4095], np.uint16).reshape(3, 1, 1)

    data = read_volume(scaled(tmp_path / "ct.nii", array, slope, inter)).data

    assert data.dtype == kind
    assert sorted(data.ravel().tolist()) == [inter, slope + inter, 4095 * slope + inter]


def test_a_fractional_scaling_gives_real_numbers(tmp_path):
    data = read_volume(scaled(tmp_path / "a.nii", np.full((2, 2, 2), 3, np.int16), 0.5, 0.25)).data

    assert data.dtype == np.float32
    assert np.unique(data).tolist() == [1.75]


def test_a_slope_of_zero_means_none(tmp_path):
    data = read_volume(scaled(tmp_path / "a.nii", np.full((2, 2, 2), 3, np.int16), 0, 0)).data

    assert data.dtype == np.int16
    assert data.max() == 3


def test_a_scaling_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(VolumeProblem, match=r"a\.nii.*scaling"):
        read_volume(scaled(tmp_path / "a.nii", np.zeros((2, 2, 2), np.int16), 1, np.nan))


def test_big_endian_files_are_read_as_the_machine_counts(tmp_path):
    image = nibabel.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.diag([-1.0, -1, -1, 1]))
    header = image.header.as_byteswapped(">")
    header["vox_offset"], header["magic"] = 352, b"n+1"
    voxels = np.asanyarray(image.dataobj).astype(">i2").tobytes(order="F")
    (tmp_path / "a.nii").write_bytes(header.binaryblock + bytes(4) + voxels)

    data = read_volume(tmp_path / "a.nii").data

    assert data.dtype.isnative
    np.testing.assert_array_equal(data[0], np.arange(8).reshape(2, 2, 2).T)


@pytest.mark.parametrize("stranger", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_counted_and_refused(tmp_path, stranger):
    array = np.zeros((4, 3, 2), np.float32)
    array[0, 0, 0] = array[1, 1, 1] = stranger

    with pytest.raises(VolumeProblem, match=r"a\.nii: 2 of 24 intensities are NaN or infinite"):
        read_volume(save(tmp_path / "a.nii", array, np.eye(4)))


def test_complex_numbers_are_refused(tmp_path):
    path = save(tmp_path / "a.nii", np.zeros((2, 2, 2), np.complex64), np.eye(4))

    with pytest.raises(VolumeProblem, match=r"a\.nii.*intensities are of type"):
        read_volume(path)


# ---------------------------------------------------------------- where it is


def coded(path: Path, *, sform: np.ndarray | None = None, qform: np.ndarray | None = None, space: int = 1) -> Path:
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), None)
    image.header.set_xyzt_units("mm")
    image.header["pixdim"][1:4] = (1, 2, 3)
    image.set_sform(sform, code=space if sform is not None else 0)
    image.set_qform(qform, code=1 if qform is not None else 0)
    path.write_bytes(image.to_bytes())
    return path


SHIFTED = np.array([[1, 0, 0, 50], [0, 2, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1.0]])
STRAIGHT = np.diag([1.0, 2.0, 3.0, 1.0])


def test_the_sform_wins_over_the_qform_and_the_check_says_so(tmp_path):
    path = coded(tmp_path / "a.nii", sform=SHIFTED, qform=STRAIGHT)

    assert read_volume(path).grid.to_world([[5, 4, 3]])[0].tolist() == [50, 0, 0]
    (doubt,) = doubts_about(path)
    assert "sform and qform put a corner 50 mm apart" in doubt.problem


def test_the_qform_is_taken_where_there_is_no_sform(tmp_path):
    path = coded(tmp_path / "a.nii", qform=SHIFTED)

    assert read_volume(path).grid.to_world([[5, 4, 3]])[0] == pytest.approx([50, 0, 0])
    assert doubts_about(path) == []


def test_positions_in_two_spaces_may_differ(tmp_path):
    template = 4  # MNI; the qform keeps the scanner's

    path = coded(tmp_path / "a.nii", sform=SHIFTED, qform=STRAIGHT, space=template)

    assert read_volume(path).grid.to_world([[5, 4, 3]])[0].tolist() == [50, 0, 0]
    assert doubts_about(path) == []


def test_two_positions_that_agree_to_a_fraction_of_a_voxel_are_no_problem(tmp_path):
    almost = SHIFTED.copy()
    almost[0, 3] += 0.2

    assert doubts_about(coded(tmp_path / "a.nii", sform=SHIFTED, qform=almost)) == []


def test_a_header_without_orientation_is_read_as_nibabel_does_and_doubted(tmp_path):
    path = coded(tmp_path / "a.nii")

    volume = read_volume(path)

    assert volume.grid.spacing == (3, 2, 1)
    centre = volume.grid.to_world([[2.5, 2, 1.5]])[0]
    np.testing.assert_allclose(centre, nibabel.affines.apply_affine(nibabel.load(path).affine, [1.5, 2, 2.5]))
    assert "left and right cannot be known" in doubts_about(path)[0].problem


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("mm", 1), ("micron", 0.001), ("unknown", 1)])
def test_lengths_become_millimetres(tmp_path, unit, factor):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), SHIFTED)
    image.header.set_xyzt_units(unit)
    (tmp_path / "a.nii").write_bytes(image.to_bytes())

    grid = read_volume(tmp_path / "a.nii").grid

    assert grid.unit == "mm"
    assert grid.spacing == pytest.approx((3 * factor, 2 * factor, factor))
    assert grid.to_world([[5, 4, 3]])[0] == pytest.approx([50 * factor, 0, 0])


def test_a_plane_without_a_third_voxel_size_can_be_read(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((4, 5), np.uint8), None)
    image.set_qform(np.diag([0.5, 0.25, 1, 1]), code=1)
    content = bytearray(image.to_bytes())
    content[88:92] = bytes(4)  # pixdim[3]
    (tmp_path / "a.nii").write_bytes(content)

    assert read_volume(tmp_path / "a.nii").grid.spacing == pytest.approx((1, 0.25, 0.5))


def test_a_packed_file_is_known_by_its_content_not_its_name(tmp_path):
    path = save(tmp_path / "a.nii", np.ones((2, 2, 2), np.uint8), np.eye(4))
    path.write_bytes(gzip.compress(path.read_bytes()))

    assert read_volume(path).data.max() == 1
