"""How unsure a network is of its own labels, gathered piece by piece, so that no probability is kept.

Legend: K class, Z Y X space.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: A class that is drawn nowhere counts only where at least this share of all voxels is expected to be of it.
NEGLIGIBLE_SHARE = 1e-4


class ExpectedOverlap:
    """Sums over an image of what its labels and the network's probabilities have in common."""

    def __init__(self) -> None:
        self._sums_3K: Tensor | None = None
        self._num_voxels = 0

    @torch.no_grad()
    def add(self, logits_KZYX: Tensor, labels_ZYX: Tensor) -> None:
        """Take in a piece of the image: its logits, and the class that each voxel was given."""
        probabilities = torch.softmax(logits_KZYX, 0)
        expected, counted, agreeing = [], [], []
        for label, probability_ZYX in enumerate(probabilities[1:], start=1):
            is_label_ZYX = labels_ZYX == label
            expected.append(probability_ZYX.sum())
            counted.append(is_label_ZYX.sum().float())
            agreeing.append((probability_ZYX * is_label_ZYX).sum())
        # One transfer a piece, in double precision: a large image has more pieces than single precision can sum.
        sums_3K = torch.stack([torch.stack(sums) for sums in (expected, counted, agreeing)]).cpu().double()
        self._sums_3K = sums_3K if self._sums_3K is None else self._sums_3K + sums_3K
        self._num_voxels += labels_ZYX.numel()

    @property
    def sums(self) -> NDArray[np.float64]:
        """What was summed: 3 sums for each class after the background, and behind them the voxels; to be kept."""
        sums = np.zeros((3, 0)) if self._sums_3K is None else self._sums_3K.numpy()
        return np.append(sums.ravel(), float(self._num_voxels))

    def add_sums(self, sums: NDArray[np.float64]) -> None:
        """Take in what another one has summed."""
        sums_3K = torch.from_numpy(sums[:-1].reshape(3, -1).copy())
        self._sums_3K = sums_3K if self._sums_3K is None else self._sums_3K + sums_3K
        self._num_voxels += int(sums[-1])

    def uncertainty(self) -> float:
        """Return 1 minus the mean over the foreground classes of the Dice that the probabilities expect.

        The expected Dice of class k is ``2 sum(p_k [label = k]) / (sum(p_k) + sum([label = k]))``: the soft Dice of
        the labels against the network's own probabilities p instead of a truth. It is 1 where every voxel is certain.
        A class that is drawn nowhere, and expected in less than `NEGLIGIBLE_SHARE` of the voxels, is left out; where
        that leaves none, the uncertainty is 1: a network that finds nothing at all is not to be trusted. Nor is one
        whose answers are no numbers.
        """
        if self._sums_3K is None:
            return 1.0
        expected_K, counted_K, _ = self._sums_3K
        is_found_K = (counted_K > 0) | (expected_K >= NEGLIGIBLE_SHARE * self._num_voxels)
        return self._uncertainty_of(is_found_K) if bool(is_found_K.any()) else 1.0

    def uncertainty_of_patch(self, is_expected_K: Tensor) -> float:
        """Return the uncertainty over the classes that are drawn or, by who else knows of the patch, expected there.

        A patch of a large image holds few of its classes: of those drawn by neither, nothing is found wanting. Where
        that leaves none, the uncertainty is 0.

        Parameters
        ----------
        is_expected_K
            Of each class after the background; truth values.
        """
        if self._sums_3K is None:
            return 1.0
        is_there_K = (self._sums_3K[1] > 0) | is_expected_K
        return self._uncertainty_of(is_there_K) if bool(is_there_K.any()) else 0.0

    def _uncertainty_of(self, is_asked_K: Tensor) -> float:
        assert self._sums_3K is not None
        expected_K, counted_K, agreeing_K = self._sums_3K
        dice_K = (2 * agreeing_K / (expected_K + counted_K)).nan_to_num(0.0)
        return float(1 - dice_K[is_asked_K].mean())


def uncertainty_of_patch(logits_KZYX: Tensor, drawn_ZYX: Tensor, expected_ZYX: Tensor) -> float:
    """Return how unsure a network is of the likeliest class of each voxel; see `ExpectedOverlap.uncertainty_of_patch`.

    Parameters
    ----------
    drawn_ZYX
        That class.
    expected_ZYX
        The label that is expected there; -1 is no class.
    """
    overlap = ExpectedOverlap()
    overlap.add(logits_KZYX, drawn_ZYX)
    is_expected = [(expected_ZYX == label).any() for label in range(1, len(logits_KZYX))]
    return overlap.uncertainty_of_patch(torch.stack(is_expected).cpu())
