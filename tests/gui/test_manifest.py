from pathlib import Path

import pytest
from npe2 import PluginManifest

OURS = ("medkd-dataset.json", "prediction.json")
MANIFEST = Path(__file__).parents[2] / "src" / "napari_medkd" / "napari.yaml"


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(MANIFEST)


def test_the_manifest_at_the_top_is_the_one_in_the_package():
    assert (MANIFEST.parents[2] / "napari.yaml").resolve() == MANIFEST


def test_everything_the_manifest_promises_can_be_imported(manifest):
    manifest.validate_imports()


def test_there_are_five_docks(manifest):
    names = [widget.display_name for widget in manifest.contributions.widgets]

    assert names == ["Data", "Train", "Runs", "Results", "Sheet"]


def test_python_names_point_into_the_gui_only(manifest):
    names = [str(command.python_name) for command in manifest.contributions.commands]

    assert all(name.startswith("napari_medkd.gui.") for name in names)


def test_the_reader_claims_no_pictures_of_others(manifest):
    patterns = {pattern for reader in manifest.contributions.readers for pattern in reader.filename_patterns}

    assert patterns == {"*.nii", "*.nii.gz", "*.dcm", "*.dicom", "*.ima", "*.zarr", *OURS}


def test_preferences_have_a_default_and_a_description(manifest):
    properties = manifest.contributions.configurations["training"].properties

    assert set(properties) == {"interpreter", "runs_folder"}
    assert all(found.default == "" and found.description for found in properties.values())
