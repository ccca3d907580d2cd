"""Class-mean images (invariant 1)."""

import pytest
import torch

from napari_medkd.engine.data.class_means import class_mean_image, mean_intensities

pytestmark = pytest.mark.engine


@pytest.fixture
def sample() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(2, 2, 6, 8, 8, generator=generator)
    label = torch.randint(0, 3, (2, 6, 8, 8), generator=generator)
    return image, label


def test_a_voxel_takes_the_mean_of_its_class():
    image = torch.tensor([[[[1.0, 3.0], [10.0, 20.0]]]])
    label = torch.tensor([[[0, 0], [1, 1]]])

    assert class_mean_image(image, label, 2).tolist() == [[[[2.0, 2.0], [15.0, 15.0]]]]


def test_there_are_as_many_values_as_classes_per_channel(sample):
    image, label = sample

    means = class_mean_image(image, label, 3)

    for one in means.flatten(0, 1):
        assert len(one.unique()) == 3


def test_a_class_mean_image_is_a_fixed_point(sample):
    image, label = sample

    once = class_mean_image(image, label, 3)

    assert torch.equal(class_mean_image(once, label, 3), once)


def test_class_means_are_kept(sample):
    image, label = sample

    before, _ = mean_intensities(image.flatten(2), label.flatten(1), 3)
    after, _ = mean_intensities(class_mean_image(image, label, 3).flatten(2), label.flatten(1), 3)

    torch.testing.assert_close(after, before)


def test_without_a_label_it_raises(sample):
    with pytest.raises(ValueError, match="needs a label"):
        class_mean_image(sample[0], None, 3)


def test_a_class_with_few_voxels_takes_the_mean_of_the_training_set():
    image = torch.rand(1, 1, 8, 8)
    label = torch.zeros(1, 8, 8, dtype=torch.long)
    label[0, 0, :9] = 1  # eight voxels: fewer than ten

    means = class_mean_image(image, label, 2, fallback_CK=torch.tensor([[0.25, 0.75]]))

    assert means[0, 0, 0, 0] == 0.75
    assert means[0, 0, 4, 4] == pytest.approx(float(image[label[:, None] == 0].mean()))


def test_unlabelled_voxels_do_not_count():
    image = torch.tensor([[[[1.0, 100.0]]]])
    label = torch.tensor([[[0, -1]]])

    assert class_mean_image(image, label, 1).tolist() == [[[[1.0, 1.0]]]]
