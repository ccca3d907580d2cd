"""The device, the precision and the seeds of a run. Never falls to the CPU without being asked."""

import hashlib
import os
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from napari_medkd.core.errors import SpecProblem
from napari_medkd.engine.cpu_share import usable_cores

_PRECISIONS: tuple[Literal["fp32", "bf16"], ...] = ("fp32", "bf16")

#: How many times as long a small convolution takes in bf16 where timing a network in it would be a waste of minutes.
_HOPELESS = 3.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run computes on, after choosing.

    Parameters
    ----------
    device
        ``cpu``, ``cuda`` or ``mps``.
    precision
        Of convolutions; losses and statistics stay in single precision.
    """

    device: torch.device
    precision: Literal["fp32", "bf16"] = "fp32"

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which a network runs."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def choose_device(wish: Literal["auto", "cpu", "cuda", "mps"]) -> torch.device:
    """Return the device a person asked for, or the best there is for ``auto``.

    Raises
    ------
    SpecProblem
        Where the device that was asked for is not here.
    """
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wish == "auto":
        return torch.device("cuda" if here["cuda"] else "mps" if here["mps"] else "cpu")
    if not here[wish]:
        found = ", ".join(name for name, there in here.items() if there)
        raise SpecProblem(
            "hardware.device",
            f"{wish!r} was asked for, but torch {torch.__version__} finds only: {found}.",
            "For a new run choose 'auto'; a run that began on such a device continues on a machine that has one. "
            "`medkd doctor` has the line that installs a matching torch.",
        )
    return torch.device(wish)


def physical_name(device: torch.device) -> str:
    """Return which device of this computer it is, whatever this process is shown of them."""
    if device.type != "cuda":
        return device.type
    return gpu_name(torch.cuda.get_device_properties(device), os.environ.get("CUDA_VISIBLE_DEVICES", ""))


def gpu_name(properties: object, visible: str) -> str:
    """Return ``cuda`` and the GPU's UUID; where there is none, the first of those that this process may see."""
    return f"cuda {getattr(properties, 'uuid', '') or visible.partition(',')[0] or 0}"


def use_threads(wish: int | None) -> int:
    """Set the number of CPU threads of this process, as many as cores it may use where none is wished for.

    Returns
    -------
    int
        The number.
    """
    threads = wish or usable_cores()
    torch.set_num_threads(threads)
    return threads


def _seconds_of_a_step(step: Callable[[], Tensor], device: torch.device, repeats: int) -> float:
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        step().backward()  # type: ignore[no-untyped-call]
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def _seconds_by_precision(network: nn.Module, example: Tensor, device: torch.device, repeats: int) -> dict[str, float]:
    """Return the seconds of a forward and backward pass in each precision."""
    seconds: dict[str, float] = {}
    for precision in _PRECISIONS:
        machine = Machine(device, precision)

        def step(machine: Machine = machine) -> Tensor:
            with machine.autocast():
                found = network(example)
            finest: Tensor = found if isinstance(found, Tensor) else found.pyramid[-1]
            return finest.float().square().mean()

        seconds[precision] = _seconds_of_a_step(step, device, repeats)
        network.zero_grad(set_to_none=True)
    return seconds


def _could_be_faster(device: torch.device) -> bool:
    """Return whether bf16 is worth timing: processors without instructions for it take ten times as long and more."""
    example = torch.randn(2, 16, 12, 20, 12, generator=torch.Generator().manual_seed(0)).to(device)
    seconds = _seconds_by_precision(nn.Conv3d(16, 16, 3, padding=1).to(device), example, device, repeats=2)
    return seconds["bf16"] < _HOPELESS * seconds["fp32"]


def agrees_with_double_precision(device: torch.device, precision: Literal["fp32", "bf16"]) -> bool:
    """Return whether a 3-D convolution is right within the precision: some libraries were silently wrong."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 16, 12, 20, 12, generator=generator)
    convolution = nn.Conv3d(16, 16, 3, padding=1)
    with torch.no_grad():
        truth = convolution.double()(image.double())
        moved = convolution.float().to(device)
        with Machine(device, precision).autocast():
            found = moved(image.to(device)).cpu().double()
    return bool((found - truth).norm() / truth.norm() < (2e-2 if precision == "bf16" else 1e-3))


def choose_precision(
    wish: Literal["auto", "fp32", "bf16"], device: torch.device, network: nn.Module, example: Tensor, repeats: int = 3
) -> tuple[Literal["fp32", "bf16"], dict[str, float]]:
    """Return the precision to train in, and the measured seconds of a forward and backward pass in each.

    ``auto`` measures both and takes bf16 where it is at least 10 % faster and agrees with double precision. Where a
    small convolution takes several times as long in bf16, the network is not measured: a step could take minutes.
    """
    if wish != "auto":
        return wish, {}
    if device.type == "mps" or not agrees_with_double_precision(device, "bf16") or not _could_be_faster(device):
        return "fp32", {}
    seconds = _seconds_by_precision(network, example, device, repeats)
    return ("bf16" if seconds["bf16"] < 0.9 * seconds["fp32"] else "fp32"), seconds


def seed_of(run_seed: int, stage: str, epoch: int) -> int:
    """Return a 63-bit seed made of the run's seed, the stage's name and the epoch (-1: before the first) alone."""
    digest = hashlib.sha256(f"{run_seed}/{stage}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
