"""What the classes of a task are where no document says so: the values found in its masks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import DatasetProblem, Problem, VolumeProblem
from napari_medkd.core.task import Task
from napari_medkd.files.importers.dataset_json import TASK, task_of_values
from napari_medkd.files.opening import voxels_by_label

#: Masks are all looked at for their values up to so many voxels together, beyond it an even sample of them.
_MOST_VOXELS = 2**31


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
    num_voxels = 0
    for path in _evenly(masks):
        if num_voxels > _MOST_VOXELS:
            break
        try:
            counts = voxels_by_label(path)
        except VolumeProblem as error:
            problems += error.problems
            continue
        values_of.append(set(counts))
        num_voxels += sum(counts.values())
    if not values_of:
        raise DatasetProblem.of(problems)
    values = {value for in_file in values_of for value in in_file}
    if all(in_file <= {0, 1} or in_file <= {0, 255} for in_file in values_of):
        values = {0, 1}  # what `read_mask` makes of 0 and 255, file by file
    found = {value: names.get(value, f"label {value}") for value in values if value}
    task, label_map = task_of_values({0: names.get(0, "background")} | found)
    return replace(task, name=task_name), label_map


def _evenly(masks: Sequence[Path]) -> Iterator[Path]:
    """Yield all masks, the first and then those half way between them, so that one may stop anywhere."""
    step = 2 ** len(masks).bit_length()
    yield masks[0]
    while step > 1:
        yield from masks[step // 2 :: step]
        step //= 2
