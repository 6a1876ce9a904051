"""Each way from a Parquet file of customers who left to how well four segments of them come back.

Samples are drawn at random, so the ways agree on the segments and, within what chance leaves, on their stability.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from generate import generate_churned

K, RESAMPLES = 4, 100
Answer = dict[str, Any]


def floor(path: str) -> Answer:
    """Read all columns and nothing else."""
    import duckdb

    duckdb.connect().sql(f"SELECT count(columns(*)), max(columns(*)) FROM '{path}'").fetchall()
    return {}


def kbind(path: str) -> Answer:
    """The public API: how well four segments come back, whether attributes belong together, and null samples."""
    import kbind as kb

    found = kb.segment_churned(_open(path), k=K, resamples=RESAMPLES, null_samples=19)
    return _answer(found.judgement.stabilities[0])


def kbind_stability(path: str) -> Answer:
    """What the public API does for the stability of one number of segments, and nothing else."""
    import numpy as np

    from kbind.segments.stability import stability

    x = _coded(path)
    return _answer(stability(x, np.ones(len(x)), K, RESAMPLES, np.random.default_rng(0)))


def scikit_learn(path: str) -> Answer:
    """The same resamples, one call of KMeans after the other."""
    import numpy as np
    from sklearn.cluster import KMeans

    from kbind.segments.stability import Stability, adjusted_rand, crossed, ordered

    x = _coded(path)
    rng, n = np.random.default_rng(0), len(x)
    labels = KMeans(K, n_init=10, random_state=0).fit(x).labels_.astype(np.int64)
    labels = ordered(labels, K, np.ones(n))
    ari, jaccard = [], []
    for b in range(RESAMPLES):
        drawn = rng.multinomial(n, np.full(n, 1 / n))
        rows = drawn > 0
        again = KMeans(K, n_init=3, random_state=b).fit(x[rows], sample_weight=drawn[rows].astype(float)).predict(x)
        table = crossed(labels, again.astype(np.int64), K, np.ones(n))
        either = table.sum(axis=1)[:, None] + table.sum(axis=0)[None, :] - table
        ari.append(adjusted_rand(table))
        jaccard.append((table / np.maximum(either, 1)).max(axis=1))
    return _answer(Stability(K, np.bincount(labels), np.array(ari), np.array(jaccard)))


def _open(path: str) -> Any:
    import kbind as kb

    return kb.open_dataset(path, table="customers", roles={"churned": "churned"})


def _coded(path: str) -> Any:
    """Attributes of those who left as columns of numbers."""
    import numpy as np

    from kbind.customers.roster import roster
    from kbind.segments.traits import learn_coding

    people = roster(_open(path))
    left = people.take(np.flatnonzero(people.left))
    coding = learn_coding(left)
    return coding.matrix(coding.read(left.columns))


def _answer(found: Any) -> Answer:
    """Segments in fiftieths of the customers, and whether they come back: what the luck of the draw does not change."""
    return {
        "sizes": [round(50 * share) for share in found.sizes / found.sizes.sum()],
        "ari": bool(found.ari.mean() > 0.9),
        "jaccard": bool(found.least_jaccard > 0.85),
    }


def small(path: Path) -> None:
    """A file to warm up on."""
    generate_churned(path, 150)


WAYS: dict[str, tuple[str, Callable[[str], Answer]]] = {
    "floor": ("the floor: all columns read, nothing else", floor),
    "stability": ("kbind, stability of 4 segments in 100 resamples", kbind_stability),
    "kbind": ("kbind, public API: stability, association, 19 null samples", kbind),
    "sklearn": ("scikit-learn, stability of 4 segments in 100 resamples", scikit_learn),
}
#: No libraries, so that nothing is measured against them.
NO_PEERS = ("floor", "stability", "kbind")
PACKAGES = ("kbind", "scikit-learn", "numpy", "duckdb")
