"""A made-up upper abdomen: which tissue fills how much of every voxel, drawn at random from a seed.

Nothing here knows what a tissue looks like in a scanner.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from napari_medkd.files.phantom_organs import draw_bowel, draw_organs
from napari_medkd.files.phantom_patient import LIVER, SPINE, Part, Patient, visible_labels
from napari_medkd.files.phantom_shapes import FOREVER, Field, ellipsoid, joined, without


def draw_anatomy(seed: int, shape: tuple[int, int, int], num_lesions: int) -> tuple[list[Part], list[Part]]:
    """Return a patient's parts in the order of painting, and the liver lesions to paint over them.

    Parameters
    ----------
    seed
        Decides the patient; the same organs come out at any shape, the lesions elsewhere.
    shape
        Number of voxels along (z, y, x) of the scanned box.
    num_lesions
        How many lesions to look for room for; at least one is placed where this is not 0.
    """
    patient = Patient.of_seed(seed, shape)
    under_fat, cavity, walls = _trunk(patient)
    dome, chest = _chest(patient, cavity)
    spine, back = _back(patient, under_fat)
    organs, liver = draw_organs(patient, np.maximum(np.maximum(cavity + 2, dome + 4), 3 - spine))
    parts = [*walls, *draw_bowel(patient, np.maximum(cavity + 4, dome + 6)), *chest, *back, *organs]
    return parts, list(_lesions(patient, liver, parts, num_lesions))


def _trunk(patient: Patient) -> tuple[Field, Field, list[Part]]:
    """Return what lies under the skin's fat, the abdominal cavity, and the parts of the wall."""
    rng, places = patient.rng, patient.places
    body = ellipsoid(places, (0, 0, 0), (FOREVER, rng.uniform(105, 115), rng.uniform(138, 150)), 2.4)
    plump_mm = rng.uniform(9, 20) * (1 + 0.15 * patient.noise(4))
    # Thicker behind than in front, but thin over the spine.
    groove = np.exp(-((places.x / 45) ** 2)) * (places.y > 0)
    fat_mm = plump_mm * (1 + 0.35 * np.tanh(places.y / 60) - 0.6 * groove)
    under_fat = body + fat_mm
    cavity = without(under_fat + rng.uniform(9, 13), ellipsoid(places, (0, 84, 0), (FOREVER, 34, 46)))

    # Ribs leave the spine high and come down on their way round: a plane cuts each of them in a short piece.
    way_round = np.arctan2(np.abs(places.x), places.y)
    beside_rib = np.mod(places.z - 55 * way_round + rng.uniform(0, 30), 30) - 15
    ribs = np.hypot(under_fat + 6, 0.7 * beside_rib) - 5
    ribs = np.maximum(ribs, np.maximum(places.z - 75 - 22 * way_round, 40 * (way_round - 2.4)))
    walls = [
        patient.part("skin", body),
        patient.part("fat", body + 3),
        patient.part("muscle", under_fat),
        patient.part("bone", ribs),
        patient.part("fat", cavity),
    ]
    return under_fat, cavity, walls


def _chest(patient: Patient, cavity: Field) -> tuple[Field, list[Part]]:
    """Return what lies under the diaphragm, and the lung bases and the heart above it."""
    # Below their widest plane the two halves of the diaphragm go straight down.
    upper = replace(patient, places=replace(patient.places, z=np.minimum(patient.places.z, 108)))
    right = upper.solid((112, 5, -58), (95, 100, 86))
    left = upper.solid((120, 5, 60), (93, 98, 84))
    dome = joined(right, left, 30)
    above = np.maximum(cavity + 3, -dome)
    lungs = np.maximum(above, patient.places.z - 105)
    heart = np.maximum(np.maximum(patient.solid((-6, -38, 18), (34, 42, 52), turn=(20, 0, 0)), cavity + 5), 3 - dome)
    return dome, [
        patient.part("muscle", np.maximum(lungs - 4, cavity + 1)),
        patient.part("lung", lungs),
        patient.part("fat", np.maximum(heart - 5, above)),
        patient.part("muscle", heart),
    ]


def _back(patient: Patient, under_fat: Field) -> tuple[Field, list[Part]]:
    """Return the spine, and the muscles along it, vertebrae, discs and the canal."""
    places, rng = patient.places, patient.rng
    sway = 3 * np.sin((places.z + rng.uniform(0, 90)) / 55)
    bent = replace(places, y=places.y - 54 - sway)
    pitch = rng.uniform(30, 35)
    from_disc = np.abs(np.mod(places.z + rng.uniform(0, pitch), pitch) - pitch / 2)
    from_middle = pitch / 2 - from_disc

    column = ellipsoid(bent, (0, 0, 0), (FOREVER, 17, 22), 2.6) - 2.2 * np.cos(2 * np.pi * from_disc / pitch)
    canal = ellipsoid(bent, (0, 25, 0), (FOREVER, 8, 11))
    spinous = ellipsoid(bent, (0, 38, 0), (FOREVER, 13, 4.5), 2.6)
    transverse = ellipsoid(bent, (0, 20, 0), (FOREVER, 5, 36), 2.6)
    spine = np.minimum(column, np.maximum(canal - 6, from_middle - 9))
    spine = np.minimum(spine, np.maximum(spinous, from_middle - 10))
    spine = np.minimum(spine, np.maximum(transverse, from_middle - 6))
    spine = np.maximum(spine, under_fat - 3)

    mirrored = replace(bent, x=np.abs(bent.x))
    erector = ellipsoid(mirrored, (0, 30, 29), (FOREVER, 17, 23), 2.6)
    psoas = ellipsoid(mirrored, (230, 2, 38), (115, 20, 19), 2.2)
    return spine, [
        patient.part("muscle", np.maximum(erector, under_fat)),
        patient.part("muscle", psoas),
        patient.part("marrow", spine, SPINE),
        patient.part("cortex", np.abs(column + 1) - 1.2, SPINE),
        patient.part("disc", np.maximum(column, from_disc - 3.6), SPINE),
        patient.part("csf", canal),
    ]


def _lesions(patient: Patient, liver: Field, parts: list[Part], wanted: int) -> Iterator[Part]:
    """Yield round, slightly ragged lesions in the deeper half of the liver, apart from each other."""
    places, rng = patient.places, patient.rng
    seen = visible_labels(parts) == LIVER
    if not wanted or not seen.any():
        return
    allowed = seen & (liver <= np.median(liver[seen]))
    for _ in range(wanted):
        spots = np.argwhere(allowed)
        if not len(spots):
            return
        spot = tuple(spots[rng.integers(len(spots))])
        centre = (float(places.z[spot]), float(places.y[spot]), float(places.x[spot]))
        radius = rng.uniform(9, 17)
        radii = (radius * rng.uniform(0.85, 1.15, 3)).tolist()
        lesion = ellipsoid(places, centre, (radii[0], radii[1], radii[2])) + patient.noise(20)
        yield patient.part("lesion", np.maximum(lesion, liver), LIVER)
        allowed &= lesion > 32
