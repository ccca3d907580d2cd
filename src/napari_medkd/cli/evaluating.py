"""Gathers what written predictions are scored from, one case at a time, and tells what is left out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_medkd.cli.evaluation_answers import (
    Answer,
    BoxAnswer,
    ClassAnswer,
    MaskAnswer,
    answers_of,
    network_of,
)
from napari_medkd.cli.predicting import ALL
from napari_medkd.core.command_line import command_line
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem, InputProblem, Problem, RunProblem
from napari_medkd.core.run_layout import PREDICTIONS, is_run
from napari_medkd.core.task import KINDS_IN_WORDS, TaskKind
from napari_medkd.engine.learned_cases import learned_among
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.results import PredictionRecord, predictions_in, read_answer, record_of
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.prediction_folder import run_asked_in


@dataclass(slots=True)
class Evaluation:
    """All answers beside their truths, by the kind of their task, and what a reader must know beside them."""

    masks: list[MaskAnswer] = field(default_factory=list)
    classes: list[ClassAnswer] = field(default_factory=list)
    boxes: list[BoxAnswer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to score."""
        return not (self.masks or self.classes or self.boxes)

    def add(self, answers: Iterable[Answer]) -> None:
        """Put answers with those of their kind."""
        for answer in answers:
            match answer:
                case MaskAnswer():
                    self.masks.append(answer)
                case ClassAnswer():
                    self.classes.append(answer)
                case BoxAnswer():
                    self.boxes.append(answer)


@dataclass(slots=True)
class _Seen:
    """Cases of one task: those wanted that were predicted, and those of them whose truth is not known.

    Attributes
    ----------
    weights
        By network, how many of its answers that are scored each of its checkpoints gave.
    """

    kind: TaskKind
    cases: set[str] = field(default_factory=set)
    without_truth: list[str] = field(default_factory=list)
    weights: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, record: PredictionRecord, answers: Sequence[Answer] | None) -> None:
        """Take note of a prediction; ``answers`` is None where its truth is not known."""
        self.cases.add(record.case)
        if answers is None:
            self.without_truth.append(record.case)
            return
        network = network_of(record.checkpoint, record.shown)
        self.weights.setdefault(network, Counter())[f"{record.checkpoint} of {record.made_by}"] += 1


def evaluation_of(path: Path, data: Path | None, split: str) -> Evaluation:
    """Return every prediction of a folder tree, a single one's folder or a run's predictions beside its truth.

    Parameters
    ----------
    data
        Dataset that holds the truth; None takes the one that was predicted on.
    split
        ``train``, ``validate``, ``test`` or ``all`` leaves out other cases and names those without a prediction; empty
        takes what there is.

    Raises
    ------
    InputProblem
        With every prediction that cannot be scored though the truth is known, or where nothing is left to score.
    """
    found = Evaluation()
    problems: list[Problem] = []
    set_aside: list[Problem] = []
    known, top = open_dataset(data) if data else None, _top(path)
    for folder, members in _by_folder(top).items():
        name = folder.relative_to(top).as_posix() if top in folder.parents else folder.name
        try:
            dataset = known or _dataset_of(folder)
        except InputProblem as error:
            set_aside += error.problems
            found.notes += [f"{name}: These predictions are not scored. {problem}" for problem in error.problems]
            continue
        if dataset is None:
            found.notes.append(f"{name}: These predictions are of image files; name their dataset with --data.")
            continue
        faults, scored = _add_answers(found, name, members, dataset, split)
        problems += faults
        found.notes += [*_note_of_earlier(name, folder, scored), *_note_of_learned(name, folder, scored, dataset)]
    if problems or (set_aside and found.is_empty):
        raise InputProblem.of(problems or set_aside)
    if len({answer.measures.distance_unit for answer in found.masks}) > 1:
        found.notes.append("Some distances are in mm and others in pixels: means over both say nothing.")
    if found.is_empty:
        said = ["No prediction is of a labelled case that is wanted.", *found.notes]
        raise DatasetProblem(str(path), " ".join(said), "Check --data and --split.")
    return found


def _add_answers(
    found: Evaluation, folder: str, members: Sequence[Path], dataset: Dataset, split: str
) -> tuple[list[Problem], set[str]]:
    """Add the answers of one folder's predictions to those found; return why some cannot be scored, and which are."""
    problems: list[Problem] = []
    wanted = _wanted(dataset, split)
    tasks: dict[str, _Seen] = {}
    strange: set[str] = set()
    for member in members:
        try:
            record = record_of(member)
            if record.task.name not in dataset.tasks:
                strange.add(record.task.name)
                continue
            seen = tasks.setdefault(record.task.name, _Seen(record.task.kind))
            if split and record.case not in wanted:
                continue
            answers = answers_of(folder, read_answer(member), dataset)
            seen.add(record, answers)
            found.add(answers or ())
        except InputProblem as error:
            problems += error.problems
    found.notes += [f"{folder}: Dataset {dataset.name!r} has no task {name!r} to score." for name in sorted(strange)]
    for name, seen in tasks.items():
        where = folder if len(tasks) == 1 else f"{folder}, task {name}"
        if missing := wanted - seen.cases:
            cases = "cases" if split == ALL else f"{split} cases"
            found.notes.append(f"{where}: {len(missing)} of {len(wanted)} {cases} have no prediction.")
        found.notes += [*_note_of_no_truth(where, seen, dataset), *_notes_of_weights(where, seen)]
    return problems, {case for seen in tasks.values() for case in seen.cases.difference(seen.without_truth)}


def _wanted(dataset: Dataset, split: str) -> set[str]:
    """Return the cases that are asked for by name of a side; none are where everything is taken as it comes."""
    if split == ALL:
        return {case.id for case in dataset.cases}
    return set(getattr(dataset.split, split)) if split else set()


def _note_of_no_truth(where: str, seen: _Seen, dataset: Dataset) -> list[str]:
    if not seen.without_truth:
        return []
    cases = ", ".join(seen.without_truth)
    return [f"{where}: Dataset {dataset.name!r} has no true {KINDS_IN_WORDS[seen.kind]} to score these by: {cases}."]


def _notes_of_weights(where: str, seen: _Seen) -> list[str]:
    """Return of which networks the means run over answers of several checkpoints."""
    several = [counts for counts in seen.weights.values() if len(counts) > 1]
    return [
        f"{where}: Means run over answers of different weights ("
        + ", ".join(f"{count} by {name}" for name, count in sorted(counts.items()))
        + "): predict all cases again for those of one."
        for counts in several
    ]


def _note_of_earlier(where: str, folder: Path, scored: set[str]) -> list[str]:
    """Return that answers are scored which were there before the folder's newest question, which was of other cases."""
    try:
        spec = RunFolder(_asked_in(folder)).prediction_spec()
    except RunProblem:
        return []
    earlier = len(scored.difference(spec.cases)) if spec.cases else 0
    return (
        [f"{where}: {earlier} of these {len(scored)} cases were not in the last question, but in an earlier one."]
        if earlier
        else []
    )


def _note_of_learned(where: str, folder: Path, scored: set[str], dataset: Dataset) -> list[str]:
    """Return that cases are scored which the network, or one that it began from, has learned from."""
    try:
        run = run_asked_in(RunFolder(_asked_in(folder)))
    except RunProblem:  # nobody knows whose predictions they are
        return []
    learned = len(learned_among(scored, run, dataset))
    if not learned:
        return []
    return [f"{where}: {learned} of these {len(scored)} cases taught the network, or are of patients who did."]


def _top(path: Path) -> Path:
    """Return the folder to look into; a run's previews are predictions, too, but of no finished network."""
    is_training = is_run(path) and not RunFolder(path).is_prediction()
    return path / PREDICTIONS if is_training else path


def _by_folder(top: Path) -> dict[Path, list[Path]]:
    """Return the folders of predictions, each with its members."""
    members: dict[Path, list[Path]] = {}
    for member in predictions_in(top):
        members.setdefault(member.parent, []).append(member)
    if not members:
        run = top.parent if top.name == PREDICTIONS and is_run(top.parent) else "RUN"
        hint = f"Write some first, for example: {command_line(['medkd', 'predict', str(run), '--split', 'test'])}"
        raise RunProblem(str(top), "There are no predictions in this folder.", hint)
    return members


def _dataset_of(folder: Path) -> Dataset | None:
    """Return the dataset that was predicted on, as the nearest spec in or above the folder says.

    None where it was image files.
    """
    prediction = RunFolder(_asked_in(folder))
    try:
        spec = prediction.prediction_spec()
    except RunProblem as error:
        hint = "Name the dataset with --data."
        raise RunProblem(str(folder), "It is not known which dataset these predictions are of.", hint) from error
    if spec.images:
        return None
    return open_dataset(spec.data or RunFolder(run_asked_in(prediction)).spec().datasets[0])


def _asked_in(folder: Path) -> Path:
    """Return the nearest folder, this or above it, that says what was asked; this one where none does."""
    place = folder.absolute()
    return next((above for above in (place, *place.parents) if is_run(above)), place)
