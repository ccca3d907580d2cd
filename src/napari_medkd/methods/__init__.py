"""The methods: one file each, discovered by being in this folder or behind the entry point ``napari_medkd.methods``."""

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from napari_medkd.core.card import MethodCard
from napari_medkd.core.errors import SpecProblem, did_you_mean
from napari_medkd.engine.method import Method, card_of


@cache
def all_methods() -> dict[str, Method[Any]]:
    """Return every method by its name."""
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    methods = [module.METHOD for module in modules]
    methods += [entry.load() for entry in entry_points(group="napari_medkd.methods")]
    return {method.name: method for method in sorted(methods, key=lambda method: str(method.name))}


def method_named(name: str) -> Method[Any]:
    """Return the method of that name.

    Raises
    ------
    SpecProblem
        Where there is none, with the nearest name.
    """
    methods = all_methods()
    if name not in methods:
        raise SpecProblem("method.name", f"Method {name!r} is not known.", did_you_mean(name, methods))
    return methods[name]


def cards() -> list[MethodCard]:
    """Return the visiting cards of all methods."""
    return [card_of(method) for method in all_methods().values()]
