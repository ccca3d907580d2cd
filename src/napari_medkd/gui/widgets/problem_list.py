"""Problems as text a person can read and copy: where, what was found, what to do."""

from collections.abc import Iterable
from html import escape
from math import ceil

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTextBrowser

from napari_medkd.core.errors import Problem

_MOST = 100
_HIGHEST = 170
_NARROWEST = 50


class ProblemList(QTextBrowser):
    """A box that is as high as its problems need, and away where there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenExternalLinks(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Problems")
        self.setStyleSheet("QTextBrowser { background: transparent; border: none; padding: 0px; }")
        self.hide()

    def show_problems(self, problems: Iterable[Problem]) -> None:
        """Show these problems instead."""
        listed = tuple(problems)
        parts = [_as_html(problem) for problem in listed[:_MOST]]
        if len(listed) > _MOST:
            parts.append(f"<p>… and {len(listed) - _MOST} more.</p>")
        self.setHtml("".join(parts))
        self.setVisible(bool(listed))
        self._fit()

    def resizeEvent(self, event: object) -> None:
        """Keep the height fitting when the width changes."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._fit()

    def _fit(self) -> None:
        document = self.document()
        if document is not None:
            document.setTextWidth(max(_NARROWEST, self.contentsRect().width()))
            edges = self.height() - self.contentsRect().height()
            self.setFixedHeight(min(_HIGHEST, ceil(document.size().height()) + edges + 2))


def _as_html(problem: Problem) -> str:
    where = f"<b>{breakable(problem.where)}</b><br>" if problem.where else ""
    hint = f"<br><i>{escape(problem.hint)}</i>" if problem.hint else ""
    return f"<p style='margin:2px 2px 6px 2px'>{where}{escape(problem.problem)}{hint}</p>"


def breakable(text: str) -> str:
    """Return a path or place that may be broken after its separators."""
    for separator in ("/", "\\", ".", "_", "-"):
        text = text.replace(separator, f"{separator}\u200b")
    return escape(text)
