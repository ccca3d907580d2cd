"""Widgets side by side."""

from qtpy.QtWidgets import QHBoxLayout, QWidget


def row_of(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Return a layout of widgets of equal width, or one in which that at ``stretch`` alone takes what is left."""
    layout = QHBoxLayout()
    for at, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if stretch is None or at == stretch else 0)
    return layout
