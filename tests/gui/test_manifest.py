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

    medical = {f"*{suffix}" for suffix in (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")}
    dicom = {"*.dcm", "*.dicom", "*.ima"}
    assert patterns == {*medical, *dicom, "*.zarr", *OURS}


@pytest.mark.parametrize(("name", "kind"), [("mask.tif", "labels"), ("photo.tif", "image"), ("photo.png", "image")])
def test_pictures_are_saved_by_napari_unless_a_person_picks_our_writer(name, kind):
    from npe2 import PluginManager

    manager = PluginManager()
    for found in (PluginManifest.from_distribution("napari"), PluginManifest.from_file(MANIFEST)):
        manager.register(found)

    writer, _ = manager.get_writer(name, [kind])

    assert writer.command.startswith("napari.")
    ours = {"labels": "napari-medkd.write_labels", "image": "napari-medkd.write_image"}
    assert manager.get_writer(name, [kind], "napari-medkd")[0].command == ours[kind]


@pytest.mark.parametrize(("kind", "command"), [("labels", "write_labels"), ("image", "write_image")])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".dcm", ".ome.zarr"])
def test_medical_formats_are_saved_by_our_writers(manifest, kind, command, suffix):
    writers = [
        one for one in manifest.contributions.writers if suffix in one.filename_extensions and kind in one.layer_types
    ]

    assert [one.command for one in writers] == [f"napari-medkd.{command}"]


def test_preferences_have_a_default_and_a_description(manifest):
    properties = manifest.contributions.configurations["training"].properties

    assert set(properties) == {"interpreter", "runs_folder"}
    assert all(found.default == "" and found.description for found in properties.values())
