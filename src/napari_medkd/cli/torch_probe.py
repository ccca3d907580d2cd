"""What torch finds on this machine, as JSON. `medkd doctor` runs this module as a child."""

import json
from typing import Any

from napari_medkd.cli.terminal import say


def probe() -> dict[str, Any]:
    """Return torch's version, its devices with their memory in bytes, and the fastest one's name as ``device``."""
    import torch

    devices = []
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        devices.append({"name": card.name, "memory_bytes": card.total_memory, "bf16": torch.cuda.is_bf16_supported()})
    has_metal = torch.backends.mps.is_available()
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "device": "cuda" if devices else "mps" if has_metal else "cpu",
        "gpus": devices,
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    say(json.dumps(probe()))
