"""What a registration network minimises: it moves references onto images."""

from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.data.warp import warp
from napari_medkd.engine.losses.contrast import nt_xent
from napari_medkd.engine.losses.similarity import local_correlation
from napari_medkd.engine.losses.smoothness import roughness
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.engine.objective import LossParts, Objective


class Registering(Objective):
    """Likeness after moving, a smooth flow, and embeddings that tell images apart (arXiv 2408.03616, stage A).

    Parameters
    ----------
    network
        Trains.
    smoothness_weight
        Of the flow's squared gradient.
    contrast_weight
        Of the embeddings' contrast; above 0 it needs batches of 2 or more.
    """

    def __init__(self, network: RegistrationNetwork, smoothness_weight: float, contrast_weight: float) -> None:
        super().__init__()
        self.network = network
        self.smoothness_weight = smoothness_weight
        self.contrast_weight = contrast_weight

    def forward(self, batch: Batch) -> LossParts:
        """Return dissimilarity, roughness and contrast; a term of weight 0 is not there."""
        fixed = batch.shown_or_image()
        matching = self.network(batch.image_BCZYX, fixed)
        warped = warp(batch.image_BCZYX, matching.flow_BDZYX)
        terms = {"dissimilarity": 1 - local_correlation(warped, fixed)}
        if self.smoothness_weight:
            terms["roughness"] = self.smoothness_weight * roughness(matching.flow_BDZYX)
        if self.contrast_weight:
            terms["contrast"] = self.contrast_weight * nt_xent(self.network.embed(warped), matching.fixed_BE)
        return terms
