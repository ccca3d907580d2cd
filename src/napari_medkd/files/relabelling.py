"""What the masks of a task hold, and another meaning for it in the dataset's manifest. The masks stay as they are."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from napari_medkd.core.dataset import Dataset, LabelMap
from napari_medkd.core.errors import DatasetProblem, InputProblem
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import is_ours, manifest_of, write_back
from napari_medkd.files.manifest_reading import read_manifest
from napari_medkd.files.opening import labels_in


@dataclass(frozen=True, slots=True)
class StoredLabels:
    """Which labels masks hold.

    Parameters
    ----------
    cases
        By stored label, in how many of the masks that were read it is.
    num_read, num_masks
        How many masks were read, of how many.
    """

    cases: Mapping[int, int]
    num_read: int
    num_masks: int


def stored_labels(dataset: Dataset, task: str, most: int) -> StoredLabels:
    """Return the labels that the first masks of a task hold; masks that cannot be read are left out.

    Parameters
    ----------
    most
        How many masks to read.
    """
    known = [case.annotations.get(task) for case in dataset.cases]
    masks = [path for path in known if isinstance(path, Path)]
    cases: Counter[int] = Counter()
    num_read = 0
    for path in masks[:most]:
        with suppress(InputProblem):
            cases.update(labels_in(path))
            num_read += 1
    return StoredLabels(dict(sorted(cases.items())), num_read, len(masks))


def save_relabelled(dataset: Dataset, *relabelled: tuple[Task, LabelMap]) -> Dataset:
    """Write classes and label maps of tasks into the dataset's manifest, atomically, and return the changed dataset.

    What others wrote into the manifest since the dataset was opened stays. A dataset in another layout gets a manifest
    beside its files.

    Raises
    ------
    DatasetProblem
        Where the dataset has no such mask task, or the manifest cannot be written.
    """
    for task, _ in relabelled:
        known = dataset.tasks.get(task.name)
        if known is None or known.kind != "segmentation":
            found = f"The dataset has no masks of a task {task.name!r}."
            raise DatasetProblem(f"dataset {dataset.name}", found, "Choose one of its tasks that draws masks.")
    manifest = manifest_of(dataset)
    there = read_manifest(manifest) if is_ours(manifest) else dataset
    tasks = {task.name: task for task, _ in relabelled}
    maps = {task.name: label_map for task, label_map in relabelled if label_map.values}
    others = {name: label_map for name, label_map in there.label_maps.items() if name not in tasks}
    changed = replace(there, tasks={**there.tasks, **tasks}, label_maps={**others, **maps})
    write_back(changed)
    return changed
