"""How far rules hold for customers, from what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kbind.customers.profiles import Profiles
from kbind.dataset.frames import as_pandas
from kbind.errors import ArgumentError, choices, did_you_mean, listed
from kbind.personas.parts import Rule
from kbind.typing import Bools, Floats
from kbind.yamlfile import level_of

#: Sums of weights are compared with this much room for rounding.
_ROUNDING = 1e-9


def score(rules: Sequence[Rule], customers: Any) -> Floats:
    """The weighted share of rules that hold, among those whose attribute is known.

    Parameters
    ----------
    rules : sequence of Rule
    customers : data frame or Profiles
        One row a customer, or a combination of attributes. Profiles need the columns of ranges among their numbers
        (`adjust`), unless these have few values.

    Returns
    -------
    ndarray of float, shape (rows,)
        From 0 to 1; NaN where no attribute of any rule is known.

    Raises
    ------
    ArgumentError
        A rule is about a column that is not there, or a range about one that is no number; or there is no frame.

    Examples
    --------
    >>> rules = (Rule("partner", in_=(1,)), Rule("age", range=(30, 50)))
    >>> score(rules, pd.DataFrame({"partner": [1, 1, 0, None], "age": [30, 50, None, None]})).tolist()
    [1.0, 0.5, 0.0, nan]
    """
    rows = _checked(customers)
    held = [rule_holds(rule, rows) for rule in rules]
    weights = np.array([rule.weight for rule in rules])
    known = weights @ np.array([~np.isnan(values) for values in held])
    good = weights @ np.array([np.nan_to_num(values) for values in held])
    return np.asarray(np.where(known > 0, good / np.where(known > 0, known, 1.0), np.nan))


def reached(scores: Floats, min_match: float) -> Bools:
    """Which scores are `min_match` or more; of whom nothing is known reaches nothing."""
    return np.asarray(np.nan_to_num(scores, nan=-1.0) >= min_match - _ROUNDING)


def _checked(customers: Any) -> pd.DataFrame | Profiles:
    rows = customers if isinstance(customers, Profiles) else as_pandas(customers)
    if isinstance(rows, (pd.DataFrame, Profiles)):
        return rows
    raise ArgumentError(
        f"customers of type {type(customers).__name__} is no data frame; allowed: such as data.table('customers')"
    )


def rule_holds(rule: Rule, customers: pd.DataFrame | Profiles) -> Floats:
    """1 where a rule holds, 0 where it does not, NaN where its attribute is unknown; shape (rows,)."""
    levels, codes, numbers = _values(rule, customers)
    if rule.range is not None:
        if numbers is None:
            raise ArgumentError(f"{rule!r}: {rule.attribute!r} is no number; allowed: a rule with levels")
        low, high = rule.range
        inside = (numbers >= (-np.inf if low is None else low)) & (numbers < (np.inf if high is None else high))
        return np.asarray(np.where(np.isnan(numbers), np.nan, inside.astype(float)))
    wanted = _wanted(rule, levels)
    holds = np.array([*(_key(level) in wanted for level in levels), np.nan], dtype=float)
    return np.asarray(holds[codes])


def strange_levels(rules: Sequence[Rule], customers: pd.DataFrame | Profiles) -> tuple[str, ...]:
    """Sentences on levels in rules that nobody has, with the near miss."""
    found = []
    for rule in rules:
        if rule.in_ is None:
            continue
        levels, _, _ = _values(rule, customers)
        have = {_key(level) for level in levels}
        for level in rule.in_:
            if not ({_key(level)} | _wanted(Rule(rule.attribute, in_=(level,)), levels)) & have:
                hint = did_you_mean(level, levels) or f"levels: {listed(levels)}"
                found.append(f"nobody has {rule.attribute} {level!r}; {hint.strip()}")
    return tuple(found)


def _key(level: object) -> str:
    return level_of(level).casefold()


def _wanted(rule: Rule, levels: tuple[str, ...]) -> set[str]:
    """The levels of a rule as they are compared; yes and no fit a column of 0 and 1."""
    wanted = {_key(level) for level in rule.in_ or ()}
    if set(levels) <= {"0", "1"}:
        alias = {"yes": "1", "no": "0"}
    elif {_key(level) for level in levels} <= {"yes", "no"}:
        alias = {"1": "yes", "0": "no"}
    else:
        alias = {}
    return wanted | {alias[level] for level in wanted if level in alias}


def _values(rule: Rule, customers: pd.DataFrame | Profiles) -> tuple[tuple[str, ...], Any, Floats | None]:
    """Levels of the rule's attribute, the code of each row (-1 unknown), and its numbers where it is one."""
    if isinstance(customers, Profiles):
        return _of_profiles(rule, customers)
    columns = list(customers.columns)
    if rule.attribute not in columns:
        raise _no_column(rule, columns)
    return _of_column(customers[rule.attribute])


def _of_column(values: pd.Series[Any]) -> tuple[tuple[str, ...], Any, Floats | None]:
    codes, distinct = pd.factorize(values, sort=False)
    raw = [None if isinstance(value, str) and not value.strip() else value for value in list(distinct)]
    levels = [None if value is None else level_of(value) for value in raw]
    names = list(dict.fromkeys(level for level in levels if level is not None))
    place = np.array([*(-1 if level is None else names.index(level) for level in levels), -1], dtype=np.int64)
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    numbers = values.to_numpy(dtype=float, na_value=np.nan) if is_number else None
    return tuple(names), place[codes], numbers


def _of_profiles(rule: Rule, customers: Profiles) -> tuple[tuple[str, ...], Any, Floats | None]:
    name = rule.attribute
    if name in customers.numbers:
        numbers = customers.numbers[name]
        distinct, codes = np.unique(numbers, return_inverse=True)
        known = int(np.isfinite(distinct).sum())
        return tuple(level_of(value) for value in distinct[:known]), np.where(codes < known, codes, -1), numbers
    attributes = {a.name: a for a in customers.attributes} | customers.levels
    if name not in attributes:
        raise _no_column(rule, [*attributes, *customers.numbers])
    attribute = attributes[name]
    if attribute.cuts:
        raise ArgumentError(f"{rule!r}: {name!r} is cut into ranges in these profiles; ask for it by adjust too")
    values: Floats | None = None
    if rule.range is not None:
        try:
            of_level = [float(level) for level in attribute.levels]
        except ValueError:
            of_level = []
        values = np.array([*of_level, np.nan])[attribute.codes] if of_level else None
    return attribute.levels, attribute.codes, values


def _no_column(rule: Rule, columns: list[str]) -> ArgumentError:
    known = [str(name) for name in columns if name != "customer_id"]
    return ArgumentError(f"{rule!r} is about a column that is not there; {choices(rule.attribute, known)}")
