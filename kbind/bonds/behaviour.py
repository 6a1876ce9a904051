"""Who is a customer at a date, and the signs of bonds in what each did until then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from kbind.bonds.indicators import INDICATORS, Indicator
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import objects
from kbind.engine.engine import Expression, column, parse
from kbind.engine.query import Query
from kbind.errors import NotEnoughData
from kbind.spells.silence import silence_of
from kbind.typing import Floats, Objects

#: Events and tickets of so many days are looked at; a rate is drawn to the mean as so many months of it would do.
WATCHED, DRAWN = 365, 2
#: A kind of use counts where at least this share of the customers have it; so many kinds at most.
_COMMON, _KINDS = 0.05, 8
_MONTH = 365.25 / 12


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Customers at a date, and signs of their bonds.

    Parameters
    ----------
    customer : ndarray of object, shape (customers,)
        Ids, in order.
    tenure : ndarray of float, shape (customers,)
        Months since the first contract or event.
    answers : ndarray of float, shape (customers,)
        Answers a month, since feedback was recorded, to other questions than the bonding items.
    signs : dict of Indicator to ndarray of float, shape (customers,)
        Rank-normal with mean 0 and variance 1, larger where the bond is stronger; NaN where unknown.
    missing : dict of Indicator to str
        Why the others cannot be measured.
    """

    customer: Objects
    tenure: Floats = field(repr=False)
    answers: Floats = field(repr=False)
    signs: dict[Indicator, Floats] = field(repr=False)
    missing: dict[Indicator, str] = field(repr=False)

    def of(self, bond: str) -> Floats:
        """Signs of a bond, shape (customers, signs)."""
        return np.array([x for sign, x in self.signs.items() if sign.bond == bond]).reshape(-1, len(self.customer)).T


def read_behaviour(data: Dataset, items: tuple[str, ...]) -> Behaviour:
    """Measure all indicators that the data allows, for customers at its end.

    Raises
    ------
    NotEnoughData
        Nothing says who is a customer, or nobody is.
    """
    data.require("subscriptions", "events")
    query = _steps(data, items)
    missing, names = {}, {}
    for k, sign in enumerate(INDICATORS):
        lacking = [need for need in sign.needs if not data.has(need)]
        if lacking:
            missing[sign] = f"there is no {'column' if '.' in lacking[0] else 'table'} {lacking[0]}"
        else:
            names[sign] = f"sign{k}"
            query.step(names[sign], sign.statement)
    selected = "".join(f", CAST({name}.v AS DOUBLE) AS {name}" for name in names.values())
    joins = "".join(f" LEFT JOIN {name} ON {name}.customer_id = h.customer_id" for name in names.values())
    found = query.select(
        f"SELECT h.customer_id AS customer_id, h.months AS months, h.tenure AS tenure, h.recorded AS recorded, "
        f"o.n AS others{selected} "
        f"FROM here AS h LEFT JOIN others AS o ON o.customer_id = h.customer_id{joins} ORDER BY h.customer_id"
    )
    if not found.num_rows:
        raise NotEnoughData(f"{data.name!r} has no customers at {data.as_of:%Y-%m-%d}")
    months, signs = _floats(found, "months"), {}
    for sign, name in names.items():
        x = np.where(np.isnan(_floats(found, name)), sign.absent, _floats(found, name))
        if sign.monthly:
            x = (x + DRAWN * x.sum() / max(months.sum(), 1)) / (months + DRAWN)
        known = x[~np.isnan(x)]
        if len(np.unique(known)) < 2:
            missing[sign] = "it is the same for all" if len(known) else "no customer has it"
        else:
            signs[sign] = sign.sign * rank_normal(x)
    tenure = _floats(found, "tenure")
    answers = np.nan_to_num(_floats(found, "others")) / (_floats(found, "recorded") + 1)
    return Behaviour(objects(found.column("customer_id")), tenure, answers, signs, missing)


def rank_normal(x: Floats) -> Floats:
    """Normal scores of ranks, ties sharing theirs, with mean 0 and variance 1 (0 where all are alike); NaN stays.

    >>> rank_normal(np.array([3.0, 1.0, np.nan, 2.0])).round(2)
    array([ 1.22, -1.22,   nan,  0.  ])
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    known = ~np.isnan(x)
    # rounded: sums in another order are ties all the same
    score = ndtri((rankdata(x[known].round(9)) - 0.5) / known.sum())
    result = np.full(len(x), np.nan)
    result[known] = (score - score.mean()) / max(score.std(), 1e-12)
    return result


def _floats(table: pa.Table, name: str) -> Floats:
    return np.array(table.column(name).to_pylist(), dtype=float)


def _steps(data: Dataset, items: tuple[str, ...]) -> Query:
    """Steps `here`, and `terms`, `now`, `log`, `asked`, `said`, `won` as far as there are tables; times on the wall."""
    assert data.as_of is not None
    at = data.as_of
    since = at - timedelta(days=WATCHED)
    query = Query(data.engine).part(at=at, since=since, items=list(items) or [""])
    if "subscriptions" in data.tables:
        _add_terms(query, data)
    if "events" in data.tables:
        wanted = {"kind": "VARCHAR", "category": "VARCHAR", "user_id": "VARCHAR"}
        _add_rows(query, data, "log", "events", "timestamp", wanted)
        query.steps["log_all"] = query.steps["log"]
        query.step("log", f"{query.steps['log']} AND _t_log >= _since")
    _add_here(query, data, at, since)
    if "events" in data.tables:
        query.step("used", "SELECT customer_id, kind, count(*) AS n FROM log GROUP BY customer_id, kind")
        query.step(
            "kinds",
            "SELECT u.kind, CAST(sum(u.n) AS DOUBLE) / (SELECT greatest(sum(months), 1) FROM here) AS rate "
            "FROM used AS u JOIN here AS h ON h.customer_id = u.customer_id GROUP BY u.kind "
            f"HAVING count(*) >= {_COMMON} * (SELECT count(*) FROM here) ORDER BY count(*) DESC, u.kind LIMIT {_KINDS}",
        )
    if "tickets" in data.tables:
        _add_rows(query, data, "asked", "tickets", "opened", {"kind": "VARCHAR"})
        query.step("asked", f"{query.steps['asked']} AND _t_asked >= _since")
    if "customers" in data.tables:
        _add_rows(query, data, "won", "customers", "acquired_at", {"referred_by": "", "consent": "BOOLEAN"})
    return _add_said(query, data)


def _add_rows(query: Query, data: Dataset, step: str, table: str, time: str, names: dict[str, str]) -> None:
    """A step with some columns of a table's rows before the end; empty text where a column is not there."""
    own = {f"{step}_{name}": _column(data, table, name, kind) for name, kind in names.items()}
    selected = "".join(f", _{part} AS {part.removeprefix(f'{step}_')}" for part in own)
    query.step(
        step,
        f"SELECT customer_id, _t_{step} AS t{selected} FROM {table} WHERE (_t_{step} < _at OR _t_{step} IS NULL)",
        **{f"t_{step}": data.wall_time(table, time)},
        **own,
    )


def _column(data: Dataset, table: str, name: str, kind: str) -> Expression:
    there = name in data.tables[table].columns
    if kind == "VARCHAR":
        return parse("coalesce(CAST(_x AS VARCHAR), '')", x=column(name)) if there else parse("''")
    return column(name) if there else parse(f"CAST(NULL AS {kind or 'VARCHAR'})")


def _add_terms(query: Query, data: Dataset) -> None:
    """Contracts that began before the end; the one that runs now; when plan or seats were chosen; rises of the price.

    A rise is a higher price of a seat in the same plan, after which `later` is the least that was booked in 92 days.
    """
    names = {"plan": "VARCHAR", "seats": "DOUBLE", "mrr": "DOUBLE", "discount": "DOUBLE", "auto_renew": "BOOLEAN"}
    query.part(**{f"of_{name}": _column(data, "subscriptions", name, kind) for name, kind in names.items()})
    times = {name: data.wall_time("subscriptions", name) for name in ("start", "end", "term_end")}
    query.part(**{f"of_{name}": time for name, time in times.items()})
    query.step(
        "terms",
        "SELECT customer_id, _of_start AS start, _of_end AS finish, _of_term_end AS term_end, _of_plan AS plan, "
        "CAST(_of_seats AS DOUBLE) AS seats, CAST(_of_mrr AS DOUBLE) AS mrr, CAST(_of_discount AS DOUBLE) AS discount, "
        "_of_auto_renew AS renews FROM subscriptions WHERE _of_start < _at",
    )
    query.step(
        "now",
        "SELECT customer_id, max(term_end) AS term_end, max(discount) AS discount, sum(seats) AS seats, "
        "bool_and(renews) AS renews FROM terms WHERE finish IS NULL OR finish > _at GROUP BY customer_id",
    )
    before = "OVER (PARTITION BY customer_id ORDER BY start, plan, seats, mrr)"
    query.step(
        "rows_in_order",
        f"SELECT *, lag(plan) {before} AS plan_before, lag(seats) {before} AS seats_before, "
        f"lag(mrr / coalesce(nullif(seats, 0), 1)) {before} AS price_before FROM terms",
    )
    query.step(
        "chosen",
        "SELECT customer_id, start FROM rows_in_order WHERE plan_before IS DISTINCT FROM plan "
        "OR seats_before IS DISTINCT FROM seats",
    )
    query.step(
        "rises",
        "SELECT a.customer_id, a.start, a.mrr, min(b.mrr) AS later FROM rows_in_order AS a LEFT JOIN terms AS b ON "
        "b.customer_id = a.customer_id AND b.start > a.start AND b.start <= a.start + INTERVAL 92 DAY "
        "WHERE a.plan = a.plan_before AND a.mrr / coalesce(nullif(a.seats, 0), 1) > 1.005 * a.price_before "
        "AND a.start + INTERVAL 92 DAY <= _at GROUP BY a.customer_id, a.start, a.mrr",
    )


def _add_here(query: Query, data: Dataset, at: datetime, since: datetime) -> None:
    """Customers at the end: under contract, else with an event not longer ago than a silence may be."""
    if "subscriptions" in data.tables:
        one = "SELECT customer_id, min(start) AS first FROM terms GROUP BY customer_id HAVING customer_id IN (SELECT "
        one += "customer_id FROM now)"
    else:
        quiet = at - timedelta(days=silence_of(data).days)
        query.part(quiet=quiet)
        one = "SELECT customer_id, min(t) AS first FROM log_all GROUP BY customer_id HAVING max(t) >= _quiet"
    query.part(watched=max(since, data.recorded_from) if data.recorded_from else since)
    query.part(recorded=data.recorded_from or datetime(1900, 1, 1))
    query.step("seen", one)
    query.step(
        "here",
        f"SELECT customer_id, date_diff('day', greatest(first, _watched), _at) / {_MONTH} AS months, "
        f"date_diff('day', first, _at) / {_MONTH} AS tenure, "
        f"date_diff('day', greatest(first, _recorded), _at) / {_MONTH} AS recorded FROM seen",
    )


def _add_said(query: Query, data: Dataset) -> Query:
    """Feedback before the end, and how many answers each gave to anything but the bonding items."""
    if not data.has("feedback.score"):
        return query.step("others", "SELECT customer_id, 0 AS n FROM here")
    query.step(
        "said",
        "SELECT customer_id, lower(trim(instrument)) AS instrument, instrument AS asked, CAST(score AS DOUBLE) AS "
        "score FROM feedback WHERE NOT score IS NULL AND _said < _at",
        said=data.wall_time("feedback", "timestamp"),
    )
    return query.step(
        "others",
        "SELECT customer_id, count(*) AS n FROM said WHERE NOT list_contains(_items, asked) GROUP BY customer_id",
    )
