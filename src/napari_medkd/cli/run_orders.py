"""`medkd runs pause | resume | stop | rename | delete`: what a person wants to become of a run."""

from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.options import Run
from napari_medkd.cli.terminal import say, tell
from napari_medkd.core.command_line import command_line
from napari_medkd.core.control import Wish
from napari_medkd.core.errors import RunProblem

#: What a run finishes before it obeys.
_UNDER_WAY = "the step or the scoring under way"


def pause(context: typer.Context, run: Run) -> None:
    """Let a live run wait after the step or the scoring under way; it keeps its memory."""
    _order(_found(context, run), "pause", f"It waits after {_UNDER_WAY}. Go on with: medkd runs resume")


def resume(context: typer.Context, run: Run) -> None:
    """Let a paused run go on, or start a process in the background for one that has stopped, failed or been lost."""
    from napari_medkd.cli.training import taken_up_run
    from napari_medkd.runs.launch import Here
    from napari_medkd.runs.pulse import liveness, wait_until_sure

    path = _found(context, run)
    wait_until_sure(path, tell)
    if liveness(path) == "alive":
        _order(path, "go", "It goes on.")
        return
    taken_up_run(path, resume=True)
    child = Here().start(path, resume=True)
    watch = command_line(["medkd", "runs", "show", "-f", str(path)])
    say(f"{path.name}: process {child.pid} continues it in the background. Watch it with: {watch}")


def stop(context: typer.Context, run: Run) -> None:
    """Let a live run stop after the step or the scoring under way; it can be resumed."""
    _order(_found(context, run), "stop", f"It stops after {_UNDER_WAY}. Continue it with: medkd runs resume")


def rename(context: typer.Context, run: Run, name: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Give a run another name; its folder moves."""
    from napari_medkd.runs.folder import RunFolder

    say(str(RunFolder(_found(context, run)).rename(name).path))


def delete(
    context: typer.Context, run: Run, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Delete a run with its checkpoints and predictions."""
    from napari_medkd.runs.folder import RunFolder

    path = _found(context, run)
    if not yes:
        typer.confirm(f"Delete {path} with all its checkpoints and predictions?", abort=True)
    RunFolder(path).delete()
    say(f"{path.name} is deleted.")


def _found(context: typer.Context, run: Path) -> Path:
    from napari_medkd.cli.run_names import run_named

    return run_named(run, context.obj)


def _order(path: Path, wish: Wish, said: str) -> None:
    from napari_medkd.runs.folder import RunFolder
    from napari_medkd.runs.pulse import liveness

    if liveness(path) != "alive":
        hint = f"Start one with: {command_line(['medkd', 'runs', 'resume', str(path)])}"
        raise RunProblem(str(path), "No process is at work on this run.", hint)
    RunFolder(path).order(wish)
    say(f"{path.name}: {said}")
