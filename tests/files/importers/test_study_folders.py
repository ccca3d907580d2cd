from pathlib import Path

import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from napari_medkd.files.opening import read_mask, read_volume
from tests.files.importers.imported import imported

BRATS_21 = "BraTS2021_0000{n}/BraTS2021_0000{n}_{part}.nii.gz"
BRATS_23 = "train/BraTS-GLI-0000{n}-00{visit}/BraTS-GLI-0000{n}-00{visit}-{part}.nii.gz"
ISLES = "sub-strokecase000{n}/ses-0001/{folder}/sub-strokecase000{n}_ses-0001_{part}.nii.gz"

#: Name, files with the values they hold, classes, modality and channels.
SETS = {
    "brats-2021": (
        {BRATS_21.format(n=n, part=part): (3, 5) for n in (2, 5) for part in ("t1", "t1ce", "t2", "flair")}
        | {BRATS_21.format(n=n, part="seg"): (0, 1, 2, 4) for n in (2, 5)},
        ("background", "necrotic core", "edema", "enhancing tumour"),
        ("T1", "T1 contrast", "T2", "FLAIR"),
    ),
    "brats-2023": (
        {
            BRATS_23.format(n=n, visit=visit, part=part): (3, 5)
            for n, visit in ((2, 0), (2, 1), (5, 0))
            for part in ("t1n", "t1c", "t2w", "t2f")
        }
        | {BRATS_23.format(n=n, visit=visit, part="seg"): (0, 1, 2, 3) for n, visit in ((2, 0), (2, 1), (5, 0))},
        ("background", "necrotic core", "edema", "enhancing tumour"),
        ("T1", "T1 contrast", "T2", "FLAIR"),
    ),
    "isles-2022": (
        {ISLES.format(n=n, folder="dwi", part=part): (3, 5) for n in (1, 2) for part in ("dwi", "adc")}
        | {ISLES.format(n=n, folder="anat", part="FLAIR"): (3, 5) for n in (1, 2)}
        | {"derivatives/" + ISLES.format(n=n, folder="", part="msk").replace("//", "/"): (0, 1) for n in (1, 2)},
        ("background", "infarct"),
        ("DWI", "ADC"),
    ),
    "brainmetshare": (
        {f"train/Mets_00{n}/{part}.nii": (3, 5) for n in (1, 4) for part in ("bravo", "flair", "t1_gd", "t1_pre")}
        | {f"train/Mets_00{n}/seg.nii": (0, 1) for n in (1, 4)},
        ("background", "metastasis"),
        ("T1 gradient echo contrast", "T1 spin echo", "T1 spin echo contrast", "FLAIR"),
    ),
    "lits": (
        {f"Training Batch {1 + n // 28}/volume-{n}.nii": (-100, 60) for n in (0, 30)}
        | {f"Training Batch {1 + n // 28}/segmentation-{n}.nii": (0, 1, 2) for n in (0, 30)},
        ("background", "liver", "tumour"),
        ("CT",),
    ),
    "kits-2019": (
        {f"data/case_0000{n}/imaging.nii.gz": (-100, 60) for n in (0, 1)}
        | {f"data/case_0000{n}/segmentation.nii.gz": (0, 1, 2) for n in (0, 1)},
        ("background", "kidney", "tumour"),
        ("CT",),
    ),
    "kits-2023": (
        {f"dataset/case_0000{n}/imaging.nii.gz": (-100, 60) for n in (0, 1)}
        | {f"dataset/case_0000{n}/segmentation.nii.gz": (0, 1, 2, 3) for n in (0, 1)}
        | {"dataset/case_00000/instances/kidney_instance-1_annotation-1.nii.gz": (0, 1)},
        ("background", "kidney", "tumour", "cyst"),
        ("CT",),
    ),
}


def laid_out(folder: Path, name: str, save) -> Path:
    for path, values in SETS[name][0].items():
        save(folder / path, *values)
    return folder


@pytest.mark.parametrize("name", SETS)
def test_a_public_set_is_opened_in_place_and_sound(tmp_path, save, name):
    _, classes, channels = SETS[name]

    dataset = open_dataset(laid_out(tmp_path, name, save))

    assert (dataset.name, dataset.channels) == (name, channels)
    assert dataset.task("segmentation").classes == classes
    assert dataset.modality == (Modality.CT if channels == ("CT",) else Modality.MR)
    assert problems_of_dataset(dataset, read_images=True) == []


@pytest.mark.parametrize("name", SETS)
def test_every_channel_and_every_class_is_read(tmp_path, save, name):
    dataset = open_dataset(laid_out(tmp_path, name, save))
    case = dataset.cases[0]

    volume = read_volume(case.images, channels=dataset.channels)
    mask = read_mask(
        Path(str(case.annotations["segmentation"])),
        dataset.task("segmentation"),
        grid=volume.grid,
        label_map=dataset.label_maps.get("segmentation"),
    )

    assert len(volume.data) == len(dataset.channels)
    assert set(mask.labels.ravel().tolist()) == set(range(len(SETS[name][1])))


def test_the_enhancing_tumour_of_brats_2021_is_stored_as_4(tmp_path, save):
    dataset = open_dataset(laid_out(tmp_path, "brats-2021", save))

    assert dataset.label_maps["segmentation"].values[4] == 3


def test_channels_are_in_the_named_order(tmp_path, save):
    dataset = open_dataset(laid_out(tmp_path, "brats-2023", save))

    assert [path.name[-10:-7] for path in dataset.cases[0].images] == ["t1n", "t1c", "t2w", "t2f"]


def test_visits_of_one_patient_are_one_group(tmp_path, save):
    dataset = open_dataset(laid_out(tmp_path, "brats-2023", save))

    assert [case.group for case in dataset.cases] == ["BraTS-GLI-00002", "BraTS-GLI-00002", "BraTS-GLI-00005"]


@pytest.mark.parametrize("name", ["kits-2019", "kits-2023"])
def test_the_folder_of_the_cases_can_be_chosen_itself(tmp_path, save, name):
    folder = laid_out(tmp_path, name, save) / ("data" if name == "kits-2019" else "dataset")

    assert open_dataset(folder).name == name


def test_cases_without_a_mask_stay_unlabelled(tmp_path, save):
    folder = laid_out(tmp_path, "kits-2019", save)
    save(folder / "data" / "case_00210" / "imaging.nii.gz", 1, 2)

    assert [case.id for case in open_dataset(folder).unlabelled("segmentation")] == ["case_00210"]


def test_all_cases_that_lack_a_channel_are_told(tmp_path, save):
    folder = laid_out(tmp_path, "brats-2021", save)
    (folder / BRATS_21.format(n=2, part="t1")).unlink()
    (folder / BRATS_21.format(n=5, part="t2")).unlink()

    with pytest.raises(DatasetProblem) as caught:
        open_dataset(folder)

    assert [found.problem for found in caught.value.problems] == [
        "There is no t1 of the case.",
        "There is no t2 of the case.",
    ]


def test_a_file_that_is_there_twice_is_told(tmp_path, save):
    folder = laid_out(tmp_path, "lits", save)
    save(folder / "copy" / "volume-0.nii.gz", 1, 2)

    with pytest.raises(DatasetProblem, match="is the same part"):
        open_dataset(folder)


def test_importing_writes_the_manifest_elsewhere(tmp_path, save):
    dataset, _ = imported(laid_out(tmp_path / "s", "brats-2021", save), tmp_path / "d")

    assert dataset.label_maps["segmentation"].values[4] == 3
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["medkd-dataset.json"]


def test_slices_of_brainmetshare_become_volumes_in_the_order_of_their_numbers(tmp_path):
    import numpy as np
    from PIL import Image

    shelf = tmp_path / "s" / "mets_stanford_releaseMask_train"
    for case in ("Mets_001", "Mets_002", "Mets_003"):
        for number, name in enumerate(("0", "1", "2", "3", "seg")):
            (shelf / case / name).mkdir(parents=True)
            for plane in (2, 10, 1):
                value = 255 * (plane == 10) if name == "seg" else 50 * number + plane
                Image.fromarray(np.full((4, 5), value, np.uint8)).save(shelf / case / name / f"{plane}.png")

    dataset, _ = imported(tmp_path / "s", tmp_path / "d")

    case = dataset.case("Mets_001")
    volume = read_volume(case.images, channels=dataset.channels)
    mask = read_mask(Path(str(case.annotations["segmentation"])), dataset.task("segmentation"), grid=volume.grid)
    assert volume.data[:, :, 0, 0].tolist() == [[1, 2, 10], [51, 52, 60], [101, 102, 110], [151, 152, 160]]
    assert mask.labels[:, 0, 0].tolist() == [0, 0, 1]
    assert (dataset.name, len(dataset.split.train), len(dataset.split.validate)) == ("brainmetshare", 2, 1)


@pytest.mark.parametrize("names", ["0123", "01234", ["0", "1", "2", "3", "more"]])
@pytest.mark.parametrize("place", ["train", "fold 1", "x/left"])
def test_grades_in_folders_called_by_numbers_are_no_sequences(tmp_path, save, names, place):
    for name in names:
        for number in range(2):
            save(tmp_path / "s" / place / name / f"{number}.png", int(name == "1"))

    try:
        layout = source_at(tmp_path / "s", ColumnWishes()).layout
    except DatasetProblem as error:
        layout = str(error)

    assert "BrainMetShare slices" not in layout
    assert "sequences" not in layout


def test_grades_of_the_knee_below_a_folder_for_each_side_are_classes(tmp_path, save):
    for side in ("train", "val", "test"):
        for grade in range(5):
            save(tmp_path / "s" / side / str(grade) / f"{side}{grade}.png", 1)

    dataset, _ = imported(tmp_path / "s", tmp_path / "d")

    assert dataset.task("class").classes == ("0", "1", "2", "3", "4")


def test_sequences_without_the_same_slices_are_all_told(tmp_path, save):
    for case in ("Mets_001", "Mets_002"):
        for name in ("0", "1", "2", "3", "seg"):
            save(tmp_path / "s" / "x" / case / name / "1.png", 1)
        save(tmp_path / "s" / "x" / case / "2" / "2.png", 1)

    with pytest.raises(DatasetProblem) as caught:
        imported(tmp_path / "s", tmp_path / "d")

    assert [Path(found.where).name for found in caught.value.problems] == ["Mets_001", "Mets_002"]
