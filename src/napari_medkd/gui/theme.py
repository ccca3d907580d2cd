"""The colours of napari's theme, for what we draw ourselves: lists and plots."""

from dataclasses import dataclass
from typing import Any

#: Okabe and Ito's palette, darkened for light backgrounds where it needs it: neighbours stay apart for every eye.
_ON_DARK = ("#56b4e9", "#e69f00", "#2fc79a", "#f0e442", "#e391bd", "#ff7a33", "#8ea7ff", "#c9c9c9")
_ON_LIGHT = ("#0072b2", "#b56b00", "#00805c", "#8a7a00", "#b0487e", "#c23b00", "#3d4fb8", "#555555")

_GOOD = ("#4cc38a", "#06603a")
_BAD = ("#ff8078", "#a0101a")
_CAUTION = ("#e3b617", "#6e5200")


@dataclass(frozen=True, slots=True)
class ThemeColours:
    """Colours as ``#rrggbb``; ``lines`` tell curves apart on ``background``."""

    is_dark: bool
    background: str
    foreground: str
    primary: str
    secondary: str
    text: str
    faint_text: str
    current: str
    good: str
    bad: str
    caution: str
    lines: tuple[str, ...]


def colours_of(viewer: Any) -> ThemeColours:
    """Return the colours of the viewer's theme."""
    from napari.utils.theme import get_theme

    theme = get_theme(str(viewer.theme))

    def rgb(name: str) -> tuple[int, int, int]:
        red, green, blue = getattr(theme, name).as_rgb_tuple()[:3]
        return red, green, blue

    text, background = rgb("text"), rgb("background")
    is_dark = sum(background) < sum(text)
    at = 0 if is_dark else 1
    return ThemeColours(
        is_dark,
        _hex(background),
        _hex(rgb("foreground")),
        _hex(rgb("primary")),
        _hex(rgb("secondary")),
        _hex(text),
        _hex(_between(text, background, 0.35)),
        _hex(rgb("current")),
        _GOOD[at],
        _BAD[at],
        _CAUTION[at],
        _ON_DARK if is_dark else _ON_LIGHT,
    )


def _between(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)
