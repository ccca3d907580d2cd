"""The specs of the joint-teacher study fit the spec's form, and the page that leads to them."""

import re
from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.grid import Grid
from napari_medkd.core.spec import TrainSpec
from napari_medkd.files.importers.study_folders import LAYOUTS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "specs" / "joint-teacher"
PAGE = (ROOT / "docs" / "reproducing-the-joint-teacher-study.md").read_text(encoding="utf-8")
SPECS = sorted(FOLDER.glob("*.json"))


def spec_at(path: Path) -> TrainSpec:
    return TrainSpec.model_validate_json(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_names_a_task_of_each_of_several_data_sets(path: Path):
    spec = spec_at(path)

    assert spec.method.name == "joint-teacher"
    assert len(spec.datasets) > 1
    assert [target.dataset for target in spec.targets] == [folder.name for folder in spec.datasets]
    assert all(target.task for target in spec.targets)
    assert (spec.preprocessing.patch or (0,))[0] == (96 if path.stem == "volumes" else 1)


def test_an_opacity_as_large_as_its_image_fits_a_patch():
    spec = spec_at(FOLDER / "pictures.json")
    wishes = spec.preprocessing_of["rsna-pneumonia"]
    coarsest = Grid((1, 1024, 1024), np.diag([1.0, 0.199, 0.199, 1.0]))  # mm

    assert coarsest.resized(wishes.spacing).shape == (1, 255, 255)
    assert wishes.patch == (1, 256, 256)


def test_the_page_names_every_spec_and_how_to_get_its_public_sets():
    commands = dict(re.findall(r"`medkd import \S+ data/(\S+?)(?: --name (\S+))?`", PAGE))
    named = {folder.name for path in SPECS for folder in spec_at(path).datasets} - {"montgomery", "shenzhen"}

    assert all(f"({path.relative_to(ROOT).as_posix()})" in PAGE.replace("../", "") for path in SPECS)
    assert named <= set(commands)
    assert all(name in ("", folder) for folder, name in commands.items())


def test_the_page_names_every_layout_that_is_opened_in_place():
    assert all(f"data/{layout.name}`" in PAGE for layout in LAYOUTS)
