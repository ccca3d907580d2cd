import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.opening import (
    IMAGE_SUFFIXES,
    doubts_about,
    labels_in,
    read_mask,
    read_volume,
    stem_of,
    suffix_of,
    write_volume,
)

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"))
GRID = Grid.upright((2, 3, 4), (2.0, 1.0, 1.0))


def save(path: Path, data: np.ndarray, grid: Grid = GRID) -> Path:
    write_volume(path, Volume(data.reshape(1, *grid.shape), grid))
    return path


def counting(kind: type = np.int16) -> np.ndarray:
    return np.arange(24).reshape(GRID.shape).astype(kind)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "suffix", "stem"),
    [
        ("liver.nii.gz", ".nii.gz", "liver"),
        ("liver.v2.NII", ".nii", "liver.v2"),
        ("scan.TIF", ".tif", "scan"),
        ("photo.jpeg", ".jpeg", "photo"),
        ("notes.txt", "", "notes.txt"),
        ("archive.gz", "", "archive.gz"),
    ],
)
def test_a_suffix_is_known_in_any_case_and_whole(name, suffix, stem):
    assert suffix_of(Path(name)) == suffix
    assert stem_of(Path(name)) == stem


def test_an_unknown_format_is_refused_with_those_that_are_known(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")

    with pytest.raises(VolumeProblem, match=r"a\.mp4.*'\.mp4'.*\.nii\.gz"):
        read_volume(tmp_path / "a.mp4")
    assert ".nii.gz" in IMAGE_SUFFIXES


# ---------------------------------------------------------------- images


def test_an_image_remembers_its_file_modality_and_channel(tmp_path):
    path = save(tmp_path / "a.nii", counting())

    volume = read_volume(path, channels=("T1",), modality=Modality.MR)

    assert (volume.source, volume.modality, volume.channels) == (path, Modality.MR, ("T1",))


def test_a_file_for_each_channel_makes_one_image(tmp_path):
    paths = [save(tmp_path / "t1.nii", counting()), save(tmp_path / "t2.nii", counting() * 2)]

    volume = read_volume(paths)

    np.testing.assert_array_equal(volume.data, [counting(), counting() * 2])
    assert volume.channels == ("t1", "t2")
    assert read_volume(paths, channels=("T1", "T2")).channels == ("T1", "T2")


def test_channels_of_different_type_are_kept_exactly(tmp_path):
    paths = [save(tmp_path / "a.nii", counting(np.uint8)), save(tmp_path / "b.nii", counting(np.float32) + 0.5)]

    volume = read_volume(paths)

    assert volume.data.dtype == np.float32
    np.testing.assert_array_equal(volume.data[1], counting() + 0.5)


def test_channels_in_different_file_orders_are_brought_together(tmp_path):
    other = Grid(GRID.shape, GRID.affine, axes_in_file="RAS")
    paths = [save(tmp_path / "a.nii", counting()), save(tmp_path / "b.nii", counting(), other)]

    volume = read_volume(paths)

    np.testing.assert_array_equal(volume.data[0], volume.data[1])


def test_a_channel_on_another_grid_is_refused_by_its_name(tmp_path):
    paths = [save(tmp_path / "a.nii", counting()), save(tmp_path / "b.nii", counting(), Grid.upright(GRID.shape))]

    with pytest.raises(
        VolumeProblem, match=r"b\.nii: Its grid is 2 x 3 x 4 voxels of 1 x 1 x 1 mm, but .*a\.nii.* is .*2 x 1 x 1 mm"
    ):
        read_volume(paths)


def test_too_many_or_too_few_names_are_refused(tmp_path):
    path = save(tmp_path / "a.nii", counting())

    with pytest.raises(VolumeProblem, match=r"a\.nii.*1 channel; expected 2: "):
        read_volume(path, channels=("T1", "T2"))
    with pytest.raises(VolumeProblem, match="No file"):
        read_volume([])


# ---------------------------------------------------------------- masks


def test_a_mask_lies_on_the_grid_of_its_image(tmp_path):
    path = save(tmp_path / "a.nii", counting(np.uint8) % 3)

    mask = read_mask(path, ORGANS, grid=GRID)

    assert mask.grid is GRID
    np.testing.assert_array_equal(mask.labels, counting() % 3)
    assert mask.labels.dtype == np.uint8


@pytest.mark.parametrize("kind", [np.int32, np.float64, np.uint64])
def test_whole_labels_of_any_type_are_read(tmp_path, kind):
    assert read_mask(save(tmp_path / "a.nii", (counting() % 3).astype(kind)), ORGANS).labels.dtype == np.uint8


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (counting(np.float32) / 2, "12 values that are none"),
        (counting(np.int16) - 5, "values from -5 to 18"),
        (counting(np.int32) * 10_000, "values from 0 to 230000"),
    ],
)
def test_what_cannot_be_labels_is_refused(tmp_path, data, said):
    with pytest.raises(VolumeProblem, match=rf"a\.nii.*{said}.*the mask and not the image"):
        read_mask(save(tmp_path / "a.nii", data), ORGANS)


def test_a_mask_with_nan_is_refused(tmp_path):
    data = np.zeros(GRID.shape, np.float32)
    data[0, 0, 0] = np.nan

    with pytest.raises(VolumeProblem, match="1 values that are none"):
        read_mask(save(tmp_path / "a.nii", data), ORGANS)


def test_a_label_of_no_class_is_named_as_it_stands_in_the_file(tmp_path):
    path = save(tmp_path / "a.nii", np.where(counting() == 3, 9, 0).astype(np.uint8))

    with pytest.raises(
        VolumeProblem, match=r"a\.nii: The mask holds the labels \[9\].*0 background, 1 liver, 2 spleen"
    ):
        read_mask(path, ORGANS, label_map=LabelMap({1: 2}))


def test_a_label_map_renames_what_is_stored(tmp_path):
    path = save(tmp_path / "a.nii", np.where(counting() < 12, 500, 7).astype(np.uint16))

    labels = read_mask(path, ORGANS, label_map=LabelMap({500: 1, 7: 2})).labels

    assert labels.dtype == np.uint8
    assert (labels == np.where(counting() < 12, 1, 2)).all()


def test_labels_beyond_255_need_two_bytes(tmp_path):
    many = Task("many", "segmentation", tuple(f"part {n}" for n in range(400)))

    assert read_mask(save(tmp_path / "a.nii", np.full(GRID.shape, 399, np.int32)), many).labels.dtype == np.uint16


def test_a_binary_mask_of_any_format_may_use_255(tmp_path):
    binary = Task("lesion", "segmentation", ("background", "lesion"))
    path = save(tmp_path / "a.nii", (counting() % 2 * 255).astype(np.uint8))

    assert read_mask(path, binary).labels.max() == 1
    with pytest.raises(VolumeProblem, match=r"\[255\]"):
        read_mask(path, binary, label_map=LabelMap({7: 1}))


def test_a_mask_of_several_channels_is_refused(tmp_path):
    write_volume(tmp_path / "a.nii", Volume(np.zeros((2, 2, 3, 4), np.uint8), GRID, ("a", "b")))

    with pytest.raises(VolumeProblem, match=r"a\.nii.*2 channels"):
        read_mask(tmp_path / "a.nii", ORGANS)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        (Grid.upright((2, 4, 3), (2.0, 1.0, 1.0)), "2 x 4 x 3 voxels"),
        (Grid.upright((2, 3, 4), (2.5, 1.0, 1.0)), "2.5 x 1 x 1 mm"),
    ],
)
def test_a_mask_of_other_voxels_than_its_image_is_refused(tmp_path, grid, said):
    path = save(tmp_path / "mask.nii", np.zeros(grid.shape, np.uint8), grid)

    with pytest.raises(VolumeProblem, match=rf"mask\.nii: Its grid is .*{said}.*but its image's is.*Resample"):
        read_mask(path, ORGANS, grid=GRID)


def test_a_mask_elsewhere_is_refused_with_how_far(tmp_path):
    affine = GRID.affine.copy()
    affine[1, 3] += 12
    path = save(tmp_path / "mask.nii", counting(np.uint8) % 3, Grid(GRID.shape, affine))

    with pytest.raises(VolumeProblem, match="12 mm away from its image's, with the same voxels"):
        read_mask(path, ORGANS, grid=GRID)


def test_a_mask_whose_header_was_rounded_still_fits(tmp_path):
    affine = GRID.affine.copy()
    affine[:3] += 1e-4
    path = save(tmp_path / "mask.nii", counting(np.uint8) % 3, Grid(GRID.shape, affine))

    assert read_mask(path, ORGANS, grid=GRID).grid is GRID


def test_the_labels_of_a_mask_file_can_be_listed(tmp_path):
    assert labels_in(save(tmp_path / "a.nii", np.where(counting() < 3, 40, 0).astype(np.int16))) == (0, 40)


# ---------------------------------------------------------------- doubts, imports


def test_a_picture_has_no_position_to_doubt(tmp_path):
    write_volume(tmp_path / "a.png", Volume(np.zeros((1, 1, 3, 4), np.uint8), Grid.upright((1, 3, 4), unit="pixel")))

    assert doubts_about(tmp_path / "a.png") == []


def test_opening_one_format_imports_no_other_and_neither_torch_nor_a_viewer(tmp_path):
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4)), path)
    script = (
        "import sys; from pathlib import Path\n"
        "import napari_medkd.files.manifest, napari_medkd.files.results, napari_medkd.files.opening as opening\n"
        "heavy = {'nibabel', 'SimpleITK', 'tifffile', 'torch', 'napari', 'qtpy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "opening.read_volume(Path(sys.argv[1]))\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["[]", "['nibabel']"]
