import numpy as np
import pytest

from fairmot_pl.tracking.costs import cosine_distance, fuse_motion, iou_distance, unit_length


def test_unit_length_scales_rows_and_spares_zero():
    got = unit_length(np.array([[3, 4], [0, 0], [1e-10, 0]], np.float32))
    np.testing.assert_allclose(got, [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)
    assert got.dtype == np.float32
    assert unit_length(np.zeros((2, 0), np.float32)).shape == (2, 0)


def test_cosine_distance_of_known_angles():
    track = np.array([[1, 0]], np.float32)
    half = np.sqrt(0.5)
    others = np.array([[1, 0], [half, half], [0, 1], [-1, 0]], np.float32)
    np.testing.assert_allclose(cosine_distance(track, others), [[0, 1 - half, 1, 2]], atol=1e-6)


def test_cosine_distance_never_falls_below_zero():
    vectors = unit_length(np.random.default_rng(0).normal(size=(200, 128)).astype(np.float32))
    assert cosine_distance(vectors, vectors).min() == 0


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ([0, 0, 9, 9], [0, 0, 9, 9], 0),
        ([0, 0, 9, 9], [0, 0, 9, 4], 0.5),  # 10 x 10 against 10 x 5 pixels
        ([0, 0, 9, 9], [9, 9, 18, 18], 1 - 1 / 199),  # they share the corner pixel
        ([0, 0, 9, 9], [10, 0, 19, 9], 1),
        ([0, 0, 9, 9], [500, 500, 510, 510], 1),
    ],
)
def test_iou_distance_counts_pixels(first, second, distance):
    got = iou_distance(np.array([first], float), np.array([second], float))
    np.testing.assert_allclose(got, [[distance]], atol=1e-12)


def test_fuse_motion_weighs_and_gates():
    appearance, motion = np.array([[0.2, 0.2]]), np.array([[5.0, 9.5]])
    got = fuse_motion(appearance, motion, gate=9.4877, weight=0.02)
    np.testing.assert_allclose(got, [[0.98 * 0.2 + 0.02 * 5, np.inf]])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_sides_give_empty_matrices(shape):
    rows, columns = shape
    assert iou_distance(np.zeros((rows, 4)), np.zeros((columns, 4))).shape == shape
    assert cosine_distance(np.zeros((rows, 8)), np.zeros((columns, 8))).shape == shape
