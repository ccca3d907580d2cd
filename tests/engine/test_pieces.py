"""Images read in parts give what they give as a whole, and what was finished before a kill stays finished."""

import numpy as np
import pytest
import torch

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import IntensityRule, Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine import pieces
from napari_medkd.engine.data.preprocess import prepare_image, prepare_mask, restore_mask
from napari_medkd.engine.data.streamed import StreamedImage, StreamedLabels
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.judge import exhaust
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.pieces import Kept, segmentation_in_pieces
from napari_medkd.engine.sliding_window import sliding_window

pytestmark = pytest.mark.engine

MACHINE = Machine(torch.device("cpu"), "fp32")
TASK = Task("organs", "segmentation", ("background", "liver", "spleen"), ignore=255)
WINDOW = IntensityRule(kind="window", low=-50, high=150)


def noise(*shape, channels=1, spacing=(1.0, 1.0, 1.0)):
    random = np.random.default_rng(sum(shape))
    data = random.normal(50, 40, (channels, *shape)).astype(np.float32)
    return Volume(data, Grid.upright(shape, spacing), tuple(f"c{n}" for n in range(channels)))


def recipe(spacing=(1.0, 1.0, 1.0), patch=(8, 8, 8), channels=1, rule=WINDOW):
    names = tuple(f"c{n}" for n in range(channels))
    dimensions = 2 if patch[0] == 1 else 3
    return Preprocessing(dimensions=dimensions, spacing=spacing, patch=patch, channels=names, intensity=rule)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 3.5), (0.5, 0.7, 0.9)])
def test_a_part_of_a_streamed_image_is_that_part_of_the_whole(spacing):
    volume = noise(30, 27, 41, channels=2)
    whole, grid = prepare_image(volume, recipe(spacing, channels=2))
    streamed = StreamedImage(volume, grid, WINDOW)

    assert streamed.shape == whole.shape
    for low, high in (((0, 0, 0), (5, 6, 4)), ((3, 5, 2), (9, 11, 8)), ((6, 4, 3), grid.shape)):
        where = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        np.testing.assert_allclose(streamed[:, *where], whole[:, *where], atol=2e-6)


@pytest.mark.parametrize("kind", ["percentiles", "standardise"])
def test_the_scaling_of_a_small_image_is_that_of_the_whole(kind):
    volume, rule = noise(20, 24, 28), IntensityRule(kind=kind)
    whole, grid = prepare_image(volume, recipe(rule=rule))

    streamed = StreamedImage(volume, grid, rule)

    np.testing.assert_allclose(streamed[:, 0:20, 0:24, 0:28], whole, rtol=1e-5, atol=1e-5)


def test_numbers_that_are_none_are_refused_when_their_part_is_read():
    volume = noise(16, 16, 16)
    volume.data[0, 12, 12, 12] = np.nan
    streamed = StreamedImage(volume, volume.grid, WINDOW)
    streamed._scalings = [lambda part: part]

    streamed[:, 0:8, 0:8, 0:8]
    with pytest.raises(VolumeProblem, match="NaN"):
        streamed[:, 8:16, 8:16, 8:16]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 3.0), (0.5, 0.7, 0.9)])
def test_a_part_of_streamed_labels_is_that_part_of_the_whole(spacing):
    own = Grid.upright((30, 27, 41))
    labels = np.random.default_rng(1).choice([0, 1, 2, 255], own.shape).astype(np.uint8)
    mask, grid = Mask(labels, own, TASK), own.resized(spacing)
    whole = prepare_mask(mask, grid)

    part = StreamedLabels(mask, grid)[2:9, 3:8, 1:7]

    np.testing.assert_array_equal(part, whole[2:9, 3:8, 1:7])
    assert part.dtype == np.int16


def test_voxels_of_streamed_labels_are_drawn_evenly_from_each_class():
    labels = np.zeros((200, 140, 130), np.uint8)
    labels[150:152, 130, 3] = 1
    labels[10:20, 10:20, 128:130] = 2
    streamed = StreamedLabels(Mask(labels, Grid.upright(labels.shape), TASK), Grid.upright(labels.shape))
    shares = (np.arange(200) + 0.5) / 200

    drawn = {one: {tuple(streamed.voxel_of_some_class(one / 2, share)) for share in shares} for one in (0, 1)}

    assert drawn[0] == set(zip(*np.nonzero(labels == 1), strict=True))
    assert drawn[1] == set(zip(*np.nonzero(labels == 2), strict=True))


def test_where_nothing_is_labelled_the_middle_is_drawn():
    grid = Grid.upright((20, 30, 40))

    assert StreamedLabels(None, grid).voxel_of_some_class(0.5, 0.5).tolist() == [10, 15, 20]
    assert (StreamedLabels(None, grid)[0:3, 0:3, 0:3] == -1).all()


def network(dimensions=3, channels=1, seed=0):
    torch.manual_seed(seed)
    found = UNet(dimensions=dimensions, in_channels=channels, answers=HeadsShape(num_classes=3), widths=(4, 8))
    return found.eval()


@pytest.mark.parametrize(
    ("shape", "patch"),
    [((24, 21, 33), (8, 8, 8)), ((33, 5, 41), (8, 8, 12)), ((5, 40, 37), (1, 16, 16)), ((9, 9, 9), (16, 16, 16))],
)
def test_an_answer_in_pieces_is_the_answer_to_the_whole(shape, patch, tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1)
    monkeypatch.setattr(pieces, "_CHUNK", 8)
    volume, asked = noise(*shape), network(2 if patch[0] == 1 else 3)
    whole_CZYX, grid = prepare_image(volume, recipe(patch=patch))
    whole = exhaust(sliding_window(asked, torch.from_numpy(whole_CZYX), patch, autocast=MACHINE.autocast))

    streamed = StreamedImage(volume, grid, WINDOW)
    done = list(segmentation_in_pieces(asked, streamed, patch, MACHINE, 3, Kept(tmp_path / "pieces", "key")))
    found = exhaust(segmentation_in_pieces(asked, streamed, patch, MACHINE, 3, Kept(tmp_path / "pieces", "key")))

    np.testing.assert_array_equal(found.labels[:], whole.labels)
    assert len(np.unique(whole.labels)) > 1
    assert found.uncertainty == pytest.approx(whole.uncertainty, abs=1e-6)
    assert done == sorted(done)
    assert done[-1] == 1


class Counting(torch.nn.Module):
    """Counts the windows that a network is shown."""

    dimensions = 3

    def __init__(self, inner):
        super().__init__()
        self.inner, self.seen = inner, 0

    def forward(self, image):
        self.seen += len(image)
        return self.inner(image)


def test_finished_pieces_are_not_predicted_again_unless_something_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1)
    monkeypatch.setattr(pieces, "_CHUNK", 8)
    volume, asked = noise(24, 24, 24), Counting(network())
    streamed = StreamedImage(volume, volume.grid, WINDOW)

    def seen(key, stop_at=2.0):
        before = asked.seen
        for done in segmentation_in_pieces(asked, streamed, (8, 8, 8), MACHINE, 3, Kept(tmp_path / "pieces", key)):
            if done >= stop_at:
                break
        return asked.seen - before

    half, rest, again, other = seen("a", 0.5), seen("a"), seen("a"), seen("b")

    assert 0 < half < other
    assert 0 <= half + rest - other < 30  # the windows of the piece that was broken off
    assert again == 0


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.5)])
def test_labels_on_the_disk_are_restored_like_those_in_memory(spacing, monkeypatch):
    import dask.array

    own = Grid.upright((30, 20, 25))
    grid = own.resized(spacing)
    labels = np.random.default_rng(1).integers(0, 3, grid.shape).astype(np.uint8)
    whole = restore_mask(labels, grid, own, TASK)

    held = restore_mask(dask.array.from_array(labels, 7), grid, own, TASK)
    monkeypatch.setattr("napari_medkd.engine.data.preprocess.MOST_VOXELS_HELD", 100)
    lazy = restore_mask(labels, grid, own, TASK)

    np.testing.assert_array_equal(held.labels, whole.labels)
    assert lazy.is_on_disk
    np.testing.assert_array_equal(np.asarray(lazy.labels), whole.labels)
