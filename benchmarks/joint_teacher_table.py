"""The rows of the joint-teacher benchmark's table, made of what networks said of cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import Row
from task_scores import Metric, Said, drawn_scores, further_scores, interval, metric_of

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.task import Task


@dataclass(frozen=True)
class Trial:
    """One test of a group, with what every row said of it.

    Parameters
    ----------
    test, of
        Its name, and the dataset whose network is tested: another one where a domain was left out.
    dataset
        Of the cases.
    documents
        The files of the rows, by name and seed.
    """

    group: str
    test: str
    of: str
    dataset: Dataset
    side: str
    documents: Mapping[str, Mapping[int, Mapping[str, Any]]]
    _drawn: dict[tuple[str, tuple[int, ...]], NDArray[np.float64]] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """What is asked."""
        (task,) = self.dataset.tasks.values()
        return task

    @property
    def about(self) -> dict[str, str]:
        """What every row says of where it stands."""
        return {"task": self.group, "test": self.test, "domain": "in site" if self.test == self.of else "elsewhere"}

    @property
    def names(self) -> list[str]:
        """Ids of the cases."""
        document = next(iter(next(iter(self.documents.values())).values()))
        return sorted(document["said"][self.test][self.side])

    def said(self, row: str, seeds: Sequence[int]) -> list[list[Said]]:
        """Return what a row said, by seed and case."""
        found = self.documents[row]
        return [[found[seed]["said"][self.test][self.side][name] for name in self.names] for seed in seeds]

    def metric(self) -> Metric:
        """Return the score of the task."""
        row = next(iter(self.documents))
        return metric_of(self.task, self.said(row, sorted(self.documents[row])[:1])[0])

    def rows_of(self, name: str) -> list[Row]:
        """Return the scores of a row, by class and in the mean."""
        metric, said = self.metric(), self.said(name, sorted(self.documents[name]))
        by_seed = np.stack([metric.of_cases(cases, self.task) for cases in said])
        columns = {
            **{(metric.name, name): values for name, values in zip(self.task.foreground, by_seed.T, strict=True)},
            (metric.name, "mean"): np.nanmean(by_seed, axis=1),
        }
        further = [further_scores(cases, self.task) for cases in said]
        columns |= {(other, "mean"): np.array([scores[other] for scores in further]) for other in further[0]}
        return [
            Row(
                row=name,
                metric=measure,
                unit="",
                n=len(said[0]),
                mean=round(float(np.mean(values)), 5),
                values=tuple(round(float(value), 5) for value in values),
                class_=class_,
                **self.about,
            )
            for (measure, class_), values in columns.items()
        ]

    def drawn(self, name: str, seeds: tuple[int, ...]) -> NDArray[np.float64]:
        """Return a row's score in each draw of seeds and patients, which is made once."""
        if (name, seeds) not in self._drawn:
            patients = [self.dataset.case(case).group for case in self.names]
            self._drawn[name, seeds] = drawn_scores(self.said(name, seeds), self.metric(), self.task, patients)
        return self._drawn[name, seeds]

    def difference(self, name: str, other: str) -> tuple[Row, NDArray[np.float64]]:
        """Return how much a row is above another at the seeds both have, and the difference of every draw."""
        seeds = tuple(sorted(self.documents[name].keys() & self.documents[other].keys()))
        metric, task = self.metric(), self.task
        means = [
            [float(np.nanmean(metric.of_cases(cases, task))) for cases in self.said(row, seeds)]
            for row in (name, other)
        ]
        differences = self.drawn(name, seeds) - self.drawn(other, seeds)
        row = Row(
            row=name,
            metric=metric.name,
            unit="",
            n=len({self.dataset.case(case).group for case in self.names}),
            mean=round(float(np.mean(means[0])), 5),
            values=tuple(round(a - b, 5) for a, b in zip(*means, strict=True)),
            class_="mean",
            versus=other,
            difference=round(float(np.mean(means[0]) - np.mean(means[1])), 5),
            ci95=interval(differences),
            **self.about,
        )
        return row, differences


def rows_of_group(trials: Sequence[Trial], versus: Mapping[str, Sequence[str]]) -> list[Row]:
    """Return all rows of a group: scores, differences, their means over the datasets, and costs.

    Parameters
    ----------
    versus
        By row, what it is held against.
    """
    rows: list[Row] = []
    scored: dict[str, list[Row]] = {}
    drawn: dict[tuple[str, str], list[tuple[Row, NDArray[np.float64]]]] = {}
    for trial in trials:
        for name in trial.documents:
            found = trial.rows_of(name)
            rows += found
            if trial.test == trial.of:
                scored.setdefault(name, []).extend(row for row in found if _is_score(row, trial))
            for other in versus.get(name, ()):
                if trial.documents[name].keys() & trial.documents.get(other, {}).keys():
                    row, differences = trial.difference(name, other)
                    rows.append(row)
                    if trial.test == trial.of:
                        drawn.setdefault((name, other), []).append((row, differences))
    rows += [_mean_score(parts) for parts in scored.values()]
    rows += [_mean_difference(parts) for parts in drawn.values()]
    return rows + _costs(trials[0])


def _is_score(row: Row, trial: Trial) -> bool:
    return (row.metric, row.class_) == (trial.metric().name, "mean")


def _mean_score(parts: Sequence[Row]) -> Row:
    """Return the mean score over the datasets of a group, each as heavy as the others."""
    first = parts[0]
    return replace(
        first,
        n=len(parts),
        mean=round(float(np.mean([row.mean for row in parts])), 5),
        values=tuple(round(float(seed), 5) for seed in np.mean([row.values for row in parts], axis=0)),
        test=f"mean over {first.task}",
    )


def _mean_difference(parts: Sequence[tuple[Row, NDArray[np.float64]]]) -> Row:
    """Return the mean difference over the datasets of a group, each as heavy as the others."""
    return replace(
        _mean_score([row for row, _ in parts]),
        difference=round(float(np.mean([row.difference for row, _ in parts])), 5),
        ci95=interval(np.mean([differences for _, differences in parts], axis=0)),
    )


def _costs(trial: Trial) -> list[Row]:
    """Return the seconds of each row, without those of rows that other work starved, and its networks' parameters."""
    rows: list[Row] = []
    for name, found in trial.documents.items():
        seconds = tuple(float(one["seconds"]) for _, one in sorted(found.items()) if one["seconds"] is not None)
        if seconds:
            mean = round(float(np.mean(seconds)), 1)
            rows.append(Row(name, "training", "s", len(seconds), mean, seconds, task=trial.group))
        sizes = next(iter(found.values()))["parameters"]
        rows += [
            Row(name, "parameters", "", 1, float(size), (float(size),), task=trial.group, test=of)
            for of, size in sizes.items()
        ]
    return rows
