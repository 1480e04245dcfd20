"""Places: voxels of one grid in the other, values brought back, carried by cohorts and by JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from medmonai.data import Cohort, ImagePlace, ImageSet, Provenance
from medmonai.task import Task


def place(scale=2.0, flip=False):
    matrix = np.diag([scale, 1, 1, 1])
    matrix[0, 3] = (scale - 1) / 2
    if flip:
        matrix = np.array([[-1, 0, 0, 7], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]) @ matrix
    original = np.array([[0, 2.0, 0, 9], [-1, 0, 0, 8], [0, 0, 3, 7], [0, 0, 0, 1]])
    return ImagePlace(original @ matrix, original_affine=original, original_shape=(8, 4, 3))


@pytest.mark.parametrize("flip", [False, True])
def test_voxels_lie_at_the_same_millimetres(flip):
    found = place(flip=flip)
    for voxel in ((0, 0, 0), (3, 2, 1), (0.5, 0.25, 2)):
        np.testing.assert_allclose(
            found.original_affine @ [*found.original_voxel(voxel), 1], found.affine @ [*voxel, 1]
        )


@pytest.mark.parametrize("flip", [False, True])
def test_values_come_back(flip):
    values = np.arange(4, dtype=np.float32)[None, :, None, None] * np.ones((1, 4, 4, 3), np.float32)
    back = place(flip=flip).in_image_space(values)[0, :, 0, 0]
    # two voxels for each of the grid's, linear between them
    expected = np.array([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    np.testing.assert_allclose(back[::-1] if flip else back, expected, atol=1e-6)


def test_what_was_cut_off_comes_back_as_zero():
    original = np.eye(4)
    matrix = np.eye(4)
    matrix[:3, 3] = [2, 0, -1]
    found = ImagePlace(original @ matrix, original_affine=original, original_shape=(8, 4, 3))
    back = found.in_image_space(np.ones((1, 3, 4, 5), np.float32))
    assert back.shape == (1, 8, 4, 3) and back[0, :, 0, 0].tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert found.share_inside((3, 4, 5)) == pytest.approx(3 / 8)
    assert (
        place().share_inside((4, 4, 3))
        == pytest.approx(1)
        == place(flip=True).share_inside((4, 4, 3))
    )
    assert found.share_inside((100, 4, 5)) == pytest.approx(6 / 8)


@pytest.mark.parametrize("flip", [False, True])
def test_voxels_beyond_the_file_are_known(flip):
    original = np.diag([2.0, 2.0, 5.0, 1.0])
    matrix = np.eye(4)
    matrix[:3, 3] = [-2, 1, 0]
    if flip:
        matrix[0] = [-1, 0, 0, 9]
    held = ImagePlace(original @ matrix, original_affine=original, original_shape=(8, 4, 3))
    # the grid begins two voxels before the file (flipped: two after it), and one voxel inside
    assert held.inside((12, 4, 3)) == (range(2, 10), range(3), range(3))
    assert held.inside((4, 3, 9))[2] == range(3)
    matrix[1, 3] = 100
    far = ImagePlace(original @ matrix, original_affine=original, original_shape=(8, 4, 3))
    assert far.inside((12, 4, 3)) == (range(2, 10), range(4), range(3))


def test_json_and_errors():
    found = ImagePlace.from_dict(json.loads(json.dumps(place().as_dict())))
    assert np.array_equal(found.affine, place().affine) and np.array_equal(
        found.original_affine, place().original_affine
    )
    assert found.original_shape == (8, 4, 3)
    for fields in (
        {"affine": np.eye(3)},
        {"original_affine": np.diag([1, 0, 1, 1])},
        {"affine": np.full((4, 4), np.nan)},
    ):
        with pytest.raises(
            ValueError,
            match=f"{next(iter(fields))}=.*a 4 x 4 matrix that can be inverted is needed",
        ):
            ImagePlace(
                **{
                    "affine": np.eye(4),
                    "original_affine": np.eye(4),
                    "original_shape": (1, 1, 1),
                    **fields,
                }
            )
    with pytest.raises(ValueError, match=r"original_shape=\(1, 1\); three axes"):
        ImagePlace(np.eye(4), original_affine=np.eye(4), original_shape=(1, 1))


def cohort(places):
    return Cohort(
        np.zeros((4, 1, 2, 2, 2), np.uint8),
        labels=[0, 1, 0, 1],
        ids=list("abcd"),
        task=Task("binary", 2),
        class_names=("n", "p"),
        provenance=Provenance("x"),
        split="train",
        places=places,
    )


def test_cohorts_carry_them():
    places = [place(scale) for scale in (1.0, 2.0, 3.0, 4.0)]
    assert cohort(None).places is None and cohort(None).subset([1]).places is None
    assert cohort(places).subset([2, 0]).places == (places[2], places[0])
    assert cohort(places).subset([False, True, True, False]).places == tuple(places[1:3])
    with pytest.raises(
        ValueError, match="places hold 1 rows and images 4; give one per image, or None"
    ):
        cohort(places[:1])
    with pytest.raises(TypeError, match="places hold a dict; ImagePlace is needed"):
        cohort([place().as_dict()] * 4)
    images = ImageSet(np.zeros((1, 1, 2, 2, 2), np.uint8), ids=["a"], places=[places[0]])
    assert images.places == (places[0],)
    with pytest.raises(ValueError, match="places hold 2 rows"):
        ImageSet(np.zeros((1, 1, 2, 2, 2), np.uint8), ids=["a"], places=places[:2])
