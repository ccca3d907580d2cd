import json
from pathlib import Path
from typing import Any

import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.manifest import open_dataset, problems_of_dataset, write_dataset
from napari_medkd.files.opening import read_mask, read_volume


def document(**changes: Any) -> dict[str, Any]:
    sound = {
        "name": "BRATS",
        "description": "tumours",
        "tensorImageSize": "4D",
        "modality": {"0": "FLAIR", "1": "T1w"},
        "labels": {"0": "background", "1": "edema", "2": "tumour"},
        "numTraining": 2,
        "numTest": 1,
        "training": [
            {"image": "./imagesTr/B_001.nii.gz", "label": "./labelsTr/B_001.nii.gz"},
            {"image": "./imagesTr/B_002.nii.gz", "label": "./labelsTr/B_002.nii.gz"},
        ],
        "test": ["./imagesTs/B_003.nii.gz"],
    }
    return sound | changes


def laid_out(folder: Path, save, **changes: Any) -> Path:
    for name in ("Tr/B_001", "Tr/B_002", "Ts/B_003"):
        save(folder / f"images{name}.nii.gz", 1, 2, 3, channels=2)
    for name in ("B_001", "B_002"):
        save(folder / f"labelsTr/{name}.nii.gz", 0, 1, 2)
    (folder / "dataset.json").write_text(json.dumps(document(**changes)))
    return folder


@pytest.mark.parametrize("named", ["", "dataset.json"])
def test_a_decathlon_task_is_opened_and_sound(tmp_path, save, named):
    dataset = open_dataset(laid_out(tmp_path, save) / named)

    assert (dataset.name, dataset.channels, dataset.modality) == ("BRATS", ("FLAIR", "T1w"), Modality.MR)
    assert dataset.tasks["segmentation"].classes == ("background", "edema", "tumour")
    assert [case.id for case in dataset.labelled("segmentation")] == ["B_001", "B_002"]
    assert [case.id for case in dataset.unlabelled("segmentation")] == ["B_003"]
    assert {*dataset.split.train, *dataset.split.validate, *dataset.split.test} == {"B_001", "B_002"}
    assert problems_of_dataset(dataset, read_images=True) == []


def test_case_numbers_of_four_digits_are_no_channels(tmp_path, save):
    names = ("case_0000", "case_0001")
    for name in names:
        save(tmp_path / f"imagesTr/{name}.nii.gz", 1, 2, 3, channels=2)
        save(tmp_path / f"labelsTr/{name}.nii.gz", 0, 1, 2)
    listed = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in names]
    (tmp_path / "dataset.json").write_text(json.dumps(document(training=listed, test=[])))

    dataset = open_dataset(tmp_path)

    assert [case.id for case in dataset.labelled("segmentation")] == list(names)
    assert problems_of_dataset(dataset, read_images=True) == []


def test_all_channels_are_in_one_file(tmp_path, save):
    dataset = open_dataset(laid_out(tmp_path, save))
    case = dataset.cases[0]

    volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)

    assert volume.data.shape == (2, 6, 5, 4)
    assert read_mask(case.annotations["segmentation"], dataset.task("segmentation"), grid=volume.grid).labels.max() == 2


def test_nothing_of_it_is_changed_and_our_manifest_stands_beside_it(tmp_path, save):
    folder = laid_out(tmp_path, save)
    before = (folder / "dataset.json").read_bytes()

    write_dataset(open_dataset(folder), folder)

    assert (folder / "dataset.json").read_bytes() == before
    assert open_dataset(folder) == open_dataset(folder / "medkd-dataset.json")


def test_label_values_with_gaps_are_moved_together_and_strays_refused(tmp_path, save):
    folder = laid_out(tmp_path, save, labels={"0": "background", "1": "edema", "5": "tumour"})
    save(folder / "labelsTr/B_001.nii.gz", 0, 1, 5)
    dataset = open_dataset(folder)
    task, label_map = dataset.task("segmentation"), dataset.label_maps["segmentation"]

    assert task.classes == ("background", "edema", "tumour")
    assert read_mask(folder / "labelsTr/B_001.nii.gz", task, label_map=label_map).labels.max() == 2
    (problem,) = problems_of_dataset(dataset, read_images=True)
    assert "B_002" in problem.where
    assert "labels [2]" in problem.problem


@pytest.mark.parametrize(
    ("names", "modality"),
    [
        ({"0": "CT"}, Modality.CT),
        ({"0": "MRI"}, Modality.MR),
        ({"0": "T2", "1": "ADC"}, Modality.MR),
        ({"0": "PET"}, Modality.OTHER),
        ({"0": "CT", "1": "MRI"}, Modality.OTHER),
        ({"0": "X-ray"}, Modality.XR),
        ({"0": "Ultrasound"}, Modality.US),
        ("CT", Modality.CT),
    ],
)
def test_the_modality_is_what_the_channels_speak_of(tmp_path, save, names, modality):
    assert open_dataset(laid_out(tmp_path, save, modality=names)).modality == modality


def test_a_case_that_is_not_there_is_found_by_the_check(tmp_path, save):
    folder = laid_out(tmp_path, save)
    (folder / "imagesTr/B_002.nii.gz").unlink()

    (problem,) = problems_of_dataset(open_dataset(folder), read_images=False)

    assert "B_002" in problem.where
    assert "does not exist" in problem.problem


def test_every_odd_entry_is_reported(tmp_path, save):
    training = [{"image": "../secret.nii"}, "B_002", {"label": "./labelsTr/B_001.nii.gz"}]

    with pytest.raises(DatasetProblem) as error:
        open_dataset(laid_out(tmp_path, save, training=training, test=[{"image": 3}]))

    assert [problem.where.rsplit(" ")[-1] for problem in error.value.problems] == [
        "training.0",
        "training.1",
        "training.2",
        "test.0",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": {}}, "No classes"),
        ({"labels": {"0": "background", "one": "tumour"}}, "no whole number"),
        ({"labels": {"background": 0, "whole": [1, 2]}}, "regions"),
        ({"labels": {"background": 0, "liver": 1, "spleen": 1}}, "share a number"),
        ({"labels": {"-1": "nothing", "0": "background"}}, "below 0"),
        ({"labels": {"0": "background", "1": "liver", "2": "liver"}}, "twice"),
        ({"modality": {"a": "CT"}}, "expected a name for each channel"),
    ],
)
def test_classes_and_channels_that_cannot_be_understood_are_refused(tmp_path, save, changes, said):
    with pytest.raises(DatasetProblem, match=said):
        open_dataset(laid_out(tmp_path, save, **changes))


def test_a_dataset_json_that_is_no_json_is_refused(tmp_path, save):
    folder = laid_out(tmp_path, save)
    for text, said in (("{", "This is no JSON"), ("[]", "Found a list")):
        (folder / "dataset.json").write_text(text)

        with pytest.raises(DatasetProblem, match=rf"dataset\.json: {said}"):
            open_dataset(folder)
