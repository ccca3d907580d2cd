"""The fields of a form, from a JSON Schema of flat settings: numbers, switches, choices, words and paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from napari_medkd.gui.presenters.words import shown

Kind: TypeAlias = Literal["number", "integer", "boolean", "choice", "path", "text", "integers"]
Value: TypeAlias = bool | int | float | str | tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class FormField:
    """One setting as a person meets it.

    Parameters
    ----------
    name
        Its path in the spec: ``"schedule.epochs"``, ``"method.settings.features"``.
    minimum, maximum
        Bounds, None where there is none; ``above`` and ``below`` say that the bound itself is not allowed.
    choices
        What can be chosen; ``words`` says how each is called, where it is not by itself.
    is_optional
        Whether None ("automatic") is a value.
    """

    name: str
    title: str
    description: str
    kind: Kind
    default: Value
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    below: bool = False
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    is_optional: bool = False

    @property
    def tooltip(self) -> str:
        """What it does, its default and what is allowed."""
        default = dict(zip(self.choices, self.words, strict=False)).get(str(self.default), shown(self.default))
        parts = [self.description, f"Default: {default}.", self._range()]
        return " ".join(part for part in parts if part)

    def _range(self) -> str:
        low = "" if self.minimum is None else f"{'more than' if self.above else 'at least'} {shown(self.minimum)}"
        high = "" if self.maximum is None else f"{'less than' if self.below else 'at most'} {shown(self.maximum)}"
        return f"{', '.join(filter(None, (low, high))).capitalize()}." if low or high else ""

    def with_default(self, value: Value) -> "FormField":
        """Return the field with another default, such as a preset's."""
        return replace(self, default=value)


def fields_of_schema(schema: Mapping[str, Any], prefix: str = "") -> tuple[FormField, ...]:
    """Return a field for each property of the schema, in order; ``prefix`` goes before each name.

    Raises
    ------
    TypeError
        Where a property is nothing a form can show; a test keeps methods from having such.
    """
    return tuple(_field(name, found, prefix) for name, found in schema.get("properties", {}).items())


def _field(name: str, found: Mapping[str, Any], prefix: str) -> FormField:
    options = [part for part in found.get("anyOf", ()) if part.get("type") != "null"]
    is_optional = len(options) < len(found.get("anyOf", ()))
    inner = {**found, **options[0]} if options else found
    default = found.get("default")
    minimum, maximum = inner.get("minimum"), inner.get("maximum")
    return FormField(
        prefix + name,
        str(found.get("title", name)),
        str(found.get("description", "")),
        _kind(name, inner),
        tuple(default) if isinstance(default, list) else default,
        inner.get("exclusiveMinimum", minimum) if minimum is None else minimum,
        inner.get("exclusiveMaximum", maximum) if maximum is None else maximum,
        above=minimum is None and "exclusiveMinimum" in inner,
        below=maximum is None and "exclusiveMaximum" in inner,
        choices=_choices(inner),
        is_optional=is_optional,
    )


def _choices(inner: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(inner["const"]),) if "const" in inner else tuple(map(str, inner.get("enum", ())))


def _kind(name: str, inner: Mapping[str, Any]) -> Kind:
    match inner:
        case {"enum": _} | {"const": _}:
            return "choice"
        case {"type": "array", "items": {"type": "integer"}}:
            return "integers"
        case {"type": "string", "format": "path" | "file-path" | "directory-path"}:
            return "path"
        case {"type": "string"}:
            return "text"
        case {"type": "number"}:
            return "number"
        case {"type": "integer"}:
            return "integer"
        case {"type": "boolean"}:
            return "boolean"
        case _:
            raise TypeError(f"No field of a form can show {name!r}: {dict(inner)}.")


def parsed_integers(text: str) -> tuple[int, ...] | None:
    """Return ``"16, 32, 64"`` as numbers, or None where it is something else."""
    parts = text.replace(";", ",").replace(",", " ").split()
    return tuple(map(int, parts)) if parts and all(part.isdigit() for part in parts) else None


def belongs_to(where: str, name: str) -> bool:
    """Return whether a problem's place is the field or lies inside it; the spec's file name before it is no matter."""
    place = where.rsplit(": ", 1)[-1]
    return place == name or place.startswith((f"{name}.", f"{name}["))


def unplaced(wheres: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the problems that belong to no field of the form."""
    return tuple(at for at, where in enumerate(wheres) if not any(belongs_to(where, name) for name in names))
