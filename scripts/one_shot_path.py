"""A person's path from a folder of images to a model, with one painted reference.

    python scripts/one_shot_path.py [--out one-shot] [--images FOLDER --truth FOLDER] [--epochs 4] [--pictures FOLDER]

Opens the folder in a real napari window, lets a reference be suggested, paints it with the mouse, trains from it, asks
the student about every case, corrects the least certain one, and goes on from there with two references. Everything is
done with mouse and keys, but for the turning of slices. Each step leaves a picture; the README's go to ``--pictures``.
What the person sees in an image is taken from the folder of true masks; nothing else reads it, until the last lines
compare the students' masks with it.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from painter import Painter
from screenshots import smaller
from window import Window

SIZE = (1280, 800)

#: The README's pictures, by the names they have there.
IN_THE_README = {
    "2-suggested": "suggest",
    "3-painting": "paint",
    "6-sheet": "sheet",
    "7-to-correct": "correct",
    "8-estimate": "again",
    "8-live": "train",
}

#: What is typed into the form below *Advanced*. The sample's few small images do with a small network that learns fast.
SETTINGS = {"schedule.steps_per_epoch": 50}
FOR_THE_SAMPLE = {"schedule.batch_size": 2, "schedule.learning_rate": 0.01, "network.widths": (8, 16, 32)}

#: Of so many slices one is painted; those between are interpolated.
PAINTED = 3

#: Slices of an answer that are corrected: those with the most wrong voxels.
CORRECTED = 6


class Album:
    """The pictures of the walk, some of them in both themes and some for the README."""

    def __init__(self, window: Window, readme: Path | None) -> None:
        self._window = window
        self._readme = readme

    def take(self, name: str, *, in_both_themes: bool = False) -> None:
        """Take a picture of the window."""
        for theme in ("light", "dark") if in_both_themes else ("dark",):
            self._wear(theme)
            self._window.shot(f"{name}-{theme}")
            if self._readme is not None and name in IN_THE_README:
                kept = self._readme / f"one-shot-{IN_THE_README[name]}-{theme}-{SIZE[0]}x{SIZE[1]}.png"
                shutil.copy(self._window.out / f"{name}-{theme}.png", kept)
                smaller(kept)

    def _wear(self, theme: str) -> None:
        """Change the theme while no brush is held: napari 0.9 would leave a box of its colour where the brush was."""
        viewer = self._window.viewer
        layer = viewer.layers.selection.active
        mode = None if layer is None else layer.mode
        if layer is not None:
            layer.mode = "pan_zoom"
        viewer.theme = theme
        if layer is not None:
            layer.mode = mode


def scans_of_the_sample(out: Path) -> tuple[Path, Path, Sequence[str]]:
    """Write the sample; return a folder with its T1-like images alone, that of their true masks, and the classes."""
    from napari_medkd.files.sample import ORGANS, write_sample

    sample = write_sample(out / "sample", cases_per_domain=12).parent
    scans = out / "scans"
    scans.mkdir()
    for path in (sample / "images").glob("t1-like_*"):
        shutil.copy(path, scans / path.name)
    return scans, sample / "labels", ORGANS.classes


def classes_in(folder: Path) -> tuple[str, ...]:
    """Return as many classes as the true masks have, by the names the viewer gives them."""
    import nibabel

    highest = max(int(np.asarray(nibabel.load(path).dataobj).max()) for path in sorted(folder.iterdir())[:8])
    return ("background", *(f"structure {n}" for n in range(1, highest + 1)))


class Eye:
    """What a person sees in the images."""

    def __init__(self, window: Window, truth: Path, classes: Sequence[str]) -> None:
        from napari_medkd.core.task import Task

        self._window = window
        self._truth = truth
        self.task = Task("structures", "segmentation", tuple(classes))

    def sees(self, case: str) -> Any:
        """Return the true mask of a case, (z, y, x) on its image's grid."""
        from napari_medkd.files.opening import read_mask, read_volume

        grid = read_volume(self._window.session.dataset.case(case).images).grid
        paths = [path for path in self._truth.iterdir() if path.name.split(".")[0] == case]
        return read_mask(paths[0], self.task, grid=grid).labels


def open_folder(window: Window, album: Album, scans: Path) -> Any:
    """Type the folder's path into the Data dock, and have a reference suggested."""
    dock = window.dock("Data")
    window.type_into(dock.path, str(scans))
    window.wait(lambda: dock.state.rows and not dock.state.is_checking, "the folder")
    album.take("1-folder")
    window.click(dock.cases.suggest)
    window.wait(lambda: dock.state.suggestion and not dock.state.is_suggesting, "a suggestion")
    window.click(dock.cases.open_case)
    window.wait(lambda: window.session.opened, "the suggested case")
    album.take("2-suggested")
    return dock


def name_classes(window: Window, page: Any, names: Sequence[str]) -> None:
    """Add the classes, and type a name for each."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QLineEdit

    for _ in names[1:]:
        window.click(page.add)
    table = page.classes
    for row, name in enumerate(names):
        cell = table.model().index(row, 2)
        window.click_item(table, cell)
        if cell.data() != name:
            QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(cell).center())
            window.wait(lambda: table.findChild(QLineEdit), "the field for a class's name")
            editor = table.findChild(QLineEdit)
            QTest.keyClicks(editor, name)
            QTest.keyClick(editor, Qt.Key.Key_Return)
            window.wait(lambda cell=cell, name=name: cell.data() == name, f"the class {name}")


def paint_reference(window: Window, album: Album, dock: Any, eye: Eye) -> str:
    """Paint every third slice of the suggested case, interpolate, and be done."""
    name: str = next(iter(dock.state.suggestion))
    window.click(dock.cases.annotate)
    page = dock.annotating
    window.wait(lambda: page.presenter.annotation is not None, "the page to paint on")
    name_classes(window, page, eye.task.classes[1:])
    seen = eye.sees(name)
    painter, strokes = Painter(window, page.presenter.annotation.layer), 0
    full = np.flatnonzero(seen.any(axis=(1, 2)))
    chosen = sorted({*full[::PAINTED].tolist(), int(full[-1])})
    for z in chosen:
        strokes += painter.paint(z, seen[z])
        if z == chosen[len(chosen) // 2]:
            window.wait(lambda: page.state.painted.num_empty > 0, "the hint about empty slices")
            album.take("3-painting", in_both_themes=True)
    window.wait(lambda: page.state.painted.num_empty > 0, "the hint about empty slices")
    window.click(page.interpolate)
    window.wait(lambda: page.state.painted.num_empty == 0, "the slices between")
    album.take("4-painted")
    window.click(page.finish)
    window.wait(lambda: page.presenter.annotation is None, "the saved reference")
    print(f"  {name}: {strokes} strokes on {len(chosen)} of {len(full)} slices", flush=True)
    return name


def set_up(window: Window, epochs: int, settings: Mapping[str, Any], start_from: Path | None) -> Any:
    """Press "Train from this reference", and set the rest in the form."""
    window.click(window.dock("Data").cases.train)
    dock = window.dock("Train")
    window.wait(lambda: (dock.state.estimate or dock.state.problems) and not dock.state.busy, "the estimate", 15)
    if start_from is not None and dock.form.basic.boxes["start_from"].value() != str(start_from):
        sys.exit(f"The form does not start from {start_from}, whose answer was corrected.")
    type_value(window, dock.form.basic.boxes["schedule.epochs"], epochs)
    fold = dock.form.advanced_section.title
    window.bring_in_sight(fold)
    window.click(fold)
    for name, value in settings.items():
        type_value(window, dock.form.advanced.boxes[name], value)
    window.bring_in_sight(fold)
    window.click(fold)
    window.click(dock.estimate)
    window.wait(lambda: (dock.state.estimate or dock.state.problems) and not dock.state.busy, "the estimate", 15)
    return dock


def type_value(window: Window, box: Any, value: Any) -> None:
    """Type a value into a field of the form, unless it stands there already."""
    if box.value() != value:
        window.type_into(box.editor, ", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
    if box.value() != value:
        sys.exit(f"{box.accessibleName()} shows {box.value()} after {value} was typed.")


def train(
    window: Window, album: Album, epochs: int, settings: Mapping[str, Any], start_from: Path | None = None
) -> Path:
    """Start a run from the form, and watch it to its end."""
    dock = set_up(window, epochs, settings, start_from)
    step = "8" if start_from else "5"
    album.take(f"{step}-estimate")
    before = window.session.run
    window.click(dock.start)
    window.wait(lambda: window.session.run != before or dock.state.problems, "the run to start")
    if window.session.run == before:
        sys.exit("\n".join(str(problem) for problem in dock.state.problems))
    run: Path = window.session.run
    watch_live(window, album, f"{step}-live")
    window.dock("Runs")
    window.wait(is_over(window), "the run", minutes=120)
    status = window.session.run_status
    if status.outcome != "completed":
        sys.exit(f"The run ended: {status.phase} {status.message} Its log: {run / 'log.txt'}")
    album.take(f"{step}-trained")
    return run


def is_over(window: Window) -> Any:
    """Return what tells whether the selected run is over."""
    return lambda: window.session.run_status.phase in ("ended", "lost")


def watch_live(window: Window, album: Album, picture: str) -> None:
    """Look at reference, warped reference and student once the student has drawn something."""
    window.wait(lambda: any((window.session.run / "previews" / "student").glob("*/prediction.json")), "a preview", 120)
    results = window.dock("Results")
    window.bring_in_sight(results.transfer)
    window.click(results.transfer)
    window.wait(lambda: results.state.transfer and results.comparison.is_shown, "the panels")
    window.settle(1)
    album.take(picture)
    window.click(results.transfer)
    window.wait(lambda: not results.comparison.is_shown, "the panels to go")


def predict_all(window: Window, album: Album, picture: str) -> Any:
    """Ask the student about every case, and show the sheet."""
    results = window.dock("Results")
    window.wait(lambda: results.view.all_cases.predict.isEnabled(), "the student")
    window.bring_in_sight(results.view.all_cases.predict)
    window.click(results.view.all_cases.predict)
    cases = len(window.session.dataset.cases)
    sheet = window.dock("Sheet")
    window.wait(lambda: len(sheet.state.rows) == cases, "the answers", minutes=30)
    window.wait(lambda: all(sheet.thumbnails.of(row.answer) for row in sheet.state.rows), "the pictures of the cases")
    window.settle(1)
    album.take(picture, in_both_themes=True)
    return sheet


def correct_worst(window: Window, album: Album, sheet: Any, eye: Eye) -> str:
    """Correct the case the student is least certain of, and make it a second reference."""
    row = next(row for row in sheet.state.rows if not row.is_annotated)
    name: str = row.answer.case
    window.click_item(sheet.view, sheet.view.model().index(sheet.state.rows.index(row)))
    window.click(sheet.correct_case)
    page = window.dock("Data").annotating
    window.wait(lambda: page.presenter.annotation is not None, "the page to correct on")
    layer, seen = page.presenter.annotation.layer, eye.sees(name)
    painter = Painter(window, layer)
    worst = np.argsort((np.asarray(layer.data) != seen).sum(axis=(1, 2)))[::-1][:CORRECTED]
    window.viewer.dims.set_current_step(0, int(worst[0]))
    album.take("7-to-correct")
    strokes = sum(painter.paint(int(z), seen[z], besides_YX=np.asarray(layer.data[z])) for z in sorted(worst))
    window.viewer.dims.set_current_step(0, int(worst[0]))
    album.take("7-corrected")
    window.click(page.finish)
    window.wait(lambda: page.presenter.annotation is None, "the saved correction")
    print(f"  {name}: {strokes} strokes on the {len(worst)} slices that were worst", flush=True)
    return name


def check_start(second: Path, first: Path) -> None:
    """End with a clear line where the second run's spec does not say that it starts from the first run."""
    found = json.loads((second / "spec.json").read_text(encoding="utf-8"))["start_from"]
    if found is None or Path(found) != first:
        sys.exit(f"{second / 'spec.json'} says start_from is {found}; expected {first}.")
    print(f"  {second.name}/spec.json: start_from is {found}", flush=True)


def dice_of(rows: Any, eye: Eye, besides: set[str]) -> float:
    """Return the mean Dice of the students' masks on all cases that are no reference."""
    from napari_medkd.core.measures import measure_masks
    from napari_medkd.files.results import read_prediction

    scores = []
    for row in rows:
        if row.answer.case not in besides:
            found = read_prediction(row.answer.folder)
            masks = found.mask.labels, eye.sees(row.answer.case)
            measures = measure_masks(*masks, eye.task.classes, found.grid.spacing, found.grid.unit)
            scores.append(np.mean([one.dice for one in measures]))
    return float(np.mean(scores))


def main() -> None:
    """Walk the path."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("one-shot"), help="folder for what the walk leaves")
    parser.add_argument("--images", type=Path, help="a folder of images alone; the generated sample without")
    parser.add_argument("--truth", type=Path, help="masks of the same names, the person's eye")
    parser.add_argument("--epochs", type=int, default=4, help="of 50 steps, for each of the two runs")
    parser.add_argument("--pictures", type=Path, help="folder for the README's pictures")
    wanted = parser.parse_args()
    out: Path = wanted.out.resolve()
    for old in ("runs", "sample", "scans"):
        shutil.rmtree(out / old, ignore_errors=True)
    for folder in filter(None, (out, wanted.pictures)):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ["MEDKD_RUNS"] = str(out / "runs")
    settings: dict[str, Any] = dict(SETTINGS)
    if wanted.images and wanted.truth:
        scans, truth = out / "scans", wanted.truth.resolve()
        classes: Sequence[str] = classes_in(truth)
        shutil.copytree(wanted.images, scans)
    else:
        scans, truth, classes = scans_of_the_sample(out)
        settings |= FOR_THE_SAMPLE
    window = Window(out)
    window.viewer.window.resize(*SIZE)
    walk(window, Album(window, wanted.pictures), scans, Eye(window, truth, classes), wanted.epochs, settings)
    window.viewer.close()


def walk(window: Window, album: Album, scans: Path, eye: Eye, epochs: int, settings: Mapping[str, Any]) -> None:
    """Go the whole way, and say at its end what it was good for."""
    print("Open a folder of images, and ask for a reference", flush=True)
    dock = open_folder(window, album, scans)
    print("Paint it", flush=True)
    references = {paint_reference(window, album, dock, eye)}
    print("Train from it", flush=True)
    first = train(window, album, epochs, settings)
    print("Predict all, and correct the least certain", flush=True)
    sheet = predict_all(window, album, "6-sheet")
    answers_of_first = sheet.state.rows
    references.add(correct_worst(window, album, sheet, eye))
    print("Go on from there with two references", flush=True)
    second = train(window, album, epochs, settings, start_from=first)
    check_start(second, first)
    answers_of_second = predict_all(window, album, "9-sheet").state.rows
    dice = [dice_of(rows, eye, references) for rows in (answers_of_first, answers_of_second)]
    print(f"\nMean Dice on the other cases: {dice[0]:.3f} with one reference, {dice[1]:.3f} with two")


if __name__ == "__main__":
    main()
