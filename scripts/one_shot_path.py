"""A person's path from a folder of images to a model, with one painted reference.

    python scripts/one_shot_path.py [--out one-shot] [--images FOLDER --truth FOLDER] [--epochs 4]

Opens the folder in a real napari window, lets a reference be suggested, paints it with the mouse, trains from it, asks
the student about every case, corrects the least certain one, and goes on from there with two references. Each step
leaves a picture. What the person sees in an image is taken from the folder of true masks; nothing else reads it, until
the last lines compare the students' masks with it.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from window import Window

#: Of so many slices one is painted; those between are interpolated.
PAINTED = 3

#: Slices of an answer that are corrected: those with the most wrong voxels.
CORRECTED = 6


def lines_of(mask_YX: NDArray[Any]) -> list[tuple[int, int, int]]:
    """Return the runs of a mask as (row, first, last)."""
    found = []
    for row in np.flatnonzero(mask_YX.any(axis=1)):
        columns = np.flatnonzero(mask_YX[row])
        for part in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            found.append((int(row), int(part[0]), int(part[-1])))
    return found


class Painter:
    """A person's hand: paints what the eye sees on the slice that is shown, line by line."""

    def __init__(self, window: Window, layer: Any) -> None:
        self._window = window
        self._layer = layer
        self._canvas = window.viewer.window._qt_viewer.canvas.native  # noqa: SLF001 - there is no public way to it
        layer.brush_size = 1

    def paint(self, z: int, seen_YX: NDArray[Any], *, besides_YX: NDArray[Any] | None = None) -> int:
        """Paint a slice so that it is what is seen; return the number of strokes.

        Parameters
        ----------
        besides_YX
            What stands there already.
        """
        viewer, strokes = self._window.viewer, 0
        viewer.dims.set_current_step(0, z)
        self._window.settle(0.05)
        there_YX = np.zeros_like(seen_YX) if besides_YX is None else besides_YX
        for label in np.unique(np.concatenate((seen_YX.ravel(), there_YX.ravel()))):
            wrong_YX = (seen_YX == label) & (there_YX != label)
            for line in lines_of(wrong_YX):
                self._choose(int(label))
                self._stroke(z, *line)
                strokes += 1
        return strokes

    def _choose(self, label: int) -> None:
        """Pick a class by its key; background is painted with the eraser."""
        from qtpy.QtTest import QTest

        if label and (int(self._layer.selected_label) != label or str(self._layer.mode) != "paint"):
            self._canvas.setFocus()
            QTest.keyClick(self._canvas, str(label))
        elif not label:
            self._layer.mode = "erase"

    def _stroke(self, z: int, row: int, first: int, last: int) -> None:
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        begin, end = (self._on_canvas(z, row, column) for column in (first, last))
        QTest.mousePress(self._canvas, Qt.MouseButton.LeftButton, pos=begin)
        QTest.mouseMove(self._canvas, end)  # napari paints the line between two places of the mouse
        self._window.settle(0.005)
        QTest.mouseRelease(self._canvas, Qt.MouseButton.LeftButton, pos=end)

    def _on_canvas(self, z: int, row: int, column: int) -> Any:
        """Return where a voxel stands on the canvas."""
        from qtpy.QtCore import QPoint

        from napari_medkd.gui.planes import camera_of

        camera = camera_of(self._window.viewer)
        world = np.array(self._layer.data_to_world((z, row, column)))[-2:]
        size = np.array((self._canvas.height(), self._canvas.width()))
        y, x = size / 2 + (world - np.array(camera.center)[-2:]) * camera.zoom
        return QPoint(round(float(x)), round(float(y)))


def scans_of_the_sample(out: Path) -> tuple[Path, Path]:
    """Write the sample, and return a folder with its T1-like images alone and the folder of their true masks."""
    from napari_medkd.files.sample import write_sample

    sample = write_sample(out / "sample", cases_per_domain=12).parent
    scans = out / "scans"
    scans.mkdir()
    for path in (sample / "images").glob("t1-like_*"):
        shutil.copy(path, scans / path.name)
    return scans, sample / "labels"


def truth_of(folder: Path, window: Window, case: str) -> Any:
    """Return the true mask of a case, (z, y, x) on its image's grid."""
    from napari_medkd.files.opening import read_mask, read_volume

    dataset = window.session.dataset
    grid = read_volume(dataset.case(case).images).grid
    paths = [path for path in folder.iterdir() if path.name.split(".")[0] == case]
    return read_mask(paths[0], classes_in(folder), grid=grid).labels


def classes_in(folder: Path) -> Any:
    """Return a task with as many classes as the true masks have."""
    import nibabel

    from napari_medkd.core.task import Task

    highest = max(int(np.asarray(nibabel.load(path).dataobj).max()) for path in sorted(folder.iterdir())[:8])
    return Task("structures", "segmentation", ("background", *(f"structure {n}" for n in range(1, highest + 1))))


def open_folder(window: Window, scans: Path) -> Any:
    """Type the folder's path into the Data dock, and have a reference suggested."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    dock = window.dock("Data")
    dock.path.setText(str(scans))
    QTest.keyClick(dock.path, Qt.Key.Key_Return)
    window.wait(lambda: dock.state.rows and not dock.state.is_checking, "the folder")
    window.shot("1-folder")
    window.click(dock.cases.suggest)
    window.wait(lambda: dock.state.suggestion and not dock.state.is_suggesting, "a suggestion")
    window.shot("2-suggested")
    return dock


def paint_reference(window: Window, dock: Any, truth: Path) -> str:
    """Paint every third slice of the suggested case, interpolate, and be done."""
    name: str = dock.state.suggestion[0]
    window.click(dock.cases.annotate)
    page = dock.annotating
    window.wait(lambda: page.presenter.annotation is not None, "the page to paint on")
    seen = truth_of(truth, window, name)
    for _ in range(len(classes_in(truth).classes) - 2):
        window.click(page.add)
    painter, strokes = Painter(window, page.presenter.annotation.layer), 0
    full = np.flatnonzero(seen.any(axis=(1, 2)))
    chosen = sorted({*full[::PAINTED].tolist(), int(full[-1])})
    for z in chosen:
        strokes += painter.paint(z, seen[z])
        if z == chosen[len(chosen) // 2]:
            window.shot("3-painting")
    window.wait(lambda: page.state.painted.num_empty > 0, "the hint about empty slices")
    window.click(page.interpolate)
    window.wait(lambda: page.state.painted.num_empty == 0, "the slices between")
    window.shot("4-painted")
    window.click(page.finish)
    window.wait(lambda: page.presenter.annotation is None, "the saved reference")
    print(f"  {name}: {strokes} strokes on {len(chosen)} of {len(full)} slices", flush=True)
    return name


def train(window: Window, epochs: int, start_from: Path | None) -> Path:
    """Press "Train from this reference", then Start, and watch the run to its end."""
    data = window.dock("Data")
    window.click(data.cases.train)
    dock = window.dock("Train")
    window.wait(lambda: dock.state.estimate or dock.state.problems, "the estimate")
    choices = dock.presenter.choices
    choices.set_value("schedule.epochs", epochs)
    choices.set_value("schedule.steps_per_epoch", 50)
    if start_from is not None:
        choices.set_value("start_from", start_from)
    window.click(dock.estimate)
    window.wait(lambda: dock.state.estimate or dock.state.problems, "the estimate")
    step = "8" if start_from else "5"
    window.shot(f"{step}-estimate")
    before = window.session.run
    window.click(dock.start)
    window.wait(lambda: window.session.run != before or dock.state.problems, "the run to start")
    if window.session.run == before:
        sys.exit("\n".join(str(problem) for problem in dock.state.problems))
    run: Path = window.session.run
    window.dock("Runs")
    window.wait(lambda: window.session.run_status.phase in ("ended", "lost"), "the run", minutes=120)
    status = window.session.run_status
    if status.outcome != "completed":
        sys.exit(f"The run ended: {status.phase} {status.message} Its log: {run / 'log.txt'}")
    window.shot(f"{step}-trained")
    return run


def predict_all(window: Window, picture: str) -> Any:
    """Ask the student about every case, and show the contact sheet."""
    results = window.dock("Results")
    window.wait(lambda: results.view.all_cases.predict.isEnabled(), "the student")
    window.click(results.view.all_cases.predict)
    cases = len(window.session.dataset.cases)
    sheet = window.dock("Sheet")
    window.wait(lambda: len(sheet.state.rows) == cases, "the answers", minutes=30)
    window.settle(3)
    window.shot(picture)
    return sheet


def correct_worst(window: Window, sheet: Any, truth: Path) -> str:
    """Correct the case the student is least certain of, and make it a second reference."""
    row = next(row for row in sheet.state.rows if not row.is_annotated)
    name: str = row.answer.case
    sheet.view.setCurrentIndex(sheet.view.model().index(sheet.state.rows.index(row)))
    window.click(sheet.correct_case)
    page = window.dock("Data").annotating
    window.wait(lambda: page.presenter.annotation is not None, "the page to correct on")
    layer, seen = page.presenter.annotation.layer, truth_of(truth, window, name)
    painter = Painter(window, layer)
    window.shot("7-to-correct")
    worst = np.argsort((np.asarray(layer.data) != seen).sum(axis=(1, 2)))[::-1][:CORRECTED]
    strokes = sum(painter.paint(int(z), seen[z], besides_YX=np.asarray(layer.data[z])) for z in sorted(worst))
    window.shot("7-corrected")
    window.click(page.finish)
    window.wait(lambda: page.presenter.annotation is None, "the saved correction")
    print(f"  {name}: {strokes} strokes on the {len(worst)} slices that were worst", flush=True)
    return name


def dice_of(window: Window, sheet: Any, truth: Path, besides: set[str]) -> float:
    """Return the mean Dice of the students' masks on all cases that are no reference."""
    from napari_medkd.core.measures import measure_masks
    from napari_medkd.files.results import read_prediction

    scores = []
    for row in sheet.state.rows:
        if row.answer.case not in besides:
            found = read_prediction(row.answer.folder)
            masks = found.mask.labels, truth_of(truth, window, row.answer.case)
            measures = measure_masks(*masks, classes_in(truth).classes, found.grid.spacing, found.grid.unit)
            scores.append(np.mean([one.dice for one in measures]))
    return float(np.mean(scores))


def main() -> None:
    """Walk the path."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("one-shot"), help="folder for what the walk leaves")
    parser.add_argument("--images", type=Path, help="a folder of images alone; the generated sample without")
    parser.add_argument("--truth", type=Path, help="masks of the same names, the person's eye")
    parser.add_argument("--epochs", type=int, default=4, help="of 50 steps, for each of the two runs")
    wanted = parser.parse_args()
    out: Path = wanted.out.resolve()
    for old in ("runs", "sample", "scans"):
        shutil.rmtree(out / old, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    os.environ["MEDKD_RUNS"] = str(out / "runs")
    if wanted.images and wanted.truth:
        scans, truth = out / "scans", wanted.truth.resolve()
        shutil.copytree(wanted.images, scans)
    else:
        scans, truth = scans_of_the_sample(out)
    window = Window(out)
    print("Open a folder of images, and ask for a reference", flush=True)
    dock = open_folder(window, scans)
    print("Paint it", flush=True)
    references = {paint_reference(window, dock, truth)}
    print("Train from it", flush=True)
    run = train(window, wanted.epochs, None)
    print("Predict all, and correct the least certain", flush=True)
    sheet = predict_all(window, "6-sheet")
    first = dice_of(window, sheet, truth, references)
    references.add(correct_worst(window, sheet, truth))
    print("Go on from there with two references", flush=True)
    train(window, wanted.epochs, run)
    second = dice_of(window, predict_all(window, "9-sheet"), truth, references)
    print(f"\nMean Dice on the other cases: {first:.3f} with one reference, {second:.3f} with two")
    window.viewer.close()


if __name__ == "__main__":
    main()
