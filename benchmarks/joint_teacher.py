"""Whether a teacher over several datasets makes better students than their own labels do: masks, classes, boxes.

    python benchmarks/joint_teacher.py train [--experiment segmentation] [--row multi-head] [--seeds 0,1] [--minutes 60]
    python benchmarks/joint_teacher.py report [--side development]

A group of datasets is learned from together. One run of the method makes four rows: the experts (*dataset-specific*,
and bit for bit the *student without distillation*), the *joint teacher* and its *joint-teacher student*; its experts
and teacher serve the rows that need the same ones.
Every student takes as many steps; *multi-head* takes as many as all of them together, and *without distillation, all
steps* as many as expert, teacher and student have in the method. Each row's answers to development
and test cases are kept in a file of its own under ``results/joint_teacher/``; ``try`` scores development cases alone.
Needs MEDKD_DATA.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from joint_teacher_data import GROUPS, WORK, Group, written
from joint_teacher_table import Trial, rows_of_group
from record import RESULTS, Record, machines
from row_commands import in_own_process, read_commands, within
from stage_clock import seconds_of
from task_scores import answers_of, document_in, metric_of, text_of
from trained import asked_of, computed_on, is_kept, train_to_end

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.run_layout import CHECKPOINTS, stage_name
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Target, TrainSpec
from napari_medkd.engine.predict import Predictor
from napari_medkd.files.atomic import write_text

KEPT = RESULTS / "joint_teacher"
TRIED = RESULTS / "joint_teacher_tried"

#: Kept runs of the method, whose experts and teacher serve other rows.
RUNS = WORK / "runs"

#: Of a newer version of a group, so many are needed before it takes the place of an earlier one in the report.
FEWEST_SEEDS = 3
JOINT = "joint-teacher student"


@dataclass(frozen=True)
class Recipe:
    """How a row is trained.

    Parameters
    ----------
    network
        Whose answers it is: the kind of stage.
    alone
        Whether each dataset has a run of its own.
    reuses
        Kinds of stages taken from the run of the method with the same seed.
    shares_run
        Whether its network is part of the method's run itself.
    is_for_boxes
        Whether boxes can be learned so.
    share
        Of the group's epochs.
    """

    method: str = "joint-teacher"
    preset: str = "recommended"
    settings: dict[str, bool | float | str] = field(default_factory=dict)
    network: str = "student"
    alone: bool = False
    reuses: tuple[str, ...] = ()
    shares_run: bool = False
    is_for_boxes: bool = True
    share: float = 1.0

    def spec(self, name: str, datasets: tuple[str, ...], seed: int) -> TrainSpec:
        """Return the run on some of a group's datasets."""
        group = GROUPS[name]
        settings = {**group.settings, **self.settings}
        if self.method == "multi-head":
            settings["share"] = float(len(datasets))
        tasks = {each: next(iter(group.datasets[each]().tasks)) for each in datasets}
        return TrainSpec(
            datasets=tuple(written(name, each) for each in datasets),
            targets=tuple(Target(dataset=each, task=task) for each, task in tasks.items()),
            preprocessing_of={each: group.preprocessing[each] for each in datasets},
            method=MethodChoice(name=self.method, preset=self.preset, settings=settings),
            network=NetworkChoice(widths=group.widths),
            schedule=group.schedule.replace(epochs=round(group.schedule.epochs * self.share)),
            hardware=Hardware(threads=1, precision="fp32"),  # the same in every row; auto is what was faster just then
            seed=seed,
        )


_WITHOUT: dict[str, bool | float | str] = {"answers": 0.0, "features": 0.0}
_SMALL = "a sixteenth"
_LONGER = "compressed student, three times the steps"
_LONGER_ALONE = "compressed, without distillation, three times the steps"
ROWS = {
    "dataset-specific": Recipe(network="expert", shares_run=True),
    "multi-head": Recipe("multi-head"),
    "self-distillation": Recipe(alone=True, reuses=("expert",)),
    # Bit for bit the expert, which draws as the student does (tests/methods/test_joint_teacher.py).
    "student without distillation": Recipe(network="expert", shares_run=True),
    # A student's own steps, its expert's, and half as many of the teacher for each dataset.
    "without distillation, all steps": Recipe(settings=_WITHOUT, share=2.5),
    "joint teacher": Recipe(network="teacher", shares_run=True),
    JOINT: Recipe(shares_run=True),
    "compressed student": Recipe(settings={"student_size": _SMALL}, reuses=("expert", "teacher")),
    "compressed, without distillation": Recipe(settings={**_WITHOUT, "student_size": _SMALL}),
    # After the others' 600 steps so narrow a network has often not left the plateau it begins on.
    _LONGER: Recipe(settings={"student_size": _SMALL}, reuses=("expert", "teacher"), share=3.0),
    _LONGER_ALONE: Recipe(settings={**_WITHOUT, "student_size": _SMALL}, share=3.0),
}
_TAUGHT = ("expert", "teacher")
#: What was tried for *recommended*, on development cases alone, and what each part of it is worth.
CANDIDATES = {
    **{name: ROWS[name] for name in ("dataset-specific", "student without distillation", "joint teacher", JOINT)},
    "answers alone": Recipe(settings={"features": 0.0}, reuses=_TAUGHT),
    "answers alone, asked beforehand": Recipe(
        settings={"features": 0.0, "beforehand": True}, reuses=_TAUGHT, is_for_boxes=False
    ),
    "features alone": Recipe(settings={"answers": 0.0}, reuses=_TAUGHT),
    "answers, weight a half": Recipe(settings={"answers": 0.5}, reuses=_TAUGHT),
    "answers, weight 2": Recipe(settings={"answers": 2.0}, reuses=_TAUGHT),
    "features, weight 0.1": Recipe(settings={"features": 0.1}, reuses=_TAUGHT),
    "masks need not overlap": Recipe(settings={"overlap": 0.0}, reuses=_TAUGHT),
    "experts stay, teacher's own answers": Recipe(settings={"teacher_tunes": False}, reuses=("expert",)),
    "compressed student": ROWS["compressed student"],
    "compressed, without distillation": ROWS["compressed, without distillation"],
    "compressed, answers alone": Recipe(settings={"features": 0.0, "student_size": _SMALL}, reuses=_TAUGHT),
    "compressed, features alone": Recipe(settings={"answers": 0.0, "student_size": _SMALL}, reuses=_TAUGHT),
    "compressed, answers alone, weight a quarter": Recipe(
        settings={"features": 0.0, "answers": 0.25, "student_size": _SMALL}, reuses=_TAUGHT
    ),
    "random teacher": Recipe(settings={"teacher_trains": False}),
    "faithful": Recipe(preset="faithful"),
}

#: What each row is held against.
VERSUS = {
    "multi-head": ("dataset-specific",),
    "self-distillation": ("dataset-specific",),
    "student without distillation": ("dataset-specific",),
    "without distillation, all steps": ("dataset-specific",),
    "joint teacher": ("dataset-specific",),
    JOINT: (
        "dataset-specific",
        "multi-head",
        "self-distillation",
        "student without distillation",
        "without distillation, all steps",
    ),
    "compressed student": ("dataset-specific", "compressed, without distillation"),
    "compressed, without distillation": ("dataset-specific",),
    _LONGER: ("dataset-specific", _LONGER_ALONE),
    _LONGER_ALONE: ("dataset-specific",),
}


def finish_row(group: str, name: str, seed: int, recipe: Recipe, only_tried: bool) -> None:
    """Train one row with one seed where it is not done, and write what its networks say of every case."""
    into, sides = (TRIED, ("development",)) if only_tried else (KEPT, ("development", "test"))
    kept = _kept(into, group, GROUPS[group].version) / f"{name}.seed-{seed}.json"
    names = tuple(GROUPS[group].datasets)
    asked: dict[str, object] = {**asked_of(recipe.spec(group, names, seed)), "network_of": recipe.network}
    if is_kept(kept, asked):
        return
    folders = _folders(group, name, seed, recipe)
    networks = dict(_networks(group, seed, recipe, folders))
    document = {
        "experiment": group,
        "row": name,
        "seed": seed,
        **asked,
        "seconds": round(sum(_seconds(recipe, folder) for _, folder in folders), 1),
        "parameters": {each: _parameters(network) for each, network in networks.items()},
        **computed_on(folders[0][1]),
        "said": {
            test: {side: answers_of(networks[of], dataset, side) for side in sides}
            for test, (of, dataset) in _tests(GROUPS[group]).items()
        },
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_text(kept, text_of(document))
    print(_line(document, GROUPS[group]), flush=True)


def _kept(into: Path, group: str, version: int) -> Path:
    """Return the folder of a group's files, another one for each version of it."""
    return into / (group if version == 1 else f"{group}, version {version}")


def _run(group: str, name: str, seed: int) -> Path:
    """Return the folder of a row's runs; of another version of the group it would be taken up by other code."""
    return _kept(RUNS, group, GROUPS[group].version) / f"{name}.seed-{seed}"


def _version_to_report(into: Path, group: str) -> int:
    """Return the newest version of a group that has seeds enough to be reported, else its first."""
    newest_first = range(GROUPS[group].version, 1, -1)
    seeds = {at: len(_documents(_kept(into, group, at), "dataset-specific")) for at in newest_first}
    return next((at for at in newest_first if seeds[at] >= FEWEST_SEEDS), 1)


def _folders(group: str, name: str, seed: int, recipe: Recipe) -> list[tuple[tuple[str, ...], Path]]:
    """Return the runs of a row: the datasets each is of, and its folder."""
    names = tuple(GROUPS[group].datasets)
    run = _run(group, JOINT if recipe.shares_run else name, seed)
    return [((each,), run / each) for each in names] if recipe.alone else [(names, run)]


def _networks(
    group: str, seed: int, recipe: Recipe, folders: Sequence[tuple[tuple[str, ...], Path]]
) -> Iterator[tuple[str, Predictor]]:
    """Yield the network of each dataset, trained."""
    names, whole = tuple(GROUPS[group].datasets), _run(group, JOINT, seed)
    if recipe.reuses:
        train_to_end(ROWS[JOINT].spec(group, names, seed), whole)
    for chosen, folder in folders:
        for kind in recipe.reuses:
            _reuse(kind, whole, folder, chosen)
        computed_on = train_to_end(recipe.spec(group, chosen, seed), folder)
        for each in chosen:
            stage = stage_name(recipe.network, each) if len(chosen) > 1 else recipe.network
            yield each, Predictor.open(folder, stage, computed_on)


def _seconds(recipe: Recipe, run: Path) -> float:
    """Return how long the row's own networks trained; what teaches them is told in rows of its own."""
    return sum(seconds for stage, seconds in seconds_of(run).items() if stage.startswith(recipe.network))


def _reuse(kind: str, whole: Path, run: Path, names: tuple[str, ...]) -> None:
    """Put the finished stages of a kind from the method's run into another, under the names they have there."""
    (run / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    if kind == "teacher":
        for path in (whole / CHECKPOINTS).glob("teacher*.done.*"):
            shutil.copy(path, run / CHECKPOINTS / path.name)
        return
    for name in names:
        stage = stage_name(kind, name)
        for suffix in ("safetensors", "json"):
            there = run / CHECKPOINTS / f"{stage if len(names) > 1 else kind}.done.{suffix}"
            shutil.copy(whole / CHECKPOINTS / f"{stage}.done.{suffix}", there)


def _tests(group: Group) -> dict[str, tuple[str, Dataset]]:
    """Return by test whose network it is of, and its cases."""
    inside = {name: (name, make()) for name, make in group.datasets.items()}
    return inside | {name: (of, make()) for name, (of, make) in group.elsewhere.items()}


def _parameters(network: Predictor) -> int:
    return sum(parameter.numel() for parameter in network.network.parameters())


def _line(document: dict[str, Any], group: Group) -> str:
    scores = []
    for test, (_, dataset) in _tests(group).items():
        (task,) = dataset.tasks.values()
        cases = list(document["said"][test]["development"].values())
        scores.append(f"{test} {np.nanmean(metric_of(task, cases).of_cases(cases, task)):.4f}")
    who = f"{document['experiment']}  {document['row']:32s} seed {document['seed']}  {document['seconds']} s"
    return f"{who}  development: {'  '.join(scores)}"


def report(side: str) -> None:
    """Write results/joint_teacher.json, or of development cases joint_teacher_development.json, from what is done."""
    record = Record("joint_teacher" if side == "test" else "joint_teacher_development")
    trained_on: list[dict[str, Any]] = []
    of_earlier_code: list[str] = []
    rows, kept = (ROWS, KEPT) if side == "test" else (CANDIDATES, TRIED)
    others = ("dataset-specific", JOINT)
    versus = {name: VERSUS.get(name, others) for name in rows if name != "dataset-specific"}
    for group, about in GROUPS.items():
        version = _version_to_report(kept, group)
        folder = _kept(kept, group, version)
        documents = {name: found for name in rows if (found := _documents(folder, name))}
        trained_on += [document for seeds in documents.values() for document in seeds.values()]
        if documents and version != about.version:
            of_earlier_code.append(group)
        trials = [Trial(group, test, of, data, side, documents) for test, (of, data) in _tests(GROUPS[group]).items()]
        record.rows += rows_of_group(trials, versus) if documents else []
    record.notes = {"side": side, "machine": machines(trained_on), "of_earlier_code": of_earlier_code}
    print(record.write())
    for row in record.rows:
        if row.class_ == "mean":
            against = f"{row.difference:+.4f} {row.ci95} over {row.versus}" if row.versus else ""
            print(f"{row.task:26s} {row.test:44s} {row.row:32s} {row.mean:.4f} {row.values} {against}")


def _documents(folder: Path, name: str) -> dict[int, dict[str, Any]]:
    """Return the files of a row that is done, by seed."""
    files = sorted(folder.glob(f"{name}.seed-*.json"))
    read = (document_in(file) for file in files)
    return {document["seed"]: document for document in read}


def main() -> None:
    """Read the command line."""
    wanted = read_commands(__doc__, GROUPS, ROWS, CANDIDATES, ("seeds", 3))
    if wanted.command == "report":
        report(wanted.side)
        return
    rows = CANDIDATES if wanted.command == "try" else ROWS
    for group, seed, name in within(
        wanted.minutes, product(wanted.experiment or GROUPS, wanted.numbers, wanted.row or rows)
    ):
        if rows[name].is_for_boxes or not group.startswith("detection"):
            in_own_process(finish_row, group, name, seed, rows[name], wanted.command == "try")


if __name__ == "__main__":
    main()
