import math

from napari_medkd.core.curves import Curve, Curves
from napari_medkd.core.events import (
    AnyEvent,
    EpochDone,
    Noticed,
    RunContinued,
    StagePlan,
    StageStarted,
    StepDone,
)
from tests.started import started

STARTED = started(StagePlan("teacher", 2, 10), StagePlan("student", 2, 10))


def steps(stage: str, numbers: range, value: float = 0.5) -> list[AnyEvent]:
    return [StepDone(stage=stage, step=n, losses={"dice": value}, seconds_per_step=0.1) for n in numbers]


def epoch(stage: str, number: int) -> EpochDone:
    return EpochDone(stage=stage, epoch=number, step=number * 10, metrics={"score": number / 10}, is_best=True)


def continued(stage: str, after_epoch: int) -> RunContinued:
    return RunContinued(stage=stage, epoch=after_epoch, host="h", pid=2, attempt=2)


def curves_of(events: list[AnyEvent]) -> Curves:
    curves = Curves()
    for event in events:
        curves.add(event)
    return curves


def test_every_loss_term_and_metric_is_a_curve_of_its_stage():
    curves = curves_of(
        [
            STARTED,
            StepDone(stage="teacher", step=1, losses={"dice": 0.9, "features": 2.0}, seconds_per_step=0.1),
            StepDone(stage="teacher", step=5, losses={"dice": 0.8, "features": 1.0}, seconds_per_step=0.1),
            epoch("teacher", 1),
            Noticed(message="nothing to draw"),
        ]
    )

    assert curves.losses == {
        ("teacher", "dice"): Curve([1, 5], [0.9, 0.8]),
        ("teacher", "features"): Curve([1, 5], [2.0, 1.0]),
    }
    assert curves.metrics == {("teacher", "score"): Curve([10], [0.1])}


def test_a_loss_that_is_no_number_stays_in_its_curve():
    curves = curves_of([STARTED, *steps("teacher", range(1, 2), math.nan)])

    assert math.isnan(curves.losses["teacher", "dice"].values[0])


def test_a_continued_run_does_not_double_back():
    before = [STARTED, *steps("teacher", range(1, 18)), epoch("teacher", 1)]

    curves = curves_of([*before, continued("teacher", 1), *steps("teacher", range(11, 16), 0.25)])

    dice = curves.losses["teacher", "dice"]
    assert dice.steps == list(range(1, 16))
    assert dice.values == [0.5] * 10 + [0.25] * 5
    assert curves.metrics["teacher", "score"].steps == [10]


def test_an_epoch_whose_weights_were_lost_is_cut_too():
    curves = curves_of([STARTED, epoch("teacher", 1), epoch("teacher", 2), continued("teacher", 1)])

    assert curves.metrics["teacher", "score"].steps == [10]


def test_stages_after_the_one_that_is_repeated_are_cut_and_those_before_kept():
    before = [STARTED, *steps("teacher", range(1, 21)), *steps("student", range(1, 6)), epoch("student", 1)]

    again = curves_of([*before, continued("teacher", 1)])
    onward = curves_of([*before, continued("student", 0)])

    assert again.losses["teacher", "dice"].steps == list(range(1, 11))
    assert again.losses["student", "dice"].steps == []
    assert again.metrics["student", "score"].steps == []
    assert onward.losses["teacher", "dice"].steps == list(range(1, 21))
    assert onward.losses["student", "dice"].steps == []


def test_the_length_of_an_epoch_is_that_of_the_stage_as_it_started():
    events = [STARTED, StageStarted(stage="teacher", epochs=2, steps_per_epoch=4), *steps("teacher", range(1, 9))]

    curves = curves_of([*events, continued("teacher", 1)])

    assert curves.losses["teacher", "dice"].steps == [1, 2, 3, 4]


def test_a_run_that_starts_from_nothing_again_starts_with_empty_curves():
    curves = curves_of([STARTED, *steps("teacher", range(1, 5)), epoch("teacher", 1), STARTED])

    assert (curves.losses, curves.metrics) == ({}, {})
