"""The order in which the Tab key goes through what stands in a widget: that of the eye, not that of its making."""

from collections.abc import Iterator
from itertools import pairwise

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLayout, QScrollArea, QWidget


def tab_as_seen(widget: QWidget) -> None:
    """Let Tab go through a widget's parts as its layouts show them: grids row by row, also what is folded away."""
    for one, following in pairwise(_stops(widget)):
        QWidget.setTabOrder(one, following)


def _stops(widget: QWidget) -> Iterator[QWidget]:
    if widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
        yield widget
    content = widget.widget() if isinstance(widget, QScrollArea) else None
    if content is not None:
        yield from _stops(content)
    layout = widget.layout()
    if layout is not None:
        yield from _stops_of(layout)


def _stops_of(layout: QLayout) -> Iterator[QWidget]:
    places = range(layout.count())
    for at in sorted(places, key=layout.getItemPosition) if isinstance(layout, QGridLayout) else places:
        item = layout.itemAt(at)
        widget, inner = (None, None) if item is None else (item.widget(), item.layout())
        if widget is not None:
            yield from _stops(widget)
        elif inner is not None:
            yield from _stops_of(inner)
