"""What is found in DICOM folders, and how one of several images is picked."""

import os
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files import dicom_pixels
from napari_medkd.files.dicom_folder import dicom_files, holds_dicom
from napari_medkd.files.dicom_series import list_series
from napari_medkd.files.opening import doubts_about, read_volume, stem_of, suffix_of
from napari_medkd.files.series_path import on_disk, picked_series, picking
from tests.files.dicom_series_made import AXIAL, CORONAL, SAGITTAL, enhanced, save, save_series


def flat(num_slices: int, value: int = 0, size: int = 4) -> np.ndarray:
    return np.full((num_slices, size, size), value, np.uint16)


# ---------------------------------------------------------------- the listing


def test_the_listing_tells_what_a_person_chooses_by(tmp_path):
    save_series(tmp_path, flat(3), spacing=(2.5, 1.0, 0.5), SeriesInstanceUID="1.2.34")

    [series] = list_series(tmp_path).series

    assert (series.uid, series.modality, series.description) == ("1.2.34", "CT", "Thorax 1 mm")
    assert (series.shape, series.spacing, series.date) == ((3, 4, 4), (2.5, 1.0, 0.5), date(2024, 2, 29))
    assert series.describe() == "CT, 3 x 4 x 4 voxels of 2.5 x 1 x 0.5 mm"


def test_nested_series_are_listed_the_largest_first_and_other_files_are_passed_over(tmp_path):
    save_series(tmp_path / "a/x", flat(2), Modality="MR")
    save_series(tmp_path / "b", flat(5), names=[f"IM{n}" for n in range(5)])
    (tmp_path / "b/notes.txt").write_text("no")
    (tmp_path / "b/README").write_text("no" * 500)
    shutil.copy(get_testdata_file("reportsi.dcm", download=False), tmp_path / "b/report.dcm")
    shutil.copy(get_testdata_file("rtplan.dcm", download=False), tmp_path / "plan")

    listing = list_series(tmp_path)

    assert [(series.modality, series.shape[0]) for series in listing.series] == [("CT", 5), ("MR", 2)]
    assert listing.problems == ()


def test_listing_reads_no_pixels(tmp_path, monkeypatch):
    paths = save_series(tmp_path, flat(2, size=64))
    whole = paths[0].stat().st_size
    read = []

    def opened(path, *arguments, **keywords):
        stream = original(path, *arguments, **keywords)
        take = stream.read

        def counted(*size):
            data = take(*size)
            read.append(len(data))
            return data

        if str(path).startswith(str(tmp_path)):
            monkeypatch.setattr(stream, "read", counted, raising=False)
        return stream

    original = open
    monkeypatch.setattr("builtins.open", opened)
    monkeypatch.setattr(dicom_pixels, "iter_pixels", None)

    assert len(list_series(tmp_path).series) == 1
    assert whole > 64 * 64 * 2
    assert 0 < sum(read) < 64 * 64 * 2


def test_dates_and_descriptions_may_be_missing(tmp_path):
    save_series(tmp_path, flat(2), SeriesDate="20240231", SeriesDescription=None)

    [series] = list_series(tmp_path).series

    assert (series.date, series.description) == (None, "")


def test_links_to_folders_are_not_followed(tmp_path):
    save_series(tmp_path / "ct", flat(2))
    (tmp_path / "ct/again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "ct/loop").symlink_to(tmp_path / "ct/loop")

    assert [path.name for path in dicom_files(tmp_path)] == ["000.dcm", "001.dcm"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    assert dicom_files(tmp_path) == []
    assert not holds_dicom(tmp_path)


def test_of_a_large_folder_only_the_beginning_is_looked_at(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("napari_medkd.files.dicom_folder.is_dicom", lambda path: bool(opened.append(path)))
    for number in range(300):
        (tmp_path / str(number)).write_bytes(b"chunk")
        (tmp_path / f"{number}.png").write_bytes(b"picture")

    assert not holds_dicom(tmp_path)
    assert len(opened) == 100
    assert {path.suffix for path in opened} == {""}


def test_dicom_deep_in_a_folder_is_found(tmp_path):
    save_series(tmp_path / "study/series", flat(1), names=["1.2.840.113"])

    assert holds_dicom(tmp_path)


def test_a_file_that_lies_there_twice_counts_once(tmp_path):
    [first, *_] = save_series(tmp_path, flat(3))
    (tmp_path / "copies").mkdir()
    shutil.copy(first, tmp_path / "copies/again.dcm")

    [series] = list_series(tmp_path).series

    assert series.shape[0] == 3


# ---------------------------------------------------------------- one series, several images


def test_a_localizer_is_an_image_for_each_direction(tmp_path):
    uid = generate_uid()
    for name, orientation, count in (("a", AXIAL, 3), ("b", CORONAL, 2), ("c", SAGITTAL, 1)):
        save_series(tmp_path / name, flat(count), orientation=orientation, SeriesInstanceUID=uid)

    listing = list_series(tmp_path).series

    assert [series.shape[0] for series in listing] == [3, 2, 1]
    assert {series.uid for series in listing} == {uid}
    assert len({series.key for series in listing}) == 3


def test_slices_of_another_size_are_an_image_of_their_own(tmp_path):
    uid = generate_uid()
    save_series(tmp_path / "a", flat(3), SeriesInstanceUID=uid)
    save_series(tmp_path / "b", flat(1, size=6), SeriesInstanceUID=uid)

    assert sorted(series.shape for series in list_series(tmp_path).series) == [(1, 6, 6), (3, 4, 4)]


@pytest.mark.parametrize(("keyword", "values"), [("EchoTime", (4.6, 2.3)), ("AcquisitionNumber", (1, 2))])
def test_echoes_at_the_same_positions_are_images_of_their_own(tmp_path, keyword, values):
    uid = generate_uid()
    for name, value in zip("ab", values, strict=True):
        save_series(tmp_path / name, flat(3, int(value * 10)), SeriesInstanceUID=uid, **{keyword: value})

    listing = list_series(tmp_path).series

    assert [series.shape[0] for series in listing] == [3, 3]
    assert sorted(f"{value:g}" for value in values) == sorted(series.part.split()[-1] for series in listing)
    for series in listing:
        volume = read_volume(picking(tmp_path, series.key))
        assert set(volume.data.ravel().tolist()) == {int(float(series.part.split()[-1]) * 10)}


def test_a_number_of_each_slice_is_not_taken_for_what_keeps_them_apart(tmp_path):
    uid = generate_uid()
    for name, echo, first in (("a", 2.3, 1), ("b", 4.6, 4)):
        numbers = [first, first + 1, first + 2]
        save_series(tmp_path / name, flat(3), SeriesInstanceUID=uid, EchoTime=echo, AcquisitionNumber=numbers)

    assert [series.shape[0] for series in list_series(tmp_path).series] == [3, 3]


def test_two_traits_together_keep_slices_apart(tmp_path):
    uid = generate_uid()
    for number, (echo, kind) in enumerate([(1, "M"), (1, "P"), (2, "M"), (2, "P")]):
        kinds = ["ORIGINAL", "PRIMARY", kind]
        save_series(tmp_path / str(number), flat(2), SeriesInstanceUID=uid, EchoNumbers=echo, ImageType=[kinds] * 2)

    assert [series.shape[0] for series in list_series(tmp_path).series] == [2, 2, 2, 2]


def test_a_number_that_differs_along_one_volume_does_not_split_it(tmp_path):
    save_series(tmp_path, flat(4), AcquisitionNumber=[1, 1, 2, 2], ImageType=[["A"], ["B"], ["A"], ["B"]])

    assert len(list_series(tmp_path).series) == 1


def test_the_echoes_of_an_enhanced_file_are_images_of_their_own(tmp_path):
    pixels = np.stack([flat(1, value)[0] for value in (1, 2, 3, 4)])
    made = enhanced(pixels, heights=(30, 32, 30, 32), echo_times=(5, 5, 9, 9))
    path = save(tmp_path / "mr.dcm", made, pixels)

    first, second = sorted(list_series(path).series, key=lambda series: series.key)

    assert (first.part, second.part) == ("part 1 of its series, echo time 5.0", "part 2 of its series, echo time 9.0")
    assert read_volume(picking(path, second.key)).data[0, ::-1, 0, 0].tolist() == [3 * 3, 4 * 4]


def test_of_several_images_in_one_file_only_the_frames_of_the_picked_one_are_decoded(tmp_path, monkeypatch):
    pixels = np.stack([flat(1, value)[0] for value in (1, 2, 3, 4)])
    path = save(tmp_path / "mr.dcm", enhanced(pixels, heights=(30, 32, 30, 32), echo_times=(5, 5, 9, 9)), pixels)
    second = max(list_series(path).series, key=lambda series: series.key)
    decode, decoded = dicom_pixels.iter_pixels, []

    def counted(*arguments, **keywords):
        for frame in decode(*arguments, **keywords):
            decoded.append(int(frame[0, 0]))
            yield frame

    monkeypatch.setattr(dicom_pixels, "iter_pixels", counted)

    read_volume(picking(path, second.key))

    assert decoded == [3, 4]


def test_the_directions_of_a_diffusion_file_are_images_of_their_own(tmp_path):
    pixels = flat(4)
    made = enhanced(pixels, heights=(30, 32, 30, 32))
    for number, frame in enumerate(made.PerFrameFunctionalGroupsSequence):
        gradient, diffusion = Dataset(), Dataset()
        gradient.DiffusionGradientOrientation = [1, 0, 0] if number < 2 else [0, 1, 0]
        diffusion.DiffusionBValue, diffusion.DiffusionGradientDirectionSequence = 1000.0, [gradient]
        frame.MRDiffusionSequence = [diffusion]
    path = save(tmp_path / "mr.dcm", made, pixels)

    parts = sorted(series.part for series in list_series(path).series)

    assert parts == [
        "part 1 of its series, diffusion direction 1.0 0.0 0.0",
        "part 2 of its series, diffusion direction 0.0 1.0 0.0",
    ]


def test_radiographs_without_a_position_are_each_an_image(tmp_path):
    bare = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient"))
    save_series(tmp_path, flat(2), Modality="CR", **bare)

    assert [series.shape for series in list_series(tmp_path).series] == [(1, 4, 4), (1, 4, 4)]


# ---------------------------------------------------------------- picking one


@pytest.mark.parametrize("folder", ["/data/ct", "ct", "/data/a.dcm", "."])
def test_a_path_remembers_which_series_it_picks(folder):
    path = picking(Path(folder), "1f2e3d4c-2")

    assert (on_disk(path), picked_series(path)) == (Path(folder), "1f2e3d4c-2")
    assert picking(path, "0") == picking(Path(folder), "0")


def test_a_path_that_picks_nothing_is_itself():
    assert (on_disk(Path("a/b.dcm")), picked_series(Path("a/b.dcm"))) == (Path("a/b.dcm"), "")


def test_a_picked_series_keeps_the_name_of_its_folder():
    assert stem_of(Path("data/patient7?series=1f2e3d4c")) == "patient7"
    assert (stem_of(Path("a.dcm?series=1-2")), suffix_of(Path("a.dcm?series=1-2"))) == ("a", ".dcm")


def test_several_series_are_listed_with_how_to_pick_one(tmp_path):
    save_series(tmp_path / "a", flat(3, 7))
    save_series(tmp_path / "b", flat(2, 8), Modality="MR", SeriesInstanceUID="1.2.9")
    large, small = list_series(tmp_path).series

    with pytest.raises(VolumeProblem) as error:
        read_volume(tmp_path)

    [problem] = error.value.problems
    assert "2 DICOM images" in problem.problem
    assert f"{large.key} ({large.describe()}); {small.key} ({small.describe()})" in problem.problem
    assert problem.hint.endswith(f"{tmp_path.name}?series={large.key}")
    assert read_volume(Path(problem.hint.split()[-1])).data.max() == 7
    assert read_volume(picking(tmp_path, small.key)).data.max() == 8
    assert read_volume(picking(tmp_path, "1.2.9")).data.max() == 8


def test_a_long_list_is_cut(tmp_path):
    for number in range(12):
        save_series(tmp_path / str(number), flat(1))

    with pytest.raises(VolumeProblem, match=r"12 DICOM images.*and 2 smaller ones"):
        read_volume(tmp_path)


def test_a_key_that_is_none_is_refused_with_those_that_are(tmp_path):
    save_series(tmp_path, flat(2))
    [series] = list_series(tmp_path).series

    with pytest.raises(VolumeProblem, match=rf"no series 'nonsense' in it.*{series.key}"):
        read_volume(picking(tmp_path, "nonsense"))


def test_a_key_stays_the_same_when_files_are_renamed_or_series_are_added(tmp_path):
    paths = save_series(tmp_path / "a", flat(2))
    [before] = list_series(tmp_path).series
    for number, path in enumerate(paths):
        path.rename(path.with_name(f"z{9 - number}"))
    save_series(tmp_path / "b", flat(3))

    assert before.key in {series.key for series in list_series(tmp_path).series}
    assert before.uid not in before.key


# ---------------------------------------------------------------- damaged files


def cut(path: Path, kept: int) -> Path:
    path.write_bytes(path.read_bytes()[:kept])
    return path


def behind_the_series(path: Path) -> int:
    """Where the header has named the series and says little more."""
    content = path.read_bytes()
    return content.index(b"\x20\x00\x0e\x00UI") + 80


def test_a_damaged_file_keeps_only_its_own_series_from_being_opened(tmp_path):
    save_series(tmp_path, flat(3, 7, size=64), names=["a0", "a1", "a2"])
    hurt = save_series(tmp_path, flat(4, 8, size=64), names=["b0", "b1", "b2", "b3"])
    damaged = cut(hurt[3], behind_the_series(hurt[3]))

    listing = list_series(tmp_path)

    assert sorted(len(one.slices) for one in listing.series) == [3, 3]
    whole, broken = sorted(listing.series, key=lambda one: len(one.damaged))
    assert (whole.damaged, [problem.where for problem in broken.damaged]) == ((), [str(damaged)])
    assert broken.describe().endswith("and 1 damaged file")
    assert listing.problems == ()
    assert read_volume(picking(tmp_path, whole.key)).data.max() == 7
    with pytest.raises(VolumeProblem) as error:
        read_volume(picking(tmp_path, broken.key))
    assert [problem.where for problem in error.value.problems] == [str(damaged)]


def test_a_file_damaged_before_it_names_its_series_is_of_the_only_one_beside_it(tmp_path):
    save_series(tmp_path / "a", flat(2, 7))
    damaged = cut(save_series(tmp_path / "b", flat(3, 8))[2], 360)

    listing = list_series(tmp_path)

    assert [[problem.where for problem in one.damaged] for one in listing.series if one.damaged] == [[str(damaged)]]
    assert listing.problems == ()


def test_a_file_that_may_be_of_several_series_is_told_and_keeps_none_from_being_opened(tmp_path):
    save_series(tmp_path, flat(2, 7), names=["a0", "a1"])
    damaged = cut(save_series(tmp_path, flat(3, 8), names=["b0", "b1", "b2"])[2], 360)

    listing = list_series(tmp_path)

    assert [one.damaged for one in listing.series] == [(), ()]
    assert [problem.where for problem in listing.problems] == [str(damaged)]
    path = picking(tmp_path, listing.series[0].key)
    assert read_volume(path).data.shape == (1, 2, 4, 4)
    assert [problem.where for problem in doubts_about(path)] == [str(damaged)]


def test_where_every_file_is_damaged_all_are_told(tmp_path):
    paths = save_series(tmp_path, flat(3, size=64))
    for path in paths:
        cut(path, 4000)

    with pytest.raises(VolumeProblem) as error:
        read_volume(tmp_path)

    assert [problem.where for problem in error.value.problems] == [str(path) for path in paths]


def test_files_of_one_name_in_two_series_are_no_copies(tmp_path):
    """As a careless program writes them that takes names away."""
    for folder, value in (("a", 7), ("b", 8)):
        save_series(tmp_path / folder, flat(2, value), SOPInstanceUID=["1.2.8", "1.2.9"])

    assert [len(one.slices) for one in list_series(tmp_path).series] == [2, 2]


def test_what_a_manufacturer_keeps_beside_the_images_is_passed_over(tmp_path):
    save_series(tmp_path, flat(2))
    [private] = save_series(tmp_path / "raw", flat(1), SOPClassUID="1.3.12.2.1107.5.9.1")
    raw = dcmread(private)
    del raw.Rows, raw.Columns, raw.PixelData
    raw.save_as(private)

    listing = list_series(tmp_path)

    assert (len(listing.series), listing.problems, listing.series[0].damaged) == (1, (), ())
