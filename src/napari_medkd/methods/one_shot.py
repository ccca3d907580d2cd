"""One-shot segmentation guided by reconstruction (OS-MedSeg, arXiv 2408.03616): one labelled reference, many images.

Registration moves the reference, label and all, into the shape of every unlabelled image. A student learns from these
synthetic images; beside it a teacher reconstructs the real ones, and its features hint at what real images look like.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from napari_medkd.core.card import Needs, TeacherShows
from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.events import StagePlan
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import Schedule
from napari_medkd.core.task import TaskKind
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.augmentation import augmentation_named
from napari_medkd.engine.data.recipes import Generation
from napari_medkd.engine.data.registered import Registered
from napari_medkd.engine.data.synthetic_pairs import SyntheticPairs
from napari_medkd.engine.data.transfer import transfers
from napari_medkd.engine.hinting import Hinting, HintingWeights
from napari_medkd.engine.mask_terms import CROSS_ENTROPY, DICE, LOG_DICE, refuse_nothing_to_learn
from napari_medkd.engine.method import Method, Stage
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.reconstructing import reconstructions
from napari_medkd.engine.refinement import Refined
from napari_medkd.engine.registering import Registering
from napari_medkd.engine.self_training import SelfTraining, Trust

#: A registration network has no normalisation, and takes steps of the student's size badly: its flows burst.
_REGISTRATION_LEARNING_RATE = 0.25

_NOTHING_RECONSTRUCTS = "The reconstruction weight does nothing here: with a hint of 0 no teacher reconstructs."


class OneShotSettings(Settings):
    """Registration turns one labelled reference into many; the student learns from real images too."""

    registration_share: float = Field(
        0.25, gt=0, le=4, title="Registration's share", description="Its epochs as a share of the student's."
    )
    smoothness: float = Field(
        0.5, ge=0, le=100, title="Smoothness weight", description="Of the flow's squared gradient, 1 as published."
    )
    contrast: float = Field(
        0.01,
        ge=0,
        le=10,
        title="Contrast weight",
        description="Weight of telling images apart by their embeddings; above 0 it needs batches of 2 or more.",
    )
    refinement: int = Field(
        40,
        ge=0,
        le=1000,
        title="Refinement",
        description="Steps by which registration is improved on each image beyond its network, 0 as published.",
    )
    generation: Generation = Field(
        "warped reference",
        title="Synthetic images",
        description="The reference in an image's shape, as published; with another's intensities; with part of both; "
        "or with flows in a row.",
    )
    cross_entropy: float = CROSS_ENTROPY
    dice: float = DICE
    log_dice: bool = LOG_DICE
    reconstruction: float = Field(
        1.0, ge=0, le=100, title="Reconstruction weight", description="Weight of the teacher's reconstruction."
    )
    hint: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Hint weight",
        description="Weight of following the teacher's features of real images, 1 as published; 0: no teacher.",
    )
    self_training: float = Field(
        1.0,
        ge=0,
        le=100,
        title="Self-training weight",
        description="Weight of learning from confident own answers to real images; as published there is none.",
    )
    confidence: float = Field(
        0.9,
        ge=0,
        le=1,
        title="Confidence",
        description="Probability from which an answer on a real image is learned from.",
    )
    self_training_from: float = Field(
        0.3, ge=0, le=1, title="Self-training from", description="Share of the student's steps before it begins."
    )
    registration_prior: float = Field(
        0.5,
        ge=0,
        le=10,
        title="Registration's say",
        description="How much less an answer counts the farther it is from where registration expects it.",
    )
    doubt: float = Field(
        0.25,
        ge=0,
        le=1,
        title="Doubt",
        description="Uncertainty of an answer above which registration's is learned in its place; 1: never.",
    )

    _refuse_nothing_to_learn = model_validator(mode="after")(refuse_nothing_to_learn)


class OneShot:
    """Two stages: registration, then student and reconstructing teacher together."""

    name = "one-shot"
    title = "One-shot distillation"
    summary = (
        "One labelled reference and unlabelled images make a model: registration gives labelled samples, and the "
        "student learns from real images too: by its own confident answers, or a reconstructing teacher's hint."
    )
    source = (
        "Distillation Learning Guided by Image Reconstruction for One-Shot Medical Image Segmentation, arXiv 2408.03616"
    )
    tasks: frozenset[TaskKind] = frozenset({"segmentation"})
    needs: Needs = "references"
    teacher_shows: TeacherShows = "reconstruction"
    presets: Mapping[str, Mapping[str, Any]] = {
        "recommended": {},
        "faithful": {
            "registration_share": 0.5,
            "smoothness": 1.0,
            "contrast": 0.01,
            "refinement": 0,
            "generation": "warped reference",
            "cross_entropy": 1.0,
            "dice": 0.0,
            "reconstruction": 1.0,
            "hint": 1.0,
            "self_training": 0.0,
        },
    }
    default_preset = "recommended"
    Settings = OneShotSettings

    def plan(self, settings: OneShotSettings, schedule: Schedule, datasets: Sequence[str]) -> tuple[StagePlan, ...]:
        """Return registration and student."""
        if settings.contrast and schedule.batch_size < 2:
            raise SpecProblem(
                "schedule.batch_size",
                "The contrast of embeddings compares the images of a batch, and a batch has one.",
                "Take a batch size of 2 or more, or set contrast to 0.",
            )
        registration = max(1, round(schedule.epochs * settings.registration_share))
        return (
            StagePlan("registration", registration, schedule.steps_per_epoch),
            StagePlan("student", schedule.epochs, schedule.steps_per_epoch),
        )

    def stages(self, settings: OneShotSettings, bench: Bench) -> Iterator[Stage]:
        """Yield the stages of the plan."""
        size, steps = bench.spec.schedule.batch_size, bench.spec.schedule.steps_per_epoch
        registered = Registered(bench.training_cases, bench.unlabelled_cases, bench.machine, bench.cache)
        network = bench.registration_network()
        closer = Refined(network, settings.refinement)
        registering = Registering(network, settings.smoothness, settings.contrast)
        shows = transfers(registered, bench.training_cases, closer)
        pairs, gently = registered.pairs(size, steps), _REGISTRATION_LEARNING_RATE
        yield Stage("registration", registering, network, pairs, shows=shows, learning_rate_share=gently)
        student = bench.network()
        teacher = bench.network(reconstructs=True) if settings.hint else None
        augmentation = augmentation_named(bench.spec.schedule.augmentation)
        flows = registered.flows_by(closer)
        synthetic = SyntheticPairs(
            flows, settings.generation, augmentation, bench.preprocessing.patch, settings.self_training > 0
        )
        hinting = hinting_of(student, teacher, settings)
        learns = teacher if settings.reconstruction else None
        shows_case = reconstructions(learns, bench.preprocessing, bench.machine) if learns else None
        batches, judge = synthetic.batches(size, steps), bench.judge(student)
        is_ignored = settings.reconstruction and not settings.hint and "reconstruction" in bench.spec.method.settings
        notices = (_NOTHING_RECONSTRUCTS,) if is_ignored else ()
        yield Stage("student", hinting, student, batches, judge, shows=shows_case, notices=notices)


def hinting_of(student: UNet, teacher: UNet | None, settings: OneShotSettings) -> Hinting:
    """Return what the student stage minimises."""
    own = None
    if settings.self_training:
        trust = Trust(settings.confidence, settings.self_training_from, settings.registration_prior, settings.doubt)
        own = SelfTraining(student, trust, settings)
    weights = HintingWeights(settings, settings.reconstruction, settings.hint, settings.self_training)
    return Hinting(student, teacher, weights, own)


METHOD: Method[OneShotSettings] = OneShot()
