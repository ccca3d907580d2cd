"""The plain baseline every claim is held against: a network learns the labels, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import model_validator

from napari_medkd.core.card import Needs, TeacherShows
from napari_medkd.core.events import StagePlan
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import Schedule
from napari_medkd.core.task import TaskKind
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.mask_terms import CROSS_ENTROPY, DICE, LOG_DICE, refuse_nothing_to_learn
from napari_medkd.engine.method import Method, Stage
from napari_medkd.engine.objective import Supervised
from napari_medkd.engine.task_losses import BALANCED, losses_of


class SupervisedSettings(Settings):
    """One network, trained on labels."""

    cross_entropy: float = CROSS_ENTROPY
    dice: float = DICE
    log_dice: bool = LOG_DICE
    balanced: bool = BALANCED

    _refuse_nothing_to_learn = model_validator(mode="after")(refuse_nothing_to_learn)


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
        losses = losses_of(bench.training_cases, settings, balanced=settings.balanced)
        objective = Supervised(network, losses)
        yield Stage("student", objective, network, bench.batches(), bench.judge(network))


METHOD: Method[SupervisedSettings] = SupervisedMethod()
