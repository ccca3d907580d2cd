"""Numbers as a person reads them, in the viewer and at the command line: durations, sizes, counts."""

_MINUTE = 60
_HOUR = 3600
_DAY = 24 * _HOUR
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def duration(seconds: float) -> str:
    """Return ``"48 s"``, ``"12 min"``, ``"3 h 5 min"`` or ``"2 d 4 h"``: two units at most, rounded."""
    if seconds < _MINUTE - 0.5:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / _MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < _DAY // _MINUTE:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(round(seconds / _HOUR), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def memory(num_bytes: float) -> str:
    """Return ``"1.4 GiB"``."""
    size = float(num_bytes)
    for unit in _UNITS:
        if size < _STEP or unit == _UNITS[-1]:
            break
        size /= _STEP
    return f"{size:.0f} {unit}" if unit == _UNITS[0] or size >= 100 else f"{size:.1f} {unit}"


def count(number: int, thing: str) -> str:
    """Return ``"1 case"`` or ``"24 cases"``."""
    return f"{number:,} {thing if number == 1 else thing + 's'}"


def count_or_no(number: int, thing: str) -> str:
    """Return ``"no problem"``, ``"1 problem"`` or ``"24 problems"``."""
    return count(number, thing) if number else f"no {thing}"
