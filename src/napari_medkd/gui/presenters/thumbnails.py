"""Pictures for the sheet, made one after another in the background, those in sight first."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_medkd.gui.presenters.ports import InBackground

if TYPE_CHECKING:
    from napari_medkd.core.dataset import Dataset
    from napari_medkd.gui.case_answers import CaseAnswer
    from napari_medkd.gui.thumbnail import Thumbnail


class Thumbnails:
    """Makes a thumbnail of each wanted answer once, and keeps it while answer and colours are wanted.

    Attributes
    ----------
    made
        ``(CaseAnswer, Thumbnail)``.
    failed
        ``(CaseAnswer, Exception)``; it is not tried again.
    """

    made = Signal(object, object)
    failed = Signal(object, object)

    def __init__(self, in_background: InBackground) -> None:
        self._in_background = in_background
        self._dataset: Dataset | None = None
        self._wanted: tuple[CaseAnswer, ...] = ()
        self._in_sight: tuple[CaseAnswer, ...] = ()
        self._known: dict[CaseAnswer, Thumbnail | None] = {}
        self._is_working = False

    def of(self, answer: "CaseAnswer") -> "Thumbnail | None":
        """Return the thumbnail of an answer, or None where there is none yet."""
        return self._known.get(answer)

    def want(self, dataset: "Dataset | None", answers: Iterable["CaseAnswer"]) -> None:
        """Make thumbnails of these answers, in this order; those of other answers or in other colours are forgotten."""
        is_recoloured = _colours_of(dataset) != _colours_of(self._dataset)
        self._dataset, self._wanted = dataset, tuple(answers)
        wanted = set() if is_recoloured else set(self._wanted)
        self._known = {answer: thumbnail for answer, thumbnail in self._known.items() if answer in wanted}
        self._go_on()

    def prefer(self, answers: Iterable["CaseAnswer"]) -> None:
        """Make those of these answers next: they are in sight."""
        self._in_sight = tuple(answers)

    def _go_on(self) -> None:
        dataset, answer = self._dataset, self._next()
        if self._is_working or answer is None or dataset is None:
            return
        self._is_working = True

        def work() -> "Thumbnail":
            from napari_medkd.gui.thumbnail import thumbnail_of

            return thumbnail_of(dataset, dataset.case(answer.case), answer.folder)

        self._in_background(
            work, lambda thumbnail: self._take(answer, thumbnail, dataset), lambda error: self._leave_out(answer, error)
        )

    def _next(self) -> "CaseAnswer | None":
        missing = [answer for answer in self._wanted if answer not in self._known]
        return next((answer for answer in self._in_sight if answer in missing), missing[0] if missing else None)

    def _take(self, answer: "CaseAnswer", thumbnail: "Thumbnail", drawn_for: "Dataset") -> None:
        self._is_working = False
        if answer in self._wanted and _colours_of(drawn_for) == _colours_of(self._dataset):
            self._known[answer] = thumbnail
            self.made.emit(answer, thumbnail)
        self._go_on()

    def _leave_out(self, answer: "CaseAnswer", error: Exception) -> None:
        self._is_working = False
        if answer in self._wanted:
            self._known[answer] = None
            self.failed.emit(answer, error)
        self._go_on()


def _colours_of(dataset: "Dataset | None") -> dict[str, tuple[str, ...]]:
    return {} if dataset is None else {name: task.colours for name, task in dataset.tasks.items()}
