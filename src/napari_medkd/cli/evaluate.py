"""`medkd evaluate`: how well written predictions agree with the experts."""

from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.predict import Side
from napari_medkd.cli.terminal import say, say_json, tell

EXAMPLES = (
    "medkd evaluate RUN",
    "medkd evaluate RUN/predictions/student-test --csv scores.csv",
    "medkd evaluate predictions --data other-site --split test --json",
)


def evaluate(
    predictions: Annotated[Path, typer.Argument(help="A folder of predictions, or a run that holds some.")],
    data: Annotated[Path | None, typer.Option(help="Dataset with the truth; by default the one predicted on.")] = None,
    split: Annotated[Side | None, typer.Option(help="Score these cases only, and count those not predicted.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a line for every case and class.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score predictions against the truth, per task, per class and per domain.

    Masks: Dice, HD95, ASSD and volumes, per case as well. A class that is neither in the prediction nor in the truth
    counts nowhere; one that is in only one of them has Dice 0 and an infinite distance.

    Class scores: AUC, accuracy, balanced accuracy, F1 and calibration error (ECE). Boxes: average precision and FROC.
    What the truth says nothing about, such as the AUC of a class that no image has, is nan and in no mean.
    """
    from napari_medkd.cli.evaluating import evaluation_of
    from napari_medkd.cli.evaluation_tables import as_csv, as_document, as_text
    from napari_medkd.cli.run_names import run_named
    from napari_medkd.core.paths import from_home
    from napari_medkd.files.atomic import write_text

    folder = from_home(predictions)
    folder = folder if folder.exists() else run_named(folder)
    found = evaluation_of(folder, from_home(data) if data else None, split.value if split else "")
    if csv is not None:
        write_text(from_home(csv), as_csv(found))
    for note in found.notes:
        tell(f"Note: {note}")
    if as_json:
        say_json(as_document(found))
    else:
        say(as_text(found))
