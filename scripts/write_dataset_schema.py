"""Write docs/medkd-dataset.schema.json, the published form of a dataset's manifest."""

from pathlib import Path

from napari_medkd.files.atomic import write_json
from napari_medkd.files.manifest_model import json_schema

TARGET = Path(__file__).parents[1] / "docs" / "medkd-dataset.schema.json"

if __name__ == "__main__":
    write_json(TARGET, json_schema())
    print(TARGET)
