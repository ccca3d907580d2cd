from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import doubts_about, read_mask, read_volume, write_mask, write_volume
from tests.files.test_axes import ORIENTATIONS, direction

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"))
STORED_TYPES = tuple(np.dtype(code) for code in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"))


def save(path: Path, array: np.ndarray, affine: np.ndarray, **header: object) -> Path:
    """Write a NIfTI file with nibabel alone, some header fields set afterwards."""
    image = nibabel.Nifti1Image(array, affine, dtype=array.dtype)
    image.header.set_xyzt_units("mm", "sec")
    for name, value in header.items():
        image.header[name] = value
    path.write_bytes(image.to_bytes())
    return path


def affine_of(letters: str, sizes: tuple[float, ...], tilt: tuple[float, ...], place: tuple[float, ...]) -> np.ndarray:
    """An affine as a file can hold it, in 32 bits."""
    affine = np.eye(4)
    straight = np.array([direction(letter) for letter in letters]).T * sizes
    affine[:3, :3] = Rotation.from_rotvec(tilt).as_matrix() @ straight
    affine[:3, 3] = place
    return affine.astype(np.float32).astype(np.float64)


STORED_AFFINES = st.builds(
    affine_of,
    st.sampled_from(ORIENTATIONS),
    st.tuples(*[st.sampled_from([0.4, 0.7, 1.0, 2.5, 5.0])] * 3),
    st.tuples(*[st.floats(-0.4, 0.4)] * 3),
    st.tuples(*[st.integers(-300_000, 300_000).map(lambda micron: micron / 1000)] * 3),
)
STRAIGHT_AND_OBLIQUE = pytest.mark.parametrize("tilt", [(0, 0, 0), (0.3, -0.2, 0.35)], ids=["straight", "oblique"])


# ---------------------------------------------------------------- load, save, load


def refuse_a_change(folder: Path, array: np.ndarray, affine: np.ndarray) -> None:
    """Load, save and load; fail where nibabel or we find anything changed."""
    first = read_volume(save(folder / "a.nii", array, affine))
    write_volume(folder / "b.nii", first)
    second, stored = read_volume(folder / "b.nii"), nibabel.load(folder / "b.nii")

    np.testing.assert_array_equal(second.data, first.data)
    assert (second.data.dtype, first.data.dtype) == (array.dtype, array.dtype)
    np.testing.assert_array_equal(second.grid.affine, first.grid.affine)
    assert second.grid.axes_in_file == first.grid.axes_in_file
    np.testing.assert_array_equal(np.asanyarray(stored.dataobj), array)
    np.testing.assert_array_equal(stored.affine, affine)


@STRAIGHT_AND_OBLIQUE
@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_every_orientation_survives_loading_and_saving(tmp_path, letters, tilt):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)

    refuse_a_change(tmp_path, array, affine_of(letters, (0.7, 1.0, 2.5), tilt, (-120.5, 33.25, 800)))


@settings(deadline=None, max_examples=30)
@given(STORED_AFFINES, st.sampled_from(STORED_TYPES), st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 2**32 - 1))
def test_loading_saving_and_loading_again_changes_nothing(tmp_path_factory, affine, kind, shape, seed):
    array = np.random.default_rng(seed).integers(0, 100, shape).astype(kind)

    refuse_a_change(tmp_path_factory.mktemp("identity"), array, affine)


@settings(deadline=None, max_examples=15)
@given(STORED_AFFINES, st.integers(0, 2**32 - 1))
def test_every_voxel_keeps_its_place_in_the_world(tmp_path_factory, affine, seed):
    array = np.random.default_rng(seed).permutation(60).reshape(3, 4, 5).astype(np.int16)
    volume = read_volume(save(tmp_path_factory.mktemp("world") / "a.nii", array, affine))

    in_file = np.argwhere(array >= 0)
    in_file = in_file[np.argsort(array[tuple(in_file.T)])]
    ours = np.argwhere(volume.data[0] >= 0)
    ours = ours[np.argsort(volume.data[0][tuple(ours.T)])]

    np.testing.assert_allclose(volume.grid.to_world(ours), nibabel.affines.apply_affine(affine, in_file), atol=1e-9)


@settings(deadline=None, max_examples=15)
@given(STORED_AFFINES)
def test_indices_grow_towards_inferior_posterior_and_left(tmp_path_factory, affine):
    volume = read_volume(save(tmp_path_factory.mktemp("ipl") / "a.nii", np.zeros((2, 3, 4), np.uint8), affine))

    step = volume.grid.affine[:3, :3]

    assert (step[2, 0] < 0, step[1, 1] < 0, step[0, 2] < 0) == (True, True, True)


def refuse_another_place(folder: Path, affine: np.ndarray, seed: int) -> None:
    """Save a mask on an image; fail where nibabel or SimpleITK see it elsewhere, or with other bytes."""
    random = np.random.default_rng(seed)
    image = save(folder / "image.nii", random.integers(-9, 9, (3, 4, 5)).astype(np.int16), affine)
    in_file = random.integers(0, 3, (3, 4, 5)).astype(np.uint8)
    mask = read_mask(save(folder / "given.nii", in_file, affine), ORGANS, grid=read_volume(image).grid)
    write_mask(folder / "mask.nii", mask)

    stored = nibabel.load(folder / "mask.nii")
    assert np.asanyarray(stored.dataobj).tobytes(order="F") == in_file.tobytes(order="F")
    np.testing.assert_array_equal(stored.affine, nibabel.load(image).affine)
    theirs, ours = sitk.ReadImage(str(image)), sitk.ReadImage(str(folder / "mask.nii"))
    assert ours.GetSize() == theirs.GetSize()
    assert ours.GetOrigin() == theirs.GetOrigin()
    assert ours.GetSpacing() == theirs.GetSpacing()
    assert ours.GetDirection() == theirs.GetDirection()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), in_file.T)


@STRAIGHT_AND_OBLIQUE
@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_a_mask_of_ours_opens_on_its_image_in_nibabel_and_simpleitk(tmp_path, letters, tilt):
    refuse_another_place(tmp_path, affine_of(letters, (0.7, 1.0, 2.5), tilt, (-120.5, 33.25, 800)), seed=1)


@settings(deadline=None, max_examples=15)
@given(STORED_AFFINES, st.integers(0, 2**32 - 1))
def test_a_mask_of_ours_opens_on_an_image_anywhere(tmp_path_factory, affine, seed):
    refuse_another_place(tmp_path_factory.mktemp("mask"), affine, seed)


def test_an_affine_with_shear_is_kept_though_no_quaternion_can_hold_it(tmp_path):
    affine = np.array([[1, 0.4, 0, 5], [0, 1, 0, 6], [0, 0, 2, 7], [0, 0, 0, 1.0]])
    volume = read_volume(save(tmp_path / "a.nii", np.zeros((2, 3, 4), np.uint8), affine))

    write_volume(tmp_path / "b.nii", volume)

    stored = nibabel.load(tmp_path / "b.nii")
    np.testing.assert_allclose(stored.affine, affine, atol=1e-6)
    assert int(stored.header["qform_code"]) == 0
    assert doubts_about(tmp_path / "b.nii") == []


def test_the_same_image_gives_the_same_bytes(tmp_path):
    volume = Volume(np.ones((1, 2, 3, 4), np.int16), Grid.upright((2, 3, 4)))

    write_volume(tmp_path / "a.nii.gz", volume)
    write_volume(tmp_path / "b.nii.gz", volume)

    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_a_mask_is_marked_as_labels_and_an_image_is_not(tmp_path):
    grid = Grid.upright((2, 3, 4))
    write_mask(tmp_path / "mask.nii", Mask(np.zeros((2, 3, 4), np.uint8), grid, ORGANS))
    write_volume(tmp_path / "image.nii", Volume(np.zeros((1, 2, 3, 4), np.uint8), grid))

    assert nibabel.load(tmp_path / "mask.nii").header.get_intent()[0] == "label"
    assert nibabel.load(tmp_path / "image.nii").header.get_intent()[0] == "none"


def test_several_channels_are_saved_as_a_vector_image(tmp_path):
    grid = Grid(shape=(2, 3, 4), affine=Grid.upright((2, 3, 4)).affine, axes_in_file="RAS")
    data = np.arange(2 * 12 * 24, dtype=np.int16).reshape(24, 2, 3, 4)
    write_volume(tmp_path / "a.nii.gz", Volume(data, grid, tuple(f"b{n}" for n in range(24))))

    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").data, data)
    assert sitk.ReadImage(str(tmp_path / "a.nii.gz")).GetNumberOfComponentsPerPixel() == 24


def test_types_nifti_does_not_know_are_saved_as_the_next_that_hold_them(tmp_path):
    grid = Grid.upright((2, 3, 4))
    for kind, stored in ((np.bool_, np.uint8), (np.float16, np.float32)):
        write_volume(tmp_path / "a.nii", Volume(np.ones((1, 2, 3, 4), kind), grid))

        assert read_volume(tmp_path / "a.nii").data.dtype == stored


def test_an_image_longer_than_nifti_1_can_say_is_saved_as_nifti_2(tmp_path):
    volume = Volume(np.zeros((1, 1, 2, 40_000), np.uint8), Grid.upright((1, 2, 40_000)))

    write_volume(tmp_path / "a.nii.gz", volume)

    assert isinstance(nibabel.load(tmp_path / "a.nii.gz"), nibabel.Nifti2Image)
    assert read_volume(tmp_path / "a.nii.gz").grid.shape == (1, 2, 40_000)


def test_a_grid_with_nonsense_for_its_file_axes_is_not_saved(tmp_path):
    grid = Grid((2, 3, 4), np.eye(4), axes_in_file="RAR")

    with pytest.raises(VolumeProblem, match=r"a\.nii.*'RAR'"):
        write_volume(tmp_path / "a.nii", Volume(np.zeros((1, 2, 3, 4)), grid))
    assert not (tmp_path / "a.nii").exists()
