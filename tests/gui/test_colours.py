from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_medkd.core.task import Task
from napari_medkd.gui.colours import ONLY_FIRST, ONLY_SECOND, OTHER_CLASS, colours_of_labels, hex_of, rgba_of

#: How a colour in linear light looks without the cones for long or for medium wavelengths (Machado et al. 2009).
_PROTANOPIA = np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]])
_DEUTERANOPIA = np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]])
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def _lab(colour: str, eye: NDArray[np.float64]) -> NDArray[np.float64]:
    coded = np.array(rgba_of(colour)[:3])
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    xyz = _TO_XYZ @ np.clip(eye @ light, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", [np.eye(3), _PROTANOPIA, _DEUTERANOPIA], ids=["normal", "protanopia", "deuteranopia"])
def test_the_first_seven_classes_are_told_apart_by_every_eye(eye: NDArray[np.float64]) -> None:
    colours = [hex_of(label) for label in range(1, 8)]

    nearest = min(np.linalg.norm(_lab(one, eye) - _lab(other, eye)) for one, other in combinations(colours, 2))

    assert nearest > 10


@pytest.mark.parametrize("eye", [np.eye(3), _PROTANOPIA, _DEUTERANOPIA], ids=["normal", "protanopia", "deuteranopia"])
def test_the_three_marks_of_a_difference_are_far_apart_for_every_eye(eye: NDArray[np.float64]) -> None:
    marks = (ONLY_FIRST, ONLY_SECOND, OTHER_CLASS)

    nearest = min(np.linalg.norm(_lab(one, eye) - _lab(other, eye)) for one, other in combinations(marks, 2))

    assert nearest > 40


def test_a_hundred_classes_all_have_colours_of_their_own() -> None:
    colours = {hex_of(label) for label in range(1, 118)}

    assert len(colours) == 117
    assert all(len(colour) == 7 for colour in colours)


def test_the_background_is_not_drawn_and_a_stray_label_is() -> None:
    table = colours_of_labels(Task("organs", "segmentation", ("background", "liver", "spleen")))

    assert table[0][3] == 0
    assert table[None][3] == 1
    assert set(table) == {None, 0, 1, 2}
