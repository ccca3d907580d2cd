"""Small runs of the joint teacher on datasets of pictures."""

from pathlib import Path

import torch

from napari_medkd.core.control import Always
from napari_medkd.core.run_layout import SPEC
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, Target, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.loop import train
from napari_medkd.engine.method import settings_of
from napari_medkd.methods import method_named
from napari_medkd.methods.joint_teacher import METHOD

ALL = (
    Target(dataset="cells", task="shape"),
    Target(dataset="cells", task="border"),
    Target(dataset="cells", task="places"),
)


def spec_of(*datasets: Path, targets=ALL, method="joint-teacher", **settings) -> TrainSpec:
    return TrainSpec(
        datasets=datasets,
        targets=targets,
        method=MethodChoice(name=method, settings=settings),
        network=NetworkChoice(widths=(4, 8, 8)),
        schedule=Schedule(epochs=1, steps_per_epoch=2, batch_size=3, learning_rate=1e-2, augmentation="strong"),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
        seed=3,
    )


def trained(spec: TrainSpec, run: Path):
    run.mkdir()
    (run / SPEC).write_text(spec.model_dump_json())
    method = method_named(spec.method.name)
    events = list(train(method, open_bench(spec, method.tasks), run, Always()))
    assert events[-1].outcome == "completed", events[-1]
    return events


def stages_of(spec: TrainSpec):
    torch.manual_seed(0)
    bench = open_bench(spec, METHOD.tasks)
    return bench, {stage.name: stage for stage in METHOD.stages(settings_of(METHOD, spec.method), bench)}


def first_batch(stage):
    return next(iter(stage.batches(torch.Generator().manual_seed(0))))
