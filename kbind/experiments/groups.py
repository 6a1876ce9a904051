"""Whom it helped more: the effect in groups of customers, with false discoveries kept rare."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import isfinite, nan, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from kbind.customers.levels import Attribute
from kbind.dataset.groups import names_of
from kbind.errors import ArgumentError, choices, told
from kbind.estimate.intervals import benjamini_hochberg, two_sided
from kbind.experiments.arms import plain
from kbind.experiments.campaign import Assigned
from kbind.typing import Bools, Floats, Objects

if TYPE_CHECKING:
    import pandas as pd

#: Customers an arm, and of each outcome an arm, that a group has to hold.
LEAST, EACH = 30, 5
#: Numbers are cut into so many groups of about equal size.
_PARTS = 3


def labels_of(assigned: Assigned, by: Any) -> dict[str, tuple[Objects, tuple[str, ...]]]:
    """The group of every customer, None where unknown, and the groups in their order, by column.

    Parameters
    ----------
    assigned : Assigned
    by : str, sequence of str, or mapping of str to Series
        Columns of `customers`; or labels by customer id, such as segments or personas.
    """
    if isinstance(by, Mapping):
        return {str(name): _given(assigned, str(name), labels) for name, labels in by.items()}
    found: dict[str, tuple[Objects, tuple[str, ...]]] = {}
    for name in names_of(by, "by"):
        if name not in assigned.attributes:
            known = choices(name, assigned.attributes)
            raise ArgumentError(f"by={name!r} is no column of customers known at the assignment; {known}")
        values = assigned.attributes[name]
        if isinstance(values, Attribute):
            found[name] = np.array([*values.levels, None], dtype=object)[values.codes], values.levels
        else:
            found[name] = _cut(values)
    return found


def _given(assigned: Assigned, name: str, labels: Any) -> tuple[Objects, tuple[str, ...]]:
    import pandas as pd

    if not isinstance(labels, pd.Series) or not labels.index.is_unique:
        raise ArgumentError(
            f"by={{{name!r}: {told(labels)}}} is no Series of labels; allowed: one label a customer, by its id"
        )
    found = labels.reindex(pd.Index(assigned.customer_id))
    if not found.notna().any():
        raise ArgumentError(
            f"by={{{name!r}: ...}} has labels of nobody in the campaign; its index has to hold their ids"
        )
    words: list[str | None] = [None if pd.isna(label) else str(label) for label in found]
    return np.array(words, dtype=object), tuple(sorted({word for word in words if word is not None}))


def _cut(values: Floats) -> tuple[Objects, tuple[str, ...]]:
    """Numbers as thirds, by their ranges."""
    known = np.isfinite(values)
    cuts = np.unique(np.quantile(values[known], np.arange(1, _PARTS) / _PARTS)) if known.any() else np.zeros(0)
    place = np.searchsorted(cuts, np.where(known, values, 0.0), side="left")
    said = [f"{float(f'{cut:.3g}'):g}" for cut in cuts]
    if not said:
        return np.full(len(values), None, dtype=object), ()
    names = (f"up to {said[0]}", *(f"{low} to {high}" for low, high in pairwise(said)), f"over {said[-1]}")
    return np.array([*names, None], dtype=object)[np.where(known, place, -1)], names


def effect_by_group(assigned: Assigned, values: Floats, by: Any, outcome: str, conf_level: float) -> pd.DataFrame:
    """The effect in every group, and whether it differs from that in all others.

    Parameters
    ----------
    assigned : Assigned
        Only those whose outcome is known.
    values : ndarray of float, shape (customers,)
        Outcomes.
    by : see `labels_of`
    outcome : str
    conf_level : float

    Returns
    -------
    DataFrame
        column, group, n_treated, n_others, difference with _ci_lower and _ci_upper, against_rest (less the difference
        among all others), p_value of that being 0, q_value (Benjamini-Hochberg over all groups), differs (q of at most
        1 - conf_level). NaN where an arm of the group, or of the others, has fewer than 30 customers or, of shares, 5
        who left or 5 who stayed.

    Notes
    -----
    Where no group differs, one is said to differ in at most 1 - conf_level of the cases.
    """
    import pandas as pd

    rows = []
    for name, (labels, groups) in labels_of(assigned, by).items():
        known = np.array([label is not None for label in labels], dtype=bool)
        for group in groups:
            inside = labels == group
            if not inside.any():
                continue
            gap, p = _against_rest(values, assigned.treated, inside, known & ~inside, outcome)
            n_treated, n_others = int((inside & assigned.treated).sum()), int((inside & ~assigned.treated).sum())
            own = plain(values[inside], assigned.treated[inside], outcome, conf_level) if n_treated and n_others else ()
            rows.append((name, group, n_treated, n_others, *(own or (nan,) * 3), gap, p))
    columns = ["column", "group", "n_treated", "n_others", "difference", "difference_ci_lower", "difference_ci_upper",
               "against_rest", "p_value"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    q = benjamini_hochberg(frame["p_value"].to_numpy(dtype=float))
    return frame.assign(q_value=q, differs=q <= 1 - conf_level)


def _against_rest(values: Floats, treated: Bools, inside: Bools, outside: Bools, outcome: str) -> tuple[float, float]:
    """The effect inside less that outside, with its p value."""
    gap, spread = 0.0, 0.0
    for rows, sign in ((inside, 1.0), (outside, -1.0)):
        for arm, side in ((rows & treated, sign), (rows & ~treated, -sign)):
            y = values[arm]
            if len(y) < LEAST or (outcome == "retained" and min(y.sum(), len(y) - y.sum()) < EACH):
                return nan, nan
            gap += side * float(y.mean())
            spread += float(y.var(ddof=1)) / len(y)
    return (gap, two_sided(gap, sqrt(spread))) if isfinite(gap) else (nan, nan)
