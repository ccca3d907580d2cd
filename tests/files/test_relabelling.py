import json

import pytest

from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.relabelling import NOWHERE, renamed
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import MANIFEST, open_dataset, problems_of_dataset, write_back
from napari_medkd.files.opening import read_boxes, read_mask
from napari_medkd.files.relabelling import save_relabelled, stored_labels
from tests.pictures import write_pictures


@pytest.fixture
def folder(tmp_path):
    return write_pictures(tmp_path / "cells", "cells")


def test_labels_are_counted_by_mask_and_damaged_masks_left_out(folder):
    (folder / "mask1.png").write_bytes(b"no image")

    found = stored_labels(open_dataset(folder), "shape", 4)

    assert found.cases == {0: 3, 1: 3}
    assert (found.num_read, found.num_masks) == (3, 12)


def test_classes_are_counted_by_case_and_damaged_boxes_left_out(folder):
    (folder / "boxes1.json").write_text("{}")
    (folder / "boxes2.json").write_text('{"axes": "IPL", "boxes": []}')

    classes, boxes = (stored_labels(open_dataset(folder), task, 4) for task in ("border", "places"))

    assert (classes.cases, classes.num_read, classes.num_masks) == ({"framed": 6, "plain": 6}, 12, 12)
    assert (boxes.cases, boxes.num_read, boxes.num_masks) == ({"rectangle": 2}, 3, 12)


def test_what_labels_mean_is_written_into_the_manifest_and_masks_stay(folder):
    dataset = open_dataset(folder)
    before = (folder / "mask0.png").read_bytes()
    task = Task("shape", "segmentation", ("background", "lesion", "rectangle"))

    changed = save_relabelled(dataset, (task, LabelMap({1: 2})))

    assert json.loads((folder / MANIFEST).read_text())["tasks"]["shape"]["label_map"] == {"1": 2}
    assert (folder / "mask0.png").read_bytes() == before
    again = open_dataset(folder)
    assert again.tasks["shape"] == changed.tasks["shape"] == task
    mask = read_mask(folder / "mask0.png", task, label_map=again.label_maps["shape"])
    assert set(mask.labels.ravel()) == {0, 2}
    assert again.split == dataset.split


def test_another_manifest_of_the_folder_stays_as_it_is(folder):
    usual = (folder / MANIFEST).read_bytes()
    fold = folder / "fold.json"
    fold.write_bytes(usual.replace(b'"cells"', b'"fold"'))
    dataset = open_dataset(fold)

    changed = save_relabelled(dataset, (dataset.tasks["shape"], LabelMap({1: 0, 2: 1})))

    assert (folder / MANIFEST).read_bytes() == usual
    assert open_dataset(fold) == changed
    assert changed.name == "fold"


def test_an_empty_map_undoes_what_was_written(folder):
    dataset = open_dataset(folder)
    changed = save_relabelled(dataset, (dataset.tasks["shape"], LabelMap({7: 1})))

    save_relabelled(changed, (dataset.tasks["shape"], LabelMap()))

    assert open_dataset(folder).label_maps == {}


def test_classes_of_images_are_renamed_in_the_manifest(folder):
    dataset = open_dataset(folder)

    saved = save_relabelled(dataset, renamed(dataset.tasks["border"], {"plain": "bare"}))

    again = open_dataset(folder)
    assert again == saved
    assert again.tasks["border"].classes == ("bare", "framed")
    assert [again.case(f"cells{number}").annotations["border"].present for number in (0, 1)] == [{"bare"}, {"framed"}]
    assert problems_of_dataset(again, read_images=True) == []


def test_a_case_whose_class_counts_nowhere_stays_unlabelled(folder):
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text().replace('["plain", "framed"]', '["plain", "framed", "torn"]'))
    dataset = open_dataset(folder)

    saved = save_relabelled(dataset, renamed(dataset.tasks["border"], {"plain": NOWHERE}))

    assert saved.tasks["border"].classes == ("framed", "torn")
    assert len(saved.labelled("border")) == 6
    assert "shape" in saved.case("cells0").annotations


def test_boxes_of_other_classes_are_written_beside_and_their_own_files_stay(folder):
    two = {"axes": "IPL", "boxes": [{"class": name, "corners": [0, 1, 1, 1, 4, 5]} for name in ("rectangle", "dot")]}
    (folder / "boxes0.json").write_text(json.dumps(two))
    (folder / "boxes1.json").write_text(json.dumps({"axes": "IPL", "boxes": two["boxes"][1:]}))
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text().replace('"classes": ["rectangle"]', '"classes": ["rectangle", "dot"]'))
    before = {path.name: path.read_bytes() for path in folder.glob("boxes*.json")}
    dataset = open_dataset(folder)

    once = save_relabelled(dataset, renamed(dataset.tasks["places"], {"rectangle": "dot"}))
    twice = save_relabelled(once, renamed(once.tasks["places"], {"dot": "spot"}))

    assert {path.name: path.read_bytes() for path in folder.glob("boxes*.json")} == before
    grid = Grid.upright((1, 32, 32), unit="pixel")
    for saved, name in ((once, "dot"), (twice, "spot")):
        task = saved.tasks["places"]
        assert task.classes == (name,)
        assert read_boxes(saved.case("cells0").annotations["places"], task, grid).classes == (name, name)
    assert once.case("cells1").annotations["places"] == folder / "boxes1.json"
    assert open_dataset(folder) == twice
    assert problems_of_dataset(twice, read_images=True) == []


def test_only_tasks_with_masks_have_labels(folder):
    dataset = open_dataset(folder)

    with pytest.raises(DatasetProblem, match="no masks of a task 'border'"):
        save_relabelled(dataset, (dataset.tasks["border"], LabelMap()))
    with pytest.raises(DatasetProblem, match="no classes or boxes of a task 'shape'"):
        save_relabelled(dataset, (dataset.tasks["shape"], {"rectangle": "lesion"}))


def test_what_another_wrote_into_the_manifest_meanwhile_stays(folder):
    write_back(open_dataset(folder))
    mine = open_dataset(folder)
    path = folder / MANIFEST
    document = json.loads(path.read_text())
    document["cases"].append({**document["cases"][0], "id": "added"})
    path.write_text(json.dumps(document))

    changed = save_relabelled(mine, (Task("shape", "segmentation", ("background", "lesion", "rectangle")), LabelMap()))

    assert "added" in {case.id for case in changed.cases}
    assert open_dataset(folder).case("added")
