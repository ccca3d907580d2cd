import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from napari_medkd.core.class_measures import ClassificationMeasures, auc, measure_classes
from napari_medkd.core.errors import InputProblem

seeds = st.integers(0, 2**31)

#: Four images, three classes; the answers are 0, 1, 1, 0.
ONE_CLASS = np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])
TRUTH = np.array([0, 1, 2, 2])


def random_probabilities(seed: int, num_images: int = 60, num_classes: int = 4) -> np.ndarray:
    """Probabilities of two digits, so that many are equal, and of rows that sum to one."""
    counts = np.random.default_rng(seed).multinomial(20, np.ones(num_classes) / num_classes, num_images)
    return counts / 20


def random_labels(seed: int, num_images: int = 60, num_classes: int = 4) -> np.ndarray:
    """Labels of one class, each class at least once."""
    labels = np.random.default_rng(seed + 1).integers(0, num_classes, num_images)
    labels[:num_classes] = range(num_classes)
    return labels


def random_presence(seed: int, num_images: int = 60, num_classes: int = 4) -> np.ndarray:
    """Labels of any number of classes, each at least once there and once not."""
    labels = (np.random.default_rng(seed + 2).random((num_images, num_classes)) < 0.3).astype(int)
    labels[0], labels[1] = 0, 1
    return labels


def of_class(scores: list[float], labels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(scores)[:, None], np.array(labels)[:, None]


def measured(probabilities: np.ndarray, labels: np.ndarray) -> ClassificationMeasures:
    return measure_classes(probabilities, labels, "abcd"[: probabilities.shape[1]])


def test_auc_is_the_share_of_pairs_in_the_right_order():
    np.testing.assert_allclose(auc(*of_class([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])), [3 / 4])


def test_equal_probabilities_count_one_half():
    np.testing.assert_allclose(auc(*of_class([0.2, 0.5, 0.5, 0.9], [0, 0, 1, 1])), [3.5 / 4])
    np.testing.assert_allclose(auc(*of_class([0.5, 0.5, 0.5], [0, 1, 1])), [0.5])


def test_auc_of_one_class_an_image_is_of_each_class_against_the_rest():
    # class 0: 0.7 over 0.3, 0.1, 0.5; class 1: 0.4 over 0.2, 0.1, not 0.7; class 2: 0.2 over 0.1, 0.4 over both others
    np.testing.assert_allclose(auc(ONE_CLASS, TRUTH), [1.0, 2 / 3, 3 / 4])


def test_auc_of_a_class_that_is_in_all_images_or_in_none_is_not_applicable_and_stays_out_of_the_mean():
    probabilities = np.array([[0.9, 0.3, 0.2], [0.8, 0.6, 0.1]])
    labels = np.array([[1, 0, 0], [1, 1, 0]])

    np.testing.assert_array_equal(auc(probabilities, labels), [np.nan, 1.0, np.nan])
    assert measure_classes(probabilities, labels, ("a", "b", "c")).overall.auc == 1.0


def test_accuracy_is_the_share_of_right_answers():
    assert measured(ONE_CLASS, TRUTH).overall.accuracy == 2 / 4


def test_accuracy_of_several_classes_an_image_is_the_mean_over_the_classes():
    probabilities = np.array([[0.5, 0.1], [0.49, 0.9], [0.7, 0.8], [0.2, 0.7]])
    labels = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])

    # class 0 is said of images 0 and 2: right for 0 and 3; class 1 of 1, 2, 3: right for 0, 2, 3
    assert measured(probabilities, labels).overall.accuracy == pytest.approx((2 / 4 + 3 / 4) / 2)


def test_balanced_accuracy_is_the_mean_share_of_each_class_that_was_found():
    assert measured(ONE_CLASS, TRUTH).overall.balanced_accuracy == pytest.approx((1 + 1 + 0) / 3)


def test_balanced_accuracy_leaves_out_a_class_that_no_image_has():
    assert measured(ONE_CLASS[:2], TRUTH[:2]).overall.balanced_accuracy == 1.0


def test_balanced_accuracy_of_several_classes_weighs_both_answers_alike():
    probabilities, labels = of_class([0.9, 0.2, 0.6, 0.1, 0.3], [1, 1, 0, 0, 0])

    assert measured(probabilities, labels).overall.balanced_accuracy == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_f1_of_hand_counted_answers():
    # class 0: said of 0 and 3, there in 0; class 1: said of 1 and 2, there in 1; class 2: never said, there twice
    np.testing.assert_allclose([one.f1 for one in measured(ONE_CLASS, TRUTH).classes], [2 / 3, 2 / 3, 0.0])


def test_f1_of_a_class_neither_said_nor_there_is_not_applicable():
    np.testing.assert_array_equal([one.f1 for one in measured(ONE_CLASS[:2], TRUTH[:2]).classes], [1.0, 1.0, np.nan])
    assert measure_classes(ONE_CLASS[:2], TRUTH[:2], ("a", "b", "c")).overall.f1 == 1.0


def test_calibration_error_of_hand_counted_bins():
    # 0.95 and 0.97 share the last bin, one of the two is right; 0.62 is alone in its bin, and right
    probabilities = np.array([[0.95, 0.05], [0.97, 0.03], [0.38, 0.62]])
    labels = np.array([0, 1, 1])

    expected = (2 * abs((0.95 + 0.97) / 2 - 1 / 2) + abs(0.62 - 1)) / 3
    assert measured(probabilities, labels).overall.calibration_error == pytest.approx(expected)


def test_a_bin_of_the_calibration_error_holds_its_upper_edge():
    # 0.8 is the edge between the twelfth bin and the thirteenth
    in_one_bin, in_two_bins = (of_class([0.8, other], [1, 0]) for other in (0.75, 0.81))

    assert measured(*in_one_bin).overall.calibration_error == pytest.approx(abs(0.8 + 0.75 - 1) / 2)
    assert measured(*in_two_bins).overall.calibration_error == pytest.approx((abs(0.8 - 1) + abs(0.81 - 0)) / 2)


def test_a_bin_of_the_calibration_error_is_a_fifteenth_wide():
    # 10/15 < 0.68 < 0.72 < 11/15 < 0.74
    in_one_bin, in_two_bins = (of_class([0.68, other], [1, 0]) for other in (0.72, 0.74))

    assert measured(*in_one_bin).overall.calibration_error == pytest.approx(abs(0.68 + 0.72 - 1) / 2)
    assert measured(*in_two_bins).overall.calibration_error == pytest.approx((abs(0.68 - 1) + 0.74) / 2)


def test_calibration_error_of_several_classes_is_the_mean_over_their_own_probabilities():
    probabilities = np.array([[0.1, 0.9], [0.3, 0.9]])
    labels = np.array([[0, 1], [1, 1]])

    assert measured(probabilities, labels).overall.calibration_error == pytest.approx(((0.1 + 0.7) / 2 + 0.1) / 2)


def test_what_is_unknown_counts_nowhere():
    unknown_image = np.array([[0.0, 0.0, 1.0]])
    more, labels = np.concatenate([ONE_CLASS, unknown_image]), np.append(TRUTH, -1)
    names = ("a", "b", "c")

    assert measure_classes(more, labels, names) == measure_classes(ONE_CLASS, TRUTH, names)


def test_an_unknown_label_of_one_class_leaves_the_images_other_labels_in():
    probabilities = np.array([[0.9, 0.9], [0.1, 0.9], [0.2, 0.1]])
    labels = np.array([[1, -1], [0, 1], [0, 0]])

    first, second = measure_classes(probabilities, labels, ("a", "b")).classes
    assert (first.num_images, first.num_present, first.auc, first.accuracy) == (3, 1, 1.0, 1.0)
    assert (second.num_images, second.num_present, second.auc, second.accuracy) == (2, 1, 1.0, 1.0)
    assert (second.f1, second.balanced_accuracy) == (1.0, 1.0)
    assert second.calibration_error == pytest.approx((0.1 + 0.1) / 2)


def test_nothing_can_be_said_of_no_image():
    found = measure_classes(np.empty((0, 2)), np.empty(0, int), ("a", "b")).overall

    assert found.num_images == 0
    figures = (found.auc, found.accuracy, found.balanced_accuracy, found.f1, found.calibration_error)
    assert all(map(math.isnan, figures))


def test_every_class_is_measured_against_the_rest():
    found = measure_classes(ONE_CLASS, TRUTH, ("a", "b", "c"))

    # class b is said of images 1 and 2 and there in 1: three answers of four are right, one of one and two of three
    second = found.classes[1]
    assert (second.name, second.num_images, second.num_present) == ("b", 4, 1)
    assert (second.auc, second.accuracy, second.f1) == (pytest.approx(2 / 3), 3 / 4, pytest.approx(2 / 3))
    assert second.balanced_accuracy == pytest.approx((1 + 2 / 3) / 2)
    assert (found.overall.name, found.overall.num_images, found.overall.num_present) == ("all", 4, 4)
    assert found.overall.accuracy == 2 / 4


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_one_class_an_image_agrees_with_scikit_learn(seed):
    probabilities, labels = random_probabilities(seed), random_labels(seed)
    answers, one_hot = probabilities.argmax(1), np.eye(4, dtype=int)[labels]

    found = measured(probabilities, labels)

    expected_auc = metrics.roc_auc_score(one_hot, probabilities, average=None)
    np.testing.assert_allclose([one.auc for one in found.classes], expected_auc)
    assert found.overall.accuracy == pytest.approx(metrics.accuracy_score(labels, answers))
    assert found.overall.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, answers))
    np.testing.assert_allclose([one.f1 for one in found.classes], metrics.f1_score(labels, answers, average=None))


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_several_classes_an_image_agree_with_scikit_learn(seed):
    probabilities, labels = random_probabilities(seed), random_presence(seed)
    answers = (probabilities >= 0.5).astype(int)

    balanced = [metrics.balanced_accuracy_score(labels[:, k], answers[:, k]) for k in range(4)]
    found = measure_classes(probabilities, labels, "abcd")
    assert found.overall.auc == pytest.approx(metrics.roc_auc_score(labels, probabilities, average="macro"))
    assert found.overall.f1 == pytest.approx(metrics.f1_score(labels, answers, average="macro"))
    np.testing.assert_allclose([one.balanced_accuracy for one in found.classes], balanced)
    assert found.overall.balanced_accuracy == pytest.approx(np.mean(balanced))
    assert found.overall.accuracy == pytest.approx((answers == labels).mean())


@given(seeds, st.sampled_from([np.square, np.sqrt, lambda p: p / (2 - p), lambda p: 0.4 + p / 5]))
@settings(max_examples=30, deadline=None)
def test_auc_does_not_change_when_probabilities_keep_their_order(seed, rising):
    probabilities, labels = random_probabilities(seed), random_presence(seed)

    np.testing.assert_array_equal(auc(rising(probabilities), labels), auc(probabilities, labels))


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_answers_turned_round_have_the_rest_of_the_auc(seed):
    probabilities, labels = random_probabilities(seed), random_presence(seed)

    np.testing.assert_allclose(auc(1 - probabilities, labels), 1 - auc(probabilities, labels))


def test_single_precision_gives_what_double_precision_gives():
    probabilities = random_probabilities(3).astype(np.float32)

    found = measure_classes(probabilities, random_labels(3), "abcd")

    assert found == measure_classes(probabilities.astype(np.float64), random_labels(3), "abcd")


@pytest.mark.parametrize(
    ("probabilities", "labels", "said"),
    [
        (np.full((2, 2), 0.5), np.array([0, 1, 1]), r"\(2, 2\), the labels' \(3,\)"),
        (np.full((2, 2), 0.5), np.zeros((2, 3), int), r"\(2, 2\), the labels' \(2, 3\)"),
        (np.full(2, 0.5), np.array([0, 1]), r"\(2,\), the labels' \(2,\)"),
        (np.array([[0.5, np.nan]]), np.array([0]), "1 of 2 are no number from 0 to 1, such as nan"),
        (np.array([[3.0, -1.5]]), np.array([0]), "2 of 2 are no number from 0 to 1, such as 3.0"),
        (np.full((1, 2), 0.5), np.array([2]), "Found 2; expected whole numbers from 0 to 1"),
        (np.full((1, 2), 0.5), np.array([[0, 2]]), "Found 2; expected whole numbers from 0 to 1"),
        (np.full((1, 2), 0.5), np.array([[0.0, 1.0]]), "Found float64; expected whole numbers"),
    ],
)
def test_what_is_no_probability_or_label_is_refused(probabilities, labels, said):
    with pytest.raises(InputProblem, match=said):
        auc(probabilities, labels)


def test_another_number_of_names_than_probabilities_is_refused():
    with pytest.raises(InputProblem, match="There are 3 for an image; expected 2: a, b"):
        measure_classes(ONE_CLASS, TRUTH, ("a", "b"))
