"""Durations as a person says them."""


def in_words(seconds: float) -> str:
    """Return a duration as a person says it: ``2 h 05 min``, ``3 min 20 s``, ``12 s``."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
