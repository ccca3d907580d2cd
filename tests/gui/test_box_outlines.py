import numpy as np
import pytest

from napari_medkd.gui.box_outlines import dashed, in_space, on_slice, planes_of, shown_on

BOX = np.array([[1, 2, 3, 4, 8, 13.0]])


def ends(outlines):
    segments, _ = outlines
    return segments[:, 0], segments[:, 0] + segments[:, 1]


@pytest.mark.parametrize(("axis", "slices"), [(0, (1, 4)), (1, (2, 8)), (2, (3, 13))])
def test_a_box_is_shown_on_the_slices_whose_centres_it_holds(axis, slices):
    first, last = planes_of(BOX, axis)

    assert (first[0], last[0]) == slices


@pytest.mark.parametrize(
    ("z0", "z1", "planes"),
    [(1.5, 3.5, (1, 3)), (1.6, 3.4, (2, 3)), (1.6, 2.4, (2, 3)), (1.0, 1.2, (1, 2)), (1.6, 1.9, (1, 2))],
)
def test_a_box_too_thin_to_hold_a_centre_is_on_the_nearest_slice(z0, z1, planes):
    first, last = planes_of(np.array([[z0, 0, 0, z1, 1, 1]]), 0)

    assert (first[0], last[0]) == planes


@pytest.mark.parametrize(
    ("axis", "plane", "low", "high"),
    [
        (0, 2, (2, 1.5, 2.5), (2, 7.5, 12.5)),
        (1, 5, (0.5, 5, 2.5), (3.5, 5, 12.5)),
        (2, 3, (0.5, 1.5, 3), (3.5, 7.5, 3)),
    ],
    ids=["axial", "coronal", "sagittal"],
)
def test_the_outline_on_a_slice_is_a_closed_rectangle_on_the_voxels_edges(axis, plane, low, high):
    starts, stops = ends(on_slice(BOX, axis, plane))

    np.testing.assert_allclose(starts.min(axis=0), low)
    np.testing.assert_allclose(starts.max(axis=0), high)
    np.testing.assert_allclose(stops, np.roll(starts, -1, axis=0))


def test_a_slice_beside_a_box_shows_nothing_of_it():
    segments, owners = on_slice(BOX, 0, 4)

    assert segments.shape == (0, 2, 3)
    assert owners.tolist() == []
    assert shown_on(np.concatenate([BOX, BOX + 2]), 0, 4).tolist() == [1]


def test_in_space_a_box_has_twelve_edges_within_a_hundredth_of_a_voxel():
    segments, owners = in_space(np.concatenate([BOX, BOX + 20]))

    assert owners.tolist() == [0] * 12 + [1] * 12
    starts, stops = ends((segments[:12], owners[:12]))
    lengths = np.abs(segments[:12, 1]).max(axis=1)
    assert sorted(lengths.tolist()) == [3] * 4 + [6] * 4 + [10] * 4
    np.testing.assert_allclose(np.minimum(starts, stops).min(axis=0), [0.5, 1.5, 2.5], atol=0.011)
    np.testing.assert_allclose(np.maximum(starts, stops).max(axis=0), [3.5, 7.5, 12.5], atol=0.011)


def test_no_edge_in_space_lies_exactly_along_an_axis_where_napari_would_lose_it_from_the_front():
    segments, _ = in_space(BOX)

    assert (segments[:, 1] != 0).all()


def test_dashes_lie_on_the_line_with_gaps_as_long_as_they_are_and_one_at_each_end():
    line = (np.array([[[0, 0, 0], [0, 0, 10.0]]]), np.array([7]))

    segments, owners = dashed(line, (1.0, 1.0, 1.0), 2.0)

    np.testing.assert_allclose(segments[:, 0, 2], [0, 4, 8])
    np.testing.assert_allclose(segments[:, 1, 2], [2, 2, 2])
    assert owners.tolist() == [7, 7, 7]


def test_dashes_are_equally_long_in_millimetres_whatever_the_voxels():
    lines = (np.array([[[0, 0, 0], [4.0, 0, 0]], [[0, 0, 0], [0, 0, 20.0]]]), np.array([0, 1]))
    spacing = (5.0, 1.0, 1.0)

    segments, owners = dashed(lines, spacing, 4.0)

    lengths = np.linalg.norm(segments[:, 1] * spacing, axis=1)
    np.testing.assert_allclose(lengths, 4.0)
    assert owners.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_short_side_still_gets_two_dashes():
    segments, _ = dashed((np.array([[[0, 0, 0], [0, 1.0, 0]]]), np.array([0])), (1.0, 1.0, 1.0), 5.0)

    np.testing.assert_allclose(segments[:, 0, 1], [0, 2 / 3])


def test_no_boxes_have_no_outline():
    nothing = np.zeros((0, 6))

    for segments, owners in (on_slice(nothing, 0, 1), in_space(nothing), dashed(in_space(nothing), (1, 1, 1), 1.0)):
        assert segments.shape == (0, 2, 3)
        assert owners.shape == (0,)
