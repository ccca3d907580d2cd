"""One network for several datasets at once, with heads for each: what a joint teacher and its students have to beat."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from napari_medkd.core.card import Needs, TeacherShows
from napari_medkd.core.events import StagePlan
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import Schedule
from napari_medkd.core.task import TaskKind
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.mixing import mixed
from napari_medkd.engine.mask_terms import CROSS_ENTROPY, DICE, LOG_DICE, refuse_nothing_to_learn
from napari_medkd.engine.method import Method, Stage
from napari_medkd.engine.networks.multi_head import MultiHead
from napari_medkd.engine.networks.pupils import Pupil
from napari_medkd.engine.task_losses import BALANCED, losses_of
from napari_medkd.engine.teaching_several import TeachingSeveral, judge_several


class MultiHeadSettings(Settings):
    """A trunk that all datasets share, trained on their labels."""

    share: float = Field(
        1.0,
        gt=0,
        le=16,
        title="Epochs' share",
        description="Epochs as a multiple of the schedule's; as many as there are datasets give each as many samples "
        "as a network of its own sees, if all are equally large; else the larger ones more and the smaller ones fewer.",
    )
    cross_entropy: float = CROSS_ENTROPY
    dice: float = DICE
    log_dice: bool = LOG_DICE
    balanced: bool = BALANCED

    _refuse_nothing_to_learn = model_validator(mode="after")(refuse_nothing_to_learn)


class MultiHeadMethod:
    """A single stage, called ``student`` because its network ships."""

    name = "multi-head"
    title = "Multi-head"
    summary = "One network learns the labels of several datasets at once, with heads for each: a baseline."
    source = "Caruana, Multitask Learning, Machine Learning 1997"
    tasks: frozenset[TaskKind] = frozenset({"segmentation", "classification", "detection"})
    needs: Needs = "labels of several datasets"
    teacher_shows: TeacherShows = "nothing"
    presets: Mapping[str, Mapping[str, Any]] = {"recommended": {}, "faithful": {}}
    default_preset = "recommended"
    Settings = MultiHeadSettings

    def plan(self, settings: MultiHeadSettings, schedule: Schedule, datasets: Sequence[str]) -> tuple[StagePlan, ...]:
        """Return the one stage."""
        return (StagePlan("student", max(1, round(schedule.epochs * settings.share)), schedule.steps_per_epoch),)

    def stages(self, settings: MultiHeadSettings, bench: Bench) -> Iterator[Stage]:
        """Yield the one stage."""
        benches, schedule = bench.benches, bench.spec.schedule
        pupils = tuple(Pupil(in_channels=len(each.preprocessing.channels), answers=each.answers) for each in benches)
        network = MultiHead(bench.preprocessing.dimensions, pupils, bench.spec.network.widths)
        network.to(bench.machine.device)
        losses = [losses_of(each.training_cases, settings, balanced=settings.balanced) for each in benches]
        batches = mixed([each.drawing for each in benches], schedule.batch_size, schedule.steps_per_epoch)
        yield Stage("student", TeachingSeveral(network, losses), network, batches, judge_several(network, benches))


METHOD: Method[MultiHeadSettings] = MultiHeadMethod()
