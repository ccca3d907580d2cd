from hypothesis import given
from hypothesis import strategies as st

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case
from napari_medkd.core.task import Task
from napari_medkd.files.splitting import split_by_group

SICK = ClassLabel(frozenset({"yes"}), Task("sick", "classification", ("yes", "no")))


def cases(*groups: str) -> list[Case]:
    return [Case(f"{group}-{number}", (), group, annotations={"sick": SICK}) for number, group in enumerate(groups)]


@given(st.lists(st.text("abcdefgh", max_size=2), max_size=60), st.text(max_size=3))
def test_no_patient_is_on_two_sides_and_no_case_is_lost(groups, name):
    listed = cases(*groups)

    split = split_by_group(name, listed)

    sides = [
        {listed_case.group for listed_case in listed if listed_case.id in side}
        for side in (split.train, split.validate, split.test)
    ]
    assert sorted([*split.train, *split.validate, *split.test]) == sorted(case.id for case in listed)
    assert sum(len(side) for side in sides) == len(set(groups))
    assert len(sides[0]) > 0 or not groups
    assert (len(sides[1]) > 0) == (len(set(groups)) >= 3)
    assert (len(sides[2]) > 0) == (len(set(groups)) >= 4)


def test_a_hundred_patients_are_split_70_15_15():
    split = split_by_group("livers", cases(*(f"p{number}" for number in range(100))))

    assert (len(split.train), len(split.validate), len(split.test)) == (70, 15, 15)


def test_the_order_of_the_cases_does_not_matter_and_the_name_does():
    listed = cases(*(f"p{number}" for number in range(40)))

    assert set(split_by_group("a", listed).test) == set(split_by_group("a", listed[::-1]).test)
    assert set(split_by_group("a", listed).test) != set(split_by_group("b", listed).test)


def test_the_split_of_a_name_never_changes():
    split = split_by_group("hippocampus", cases(*(f"p{number}" for number in range(7))))

    assert (split.validate, split.test) == (("p2-2",), ("p5-5",))


def test_one_more_patient_moves_few_of_the_others():
    before = split_by_group("livers", cases(*(f"p{number}" for number in range(100))))
    after = split_by_group("livers", cases(*(f"p{number}" for number in range(101))))

    assert len(set(before.train) - set(after.train)) <= 2


def test_unlabelled_cases_are_on_no_side():
    split = split_by_group("livers", [*cases("a"), Case("u", (), "u")])

    assert split.train == ("a-0",)
