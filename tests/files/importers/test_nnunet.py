import json
from pathlib import Path
from typing import Any

import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from napari_medkd.files.opening import read_mask


def laid_out(folder: Path, save, ending: str = ".nii.gz", **changes: Any) -> Path:
    for name in ("Tr/la_003", "Tr/la_004", "Ts/la_007"):
        for channel in ("0000", "0001"):
            save(folder / f"images{name}_{channel}{ending}", 1, 2, 3)
    for name in ("la_003", "la_004"):
        save(folder / f"labelsTr/{name}{ending}", 0, 1, 2)
    document = {
        "channel_names": {"0": "T1", "1": "ADC"},
        "labels": {"background": 0, "wall": 1, "blood": 2},
        "numTraining": 2,
        "file_ending": ending,
    }
    (folder / "dataset.json").write_text(json.dumps(document | changes))
    return folder


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha", ".png"])
def test_a_dataset_of_nnunet_is_opened_and_sound(tmp_path, save, ending):
    dataset = open_dataset(laid_out(tmp_path / "Dataset002_Heart", save, ending))

    assert (dataset.name, dataset.channels, dataset.modality) == ("Dataset002_Heart", ("T1", "ADC"), Modality.MR)
    assert dataset.tasks["segmentation"].classes == ("background", "wall", "blood")
    assert [path.name for path in dataset.case("la_003").images] == [f"la_003_0000{ending}", f"la_003_0001{ending}"]
    assert [case.id for case in dataset.unlabelled("segmentation")] == ["la_007"]
    assert problems_of_dataset(dataset, read_images=True) == []


def test_the_layout_of_its_first_version_is_known_too(tmp_path, save):
    folder = laid_out(tmp_path, save)
    training = [{"image": "./imagesTr/la_003.nii.gz", "label": "./labelsTr/la_003.nii.gz"}]
    document = {"modality": {"0": "CT", "1": "PET"}, "labels": {"0": "background", "1": "wall"}, "training": training}
    (folder / "dataset.json").write_text(json.dumps(document))

    dataset = open_dataset(folder)

    assert dataset.channels == ("CT", "PET")
    assert [case.id for case in dataset.cases] == ["la_003", "la_004", "la_007"]


def test_voxels_to_ignore_are_no_class(tmp_path, save):
    folder = laid_out(tmp_path, save, labels={"background": 0, "wall": 1, "ignore": 2})

    dataset = open_dataset(folder)

    assert dataset.task("segmentation").classes == ("background", "wall")
    assert dataset.task("segmentation").ignore == 2
    assert problems_of_dataset(dataset, read_images=True) == []


@pytest.mark.parametrize(("ignore", "stored"), [(2, (0, 1, 5, 2)), (9, (0, 1, 5, 9))])
def test_a_label_to_ignore_between_others_stays_apart_from_them(tmp_path, save, ignore, stored):
    folder = laid_out(tmp_path, save, labels={"background": 0, "wall": 1, "blood": 5, "ignore": ignore})
    path = save(folder / "labelsTr/la_003.nii.gz", *stored)
    dataset = open_dataset(folder)
    task, label_map = dataset.task("segmentation"), dataset.label_maps["segmentation"]

    labels = read_mask(path, task, label_map=label_map).labels

    assert set(labels.ravel().tolist()) == {0, 1, 2, task.ignore}
    for stray in (3, 4, 7):
        with pytest.raises(ValueError, match=rf"labels \[{stray}\]"):
            read_mask(save(path, 0, stray), task, label_map=label_map)


def test_channels_that_share_a_name_get_numbers(tmp_path, save):
    assert open_dataset(laid_out(tmp_path, save, channel_names={"0": "MRI", "1": "MRI"})).channels == ("MRI 0", "MRI 1")


def test_every_missing_channel_and_lonely_label_is_reported(tmp_path, save):
    folder = laid_out(tmp_path, save)
    (folder / "imagesTr/la_003_0001.nii.gz").unlink()
    (folder / "imagesTs/la_007_0000.nii.gz").unlink()
    save(folder / "labelsTr/la_999.nii.gz")

    with pytest.raises(DatasetProblem) as error:
        open_dataset(folder)

    told = [f"{problem.where} {problem.problem}" for problem in error.value.problems]
    assert len(told) == 3
    assert "la_003 The case has the channels 0000; expected 0000 to 0001" in told[0]
    assert "la_007" in told[1]
    assert "la_999.nii.gz There is no image of this name" in told[2]


def test_hidden_files_of_a_mac_are_not_cases(tmp_path, save):
    folder = laid_out(tmp_path, save)
    (folder / "imagesTr/._la_003_0000.nii.gz").write_bytes(b"x")
    (folder / "labelsTr/._la_003.nii.gz").write_bytes(b"x")

    assert len(open_dataset(folder).cases) == 3


def test_an_ending_that_cannot_be_opened_is_refused_at_once(tmp_path, save):
    with pytest.raises(DatasetProblem, match=r"file_ending: Files that end in \.mgz.*Convert"):
        open_dataset(laid_out(tmp_path, save, file_ending=".mgz"))


def test_classes_made_of_regions_are_refused(tmp_path, save):
    with pytest.raises(DatasetProblem, match="regions"):
        open_dataset(laid_out(tmp_path, save, labels={"background": 0, "whole": [1, 2]}))
