import json

import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.command_line import command_line
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.patterns import Patterns, source_by_patterns
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from napari_medkd.files.opening import read_mask, read_volume
from tests.files.importers.imported import imported, told, write


def masks_of(dataset) -> dict[str, Mask]:
    task, label_map = dataset.task("segmentation"), dataset.label_maps.get("segmentation")
    return {case.id: read_mask(case.annotations["segmentation"], task, label_map=label_map) for case in dataset.cases}


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/{}.nii.gz", "labels/{}.nii.gz"),
        ("images/{}.nii.gz", "masks/{}.nii"),
        ("image/{}.png", "mask/{}.png"),
        ("images/{}.png", "masks/{}_mask.png"),
        ("images/{}.nii", "label/{}_seg.nii.gz"),
        ("{}.png", "{}_mask.png"),
        ("{}.nii.gz", "{}_label.nii.gz"),
        ("images/{}.png", "images/{}_labels.png"),
        ("{}.png", "masks/{}.png"),
        ("{}.nii.gz", "labels/{}_seg.nii.gz"),
    ],
)
def test_images_and_masks_of_one_name_are_pairs(tmp_path, save, image, mask):
    for name in ("a", "b.2"):
        save(tmp_path / image.format(name))
        save(tmp_path / mask.format(name), 0, 1, 2)

    dataset = open_dataset(tmp_path)

    assert [case.id for case in dataset.cases] == ["a", "b.2"]
    assert [case.annotations["segmentation"].name for case in dataset.cases] == [
        mask.format(name).split("/")[-1] for name in ("a", "b.2")
    ]
    assert dataset.task("segmentation").classes == ("background", "label 1", "label 2")
    assert problems_of_dataset(dataset, read_images=True) == []


def test_an_image_without_a_mask_is_unlabelled(tmp_path, save):
    for name in "ab":
        save(tmp_path / f"images/{name}.png")
    save(tmp_path / "masks/a.png")

    assert [case.id for case in open_dataset(tmp_path).unlabelled("segmentation")] == ["b"]


def test_masks_without_an_image_are_all_reported(tmp_path, save):
    for name in "abc":
        save(tmp_path / f"masks/{name}.png")
    save(tmp_path / "images/a.png")

    with pytest.raises(DatasetProblem) as error:
        open_dataset(tmp_path)

    assert [problem.where for problem in error.value.problems] == [str(tmp_path / f"masks/{name}.png") for name in "bc"]


@pytest.mark.parametrize("image", ["images/img_{}.png", "img_{}.png"])
def test_masks_none_of_which_is_called_like_an_image_are_told(tmp_path, save, image):
    for number in range(4):
        save(tmp_path / "my scans" / image.format(number))
        save(tmp_path / f"my scans/masks/mask_{number}.png")

    for opened in (open_dataset, lambda folder: source_at(folder, ColumnWishes())):
        with pytest.raises(DatasetProblem) as error:
            opened(tmp_path / "my scans")

        (problem,) = error.value.problems
        assert problem.where == str(tmp_path / "my scans/masks")
        assert "(mask_0.png, mask_1.png, mask_2.png)" in problem.problem
        assert "(img_0.png, img_1.png, img_2.png)" in problem.problem
        assert command_line(["medkd", "import", str(tmp_path / "my scans"), "OUT", "--images"]) in problem.hint
    patterns = Patterns((image.format("{case}"),))
    assert len(source_by_patterns(tmp_path / "my scans", patterns).dataset.cases) == 4


def test_masks_called_otherwise_beside_a_table_are_left_out_and_told(tmp_path, save):
    for name in "ab":
        save(tmp_path / f"s/images/{name}.png")
        save(tmp_path / f"s/masks/mask_{name}.png")
    write(tmp_path / "s/labels.csv", "image,label\na,x\nb,y\n")

    dataset, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert list(dataset.tasks) == ["label"]
    assert "None of the masks (mask_a.png, mask_b.png) is called like an image" in told(remarks)


def test_masks_among_the_images_count_before_those_of_a_folder_below(tmp_path, save):
    for name in ("a.png", "a_mask.png", "masks/other.png"):
        save(tmp_path / name)

    (case,) = open_dataset(tmp_path).cases

    assert case.annotations["segmentation"] == tmp_path / "a_mask.png"


def test_a_numbered_mask_is_a_mask(tmp_path, save):
    save(tmp_path / "a.png")
    save(tmp_path / "a_mask_1.png")

    (case,) = open_dataset(tmp_path).cases

    assert case.annotations["segmentation"].name == "a_mask_1.png"


@pytest.mark.parametrize("shelf", ["images", "masks"])
def test_several_masks_of_one_image_are_refused_where_it_lies(tmp_path, save, shelf):
    save(tmp_path / "images/a.png")
    for ending in ("mask", "mask_1"):
        save(tmp_path / shelf / f"a_{ending}.png")

    with pytest.raises(DatasetProblem, match=r"images.a\.png: .*a_mask\.png, a_mask_1\.png.*medkd import"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("shelf", ["images", "masks"])
def test_several_masks_of_one_image_are_united_when_they_are_imported(tmp_path, save, shelf):
    for name in "ab":
        save(tmp_path / f"s/images/{name}.png")
        save(tmp_path / f"s/{shelf}/{name}_mask.png", 255, 0, 0, 0, 0)
    save(tmp_path / f"s/{shelf}/a_mask_1.png", 0, 0, 255, 0, 0)

    dataset, remarks = imported(tmp_path / "s", tmp_path / "d")

    assert {name: mask.labels[0, 0].tolist() for name, mask in masks_of(dataset).items()} == {
        "a": [1, 0, 1, 0, 0],
        "b": [1, 0, 0, 0, 0],
    }
    assert "Several masks of one image are united (a: 2)" in told(remarks)


def test_several_masks_of_one_image_that_hold_several_values_are_refused(tmp_path, save):
    save(tmp_path / "a.png")
    save(tmp_path / "a_mask.png", 0, 1)
    save(tmp_path / "a_mask_1.png", 0, 2)

    with pytest.raises(DatasetProblem, match=r"hold the labels 1, 2"):
        source_at(tmp_path, ColumnWishes())


def test_two_images_of_one_name_are_refused(tmp_path, save):
    for name in ("a.png", "a.nii"):
        save(tmp_path / "images" / name)
    save(tmp_path / "masks/a.png")

    with pytest.raises(DatasetProblem, match="same name"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("values", [(0, 255), (0, 1), (255,), (0,)])
def test_two_values_are_background_and_one_label(tmp_path, save, values):
    save(tmp_path / "images/a.png")
    save(tmp_path / "masks/a.png", *values)

    dataset = open_dataset(tmp_path)

    assert dataset.task("segmentation").classes == ("background", "label 1")
    assert masks_of(dataset)["a"].labels.max() == (1 if max(values) else 0)


@pytest.mark.parametrize(("first", "second"), [((0, 1), (0, 255)), ((255,), (0, 1)), ((0, 255), (0,))])
def test_masks_of_0_and_1_beside_masks_of_0_and_255_are_of_one_label(tmp_path, save, first, second):
    for name, values in (("a", first), ("b", second)):
        save(tmp_path / f"images/{name}.png")
        save(tmp_path / f"masks/{name}.png", *values)

    dataset = open_dataset(tmp_path)

    assert dataset.task("segmentation").classes == ("background", "label 1")
    assert dataset.label_maps == {}
    assert [mask.labels.max() for mask in masks_of(dataset).values()] == [max(first) > 0, max(second) > 0]
    assert problems_of_dataset(dataset, read_images=True) == []


def test_0_and_1_and_255_in_one_mask_are_two_labels(tmp_path, save):
    for name, values in (("a", (0, 1, 255)), ("b", (0, 255))):
        save(tmp_path / f"images/{name}.png")
        save(tmp_path / f"masks/{name}.png", *values)

    dataset = open_dataset(tmp_path)

    assert dataset.task("segmentation").classes == ("background", "label 1", "label 255")
    assert [mask.labels.max() for mask in masks_of(dataset).values()] == [2, 2]


def test_values_with_gaps_are_named_as_they_are_stored_and_moved_together(tmp_path, save):
    save(tmp_path / "images/a.nii")
    save(tmp_path / "labels/a.nii", 0, 17, 53, 2)

    dataset = open_dataset(tmp_path)

    assert dataset.task("segmentation").classes == ("background", "label 2", "label 17", "label 53")
    assert set(masks_of(dataset)["a"].labels.ravel().tolist()) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match=r"labels \[3\]"):
        read_mask(
            save(tmp_path / "labels/a.nii", 0, 3, 17),
            dataset.task("segmentation"),
            label_map=dataset.label_maps["segmentation"],
        )


def test_classes_are_gathered_over_all_masks(tmp_path, save):
    for name, value in (("a", 1), ("b", 3), ("c", 2)):
        save(tmp_path / f"images/{name}.png")
        save(tmp_path / f"masks/{name}.png", 0, value)

    assert open_dataset(tmp_path).task("segmentation").classes == ("background", "label 1", "label 2", "label 3")


def test_of_many_large_masks_an_even_sample_is_looked_at(tmp_path, save, monkeypatch):
    for name in range(10):
        save(tmp_path / f"images/{name}.png")
        save(tmp_path / f"masks/{name}.png", 0, {1: 3, 8: 2}.get(name, 1))
    voxels_of_two = 2 * read_volume(tmp_path / "masks/0.png").data.size
    monkeypatch.setattr("napari_medkd.files.importers.mask_values._MOST_VOXELS", voxels_of_two)

    assert open_dataset(tmp_path).task("segmentation").classes == ("background", "label 1", "label 2")


def test_a_damaged_mask_is_left_to_the_check(tmp_path, save):
    for name in "ab":
        save(tmp_path / f"images/{name}.png")
        save(tmp_path / f"masks/{name}.png")
    (tmp_path / "masks/b.png").write_text("no")

    (problem,) = problems_of_dataset(open_dataset(tmp_path), read_images=True)

    assert problem.where == "cases.b"


def test_masks_that_are_all_damaged_are_refused(tmp_path, save):
    save(tmp_path / "images/a.png")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/a.png").write_text("no")

    with pytest.raises(DatasetProblem, match=r"masks.a\.png"):
        open_dataset(tmp_path)


def test_one_coloured_picture_makes_the_dataset_coloured(tmp_path, save):
    for name in range(20):
        save(tmp_path / f"images/{name:02d}.png", 0, 50, colour=name == 4)
        save(tmp_path / f"masks/{name:02d}.png")

    dataset = open_dataset(tmp_path)

    assert dataset.channels == ("red", "green", "blue")
    assert problems_of_dataset(dataset, read_images=True) == []


def test_a_damaged_first_image_does_not_hide_the_channels_of_the_rest(tmp_path, save):
    for name in "abc":
        save(tmp_path / f"images/{name}.nii", channels=2)
        save(tmp_path / f"labels/{name}.nii")
    (tmp_path / "images/a.nii").write_text("no")

    assert open_dataset(tmp_path).channels == ("channel 1", "channel 2")


def test_a_folder_of_nothing_known_says_what_was_looked_for(tmp_path, save):
    save(tmp_path / "pictures/a.png")

    with pytest.raises(DatasetProblem, match=r"Looked for medkd-dataset\.json.*imagesTr.*labels.*_mask"):
        open_dataset(tmp_path)


# ---------------------------------------------------------------- files beside


@pytest.fixture
def pairs(tmp_path, save):
    for name in "abcdef":
        save(tmp_path / f"images/{name}.png")
        save(tmp_path / f"masks/{name}.png")
    return tmp_path


@pytest.mark.parametrize("side", ["validate", "development", "validation", "val"])
def test_a_split_that_lies_beside_is_taken(pairs, side):
    split = {"references": ["a"], "train": ["a", "b"], side: ["c"], "test": ["d"], "other": 3}
    (pairs / "splits.json").write_text(json.dumps(split))

    found = open_dataset(pairs).split

    assert (found.train, found.validate, found.test) == (("a", "b"), ("c",), ("d",))


def test_of_folds_the_first_is_taken(pairs):
    (pairs / "splits.json").write_text(json.dumps([{"train": ["a"], "val": ["b"]}, {"train": ["b"], "val": ["a"]}]))

    assert open_dataset(pairs).split.validate == ("b",)


def test_without_a_split_there_is_one_by_group(pairs):
    split = open_dataset(pairs).split

    assert (len(split.train), len(split.validate), len(split.test)) == (4, 1, 1)
    assert open_dataset(pairs).split == split


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "No side of a split"),
        ('{"fold1": ["a"]}', "No side of a split"),
        ('{"fold0": ["a"], "fold1": ["b"]}', "none is left to train"),
        ('{"train": "a"}', "train: This is no list"),
        ('{"train": ["a"], "test": ["a"]}', "listed twice"),
        ('{"train": ["z"]}', "'z' is not in the dataset"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(pairs, text, said):
    (pairs / "splits.json").write_text(text)

    with pytest.raises(DatasetProblem, match=said):
        open_dataset(pairs)


def test_patients_and_domains_come_from_a_table(pairs):
    rows = "id,age,group,domain\na,50,Ann,GE\nb,51,Ann,GE\nc,52,Cid,\nd,,,Toshiba\n"
    (pairs / "cases.csv").write_text(rows, encoding="utf-8-sig")

    dataset = open_dataset(pairs)

    assert [(case.group, case.domain) for case in dataset.cases] == [
        ("Ann", "GE"),
        ("Ann", "GE"),
        ("Cid", ""),
        ("d", "Toshiba"),
        ("e", ""),
        ("f", ""),
    ]
    sides = [set(side) for side in (dataset.split.train, dataset.split.validate, dataset.split.test)]
    assert sum({"a", "b"} <= side for side in sides) == 1


@pytest.mark.parametrize(
    "heading",
    ["id,patient,site", "id, group, domain", "ID,Group,Domain", "id ,group ,domain ", "id;Patient ID;Scanner"],
)
def test_headings_and_cells_of_the_table_are_known_however_they_are_written(pairs, heading):
    sign = ";" if ";" in heading else ","
    rows = ("a, Ann , GE ", "b,Ann,GE", "a,,", "b ,Ann,")
    (pairs / "cases.csv").write_text("\n".join((heading, *(row.replace(",", sign) for row in rows))))

    found = [(case.group, case.domain) for case in open_dataset(pairs).cases]

    assert found[:3] == [("Ann", "GE"), ("Ann", "GE"), ("c", "")]


def test_a_column_called_group_is_the_patient_before_any_other(pairs):
    (pairs / "cases.csv").write_text("id,subject,group\na,1,Ann\nb,2,Ann\n")

    assert [case.group for case in open_dataset(pairs).cases[:2]] == ["Ann", "Ann"]


def test_a_patient_on_two_sides_of_the_given_split_is_refused(pairs):
    (pairs / "cases.csv").write_text("id,group\na,Ann\nb,Ann\n")
    (pairs / "splits.json").write_text('{"train": ["a"], "test": ["b"]}')

    with pytest.raises(DatasetProblem, match="'Ann' is also in 'train'"):
        open_dataset(pairs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,group\na,b\n", "no column id"),
        ("", "empty"),
        ("id,group\na,x\nbb,x\nzzz,x\n", r"bb: There is no such case"),
        ("id\na\nb\n", "of the patient or the domain"),
        ("id,age\na,50\nb,51\n", "id, age; none of its columns is of the patient or the domain"),
        ("id,patient\na,Ann\na,Bob\n", r"differ in 'patient' \(a: Ann and Bob\)"),
        ("id\n\xff", "UTF-8"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(pairs, text, said):
    (pairs / "cases.csv").write_bytes(text.encode("latin-1"))

    with pytest.raises(DatasetProblem, match=said):
        open_dataset(pairs)
