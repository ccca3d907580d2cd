"""A method's visiting card: what the viewer needs to offer it without importing it."""

from typing import Any, Literal, TypeAlias

from napari_medkd.core.events import StagePlan
from napari_medkd.core.settings import Settings
from napari_medkd.core.task import TaskKind

#: What a method learns from: labels of all training cases of one dataset, or of several, or of the references alone.
Needs: TypeAlias = Literal["labels", "labels of several datasets", "references"]
TeacherShows: TypeAlias = Literal["nothing", "masks", "masks given a label", "reconstruction"]


class MethodCard(Settings):
    """What `medkd describe` prints for each method."""

    name: str
    """Kebab-case, as in spec.json and on the command line."""
    title: str
    summary: str
    source: str
    """The paper."""
    tasks: tuple[TaskKind, ...]
    needs: Needs = "labels"
    """``references``: the other training cases need no label."""
    teacher_shows: TeacherShows
    """What the teacher can show on an image: ``masks given a label`` is never put beside the student untitled."""
    stages: tuple[str, ...]
    presets: dict[str, dict[str, Any]]
    """Named changes to the default settings."""
    default_preset: str
    settings_schema: dict[str, Any]
    """JSON Schema of the flat settings, with title, description, default and bounds of each."""


class Estimate(Settings):
    """What a run will take, measured by a dry run of a few steps."""

    device: str
    precision: str
    plan: tuple[StagePlan, ...]
    """Without the stages that earlier runs give."""
    seconds: float
    """For the whole run, judging and what is paid once for each case included."""
    seconds_per_step: dict[str, float]
    """By stage."""
    peak_memory_bytes: int
    parameters: int
    """Of the student."""
