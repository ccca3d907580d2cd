"""Tells the images of a batch apart by their embeddings.

Legend: B batch, E embedding.
"""

import torch
from torch import Tensor
from torch.nn import functional

from napari_medkd.engine.losses.shapes import in_full_precision, refuse_unequal


def nt_xent(first_BE: Tensor, second_BE: Tensor, temperature: float = 0.5) -> Tensor:
    """Return the normalised, temperature-scaled cross-entropy of finding each image's partner among all others.

    Parameters
    ----------
    first_BE, second_BE
        Embeddings; row i of one is the partner of row i of the other. All other rows of both are to be told apart.
    temperature
        Above 0.

    Returns
    -------
    Tensor
        A number in nats, averaged over the 2B rows.

    Raises
    ------
    ValueError
        For a batch of one: its only other row is the partner, and the loss would be 0 whatever the network does.

    References
    ----------
    .. [1] Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020, eq. 1.
    """
    refuse_unequal(first_BE, second_BE)
    if len(first_BE) < 2:
        message = "NT-Xent is 0 for a batch of one, whatever the embeddings; take a batch size of 2 or more."
        raise ValueError(message)
    rows = functional.normalize(in_full_precision(torch.cat((first_BE, second_BE))), dim=1)
    alike = rows @ rows.T / temperature
    alike = alike.masked_fill(torch.eye(len(rows), dtype=torch.bool, device=rows.device), float("-inf"))
    partners = torch.arange(len(rows), device=rows.device).roll(len(first_BE))
    return functional.cross_entropy(alike, partners)
