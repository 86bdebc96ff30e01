import json
from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.tracking import kalman

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
    close(covariance, reference["init_cov"])


def test_predict_equals_the_reference(reference):
    mean, covariance = kalman.predict(reference["state_mean"], reference["state_cov"])
    for name in ("predict", "multi_predict"):
        close(mean, reference[f"{name}_mean"])
        close(covariance, reference[f"{name}_cov"])


def test_project_update_and_gate_equal_the_reference(reference):
    state = reference["multi_predict_mean"], reference["multi_predict_cov"]
    measurements = reference["update_measurements"]
    for got, name in zip(kalman.project(*state), ("project_mean", "project_cov"), strict=True):
        close(got, reference[name])
    for got, name in zip(kalman.update(*state, measurements), ("update_mean", "update_cov"), strict=True):
        close(got, reference[name])
    close(kalman.gating_distance(*state, measurements), reference["gating_maha"])


def test_the_reference_s_other_gates_follow_from_the_projection(reference):
    """Nothing uses them there either: squared Mahalanobis of the position alone, and plain squared distance."""
    mean, covariance = kalman.project(reference["multi_predict_mean"], reference["multi_predict_cov"])
    difference = reference["update_measurements"][None] - mean[:, None]
    precision = np.linalg.inv(covariance[:, :2, :2])
    position = np.einsum("nmi,nij,nmj->nm", difference[..., :2], precision, difference[..., :2])
    close(position, reference["gating_maha_position"])
    close(np.square(difference).sum(axis=2), reference["gating_gaussian"])


def test_a_long_roll_equals_the_reference(reference):
    states = list(roll(reference["roll_measurements"], reference["roll_seen"]))
    close(np.stack([mean for mean, _ in states]), reference["roll_mean"])
    close(np.stack([covariance for _, covariance in states]), reference["roll_cov"])


def test_a_short_roll_equals_the_stored_one():
    stored = json.loads(STORED.read_text())
    states = list(roll(np.array(stored["measurements"]), stored["seen"]))
    np.testing.assert_allclose([mean for mean, _ in states], stored["mean"], rtol=1e-7, atol=1e-9)
    variance = [np.diag(covariance) for _, covariance in states]
    np.testing.assert_allclose(variance, stored["variance"], rtol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_covariance_stays_symmetric_positive_definite(seed):
    rng = np.random.default_rng(seed)
    mean, covariance = kalman.initiate(random_people(rng, 20))
    for _ in range(100):
        mean, covariance = kalman.predict(mean, covariance)
        seen = np.flatnonzero(rng.random(20) < 0.7)
        noisy = mean[seen, :4] * rng.normal(1, 0.05, (len(seen), 4))
        mean[seen], covariance[seen] = kalman.update(mean[seen], covariance[seen], noisy)
        np.testing.assert_allclose(covariance, covariance.transpose(0, 2, 1), rtol=1e-12)
        assert (np.linalg.eigvalsh(covariance) > 0).all()


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
    spread = [np.trace(covariance[0])]
    for _ in range(5):
        mean, covariance = kalman.predict(mean, covariance)
        spread.append(np.trace(covariance[0]))
    assert (np.diff(spread) > 0).all()


def test_no_tracks_and_no_measurements_are_fine():
    mean, covariance = kalman.initiate(np.zeros((0, 4)))
    assert kalman.predict(mean, covariance)[1].shape == (0, 8, 8)
    assert kalman.update(mean, covariance, np.zeros((0, 4)))[0].shape == (0, 8)
    assert kalman.gating_distance(mean, covariance, np.zeros((3, 4))).shape == (0, 3)
    someone = kalman.initiate(np.array([[10.0, 20.0, 0.5, 40.0]]))
    assert kalman.gating_distance(*someone, np.zeros((0, 4))).shape == (1, 0)
