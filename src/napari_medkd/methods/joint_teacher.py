"""Joint teacher (arXiv 2605.01563): experts of several datasets become one teacher, which teaches a student for each.

An expert is trained on each dataset. A teacher that starts from them and fuses their maps learns the tasks of all
datasets. A student of each dataset then learns its labels and follows the teacher; it is shipped alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from napari_medkd.core.card import Needs, TeacherShows
from napari_medkd.core.events import StagePlan
from napari_medkd.core.run_layout import stage_name
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import Schedule
from napari_medkd.core.task import TaskKind
from napari_medkd.engine.asked_beforehand import refuse_what_is_not_kept
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.mixing import mixed
from napari_medkd.engine.distilling import Distilling, DistillingWeights, Followed
from napari_medkd.engine.mask_terms import CROSS_ENTROPY, DICE, LOG_DICE, refuse_nothing_to_learn
from napari_medkd.engine.method import Method, Stage
from napari_medkd.engine.networks.joint_teacher import JointTeacher
from napari_medkd.engine.networks.pupils import Pupil
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.objective import Frozen, Supervised
from napari_medkd.engine.task_losses import BALANCED, losses_of
from napari_medkd.engine.teaching_several import TeachingSeveral, judge_several

#: What a student's widths are divided by; its parameters are divided by the square of it.
_NARROWER = {"as the experts": 1, "a quarter": 2, "a sixteenth": 4}
_PUBLISHED = {"labels": 0.2, "answers": 0.6, "features": 0.2, "overlap": 0.0, "teacher_tunes": False, "log_dice": False}


class JointTeacherSettings(Settings):
    """A teacher over several datasets hands on its answers and its maps."""

    labels: float = Field(
        1.0, ge=0, le=10, title="Label weight", description="Weight of the student's own labels, 0.2 as published."
    )
    answers: float = Field(
        1.0, ge=0, le=10, title="Answer weight", description="Of the teacher's softened answers, 0.6 as published."
    )
    overlap: float = Field(
        1.0, ge=0, le=10, title="Overlap weight", description="Of how masks overlap, among the answers; 0 as published."
    )
    features: float = Field(
        0.5, ge=0, le=10, title="Feature weight", description="Of its maps at every level, 0.2 as published."
    )
    temperature: float = Field(
        2.0, gt=0, le=20, title="Temperature", description="By which answers are softened, 2 as published."
    )
    beforehand: bool = Field(
        False,
        title="Ask the teacher beforehand",
        description="Its answers to the whole images are kept and moved along with them, which makes steps faster; it "
        "does not see how a student's image is varied. Not for boxes, nor for maps.",
    )
    student_size: Literal["as the experts", "a quarter", "a sixteenth"] = Field(
        "as the experts",
        title="Student's size",
        description="Parameters of the student; its levels get half or a quarter of the experts' channels.",
    )
    expert_share: float = Field(
        1.0, gt=0, le=4, title="Experts' share", description="Epochs of each expert as a share of the student's."
    )
    teacher_share: float = Field(
        0.5, gt=0, le=4, title="Teacher's share", description="Its epochs per dataset, as a share of the student's."
    )
    teacher_trains: bool = Field(
        True, title="Train the teacher", description="Off gives experts and a teacher of random weights, a control."
    )
    teacher_tunes: bool = Field(
        True,
        title="Teacher tunes its experts",
        description="Its answers are added to those of the dataset's own expert, and experts of masks or boxes learn "
        "on in it; as published, nothing in them changes, and its answers are its own.",
    )
    cross_entropy: float = CROSS_ENTROPY
    dice: float = DICE
    log_dice: bool = LOG_DICE
    balanced: bool = BALANCED

    _refuse_nothing_to_learn = model_validator(mode="after")(refuse_nothing_to_learn)

    @model_validator(mode="after")
    def _refuse_nothing_to_follow(self) -> Self:
        if not self.labels and not (self.answers or self.features):
            message = "labels, answers and features are all 0; the student would have nothing to learn"
            raise ValueError(message)
        if self.beforehand and (self.features or not self.answers):
            message = "beforehand keeps the teacher's answers and no maps; set features to 0 and answers above 0"
            raise ValueError(message)
        return self

    @property
    def has_teacher(self) -> bool:
        """Whether anything of the teacher counts."""
        return bool(self.answers or self.features)


class JointTeacherMethod:
    """An expert for each dataset, the teacher, a student for each dataset."""

    name = "joint-teacher"
    title = "Joint teacher"
    summary = (
        "Experts of several datasets become one teacher; a student of each dataset learns its labels and follows the "
        "teacher's answers and maps. Masks, classes and boxes."
    )
    source = (
        "Multi-Dataset Cross-Domain Knowledge Distillation for Unified Medical Image Segmentation, Classification, and "
        "Detection, arXiv 2605.01563"
    )
    tasks: frozenset[TaskKind] = frozenset({"segmentation", "classification", "detection"})
    needs: Needs = "labels of several datasets"
    teacher_shows: TeacherShows = "masks"
    presets: Mapping[str, Mapping[str, Any]] = {"recommended": {}, "faithful": _PUBLISHED}
    default_preset = "recommended"
    Settings = JointTeacherSettings

    def plan(
        self, settings: JointTeacherSettings, schedule: Schedule, datasets: Sequence[str]
    ) -> tuple[StagePlan, ...]:
        """Return the experts and the teacher (unless they stay random or are not followed), and the students.

        Experts and students draw as a plain run's student does: what differs between the three is the teacher alone.
        """
        steps = schedule.steps_per_epoch
        experts = max(1, round(schedule.epochs * settings.expert_share))
        teacher = max(1, round(schedule.epochs * settings.teacher_share * len(datasets)))
        narrower, epochs = _NARROWER[settings.student_size], schedule.epochs
        students = tuple(StagePlan(name, epochs, steps, "student", narrower) for name in _names("student", datasets))
        if not (settings.has_teacher and settings.teacher_trains):
            return students
        before = (StagePlan(name, experts, steps, "student") for name in _names("expert", datasets))
        return (*before, StagePlan("teacher", teacher, steps), *students)

    def stages(self, settings: JointTeacherSettings, bench: Bench) -> Iterator[Stage]:
        """Yield the stages of the plan, each with terms of its own; in a student's, the student is built first."""
        benches, schedule, teacher = bench.benches, bench.spec.schedule, None
        if settings.beforehand:
            refuse_what_is_not_kept(benches)
        terms = partial(losses_of, masks=settings, balanced=settings.balanced)
        if settings.has_teacher and settings.teacher_trains:
            experts = list[UNet]()
            for name, each in zip(_names("expert", bench.dataset_names), benches, strict=True):
                expert = each.network(widths=each.decided.expert_widths)
                experts.append(expert)
                learning = Supervised(expert, terms(each.training_cases))
                yield Stage(name, learning, expert, each.batches(), each.judge(expert), bench=each)
            teacher = _teacher(settings, experts, benches)
            batches = mixed([each.drawing for each in benches], schedule.batch_size, schedule.steps_per_epoch)
            teaching = TeachingSeveral(teacher, [terms(each.training_cases) for each in benches])
            yield Stage("teacher", teaching, teacher, batches, judge_several(teacher, benches))
        widths = bench.spec.network.narrowed(_NARROWER[settings.student_size])
        weights = DistillingWeights(
            settings.labels, settings.answers, settings.features, settings.temperature, settings.overlap
        )
        for pupil, (name, each) in enumerate(zip(_names("student", bench.dataset_names), benches, strict=True)):
            student = each.network(widths=widths)
            if teacher is None and settings.has_teacher:
                teacher = _teacher(settings, [one.network() for one in benches], benches)
            followed, asked = None, None
            if teacher is not None:
                asked = Frozen(teacher.for_pupil(pupil))
                followed = Followed(asked, teacher.channels_for(pupil))
            distilling = Distilling(student, followed, terms(each.training_cases), weights)
            batches = each.batches(teacher=asked.network if asked and settings.beforehand else None)
            yield Stage(name, distilling, student, batches, each.judge(student), bench=each)


def _names(kind: str, datasets: Sequence[str]) -> list[str]:
    """Return the names of stages of which there is one for each dataset."""
    return [stage_name(kind, dataset) for dataset in datasets] if len(datasets) > 1 else [kind]


def _teacher(settings: JointTeacherSettings, experts: Sequence[UNet], benches: Sequence[Bench]) -> JointTeacher:
    pupils = [Pupil(in_channels=len(each.preprocessing.channels), answers=each.answers) for each in benches]
    teacher = JointTeacher(experts, pupils, benches[0].spec.network.widths, adds=settings.teacher_tunes)
    return teacher.to(benches[0].machine.device)


METHOD: Method[JointTeacherSettings] = JointTeacherMethod()
