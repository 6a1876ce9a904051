"""Which customers give an occasion to be contacted now, by what measure, and not before when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.calendar import days_of
from kbind.dataset.arms import treated
from kbind.dataset.checks import CheckedTable
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData, check_choice, check_flag, check_list
from kbind.estimate.estimate import Estimate
from kbind.measures.rules import OCCASIONS, Occasion
from kbind.result import Shown
from kbind.spells.contracts import over
from kbind.spells.silence import silence_of
from kbind.survival.after import After
from kbind.survival.design import MOST_LEVELS
from kbind.survival.hazard_model import hazard_model
from kbind.typing import Objects

#: Days over which use is counted, and share of the customers under contract who use least: they pay without using.
IDLE_DAYS, IDLE = 90, 0.25
#: Leavers while an occasion held from which on its effect is told.
ENOUGH = 10
#: Kinds of business, in the order of `Occasion.measure`.
CONTEXTS = ("b2b", "b2c")
#: What a grade of an effect is called.
MEASURED, ASSUMED = "measured here", "assumed"
_COLUMNS = [
    "customer_id", "occasion", "since", "not_before", "measure", "channel", "effect", "effect_ci_lower",
    "effect_ci_upper", "grade",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Occasions(Shown):
    """Occasions to contact customers, the most urgent first. Made by `occasions`.

    Attributes
    ----------
    at : datetime
        What was known then counts.
    frame : DataFrame
        See `to_frame`.
    effects : dict of str to Estimate
        By occasion that was measured: hazard ratio of leaving while it holds.
    missing : dict of str to str
        Occasions that nobody can tell, and the tables or columns it would take.
    n_customers, n_no_consent, n_sleeping : int
        Customers at that date; of these, without consent; of the others, who pay without using.
    sleeping : ndarray of object
        Who the latter are.
    every : int
        Days between two contacts.
    """

    at: datetime
    frame: pd.DataFrame = field(repr=False)
    effects: dict[str, Estimate]
    missing: dict[str, str]
    n_customers: int
    n_no_consent: int
    n_sleeping: int
    sleeping: Objects = field(repr=False)
    every: int
    provenance: Provenance

    @property
    def definition(self) -> str:
        """Who is on the list, and what an effect is."""
        return (
            f"Occasions that held on {self.at:%Y-%m-%d} at customers of that day who had not given notice. Where "
            "consent is recorded, nobody without it. Left out under contract: the quarter that used least in "
            f"{IDLE_DAYS} days, who pay without using (sleeping dogs), unless the occasion is proven. Not before: "
            f"{self.every} days after the last contact. Effect: hazard ratio of leaving while the occasion holds "
            "against all other times, at the same age and on the same plan; it says what goes with leaving, not what a "
            "contact would change. "
            f"{self.provenance}"
        )

    def headline(self) -> str:
        """Rows and customers."""
        return f"{len(self.frame):,} occasions at {self.frame['customer_id'].nunique():,} customers"

    def to_frame(self) -> pd.DataFrame:
        """One row an occasion, by urgency.

        Returns
        -------
        DataFrame
            customer_id, occasion, since, not_before (times), measure (key of the catalogue), channel, effect (hazard
            ratio), effect_ci_lower, effect_ci_upper, grade ("measured here" or "assumed").
        """
        return self.frame.copy()

    def most_urgent(self) -> pd.DataFrame:
        """The first row of each customer."""
        return self.frame.drop_duplicates("customer_id", ignore_index=True)


def occasions(
    data: Dataset,
    *,
    at: object = None,
    every: str = "30D",
    context: str | None = None,
    proven: Sequence[str] = (),
    effects: bool = True,
) -> Occasions:
    """Which customers give an occasion to be contacted, by what measure and channel, and not before when.

    Parameters
    ----------
    data : Dataset
        With `subscriptions` or `events`.
    at : date, datetime or ISO text, optional
        What was known then counts. Default: the end of the data.
    every : str
        Time between two contacts, such as "30D"; campaigns say when the last one was.
    context : {"b2b", "b2c"}, optional
        Kind of business, which decides on the measure. Default: "b2b" where the data has contact persons.
    proven : sequence of str
        Occasions whose measure a trial of your own has shown to work: on these, customers who pay without using are
        not left out.
    effects : bool
        Whether to measure what goes with each occasion; it takes a regression each.

    Returns
    -------
    Occasions

    Raises
    ------
    ArgumentError
        An argument is not usable.
    NotEnoughData
        Neither contracts nor events.

    Notes
    -----
    Kinds, the most urgent first: term_ends (in 90 days, of terms of half a year or more), contact_left, ticket_bad
    (slower than nine in ten, no goodwill), satisfaction_falls (below the customer's own mean by a standard deviation of
    all answers), rhythm_broken (as `lapse`), profile_drifted (a kind of use given up while others go on), anniversary,
    milestone (days of use). Effects come from a Cox regression each, see `hazard_model`.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.occasions(kb.datasets.load_saas(), effects=False)
    >>> found.frame["occasion"].unique().tolist()[:3], found.missing
    (['term_ends', 'contact_left', 'ticket_bad'], {})
    """
    check_dataset(data)
    data.require("subscriptions", "events")
    days = days_of("every", every)
    asked = ("b2b" if "contacts" in data.tables else "b2c") if context is None else context
    place = CONTEXTS.index(check_choice("context", asked, CONTEXTS))
    keys = [one.key for one in OCCASIONS]
    shown = {check_choice("proven", key, keys) for key in check_list("proven", proven, f"keys of {', '.join(keys)}")}
    check_flag("effects", effects)
    known = data.assuming(as_of=at)
    assert known.as_of is not None
    people = _people(known)
    allowed = people[people["consent"] & ~people["idle"]]["customer_id"]
    agreed = people[people["consent"]]["customer_id"]
    missing = {one.key: lacks for one in OCCASIONS if (lacks := _lacks(known, one))}
    rows, measured = [], {}
    for one in OCCASIONS:
        if one.key in missing:
            continue
        arose = one.arose(known)
        if effects and one.measurable and (found := _effect(known, one, arose)) is not None:
            measured[one.key] = found
        rows.append(_holding(known.as_of, one, arose, agreed if one.key in shown else allowed, place))
    frame = pd.concat([some for some in rows if len(some)] or rows[:1], ignore_index=True)
    return Occasions(
        at=known.as_of,
        frame=_graded(frame, people, known.as_of, days, measured),
        effects=measured,
        missing=missing,
        n_customers=len(people),
        n_no_consent=int((~people["consent"]).sum()),
        n_sleeping=int((people["consent"] & people["idle"]).sum()),
        sleeping=people[people["idle"]]["customer_id"].to_numpy(dtype=object),
        every=days,
        provenance=Provenance.of(data, known.as_of),
    )


def _lacks(data: Dataset, one: Occasion) -> str:
    """What an occasion takes that the data has not."""
    return ", ".join(need for need in one.needs if not any(data.has(name) for name in need.split("|")))


def _people(data: Dataset) -> pd.DataFrame:
    """Customers of the day: customer_id, consent, idle (pay without using), contacted (missing: never)."""
    query = Query(data.engine).part(at=data.as_of, idle_days=IDLE_DAYS, idle=IDLE)
    _add_present(query, data)
    consent, joins, idle, contacted = "TRUE", "", "FALSE", "CAST(NULL AS TIMESTAMP)"
    if data.has("customers.consent"):
        consent = "coalesce(c.consent, FALSE)"
        joins += " LEFT JOIN customers AS c ON c.customer_id = p.customer_id"
    if "subscriptions" in data.tables and "events" in data.tables:
        _add_idle(query, data)
        idle, joins = "NOT i.customer_id IS NULL", f"{joins} LEFT JOIN idle AS i ON i.customer_id = p.customer_id"
    if data.has("campaigns.assigned_at"):
        _add_contacted(query, data)
        contacted, joins = "k.t", f"{joins} LEFT JOIN contacted AS k ON k.customer_id = p.customer_id"
    found = query.select(
        f"SELECT p.customer_id, {consent} AS consent, {idle} AS idle, {contacted} AS contacted "
        f"FROM present AS p{joins} ORDER BY p.customer_id"
    )
    frame: pd.DataFrame = found.to_pandas()
    return frame.astype({"consent": bool, "idle": bool, "contacted": "datetime64[us]"})


def _add_present(query: Query, data: Dataset) -> None:
    """A step with the customers of the day: under contract and no notice given, or seen within the silence."""
    if "subscriptions" not in data.tables:
        query.part(time=data.wall_time("events", "timestamp"), silence=silence_of(data).days)
        query.step(
            "present",
            "SELECT customer_id, min(_time) AS since FROM events WHERE _time < _at GROUP BY customer_id "
            "HAVING max(_time) >= _at - to_days(CAST(_silence AS INTEGER))",
        )
        return
    query.part(start=data.wall_time("subscriptions", "start"), end=data.wall_time("subscriptions", "end"))
    query.part(notice=data.wall_time("subscriptions", "notice_at"))
    gone = ""
    if "cancellations" in data.tables:
        query.part(cancelled=data.wall_time("cancellations", "timestamp", "x"))
        gone = (
            " AND NOT EXISTS (SELECT 1 FROM cancellations AS x WHERE x.customer_id = h.customer_id "
            "AND _cancelled < _at AND _cancelled >= h.s)"
        )
    query.step(
        "held",
        "SELECT customer_id, min(_start) AS since, max(_start) AS s, max(r) AS runs, "
        # notice given of a contract that is over says nothing of one that runs
        "coalesce(bool_and(given) FILTER (WHERE r), FALSE) AS noticed FROM (SELECT *, "
        "coalesce(_notice < _at, FALSE) AS given, "
        f"_end IS NULL OR NOT ({over('_end', '_at', data.grace)}) AS r FROM subscriptions WHERE _start < _at) AS rows "
        "GROUP BY customer_id",
    )
    query.step("present", f"SELECT customer_id, since FROM held AS h WHERE runs AND NOT noticed{gone}")


def _add_idle(query: Query, data: Dataset) -> None:
    """A step with the customers who pay without using: the quarter with the least use, whole days before the date."""
    query.part(used=data.wall_time("events", "timestamp", "e"))
    query.step(
        "use",
        "SELECT p.customer_id, (SELECT count(*) FROM events AS e WHERE e.customer_id = p.customer_id "
        "AND _used < _at AND _used >= _at - to_days(CAST(_idle_days AS INTEGER))) AS n "
        "FROM present AS p WHERE p.since < _at - to_days(CAST(_idle_days AS INTEGER))",
    )
    query.step(
        "idle",  # where all use alike, nobody is idle
        "SELECT customer_id FROM (SELECT *, cume_dist() OVER (ORDER BY n) AS part FROM use) AS ranked "
        "WHERE n = 0 OR part <= _idle",
    )


def _add_contacted(query: Query, data: Dataset) -> None:
    query.part(assigned=data.wall_time("campaigns", "assigned_at"), treated=treated(data))
    query.step(
        "contacted",
        "SELECT customer_id, max(_assigned) AS t FROM campaigns WHERE _assigned < _at AND coalesce(_treated, TRUE) "
        "GROUP BY customer_id",
    )


def _holding(at: datetime, one: Occasion, arose: pa.Table, allowed: pd.Series[Any], place: int) -> pd.DataFrame:
    """Rows of one occasion that holds at the date: the latest a customer."""
    frame = arose.to_pandas()
    since, back = (pd.to_datetime(frame[name]).astype("datetime64[us]") for name in ("since", "back"))
    holds = (since < at) & (since >= at - timedelta(days=one.holds)) & ~(back < at)
    frame = frame.assign(since=since)[holds & frame["customer_id"].isin(allowed)]
    latest = frame.sort_values(["since", "customer_id"], ascending=[False, True]).drop_duplicates("customer_id")
    rows: pd.DataFrame = latest[["customer_id", "since"]]
    return rows.assign(occasion=one.key, measure=one.measure[place], channel=one.channel)


def _graded(
    frame: pd.DataFrame, people: pd.DataFrame, at: datetime, days: int, measured: dict[str, Estimate]
) -> pd.DataFrame:
    """The rows with the day before which nobody is contacted again, and with effects."""
    contacted = frame["customer_id"].map(people.set_index("customer_id")["contacted"])
    free = pd.to_datetime(contacted) + pd.Timedelta(days=days)
    frame = frame.assign(not_before=free.where(free > at, pd.Timestamp(at)).astype("datetime64[us]"))
    for name, figure in (("effect", "value"), ("effect_ci_lower", "ci_lower"), ("effect_ci_upper", "ci_upper")):
        frame[name] = [getattr(measured[key], figure) if key in measured else nan for key in frame["occasion"]]
    frame["grade"] = np.where(frame["occasion"].isin(list(measured)), MEASURED, ASSUMED)
    graded: pd.DataFrame = frame.reindex(columns=_COLUMNS).reset_index(drop=True)
    return graded


def _effect(data: Dataset, one: Occasion, arose: pa.Table) -> Estimate | None:
    """Hazard ratio of leaving while the occasion holds; None where it cannot be measured."""
    if "subscriptions" not in data.tables or not arose.num_rows:
        return None  # without a contract the end of use is the leaving, and no sign of it
    plans = data.table("subscriptions")["plan"].nunique() if data.has("subscriptions.plan") else 0
    plan = ["plan"] if 0 < plans < MOST_LEVELS else []
    after = After(f"occasion: {one.key}", "since", window=f"{one.holds}D", lag=f"{one.lag}D")
    try:
        with _with_table(data, after.table, arose) as lent:
            row = hazard_model(lent, plan, after={one.key: after}).to_frame().iloc[-1]
    except (NotEnoughData, ArgumentError):
        return None
    if row["events"] < ENOUGH or not np.isfinite(row["hazard_ratio_ci_upper"]):
        return None
    return Estimate.in_row(row, "hazard_ratio", n=int(row["n"]), count=int(row["events"]))


@contextmanager
def _with_table(data: Dataset, name: str, arose: pa.Table) -> Iterator[Dataset]:
    """The data set with one more table, for as long as it is needed."""
    data.engine.read_frame(f"{name}: frame", arose)
    query = Query(data.engine).table(given=f"{name}: frame")
    query.create(name, "SELECT customer_id, CAST(since AS TIMESTAMP) AS since FROM given")
    columns = data.engine.columns(name)
    table = CheckedTable(name, name, columns, arose.num_rows, frozenset(), None)
    try:
        yield replace(data, tables={**data.tables, name: table})
    finally:
        data.engine.drop(name)
