import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import LabelMap, Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.annotating import annotation_path, refuse_unstorable, save_annotation, take_back_annotation
from napari_medkd.files.manifest import MANIFEST, open_dataset, write_back, write_dataset
from napari_medkd.files.opening import read_mask, read_volume, write_volume

VESSELS = Task("vessels", "segmentation", ("background", "artery", "vein"))


@pytest.fixture
def folder(tmp_path):
    """Two images without any label or manifest."""
    nibabel = pytest.importorskip("nibabel")
    (tmp_path / "images").mkdir()
    affine = np.diag([-1.0, 1.0, 2.0, 1.0])
    for name in ("first", "second"):
        image = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(image, affine), tmp_path / "images" / f"{name}.nii.gz")
    return tmp_path


def painted(dataset, case, task=VESSELS):
    grid = read_volume(dataset.case(case).images).grid
    labels = np.zeros(grid.shape, np.uint8)
    labels[-1, 2, 3] = len(task.classes) - 1
    return Mask(labels, grid, task)


def test_a_painted_mask_is_found_when_the_folder_is_opened_again(folder):
    dataset = open_dataset(folder)

    save_annotation(dataset, "first", painted(dataset, "first"))

    again = open_dataset(folder)
    found = read_mask(again.case("first").annotations["vessels"], again.task("vessels"))
    assert again.task("vessels") == VESSELS
    assert np.array_equal(found.labels, painted(dataset, "first").labels)
    assert [case.id for case in again.unlabelled("vessels")] == ["second"]


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a/b", ".."])
def test_no_name_of_a_task_or_a_case_leads_out_of_the_folder_of_masks(folder, name):
    dataset = open_dataset(folder)
    foreign = replace(dataset, cases=tuple(replace(case, id=name + case.id) for case in dataset.cases))
    foreign = replace(foreign, split=Split(train=(f"{name}first",)))
    mask = painted(foreign, f"{name}first", replace(VESSELS, name=name))

    changed = save_annotation(foreign, f"{name}first", mask)

    path = changed.case(f"{name}first").annotations[name]
    assert path.resolve().parent.parent == (folder / "annotations").resolve()
    assert np.array_equal(read_mask(path, changed.task(name)).labels, mask.labels)


def test_a_painted_mask_that_is_taken_back_leaves_manifest_and_files_as_they_were(folder):
    before = save_annotation(open_dataset(folder), "first", painted(open_dataset(folder), "first"))
    manifest, files = (folder / MANIFEST).read_bytes(), sorted(folder.rglob("*.nii.gz"))
    second = painted(before, "second")
    save_annotation(before, "second", second)

    take_back_annotation(before, "second", second)

    assert (folder / MANIFEST).read_bytes() == manifest
    assert sorted(folder.rglob("*.nii.gz")) == files


def test_taking_back_leaves_what_another_painted_meanwhile(folder):
    before = open_dataset(folder)
    second = painted(before, "second")
    save_annotation(before, "first", painted(before, "first"))
    save_annotation(before, "second", second)

    take_back_annotation(before, "second", second)

    again = open_dataset(folder)
    assert [case.id for case in again.cases if "vessels" in case.annotations] == ["first"]
    assert again.split.train == ("first",)


def test_the_file_lies_on_its_image_in_other_programs(folder):
    nibabel = pytest.importorskip("nibabel")
    dataset = open_dataset(folder)

    changed = save_annotation(dataset, "first", painted(dataset, "first"))

    image, mask = (
        nibabel.load(path)
        for path in (*changed.case("first").images, annotation_path(dataset, "first", painted(dataset, "first")))
    )
    assert np.allclose(image.affine, mask.affine)
    assert image.shape == mask.shape


def test_saving_again_leaves_the_manifest_alone(folder):
    dataset = open_dataset(folder)
    once = save_annotation(dataset, "first", painted(dataset, "first"))
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text() + "\n")

    assert save_annotation(once, "first", painted(once, "first")) is once
    assert (folder / MANIFEST).read_text().endswith("\n\n")


def test_strokes_are_saved_although_somebody_spoilt_the_manifest_meanwhile(folder):
    dataset = open_dataset(folder)
    once = save_annotation(dataset, "first", painted(dataset, "first"))
    document = json.loads((folder / MANIFEST).read_text())
    document["cases"].append(document["cases"][0])
    (folder / MANIFEST).write_text(json.dumps(document))
    empty = replace(painted(once, "first"), labels=np.zeros_like(painted(once, "first").labels))

    assert save_annotation(once, "first", empty) is once
    assert not read_mask(once.case("first").annotations["vessels"], VESSELS).labels.any()


def test_a_new_class_is_listed(folder):
    dataset = open_dataset(folder)
    once = save_annotation(dataset, "first", painted(dataset, "first"))
    more = Task("vessels", "segmentation", (*VESSELS.classes, "shunt"))

    save_annotation(once, "first", painted(once, "first", more))

    assert open_dataset(folder).task("vessels").classes[-1] == "shunt"


def test_the_mask_a_case_came_with_stays_on_disk(tiny_dataset, tmp_path):
    document = json.loads((tiny_dataset / MANIFEST).read_text())
    for case in document["cases"]:
        case["images"] = [str(tiny_dataset / path) for path in case["images"]]
        case["annotations"] = {name: str(tiny_dataset / path) for name, path in case["annotations"].items()}
    (tmp_path / MANIFEST).write_text(json.dumps(document))
    dataset = open_dataset(tmp_path)
    original = dataset.case("case_0").annotations["shapes"]
    before = original.read_bytes()

    changed = save_annotation(dataset, "case_0", painted(dataset, "case_0", dataset.task("shapes")))

    assert original.read_bytes() == before
    assert changed.case("case_0").annotations["shapes"] != original


def test_a_stack_without_voxel_sizes_is_kept_whole(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    (tmp_path / "images").mkdir()
    voxels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    tifffile.imwrite(tmp_path / "images" / "stack.tif", voxels, photometric="minisblack")
    dataset = open_dataset(tmp_path)

    save_annotation(dataset, "stack", painted(dataset, "stack"))

    again = open_dataset(tmp_path)
    found = read_mask(again.case("stack").annotations["vessels"], VESSELS)
    assert np.array_equal(found.labels, painted(dataset, "stack").labels)


@pytest.mark.parametrize("planes", [1, 3])
def test_pixels_that_have_sizes_and_a_place_keep_them(tmp_path, planes):
    affine = Grid.upright((planes, 4, 5), (2.0, 0.5, 0.5), "pixel").affine.copy()
    affine[:3, 3] = 7.0, 9.0, -3.0
    grid = Grid((planes, 4, 5), affine, "pixel")
    write_volume(tmp_path / "images" / "plain.ome.zarr", Volume(np.ones((1, *grid.shape), np.uint8), grid))
    dataset = open_dataset(tmp_path)

    save_annotation(dataset, "plain", painted(dataset, "plain"))

    case = open_dataset(tmp_path).case("plain")
    found = read_mask(case.annotations["vessels"], VESSELS, grid=read_volume(case.images).grid)
    assert np.array_equal(found.labels, painted(dataset, "plain").labels)


@pytest.mark.parametrize("values", [{1: 2, 2: 1}, {2: 1, 5: 2}, {300: 1, 1: 2, 2: 0}, {3: 0, 4: 1}])
def test_a_task_whose_labels_are_mapped_is_read_as_it_was_painted(folder, values):
    dataset = replace(open_dataset(folder), label_maps={"vessels": LabelMap(values)})
    mask = painted(dataset, "first")
    mask.labels[0, 0, 0] = 1

    save_annotation(dataset, "first", mask)

    again = open_dataset(folder)
    path = again.case("first").annotations["vessels"]
    found = read_mask(path, VESSELS, label_map=again.label_maps["vessels"])
    assert np.array_equal(found.labels, mask.labels)


def test_a_class_that_no_stored_label_is_read_as_is_refused_before_anything_is_written(folder):
    dataset = replace(open_dataset(folder), label_maps={"vessels": LabelMap({1: 2})})

    with pytest.raises(DatasetProblem, match="'artery'"):
        save_annotation(dataset, "first", painted(dataset, "first"))

    assert not (folder / MANIFEST).exists()
    assert not list(folder.rglob("annotations"))


def test_what_another_wrote_into_the_manifest_meanwhile_stays(folder):
    mine, theirs = open_dataset(folder), open_dataset(folder)
    save_annotation(theirs, "second", painted(theirs, "second"))

    changed = save_annotation(mine, "first", painted(mine, "first"))

    again = open_dataset(folder)
    assert {case.id for case in again.cases if "vessels" in case.annotations} == {"first", "second"}
    assert again.split.train == changed.split.train == ("second", "first")


def test_a_mask_that_no_manifest_names_is_kept_aside(folder):
    dataset = open_dataset(folder)
    path = annotation_path(dataset, "first", painted(dataset, "first"))
    for number in (1, 2):
        save_annotation(dataset, "first", painted(dataset, "first"))
        (folder / MANIFEST).unlink()
        assert len(list(path.parent.iterdir())) == number

    assert np.array_equal(
        read_mask(path.with_name(f"earlier-1_{path.name}"), VESSELS).labels, painted(dataset, "first").labels
    )


def test_a_case_whose_patient_tests_is_saved_and_joins_no_side(folder):
    dataset = open_dataset(folder)
    cases = tuple(replace(case, group="p1") for case in dataset.cases)
    dataset = replace(dataset, cases=cases, split=Split((), (), ("second",)))

    save_annotation(dataset, "first", painted(dataset, "first"))

    again = open_dataset(folder)
    assert again.split == Split((), (), ("second",))
    assert "vessels" in again.case("first").annotations


def test_a_dataset_opened_by_a_manifest_of_another_name_is_saved_there(folder):
    first, second = (case.id for case in open_dataset(folder).cases)
    write_dataset(replace(open_dataset(folder), name="whole", split=Split((first,), (), (second,))), folder)
    whole = (folder / MANIFEST).read_bytes()
    fold = folder / "fold.json"
    document = json.loads(whole) | {"name": "fold", "split": {"train": [second], "test": [first]}}
    fold.write_text(json.dumps(document))
    before = open_dataset(fold)

    saved = save_annotation(before, second, painted(before, second))

    assert (folder / MANIFEST).read_bytes() == whole
    assert open_dataset(fold) == saved
    assert saved.name == "fold"
    assert saved.split == Split((second,), (), (first,))
    assert saved.case(second).annotations.keys() == {"vessels"}

    take_back_annotation(before, second, painted(before, second))

    assert (folder / MANIFEST).read_bytes() == whole
    assert open_dataset(fold) == before


@pytest.fixture
def halves(folder):
    """The two images with a mask of 0 and 255 for each, and a manifest that names one structure."""
    nibabel = pytest.importorskip("nibabel")
    dataset, annotations = open_dataset(folder), {}
    (folder / "masks").mkdir()
    for case in dataset.cases:
        image = nibabel.load(case.images[0])
        mask = np.zeros(image.shape, np.uint8)
        mask[:, :3] = 255
        annotations[case.id] = folder / "masks" / f"{case.id}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(mask, image.affine), annotations[case.id])
    cases = tuple(replace(case, annotations={"vessels": annotations[case.id]}) for case in dataset.cases)
    task = Task("vessels", "segmentation", VESSELS.classes[:2])
    write_dataset(replace(dataset, tasks={"vessels": task}, cases=cases), folder)
    return folder


def read_as_listed(dataset, case):
    path = dataset.case(case).annotations["vessels"]
    return read_mask(path, dataset.task("vessels"), label_map=dataset.label_maps.get("vessels")).labels


def test_masks_of_0_and_255_are_still_read_when_a_class_is_added(halves):
    before = open_dataset(halves)
    mask, second = painted(before, "first"), read_as_listed(before, "second")
    mask.labels[0, 0, 0] = 1

    changed = save_annotation(before, "first", mask)

    for dataset in (changed, open_dataset(halves)):
        assert np.array_equal(read_as_listed(dataset, "second"), second)
        assert np.array_equal(read_as_listed(dataset, "first"), mask.labels)


def test_a_class_that_is_added_to_masks_painted_here_needs_no_map(folder):
    two = Task("vessels", "segmentation", VESSELS.classes[:2])
    for name in ("first", "second"):
        once = save_annotation(open_dataset(folder), name, painted(open_dataset(folder), name, two))

    changed = save_annotation(once, "first", painted(once, "first"))

    assert not changed.label_maps


def test_a_mask_the_manifest_no_longer_lists_is_listed_again(folder):
    before = open_dataset(folder)
    case = before.cases[0].id
    mask = painted(before, case)
    mine = save_annotation(before, case, mask)
    write_back(before)

    save_annotation(mine, case, mask)

    assert open_dataset(folder).case(case).annotations["vessels"] == annotation_path(before, case, mask)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is Unicode")
def test_painting_beside_a_file_whose_name_is_not_in_utf_8_is_refused_before_it_begins(folder):
    second = folder / "images" / "second.nii.gz"
    second.rename(second.with_name(os.fsdecode(b"M\xfcller.nii.gz")))
    dataset = open_dataset(folder)
    before = sorted(folder.rglob("*"))

    with pytest.raises(DatasetProblem, match=r"M\?ller\.nii\.gz: This path holds a name .* Rename the file"):
        refuse_unstorable(dataset, VESSELS)
    with pytest.raises(DatasetProblem, match=r"images/M\?ller\.nii\.gz"):
        save_annotation(dataset, "first", painted(dataset, "first"))
    assert sorted(folder.rglob("*")) == before
