"""Predicts with the trained weights of a run: an iterator of events, like training."""

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from napari_medkd.core.annotation import ClassLabel, Mask
from napari_medkd.core.box_measures import MOST_BOXES
from napari_medkd.core.control import Control
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import InputProblem, Problem, RunProblem, SpecProblem, VolumeProblem
from napari_medkd.core.events import AnyEvent, CaseDone, Noticed, PredictionStarted, RunEnded
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.run_layout import RESOLVED, SPEC
from napari_medkd.core.spec import PredictSpec, TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.answers import Answer, Sight, answers
from napari_medkd.engine.checkpoint import WeightsCard, load_network
from napari_medkd.engine.control import Cancelled, obey
from napari_medkd.engine.data.array_cache import digest_of
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.data.preprocess import prepare_mask
from napari_medkd.engine.data.shown import showing
from napari_medkd.engine.data.streamed import StreamedImage, prepared_image
from napari_medkd.engine.hardware import Machine, choose_device, use_threads
from napari_medkd.engine.known_images import answerable_tasks, in_known_order, refuse_unknown_channels
from napari_medkd.engine.pieces import Kept
from napari_medkd.engine.resolved import read_resolved
from napari_medkd.files.known_classes import mask_as_learned
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_volume, stem_of
from napari_medkd.files.plain_name import plain_name
from napari_medkd.files.results import refuse_to_replace_others, write_prediction

#: Folder, among the answers, of what is finished of one that is not complete: it is taken up again.
UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Question:
    """One image to predict, opened when its turn comes.

    Parameters
    ----------
    name
        Id of the case, or the file's name.
    volume
        Opens the image.
    truth
        Opens its true mask; None where none is known.
    """

    name: str
    volume: Callable[[], Volume]
    truth: Callable[[Volume], Mask] | None = None


@dataclass(frozen=True, slots=True)
class Predictor:
    """A trained network with its card, on a machine."""

    network: nn.Module
    card: WeightsCard
    path: Path
    machine: Machine

    @classmethod
    def open(cls, run: Path, stage: str, machine: Machine) -> "Predictor":
        """Load the weights of a stage onto the machine."""
        network, card, path = load_network(run, stage)
        return cls(network.to(machine.device), card, path, machine)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What the network answers."""
        return tuple(card.task for card in self.card.tasks or (self.card.task,))

    def answer(
        self, volume: Volume, control: Control, given: Mask | None = None, *, unfinished: Path
    ) -> Iterator[AnyEvent | Answer]:
        """Yield events while the person pauses, and the answer to each task that can be answered about the image.

        Parameters
        ----------
        given
            The mask that supplies class means, for a network that must be shown them.
        unfinished
            The folder for what is finished of an image that is too large to be held in memory.

        Raises
        ------
        VolumeProblem
            Where the image is none for this network.
        """
        card = self.card
        tasks, left_out = answerable_tasks(volume, card)
        if left_out is not None:
            yield Noticed(message=left_out)
        prepared, grid = prepared_image(volume, card.preprocessing)
        if isinstance(prepared, StreamedImage):
            kept = Kept(unfinished, self._key(volume))
            sight = Sight(prepared, grid, volume.grid, card.preprocessing, kept)
        else:
            image = torch.from_numpy(prepared).to(self.machine.device)
            sight = Sight(image, grid, volume.grid, card.preprocessing)
        if given is not None:
            image = sight.image_CZYX
            label = torch.from_numpy(prepare_mask(given, grid)).to(self.machine.device).long()
            fallback = None if card.fallback_means is None else torch.tensor(card.fallback_means)
            view = showing(card.sees, len(card.task.classes), fallback)
            shown = view(Batch(image[None], label[None])).shown_or_image()[0]
            sight = replace(sight, image=shown)
        found = answers(self.network, tasks, sight, self.machine)
        while True:
            yield from obey(control)
            said = next(found, None)
            if said is None:
                return
            if isinstance(said, Answer):
                yield said

    def _key(self, volume: Volume) -> str:
        """Return what an answer depends on: the weights, the preprocessing, and the image as it lies there now."""
        there = volume.source if volume.source is not None and volume.source.exists() else None
        image = f"{volume.source} {volume.grid.describe()} {there.stat().st_mtime_ns if there else ''}"
        return f"{digest_of(self.network)} {self.card.preprocessing.model_dump_json()} {image}"


def _case_question(dataset: Dataset, name: str, card: WeightsCard) -> Question:
    case, task, known = dataset.case(name), card.task.task, card.preprocessing.channels
    annotation = case.annotations.get(task.name)

    def volume() -> Volume:
        return in_known_order(read_volume(case.images, channels=dataset.channels, modality=dataset.modality), known)

    def truth(image: Volume) -> Mask:
        if annotation is None or isinstance(annotation, ClassLabel):
            raise SpecProblem(f"cases.{name}", "There is no true mask.", "Choose 'student mask' instead.")
        return mask_as_learned(annotation, task, dataset, image.grid, later="background")

    return Question(name, volume, truth)


def _questions(spec: PredictSpec, card: WeightsCard) -> list[Question]:
    if spec.images:
        channels = card.preprocessing.channels
        groups = [spec.images] if _is_one_image(spec.images, channels) else [(path,) for path in spec.images]
        names = _names([group[0] for group in groups])
        return [
            Question(name, partial(read_volume, group, channels=channels))
            for name, group in zip(names, groups, strict=True)
        ]
    train_spec = TrainSpec.model_validate_json((spec.run / SPEC).read_bytes())
    dataset = open_dataset(spec.data or train_spec.datasets[0])
    refuse_unknown_channels(dataset, card.preprocessing.channels)
    return [_case_question(dataset, name, card) for name in spec.cases]


def _is_one_image(files: tuple[Path, ...], channels: tuple[str, ...]) -> bool:
    """Return whether the files are the channels of one image instead of an image each."""
    return 1 < len(files) == len(channels) and all(len(read_volume(path).channels) == 1 for path in files)


def _names(files: list[Path]) -> list[str]:
    """Return a name for each file: without its suffix, behind as many of its folders as tell all of them apart."""
    folders = [path.absolute().parts[1:-1] for path in files]
    for depth in range(max(map(len, folders)) + 1):
        named_by = [parts[max(0, len(parts) - depth) :] for parts in folders]
        names = ["_".join([*parts, stem_of(path)]) for parts, path in zip(named_by, files, strict=True)]
        if len(set(names)) == len(names):
            return names
    alike = ", ".join(path.name for path, name in zip(files, names, strict=True) if names.count(name) > 1)
    raise SpecProblem(
        "images",
        f"Files of one folder differ in nothing but their suffix, or are given twice: {alike}.",
        "Rename them, or give each once: an answer is called like its file.",
    )


def _machine(spec: PredictSpec) -> Machine:
    use_threads(spec.hardware.threads)
    device = choose_device(spec.hardware.device)
    resolved = read_resolved(spec.run / RESOLVED)
    wish = spec.hardware.precision
    same = resolved is not None and resolved.device == device.type and resolved.precision == "bf16"
    return Machine(device, "bf16" if wish == "bf16" or (wish == "auto" and same) else "fp32")


@dataclass(frozen=True, slots=True)
class Answering:
    """The network that is asked, and the student where it supplies the mask."""

    spec: PredictSpec
    asked: Predictor
    student: Predictor | None

    @classmethod
    def open(cls, spec: PredictSpec) -> "Answering":
        """Load what the spec needs.

        Raises
        ------
        SpecProblem
            Where a teacher needs a mask and none is offered.
        """
        machine = _machine(spec)
        asked = Predictor.open(spec.run, spec.stage, machine)
        if asked.card.sees != "image" and spec.given == "image":
            raise SpecProblem(
                "given",
                f"The {spec.stage} of this run must be shown {asked.card.sees}, which need a mask.",
                "Choose 'true mask' or 'student mask'.",
            )
        student = Predictor.open(spec.run, "student", machine) if spec.given == "student mask" else None
        return cls(spec, asked, student)

    def answer(self, question: Question, control: Control) -> Iterator[AnyEvent | Prediction]:
        """Yield events, and the prediction of each task."""
        volume, given = question.volume(), None
        unfinished = self.unfinished(question)
        if self.student is not None:
            for said in self.student.answer(volume, control, unfinished=unfinished / "student"):
                if isinstance(said, Answer):
                    given = said.mask
                else:
                    yield said
        elif self.asked.card.sees != "image":
            if question.truth is None:
                raise SpecProblem(question.name, "There is no true mask for an image file.", "Choose 'student mask'.")
            given = question.truth(volume)
        for said in self.asked.answer(volume, control, given, unfinished=unfinished / "asked"):
            if isinstance(said, Answer):
                yield self._prediction(question, volume, said)
            else:
                yield said

    def unfinished(self, question: Question) -> Path:
        """Return the folder for what is finished of an answer until it is complete."""
        return self.spec.out / UNFINISHED / hashlib.sha256(question.name.encode()).hexdigest()[:16]

    @property
    def folders(self) -> dict[str, Path]:
        """The folder of the predictions for each task, by its name."""
        names, out = [task.name for task in self.asked.tasks], self.spec.out
        return {name: out / plain_name(name) if len(names) > 1 else out for name in names}

    def _prediction(self, question: Question, volume: Volume, answer: Answer) -> Prediction:
        card = self.asked.card
        shown = "image" if card.sees == "image" else f"{card.sees} of the {self.spec.given}"
        checkpoint = self.asked.path.name.removesuffix(".safetensors")
        return Prediction(
            case=question.name,
            task=answer.task,
            grid=volume.grid,
            made_by=self.spec.run.name,
            checkpoint=checkpoint,
            mask=answer.mask,
            scores=answer.scores,
            boxes=answer.boxes,
            shown=shown,
            uncertainty=answer.uncertainty,
            attention=answer.attention,
        )


def predict(spec: PredictSpec, control: Control) -> Iterator[AnyEvent]:
    """Predict every image of the spec into its folder. Yields `CaseDone` for each between a first and a last word.

    Raises
    ------
    InputProblem
        Where the weights are not usable; and, after all other images are predicted, where some image, or what the
        teacher must be shown, is not. Where an answer would replace a file that is of none, nothing is predicted.
    """
    if not (spec.run / SPEC).is_file():
        raise RunProblem(str(spec.run), "This is not a run folder: it has no spec.json.", "Name the folder of a run.")
    answering = Answering.open(spec)
    questions = _questions(spec, answering.asked.card)
    refuse_to_replace_others([question.name for question in questions], answering.folders.values())
    of_cases = len(questions) * len(answering.folders)
    yield PredictionStarted(of_cases=of_cases)
    problems: list[Problem] = []
    num_full = 0
    try:
        for question in questions:
            try:
                num_full += yield from _answered(answering, question, control, of_cases)
            except (VolumeProblem, SpecProblem) as problem:  # a full disk ends it all
                problems += problem.problems
                yield Noticed(message=f"{question.name} is left out. {problem}")
    except Cancelled:
        yield RunEnded(outcome="cancelled", message="The prediction was stopped.")
        return
    if num_full:
        found = f"{num_full} of {len(questions)} images have {MOST_BOXES} boxes of a class"
        yield Noticed(message=f"{found}: no more are kept of one, the surest.")
    if problems:
        raise InputProblem.of(problems)
    yield RunEnded(outcome="completed", message=f"{len(questions)} images are predicted.")


def _answered(
    answering: Answering, question: Question, control: Control, of_cases: int
) -> Generator[AnyEvent, None, bool]:
    """Yield events; return whether there are as many boxes of a class as are kept."""
    start, is_full = time.monotonic(), False
    for said in answering.answer(question, control):
        if not isinstance(said, Prediction):
            yield said
            continue
        if said.boxes is not None:
            is_full = max(Counter(said.boxes.boxes.classes).values(), default=0) >= MOST_BOXES
        yield CaseDone(
            case=question.name,
            path=str(write_prediction(said, answering.folders[said.task.name])),
            seconds=time.monotonic() - start,
            of_cases=of_cases,
            uncertainty=said.uncertainty,
        )
    shutil.rmtree(answering.unfinished(question), ignore_errors=True)
    with suppress(OSError):  # that of another image is still there
        (answering.spec.out / UNFINISHED).rmdir()
    return is_full
