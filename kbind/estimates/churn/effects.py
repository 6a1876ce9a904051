"""What moves a predicted risk: features that go together are exchanged together, and the prediction is watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kbind.typing import Floats, Ints

#: Features that belong together from this association on (Cramér's V, numbers cut into fifths).
TOGETHER = 0.5
#: Rows that associations are measured on at most.
MEASURED = 5000
#: Rows predicted at once.
AT_ONCE = 200_000


def feature_groups(features: pd.DataFrame) -> list[list[str]]:
    """Features in groups whose members say much the same, each in the order of the columns.

    Average linkage on Cramér's V; missing values are a level of their own. A feature with one value stands alone.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    names = [str(name) for name in features]
    if len(names) < 2:
        return [names] if names else []
    step = max(len(features) // MEASURED, 1)
    codes = [_codes(features.iloc[::step, k]) for k in range(len(names))]
    apart = np.zeros((len(names), len(names)))
    for a, first in enumerate(codes):
        for b, second in enumerate(codes[:a]):
            apart[a, b] = apart[b, a] = 1 - _cramer(first, second)
    label = fcluster(linkage(squareform(apart), "average"), 1 - TOGETHER, "distance")
    members: dict[int, list[str]] = {}
    for name, group in zip(names, label, strict=True):
        members.setdefault(int(group), []).append(name)
    return list(members.values())


def _codes(values: pd.Series[Any]) -> Ints:
    """Levels as numbers from 0; numbers in fifths."""
    if pd.api.types.is_numeric_dtype(values.dtype) and values.nunique() > 5:
        array = values.to_numpy(dtype=float, na_value=np.nan)
        cuts = np.unique(np.nanquantile(array, [0.2, 0.4, 0.6, 0.8]))
        codes = np.where(np.isnan(array), -1, np.searchsorted(cuts, array, side="right"))
    else:
        codes = pd.factorize(values.astype(object))[0]
    return np.unique(codes, return_inverse=True)[1]


def _cramer(first: Ints, second: Ints) -> float:
    """Cramér's V of two codings, corrected for chance (Bergsma 2013)."""
    n, r, c = len(first), int(first.max()) + 1, int(second.max()) + 1
    if min(r, c) < 2 or n < 2:
        return 0.0
    table = np.bincount(first * c + second, minlength=r * c).reshape(r, c)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = ((table - expected) ** 2 / expected).sum() / n - (r - 1) * (c - 1) / (n - 1)
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return float(np.sqrt(max(phi, 0.0) / max(min(rows, columns) - 1, 1e-9)).clip(0, 1))


def exchanged(model: Any, features: pd.DataFrame, rows: Ints, donors: Ints, groups: Sequence[Sequence[str]]) -> Floats:
    """Predicted risk of rows if they had a donor's values of one group of features.

    Parameters
    ----------
    model : fitted classifier
    features : DataFrame
    rows, donors : ndarray of int, shape (r,), (d,)
        Positions in the features.
    groups : sequence of sequences of str

    Returns
    -------
    ndarray of float, shape (groups, r, d)
    """
    found = np.empty((len(groups), len(rows), len(donors)))
    # many donors have the same values of a group, and each distinct one is predicted once
    distinct = [_distinct(features.iloc[donors][list(group)]) for group in groups]
    sizes = np.array([len(first) for first, _ in distinct])
    step = max(AT_ONCE // max(int(sizes.sum()), 1), 1)
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        moved = [
            _moved(features, some, donors[first], group) for group, (first, _) in zip(groups, distinct, strict=True)
        ]
        risk = model.predict_proba(pd.concat(moved, ignore_index=True))[:, 1]
        parts = np.split(risk, np.cumsum(len(some) * sizes)[:-1])
        for g, (part, (_, code)) in enumerate(zip(parts, distinct, strict=True)):
            found[g, start : start + step] = part.reshape(len(some), -1)[:, code]
    return found


def _distinct(values: pd.DataFrame) -> tuple[Ints, Ints]:
    """The first row of each combination of values, and the combination that each row has."""
    levels = np.column_stack([pd.factorize(values[name], use_na_sentinel=False)[0] for name in values])
    _, first, code = np.unique(levels, axis=0, return_index=True, return_inverse=True)
    return first, code.reshape(-1)


def _moved(features: pd.DataFrame, rows: Ints, donors: Ints, group: Sequence[str]) -> pd.DataFrame:
    """Every row with every donor's values of a group."""
    given = np.tile(donors, len(rows))
    values = {name: features[name].iloc[given].array for name in group}
    return features.iloc[np.repeat(rows, len(donors))].assign(**values)


def contributions(
    model: Any, features: pd.DataFrame, rows: Ints, groups: Sequence[Sequence[str]], donors: Ints
) -> Floats:
    """How much of each row's risk goes with its own values of a group instead of those of other customers.

    Returns
    -------
    ndarray of float, shape (r, groups)
        Predicted risk minus its mean with the group's values of the donors.
    """
    own = model.predict_proba(features.iloc[rows])[:, 1]
    return np.asarray(own[:, None] - exchanged(model, features, rows, donors, groups).mean(axis=2).T)
