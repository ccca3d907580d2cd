"""`medkd train`: train teacher and student as a spec says, into a run folder."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli import options
from napari_medkd.cli.terminal import as_a_courtesy, say, tell

EXAMPLES = (
    "medkd train spec.json",
    "medkd train --data phantoms --method shape-intensity --epochs 4 --steps-per-epoch 100 --set features=2.0",
    "medkd train --data site-a --data site-b --task site-a:lesion --method joint-teacher",
    "medkd train --data site-a --data site-b --method joint-teacher --expert site-a=latest",
    "medkd train spec.json --seed 1 --name second",
    "medkd train spec.json --start-from latest --reference case_0 --reference case_7",
    "medkd train --run latest --resume",
)


def train(
    context: typer.Context,
    spec: Annotated[
        Path | None, typer.Argument(metavar="SPEC", help="A spec file, JSON or YAML; options change it.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="An existing run, by its folder, name or `latest`, instead of a spec.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run after its last epoch.")] = False,
    data: options.Data = None,
    task: options.TaskName = None,
    method: options.MethodName = None,
    preset: options.Preset = None,
    changes: options.Changes = None,
    reference: options.Reference = None,
    widths: options.Widths = None,
    epochs: options.Epochs = None,
    steps_per_epoch: options.StepsPerEpoch = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    augmentation: options.AugmentationName = None,
    start_from: options.StartFrom = None,
    expert: options.Expert = None,
    seed: options.Seed = None,
    device: options.DeviceName = None,
    precision: options.PrecisionName = None,
    threads: options.Threads = None,
    name: options.Name = None,
    runs_folder: options.RunsFolder = None,
) -> None:
    """Train a teacher and a student; the run folder's path is printed when it ends.

    Ctrl-C stops after the step or the scoring under way and leaves a checkpoint; `--run RUN --resume` continues it.
    """
    from napari_medkd.cli.training import new_run, taken_up_run, train_in

    changed = options.changes_of(context.params)
    if run is None:
        folder = new_run(spec, changed, runs_folder)
    else:
        also = [*changed, *(["a spec"] if spec else [])]
        folder = taken_up_run(run, resume=resume, also_given=also, runs_folder=runs_folder)
    tell(f"Run {folder.path}")
    code = train_in(folder, is_checked=run is None)
    with as_a_courtesy(sys.stdout):
        say(str(folder.path))
    raise typer.Exit(code)
