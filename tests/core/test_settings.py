from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError

from napari_medkd.core.settings import Settings
from tests.flat_settings import faults_of_method_settings


class Inner(Settings):
    weight: float = 1.0


class Outer(Settings):
    name: str
    epochs: int = Field(10, ge=1)
    tags: tuple[str, ...] = Field(default_factory=tuple)
    inner: Inner = Inner()


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(ValidationError, match="frozen"):
        Inner().weight = 2.0  # type: ignore[misc]


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="wieght"):
        Inner.model_validate({"wieght": 2.0})


def test_a_copy_differs_only_where_it_was_told_to():
    settings = Outer(name="a", tags=("x",))

    changed = settings.replace(epochs=3, inner=Inner(weight=2.0))

    assert changed == Outer(name="a", epochs=3, tags=("x",), inner=Inner(weight=2.0))
    assert settings == Outer(name="a", tags=("x",))


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"colour": "red"}, {"inner": {"weight": "much"}}])
def test_a_copy_is_checked_like_the_original(changes):
    with pytest.raises(ValidationError):
        Outer(name="a").replace(**changes)


def test_settings_print_only_what_differs_from_the_defaults():
    assert repr(Outer(name="a")) == "Outer(name='a')"
    assert repr(Outer(name="a", epochs=2, tags=("x",))) == "Outer(name='a', epochs=2, tags=('x',))"


def test_flat_documented_settings_make_a_form():
    class Flat(Settings):
        weight: float = Field(2.0, ge=0, title="Weight", description="Of a term.")
        steps: int | None = Field(None, title="Steps", description="None takes all.")
        is_kept: bool = Field(True, title="Kept", description="Whether it is.")
        kind: Literal["a", "b"] = Field("a", title="Kind", description="Which.")
        note: str = Field("", title="Note")
        """Described below the field."""

    assert faults_of_method_settings(Flat) == []


def test_every_reason_against_a_form_is_listed():
    class Knotted(Settings):
        inner: Inner = Field(Inner(), title="Inner", description="Nested.")
        where: Path = Field(Path(), title="Where", description="A file.")
        level: Literal[1, 2] = Field(1, title="Level", description="Numbers.")
        many: tuple[int, ...] | None = Field(None, title="Many", description="Several.")
        untitled: int = 1

    faults = faults_of_method_settings(Knotted)

    assert [fault.split(":")[0] for fault in faults] == ["inner", "where", "level", "many", "untitled", "untitled"]
    assert faults[-2:] == ["untitled: no title", "untitled: no description"]
