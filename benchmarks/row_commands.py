"""The command line that accuracy benchmarks share: ``train`` the rows, ``try`` the candidates, ``report`` the table."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from multiprocessing import get_context
from typing import TypeVar

Job = TypeVar("Job")


def read_commands(
    text: str,
    experiments: Collection[str],
    rows: Collection[str],
    candidates: Collection[str],
    numbers: tuple[str, int],
) -> argparse.Namespace:
    """Read ``train``, ``try`` where there are candidates, or ``report``; the first two with what to train.

    Parameters
    ----------
    numbers
        What a row is repeated over, for instance *seeds*, and how many of them; read as ``numbers``.
    """
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, names, what in (
        ("train", rows, "train and score the rows that are not done"),
        ("try", candidates, "train the candidates that are not done and score development cases"),
    ):
        if not names:
            continue
        training = commands.add_parser(command, help=what)
        training.add_argument("--experiment", action="append", choices=list(experiments))
        training.add_argument("--row", action="append", choices=list(names))
        training.add_argument(f"--{numbers[0]}", dest="numbers", type=_numbers, default=[*range(numbers[1])])
        training.add_argument("--minutes", type=float, default=600)
    reporting = commands.add_parser("report", help="make the table of the rows that are done")
    reporting.add_argument("--side", choices=["development", "test"], default="test")
    return parser.parse_args()


def within(minutes: float, jobs: Iterable[Job]) -> Iterator[Job]:
    """Yield jobs until the minutes are over, and say so where jobs are left."""
    end = time.monotonic() + 60 * minutes
    for job in jobs:
        if time.monotonic() > end:
            print("The minutes are over; the rows that are left go on the next time.")
            return
        yield job


def in_own_process(work: Callable[..., None], *given: object) -> None:
    """Do a row's work in a process of its own, so that the most memory it takes is its own; end where it fails.

    It ends with this one, however that is ended: one that trained on would take the next one's processor time.
    """
    process = get_context("spawn").Process(target=work, args=given, daemon=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)


def _numbers(given: str) -> list[int]:
    return [int(one) for one in given.split(",")]
