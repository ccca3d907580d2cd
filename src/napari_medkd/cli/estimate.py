"""`medkd estimate`: how long a run will take and how much memory it needs."""

from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.terminal import say, say_json

EXAMPLES = ("medkd estimate spec.json", "medkd estimate spec.json --json")


def estimate(
    spec: Annotated[Path, typer.Argument(help="A spec file, JSON or YAML, or a run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a few real steps of every stage, and say what the whole run would take; nothing is written."""
    from napari_medkd.cli.inspection import refuse_problems
    from napari_medkd.cli.spec_files import read_document, spec_of
    from napari_medkd.core.words import duration, memory
    from napari_medkd.engine.bench import open_bench
    from napari_medkd.engine.estimate import estimate as measure
    from napari_medkd.methods import method_named

    wanted = spec_of(read_document(spec), spec)
    refuse_problems(wanted, read_images=False)
    method = method_named(wanted.method.name)
    found = measure(method, open_bench(wanted, method.tasks))
    if as_json:
        say_json(found.model_dump(mode="json"))
        return
    say(f"Time      {duration(found.seconds)} in all, judging included")
    longest = max(len(stage.name) for stage in found.plan)
    for stage in found.plan:
        speed = found.seconds_per_step[stage.name]
        say(f"  {stage.name:{longest}}  {stage.epochs} epochs of {stage.steps_per_epoch} steps, {speed:.3g} s a step")
    say(f"Memory    {memory(found.peak_memory_bytes)} at the peak")
    say(f"Computes  on {found.device} in {found.precision}")
    say(f"Student   {found.parameters:,} parameters")
