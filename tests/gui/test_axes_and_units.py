"""No layer of ours lacks axis labels or a unit: one without would switch off mm for all layers of the viewer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Prediction, ScoredBoxes
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.results import write_prediction
from napari_medkd.files.sample import write_sample
from napari_medkd.gui.annotation import Annotation
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.comparison import Comparison
from napari_medkd.gui.overlays import prediction_layers
from napari_medkd.gui.panels import Panel
from napari_medkd.gui.reader import get_reader
from napari_medkd.gui.samples import ct_like, t1_like

IN_MM = (("millimeter",) * 3, ("inferior", "posterior", "left"))


def said_by(layer: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(str(unit) for unit in layer.units), tuple(layer.axis_labels)


def layers_of(data: list[Any]) -> list[Any]:
    return [Layer.create(*one) for one in data]


@pytest.mark.parametrize("sample", [t1_like, ct_like])
def test_samples(sample: Any) -> None:
    layers = layers_of(sample())

    assert {layer.__class__.__name__ for layer in layers} >= {"Image", "Labels", "Shapes", "Vectors"}
    assert {said_by(layer) for layer in layers} == {IN_MM}


def test_every_case_of_a_dataset_with_masks_and_boxes(tmp_path: Path) -> None:
    dataset = open_dataset(write_sample(tmp_path, cases_per_domain=2))

    layers = [layer for case in dataset.cases for layer in layers_of(case_layers(dataset, case))]

    assert {said_by(layer) for layer in layers} == {IN_MM}


def test_predictions_of_masks_and_boxes(tmp_path: Path) -> None:
    grid = Grid.upright((4, 5, 6), (2.0, 1.0, 1.0))
    organs, lesions = Task("organs", "segmentation", ("background", "liver")), Task("lesions", "detection", ("cyst",))
    boxes = ScoredBoxes(Boxes(np.array([[0, 0, 0, 2, 2, 2.0]]), ("cyst",), grid, lesions), np.array([0.9]))
    answers = (
        Prediction("patient", organs, grid, "run", "student.done", Mask(np.ones(grid.shape, np.uint8), grid, organs)),
        Prediction("patient", lesions, grid, "run", "student.done", boxes=boxes),
    )

    layers = [layer for answer in answers for layer in layers_of(prediction_layers(answer, "answer"))]
    folder = write_prediction(answers[0], tmp_path)
    reader = get_reader(str(folder))
    assert reader is not None
    layers += layers_of(reader(str(folder)))

    assert {said_by(layer) for layer in layers} == {IN_MM}


@pytest.mark.gui
def test_what_is_painted_and_what_stands_side_by_side(make_napari_viewer: Any, tiny_dataset: Path) -> None:
    viewer = make_napari_viewer()
    dataset = open_dataset(tiny_dataset)
    image, mask = layers_of(case_layers(dataset, dataset.cases[0]))
    viewer.add_layer(image)
    task = next(iter(dataset.tasks.values()))
    Annotation(viewer, dataset, dataset.cases[0], task, image.unique_id)

    Comparison(viewer).show(image, [Panel(title, mask.data, task) for title in ("teacher", "student")])

    assert len(viewer.layers) >= 6
    assert {said_by(layer) for layer in viewer.layers} == {IN_MM}
