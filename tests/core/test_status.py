import pytest

from napari_medkd.core.events import (
    CaseDone,
    CheckpointSaved,
    EpochDone,
    Noticed,
    PredictionStarted,
    PreviewSaved,
    RunContinued,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StagePlan,
    StageStarted,
    StepDone,
)
from napari_medkd.core.status import RunStatus, fold, phase_in_words, status_of
from tests.started import started

STARTED = started(StagePlan("teacher", 2, 10), StagePlan("student", 4, 10))
TEACHER = StageStarted(stage="teacher", epochs=2, steps_per_epoch=10)
STUDENT = StageStarted(stage="student", epochs=4, steps_per_epoch=10)


def step(stage: str, number: int, **losses: float) -> StepDone:
    return StepDone(stage=stage, step=number, losses=losses, seconds_per_step=0.5)


def epoch(stage: str, number: int, score: float, *, is_best: bool = True) -> EpochDone:
    return EpochDone(stage=stage, epoch=number, step=number * 10, metrics={"score": score}, is_best=is_best)


def continued(stage: str, after_epoch: int, attempt: int = 2) -> RunContinued:
    return RunContinued(stage=stage, epoch=after_epoch, host="h", pid=2, attempt=attempt)


@pytest.mark.parametrize(
    ("events", "phase", "outcome", "is_live"),
    [
        ([], "queued", None, False),
        ([STARTED], "starting", None, True),
        ([STARTED, TEACHER], "training", None, True),
        ([STARTED, TEACHER, RunPaused()], "paused", None, True),
        ([STARTED, TEACHER, RunPaused(), RunResumed()], "training", None, True),
        ([STARTED, TEACHER, RunEnded(outcome="completed")], "ended", "completed", False),
        ([STARTED, TEACHER, RunPaused(), RunEnded(outcome="cancelled")], "ended", "cancelled", False),
        ([STARTED, RunEnded(outcome="failed")], "ended", "failed", False),
        ([STARTED, TEACHER, RunEnded(outcome="failed"), continued("teacher", 1)], "starting", None, True),
        ([STARTED, CaseDone(case="c", path="p", seconds=1.0, of_cases=2)], "predicting", None, True),
        ([STARTED, RunEnded(outcome="failed"), STARTED], "starting", None, True),
    ],
)
def test_the_phase_follows_the_events(events, phase, outcome, is_live):
    status = status_of(events)

    assert (status.phase, status.outcome, status.is_live) == (phase, outcome, is_live)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (RunStatus(), "waiting"),
        (RunStatus("training"), "training"),
        (RunStatus("ended", "completed"), "completed"),
        (RunStatus("ended", "cancelled"), "stopped"),
        (RunStatus("ended", "failed"), "failed"),
        (RunStatus("lost"), "lost"),
    ],
)
def test_where_a_run_stands_is_said_in_a_persons_words(status, words):
    assert phase_in_words(status) == words


def test_steps_are_counted_over_all_stages():
    status = status_of([STARTED, TEACHER, epoch("teacher", 2, 0.5), STUDENT, step("student", 5)])

    assert (status.step, status.of_steps) == (25, 60)
    assert status.fraction == pytest.approx(25 / 60)
    assert (status.stage, status.epoch) == ("student", 0)


def test_the_time_left_is_known_once_a_step_was_timed():
    started = status_of([STARTED, TEACHER])
    training = fold(started, step("teacher", 10))

    assert started.seconds_left is None
    assert training.seconds_left == pytest.approx(50 * 0.5)
    assert fold(training, RunPaused()).seconds_left == pytest.approx(50 * 0.5)
    assert fold(training, RunEnded(outcome="cancelled")).seconds_left is None


def test_a_stage_unknown_at_the_start_joins_the_plan():
    status = status_of([STARTED, TEACHER, StageStarted(stage="polish", epochs=1, steps_per_epoch=6)])

    assert [planned.name for planned in status.plan] == ["teacher", "student", "polish"]
    assert status.of_steps == 66


def test_a_stage_that_turns_out_longer_than_planned_corrects_the_plan():
    status = status_of([STARTED, StageStarted(stage="teacher", epochs=5, steps_per_epoch=10)])

    assert [planned.name for planned in status.plan] == ["teacher", "student"]
    assert status.of_steps == 90


def test_the_best_score_is_that_of_the_stage_at_work():
    teacher = status_of([STARTED, TEACHER, epoch("teacher", 1, 0.9), epoch("teacher", 2, 0.8, is_best=False)])
    student = fold(teacher, STUDENT)

    assert teacher.best == 0.9
    assert student.best is None
    assert fold(student, epoch("student", 1, 0.4)).best == 0.4


def test_a_run_continued_in_its_next_stage_does_not_keep_the_best_score_of_the_stage_before():
    status = status_of([STARTED, TEACHER, epoch("teacher", 2, 0.9), continued("student", 0), STUDENT])

    assert status.best is None


def test_a_run_continued_within_a_stage_keeps_its_best_score_and_its_epoch():
    status = status_of([STARTED, TEACHER, STUDENT, epoch("student", 1, 0.4), continued("student", 1), STUDENT])

    assert (status.best, status.epoch) == (0.4, 1)


def test_a_stage_that_starts_anew_after_a_crash_has_no_best_score_yet():
    status = status_of([STARTED, TEACHER, epoch("teacher", 1, 0.9), continued("teacher", 0), TEACHER])

    assert status.best is None


def test_a_continued_run_counts_from_where_it_was_taken_up():
    events = [STARTED, TEACHER, STUDENT, epoch("student", 2, 0.5), step("student", 27), RunEnded(outcome="failed")]

    status = status_of([*events, continued("student", 2)])

    assert (status.stage, status.epoch, status.step) == ("student", 2, 20 + 20)
    assert (status.message, status.hint) == ("", "")
    assert status.attempt == 2


def test_attempts_are_counted_also_when_a_run_starts_from_nothing_again():
    assert status_of([STARTED]).attempt == 1
    assert status_of([STARTED, STARTED]).attempt == 2
    assert status_of([STARTED, continued("teacher", 0), STARTED]).attempt == 3


def test_a_fresh_start_forgets_what_the_earlier_attempt_said():
    status = status_of([STARTED, TEACHER, step("teacher", 3, dice=0.1), Noticed(message="n"), STARTED])

    assert (status.step, dict(status.latest), status.notices) == (0, {}, ())


def test_the_newest_numbers_and_files_are_kept():
    status = status_of(
        [
            STARTED,
            TEACHER,
            step("teacher", 1, dice=0.9, features=3.0),
            step("teacher", 2, dice=0.8, features=2.0),
            epoch("teacher", 1, 0.5),
            CheckpointSaved(path="checkpoints/a", stage="teacher", epoch=1),
            CheckpointSaved(path="checkpoints/b", stage="teacher", epoch=2),
            PreviewSaved(case="c", stage="teacher", epoch=2, path="previews/b"),
            Noticed(message="one"),
            Noticed(message="two"),
        ]
    )

    assert status.latest == {"dice": 0.8, "features": 2.0, "score": 0.5}
    assert (status.checkpoint, status.preview) == ("checkpoints/b", "previews/b")
    assert status.notices == ("one", "two")
    assert (status.method, status.device) == ("shape-intensity", "cpu")


def test_the_last_word_says_why_and_what_to_do():
    status = status_of([STARTED, RunEnded(outcome="failed", message="No label.", hint="Add one.")])

    assert (status.message, status.hint) == ("No label.", "Add one.")


def test_a_prediction_counts_cases():
    prediction = RunStarted(run="p", method="m", host="h", pid=1, versions={}, seed=0, plan=())
    cases = [CaseDone(case=name, path=name, seconds=2.0, of_cases=5) for name in "abc"]

    status = status_of([prediction, *cases])

    assert (status.step, status.of_steps) == (3, 5)
    assert status.seconds_left == pytest.approx(4.0)


def test_a_prediction_that_paused_predicts_again():
    prediction = RunStarted(run="p", method="m", host="h", pid=1, versions={}, seed=0, plan=())
    case = CaseDone(case="a", path="a", seconds=2.0, of_cases=5)

    assert status_of([prediction, case, RunPaused(), RunResumed()]).phase == "predicting"


def test_a_second_prediction_into_a_folder_is_counted_anew():
    case = CaseDone(case="a", path="a", seconds=2.0, of_cases=2)

    status = status_of([case, case, RunEnded(outcome="completed", message="Done."), case])

    assert (status.phase, status.outcome, status.step, status.of_steps, status.message) == (
        "predicting",
        None,
        1,
        2,
        "",
    )


def test_a_prediction_that_was_killed_is_counted_anew_when_it_is_started_again():
    started = PredictionStarted(of_cases=5)
    cases = [CaseDone(case=name, path=name, seconds=2.0, of_cases=5) for name in "abcde"]

    begun = status_of([started, *cases[:3], Noticed(message="f is left out."), started])
    done = status_of([started, *cases[:3], started, *cases])

    assert (begun.phase, begun.step, begun.of_steps, begun.seconds_left, begun.notices) == (
        "predicting",
        0,
        5,
        None,
        (),
    )
    assert (done.step, done.fraction, done.seconds_left) == (5, 1.0, 0.0)


def test_without_a_plan_nothing_is_done_yet():
    assert RunStatus().fraction == 0.0


def test_one_slow_step_hardly_moves_the_time_left():
    steps = [StepDone(stage="teacher", step=n, losses={}, seconds_per_step=1.0) for n in range(1, 5)]
    slow = StepDone(stage="teacher", step=5, losses={}, seconds_per_step=3.0)

    status = status_of([STARTED, TEACHER, *steps, slow])

    assert status.seconds_per_step == pytest.approx(1.2)


def test_a_new_stage_has_its_own_speed():
    assert status_of([STARTED, TEACHER, step("teacher", 1), STUDENT]).seconds_per_step is None


@pytest.mark.parametrize(
    ("last_word", "can_continue"),
    [
        (RunEnded(outcome="cancelled"), True),
        (RunEnded(outcome="failed"), True),
        (RunEnded(outcome="failed", can_continue=False), False),
        (RunEnded(outcome="completed"), False),
    ],
)
def test_another_attempt_makes_sense_unless_all_is_done_or_it_would_end_in_the_same_way(last_word, can_continue):
    status = fold(RunStatus("training", outcome=None), last_word)

    assert status.can_continue is can_continue
    assert fold(status, RunContinued(host="h", pid=2, attempt=2, stage="student", epoch=1)).can_continue
