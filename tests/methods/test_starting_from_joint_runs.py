"""Beginning from an earlier run of a method of several stages, tasks or datasets: what fits, what is told."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.cli.inspection import problems_of_spec
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.events import Noticed
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import NetworkChoice, Target
from napari_medkd.engine.bench import open_bench
from napari_medkd.methods.joint_teacher import METHOD
from tests.methods.joint_runs import ALL, spec_of, trained
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine

MASKS = ALL[:1]


def still(spec, start_from: Path):
    """Return the spec of a run of one step that changes next to nothing, from another beginning."""
    schedule = spec.schedule.replace(steps_per_epoch=1, learning_rate=1e-12)
    return spec.replace(start_from=start_from, schedule=schedule, seed=1)


def told(spec) -> list[tuple[str, str]]:
    return [(found.problem, found.hint) for found in problems_of_spec(spec, read_images=False)]


def notices(events) -> list[str]:
    return [event.message for event in events if isinstance(event, Noticed)]


def compressed(cells: Path, **settings):
    return spec_of(cells, targets=MASKS, student_size="a quarter", **settings)


@pytest.fixture(scope="module")
def earlier(cells, tmp_path_factory) -> Path:
    """A finished run whose student has half of the experts' channels."""
    run = tmp_path_factory.mktemp("runs") / "earlier"
    trained(compressed(cells), run)
    return run


@pytest.fixture(scope="module")
def plain(cells, tmp_path_factory) -> Path:
    """A finished run of masks alone."""
    run = tmp_path_factory.mktemp("runs") / "plain"
    trained(spec_of(cells, targets=MASKS, method="supervised"), run)
    return run


def test_every_stage_with_a_small_student_begins_where_the_same_stage_ended(cells, earlier, tmp_path):
    again = still(compressed(cells), earlier)
    assert told(again) == []

    assert notices(trained(again, tmp_path / "again")) == []

    for stage in ("expert", "teacher", "student"):
        before, after = (load_file(checkpoint_path(run, stage, "done")) for run in (earlier, tmp_path / "again"))
        assert all(torch.allclose(after[name], before[name], rtol=0, atol=1e-7) for name in before), stage


def test_a_small_student_is_gone_on_with_by_a_run_of_its_widths(cells, earlier):
    spec = spec_of(cells, targets=MASKS, method="supervised").replace(start_from=earlier)

    assert told(spec) == [
        (
            "The earlier run's student has the widths [2, 4, 4]; here they are [4, 8, 8].",
            "Set network.widths to [2, 4, 4], or leave start_from out to begin from scratch.",
        )
    ]
    assert told(spec.replace(network=NetworkChoice(widths=(2, 4, 4)))) == []


def test_that_a_student_is_to_be_smaller_than_the_earlier_one_is_told_before_anything_is_trained(cells, plain):
    ((found, hint),) = told(compressed(cells).replace(start_from=plain))

    assert found == "The earlier run's student has the widths [4, 8, 8]; here they are [2, 4, 4]."
    assert hint.startswith("Set network.widths to [8, 16, 16], or ")


def test_a_teacher_that_is_another_one_begins_from_scratch_and_the_run_says_so(cells, earlier, tmp_path):
    other = still(compressed(cells, teacher_tunes=False), earlier)
    assert told(other) == []

    events = trained(other, tmp_path / "run")

    (found,) = notices(events)
    assert found == (
        "In earlier the network of 'teacher' is another one (adds True instead of False): "
        "this stage begins from scratch."
    )


def test_a_run_of_masks_alone_is_no_beginning_for_masks_and_classes(cells, plain):
    spec = spec_of(cells, targets=ALL[:2], method="supervised").replace(start_from=plain)

    ((found, _),) = told(spec)

    assert found == (
        "The earlier run learned segmentation (background, rectangle); of 'cells' is to be learned "
        "classification (plain, framed); segmentation (background, rectangle)."
    )
    with pytest.raises(InputProblem, match="The earlier run learned"):
        open_bench(spec, METHOD.tasks)


def test_every_dataset_is_held_against_the_run_that_is_begun_from(cells, plain, tmp_path):
    other = write_pictures(tmp_path / "other", "other", tasks="m")
    manifest = other / "medkd-dataset.json"
    manifest.write_text(manifest.read_text().replace('"rectangle"', '"lesion"'))
    spec = spec_of(cells, other, targets=MASKS).replace(start_from=plain)

    ((found, _),) = told(spec)

    assert "of 'other' is to be learned segmentation (background, lesion)" in found
    with pytest.raises(InputProblem, match="of 'other' is to be learned"):
        open_bench(spec, METHOD.tasks)


def test_a_dataset_whose_expert_is_given_need_not_fit_the_run_that_is_begun_from(cells, spots, plain, tmp_path):
    trained(spec_of(spots, targets=(Target(),), method="supervised"), tmp_path / "of spots")
    spec = spec_of(cells, spots, targets=MASKS).replace(start_from=plain)
    assert len(told(spec)) == 2  # its classes and its channels

    given = spec.replace(starts_from={"expert-spots": tmp_path / "of spots"})

    assert told(given) == []
    open_bench(given, METHOD.tasks)


def with_several_at_once(folder: Path) -> Path:
    manifest = folder / "medkd-dataset.json"
    document = json.loads(manifest.read_text())
    document["tasks"]["border"]["multilabel"] = True
    manifest.write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("learned_several", [False, True])
def test_one_class_an_image_and_several_at_once_are_not_the_same(learned_several, tmp_path):
    folders = [write_pictures(tmp_path / name, "grades", tasks="c") for name in ("then", "now")]
    with_several_at_once(folders[not learned_several])
    then, now = (spec_of(folder, targets=(Target(),), method="supervised") for folder in folders)
    trained(then, tmp_path / "earlier")
    joint = spec_of(folders[1], targets=(Target(),)).replace(starts_from={"expert": tmp_path / "earlier"})

    for spec in (now.replace(start_from=tmp_path / "earlier"), joint):
        ((found, _),) = told(spec)
        assert "classification of several classes at once (plain, framed)" in found
        with pytest.raises(InputProblem, match="of several classes at once"):
            open_bench(spec, METHOD.tasks)


def test_a_network_of_several_datasets_goes_on_with_each_of_them(cells, spots, plain, tmp_path):
    spec = spec_of(cells, spots, targets=MASKS, method="multi-head")
    trained(spec, tmp_path / "earlier")
    again = still(spec, tmp_path / "earlier")
    assert told(again) == []

    trained(again, tmp_path / "again")

    before, after = (load_file(checkpoint_path(tmp_path / run, "student", "done")) for run in ("earlier", "again"))
    assert all(torch.allclose(after[name], before[name], rtol=0, atol=1e-7) for name in before)
    ((found, hint),) = told(spec_of(cells, targets=MASKS, method="supervised").replace(start_from=tmp_path / "earlier"))
    assert found.startswith("The earlier run's student (multi-head) has heads for each of its datasets; here")
    assert hint.startswith("Name a run of the method supervised, or ")
