"""Shape-intensity distillation (SIKD, arXiv 2409.17503): a student follows a teacher of class-mean images.

The teacher is the student's U-Net without skip connections, trained on images in which every voxel has the mean
intensity of its class. It can learn nothing but shape and class-wise intensity, and that is what it hands on.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from napari_medkd.core.card import Needs, TeacherShows
from napari_medkd.core.events import StagePlan
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import Schedule
from napari_medkd.core.task import UNKNOWN, TaskKind
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.losses.features import feature_mse, foreground_balanced_mse
from napari_medkd.engine.mask_terms import CROSS_ENTROPY, DICE, LOG_DICE, mask_terms
from napari_medkd.engine.method import Method, Stage
from napari_medkd.engine.networks.heads import Output
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.objective import Frozen, LossParts, Objective, Supervised
from napari_medkd.engine.task_losses import losses_of


class ShapeIntensitySettings(Settings):
    """A teacher sees every class as its mean intensity; the student sees the real image and follows its features."""

    features: float = Field(
        2.0,
        ge=0,
        le=100,
        title="Feature weight",
        description="Weight of matching the teacher's last features; 0 leaves the distillation out.",
    )
    fade: bool = Field(
        False,
        title="Feature weight fades",
        description="From its full value at the student's first step to 0 at its last, so that the labels have the "
        "last word; as published it stays.",
    )
    follow: Literal["everywhere", "every class alike", "where it is right"] = Field(
        "everywhere",
        title="Follow the teacher",
        description="Everywhere, as published; with every class weighing the same; or so, and only where the teacher's "
        "own answer is right.",
    )
    head_from_teacher: bool = Field(
        True,
        title="Start from the teacher's head",
        description="The student's last 1x1 convolution starts as the teacher's, which reads the followed features; "
        "as published, and where the teacher is not trained, it starts at random.",
    )
    cross_entropy: float = CROSS_ENTROPY
    dice: float = DICE
    log_dice: bool = LOG_DICE
    teacher_sees: Literal["class means", "label map", "image"] = Field(
        "class means",
        title="Teacher sees",
        description="Class-mean images as published; the label map (shape only) or the real image are controls.",
    )
    teacher_trains: bool = Field(
        True, title="Train the teacher", description="Off gives a teacher of random weights, a control."
    )
    teacher_shallower_by: int = Field(
        0,
        ge=0,
        le=4,
        title="Teacher shallower by",
        description="Levels the teacher has fewer than the student. Each level less lets it learn faster, without skip "
        "connections, and see less of the shape around a voxel.",
    )
    teacher_share: float = Field(
        0.5, gt=0, le=1, title="Teacher's share", description="Epochs of the teacher as a share of the student's."
    )

    @model_validator(mode="after")
    def _refuse_nothing_to_learn(self) -> Self:
        if not self.cross_entropy and not self.dice and (self.teacher_trains or not self.features):
            message = "cross_entropy and dice are both 0; the teacher or the student would have nothing to learn"
            raise ValueError(message)
        return self


class Following(Objective):
    """The student learns the labels and follows the teacher's last features (SIKD, eq. 4).

    Parameters
    ----------
    student
        Trains on the image.
    teacher
        Frozen; sees what the view shows it.
    """

    def __init__(self, student: UNet, teacher: Frozen, settings: ShapeIntensitySettings) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher
        self.settings = settings

    def forward(self, batch: Batch) -> LossParts:
        """Return the task's terms and, unless its weight is 0, the feature term."""
        settings, label = self.settings, batch.label_BZYX
        output = self.student(batch.image_BCZYX)
        terms = mask_terms(output.logits.float(), label, settings)
        if settings.features:
            weight = settings.features * (1 - self.progress if settings.fade else 1)
            terms["features"] = weight * self._distance(output, self.teacher(batch.shown_or_image()), label)
        return terms

    def _distance(self, student: Output, teacher: Output, label_BZYX: Tensor) -> Tensor:
        if self.settings.follow == "everywhere":
            return feature_mse(student.features[-1], teacher.features[-1])
        counted_BZYX = label_BZYX
        if self.settings.follow == "where it is right":
            counted_BZYX = torch.where(teacher.logits.argmax(1) == label_BZYX, label_BZYX, UNKNOWN)
        return foreground_balanced_mse(student.features[-1], teacher.features[-1], counted_BZYX)


class ShapeIntensity:
    """Two stages: a skip-less teacher of class-mean images, then the student."""

    name = "shape-intensity"
    title = "Shape-intensity distillation"
    summary = (
        "A teacher of class-mean images gives the student shape and intensity priors, for accuracy on unseen sites."
    )
    source = "Shape-intensity knowledge distillation for robust medical image segmentation (SIKD), arXiv 2409.17503"
    tasks: frozenset[TaskKind] = frozenset({"segmentation"})
    needs: Needs = "labels"
    teacher_shows: TeacherShows = "masks given a label"
    presets: Mapping[str, Mapping[str, Any]] = {
        "recommended": {},
        "faithful": {
            "follow": "everywhere",
            "features": 2.0,
            "head_from_teacher": False,
            "dice": 0.0,
            "teacher_shallower_by": 0,
            "teacher_share": 1.0,
        },
    }
    default_preset = "recommended"
    Settings = ShapeIntensitySettings

    def plan(
        self, settings: ShapeIntensitySettings, schedule: Schedule, datasets: Sequence[str]
    ) -> tuple[StagePlan, ...]:
        """Return teacher (unless it stays random or is not followed) and student."""
        student = StagePlan("student", schedule.epochs, schedule.steps_per_epoch)
        if not settings.teacher_trains or not settings.features:
            return (student,)
        return (
            StagePlan("teacher", max(1, round(schedule.epochs * settings.teacher_share)), schedule.steps_per_epoch),
            student,
        )

    def stages(self, settings: ShapeIntensitySettings, bench: Bench) -> Iterator[Stage]:
        """Yield the stages of the plan; in the student's, the student is built first."""
        view, teacher = bench.showing(settings.teacher_sees), None
        if settings.teacher_trains and settings.features:
            teacher = self._teacher(settings, bench)
            learning = Supervised(teacher, losses_of(bench.training_cases, settings))
            yield Stage(
                "teacher", learning, teacher, bench.batches(view), bench.judge(teacher, view), settings.teacher_sees
            )
        student = bench.network()
        if teacher is not None and settings.head_from_teacher:
            student.heads.segmentation.load_state_dict(teacher.heads.segmentation.state_dict())
        frozen = Frozen(teacher or self._teacher(settings, bench))
        following = Following(student, frozen, settings)
        yield Stage("student", following, student, bench.batches(view), bench.judge(student))

    @staticmethod
    def _teacher(settings: ShapeIntensitySettings, bench: Bench) -> UNet:
        return bench.network(skips=False, shallower_by=settings.teacher_shallower_by)


METHOD: Method[ShapeIntensitySettings] = ShapeIntensity()
