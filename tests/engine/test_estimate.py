"""What is measured before a run: steps as they are on the whole, and beside them what is paid once."""

import time
from dataclasses import replace

import psutil
import pytest
import torch

from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.estimate import STEPS_MEASURED, distinct, estimate, paid_once
from napari_medkd.engine.method import settings_of
from napari_medkd.engine.peak_memory import peak_memory_bytes
from napari_medkd.methods import method_named
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine

SECONDS_ONCE = 1.0  # well above a step, also on a busy machine


class Watched:
    """The method *supervised*, with batches that take their time when they are first asked for."""

    def __init__(self):
        self._method = method_named("supervised")
        self._known = set()
        self.progress = []

    def __getattr__(self, name):
        return getattr(self._method, name)

    def stages(self, settings, bench):
        for stage in self._method.stages(settings, bench):
            stage.objective.register_forward_pre_hook(lambda objective, _: self.progress.append(objective.progress))
            yield replace(stage, batches=lambda generator, stage=stage: self._slow_at_first(stage.batches(generator)))

    def _slow_at_first(self, batches):
        for batch in batches:
            told = float(batch.image_BCZYX.double().sum())
            if told not in self._known:
                self._known.add(told)
                time.sleep(SECONDS_ONCE)
            yield batch


class PaidByCase:
    """The method *supervised*, with a clock on which every case takes a second when it first comes."""

    def __init__(self, number):
        self._method = method_named("supervised")
        self._number = number
        self.known = set()

    def __getattr__(self, name):
        return getattr(self._method, name)

    def clock(self):
        return float(len(self.known))

    def stages(self, settings, bench):
        for stage in self._method.stages(settings, bench):
            yield replace(
                stage, batches=lambda generator, stage=stage: self._drawn(stage.batches(generator), generator)
            )

    def _drawn(self, batches, generator):
        for batch in batches:
            self.known |= set(torch.randint(self._number, (len(batch.image_BCZYX),), generator=generator).tolist())
            yield batch


class JudgedInMuchMemory:
    """The method *supervised*, whose judging holds more memory for a moment than anything before it."""

    def __init__(self):
        self._method = method_named("supervised")
        self.peak_bytes = 0

    def __getattr__(self, name):
        return getattr(self._method, name)

    def stages(self, settings, bench):
        for stage in self._method.stages(settings, bench):
            yield replace(stage, judge=self._judge)

    def _judge(self):
        number = peak_memory_bytes() - psutil.Process().memory_info().rss + 2**26
        assert len(b"x" * number) == number
        self.peak_bytes = peak_memory_bytes()
        return {}


@pytest.fixture
def bench(tiny_spec):
    return open_bench(tiny_spec, frozenset({"segmentation"}))


def test_the_peak_of_memory_is_the_most_that_was_held_while_training_and_judging(bench):
    method, before = JudgedInMuchMemory(), peak_memory_bytes()

    found = estimate(method, bench)

    assert found.peak_memory_bytes >= method.peak_bytes > before


def test_what_is_paid_once_for_a_case_is_not_paid_in_every_step(bench):
    found = estimate(Watched(), bench)

    assert found.seconds_per_step["student"] < SECONDS_ONCE / 2
    assert found.seconds > found.plan[0].steps * found.seconds_per_step["student"] + STEPS_MEASURED * SECONDS_ONCE


@pytest.mark.parametrize(("method", "number"), [("one-shot", 3 * 5), ("supervised", 3)])
def test_what_is_registered_is_paid_for_each_pair_of_a_reference_and_another_case(tmp_path, method, number):
    folder = write_pictures(tmp_path / "cells", "cells", tasks="m")  # eight that train
    references = ("cells0", "cells1", "cells2")
    hardware, network = Hardware(device="cpu", precision="fp32", threads=1), NetworkChoice(widths=(4, 8))
    spec = TrainSpec(datasets=(folder,), references=references, network=network, hardware=hardware)
    asked, bench = method_named(method), open_bench(spec, frozenset({"segmentation"}))
    stage = next(asked.stages(settings_of(asked, MethodChoice(name=method)), bench))

    assert paid_once(asked, stage, bench) == number


@pytest.mark.parametrize(
    ("number", "drawn", "expected"),
    [(1, 16, 1), (2, 2, 1.5), (3, 2, 5 / 3), (10**6, 16, 16)],
    ids=["the only one", "half of the pairs are alike", "a third", "hardly any twice"],
)
def test_what_is_drawn_again_is_not_another_one(number, drawn, expected):
    assert distinct(number, drawn) == pytest.approx(expected, rel=1e-4)


def test_cases_that_came_twice_leave_more_to_be_paid(tiny_spec, monkeypatch):
    bench = open_bench(
        tiny_spec.replace(schedule=tiny_spec.schedule.replace(batch_size=1)), frozenset({"segmentation"})
    )
    number, drawn = len(bench.training_cases), STEPS_MEASURED + 1
    method = PaidByCase(number)
    monkeypatch.setattr(time, "perf_counter", method.clock)

    seconds = estimate(method, bench).seconds

    assert len(method.known) < min(number, drawn)
    assert seconds == pytest.approx(len(method.known) * number / distinct(number, drawn))


def test_the_steps_are_spread_over_the_stage_so_that_what_begins_late_is_paid_for_its_share(bench):
    method = Watched()

    estimate(method, bench)

    assert method.progress == pytest.approx([0, 1 / 6, 1 / 2, 5 / 6])
