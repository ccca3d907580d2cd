"""The split of a dataset that comes without one, or with a part of one: by patient, and always the same."""

import hashlib
from collections.abc import Iterable, Mapping

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


def split_with_sides(dataset_name: str, cases: Iterable[Case], side_of: Mapping[str, str]) -> Split:
    """Return the split whose sides (``train``, ``validate``, ``test``) are given by case id.

    Cases without a side stay outside. Where no case validates, 15 % of the groups that train do, at least one of two.
    """
    listed = [case for case in cases if case.id in side_of]
    if "validate" not in side_of.values():
        groups = {case.group for case in listed if side_of[case.id] == "train"}
        drawn = sorted(groups, key=lambda group: _drawn(dataset_name, group))
        validate = set(drawn[: max(round(_SHARE_VALIDATE * len(drawn)), len(drawn) >= 2)])
        moved = {case.id for case in listed if side_of[case.id] == "train" and case.group in validate}
        side_of = {**side_of, **dict.fromkeys(moved, "validate")}
    return Split(**{side: tuple(case.id for case in listed if side_of[case.id] == side) for side in _SIDES})


_SIDES = ("train", "validate", "test")


def _drawn(dataset_name: str, group: str) -> bytes:
    return hashlib.sha256(f"{dataset_name}\n{group}".encode()).digest()
