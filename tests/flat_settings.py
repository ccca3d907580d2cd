"""The rule that a method's settings are flat and documented: a form is built from them."""

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from napari_medkd.core.settings import Settings


def _is_flat(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Literal:
        return all(isinstance(choice, str) for choice in get_args(annotation))
    if origin in (Union, UnionType):
        return all(_is_flat(part) for part in get_args(annotation) if part is not type(None))
    return annotation in (bool, int, float, str)


def faults_of_method_settings(settings: type[Settings]) -> list[str]:
    """Return why a form cannot be built from a method's settings: fields not flat, without title or description."""
    faults = []
    for name, field in settings.model_fields.items():
        if not _is_flat(field.annotation):
            faults.append(f"{name}: {field.annotation} is not a number, a switch, a word or a choice of words")
        faults += [f"{name}: no {what}" for what in ("title", "description") if not getattr(field, what)]
    return faults
