from pathlib import Path

import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from napari_medkd.files.opening import read_mask
from tests.files.importers.imported import write, write_json

SESSIONS = ("sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1")


def stem(place: str) -> str:
    return place.replace("/", "_")


@pytest.fixture
def folder(tmp_path: Path, save) -> Path:
    """Two sessions of one subject and one of another, each with two contrasts and a segmentation."""
    for place in SESSIONS:
        save(tmp_path / place / f"anat/{stem(place)}_T1w.nii.gz", 1, 2, 3)
        save(tmp_path / place / f"anat/{stem(place)}_FLAIR.nii.gz", 1, 2, 3)
        save(tmp_path / f"derivatives/seg/{place}/anat/{stem(place)}_dseg.nii.gz", 0, 1, 3)
    write_json(tmp_path / "dataset_description.json", {"Name": "Ageing", "BIDSVersion": "1.9.0"})
    return tmp_path


def tasks_of(folder: Path) -> dict[str, int]:
    """Return how many cases each task has."""
    dataset = open_dataset(folder)
    assert problems_of_dataset(dataset, read_images=True) == []
    return {name: len(dataset.labelled(name)) for name in dataset.tasks}


def test_a_dataset_is_opened_and_sound(folder: Path):
    dataset = open_dataset(folder)

    assert (dataset.name, dataset.channels, dataset.modality) == ("Ageing", ("T1w",), Modality.MR)
    assert [case.id for case in dataset.cases] == ["sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"]
    assert dataset.task("segmentation").classes == ("background", "label 1", "label 3")
    assert problems_of_dataset(dataset, read_images=True) == []


def test_sessions_of_a_subject_are_kept_together(folder: Path, save):
    for number in range(3, 20):
        place = f"sub-{number:02d}"
        for session in ("1", "2"):
            name = f"{place}_ses-{session}"
            save(folder / place / f"ses-{session}/anat/{name}_T1w.nii.gz", 1, 2)
            save(folder / f"derivatives/seg/{place}/ses-{session}/anat/{name}_dseg.nii.gz", 0, 1, 3)

    dataset = open_dataset(folder)

    sides = [{name.split("_")[0] for name in getattr(dataset.split, side)} for side in ("train", "validate", "test")]
    assert all(sides)
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    assert {case.group for case in dataset.cases} == {f"sub-{number:02d}" for number in range(1, 20)}


def test_every_kind_of_mask_is_a_task(folder: Path, save):
    for place in SESSIONS[:2]:
        save(folder / f"derivatives/fast/{place}/anat/{stem(place)}_space-T1w_desc-brain_mask.nii.gz", 0, 1)
        save(folder / place / f"anat/{stem(place)}_label-lesion_mask.nii.gz", 0, 1)

    assert tasks_of(folder) == {"brain": 2, "lesion": 2, "segmentation": 3}
    assert open_dataset(folder).task("lesion").classes == ("background", "lesion")


def test_one_kind_of_two_pipelines_is_two_tasks(folder: Path, save):
    save(folder / f"derivatives/other/{SESSIONS[0]}/anat/{stem(SESSIONS[0])}_dseg.nii.gz", 0, 1)

    assert tasks_of(folder) == {"other segmentation": 1, "seg segmentation": 3}


@pytest.mark.parametrize(
    "table", ["derivatives/seg/dseg.tsv", "dseg.tsv", "derivatives/seg/sub-01/ses-1/anat/sub-01_ses-1_dseg.tsv"]
)
def test_classes_are_called_as_the_table_says(folder: Path, table: str):
    write(
        folder / table, "index\tname\tcolor\n0\tair\t#000000\n1\tgrey matter\t#ff0000\n3\tCSF\t#00ff00\n9\tskull\t#0\n"
    )

    dataset = open_dataset(folder)

    assert dataset.task("segmentation").classes == ("air", "grey matter", "CSF")
    path = Path(str(dataset.cases[0].annotations["segmentation"]))
    mask = read_mask(path, dataset.task("segmentation"), label_map=dataset.label_maps["segmentation"])
    assert set(mask.labels.ravel().tolist()) == {0, 1, 2}


@pytest.mark.parametrize(("text", "said"), [("value\tname\n1\ta\n", "heading"), ("index\tname\none\ta\n", "no whole")])
def test_a_table_that_says_nothing_is_refused(folder: Path, text: str, said: str):
    write(folder / "dseg.tsv", text)

    with pytest.raises(DatasetProblem, match=said):
        open_dataset(folder)


def test_what_lies_in_another_space_is_not_looked_at(folder: Path, save):
    name = stem(SESSIONS[0])
    for odd in ("space-MNI152NLin6Asym_dseg", "space-FLAIR_dseg", "res-2_desc-brain_mask"):
        save(folder / f"derivatives/fmriprep/{SESSIONS[0]}/anat/{name}_{odd}.nii.gz", 0, 7)

    assert tasks_of(folder) == {"segmentation": 3}


def test_without_sessions_and_pipelines(tmp_path: Path, save):
    for name in ("sub-a", "sub-b"):
        save(tmp_path / name / f"anat/{name}_T2w.nii.gz", 1, 2)
        save(tmp_path / f"derivatives/{name}/anat/{name}_T2w_label-lesion_roi.nii.gz", 0, 1)

    assert tasks_of(tmp_path) == {"lesion": 2}
    assert open_dataset(tmp_path).channels == ("T2w",)


def test_a_folder_of_derivatives_may_hold_its_own_images(tmp_path: Path, save):
    for name in ("sub-a", "sub-b"):
        save(tmp_path / name / f"anat/{name}_desc-preproc_T1w.nii.gz", 1, 2)
        save(tmp_path / name / f"anat/{name}_space-MNI_desc-preproc_T1w.nii.gz", 1, 2)
        save(tmp_path / name / f"anat/{name}_desc-aseg_dseg.nii.gz", 0, 1)

    assert tasks_of(tmp_path) == {"aseg": 2}
    assert [case.id for case in open_dataset(tmp_path).cases] == ["sub-a_desc-preproc", "sub-b_desc-preproc"]


def test_runs_have_masks_of_their_own_and_images_without_stay_unlabelled(tmp_path: Path, save):
    for run in ("1", "2", "3"):
        save(tmp_path / f"sub-a/anat/sub-a_run-{run}_T1w.nii.gz", 1, 2)
    for run in ("1", "2"):
        save(tmp_path / f"derivatives/p/sub-a/anat/sub-a_run-{run}_dseg.nii.gz", 0, 1)

    dataset = open_dataset(tmp_path)

    assert [case.id for case in dataset.unlabelled("segmentation")] == ["sub-a_run-3"]


def test_masks_of_no_image_and_of_several_are_all_told(tmp_path: Path, save):
    for run in ("1", "2"):
        save(tmp_path / f"sub-a/anat/sub-a_run-{run}_T1w.nii.gz", 1, 2)
    save(tmp_path / "derivatives/p/sub-a/anat/sub-a_dseg.nii.gz", 0, 1)
    save(tmp_path / "derivatives/p/sub-b/anat/sub-b_dseg.nii.gz", 0, 1)

    with pytest.raises(DatasetProblem) as caught:
        open_dataset(tmp_path)

    assert [problem.problem for problem in caught.value.problems] == [
        "The mask may be of several images: sub-a_run-1_T1w.nii.gz, sub-a_run-2_T1w.nii.gz.",
        "There is no T1w image of the mask.",
    ]


def test_subjects_without_masks_wait_to_be_annotated(tmp_path: Path, save):
    save(tmp_path / "sub-a/anat/sub-a_T1w.nii.gz", 1, 2)

    dataset = open_dataset(tmp_path)

    assert (dataset.tasks, [case.group for case in dataset.cases]) == ({}, ["sub-a"])
