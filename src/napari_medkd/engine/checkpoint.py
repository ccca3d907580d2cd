"""Weights on disk: safetensors beside a JSON that says everything needed to use them. Written atomically."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.run_layout import CHECKPOINTS, checkpoint_path, epoch_name, stage_name
from napari_medkd.core.settings import Settings
from napari_medkd.core.task import Task, TaskKind
from napari_medkd.engine.data.shown import Sees
from napari_medkd.engine.networks.pupils import OfPupil
from napari_medkd.engine.networks.shape import NetworkShape, RegistrationShape
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.files.atomic import write_bytes, write_text

#: In the card of weights that serve several datasets: the names under which each of these finds its own card.
_STAGES_OF_ITS_OWN = "stages"

#: A stage's networks that can be asked, the preferred first.
_KINDS: tuple[Literal["done", "best"], ...] = ("done", "best")

#: Weights and their card are replaced one after the other; after this time both are.
_SETTLING_SECONDS = 0.2

#: Epoch checkpoints that are kept of a stage, beside the best.
KEPT = 2


class TaskCard(Settings):
    """A task, as saved beside weights."""

    name: str
    kind: TaskKind
    classes: tuple[str, ...]
    multilabel: bool = False
    ignore: int | None = None
    colours: tuple[str, ...] = ()

    @classmethod
    def of(cls, task: Task) -> "TaskCard":
        """Return a task's card."""
        return cls(
            name=task.name,
            kind=task.kind,
            classes=task.classes,
            multilabel=task.multilabel,
            ignore=task.ignore,
            colours=task.colours,
        )

    @property
    def task(self) -> Task:
        """The task itself."""
        return Task(self.name, self.kind, self.classes, self.multilabel, self.ignore, self.colours)


class WeightsCard(Settings):
    """What stands beside the weights of a network."""

    schema_version: Literal[1] = 1
    method: str
    stage: str
    sees: Sees
    """What the network must be shown."""
    fallback_means: tuple[tuple[float, ...], ...] | None = None
    """(channel, class) mean intensities over the training cases, for a network that sees class means."""
    network: NetworkShape
    preprocessing: Preprocessing
    task: TaskCard
    """The first of its tasks."""
    tasks: tuple[TaskCard, ...] = ()
    """All that it answers, at most one of each kind."""
    dataset: str = ""
    """Whose tasks they are."""
    weights: str = ""
    """Name of the file beside it that holds the weights, where they serve several datasets; else it is called as the
    card."""
    epoch: int
    score: float | None = None
    sha256: str
    """Of the safetensors file."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where in a stage an epoch checkpoint was taken."""

    epoch: int
    best: float | None


def _write(path: Path, tensors: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write tensors, and then a card that holds their checksum."""
    _write_card(path, card, _write_tensors(path, tensors))


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> str:
    """Write tensors, and return their checksum."""
    payload = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, payload)
    return hashlib.sha256(payload).hexdigest()


def _write_card(path: Path, card: dict[str, Any], sha256: str) -> None:
    write_text(path.with_suffix(".json"), json.dumps({**card, "sha256": sha256}, indent=2))


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        payload = (_shared_weights(path) or path).read_bytes()
        if hashlib.sha256(payload).hexdigest() != card.get("sha256"):
            raise RunProblem(
                str(path), "The weights do not match the checksum beside them.", "Use another checkpoint of the run."
            )
        return load(payload), card
    except (OSError, json.JSONDecodeError, SafetensorError) as error:
        raise RunProblem(
            str(path), f"The checkpoint cannot be read ({error}).", "Use another checkpoint of the run."
        ) from error


def _card_beside(path: Path) -> dict[str, Any]:
    """Return the card beside weights; empty where there is none, or a damaged one."""
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def _shared_weights(path: Path) -> Path | None:
    """Return the file that the card beside a missing one names for its weights; None where it names none."""
    name = _card_beside(path).get("weights")
    try:
        return path.with_name(name) if name else None
    except ValueError:  # a name that leads elsewhere
        return None


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{name}": torch.as_tensor(value)
        for index, kept in state.items()
        for name, value in kept.items()
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, kept = name.split(".", 2)
            state.setdefault(int(index), {})[kept] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def tensors_of(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of one part of a whole, under their names in that part."""
    prefix = f"{name}."
    return {full.removeprefix(prefix): tensor for full, tensor in tensors.items() if full.startswith(prefix)}


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one run: epochs to continue from, the best and the finished weights of each stage."""

    run: Path

    def save_epoch(
        self, stage: str, objective: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> Path:
        """Write everything that continuing needs, and return the file; older ones than the last two go."""
        tensors = {f"objective.{name}": tensor for name, tensor in objective.state_dict().items()}
        path = checkpoint_path(self.run, stage, epoch_name(progress.epoch))
        card = {"stage": stage, "epoch": progress.epoch, "best": progress.best}
        _write(path, tensors | _optimizer_tensors(optimizer), card)
        for old in self._epochs(stage)[:-KEPT]:
            old.with_suffix(".json").unlink(missing_ok=True)
            old.unlink(missing_ok=True)
        return path

    def restore_epoch(self, stage: str, objective: nn.Module, optimizer: torch.optim.Optimizer) -> Progress | None:
        """Load the newest readable epoch of a stage, or return None where there is none."""
        found = self._newest(stage)
        if found is None:
            return None
        tensors, card = found
        objective.load_state_dict(tensors_of("objective", tensors))
        _restore_optimizer(optimizer, tensors)
        return Progress(int(card["epoch"]), card["best"])

    def last_objective(self, stage: str) -> dict[str, Tensor]:
        """Return the weights of all that a stage trains, from its newest readable epoch; none where there is none."""
        found = self._newest(stage)
        return tensors_of("objective", found[0]) if found else {}

    def last_epoch(self, stage: str) -> int:
        """Return the epoch a stage would continue after; 0 where it would start."""
        found = self._newest(stage)
        return int(found[1]["epoch"]) if found else 0

    def _newest(self, stage: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        for path in reversed(self._epochs(stage)):
            try:
                return _read(path)
            except RunProblem:  # torn by a crash: the one before it serves
                continue
        return None

    def save_product(self, which: Literal["best", "done"], product: nn.Module, cards: Sequence[WeightsCard]) -> Path:
        """Write a network with its card, and return the file.

        Parameters
        ----------
        cards
            Several for a network that answers for several datasets: each is written as that of a stage of its own,
            called by its dataset, and names the one file of weights. The stage's own comes last: it says that all
            is there.
        """
        path = checkpoint_path(self.run, cards[0].stage, which)
        if len(cards) == 1:
            _write(path, product.state_dict(), cards[0].model_dump(mode="json", exclude={"sha256"}))
            return path
        names = [stage_name(card.stage, card.dataset) for card in cards]
        sha256 = _write_tensors(path, product.state_dict())
        for name, card in zip(names, cards, strict=True):
            own = card.replace(stage=name, weights=path.name, sha256=sha256)
            write_text(checkpoint_path(self.run, own.stage, which).with_suffix(".json"), own.model_dump_json(indent=2))
        _write_card(path, {"stage": cards[0].stage, _STAGES_OF_ITS_OWN: names}, sha256)
        return path

    def restore_product(self, stage: str, product: nn.Module) -> bool:
        """Load the finished weights of a stage into the product; return whether there were any that can be read."""
        found = self._finished(stage)
        if found is None:
            return False
        product.load_state_dict(found)
        return True

    def is_done(self, stage: str) -> bool:
        """Return whether a stage has finished."""
        return self._finished(stage) is not None

    def _finished(self, stage: str) -> dict[str, Tensor] | None:
        try:
            return _read(checkpoint_path(self.run, stage, "done"))[0]
        except RunProblem:  # not there, or torn by a crash: the stage goes on from its last epoch
            return None

    def _epochs(self, stage: str) -> list[Path]:
        return sorted((self.run / CHECKPOINTS).glob(f"{stage}.epoch-*.safetensors"))


def _read_settled(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return what lies in a checkpoint; where it cannot be read, a live run may be replacing it just now."""
    try:
        return _read(path)
    except RunProblem:
        time.sleep(_SETTLING_SECONDS)
        return _read(path)


def read_product(run: Path, stage: str, which: Literal["best", "done"]) -> tuple[dict[str, Tensor], WeightsCard] | None:
    """Return the weights of a stage's network and their card, or None where there are none.

    Of a network that answers for several datasets it is the card for the first.

    Raises
    ------
    RunProblem
        Where they cannot be read.
    """
    path = checkpoint_path(run, stage, which)
    if not path.is_file() and not _shared_weights(path):
        return None
    tensors, document = _read_settled(path)
    if _STAGES_OF_ITS_OWN in document:
        return read_product(run, document[_STAGES_OF_ITS_OWN][0], which)
    try:
        return tensors, WeightsCard.model_validate(document)
    except ValidationError as error:
        raise RunProblem(
            str(path.with_suffix(".json")), f"The card is not valid ({error}).", "Train again with this version."
        ) from error


def _serves_several(path: Path) -> bool:
    """Return whether weights serve several datasets, by whose names they are asked."""
    return len(_card_beside(path).get(_STAGES_OF_ITS_OWN, ())) > 1


def stages_with_weights(run: Path) -> tuple[str, ...]:
    """Return the names of the stages of a run whose network can be loaded: finished, or the best so far."""
    files = [
        (card.name.removesuffix(f".{which}.json"), card.with_suffix(".safetensors"))
        for which in _KINDS
        for card in (run / CHECKPOINTS).glob(f"*.{which}.json")
    ]
    return tuple(sorted({stage for stage, path in files if _is_there(path) and not _serves_several(path)}))


def _is_there(path: Path) -> bool:
    shared = _shared_weights(path)
    return path.is_file() or (shared is not None and shared.is_file())


def load_network(run: Path, stage: str) -> tuple[UNet | OfPupil, WeightsCard, Path]:
    """Return the trained network of a stage, its card and its file: the finished weights, else the best so far.

    What a crash tore is passed over where the other can be read.

    Raises
    ------
    RunProblem
        Where the run has no such weights, or they cannot be read.
    """
    torn: RunProblem | None = None
    for which in _KINDS:
        path = checkpoint_path(run, stage, which)
        if _serves_several(path):
            break
        try:
            found = read_product(run, stage, which)
        except RunProblem as problem:
            torn = torn or problem
            continue
        if found is None:
            continue
        tensors, card = found
        if isinstance(card.network, RegistrationShape):
            raise RunProblem(
                str(path), f"The network of {stage!r} answers nothing.", "Ask the student (--network student)."
            )
        network = card.network.build()
        (network.whole if isinstance(network, OfPupil) else network).load_state_dict(tensors)
        return network.eval(), card, path
    if torn is not None:
        raise torn
    there = stages_with_weights(run)
    alike = [name for name in there if name.startswith(f"{stage}-")]
    raise RunProblem(
        str(run),
        f"There are no trained weights of {stage!r} (found: {', '.join(there) or 'none'}).",
        f"Ask one of: {', '.join(alike)}." if alike else "Wait until its first epoch has ended, or continue the run.",
    )
