"""What presenters ask for, without threads: work is done at once, runs are listened to once."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import Field

from napari_medkd.core.card import Estimate, MethodCard, Needs
from napari_medkd.core.events import StagePlan
from napari_medkd.core.settings import Settings
from napari_medkd.gui.following import Heard, Listener

ESTIMATE = Estimate(
    device="cpu",
    precision="fp32",
    plan=(StagePlan("teacher", 1, 100), StagePlan("student", 2, 100)),
    seconds=330.0,
    seconds_per_step={"teacher": 1.0, "student": 1.1},
    peak_memory_bytes=3 * 2**29,
    parameters=1_401_350,
)


def at_once(work: Callable[[], Any], then: Callable[[Any], Any], failed: Callable[[Exception], Any]) -> None:
    """Do the work here and now."""
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the presenter has to say it
        failed(error)
    else:
        then(result)


def in_a_thread(work: Callable[[], Any], then: Callable[[Any], Any], failed: Callable[[Exception], Any]) -> None:
    """Do the work beside the test, as the window does."""
    threading.Thread(target=at_once, args=(work, then, failed)).start()


def endless_python(folder: Path) -> Path:
    """Return something that is started like Python, and never answers."""
    script = folder / "python"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o755)
    return script


class Later:
    """Keeps the work until it is told to do it, so that a test can let something happen meanwhile."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Any, Any, Any]] = []

    def __call__(self, work: Any, then: Any, failed: Any) -> None:
        self.waiting.append((work, then, failed))

    def do(self, at: int = 0) -> None:
        """Do a piece of the work, the oldest first."""
        at_once(*self.waiting.pop(at))


class ListeningRunner:
    """Reads a run once when it is followed, and remembers what was started."""

    def __init__(self) -> None:
        self.latest: dict[Path, Heard] = {}
        self.started: list[tuple[Path, bool]] = []
        self.followed: tuple[Path, ...] = ()

    def start(self, run: Path, *, resume: bool = False) -> None:
        self.started.append((run, resume))

    def follow(self, run: Path) -> None:
        self.latest[run] = Listener(run).poll()

    def leave(self, run: Path) -> None:
        self.followed = tuple(other for other in self.followed if other != run)


class DemoSettings(Settings):
    """One setting of each kind a method may have."""

    weight: float = Field(2.0, ge=0, le=100, title="Weight", description="How much it counts.")
    rounds: int = Field(3, gt=0, title="Rounds", description="How often.")
    balanced: bool = Field(False, title="Balanced", description="Whether classes count alike.")
    sees: str = Field("image", title="Sees", description="What it sees.", json_schema_extra={"enum": ["image", "mask"]})
    limit: float | None = Field(None, ge=0.5, title="Limit", description="Where it stops.")


def demo_card(name: str = "demo", teacher_shows: Any = "masks given a label", needs: Needs = "labels") -> MethodCard:
    """Return the card of a method that exists in tests only."""
    return MethodCard(
        name=name,
        title=name.title(),
        summary="It shows what a card can say.",
        source="Nobody, 2026",
        tasks=("segmentation",),
        needs=needs,
        teacher_shows=teacher_shows,
        stages=("teacher", "student"),
        presets={"recommended": {}, "heavy": {"weight": 9.0}},
        default_preset="recommended",
        settings_schema=DemoSettings.model_json_schema(),
    )
