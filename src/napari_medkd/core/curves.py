"""The curves of a run: every loss term and metric over steps, cut back where a resumed attempt repeats them."""

from dataclasses import dataclass, field

from napari_medkd.core.events import AnyEvent, EpochDone, RunContinued, RunStarted, StageStarted, StepDone


@dataclass(slots=True)
class Curve:
    """One named series of a stage: steps and values of equal length."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """Append a point."""
        self.steps.append(step)
        self.values.append(value)

    def cut(self, last_step: int) -> None:
        """Drop the points after ``last_step``."""
        while self.steps and self.steps[-1] > last_step:
            self.steps.pop()
            self.values.pop()


@dataclass(slots=True)
class Curves:
    """All series, by stage and name. ``losses`` come every few steps, ``metrics`` at the end of epochs."""

    losses: dict[tuple[str, str], Curve] = field(default_factory=dict)
    metrics: dict[tuple[str, str], Curve] = field(default_factory=dict)
    stages: dict[str, int] = field(default_factory=dict)

    def add(self, event: AnyEvent) -> None:
        """Take in one event; those without numbers change nothing."""
        match event:
            case RunStarted():
                self.losses.clear()
                self.metrics.clear()
                self.stages = {planned.name: planned.steps_per_epoch for planned in event.plan}
            case StageStarted():
                self.stages[event.stage] = event.steps_per_epoch
            case StepDone():
                self._add(self.losses, event.stage, event.step, event.losses)
            case EpochDone():
                self._add(self.metrics, event.stage, event.step, event.metrics)
            case RunContinued():
                self._continue(event.stage, event.epoch)
            case _:
                pass

    @staticmethod
    def _add(series: dict[tuple[str, str], Curve], stage: str, step: int, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            series.setdefault((stage, name), Curve()).add(step, value)

    def _continue(self, stage: str, epoch: int) -> None:
        order = list(self.stages)
        later = set(order[order.index(stage) + 1 :]) if stage in order else set()
        last_step = epoch * self.stages.get(stage, 0)
        for series in (self.losses, self.metrics):
            for (of_stage, _name), curve in series.items():
                if of_stage == stage:
                    curve.cut(last_step)
                elif of_stage in later:
                    curve.cut(0)
