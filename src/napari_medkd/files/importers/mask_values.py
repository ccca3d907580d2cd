"""What the classes of a task are where no document says so: the values found in its masks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import DatasetProblem, Problem, VolumeProblem
from napari_medkd.core.task import Task
from napari_medkd.files.importers.dataset_json import TASK, task_of_values
from napari_medkd.files.opening import labels_in

#: Masks are all looked at for their values up to this size together (compressed), beyond it an even sample of them.
_BYTES_OF_MASKS = 64 * 2**20


def task_of_masks(
    masks: Sequence[Path], task_name: str = TASK, class_names: Mapping[int, str] | None = None
) -> tuple[Task, LabelMap]:
    """Return the task whose classes are the values in the masks; masks that cannot be read are left to the check.

    Parameters
    ----------
    masks
        At least one.
    class_names
        By value, as far as they are known; the others are called ``label 7``.

    Raises
    ------
    DatasetProblem
        Where no mask that was looked at can be read.
    """
    names = class_names or {}
    values_of: list[set[int]] = []
    problems: list[Problem] = []
    for path in _sample(masks):
        try:
            values_of.append(set(labels_in(path)))
        except VolumeProblem as error:
            problems += error.problems
    if not values_of:
        raise DatasetProblem.of(problems)
    values = {value for in_file in values_of for value in in_file}
    if all(in_file <= {0, 1} or in_file <= {0, 255} for in_file in values_of):
        values = {0, 1}  # what `read_mask` makes of 0 and 255, file by file
    found = {value: names.get(value, f"label {value}") for value in values if value}
    task, label_map = task_of_values({0: names.get(0, "background")} | found)
    return replace(task, name=task_name), label_map


def _sample(masks: Sequence[Path]) -> Sequence[Path]:
    size = sum(path.stat().st_size for path in masks)
    step = -(-size // _BYTES_OF_MASKS) or 1
    return masks[::step]
