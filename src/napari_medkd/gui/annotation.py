"""A mask that a person paints on a case: its layer, its classes, what is painted and what is not; no Qt."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.painting import empty_between, interpolated, smoothed, voxels_by_slice
from napari_medkd.core.task import Task
from napari_medkd.files.annotating import refuse_unstorable
from napari_medkd.gui.canvas import layer_of, placed_like
from napari_medkd.gui.class_names import are_class_names, class_names_of
from napari_medkd.gui.layers import KEY, grid_of, labels_look, origin_of, resampled_labels, shown_array, task_of

#: What a new task is called and holds until a person says otherwise.
NEW_TASK = Task("structures", "segmentation", ("background", "structure 1"))

#: Keys that pick a class.
MOST_KEYS = 9


@dataclass(frozen=True, slots=True)
class ClassVolume:
    """What is painted of one class.

    Parameters
    ----------
    volume
        In ml, or in pixels where the image has no physical size (see ``unit``).
    num_missing
        Slices without it between the first and the last one that it is painted on.
    """

    label: int
    name: str
    colour: str
    volume: float
    unit: str
    num_missing: int = 0


@dataclass(frozen=True, slots=True)
class Painted:
    """What a mask holds at one moment.

    Parameters
    ----------
    num_painted, num_empty
        Slices across the axis of the sliders that are painted, and those between them that are not.
    """

    classes: tuple[ClassVolume, ...]
    num_painted: int
    num_empty: int


def task_to_paint(dataset: Dataset, name: str = "", start: Mask | None = None) -> Task:
    """Return the task that is painted for: that of the mask to start from, the named one, the first, or a new one.

    Raises
    ------
    DatasetProblem
        Where the mask's labels mean other classes than the dataset's.
    """
    if start is not None:
        return dataset.continued(start.task)
    tasks = [task for task in dataset.tasks.values() if task.kind == "segmentation"]
    return next((task for task in tasks if task.name == name), tasks[0] if tasks else NEW_TASK)


class Annotation:
    """A labels layer over a case's image, painted with napari's own tools.

    Parameters
    ----------
    viewer
        napari's viewer, or a plugin's proxy of it.
    dataset, case
        Whose image it is.
    task
        Names and colours of the classes.
    image
        The unique id of the image layer.
    start
        A mask to begin with that is nobody's annotation yet; None begins with the case's own, or with nothing.

    Attributes
    ----------
    is_draft
        Whether painting began with a mask that counts only once a person says so.
    renamed
        Classes that the mask to begin with calls otherwise: its name, and that of the task.

    Raises
    ------
    InputProblem
        Where the image is not on the canvas any more, the case's own mask cannot be read, or what is painted could not
        be saved.
    """

    def __init__(
        self, viewer: Any, dataset: Dataset, case: Case, task: Task, image: Any, start: Mask | None = None
    ) -> None:
        self._viewer = viewer
        self.dataset = dataset
        self.case = case
        shown = layer_of(viewer, image)
        shape = () if shown is None else shown.data.shape[:-1] if shown.rgb else shown.data.shape
        grid = None if shown is None else grid_of(shown.metadata, shape)
        if shown is None or grid is None:
            raise VolumeProblem(case.id, "The case's image is not on the canvas.", "Show the case again.")
        self.grid = grid
        self.task = task
        self.is_draft = start is not None
        names = zip(task.classes if start is None else start.task.classes, task.classes, strict=False)
        self.renamed = tuple((drawn, name) for drawn, name in names if drawn != name)
        self._num_shared = len(task.classes)  # those that are added while it is painted are in no other case's mask
        refuse_unstorable(dataset, task)
        labels = _labels_on(self.grid, _known_mask(dataset, case, task, self.grid) if start is None else start)
        self._is_closed = False
        self._hidden = _masks_shown(viewer, case, task, of_all_cases=self.is_draft)
        for layer in self._hidden:
            layer.visible = False
        look = labels_look(task, f"{case.id} · {task.name} (painting)", self._origin() | {"is_painted": True})
        self.layer = Labels(labels, **look, **placed_like(shown))
        viewer.add_layer(self.layer)
        viewer.layers.selection.active = self.layer
        self.layer.mode = "paint"
        self.layer.n_edit_dimensions = 2
        self._bind_keys()
        self.choose(1)

    @property
    def is_there(self) -> bool:
        """Whether the layer still is on the canvas."""
        return self.layer in self._viewer.layers

    def choose(self, label: int) -> None:
        """Paint with a class from now on; a label that is no class of the list, any more, is not chosen.

        Nothing is painted any more once it is closed.
        """
        if self._is_closed or label >= len(self.task.classes):
            return
        self.layer.selected_label = label
        if str(self.layer.mode) not in ("paint", "fill", "polygon"):
            self.layer.mode = "paint"

    def snapshot(self) -> Mask:
        """Return a copy of what is painted now.

        Raises
        ------
        VolumeProblem
            Where labels are painted that are no class of the list.
        """
        labels = self._volume()
        _refuse_unlisted(labels, self.task)
        few = len(self.task.classes) <= np.iinfo(np.uint8).max
        return Mask(labels.astype(np.uint8) if few else labels.astype(np.uint16), self.grid, self.task)

    def painted(self, mask: Mask) -> Painted:
        """Return what a snapshot holds."""
        from napari_medkd.gui.colours import colour_of

        task = mask.task  # the painter's may be another by now
        counts = voxels_by_slice(mask.labels, self.slice_axis, len(task.classes))
        is_physical = self.grid.unit == "mm"
        size = float(np.prod(self.grid.spacing)) / 1000 if is_physical else 1.0
        unit = "ml" if is_physical else "px"
        classes = tuple(
            ClassVolume(
                label,
                name,
                colour_of(task, label),
                float(counts[:, label].sum() * size),
                unit,
                len(empty_between(counts[:, label] > 0)),
            )
            for label, name in enumerate(task.classes)
            if label
        )
        is_painted = counts[:, 1:].sum(axis=1) > 0
        return Painted(classes, int(is_painted.sum()), len(empty_between(is_painted)))

    @property
    def slice_axis(self) -> int:
        """The axis (z, y or x) that the slider moves along; a layer of more axes adds others before the image's."""
        if self.grid.is_flat:
            return 0
        dims = self._viewer.dims
        first = int(dims.ndim) - 3
        return next(int(axis) - first for axis in dims.order if axis >= first)

    def interpolate(self) -> Problem | None:
        """Fill the slices between painted ones, class by class, as one step that can be undone.

        Returns
        -------
        Problem or None
            Why nothing could be filled, where nothing was.
        """
        if self._put(interpolated(self._volume(), self.slice_axis, self.grid.spacing)):
            return None
        found = "Nothing could be filled: a class is drawn between two slices it is painted on, where no other is."
        hint = "Paint the class on both sides of the empty slices; the two outlines have to overlap a little."
        return Problem("Interpolate", found, hint)

    def smooth(self) -> Problem | None:
        """Smooth all outlines a little, as one step that can be undone; return what is too thin for that."""
        radius = float(np.median([size for size, n in zip(self.grid.spacing, self.grid.shape, strict=True) if n > 1]))
        changed, kept = smoothed(self._volume(), self.slice_axis, self.grid.spacing, radius)
        self._put(changed)
        if not kept:
            return None
        names = ", ".join(_name_of(self.task, label) for label in kept)
        hint = "Paint what is thin a few pixels wider, if it shall be smoothed."
        return Problem(names, "Nothing would be left after smoothing: it stays as it is painted.", hint)

    def add_class(self, name: str) -> None:
        """Add a class at the end, and paint with it.

        Raises
        ------
        DatasetProblem
            Where there is one of that name.
        """
        self._take(replace(self.task, classes=(*self.task.classes, name)))
        self.choose(len(self.task.classes) - 1)

    def rename_class(self, label: int, name: str) -> None:
        """Call a class something else.

        Raises
        ------
        DatasetProblem
            Where another one has that name.
        """
        classes = tuple(name if at == label else known for at, known in enumerate(self.task.classes))
        self._take(replace(self.task, classes=classes))

    def recolour_class(self, label: int, colour: str) -> None:
        """Draw a class in another colour, ``#rrggbb``."""
        from napari_medkd.gui.colours import colour_of

        count = max(len(self.task.colours), label)
        colours = [colour_of(self.task, each) for each in range(1, count + 1)]
        colours[label - 1] = colour
        self._take(replace(self.task, colours=tuple(colours)))

    def remove_last_class(self) -> None:
        """Take the last class off the list.

        Raises
        ------
        VolumeProblem
            Where something is painted in it, or another case's mask of the task may hold it.
        """
        label, name = len(self.task.classes) - 1, self.task.classes[-1]
        others = [case.id for case in self.dataset.labelled(self.task.name) if case.id != self.case.id]
        if others and label < self._num_shared:
            raise VolumeProblem(
                name,
                f"All cases share the classes; masks of other cases may hold this one: {', '.join(others[:5])}.",
                f"Rename the class, or first take those masks of {self.task.name!r} out of medkd-dataset.json.",
            )
        if (self._volume() == label).any():
            raise VolumeProblem(name, "Something is painted in this class.", "Erase it first, or rename the class.")
        self._take(replace(self.task, classes=self.task.classes[:-1], colours=self.task.colours[: label - 1]))
        self.choose(min(int(self.layer.selected_label), label - 1))

    def close(self) -> None:
        """Stop painting: the layer becomes the case's known mask."""
        self._is_closed = True
        for label in range(1, MOST_KEYS + 1):
            self.layer.bind_key(str(label), None)
        if self.is_there:
            self.layer.mode = "pan_zoom"
            self.layer.name = f"{self.case.id} · {self.task.name} (truth)"
            self.layer.metadata = {KEY: self._origin() | {"is_truth": True}}

    def put_back(self) -> None:
        """Put the layer on the canvas again, if it was taken away: what is painted on it cannot be saved."""
        if not self.is_there:
            self._viewer.add_layer(self.layer)
            self._viewer.layers.selection.active = self.layer

    def remove(self) -> None:
        """Take the layer off the canvas again, and show the masks that were hidden for it."""
        if self.is_there:
            self._viewer.layers.remove(self.layer)
        for layer in self._hidden:
            layer.visible = True

    def _origin(self) -> dict[str, Any]:
        return origin_of(self.grid, "labels") | {"task": asdict(self.task), "case": self.case.id}

    def _take(self, task: Task) -> None:
        """Change the classes; what is painted stays."""
        refuse_unstorable(self.dataset, task)
        self.task = task
        look = labels_look(task, self.layer.name, self._origin() | {"is_painted": True})
        self.layer.metadata = look["metadata"]
        self.layer.colormap = look["colormap"]
        if are_class_names(self.layer.features):
            self.layer.features = class_names_of(task)
        self._bind_keys()

    def _bind_keys(self) -> None:
        for label in range(1, min(len(self.task.classes) - 1, MOST_KEYS) + 1):
            self.layer.bind_key(str(label), _chooser(self, label), overwrite=True)

    def _volume(self) -> NDArray[Any]:
        return np.asarray(self.layer.data).reshape(self.grid.shape)

    def _put(self, labels_ZYX: NDArray[Any]) -> bool:
        """Draw other labels, as one step that can be undone; return whether anything is different now."""
        changed = shown_array(labels_ZYX, self.grid)
        where = np.nonzero(changed != self.layer.data)
        is_different = bool(len(where[0]))
        if is_different:
            self.layer.data_setitem(where, changed[where])
        return is_different


def _masks_shown(viewer: Any, case: Case, task: Task, *, of_all_cases: bool) -> list[Any]:
    """Return the visible layers of a case's known mask, or of all masks of the task."""
    shown = []
    for layer in viewer.layers:
        known = task_of(layer.metadata) if isinstance(layer, Labels) else None
        if known is None or known.name != task.name or not layer.visible:
            continue
        origin = layer.metadata[KEY]
        if of_all_cases or (origin.get("is_truth") and origin.get("case") == case.id):
            shown.append(layer)
    return shown


def _chooser(annotation: Annotation, label: int) -> Callable[[Any], None]:
    return lambda _layer: annotation.choose(label)


def _refuse_unlisted(labels: NDArray[Any], task: Task) -> None:
    if labels.max(initial=0) < len(task.classes):
        return
    found = [label for label in np.unique(labels).tolist() if label >= len(task.classes) and label != task.ignore]
    if found:
        raise VolumeProblem(
            f"mask of {task.name}",
            f"Painted are the labels {found[:8]}, but the list of classes ends with {len(task.classes) - 1}, "
            f"{task.classes[-1]!r}: nothing is saved.",
            f"Press Add class until the list has label {found[-1]}, or erase what is painted in "
            f"{'it' if len(found) == 1 else 'them'}.",
        )


def _name_of(task: Task, label: int) -> str:
    return task.classes[label] if label < len(task.classes) else f"label {label}"


def _known_mask(dataset: Dataset, case: Case, task: Task, grid: Grid) -> Mask:
    """Return the mask the dataset has of the case, whatever is drawn on the canvas; an empty one where it has none."""
    from napari_medkd.files.opening import read_mask

    path = case.annotations.get(task.name)
    if not isinstance(path, Path):
        return Mask(np.zeros(grid.shape, np.uint8), grid, task)
    return read_mask(path, task, grid=grid, label_map=dataset.label_maps.get(task.name))


def _labels_on(grid: Grid, mask: Mask) -> NDArray[Any]:
    """Return a copy of a mask's labels on another grid, as they are drawn."""
    labels = mask.labels.copy() if grid.matches(mask.grid) else resampled_labels(mask.labels, mask.grid, grid)
    return shown_array(labels, grid)
