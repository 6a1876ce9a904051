"""What lost customers have in common: churned against retained, attribute by attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kbind.contrasts.comparison import Comparison, compare, strata_of
from kbind.contrasts.contrasts import Contrasts, effect_name
from kbind.customers.customers import outcome_of
from kbind.customers.leaks import Leak, leaks_of
from kbind.customers.profiles import Profiles, profiles
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import names_of
from kbind.dataset.opening import dataset_of
from kbind.errors import NotEnoughData, check_conf_level, check_share, listed
from kbind.estimate.intervals import benjamini_hochberg
from kbind.typing import Floats

__all__ = ["Contrasts", "contrast"]

#: Levels that are adjusted for by default: at most so many, and so many customers who left, and who stayed, to each.
_MOST_HELD, _FOR_EACH = 60, 10


def contrast(
    data: Dataset | Any,
    outcome: str = "churned",
    *,
    attributes: str | Sequence[str] | None = None,
    adjust: str | Sequence[str] | None = None,
    exposure: str | bool | None = None,
    fdr: float = 0.05,
    conf_level: float = 0.95,
) -> Contrasts:
    """What churned customers have that retained ones have not: every attribute, raw and adjusted, ranked by effect.

    Parameters
    ----------
    data : Dataset or data frame
        With `customers`; or a frame of pandas, Polars, Arrow, DuckDB or another library with a row a customer, whose
        columns are the attributes and the outcome.
    outcome : str
        "churned": the column with that role, or else customers who by contracts or events have left up to the end of
        the data, as for `durations`. Or a column of `customers` that says yes or no.
    attributes : str or sequence of str, optional
        Columns of `customers` to compare. Default: all but identifiers, times, the outcome, and what is proven to know
        it, as `leakage_report` has it; the result's `removed` says which and why. Columns that are named stay.
    adjust : str or sequence of str, optional
        Columns of `customers` in which compared customers should be alike. Text and yes/no by level, numbers linear.
        A column is not adjusted for itself. Default: the column with the role tenure, and all that hold levels, the
        most telling first, as many as the number of customers who left bears. Other numbers often follow from what a
        customer has bought. An empty list: nothing.
    exposure : str or bool, optional
        Adds rate ratios per time at risk, so that those who came early do not look worse: True for the months
        observed by `durations`, or a column of `customers` with the time. They are then ranked and tested. Default:
        True where contracts or events tell who has left, else False.
    fdr : float
        Share of false ones to allow among the findings, between 0 and 1.
    conf_level : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Contrasts

    Raises
    ------
    ArgumentError
        No such column, columns of times, unreadable outcomes, nobody left or nobody stayed, nothing to compare.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 873-890; Woolf (1955), Annals of Human Genetics 19, 251-253; Benjamini
    and Hochberg (1995), JRSS B 57, 289-300.

    Notes
    -----
    A level is compared with all others of its attribute together. Levels that mark the very customers that a level of
    another column marks ("No internet service" in "online security") do not apply to these customers: the other
    levels are compared without them, and `notes` says so. Unknown values are a level "(missing)" against all known,
    and left out of the other rows. Numbers of more than six values are cut near their quartiles.

    A ratio that would be 0 or infinite is NaN, as is the test where fewer than 5 customers are expected in a field;
    `details()` gives the reason. Where everybody or nobody with some level that is adjusted for has left, these
    customers say nothing on the effect and drop out of the adjusted estimate.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.contrast(kb.datasets.load_telco(), adjust=["contract", "internet_service", "tenure"])
    >>> frame = found.to_frame()
    >>> rows = frame[(frame["attribute"] == "internet_service") & (frame["level"] == "Fiber optic")]
    >>> rows[["n", "odds_ratio", "odds_ratio_adjusted"]].round(3).to_string(index=False, header=False)
    '3096 4.254 4.374'

    Of a plain frame, with a column that says who has left:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"plan": ["small"] * 60 + ["large"] * 40, "gone": [1, 0] * 30 + [0, 0, 0, 1] * 10})
    >>> kb.contrast(frame, outcome="gone").to_frame()[["level", "n", "odds_ratio"]].round(2).values.tolist()
    [['large', 40, 0.33], ['small', 60, 3.0]]
    """
    check_conf_level(conf_level)
    check_share("fdr", fdr)
    data = dataset_of(data, outcome)
    data.require("customers")
    if exposure is None and outcome_of(data, outcome).flag is None:
        exposure = True
    if adjust is None:
        everything = _without_leaks(profiles(data, outcome, exposure=exposure))[0]
        adjust = _suitable(data, everything)
    held = names_of(adjust, "adjust")
    counted = profiles(data, outcome, attributes=attributes, adjust=held, exposure=exposure)
    counted, leaks = _without_leaks(counted, asked=attributes is not None)
    rows = _compared(counted, held)
    q_values = _q_values(rows, effect_name(held, counted))
    return Contrasts(tuple(rows), held, float(fdr), float(conf_level), counted, q_values, leaks)


def _compared(counted: Profiles, held: Sequence[str]) -> list[Comparison]:
    """Every level of every attribute against the others, the largest effect first."""
    strata = strata_of(counted) if held else None
    name = effect_name(held, counted)
    rows = [row for attribute in counted.attributes for row in compare(counted, attribute, strata)]
    return sorted(rows, key=lambda row: _rank(row, name))


def _suitable(data: Dataset, counted: Profiles) -> list[str]:
    """What is adjusted for by default."""
    tenure = data.roles["tenure"].column if "tenure" in data.roles else ""
    left, n = int(counted.left.sum()), int(counted.n.sum())
    most = min(_MOST_HELD, left // _FOR_EACH, (n - left) // _FOR_EACH)
    held, levels = [tenure] if tenure else [], 0
    attributes = {attribute.name: attribute for attribute in counted.attributes}
    for name in dict.fromkeys(row.attribute for row in _compared(counted, ())):
        attribute = attributes[name]
        own = name not in counted.same and not attribute.cuts and name not in held
        if own and levels + len(attribute.levels) <= most:
            held.append(name)
            levels += len(attribute.levels)
    return held


def _without_leaks(counted: Profiles, *, asked: bool = False) -> tuple[Profiles, tuple[Leak, ...]]:
    """What is compared, but for what is proven to know the outcome; what was asked for by name stays, and is told."""
    leaks = leaks_of(counted, ())
    if asked or not leaks:
        told = tuple(f"{leak.column} knows the outcome: {leak.reason}." for leak in leaks)
        return replace(counted, notes=(*counted.notes, *told)), ()
    names = {leak.column for leak in leaks}
    attributes = tuple(one for one in counted.attributes if one.name not in names)
    if not attributes:
        raise NotEnoughData(
            f"every attribute knows the outcome: {listed(names)}; name those to compare: attributes=[...]"
        )
    told = tuple(f"Left out, because it knows the outcome: {leak.column} ({leak.reason})." for leak in leaks)
    structural = tuple(found for found in counted.structural if found.attribute not in names)
    return replace(counted, attributes=attributes, structural=structural, notes=(*counted.notes, *told)), leaks


def _rank(row: Comparison, name: str) -> tuple[bool, float]:
    """The largest effect first, levels without a test last.

    A ratio that would be 0 or infinite takes the place it has with half a customer more in every field.
    """
    effect = row.effects[name]
    size = abs(effect.estimate)
    if np.isnan(size):
        fields = (row.left, row.n - row.left, row.left_others, row.n_others - row.left_others)
        a, b, c, d = (count + 0.5 for count in fields)
        size = abs(float(np.log(a * d / (b * c))))
    # two levels mirror each other but for rounding, and stay in order
    return bool(np.isnan(effect.p_value)), -round(size, 9)


def _q_values(rows: Sequence[Comparison], name: str) -> Floats:
    """Benjamini-Hochberg over all tests; the two rows of an attribute with two levels are one test."""
    tests = [(row.attribute, "" if row.two else row.level) for row in rows]
    p_values = {test: row.effects[name].p_value for test, row in zip(tests, rows, strict=True)}
    q = dict(zip(p_values, benjamini_hochberg(list(p_values.values())), strict=True))
    return np.array([q[test] for test in tests])
