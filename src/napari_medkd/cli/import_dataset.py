"""`medkd import`: make a dataset of a layout that others use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_medkd.cli.terminal import as_rows, say, say_json, tell, tell_problems

if TYPE_CHECKING:
    from napari_medkd.files.importers.source import ColumnWishes

EXAMPLES = (
    "medkd import bccd bccd-boxes",
    "medkd import pneumoniamnist.npz pneumonia",
    "medkd import busbra busbra-dataset --column class=pathology --column domain=device",
)
_KINDS = ("image", "group", "domain", "split", "class")


def import_dataset(
    source: Annotated[Path, typer.Argument(help="Folder of images, or a COCO document, a table or an .npz file.")],
    out: Annotated[Path, typer.Argument(help="New or empty folder for the dataset.")],
    name: Annotated[str, typer.Option(help="Name of the dataset; its layout's or its folder's by default.")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=COLUMN", help=f"What a table's column holds: {', '.join(_KINDS)}; class is repeatable."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: what was found, and what was left out.")] = False,
) -> None:
    """Recognise COCO JSON, tables of classes or boxes, MedMNIST files and public sets, and write a dataset of them.

    Images that are files stay where they are; box files, the images of .npz files and the manifest are written.
    """
    from napari_medkd.cli.dataset_summary import lines_of, summary_of
    from napari_medkd.files.importers.sources import source_at
    from napari_medkd.files.importing import write_source
    from napari_medkd.files.manifest import open_dataset

    found = source_at(source, _wishes(column or []))
    tell(f"{source} is recognised as {found.layout}.")
    manifest = write_source(found, out, name)
    dataset = open_dataset(manifest)
    if as_json:
        of_it = {"manifest": manifest, "layout": found.layout, **summary_of(dataset), "remarks": as_rows(found.remarks)}
        say_json(of_it)
        return
    tell_problems(found.remarks)
    say("\n".join([*lines_of(summary_of(dataset)), str(manifest)]))


def _wishes(texts: list[str]) -> "ColumnWishes":
    """Return what ``KIND=COLUMN`` texts ask for."""
    from napari_medkd.files.importers.source import ColumnWishes

    wished: dict[str, str] = {}
    classes: list[str] = []
    for text in texts:
        kind, _, name = text.partition("=")
        if kind not in _KINDS or not name:
            message = f"{text!r} is no KIND=COLUMN with a kind of {', '.join(_KINDS)}."
            raise typer.BadParameter(message)
        if kind == "class":
            classes.append(name)
        else:
            wished[kind] = name
    return ColumnWishes(**wished, classes=tuple(classes))
