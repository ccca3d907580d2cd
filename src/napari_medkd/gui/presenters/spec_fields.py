"""The settings of a run that all methods share, as fields of a form: words here, bounds and defaults from the spec."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from napari_medkd.core.settings import Settings
from napari_medkd.core.spec import Hardware, NetworkChoice, Schedule, TrainSpec
from napari_medkd.gui.presenters.fields import FormField, fields_of_schema

_WORDS = {
    "name": ("Name", "A few words for the run's folder and for lists; empty takes the dataset's name."),
    "schedule.epochs": ("Epochs", "How long the student trains. The time grows with it."),
    "schedule.steps_per_epoch": ("Steps per epoch", "Training steps between two checkpoints and scores."),
    "schedule.batch_size": ("Batch size", "Patches per step. Memory grows with it."),
    "schedule.learning_rate": ("Learning rate", "Size of the first steps; it decays to zero over the stage."),
    "schedule.augmentation": (
        "Augmentation",
        "How strongly training images are moved, bent and changed in contrast; strong carries over to other scanners.",
    ),
    "network.widths": ("Network widths", "Channels of each level of the U-Net, full resolution first."),
    "hardware.device": ("Device", "Where to compute; auto takes the GPU if there is one."),
    "hardware.precision": ("Precision", "Number format; auto measures a step in each and keeps the faster."),
    "hardware.threads": ("CPU threads", "How many cores to use; automatic takes all."),
    "seed": ("Seed", "The same seed gives the same run; change it to see how much chance is in the result."),
    "start_from": (
        "Start from",
        "A finished run of the same method whose networks are trained on; images are preprocessed as there.",
    ),
    "preview_case": (
        "Preview case",
        "The case to look at after each epoch; automatic takes an unlabelled one where there are references, else one "
        "to validate.",
    ),
}

BASIC = ("name", "schedule.epochs", "start_from", "hardware.device")
ADVANCED = (
    "schedule.steps_per_epoch",
    "schedule.batch_size",
    "schedule.learning_rate",
    "schedule.augmentation",
    "network.widths",
    "hardware.precision",
    "hardware.threads",
    "seed",
    "preview_case",
)


def spec_fields() -> dict[str, FormField]:
    """Return every shared field by its name in the spec."""
    parts: list[tuple[type[Settings], str]] = [
        (Schedule, "schedule."),
        (NetworkChoice, "network."),
        (Hardware, "hardware."),
    ]
    found = {field.name: field for model, prefix in parts for field in fields_of_schema(_schema(model), prefix)}
    names = ("name", "seed", "start_from", "preview_case")
    top = {"properties": {name: _schema(TrainSpec)["properties"][name] for name in names}}
    found |= {field.name: field for field in fields_of_schema(top)}
    return offering({name: _in_words(field) for name, field in found.items()}, {}, {})


def offering(
    fields: Mapping[str, FormField], cases: Mapping[str, str], runs: Mapping[str, str]
) -> dict[str, FormField]:
    """Return the fields with what there is to choose from now.

    Parameters
    ----------
    cases, runs
        Ids of the open dataset's cases, and folders of the runs to start from, each with its words.
    """
    chosen = {"preview_case": {"": "automatic", **cases}, "start_from": {"": "scratch", **runs}}
    return dict(fields) | {
        name: replace(
            fields[name],
            kind="choice",
            default="",
            choices=tuple(words),
            words=tuple(words.values()),
            is_optional=False,
        )
        for name, words in chosen.items()
    }


def _schema(model: type[Settings]) -> dict[str, Any]:
    return model.model_json_schema()


def _in_words(field: FormField) -> FormField:
    title, description = _WORDS[field.name]
    return replace(field, title=title, description=description)
