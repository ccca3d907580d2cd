"""What happens while a person paints: autosaving, what is painted and what is missing, and that nothing is lost."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_medkd.core.errors import InputProblem
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.presenters.words import count
from napari_medkd.gui.state import AnnotateState, Session

if TYPE_CHECKING:
    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.dataset import Dataset
    from napari_medkd.gui.annotation import Annotation, Painted

#: Seconds between two looks at what was painted; with the time a save takes, at most five are lost in a crash.
AUTOSAVE_SECONDS = 2.0


class AnnotatePresenter:
    """Saves a mask while it is painted, in the background, whenever it has changed."""

    def __init__(self, session: Session, state: AnnotateState, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._saved: Mask | None = None
        self._is_saving = self._is_last_look = self._has_failed = False
        self._finish: Callable[[], None] | None = None
        self.annotation: Annotation | None = None

    def begin(self, annotation: "Annotation") -> None:
        """Look after a mask from now on."""
        self.annotation = annotation
        self._saved = annotation.snapshot()
        self._state.painted = annotation.painted(self._saved)
        self._state.saved = ""
        self._state.problem = None

    def look(self) -> None:
        """Say what is painted now, and save it where it has changed; a save that is under way is left to finish."""
        annotation, last = self.annotation, self._saved
        if annotation is None or self._is_saving:
            return
        if not annotation.is_there:
            self.annotation = None
            self._state.painted = None
            return
        self._is_saving = True
        self._in_background(lambda: _saved(annotation, last), self._take, self._tell)

    def save_now(self) -> bool:
        """Save what is not saved yet here and now, because the window closes; False where that fails, which is told."""
        annotation = self.annotation
        if annotation is None or not annotation.is_there:
            return True
        try:
            _saved(annotation, self._saved)
        except (InputProblem, OSError) as error:
            self._tell(error)
            return False
        return True

    def finish(self, then: Callable[[], None]) -> None:
        """Save what is not saved yet, then stop looking after the mask; where saving fails, painting goes on."""
        self._finish = then
        self._is_last_look = not self._is_saving
        self.look()

    def change(self, work: "Callable[[Annotation], Any]") -> None:
        """Change the classes or the mask; what cannot be done is told."""
        if self.annotation is None:
            return
        self._state.problem = None
        try:
            work(self.annotation)
        except InputProblem as error:
            self._state.problem = error.problems[0]
        self.look()

    def hint(self) -> str:
        """Return what is still missing, in words; empty where nothing is."""
        painted = self._state.painted
        if painted is None or not painted.num_painted:
            return "Nothing is painted yet: press the mouse on the image."
        if painted.num_empty:
            between = count(painted.num_empty, "slice")
            return f"{between} between painted ones {'is' if painted.num_empty == 1 else 'are'} still empty."
        unseen = [one.name for one in painted.classes if not one.volume]
        return f"Not painted yet: {', '.join(unseen)}." if unseen else ""

    def _take(self, found: "tuple[Mask, Painted, Dataset | None]") -> None:
        mask, painted, dataset = found
        self._is_saving = False
        self._state.painted = painted
        if dataset is not None:
            self._saved = mask
            self._state.saved = time.strftime("%H:%M:%S")
            if self._has_failed:
                self._has_failed, self._state.problem = False, None
            self._publish(dataset)
        if self._finish is not None:
            self._end(self._finish)

    def _end(self, then: Callable[[], None]) -> None:
        """Stop looking after the mask; after a save that was under way already, another one comes first."""
        if not self._is_last_look:
            self._is_last_look = True
            self.look()
        elif self.annotation is not None:
            self._finish = None
            self.annotation.close()
            self.annotation = None
            then()

    def _publish(self, dataset: "Dataset") -> None:
        """Tell the other docks of the case's new mask."""
        from napari_medkd.files.manifest import MANIFEST

        annotation = self.annotation
        if annotation is None or dataset is annotation.dataset:
            return
        annotation.dataset = dataset
        self._session.dataset_path = dataset.folder / MANIFEST
        self._session.dataset = dataset

    def _tell(self, error: Exception) -> None:
        self._is_saving = False
        self._has_failed = True
        self._finish = None
        self._state.problem = problems_of(error, "annotation")[0]


def _saved(annotation: "Annotation", last: "Mask | None") -> "tuple[Mask, Painted, Dataset | None]":
    """Save what is painted now where it is not what was saved last; return it, and the dataset if it was saved."""
    from napari_medkd.files.annotating import save_annotation

    mask = annotation.snapshot()
    is_same = last is not None and mask.task == last.task and np.array_equal(mask.labels, last.labels)
    dataset = None if is_same else save_annotation(annotation.dataset, annotation.case.id, mask)
    return mask, annotation.painted(mask), dataset
