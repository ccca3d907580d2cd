"""Unlabelled cases brought onto labelled references: roughly by an affine map, exactly by a registration network.

Legend: B batch, C channel, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.data.alignment import align
from napari_medkd.engine.data.array_cache import ArrayCache, digest_of
from napari_medkd.engine.data.atlas import Atlas, inverted, mapped
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.data.cases import Cases, PreparedCase
from napari_medkd.engine.data.image_names import ImageNames, seen_as
from napari_medkd.engine.data.warp import displaced, inverse
from napari_medkd.engine.hardware import Machine


class Registered:
    """The references, the unlabelled cases, and where each of these lies in each of those.

    Alignments, coarse images and flows are computed when they are first needed and then kept.

    Parameters
    ----------
    references
        With labels.
    unlabelled
        Only their images are looked at.
    machine
        Where to compute.
    folder
        Where these are kept; None keeps them in memory alone.
    """

    def __init__(self, references: Cases, unlabelled: Cases, machine: Machine, folder: Path | None) -> None:
        self.atlases = [Atlas(case, machine.device) for case in references]
        self.unlabelled = unlabelled
        self.machine = machine
        self._folder = folder
        self._seen_as = seen_as(unlabelled.preprocessing)
        self._names = ImageNames()
        self._alignments = ArrayCache(folder, f"alignments-{self._seen_as}")
        self._coarse = ArrayCache(folder, f"coarse-{self._seen_as}")

    def name_of(self, case: PreparedCase, atlas: Atlas) -> str:
        """Return a name of the images of a case and a reference, for what is kept of the two."""
        return f"{self._names.of(atlas.case)}~{self._names.of(case)}"

    def alignment(self, case: PreparedCase, atlas: Atlas) -> NDArray[np.float32]:
        """Return the affine map (D, D + 1) from a case's voxels to a reference's."""
        spacing = self.unlabelled.preprocessing.spacing
        return self._alignments.get(
            self.name_of(case, atlas), lambda: align(atlas.case.image_CZYX, case.image_CZYX, spacing)
        )

    def on_grid(self, case: PreparedCase, atlas: Atlas) -> Tensor:
        """Return a case's image (1, C, Z, Y, X) on the coarse grid of a reference, after the alignment."""

        def computed() -> NDArray[np.float32]:
            positions = mapped(atlas.grid_positions(), inverted(self.alignment(case, atlas)))
            coarse: NDArray[np.float32] = atlas.coarse(case.image_CZYX, positions).cpu().numpy()
            return coarse

        return torch.from_numpy(self._coarse.get(self.name_of(case, atlas), computed)).to(self.machine.device)

    def pairs(self, size: int, steps: int) -> Callable[[torch.Generator], Iterator[Batch]]:
        """Return a function from a seeded generator to one epoch's pairs: references to be moved onto what is shown."""

        def epoch(generator: torch.Generator) -> Iterator[Batch]:
            for _ in range(steps):
                atlas = self.atlases[_drawn(len(self.atlases), generator)]
                cases = [self.unlabelled[_drawn(len(self.unlabelled), generator)] for _ in range(size)]
                fixed = torch.cat([self.on_grid(case, atlas) for case in cases])
                moving = atlas.coarse_image_BCZYX.expand_as(fixed)
                # Registration compares images; no label is asked for, and none is computed.
                unknown = torch.tensor(UNKNOWN, device=fixed.device).expand_as(fixed[:, 0])
                yield Batch(moving, unknown, fixed)

        return epoch

    def flows_by(self, network: nn.Module) -> "Flows":
        """Return the flows that a trained network finds (see `Flows`), kept under a name made of its state."""
        return Flows(self, network.eval(), ArrayCache(self._folder, f"flows-{digest_of(network)}-{self._seen_as}"))


class Flows:
    """The flow of every case and reference, as a trained network finds it, and its inverse.

    Parameters
    ----------
    network
        Says of a moving and a fixed image (1, C, Z, Y, X) how they match.
    """

    def __init__(self, registered: Registered, network: nn.Module, cache: ArrayCache) -> None:
        self.registered = registered
        self._network = network
        self._cache = cache

    def moved(self, positions_BZYXD: Tensor, case: PreparedCase, atlas: Atlas, amount: float) -> Tensor:
        """Return positions in a reference's voxels moved along part of a case's flow: from the case to the reference.

        Parameters
        ----------
        amount
            0 stays, 1 is the whole flow, below 0 leads back towards the case: -1 by the inverse flow.
        """
        there_and_back = self._flow(case, atlas)
        flow = torch.from_numpy(there_and_back[:1] if amount > 0 else there_and_back[1:])
        grid = atlas.on_grid(positions_BZYXD)
        moved = displaced(grid, abs(amount) * flow.to(positions_BZYXD))
        return positions_BZYXD + (moved - grid) * atlas.step_D

    def _flow(self, case: PreparedCase, atlas: Atlas) -> NDArray[np.float32]:
        """Return the flow and its inverse, (2, D, Z, Y, X) on the reference's coarse grid, in its voxels."""
        return self._cache.get(self.registered.name_of(case, atlas), lambda: self._computed(case, atlas))

    @torch.no_grad()
    def _computed(self, case: PreparedCase, atlas: Atlas) -> NDArray[np.float32]:
        fixed = self.registered.on_grid(case, atlas)
        moving = atlas.coarse_image_BCZYX
        with self.registered.machine.autocast():
            flow: Tensor = self._network(moving, fixed).flow_BDZYX
        both: NDArray[np.float32] = torch.cat((flow, inverse(flow))).cpu().numpy()
        return both


def _drawn(number: int, generator: torch.Generator) -> int:
    return int(torch.randint(number, (), generator=generator))
