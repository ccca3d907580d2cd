import pytest

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.relabelling import NOWHERE, changed, label_renamed, meanings_of, relabelled, renamed
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


GRADES = Task("grade", "classification", ("benign", "malignant", "carcinoma"), colours=("#ff0000", "#00ff00"))
FINDINGS = Task("findings", "classification", ("cyst", "mass", "nodule"), multilabel=True)


def test_classes_of_images_are_renamed_and_merged_in_their_places():
    task, names = renamed(GRADES, {"benign": "harmless", "malignant": "cancer", "carcinoma": "cancer"})

    assert (task.classes, task.colours) == (("harmless", "cancer"), ())
    assert names == {"benign": "harmless", "malignant": "cancer", "carcinoma": "cancer"}


def test_classes_of_images_are_put_into_the_order_of_another_task():
    task, names = renamed(GRADES, {"carcinoma": "malignant"}, [("a", "b"), ("malignant", "benign")])

    assert (task.classes, task.colours) == (("malignant", "benign"), ("#00ff00", "#ff0000"))
    assert names == {"carcinoma": "malignant"}


@pytest.mark.parametrize(
    ("meanings", "said"),
    [
        ({"benign": None}, "Nothing is chosen for 'benign'."),
        (dict.fromkeys(GRADES.classes, NOWHERE), "0 classes are listed"),
        (dict.fromkeys(GRADES.classes, "all"), "1 classes are listed; a classification task needs at least 2"),
    ],
)
def test_what_leaves_too_few_classes_of_images_is_refused(meanings, said):
    with pytest.raises(DatasetProblem, match=said):
        renamed(GRADES, meanings)


@pytest.mark.parametrize(
    ("present", "unknown", "expected"),
    [
        ({"mass"}, {"nodule"}, ({"lesion"}, set())),
        ({"cyst"}, {"nodule"}, (set(), {"lesion"})),
        ({"cyst"}, set(), (set(), set())),
    ],
)
def test_of_merged_findings_the_one_is_present_where_any_was_and_unknown_where_none_is_known(
    present, unknown, expected
):
    task, names = renamed(FINDINGS, {"cyst": NOWHERE, "mass": "lesion", "nodule": "lesion"})

    found = label_renamed(ClassLabel(frozenset(present), FINDINGS, frozenset(unknown)), task, names)

    assert (found.present, found.unknown) == expected


def test_of_an_image_whose_one_class_counts_nowhere_nothing_is_said():
    task, names = renamed(GRADES, {"carcinoma": NOWHERE})

    assert label_renamed(ClassLabel(frozenset({"carcinoma"}), GRADES), task, names) is None
    assert label_renamed(ClassLabel(frozenset({"benign"}), GRADES), task, names).present == {"benign"}


def test_a_task_of_any_kind_is_changed_as_its_kind_is():
    assert changed(TUMOUR, {0: "background", 1: "lesion", 2: "lesion"})[1] == LabelMap({2: 1})
    assert changed(GRADES, {"carcinoma": "malignant"})[1] == {"carcinoma": "malignant"}
