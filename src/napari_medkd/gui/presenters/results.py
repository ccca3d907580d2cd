"""The Results dock's decisions: whose answers are fetched, which of them still count, and what stands side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.gui.networks import place_of_stage
from napari_medkd.gui.presenters.predicting import Predicting
from napari_medkd.gui.presenters.selection import Selection
from napari_medkd.gui.presenters.side_by_side import noted, pairs_of, panels_of

if TYPE_CHECKING:
    from napari_medkd.gui.answers import Answer
    from napari_medkd.gui.state import ResultsState


class ResultsPresenter:
    """Decides for the Results dock; everything it says stands in ``state``.

    Parameters
    ----------
    selection
        What the answers are about; another run or picture makes them stale.
    predicting
        Gets the answers.

    Attributes
    ----------
    will_compare
        Whether the answers that are fetched are wanted side by side only.
    """

    def __init__(self, state: "ResultsState", selection: Selection, predicting: Predicting) -> None:
        self._state = state
        self._selection = selection
        self._predicting = predicting
        self._waiting: list[str] = []
        self.will_compare = False
        predicting.progressed.connect(self._on_progress)
        predicting.answered.connect(self._on_answer)
        predicting.failed.connect(self._on_failure)
        selection.changed.connect(self.start_anew)

    def answer(self, stage: str) -> "Answer | None":
        """Return what a network said about the picture, the first of its tasks."""
        return next((one for one in self._state.answers if one.stage == stage), None)

    def predict(self, stages: Sequence[str] = ()) -> None:
        """Ask the chosen network, or those of the stages one after the other, about the picture."""
        if self._state.busy or self._state.advice:
            return
        self._waiting = list(stages) or [self._state.network]
        self._say()
        self._ask_next()

    def stop(self) -> None:
        """Stop the prediction that is under way, and those that wait behind it."""
        self._waiting, self.will_compare = [], False
        self._predicting.stop()

    def compare(self) -> None:
        """Put the networks of the chosen one's dataset side by side, after asking those that have not answered yet."""
        missing = [one.stage for one in self._selection.comparable() if self.answer(one.stage) is None]
        if not missing:
            self._show_panels()
        elif not self._state.busy and not self._state.advice:
            self.will_compare = True
            self.predict(missing)

    def switch_comparison(self) -> None:
        """Compare, or leave the comparison that is shown."""
        if self._state.panels:
            self.leave_comparison()
        else:
            self.compare()

    def leave_comparison(self) -> None:
        """Take the panels away."""
        self.will_compare = False
        self._state.panels = ()

    def choose_difference(self, pair: str) -> None:
        """Choose the two masks that the difference panel compares."""
        if pair != self._state.difference:
            self._state.difference = pair
            self._update_panels()

    def choose_box_threshold(self, threshold: float) -> None:
        """Choose the least score of the boxes that are shown."""
        self._state.box_threshold = threshold

    def choose_class_threshold(self, threshold: float) -> None:
        """Choose from which score a class is called present, where several can be."""
        if threshold != self._state.class_threshold:
            self._state.class_threshold = threshold
            self._state.panels = noted(self._state.panels, threshold)

    def start_anew(self) -> None:
        """Forget the answers, and make whatever is under way stale."""
        self._predicting.forget()
        self._waiting, self.will_compare = [], False
        self._state.busy = ""
        self._say()
        self._state.panels = ()
        self._set_answers(())

    def _ask_next(self) -> None:
        wish = self._selection.wish(self._waiting.pop(0))
        if wish is not None:
            self._predicting.ask(wish)

    def _on_progress(self, busy: str) -> None:
        self._state.busy = busy

    def _on_answer(self, answers: "tuple[Answer, ...]") -> None:
        stage, doubt = answers[0].stage, answers[0].doubt
        others = [known for known in self._state.answers if known.stage != stage]
        self._set_answers(tuple(sorted([*others, *answers], key=lambda one: place_of_stage(one.stage))))
        self._state.busy = ""
        if doubt:
            self._say(doubt, "What needs it is left out: Dice and distances, right and wrong.")
        if self._waiting:
            self._ask_next()
        elif self.will_compare:
            self.will_compare = False
            self._show_panels()
        else:
            self._update_panels()

    def _on_failure(self, message: str, hint: str, log: Path | None) -> None:
        self._waiting, self.will_compare = [], False
        self._state.busy = ""
        self._say(message, hint, log)

    def _say(self, message: str = "", hint: str = "", log: Path | None = None) -> None:
        self._state.log, self._state.hint = log, hint
        self._state.message = message

    def _set_answers(self, answers: "tuple[Answer, ...]") -> None:
        self._state.answers = answers
        self._offer_pairs(answers)

    def _offer_pairs(self, answers: "tuple[Answer, ...]") -> None:
        pairs = pairs_of(answers)
        if self._state.difference not in pairs or len(pairs) > len(self._state.differences):
            self._state.difference = pairs[0] if pairs else ""
        self._state.differences = pairs

    def _update_panels(self) -> None:
        if self._state.panels:
            self._show_panels()

    def _show_panels(self) -> None:
        picture = self._selection.picture
        if picture is not None:
            state, stages = self._state, {one.stage for one in self._selection.comparable()}
            answers = tuple(one for one in state.answers if one.stage in stages)
            self._offer_pairs(answers)
            state.panels = panels_of(answers, state.difference, picture, state.class_threshold)
