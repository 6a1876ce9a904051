"""What lost customers have in common: churned against retained, attribute by attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kbind.data.dataset import Dataset
from kbind.errors import ArgumentError, NotEnoughData, check_conf_level, check_share, did_you_mean, listed
from kbind.estimates.contrasts.compare import Comparison, compare, strata_of
from kbind.estimates.contrasts.result import Contrasts, chosen, effect_name
from kbind.estimates.leaks import Leak, leaks_of
from kbind.estimates.many_tests import benjamini_hochberg
from kbind.statistics.groups import names_of
from kbind.statistics.profiles import Profiles, profiles
from kbind.statistics.profiles.levels import Floats

__all__ = ["Contrasts", "contrast"]


def contrast(
    data: Dataset,
    outcome: str = "churned",
    *,
    attributes: str | Sequence[str] | None = None,
    adjust: str | Sequence[str] | None = None,
    exposure: str | bool | None = None,
    fdr: float = 0.05,
    conf_level: float = 0.95,
    keep: str | Sequence[str] | None = None,
) -> Contrasts:
    """What churned customers have that retained ones have not: every attribute, raw and adjusted, ranked by effect.

    Parameters
    ----------
    data : Dataset
        With `customers`.
    outcome : str
        "churned": the column with that role, or else customers who by contracts or events have left up to the end of
        the data, as for `durations`. Or a column of `customers` that says yes or no.
    attributes : str or sequence of str, optional
        Columns of `customers` to compare. Default: all but identifiers, times and the outcome.
    adjust : str or sequence of str, optional
        Columns of `customers` in which compared customers should be alike. Text and yes/no by level, numbers linear.
        A column is not adjusted for itself.
    exposure : str or True, optional
        Adds rate ratios per time at risk, so that those who came early do not look worse: True for the months
        observed by `durations`, or a column of `customers` with the time. They are then ranked and tested.
    fdr : float
        Share of false ones to allow among the findings, between 0 and 1.
    conf_level : float
        Level of the intervals, between 0 and 1.
    keep : str or sequence of str, optional
        Columns that are compared though they are proven to know the outcome, as `leakage_report` has it. Others of the
        kind are removed, unless `attributes` names them; the result's `removed` says which and why.

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
    """
    check_conf_level(conf_level)
    check_share("fdr", fdr)
    counted = profiles(data, outcome, attributes=attributes, adjust=adjust, exposure=exposure)
    counted, leaks = _without_leaks(counted, names_of(keep, "keep"), asked=attributes is not None)
    held = names_of(adjust, "adjust")
    strata = strata_of(counted) if held else None
    name = effect_name(held, counted)
    rows = [row for attribute in counted.attributes for row in compare(counted, attribute, strata)]
    rows.sort(key=lambda row: _rank(row, name))
    return Contrasts(tuple(rows), held, float(fdr), float(conf_level), counted, _q_values(rows, name), leaks)


def _without_leaks(counted: Profiles, kept: Sequence[str], *, asked: bool) -> tuple[Profiles, tuple[Leak, ...]]:
    """What is compared, but for what is proven to know the outcome; what was asked for by name stays, and is told."""
    known = list(counted.values)
    if strange := [name for name in kept if name not in known]:
        hint = did_you_mean(strange[0], known)
        raise ArgumentError(f"keep={strange[0]!r} is no attribute that is compared; {hint}attributes: {listed(known)}")
    leaks = leaks_of(counted, kept)
    if asked or not leaks:
        told = tuple(f"{leak.column} knows the outcome: {leak.reason}." for leak in leaks)
        return replace(counted, notes=(*counted.notes, *told)), ()
    names = {leak.column for leak in leaks}
    attributes = tuple(one for one in counted.attributes if one.name not in names)
    if not attributes:
        raise NotEnoughData(f"every attribute knows the outcome: {listed(names)}; keep some by keep=[...]")
    told = tuple(f"Left out, because it knows the outcome: {leak.column} ({leak.reason})." for leak in leaks)
    structural = tuple(found for found in counted.structural if found.attribute not in names)
    return replace(counted, attributes=attributes, structural=structural, notes=(*counted.notes, *told)), leaks


def _rank(row: Comparison, name: str) -> tuple[bool, float]:
    """The largest effect first, levels without a test last.

    A ratio that would be 0 or infinite takes the place it has with half a customer more in every field.
    """
    effect = chosen(row, name)
    size = abs(effect.estimate)
    if np.isnan(size):
        fields = (row.left, row.n - row.left, row.left_others, row.n_others - row.left_others)
        a, b, c, d = (count + 0.5 for count in fields)
        size = abs(float(np.log(a * d / (b * c))))
    # two levels mirror each other but for rounding, and stay in order
    return bool(np.isnan(effect.p_value)), -round(size, 9)


def _q_values(rows: Sequence[Comparison], name: str) -> Floats:
    """Benjamini-Hochberg over all tests; the two rows of an attribute with two levels are one test."""
    test = {row: (row.attribute, "" if row.two else row.level) for row in rows}
    p_values = {test[row]: chosen(row, name).p_value for row in rows}
    q = dict(zip(p_values, benjamini_hochberg(list(p_values.values())), strict=True))
    return np.array([q[test[row]] for row in rows])
