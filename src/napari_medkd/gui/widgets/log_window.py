"""A run's log in a window of its own, with its end in sight, and a button that copies it for a report."""

from pathlib import Path

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QFontDatabase, QGuiApplication
from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from napari_medkd.core.run_layout import LOG

_MOST_BYTES = 1_000_000
_REREAD_MILLISECONDS = 1000
_SIZE = (760, 480)


class LogWindow(QDialog):
    """Shows the end of a log file and follows it."""

    def __init__(self, run: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = run / LOG
        self._shown_size = -1
        self.setWindowTitle(f"Log of {run.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*_SIZE)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        place = QLabel(str(self._path))
        place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        copy = QPushButton("Copy all")
        copy.clicked.connect(self._copy)
        buttons = QHBoxLayout()
        buttons.addWidget(place, 1)
        buttons.addWidget(copy)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.read)
        self._timer.start(_REREAD_MILLISECONDS)
        self.read()

    def read(self) -> None:
        """Show what the file holds now; a long one from its end."""
        try:
            size = self._path.stat().st_size
            if size == self._shown_size:
                return
            with self._path.open("rb") as file:
                file.seek(max(0, size - _MOST_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except OSError as error:
            self.text.setPlainText(f"There is no log yet: {error.strerror}.")
            return
        self._shown_size = size
        self.text.setPlainText(text)
        bar = self.text.verticalScrollBar()
        if bar is not None:
            bar.setValue(bar.maximum())

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text.toPlainText())
