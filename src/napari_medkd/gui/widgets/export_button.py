"""The button that saves the answers: tables, boxes or masks, wherever the person says."""

from collections.abc import Callable, Sequence
from pathlib import Path

from psygnal import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton

from napari_medkd.core.errors import InputProblem
from napari_medkd.gui.answers import Answer
from napari_medkd.gui.exporting import export_coco, export_masks, export_tables, why_no_coco, why_no_masks
from napari_medkd.gui.widgets.sure import is_sure

_TABLES_TIP = "Measures, class scores and boxes, as the dock shows them"
_COCO_TIP = "The boxes that are shown"
_MASKS_TIP = "NIfTI, OME-Zarr, PNG or TIFF, on the image's own grid"


class ExportButton(QPushButton):
    """A menu of what can be saved.

    Attributes
    ----------
    saved
        ``(str)`` which files were written; not heard where the person keeps those that are there.
    failed
        ``(InputProblem)`` why nothing could be.
    """

    saved = Signal(str)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__("Export …")
        self.setToolTip("Save what is shown for other programs")
        self.image = ""
        self.box_threshold = self.class_threshold = 0.5
        self._answers: tuple[Answer, ...] = ()
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.tables, self.coco, self.masks = (
            QAction(words, menu) for words in ("Tables as CSV …", "Boxes as COCO JSON …", "Masks as images …")
        )
        menu.addActions([self.tables, self.coco, self.masks])
        self.tables.setToolTip(_TABLES_TIP)
        self.tables.triggered.connect(lambda: self._choose_file("Export the tables", ".csv", self.export_tables))
        self.coco.triggered.connect(lambda: self._choose_file("Export the boxes", ".json", self.export_coco))
        self.masks.triggered.connect(lambda: self._choose_file("Export the masks", "", self.export_masks))
        self.setMenu(menu)

    def take(self, answers: Sequence[Answer], image: str) -> None:
        """Save these from now on, and offer what they can be saved as; ``image`` is the name of the image's file."""
        self._answers, self.image = tuple(answers), image
        for action, tip, why_not in (
            (self.coco, _COCO_TIP, why_no_coco(answers)),
            (self.masks, _MASKS_TIP, why_no_masks(answers)),
        ):
            action.setEnabled(not why_not)
            action.setToolTip(why_not or tip)

    def export_tables(self, path: Path) -> None:
        """Write the tables as CSV."""
        thresholds = self.box_threshold, self.class_threshold
        self._write(lambda: export_tables(self._answers, path, *thresholds, self._may_replace))

    def export_coco(self, path: Path) -> None:
        """Write the boxes as COCO JSON."""
        self._write(lambda: export_coco(self._answers, path, self.box_threshold, self.image, self._may_replace))

    def export_masks(self, path: Path) -> None:
        """Write the masks; the suffix picks the format."""
        self._write(lambda: export_masks(self._answers, path, self._may_replace))

    def _choose_file(self, words: str, suffix: str, write: Callable[[Path], None]) -> None:
        from napari_medkd.files.opening import mask_suffix

        suffix = suffix or mask_suffix(self._answers[0].grid)
        name = f"{self._answers[0].prediction.case}{suffix}"
        path, _ = QFileDialog.getSaveFileName(self, words, name, f"*{suffix}")
        if path:
            write(Path(path))

    def _write(self, write: Callable[[], list[Path]]) -> None:
        try:
            files = write()
        except InputProblem as problem:
            self.failed.emit(problem)
        except OSError as error:
            self.failed.emit(InputProblem.from_os_error(error, error.filename or "export", "It cannot be saved"))
        else:
            if files:
                self.saved.emit(", ".join(file.name for file in files))

    def _may_replace(self, files: Sequence[Path]) -> bool:
        """Return whether the person wants to lose files that the dialog did not ask about."""
        names = ", ".join(file.name for file in files)
        words = f"{names}\n\nThey are in {files[0].parent} already, and would be lost."
        return is_sure(self, "Replace these files?", words)
