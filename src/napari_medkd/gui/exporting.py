"""Saving answers for other programs: tables as CSV, boxes as COCO JSON, masks as images. No Qt. Blocks."""

from collections.abc import Sequence
from pathlib import Path

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.gui.answers import Answer
from napari_medkd.gui.tables import tables_of


def export_tables(answers: Sequence[Answer], path: Path, box_threshold: float, class_threshold: float) -> list[Path]:
    """Write the tables as CSV and return their files: several tables get their names behind the file's.

    Parameters
    ----------
    box_threshold, class_threshold
        As the dock shows them: boxes of a lower score are left out.

    Raises
    ------
    InputProblem
        Where a file cannot be written.
    """
    from napari_medkd.files.atomic import write_text

    tables = tables_of(answers, box_threshold, class_threshold)
    files = {path if len(tables) == 1 else _beside(path, name, ".csv"): text for name, text in tables.items()}
    for file, text in files.items():
        write_text(file, text)
    return list(files)


def export_coco(answers: Sequence[Answer], path: Path, threshold: float, image: str = "") -> list[Path]:
    """Write the boxes that are shown as COCO JSON and return the files: one for each network and task.

    Parameters
    ----------
    image
        Name of the image's file; empty takes the case's.

    Raises
    ------
    InputProblem
        Where there are no boxes, they lie in a volume, or a file cannot be written.
    """
    from napari_medkd.files import coco

    found = [answer for answer in answers if answer.boxes is not None]
    if not found:
        raise InputProblem("COCO JSON", "None of the answers has boxes.", "Export the tables as CSV instead.")
    files = []
    for answer, file in zip(found, _named(found, path, ".json"), strict=True):
        assert answer.boxes is not None
        kept, ranked = answer.boxes.num_kept(threshold), answer.boxes.found
        shown = ScoredBoxes(ranked.boxes.first(kept), ranked.scores[:kept])
        coco.write(file, shown, image or answer.prediction.case, answer.title)
        files.append(file)
    return files


def export_masks(answers: Sequence[Answer], path: Path) -> list[Path]:
    """Write the masks in the format of the path's suffix and return the files: one for each network and task.

    Raises
    ------
    InputProblem
        Where there are no masks, the format cannot hold one, or a file cannot be written.
    """
    from napari_medkd.files.opening import suffix_of, write_mask

    found = [answer for answer in answers if answer.prediction.mask is not None]
    if not found:
        raise InputProblem("Masks", "None of the answers is a mask.", "Export the tables as CSV instead.")
    files = _named(found, path, suffix_of(path) or path.suffix)
    for answer, file in zip(found, files, strict=True):
        assert answer.prediction.mask is not None
        write_mask(file, answer.prediction.mask)
    return files


def _named(answers: Sequence[Answer], path: Path, suffix: str) -> list[Path]:
    """Return a file for each answer: the path itself for a single one, else with the network's and task's names."""
    if len(answers) == 1:
        return [path]
    is_one_task = len({answer.task.name for answer in answers}) == 1
    names = [answer.stage if is_one_task else f"{answer.stage}-{answer.task.name}" for answer in answers]
    return [_beside(path, name, suffix) for name in names]


def _beside(path: Path, words: str, suffix: str) -> Path:
    """Return the path with words behind its name, which may hold letters that no file name can."""
    plain = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in words)
    return path.with_name(f"{path.name.removesuffix(suffix)}-{plain}{suffix}")
