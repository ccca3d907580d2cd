"""What a method is: a sequence of stages. See methods/ for the methods themselves."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import torch
from pydantic import ValidationError

from napari_medkd.core.card import MethodCard, Needs, TeacherShows
from napari_medkd.core.errors import Problem, SpecProblem, did_you_mean
from napari_medkd.core.events import StagePlan
from napari_medkd.core.preview import PreviewPicture
from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import MethodChoice, Schedule
from napari_medkd.core.task import TaskKind
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.data.shown import Sees
from napari_medkd.engine.networks.pupils import ForPupils
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.objective import Objective

S = TypeVar("S", bound=Settings)

#: What a stage may leave behind.
Product: TypeAlias = UNet | RegistrationNetwork | ForPupils


@dataclass(frozen=True, slots=True)
class Stage:
    """One optimisation problem: what to minimise, over which batches, and what is kept.

    Parameters
    ----------
    name
        Unique in the method; ``student`` is the one that ships.
    objective
        Returns the named, weighted terms of a batch.
    product
        What the stage leaves behind.
    batches
        Given a seeded generator, the batches of one epoch.
    judge
        Scores of the product on the validation cases; ``score`` decides which epoch is best.
    sees
        What the product must be shown to answer.
    shows
        What else can be seen of a case while the stage trains; where the product draws no mask, the first picture's
        is previewed. It may not draw random numbers.
    learning_rate_share
        Of the schedule's learning rate.
    bench
        Of the dataset whose tasks the product answers; None is the run's first, or all of them for a network that has
        heads for several.
    notices
        What a person should know of the stage before it is trained, such as a setting that does nothing in it.
    """

    name: str
    objective: Objective
    product: Product
    batches: Callable[[torch.Generator], Iterable[Batch]]
    judge: Callable[[], dict[str, float]] | None = None
    sees: Sees = "image"
    shows: Callable[[PreparedCase], Sequence[PreviewPicture]] | None = None
    learning_rate_share: float = 1.0
    bench: Bench | None = None
    notices: tuple[str, ...] = ()


class Method(Protocol[S]):
    """One way of teaching a student.

    A method is a sequence of stages. The loop trains a stage completely before it asks for the next one, so the code
    after a ``yield`` sees a trained network.
    """

    name: str
    title: str
    summary: str
    source: str
    tasks: frozenset[TaskKind]
    needs: Needs
    teacher_shows: TeacherShows
    presets: Mapping[str, Mapping[str, Any]]
    default_preset: str
    Settings: type[S]

    def plan(self, settings: S, schedule: Schedule, datasets: Sequence[str]) -> tuple[StagePlan, ...]:
        """Return the stages that `stages` will yield for datasets of these names, in order, with their lengths."""
        ...

    def stages(self, settings: S, bench: Bench) -> Iterator[Stage]:
        """Yield the stages; each is trained when the next one is asked for."""
        ...


def settings_of(method: Method[S], choice: MethodChoice) -> S:
    """Return a method's settings: its preset with the person's changes.

    Raises
    ------
    SpecProblem
        With every fault: an unknown preset or setting, a value out of range.
    """
    preset = choice.preset or method.default_preset
    if preset not in method.presets:
        raise SpecProblem(
            "method.preset", f"{method.title} has no preset {preset!r}.", did_you_mean(preset, method.presets)
        )
    known = method.Settings.model_fields
    problems = [
        Problem(f"method.settings.{name}", f"{method.title} has no such setting.", did_you_mean(name, known))
        for name in choice.settings
        if name not in known
    ]
    wanted = {name: value for name, value in choice.settings.items() if name in known}
    try:
        settings = method.Settings.model_validate({**method.presets[preset], **wanted})
    except ValidationError as error:
        problems += [
            Problem(
                ".".join(["method.settings", *(str(part) for part in fault["loc"])]),
                f"{fault['msg']}, but {fault['input']!r} was given.",
                " ".join(known[str(name)].description or "" for name in fault["loc"][:1]) or "Change one of them.",
            )
            for fault in error.errors()
        ]
    if problems:
        raise SpecProblem.of(problems)
    return settings


def card_of(method: Method[Any]) -> MethodCard:
    """Return a method's visiting card."""
    default = settings_of(method, MethodChoice(name=method.name))
    return MethodCard(
        name=method.name,
        title=method.title,
        summary=method.summary,
        source=method.source,
        tasks=tuple(sorted(method.tasks)),
        needs=method.needs,
        teacher_shows=method.teacher_shows,
        stages=tuple(planned.name for planned in method.plan(default, Schedule(), ("",))),
        presets={name: dict(changes) for name, changes in method.presets.items()},
        default_preset=method.default_preset,
        settings_schema=method.Settings.model_json_schema(),
    )
