"""Images as scanners, cameras and other programs wrote them; needs MEDKD_DATA."""

import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset, problems_of_dataset, write_dataset
from napari_medkd.files.opening import doubts_about, labels_in, read_mask, read_volume, write_mask, write_volume

VOLUMES = (
    "brain_vxm_scan/t1.nii.gz",
    "totalseg_samples/ct.nii.gz",
    "totalseg_samples/ct_body.nii.gz",
    "totalseg_samples/mr.nii.gz",
    "openms_mni3/patient07/flair.nii.gz",
    "hippocampus_msd/images/hippocampus_001.nii.gz",
    "hippocampus_oasis70/images/1000_L.nii.gz",
)
MASKS = ("brain_vxm_scan/labels.nii.gz", "totalseg_samples/ct_labels.nii.gz", "openms_mni3/patient07/lesion.nii.gz")


@pytest.mark.parametrize("name", VOLUMES)
def test_a_real_volume_survives_loading_and_saving(real_data: Path, tmp_path: Path, name: str):
    volume = read_volume(real_data / name)

    write_volume(tmp_path / "a.nii.gz", volume)

    before, after = nibabel.load(real_data / name), nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(after.dataobj), np.asanyarray(before.dataobj))
    np.testing.assert_array_equal(after.affine, before.affine)
    assert after.get_data_dtype() == before.get_data_dtype()
    assert volume.grid.axes_in_file == "".join(nibabel.aff2axcodes(before.affine))
    assert doubts_about(real_data / name) == []


@pytest.mark.parametrize("name", MASKS)
def test_a_real_mask_saved_by_us_opens_on_its_image_elsewhere(real_data: Path, tmp_path: Path, name: str):
    task = Task("all", "segmentation", tuple(str(n) for n in range(1 + max(labels_in(real_data / name)))))

    write_mask(tmp_path / "a.nii.gz", read_mask(real_data / name, task))

    theirs, ours = sitk.ReadImage(str(real_data / name)), sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
    np.testing.assert_allclose(ours.GetOrigin(), theirs.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(ours.GetDirection(), theirs.GetDirection(), atol=1e-6)
    assert ours.GetSpacing() == theirs.GetSpacing()


def test_left_is_left_and_the_brainstem_is_below(real_data: Path):
    path = real_data / "brain_vxm_scan/labels.nii.gz"
    task = Task("brain", "segmentation", tuple(str(n) for n in range(1 + max(labels_in(path)))))

    mask = read_mask(path, task)

    left, right, brainstem, everything = (
        np.argwhere(chosen).mean(axis=0)
        for chosen in (mask.labels == 17, mask.labels == 53, mask.labels == 16, mask.labels > 0)
    )
    assert left[2] > right[2]
    assert brainstem[0] > everything[0]
    assert mask.grid.to_world([left])[0, 0] < mask.grid.to_world([right])[0, 0]


def test_hippocampus_pairs_are_opened_whole_in_four_seconds(real_data: Path):
    began = time.perf_counter()
    dataset = open_dataset(real_data / "hippocampus_msd")
    task = dataset.task("segmentation")

    for case in dataset.cases:
        volume = read_volume(case.images)
        read_mask(case.annotations[task.name], task, grid=volume.grid)

    assert time.perf_counter() - began < 4
    assert task.classes == ("background", "label 1", "label 2")
    assert [len(side) for side in (dataset.split.train, dataset.split.validate, dataset.split.test)] == [127, 30, 40]


@pytest.mark.parametrize("name", ["hippocampus_msd", "hippocampus_oasis70"])
def test_real_pairs_have_no_problem(real_data: Path, name: str):
    assert problems_of_dataset(open_dataset(real_data / name), read_images=True) == []


def test_a_manifest_can_be_written_elsewhere_for_data_that_is_read_only(real_data: Path, tmp_path: Path):
    dataset = open_dataset(real_data / "hippocampus_oasis70")

    write_dataset(dataset, tmp_path)

    again = open_dataset(tmp_path)
    assert again.cases == dataset.cases
    assert problems_of_dataset(again, read_images=False) == []


def test_ultrasound_is_grey_with_masks_of_two_classes(real_data: Path):
    dataset = open_dataset(real_data / "busbra")
    case = dataset.cases[0]

    volume = read_volume(case.images, channels=dataset.channels)
    mask = read_mask(case.annotations["segmentation"], dataset.task("segmentation"), grid=volume.grid)

    assert dataset.channels == ("image",)
    assert (volume.grid.unit, volume.data.dtype) == ("pixel", np.uint8)
    assert set(np.unique(mask.labels)) == {0, 1}


def test_blood_smears_are_coloured(real_data: Path):
    volume = read_volume(real_data / "bccd/images/BloodImage_00000.jpg")

    assert volume.data.shape == (3, 1, 480, 640)
    assert volume.channels == ("red", "green", "blue")


def test_registered_contrasts_are_channels_of_one_image(real_data: Path):
    folder = real_data / "openms_mni3/patient07"

    volume = read_volume([folder / f"{name}.nii.gz" for name in ("flair", "t1", "t1post", "t2")])

    assert volume.channels == ("flair", "t1", "t1post", "t2")
    assert len({channel.tobytes() for channel in volume.data}) == 4
