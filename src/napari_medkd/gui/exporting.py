"""Saving answers for other programs: tables as CSV, boxes as COCO JSON, masks as images. No Qt. Blocks.

What is saved may need several files, called after the one that was chosen. Of those that are there already only the
chosen one is replaced unasked, for whoever chose it was asked then.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.gui.answers import Answer
from napari_medkd.gui.tables import tables_of

#: Says whether files that are there may be replaced; nothing is written where they may not.
MayReplace: TypeAlias = Callable[[Sequence[Path]], bool]


def _never(_files: Sequence[Path]) -> bool:
    return False


def export_tables(
    answers: Sequence[Answer],
    path: Path,
    box_threshold: float,
    class_threshold: float,
    may_replace: MayReplace = _never,
) -> list[Path]:
    """Write the tables as CSV and return their files: several tables get their names behind the file's.

    Parameters
    ----------
    box_threshold, class_threshold
        As the dock shows them: boxes of a lower score are left out.
    may_replace
        Asked about files of these names that are there.

    Raises
    ------
    InputProblem
        Where a file cannot be written.
    """
    from napari_medkd.files.atomic import write_text

    tables = tables_of(answers, box_threshold, class_threshold)
    files = {path if len(tables) == 1 else _beside(path, name, ".csv"): text for name, text in tables.items()}
    if not _is_free(list(files), path, may_replace):
        return []
    for file, text in files.items():
        write_text(file, text)
    return list(files)


def export_coco(
    answers: Sequence[Answer], path: Path, threshold: float, image: str = "", may_replace: MayReplace = _never
) -> list[Path]:
    """Write the boxes that are shown as COCO JSON and return the files: one for each network and task.

    Parameters
    ----------
    image
        Name of the image's file; empty takes the case's.
    may_replace
        Asked about files of these names that are there.

    Raises
    ------
    InputProblem
        Where there are no boxes, they lie in a volume, or a file cannot be written.
    """
    from napari_medkd.files import coco

    found = [answer for answer in answers if answer.boxes is not None]
    if not found:
        raise InputProblem("COCO JSON", why_no_coco(answers), "Export the tables as CSV instead.")
    files = _named(found, path, ".json")
    if not _is_free(files, path, may_replace):
        return []
    for answer, file in zip(found, files, strict=True):
        assert answer.boxes is not None
        kept, ranked = answer.boxes.num_kept(threshold), answer.boxes.found
        shown = ScoredBoxes(ranked.boxes.first(kept), ranked.scores[:kept])
        coco.write(file, shown, image or answer.prediction.case, answer.title)
    return files


def export_masks(answers: Sequence[Answer], path: Path, may_replace: MayReplace = _never) -> list[Path]:
    """Write the masks in the format of the path's suffix and return the files: one for each network and task.

    Parameters
    ----------
    may_replace
        Asked about files of these names that are there.

    Raises
    ------
    InputProblem
        Where there are no masks, the format cannot hold one, or a file cannot be written.
    """
    from napari_medkd.files.opening import suffix_of, write_mask

    found = [answer for answer in answers if answer.prediction.mask is not None]
    if not found:
        raise InputProblem("Masks", why_no_masks(answers), "Export the tables as CSV instead.")
    files = _named(found, path, suffix_of(path) or path.suffix)
    if not _is_free(files, path, may_replace):
        return []
    for answer, file in zip(found, files, strict=True):
        assert answer.prediction.mask is not None
        write_mask(file, answer.prediction.mask)
    return files


def why_no_coco(answers: Sequence[Answer]) -> str:
    """Return why the answers cannot be saved as COCO JSON; empty where they can."""
    found = [answer for answer in answers if answer.boxes is not None]
    if not found:
        return "None of the answers has boxes."
    return "" if all(answer.grid.is_flat for answer in found) else "COCO JSON holds boxes of flat images alone."


def why_no_masks(answers: Sequence[Answer]) -> str:
    """Return why no masks can be saved; empty where they can."""
    has_masks = any(answer.prediction.mask is not None for answer in answers)
    return "" if has_masks else "None of the answers is a mask."


def _is_free(files: Sequence[Path], chosen: Path, may_replace: MayReplace) -> bool:
    there = [file for file in files if file != chosen and file.exists()]
    return not there or may_replace(there)


def _named(answers: Sequence[Answer], path: Path, suffix: str) -> list[Path]:
    """Return a file for each answer: the path itself for a single one, else with the network's and task's names."""
    if len(answers) == 1:
        return [path]
    is_one_task = len({answer.task.name for answer in answers}) == 1
    names = [answer.stage if is_one_task else f"{answer.stage}-{answer.task.name}" for answer in answers]
    return [_beside(path, name, suffix) for name in names]


def _beside(path: Path, words: str, suffix: str) -> Path:
    """Return the path with words behind its name, which may hold letters that no file name can."""
    from napari_medkd.files.plain_name import readable_name

    return path.with_name(f"{path.name.removesuffix(suffix)}-{readable_name(words)}{suffix}")
