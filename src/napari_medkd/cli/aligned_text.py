"""Rows of words as columns of text."""

from collections.abc import Sequence


def aligned(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a title, a line of heads, and a line for each row, in which each column is as wide as its widest cell."""
    lines = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([title, *padded])
