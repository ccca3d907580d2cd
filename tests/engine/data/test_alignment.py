import numpy as np
import pytest
from scipy import ndimage

from napari_medkd.engine.data import alignment
from napari_medkd.engine.data.alignment import align

pytestmark = pytest.mark.engine


def anatomy(shape, seed=0):
    random = np.random.default_rng(seed)
    return ndimage.gaussian_filter(random.normal(size=shape), 3).astype(np.float32)


def moved(image, matrix, shift):
    centre = (np.array(image.shape) - 1) / 2
    return ndimage.affine_transform(image, matrix, centre + shift - matrix @ centre, order=1, mode="nearest")


@pytest.mark.parametrize("shape", [(1, 48, 56), (30, 36, 40)], ids=["planes", "volumes"])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 0.5)])
def test_a_known_affine_map_is_found(shape, spacing):
    moving = anatomy(shape)
    flat = shape[0] == 1
    matrix = np.diag([1.0, 1.05, 0.95])
    matrix[1, 2] = 0.05
    shift = np.array([0.0, 1.5, -2.0])
    fixed = moved(moving, matrix, shift)

    found = align(moving[None], fixed[None], spacing)

    centre = (np.array(shape) - 1) / 2
    expected = np.column_stack([matrix, centre + shift - matrix @ centre])[flat:, flat:]
    corners = np.array([[0.25 * size, 0.75 * size] for size in shape])[flat:]
    for point in np.stack(np.meshgrid(*corners), -1).reshape(-1, len(corners)):
        where = [m[:, :-1] @ point + m[:, -1] for m in (found, expected)]
        assert np.abs(where[0] - where[1]).max() < 1.0


@pytest.mark.parametrize("shape", [(1, 90, 101), (45, 50, 55)], ids=["planes", "volumes"])
def test_of_large_images_coarser_copies_are_aligned_and_lead_to_the_same_voxels(shape, monkeypatch):
    spacing, shift = (2.0, 1.0, 1.0), np.array([0.0, 3.0, -4.0])
    moving = anatomy(shape)
    fixed = moved(moving, np.diag([1.0, 1.05, 0.95]), shift)
    as_they_are = align(moving[None], fixed[None], spacing)
    monkeypatch.setattr(alignment, "MOST_VOXELS", moving.size // 4)

    found = align(moving[None], fixed[None], spacing)

    assert not np.array_equal(found, as_they_are)
    for where in (0.25, 0.5, 0.75):
        point = where * np.array(shape[-len(found) :])
        apart = (found - as_they_are) @ [*point, 1]
        assert np.abs(apart).max() < 0.5


def test_the_same_images_give_the_same_answer():
    moving, fixed = anatomy((20, 24, 28)), anatomy((20, 24, 28), 1)

    first, second = (align(moving[None], fixed[None], (1.0, 1.0, 1.0)) for _ in range(2))

    assert np.array_equal(first, second)


def test_another_contrast_does_not_matter():
    image = anatomy((24, 28, 32))

    found = align(image[None], 1 - image[None], (1.0, 1.0, 1.0))

    assert found[:, :3] == pytest.approx(np.eye(3), abs=0.05)
    assert found[:, 3] == pytest.approx([0, 0, 0], abs=0.5)


@pytest.mark.parametrize("planes", [2, 3])
def test_volumes_of_few_planes_are_aligned_within_them(planes):
    plane = anatomy((1, 40, 40))
    moving = plane.repeat(planes, 0)
    fixed = moved(moving, np.eye(3), np.array([0.0, 1.5, -2.0]))

    found = align(moving[None], fixed[None], (5.0, 1.0, 1.0))

    middle = [(planes - 1) / 2, 19.5, 19.5]
    assert found[:, :3] @ middle + found[:, 3] == pytest.approx([middle[0], 21, 17.5], abs=0.5)


@pytest.mark.parametrize("planes", [3, 6])
def test_large_volumes_of_few_planes_keep_them(planes, monkeypatch):
    moving = anatomy((1, 80, 80)).repeat(planes, 0)
    fixed = moved(moving, np.eye(3), np.array([0.0, 3.0, -4.0]))
    monkeypatch.setattr(alignment, "MOST_VOXELS", moving.size // 4)

    found = align(moving[None], fixed[None], (1.0, 1.0, 1.0))

    middle = [(planes - 1) / 2, 39.5, 39.5]
    assert found[:, :3] @ middle + found[:, 3] == pytest.approx([middle[0], 42.5, 35.5], abs=0.5)


@pytest.mark.parametrize("planes", [(3, 12), (12, 3)])
def test_few_planes_are_aligned_with_many(planes):
    moving, fixed = (anatomy((1, 40, 40)).repeat(number, 0) for number in planes)

    found = align(moving[None], fixed[None], (5.0, 1.0, 1.0))

    middle = [np.array([(number - 1) / 2, 19.5, 19.5]) for number in planes]
    assert found[:, :3] @ middle[1] + found[:, 3] == pytest.approx(middle[0], abs=0.5)


@pytest.mark.parametrize("empty", ["moving", "fixed", "both"])
@pytest.mark.parametrize("shape", [(1, 40, 40), (20, 24, 28)], ids=["planes", "volumes"])
def test_where_an_image_is_empty_the_centres_are_aligned(shape, empty):
    moving, fixed = anatomy(shape), anatomy(tuple(max(1, size - 4) if size > 1 else 1 for size in shape))
    if empty != "fixed":
        moving[:] = 0.3
    if empty != "moving":
        fixed[:] = 0.3

    found = align(moving[None], fixed[None], (2.0, 1.0, 1.0))

    dimensions = len(found)
    assert found[:, :dimensions] == pytest.approx(np.eye(dimensions), abs=1e-5)
    assert found[:, dimensions] == pytest.approx([2.0] * dimensions, abs=1e-5)


def test_where_a_large_image_is_empty_the_centres_are_aligned(monkeypatch):
    monkeypatch.setattr(alignment, "MOST_VOXELS", 1000)

    found = align(anatomy((21, 23, 27))[None], np.zeros((1, 20, 24, 28), np.float32), (1.0, 1.0, 1.0))

    assert found == pytest.approx(np.eye(3, 4) + np.array([[0.5], [-0.5], [-0.5]]) * (np.arange(4) == 3), abs=1e-5)


def test_where_next_to_nothing_is_shown_the_centres_are_aligned():
    moving = anatomy((20, 24, 28))
    fixed = np.ones_like(moving)
    fixed[3] = np.nextafter(np.float32(1), np.float32(2))

    found = align(moving[None], fixed[None], (1.0, 1.0, 1.0))

    assert found == pytest.approx(np.eye(3, 4), abs=1e-5)
