"""The pictures of the README: every dock and the comparison, in both themes and two window sizes.

    python scripts/screenshots.py demo docs/images

Takes the folder that `make demo` left on the sample: the phantoms, and the newest shape-intensity run.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from demo import FOR_THE_SAMPLE, STEPS_PER_EPOCH, set_up
from PIL import Image
from window import Window

SIZES = ((1280, 800), (1600, 1000))
THEMES = ("dark", "light")


def smaller(picture: Path) -> None:
    """Keep 256 colours: a screenshot has hardly more, and a clone should stay small."""
    with Image.open(picture) as full:
        full.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE).save(
            picture, optimize=True
        )


def take(demo: Path, out: Path, theme: str, size: tuple[int, int]) -> None:
    """Open a window of that theme and size, and take a picture of each dock and of the comparison."""
    window = Window(out)
    window.viewer.theme = theme
    window.viewer.window.resize(*size)
    data = window.dock("Data")
    data.open_path(demo / "sample")
    window.wait(lambda: window.session.dataset, "the dataset")
    data.show_case("t1-like_06")
    window.wait(lambda: window.session.opened, "the case")
    run = sorted((demo / "runs").glob("*shape-intensity*"))[-1]

    def shot(name: str) -> None:
        window.shot(f"{name}-{theme}-{size[0]}x{size[1]}")
        smaller(out / f"{name}-{theme}-{size[0]}x{size[1]}.png")

    shot("data")
    train = set_up(window, "shape-intensity", {**FOR_THE_SAMPLE, "schedule.steps_per_epoch": STEPS_PER_EPOCH})
    window.click(train.form.method_section.title)
    window.click(train.estimate)
    window.wait(lambda: train.state.estimate, "the estimate")
    shot("train")
    window.dock("Runs")
    window.session.run = run
    window.settle(2)
    shot("runs")
    results = window.dock("Results")
    window.wait(lambda: results.state.networks, "the networks")
    window.click(results.view.predict)
    window.wait(lambda: results.state.answers or results.state.message, "the answer")
    shot("results")
    window.click(results.view.compare)
    window.wait(lambda: results.state.panels or results.state.message, "the comparison")
    shot("comparison")
    window.click(results.view.compare)
    show_sheet(window, results)
    shot("sheet")
    window.viewer.close()


def show_sheet(window: Window, results: Any) -> None:
    """Ask the student about all cases, and open the one it is least certain of from the sheet."""
    box = results.view.all_cases
    window.click(box.predict)
    window.wait(lambda: not box.state.busy, "the answers about all cases")
    sheet = window.dock("Sheet")
    window.wait(lambda: sheet.state.rows and all(sheet.thumbnails.of(row.answer) for row in sheet.state.rows), "it")
    sheet.open_row(sheet.state.rows[0])
    window.settle(2)


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="what make demo left")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--theme", choices=THEMES, action="append")
    wanted = parser.parse_args()
    os.environ["MEDKD_RUNS"] = str(wanted.demo.resolve() / "runs")
    wanted.out.mkdir(parents=True, exist_ok=True)
    for theme in wanted.theme or THEMES:
        for size in SIZES:
            take(wanted.demo.resolve(), wanted.out, theme, size)


if __name__ == "__main__":
    main()
