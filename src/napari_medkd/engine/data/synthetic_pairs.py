"""Batches of a labelled image made from a reference, beside the real, unlabelled image in whose place it stands.

Legend: B batch, C channel, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.data.atlas import Atlas, as_tensor, inverted, mapped
from napari_medkd.engine.data.augment_intensity import drawn_appearance, repainted
from napari_medkd.engine.data.augment_space import sampling_grid
from napari_medkd.engine.data.augmentation import Augmentation
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.data.labels_between import labels_at
from napari_medkd.engine.data.patches import CENTRED_SHARE
from napari_medkd.engine.data.recipes import RECIPES, Generation, Recipe
from napari_medkd.engine.data.registered import Flows
from napari_medkd.engine.data.warp import is_beyond, read_at


@dataclass(frozen=True, slots=True)
class SyntheticPairs:
    """Draws pairs: synthetic and labelled for the student, real and unlabelled for the teacher.

    Parameters
    ----------
    flows
        Where the cases lie in the references.
    generation
        How the synthetic image is made.
    augmentation
        Of both images alike in space; of the synthetic one alone in intensity.
    patch
        Voxels (z, y, x).
    teaches_itself
        Whether batches also hold the real images in another appearance, and what registration expects on them.
    """

    flows: Flows
    generation: Generation
    augmentation: Augmentation
    patch: tuple[int, int, int]
    teaches_itself: bool = False

    def batches(self, size: int, steps: int) -> Callable[[torch.Generator], Iterator[Batch]]:
        """Return a function from a seeded generator to one epoch's batches, the real images being what is shown."""

        def epoch(generator: torch.Generator) -> Iterator[Batch]:
            for _ in range(steps):
                yield self.draw(size, generator)

        return epoch

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return one batch; where a sample lies and how its two images look depend on seeds of their own."""
        places, looks, real_looks = torch.randint(2**62, (3, size), generator=generator).tolist()
        images, labels, reals, expected = (torch.cat(parts) for parts in zip(*map(self._draw_one, places), strict=True))
        batch = Batch(self._varied(images, looks), labels, reals)
        if not self.teaches_itself:
            return batch
        varied = self._varied(reals, real_looks)
        return replace(batch, varied_BCZYX=varied, expected_BZYX=expected)

    def _varied(self, images: Tensor, seeds: list[int]) -> Tensor:
        """Return images with another appearance, one draw for each seed."""
        if not self.augmentation.changes_intensity:
            return images
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        appearance = drawn_appearance(self.augmentation, generators, images.shape[1], images.dim() - 2)
        return repainted(images, appearance, self._spacing, seeds)

    @property
    def _spacing(self) -> tuple[float, ...]:
        preprocessing = self.flows.registered.unlabelled.preprocessing
        return preprocessing.spacing[3 - preprocessing.dimensions :]

    def _draw_one(self, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        registered, random = self.flows.registered, np.random.default_rng(seed)
        atlas = registered.atlases[int(random.integers(len(registered.atlases)))]
        number = int(random.integers(len(registered.unlabelled)))
        case = registered.unlabelled[number]
        alignment = registered.alignment(case, atlas)
        in_case = self._positions(case, atlas, seed, random)
        recipe = RECIPES[self.generation](number, len(registered.unlabelled), random)
        aligned = in_atlas = mapped(in_case, alignment)
        for other, amount in recipe.moves:
            in_atlas = self.flows.moved(in_atlas, registered.unlabelled[other], atlas, amount)
        image = self._painted(in_atlas, atlas, recipe)
        real = read_at(as_tensor(case.image_CZYX, image.device), in_case)
        label = expected = labels_at(atlas.label_BZYX, in_atlas)
        if self.teaches_itself and recipe.moves != ((number, 1.0),):
            expected = labels_at(atlas.label_BZYX, self.flows.moved(aligned, case, atlas, 1.0))
        return image, label, real, expected.masked_fill(is_beyond(in_case, _sides(case)), UNKNOWN)

    def _painted(self, in_atlas: Tensor, atlas: Atlas, recipe: Recipe) -> Tensor:
        """Return the reference's intensities, with those of another case mixed in."""
        image = read_at(atlas.image_BCZYX, in_atlas)
        if recipe.style_of is None or not recipe.style_share:
            return image
        registered = self.flows.registered
        other = registered.unlabelled[recipe.style_of]
        in_other = mapped(self.flows.moved(in_atlas, other, atlas, -1.0), inverted(registered.alignment(other, atlas)))
        style = read_at(as_tensor(other.image_CZYX, image.device), in_other)
        return torch.lerp(image, style, recipe.style_share)

    def _positions(self, case: PreparedCase, atlas: Atlas, seed: int, random: np.random.Generator) -> Tensor:
        """Return where the voxels of an augmented patch lie in the case, (1, Z, Y, X, D) in its voxels."""
        sides = _sides(case)
        patch = self.patch[3 - len(sides) :]
        generator = torch.Generator().manual_seed(seed)
        grid = sampling_grid(self.augmentation, [generator], self._spacing, patch, patch)
        in_patch = ((grid.flip(-1) + 1) * torch.tensor(patch) - 1) / 2
        start_D = torch.from_numpy(self._start(case, atlas, np.subtract(sides, patch), random))
        return (in_patch + start_D).to(atlas.image_BCZYX)

    def _start(
        self, case: PreparedCase, atlas: Atlas, room_D: NDArray[np.int64], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the first voxel of a patch: anywhere, or around where the alignment expects some class."""
        place, centred = random.random(5), random.random() < CENTRED_SHARE
        start_D = np.where(room_D > 0, np.floor(place[: len(room_D)] * (room_D + 1)), np.floor(room_D / 2))
        if centred and (room_D > 0).any():
            voxel = atlas.case.voxel_of_some_class(place[3], place[4])[-len(room_D) :]
            back = inverted(self.flows.registered.alignment(case, atlas))
            patch_D = np.array(_sides(case)) - room_D
            around_D = back[:, :-1] @ voxel + back[:, -1] - patch_D / 2
            start_D = np.where(room_D > 0, np.clip(np.round(around_D), 0, np.maximum(room_D, 0)), start_D)
        return start_D.astype(np.int64)


def _sides(case: PreparedCase) -> tuple[int, ...]:
    sides = case.image_CZYX.shape[1:]
    return sides[1:] if sides[0] == 1 else sides
