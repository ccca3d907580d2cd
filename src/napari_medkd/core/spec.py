"""A run, as written to spec.json: what to train or predict, on what, with which method, and how long."""

from typing import Literal

from pydantic import Field

from napari_medkd.core.paths import PathFromHome
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.settings import Settings


class Target(Settings):
    """What is to be learned: one task of one dataset."""

    dataset: str = ""
    """Name of the dataset; empty where the run has one."""
    task: str = ""
    """Name of the task; empty where the dataset has one of a kind the method can teach."""


class MethodChoice(Settings):
    """A method by name; its settings are read by the method alone."""

    name: str = "shape-intensity"
    preset: str = ""
    """Name of a preset of the method; empty takes the method's default preset."""
    settings: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    """Changes to the preset's settings."""


class NetworkChoice(Settings):
    """The networks' size; a method may make some of them narrower or shallower by its settings."""

    widths: tuple[int, ...] = Field((16, 32, 64, 128), min_length=2)
    """Channels of each level, full resolution first."""

    def narrowed(self, by: int) -> tuple[int, ...]:
        """Return the channels of each level of a network with so many times fewer, at least one."""
        return tuple(max(1, width // by) for width in self.widths)


class Schedule(Settings):
    """How long and how fast. An epoch is a fixed number of steps, whatever the dataset's size."""

    epochs: int = Field(10, ge=1, le=10_000)
    steps_per_epoch: int = Field(250, ge=1, le=100_000)
    batch_size: int = Field(4, ge=1, le=1024)
    learning_rate: float = Field(1e-3, gt=0, le=1.0)
    augmentation: Literal["none", "paper", "strong"] = "strong"
    """Strength of the batched augmentation; the same for every method."""


class Hardware(Settings):
    """Where and how precisely to compute."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """``auto`` measures a step in both and keeps the faster."""
    threads: int | None = Field(None, ge=1)
    """CPU threads; None takes all cores that the process may use."""


class TrainSpec(Settings):
    """A training run, complete. Paths are absolute, relative to the current folder, or begin with ~."""

    schema_version: Literal[1] = 1
    name: str = ""
    """A few words for the run's folder and lists."""
    datasets: tuple[PathFromHome, ...] = Field(min_length=1)
    """Dataset folders or their manifests."""
    targets: tuple[Target, ...] = (Target(),)
    """What is learned. Several of one dataset make one network with several heads; of a dataset that no
    target names its only task is learned, or the only one that draws masks."""
    references: tuple[str, ...] = ()
    """Ids of reference cases: their labels alone are learned from, whatever the method."""
    preprocessing: PreprocessingWishes = PreprocessingWishes()
    preprocessing_of: dict[str, PreprocessingWishes] = Field(default_factory=dict)
    """By dataset's name, in place of ``preprocessing``, where one recipe does not fit all."""
    method: MethodChoice = MethodChoice()
    network: NetworkChoice = NetworkChoice()
    schedule: Schedule = Schedule()
    hardware: Hardware = Hardware()
    seed: int = Field(0, ge=0, lt=2**31)
    start_from: PathFromHome | None = None
    """Folder of a finished run: each stage begins with the weights of that run's stage of the same name, and images are
    preprocessed as there; None begins from scratch."""
    starts_from: dict[str, PathFromHome] = Field(default_factory=dict)
    """By stage, the folder of a finished run whose student takes its place: ``expert-DATASET``, or ``expert`` where
    there is one dataset. The stage is not trained, and the dataset's images are preprocessed as in that run."""
    preview_case: str = ""
    """Case predicted at the end of each epoch to be looked at while training; empty takes the first unlabelled case
    where there are references, else the first validation case."""


class PredictSpec(Settings):
    """A prediction: which weights, on which images, to where."""

    schema_version: Literal[1] = 1
    run: PathFromHome
    """A run folder."""
    images: tuple[PathFromHome, ...] = ()
    """Image files; empty takes ``cases`` of the run's dataset."""
    cases: tuple[str, ...] = ()
    """Case ids of the run's dataset."""
    data: PathFromHome | None = None
    """Dataset the cases are of; None takes the run's own."""
    stage: str = "student"
    """Whose weights: the stage's product."""
    given: Literal["image", "true mask", "student mask"] = "image"
    """What supplies class means to a teacher that needs them."""
    out: PathFromHome
    """Folder to write to."""
    hardware: Hardware = Hardware()
