import json

import pytest

from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import MANIFEST, open_dataset, write_back
from napari_medkd.files.opening import read_mask
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


def test_only_tasks_with_masks_have_labels(folder):
    dataset = open_dataset(folder)

    with pytest.raises(DatasetProblem, match="no masks of a task 'border'"):
        save_relabelled(dataset, (dataset.tasks["border"], LabelMap()))


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
