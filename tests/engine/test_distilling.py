"""What a student follows of its teacher, with answers and maps that are known."""

import math

import pytest
import torch
from monai.apps.detection.utils.ATSS_matcher import ATSSMatcher

from napari_medkd.core.task import Task
from napari_medkd.engine.data.batch import Batch, BoxTarget
from napari_medkd.engine.distilling import Distilling, DistillingWeights, Followed
from napari_medkd.engine.losses.boxes import box_divergence, box_losses, matched
from napari_medkd.engine.losses.usual_matches import UsualMatches
from napari_medkd.engine.networks.anchors import AnchorSizes, anchors_of
from napari_medkd.engine.networks.heads import BoxMaps, Output
from napari_medkd.engine.objective import Frozen
from napari_medkd.engine.task_losses import TaskLosses
from napari_medkd.methods.supervised import SupervisedSettings

pytestmark = pytest.mark.engine

MASK = Task("shape", "segmentation", ("background", "lump"))
FINDINGS = Task("findings", "classification", ("nodule", "fluid"), multilabel=True)
STAGES = Task("stage", "classification", ("early", "late"))
PLACES = Task("places", "detection", ("lump",))

#: A map of 4 x 4 places, of mean 0 and variance 1.
CHECKS = torch.tensor([[[[1.0, -1.0, 1.0, -1.0], [-1.0, 1.0, -1.0, 1.0]] * 2]])


class Says(torch.nn.Module):
    """Says the same of every image, as if of a network with one map."""

    dimensions, pyramid_channels = 2, (1,)

    def __init__(self, map_BCYX=CHECKS, *, segmentation=None, classification=None, detection=None) -> None:
        super().__init__()
        self.output = Output((map_BCYX,), segmentation, classification, detection)

    def forward(self, image_BCZYX):
        return self.output


def distilling(student, teacher, *tasks, labels=0.0, answers=0.0, features=0.0):
    weights = DistillingWeights(labels=labels, answers=answers, features=features, temperature=2.0)
    return Distilling(student, Followed(Frozen(teacher), (1,)), TaskLosses(tasks, SupervisedSettings()), weights)


def batch(*boxes):
    """Return an image of 16 x 16 with boxes (y0, x0, y1, x1)."""
    corners = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    truth = (BoxTarget(corners, torch.zeros(len(corners), dtype=torch.int64)),)
    return Batch(torch.zeros(1, 1, 16, 16), torch.zeros(1, 16, 16, dtype=torch.int64), boxes=truth)


@pytest.mark.parametrize(("progress", "share"), [(0.0, 0.01), (0.05, 0.51), (0.1, 1.0), (0.5, 1.0), (0.99, 1.0)])
def test_the_weight_of_the_maps_rises_over_the_first_tenth_of_the_steps(progress, share):
    objective = distilling(Says(-CHECKS), Says(CHECKS), MASK, features=0.5)
    objective.progress = progress

    terms = objective(batch())

    assert set(terms) == {"features"}
    # maps of opposite sign are 4 apart: twice the standard deviation, squared
    assert terms["features"].item() == pytest.approx(0.5 * share * 4, rel=1e-4)


def with_two_places_wrong():
    """Return the map with other signs at one place within the box (4, 4, 8, 8), and at one around it."""
    wrong = CHECKS.clone()
    wrong[0, 0, 1, 1], wrong[0, 0, 3, 2] = -1, 1
    return wrong


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ((PLACES,), 4 * (8 + 8 / 15) / 16),  # half of 16 places' weight for the box, half for the 15 around it
        ((PLACES, MASK), 4 * 2 / 16),
        ((MASK,), 4 * 2 / 16),
    ],
    ids=["boxes alone", "boxes and a mask", "a mask"],
)
def test_maps_are_followed_most_in_the_boxes_where_boxes_are_all_that_is_asked(tasks, expected):
    objective = distilling(Says(with_two_places_wrong()), Says(CHECKS), *tasks, features=1.0)
    objective.progress = 0.5

    assert objective(batch((4, 4, 8, 8)))["features"].item() == pytest.approx(expected, rel=1e-4)


def test_findings_are_followed_each_for_itself_and_exclusive_classes_together():
    student, teacher = torch.zeros(1, 2), torch.full((1, 2), 2 * math.log(9))  # softened: a half, and 0.9 for both
    says = Says(classification=student), Says(classification=teacher)

    findings = distilling(*says, FINDINGS, answers=0.5)(batch())
    stages = distilling(*says, STAGES, answers=0.5)(batch())

    by_hand = 0.5 * 2**2 * (0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5))
    assert findings["answers: classes"].item() == pytest.approx(by_hand, rel=1e-5)
    assert stages["answers: classes"].item() == pytest.approx(0, abs=1e-6)  # both as probable as the other


def boxes_shifted(by: float) -> BoxMaps:
    """Return the boxes of 8 x 8 anchors, all shifted along y by that many sides."""
    anchors = anchors_of(AnchorSizes(levels=(2,), sizes=(((8.0, 8.0),),)), [(4, 4)], torch.device("cpu"))
    offsets = torch.zeros(1, len(anchors), 4)
    offsets[..., 0] = by
    return BoxMaps(torch.zeros(1, len(anchors), 1), offsets, anchors, (len(anchors),))


@pytest.mark.parametrize(
    ("of_teacher", "expected"),
    [
        (0.0, 1 - 1 / 3),  # the true box, of which the student's has 4 x 8 of 12 x 8 pixels in common
        (0.25, 1 - 1 / 3),  # nearer to the true box than the student's, which is drawn to the true one all the same
        (0.5, 0.0),  # the same
        (0.75, 0.0),  # further away
    ],
)
def test_a_box_is_drawn_to_the_true_one_where_the_teachers_is_nearer_to_that(of_teacher, expected):
    student, teacher = boxes_shifted(0.5), boxes_shifted(of_teacher)
    objective = distilling(Says(detection=student), Says(detection=teacher), PLACES, answers=0.5)

    terms = objective(batch((2, 2, 10, 10)))  # an anchor's own place

    assert set(terms) == {"answers: box classes", "answers: box places"}
    assert terms["answers: box places"].item() == pytest.approx(0.5 * expected, abs=1e-5)


def test_labels_and_answers_are_told_of_anchors_that_are_matched_once_a_step(monkeypatch):
    matching, calls = ATSSMatcher.compute_matches, []
    monkeypatch.setattr(ATSSMatcher, "compute_matches", lambda *args: calls.append(1) or matching(*args))
    student, teacher = boxes_shifted(0.5), boxes_shifted(0.25)
    objective = distilling(Says(detection=student), Says(detection=teacher), PLACES, labels=1.0, answers=1.0)
    learned = batch((2, 2, 10, 10))

    terms = objective(learned)

    assert len(calls) == 1
    # to the last bit what each of the two makes of matches of its own
    alone = box_losses(student, matched(student, learned.boxes), UsualMatches())
    followed = box_divergence(student, teacher, matched(student, learned.boxes), 2.0)
    assert [terms["box classes"], terms["box places"]] == list(alone)
    assert [terms["answers: box classes"], terms["answers: box places"]] == list(followed)
