from contextlib import nullcontext

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference

from napari_medkd.engine.networks.heads import HeadsShape, Output
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.sliding_window import sliding_window

pytestmark = pytest.mark.engine


def network(dimensions=3, num_classes=4):
    torch.manual_seed(0)
    return UNet(dimensions=dimensions, in_channels=2, answers=HeadsShape(num_classes=num_classes), widths=(4, 6)).eval()


def image(shape):
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))


def answer(made, picture, patch, **options):
    found, fractions = segmented(made, picture, patch, **options)
    return found.labels, fractions


def segmented(made, picture, patch, **options):
    fractions, windows = [], sliding_window(made, picture, patch, autocast=nullcontext, **options)
    while True:
        try:
            fractions.append(next(windows))
        except StopIteration as end:
            return end.value, fractions


def reference(made, picture, patch, overlap=0.5):
    """Logits by MONAI, averaged over windows; plane by plane for a 2-D network."""

    def logits(windows):
        return made(windows).logits

    options = {
        "sw_batch_size": 3,
        "predictor": logits,
        "overlap": overlap,
        "mode": "gaussian",
        "padding_mode": "replicate",
    }
    with torch.no_grad():
        if made.dimensions == 2:
            planes = picture.movedim(1, 0)
            return sliding_window_inference(planes, patch[1:], **options).movedim(0, 1)
        return sliding_window_inference(picture[None], patch, **options)[0]


def assert_same_but_for_ties(labels, logits_KZYX):
    best = logits_KZYX.max(0).values
    chosen = logits_KZYX.gather(0, torch.from_numpy(labels.astype(np.int64))[None])[0]
    torch.testing.assert_close(chosen, best, atol=1e-4, rtol=0)
    assert (labels == logits_KZYX.argmax(0).numpy()).mean() > 0.999


@pytest.mark.parametrize(
    ("shape", "patch", "overlap"),
    [
        ((8, 8, 8), (8, 8, 8), 0.5),
        ((19, 13, 11), (8, 8, 8), 0.5),
        ((9, 30, 12), (8, 8, 8), 0.25),
        ((9, 12, 30), (8, 8, 8), 0.5),
        ((17, 16, 15), (4, 8, 6), 0.7),
        ((20, 20, 20), (8, 8, 8), 0.0),
        ((5, 20, 7), (8, 8, 8), 0.5),
        ((3, 4, 5), (8, 8, 8), 0.5),
    ],
)
def test_it_equals_monai_and_argmax(shape, patch, overlap):
    made = network()

    labels, _ = answer(made, image(shape), patch, overlap=overlap)

    assert labels.shape == shape
    assert_same_but_for_ties(labels, reference(made, image(shape), patch, overlap))


def expected_dice(logits_KZYX):
    """Return the expected Dice of each class, from the logits of the whole image at once."""
    probabilities, labels = logits_KZYX.softmax(0).double(), logits_KZYX.argmax(0)
    is_label = torch.stack([labels == label for label in range(len(logits_KZYX))])
    return 2 * (probabilities * is_label).sum((1, 2, 3)) / (probabilities + is_label).sum((1, 2, 3))


@pytest.mark.parametrize(
    ("shape", "patch", "overlap"),
    [((19, 13, 11), (8, 8, 8), 0.5), ((9, 12, 30), (8, 8, 8), 0.25), ((3, 20, 5), (8, 8, 8), 0.5)],
)
def test_the_uncertainty_is_that_of_the_whole_image_without_what_was_added_at_its_border(shape, patch, overlap):
    made = network()

    found, _ = segmented(made, image(shape), patch, overlap=overlap)

    dice = expected_dice(reference(made, image(shape), patch, overlap))
    assert found.uncertainty == pytest.approx(1 - float(dice[1:].mean()), abs=1e-4)


def test_the_uncertainty_of_equal_logits_is_known():
    class Undecided(torch.nn.Module):
        dimensions = 3

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([0.0, 1.0]))

        def forward(self, image_BCZYX):
            logits = self.weight.reshape(1, 2, 1, 1, 1).expand(len(image_BCZYX), 2, *image_BCZYX.shape[2:])
            return Output((), segmentation=logits)

    found, _ = segmented(Undecided(), torch.zeros(1, 5, 20, 20), (8, 8, 8))

    probability = float(np.e / (1 + np.e))  # everywhere, and everywhere the label is 1
    assert found.uncertainty == pytest.approx(1 - 2 * probability / (probability + 1), abs=1e-6)


@pytest.mark.parametrize("shape", [(7, 20, 14), (1, 30, 12), (3, 5, 20)])
def test_a_network_of_planes_answers_plane_by_plane(shape):
    made = network(dimensions=2)

    labels, _ = answer(made, image(shape), (1, 8, 8))

    assert_same_but_for_ties(labels, reference(made, image(shape), (1, 8, 8)))


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_how_many_windows_are_asked_at_once_does_not_change_the_answer(batch_size, monkeypatch):
    made = network()
    usual = answer(made, image((12, 20, 9)), (8, 8, 8))[0]
    monkeypatch.setattr("napari_medkd.engine.sliding_window.WINDOWS_AT_ONCE", batch_size)

    assert np.array_equal(answer(made, image((12, 20, 9)), (8, 8, 8))[0], usual)


@pytest.mark.parametrize(
    ("shape", "patch"), [((9, 12, 30), (8, 8, 8)), ((30, 9, 7), (8, 8, 8)), ((5, 20, 7), (8, 8, 8))]
)
def test_logits_are_kept_where_they_are_wanted(shape, patch):
    made = network()

    found, _ = segmented(made, image(shape), patch, keeps_logits=True)

    np.testing.assert_allclose(found.logits, reference(made, image(shape), patch).numpy(), atol=5e-3)
    assert segmented(made, image(shape), patch)[0].logits is None


def test_the_fractions_rise_to_one(monkeypatch):
    monkeypatch.setattr("napari_medkd.engine.sliding_window.WINDOWS_AT_ONCE", 1)

    _, fractions = answer(network(), image((20, 8, 8)), (8, 8, 8))

    assert fractions == [0.25, 0.5, 0.75, 1.0]


def test_more_classes_than_a_byte_holds_are_refused():
    with pytest.raises(ValueError, match="300 classes; a mask of bytes holds at most 256"):
        answer(network(num_classes=300), image((8, 8, 8)), (8, 8, 8))


def test_between_two_batches_the_consumer_s_gradients_are_on_and_the_network_is_as_it_was():
    made = network().train()
    windows = sliding_window(made, image((40, 8, 8)), (8, 8, 8), autocast=nullcontext)

    next(windows)

    assert torch.is_grad_enabled()
    assert made.training


def test_the_network_runs_within_the_context_it_is_given():
    class Remembering(UNet):
        def forward(self, image_BCZYX: torch.Tensor) -> Output:
            output = super().forward(image_BCZYX)
            self.kind = output.logits.dtype
            return output

    made = Remembering(dimensions=3, in_channels=2, answers=HeadsShape(num_classes=3), widths=(4, 6))

    windows = sliding_window(made, image((8, 8, 8)), (8, 8, 8), autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    next(windows)

    assert made.kind == torch.bfloat16


def test_only_a_slab_of_sums_is_kept():
    class Constant(torch.nn.Module):
        dimensions = 3

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.arange(20.0))

        def forward(self, image_BCZYX):
            logits = self.weight.reshape(1, -1, 1, 1, 1).expand(len(image_BCZYX), -1, *image_BCZYX.shape[2:])
            return Output((), segmentation=logits)

    largest = 0
    windows = sliding_window(Constant(), torch.zeros(1, 400, 16, 16), (8, 8, 8), autocast=nullcontext)
    for _ in windows:
        frame = windows.gi_frame
        largest = max(largest, frame.f_locals["slab"]._sums_KZYX.nbytes)

    assert largest == 20 * 8 * 16 * 16 * 4


def test_an_overlap_of_one_is_refused():
    with pytest.raises(ValueError, match="below 1"):
        answer(network(), image((8, 8, 8)), (8, 8, 8), overlap=1.0)
