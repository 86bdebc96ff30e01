"""Re-ID quality: by hand, and against all pairs looked at one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmot_pl.evaluation import embedding
from fairmot_pl.evaluation.embedding import BINS, FARS, GAPS, embedding_figures, embedding_record


def unit(*angles: float) -> np.ndarray:
    """Unit vectors in the plane at angles in degrees."""
    radians = np.deg2rad(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def record(frames, identities, embeddings, **options):
    return embedding_record(np.array(frames), np.array(identities), embeddings, **options)


def walk(seed: int, people: int = 6, frames: int = 12):
    """Frames, identities and noisy looks of people some of whom are missing at times."""
    rng = np.random.default_rng(seed)
    looks = rng.normal(size=(people, 8))
    frame, identity = np.repeat(np.arange(1, frames + 1), people), np.tile(np.arange(people), frames)
    there = rng.random(len(frame)) < 0.7
    frame, identity = frame[there], identity[there]
    found = looks[identity] + rng.normal(size=(len(frame), 8)) * 0.8
    return frame, identity, (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_people_who_never_change_and_are_far_apart():
    figures = embedding_figures([record([1, 1, 2, 2], [7, 9, 7, 9], unit(0, 90, 0, 90))])
    assert {figures[f"TPR@FAR={far:g}"] for far in FARS} == {1.0}
    assert (figures["rank1"], figures["mAP"]) == (1.0, 1.0)
    assert figures["similarity_same@1"] == pytest.approx(1.0)
    assert figures["similarity_different@1"] == pytest.approx(0.0, abs=1e-7)
    assert not any(name.endswith("@5") for name in figures)  # nobody is seen five frames later


def test_ids_of_two_sequences_are_two_people():
    one, other = (record([1, 2], [1, 1], unit(angle, angle)) for angle in (0, 90))
    assert embedding_figures([one, other])["TPR@FAR=0.1"] == 1.0
    assert "TPR@FAR=0.1" not in embedding_figures([one])  # nobody to confuse them with


def test_retrieval_by_hand():
    # person 1 at 0, 21 and 43 degrees, in frames 1 to 3; strangers at 10 (frame 2) and 30 (frame 3)
    figures = embedding_figures([record([1, 2, 2, 3, 3], [1, 2, 1, 3, 1], unit(0, 10, 21, 30, 43))])
    # 0 asks: 10, 21 (right), 30, 43 (right); 21 asks: 30, 0 (right), 43 (right); 43 asks: 21 (right), 10, 0 (right)
    precisions = [(1 / 2 + 2 / 4) / 2, (1 / 2 + 2 / 3) / 2, (1 + 2 / 3) / 2]
    assert figures["rank1"] == pytest.approx(1 / 3)
    assert figures["mAP"] == pytest.approx(np.mean(precisions))


def test_people_in_no_other_frame_do_not_ask():
    figures = embedding_figures([record([1, 1, 2], [1, 2, 2], unit(0, 50, 50))])
    assert figures["rank1"] == figures["mAP"] == 1.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_against_every_pair_by_itself(seed):
    sequences = [walk(seed), walk(seed + 5000, people=4)]
    figures = embedding_figures([record(*one, sequences=2) for one in sequences])
    same, different, average, first = [], [], [], []
    people = [(place, *row) for place, one in enumerate(sequences) for row in zip(one[0], one[1], one[2], strict=True)]
    for index, (sequence, _, identity, looks) in enumerate(people):
        for other_sequence, _, other, other_looks in people[index + 1 :]:
            pairs = same if (sequence, identity) == (other_sequence, other) else different
            pairs.append(float(looks @ other_looks))
    for sequence, frame, identity, looks in people:
        gallery = [p for p in people if p[0] == sequence and p[1] != frame]
        right = np.array([p[2] == identity for p in gallery])
        order = np.argsort([-float(looks @ p[3]) for p in gallery], kind="stable")
        if right.any():
            ranked = right[order]
            first.append(ranked[0])
            average.append(np.mean([ranked[: place + 1].mean() for place in np.flatnonzero(ranked)]))
    for far in FARS:
        threshold = sorted(different)[::-1][int(far * len(different) + 1e-9)]
        assert figures[f"TPR@FAR={far:g}"] == pytest.approx(np.mean(np.array(same) > threshold), abs=0.02)
    assert figures["rank1"] == pytest.approx(np.mean(first), abs=1e-9)
    assert figures["mAP"] == pytest.approx(np.mean(average), abs=1e-6)
    for gap in GAPS[:2]:
        for kind in ("same", "different"):
            pairs = [
                float(a[3] @ b[3])
                for a in people
                for b in people
                if a[0] == b[0] and b[1] - a[1] == gap and (a[2] == b[2]) == (kind == "same")
            ]
            assert figures[f"similarity_{kind}@{gap}"] == pytest.approx(np.mean(pairs), abs=1e-5)


def test_rates_of_counts():
    same, different = np.zeros(BINS, int), np.zeros(BINS, int)
    same[[100, 200, 300]] = 1, 2, 1
    different[[50, 250]] = 999, 1
    # a share of 0.001 of the pairs of two people passes at 250: then one of four has; at 0.0001 none may
    rates = dict(zip(FARS, embedding.true_positive_rates(same, different), strict=True))
    assert rates == {1e-1: 1.0, 1e-2: 1.0, 1e-3: 1.0, 1e-4: 0.25}


def test_nobody_known_and_nobody_at_all():
    assert embedding_figures([]) == {}
    assert embedding_figures([record([], [], np.zeros((0, 4), np.float32))]) == {}
    assert embedding_figures([record([1, 2], [-1, -1], unit(0, 0))]) == {}


def test_memory_does_not_grow_with_the_square_of_the_boxes(monkeypatch):
    monkeypatch.setattr(embedding, "MAX_BOXES", 40)
    frames, identities, looks = walk(1, people=10, frames=60)
    found = record(frames, identities, looks)
    assert 0 < len(found.sample) <= 40
    assert embedding_figures([found])["TPR@FAR=0.1"] > 0
    again = record(frames, identities, looks)
    np.testing.assert_array_equal(found.sample, again.sample)
    assert 0 < len(record(frames, identities, looks, sequences=10**9).sample) <= 10  # one frame is the least
