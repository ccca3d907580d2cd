"""The plain baseline every claim is held against: a network learns the labels, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from napari_medkd.core.card import Needs, TeacherShows
from napari_medkd.core.events import StagePlan
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import Schedule
from napari_medkd.core.task import TaskKind
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.method import Method, Stage
from napari_medkd.engine.objective import Supervised
from napari_medkd.engine.task_losses import losses_of


class SupervisedSettings(Settings):
    """One network, trained on labels."""

    cross_entropy: float = Field(
        1.0, ge=0, le=10, title="Cross-entropy weight", description="Weight of the voxel-wise cross-entropy."
    )
    dice: float = Field(1.0, ge=0, le=10, title="Dice weight", description="Weight of the soft Dice loss.")
    balanced: bool = Field(
        False,
        title="Balance classes",
        description="Whether every class of a classification weighs the same, however many images show it.",
    )

    @model_validator(mode="after")
    def _refuse_nothing_to_learn(self) -> Self:
        if not self.cross_entropy and not self.dice:
            message = "cross_entropy and dice are both 0; the network would have nothing to learn"
            raise ValueError(message)
        return self


class SupervisedMethod:
    """A single stage, called ``student`` so that it shares seeds with the students of the other methods."""

    name = "supervised"
    title = "Supervised"
    summary = "A plain U-Net learns masks, classes or boxes: the baseline that distillation has to beat."
    source = "Ronneberger et al., MICCAI 2015"
    tasks: frozenset[TaskKind] = frozenset({"segmentation", "classification", "detection"})
    needs: Needs = "labels"
    teacher_shows: TeacherShows = "nothing"
    presets: Mapping[str, Mapping[str, Any]] = {"recommended": {}, "faithful": {"dice": 0.0}}
    default_preset = "recommended"
    Settings = SupervisedSettings

    def plan(self, settings: SupervisedSettings, schedule: Schedule, datasets: Sequence[str]) -> tuple[StagePlan, ...]:
        """Return the one stage."""
        return (StagePlan("student", schedule.epochs, schedule.steps_per_epoch),)

    def stages(self, settings: SupervisedSettings, bench: Bench) -> Iterator[Stage]:
        """Yield the one stage."""
        network = bench.network()
        losses = losses_of(bench.training_cases, settings.cross_entropy, settings.dice, balanced=settings.balanced)
        objective = Supervised(network, losses)
        yield Stage("student", objective, network, bench.batches(), bench.judge(network))


METHOD: Method[SupervisedSettings] = SupervisedMethod()
