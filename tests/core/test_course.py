"""What a run learns of each of its datasets, and that these can be told apart."""

from pathlib import Path

import pytest

from napari_medkd.core.course import courses_of
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.run_layout import stage_name
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality


def courses(*names: str):
    tasks = {"organs": Task("organs", "segmentation", ("background", "liver"))}
    datasets = [Dataset(name, ("image",), Modality.CT, tasks, ()) for name in names]
    return courses_of(TrainSpec(datasets=tuple(map(Path, names))), datasets, frozenset({"segmentation"}))


def test_letters_of_any_script_stay_in_a_stages_name():
    assert stage_name("expert", "肝臓") == "expert-肝臓"
    assert stage_name("expert", "Nürnberg 2/b") == "expert-Nürnberg_2_b"


def test_datasets_whose_names_differ_in_letters_of_another_script_are_two():
    assert [course.dataset.name for course in courses("肝臓", "腎臓")] == ["肝臓", "腎臓"]


@pytest.mark.parametrize("names", [("site 1", "site_1"), ("A", "a"), ("Ä-1", "ä-1")])
def test_datasets_whose_files_would_be_called_alike_are_refused(names):
    with pytest.raises(SpecProblem) as refused:
        courses(*names)

    (problem,) = refused.value.problems
    assert problem.where == "datasets"
    assert problem.problem == f"The files of '{names[0]}' and '{names[1]}' would be called alike."
    assert "a name of its own" in problem.hint
