"""The method that CONTRIBUTING.md walks through is one, as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from napari_medkd.core.control import Always
from napari_medkd.core.events import StepDone
from napari_medkd.core.spec import MethodChoice, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.loop import train

pytestmark = pytest.mark.engine

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_parts_are_a_method_that_trains(tiny_spec: TrainSpec, tmp_path: Path):
    chapter = PAGE[PAGE.index("## 5 Add a method") : PAGE.index("## 6 ")]
    names: dict[str, Any] = {"__name__": "answers"}
    exec("\n".join(re.findall(r"```python\n(.*?)```", chapter, re.DOTALL)), names)
    schedule = tiny_spec.schedule.replace(epochs=1, steps_per_epoch=1)
    spec = tiny_spec.replace(method=MethodChoice(name="answers"), schedule=schedule)
    method = names["METHOD"]

    events = list(train(method, open_bench(spec, method.tasks), tmp_path, Always(), attempt=1))

    terms = {event.stage: set(event.losses) for event in events if isinstance(event, StepDone)}
    assert terms["student"] - terms["teacher"] == {"answers"}
