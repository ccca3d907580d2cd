import pytest

from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.relabelling import NOWHERE, meanings_of, relabelled
from napari_medkd.core.task import Task

TUMOUR = Task("tumour", "segmentation", ("background", "core", "oedema"), colours=("#ff0000", "#00ff00"))


def test_a_label_means_the_class_it_is_read_as_and_an_unknown_one_nothing_yet():
    task = Task("tumour", "segmentation", ("background", "core"), ignore=255)

    found = meanings_of(task, LabelMap({4: 1, 2: 255}), (0, 4, 9))

    assert found == {0: "background", 1: "core", 2: NOWHERE, 4: "core", 9: None}


def test_a_mask_of_0_and_255_has_two_classes_without_any_map():
    task = Task("cell", "segmentation", ("background", "cell"))

    assert meanings_of(task, LabelMap(), (0, 255)) == {0: "background", 1: "cell", 255: "cell"}


def test_two_labels_of_one_class_are_merged():
    task, label_map = relabelled(TUMOUR, {0: "background", 1: "lesion", 2: "lesion"})

    assert task.classes == ("background", "lesion")
    assert label_map.values == {2: 1}


def test_classes_that_stay_keep_their_order_and_colours_and_new_ones_follow():
    task, label_map = relabelled(TUMOUR, {0: "background", 1: "vessel", 2: "oedema"})

    assert task.classes == ("background", "oedema", "vessel")
    assert label_map.values == {1: 2, 2: 1}
    assert task.colours == ("#00ff00",)


def test_the_order_of_another_task_of_the_same_classes_is_taken():
    orders = [("background", "liver"), ("background", "oedema", "core")]

    task, label_map = relabelled(TUMOUR, {0: "background", 1: "core", 2: "oedema"}, orders)

    assert task.classes == ("background", "oedema", "core")
    assert label_map.values == {1: 2, 2: 1}


def test_a_label_that_counts_nowhere_is_ignored():
    task, label_map = relabelled(TUMOUR, {0: "background", 1: "core", 2: NOWHERE})

    assert (task.classes, task.ignore) == (("background", "core"), 255)
    assert label_map.values == {2: 255}


def test_what_is_written_is_read_again_as_it_was_meant():
    meant = {0: "background", 1: "lesion", 2: NOWHERE, 4: "lesion"}

    task, label_map = relabelled(TUMOUR, meant)

    assert {label: meanings_of(task, label_map, ())[label] for label in meant} == meant


@pytest.mark.parametrize(
    ("meant", "says"),
    [
        ({0: "background", 1: None}, "Nothing is chosen for stored label 1"),
        ({0: "background", 1: NOWHERE}, "the background or counts nowhere"),
    ],
)
def test_labels_that_mean_nothing_are_refused(meant, says):
    with pytest.raises(DatasetProblem, match=says):
        relabelled(TUMOUR, meant)
