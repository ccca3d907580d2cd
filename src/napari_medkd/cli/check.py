"""`medkd check`: everything that is wrong with a spec or a dataset, before it costs time."""

from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.terminal import INPUT_PROBLEM, as_rows, say, say_json, tell_problems

EXAMPLES = ("medkd check spec.json", "medkd check phantoms", "medkd check spec.json --json --files-only")


def check(
    spec_or_dataset: Annotated[
        Path, typer.Argument(help="A spec file (JSON or YAML), a run folder, a dataset folder or its manifest.")
    ],
    files_only: Annotated[
        bool, typer.Option("--files-only", help="Open no image: finds missing files, but not what is wrong inside.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of {where, problem, hint}.")] = False,
) -> None:
    """Report every problem at once, each with where it is, what was found, and what to do.

    The exit code is 2 if there is one.
    """
    from napari_medkd.cli.inspection import problems_at

    problems = problems_at(spec_or_dataset, read_images=not files_only)
    if as_json:
        say_json(as_rows(problems))
    elif problems:
        tell_problems(problems)
        say(f"{spec_or_dataset}: {len(problems)} problem{'s' if len(problems) > 1 else ''}.")
    else:
        say(f"{spec_or_dataset}: no problem found.")
    raise typer.Exit(INPUT_PROBLEM if problems else 0)
