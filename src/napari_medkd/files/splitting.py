"""The split of a dataset that comes without one, or with a part of one: by patient, and always the same."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from napari_medkd.core.dataset import Case, Split

_SHARE_VALIDATE = 0.15
_SHARE_TEST = 0.15


def split_by_group(dataset_name: str, cases: Iterable[Case]) -> Split:
    """Return 70 / 15 / 15 % of the groups of annotated cases as train, validate and test.

    Groups are drawn in an order that the dataset's name seeds and the other groups do not change, so a case added
    later moves few others. Three groups give one to validate, four also one to test; unlabelled cases stay outside.
    """
    labelled = [case for case in cases if case.annotations]
    groups = sorted({case.group for case in labelled}, key=lambda group: _drawn(dataset_name, group))
    num_validate = max(round(_SHARE_VALIDATE * len(groups)), len(groups) >= 3)
    num_test = round(_SHARE_TEST * len(groups))
    test, validate = set(groups[:num_test]), set(groups[num_test : num_test + num_validate])
    return Split(
        train=tuple(case.id for case in labelled if case.group not in test | validate),
        validate=tuple(case.id for case in labelled if case.group in validate),
        test=tuple(case.id for case in labelled if case.group in test),
    )


def split_of_sides(cases: Iterable[Case], side_of: Mapping[str, str]) -> Split:
    """Return the split whose sides (``train``, ``validate``, ``test``) are given by case id; others stay outside."""
    names = [case.id for case in cases]
    return Split(**{side: tuple(name for name in names if side_of.get(name) == side) for side in _SIDES})


def with_validation(dataset_name: str, cases: Iterable[Case], split: Split) -> Split:
    """Return the split, where no case of it validates with 15 % of the groups that train doing so, at least one of two.

    To be drawn when the groups of all cases are known.
    """
    if split.validate:
        return split
    group_of = {case.id: case.group for case in cases}
    drawn = sorted({group_of[name] for name in split.train}, key=lambda group: _drawn(dataset_name, group))
    validate = set(drawn[: max(round(_SHARE_VALIDATE * len(drawn)), len(drawn) >= 2)])
    return replace(
        split,
        train=tuple(name for name in split.train if group_of[name] not in validate),
        validate=tuple(name for name in split.train if group_of[name] in validate),
    )


_SIDES = ("train", "validate", "test")


def _drawn(dataset_name: str, group: str) -> bytes:
    return hashlib.sha256(f"{dataset_name}\n{group}".encode()).digest()
