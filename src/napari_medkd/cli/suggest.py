"""`medkd suggest`: which case to annotate as the reference."""

from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.terminal import say, say_json, tell

EXAMPLES = ("medkd suggest scans", "medkd suggest scans --json")

_SHOWN = 5


def suggest(
    dataset: Annotated[Path, typer.Argument(help="A dataset folder or its manifest; no mask is opened.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of {case, likeness}.")] = False,
) -> None:
    """Rank the cases by how typical they are: the best reference is the one most like all others.

    Every image is laid over one of middle size, and correlated with the others there. Cases on the validate and test
    sides are left out; those that have a mask already are compared with, but not named unless all have one.
    """
    from napari_medkd.engine.medoid import candidates_of, rank_candidates
    from napari_medkd.files.manifest import open_dataset

    opened = open_dataset(dataset)
    names = candidates_of(opened)
    for number, found in enumerate(rank_candidates(opened), start=1):
        if isinstance(found, str):
            tell(f"{number} of {len(names)}: {found}")
            continue
        if as_json:
            say_json([{"case": one.case, "likeness": one.likeness} for one in found])
            return
        say(f"Annotate {found[0].case}: of {len(found)} cases it is the most like all others.")
        for one in found[:_SHOWN]:
            say(f"  {one.case:24} mean correlation {one.likeness:.3f}")
        say(f"  the least typical: {found[-1].case}, {found[-1].likeness:.3f}")
