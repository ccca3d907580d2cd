"""From a spec to a trained run: the folder is made or taken up, and one attempt is carried out in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_medkd.cli.attempt import carry_out
from napari_medkd.cli.inspection import refuse_problems
from napari_medkd.cli.machine import of_this_process
from napari_medkd.cli.references import notices_of_references
from napari_medkd.cli.run_names import run_named
from napari_medkd.cli.spec_files import read_document, spec_of, with_changes
from napari_medkd.cli.stopping import SignalledControl
from napari_medkd.cli.terminal import tell
from napari_medkd.core.command_line import command_line
from napari_medkd.core.dataset import Case
from napari_medkd.core.errors import Problem, RunProblem, SpecProblem
from napari_medkd.core.events import AnyEvent, Noticed, RunEnded
from napari_medkd.core.run_layout import RESOLVED
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.status import status_of
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.problems import doubts_about_cases
from napari_medkd.runs.devices import in_words, live_runs_on, wait_for_turn
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.shelf import chosen_runs_folder

if TYPE_CHECKING:
    from napari_medkd.engine.bench import Bench
    from napari_medkd.engine.method import Method


def new_run(source: Path | None, changes: Mapping[str, Any], runs_folder: Path | None) -> RunFolder:
    """Return a fresh run folder for a spec file with changes, or for the changes alone.

    Raises
    ------
    SpecProblem
        With everything that is wrong; no folder is made then.
    """
    if source is None and "datasets" not in changes:
        hint = "Give a spec file, or --data FOLDER, or --run FOLDER to go on with a run."
        raise SpecProblem("medkd train", "Nothing says what to learn from.", hint)
    spec = spec_of(with_changes(read_document(source) if source else {}, changes), source)
    spec = spec.replace(
        datasets=tuple(path.absolute() for path in spec.datasets),
        start_from=spec.start_from and spec.start_from.absolute(),
        starts_from={stage: run.absolute() for stage, run in spec.starts_from.items()},
    )
    refuse_problems(spec, read_images=True)
    return RunFolder.create(chosen_runs_folder(runs_folder), spec)


def taken_up_run(
    named: Path, *, resume: bool, also_given: Sequence[str] = (), runs_folder: Path | None = None
) -> RunFolder:
    """Return an existing run folder, by its path or name, that may be started, or continued where ``resume`` says so.

    Raises
    ------
    RunProblem
        Where the folder is no run, where it was started before and is not to be resumed, or where it is complete.
    """
    path = run_named(named, runs_folder)
    folder = RunFolder(path)
    folder.spec()
    if also_given:
        found = f"With --run the folder's own spec counts, but also given: {', '.join(also_given)}."
        raise SpecProblem("--run", found, "Leave them out, or start a new run without --run.")
    if folder.next_attempt() > 1 and not resume:
        raise RunProblem(str(path), "This run was started before.", "Add --resume to continue it.")
    if status_of(folder.events()).outcome == "completed":
        raise RunProblem(str(path), "This run is complete.", "Use it with medkd predict, or start a new run.")
    return folder


def _still_needed(folder: RunFolder) -> TrainSpec:
    """Return the spec of a begun run without the earlier runs of which it has all it needs already.

    These are the one it started from, once every stage has weights to go on from, and those whose experts it has taken.
    """
    from napari_medkd.engine.checkpoint import Checkpoints
    from napari_medkd.engine.method import settings_of
    from napari_medkd.methods import method_named

    spec, checkpoints = folder.spec(), Checkpoints(folder.path)
    method = method_named(spec.method.name)
    names = tuple(open_dataset(path).name for path in spec.datasets)
    planned = method.plan(settings_of(method, spec.method), spec.schedule, names)
    have_begun = all(checkpoints.is_done(stage.name) or checkpoints.last_epoch(stage.name) for stage in planned)
    needed: TrainSpec = spec.replace(
        start_from=None if have_begun else spec.start_from,
        starts_from={stage: run for stage, run in spec.starts_from.items() if not checkpoints.is_done(stage)},
    )
    return needed


def _notices(bench: "Bench", method: "Method[Any]") -> Iterator[str]:
    """Yield what a person should know of a run's images and labels before it learns from them."""
    from napari_medkd.engine.given_stages import notices_of_given
    from napari_medkd.engine.learned_cases import first_of
    from napari_medkd.engine.starting import notices_of_start
    from napari_medkd.engine.unseen_classes import MOST_LOOKED_AT, unseen_classes

    references, start = bench.spec.references, bench.spec.start_from
    learned = {name for names in (bench.resolved.taught_before or {}).values() for name in names}
    others = tuple(sorted(learned - set(references)))
    if references and others:
        found = f"The run goes on from what was learned of other labels than its references': {first_of(others)}."
        yield f"{found} To learn from the references alone, begin from scratch."
    elif references and method.needs != "references":
        yield "The run learns from its reference cases alone; the other labels are left out."
    for each in bench.benches:
        yield from notices_of_start(bench.spec, each.course)
        yield from _notices_of_doubts(each.dataset.cases)
        yield from notices_of_given(start, each.dataset) if start else ()
        for task in each.tasks:
            yield from notices_of_references(references, each.dataset, task) if references else ()
            unseen = unseen_classes(each.training_cases, task) if task.kind != "classification" else ()
            if unseen:
                annotated = each.dataset.labelled_among(each.training_cases.names, task.name)
                are_all = len(annotated) <= MOST_LOOKED_AT
                who = "No training case" if are_all else f"None of {MOST_LOOKED_AT} training cases, evenly chosen,"
                found = f"{who} of {each.dataset.name} shows {', '.join(unseen)} ({task.name})"
                yield f"{found}: what no label shows cannot be learned."


def _notices_of_added(bench: "Bench") -> Iterator[str]:
    """Yield which classes were added since a run began that goes on."""
    from napari_medkd.engine.resuming import added_since

    for each in bench.benches:
        yield from added_since(each.course)


def _notices_of_doubts(cases: Iterable[Case]) -> Iterator[str]:
    """Yield of each kind of doubt the first, and how many images are like it."""
    kinds: dict[str, list[Problem]] = {}
    for doubt in doubts_about_cases(cases):
        kinds.setdefault(doubt.hint, []).append(doubt)
    for first, *others in kinds.values():
        also = f" So it is with {len(others)} more; medkd check tells all." if others else ""
        yield f"{first}{also}"


def train_in(folder: RunFolder, *, is_checked: bool) -> int:
    """Carry out one attempt at the run in the folder, and return the exit code."""
    attempt = folder.next_attempt()

    def work(control: SignalledControl, heartbeat: Heartbeat) -> Iterator[AnyEvent]:
        from napari_medkd.engine.bench import open_bench
        from napari_medkd.engine.hardware import choose_device, physical_name
        from napari_medkd.engine.loop import train
        from napari_medkd.engine.resolved import read_resolved
        from napari_medkd.methods import method_named

        folder.write_machine(of_this_process())
        spec = folder.spec()
        if not is_checked:
            needed = _still_needed(folder) if attempt > 1 else spec
            refuse_problems(needed, read_images=attempt == 1)
        resolved = read_resolved(folder.path / RESOLVED)
        device = physical_name(choose_device(resolved.device if resolved else spec.hardware.device))
        for run in live_runs_on(device, folder.path.parent):
            if run.path != folder.path:
                tell(f"Waits until {run.name} has ended: it computes on {in_words(device)}, too.")
        if not wait_for_turn(heartbeat, device, control):
            yield RunEnded(outcome="cancelled", message="The run was stopped before it began.")
            return
        method = method_named(spec.method.name)
        bench = open_bench(spec, method.tasks, resolved)
        folder.write_resolved(bench.resolved.model_dump(mode="json"))
        events = train(method, bench, folder.path, control, attempt=attempt)
        yield next(events)
        for message in _notices(bench, method) if attempt == 1 else _notices_of_added(bench):
            yield Noticed(message=message)
        yield from events

    code = carry_out(folder, attempt, work)
    if status_of(folder.events()).can_continue:
        command = command_line(["medkd", "train", "--run", str(folder.path), "--resume"])
        tell(f"Continue it with: {command}")
    return code
