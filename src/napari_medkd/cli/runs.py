"""`medkd runs`: what has been trained and is being trained, and orders to what is."""

import time
from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.terminal import say, say_json, tell
from napari_medkd.core.control import Wish
from napari_medkd.core.errors import RunProblem

EXAMPLES = (
    "medkd runs",
    "medkd runs show latest --follow",
    "medkd runs stop 2026-11-21_0210_shape-intensity_liver",
    "medkd runs resume latest",
)

#: Seconds between two looks at a run that is followed.
_LOOK_SECONDS = 0.5

app = typer.Typer(help="List, follow, pause, continue, stop, rename and delete runs.", invoke_without_command=True)

Run = Annotated[Path, typer.Argument(help="A run folder, a run's name, or `latest`.")]
Folder = Annotated[Path | None, typer.Option("--runs-folder", envvar="MEDKD_RUNS", help="Where the runs are kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def runs(context: typer.Context, runs_folder: Folder = None) -> None:
    """Take the options that stand before the sub-command; without one, list the runs."""
    context.obj = runs_folder
    if context.invoked_subcommand is None:
        _list(runs_folder, as_json=False)


def _found(context: typer.Context, run: Path) -> Path:
    from napari_medkd.cli.run_names import run_named

    return run_named(run, context.obj)


@app.command("list")
def list_runs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the runs, newest first."""
    _list(context.obj, as_json=as_json)


def _list(runs_folder: Path | None, *, as_json: bool) -> None:
    from napari_medkd.cli.run_reports import as_document, as_lines
    from napari_medkd.runs.shelf import default_runs_folder, runs_in

    folder = runs_folder or default_runs_folder()
    found = runs_in(folder)
    if as_json:
        say_json([as_document(run) for run in found])
    elif found:
        say("\n".join(as_lines(found)))
    else:
        tell(f"There are no runs in {folder}. Start one with: medkd train")


@app.command()
def show(
    context: typer.Context,
    run: Run,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show what happens until it ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show where a run stands: stage, epoch, losses, scores, time left."""
    from napari_medkd.cli.progress import TerminalProgress
    from napari_medkd.cli.run_reports import as_text, status_document
    from napari_medkd.runs.watch import Watcher

    watcher = Watcher(_found(context, run))
    if follow:
        with TerminalProgress() as progress:
            while True:
                for event in watcher.poll():
                    progress.show(event)
                if watcher.status.phase in ("ended", "lost"):
                    break
                time.sleep(_LOOK_SECONDS)
    watcher.poll()
    if as_json:
        say_json(status_document(watcher.path, watcher.status))
    else:
        say(as_text(watcher.path, watcher.status))


@app.command()
def pause(context: typer.Context, run: Run) -> None:
    """Let a live run wait after the step under way; it keeps its memory."""
    _order(context, run, "pause", "It waits after the step under way. Go on with: medkd runs resume")


@app.command()
def resume(context: typer.Context, run: Run) -> None:
    """Let a paused run go on, or start a process in the background for one that has stopped, failed or been lost."""
    from napari_medkd.cli.training import taken_up_run
    from napari_medkd.runs.launch import Here
    from napari_medkd.runs.pulse import liveness

    path = _found(context, run)
    if liveness(path) == "alive":
        _order(context, run, "go", "It goes on.")
        return
    taken_up_run(path, resume=True)
    child = Here().start(path, resume=True)
    say(f"{path.name}: process {child.pid} continues it in the background. Watch it with: medkd runs show -f {path}")


@app.command()
def stop(context: typer.Context, run: Run) -> None:
    """Let a live run stop after the step under way; it can be resumed."""
    _order(context, run, "stop", "It stops after the step under way. Continue it with: medkd runs resume")


def _order(context: typer.Context, run: Path, wish: Wish, said: str) -> None:
    """Give a live run an order."""
    from napari_medkd.runs.folder import RunFolder
    from napari_medkd.runs.pulse import liveness

    path = _found(context, run)
    if liveness(path) != "alive":
        raise RunProblem(str(path), "No process is at work on this run.", f"Start one with: medkd runs resume {path}")
    RunFolder(path).order(wish)
    say(f"{path.name}: {said}")


@app.command()
def log(
    context: typer.Context,
    run: Run,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
) -> None:
    """Print the end of a run's log."""
    from napari_medkd.runs.folder import RunFolder

    path = RunFolder(_found(context, run)).log_path
    say("\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]))


@app.command()
def rename(context: typer.Context, run: Run, name: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Give a run another name; its folder moves."""
    from napari_medkd.runs.folder import RunFolder

    say(str(RunFolder(_found(context, run)).rename(name).path))


@app.command()
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
