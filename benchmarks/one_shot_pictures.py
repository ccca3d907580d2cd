"""Draws the best, the median and the worst test case of a one-shot row: the true mask beside the student's.

    python benchmarks/one_shot_pictures.py [--experiment hippocampus] [--row recommended] [--reference 0]

Needs MEDKD_DATA, and the masks that `one_shot.py train` left when it trained the row here.
Writes docs/images/one-shot-cases-EXPERIMENT.png.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from one_shot_data import ANSWERS, EXPERIMENTS
from PIL import Image, ImageDraw, ImageFont
from record import RESULTS

from napari_medkd.core.dataset import Dataset
from napari_medkd.files.opening import read_mask, read_volume

IMAGES = Path(__file__).parent.parent / "docs" / "images"

#: Colours of the classes (Okabe and Ito), told apart by colour-blind people too.
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167))
_OPACITY = 0.45
_TILE = 300
_MARGIN = 12
_TEXT = 44


def chosen_cases(scores: dict[str, dict[str, dict[str, float]]]) -> list[tuple[str, str, float]]:
    """Return (what it is, case, mean Dice) of the best, the median and the worst case."""
    dice = {name: float(np.nanmean([one["dice"] for one in classes.values()])) for name, classes in scores.items()}
    ranked = sorted(dice, key=dice.__getitem__, reverse=True)
    picked = {"best": ranked[0], "median": ranked[len(ranked) // 2], "worst": ranked[-1]}
    return [(what, name, dice[name]) for what, name in picked.items()]


def tile(image_YX: NDArray[np.floating], label_YX: NDArray[np.integer]) -> Image.Image:
    """Return a slice in grey with its classes in colour, as large as a tile; its voxels are drawn square."""
    low, high = np.percentile(image_YX, (1, 99))
    grey = np.clip((image_YX - low) / max(high - low, 1e-6), 0, 1) * 255
    picture = np.repeat(grey[..., None], 3, axis=-1)
    for label in np.unique(label_YX[label_YX > 0]):
        where = label_YX == label
        picture[where] = (1 - _OPACITY) * picture[where] + _OPACITY * np.array(COLOURS[(label - 1) % len(COLOURS)])
    drawn = Image.fromarray(picture.astype(np.uint8))
    scale = min(_TILE / drawn.width, _TILE / drawn.height)
    return drawn.resize((round(drawn.width * scale), round(drawn.height * scale)), Image.Resampling.NEAREST)


def tiles_of(dataset: Dataset, case: str, answer: Path) -> list[Image.Image]:
    """Return the plane that shows most of the true classes: the image, the true mask on it, the student's."""
    (task,) = dataset.tasks.values()
    volume = read_volume(dataset.case(case).images, channels=dataset.channels, modality=dataset.modality)
    path = dataset.case(case).annotations[task.name]
    if not isinstance(path, Path):
        raise TypeError(case)
    truth = read_mask(path, task, grid=volume.grid, label_map=dataset.label_maps.get(task.name)).labels
    found = read_mask(answer, task, grid=volume.grid).labels
    shown = [
        (np.take(truth, at, axis).astype(bool).sum(), axis, at) for axis in range(3) for at in range(truth.shape[axis])
    ]
    _, axis, at = max(shown)
    image_YX, true_YX, found_YX = (np.take(one, at, axis) for one in (volume.data.mean(axis=0), truth, found))
    return [tile(image_YX, label) for label in (np.zeros_like(true_YX), true_YX, found_YX)]


def sheet(title: str, rows: list[tuple[str, list[Image.Image]]]) -> Image.Image:
    """Return tiles in rows under their headings, and a title over all."""
    width = 3 * _TILE + 4 * _MARGIN
    high = [max(one.height for one in tiles) + _TEXT for _, tiles in rows]
    page = Image.new("RGB", (width, sum(high) + 2 * _TEXT), "white")
    pen, font, top = ImageDraw.Draw(page), ImageFont.load_default(18), 2 * _TEXT
    pen.text((_MARGIN, 14), title, "black", font)
    for number, heading in enumerate(("image", "true mask", "student")):
        pen.text((_MARGIN + number * (_TILE + _MARGIN), _TEXT + 14), heading, "black", font)
    for (text, tiles), height in zip(rows, high, strict=True):
        pen.text((_MARGIN, top + 10), text, "black", font)
        for number, one in enumerate(tiles):
            page.paste(one, (_MARGIN + number * (_TILE + _MARGIN), top + _TEXT))
        top += height
    return page


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", choices=list(EXPERIMENTS), default="hippocampus")
    parser.add_argument("--row", default="recommended")
    parser.add_argument("--reference", type=int, default=0)
    wanted = parser.parse_args()
    file = RESULTS / "one_shot" / wanted.experiment / f"{wanted.row}.reference-{wanted.reference}.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    test, make = next(iter(EXPERIMENTS[wanted.experiment].tests.items()))
    answers = ANSWERS / f"{wanted.experiment}.{wanted.row}.reference-{wanted.reference}"
    rows = []
    for what, case, dice in chosen_cases(document["scores"][test]["test"]):
        rows.append((f"{what}: {case}, Dice {dice:.3f}", tiles_of(make(), case, answers / f"{case}.nii.gz")))
    path = IMAGES / f"one-shot-cases-{wanted.experiment}.png"
    title = f"{wanted.experiment}, {wanted.row}, test cases, reference {wanted.reference}: {document['reference']}"
    sheet(title, rows).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()
