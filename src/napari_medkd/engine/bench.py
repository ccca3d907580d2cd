"""The bench a method works at: networks, batches and a judge, with the data and the machine already chosen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from napari_medkd.core.course import Course, courses_of
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.run_layout import CACHE, stage_name
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.engine.data.batch import Batch, View
from napari_medkd.engine.data.batches import Batches
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.data.class_means import FEWEST_VOXELS, mean_intensities
from napari_medkd.engine.data.shown import Sees, showing
from napari_medkd.engine.data.teacher_answers import TeacherAnswers
from napari_medkd.engine.hardware import Machine, choose_device, use_threads
from napari_medkd.engine.judge import judge
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.resolved import (
    Resolved,
    ResolvedCourse,
    labelled_on,
    nothing_teaches,
    resolve,
    taught_by,
    unlabelled,
)
from napari_medkd.engine.resuming import as_begun, refuse_changes
from napari_medkd.engine.whole_images import refuse_for_boxes
from napari_medkd.files.manifest import open_dataset

#: Cases judged at the end of an epoch, of those annotated for a task. A class is read off faster than a mask, and of
#: few nothing can be told.
CASES_JUDGED = {"segmentation": 8, "classification": 200, "detection": 40}


@dataclass(frozen=True)
class Bench:
    """What a method may ask for of one dataset, and the benches of the others it learns from.

    Parameters
    ----------
    spec
        The run.
    course
        What is learned, of which dataset.
    resolved
        All that was decided for the run, and ``decided`` for this dataset.
    machine
        Device and precision in use.
    run
        The run's folder, for what is kept beside the weights because it can be computed again.
    others
        The benches of the run's further datasets.
    """

    spec: TrainSpec
    course: Course
    resolved: Resolved
    decided: ResolvedCourse
    machine: Machine
    run: Path | None = None
    others: "tuple[Bench, ...]" = field(default=(), repr=False)

    @property
    def benches(self) -> "tuple[Bench, ...]":
        """The bench itself and those of the run's further datasets."""
        return (self, *self.others)

    def in_run(self, run: Path) -> "Bench":
        """Return the bench, and the others with it, for a run's folder."""
        return replace(self, run=run, others=tuple(other.in_run(run) for other in self.others))

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Of all datasets of the run, in its order."""
        return tuple(bench.dataset.name for bench in self.benches)

    @property
    def dataset(self) -> Dataset:
        """The dataset that is learned from."""
        return self.course.dataset

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What is learned; at most one of each kind."""
        return self.course.tasks

    @property
    def task(self) -> Task:
        """The first of the tasks: the only one where a method teaches one kind."""
        return self.course.tasks[0]

    @property
    def preprocessing(self) -> Preprocessing:
        """The recipe from a volume to a network's input."""
        return self.decided.preprocessing

    @property
    def answers(self) -> HeadsShape:
        """The heads of a network that answers the tasks."""
        return self.decided.answers(self.tasks)

    @cached_property
    def training_cases(self) -> Cases:
        """The cases whose labels may influence weights, as they were when the run began."""
        return Cases(self.dataset, self.tasks, self.resolved.taught_by[self.dataset.name], self.preprocessing)

    @cached_property
    def unlabelled_cases(self) -> Cases:
        """The cases of which only the images are learned from, as they were when the run began."""
        began = self.decided.unlabelled
        names = unlabelled(self.course, self.training_cases.names) if began is None else began
        return Cases(self.dataset, self.tasks, names, self.preprocessing, labelled=False)

    @cached_property
    def preview_case(self) -> Cases:
        """The case that is looked at while training, without its label; none where there is nothing to choose from."""
        spec, validate = self.spec, self.dataset.split.validate[:1]
        fitting = self.unlabelled_cases.names[:1] or validate if spec.references else validate
        wished = tuple(case.id for case in self.dataset.cases if case.id == spec.preview_case)
        names = wished or fitting
        return Cases(self.dataset, self.tasks, names, self.preprocessing, labelled=False)

    @property
    def cache(self) -> Path | None:
        """Where arrays that can be computed again are kept."""
        return None if self.run is None else self.run / CACHE

    @cached_property
    def judged_cases(self) -> Cases:
        """The cases whose labels tell which weights are best: the references, no others than they, where there are any.

        Else of validation, for each task evenly over the list: it may go class by class.
        """
        if self.spec.references:
            return self.training_cases
        taught = self.training_cases.names  # the split may have been changed since
        unseen = tuple(name for name in labelled_on("validate", self.course) if name not in taught)
        chosen = {
            name
            for task in self.tasks
            for name in evenly(self.dataset.labelled_among(unseen, task.name), CASES_JUDGED[task.kind])
        }
        names = tuple(name for name in unseen if name in chosen)
        return Cases(self.dataset, self.tasks, names, self.preprocessing)

    @cached_property
    def mean_intensities_CK(self) -> Tensor:
        """The mean intensity (C, K) of each class over the training cases, on the device."""
        sums = torch.zeros(len(self.preprocessing.channels), self.answers.num_classes, dtype=torch.float64)
        cases = torch.zeros(self.answers.num_classes, dtype=torch.float64)
        for case in self.training_cases:
            image = torch.from_numpy(case.image_CZYX).flatten(1)[None]
            means_BCK, counts_BK = mean_intensities(
                image, torch.from_numpy(case.label_ZYX).long().flatten()[None], self.answers.num_classes
            )
            enough_K = (counts_BK[0] >= FEWEST_VOXELS).double()
            sums += means_BCK[0].double() * enough_K
            cases += enough_K
        return (sums / cases.clamp(min=1)).float().to(self.machine.device)

    def network(
        self, *, widths: tuple[int, ...] = (), skips: bool = True, shallower_by: int = 0, reconstructs: bool = False
    ) -> UNet:
        """Return a fresh U-Net on the device: of the spec's size or another, or with fewer levels, of which two stay.

        It answers the tasks, or, where it reconstructs, with the image's own channels.
        """
        widths, num_channels = widths or self.spec.network.widths, len(self.preprocessing.channels)
        network = UNet(
            dimensions=self.preprocessing.dimensions,
            in_channels=num_channels,
            answers=HeadsShape(num_classes=num_channels) if reconstructs else self.answers,
            widths=widths[: max(2, len(widths) - shallower_by)],
            skips=skips,
        )
        return network.to(self.machine.device)

    def registration_network(self) -> RegistrationNetwork:
        """Return a fresh network that finds where one case lies in another, on the device."""
        channels = len(self.preprocessing.channels)
        network = RegistrationNetwork(dimensions=self.preprocessing.dimensions, in_channels=channels)
        return network.to(self.machine.device)

    def showing(self, sees: Sees) -> View:
        """Return the view that shows batches as a teacher is to see them."""
        fallback_CK = self.mean_intensities_CK if sees == "class means" else None
        return showing(sees, self.answers.num_classes, fallback_CK)

    @cached_property
    def drawing(self) -> Batches:
        """What draws augmented batches of the training cases."""
        return Batches(
            self.training_cases, self.spec.schedule, self.machine.device, label_goes_on=len(self.spec.references) > 0
        )

    def batches(
        self, view: View | None = None, teacher: nn.Module | None = None
    ) -> Callable[[torch.Generator], Iterator[Batch]]:
        """Return a function from a seeded generator to one epoch's augmented batches, each seen through the view.

        Parameters
        ----------
        teacher
            Frozen; what it says of the whole images is computed once and comes with the batches.
        """
        said = None
        if teacher is not None:
            folder = self.cache and self.cache / stage_name("answers", self.dataset.name)
            said = TeacherAnswers(teacher, self.answers, self.preprocessing, self.machine, folder)
        drawing = replace(self.drawing, teacher=said)

        def epoch(generator: torch.Generator) -> Iterator[Batch]:
            for _ in range(self.spec.schedule.steps_per_epoch):
                batch = drawing.draw(self.spec.schedule.batch_size, generator)
                yield batch if view is None else view(batch)

        return epoch

    def judge(self, network: UNet, view: View | None = None) -> Callable[[], dict[str, float]] | None:
        """Return what tells a network's scores on the judged cases, or None where there are none."""
        if not len(self.judged_cases):
            return None
        return lambda: judge(network, self.judged_cases, self.machine, view)


def evenly(names: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Return at most so many of the names, at even distances over all of them and in their order."""
    count = min(most, len(names))
    return tuple(names[index * len(names) // count] for index in range(count))


def open_bench(spec: TrainSpec, kinds: frozenset[str], resolved: Resolved | None = None) -> Bench:
    """Return the bench for a spec, with those of its further datasets; what it leaves open is decided from the data.

    Parameters
    ----------
    kinds
        The kinds of task the method can teach.
    resolved
        The decisions of an earlier attempt: what it learned from is learned from again.

    Raises
    ------
    InputProblem
        Where the spec or its datasets cannot be used, or are not those of the earlier attempt.
    """
    courses = courses_of(spec, [open_dataset(path) for path in spec.datasets], kinds)
    if resolved is not None:
        courses = tuple(as_begun(course, began) for course, began in zip(courses, resolved.courses, strict=True))
        refuse_changes(resolved, courses)
    known = resolved.taught_by if resolved else {}  # an older run did not write it down
    taught = known or {course.dataset.name: taught_by(spec, course) for course in courses}
    for course in courses:
        if not taught[course.dataset.name]:
            raise DatasetProblem.of([nothing_teaches(spec, course)])
    # As many as before, on whatever machine: sums in another order would not be the same bit for bit.
    use_threads(spec.hardware.threads or (resolved.threads if resolved else None))
    is_fresh = resolved is None
    resolved = resolved.replace(taught_by=taught) if resolved else resolve(spec, courses, taught)
    machine = Machine(choose_device(resolved.device), "bf16" if resolved.precision == "bf16" else "fp32")
    first, *others = (
        Bench(spec, course, resolved, decided, machine)
        for course, decided in zip(courses, resolved.courses, strict=True)
    )
    bench = replace(first, others=tuple(others))
    if is_fresh:
        for each in bench.benches:
            _refuse_what_cannot_be_judged(each)
    return bench


def _refuse_what_cannot_be_judged(bench: Bench) -> None:
    """Raise a VolumeProblem where a case that is judged is too large to find boxes in."""
    cases = bench.judged_cases
    if Task.of_kind(bench.tasks, "detection") is not None:
        files = [bench.dataset.case(name).images[0] for name in cases.names]
        grids = [(file, cases.original_grid(position)) for position, file in enumerate(files)]
        refuse_for_boxes(grids, bench.preprocessing)
