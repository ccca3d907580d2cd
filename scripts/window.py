"""A real napari window that a script drives with the mouse and takes pictures of."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Window:
    """The napari window, the docks in it, and patience."""

    def __init__(self, out: Path) -> None:
        import napari

        from napari_medkd.gui.state import session_of

        self.out = out
        self.viewer = napari.Viewer(show=False)
        self.viewer.window.show()
        self.viewer.window.resize(1600, 1000)
        self.session = session_of(self.viewer)
        self.session.asks_at_closing = False

    def dock(self, title: str) -> Any:
        """Bring up one of the docks."""
        from napari_medkd.gui.widgets.dock import bring_up

        dock = bring_up(self.viewer, title)
        self.settle(0.3)
        return dock

    def settle(self, seconds: float) -> None:
        """Let the window live for a while."""
        from qtpy.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def wait(self, until: Callable[[], Any], what: str, minutes: float = 5) -> None:
        """Let the window live until something is so; end with a clear line where it never is."""
        end = time.monotonic() + 60 * minutes
        while not until():
            if time.monotonic() > end:
                self.shot("stuck")
                sys.exit(f"The script waited {minutes:g} minutes for {what}; see {self.out / 'stuck.png'}.")
            self.settle(0.05)

    def click(self, button: Any) -> None:
        """Press a button with the mouse."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.settle(0.1)

    def click_item(self, view: Any, index: Any) -> None:
        """Press an entry of a list or table with the mouse."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        view.scrollTo(index)
        place = view.visualRect(index).intersected(view.viewport().rect()).center()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        self.settle(0.1)

    def type_into(self, editor: Any, text: str) -> None:
        """Click into a field, type over what stands there, and press Enter."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        self.bring_in_sight(editor)
        self.click(editor)
        QTest.keyClick(editor, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(editor, text)
        QTest.keyClick(editor, Qt.Key.Key_Return)
        self.settle(0.1)

    def bring_in_sight(self, widget: Any) -> None:
        """Scroll what it lies in until it can be seen."""
        from qtpy.QtWidgets import QScrollArea

        around = widget.parentWidget()
        while around is not None:
            if isinstance(around, QScrollArea):
                around.ensureWidgetVisible(widget)
            around = around.parentWidget()
        self.settle(0.1)

    def shot(self, name: str) -> None:
        """Write a picture of the whole window, once it has laid itself out."""
        self.settle(1.5)
        self.viewer.screenshot(str(self.out / f"{name}.png"), canvas_only=False, flash=False)
        print(f"  picture: {self.out / name}.png", flush=True)
