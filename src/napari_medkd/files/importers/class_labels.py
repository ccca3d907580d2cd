"""A table that says of each image which class it is: a column of classes for each task, or columns of 0 and 1.

Of several tables in a folder the first that has images and classes is read (see `chosen_tables`). Columns are known by
their headings (see `table`), or by what a person asks for. Findings parted by ``|`` and columns of 0 and 1 (see
`binary_columns`) make a task in which several classes may be present; a row without any, or ``No Finding`` beside at
least two others, says that none is. Rows of one image that give different classes are refused.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.core.task import Task
from napari_medkd.files.importers.binary_columns import findings_of
from napari_medkd.files.importers.chosen_tables import Chosen, first_that_gives
from napari_medkd.files.importers.listed_images import CONFLICT, Listing
from napari_medkd.files.importers.pairs import channels_and_modality
from napari_medkd.files.importers.source import ColumnWishes, Source, folder_of
from napari_medkd.files.importers.table import EMPTY, name_of, word_of
from napari_medkd.files.importers.tally import Tally

Labels = dict[str, ClassLabel]

_CLASS_WORDS = (
    "label",
    "labels",
    "class",
    "classes",
    "classname",
    "category",
    "target",
    "diagnosis",
    "dx",
    "pathology",
    "finding",
    "findings",
    "findinglabel",
    "findinglabels",
    "disease",
)
_NONE = "no finding"
_PARTED_BY = "|"
_MOST_CLASSES = 100


def recognise(source: Path, wishes: ColumnWishes) -> Source | None:
    """Return what a table, or the first in a folder that has images and classes, says; None where there is none.

    Raises
    ------
    DatasetProblem
        Where a table lists images, none of which is here, and no other gives classes.
    """
    chosen = _chosen(source, wishes)
    if chosen.source is None and chosen.absent:
        raise DatasetProblem.of(chosen.absent)
    return chosen.source


def remarks_of_others(source: Path, wishes: ColumnWishes) -> tuple[Problem, ...]:
    """Return why the tables in a folder that is of another layout give no classes."""
    return _chosen(source, wishes).rejected


def _chosen(source: Path, wishes: ColumnWishes) -> Chosen:
    def reading(listing: Listing, remarks: Tally) -> Source | None:
        labels = labels_of(listing, wishes.classes, remarks)
        if not labels:
            return None
        found = labelled(dataset_of(listing, folder_of(source)), labels)
        return Source(f"class labels in {listing.table.path.name}", found, remarks=tuple(remarks))

    return first_that_gives("classes", source, wishes, reading)


def dataset_of(listing: Listing, folder: Path) -> Dataset:
    """Return the images a table lists, as a dataset without tasks."""
    channels, modality = channels_and_modality([case.images[0] for case in listing.cases])
    dataset = Dataset(
        name=folder.resolve().name,
        channels=channels,
        modality=modality,
        tasks={},
        cases=listing.cases,
        folder=folder,
    )
    return replace(dataset, split=listing.split) if listing.split else dataset


def labelled(dataset: Dataset, labels: Iterable[tuple[Task, Labels]]) -> Dataset:
    """Return the dataset with class labels of further tasks, by case id."""
    tasks, cases = dict(dataset.tasks), list(dataset.cases)
    for task, label_of in labels:
        tasks[task.name] = task
        cases = [_with(case, task.name, label_of.get(case.id)) for case in cases]
    return replace(dataset, tasks=tasks, cases=tuple(cases))


def _with(case: Case, task: str, label: ClassLabel | None) -> Case:
    return case if label is None else replace(case, annotations={**case.annotations, task: label})


def class_columns(listing: Listing, wished: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns that hold classes: those asked for, else those that are called so."""
    table = listing.table
    if wished:
        return tuple(table.asked(column) for column in wished)
    return tuple(column for column in table.columns if word_of(column) in _CLASS_WORDS and column not in listing.used)


def labels_of(listing: Listing, wished: tuple[str, ...], remarks: Tally) -> list[tuple[Task, Labels]]:
    """Return a task for each column of classes with the label of each case, or one of all columns of 0 and 1.

    Raises
    ------
    DatasetProblem
        Where a column that was asked for does not exist, or has no two classes; with every image whose rows give
        different classes.
    """
    found: list[tuple[Task, Labels]] = []
    conflicts: list[Problem] = []
    for column in _without_doubles(class_columns(listing, wished), listing, remarks):
        try:
            made = task_of_column(listing, column, remarks, {task.name for task, _ in found})
        except DatasetProblem as error:
            conflicts += error.problems
            continue
        if made is not None:
            found.append(made)
        elif wished:
            hint = f"Name a column with 2 to {_MOST_CLASSES} classes."
            raise DatasetProblem(str(listing.table.path), f"The column {column!r} holds no classes.", hint)
    if conflicts:
        raise DatasetProblem.of(conflicts)
    return found or (findings_of(listing, remarks) if not wished else [])


def task_of_column(
    listing: Listing, column: str, remarks: Tally, taken: Collection[str] = ()
) -> tuple[Task, Labels] | None:
    """Return the task of a column with the cases' labels, or None where it has not 2 to 100 classes.

    Raises
    ------
    DatasetProblem
        With every image whose rows give different classes; blank cells give none.
    """
    said = _said(listing, column, remarks)
    several = _may_be_together({value for values in said.values() for value in values})
    present = {
        case: {_parts(value) if several else frozenset({value}) for value in values}
        for case, values in said.items()
        if values
    }
    classes = sorted({name for answers in present.values() for answer in answers for name in answer}, key=_rank)
    if len(classes) < 2 or len(classes) > _MOST_CLASSES:
        remarks.add(column, "A column has not 2 to 100 different classes, and is left out", "Nothing need be done.")
        return None
    _refuse_conflicts(listing, column, [case for case, answers in present.items() if len(answers) > 1], said)
    if len(present) < len(said):
        remarks.add(f"{len(said) - len(present)} in {column}", "Images have no class", "They stay without a label.")
    name = _free_name(name_of(column), taken)
    task = Task(name, "classification", tuple(classes), multilabel=several)
    return task, {case: ClassLabel(answer, task) for case, (answer,) in present.items()}


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with the first number from 2 on that makes it another than those taken."""
    numbered = (f"{name}-{number}" for number in count(2))
    return next(one for one in chain((name,), numbered) if one not in taken)


def _said(listing: Listing, column: str, remarks: Tally) -> dict[str, set[str]]:
    """Return what the rows of each case say in a column; NA says nothing, unless there is but one class without it."""
    said = {case: {row[column] for row in rows} for case, rows in listing.rows.items()}
    values = {value for values in said.values() for value in values}
    empty = EMPTY
    if len({value for value in values if value.lower() not in EMPTY}) == 1 and "NA" in values:
        empty = EMPTY - {"na"}
        remarks.add(column, "NA is taken as a class, for there is one other alone", "Leave unknown cells blank.")
    return {case: {value for value in values if value.lower() not in empty} for case, values in said.items()}


def _may_be_together(values: set[str]) -> bool:
    """Return whether several classes may be present in an image: some are parted, or that none is present is said."""
    classes = {value for value in values if value.lower() != _NONE}
    return any(_PARTED_BY in value for value in values) or len(values) > len(classes) > 1


def _refuse_conflicts(listing: Listing, column: str, cases: list[str], said: dict[str, set[str]]) -> None:
    faults = Tally(str(listing.table.path))
    for case in cases:
        place = f"{case}: {' and '.join(map(repr, sorted(said[case])))} in {column}"
        hint = f"Correct them, or name another column; classes that are present together are parted by {_PARTED_BY}."
        faults.add(place, CONFLICT, hint)
    if faults:
        raise DatasetProblem.of(faults)


def _parts(value: str) -> frozenset[str]:
    return frozenset(part.strip() for part in value.split(_PARTED_BY) if part.strip().lower() not in (_NONE, ""))


def _rank(value: str) -> tuple[int, float, str]:
    """Numbers before words, each in their order."""
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value


def _without_doubles(columns: tuple[str, ...], listing: Listing, remarks: Tally) -> list[str]:
    """Return the columns without those that say the same as another one in other words; words stay before numbers."""
    kept: list[str] = []
    for column in sorted(columns, key=lambda column: all(_rank(row[column])[0] == 0 for row in listing.table.rows)):
        same = next((known for known in kept if _say_the_same(column, known, listing)), None)
        if same is None:
            kept.append(column)
        else:
            remarks.add(f"{column} and {same}", "Two columns say the same; the first is left out", "Nothing is lost.")
    return [column for column in columns if column in kept]


def _say_the_same(first: str, second: str, listing: Listing) -> bool:
    pairs = {(row[first], row[second]) for row in listing.table.rows}
    return len(pairs) == len({one for one, _ in pairs}) == len({two for _, two in pairs})
