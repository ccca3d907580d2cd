import pytest
import torch

from napari_medkd.engine.data.augment_space import sample, sampling_grid
from napari_medkd.engine.data.augmentation import NONE, STRONG, Augmentation

pytestmark = pytest.mark.engine


def generators(count=2, seed=0):
    return [torch.Generator().manual_seed(seed + index) for index in range(count)]


def moved(augmentation, labels, spacing=None, seed=0):
    """Labels after a random change of space, and the same through the images' path."""
    shape = tuple(labels.shape[1:])
    grid = sampling_grid(augmentation, generators(len(labels), seed), spacing or (1.0,) * len(shape), shape, shape)
    images, found = sample(labels.unsqueeze(1).float(), labels, grid)
    return found, images.squeeze(1)


def ball(shape, spacing, radius):
    axes = [(torch.arange(size) - (size - 1) / 2) * voxel for size, voxel in zip(shape, spacing, strict=True)]
    return (sum(axis.square() for axis in torch.meshgrid(*axes, indexing="ij")) <= radius**2).long()[None]


def dice(one, other):
    return float(2 * (one * other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("shape", [(6, 9), (5, 6, 9), (1, 6, 9)])
def test_without_strength_the_grid_is_the_identity(shape):
    labels = torch.randint(0, 5, (2, *shape))

    found, images = moved(NONE, labels)

    assert torch.equal(found, labels)
    torch.testing.assert_close(images, labels.float(), atol=1e-4, rtol=0)


def test_a_turn_of_thick_slices_is_a_turn_in_millimetres():
    spacing = (3.0, 1.0, 1.0)
    labels = ball((13, 39, 39), spacing, 13.0)

    turned, _ = moved(Augmentation(tilt_degrees=90.0), labels, spacing)
    careless, _ = moved(Augmentation(tilt_degrees=90.0), labels, (1.0, 1.0, 1.0))

    assert dice(turned, labels) > 0.93
    assert dice(careless, labels) < 0.9


def test_a_rotation_stays_within_the_planes():
    labels = torch.arange(5)[None, :, None, None].expand(2, 5, 9, 9).contiguous()

    assert torch.equal(moved(Augmentation(rotation_degrees=180.0), labels)[0], labels)
    assert not torch.equal(moved(Augmentation(tilt_degrees=30.0), labels)[0], labels)


def test_a_shift_is_at_most_the_fraction_asked_for():
    labels = torch.zeros(16, 20, 40, dtype=torch.long)
    labels[:, 10, 20] = 1
    grid = sampling_grid(Augmentation(translation=0.1), generators(16), (2.0, 1.0), (20, 40), (20, 40))
    identity = sampling_grid(NONE, generators(16), (2.0, 1.0), (20, 40), (20, 40))

    shift_voxels = (grid - identity)[:, 0, 0] / 2 * torch.tensor([40, 20])

    assert (shift_voxels.abs() <= torch.tensor([4.0, 2.0]) + 1e-4).all()
    assert shift_voxels.abs().amax(0).gt(torch.tensor([2.0, 1.0])).all()


def test_zoom_changes_the_volume_by_its_cube_within_the_limits():
    labels = ball((24, 24, 24), (1, 1, 1), 6.0).expand(8, -1, -1, -1)

    found, _ = moved(Augmentation(zoom=(0.8, 1.25)), labels)

    ratios = found.sum((1, 2, 3)) / labels.sum((1, 2, 3))
    assert ratios.min() > 0.8**3 - 0.05
    assert ratios.max() < 1.25**3 + 0.1
    assert ratios.max() / ratios.min() > 1.3


@pytest.mark.parametrize("dimensions", [2, 3])
def test_images_and_labels_move_together(dimensions):
    shape = (24, 28, 32)[:dimensions]
    labels = ball(shape, (1.0,) * dimensions, 8.0).expand(4, *shape)

    found, images = moved(STRONG, labels)

    assert all(dice(one, (other > 0.5).long()) > 0.97 for one, other in zip(found, images, strict=True))
    assert all(0.3 < dice(one, other) < 0.99 for one, other in zip(found, labels, strict=True))


@pytest.mark.parametrize("shape", [(32, 40), (16, 32, 40)])
def test_the_strongest_elastic_change_that_is_allowed_neither_folds_nor_tears(shape):
    strong = Augmentation(elastic=0.3)
    grid = sampling_grid(strong, generators(20), (1.0,) * len(shape), shape, shape)

    steps = [torch.diff(grid, dim=1 + axis) for axis in range(len(shape))]
    corner = tuple(slice(0, size - 1) for size in shape)
    jacobian = torch.stack([step[:, *corner] for step in steps], dim=-1).flip(-2)
    determinant = torch.linalg.det(jacobian) * torch.tensor(shape).prod() / 2 ** len(shape)

    assert determinant.min() > 0
    assert determinant.std() > 0.05


def test_labels_keep_their_type_and_values():
    labels = torch.randint(-1, 200, (2, 6, 7))

    assert moved(STRONG, labels)[0].dtype == torch.int64
    assert set(moved(STRONG, labels)[0].unique().tolist()) <= set(labels.unique().tolist())
    assert moved(STRONG, labels.clamp(min=0).to(torch.uint8))[0].dtype == torch.uint8


def test_outside_the_patch_the_border_goes_on():
    labels = torch.ones(4, 9, 9, dtype=torch.long)

    assert moved(Augmentation(translation=0.5, rotation_degrees=180.0), labels)[0].eq(1).all()
