"""Beginning from an earlier run: what is taken from it, and what is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.core.command_line import command_line
from napari_medkd.core.control import Always
from napari_medkd.core.course import Course, courses_of
from napari_medkd.core.dataset import Split
from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.events import Noticed
from napari_medkd.core.preprocessing import IntensityRule, PreprocessingWishes
from napari_medkd.core.run_layout import SPEC, checkpoint_path
from napari_medkd.core.spec import MethodChoice, NetworkChoice
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.checkpoint import Checkpoints
from napari_medkd.engine.loop import train
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.engine.networks.running_average import RunningAverage
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.starting import notices_of_start, problems_of_start, problems_of_student, take_weights
from napari_medkd.files.manifest import open_dataset
from napari_medkd.methods import method_named
from napari_medkd.methods.supervised import METHOD

pytestmark = pytest.mark.engine

KINDS = frozenset({"segmentation"})


@pytest.fixture
def spec(tiny_spec):
    return tiny_spec.replace(method=MethodChoice(name="supervised"))


def trained(spec, run: Path):
    run.mkdir(parents=True)
    (run / SPEC).write_text(spec.model_dump_json())
    return list(train(method_named(spec.method.name), open_bench(spec, KINDS), run, Always()))


@pytest.fixture
def earlier(spec, tmp_path):
    """A finished run on patches of 16 voxels of 2 mm."""
    run = tmp_path / "earlier"
    wishes = PreprocessingWishes(spacing=(2.0, 2.0, 2.0), patch=(8, 16, 16))
    trained(spec.replace(preprocessing=wishes), run)
    return run


def problems(spec, dataset=None):
    found = dataset or open_dataset(spec.datasets[0])
    plan = METHOD.plan(METHOD.Settings(), spec.schedule, (found.name,))
    return [*problems_of_start(spec, courses_of(spec, [found], KINDS)[0]), *problems_of_student(spec, plan)]


def all_weights(run, stage):
    """Return everything that a stage trained, as its last epoch left it."""
    return Checkpoints(run).last_objective(stage)


def weights(run):
    return load_file(checkpoint_path(run, "student", "done"))


def test_a_run_that_has_learned_a_case_that_tests_now_is_no_beginning(spec, earlier):
    dataset = open_dataset(spec.datasets[0])
    again = replace(dataset, split=Split(("case_1", "case_2", "case_3"), ("case_4",), ("case_0", "case_5")))

    (found,) = problems(spec.replace(start_from=earlier), again)

    assert (found.where, found.problem) == (
        "start_from",
        "The earlier run learned from patients who test here: case_0.",
    )
    assert problems(spec.replace(start_from=earlier)) == []


def test_of_a_dataset_without_cases_nothing_is_said_of_its_images(spec, earlier):
    dataset = open_dataset(spec.datasets[0])
    empty = replace(dataset, cases=(), split=Split())

    assert problems(spec.replace(start_from=earlier), empty) == []


def test_preprocessing_is_taken_from_the_earlier_run(spec, earlier):
    found = open_bench(spec.replace(start_from=earlier), KINDS).preprocessing

    assert (found.spacing, found.patch) == ((2.0, 2.0, 2.0), (8, 16, 16))
    assert open_bench(spec, KINDS).preprocessing.spacing == (1.5, 1.0, 1.0)


@pytest.fixture
def earlier_one_shot(one_shot, tmp_path):
    run = tmp_path / "earlier"
    trained(one_shot, run)
    return run


@pytest.fixture
def one_shot(spec):
    schedule = spec.schedule.replace(epochs=1, steps_per_epoch=2)
    return spec.replace(
        method=MethodChoice(name="one-shot", settings={"hint": 1.0}), references=("case_0",), schedule=schedule
    )


def still(spec, start_from):
    """Return the spec of a run of one step that changes next to nothing, from another beginning."""
    schedule = spec.schedule.replace(epochs=1, steps_per_epoch=1, learning_rate=1e-12)
    return spec.replace(start_from=start_from, schedule=schedule, seed=1)


def test_every_network_of_every_stage_begins_with_the_earlier_weights(one_shot, earlier_one_shot, tmp_path):
    events = trained(still(one_shot, earlier_one_shot), tmp_path / "run")

    assert not any(isinstance(event, Noticed) for event in events)
    for stage, networks in (("registration", {"network"}), ("student", {"student", "teacher", "self_training"})):
        before, after = all_weights(earlier_one_shot, stage), all_weights(tmp_path / "run", stage)
        assert {name.split(".")[0] for name in after} == networks
        for name, tensor in after.items():
            followed = before[name]
            if name.startswith("self_training."):  # a step of the average, towards the student
                followed = followed.lerp(before[name.replace("self_training.average.network", "student")], 0.01)
            torch.testing.assert_close(tensor, followed, rtol=0, atol=1e-7)


def test_a_network_that_the_earlier_stage_has_not_begins_from_scratch_and_says_so(one_shot, earlier, tmp_path):
    events = trained(still(one_shot, earlier), tmp_path / "run")

    assert [event.message for event in events if isinstance(event, Noticed)] == [
        "earlier has no stage 'registration': this stage begins from scratch.",
        "earlier has no teacher that fits stage 'student': it begins from scratch.",
    ]
    for name, tensor in weights(earlier).items():
        torch.testing.assert_close(weights(tmp_path / "run")[name], tensor, rtol=0, atol=1e-9)


def test_a_stage_that_the_earlier_run_has_not_begins_from_scratch_and_says_so(spec, earlier, tmp_path):
    other = spec.replace(start_from=earlier, method=MethodChoice(name="shape-intensity"))

    events = trained(other, tmp_path / "run")

    told = [event.message for event in events if isinstance(event, Noticed)]
    assert told == ["earlier has no stage 'teacher': this stage begins from scratch."]
    assert events[-1].outcome == "completed"


def test_wishes_that_are_what_the_weights_know_are_no_problem(spec, earlier):
    wishes = PreprocessingWishes(spacing=(2.0, 2.0, 2.0), intensity=IntensityRule())

    assert problems(spec.replace(start_from=earlier, preprocessing=wishes)) == []


@pytest.mark.parametrize(
    ("wishes", "where", "says"),
    [
        ({"spacing": (1.0, 1.0, 1.0)}, "preprocessing.spacing", "1 x 1 x 1 is asked for, but .* with 2 x 2 x 2"),
        ({"patch": (8, 8, 8)}, "preprocessing.patch", "8 x 8 x 8 is asked for, but .* with 8 x 16 x 16"),
        (
            {"intensity": IntensityRule(kind="standardise")},
            "preprocessing.intensity",
            "kind standardise, .* with kind percentiles",
        ),
    ],
)
def test_other_wishes_are_refused(spec, earlier, wishes, where, says):
    with pytest.raises(SpecProblem, match=says) as refused:
        open_bench(spec.replace(start_from=earlier, preprocessing=PreprocessingWishes(**wishes)), KINDS)

    assert [found.where for found in refused.value.problems] == [where]


def test_a_folder_that_is_no_run_is_refused(spec, tmp_path):
    found, *_ = problems(spec.replace(start_from=tmp_path / "gone"))

    assert (found.where, "is no run" in found.problem) == ("start_from", True)


def test_an_unfinished_run_is_refused(spec, earlier):
    earlier = earlier.rename(earlier.with_name("my earlier run"))
    done = checkpoint_path(earlier, "student", "done")
    done.rename(checkpoint_path(earlier, "student", "best"))

    found, *_ = problems(spec.replace(start_from=earlier))

    assert "is not finished" in found.problem
    assert command_line(["medkd", "train", "--run", str(earlier), "--resume"]) in found.hint
    assert "--resume" in found.hint


def test_damaged_weights_are_refused(spec, earlier):
    checkpoint_path(earlier, "student", "done").write_bytes(b"torn")

    found, *_ = problems(spec.replace(start_from=earlier))

    assert "checksum" in found.problem


def with_classes(tiny_dataset, folder, *classes):
    shutil.copytree(tiny_dataset, folder)
    manifest = folder / "medkd-dataset.json"
    document = json.loads(manifest.read_text())
    document["tasks"]["shapes"]["classes"] = ["background", *classes]
    manifest.write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("classes", [("cube", "ball"), ("ball", "cube", "rod")], ids=["order", "number"])
def test_other_classes_are_refused(spec, earlier, tiny_dataset, tmp_path, classes):
    folder = with_classes(tiny_dataset, tmp_path / "other", *classes)

    (found,) = problems(spec.replace(start_from=earlier, datasets=(folder,)))

    assert found.problem == (
        "The earlier run learned segmentation (background, ball, cube); "
        f"of 'tiny' is to be learned segmentation (background, {', '.join(classes)})."
    )


def test_classes_that_were_renamed_are_the_same_and_their_names_are_told(spec, earlier, tiny_dataset, tmp_path):
    spec = spec.replace(start_from=earlier, datasets=(with_classes(tiny_dataset, tmp_path / "named", "ball", "box"),))

    assert problems(spec) == []
    dataset = open_dataset(spec.datasets[0])
    course = Course(dataset, (dataset.task("shapes"),))
    (told,) = notices_of_start(spec, course)
    assert told == (
        "What the run to start from learned as cube is box in 'tiny': begin from scratch if it is another thing."
    )
    assert list(notices_of_start(spec.replace(start_from=None), course)) == []


def test_another_network_is_refused_with_the_widths_to_set(spec, earlier):
    (found,) = problems(spec.replace(start_from=earlier, network=NetworkChoice(widths=(4, 8, 16))))

    assert found.problem == "The earlier run's student has the widths [4, 8]; here they are [4, 8, 16]."
    assert found.hint.startswith("Set network.widths to [4, 8]")


def test_other_channels_are_refused_unless_there_is_one(spec, earlier):
    dataset = open_dataset(spec.datasets[0])
    begun = spec.replace(start_from=earlier)

    one, two = (
        Course(replace(dataset, channels=names), (dataset.task("shapes"),)) for names in (("T1",), ("T1", "T2"))
    )

    assert problems_of_start(begun, one, read_images=False) == []
    (found,) = problems_of_start(begun, two, read_images=False)
    assert found.problem == "The earlier run saw the channels image; 'tiny' has T1, T2."


def test_planes_do_not_begin_with_what_saw_volumes(spec, earlier):
    dataset = open_dataset(spec.datasets[0])
    card = checkpoint_path(earlier, "student", "done").with_suffix(".json")
    document = json.loads(card.read_text())
    document["preprocessing"]["dimensions"] = 2
    card.write_text(json.dumps(document))

    (found,) = problems(spec.replace(start_from=earlier), dataset)

    assert found.problem == "The earlier run saw 2-D images; case_0 is a 3-D one."


def test_weights_of_another_network_are_refused(earlier):
    network = UNet(dimensions=3, in_channels=1, answers=HeadsShape(num_classes=3), widths=(4, 8), skips=False)

    with pytest.raises(SpecProblem, match=r"another one \(skips True instead of False\)"):
        take_weights("student", "image", network, earlier)


def test_a_run_that_was_deleted_since_is_no_beginning_from_scratch(tmp_path):
    with pytest.raises(SpecProblem, match="is no run"):
        take_weights("registration", "image", RegistrationNetwork(dimensions=3, in_channels=1), tmp_path / "gone")


def test_the_running_average_begins_where_the_student_does():
    shape = {"dimensions": 3, "in_channels": 1, "answers": HeadsShape(num_classes=2), "widths": (4, 8)}
    one, other = UNet(**shape, skips=True), UNet(**shape, skips=True)
    average = RunningAverage(one)

    average.begin_at(other)

    for name, tensor in other.state_dict().items():
        assert torch.equal(average.network.state_dict()[name], tensor)
