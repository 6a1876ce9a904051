"""k-means of many samples at once: what scikit-learn finds in one, whatever it is computed with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

import kbind as kb
from kbind.estimates import threads
from kbind.estimates.segments import lloyd
from kbind.estimates.segments.lloyd import assign, best_of_starts, nearest, plus_plus
from kbind.estimates.segments.methods import KMeansMethod, draw
from kbind.estimates.segments.stability import Stability, stability
from kbind.estimates.segments.traits import learn_coding
from kbind.statistics.groups import Ints
from kbind.statistics.profiles.levels import Floats
from kbind.statistics.roster import roster


def inertia(x: Floats, weights: Floats, centres: Floats, labels: Ints) -> float:
    return float((weights * ((x - centres[labels]) ** 2).sum(axis=1)).sum())


def test_nearest_hand_computed() -> None:
    x = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    labels, near = nearest(x.T, np.array([[[0.0, 1.0]], [[2.0, 1.0]], [[1.0, 0.0]]]))
    # the first is as far from the first centre as from the third
    assert labels.tolist() == [[0, 1, 0]]
    assert (x**2).sum(axis=1) - 2 * near[0] == pytest.approx([1, 1, 4])


def test_lloyd_hand_computed() -> None:
    x = np.array([[0.0], [1.0], [5.0], [9.0]])
    moved = lloyd.lloyd(x, np.array([[1.0, 3.0, 0.0, 2.0]]), np.array([[[0.0]], [[1.0]]]), 0.0)
    # the second centre leaves for 9, and the one of weight 3 follows the first; 5 is not in the sample
    assert moved[:, 0, 0] == pytest.approx([0.75, 9.0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 7), st.booleans())
def test_lloyd_from_the_same_start_equals_scikit_learn(seed: int, k: int, levels: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(150, 4))
    x = (x > 0.3) + 0.01 * x if levels else x
    weights = rng.integers(1, 4, 150).astype(float)
    start = x[rng.permutation(150)[:k]]
    found = lloyd.lloyd(x, weights[None], start[:, None], 1e-4 * x.var(axis=0).mean())[:, 0]
    theirs = KMeans(k, init=start, n_init=1, algorithm="lloyd").fit(x, sample_weight=weights)
    assert found == pytest.approx(theirs.cluster_centers_, abs=1e-9)
    assert np.array_equal(assign(x, found[:, None])[0], theirs.labels_)


def test_plus_plus_chooses_by_weight_and_distance() -> None:
    x = np.array([[0.0], [0.0], [1.0], [3.0], [50.0]])
    weights = np.array([[1.0, 0, 3, 2, 0]])
    drawn = np.random.default_rng(0).random((4000, 2, 1))
    start = plus_plus(x, np.repeat(weights, 4000, axis=0), 2, drawn)[:, :, 0]
    # 50 is not in the sample; after 0 come 1 and 3 in proportion to 3 x 1 and 2 x 9
    assert set(start.ravel()) == {0, 1, 3}
    assert (start[0] == 0).mean() == pytest.approx(1 / 6, abs=0.03)
    assert (start[1][start[0] == 0] == 3).mean() == pytest.approx(18 / 21, abs=0.05)


def test_best_of_starts_is_as_good_as_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 5)) + 4 * rng.integers(0, 2, (300, 5))
    weights = rng.multinomial(300, np.full(300, 1 / 300), size=40).astype(float)
    centres, labels = best_of_starts(x, weights, 6, 3, rng.spawn(40))
    ours = [inertia(x, w, c, found) for w, c, found in zip(weights, centres, labels, strict=True)]
    theirs = [
        KMeans(6, n_init=3, random_state=b).fit(x[w > 0], sample_weight=w[w > 0]).inertia_
        for b, w in enumerate(weights)
    ]
    # the luck of three starts differs from sample to sample, not on average
    assert np.mean(np.array(ours) / theirs) == pytest.approx(1, abs=0.015)


def test_best_of_starts_of_a_sample_does_not_depend_on_others(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(700, 3))
    weights = np.random.default_rng(1).multinomial(700, np.full(700, 1 / 700), size=5).astype(float)
    centres, labels = best_of_starts(x, weights, 4, 3, np.random.default_rng(2).spawn(5))
    # in small parts, one after the other
    monkeypatch.setattr(lloyd, "CELLS", 1000)
    for b, rng in enumerate(np.random.default_rng(2).spawn(5)):
        alone, found = best_of_starts(x, weights[b : b + 1], 4, 3, [rng])
        assert alone[0] == pytest.approx(centres[b])
        assert np.array_equal(found[0], labels[b])


def test_lloyd_fills_centres_that_nobody_is_with() -> None:
    x = np.array([[0.0], [1.0], [10.0], [11.0]])
    far = np.array([[[0.5]], [[-90.0]]])
    assert sorted(lloyd.lloyd(x, np.ones((1, 4)), far, 0.0)[:, 0, 0]) == pytest.approx([0.5, 10.5])


def test_best_of_starts_of_fewer_different_customers_than_segments() -> None:
    x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    centres, labels = best_of_starts(x, np.array([[2.0, 1.0, 0.0]]), 3, 2, [np.random.default_rng(0)])
    assert np.isfinite(centres).all()
    assert labels[0][0] != labels[0][1] == labels[0][2]


def repeated(data: kb.Dataset, k: int) -> Stability:
    people = roster(data)
    method = KMeansMethod(learn_coding(people))
    x = method.prepare(method.coding.read(people.columns))
    rows, counts = np.unique(x, axis=0, return_counts=True)
    return stability(method, rows, counts.astype(float), k, 20, np.random.default_rng(0))


def test_stability_does_not_depend_on_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    people = pd.DataFrame({"customer_id": np.arange(400), "a": rng.normal(size=400), "b": rng.normal(size=400)})
    data = kb.open_dataset({"customers": people.assign(churned=True)}, roles={"churned": "churned"})
    alone = repeated(data, 3)
    seen: list[int] = []

    def three(rows: int) -> int:
        seen.append(rows)
        return 3

    monkeypatch.setattr("kbind.estimates.segments.methods.workers_for", three)
    # one resample at a time
    monkeypatch.setattr("kbind.estimates.segments.methods.CELLS", 1)
    together = repeated(data, 3)
    assert seen == [400]
    assert np.array_equal(alone.ari, together.ari)
    assert np.array_equal(alone.jaccard, together.jaccard)


def test_stability_where_a_resample_misses_a_kind_of_customer() -> None:
    people = pd.DataFrame({"customer_id": np.arange(120), "a": ["x"] * 60 + ["y"] * 60, "b": ["u"] * 60 + ["v"] * 60})
    people.loc[119, "b"] = "u"
    data = kb.open_dataset({"customers": people.assign(churned=True)}, roles={"churned": "churned"})
    found = repeated(data, 3)
    assert found.sizes.tolist() == [60, 59, 1]
    # the single one is in two of three resamples, and else falls to others
    assert 0.3 < found.least_jaccard < 0.9
    assert found.jaccard[:, 0].min() > 0.9


def test_draw_as_many_customers_as_there_are() -> None:
    counts = np.array([1.0, 0.0, 5.0, 14.0])
    drawn = np.stack([draw(counts, rng) for rng in np.random.default_rng(0).spawn(2000)])
    assert (drawn.sum(axis=1) == 20).all()
    assert drawn.mean(axis=0) == pytest.approx(counts, abs=0.2)


def test_workers_for_few_and_many_rows() -> None:
    assert threads.workers_for(threads.MANY - 1) == 1
    assert threads.workers_for(threads.MANY) >= 1
