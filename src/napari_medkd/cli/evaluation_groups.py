"""Which answers are measured together."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from napari_medkd.cli.evaluation_answers import Origin


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
