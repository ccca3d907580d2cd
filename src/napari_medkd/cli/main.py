"""The `medkd` command: which commands there are, and what their exit codes mean."""

import io
import sys
from typing import Annotated, TextIO

import typer

from napari_medkd import __version__
from napari_medkd.cli import (
    check,
    describe,
    doctor,
    estimate,
    evaluate,
    fetch,
    import_dataset,
    predict,
    runs,
    sample,
    suggest,
    train,
)
from napari_medkd.cli.terminal import examples, say, tell_error

_HELP = """Train, watch and compare teacher and student networks for medical images.

Exit codes: 0 done (also a run that was stopped on purpose), 2 something in your input is to be put right, 1 failure."""

_FIRST_STEPS = (
    "medkd sample phantoms",
    "medkd train --data phantoms --method shape-intensity --epochs 4 --steps-per-epoch 100",
    "medkd predict RUN --split test",
    "medkd evaluate RUN",
)


app = typer.Typer(
    name="medkd",
    help=_HELP,
    epilog=examples(*_FIRST_STEPS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(epilog=examples(*sample.EXAMPLES))(sample.sample)
app.command(epilog=examples(*fetch.EXAMPLES))(fetch.fetch)
app.command("import", epilog=examples(*import_dataset.EXAMPLES))(import_dataset.import_dataset)
app.command(epilog=examples(*check.EXAMPLES))(check.check)
app.command(epilog=examples(*suggest.EXAMPLES))(suggest.suggest)
app.command(epilog=examples(*describe.EXAMPLES))(describe.describe)
app.command(epilog=examples(*estimate.EXAMPLES))(estimate.estimate)
app.command(epilog=examples(*train.EXAMPLES))(train.train)
app.command(epilog=examples(*predict.EXAMPLES))(predict.predict)
app.command(epilog=examples(*evaluate.EXAMPLES))(evaluate.evaluate)
app.add_typer(runs.app, name="runs", epilog=examples(*runs.EXAMPLES))
app.command(epilog=examples(*doctor.EXAMPLES))(doctor.doctor)


def _tell_version(wanted: bool) -> None:
    if wanted:
        say(f"medkd {__version__}")
        raise typer.Exit


@app.callback()
def medkd(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code; failures become sentences on stderr.

    Parameters
    ----------
    arguments
        Of the command line; None takes the process's own.
    """
    for stream in (sys.stdout, sys.stderr):
        _speak_utf_8(stream)
    try:
        app(arguments, prog_name="medkd")
    except Exception as error:  # noqa: BLE001 - the last place where a failure can become a sentence
        sys.exit(tell_error(error))


def _speak_utf_8(stream: TextIO) -> None:
    """Let what goes into a pipe or a file be UTF-8, as programs expect it; a terminal says itself what it shows.

    What the encoding does not hold, as in names of files that are none of UTF-8, is written as its number.
    """
    if isinstance(stream, io.TextIOWrapper):
        encoding = stream.encoding if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors="backslashreplace" if stream.errors == "strict" else stream.errors)
