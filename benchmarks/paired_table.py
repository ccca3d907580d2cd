"""Scores of trained rows as arrays: seeds x cases, paired between rows, and the table made of them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bootstrap import compare
from numpy.typing import NDArray
from record import Row

#: Tests on pictures, whose files tell no spacing.
_PICTURES = ("busbra", "chasedb1")


@dataclass(frozen=True)
class Scored:
    """The scores of one row on one side of one test.

    Parameters
    ----------
    values
        By (metric, class): an array (seeds, cases).
    seeds, cases
        What the axes are.
    """

    values: dict[tuple[str, str], NDArray[np.float64]]
    seeds: list[int]
    cases: list[str]

    def mean_over_classes(self, metric: str) -> NDArray[np.float64]:
        """Return (seeds, cases) means over the classes; a class that is not applicable to a case does not count."""
        stacked = np.stack([values for (name, _), values in self.values.items() if name == metric])
        return np.nanmean(stacked, axis=0)

    def at_seeds(self, seeds: list[int]) -> "Scored":
        """Return the scores of some of the seeds."""
        picked = [self.seeds.index(seed) for seed in seeds]
        return Scored({key: values[picked] for key, values in self.values.items()}, seeds, self.cases)


def read_scores(files: list[Path], test: str, side: str) -> Scored:
    """Return the scores of one row from the files of its seeds."""
    documents = sorted((json.loads(file.read_text(encoding="utf-8")) for file in files), key=lambda one: one["seed"])
    cases = sorted(documents[0]["scores"][test][side])
    classes = list(documents[0]["scores"][test][side][cases[0]])
    values = {
        (metric, name): np.array([[d["scores"][test][side][case][name][metric] for case in cases] for d in documents])
        for metric in ("dice", "hd95")
        for name in classes
    }
    return Scored(values, [document["seed"] for document in documents], cases)


def finite_mean(values: NDArray[np.float64]) -> float:
    """Return the mean of the finite values: a distance to nothing is infinite and is counted elsewhere."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def rows_of(name: str, preset: str, test: str, domain: str, scored: Scored) -> list[Row]:
    """Return the plain rows of one trained row on one test: every class and metric, and the mean over classes."""
    rows = []
    series = {**scored.values, ("dice", "mean"): scored.mean_over_classes("dice")}
    for (metric, class_), values in series.items():
        per_seed = tuple(round(finite_mean(one), 5) for one in values)
        rows.append(
            Row(
                row=name,
                preset=preset,
                task="segmentation",
                test=test,
                domain=domain,
                class_=class_,
                metric=metric,
                unit="" if metric == "dice" else ("pixel" if test.startswith(_PICTURES) else "mm"),
                n=len(scored.cases),
                mean=float(np.mean(per_seed)),
                values=per_seed,
            )
        )
    return rows


def difference_row(
    name: str, other: str, test: str, domain: str, pair: tuple[Scored, Scored], patients: list[str]
) -> Row:
    """Return the paired difference in mean Dice of a row over another, at the seeds both have."""
    seeds = sorted(set(pair[0].seeds) & set(pair[1].seeds))
    a, b = (scored.at_seeds(seeds).mean_over_classes("dice") for scored in pair)
    found = compare(a, b, patients)
    return Row(
        row=name,
        task="segmentation",
        test=test,
        domain=domain,
        class_="mean",
        metric="dice",
        unit="",
        n=len(set(patients)),
        mean=float(np.mean(a)),
        values=tuple(round(float(value), 5) for value in (a - b).mean(axis=1)),
        versus=other,
        difference=round(found.difference, 5),
        ci95=(round(found.low, 5), round(found.high, 5)),
    )
