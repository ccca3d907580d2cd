"""`medkd describe`: what each method is and which settings it has."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_medkd.cli.terminal import say, say_json

if TYPE_CHECKING:
    from napari_medkd.core.card import MethodCard

EXAMPLES = ("medkd describe", "medkd describe shape-intensity", "medkd describe --json")


def describe(
    method: Annotated[str | None, typer.Argument(help="A method's name; without it all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of cards, or the one card.")] = False,
) -> None:
    """Describe the methods: what they do, which tasks they teach, their presets and settings."""
    from napari_medkd.engine.method import card_of
    from napari_medkd.methods import cards, method_named

    listed = [card_of(method_named(method))] if method else cards()
    if as_json:
        documents = [card.model_dump(mode="json") for card in listed]
        say_json(documents[0] if method else documents)
    elif method:
        say("\n".join(_in_full(listed[0])))
    else:
        say("\n".join(f"{card.name:20} {card.summary}" for card in listed))


def _in_full(card: "MethodCard") -> list[str]:
    lines = [
        f"{card.title} ({card.name})",
        card.summary,
        f"Source: {card.source}",
        f"Tasks: {', '.join(card.tasks)}",
        f"Stages: {', '.join(card.stages)}",
        f"The teacher shows: {card.teacher_shows}",
        f"Presets (default: {card.default_preset}):",
    ]
    for name, changes in card.presets.items():
        lines.append(f"  {name}: {', '.join(f'{key}={value}' for key, value in changes.items()) or 'the defaults'}")
    lines.append("Settings (change one with --set NAME=VALUE):")
    for name, field in card.settings_schema["properties"].items():
        value = field.get("default")
        value = str(value).lower() if isinstance(value, bool) else value  # as --set takes it
        lines += [f"  {name} = {value}{_bounds(field)}", f"      {field['title']}. {field.get('description', '')}"]
    return lines


def _bounds(field: dict[str, Any]) -> str:
    """Return the choices or limits of a setting in words."""
    if "enum" in field:
        return f"  (one of: {', '.join(map(str, field['enum']))})"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    found = [f"{word} {field[key]}" for key, word in words.items() if key in field]
    return f"  ({', '.join(found)})" if found else ""
