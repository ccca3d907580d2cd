import json
from pathlib import Path

import pytest

from napari_medkd.files.manifest_model import json_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "medkd-dataset.schema.json"


def test_the_published_schema_is_that_of_the_program():
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == json_schema(), (
        "write it again: python scripts/write_dataset_schema.py"
    )


@pytest.mark.parametrize("name", ["Manifest", "TaskEntry", "CaseEntry", "SplitEntry", "ClassesPresent"])
def test_the_schema_refuses_fields_it_does_not_know(name):
    schema = json_schema()

    assert (schema if name == "Manifest" else schema["$defs"][name])["additionalProperties"] is False


def test_the_split_is_spelled_as_in_the_file():
    assert set(json_schema()["$defs"]["SplitEntry"]["properties"]) == {"train", "validate", "test"}
