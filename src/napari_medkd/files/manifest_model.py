"""What medkd-dataset.json may hold; its JSON Schema is published as docs/medkd-dataset.schema.json."""

from typing import Annotated, Any, Literal

from pydantic import Field

from napari_medkd.core.settings import Settings
from napari_medkd.core.task import TaskKind
from napari_medkd.core.volume import Modality

Name = Annotated[str, Field(min_length=1)]
Label = Annotated[int, Field(ge=0, le=65535)]


class TaskEntry(Settings):
    """One thing to predict."""

    kind: TaskKind
    classes: tuple[Name, ...]
    """For segmentation the first is the background, and label ``i`` of a mask is ``classes[i]``."""
    multilabel: bool = False
    """Whether several classes may be present at once (classification)."""
    ignore: Label | None = None
    """A label of a mask that counts nowhere."""
    colours: tuple[Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")], ...] = ()
    """What to draw the classes after the background in, ``#rrggbb``; the rest take the viewer's palette."""
    label_map: dict[Label, Label] = Field(default_factory=dict)
    """Stored label to label of the task; a stored label that is not listed keeps its value."""


class ClassesPresent(Settings):
    """The class label of a case."""

    present: tuple[Name, ...]
    unknown: tuple[Name, ...] | None = None
    """Classes of a multilabel task that may be present or not; all others that are not present are absent."""


class CaseEntry(Settings):
    """One case."""

    id: Name
    images: tuple[Name, ...] = Field(min_length=1)
    """One file per channel, or one file with all channels. Relative paths start at the manifest's folder, stay inside
    it and have forward slashes; what lies elsewhere is named by its absolute path. A folder that holds one DICOM series
    counts as a file; ``FOLDER?series=KEY`` picks one of several."""
    group: str = ""
    """The patient, never on two sides of the split; empty takes the case's id."""
    domain: str = ""
    """Site, scanner or sequence."""
    annotations: dict[Name, Name | ClassesPresent] = Field(default_factory=dict)
    """By name of the task: the path of a mask or box file, or ``{"present": [class, ...]}``, where
    several may be present with ``"unknown": [class, ...]`` besides."""


class SplitEntry(Settings):
    """Case ids that train, choose settings and are scored once."""

    train: tuple[Name, ...] = ()
    validate_: tuple[Name, ...] = Field((), alias="validate")
    test: tuple[Name, ...] = ()


class Manifest(Settings):
    """A dataset for napari-medkd."""

    schema_version: Literal[1] = 1
    name: Name
    channels: tuple[Name, ...] = Field(("image",), min_length=1)
    """Names of the image channels, in the order of the files."""
    modality: Modality = Modality.OTHER
    """CT is in Hounsfield units."""
    tasks: dict[Name, TaskEntry] = Field(default_factory=dict)
    cases: tuple[CaseEntry, ...] = ()
    split: SplitEntry | None = None
    """Where it is missing, cases are split 70 / 15 / 15 by group, always the same way for the same dataset name."""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest."""
    schema = Manifest.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
