"""What augmenting a batch costs: ours, batched, against MONAI's dictionary transforms, sample by sample.

    python benchmarks/augmentation.py [--rounds 15] [--threads 2]

Both do the same operations on the same patches: turn, zoom, shear, shift and elastic change of image and label in one
resampling each, then gamma, contrast, brightness, bias field, blur and noise, each with probability 0.5. They take
turns in one process, so that other work on the machine meets them alike; medians of the rounds' ratios are printed,
with an A/A control.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from monai import transforms
from record import Record, Row
from torch import Tensor

from napari_medkd.engine.data.augment import augment
from napari_medkd.engine.data.augmentation import STRONG

GOAL = 0.5
KEYS = ("image", "label")
MODES = ("bilinear", "nearest")

#: Name, samples, patch.
CASES = (
    ("volumes 40x56x40", 4, (40, 56, 40)),
    ("planes 128x128", 12, (128, 128)),
)


def spatial(dimensions: int, *, elastic: bool) -> object:
    """Return MONAI's transform of space, as strong as ours."""
    turn, tilt = np.radians(STRONG.rotation_degrees), np.radians(STRONG.tilt_degrees)
    options = {
        "keys": KEYS,
        "prob": 1.0,
        "rotate_range": (turn, tilt, tilt) if dimensions == 3 else (turn,),
        "shear_range": (STRONG.shear,) * (6 if dimensions == 3 else 2),
        "translate_range": (2,) * dimensions,
        "scale_range": (0.2,) * dimensions,
        "mode": MODES,
        "padding_mode": "border",
    }
    if not elastic:
        return transforms.RandAffined(**options)
    if dimensions == 3:
        return transforms.Rand3DElasticd(sigma_range=(5, 7), magnitude_range=(50, 150), **options)
    return transforms.Rand2DElasticd(spacing=(32, 32), magnitude_range=(3, 6), **options)


def theirs(dimensions: int, *, elastic: bool) -> object:
    """Return MONAI's chain."""
    image = {"keys": ["image"], "prob": STRONG.chance}
    return transforms.Compose(
        [
            spatial(dimensions, elastic=elastic),
            transforms.RandAdjustContrastd(gamma=STRONG.gamma, **image),
            transforms.RandScaleIntensityd(factors=0.4, **image),
            transforms.RandShiftIntensityd(offsets=STRONG.brightness, **image),
            transforms.RandBiasFieldd(coeff_range=(0.0, STRONG.bias_field), **image),
            transforms.RandGaussianSmoothd(
                sigma_x=(0.01, STRONG.blur), sigma_y=(0.01, STRONG.blur), sigma_z=(0.01, STRONG.blur), **image
            ),
            transforms.RandGaussianNoised(std=STRONG.noise, **image),
        ]
    )


def compared(samples: int, shape: tuple[int, ...], *, elastic: bool) -> dict[str, Callable[[], object]]:
    """Return what takes turns."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(samples, 1, *shape, generator=generator)
    labels = torch.randint(0, 3, (samples, *shape), generator=generator)
    spacing = (1.0,) * len(shape)
    strength = STRONG if elastic else replace(STRONG, elastic=0.0)
    chain = theirs(len(shape), elastic=elastic)

    def ours() -> tuple[Tensor, Tensor]:
        return augment(images, labels, strength, spacing, generator)

    def monai() -> tuple[Tensor, Tensor]:
        done = [
            chain({"image": image, "label": label[None].float()})  # type: ignore[operator]
            for image, label in zip(images, labels, strict=True)
        ]
        return torch.stack([one["image"] for one in done]), torch.stack([one["label"] for one in done])

    return {"ours": ours, "ours again": ours, "MONAI": monai}


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def report(record: Record, name: str, found: dict[str, list[float]]) -> None:
    """Add the times and ratios of one case to the record, and print them."""
    number = len(found["ours"])
    for who, values in found.items():
        kept = tuple(round(1000 * value, 3) for value in values)
        median = statistics.median(kept)
        record.rows.append(Row(row=who, test=name, metric="time", unit="ms", n=number, mean=median, values=kept))
        print(f"{name:44s} {who:12s} {median:8.1f} ms a batch")
    for above, below, goal in (("ours again", "ours", "A/A control"), ("ours", "MONAI", f"goal <= {GOAL}")):
        ratios = tuple(round(one / other, 4) for one, other in zip(found[above], found[below], strict=True))
        median = statistics.median(ratios)
        row = Row(row=above, test=name, metric="ratio", unit="", n=number, mean=median, values=ratios, versus=below)
        record.rows.append(row)
        print(f"{name:44s} {above} / {below}: {median:.3f} ({goal})")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    record = Record("augmentation", notes={"threads": wanted.threads})
    for name, samples, shape in CASES:
        for elastic in (False, True):
            actions = compared(samples, shape, elastic=elastic)
            found: dict[str, list[float]] = {who: [] for who in actions}
            for turn in range(wanted.rounds + 2):
                for who, action in actions.items():
                    measured = seconds(action)
                    if turn > 1:  # the first two rounds warm up
                        found[who].append(measured)
            report(record, f"{samples} {name}, {'with' if elastic else 'without'} elastic change", found)
    print(record.write())


if __name__ == "__main__":
    main()
