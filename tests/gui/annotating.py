"""A case on the canvas, to be painted on, and a presenter that looks after it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Dataset
from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.gui.annotation import NEW_TASK, Annotation, task_to_paint
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.presenters.annotate import AnnotatePresenter
from napari_medkd.gui.shown_case import ShownCase
from napari_medkd.gui.state import AnnotateState, Session
from napari_medkd.gui.widgets.annotate_page import AnnotatePage
from napari_medkd.gui.widgets.data_dock import DataDock
from tests.gui.presenting import at_once


def unpainted(tiny_dataset: Path, folder: Path) -> Dataset:
    """Return the tiny dataset without any task or label, to be written into a folder."""
    dataset = open_dataset(tiny_dataset)
    cases = tuple(replace(case, annotations={}) for case in dataset.cases)
    return replace(dataset, tasks={}, cases=cases, split=replace(dataset.split, train=()), folder=folder)


def annotation_on(viewer: Any, dataset: Dataset, name: str = "case_0", task: Any = NEW_TASK) -> Annotation:
    """Show a case, and begin to paint on it."""
    case = dataset.case(name)
    layers = ShownCase(viewer).show(case_layers(dataset, case))
    return Annotation(viewer, dataset, case, task, layers[0])


def paint(annotation: Annotation, z: int, value: int = 1, low: int = 5, high: int = 12) -> None:
    """Paint a square on a slice, as one stroke."""
    annotation.layer.data[z, low:high, low:high] = value
    annotation.layer.refresh()


def draft_on(viewer: Any, dataset: Dataset, start: Mask, name: str = "case_0") -> Annotation:
    """Show a case, and begin to correct a mask on it."""
    case = dataset.case(name)
    layers = ShownCase(viewer).show(case_layers(dataset, case))
    return Annotation(viewer, dataset, case, task_to_paint(dataset, start=start), layers[0], start)


def begun(annotation: Annotation, in_background: Any = at_once) -> tuple[AnnotatePresenter, AnnotateState, Session]:
    """Have a presenter look after a mask, with its state and a session that has the mask's dataset open."""
    state, session = AnnotateState(), Session(dataset=annotation.dataset)
    presenter = AnnotatePresenter(session, state, in_background)
    presenter.begin(annotation)
    return presenter, state, session


def drawn_by_a_student(tiny_dataset: Path, name: str = "case_0") -> Mask:
    """Return a mask of a ball's and a cube's classes as a network might draw it on a case of the tiny dataset."""
    dataset = open_dataset(tiny_dataset)
    truth = read_mask(tiny_dataset / "labels" / f"{name}.nii.gz", dataset.task("shapes"))
    return replace(truth, labels=np.roll(truth.labels, 1, axis=2))


def data_dock_on(viewer: Any, dataset: Dataset, qtbot: Any) -> DataDock:
    """Return a Data dock in the viewer's window that has opened a dataset, which is written first."""
    dataset.folder.mkdir(exist_ok=True)
    write_dataset(dataset, dataset.folder)
    dock = DataDock(viewer)
    viewer.window.add_dock_widget(dock, name="Data")
    dock.settle()
    dock.open_path(dataset.folder)
    qtbot.waitUntil(lambda: bool(dock.state.rows) and not dock.state.is_checking, timeout=20_000)
    return dock


def annotate(dock: DataDock, qtbot: Any, name: str) -> AnnotatePage:
    """Begin to paint on a case as a person does, and return the page."""
    dock.cases.table.select(name)
    qtbot.mouseClick(dock.cases.annotate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.painted_case == name, timeout=20_000)
    return dock.annotating
