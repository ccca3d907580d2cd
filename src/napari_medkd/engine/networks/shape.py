"""What rebuilds a network from its card."""

from typing import Literal, TypeAlias

from torch import nn

from napari_medkd.core.settings import Settings
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.joint_teacher import JointTeacher
from napari_medkd.engine.networks.multi_head import MultiHead
from napari_medkd.engine.networks.pupils import ForPupils, OfPupil, Pupil
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


class JointTeacherShape(Settings):
    """A joint teacher, asked for one of its datasets."""

    experts: tuple[UNetShape, ...]
    pupils: tuple[Pupil, ...]
    widths: tuple[int, ...]
    adds: bool
    pupil: int

    def build(self) -> OfPupil:
        """Return the network with fresh weights."""
        experts = [expert.build() for expert in self.experts]
        return JointTeacher(experts, self.pupils, self.widths, adds=self.adds).for_pupil(self.pupil)


class MultiHeadShape(Settings):
    """A trunk with heads for several datasets, asked for one of them."""

    dimensions: Literal[2, 3]
    pupils: tuple[Pupil, ...]
    widths: tuple[int, ...]
    pupil: int

    def build(self) -> OfPupil:
        """Return the network with fresh weights."""
        return MultiHead(self.dimensions, self.pupils, self.widths).for_pupil(self.pupil)


NetworkShape: TypeAlias = UNetShape | RegistrationShape | JointTeacherShape | MultiHeadShape


def shape_of(network: nn.Module) -> NetworkShape:
    """Return what rebuilds a network; one for several datasets is asked for the first."""
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
        case ForPupils():
            return _shape_of_pupil(network, 0)
        case OfPupil():
            return _shape_of_pupil(network.whole, network.pupil)
        case _:
            raise TypeError(type(network))


def _shape_of_pupil(whole: ForPupils, pupil: int) -> NetworkShape:
    match whole:
        case JointTeacher():
            experts = tuple(shape for expert in whole.experts if isinstance(shape := shape_of(expert), UNetShape))
            return JointTeacherShape(
                experts=experts, pupils=whole.pupils, widths=whole.widths, adds=whole.adds, pupil=pupil
            )
        case MultiHead():
            return MultiHeadShape(dimensions=whole.dimensions, pupils=whole.pupils, widths=whole.widths, pupil=pupil)
        case _:
            raise TypeError(type(whole))
