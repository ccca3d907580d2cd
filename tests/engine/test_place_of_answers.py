"""Answers lie on the anatomy they are about: an oblique image of two channels, seen by the network on another grid.

The network's answer is known: it finds what is bright in the second channel. Where that is in the world is computed by
hand from the image's steps, in mm (right, anterior, superior).
"""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.control import Always
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import IntensityRule, Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.answers import Answer
from napari_medkd.engine.checkpoint import TaskCard, WeightsCard
from napari_medkd.engine.data.preprocess import moved_to, network_grid, prepare_image
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.networks.anchors import AnchorSizes, anchors_of
from napari_medkd.engine.networks.heads import BoxMaps, HeadsShape, Output
from napari_medkd.engine.networks.shape import UNetShape
from napari_medkd.engine.predict import Predictor

pytestmark = pytest.mark.engine

#: One voxel along z, y and x: 3.6, 0.9 and 1.8 mm long, at right angles, along none of the world's axes.
STEPS = np.array([[-1.6, 1.6, -2.8], [-0.1, -0.8, -0.4], [-1.6, -0.2, 0.8]])
FIRST_VOXEL = (10.0, -20.0, 30.0)

MASK = Task("organ", "segmentation", ("background", "organ"))
SCORES = Task("finding", "classification", ("none", "organ"))
BOXES = Task("places", "detection", ("organ",))
RECIPE = Preprocessing(
    dimensions=3,
    spacing=(1.8, 1.8, 1.8),  # z is made twice as fine, y twice as coarse
    intensity=IntensityRule(kind="window", low=0, high=1),
    patch=(16, 16, 16),
    channels=("other", "organ"),
)

#: The organ is in the image's voxels z 2 and 3, y 8 to 15, x 8 to 11.
ORGAN = (slice(2, 4), slice(8, 16), slice(8, 12))
#: FIRST_VOXEL + 2.5 steps along z + 11.5 along y + 9.5 along x
MIDDLE = (10 - 4 - 1.15 - 15.2, -20 + 4 - 9.2 - 1.9, 30 - 7 - 4.6 + 7.6)
#: FIRST_VOXEL + 1.5 steps along z + 7.5 along y + 7.5 along x: half a voxel before the first one's centre
LOW_CORNER = (10 - 2.4 - 0.75 - 12, -20 + 2.4 - 6 - 1.5, 30 - 4.2 - 3 + 6)
#: FIRST_VOXEL + 3.5 steps along z + 15.5 along y + 11.5 along x
HIGH_CORNER = (10 - 5.6 - 1.55 - 18.4, -20 + 5.6 - 12.4 - 2.3, 30 - 9.8 - 6.2 + 9.2)


class SeesBright(torch.nn.Module):
    """Answers everything about the blocks of 4 voxels that are bright in the second channel."""

    dimensions = 3

    def __init__(self) -> None:
        super().__init__()
        self.brighter_than = torch.nn.Parameter(torch.tensor(0.5))
        self.anchors = AnchorSizes(levels=(2,), sizes=(((4.0, 4.0, 4.0),),))

    def forward(self, image_BCZYX: torch.Tensor) -> Output:
        bright = (image_BCZYX[:, 1:] > self.brighter_than).float()
        coarse = functional.avg_pool3d(bright, 4).requires_grad_()
        nothing = torch.zeros(len(bright))
        scores = torch.stack([nothing, math.log(3) * coarse.flatten(1).sum(1)], dim=1)
        anchors = anchors_of(self.anchors, [tuple(coarse.shape[2:])], bright.device)
        logits = (10 * coarse.detach() - 5).flatten(1)[..., None]
        boxes = BoxMaps(logits, torch.zeros(len(bright), len(anchors), 6), anchors, (len(anchors),))
        return Output((coarse,), torch.cat([0.5 - bright, bright - 0.5], dim=1), scores, boxes)


def oblique() -> Grid:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = STEPS.T, FIRST_VOXEL
    return Grid((8, 32, 16), affine)


def image() -> Volume:
    data = np.zeros((2, 8, 32, 16), np.float32)
    data[(1, *ORGAN)] = 1
    data[0, 4:6, 24:32, :4] = 1  # bright, too, but in the other channel
    return Volume(data, oblique(), RECIPE.channels)


@pytest.fixture(scope="module")
def answered(tmp_path_factory) -> dict[str, Answer]:
    """What the network says of the image, by task: through the preprocessing and back."""
    tasks = tuple(TaskCard.of(task) for task in (MASK, SCORES, BOXES))
    shape = UNetShape(dimensions=3, in_channels=2, answers=HeadsShape(num_classes=2), widths=(4, 8), skips=True)
    card = WeightsCard(
        method="supervised", stage="student", sees="image", network=shape, preprocessing=RECIPE, task=tasks[0],
        tasks=tasks, epoch=1, sha256="",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("unfinished")
    predictor = Predictor(SeesBright(), card, folder / "weights", Machine(torch.device("cpu")))
    said = predictor.answer(image(), Always(), unfinished=folder)
    return {answer.task.kind: answer for answer in said if isinstance(answer, Answer)}


def middle_in_world(weight_ZYX) -> np.ndarray:
    """Return the centre of mass (right, anterior, superior) of numbers on the image's voxels."""
    places = np.argwhere(weight_ZYX > 0)
    return np.average(np.array(FIRST_VOXEL) + places @ STEPS, axis=0, weights=weight_ZYX[weight_ZYX > 0])


def test_the_network_sees_the_organ_in_voxels_of_another_size_and_number():
    seen_CZYX, grid = prepare_image(image(), RECIPE)

    assert oblique().spacing == pytest.approx((3.6, 0.9, 1.8))
    assert grid.spacing == pytest.approx((1.8, 1.8, 1.8))
    wanted = np.zeros((16, 16, 16), bool)
    wanted[4:8, 4:8, 8:12] = True  # z twice as many voxels, y half as many
    assert ((seen_CZYX[1] > 0.5) == wanted).all()
    np.testing.assert_allclose(grid.to_world(np.argwhere(wanted)).mean(0), MIDDLE, atol=1e-9)


def test_a_mask_is_drawn_in_the_organs_own_voxels(answered):
    mask = answered["segmentation"].mask

    wanted = np.zeros((8, 32, 16), np.uint8)
    wanted[ORGAN] = 1
    assert (mask.labels == wanted).all()
    np.testing.assert_allclose(mask.grid.affine, oblique().affine)
    np.testing.assert_allclose(middle_in_world(mask.labels), MIDDLE, atol=1e-9)


def test_a_box_goes_from_the_organs_one_end_to_the_other(answered):
    found = answered["detection"].boxes

    corners = found.boxes.to_world()
    assert corners.shape == (1, 8, 3)
    np.testing.assert_allclose(corners[0, 0], LOW_CORNER, atol=1e-5)
    np.testing.assert_allclose(corners[0, 7], HIGH_CORNER, atol=1e-5)
    np.testing.assert_allclose(found.boxes.corners, [[2, 8, 8, 4, 16, 12]], atol=1e-5)
    assert found.boxes.classes == ("organ",)
    assert found.scores == pytest.approx([1 / (1 + math.exp(-5))])


def test_scores_are_those_of_the_image(answered):
    scores = answered["classification"].scores.scores

    assert scores == pytest.approx({"none": 1 / 4, "organ": 3 / 4})  # logits 0 and log 3: one block is bright


def test_the_network_is_shown_to_look_at_the_organ(answered):
    attention = answered["classification"].attention

    assert attention.class_name == "organ"
    assert attention.map_ZYX.shape == (8, 32, 16)
    np.testing.assert_allclose(middle_in_world(attention.map_ZYX), MIDDLE, atol=1e-4)
    brightest = np.array(np.unravel_index(attention.map_ZYX.argmax(), attention.map_ZYX.shape))
    in_mm = (brightest - (2.5, 11.5, 9.5)) @ STEPS
    assert np.linalg.norm(in_mm) < 3.6


def test_boxes_a_network_learns_from_lie_on_its_own_voxels_at_the_same_place():
    original = Boxes(np.array([[2.0, 8, 8, 4, 16, 12]]), ("organ",), oblique(), BOXES)

    seen = moved_to(original, network_grid(oblique(), RECIPE))

    # z twice as many voxels, y half as many, counted from the same outer edge
    np.testing.assert_allclose(seen.corners, [[4, 4, 8, 8, 8, 12]], atol=1e-9)
    np.testing.assert_allclose(seen.to_world()[0, 0], LOW_CORNER, atol=1e-9)
    np.testing.assert_allclose(seen.to_world()[0, 7], HIGH_CORNER, atol=1e-9)
