"""The datasets that are open side by side, and what a list of them says of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_medkd.core.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_medkd.core.dataset import Case, Dataset
    from napari_medkd.core.task import Task


@dataclass(frozen=True, slots=True)
class Member:
    """An open dataset.

    Parameters
    ----------
    path
        The folder or manifest it was read from; what a spec refers to.
    references
        Ids of its cases that are marked as reference.
    """

    path: Path
    dataset: Dataset
    references: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """What tells it from the other datasets, whether it was opened by its folder or by its manifest."""
        return self.dataset.folder.resolve()


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """What an expert said of a case was changed and written; without an id, of all cases of a dataset."""

    folder: Path
    case: str = ""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One line of the list of open datasets.

    Parameters
    ----------
    domains
        Each with its number of cases, where the dataset names any.
    num_problems
        None while nobody has looked.
    """

    folder: Path
    name: str
    num_cases: int
    tasks: tuple[Task, ...]
    domains: tuple[tuple[str, int], ...]
    num_problems: int | None
    is_current: bool


def folder_of(dataset: Path) -> Path:
    """Return the folder of a dataset, whether it is named by it or by its manifest."""
    folder = dataset.parent if dataset.is_file() else dataset
    return folder.expanduser().resolve()


def joined(members: Sequence[Member], others: Iterable[Member]) -> tuple[Member, ...]:
    """Return the members with others in the places of those of the same folders, or behind them."""
    by_folder = {member.folder: member for member in members}
    return tuple((by_folder | {other.folder: other for other in others}).values())


def found_in(members: Iterable[Member], image: Path) -> tuple[Member, Case] | None:
    """Return the case that one of the image files is of, and its dataset; None where no dataset has it."""
    wanted = image.resolve()
    for member in members:
        for case in member.dataset.cases:
            if any(path.name == wanted.name and path.resolve() == wanted for path in case.images):
                return member, case
    return None


def problems_of_names(members: Iterable[Member]) -> tuple[Problem, ...]:
    """Return why datasets cannot be told apart: networks and scores are called by their datasets' names."""
    counts = Counter(member.dataset.name for member in members)
    return tuple(
        Problem(
            "study",
            f"{number} open datasets are called {name!r}.",
            "Give one another name in its medkd-dataset.json and add it again, or remove it.",
        )
        for name, number in counts.items()
        if number > 1
    )


def row_of(member: Member, found: Sequence[Problem] | None, *, is_current: bool) -> MemberRow:
    """Return an open dataset as a line of the list; ``found`` is what is wrong with it, None before anybody looked."""
    dataset = member.dataset
    domains = Counter(case.domain for case in dataset.cases if case.domain)
    return MemberRow(
        member.folder,
        dataset.name,
        len(dataset.cases),
        tuple(dataset.tasks.values()),
        tuple(domains.items()),
        None if found is None else len(found),
        is_current,
    )
