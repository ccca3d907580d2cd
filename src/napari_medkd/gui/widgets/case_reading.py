"""A case of the Data dock is read in the background: one at a time, until it is cancelled or a newer wish comes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_medkd.gui.background import Background
from napari_medkd.gui.widgets.cases_page import CasesPage

if TYPE_CHECKING:
    from napari_medkd.core.dataset import Case, Dataset
    from napari_medkd.gui.layers import LayerData


class CaseReading:
    """Reads for a page, which shows that something is being read.

    Parameters
    ----------
    failed
        Gets what went wrong, and the case's id.
    """

    def __init__(self, page: CasesPage, failed: Callable[[Exception, str], Any]) -> None:
        self._page = page
        self._failed = failed
        self._in_background = Background(page)
        self._wish = 0
        page.cancelled.connect(self.cancel)

    def begin(
        self, dataset: "Dataset", case: "Case", answer: Path | None, then: "Callable[[list[LayerData]], Any]"
    ) -> None:
        """Read a case, with a network's answer where there is one, and hand over its layers unless it is cancelled."""
        self._wish += 1
        wish = self._wish
        self._page.show_reading(True)

        def work() -> "list[LayerData]":
            from napari_medkd.files.giving_up import until
            from napari_medkd.gui.case_layers import case_layers

            with until(lambda: wish != self._wish):
                return case_layers(dataset, case, answer)

        def end(act: Callable[[], Any]) -> None:
            if wish == self._wish:
                self._page.show_reading(False)
                act()

        self._in_background(
            work,
            lambda layers: end(lambda: then(layers)),
            lambda error: end(lambda: self._failed(error, case.id)),
        )

    def cancel(self) -> None:
        """Read no further; what stands in the viewer stays."""
        self._wish += 1
        self._page.show_reading(False)
