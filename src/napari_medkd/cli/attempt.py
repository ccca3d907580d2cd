"""One process at work in a run folder: every event is written and shown, and the last word is never missing."""

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from napari_medkd.cli.progress import TerminalProgress
from napari_medkd.cli.stopping import SignalledControl
from napari_medkd.cli.terminal import FAILURE, OK, problems_of, tell, tell_error
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.events import AnyEvent, RunEnded
from napari_medkd.core.run_layout import LOG
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.pulse import wait_until_sure

#: What an attempt does: given who may pause or stop it and its sign of life, the events it yields.
Work = Callable[[SignalledControl, Heartbeat], Iterator[AnyEvent]]


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do after an attempt that did not come to its end.

    Parameters
    ----------
    ended
        After a second Ctrl-C.
    more_memory
        Where memory was too little.
    """

    ended: str
    more_memory: str


TRAINING = Advice(
    "Continue it when you like: the epoch that was under way is repeated.",
    "Close other programs that use it, and continue the run; or train a new one with a smaller --batch-size, narrower "
    "--widths, a smaller preprocessing.patch, or --precision bf16.",
)


def carry_out(folder: RunFolder, attempt: int, work: Work, advice: Advice = TRAINING) -> int:
    """Do the work, and return the exit code: 0 also where a person stopped it.

    Where a process elsewhere was at work in the folder until just now, it is waited for what has become of it.

    Raises
    ------
    RunBusy
        Where another process is at work in the folder; nothing is written then.
    """
    wait_until_sure(folder.path, tell)
    with (
        Heartbeat(folder.path, attempt) as heartbeat,
        SignalledControl(folder.path) as control,
        _Record(folder, advice) as record,
    ):
        try:
            for event in work(control, heartbeat):
                record.add(event)
        except KeyboardInterrupt:
            record.add(RunEnded(outcome="cancelled", message="It was ended at once.", hint=advice.ended))
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes the run's last word
            return record.add_failure(error)
        return FAILURE if record.outcome == "failed" else OK


class _Record:
    """Writes events to the run folder and its log, and shows them on the terminal."""

    def __init__(self, folder: RunFolder, advice: Advice) -> None:
        self.outcome = ""
        self._folder = folder
        self._advice = advice
        self._progress = TerminalProgress()
        self._log_is_stderr = _is_stderr(folder)

    def __enter__(self) -> "_Record":
        self._progress.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.__exit__(None, None, None)

    def add(self, event: AnyEvent) -> None:
        self._folder.append(event)
        line = self._progress.show(event)
        if line and not self._log_is_stderr:
            self._log(line)
        if isinstance(event, RunEnded):
            self.outcome = event.outcome

    def add_failure(self, error: Exception) -> int:
        """Write the last word about an error, as far as the disk allows, and return the exit code."""
        problems = problems_of(error, self._advice.more_memory)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        message = (
            f"{problems[0].where}: {problems[0].problem}{more}" if problems else f"{type(error).__name__}: {error}"
        )
        hint = problems[0].hint if problems else f"This is a bug; please report it with the run's {LOG}."
        last_word = RunEnded(outcome="failed", message=message, hint=hint, traceback=LOG)
        with contextlib.suppress(OSError, InputProblem):  # the disk may be what failed
            self._log("".join(traceback.format_exception(error)))
        with contextlib.suppress(OSError, InputProblem):
            self._folder.append(last_word)
        self._progress.__exit__(None, None, None)
        return tell_error(error, self._folder.log_path, self._advice.more_memory)

    def _log(self, text: str) -> None:
        with self._folder.log_path.open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text.rstrip()}\n")


def _is_stderr(folder: RunFolder) -> bool:
    """Return whether what is printed ends in the run's log already, as it does for a run the viewer started."""
    with contextlib.suppress(OSError, ValueError):
        return os.path.samestat(os.fstat(sys.stderr.fileno()), folder.log_path.stat())
    return False
