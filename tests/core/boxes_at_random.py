"""Images with boxes at random, some of them near true ones, with scores that are all different."""

import numpy as np

from napari_medkd.core.box_measures import ImageBoxes

SIDE = 100.0


def boxes(random: np.random.Generator, number: int, *, flat: bool) -> np.ndarray:
    """Return boxes (number, 6) anywhere in a square or cube."""
    low = random.uniform(0, 0.8 * SIDE, (number, 3))
    high = low + random.uniform(5, 25, (number, 3))
    if flat:
        low[:, 0], high[:, 0] = 0, 1
    return np.concatenate([low, high], axis=1)


def moved(random: np.random.Generator, corners: np.ndarray, *, flat: bool) -> np.ndarray:
    """Return the boxes with each corner a little elsewhere."""
    size = corners[:, 3:] - corners[:, :3]
    change = random.normal(0, 0.08, corners.shape) * np.concatenate([size, size], axis=1)
    if flat:
        change[:, [0, 3]] = 0
    return corners + change


def images(
    seed: int, *, num_images: int = 12, num_true: int = 8, num_more: int = 15, num_classes: int = 3, flat: bool = True
) -> list[ImageBoxes]:
    """Return images with up to ``num_true`` true boxes each, most found twice, and ``num_more`` that are nowhere."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(num_images):
        true_corners = boxes(random, int(random.integers(0, num_true + 1)), flat=flat)
        true_classes = random.integers(0, num_classes, len(true_corners))
        near = [moved(random, true_corners, flat=flat) for _ in range(2)]
        wild = boxes(random, num_more, flat=flat)
        classes = np.concatenate([true_classes, true_classes, random.integers(0, num_classes, num_more)])
        is_confused = random.random(len(classes)) < 0.1
        classes[is_confused] = random.integers(0, num_classes, is_confused.sum())
        scores = random.random(len(classes)) + np.repeat([0.3, 0.2, 0.0], [*[len(true_corners)] * 2, num_more])
        made.append(ImageBoxes(np.concatenate([*near, wild]), scores / 1.3, classes, true_corners, true_classes))
    return made
