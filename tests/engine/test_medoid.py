import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.engine.medoid import Candidate, _template, mean_correlations, rank_candidates

nibabel = pytest.importorskip("nibabel")


@pytest.fixture
def scans(tmp_path):
    """Five scans of one anatomy, each moved and noisier than the one before, and one of nothing but noise."""
    random = np.random.default_rng(0)
    anatomy = ndimage.gaussian_filter(random.normal(size=(28, 32, 30)), 4)
    anatomy /= anatomy.std()
    cases = []
    for number in range(6):
        noise = ndimage.gaussian_filter(random.normal(size=anatomy.shape), 1)
        image = ndimage.shift(anatomy, random.uniform(-2, 2, 3), order=1, mode="nearest") + 0.4 * number * noise
        path = tmp_path / f"scan_{number}.nii.gz"
        nibabel.save(nibabel.Nifti1Image((noise if number == 5 else image).astype(np.float32), np.eye(4)), path)
        cases.append(Case(f"scan_{number}", (path,), f"scan_{number}"))
    return Dataset("scans", ("image",), Modality.MR, {}, tuple(cases), folder=tmp_path)


def ranked(dataset):
    *told, found = rank_candidates(dataset)
    return told, found


def test_the_case_most_like_the_others_comes_first_and_the_stranger_last(scans):
    told, found = ranked(scans)

    assert told == [f"scan_{number}" for number in range(6)]
    assert found[0].case in ("scan_0", "scan_1")
    assert found[-1].case == "scan_5"
    assert all(isinstance(one, Candidate) and -1 <= one.likeness <= 1 for one in found)


def test_cases_that_are_scored_are_no_candidates(scans):
    told, _ = ranked(replace(scans, split=Split(test=("scan_0",), validate=("scan_1",))))

    assert told == [f"scan_{number}" for number in range(2, 6)]


def masked(scans, *numbers, tasks=("organs",)):
    """Return the scans with tasks, of which those of some numbers have a mask each."""
    known = {name: Task(name, "segmentation", ("background", "organ")) for name in tasks}
    paths = dict.fromkeys(tasks, scans.folder / "mask.nii.gz")
    cases = tuple(
        replace(case, annotations=paths) if number in numbers else case for number, case in enumerate(scans.cases)
    )
    return replace(scans, tasks=known, cases=cases)


def test_a_case_that_has_a_mask_is_compared_with_but_not_proposed_again(scans):
    _, everyone = ranked(scans)

    told, found = ranked(masked(scans, 0, 1))

    assert len(told) == 6
    assert found == [one for one in everyone if one.case not in ("scan_0", "scan_1")]


def test_where_all_have_a_mask_all_are_proposed(scans):
    assert ranked(masked(scans, *range(6)))[1] == ranked(scans)[1]


def test_a_case_is_proposed_for_the_task_that_others_have_a_mask_of(scans):
    of_both = masked(scans, 0, tasks=("organs", "lesions"))
    only_organs = {"organs": scans.folder / "mask.nii.gz"}
    cases = (of_both.cases[0], *(replace(case, annotations=only_organs) for case in of_both.cases[1:]))

    _, found = ranked(replace(of_both, cases=cases))

    assert {one.case for one in found} == {f"scan_{number}" for number in range(1, 6)}


def test_one_case_cannot_be_ranked(scans):
    with pytest.raises(DatasetProblem, match="at least 2"):
        ranked(replace(scans, cases=scans.cases[:1]))


def _thin(folder, shapes):
    random = np.random.default_rng(0)
    cases = []
    for number, shape in enumerate(shapes):
        path = folder / f"thin_{number}.nii.gz"
        image = ndimage.gaussian_filter(random.normal(size=shape[:2]), 4)[..., None].repeat(shape[2], 2)
        nibabel.save(nibabel.Nifti1Image(image.astype(np.float32), np.diag([1.0, 1.0, 5.0, 1.0])), path)
        cases.append(Case(f"thin_{number}", (path,), f"thin_{number}"))
    return Dataset("thin", ("image",), Modality.MR, {}, tuple(cases), folder=folder)


@pytest.mark.parametrize("shape", [(200, 200, 10), (60, 60, 3)])
def test_volumes_of_few_planes_are_ranked(tmp_path, shape):
    _, found = ranked(_thin(tmp_path, [shape] * 3))

    assert sorted(one.case for one in found) == ["thin_0", "thin_1", "thin_2"]


def test_few_planes_are_not_made_fewer():
    template, spacing = _template({"thin": Grid.upright((10, 512, 512), (5.0, 0.5, 0.5))})

    assert (template, spacing[0]) == ("thin", 5.0)
    assert spacing[1] == spacing[2]
    assert np.prod([10, 256 / spacing[1], 256 / spacing[2]]) == pytest.approx(32**3, rel=0.01)


def test_an_empty_image_is_ranked_last(scans):
    path = scans.cases[2].images[0]
    nibabel.save(nibabel.Nifti1Image(np.zeros((28, 32, 30), np.float32), np.eye(4)), path)

    _, found = ranked(scans)

    assert found[-1] == Candidate("scan_2", pytest.approx(0, abs=1e-6))


def test_the_mean_correlation_by_hand():
    rows = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 2.0, 1.0], [5.0, 5.0, 5.0]], np.float32)

    assert mean_correlations(rows) == pytest.approx([(1 - 1 + 0) / 3, (1 - 1 + 0) / 3, (-1 - 1 + 0) / 3, 0], abs=1e-6)


def test_the_command_answers_in_words_and_in_json(scans, capsys):
    from napari_medkd.cli.main import app

    app(["suggest", str(scans.folder)], standalone_mode=False)
    words = capsys.readouterr()
    app(["suggest", str(scans.folder), "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)

    assert words.out.startswith("Annotate scan_")
    assert "of 6 cases" in words.out
    assert "6 of 6: scan_5" in words.err
    assert document[-1]["case"] == "scan_5"
