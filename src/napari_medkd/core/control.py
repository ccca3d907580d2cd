"""What a training loop asks between two steps."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Wish: TypeAlias = Literal["go", "pause", "stop"]


class Control(Protocol):
    """Whoever may pause or stop a run."""

    def wish(self) -> Wish:
        """Return what the person wants now; cheap enough to ask between two steps."""
        ...


@dataclass(frozen=True, slots=True)
class Always:
    """A control that never changes its mind, for scripts."""

    answer: Wish = "go"

    def wish(self) -> Wish:
        """Return the one answer."""
        return self.answer
