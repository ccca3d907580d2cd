"""The colours of napari's theme, for what we draw ourselves: lists and plots."""

from dataclasses import dataclass
from typing import Any

#: Okabe and Ito's palette in the order of `colours`, so that a class has the same hue here as in its layer; lightened
#: or darkened where it would not stand out from the dock.
_ON_DARK = ("#e69f00", "#56b4e9", "#2fc79a", "#f0e442", "#e391bd", "#ff7a33", "#8ea7ff", "#c9c9c9")
_ON_LIGHT = ("#b56b00", "#1b7fb5", "#00805c", "#8a7a00", "#b0487e", "#c23b00", "#3d4fb8", "#555555")

_LIVE = ("#56b4e9", "#0b5c8f")
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
    live: str
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
        _LIVE[at],
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
