"""Which classes no training case shows: they cannot be learned, and the scores would tell only at the end."""

import numpy as np

from napari_medkd.core.task import Task
from napari_medkd.engine.bench import evenly
from napari_medkd.engine.data.cases import Cases, PreparedCase

#: So many cases are looked at, evenly over all that are annotated.
MOST_LOOKED_AT = 32


def unseen_classes(cases: Cases, task: Task) -> tuple[str, ...]:
    """Return the classes of masks or boxes that no case shows; at most 32 annotated ones are looked at, evenly.

    Reading ends where every class was seen. An image too large to be held is taken to show them all: it is not read.
    """
    classes = set(task.classes[1:] if task.kind == "segmentation" else task.classes)
    for name in evenly(cases.dataset.labelled_among(cases.names, task.name), MOST_LOOKED_AT):
        classes -= _shown_in(cases[cases.names.index(name)], task)
        if not classes:
            break
    return tuple(name for name in task.classes if name in classes)


def _shown_in(case: PreparedCase, task: Task) -> set[str]:
    if task.kind == "detection":
        return set(case.boxes.classes) if case.boxes is not None else set()
    if not isinstance(case.label, np.ndarray):
        return set(task.classes)
    return {task.classes[value] for value in np.unique(case.label).tolist() if value > 0}
