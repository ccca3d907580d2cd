"""What every method promises, whatever it teaches. A new method in methods/ is tested here without a line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_medkd.core.control import Always
from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.events import AnyEvent, EpochDone, RunEnded, StepDone
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import MethodChoice, PredictSpec, TrainSpec
from napari_medkd.engine.bench import Bench, open_bench
from napari_medkd.engine.checkpoint import load_network
from napari_medkd.engine.estimate import estimate
from napari_medkd.engine.hardware import seed_of
from napari_medkd.engine.loop import train
from napari_medkd.engine.method import Method, Stage, card_of, settings_of
from napari_medkd.engine.predict import predict
from napari_medkd.files.atomic import write_text
from napari_medkd.files.results import predictions_in, read_prediction
from napari_medkd.methods import all_methods, method_named
from tests.flat_settings import faults_of_method_settings
from tests.stopping import StopAfter

pytestmark = pytest.mark.engine

METHODS = sorted(all_methods())


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> Method[Any]:
    return method_named(request.param)


@pytest.fixture
def bench(method: Method[Any], tiny_spec: TrainSpec) -> Bench:
    return open_bench(spec_for(method, tiny_spec), method.tasks)


def spec_for(method: Method[Any], spec: TrainSpec) -> TrainSpec:
    references = ("case_0",) if method.needs == "references" else ()
    return spec.replace(method=MethodChoice(name=method.name), references=references)


def stages_of(method: Method[Any], bench: Bench) -> Iterator[Stage]:
    stages = method.stages(settings_of(method, bench.spec.method), bench)
    for planned in method.plan(settings_of(method, bench.spec.method), bench.spec.schedule, ("",)):
        torch.manual_seed(seed_of(bench.spec.seed, planned.name, -1))
        yield next(stages)


def first_batch(stage: Stage) -> Any:
    return next(iter(stage.batches(torch.Generator().manual_seed(0))))


def weights(run: Path, stage: str = "student") -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(checkpoint_path(run, stage, "done"))


def run_to_end(method: Method[Any], bench: Bench, run: Path, control: Any = None, attempt: int = 1) -> list[AnyEvent]:
    return list(train(method, bench, run, control or Always(), attempt=attempt))


def test_settings_are_flat_and_documented(method):
    assert faults_of_method_settings(method.Settings) == []


def test_every_preset_is_valid(method):
    for preset in method.presets:
        settings_of(method, MethodChoice(name=method.name, preset=preset))

    assert {"recommended", "faithful"} <= set(method.presets)
    assert method.default_preset in method.presets


def test_the_card_can_be_printed(method):
    card = card_of(method)

    assert card.stages[-1] == "student"
    assert card.settings_schema["properties"]
    assert type(card).model_validate_json(card.model_dump_json()) == card


def test_unknown_and_wrong_settings_are_refused_all_at_once(method):
    name = next(iter(method.Settings.model_fields))
    choice = MethodChoice(name=method.name, settings={name: "nonsense", "no_such_setting": 1})

    with pytest.raises(SpecProblem) as caught:
        settings_of(method, choice)

    assert len(caught.value.problems) == 2


def test_stage_names_are_unique_and_as_planned(method, bench):
    planned = [p.name for p in method.plan(settings_of(method, bench.spec.method), bench.spec.schedule, ("",))]

    assert [stage.name for stage in stages_of(method, bench)] == planned
    assert len(set(planned)) == len(planned)


def test_every_named_term_gives_a_gradient_to_what_trains_and_none_to_the_frozen(method, bench):
    for stage in stages_of(method, bench):
        batch = first_batch(stage)
        for name in stage.objective(batch):
            stage.objective.zero_grad(set_to_none=True)
            stage.objective(batch)[name].backward()
            gradients = [p.grad for p in stage.objective.parameters() if p.grad is not None]
            assert any(gradient.abs().sum() > 0 for gradient in gradients), (stage.name, name)


def test_two_epochs_lower_the_loss(method, bench, tmp_path):
    longer = bench.spec.replace(schedule=bench.spec.schedule.replace(epochs=2, steps_per_epoch=15))
    events = run_to_end(method, open_bench(longer, method.tasks, bench.resolved), tmp_path)

    steps = [event.losses for event in events if isinstance(event, StepDone) and event.stage == "student"]
    # A term that begins later has nothing to be held against.
    assert sum(steps[-1][name] for name in steps[0]) < sum(steps[0].values())
    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "completed"


def test_earlier_networks_do_not_change_while_the_student_learns(method, bench, tmp_path):
    run_to_end(method, bench, tmp_path)
    for planned in method.plan(settings_of(method, bench.spec.method), bench.spec.schedule, ("",))[:-1]:
        stages = {stage.name: stage for stage in stages_of(method, bench)}
        product = stages[planned.name].product
        before = {name: tensor.clone() for name, tensor in product.state_dict().items()}
        student = stages["student"]
        optimizer = torch.optim.AdamW([p for p in student.objective.parameters() if p.requires_grad], lr=0.1)

        for _ in range(2):
            torch.stack(list(student.objective(first_batch(student)).values())).sum().backward()
            optimizer.step()

        for name, tensor in product.state_dict().items():
            assert torch.equal(tensor, before[name]), name


def test_a_stopped_and_continued_run_ends_with_the_same_weights(method, bench, tmp_path):
    run_to_end(method, bench, tmp_path / "whole")
    for looks in (2, 5, 7):
        run = tmp_path / f"stopped after {looks}"
        events = run_to_end(method, bench, run, StopAfter(looks))
        assert events[-1].outcome == "cancelled"

        again = run_to_end(method, bench, run, attempt=2)

        assert again[-1].outcome == "completed"
        expected, found = weights(tmp_path / "whole"), weights(run)
        assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_run_begins_with_every_network_of_an_earlier_one_also_when_it_is_stopped(method, bench, tmp_path):
    earlier = tmp_path / "earlier"
    run_to_end(method, bench, earlier)
    write_text(earlier / "spec.json", bench.spec.model_dump_json())
    barely = bench.spec.schedule.replace(epochs=1, steps_per_epoch=2, learning_rate=1e-12)
    begun = open_bench(bench.spec.replace(start_from=earlier, schedule=barely, seed=1), method.tasks)

    run_to_end(method, begun, tmp_path / "whole")
    run_to_end(method, begun, tmp_path / "stopped", StopAfter(3))
    run_to_end(method, begun, tmp_path / "stopped", attempt=2)

    for stage in stages_of(method, bench):
        before, after = (weights(tmp_path / run, stage.name) for run in ("earlier", "whole"))
        for name, tensor in before.items():
            torch.testing.assert_close(after[name], tensor, rtol=0, atol=1e-9)
    whole, stopped = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)


def test_the_student_ships_alone_and_its_prediction_loads(method, bench, tmp_path):
    run = tmp_path / "run"
    run_to_end(method, bench, run)
    write_text(run / "spec.json", bench.spec.model_dump_json())
    for path in (run / "checkpoints").glob("*"):
        if not path.name.startswith("student.done"):
            path.unlink()

    events = list(predict(PredictSpec(run=run, cases=("case_5",), out=tmp_path / "out"), Always()))

    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "completed"
    (folder,) = predictions_in(tmp_path / "out")
    prediction = read_prediction(folder)
    assert prediction.mask is not None
    assert prediction.mask.labels.shape == (24, 24, 24)
    assert prediction.grid.spacing == (1.5, 1.0, 1.0)


def test_progress_is_told_epoch_by_epoch(method, bench, tmp_path):
    events = run_to_end(method, bench, tmp_path)

    epochs = [event for event in events if isinstance(event, EpochDone) and event.stage == "student"]
    assert [event.epoch for event in epochs] == [1, 2]
    assert [event.step for event in epochs] == [4, 8]
    assert all(0 <= event.metrics["score"] <= 1 for event in epochs)


def test_an_estimate_covers_every_stage(method, bench):
    found = estimate(method, bench)

    assert set(found.seconds_per_step) == {planned.name for planned in found.plan}
    assert found.seconds > 0
    assert found.peak_memory_bytes > 10**7
    *_, last = method.stages(settings_of(method, bench.spec.method), bench)
    assert found.parameters == sum(parameter.numel() for parameter in last.product.parameters())


def test_a_dataset_with_voxels_to_be_ignored_is_learned(method, unsure_dataset, tiny_spec, tmp_path):
    spec = spec_for(method, tiny_spec).replace(datasets=(unsure_dataset,))

    events = list(train(method, open_bench(spec, method.tasks), tmp_path / "run", Always()))

    assert events[-1].outcome == "completed"
    judged = [event.metrics for event in events if isinstance(event, EpochDone) and event.stage == "student"]
    assert all("dice ball" in metrics for metrics in judged)
    assert load_network(tmp_path / "run", "student")[1].task.ignore == 255


def test_a_run_is_not_continued_on_a_device_that_is_not_here(method, tiny_spec):
    spec = spec_for(method, tiny_spec)
    resolved = open_bench(spec, method.tasks).resolved
    elsewhere = "mps" if torch.cuda.is_available() else "cuda"

    with pytest.raises(SpecProblem, match=f"'{elsewhere}' was asked for"):
        open_bench(spec, method.tasks, resolved.replace(device=elsewhere))


def test_a_method_with_nothing_to_learn_is_refused(method):
    if not {"cross_entropy", "dice"} <= set(method.Settings.model_fields):
        pytest.skip("the weights of the task's terms are no settings of this method")
    # a run of classes or boxes has something to learn all the same
    found = "nothing to learn" if method.tasks == {"segmentation"} else "of masks there would be nothing to learn"
    with pytest.raises(SpecProblem, match=found):
        settings_of(method, MethodChoice(name=method.name, settings={"cross_entropy": 0.0, "dice": 0.0}))
