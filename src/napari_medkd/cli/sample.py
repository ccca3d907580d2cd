"""`medkd sample`: write the sample dataset."""

from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.terminal import say

EXAMPLES = ("medkd sample phantoms", "medkd sample small --cases-per-domain 4 --shape 32,32,32 --seed 1")


def _shape(text: str) -> tuple[int, int, int]:
    """Return ``"64,64,64"`` as three sizes."""
    try:
        z, y, x = (int(size) for size in text.split(","))
    except ValueError:
        message = f"{text!r} is not three whole numbers z,y,x, for example 64,64,64."
        raise typer.BadParameter(message) from None
    if min(z, y, x) < 1:
        message = f"{text!r} holds a size below 1."
        raise typer.BadParameter(message)
    return z, y, x


def sample(
    out: Annotated[Path, typer.Argument(help="Folder to write to; it is made.")],
    cases_per_domain: Annotated[int, typer.Option(min=1, help="Cases of each kind of image.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")] = 0,
    shape: Annotated[str, typer.Option(metavar="Z,Y,X", help="Voxels of each image.")] = "64,64,64",
) -> None:
    """Write a sample dataset: anatomy-like phantoms in several domains, with masks, labels, boxes and a split."""
    from napari_medkd.files.sample import write_sample

    manifest = write_sample(out, cases_per_domain=cases_per_domain, seed=seed, shape=_shape(shape))
    say(str(manifest))
