"""What is wrong in many places of a document alike, told once with a count and the first places."""

from collections.abc import Iterator

from napari_medkd.core.errors import Problem

_SHOWN = 3


class Tally:
    """Faults by their kind, in the order in which each kind was first met."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._places: dict[tuple[str, str], list[str]] = {}

    def add(self, place: object, problem: str, hint: str) -> None:
        """Count a fault; alike faults share ``problem``, a sentence without its full stop, and ``hint``."""
        self._places.setdefault((problem, hint), []).append(str(place))

    def __bool__(self) -> bool:
        return bool(self._places)

    def __iter__(self) -> Iterator[Problem]:
        for (problem, hint), places in self._places.items():
            more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
            yield Problem(self._where, f"{problem} ({', '.join(places[:_SHOWN])}{more}).", hint)
