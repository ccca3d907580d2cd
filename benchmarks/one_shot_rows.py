"""The rows of the one-shot benchmark: how each is trained, what it is held against, and what was tried."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from moved_labels import copied_label, registered_label
from one_shot_data import Experiment

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.spec import Hardware, MethodChoice, TrainSpec
from napari_medkd.core.volume import Volume
from napari_medkd.engine.method import settings_of
from napari_medkd.methods import method_named

SELF_TRAINING_ROUNDS = 2

#: Share of an experiment's epochs that a candidate for *recommended* is trained for.
_SHORT = 0.25


@dataclass(frozen=True)
class Trained:
    """One row of the table.

    Parameters
    ----------
    rounds
        Of plain self-training after the first training.
    all_labels
        Whether every training case teaches by its label.
    share
        Of the experiment's epochs.
    num_unlabelled
        Unlabelled images that are used; None uses all.
    only_registers
        Whether the run's registration network moves the reference's label, instead of the student's drawing.
    """

    method: str
    preset: str = "recommended"
    settings: dict[str, bool | float | str] = field(default_factory=dict)
    rounds: int = 0
    all_labels: bool = False
    share: float = 1.0
    num_unlabelled: int | None = None
    only_registers: bool = False

    @property
    def beyond_the_spec(self) -> dict[str, object]:
        """What makes the row what it is, beside the spec of its first run."""
        names = ("rounds", "all_labels", "num_unlabelled", "only_registers")
        return {name: getattr(self, name) for name in names}

    def spec(self, experiment: Experiment, manifest: Path, number: int) -> TrainSpec:
        """Return the run on a dataset with one of the experiment's references."""
        epochs, settings = max(1, round(experiment.schedule.epochs * self.share)), dict(self.settings)
        if self.only_registers:  # as long as in the whole method; of the student one epoch, for a run needs one
            method = method_named(self.method)
            whole = settings_of(method, MethodChoice(name=self.method, preset=self.preset, settings=settings))
            registration, _student = method.plan(whole, experiment.schedule, ("",))
            settings["registration_share"], epochs = float(registration.epochs), 1
        return TrainSpec(
            datasets=(manifest,),
            references=() if self.all_labels else (experiment.references()[number],),
            preprocessing=experiment.preprocessing,
            method=MethodChoice(name=self.method, preset=self.preset, settings=settings),
            network=experiment.network,
            schedule=experiment.schedule.replace(epochs=epochs),
            hardware=Hardware(threads=1, precision="auto"),
            seed=number,
        )

    def dataset(self, experiment: Experiment, number: int) -> Dataset:
        """Return the experiment's dataset, without the unlabelled images that are left out."""
        dataset, reference = experiment.dataset(), experiment.references()[number]
        if self.num_unlabelled is None:
            return dataset
        others = [name for name in dataset.split.train if name != reference]
        kept = {reference, *others[: self.num_unlabelled], *dataset.split.validate, *dataset.split.test}
        train = tuple(name for name in dataset.split.train if name in kept)
        cases = tuple(case for case in dataset.cases if case.id in kept)
        return replace(dataset, cases=cases, split=replace(dataset.split, train=train))


@dataclass(frozen=True)
class Moved:
    """A row without a network: the reference's label, moved onto each image."""

    by: Callable[[Dataset, str], Callable[[Case, Volume], Mask]]
    preset: str = ""


ONE_SHOT = "one-shot"

#: Dice in place of its logarithm, as everything learned before decision record 0028, and how such rows end.
PLAIN_DICE = ", plain Dice"
_PLAIN: dict[str, bool | float | str] = {"log_dice": False}
ROWS: dict[str, Trained | Moved] = {
    "copied label": Moved(copied_label),
    "registration": Moved(registered_label),
    "registration network": Trained(ONE_SHOT, "faithful", {"hint": 0.0}, only_registers=True),
    "registration network, refined": Trained(ONE_SHOT, settings={"self_training": 0.0}, only_registers=True),
    "one label, strong augmentation": Trained("supervised"),
    "one label, self-training": Trained("supervised", rounds=SELF_TRAINING_ROUNDS),
    "faithful": Trained(ONE_SHOT, "faithful"),
    "recommended": Trained(ONE_SHOT),
    "all labels": Trained("supervised", all_labels=True),
    "one label, strong augmentation, plain Dice": Trained("supervised", settings=_PLAIN),
    "one label, self-training, plain Dice": Trained("supervised", settings=_PLAIN, rounds=SELF_TRAINING_ROUNDS),
    "recommended, plain Dice": Trained(ONE_SHOT, settings=_PLAIN),
    "all labels, plain Dice": Trained("supervised", settings=_PLAIN, all_labels=True),
}


def _candidates(loss: dict[str, bool | float | str]) -> dict[str, Trained | Moved]:
    """Return what is tried with a loss; what is recommended is spelled out, so that a later choice leaves it so."""
    chosen = {
        "generation": "warped reference",
        "hint": 0.0,
        "self_training": 1.0,
        "registration_prior": 0.5,
        "doubt": 0.25,
        "confidence": 0.9,
        "self_training_from": 0.3,
        "registration_share": 0.5,
        "smoothness": 0.5,
        "refinement": 40,
        **loss,
    }

    def but(num_unlabelled: int | None = None, **settings: bool | float | str) -> Trained:
        return Trained(ONE_SHOT, settings={**chosen, **settings}, share=_SHORT, num_unlabelled=num_unlabelled)

    return {
        "one label, strong augmentation": Trained("supervised", settings=loss, share=_SHORT),
        "as recommended": but(),
        "no self-training": but(self_training=0.0),
        "as recommended, all steps": replace(but(registration_share=0.25), share=1.0),
        "no self-training, all steps": replace(but(self_training=0.0, registration_share=0.25), share=1.0),
        "registration has no say": but(registration_prior=0.0),
        "never in doubt": but(doubt=1.0),
        "registration is not refined": but(refinement=0, registration_share=1.0),
        "with the hint": but(hint=1.0),
        "with the hint, no reconstruction": but(hint=1.0, reconstruction=0.0),
        "mixed transforms": but(generation="mixed transforms"),
        "independent transforms": but(generation="independent transforms"),
        "composed transforms": but(generation="composed transforms"),
        "10 unlabelled images": but(10),
        "40 unlabelled images": but(40),
    }


#: What was tried for *recommended*, on development cases alone, in a short training: what each part is worth.
CANDIDATES: dict[str, Trained | Moved] = {
    **_candidates({"log_dice": True}),
    **{f"{name}{PLAIN_DICE}": row for name, row in _candidates(_PLAIN).items()},
}

#: What each row is held against.
VERSUS = {
    "registration network": ("registration",),
    "registration network, refined": ("registration", "registration network"),
    "one label, self-training": ("one label, strong augmentation",),
    "faithful": ("one label, strong augmentation", "one label, self-training"),
    "recommended": (
        "one label, strong augmentation",
        "one label, self-training",
        "faithful",
        "recommended, plain Dice",
        "one label, self-training, plain Dice",
    ),
    "all labels": ("recommended", "all labels, plain Dice"),
    "one label, self-training, plain Dice": ("one label, strong augmentation, plain Dice",),
    "recommended, plain Dice": (
        "one label, strong augmentation, plain Dice",
        "one label, self-training, plain Dice",
        "faithful",
    ),
    "all labels, plain Dice": ("recommended, plain Dice",),
}


def held_against(name: str, side: str) -> tuple[str, ...]:
    """Return what a row is held against: what was tried against rows of its loss, and against itself by plain Dice."""
    if side == "test":
        return VERSUS.get(name, ())
    loss = PLAIN_DICE if name.endswith(PLAIN_DICE) else ""
    others = (f"one label, strong augmentation{loss}", f"as recommended{loss}")
    return others if loss else (*others, f"{name}{PLAIN_DICE}")
