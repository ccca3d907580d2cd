"""Losses of a detector's anchors."""

import math

import pytest
import torch

from napari_medkd.engine.data.batch import BoxTarget
from napari_medkd.engine.losses.boxes import box_divergence, box_losses, decoded, matched, matches
from napari_medkd.engine.losses.usual_matches import UsualMatches
from napari_medkd.engine.networks.anchors import AnchorSizes, anchors_of
from napari_medkd.engine.networks.heads import BoxMaps

pytestmark = pytest.mark.engine

SIZES = AnchorSizes(levels=(2,), sizes=(((8.0, 8.0), (8.0, 16.0)),))


def maps(batch=1, num_classes=2, sure=-6.0):
    """Return what a detector on 32 x 32 pixels says that sees nothing: 64 positions of 2 anchors."""
    anchors = anchors_of(SIZES, [(8, 8)], torch.device("cpu"))
    logits = torch.full((batch, len(anchors), num_classes), sure, requires_grad=True)
    offsets = torch.zeros(batch, len(anchors), 4, requires_grad=True)
    return BoxMaps(logits, offsets, anchors, (64,))


def truth(*boxes, classes=None):
    corners = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return BoxTarget(corners, torch.tensor(classes or [0] * len(boxes), dtype=torch.int64))


def test_offsets_of_nothing_are_the_anchors():
    found = maps()

    torch.testing.assert_close(decoded(found.anchors_ND, found.offsets_BND[0]), found.anchors_ND)


def test_an_offset_shifts_by_sides_and_enlarges_by_its_exponential():
    box = decoded(torch.tensor([[0.0, 0.0, 8.0, 16.0]]), torch.tensor([[0.5, -0.25, math.log(2), 0.0]]))

    torch.testing.assert_close(box, torch.tensor([[0.0, -4.0, 16.0, 12.0]]))


def test_the_anchors_that_stand_for_a_box_are_those_that_overlap_it_most():
    found = maps()

    stands = matches(found, truth((8, 8, 16, 24)).corners_ND)

    assert (stands >= 0).sum() > 0
    best = found.anchors_ND[stands >= 0]
    assert ((best[:, 3] - best[:, 1]) == 16).all()  # the wide ones
    assert (((best[:, :2] + best[:, 2:]) / 2 - torch.tensor([12.0, 16.0])).abs() <= 4).all()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_of_boxes_in_one_place_each_has_an_anchor(count):
    stands = matches(maps(), truth(*[(8, 8, 16, 24)] * count).corners_ND)

    assert all((stands == box).any() for box in range(count))


def test_without_boxes_every_anchor_is_background():
    assert (matches(maps(), torch.zeros(0, 4)) == -1).all()


def test_perfect_boxes_cost_nothing():
    found, wanted = maps(sure=-12.0), truth((8, 8, 16, 24), classes=[1])
    stands = matches(found, wanted.corners_ND)
    logits = found.logits_BNK.detach().clone()
    logits[0, stands >= 0, 1] = 12.0
    perfect = torch.zeros(1, 128, 4)
    anchors = found.anchors_ND
    for index in torch.nonzero(stands >= 0)[:, 0]:
        sides = anchors[index, 2:] - anchors[index, :2]
        middle, target = (anchors[index, 2:] + anchors[index, :2]) / 2, wanted.corners_ND[0]
        perfect[0, index, :2] = ((target[:2] + target[2:]) / 2 - middle) / sides
        perfect[0, index, 2:] = ((target[2:] - target[:2]) / sides).log()

    says = found._replace(logits_BNK=logits, offsets_BND=perfect)
    losses = box_losses(says, matched(says, (wanted,)), UsualMatches())

    assert float(losses.of_class) < 1e-6
    assert float(losses.of_place) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("offset", [math.nan, math.inf, 1e30])
def test_boxes_that_are_nowhere_cost_no_number_and_are_no_error(offset):
    found, wanted = maps(), truth((8, 8, 16, 16))
    gone = found._replace(offsets_BND=torch.full_like(found.offsets_BND, offset))

    assert box_losses(gone, matched(gone, (wanted,)), UsualMatches()).of_place.isnan()
    assert box_divergence(gone, found, matched(gone, (wanted,)), temperature=2.0).of_place.isnan()


def test_a_sample_of_unknown_boxes_gives_no_gradient():
    found = maps(batch=2)

    sum(box_losses(found, matched(found, (truth((8, 8, 16, 16)), None)), UsualMatches())).backward()

    assert found.logits_BNK.grad[0].abs().sum() > 0
    assert found.offsets_BND.grad[0].abs().sum() > 0
    assert found.logits_BNK.grad[1].abs().sum() == 0
    assert found.offsets_BND.grad[1].abs().sum() == 0


def test_a_sample_without_boxes_teaches_that_there_are_none():
    found = maps(sure=0.0)

    box_losses(found, matched(found, (truth(),)), UsualMatches()).of_class.backward()

    assert (found.logits_BNK.grad > 0).all()


def test_where_a_box_is_only_partly_there_nothing_is_taught():
    found, partly = maps(sure=0.0), torch.tensor([[0.0, 0.0, 16.0, 32.0]])

    loss = box_losses(found, matched(found, (truth()._replace(partly_ND=partly),)), UsualMatches()).of_class
    loss.backward()

    # of 64 positions with 2 anchors of 2 classes the upper half is left out
    assert loss.item() == pytest.approx(128 * 0.75 * 0.25 * math.log(2), rel=1e-5)
    assert (found.logits_BNK.grad[0, :64] == 0).all()
    assert (found.logits_BNK.grad[0, 64:] > 0).all()


def test_a_box_inside_one_that_is_only_partly_there_is_taught():
    found, partly = maps(sure=0.0), torch.tensor([[0.0, 0.0, 32.0, 32.0]])
    wanted = truth((8, 8, 16, 16))._replace(partly_ND=partly)
    num_boxes = int((matches(found, wanted.corners_ND) >= 0).sum())

    loss = box_losses(found, matched(found, (wanted,)), UsualMatches()).of_class.item()

    by_hand = (0.25 + 0.75) * num_boxes * 0.25 * math.log(2) / num_boxes  # of the box's class and of the other one
    assert loss == pytest.approx(by_hand, rel=1e-5)


def test_a_batch_without_boxes_pushes_against_false_ones_as_one_with_as_many_as_usual():
    usual = UsualMatches()
    usual(12, 4)

    found = maps(sure=0.0)
    loss = box_losses(found, matched(found, (truth(),)), usual).of_class.item()

    assert loss == pytest.approx(128 * 2 * 0.75 * 0.25 * math.log(2) / (0.9 * 3 + 0.1), rel=1e-5)


def test_equal_detectors_agree():
    found = maps(sure=1.0)

    apart = box_divergence(found, found, matched(found, (truth((8, 8, 16, 16)),)), temperature=2.0)

    assert apart.of_class.item() == pytest.approx(0, abs=1e-6)
    assert apart.of_place.item() == 0


def test_a_place_is_followed_only_where_the_teacher_is_better():
    student, wanted = maps(sure=0.0), truth((8, 8, 16, 16))
    better = student._replace(offsets_BND=torch.zeros(1, 128, 4))
    off = student._replace(offsets_BND=torch.full((1, 128, 4), 1.0, requires_grad=True))

    assert box_divergence(off, better, matched(off, (wanted,)), 2.0).of_place.item() > 0.1
    assert box_divergence(better, off, matched(better, (wanted,)), 2.0).of_place.item() == 0


def test_a_teacher_that_is_hardly_better_pulls_no_harder_the_fewer_places_there_are_left_to_teach():
    wanted = truth((2, 2, 10, 10))
    pulls = []
    for num_better in (1, 3):
        student = shifted(*[0.5] * 3)
        teacher = shifted(*[0.49] * num_better, *[0.5] * (3 - num_better))
        box_divergence(student, teacher, matched(student, (wanted,) * 3), temperature=2.0).of_place.backward()
        pulls.append(student.offsets_BND.grad[0].abs().max().item())

    assert pulls[0] == pytest.approx(pulls[1])


def test_what_a_teacher_says_where_a_box_is_only_partly_there_does_not_count():
    student, partly = maps(sure=-3.0), torch.tensor([[0.0, 0.0, 16.0, 32.0]])
    sees = maps(sure=2.0)

    samples = matched(student, (truth()._replace(partly_ND=partly),))
    box_divergence(student, sees, samples, temperature=2.0).of_class.backward()

    assert (student.logits_BNK.grad[0, :64] == 0).all()
    assert (student.logits_BNK.grad[0, 64:] < 0).all()


def test_the_loss_of_classes_is_the_focal_loss_by_hand():
    found, wanted = maps(sure=0.0), truth((8, 8, 16, 16))
    num_boxes = int((matches(found, wanted.corners_ND) >= 0).sum())
    entries = 128 * 2

    loss = box_losses(found, matched(found, (wanted,)), UsualMatches()).of_class.item()

    # of a probability of a half: a quarter (boxes) or three quarters (all others) of (1/2)^2 log 2
    by_hand = (0.25 * num_boxes + 0.75 * (entries - num_boxes)) * 0.25 * math.log(2) / num_boxes
    assert loss == pytest.approx(by_hand, rel=1e-5)


def shifted(*sides):
    """Return, of each sample, boxes shifted along y by so many sides from anchors of 8 x 8 on 16 x 16 pixels."""
    anchors = anchors_of(AnchorSizes(levels=(2,), sizes=(((8.0, 8.0),),)), [(4, 4)], torch.device("cpu"))
    offsets = torch.zeros(len(sides), len(anchors), 4)
    offsets[..., 0] = torch.tensor(sides)[:, None]
    logits = torch.zeros(len(sides), len(anchors), 1)
    return BoxMaps(logits, offsets.requires_grad_(), anchors, (len(anchors),))


def test_the_loss_of_places_is_that_of_the_boxes_whose_teacher_is_better_by_hand():
    wanted = truth((2, 2, 10, 10))  # an anchor's own place
    student, teacher = shifted(0.5, 0.5, 0.25), shifted(0.0, 0.25, 0.5)

    loss = box_divergence(student, teacher, matched(student, (wanted,) * 3), temperature=2.0).of_place
    loss.backward()

    # 4 of 12 rows in common with the true box, twice, and a teacher that is worse; for three anchors that stand for one
    assert loss.item() == pytest.approx(2 * (1 - 1 / 3) / 3)
    assert (student.offsets_BND.grad[:2, :, 0].sum(1) > 0).all()  # less of a shift is nearer to the truth
    assert (student.offsets_BND.grad[2] == 0).all()
    assert teacher.offsets_BND.grad is None
