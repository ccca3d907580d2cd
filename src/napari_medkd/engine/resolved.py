"""What a run decides by looking at its data and by measuring: written once, reused on resume."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field, ValidationError

from napari_medkd.core.course import Course, problem_of_no_reference
from napari_medkd.core.errors import Problem, RunProblem, SpecProblem
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.engine.box_limits import MOST, coarser_spacing, lengths, share_beyond, voxels_seen
from napari_medkd.engine.checkpoint import TaskCard
from napari_medkd.engine.data.choose import choose_preprocessing
from napari_medkd.engine.given_stages import given_expert
from napari_medkd.engine.hardware import choose_device, choose_precision
from napari_medkd.engine.learned_boxes import boxed_images, sides_of
from napari_medkd.engine.learned_cases import earlier_runs, learned_by
from napari_medkd.engine.networks.anchors import AnchorSizes, anchor_sizes
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.starting import beginning_of
from napari_medkd.engine.whole_images import refuse_for_boxes

#: Of more than this share of boxes it is told that they are too large to be seen well.
_MANY = 1 - MOST

#: So often at most a coarser spacing is chosen for boxes: the patch that is chosen with it may ask for another one.
_MOST_CHOICES = 6


class ResolvedCourse(Settings):
    """What was decided for one dataset."""

    tasks: tuple[TaskCard, ...] = ()
    """What is learned of it; not written down by older versions."""
    label_maps: dict[str, dict[int, int]] | None = None
    """By task, as what its masks' stored labels are read; None where an older version did not write it down."""
    preprocessing: Preprocessing
    anchors: AnchorSizes | None = None
    """What boxes start from, where some are to be found."""
    boxes_beyond_patch: float = 0.0
    """Share of the boxes that are too long along some axis to be seen well, 0 to 1 (by older versions, of those that
    are longer than a patch)."""
    unlabelled: tuple[str, ...] | None = None
    """With references, the ids of the other cases whose images are learned from; None where an older version did not
    write it down."""
    voxels_seen: int = 0
    """Along each axis, around a place where boxes are looked for."""
    expert_widths: tuple[int, ...] = ()
    """Channels of the levels of an expert that is taken from an earlier run; empty where it is trained."""

    def answers(self, tasks: tuple[Task, ...]) -> HeadsShape:
        """Return the heads that answer the tasks."""
        masks, scores, boxes = (Task.of_kind(tasks, kind) for kind in ("segmentation", "classification", "detection"))
        return HeadsShape(
            num_classes=len(masks.classes) if masks else 0,
            num_scores=len(scores.classes) if scores else 0,
            num_box_classes=len(boxes.classes) if boxes else 0,
            anchors=self.anchors,
        )

    def remarks(self, dataset: str) -> tuple[str, ...]:
        """Return what a person should know of the decisions for a dataset before the run takes its time."""
        if self.boxes_beyond_patch <= _MANY + 1e-9:
            return ()
        patch = " x ".join(str(side) for side in self.preprocessing.patch[3 - self.preprocessing.dimensions :])
        return (
            f"{self.boxes_beyond_patch:.0%} of the boxes of {dataset!r} are too large to be found well: the network "
            f"sees {self.voxels_seen} voxels along each axis, and of images larger than a patch of {patch} voxels it "
            "sees boxes as a whole up to half of that. Set a larger preprocessing.spacing, or a larger "
            "preprocessing.patch or more network levels.",
        )


class Resolved(Settings):
    """What was decided for a run."""

    courses: tuple[ResolvedCourse, ...]
    """In the order of the spec's datasets."""
    taught_by: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By dataset's name, the ids of the cases whose labels influence weights: splits may be changed later."""
    taught_before: dict[str, tuple[str, ...]] | None = None
    """The same of the runs this one began from, and of theirs; None where an older version did not write it down."""
    device: Literal["cpu", "cuda", "mps"]
    precision: str
    threads: int | None = None
    """CPU threads the run began with."""
    seconds_measured: dict[str, float] = Field(default_factory=dict)
    """Forward and backward pass of one batch of the first dataset, by precision."""


def read_resolved(path: Path) -> Resolved | None:
    """Return the decisions of an earlier attempt, or None where there was none.

    Raises
    ------
    RunProblem
        Where they are damaged, or of a version that decided otherwise.
    """
    if not path.is_file():
        return None
    try:
        return Resolved.model_validate_json(path.read_bytes())
    except ValidationError as error:
        found = f"It is not what this version writes ({error.error_count()} fields differ)."
        raise RunProblem(str(path), found, "Train the run again with this version.") from error


def resolve(spec: TrainSpec, courses: Sequence[Course], taught: Mapping[str, tuple[str, ...]]) -> Resolved:
    """Return what the spec leaves open, decided from the data and by measuring.

    Parameters
    ----------
    taught
        By dataset's name, the ids of the cases whose labels may influence weights.

    Raises
    ------
    InputProblem
        Where the spec or a dataset cannot be used.
    """
    device = choose_device(spec.hardware.device)
    decided = tuple(
        _resolve_course(spec, course, taught[course.dataset.name], on_gpu=device.type != "cpu") for course in courses
    )
    _refuse_mixed_dimensions(courses, decided)
    first = decided[0]
    network = UNet(
        dimensions=first.preprocessing.dimensions,
        in_channels=len(first.preprocessing.channels),
        answers=first.answers(courses[0].tasks),
        widths=spec.network.widths,
    ).to(device)
    shape = first.preprocessing.patch[3 - first.preprocessing.dimensions :]
    example = torch.rand(spec.schedule.batch_size, len(first.preprocessing.channels), *shape, device=device)
    precision, seconds = choose_precision(spec.hardware.precision, device, network, example)
    return Resolved(
        courses=decided,
        taught_by=dict(taught),
        taught_before=learned_by(*earlier_runs(spec)),
        device=device.type,
        precision=precision,
        threads=torch.get_num_threads(),
        seconds_measured=seconds,
    )


def _resolve_course(spec: TrainSpec, course: Course, names: tuple[str, ...], *, on_gpu: bool) -> ResolvedCourse:
    of_course = partial(
        ResolvedCourse,
        tasks=tuple(TaskCard.of(task) for task in course.tasks),
        label_maps=label_maps_of(course),
        unlabelled=unlabelled(course, names) if spec.references else None,
    )
    given = given_expert(spec, course)
    if given is not None:
        network, card = given
        known = card.preprocessing.replace(channels=course.dataset.channels)
        return of_course(preprocessing=known, anchors=network.answers.anchors, expert_widths=network.widths)
    dataset, looked_at = course.dataset, names
    if spec.references:
        kept_apart = dataset.set_apart() - set(names)
        looked_at = tuple(case.id for case in dataset.cases if case.id not in kept_apart)
    begun = beginning_of(spec, course)
    choose = partial(
        choose_preprocessing,
        dataset,
        looked_at,
        divisor=2 ** (len(spec.network.widths) - 1),
        on_gpu=on_gpu,
        whole=Task.of_kind(course.tasks, "classification") is not None,
    )
    wishes = spec.preprocessing_of.get(dataset.name, spec.preprocessing)
    preprocessing = begun.preprocessing if begun else choose(wishes=wishes)
    task, num_levels = Task.of_kind(course.tasks, "detection"), len(spec.network.widths)
    if task is None:
        return of_course(preprocessing=preprocessing)
    images = boxed_images(course, task, names, preprocessing)
    if begun is None and wishes.spacing is None and len(course.tasks) == 1:
        for _ in range(_MOST_CHOICES):
            spacing = coarser_spacing(images, preprocessing, num_levels)
            if spacing is None:
                break
            preprocessing = choose(wishes=wishes.replace(spacing=spacing))
    refuse_for_boxes([(image.file, image.boxes.grid) for image in images], preprocessing)
    return of_course(
        preprocessing=preprocessing,
        anchors=(begun.anchors if begun else None) or anchor_sizes(sides_of(images, preprocessing), num_levels),
        boxes_beyond_patch=share_beyond(lengths(images, preprocessing, num_levels)),
        voxels_seen=voxels_seen(num_levels),
    )


def label_maps_of(course: Course) -> dict[str, dict[int, int]]:
    """Return by task as what its masks' stored labels are read, of the tasks whose labels have another meaning."""
    maps = course.dataset.label_maps
    return {task.name: dict(maps[task.name].values) for task in course.tasks if task.name in maps}


def _refuse_mixed_dimensions(courses: Sequence[Course], decided: Sequence[ResolvedCourse]) -> None:
    dimensions = [one.preprocessing.dimensions for one in decided]
    if len(set(dimensions)) > 1:
        found = ", ".join(f"{course.dataset.name} {one}-D" for course, one in zip(courses, dimensions, strict=True))
        raise SpecProblem(
            "datasets", f"Planes and volumes cannot be learned from together: {found}.", "Make a run for each."
        )


def taught_by(spec: TrainSpec, course: Course) -> tuple[str, ...]:
    """Return the ids of the cases whose labels may influence weights: its references, or the training side."""
    return course.dataset.own(spec.references) if spec.references else labelled_on("train", course)


def unlabelled(course: Course, taught: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the cases that neither teach by their labels nor are of a patient who judges."""
    others = {*taught, *course.dataset.set_apart()}
    return tuple(case.id for case in course.dataset.cases if case.id not in others)


def nothing_teaches(spec: TrainSpec, course: Course) -> Problem:
    """Return the problem of a course that no case teaches."""
    if spec.references:
        return problem_of_no_reference(spec.references, course.dataset)
    where = f"dataset {course.dataset.name}"
    found = f"No training case has a label for {' or '.join(repr(task.name) for task in course.tasks)}."
    return Problem(where, found, "Annotate a case and list it under split.train in medkd-dataset.json.")


def labelled_on(side: str, course: Course) -> tuple[str, ...]:
    """Return the ids on one side of the split about which something is known that is to be learned."""
    wanted = {task.name for task in course.tasks}
    known = {case.id for case in course.dataset.cases if wanted & case.annotations.keys()}
    return tuple(name for name in getattr(course.dataset.split, side) if name in known)
