"""Cases, and which of them hold something to centre patches on."""

import json

import pytest

from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.engine.data.cases import Cases
from napari_medkd.files.manifest import open_dataset
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine


def holding(tmp_path, tasks):
    """Return which of twelve pictures hold something for the tasks, of which all but two are free of boxes."""
    folder = write_pictures(tmp_path / "chests", "chests", tasks="mcb")
    for number in set(range(12)) - {4, 9}:
        (folder / f"boxes{number}.json").write_text(json.dumps({"axes": "IPL", "boxes": []}))
    dataset = open_dataset(folder)
    recipe = Preprocessing(dimensions=2, spacing=(1, 1, 1), patch=(1, 16, 16), channels=dataset.channels)
    names = tuple(case.id for case in dataset.cases)
    return Cases(dataset, tuple(dataset.tasks[name] for name in tasks), names, recipe).holding_something


def test_of_boxes_alone_the_cases_with_a_box_hold_something(tmp_path):
    assert holding(tmp_path, ["places"]) == (4, 9)


def test_a_case_with_a_mask_holds_something_without_boxes(tmp_path):
    assert holding(tmp_path, ["shape", "places"]) == tuple(range(12))


@pytest.mark.parametrize("tasks", [["shape"], ["border"], ["border", "places"]])
def test_any_case_will_do_without_boxes_and_beside_a_class_of_the_whole_image(tmp_path, tasks):
    assert holding(tmp_path, tasks) is None
