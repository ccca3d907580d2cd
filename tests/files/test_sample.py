import numpy as np
import pytest

from napari_medkd.core.annotation import Boxes, ClassLabel
from napari_medkd.core.errors import InputProblem
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from napari_medkd.files.opening import read_boxes, read_mask, read_volume
from napari_medkd.files.phantom import CLASSES, DOMAINS, make_phantom
from napari_medkd.files.sample import write_sample

SMALL = {"cases_per_domain": 4, "shape": (16, 16, 16)}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "phantoms"
    return open_dataset(write_sample(folder, **SMALL))


def contents(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_sample_is_a_sound_dataset_with_three_tasks(sample):
    assert problems_of_dataset(sample, read_images=True) == []
    assert {name: task.kind for name, task in sample.tasks.items()} == {
        "organs": "segmentation",
        "lesion": "classification",
        "lesions": "detection",
    }
    assert sample.task("organs").classes == CLASSES
    assert {case.domain for case in sample.cases} == set(DOMAINS)
    assert all(set(case.annotations) == set(sample.tasks) for case in sample.cases)


def test_training_sees_the_first_domain_alone_and_the_test_all(sample):
    domain = {case.id: case.domain for case in sample.cases}

    assert {domain[name] for name in (*sample.split.train, *sample.split.validate)} == {DOMAINS[0]}
    assert {domain[name] for name in sample.split.test} == set(DOMAINS)
    assert len({*sample.split.train, *sample.split.validate, *sample.split.test}) == len(sample.cases)


def test_no_patient_is_drawn_twice(sample):
    masks = {read_mask(case.annotations["organs"], sample.task("organs")).labels.tobytes() for case in sample.cases}

    assert len(masks) == len(sample.cases) == len({case.group for case in sample.cases})


def test_what_is_read_is_what_was_drawn(sample):
    case = sample.cases[1]
    drawn = make_phantom(1, DOMAINS[0], SMALL["shape"])

    volume = read_volume(case.images, channels=sample.channels)
    boxes = read_boxes(case.annotations["lesions"], sample.task("lesions"), volume.grid)

    np.testing.assert_array_equal(volume.data[0], np.rint(drawn.image))
    np.testing.assert_array_equal(read_mask(case.annotations["organs"], sample.task("organs")).labels, drawn.labels)
    np.testing.assert_array_equal(boxes.corners, drawn.corners_N6)
    assert volume.grid.spacing == pytest.approx(drawn.spacing_mm, rel=1e-6)


def test_the_class_label_says_whether_there_are_boxes(sample):
    seen = set()
    for case in sample.cases:
        grid = read_volume(case.images).grid
        boxes = read_boxes(case.annotations["lesions"], sample.task("lesions"), grid)
        label = case.annotations["lesion"]
        assert isinstance(label, ClassLabel)
        assert label.present == {"lesion" if len(boxes.corners) else "no lesion"}
        assert isinstance(boxes, Boxes)
        seen |= label.present
    assert seen == {"lesion", "no lesion"}


def test_the_files_have_orders_of_their_own_and_the_origin_in_their_middle(sample):
    grids = {case.domain: read_volume(case.images).grid for case in sample.cases}

    assert len({grid.axes_in_file for grid in grids.values()}) == len(DOMAINS)
    for grid in grids.values():
        np.testing.assert_allclose(grid.corners_in_world().mean(axis=0), 0, atol=1e-3)


def test_the_same_seed_gives_the_same_bytes_and_another_other_patients(tmp_path):
    few = {"cases_per_domain": 2, "shape": (8, 8, 8), "domains": DOMAINS[:2]}
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        write_sample(tmp_path / name, seed=seed, **few)

    one, again, other = (contents(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert set(one) == set(other)
    assert all(one[name] != other[name] for name in one if name.startswith("images"))


@pytest.mark.parametrize(("count", "sides"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1)), (8, (5, 1, 2))])
def test_few_cases_are_split_with_sense(tmp_path, count, sides):
    path = write_sample(tmp_path, cases_per_domain=count, shape=(8, 8, 8), domains=DOMAINS[:1])

    split = open_dataset(path).split

    assert (len(split.train), len(split.validate), len(split.test)) == sides


def test_a_new_sample_replaces_an_older_one(tmp_path):
    write_sample(tmp_path, cases_per_domain=2, shape=(8, 8, 8))

    path = write_sample(tmp_path, cases_per_domain=1, shape=(8, 8, 8))

    assert len(open_dataset(path).cases) == 3


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("")

    with pytest.raises(InputProblem, match="other files"):
        write_sample(tmp_path, cases_per_domain=1, shape=(8, 8, 8))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"cases_per_domain": 0}, "at least one case"),
        ({"domains": ()}, "at least one case"),
        ({"domains": ("t3-like",)}, "t3-like"),
        ({"shape": (1, 1, 1)}, "shape"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(tmp_path, wish, said):
    with pytest.raises(InputProblem, match=said):
        write_sample(tmp_path / "new", **{"cases_per_domain": 1, "shape": (8, 8, 8), **wish})


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(InputProblem, match="file"):
        write_sample(tmp_path / "file", cases_per_domain=1, shape=(8, 8, 8))
