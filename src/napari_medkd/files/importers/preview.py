"""What importing a source would give, and what is wrong with it, found without writing anything."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.files.importers.source import Made, Source
from napari_medkd.files.problems import doubts_about_cases, inspected
from napari_medkd.files.series_path import on_disk
from napari_medkd.files.splitting import split_by_group

#: Cases are all opened as long as their files have no more bytes together (compressed), beyond it an even sample.
_BYTES_OPENED = 2**30
_IMAGES_MADE = 8


@dataclass(frozen=True, slots=True)
class Labels:
    """What would be made of a task.

    Parameters
    ----------
    cases
        How many would be labelled; None where that would take opening them all.
    boxes
        How many of each class.
    """

    cases: int | None
    boxes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a source holds.

    Parameters
    ----------
    dataset
        As it would be imported; images, masks and boxes that have to be made have no path yet.
    made
        What would be made of a task, by its name.
    sizes
        How many of the images that were opened have each grid, in words, the most frequent first.
    num_opened
        Cases whose images were opened.
    problems
        With the files, as far as they were opened.
    remarks
        Doubts about the images that were opened, which can be used all the same.
    """

    dataset: Dataset
    made: Mapping[str, Labels]
    sizes: Mapping[str, int]
    num_opened: int
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...]


def preview_of(source: Source) -> Preview:
    """Look at a source: all of its files are looked for, and its images are opened, or an even sample of many bytes."""
    dataset = source.dataset
    made = _Making()
    made.look_at(source)
    opened = _sample([case for case in dataset.cases if case.images])
    found = inspected(_as_far_as_there(dataset, made), {case.id for case in opened})
    sizes = made.sizes + Counter(grid.describe() for grid in found.grids.values())
    return Preview(
        dataset=dataset if dataset.split != Split() else _with_split(dataset, made),
        made={name: made.labels_of(name) for name in made.labelled},
        sizes=dict(sizes.most_common()),
        num_opened=len(opened) + made.sizes.total(),
        problems=(*found.problems, *made.problems),
        remarks=tuple(doubts_about_cases(opened)),
    )


def _as_far_as_there(dataset: Dataset, made: "_Making") -> Dataset:
    """Return the dataset without tasks whose masks and boxes have still to be made, or could not be."""
    if not made.labelled and not made.problems:
        return dataset
    return replace(dataset, tasks={name: task for name, task in dataset.tasks.items() if dataset.labelled(name)})


def _with_split(dataset: Dataset, made: "_Making") -> Dataset:
    """Return the dataset with the split that it gets when it is imported, as far as its labelled cases are known."""
    labelled = [
        replace(case, annotations=case.annotations or {"made": Path()}) if case.id in made.cases else case
        for case in dataset.cases
    ]
    return replace(dataset, split=split_by_group(dataset.name, labelled))


def _sample(cases: list[Case]) -> list[Case]:
    size = sum(_num_bytes(path) for case in cases for path in case.images)
    return cases[:: -(-size // _BYTES_OPENED) or 1]


def _num_bytes(path: Path) -> int:
    there = on_disk(path)
    files = there.iterdir() if there.is_dir() else [there]
    return sum(file.stat().st_size for file in files if file.is_file())


class _Making:
    """What a source would make, looked at until a few images have been made."""

    def __init__(self) -> None:
        self.sizes: Counter[str] = Counter()
        self.cases: set[str] = set()
        self.labelled: Counter[str] = Counter()
        self.problems: tuple[Problem, ...] = ()
        self._boxes: dict[str, Counter[str]] = {}
        self._is_all = False

    def look_at(self, source: Source) -> None:
        """Make the boxes and masks of a source, and forget them."""
        try:
            for made in source.made():
                self._take(made)
                if self.sizes.total() == _IMAGES_MADE:
                    return
        except InputProblem as error:
            self.problems = error.problems
        self._is_all = True

    def labels_of(self, task: str) -> Labels:
        """Return what was found of a task."""
        return Labels(self.labelled[task] if self._is_all else None, self._boxes.get(task, Counter()))

    def _take(self, made: Made) -> None:
        if made.volume is not None:
            self.sizes[made.volume.grid.describe()] += 1
        for task, known in made.annotations.items():
            self.cases.add(made.case)
            self.labelled[task] += 1
            if isinstance(known, Boxes):
                self._boxes.setdefault(task, Counter()).update(known.classes)
