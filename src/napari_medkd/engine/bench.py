"""The bench a method works at: networks, batches and a judge, with the data and the machine already chosen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from napari_medkd.core.dataset import Dataset, Split
from napari_medkd.core.errors import DatasetProblem, SpecProblem, did_you_mean
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.run_layout import CACHE
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.engine.data.augment import augment
from napari_medkd.engine.data.augmentation import augmentation_named
from napari_medkd.engine.data.batch import Batch, View
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.data.choose import choose_preprocessing
from napari_medkd.engine.data.class_means import FEWEST_VOXELS, mean_intensities
from napari_medkd.engine.data.patches import Patches
from napari_medkd.engine.data.shown import Sees, showing
from napari_medkd.engine.hardware import Machine, choose_device, choose_precision, use_threads
from napari_medkd.engine.judge import judge
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.starting import preprocessing_of_start
from napari_medkd.files.manifest import open_dataset

#: A patch is cut this much larger than it is used, so that a rotation brings no border in.
MARGIN = 1 / 8

#: Cases judged at the end of an epoch.
CASES_JUDGED = 8


class Resolved(Settings):
    """What was decided by looking at the data and by measuring; written once, reused on resume."""

    preprocessing: Preprocessing
    device: Literal["cpu", "cuda", "mps"]
    precision: str
    threads: int | None = None
    """CPU threads the run began with."""
    seconds_measured: dict[str, float] = Field(default_factory=dict)
    """Forward and backward pass of one batch, by precision."""


@dataclass(frozen=True)
class Bench:
    """What a method may ask for.

    Parameters
    ----------
    spec
        The run.
    dataset, task
        What is learned.
    resolved
        Preprocessing and precision.
    machine
        Device and precision in use.
    run
        The run's folder, for what is kept beside the weights because it can be computed again.
    """

    spec: TrainSpec
    dataset: Dataset
    task: Task
    resolved: Resolved
    machine: Machine
    run: Path | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """The recipe from a volume to a network's input."""
        return self.resolved.preprocessing

    @property
    def num_classes(self) -> int:
        """Number of classes, background included."""
        return len(self.task.classes)

    @cached_property
    def training_cases(self) -> Cases:
        """The cases whose labels may influence weights: the spec's references, or all of the training side."""
        return Cases(self.dataset, self.task, _taught(self.spec, self.dataset, self.task), self.preprocessing)

    @cached_property
    def unlabelled_cases(self) -> Cases:
        """The cases that neither teach by their labels nor judge: only their images are read, labelled or not."""
        split = self.dataset.split
        others = {*self.training_cases.names, *split.validate, *split.test}
        names = tuple(case.id for case in self.dataset.cases if case.id not in others)
        return Cases(self.dataset, self.task, names, self.preprocessing, labelled=False)

    @cached_property
    def preview_case(self) -> Cases:
        """The case that is looked at while training, without its label; none where there is nothing to choose from."""
        spec, validate = self.spec, self.dataset.split.validate[:1]
        fitting = self.unlabelled_cases.names[:1] or validate if spec.references else validate
        names = (spec.preview_case,) if spec.preview_case else fitting
        return Cases(self.dataset, self.task, names, self.preprocessing, labelled=False)

    @property
    def cache(self) -> Path | None:
        """Where arrays that can be computed again are kept."""
        return None if self.run is None else self.run / CACHE

    @cached_property
    def validation_cases(self) -> Cases:
        """The cases judged while training."""
        names = _labelled(self.dataset, self.task, "validate")[:CASES_JUDGED]
        return Cases(self.dataset, self.task, names, self.preprocessing)

    @cached_property
    def mean_intensities_CK(self) -> Tensor:
        """The mean intensity (C, K) of each class over the training cases, on the device."""
        sums = torch.zeros(len(self.preprocessing.channels), self.num_classes, dtype=torch.float64)
        cases = torch.zeros(self.num_classes, dtype=torch.float64)
        for case in self.training_cases:
            image = torch.from_numpy(case.image_CZYX).flatten(1)[None]
            means_BCK, counts_BK = mean_intensities(
                image, torch.from_numpy(case.label_ZYX).long().flatten()[None], self.num_classes
            )
            enough_K = (counts_BK[0] >= FEWEST_VOXELS).double()
            sums += means_BCK[0].double() * enough_K
            cases += enough_K
        return (sums / cases.clamp(min=1)).float().to(self.machine.device)

    def network(self, *, skips: bool = True, shallower_by: int = 0, reconstructs: bool = False) -> UNet:
        """Return a fresh U-Net on the device: of the spec's size, or with fewer levels, of which two stay.

        Its answer is a score for each class, or, where it reconstructs, the image's own channels.
        """
        widths = self.spec.network.widths
        network = UNet(
            dimensions=self.preprocessing.dimensions,
            in_channels=len(self.preprocessing.channels),
            num_classes=len(self.preprocessing.channels) if reconstructs else self.num_classes,
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
        return showing(sees, self.num_classes, fallback_CK)

    def batches(self, view: View | None = None) -> Callable[[torch.Generator], Iterator[Batch]]:
        """Return a function from a seeded generator to one epoch's augmented batches, each seen through the view."""

        def epoch(generator: torch.Generator) -> Iterator[Batch]:
            for _ in range(self.spec.schedule.steps_per_epoch):
                batch = self._batch(generator)
                yield batch if view is None else view(batch)

        return epoch

    def judge(self, network: UNet, view: View | None = None) -> Callable[[], dict[str, float]] | None:
        """Return what tells a network's Dice on the validation cases, or None where there are none.

        With references, they alone are looked at: no other label may tell which weights are best.
        """
        cases = self.training_cases if self.spec.references else self.validation_cases
        if not len(cases):
            return None
        return lambda: judge(network, cases, self.machine, view)

    def _batch(self, generator: torch.Generator) -> Batch:
        schedule, shape = self.spec.schedule, self.preprocessing.patch
        flat = self.preprocessing.dimensions == 2
        augmentation = augmentation_named(schedule.augmentation)
        cut = shape if augmentation.is_nothing else _enlarged(shape)
        patches = Patches(self.training_cases, cut, label_goes_on=len(self.spec.references) > 0)
        images, labels = patches.draw(schedule.batch_size, generator)
        images, labels = images.to(self.machine.device), labels.to(self.machine.device)
        if flat:
            images, labels = images[:, :, 0], labels[:, 0]
        first = 1 if flat else 0
        spacing, shape_used = self.preprocessing.spacing[first:], shape[first:]
        images, labels = augment(images, labels, augmentation, spacing, generator, output_shape=shape_used)
        return Batch(images, labels.long())


def _enlarged(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    z, y, x = (size + 2 * round(size * MARGIN) if size > 1 else 1 for size in shape)
    return z, y, x


def _labelled(dataset: Dataset, task: Task, side: str) -> tuple[str, ...]:
    """Return the ids on one side of the split that carry a label for the task."""
    with_label = {case.id for case in dataset.labelled(task.name)}
    split: Split = dataset.split
    return tuple(name for name in getattr(split, side) if name in with_label)


def _taught(spec: TrainSpec, dataset: Dataset, task: Task) -> tuple[str, ...]:
    """Return the ids of the cases whose labels may influence weights."""
    return spec.references or _labelled(dataset, task, "train")


def task_of(spec: TrainSpec, dataset: Dataset, kinds: frozenset[str]) -> Task:
    """Return the task a spec means: the one it names, or the only one of a kind the method can teach."""
    wanted = spec.targets[0].task
    if wanted:
        return dataset.task(wanted)
    fitting = [task for task in dataset.tasks.values() if task.kind in kinds]
    if len(fitting) != 1:
        raise SpecProblem(
            "targets[0].task",
            f"Dataset {dataset.name!r} has {len(fitting)} tasks of kind {' or '.join(sorted(kinds))}; "
            "which one is meant is not said.",
            did_you_mean("", dataset.tasks),
        )
    return fitting[0]


def open_bench(spec: TrainSpec, kinds: frozenset[str], resolved: Resolved | None = None) -> Bench:
    """Return the bench for a spec; what it leaves open is decided from the data and by measuring.

    Parameters
    ----------
    kinds
        The kinds of task the method can teach.
    resolved
        The decisions of an earlier attempt.

    Raises
    ------
    InputProblem
        Where the spec or its dataset cannot be used.
    """
    dataset = open_dataset(spec.datasets[0])
    task = task_of(spec, dataset, kinds)
    names = _taught(spec, dataset, task)
    if not names:
        raise DatasetProblem(
            f"dataset {dataset.name}",
            f"No training case has a label for {task.name!r}.",
            "Annotate a case and list it under split.train in medkd-dataset.json.",
        )
    # As many as before, on whatever machine: sums in another order would not be the same bit for bit.
    use_threads(spec.hardware.threads or (resolved.threads if resolved else None))
    if resolved is None:
        resolved = _resolve(spec, dataset, task, names)
    machine = Machine(choose_device(resolved.device), "bf16" if resolved.precision == "bf16" else "fp32")
    return Bench(spec, dataset, task, resolved, machine)


def _resolve(spec: TrainSpec, dataset: Dataset, task: Task, names: tuple[str, ...]) -> Resolved:
    divisor = 2 ** (len(spec.network.widths) - 1)
    device = choose_device(spec.hardware.device)
    on_gpu = device.type != "cpu"
    looked_at = names
    if spec.references:
        kept_apart = {*dataset.split.validate, *dataset.split.test} - set(names)
        looked_at = tuple(case.id for case in dataset.cases if case.id not in kept_apart)
    preprocessing = preprocessing_of_start(spec, dataset, task) or choose_preprocessing(
        dataset, looked_at, spec.preprocessing, divisor, on_gpu=on_gpu
    )
    undecided = Resolved(preprocessing=preprocessing, device=device.type, precision="fp32")
    network = Bench(spec, dataset, task, undecided, Machine(device)).network()
    shape = preprocessing.patch[3 - preprocessing.dimensions :]
    example = torch.rand(spec.schedule.batch_size, len(preprocessing.channels), *shape, device=device)
    precision, seconds = choose_precision(spec.hardware.precision, device, network, example)
    return undecided.replace(precision=precision, threads=torch.get_num_threads(), seconds_measured=seconds)  # type: ignore[no-any-return]


def read_resolved(path: Path) -> Resolved | None:
    """Return the decisions of an earlier attempt, or None where there was none."""
    return Resolved.model_validate_json(path.read_bytes()) if path.is_file() else None
