"""The split of a dataset that comes without one: by patient, and always the same."""

import hashlib
from collections.abc import Iterable

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


def _drawn(dataset_name: str, group: str) -> bytes:
    return hashlib.sha256(f"{dataset_name}\n{group}".encode()).digest()
