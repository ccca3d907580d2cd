"""Finding the run a person means: a folder's path, or a run's name in the folder of runs."""

from pathlib import Path

from napari_medkd.core.errors import RunProblem, did_you_mean
from napari_medkd.core.paths import from_home
from napari_medkd.core.run_layout import is_run
from napari_medkd.runs.shelf import chosen_runs_folder, runs_in


def run_named(text: Path, runs_folder: Path | None = None) -> Path:
    """Return the run folder of a path, of a folder's name or its end (``liver``), or of the newest run (``latest``).

    Raises
    ------
    RunProblem
        Where there is no such run, with the nearest name.
    """
    text = from_home(text)
    if is_run(text):
        return text
    folder = chosen_runs_folder(runs_folder)
    runs = runs_in(folder)
    if str(text) == "latest" and runs:
        return runs[0].path
    named = [run.path for run in runs if run.name == str(text)] or [
        run.path for run in runs if run.name.endswith(f"_{text}")
    ]
    if named:
        return named[0]
    if text.exists():
        raise RunProblem(str(text), "This folder is not a run: it has no spec.json.", "Name the folder of a run.")
    known = [run.path.name for run in runs]
    hint = did_you_mean(str(text), known) if known else "Start one with: medkd train"
    raise RunProblem(str(text), f"There is no such run, here or in {folder}.", hint)
