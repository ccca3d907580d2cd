"""`medkd runs`: what has been trained and is being trained, and orders to what is."""

import time
from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli import run_orders
from napari_medkd.cli.options import Run
from napari_medkd.cli.terminal import examples, say, say_json, tell

EXAMPLES = (
    "medkd runs",
    "medkd runs show latest --follow",
    "medkd runs stop 2026-11-21_0210_shape-intensity_liver",
    "medkd runs resume latest",
)

#: Seconds between two looks at a run that is followed.
_LOOK_SECONDS = 0.5

app = typer.Typer(help="List, follow, pause, continue, stop, rename and delete runs.", invoke_without_command=True)

Folder = Annotated[Path | None, typer.Option("--runs-folder", envvar="MEDKD_RUNS", help="Where the runs are kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def runs(context: typer.Context, runs_folder: Folder = None, as_json: AsJson = False) -> None:
    """Take the options that stand before the sub-command; without one, list the runs."""
    context.obj = runs_folder
    if context.invoked_subcommand is None:
        _list(runs_folder, as_json=as_json)


@app.command("list", epilog=examples("medkd runs list", "medkd runs list --json"))
def list_runs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the runs, newest first."""
    _list(context.obj, as_json=as_json)


def _list(runs_folder: Path | None, *, as_json: bool) -> None:
    from napari_medkd.cli.run_reports import as_document, as_lines
    from napari_medkd.runs.shelf import Shelf, chosen_runs_folder

    folder = chosen_runs_folder(runs_folder)
    found = Shelf(folder).look_surely()
    if as_json:
        say_json([as_document(run) for run in found])
    elif found:
        say("\n".join(as_lines(found)))
    else:
        tell(f"There are no runs in {folder}. Start one with: medkd train")


@app.command(epilog=examples("medkd runs show latest", "medkd runs show liver --follow"))
def show(
    context: typer.Context,
    run: Run,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show what happens until it ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show where a run stands: stage, epoch, losses, scores, time left."""
    from napari_medkd.cli.progress import TerminalProgress
    from napari_medkd.cli.run_names import run_named
    from napari_medkd.cli.run_reports import as_text, status_document
    from napari_medkd.runs.pulse import wait_for_a_beat
    from napari_medkd.runs.watch import Watcher

    watcher = Watcher(run_named(run, context.obj), with_curves=False)
    if follow:
        with TerminalProgress() as progress:
            while True:
                for event in watcher.poll(None):
                    progress.show(event)
                if watcher.status.phase in ("ended", "lost") or not progress.is_heard:
                    break
                time.sleep(_LOOK_SECONDS)
    watcher.poll(None)
    if watcher.is_unsure and not follow:
        wait_for_a_beat()
        watcher.poll(None)
    if as_json:
        say_json(status_document(watcher.path, watcher.status))
    else:
        say(as_text(watcher.path, watcher.status))


@app.command(epilog=examples("medkd runs log latest --lines 5"))
def log(
    context: typer.Context,
    run: Run,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
) -> None:
    """Print the end of a run's log."""
    from napari_medkd.cli.run_names import run_named
    from napari_medkd.runs.folder import RunFolder

    path = RunFolder(run_named(run, context.obj)).log_path
    say("\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]))


for order in (run_orders.pause, run_orders.resume, run_orders.stop, run_orders.delete):
    app.command(epilog=examples(f"medkd runs {order.__name__} latest"))(order)
app.command(epilog=examples('medkd runs rename latest "deeper network"'))(run_orders.rename)
