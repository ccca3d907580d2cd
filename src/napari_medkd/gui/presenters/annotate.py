"""What happens while a person paints: autosaving, what is painted and what is missing, and that nothing is lost."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.words import count
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.state import AnnotateState, Session
from napari_medkd.gui.study import renew

if TYPE_CHECKING:
    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.dataset import Dataset
    from napari_medkd.gui.annotation import Annotation, Painted

#: Seconds between two looks at what was painted; with the time a save takes, at most five are lost in a crash.
AUTOSAVE_SECONDS = 2.0


class AnnotatePresenter:
    """Saves a mask while it is painted, in the background, whenever it has changed.

    Attributes
    ----------
    annotation
        The mask that is painted; None while none is.
    is_draft
        Whether it is what a network drew, and nobody has changed or approved it yet: it is not saved.
    """

    def __init__(self, session: Session, state: AnnotateState, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._saved: Mask | None = None
        self._before: Dataset | None = None  # what was known before the first save; None while nothing is saved
        self._is_new = False
        self._one_at_a_time = threading.Lock()
        self.is_draft = False
        self._is_saving = self._looks_again = self._is_last_look = self._has_failed = False
        self._finish: tuple[Callable[[], None], ...] = ()
        self.annotation: Annotation | None = None

    def begin(self, annotation: "Annotation") -> None:
        """Look after a mask from now on; a draft is saved when it is changed, or when the person is done with it."""
        self.annotation = annotation
        self._saved = annotation.snapshot()
        self._before = None
        self._is_new = annotation.task.name not in annotation.dataset.case(annotation.case.id).annotations
        self.is_draft = annotation.is_draft
        self._is_last_look, self._finish = False, ()
        self._state.painted = annotation.painted(self._saved)
        self._state.saved = ""
        self._state.problem = None

    def look(self) -> None:
        """Say what is painted now, and save it where it has changed; while a save is under way, as soon as it ends."""
        annotation, last, before = self.annotation, self._saved, self._before
        self._looks_again = self._is_saving
        if annotation is None or self._is_saving:
            return
        self._is_saving = True
        is_approved = self.is_draft and self._is_last_look
        self._in_background(
            lambda: self._save(annotation, last, even_if_same=is_approved),
            lambda found: self._take(annotation, before, *found),
            lambda error: self._fail(annotation, before, last, error),
        )

    def save_now(self) -> Problem | None:
        """Save what is not saved yet here and now, because the window closes; return why where that fails."""
        annotation = self.annotation
        if annotation is None:
            return None
        try:
            _, _, dataset = self._save(annotation, self._saved)
        except Exception as error:  # noqa: BLE001 - whatever it is, the window has to stay and say it
            self._tell(error)
            return self._state.problem
        if dataset is not None:
            self._before = self._before or annotation.dataset
        return None

    def put_away(self, then: Callable[[], None]) -> None:
        """Stop painting because something else is wanted: a draft that nobody has changed or approved is not kept."""
        annotation = self.annotation
        if annotation is None:
            then()
        elif self.is_draft and not self._finish and self._is_all_saved(annotation):
            self.discard()
            then()
        else:
            self._finish_with(*self._finish, then)

    def finish(self, then: Callable[[], None]) -> None:
        """Save what is not saved yet, then stop looking after the mask; where saving fails, painting goes on.

        Where something else is wanted already, it waits until this is over.
        """
        self._finish_with(then, *self._finish)

    def _finish_with(self, *then: Callable[[], None]) -> None:
        self._finish = then
        self._is_last_look = not self._is_saving
        self.look()

    @property
    def can_be_discarded(self) -> bool:
        """Whether all can be as it was: painting began without a mask of the case's own, or nothing is saved yet."""
        return self.annotation is not None and (self._is_new or self.is_draft)

    @property
    def has_work(self) -> bool:
        """Whether a person painted or changed anything, which would be lost."""
        annotation = self.annotation
        return annotation is not None and (self._before is not None or not self._is_all_saved(annotation))

    def discard(self) -> None:
        """Take what is painted off the canvas, and back what was saved of it; a save that is under way when it ends.

        Where it cannot be taken back, that is told, and painting goes on.
        """
        annotation, before, last = self.annotation, self._before, self._saved
        if annotation is None or not self.can_be_discarded:
            return
        is_back = before is None or self._is_saving or self._take_back(annotation, before, last, annotation.dataset)
        if is_back:
            self.annotation = None
            annotation.remove()
            self._state.painted = None
            self._state.saved = ""  # all is as it was

    def change(self, work: "Callable[[Annotation], Problem | None]") -> None:
        """Change the classes or the mask; what cannot be done, or what the work returns as left undone, is told."""
        if self.annotation is None:
            return
        self._state.problem = None
        try:
            self._state.problem = work(self.annotation)
        except InputProblem as error:
            self._state.problem = error.problems[0]
        self.look()

    def hint(self) -> str:
        """Return what is still missing, in words; empty where nothing is."""
        painted = self._state.painted
        if self.is_draft and self.annotation is not None:
            renamed = ", ".join(f"{drawn} is {name} here" for drawn, name in self.annotation.renamed)
            doubt = f" Its {renamed}: press Discard if these are not the same." if renamed else ""
            return f"This is what the student drew. Correct it; Done saves it as a reference.{doubt}"
        if painted is None or not painted.num_painted:
            return "Nothing is painted yet: press the mouse on the image."
        if painted.num_empty:
            between = count(painted.num_empty, "slice")
            return f"{between} between painted ones {'is' if painted.num_empty == 1 else 'are'} still empty."
        unseen = [one.name for one in painted.classes if not one.volume]
        if unseen:
            return f"Not painted yet: {', '.join(unseen)}."
        broken = [f"{one.name} ({count(one.num_missing, 'slice')})" for one in painted.classes if one.num_missing]
        return f"Missing on slices between those it is painted on: {', '.join(broken)}." if broken else ""

    def _save(
        self, annotation: "Annotation", last: "Mask | None", *, even_if_same: bool = False
    ) -> "tuple[Mask, Painted, Dataset | None]":
        """Save what is painted now where it is not what was saved last; return it, and the dataset if it was saved.

        One save waits for another before it looks at the mask, so that the file never goes back to an earlier one.
        """
        from napari_medkd.files.annotating import save_annotation

        with self._one_at_a_time:
            mask, dataset = annotation.snapshot(), None
            if even_if_same or not _is_same(mask, last):
                dataset = save_annotation(annotation.dataset, annotation.case.id, mask)
            return mask, annotation.painted(mask), dataset

    def _take(
        self,
        annotation: "Annotation",
        before: "Dataset | None",
        mask: "Mask",
        painted: "Painted",
        dataset: "Dataset | None",
    ) -> None:
        self._is_saving = False
        if self.annotation is not annotation:  # it was discarded meanwhile
            if dataset is not None or before is not None:
                self._take_back(annotation, before or annotation.dataset, mask, dataset or annotation.dataset)
            return
        self._state.painted = painted
        if dataset is not None:
            self._saved, self.is_draft = mask, False
            self._before = self._before or annotation.dataset
            self._state.saved = time.strftime("%H:%M:%S")
            self._publish(annotation, dataset)
        if self._has_failed and not self.is_draft:  # what could not be saved is saved now, or taken back
            self._has_failed, self._state.problem = False, None
        if self._finish:
            self._end()
        elif self._looks_again:
            self.look()

    def _end(self) -> None:
        """Stop looking after the mask; after a save that was under way, or a stroke during one, another comes first."""
        annotation = self.annotation
        if annotation is None:
            return
        if not (self._is_last_look and self._is_all_saved(annotation)):
            self._is_last_look = True
            self.look()
            return
        finish, self._finish = self._finish, ()
        annotation.close()
        self.annotation = None
        for then in finish:
            then()

    def _is_all_saved(self, annotation: "Annotation") -> bool:
        try:
            return _is_same(annotation.snapshot(), self._saved)
        except InputProblem:
            return False  # the save that follows tells it

    def _take_back(self, annotation: "Annotation", before: "Dataset", mask: "Mask | None", dataset: "Dataset") -> bool:
        """Undo all saves; where that fails, it is told, and the other docks hear of the mask that is there."""
        from napari_medkd.files.annotating import take_back_annotation

        assert mask is not None, "nothing was ever painted"
        try:
            there = take_back_annotation(before, annotation.case.id, mask)
        except (InputProblem, OSError) as error:
            self._tell(error)
            self._has_failed = False  # no later save says that this has come right
            self._publish(annotation, dataset)
            return False
        if annotation.dataset is not before:
            self._publish(annotation, there)
        return True

    def _publish(self, annotation: "Annotation", dataset: "Dataset") -> None:
        """Tell the other docks of the case's new mask."""
        from napari_medkd.files.manifest import manifest_of

        if dataset is annotation.dataset:
            return
        annotation.dataset = dataset
        renew(self._session, dataset, manifest_of(dataset))

    def _fail(self, annotation: "Annotation", before: "Dataset | None", last: "Mask | None", error: Exception) -> None:
        """Tell why a mask could not be saved; of one that was discarded meanwhile, take back what was saved before."""
        if self.annotation is annotation:
            self._tell(error)
        elif before is not None:
            self._take_back(annotation, before, last, annotation.dataset)
        self._is_saving = False

    def _tell(self, error: Exception) -> None:
        self._is_saving = self._is_last_look = False
        self._has_failed = True
        self._finish = ()
        self._state.problem = problems_of(error, "annotation")[0]
        if self.annotation is not None:
            self.annotation.put_back()


def _is_same(mask: "Mask", last: "Mask | None") -> bool:
    return last is not None and mask.task == last.task and np.array_equal(mask.labels, last.labels)
