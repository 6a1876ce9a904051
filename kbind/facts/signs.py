"""What makes the risk of the customers on a list conspicuous, in groups large enough to be told."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kbind.churn.contacts import ContactList
from kbind.churn.snapshots.snapshot_table import Feature, Snapshots
from kbind.text.facts import Fact

#: A second sign is told if it goes with at least so much of the risk, as a share of the first.
SECOND = 0.5
#: Rows of a table at most, and the share of the list from which on two signs together have a row.
ROWS, PAIRED = 9, 0.06
#: A contract ends soon if it does within so many days.
SOON = 90

OTHER = "other"
#: Measures of how much of something there is, or how recent it is.
_MUCH = ("count", "sum")
_COURSE = ("trend", "change", "sum_change")
_SILENCE = ("days_since", "rhythm", "gap")


@dataclass(frozen=True)
class SignGroup:
    """Customers on a list who show the same signs.

    Parameters
    ----------
    signs : tuple of str
        One or two.
    n : int
        Customers.
    leaving, gain : float
        Leavers expected among them, and money expected from contacting them.
    """

    signs: tuple[str, ...]
    n: int
    leaving: float
    gain: float

    def facts(self, whole: float) -> dict[str, Fact]:
        """How many they are, their mean risk, and their share of the whole gain expected of the list."""
        name, source = f"list.sign.{'+'.join(self.signs)}", "contact_list(...)"
        share = self.gain / whole if whole > 0 else math.nan
        return {
            "n": Fact(f"{name}.n", self.n, "customers", "customers on the list who show these signs", source=source),
            # predicted, so that it counts nobody who left
            "risk": Fact(f"{name}.risk", self.leaving / self.n, "share", "mean predicted risk of those who show these "
                         "signs", source=source),
            "gain": Fact(f"{name}.gain", share, "share", "gain expected of those who show these signs / of the list",
                         n=self.n, source=source),
        }  # fmt: skip


def sign_of(feature: Feature, value: Any, usual: Any) -> str:
    """What a feature with this value is a sign of, compared with the usual value of others.

    Parameters
    ----------
    feature : Feature
    value, usual : object
        Of the customer, and the median of all; not numbers for categories.

    Returns
    -------
    str
        Such as "use_low" or "renewal".
    """
    low = _number(value) < _number(usual)
    high = _number(value) > _number(usual)
    table, measure = feature.table, feature.measure
    if measure == "days_to":
        return "renewal" if _number(value) <= SOON else "contract"
    if measure == "tenure":
        return "new" if low else "long"
    if table == "events":
        if measure in _COURSE:
            return "use_falling" if low else "use_other"
        return "use_low" if (low and measure in _MUCH) or (high and measure in _SILENCE) else "use_other"
    if table == "tickets":
        return "support"
    if table == "feedback":
        return "mood"
    if table in ("contacts", "campaigns", "cancellations"):
        return table
    return "contract" if table == "subscriptions" else "profile"


def sign_groups(listed: ContactList, seen: Snapshots, least: int) -> list[SignGroup]:
    """The list by its customers' one or two strongest signs; none with fewer than `least` customers.

    Groups that are too small join those with the same first sign, then "other"; if that is too small itself, it takes
    the smallest group with it. Where even that does not suffice, there are no groups.
    """
    n = len(listed.customer)
    if n < least:
        return []
    found = _signs(listed, seen)
    enough = max(least, int(np.ceil(PAIRED * n)))
    pairs: list[tuple[str, ...]] = [tuple(sorted(signs)) for signs in found]
    kept = _large(pairs, enough)
    found = [pair if pair in kept else signs[:1] for pair, signs in zip(pairs, found, strict=True)]
    kept = _large(found, least)
    found = [signs if signs in kept else (OTHER,) for signs in found]
    sizes = Counter(found)
    while len(sizes) > ROWS or 0 < sizes[(OTHER,)] < least:
        others = [signs for signs in sizes if signs != (OTHER,)]
        if not others:
            break
        smallest = min(others, key=lambda signs: (sizes[signs], signs))
        found = [(OTHER,) if signs == smallest else signs for signs in found]
        sizes = Counter(found)
    groups = []
    for signs, size in sizes.items():
        there = np.array([one == signs for one in found])
        leaving, gain = float(listed.probability[there].sum()), float(listed.expected_gain[there].sum())
        groups.append(SignGroup(signs, size, leaving, gain))
    return sorted(groups, key=lambda group: (group.signs == (OTHER,), -group.n, group.signs))


def _signs(listed: ContactList, seen: Snapshots) -> list[tuple[str, ...]]:
    """One or two signs of each customer on the list."""
    meaning = {feature.name: feature for feature in seen.meanings}
    numbers = {
        name: float(np.nanmedian(values)) if not np.isnan(values).all() else np.nan
        for name in set(listed.reasons["feature"])
        if pd.api.types.is_numeric_dtype(seen.features[name].dtype)
        for values in [seen.features[name].to_numpy(dtype=float, na_value=np.nan)]
    }
    found: list[list[tuple[str, float]]] = [[] for _ in listed.customer]
    names = ["position", "feature", "value", "effect"]
    for position, name, value, effect in listed.reasons[names].itertuples(index=False, name=None):
        sign = sign_of(meaning[name], value, numbers.get(name))
        found[position].append((sign, float(effect)))
    result = []
    for signs in found:
        strongest = signs[0][1] if signs else 0.0
        # the stronger first
        told = list(dict.fromkeys(sign for sign, effect in signs if effect >= SECOND * strongest))[:2]
        if set(told) == {"use_low", "use_falling"}:  # a reader hears the same twice
            told = ["use_falling"]
        result.append(tuple(told) or (OTHER,))
    return result


def _large(found: list[tuple[str, ...]], least: int) -> set[tuple[str, ...]]:
    return {signs for signs, size in Counter(found).items() if size >= least}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
