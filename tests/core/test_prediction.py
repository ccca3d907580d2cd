import numpy as np
import pytest

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Attention, Prediction
from napari_medkd.core.task import Task

GRADE = Task("grade", "classification", ("benign", "malignant"))
GRID = Grid.upright((2, 3, 4))


def predicted(attention: Attention) -> Prediction:
    return Prediction("case", GRADE, GRID, "run", "student.done", attention=attention)


def test_attention_for_a_class_of_the_task_on_the_images_grid_is_taken():
    assert predicted(Attention("malignant", np.ones((2, 3, 4), np.float32))).attention is not None


@pytest.mark.parametrize("values", [1.5, -0.1, np.nan])
def test_attention_is_between_0_and_1(values):
    with pytest.raises(VolumeProblem, match="expected 0 to 1"):
        Attention("malignant", np.full((2, 3, 4), values, np.float32))


def test_attention_without_an_axis_for_planes_is_refused():
    with pytest.raises(VolumeProblem, match="2 axes"):
        Attention("malignant", np.zeros((3, 4), np.float32))


@pytest.mark.parametrize(("name", "shape"), [("cyst", (2, 3, 4)), ("benign", (2, 3, 5))])
def test_attention_for_an_unknown_class_or_of_another_shape_is_refused(name, shape):
    with pytest.raises(VolumeProblem, match=r"expected one of benign, malignant, of the image's shape \(2, 3, 4\)"):
        predicted(Attention(name, np.zeros(shape, np.float32)))
