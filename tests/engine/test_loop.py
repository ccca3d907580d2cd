"""The training loop: events, pauses, divergence."""

from dataclasses import replace

import pytest
import torch

from napari_medkd.core.control import Always
from napari_medkd.core.dataset import Split
from napari_medkd.core.errors import EngineBug
from napari_medkd.core.events import (
    EpochDone,
    Noticed,
    RunContinued,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StagePlan,
    StepDone,
)
from napari_medkd.core.spec import MethodChoice
from napari_medkd.core.status import status_of
from napari_medkd.engine import loop
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.checkpoint import load_network
from napari_medkd.engine.control import LOOK_SECONDS
from napari_medkd.engine.loop import learning_rate_at, train
from napari_medkd.methods import method_named
from napari_medkd.methods.supervised import SupervisedMethod

pytestmark = pytest.mark.engine

#: Of each step of `supervised` on the tiny dataset.
TOTAL_LOSSES = [4.5073, 3.9624, 3.8518, 3.7979, 3.7645, 3.738, 3.7241, 3.7118]


class Wishes:
    """Answers with a list of wishes, the last one for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    def wish(self) -> str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def bench(tiny_spec):
    return open_bench(tiny_spec.replace(method=MethodChoice(name="supervised")), frozenset({"segmentation"}))


def test_events_tell_the_whole_story(bench, tmp_path):
    events = list(train(method_named("supervised"), bench, tmp_path, Always()))

    assert isinstance(events[0], RunStarted)
    assert events[0].plan == (StagePlan("student", 2, 4),)
    status = status_of(events)
    assert (status.phase, status.outcome, status.step, status.of_steps) == ("ended", "completed", 8, 8)
    assert status.checkpoint == "checkpoints/student.done.safetensors"
    assert sum(isinstance(event, RunEnded) for event in events) == 1


def test_a_pause_waits_and_goes_on(bench, tmp_path):
    events = list(train(method_named("supervised"), bench, tmp_path, Wishes("go", "pause", "pause", "go")))

    kinds = [type(event) for event in events]
    assert kinds.index(RunPaused) < kinds.index(RunResumed)
    assert events[-1].outcome == "completed"


def test_a_paused_run_can_be_stopped(bench, tmp_path):
    events = list(train(method_named("supervised"), bench, tmp_path, Wishes("pause", "pause", "stop")))

    assert [type(event) for event in events[-2:]] == [RunPaused, RunEnded]
    assert events[-1].outcome == "cancelled"
    assert not any(isinstance(event, StepDone) for event in events)


def test_a_continued_run_says_where_it_goes_on(bench, tmp_path):
    list(train(method_named("supervised"), bench, tmp_path, Wishes(*["go"] * 5, "stop")))

    events = list(train(method_named("supervised"), bench, tmp_path, Always(), attempt=2))

    assert isinstance(events[0], RunContinued)
    assert (events[0].stage, events[0].epoch, events[0].attempt) == ("student", 1, 2)


def test_a_loss_that_is_no_number_ends_the_run_and_its_best_network_can_still_be_asked(bench, tmp_path, monkeypatch):
    method = SupervisedMethod()
    original = SupervisedMethod.stages

    def poisoned(self, settings, bench):
        for stage in original(self, settings, bench):
            steps = iter(range(100))

            def poison(module, args, output, steps=steps):
                factor = float("nan") if next(steps) >= 5 else 1.0
                return {name: value * factor for name, value in output.items()}

            stage.objective.register_forward_hook(poison)
            yield stage

    monkeypatch.setattr(SupervisedMethod, "stages", poisoned)

    events = list(train(method, bench, tmp_path, Always()))

    assert events[-1].outcome == "failed"
    assert "stopped being a number" in events[-1].message
    assert "new run" in events[-1].hint
    assert not events[-1].can_continue
    assert load_network(tmp_path, "student")[1].epoch == 1


def test_the_objective_knows_how_far_its_stage_is(bench, tmp_path, monkeypatch):
    seen = []
    original = SupervisedMethod.stages

    def watched(self, settings, bench):
        for stage in original(self, settings, bench):
            stage.objective.register_forward_pre_hook(lambda objective, args: seen.append(objective.progress))
            yield stage

    monkeypatch.setattr(SupervisedMethod, "stages", watched)
    list(train(SupervisedMethod(), bench, tmp_path, Wishes(*["go"] * 6, "stop")))
    assert seen == [step / 8 for step in range(6)]

    list(train(SupervisedMethod(), bench, tmp_path, Always(), attempt=2))  # from the second epoch of four steps
    assert seen[6:] == [step / 8 for step in range(4, 8)]


def test_a_pause_is_no_part_of_a_steps_time(bench, tmp_path):
    looks = round(4 / LOOK_SECONDS)
    control = Wishes("go", *["pause"] * looks, *["go"] * 20)

    events = list(train(method_named("supervised"), bench, tmp_path, control))

    assert any(isinstance(event, RunPaused) for event in events)
    assert max(event.seconds_per_step for event in events if isinstance(event, StepDone)) < 0.5  # 4 s / 8 steps


@pytest.fixture
def blind(bench):
    """The bench of a dataset without validation cases."""
    unseen = replace(bench.dataset, split=Split(train=bench.dataset.split.train))
    return replace(bench, course=replace(bench.course, dataset=unseen))


def test_without_validation_cases_the_person_is_told(blind, tmp_path):
    events = list(train(method_named("supervised"), blind, tmp_path, Always()))

    assert any(isinstance(event, Noticed) and "No validation case" in event.message for event in events)
    assert events[-1].outcome == "completed"


def test_a_run_without_validation_cases_that_is_stopped_can_be_asked(blind, tmp_path):
    events = list(train(method_named("supervised"), blind, tmp_path, Wishes(*["go"] * 5, "stop")))

    _, card, path = load_network(tmp_path, "student")
    assert (path.name, card.epoch, card.score) == ("student.best.safetensors", 1, None)
    assert not any(event.is_best for event in events if isinstance(event, EpochDone))


class WithoutScore:
    """Plain training whose validation cases never tell a score, as those of one class alone tell no AUC."""

    def __init__(self):
        self.supervised = method_named("supervised")

    def __getattr__(self, name):
        return getattr(self.supervised, name)

    def stages(self, settings, bench):
        yield from (replace(stage, judge=dict) for stage in self.supervised.stages(settings, bench))


def test_where_no_score_can_be_told_the_newest_network_is_the_best(bench, tmp_path):
    schedule = bench.spec.schedule.replace(epochs=3)
    longer = replace(bench, spec=bench.spec.replace(schedule=schedule))

    list(train(WithoutScore(), longer, tmp_path, Wishes(*["go"] * (2 * schedule.steps_per_epoch + 1), "stop")))

    _, card, path = load_network(tmp_path, "student")
    assert (path.name, card.epoch, card.score) == ("student.best.safetensors", 2, None)


def test_of_a_stopped_registration_no_network_is_offered_as_the_best(tiny_spec, tmp_path):
    spec = tiny_spec.replace(method=MethodChoice(name="one-shot"), references=("case_0",))
    one_shot = open_bench(spec, frozenset({"segmentation"}))
    steps = one_shot.spec.schedule.steps_per_epoch

    list(train(method_named("one-shot"), one_shot, tmp_path, Wishes(*["go"] * (steps + 1), "stop")))

    assert not (tmp_path / "checkpoints" / "registration.best.json").exists()


def test_registration_draws_no_masks_so_that_nobody_is_told_that_it_has_no_score(tiny_spec, tmp_path):
    schedule = tiny_spec.schedule.replace(epochs=1, steps_per_epoch=1)
    spec = tiny_spec.replace(method=MethodChoice(name="one-shot"), references=("case_0",), schedule=schedule)
    one_shot = open_bench(spec, frozenset({"segmentation"}))

    events = list(train(method_named("one-shot"), one_shot, tmp_path, Always()))

    assert [event.message for event in events if isinstance(event, Noticed)] == []
    assert events[-1].outcome == "completed"


def test_a_method_that_yields_another_stage_than_planned_is_a_bug(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(
        SupervisedMethod, "plan", lambda self, settings, schedule, datasets: (StagePlan("teacher", 1, 1),)
    )

    with pytest.raises(EngineBug, match="planned stage 'teacher'"):
        list(train(SupervisedMethod(), bench, tmp_path, Always()))


def test_the_learning_rate_rises_and_falls_to_zero():
    rates = [learning_rate_at(step, 1000, 1.0) for step in range(1000)]

    assert rates[0] < rates[25] < rates[49]
    assert max(rates) <= 1
    assert rates[-1] < 1e-4


def test_training_twice_gives_the_same_bits(bench, tmp_path):
    from safetensors.torch import load_file

    for name in ("one", "two"):
        list(train(method_named("supervised"), bench, tmp_path / name, Always()))

    one, two = (load_file(tmp_path / name / "checkpoints" / "student.done.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_an_engine_that_is_only_tidied_gives_the_same_losses(bench, tmp_path, monkeypatch):
    """The numbers change only with the recipe itself: then write the new ones here, and say why in the commit."""
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)  # an event for every step

    events = list(train(method_named("supervised"), bench, tmp_path, Always()))

    totals = [sum(event.losses.values()) for event in events if isinstance(event, StepDone)]
    assert totals == pytest.approx(TOTAL_LOSSES, rel=1e-3)
