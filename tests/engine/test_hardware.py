"""Device, precision and seeds."""

from types import SimpleNamespace
from uuid import UUID

import pytest
import torch

from napari_medkd.core.errors import SpecProblem
from napari_medkd.engine import hardware
from napari_medkd.engine.hardware import (
    Machine,
    agrees_with_double_precision,
    choose_device,
    choose_precision,
    gpu_name,
    physical_name,
    seed_of,
)
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.unet import UNet

pytestmark = pytest.mark.engine


def test_a_device_that_is_not_here_is_refused_with_what_is():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")

    with pytest.raises(SpecProblem, match="finds only: cpu"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("properties", "visible", "expected"),
    [
        ({"uuid": UUID(int=0x5F3C)}, "", "cuda 00000000-0000-0000-0000-000000005f3c"),
        ({"uuid": UUID(int=0x5F3C)}, "1", "cuda 00000000-0000-0000-0000-000000005f3c"),
        ({}, "1,0", "cuda 1"),
        ({}, "", "cuda 0"),
    ],
)
def test_a_gpu_is_told_from_the_others_of_its_computer(properties, visible, expected):
    assert gpu_name(SimpleNamespace(**properties), visible) == expected


def test_a_processor_has_no_other_name():
    assert physical_name(torch.device("cpu")) == "cpu"


def test_convolutions_are_right_on_the_cpu():
    assert agrees_with_double_precision(torch.device("cpu"), "fp32")
    assert agrees_with_double_precision(torch.device("cpu"), "bf16")


def test_automatic_precision_is_measured_and_leaves_no_gradient():
    network = UNet(dimensions=3, in_channels=1, answers=HeadsShape(num_classes=2), widths=(4, 8))

    precision, seconds = choose_precision("auto", torch.device("cpu"), network, torch.rand(1, 1, 16, 16, 16), repeats=1)

    assert set(seconds) in ({"fp32", "bf16"}, set())
    assert precision == ("bf16" if seconds and seconds["bf16"] < 0.9 * seconds["fp32"] else "fp32")
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize(("ratio", "is_timed"), [(2.9, True), (3.1, False)])
def test_a_network_is_not_timed_in_a_precision_that_takes_a_convolution_several_times_as_long(
    monkeypatch, ratio, is_timed
):
    timed = []

    def seconds_by_precision(network, *_others, **_more):
        timed.append(network)
        return {"fp32": 1.0, "bf16": ratio if len(timed) == 1 else 0.5}

    monkeypatch.setattr(hardware, "_seconds_by_precision", seconds_by_precision)
    network = UNet(dimensions=3, in_channels=1, answers=HeadsShape(num_classes=2), widths=(4, 8))

    chosen = choose_precision("auto", torch.device("cpu"), network, torch.rand(1, 1, 16, 16, 16))

    assert isinstance(timed[0], torch.nn.Conv3d)
    assert (network in timed) is is_timed
    assert chosen == (("bf16", {"fp32": 1.0, "bf16": 0.5}) if is_timed else ("fp32", {}))


def test_a_wished_precision_is_not_measured():
    network = UNet(dimensions=3, in_channels=1, answers=HeadsShape(num_classes=2), widths=(4, 8))

    assert choose_precision("bf16", torch.device("cpu"), network, torch.rand(1, 1, 8, 8, 8)) == ("bf16", {})


def test_autocast_follows_the_precision():
    convolution = torch.nn.Conv2d(1, 1, 3)
    with Machine(torch.device("cpu"), "bf16").autocast():
        assert convolution(torch.rand(1, 1, 8, 8)).dtype is torch.bfloat16
    with Machine(torch.device("cpu"), "fp32").autocast():
        assert convolution(torch.rand(1, 1, 8, 8)).dtype is torch.float32


def test_seeds_depend_on_run_stage_and_epoch_alone():
    seeds = {seed_of(run, stage, epoch) for run in (0, 1) for stage in ("teacher", "student") for epoch in (-1, 0, 1)}

    assert len(seeds) == 12
    assert seed_of(3, "student", 4) == seed_of(3, "student", 4)


@pytest.mark.gpu
def test_convolutions_are_right_on_the_gpu():
    assert agrees_with_double_precision(torch.device("cuda"), "bf16")
