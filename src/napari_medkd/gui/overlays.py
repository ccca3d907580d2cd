"""A network's answer as napari layers. No Qt, no viewer."""

from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Prediction
from napari_medkd.gui.box_layers import boxes_layers
from napari_medkd.gui.layers import LayerData, mask_layer


def prediction_layers(prediction: Prediction, name: str, *, on: Grid | None = None) -> list[LayerData]:
    """Return the layers of a prediction: its mask, its boxes, or none where it is a class alone.

    Parameters
    ----------
    on
        The grid of the image they shall lie on; another grid's are resampled to it.
    """
    layers: list[LayerData] = []
    if prediction.mask is not None:
        layers.append(mask_layer(prediction.mask, name, on=on))
    if prediction.boxes is not None:
        layers += boxes_layers(prediction.boxes, name, on=on)
    return layers
