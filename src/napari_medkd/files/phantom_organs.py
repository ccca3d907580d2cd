"""The organs of a made-up abdomen, fitted to each other."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from napari_medkd.files.phantom_patient import AORTA, KIDNEYS, LIVER, SPLEEN, Part, Patient
from napari_medkd.files.phantom_shapes import FOREVER, Field, ellipsoid, joined, largest_piece, without


def draw_organs(patient: Patient, room: Field) -> tuple[list[Part], Field]:
    """Return the organs of the abdomen, fitted to each other, and the liver's field.

    ``room`` is the field of the space that they may fill.
    """
    kidneys, sinus = _kidneys(patient)
    aorta = _vessel(patient, 21, 11, 10.5)
    cava = _vessel(patient, 24, -23, 10)
    great = np.minimum(aorta, cava)
    stomach = np.maximum(patient.solid((74, -20, 56), (48, 44, 36), turn=(-20, 12, 0), wander=8), room)
    gallbladder = np.maximum(patient.solid((126, -46, -36), (25, 13, 13), turn=(0, 20, 0), wander=6), room)
    spleen = without(patient.solid((76, 40, 98), (52, 46, 32), turn=(25, 0, 10), wander=7), stomach, 3)
    spleen = largest_piece(np.maximum(without(spleen, kidneys, 3), room))

    dents = ((stomach, 2.5), (gallbladder, 1.5), (great, 2.5), (kidneys, 5))
    liver = largest_piece(np.maximum(_liver(patient, dents), room))
    pancreas = joined(
        patient.solid((104, -2, 34), (12, 12, 56), turn=(-14, 0, -12)), patient.solid((122, -4, -16), (24, 15, 15)), 12
    )
    pancreas = np.maximum(without(without(pancreas, stomach, 2), great, 2), np.maximum(room, -liver))
    parts = [
        patient.part("pancreas", pancreas),
        patient.part("bowel", stomach),
        *_stomach_content(patient, stomach),
        patient.part("spleen", spleen, SPLEEN),
        patient.part("liver", liver, LIVER),
        patient.part("vein", np.maximum(liver + 8, _twigs(patient)), LIVER),
        patient.part("fluid", gallbladder),
        patient.part("kidney", kidneys, KIDNEYS),
        patient.part("sinus", np.maximum(sinus, kidneys)),
        patient.part("blood", cava),
        patient.part("blood", aorta, AORTA),
    ]
    return parts, liver


def _liver(patient: Patient, neighbours: tuple[tuple[Field, float], ...]) -> Field:
    """Return the liver: two lobes grown together, hollowed from below, dented by its neighbours (field, gap in mm)."""
    right = patient.solid((86, 2, -66), (74, 80, 66), 2.3)
    left = patient.solid((64, -52, 4), (36, 34, 68), turn=(8, -6, 0), wander=8)
    liver = without(joined(right, left, 26), patient.solid((164, 14, 18), (74, 82, 66)))
    for neighbour, gap_mm in neighbours:
        liver = without(liver, neighbour, gap_mm)
    return liver


def _kidneys(patient: Patient) -> tuple[Field, Field]:
    """Return both kidneys as one solid, and the fat and vessels of their hilum, which opens to the middle."""
    fields = []
    for side, depth in ((1, 122), (-1, 134)):
        lean = (side * 35.0, 0.0, side * 9.0)
        kidney = patient.solid((depth, 54, side * 61), (53, 29, 25), 2.2, lean, wander=6)
        hilum = patient.solid((depth, 46, side * 47), (24, 10, 17), 2.0, lean, wander=2)
        fields.append((largest_piece(without(kidney, hilum, 0.5)), np.maximum(hilum, kidney - 4)))
    (one, its_hilum), (other, other_hilum) = fields
    return np.minimum(one, other), np.minimum(its_hilum, other_hilum)


def _vessel(patient: Patient, y: float, x: float, radius: float) -> Field:
    """Return a tube that runs along the spine, winding a little."""
    places, rng = patient.places, patient.rng
    phase, swing = rng.uniform(0, 2 * np.pi, 2).tolist(), rng.uniform(2, 6, 2).tolist()
    bent = replace(
        places,
        y=places.y - (y + swing[0] * np.sin(places.z / 60 + phase[0])),
        x=places.x - (x + swing[1] * np.sin(places.z / 50 + phase[1])),
    )
    return ellipsoid(bent, (0, 0, 0), (FOREVER, radius * rng.uniform(0.85, 1.1), radius * rng.uniform(0.95, 1.2)))


def _twigs(patient: Patient) -> Field:
    """Return winding branches: the curves along which two noises are both zero."""
    one, other = patient.noise(6), patient.noise(6)
    return np.asarray(28 * np.hypot(one, other) - 6)


def _stomach_content(patient: Patient, stomach: Field) -> Iterator[Part]:
    """Yield fluid, and gas above it: the patient lies on the back, so gas collects in front."""
    level = patient.rng.uniform(-60, -30)
    yield patient.part("fluid", stomach + 6)
    yield patient.part("gas", np.maximum(stomach + 6, patient.places.y - level))


def draw_bowel(patient: Patient, room: Field) -> list[Part]:
    """Return loops of bowel in the lower half, some with gas in front."""
    places = patient.places
    loops = 22 * np.hypot(patient.noise(10), patient.noise(10)) - 20
    loops = np.maximum(loops, np.maximum(106 - places.z - 0.3 * places.y, places.y - 42))
    colon = np.minimum(_colon(patient, 1), _colon(patient, -1))
    wall = np.maximum(np.minimum(without(loops, colon, 4), colon), room)
    inner = np.maximum(wall + 5, room + 4)
    gas = np.maximum(inner, np.maximum(places.y + 12, 12 * (0.6 - patient.noise(4))))
    return [patient.part("bowel", wall), patient.part("chyme", inner), patient.part("gas", gas)]


def _colon(patient: Patient, side: int) -> Field:
    """Return the colon that climbs along one flank, pinched into pouches."""
    places, rng = patient.places, patient.rng
    pouches = 2.5 * np.cos(2 * np.pi * places.z / rng.uniform(26, 36))
    tube = patient.solid((230, 22, side * 92), (rng.uniform(95, 115), 23, 21), 2.6, turn=(0, -4 * side, 0))
    return np.asarray(tube + pouches)
