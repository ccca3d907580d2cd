import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.box_measures import (
    COCO_OVERLAPS,
    FROC_RATES,
    ImageBoxes,
    average_precision,
    iou,
    measure_boxes,
    sensitivities,
)
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.core.task import Task
from tests.core.boxes_at_random import images

seeds = st.integers(0, 2**31)


def square(y: float, x: float, size: float = 10) -> list[float]:
    return [0, y, x, 1, y + size, x + size]


def image(found: list[tuple[list[float], float]], true: list[list[float]]) -> ImageBoxes:
    """An image with boxes of one class, each found one with its score."""
    return ImageBoxes(
        np.array([corners for corners, _ in found], dtype=np.float64).reshape(-1, 6),
        np.array([score for _, score in found], dtype=np.float64),
        np.zeros(len(found), int),
        np.array(true, dtype=np.float64).reshape(-1, 6),
        np.zeros(len(true), int),
    )


HERE, THERE, ELSEWHERE, NOWHERE = square(0, 0), square(0, 20), square(0, 40), square(50, 50)


def test_iou_of_hand_counted_boxes():
    first = np.array([[0, 0, 0, 2, 4, 4], [0, 0, 0, 1, 1, 1]], dtype=float)
    second = np.array([[0, 0, 0, 2, 4, 4], [1, 2, 0, 3, 6, 4], [2, 0, 0, 4, 4, 4]], dtype=float)

    # 32 voxels each; the second pair shares 1 x 2 x 4 voxels, the third only a face
    np.testing.assert_allclose(iou(first, second), [[1, 8 / 56, 0], [1 / 32, 0, 0]])


def test_boxes_of_flat_images_overlap_by_their_areas():
    np.testing.assert_allclose(iou(np.array([square(0, 0)]), np.array([square(5, 0)])), [[50 / 150]])


def test_no_boxes_overlap_nothing():
    assert iou(np.empty((0, 6)), np.array([HERE])).shape == (0, 1)


@given(seeds, st.booleans())
@settings(max_examples=20, deadline=None)
def test_perfect_boxes_have_an_average_precision_of_one(seed, flat):
    found = [
        ImageBoxes(one.true_corners, np.full(len(one.true_classes), 0.5), one.true_classes, *_truth(one))
        for one in images(seed, flat=flat)
    ]

    measured = measure_boxes(found, ("a", "b", "c"), froc_overlap=0.5)

    assert (measured.overall.ap10, measured.overall.ap50, measured.overall.ap50_95) == (1.0, 1.0, 1.0)
    assert measured.overall.froc == 1.0


def _truth(one: ImageBoxes) -> tuple[np.ndarray, np.ndarray]:
    return one.true_corners, one.true_classes


def test_no_found_box_has_an_average_precision_of_zero():
    measured = measure_boxes([image([], [HERE, THERE])], ("lesion",), froc_overlap=0.1)

    assert (measured.overall.ap10, measured.overall.ap50, measured.overall.ap50_95) == (0.0, 0.0, 0.0)
    assert measured.overall.sensitivities == (0.0,) * 7


def test_average_precision_of_a_hand_drawn_curve():
    found = [(HERE, 0.9), (NOWHERE, 0.8), (THERE, 0.7), (square(70, 0), 0.6)]

    # precisions 1, 1/2, 2/3, 1/2 at recalls 1/3, 1/3, 2/3, 2/3: 1 up to recall 0.33, 2/3 up to 0.66, then 0
    expected = (34 * 1 + 33 * 2 / 3 + 34 * 0) / 101
    np.testing.assert_allclose(average_precision([image(found, [HERE, THERE, ELSEWHERE])], 1, [0.5]), [[expected]])


def test_a_box_hits_from_the_overlap_on():
    halves = image([([0, 0, 0, 1, 10, 5], 0.9)], [HERE])

    np.testing.assert_array_equal(average_precision([halves], 1, [0.4, 0.5, 0.51]), [[1, 1, 0]])


def test_a_true_box_is_hit_once():
    found = [(HERE, 0.9), (square(1, 0), 0.8)]

    # the second box is a false positive before the whole recall is reached by the third
    once = average_precision([image([*found, (THERE, 0.7)], [HERE, THERE])], 1, [0.5])
    np.testing.assert_allclose(once, [[(51 * 1 + 50 * 2 / 3) / 101]])


def test_the_surest_box_chooses_first_and_takes_what_it_overlaps_most():
    near_both = square(0, 4)
    true = [square(0, 0), square(0, 6)]

    # the surest overlaps the second true box more (2/3 to 3/7) and leaves the first to the other
    assert average_precision([image([(near_both, 0.9), (square(0, 0), 0.8)], true)], 1, [0.4])[0, 0] == 1.0
    # at 0.6 the surest takes the second, which the other box, the second itself, then misses
    lost = average_precision([image([(near_both, 0.9), (square(0, 6), 0.8)], true)], 1, [0.6])[0, 0]
    assert lost == pytest.approx(51 / 101)


def test_boxes_of_another_class_are_no_hits():
    wrong = ImageBoxes(np.array([HERE]), np.array([0.9]), np.array([1]), np.array([HERE]), np.array([0]))

    np.testing.assert_array_equal(average_precision([wrong], 2, [0.5]), [[0.0], [np.nan]])


def test_classes_without_truth_stay_out_of_the_means():
    only_first = image([(HERE, 0.9)], [HERE])

    measured = measure_boxes([only_first], ("lesion", "cyst"), froc_overlap=0.5)

    assert math.isnan(measured.classes[1].ap50)
    assert math.isnan(measured.classes[1].froc)
    assert (measured.overall.ap50, measured.overall.ap50_95, measured.overall.froc) == (1.0, 1.0, 1.0)


def test_boxes_of_all_images_stand_in_one_row_by_score():
    first, second = image([(HERE, 0.5)], [HERE]), image([(NOWHERE, 0.9)], [])

    np.testing.assert_allclose(average_precision([first, second], 1, [0.5]), [[1 / 2]])


def test_only_the_hundred_surest_boxes_of_a_class_in_an_image_count():
    many = [(square(1000 + 20 * number, 0), 0.9) for number in range(99)]

    at_hundred = image([*many, (HERE, 0.1)], [HERE])
    after_hundred = image([*many, (NOWHERE, 0.2), (HERE, 0.1)], [HERE])
    assert average_precision([at_hundred], 1, [0.5])[0, 0] == pytest.approx(1 / 100)
    assert average_precision([after_hundred], 1, [0.5])[0, 0] == 0.0


def test_froc_reads_the_sensitivity_where_false_positives_stay_within_the_rate():
    first = image([(HERE, 0.9), (NOWHERE, 0.8), (THERE, 0.7)], [HERE, THERE])
    second = image([(square(70, 0), 0.6), (square(70, 70), 0.5), (ELSEWHERE, 0.4)], [ELSEWHERE, square(90, 0)])

    # by score: hit, false, hit, false, false, hit, of four true boxes; two images, so k false are k/2 an image
    found = sensitivities([first, second], 1, 0.5, (0, 1 / 4, 1 / 2, 1, 1.5, 8))
    np.testing.assert_allclose(found, [[1 / 4, 1 / 4, 2 / 4, 2 / 4, 3 / 4, 3 / 4]])


def test_an_image_without_any_box_spreads_false_positives_further():
    one = image([(NOWHERE, 0.9), (HERE, 0.8)], [HERE])

    assert sensitivities([one], 1, 0.5, [0.5])[0, 0] == 0.0
    assert sensitivities([one, image([], [])], 1, 0.5, [0.5])[0, 0] == 1.0


def test_boxes_of_one_score_come_together():
    tied = image([(HERE, 0.9), (NOWHERE, 0.9)], [HERE])

    np.testing.assert_array_equal(sensitivities([tied], 1, 0.5, [0.5, 1]), [[0, 1]])


def test_froc_is_the_mean_over_the_seven_rates():
    empty = [image([], []) for _ in range(7)]
    one = image([(NOWHERE, 0.9), (HERE, 0.8)], [HERE, THERE])

    measured = measure_boxes([one, *empty], ("lesion",), froc_overlap=0.5).classes[0]

    assert FROC_RATES == (0.125, 0.25, 0.5, 1, 2, 4, 8)
    assert measured.sensitivities == (0.5,) * 7
    assert measured.froc == 0.5
    assert (measured.num_images, measured.num_true, measured.num_found) == (8, 2, 2)


def _coco(found: list[ImageBoxes], num_classes: int) -> np.ndarray:
    """Return pycocotools' precision (10 overlaps, 101 recalls, K) of flat images."""
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": number + 1, "width": 200, "height": 200} for number in range(len(found))],
        "categories": [{"id": number, "name": str(number)} for number in range(num_classes)],
        "annotations": [
            {"image_id": number + 1, "category_id": int(label), "bbox": _of_coco(corners), "iscrowd": 0}
            | {"area": float(np.prod(_of_coco(corners)[2:]))}
            for number, one in enumerate(found)
            for corners, label in zip(one.true_corners, one.true_classes, strict=True)
        ],
    }
    for number, annotation in enumerate(truth.dataset["annotations"]):
        annotation["id"] = number + 1
    truth.createIndex()
    rows = [
        {"image_id": number + 1, "category_id": int(label), "bbox": _of_coco(corners), "score": float(score)}
        for number, one in enumerate(found)
        for corners, score, label in zip(one.corners, one.scores, one.classes, strict=True)
    ]
    evaluation = COCOeval(truth, truth.loadRes(rows), "bbox")
    evaluation.params.maxDets = [1, 10, 100]
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, 2]


def _of_coco(corners: np.ndarray) -> list[float]:
    return [float(corners[2]), float(corners[1]), float(corners[5] - corners[2]), float(corners[4] - corners[1])]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("num_more", [0, 15, 500])
def test_average_precision_in_flat_images_agrees_with_pycocotools(seed, num_more):
    found = images(seed, num_more=num_more)

    expected_KT = _coco(found, 3).mean(axis=1).T

    assert (expected_KT > 0).any()
    np.testing.assert_allclose(average_precision(found, 3, COCO_OVERLAPS), expected_KT, atol=1e-12)
    measured = measure_boxes(found, ("a", "b", "c"), froc_overlap=0.5).overall
    assert measured.ap50 == pytest.approx(expected_KT[:, 0].mean())
    assert measured.ap50_95 == pytest.approx(expected_KT.mean())


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    sides = [min(first[a + 3], second[a + 3]) - max(first[a], second[a]) for a in range(3)]
    shared = math.prod(sides) if min(sides) > 0 else 0.0
    sizes = [math.prod(box[a + 3] - box[a] for a in range(3)) for box in (first, second)]
    return shared / (sum(sizes) - shared)


def _outcomes(found: list[ImageBoxes], label: int, overlap: float) -> tuple[list[bool], int]:
    """Return, going through all found boxes of a class by score, whether each one hits, and how many are true."""
    row = [(s, n, c) for n, one in enumerate(found) for s, c, k in _each(one) if k == label]
    true = {(n, m) for n, one in enumerate(found) for m, k in enumerate(one.true_classes) if k == label}
    num_true, outcomes = len(true), []
    for _, number, corners in sorted(row, key=lambda entry: -entry[0]):
        left = [m for n, m in true if n == number]
        overlaps = {m: _overlap(corners, found[number].true_corners[m]) for m in left}
        best = max(overlaps, key=overlaps.__getitem__, default=None)
        is_hit = best is not None and overlaps[best] >= overlap
        true -= {(number, best)} if is_hit else set()
        outcomes.append(is_hit)
    return outcomes, num_true


def _each(one: ImageBoxes) -> list[tuple[float, np.ndarray, int]]:
    return list(zip(one.scores.tolist(), one.corners, one.classes.tolist(), strict=True))


def _best_precision_at(recall: float, outcomes: list[bool], num_true: int) -> float:
    ends = range(1, len(outcomes) + 1)
    fit = [sum(outcomes[:end]) / end for end in ends if sum(outcomes[:end]) / num_true >= recall]
    return max(fit, default=0.0)


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_in_volumes_agrees_with_its_definition(seed):
    found = images(seed, num_images=6, num_more=10, flat=False)

    expected = []
    for label in range(3):
        outcomes, num_true = _outcomes(found, label, 0.1)
        recalls = np.linspace(0, 1, 101)
        expected.append(np.mean([_best_precision_at(recall, outcomes, num_true) for recall in recalls]))

    assert 0 < np.mean(expected) < 1
    np.testing.assert_allclose(average_precision(found, 3, [0.1])[:, 0], expected)
    assert measure_boxes(found, "abc", froc_overlap=0.1).overall.ap10 == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("seed", range(4))
def test_froc_in_volumes_agrees_with_its_definition(seed):
    found = images(seed, num_images=6, num_more=10, flat=False)

    for label in range(3):
        outcomes, num_true = _outcomes(found, label, 0.1)
        for rate, sensitivity in zip(FROC_RATES, sensitivities(found, 3, 0.1)[label], strict=True):
            ends = [end for end in range(len(outcomes) + 1) if end - sum(outcomes[:end]) <= rate * len(found)]
            assert sensitivity == max(sum(outcomes[:end]) for end in ends) / num_true


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_measures_depend_on_the_order_of_the_scores_alone(seed):
    found = images(seed, num_images=5)
    cubed = [ImageBoxes(one.corners, one.scores**3, one.classes, *_truth(one)) for one in found]

    np.testing.assert_array_equal(average_precision(cubed, 3, [0.1, 0.5]), average_precision(found, 3, [0.1, 0.5]))
    np.testing.assert_array_equal(sensitivities(cubed, 3, 0.1), sensitivities(found, 3, 0.1))


def test_as_many_boxes_as_a_dense_detector_gives_are_measured_in_seconds():
    found = images(1, num_images=72, num_true=10, num_more=900)

    start = time.perf_counter()
    measure_boxes(found, "abc", froc_overlap=0.5)

    assert time.perf_counter() - start < 10


FOUND = Task("found", "detection", ("nodule", "cyst"))
GRID = Grid.upright((4, 50, 60))


def test_boxes_of_a_prediction_are_laid_beside_its_truth():
    boxes = Boxes(np.array([HERE, THERE]), ("cyst", "nodule"), GRID, FOUND)
    truth = Boxes(np.array([THERE]), ("nodule",), GRID, FOUND)

    one = ImageBoxes.of(ScoredBoxes(boxes, np.array([0.4, 0.6])), truth)

    assert (one.classes.tolist(), one.true_classes.tolist()) == ([1, 0], [0])
    assert measure_boxes([one], FOUND.classes, froc_overlap=0.1).classes[0].ap10 == 1.0


def test_boxes_of_a_class_the_truth_does_not_know_are_refused():
    other = Task("found", "detection", ("mass",))
    found = ScoredBoxes(Boxes(np.array([HERE]), ("mass",), GRID, other), np.array([0.4]))

    with pytest.raises(VolumeProblem, match=r"\['mass'\] are not among nodule, cyst"):
        ImageBoxes.of(found, Boxes(np.empty((0, 6)), (), GRID, FOUND))


@pytest.mark.parametrize(
    ("corners", "scores", "classes", "said"),
    [
        (np.zeros((1, 4)), np.array([0.5]), np.array([0]), r"shape \(1, 4\)"),
        (np.array([HERE]), np.array([0.5]), np.array([0, 1]), r"the classes \(2,\)"),
        (np.array([[0, 0, 0, 1, 0, 1.0]]), np.array([0.5]), np.array([0]), "ends where or before it begins"),
        (np.array([HERE]), np.array([np.nan]), np.array([0]), "is not finite"),
        (np.array([HERE]), np.array([0.5, 0.6]), np.array([0]), r"shape \(2,\) for 1 boxes"),
    ],
)
def test_what_is_no_box_is_refused(corners, scores, classes, said):
    with pytest.raises(VolumeProblem, match=said):
        ImageBoxes(corners, scores, classes, np.empty((0, 6)), np.empty(0, int))


def test_boxes_of_a_class_without_a_name_are_refused():
    stranger = ImageBoxes(np.array([HERE]), np.array([0.5]), np.array([2]), np.empty((0, 6)), np.empty(0, int))

    with pytest.raises(VolumeProblem, match=r"classes \[2\]; expected 0 to 1"):
        measure_boxes([stranger], ("a", "b"), froc_overlap=0.5)


def test_without_images_every_measure_is_not_applicable():
    measures = measure_boxes([], ("ball", "cube"), froc_overlap=0.5)

    assert np.isnan(average_precision([], 2, (0.5, 0.75))).tolist() == [[True, True], [True, True]]
    assert np.isnan(sensitivities([], 2, 0.5)).all()
    assert np.isnan([measures.overall.ap50, measures.overall.froc]).all()
    assert measures.overall.num_images == 0
