"""The settings of a run that all methods share, as fields of a form: words here, bounds and defaults from the spec."""

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
    "preview_case": ("Preview case", "Id of the case that is predicted after each epoch; empty takes one to validate."),
}

BASIC = ("name", "schedule.epochs", "hardware.device")
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
    top = {"properties": {name: _schema(TrainSpec)["properties"][name] for name in ("name", "seed", "preview_case")}}
    found |= {field.name: field for field in fields_of_schema(top)}
    return {name: _in_words(field) for name, field in found.items()}


def _schema(model: type[Settings]) -> dict[str, Any]:
    return model.model_json_schema()


def _in_words(field: FormField) -> FormField:
    title, description = _WORDS[field.name]
    return replace(field, title=title, description=description)
