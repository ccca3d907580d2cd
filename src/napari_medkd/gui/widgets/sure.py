"""Asks before something is lost."""

from qtpy.QtWidgets import QMessageBox, QWidget


def is_sure(parent: QWidget, question: str, words: str) -> bool:
    """Return whether the person wants to lose what the words name; Enter and Escape keep it."""
    answer = QMessageBox.question(
        parent,
        question,
        words,
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
        QMessageBox.StandardButton.Cancel,
    )
    return bool(answer == QMessageBox.StandardButton.Yes)
