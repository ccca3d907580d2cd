"""Instance normalisation and leaky rectification in one step, fast on a CPU in bf16.

Legend: B batch, C channel, ... space (YX or ZYX).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

SLOPE = 0.01
EPSILON = 1e-5


class NormalisedActivation(nn.Module):
    """Instance normalisation with a learned scale and shift, then LeakyReLU with slope 0.01.

    On a CPU every sample goes through torch's batch-normalisation kernels, which keep the channels-last layout the
    convolutions want; torch's own instance normalisation copies to and from it, a quarter of a training step in bf16.
    Elsewhere, and when a graph is captured for export, it is ``instance_norm`` and ``leaky_relu``.

    Parameters
    ----------
    channels
        Number of channels of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, map_BC: Tensor) -> Tensor:
        """Return the normalised and rectified map, same shape and precision."""
        if map_BC.device.type == "cpu" and not torch.compiler.is_compiling():
            rectified: Tensor = _PerSample.apply(map_BC, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return rectified
        normalised = functional.instance_norm(map_BC, weight=self.weight, bias=self.bias, eps=EPSILON)
        return functional.leaky_relu(normalised, SLOPE, inplace=True)


class _PerSample(torch.autograd.Function):
    """The same, a sample at a time, in the channels-last layout."""

    @staticmethod
    def forward(ctx: Any, map_BC: Tensor, weight_C: Tensor, bias_C: Tensor) -> Tensor:
        map_BC = map_BC.contiguous(memory_format=_channels_last(map_BC))
        rectified_BC = torch.empty_like(map_BC)
        mean_BC = weight_C.new_empty(map_BC.shape[:2])
        scale_BC = torch.empty_like(mean_BC)
        for index in range(len(map_BC)):
            result = rectified_BC[index : index + 1]
            torch.ops.aten.native_batch_norm.out(
                map_BC[index : index + 1], weight_C, bias_C, None, None, True, 0.0, EPSILON,
                out=result, save_mean=mean_BC[index], save_invstd=scale_BC[index],
            )  # fmt: skip
            functional.leaky_relu_(result, SLOPE)
        ctx.save_for_backward(map_BC, rectified_BC, weight_C, mean_BC, scale_BC)
        return rectified_BC

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_BC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        map_BC, rectified_BC, weight_C, mean_BC, scale_BC = ctx.saved_tensors
        gradient_BC = gradient_BC.contiguous(memory_format=_channels_last(map_BC))
        of_map_BC = torch.empty_like(map_BC)
        of_weight_C, of_bias_C = torch.zeros_like(weight_C), torch.zeros_like(weight_C)
        for index in range(len(map_BC)):
            one = slice(index, index + 1)
            # The sign of the result is the sign before the rectification, so the result can stand in for it.
            inner = torch.ops.aten.leaky_relu_backward(gradient_BC[one], rectified_BC[one], SLOPE, True)
            of_sample, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
                inner, map_BC[one], weight_C, None, None, mean_BC[index], scale_BC[index],
                True, EPSILON, [True, True, True],
            )  # fmt: skip
            of_map_BC[one] = of_sample
            of_weight_C += of_weight
            of_bias_C += of_bias
        return of_map_BC, of_weight_C, of_bias_C


def _channels_last(map_BC: Tensor) -> torch.memory_format:
    return torch.channels_last_3d if map_BC.dim() == 5 else torch.channels_last
