"""Boxes move with what is in them."""

import numpy as np
import pytest
import torch
from monai.data.box_utils import box_iou

from napari_medkd.engine.data.augment import augment
from napari_medkd.engine.data.augment_boxes import moved_boxes
from napari_medkd.engine.data.augment_space import sampling_grid
from napari_medkd.engine.data.augmentation import NONE, STRONG, Augmentation
from napari_medkd.engine.data.batch import BoxTarget

pytestmark = pytest.mark.engine


def disc(shape, middle, half):
    """Return an ellipsoid as a label map, and its tight box."""
    axes = np.indices(shape) + 0.5
    distance = sum(((axis - at) / side) ** 2 for axis, at, side in zip(axes, middle, half, strict=True))
    corners = [at - side for at, side in zip(middle, half, strict=True)]
    corners += [at + side for at, side in zip(middle, half, strict=True)]
    return torch.from_numpy((distance <= 1).astype(np.int16)), torch.tensor([corners], dtype=torch.float32)


def tight(label):
    """Return the tight box of a label map, as voxel edges."""
    found = torch.nonzero(label)
    return torch.cat([found.min(0).values, found.max(0).values + 1]).float()


def moved(shape, middle, half, augmentation, seed, wanted=None):
    label, corners = disc(shape, middle, half)
    wanted = wanted or shape
    image, spacing = label.float()[None, None], (1.0,) * len(shape)
    generator = torch.Generator().manual_seed(seed)
    found = augment(image, label[None], augmentation, spacing, generator, output_shape=wanted)
    grid = None if found.grid_BZYXD is None else found.grid_BZYXD[0]
    boxes = moved_boxes(BoxTarget(corners, torch.tensor([0])), grid, shape, wanted)
    return found.labels_BZYX[0], boxes


def test_a_patch_cut_smaller_on_both_sides_shifts_its_boxes():
    label, boxes = moved((20, 24), (9.0, 12.0), (4.0, 6.0), NONE, 0, wanted=(16, 20))

    torch.testing.assert_close(boxes.corners_ND[0], torch.tensor([3.0, 4.0, 11.0, 16.0]))
    torch.testing.assert_close(tight(label), boxes.corners_ND[0])


TURNED = Augmentation(rotation_degrees=180.0, tilt_degrees=20.0, translation=0.05, zoom=(0.8, 1.25))
SHAPES = pytest.mark.parametrize(
    ("shape", "middle", "half"),
    [((64, 72), (30.0, 34.0), (8.0, 12.0)), ((32, 36, 40), (16.0, 18.0, 19.0), (5.0, 6.0, 8.0))],
)


@pytest.mark.parametrize("seed", range(8))
@SHAPES
def test_a_box_fits_what_was_in_it_after_a_turn_to_the_voxel(shape, middle, half, seed):
    label, boxes = moved(shape, middle, half, TURNED, seed)

    assert (tight(label) - boxes.corners_ND[0]).abs().max() <= 1


@pytest.mark.parametrize("seed", range(8))
@SHAPES
def test_a_box_fits_what_was_in_it_after_strong_changes(shape, middle, half, seed):
    label, boxes = moved(shape, middle, half, STRONG, seed)

    assert float(box_iou(tight(label)[None], boxes.corners_ND)) > 0.7  # bent, and in whole voxels


def test_a_quarter_turn_exchanges_the_sides_of_a_box():
    label, corners = disc((40, 40), (12.0, 25.0), (4.0, 7.0))
    centres = (2 * torch.arange(40) + 1) / 40 - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    quarter = torch.stack([y, -x], dim=-1)  # what was at (39 - x, y) comes to (y, x)

    boxes = moved_boxes(BoxTarget(corners, torch.tensor([0])), quarter, (40, 40), (40, 40))

    torch.testing.assert_close(boxes.corners_ND[0], torch.tensor([18.0, 24.0, 32.0, 32.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(tight(label.rot90(-1)), boxes.corners_ND[0], atol=1e-3, rtol=0)


def test_a_box_that_left_the_patch_is_left_out_and_one_at_its_edge_is_cut():
    inside, leaving, gone = (0.0, 0.0, 8.0, 8.0), (12.0, 0.0, 22.0, 10.0), (30.0, 30.0, 38.0, 38.0)
    boxes = BoxTarget(torch.tensor([inside, leaving, gone]), torch.tensor([0, 1, 2]))

    found = moved_boxes(boxes, None, (16, 40), (16, 40))

    assert found.classes_N.tolist() == [0, 1]
    assert found.corners_ND[1].tolist() == [12.0, 0.0, 16.0, 10.0]  # two fifths are left, just enough


def test_what_can_be_seen_of_a_box_that_is_hardly_there_is_kept_apart():
    larger_than_the_patch, leaving, gone = (0.0, 0.0, 60.0, 60.0), (12.0, 0.0, 32.0, 10.0), (30.0, 0.0, 38.0, 8.0)
    boxes = BoxTarget(torch.tensor([larger_than_the_patch, leaving, gone]), torch.tensor([0, 1, 2]))

    found = moved_boxes(boxes, None, (16, 40), (16, 40))

    assert found.classes_N.tolist() == []
    assert found.partly_ND.tolist() == [[0.0, 0.0, 16.0, 40.0], [12.0, 0.0, 16.0, 10.0]]


def test_what_the_cut_does_not_show_is_not_taught_where_the_patch_reaches_beyond_it():
    inside, outside, hardly_inside = (8.0, 8.0, 16.0, 16.0), (-12.0, -12.0, -4.0, -4.0), (-6.0, 20.0, 2.0, 28.0)
    boxes = BoxTarget(torch.tensor([inside, outside, hardly_inside]), torch.tensor([0, 1, 2]))
    twice_as_far = 2 * ((torch.arange(32) + 0.5) / 16 - 1)
    grid = torch.stack(torch.meshgrid(twice_as_far, twice_as_far, indexing="ij"), dim=-1).flip(-1)

    found = moved_boxes(boxes, grid, (32, 32), (32, 32))

    assert found.classes_N.tolist() == [0]
    torch.testing.assert_close(found.corners_ND, torch.tensor([[12.0, 12.0, 16.0, 16.0]]))
    torch.testing.assert_close(found.partly_ND, torch.tensor([[8.0, 18.0, 9.0, 22.0]]))


@pytest.mark.parametrize(("low", "is_box"), [(-40.0, False), (-12.0, True)], ids=["29 % of it", "59 % of it"])
def test_a_box_that_the_cut_went_through_is_judged_by_what_there_was_of_it(low, is_box):
    corners = torch.tensor([[low, 20.0, 28.0, 40.0]])
    nothing = sampling_grid(NONE, [torch.Generator()], (1.0, 1.0), (80, 80), (64, 64))[0]

    boxes = moved_boxes(BoxTarget(corners, torch.tensor([0])), nothing, (80, 80), (64, 64))

    assert len(boxes.corners_ND) == is_box
    assert len(boxes.partly_ND) == (not is_box)


def test_no_boxes_stay_no_boxes():
    _, grid = None, torch.zeros(8, 8, 2)

    found = moved_boxes(BoxTarget(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)), grid, (8, 8), (8, 8))

    assert found.corners_ND.shape == (0, 4)


def test_a_batch_of_a_case_without_boxes_has_none(tmp_path):
    import json

    from napari_medkd.core.spec import Target, TrainSpec
    from napari_medkd.engine.bench import open_bench
    from tests.pictures import write_pictures

    folder = write_pictures(tmp_path / "cells", "cells", tasks="b")
    for number in range(1, 8):
        (folder / f"boxes{number}.json").write_text(json.dumps({"axes": "IPL", "boxes": []}))
    spec = TrainSpec(datasets=(folder,), targets=(Target(task="places"),))
    bench = open_bench(spec, frozenset({"detection"}))

    batch = next(iter(bench.batches()(torch.Generator().manual_seed(0))))

    assert {tuple(boxes.corners_ND.shape) for boxes in batch.boxes} <= {(0, 4), (1, 4)}
    assert any(len(boxes.corners_ND) == 0 for boxes in batch.boxes)
