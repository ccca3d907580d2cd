import json
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticSerializationError

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
    from_line,
    to_line,
)

ONE_OF_EACH = [
    RunStarted(
        run="a run",
        method="shape-intensity",
        host="node-3",
        pid=17,
        versions={"torch": "2.10.0"},
        seed=1,
        plan=(StagePlan("teacher", 2, 5), StagePlan("student", 3, 5)),
        device="cuda",
        precision="bf16",
    ),
    RunContinued(stage="student", epoch=1, host="node-3", pid=18, attempt=2),
    StageStarted(stage="teacher", epochs=2, steps_per_epoch=5),
    StepDone(stage="teacher", step=3, losses={"dice": 0.5, "agreement": 1e-9}, seconds_per_step=0.02),
    EpochDone(stage="teacher", epoch=1, step=5, metrics={"score": 0.75}, is_best=True),
    CheckpointSaved(path="checkpoints/teacher.epoch-00001.safetensors", stage="teacher", epoch=1),
    PreviewSaved(case="liver_012", stage="teacher", epoch=1, path="previews/teacher.nii.gz"),
    Noticed(message="3 cases have no label."),
    RunPaused(),
    RunResumed(),
    PredictionStarted(of_cases=4),
    CaseDone(case="liver_012", path="liver_012", seconds=1.5, of_cases=4, uncertainty=0.25),
    RunEnded(outcome="failed", message="It failed.", hint="Try again.", traceback="line 1\nline 2"),
]


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.kind)
def test_an_event_survives_its_line(event):
    line = to_line(event)

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert from_line(line) == event


def test_an_event_knows_when_it_happened():
    before = time.time()

    event = RunPaused()

    assert before <= event.at <= time.time()


@given(st.text(), st.dictionaries(st.text(), st.floats(allow_nan=False)))
def test_any_words_and_numbers_survive_a_line(words, losses):
    for event in (
        Noticed(message=words),
        StepDone(stage=words, step=1, losses=losses, seconds_per_step=0.1),
    ):
        line = to_line(event)

        assert line.count(b"\n") == 1
        assert from_line(line) == event


def test_numbers_that_are_not_finite_stay_readable_for_every_json_reader():
    event = StepDone(
        stage="student", step=1, losses={"a": math.nan, "b": math.inf, "c": -math.inf}, seconds_per_step=0.1
    )

    line = to_line(event)

    assert json.loads(line, parse_constant=pytest.fail)["losses"] == {"a": "NaN", "b": "Infinity", "c": "-Infinity"}
    read = from_line(line)
    assert isinstance(read, StepDone)
    assert math.isnan(read.losses["a"])
    assert (read.losses["b"], read.losses["c"]) == (math.inf, -math.inf)


def test_a_file_name_that_is_not_unicode_does_not_silence_the_last_word():
    undecodable = b"liver_\xff.nii.gz".decode("utf-8", "surrogateescape")

    event = from_line(to_line(RunEnded(outcome="failed", message=f"{undecodable} is missing.", traceback=undecodable)))

    assert isinstance(event, RunEnded)
    assert event.message == "liver_\\udcff.nii.gz is missing."


def test_numbers_of_other_libraries_are_refused_by_the_writer():
    with pytest.raises(PydanticSerializationError, match="float32"):
        to_line(StepDone(stage="s", step=1, losses={"a": np.float32(1)}, seconds_per_step=0.1))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{",
        b'{"kind":"step_done","stage":"stu',
        b'{"kind":"step_done","stage":"student"}',
        b'{"kind":"sung_a_song","at":1.0}',
        b'{"at":1.0}',
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"\x00\x00\x00\x00",
        b"a library printed here",
    ],
)
def test_a_line_that_is_no_event_is_skipped(line):
    assert from_line(line) is None


def test_a_field_added_by_a_later_version_is_ignored():
    event = from_line(b'{"kind":"noticed","at":1.0,"message":"hello","colour":"red"}')

    assert event == Noticed(at=1.0, message="hello")


def test_a_stage_plan_counts_its_steps():
    assert StagePlan("teacher", epochs=4, steps_per_epoch=250).steps == 1000
