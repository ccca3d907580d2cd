"""Where a network looks, as an image over the image: clear where it does not look, glowing where it does. No Qt."""

from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_medkd.core.prediction import Attention
from napari_medkd.gui.layers import KEY

KIND = "attention"
_OPACITY = 0.8
#: Clear, violet, red, orange, yellow: lighter as it is stronger, also in grey and to colour-blind eyes. Never opaque.
_GLOW = np.array(
    [
        (0.3, 0.0, 0.6, 0.0),
        (0.6, 0.0, 0.6, 0.25),
        (0.95, 0.15, 0.3, 0.45),
        (1.0, 0.45, 0.0, 0.55),
        (1.0, 0.85, 0.0, 0.65),
    ]
)


def attention_layer(attention: Attention, whose: str, shown: Any, placed: dict[str, Any]) -> Image:
    """Return the layer of an attention map.

    Parameters
    ----------
    whose
        The network's title.
    shown
        The map with the axes of the image's layer.
    placed
        Where the image's layer stands.
    """
    return Image(
        shown,
        name=f"{whose} · looks at {attention.class_name}",
        colormap=Colormap(_GLOW, name="medkd glow"),
        contrast_limits=(0.0, 1.0),
        blending="translucent_no_depth",
        rendering="mip",
        opacity=_OPACITY,
        metadata={KEY: {"kind": KIND}},
        **placed,
    )
