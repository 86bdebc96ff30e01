import numpy as np
import pytest

from fairmot_pl.tracking.costs import cosine_distance, cosine_distance_of, iou_distance, overlapping, unit_length


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


@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (1, 300), (60, 80), (300, 1), (0, 5), (5, 0)])
def test_overlapping_lists_what_is_below_1(rows, columns):
    rng = np.random.default_rng(rows)
    first, second = (
        np.concatenate([corner, corner + rng.uniform(1, 80, corner.shape)], axis=1)
        for corner in (
            rng.integers(-50, 400, (rows, 2)).astype(float),
            rng.integers(-50, 400, (columns, 2)).astype(float),
        )
    )
    dense = iou_distance(first, second)
    found = overlapping(first, second)
    np.testing.assert_array_equal(np.where(dense < 1, dense, np.inf), found.matrix(np.arange(rows), np.arange(columns)))


@pytest.mark.parametrize("listed", [5, 2000])
def test_cosine_distance_of_listed_pairs(listed):
    rng = np.random.default_rng(0)
    first, second = (unit_length(rng.normal(size=(count, 64)).astype(np.float32)) for count in (50, 60))
    rows, columns = rng.integers(0, 50, listed), rng.integers(0, 60, listed)
    got = cosine_distance_of(first, second, rows, columns)
    np.testing.assert_allclose(got, cosine_distance(first, second)[rows, columns], atol=1e-6)
    assert (cosine_distance_of(first, first, np.arange(50), np.arange(50)) < 1e-6).all()


def test_embeddings_of_any_length_are_scaled():
    """Squares beyond float32 and below it."""
    for length in (1e-37, 5e37):
        np.testing.assert_allclose(
            unit_length(np.array([[3, 4]], np.float32) * np.float32(length)), [[0.6, 0.8]], rtol=1e-6
        )


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_sides_give_empty_matrices(shape):
    rows, columns = shape
    assert iou_distance(np.zeros((rows, 4)), np.zeros((columns, 4))).shape == shape
    assert cosine_distance(np.zeros((rows, 8)), np.zeros((columns, 8))).shape == shape
