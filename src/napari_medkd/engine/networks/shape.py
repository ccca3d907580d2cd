"""What rebuilds a network from its card."""

from typing import Literal, TypeAlias

from torch import nn

from napari_medkd.core.settings import Settings
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.engine.networks.unet import UNet


class UNetShape(Settings):
    """A U-Net."""

    dimensions: Literal[2, 3]
    in_channels: int
    answers: HeadsShape
    widths: tuple[int, ...]
    skips: bool

    def build(self) -> UNet:
        """Return the network with fresh weights."""
        return UNet(
            dimensions=self.dimensions,
            in_channels=self.in_channels,
            answers=self.answers,
            widths=self.widths,
            skips=self.skips,
        )


class RegistrationShape(Settings):
    """A registration network."""

    dimensions: Literal[2, 3]
    in_channels: int

    def build(self) -> RegistrationNetwork:
        """Return the network with fresh weights."""
        return RegistrationNetwork(dimensions=self.dimensions, in_channels=self.in_channels)


NetworkShape: TypeAlias = UNetShape | RegistrationShape


def shape_of(network: nn.Module) -> NetworkShape:
    """Return what rebuilds a network."""
    match network:
        case UNet():
            return UNetShape(
                dimensions=network.dimensions,
                in_channels=network.in_channels,
                answers=network.answers,
                widths=network.widths,
                skips=network.skips,
            )
        case RegistrationNetwork():
            return RegistrationShape(dimensions=network.dimensions, in_channels=network.in_channels)
        case _:
            raise TypeError(type(network))
