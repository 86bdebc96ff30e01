import json
from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.tracking import kalman
from tracking.covariances import by_axis, whole

STORED = Path(__file__).parents[1] / "golden" / "tracking_kalman.json"


@pytest.fixture(scope="module")
def reference(golden):
    return np.load(golden("kalman.npz"))


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


def roll(measurements, seen):
    """Mean and covariance after each frame: predicted always, corrected only where seen."""
    mean, covariance = kalman.initiate(measurements[:1])
    for measurement, visible in zip(measurements[1:], seen[1:], strict=True):
        yield mean[0], covariance[0]
        mean, covariance = kalman.predict(mean, covariance)
        if visible:
            mean, covariance = kalman.update(mean, covariance, measurement[None])
    yield mean[0], covariance[0]


def random_people(rng, count):
    centre = rng.uniform(-100, 2000, (count, 2))
    return np.column_stack([centre, rng.uniform(0.1, 2, count), rng.uniform(1, 900, count)])


def test_initiate_equals_the_reference(reference):
    mean, covariance = kalman.initiate(reference["measurements"])
    close(mean, reference["init_mean"])
    close(whole(covariance), reference["init_cov"])


def test_predict_equals_the_reference(reference):
    mean, covariance = kalman.predict(reference["state_mean"], by_axis(reference["state_cov"]))
    for name in ("predict", "multi_predict"):
        close(mean, reference[f"{name}_mean"])
        close(whole(covariance), reference[f"{name}_cov"])


def test_project_update_and_gate_equal_the_reference(reference):
    state = reference["multi_predict_mean"], by_axis(reference["multi_predict_cov"])
    measurements = reference["update_measurements"]
    mean, variance = kalman.project(*state)
    close(mean, reference["project_mean"])
    close(variance[:, :, None] * np.eye(4), reference["project_cov"])
    mean, covariance = kalman.update(*state, measurements)
    close(mean, reference["update_mean"])
    close(whole(covariance), reference["update_cov"])
    close(kalman.gating_distance(*state, measurements), reference["gating_maha"])


def test_the_reference_s_other_gates_follow_from_the_projection(reference):
    """Nothing uses them there either: squared Mahalanobis of the position alone, and plain squared distance."""
    mean, variance = kalman.project(reference["multi_predict_mean"], by_axis(reference["multi_predict_cov"]))
    difference = reference["update_measurements"][None] - mean[:, None]
    position = (np.square(difference) / variance[:, None])[..., :2].sum(axis=2)
    close(position, reference["gating_maha_position"])
    close(np.square(difference).sum(axis=2), reference["gating_gaussian"])


def test_a_long_roll_equals_the_reference(reference):
    states = list(roll(reference["roll_measurements"], reference["roll_seen"]))
    close(np.stack([mean for mean, _ in states]), reference["roll_mean"])
    close(whole(np.stack([covariance for _, covariance in states])), reference["roll_cov"])


def test_a_short_roll_equals_the_stored_one():
    stored = json.loads(STORED.read_text())
    states = list(roll(np.array(stored["measurements"]), stored["seen"]))
    np.testing.assert_allclose([mean for mean, _ in states], stored["mean"], rtol=1e-7, atol=1e-9)
    variance = [covariance[::2].ravel() for _, covariance in states]
    np.testing.assert_allclose(variance, stored["variance"], rtol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_covariance_stays_positive_definite(seed):
    rng = np.random.default_rng(seed)
    mean, covariance = kalman.initiate(random_people(rng, 20))
    for _ in range(100):
        mean, covariance = kalman.predict(mean, covariance)
        seen = np.flatnonzero(rng.random(20) < 0.7)
        noisy = mean[seen, :4] * rng.normal(1, 0.05, (len(seen), 4))
        mean[seen], covariance[seen] = kalman.update(mean[seen], covariance[seen], noisy)
        assert (np.linalg.eigvalsh(whole(covariance)) > 0).all()


def test_rows_do_not_influence_one_another():
    people = random_people(np.random.default_rng(0), 6)
    state = kalman.predict(*kalman.initiate(people))
    batch = kalman.update(*state, people + 1)
    distances = kalman.gating_distance(*state, people)
    for row in range(6):
        one = slice(row, row + 1)
        alone = kalman.update(state[0][one], state[1][one], people[one] + 1)
        np.testing.assert_allclose(alone[0], batch[0][one])
        np.testing.assert_allclose(alone[1], batch[1][one])
        gate = kalman.gating_distance(state[0][one], state[1][one], people)
        np.testing.assert_allclose(gate, distances[one])


def test_arguments_are_left_alone():
    mean, covariance = kalman.initiate(np.array([[10.0, 20.0, 0.5, 40.0]]))
    before = mean.copy(), covariance.copy()
    kalman.predict(mean, covariance)
    kalman.project(mean, covariance)
    kalman.update(mean, covariance, np.array([[11.0, 21.0, 0.5, 41.0]]))
    np.testing.assert_array_equal(mean, before[0])
    np.testing.assert_array_equal(covariance, before[1])


def test_uncertainty_grows_with_every_unseen_frame():
    mean, covariance = kalman.initiate(np.array([[10.0, 20.0, 0.5, 40.0]]))
    spread = [np.trace(whole(covariance)[0])]
    for _ in range(5):
        mean, covariance = kalman.predict(mean, covariance)
        spread.append(np.trace(whole(covariance)[0]))
    assert (np.diff(spread) > 0).all()


@pytest.mark.parametrize("frames", [2, 3, 7])
def test_several_frames_at_once_equal_one_after_another(frames):
    """With the height at rest, or the noise would change on the way."""
    mean, covariance = kalman.initiate(random_people(np.random.default_rng(1), 5))
    mean[:, [4, 5, 6]] = [3, -2, 1e-3]
    at_once, step_by_step = kalman.predict(mean, covariance, frames), (mean, covariance)
    for _ in range(frames):
        step_by_step = kalman.predict(*step_by_step)
    for got, want in zip(at_once, step_by_step, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_every_row_may_have_its_own_time():
    mean, covariance = kalman.initiate(random_people(np.random.default_rng(1), 3))
    mean[:, 4:] = 1
    frames = np.array([1.0, 2.0, 0.4])
    together = kalman.predict(mean, covariance, frames)
    for row, passed in enumerate([1.0, 2.0, 0.4]):
        for got, want in zip(together, kalman.predict(mean, covariance, passed), strict=True):
            np.testing.assert_allclose(got[row], want[row])


@pytest.mark.parametrize("frames", [1e-6, 0.1, 0.5, 0.75, 1.3, 100.0])
def test_covariance_is_positive_definite_after_any_time(frames):
    state = kalman.initiate(random_people(np.random.default_rng(1), 20))
    for _ in range(20):
        state = kalman.predict(*state, frames)
        assert (np.linalg.eigvalsh(whole(state[1])) > 0).all()
        state = kalman.update(*state, state[0][:, :4])


def test_a_box_that_shrank_to_nothing_stays_uncertain():
    state = kalman.initiate(np.zeros((1, 4)))
    for _ in range(3):
        state = kalman.update(*kalman.predict(*state), np.zeros((1, 4)))
        assert np.isfinite(state[0]).all()
        assert (state[1][:, [0, 2]] > 0).all()


def test_no_tracks_and_no_measurements_are_fine():
    mean, covariance = kalman.initiate(np.zeros((0, 4)))
    assert kalman.predict(mean, covariance)[1].shape == (0, 3, 4)
    assert kalman.update(mean, covariance, np.zeros((0, 4)))[0].shape == (0, 8)
    assert kalman.gating_distance(mean, covariance, np.zeros((3, 4))).shape == (0, 3)
    someone = kalman.initiate(np.array([[10.0, 20.0, 0.5, 40.0]]))
    assert kalman.gating_distance(*someone, np.zeros((0, 4))).shape == (1, 0)
