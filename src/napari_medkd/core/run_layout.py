"""The names of everything in a run folder, for whoever writes it and whoever reads it."""

import re
from pathlib import Path

SPEC = "spec.json"
MACHINE = "machine.json"
RESOLVED = "resolved.json"
HEARTBEAT = "heartbeat.json"
LOCK = "heartbeat.lock"
EVENTS = "events.jsonl"
CONTROL = "control.jsonl"
LOG = "log.txt"
CHECKPOINTS = "checkpoints"
PREVIEWS = "previews"
PREDICTIONS = "predictions"
CACHE = "cache"

#: The heartbeat is rewritten this often; it is stale after `STALE_AFTER_SECONDS` without a change.
HEARTBEAT_SECONDS = 2.0
STALE_AFTER_SECONDS = 15.0


def checkpoint_path(run: Path, stage: str, which: str) -> Path:
    """Return the weights file of a checkpoint; ``which`` is ``epoch-00003``, ``best`` or ``done``."""
    return run / CHECKPOINTS / f"{stage}.{which}.safetensors"


def epoch_name(epoch: int) -> str:
    """Return the checkpoint name of the end of an epoch, counted from 1."""
    return f"epoch-{epoch:05d}"


def stage_name(kind: str, dataset: str) -> str:
    """Return the name of a stage that is one of several alike, one for each dataset.

    It is part of file names: letters and digits of any script stay, what may not stand in a file name is an underscore.
    """
    in_file_names = re.sub(r"[^\w-]", "_", dataset)
    return f"{kind}-{in_file_names}"


def is_run(folder: Path) -> bool:
    """Return whether the folder looks like a run folder; one that may not be entered does not."""
    try:
        return (folder / SPEC).is_file()
    except OSError:
        return False
