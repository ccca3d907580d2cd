"""`medkd fetch`: get a public dataset by its name."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_medkd.cli.terminal import say, say_json, tell
from napari_medkd.core.command_line import command_line

if TYPE_CHECKING:
    from napari_medkd.files.public_sets import PublicSet

EXAMPLES = ("medkd fetch", "medkd fetch Task04_Hippocampus hippocampus", "medkd fetch breastmnist --accept-licence")


def fetch(
    name: Annotated[str, typer.Argument(help="Of the dataset; without it, all that can be had are listed.")] = "",
    out: Annotated[Path | None, typer.Argument(help="New or empty folder; NAME by default.")] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the licence, which is shown, without being asked.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the list, or where the dataset is.")] = False,
) -> None:
    """List public datasets, or download one: its checksum is looked at, and it is unpacked into a folder.

    Addresses and checksums are those that MONAI and medmnist publish, as installed here. A download that was cut short
    goes on where it ended when the command is given again.
    """
    from napari_medkd.files.public_sets import public_set

    if not name:
        _list(as_json=as_json)
        return
    wanted = public_set(name)
    folder = out or Path(wanted.name)
    tell(f"{wanted.name} ({wanted.address}, as {wanted.package} publishes it) is put into {folder}.")
    tell(f"Its licence is {wanted.licence}.")
    _refuse_without_licence(wanted, accepted=accept_licence)
    left_out = _fetched(wanted, folder)
    if left_out:
        tell(f"{len(left_out)} files that are no part of a dataset were left out, such as {left_out[0]}.")
    if as_json:
        say_json({"name": wanted.name, "folder": folder, "licence": wanted.licence, "left_out": left_out})
        return
    say(str(folder))
    following = ["check", str(folder)] if wanted.is_archive else ["import", str(folder), f"{wanted.name}-dataset"]
    tell(f"Next: {command_line(['medkd', *following])}")


def _list(*, as_json: bool) -> None:
    from napari_medkd.cli.aligned_text import aligned
    from napari_medkd.files.public_sets import PACKAGES, missing_packages, public_sets

    found = public_sets().values()
    if as_json:
        say_json(
            [
                {
                    "name": one.name,
                    "licence": one.licence,
                    "package": one.package,
                    "address": one.address,
                    "checksum": one.checksum,
                }
                for one in found
            ]
        )
    elif found:
        rows = [(one.name, one.licence, one.package) for one in found]
        say(aligned("Public datasets", ("name", "licence", "published by"), rows))
    for package in missing_packages():
        tell(f"{package} is not installed, which publishes more: {PACKAGES[package]}")


def _refuse_without_licence(wanted: "PublicSet", *, accepted: bool) -> None:
    from napari_medkd.core.errors import InputProblem

    if accepted or (sys.stdin.isatty() and typer.confirm("Do you accept it?", err=True)):
        return
    hint = "Read what it asks of you; then give the command again with --accept-licence."
    raise InputProblem(wanted.name, f"The licence {wanted.licence} was not accepted; nothing is downloaded.", hint)


def _fetched(wanted: "PublicSet", folder: Path) -> list[str]:
    """Fetch it while showing how far it is, and return what was left out."""
    from napari_medkd.cli.download_progress import shown_download
    from napari_medkd.core.errors import InputProblem
    from napari_medkd.files.fetching import fetch as fetch_into

    try:
        with shown_download(wanted.name) as progress:
            return fetch_into(wanted, folder, progress)
    except KeyboardInterrupt:
        hint = "Give the same command again: it goes on from there."
        raise InputProblem(wanted.name, "It was interrupted; what has been downloaded is kept.", hint) from None
