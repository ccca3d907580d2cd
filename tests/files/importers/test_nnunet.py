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


@pytest.mark.parametrize(
    ("first", "second", "modality"),
    [
        ("CT", "PET", Modality.OTHER),
        ("CT", "CT", Modality.CT),
        ("CT", "CTA", Modality.CT),
        ("T1", "probability", Modality.MR),
    ],
)
def test_a_dataset_is_ct_where_every_channel_is(tmp_path, save, first, second, modality):
    dataset = open_dataset(laid_out(tmp_path, save, channel_names={"0": first, "1": second}))

    assert dataset.modality is modality


def test_every_missing_channel_and_lonely_label_is_reported(tmp_path, save):
    folder = laid_out(tmp_path, save)
    (folder / "imagesTr/la_003_0001.nii.gz").unlink()
    (folder / "imagesTs/la_007_0000.nii.gz").unlink()
    save(folder / "labelsTr/la_999.nii.gz")

    with pytest.raises(DatasetProblem) as error:
        open_dataset(folder)

    told = sorted(f"{problem.where} {problem.problem}" for problem in error.value.problems)
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


def test_a_region_of_one_label_is_that_label(tmp_path, save):
    dataset = open_dataset(laid_out(tmp_path, save, labels={"background": 0, "wall": [1], "blood": [2]}))

    assert dataset.task("segmentation").classes == ("background", "wall", "blood")


def test_files_of_another_ending_are_not_cases(tmp_path, save):
    folder = laid_out(tmp_path, save)
    save(folder / "imagesTr/la_009_0000.png", 1, 2)
    save(folder / "labelsTr/la_009.png", 0, 1)

    assert [case.id for case in open_dataset(folder).cases] == ["la_003", "la_004", "la_007"]


def test_an_ending_that_no_file_has_is_told_with_those_there_are(tmp_path, save):
    folder = laid_out(tmp_path, save, file_ending=".png")

    with pytest.raises(DatasetProblem, match=r"CASE_0000\.png; there are some that end in \.nii\.gz"):
        open_dataset(folder)


def test_more_than_ten_channels_keep_their_order(tmp_path, save):
    names = {str(number): f"b{number}" for number in range(11)}
    for number in range(11):
        save(tmp_path / f"imagesTr/a_{number:04d}.nii.gz", number)
    save(tmp_path / "labelsTr/a.nii.gz", 0, 1)
    document = {"channel_names": names, "labels": {"background": 0, "wall": 1}, "file_ending": ".nii.gz"}
    (tmp_path / "dataset.json").write_text(json.dumps(document))

    dataset = open_dataset(tmp_path)

    assert dataset.channels == tuple(names.values())
    assert [path.name for path in dataset.cases[0].images][-1] == "a_0010.nii.gz"


def test_one_picture_may_hold_the_three_colours(tmp_path, save):
    folder = laid_out(tmp_path, save, ".png", channel_names={"0": "R", "1": "G", "2": "B"})
    for path in folder.glob("images*/*_0001.png"):
        path.unlink()
    for path in folder.glob("images*/*_0000.png"):
        save(path, 1, 2, 3, colour=True)

    dataset = open_dataset(folder)

    assert dataset.channels == ("R", "G", "B")
    assert problems_of_dataset(dataset, read_images=True) == []


def test_cases_may_be_listed_by_their_files(tmp_path, save):
    folder = laid_out(tmp_path / "listed", save)
    for number in range(2):
        save(tmp_path / "elsewhere" / f"t{number}.nii.gz", 1, 2, 3)
    listed = {
        "b": {"images": [str(tmp_path / f"elsewhere/t{number}.nii.gz") for number in range(2)]},
        "a": {
            "images": ["imagesTr/la_003_0000.nii.gz", "imagesTr/la_003_0001.nii.gz"],
            "label": "labelsTr/la_003.nii.gz",
        },
    }
    laid_out(folder, save, dataset=listed)

    dataset = open_dataset(folder)

    assert [(case.id, bool(case.annotations)) for case in dataset.cases] == [
        ("a", True),
        ("b", False),
        ("la_007", False),
    ]
    assert problems_of_dataset(dataset, read_images=True) == []


def test_every_odd_case_of_a_list_is_reported(tmp_path, save):
    listed = {"a": "a.nii.gz", "b": {"images": ["../x.nii", "y.nii"]}, "c": {"images": ["x.nii", "y.nii", "z.nii"]}}

    with pytest.raises(DatasetProblem) as error:
        open_dataset(laid_out(tmp_path, save, dataset=listed))

    assert [problem.where.rsplit(" ")[-1] for problem in error.value.problems] == [
        "dataset.a",
        "dataset.b",
        "dataset.c",
    ]
