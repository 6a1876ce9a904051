"""Columns that many customers have no value in: what a page says of them rests on the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kbind.churn.contacts import last_rows
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.customers.levels import Attribute
from kbind.customers.roster import Roster
from kbind.text.facts import Fact
from kbind.text.voice import Voice
from kbind.typing import Bools

#: Share of missing values from which on a page says so, and columns that it names.
MANY, _NAMED = 0.2, 3


def gaps_of_people(people: Roster) -> dict[str, Fact]:
    """What is missing of many customers, the most first."""
    columns = people.columns.items()
    return _gaps({name: v.codes < 0 if isinstance(v, Attribute) else np.isnan(v) for name, v in columns})


def gaps_of_features(seen: Snapshots) -> dict[str, Fact]:
    """The same of columns of customers that are features, at the last date; by the names of the features."""
    here = seen.features.iloc[last_rows(seen)]
    named = [one.name for one in seen.meanings if one.table == "customers" and one.measure == "attribute"]
    return _gaps({name: here[name].isna().to_numpy() for name in named})


def _gaps(missing: Mapping[str, Bools]) -> dict[str, Fact]:
    found = dict[str, Fact]()
    for name, mask in missing.items():
        n, count, meaning = len(mask), int(mask.sum()), f"customers without a value in {name} / customers"
        fact = Fact(f"missing.{name}", count / max(n, 1), "share", meaning, n=n, count=count)
        found |= {name: fact} if fact.value > MANY else {}
    return dict(sorted(found.items(), key=lambda gap: -gap[1].value))


def gap_text(voice: Voice, gaps: Mapping[str, Fact], name: Callable[[str], str]) -> list[str]:
    """One sentence on what is missing, none where nothing is; `name`: what readers call a column."""
    told = {column: fact for column, fact in gaps.items() if voice.disclosure.tells(fact)}
    if not told:
        return []
    names = [voice.say("gaps.name", name=name(column)) for column in list(told)[:_NAMED]]
    words = {"columns": voice.listed(names), "first": names[0], "share": next(iter(told.values()))}
    return [voice.say("gaps.one" if len(told) == 1 else "gaps.many", **words)]
