"""Writes docs/results.md from benchmarks/results/*.json.

python benchmarks/report.py
"""

import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from record import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "results.md"

HEAD = """# Results

Made by `python benchmarks/report.py` from the files in `benchmarks/results/`; do not edit by hand.
Each section names the command that measured it. Accuracy is Dice of masks, AUC of classes and average precision of
boxes, on whole cases, and on cases no setting was chosen on where a section does not say development cases. Intervals
are 95 % paired bootstrap intervals over seeds and patients (10,000 draws, 1,000 in the joint teacher's tables); with a
single seed they hold the patients alone, with few seeds they are narrower than the truth. `±` is the standard deviation
over seeds. HD95 leaves out cases in which a class was not found at all.
"""


#: How measures are called in a table's head.
_CALLED = {"dice": "Dice", "auc": "AUC", "ap50": "AP50", "ap10": "AP10"}


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table without the columns in which nothing stands."""
    used = [index for index, _ in enumerate(head) if any(row[index] for row in rows)]
    lines = [tuple(line[index] for index in used) for line in (head, tuple("---" for _ in head), *rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _origin(document: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    return f"`{document['command']}`  \n{document['machine']}; {versions}\n"


def _spread(values: list[float]) -> str:
    return f"± {statistics.stdev(values):.3f}" if len(values) > 1 else ""


def _difference(row: dict[str, Any], repeats: str = "seeds") -> str:
    low, high = row["ci95"]
    alone = f" (one {repeats.removesuffix('s')}: patients alone)" if len(row["values"]) == 1 else ""
    return f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}] over *{row['versus']}*{alone}"


def _of_test(rows: list[dict[str, Any]], test: str, repeats: str = "seeds") -> str:
    here = [row for row in rows if row["test"] == test]
    names = list(dict.fromkeys(row["row"] for row in here))
    plain = {(row["row"], row["class"], row["metric"]): row for row in here if not row["versus"]}
    classes = [name for name in dict.fromkeys(row["class"] for row in here) if name != "mean"]
    lines = []
    for name in names:
        mean = plain[name, "mean", "dice"]
        per_class = [
            f"{plain[name, one, 'dice']['mean']:.3f} / {plain[name, one, 'hd95']['mean']:.1f}" for one in classes
        ]
        differences = [_difference(row, repeats) for row in here if row["row"] == name and row["versus"]]
        lines.append(
            (
                name,
                str(len(mean["values"])),
                f"{mean['mean']:.3f} {_spread(mean['values'])}",
                *per_class,
                "<br>".join(differences),
            )
        )
    unit = plain[names[0], classes[0], "hd95"]["unit"]
    head = (
        "row",
        repeats,
        f"Dice ± spread over {repeats}",
        *(f"{one}: Dice / HD95 ({unit})" for one in classes),
        "paired difference",
    )
    cases = plain[names[0], "mean", "dice"]["n"]
    return f"### {test} ({here[0]['domain']}, {cases} cases)\n\n" + _table(head, lines)


def _seconds_of_training(rows: list[dict[str, Any]]) -> str:
    lines = [
        (row["domain"], row["row"], str(row["n"]), f"{row['mean']:.0f}", f"{min(row['values']):.0f}")
        for row in rows
        if row["metric"] == "training"
    ]
    head = ("trained on", "row", "runs", "seconds of training, mean", "least")
    return "### Time, validation included, one thread of two cores that others share\n\n" + _table(head, lines)


def shape_intensity(document: dict[str, Any]) -> str:
    """Return the section on accuracy in site and across sites."""
    tried = (
        f"Settings tried for *recommended* on development cases: {document['settings_tried']}, see below, and two more "
        "with changed code (decision record 0010). `python benchmarks/shape_intensity.py train` trains and scores what "
        "this command tabulates.\n"
    )
    budget = (
        "Every student takes the same steps, unless the row says otherwise. A teacher's come on top: half as many in "
        "*recommended*, as many in *faithful*, none where it is random. All rows have Dice in place of its logarithm, "
        "as everything had before decision record 0028; *faithful* has neither. A *label-map teacher* is shown the "
        "true mask, a *real-image teacher* the image, and a *random teacher* has weights nobody trained. All rows are "
        "from before record 0030: labels were moved to the nearest voxel.\n"
    )
    parts = [_origin(document), tried, budget, *_tests(document), _seconds_of_training(document["rows"])]
    return "## Shape-intensity distillation\n\n" + "\n".join(parts)


def candidates(document: dict[str, Any]) -> str:
    """Return the section on what was tried before *recommended* was chosen."""
    chosen = (
        "Trained by `python benchmarks/shape_intensity.py try`. On development cases alone, in runs of 600 steps, "
        "weight 2 where none is named; *recommended* became *everywhere, teacher of equal depth*. *Weight 1* and the "
        "rows that fade were tried later, when test cases had been scored, and changed nothing.\n"
    )
    parts = [_origin(document), chosen, *_tests(document)]
    return "## What was tried for shape-intensity distillation\n\n" + "\n".join(parts)


def one_shot(document: dict[str, Any]) -> str:
    """Return the section on accuracy with one label."""
    text = (
        "Each of three fixed references alone is labelled; the other training images have no label that is read. "
        "How the settings of *recommended* were chosen on development cases: decision records 0016 and 0019; "
        "what was tried in vain: 0031. Rows of "
        "*plain Dice* have Dice in place of its logarithm, as all had before record 0028; *faithful* has neither. "
        "*Copied label* lays the reference's mask on each image unmoved, *registration* moves it by greedy, "
        "*registration network* by the method's own first stage, *refined* on each image. Networks "
        "learned and drew labels by the nearest voxel then, but for four rows of chasedb1, *one label, strong "
        "augmentation*, *one label, self-training*, *recommended* and *all labels*, which are from after record 0030. "
        "`python benchmarks/one_shot.py train` trains and scores what this command tabulates.\n"
    )
    rows = document["rows"]
    costs = (_seconds_of_training(rows), _besides(rows))
    parts = [_origin(document), text, *_tests(document, "references"), *_pictures(), *costs]
    return "## One-shot distillation\n\n" + "\n".join(parts)


def _pictures() -> list[str]:
    """Return the pictures of cases that were drawn."""
    drawn = sorted((PAGE.parent / "images").glob("one-shot-cases-*.png"))
    command = "`python benchmarks/one_shot_pictures.py --reference N`, where the title says which"
    of_row = "They are of the row *recommended, plain Dice*, from before record 0028"
    colours = "on the hippocampus orange is anterior and blue posterior"
    heading = f"### The best, the median and the worst case\n\nDrawn by {command}. {of_row}; {colours}.\n"
    pictures = [f"![Image, true mask and student of three cases](images/{path.name})\n" for path in drawn]
    return [heading, *pictures] if drawn else []


def _besides(rows: list[dict[str, Any]]) -> str:
    """Return what else was measured of trained rows: memory, and whether uncertainty finds what is wrong."""
    lines = [
        (row["domain"], row["row"], row["metric"], f"{_number(row['mean'])} {row['unit']}", _range_of(row))
        for row in rows
        if not row["test"] and row["metric"] != "training"
    ]
    head = ("trained or tested on", "row", "what", "mean", "range over references")
    return "### Memory and uncertainty\n\n" + _table(head, lines)


def _range_of(row: dict[str, Any]) -> str:
    return f"{_number(min(row['values']))} to {_number(max(row['values']))}"


def one_shot_candidates(document: dict[str, Any]) -> str:
    """Return the section on what was tried for one label."""
    text = (
        "Trained by `python benchmarks/one_shot.py try`. On development cases alone, with a quarter of the steps: what "
        "each part of *recommended* is worth. Rows of *plain Dice* are of earlier code than those by its logarithm.\n"
    )
    parts = [_origin(document), text, *_tests(document, "references"), _seconds_of_training(document["rows"])]
    return "## What was tried for one-shot distillation\n\n" + "\n".join(parts)


def joint_teacher(document: dict[str, Any]) -> str:
    """Return the section on datasets that teach one another."""
    text = (
        "Every student takes as many steps where its row does not say else, *multi-head* as many as all together; "
        "each dataset counts as much as any other in a mean. A difference is over the seeds that both rows have. "
        "Experts and students draw the same weights and samples, so that *student without distillation* is "
        "*dataset-specific*, bit for bit. A joint teacher of classes alone hardly differs from the dataset's own "
        "expert, which does not learn on in it. Rows that are missing were not trained. *Plain Dice* is Dice in place "
        "of its logarithm, as all had before decision record 0028. What was tried for *recommended*, on development "
        "cases, is in decision records 0024 to 0026; test rows of earlier settings had been seen by then. `python "
        "benchmarks/joint_teacher.py train` trains and scores what this command tabulates.\n"
    )
    parts = [_origin(document), text, *_groups(document["rows"], document["of_earlier_code"])]
    return "## Joint teacher\n\n" + "\n".join(parts)


def joint_teacher_candidates(document: dict[str, Any]) -> str:
    """Return the section on what was compared on development cases."""
    text = "Of `python benchmarks/joint_teacher.py train` and `try`, on development cases alone.\n"
    parts = [_origin(document), text, *_groups(document["rows"], document["of_earlier_code"])]
    return "## What was tried for the joint teacher\n\n" + "\n".join(parts)


def _groups(rows: list[dict[str, Any]], of_earlier_code: list[str]) -> list[str]:
    parts = []
    for group in dict.fromkeys(row["task"] for row in rows):
        here = [row for row in rows if row["task"] == group]
        scored = [row for row in here if row["metric"] not in ("training", "parameters")]
        parts.append(f"### {group[0].upper()}{group[1:]}\n")
        if group in of_earlier_code:
            parts.append("*Learned by earlier code: trained again, these rows will be others.*\n")
        parts += [
            _of_trial([row for row in scored if row["test"] == test]) for test in {row["test"]: None for row in scored}
        ]
        parts.append(_costs_of_group(here))
    return parts


def _of_trial(rows: list[dict[str, Any]]) -> str:
    """Return the table of one test, or of the means over the datasets."""
    lines = []
    for name in dict.fromkeys(row["row"] for row in rows):
        score, *others = [row for row in rows if row["row"] == name and row["class"] == "mean" and not row["versus"]]
        differences = [_difference(row) for row in rows if row["row"] == name and row["versus"]]
        mean = f"{score['mean']:.3f} {_spread(score['values'])}"
        besides = "<br>".join(f"{row['metric']} {row['mean']:.3f}" for row in others)
        lines.append((name, str(len(score["values"])), mean, besides, "<br>".join(differences)))
    first = rows[0]
    patients = next((f" of {row['n']} patients" for row in rows if row["versus"]), "")
    of = f"{first['n']} datasets" if first["test"].startswith("mean over ") else f"{first['n']} cases{patients}"
    title = f"#### {first['test']} ({first['domain']}, {of})"
    metric = _CALLED.get(first["metric"], first["metric"])
    head = ("row", "seeds", f"{metric} ± spread over seeds", "besides", "paired difference")
    return f"{title}\n\n" + _table(head, lines)


def _costs_of_group(rows: list[dict[str, Any]]) -> str:
    seconds = {row["row"]: row for row in rows if row["metric"] == "training"}
    sizes: dict[str, list[str]] = {}
    for row in rows:
        if row["metric"] == "parameters":
            sizes.setdefault(row["row"], []).append(f"{row['test']} {row['mean']:,.0f}")
    lines = [
        (name, *(_time(seconds[name]) if name in seconds else ("", "")), "<br>".join(of_row))
        for name, of_row in sizes.items()
    ]
    return _table(("row", "seeds timed", "seconds of training that were its own, mean", "parameters"), lines)


def _time(row: dict[str, Any]) -> tuple[str, str]:
    return str(row["n"]), f"{row['mean']:.0f}"


def _tests(document: dict[str, Any], repeats: str = "seeds") -> list[str]:
    tests = dict.fromkeys(row["test"] for row in document["rows"] if row["test"])
    return [_of_test(document["rows"], test, repeats) for test in tests]


def _number(value: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:.4g}"


def plain(title: str) -> Callable[[dict[str, Any]], str]:
    """Return a section maker that lists every row of a file."""

    def section(document: dict[str, Any]) -> str:
        lines = [
            (
                " · ".join(part for part in (row["row"], row["test"], row["class"]) if part),
                row["metric"],
                f"{_number(row['mean'])} {row['unit']}",
                str(row["n"]),
                _range_of(row),
                row["versus"],
            )
            for row in document["rows"]
        ]
        return f"## {title}\n\n{_origin(document)}\n" + _table(
            ("what", "metric", "value", "n", "range", "versus"), lines
        )

    return section


SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "shape_intensity": shape_intensity,
    "shape_intensity_tried": candidates,
    "one_shot": one_shot,
    "one_shot_tried": one_shot_candidates,
    "joint_teacher": joint_teacher,
    "joint_teacher_development": joint_teacher_candidates,
    "baselines": plain("Plain training on known tasks"),
    "training": plain("What a training step costs"),
    "augmentation": plain("Augmentation against MONAI's dictionary transforms"),
    "loading": plain("Time to the first pixel"),
    "viewer": plain("The viewer: import, first paint, lag while training"),
    "gpu_check": plain("GPU"),
}


def main() -> None:
    """Write the page."""
    parts = [HEAD]
    for name, section in SECTIONS.items():
        file = RESULTS / f"{name}.json"
        if file.is_file():
            parts.append(section(json.loads(file.read_text(encoding="utf-8"))))
        elif name == "gpu_check":
            parts.append("## GPU\n\n*not run on a GPU*\n")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
