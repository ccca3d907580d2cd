"""`medkd check`: everything that is wrong with a spec or a dataset, before it costs time."""

from pathlib import Path
from typing import Annotated

import typer

from napari_medkd.cli.terminal import INPUT_PROBLEM, as_rows, say, say_json, tell_problems
from napari_medkd.core.words import count_or_no

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

    The exit code is 2 if there is one. Images whose position is in doubt can be used: that is a remark.
    """
    from napari_medkd.cli.inspection import problems_at, remarks_at

    problems = problems_at(spec_or_dataset, read_images=not files_only)
    remarks = [] if files_only else remarks_at(spec_or_dataset)
    tell_problems(remarks)
    if as_json:
        say_json(as_rows(problems))
    else:
        tell_problems(problems)
        also = f", and {count_or_no(len(remarks), 'remark')}" if remarks else ""
        say(f"{spec_or_dataset}: {count_or_no(len(problems), 'problem')} found{also}.")
    raise typer.Exit(INPUT_PROBLEM if problems else 0)
