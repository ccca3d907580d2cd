"""`medkd import`: make a dataset of a layout that others use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_medkd.cli.terminal import INPUT_PROBLEM, as_rows, say, say_json, tell, tell_problems
from napari_medkd.core.errors import InputProblem

if TYPE_CHECKING:
    from napari_medkd.files.importers.source import ColumnWishes, Source

EXAMPLES = (
    "medkd import bccd bccd-boxes",
    "medkd import pneumoniamnist.npz pneumonia",
    "medkd import busbra busbra-dataset --column class=pathology --column domain=device",
    "medkd import scans --preview",
    "medkd import scans dataset --images 'images/*_img.nii.gz' --masks 'masks/{case}_seg.nii.gz'",
)
_KINDS = ("image", "group", "domain", "split", "class")


def import_dataset(
    source: Annotated[Path, typer.Argument(help="Folder of images, or a COCO document, a table or an .npz file.")],
    out: Annotated[Path | None, typer.Argument(help="New or empty folder for the dataset.")] = None,
    name: Annotated[str, typer.Option(help="Name of the dataset; its layout's or its folder's by default.")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=COLUMN", help=f"What a table's column holds: {', '.join(_KINDS)}; class is repeatable."
        ),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="How images are named, as images/*_img.nii.gz; repeatable: one for each channel."
        ),
    ] = None,
    masks: Annotated[
        str, typer.Option(metavar="PATTERN", help="How their masks are named: masks/{case}_seg.nii.gz.")
    ] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Tell what is there and what is wrong with it, and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: what was found, and what was left out.")] = False,
) -> None:
    """Recognise COCO JSON, tables, MedMNIST files, folders of classes and public sets, and write a dataset of them.

    Tables list classes or boxes. Of images with several masks each, those are united. Images that are files stay where
    they are; the manifest, box files, united masks, and images of .npz files and of BrainMetShare's slices are written.
    Other folders are read by patterns of their files' names. The exit code of a preview is 2 if there is a problem.
    """
    if out is None and not preview:
        message = "Name a folder for the dataset, or look first, with --preview."
        raise typer.BadParameter(message, param_hint="OUT")
    try:
        found = _found(source, _wishes(column or []), images or [], masks)
    except InputProblem as error:
        if not (preview and as_json):
            raise
        say_json({"layout": None, "problems": as_rows(error.problems)})
        raise typer.Exit(INPUT_PROBLEM) from None
    tell(f"{source} is recognised as {found.layout}.")
    if out is None or preview:
        _preview(found, name, as_json=as_json)
    else:
        _import(found, out, name, as_json=as_json)


def _found(source: Path, wishes: "ColumnWishes", images: list[str], masks: str) -> "Source":
    from napari_medkd.files.importers.patterns import Patterns, source_by_patterns
    from napari_medkd.files.importers.sources import source_at

    if masks and not images:
        message = "Say with --images how the images are named, too."
        raise typer.BadParameter(message, param_hint="--masks")
    return source_by_patterns(source, Patterns(tuple(images), masks)) if images else source_at(source, wishes)


def _import(found: "Source", out: Path, name: str, *, as_json: bool) -> None:
    """Write the dataset, and tell what it holds and what was left out."""
    from napari_medkd.cli.dataset_summary import lines_of, summary_of
    from napari_medkd.files.importing import write_source
    from napari_medkd.files.manifest import open_dataset

    manifest = write_source(found, out, name)
    dataset = open_dataset(manifest)
    if as_json:
        of_it = {"manifest": manifest, "layout": found.layout, **summary_of(dataset), "remarks": as_rows(found.remarks)}
        say_json(of_it)
        return
    tell_problems(found.remarks)
    say("\n".join([*lines_of(summary_of(dataset)), str(manifest)]))


def _preview(found: "Source", name: str, *, as_json: bool) -> None:
    """Tell what importing would give, and leave with the exit code."""
    from napari_medkd.cli.import_preview import document_of, lines_of_preview
    from napari_medkd.files.importers.preview import preview_of

    seen = preview_of(found)
    remarks = (*found.remarks, *seen.remarks)
    document = {"layout": found.layout, **document_of(seen), "remarks": as_rows(remarks)}
    document["name"] = name or document["name"]
    if as_json:
        say_json(document)
    else:
        tell_problems((*remarks, *seen.problems))
        say("\n".join(lines_of_preview(document)))
    raise typer.Exit(INPUT_PROBLEM if seen.problems else 0)


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
