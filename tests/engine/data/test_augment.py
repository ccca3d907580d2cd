import pytest
import torch

from napari_medkd.engine.data.augment import augment
from napari_medkd.engine.data.augmentation import NONE, PAPER, STRONG, Augmentation, augmentation_named

pytestmark = pytest.mark.engine


def batch(shape=(3, 8, 12, 10)):
    generator = torch.Generator().manual_seed(5)
    return torch.rand((shape[0], 2, *shape[1:]), generator=generator), torch.randint(0, 4, shape, generator=generator)


def changed(shape=(3, 8, 12, 10), augmentation=STRONG, seed=0, **more):
    images, labels = batch(shape)
    spacing = (1.0,) * (len(shape) - 1)
    return augment(images, labels, augmentation, spacing, torch.Generator().manual_seed(seed), **more)[:2]


def test_nothing_to_do_returns_the_inputs_themselves():
    images, labels = batch()

    found = augment(images, labels, NONE, (1.0, 1.0, 1.0), torch.Generator())

    assert found[0] is images
    assert found[1] is labels


def test_nothing_to_do_on_a_smaller_output_returns_the_middle():
    images, labels = batch()

    found, found_labels, _ = augment(images, labels, NONE, (1.0, 1.0, 1.0), torch.Generator(), output_shape=(4, 12, 8))

    assert torch.equal(found, images[:, :, 2:6, :, 1:9])
    assert torch.equal(found_labels, labels[:, 2:6, :, 1:9])


@pytest.mark.parametrize("preset", [PAPER, STRONG])
@pytest.mark.parametrize("shape", [(3, 12, 10), (3, 8, 12, 10)])
def test_one_seed_gives_one_result_and_another_seed_another(shape, preset):
    first, second, other = (changed(shape, preset, seed) for seed in (0, 0, 1))

    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], other[0])


def test_a_sample_does_not_depend_on_its_neighbours():
    images, labels = batch()

    together = augment(images, labels, STRONG, (1.0, 1.0, 1.0), torch.Generator().manual_seed(0))
    alone = augment(images[:1], labels[:1], STRONG, (1.0, 1.0, 1.0), torch.Generator().manual_seed(0))

    torch.testing.assert_close(together[0][:1], alone[0])
    assert torch.equal(together[1][:1], alone[1])


def test_a_larger_patch_fills_the_corners_of_a_turned_smaller_one():
    images = torch.zeros(4, 1, 30, 30)
    images[:, :, 4:26, 4:26] = torch.rand(4, 1, 22, 22) + 1
    labels = torch.arange(30 * 30).reshape(1, 30, 30).expand(4, 30, 30)
    turned = Augmentation(rotation_degrees=180.0)

    found, found_labels, _ = augment(images, labels, turned, (1.0, 1.0), torch.Generator(), output_shape=(14, 14))

    assert found.shape == (4, 1, 14, 14)
    assert found.min() > 0.9
    assert all(len(one.unique()) > 120 for one in found_labels)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64])
def test_types_stay(kind):
    images, labels = batch()

    found, found_labels, _ = augment(images, labels.to(kind), STRONG, (1.0, 1.0, 1.0), torch.Generator())

    assert found.dtype == images.dtype
    assert found_labels.dtype == kind


def test_the_inputs_are_left_alone():
    images, labels = batch()

    augment(images, labels, STRONG, (1.0, 1.0, 1.0), torch.Generator())

    assert torch.equal(images, batch()[0])
    assert torch.equal(labels, batch()[1])


def test_presets_go_by_name_and_an_unknown_one_is_answered_with_the_nearest():
    assert augmentation_named("none").is_nothing
    assert augmentation_named("paper") == PAPER
    assert augmentation_named("strong").changes_intensity
    with pytest.raises(ValueError, match="Did you mean 'strong'"):
        augmentation_named("stronk")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"output_shape": (9, 12, 10)}, "cut a larger one first"),
        ({"output_shape": (8, 12)}, "as many numbers"),
    ],
)
def test_an_output_that_cannot_be_filled_is_refused(more, message):
    with pytest.raises(ValueError, match=message):
        changed(**more)


def test_labels_of_another_shape_are_refused():
    images, labels = batch()

    with pytest.raises(ValueError, match=r"need labels \(3, 8, 12, 10\), not \(3, 8, 12, 9\)"):
        augment(images, labels[..., :9], STRONG, (1.0, 1.0, 1.0), torch.Generator())


@pytest.mark.parametrize(
    "change",
    [
        {"rotation_degrees": 5.0},
        {"zoom": (0.9, 1.1)},
        {"noise": 0.1},
        {"gamma": (0.5, 1.0)},
        {"inversion_chance": 0.5, "chance": 0.0},
    ],
)
def test_any_strength_is_something(change):
    assert not Augmentation(**change).is_nothing


def test_strengths_that_have_no_chance_are_nothing():
    assert Augmentation(noise=0.1, chance=0.0).is_nothing
