"""Which answers are measured together, and the tables of what is measured by class."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias, TypeVar

from napari_medkd.cli.evaluation_answers import Origin

#: A line of a table, by the names of its columns.
Row: TypeAlias = dict[str, Any]


class _Answer(Protocol):
    @property
    def origin(self) -> Origin: ...


SomeAnswer = TypeVar("SomeAnswer", bound=_Answer)


def by_who(answers: Iterable[SomeAnswer]) -> list[list[SomeAnswer]]:
    """Return the answers of each network to each task in each folder of predictions, in the order they came."""
    groups: dict[tuple[str, ...], list[SomeAnswer]] = {}
    for answer in answers:
        groups.setdefault(tuple(answer.origin.who.values()), []).append(answer)
    return list(groups.values())


def by_domain(answers: Iterable[SomeAnswer]) -> dict[str, list[SomeAnswer]]:
    """Return the answers by the domain of their case; nothing where no case has one."""
    groups: dict[str, list[SomeAnswer]] = {}
    for answer in answers:
        groups.setdefault(answer.origin.domain, []).append(answer)
    return groups if any(groups) else {}


def tables_by_class(
    answers: Iterable[SomeAnswer], rows_of: Callable[[list[SomeAnswer], list[SomeAnswer]], list[Row]]
) -> dict[str, list[Row]]:
    """Return the measures of each network by class, and by domain and class where there are domains.

    Parameters
    ----------
    rows_of
        Gives the rows of some answers of a network; it is shown all of that network's beside them.
    """
    classes: list[Row] = []
    domains: list[Row] = []
    for members in by_who(answers):
        who = members[0].origin.who
        classes += [{**who, **row} for row in rows_of(members, members)]
        for domain, of_domain in by_domain(members).items():
            domains += [{**who, "domain": domain, **row} for row in rows_of(of_domain, members)]
    return {"classes": classes, "domains": domains}
