import pytest

from napari_medkd.gui.presenters.fields import belongs_to, fields_of_schema, parsed_integers, unplaced
from tests.gui.presenting import DemoSettings


@pytest.fixture
def fields():
    return {field.name: field for field in fields_of_schema(DemoSettings.model_json_schema(), "method.settings.")}


def test_every_setting_of_a_method_becomes_a_field_of_its_kind(fields):
    kinds = {name.removeprefix("method.settings."): field.kind for name, field in fields.items()}

    assert kinds == {
        "weight": "number",
        "rounds": "integer",
        "balanced": "boolean",
        "sees": "choice",
        "limit": "number",
    }


def test_bounds_default_and_description_stand_in_the_tooltip(fields):
    assert fields["method.settings.weight"].tooltip == "How much it counts. Default: 2. At least 0, at most 100."
    assert fields["method.settings.rounds"].tooltip == "How often. Default: 3. More than 0."
    assert fields["method.settings.limit"].tooltip == "Where it stops. Default: automatic. At least 0.5."


def test_a_setting_that_may_be_none_is_optional(fields):
    assert fields["method.settings.limit"].is_optional
    assert not fields["method.settings.weight"].is_optional


def test_paths_words_and_lists_of_numbers_have_fields_too():
    properties = {
        "file": {"type": "string", "format": "path"},
        "word": {"type": "string"},
        "widths": {"type": "array", "items": {"type": "integer"}, "default": [8, 16]},
        "only": {"const": "one"},
    }

    found = {field.name: field for field in fields_of_schema({"properties": properties})}

    assert [field.kind for field in found.values()] == ["path", "text", "integers", "choice"]
    assert found["widths"].default == (8, 16)
    assert found["only"].choices == ("one",)


def test_a_setting_no_form_can_show_is_refused_by_name():
    with pytest.raises(TypeError, match="nested"):
        fields_of_schema({"properties": {"nested": {"type": "object"}}})


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("16, 32, 64", (16, 32, 64)), ("16 32", (16, 32)), ("8;16", (8, 16)), ("", None), ("16, x", None), ("-3", None)],
)
def test_a_list_of_numbers_is_read_as_people_write_it(text, numbers):
    assert parsed_integers(text) == numbers


def test_a_problem_belongs_to_the_field_it_names():
    assert belongs_to("network.widths", "network.widths")
    assert belongs_to("network.widths[2]", "network.widths")
    assert belongs_to("spec.json: schedule.epochs", "schedule.epochs")
    assert not belongs_to("schedule.epochs", "schedule.epoch")


def test_problems_of_no_field_are_listed_apart():
    assert unplaced(["seed", "datasets[0].cases.a", ""], ["seed", "name"]) == (1, 2)
