"""Masks in which classes were painted that a run does not know."""

from dataclasses import replace

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Dataset, LabelMap
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.known_classes import mask_as_learned
from napari_medkd.files.opening import write_mask

GRID = Grid.upright((3, 4, 5))
RUN = Task("organs", "segmentation", ("background", "liver"))
NOW = replace(RUN, classes=("background", "liver", "spleen", "vein"))
LABELS = np.random.default_rng(0).integers(0, 4, GRID.shape).astype(np.uint8)


def dataset(task, **label_maps):
    return Dataset("organs", ("image",), Modality.OTHER, {"organs": task}, (), label_maps=label_maps)


@pytest.fixture
def path(tmp_path):
    write_mask(tmp_path / "mask.nii.gz", Mask(LABELS, GRID, NOW))
    return tmp_path / "mask.nii.gz"


def test_what_was_added_since_is_background_to_a_run_that_learns(path):
    found = mask_as_learned(path, RUN, dataset(NOW), GRID, later="background")

    np.testing.assert_array_equal(found.labels, np.where(LABELS > 1, 0, LABELS))
    assert found.task == RUN


@pytest.mark.parametrize("ignore", [None, 254])
def test_what_was_added_since_counts_nowhere_where_a_run_is_measured(path, ignore):
    known, now = replace(RUN, ignore=ignore), replace(NOW, ignore=ignore)

    found = mask_as_learned(path, known, dataset(now), GRID, later="nowhere")

    np.testing.assert_array_equal(found.labels == found.task.ignore, LABELS > 1)
    np.testing.assert_array_equal(found.labels == 1, LABELS == 1)
    assert found.task == replace(RUN, ignore=ignore or 255)


def test_stored_labels_are_read_by_the_map_first(path):
    stored = LabelMap({1: 2, 2: 1})

    found = mask_as_learned(path, RUN, dataset(NOW, organs=stored), GRID, later="background")

    np.testing.assert_array_equal(found.labels == 1, LABELS == 2)


def test_labels_that_are_no_class_of_the_dataset_either_are_refused(path):
    known = replace(NOW, classes=NOW.classes[:3])

    with pytest.raises(VolumeProblem, match=r"holds the labels \[3\]"):
        mask_as_learned(path, RUN, dataset(known), GRID, later="background")
