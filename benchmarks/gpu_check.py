"""What `make gpu-check` shows where a GPU is at hand: bf16 convolutions against fp64, a short run, patches per second.

python benchmarks/gpu_check.py
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from record import Record, Row
from training import Variant

from napari_medkd.core.control import Always
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.hardware import agrees_with_double_precision
from napari_medkd.engine.loop import train
from napari_medkd.files.sample import write_sample
from napari_medkd.methods import method_named


def patches_per_second(data: Path) -> tuple[float, ...]:
    """Return patches of 128³ a second of a plain U-Net of 32 to 320 channels, batch 4, bf16, in five rounds."""
    spec = TrainSpec(
        datasets=(data,),
        preprocessing=PreprocessingWishes(patch=(128, 128, 128)),
        network=NetworkChoice(widths=(32, 64, 128, 256, 320)),
        method=MethodChoice(name="supervised"),
        schedule=Schedule(epochs=1, steps_per_epoch=100, batch_size=4),
        hardware=Hardware(device="cuda", precision="bf16"),
    )
    variant = Variant(open_bench(spec, frozenset({"segmentation"})))
    found = []
    for _ in range(6):
        start = time.perf_counter()
        for _ in range(10):
            variant.step()
        found.append(10 * 4 / (time.perf_counter() - start))
    return tuple(round(value, 2) for value in found[1:])


def main() -> None:
    """Check, measure and write; without a GPU, say so."""
    if not torch.cuda.is_available():
        print("not run on a GPU")
        return
    device = torch.device("cuda")
    name = torch.cuda.get_device_name()
    record = Record("gpu_check", gpu=name)
    right = agrees_with_double_precision(device, "bf16")
    print(f"{name}: bf16 convolutions against fp64: {'right' if right else 'WRONG'}")
    record.rows.append(
        Row(row="bf16 agrees with fp64", metric="agrees", unit="", n=1, mean=float(right), values=(float(right),))
    )
    with tempfile.TemporaryDirectory() as folder:
        data = write_sample(Path(folder) / "sample", cases_per_domain=4)
        spec = TrainSpec(
            datasets=(data,), schedule=Schedule(epochs=2, steps_per_epoch=50), hardware=Hardware(device="cuda")
        )
        method = method_named(spec.method.name)
        start = time.perf_counter()
        *_, last = train(method, open_bench(spec, method.tasks), Path(folder) / "run", Always())
        passed = time.perf_counter() - start
        print(f"A short shape-intensity run: {last.outcome} in {passed:.1f} s")
        record.rows.append(Row(row="short run", metric="time", unit="s", n=1, mean=passed, values=(passed,)))
        values = patches_per_second(data)
    median = statistics.median(values)
    print(f"Plain U-Net 32..320, 128³, batch 4, bf16: {median:.1f} patches/s")
    record.rows.append(
        Row(row="plain U-Net 128³", metric="throughput", unit="patches/s", n=5, mean=median, values=values)
    )
    print(record.write())
    if not right or last.outcome != "completed":
        sys.exit(1)


if __name__ == "__main__":
    main()
