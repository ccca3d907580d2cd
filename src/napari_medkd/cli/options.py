"""Options that commands share, and the fields of the spec that those of a training run set."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.run_layout import stage_name


class Augmentation(StrEnum):
    """Strengths of the augmentation."""

    none = "none"
    paper = "paper"
    strong = "strong"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Precision(StrEnum):
    """How precisely to compute."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, a run's name or its end, or `latest`.")]

_WHAT, _HOW, _WHERE = "What is learned", "How long and how fast", "Where"

Data = Annotated[
    list[Path] | None,
    typer.Option(
        help="Dataset folder or its manifest; repeatable, for methods that learn from several.", rich_help_panel=_WHAT
    ),
]
TaskName = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[DATASET:]TASK",
        help="Task, where a dataset has several; repeatable: one of each kind makes one network.",
        rich_help_panel=_WHAT,
    ),
]
MethodName = Annotated[str | None, typer.Option(help="See `medkd describe`.", rich_help_panel=_WHAT)]
Preset = Annotated[str | None, typer.Option(help="One of the method's presets.", rich_help_panel=_WHAT)]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the method; repeatable.", rich_help_panel=_WHAT),
]
Reference = Annotated[
    list[str] | None,
    typer.Option(
        help="Id of a reference case, the only ones whose labels are learned from; repeatable.", rich_help_panel=_WHAT
    ),
]
Widths = Annotated[
    str | None,
    typer.Option(metavar="N,N,...", help="Channels of the network's levels: 16,32,64,128.", rich_help_panel=_WHAT),
]
Epochs = Annotated[int | None, typer.Option(help="Epochs of the student.", rich_help_panel=_HOW)]
StepsPerEpoch = Annotated[int | None, typer.Option(help="Steps of an epoch.", rich_help_panel=_HOW)]
BatchSize = Annotated[int | None, typer.Option(help="Patches of a step.", rich_help_panel=_HOW)]
LearningRate = Annotated[float | None, typer.Option(help="The highest; it falls to 0.", rich_help_panel=_HOW)]
AugmentationName = Annotated[
    Augmentation | None, typer.Option("--augmentation", help="How strongly patches are varied.", rich_help_panel=_HOW)
]
StartFrom = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="A finished run, by folder, name or `latest`: its networks are trained on.",
        rich_help_panel=_HOW,
    ),
]
Expert = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[DATASET=]RUN",
        help="A finished run whose student is the dataset's expert, which is not trained then; repeatable.",
        rich_help_panel=_HOW,
    ),
]
Seed = Annotated[int | None, typer.Option(help="Same seed, same run.", rich_help_panel=_HOW)]
DeviceName = Annotated[Device | None, typer.Option("--device", help="Where to compute.", rich_help_panel=_WHERE)]
PrecisionName = Annotated[
    Precision | None, typer.Option("--precision", help="auto measures which is faster.", rich_help_panel=_WHERE)
]
Threads = Annotated[int | None, typer.Option(help="CPU threads; all cores by default.", rich_help_panel=_WHERE)]
Name = Annotated[str | None, typer.Option(help="A few words for lists of runs.", rich_help_panel=_WHERE)]
RunsFolder = Annotated[
    Path | None,
    typer.Option(envvar="MEDKD_RUNS", help="Where runs are kept.", rich_help_panel=_WHERE, show_envvar=True),
]

#: The spec's field that each option sets.
_FIELDS = {
    "method": "method.name",
    "preset": "method.preset",
    "epochs": "schedule.epochs",
    "steps_per_epoch": "schedule.steps_per_epoch",
    "batch_size": "schedule.batch_size",
    "learning_rate": "schedule.learning_rate",
    "augmentation": "schedule.augmentation",
    "seed": "seed",
    "device": "hardware.device",
    "precision": "hardware.precision",
    "threads": "hardware.threads",
    "name": "name",
}


def changes_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the spec that the options set; those not given set nothing."""
    from napari_medkd.cli.spec_files import settings_of

    given = {name: value for name, value in options.items() if value not in (None, [], ())}
    changes = {_FIELDS[name]: value for name, value in given.items() if name in _FIELDS}
    changes |= {f"method.settings.{name}": value for name, value in settings_of(given.get("changes", ())).items()}
    if "data" in given:
        changes["datasets"] = [str(path) for path in given["data"]]
    if "task" in given:
        changes["targets"] = [_target(name) for name in given["task"]]
    if "reference" in given:
        changes["references"] = list(given["reference"])
    if "start_from" in given:
        from napari_medkd.cli.run_names import run_named

        changes["start_from"] = str(run_named(given["start_from"], given.get("runs_folder")).absolute())
    changes |= dict(_expert(text, given.get("runs_folder")) for text in given.get("expert", ()))
    if "widths" in given:
        changes["network.widths"] = [part.strip() for part in given["widths"].split(",")]
    return changes


def _target(name: str) -> dict[str, str]:
    """Return the target that ``DATASET:TASK`` or ``TASK`` names."""
    dataset, _, task = name.rpartition(":")
    return {"dataset": dataset, "task": task}


def _expert(text: str, runs_folder: Path | None) -> tuple[str, str]:
    """Return the spec's field that ``DATASET=RUN`` or ``RUN`` sets, and the run's folder."""
    from napari_medkd.cli.run_names import run_named

    dataset, equals, run = text.rpartition("=")
    if not run or (equals and not dataset):
        found = f"{text!r} lacks a dataset or a run."
        raise SpecProblem("--expert", found, "Write DATASET=RUN, or RUN alone where there is one dataset.")
    stage = stage_name("expert", dataset) if dataset else "expert"
    return f"starts_from.{stage}", str(run_named(Path(run), runs_folder).absolute())
