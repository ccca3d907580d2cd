"""A score as a bar of letters, for the texts on napari's canvas. No Qt."""

_CELLS = 12
_FILLED, _EMPTY, _THRESHOLD = "━", "─", "┃"


def text_bar(score: float, threshold: float | None = None) -> str:
    """Return a bar that is filled as far as the score, 0 to 1; past the threshold's stroke only where it is reached."""
    filled = round(min(1.0, max(0.0, score)) * _CELLS)
    if threshold is None:
        return _FILLED * filled + _EMPTY * (_CELLS - filled)
    before = round(threshold * _CELLS)
    filled = max(filled, before) if score >= threshold else min(filled, before)
    bar = _FILLED * filled + _EMPTY * (_CELLS - filled)
    return bar[:before] + _THRESHOLD + bar[before:]
