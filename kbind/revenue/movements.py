"""How recurring revenue moves from window to window: the sufficient statistic of revenue retention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from kbind.calendar import PERIODS, Calendar
from kbind.dataset.currencies import by_currency
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import Groups, encode_groups, group_columns, integers, names_of, place_columns
from kbind.dataset.provenance import Provenance
from kbind.dataset.recording import known_before, tells_before
from kbind.engine.engine import Expression, column, literal, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData, check_choice, shown
from kbind.revenue.open_ends import COVERING, find_bridges, spans
from kbind.typing import Ints

__all__ = ["BRIEF", "MOVEMENTS", "Movements", "movements"]

#: What may happen to a customer's recurring revenue between the two ends of a window.
MOVEMENTS = ("new", "expansion", "contraction", "churn", "reactivation")
#: Customers who pay at neither end of a window and yet within it: for the first time, or again.
BRIEF = ("brief", "brief_again")
#: Customers who pay at the end of a window only because another contract may still follow the one that has ended.
OPEN = "open"
_KINDS = (*MOVEMENTS, *BRIEF, OPEN)

#: Up to so many customers each is a resampling unit of its own; more are dealt at random to so many units.
UNITS = 2000
#: Units x periods that fit into memory.
_MOST_CELLS = 2 * 10**7
#: Money is added up in whole millionths, or coarser if there is so much of it, but never coarser than the cent.
_FINEST, _COARSEST, _DIGITS = 6, 2, 18


@dataclass(frozen=True, eq=False)
class Movements:
    """Recurring revenue of every window that is over, by resampling unit.

    A unit is one customer, or of more than 2,000 customers some that are put together at random.

    Attributes
    ----------
    calendar : Calendar
        The windows: its periods, of which the first `lived` are over.
    by : tuple of str
        Columns that split the customers; empty for all together.
    groups : tuple of tuple
        Values of these columns, one tuple a group; None where unknown.
    group : ndarray of int, shape (units,)
        Index into `groups`.
    opening : ndarray of int, shape (units,)
        Revenue at the start of the first window, in small units of money.
    amounts : dict of str to ndarray of int, shape (units, lived)
        Revenue that moved, for each of `MOVEMENTS`; never negative.
    counts : dict of str to ndarray of int, shape (groups, lived)
        Customers who moved, for each of `MOVEMENTS` and `BRIEF`.
    open : ndarray of int, shape (groups, lived)
        Revenue that counts at the end of a window although its contract has ended: grace is not over, so that another
        may follow.
    n_open : ndarray of int, shape (groups, lived)
        Customers whose revenue that is.
    grace : int
        Days within which a contract may follow another.
    n_opening : ndarray of int, shape (groups,)
        Customers paying at the start of the first window.
    scale : int
        Small units of money in 1.
    notes : tuple of str
        What was left out or should be known.
    lacking : bool
        The last window ends with the data, and contracts that begin with it are missing: its gains are too low.
    """

    calendar: Calendar
    by: tuple[str, ...]
    groups: Groups
    group: Ints = field(repr=False)
    opening: Ints = field(repr=False)
    amounts: Mapping[str, Ints] = field(repr=False)
    counts: Mapping[str, Ints] = field(repr=False)
    open: Ints = field(repr=False)
    n_open: Ints = field(repr=False)
    n_opening: Ints = field(repr=False)
    grace: int
    scale: int
    notes: tuple[str, ...]
    provenance: Provenance
    lacking: bool = False

    def start(self) -> Ints:
        """Revenue at the start of every window, shape (units, lived)."""
        return _before(self.opening, self._net(self.amounts))

    def n_start(self) -> Ints:
        """Customers paying at the start of every window, shape (groups, lived)."""
        net = self.counts["new"] + self.counts["reactivation"] - self.counts["churn"]
        return _before(self.n_opening, net)

    @staticmethod
    def _net(moved: Mapping[str, Ints]) -> Ints:
        gained = moved["new"] + moved["reactivation"] + moved["expansion"]
        return gained - moved["contraction"] - moved["churn"]


def _before(opening: Ints, net: Ints) -> Ints:
    """Running totals before each window."""
    return (opening[:, None] + np.cumsum(net, axis=1) - net).astype(np.int64)


def movements(
    data: Dataset, *, period: str = "month", by: str | Sequence[str] | None = None, as_of: object = None
) -> Movements:
    """Reduce contracts to how recurring revenue moved in every calendar period that is over.

    Parameters
    ----------
    data : Dataset
        With `subscriptions` and their `mrr`.
    period : {"day", "week", "month", "quarter", "year"}
        Length of the windows.
    by : str or sequence of str, optional
        Columns that split the customers, as for `activity`.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data.

    Returns
    -------
    Movements

    Raises
    ------
    ArgumentError
        No such table or column, an amount that cannot be, or nobody who paid before `as_of`.

    Notes
    -----
    One pass over the contracts. Each is a rise where it starts and a fall where it ends; rises and falls are added up
    by customer and window, so that the work grows with the contracts and not with contracts x windows. A contract that
    another follows within grace falls when that one rises; bridges are looked for only where such a gap could lie
    across the end of a window.
    """
    check_dataset(data)
    check_choice("period", period, PERIODS)
    data, names, apart = by_currency(data, data.require("subscriptions"), names_of(by))
    table = data.tables["subscriptions"]
    if "mrr" not in table.columns:
        raise NotEnoughData(
            f"{table.label} has no column 'mrr'; name the one that holds a contract's revenue a month in kbind.yaml"
        )
    places = place_columns(data, "subscriptions", names)
    if table.span is None or data.as_of is None or data.wall_clock(table.span[0]) >= data.end_at(as_of):
        raise NotEnoughData(f"subscriptions of {data.name!r} holds nothing before as_of={as_of or data.as_of}")
    end = data.end_at(as_of)
    calendar, notes = _windows(data, period, data.wall_clock(table.span[0]), end)
    lacking, more = _lacking(data, calendar, end)
    if not calendar.lived:
        raise NotEnoughData(f"period={period!r} is too long: none is over at {end:%Y-%m-%d}; allowed: a shorter one")
    parts = _places(data, calendar)
    survey = _survey(data, Query(data.engine, parts=parts).table(log="subscriptions"))
    notes += more + survey.notes + apart
    if "end" not in table.columns:
        notes += (f"{table.label} has no column 'end': nobody is seen to leave or to pay less",)
    bridges = find_bridges(data, calendar, data.grace, end)
    result, columns = _moved(data, calendar, places, parts, survey, bridges)
    if not result.num_rows:
        raise NotEnoughData(f"subscriptions of {data.name!r} holds nobody who paid before as_of={end}")
    groups, group = encode_groups(result, columns)
    found = _arranged(result, groups, group, calendar, names, survey, notes, Provenance.of(data, end))
    return replace(
        found, lacking=lacking, grace=data.grace, notes=(*found.notes, *_still_open(found, data.card.customer))
    )


def _still_open(found: Movements, customer: str) -> tuple[str, ...]:
    n, revenue = int(found.n_open[:, -1].sum()), int(found.open[:, -1].sum()) / found.scale
    if not n:
        return ()
    who = f"1 {customer} counts" if n == 1 else f"{n:,} {customer}s count"
    return (
        f"{who} as still paying {revenue:,.2f} at the end of {found.calendar.labels[found.calendar.lived - 1]}: a "
        "contract has ended, and others may follow within grace",
    )


def _midnight(calendar: Calendar, window: int) -> datetime:
    return datetime.combine(calendar.starts[window], datetime.min.time())


def _windows(data: Dataset, period: str, first: datetime, as_of: datetime) -> tuple[Calendar, tuple[str, ...]]:
    """Periods from the first contract on, without those of which nobody recorded who left."""
    whole = Calendar.spanning(period, first, as_of, data.timezone)
    since = data.recorded_from
    if since is None or since <= _midnight(whole, 0):
        return whole, ()
    start = next((k for k in range(whole.size) if _midnight(whole, k) >= since), whole.size)
    left = max(whole.size - start, 1)
    calendar = Calendar(period, whole.starts[whole.size - left], left, max(whole.lived - start, 0), whole.timezone)
    return calendar, (f"{period}s that began before {since:%Y-%m-%d} are left out: who left then was not recorded",)


def _lacking(data: Dataset, calendar: Calendar, as_of: datetime) -> tuple[bool, tuple[str, ...]]:
    """Whether the last window lacks what begins at its end, and what is to be said of it.

    Data that is complete up to a boundary has the contracts that end there, and often not those that begin there.
    """
    table = data.tables["subscriptions"]
    if not calendar.lived or _midnight(calendar, calendar.lived) != as_of:
        return False, ()
    starts = calendar.boundaries(instants="start" in table.instants)
    found = data.engine.query(
        "SELECT count(*) FILTER (WHERE _start = _last) AS following, "
        "count(*) FILTER (WHERE _start > _first AND _start < _last) AS later, "
        "count(*) FILTER (WHERE _start > _first AND _start < _last AND list_contains(_boundaries, _start)) AS aligned "
        "FROM log",
        tables={"log": "subscriptions"},
        parts={
            "start": column("start"),
            "first": starts[0],
            "last": starts[calendar.lived],
            "boundaries": starts,
        },
    ).to_pylist()[0]
    if found["following"] or 4 * found["aligned"] <= found["later"]:
        return False, ()
    return True, (
        f"new, expansion and reactivation of {calendar.labels[calendar.lived - 1]} are too low: contracts that begin "
        "at the very end of the data are not in it",
    )


def _places(data: Dataset, calendar: Calendar) -> dict[str, Expression]:
    """For start and end of a contract: how many window boundaries lie before it; at most one more than are over."""
    no_end = "end" not in data.tables["subscriptions"].columns
    result = {"start": column("start"), "mrr": column("mrr")}
    for name in ("start", "end"):
        if name == "end" and no_end:
            result |= {"end": parse("CAST(NULL AS TIMESTAMP)"), "hi": literal(calendar.lived + 1)}
            continue
        boundaries = calendar.boundaries(instants=name in data.tables["subscriptions"].instants)
        # a contract without length lasts an instant
        time = column(name) if no_end else parse(_INSTANT[name], start=column("start"), end=column("end"))
        last = literal(boundaries[calendar.lived])
        inside = data.period_index("subscriptions", name, parse("_t - INTERVAL 1 MICROSECOND", t=time), calendar)
        result[name] = column(name)
        if name == "start":
            result["last"] = last
        result["lo" if name == "start" else "hi"] = parse(
            "CASE WHEN _t IS NULL OR _t > _last THEN _never WHEN _t <= _first THEN 0 ELSE _inside + 1 END",
            t=time, last=last, first=literal(boundaries[0]), inside=inside, never=literal(calendar.lived + 1),
        )  # fmt: skip
    return result


@dataclass(frozen=True)
class _Survey:
    customers: int
    unknown: int
    scale: int
    notes: tuple[str, ...]


#: Of the contracts that cover any instant, those whose amount must be known: they last longer than an instant.
_LASTING = f"{COVERING} AND (_end IS NULL OR _end > _start)"
#: Start and end of a contract; one that ends where it starts lies within the window that begins there.
_INSTANT = {
    "start": "CASE WHEN _end <= _start THEN _start + INTERVAL 1 MICROSECOND ELSE _start END",
    "end": "CASE WHEN _end <= _start THEN _start + INTERVAL 1 MICROSECOND ELSE _end END",
}


def _survey(data: Dataset, query: Query) -> _Survey:
    """Look at the amounts before anything is added up."""
    found = query.select(
        "SELECT approx_count_distinct(customer_id) AS customers, "
        f"count(*) FILTER (WHERE _mrr IS NULL AND {_LASTING}) AS unknown, "
        f"count(DISTINCT customer_id) FILTER (WHERE _mrr IS NULL AND {_LASTING}) AS without, "
        "count(*) FILTER (WHERE _mrr < 0) AS bad, min(_mrr) AS least, "
        f"CAST(sum(ceil(CAST(_mrr AS DOUBLE))) AS DOUBLE) AS total FROM log WHERE {COVERING}"
    ).to_pylist()[0]
    if found["customers"] <= 2 * UNITS or found["unknown"]:
        # an estimate is enough to see that there are many; that there are few has to be known
        counted = query.select(f"SELECT count(DISTINCT customer_id) AS customers FROM log WHERE {COVERING}")
        found["customers"] = counted.column("customers")[0].as_py()
    label = data.tables["subscriptions"].label
    if found["bad"]:
        raise ArgumentError(
            f"{label}, column 'mrr': {found['bad']:,} contracts with an amount that is negative, such as "
            f"{shown(found['least'])}; allowed: 0 or more (a credit is no recurring revenue: correct or remove it)"
        )
    if found["customers"] and found["without"] == found["customers"]:
        raise NotEnoughData(f"{label}, column 'mrr': every customer has a contract without an amount")
    decimals = min(_FINEST, _DIGITS - len(str(int(found["total"] or 0))))
    if decimals < _COARSEST:
        raise ArgumentError(f"{label}, column 'mrr' adds up to {found['total']:.3g}; state it in thousands or millions")
    notes: tuple[str, ...] = ()
    if found["unknown"]:
        notes += (
            f"{found['without']:,} of {found['customers']:,} customers are left out: {found['unknown']:,} of their "
            "contracts have no mrr",
        )  # fmt: skip
    return _Survey(found["customers"], found["unknown"], 10**decimals, notes)


def _moved(
    data: Dataset,
    calendar: Calendar,
    places: Mapping[str, str],
    parts: dict[str, Expression],
    survey: _Survey,
    bridges: Query,
) -> tuple[pa.Table, tuple[str, ...]]:
    """One row a unit, window and kind of movement: amount and customers; window 0 is the start of the first."""
    money = parse("round(CAST(_mrr AS DOUBLE) * _scale)", mrr=parts["mrr"], scale=literal(survey.scale))
    query = Query(data.engine, parts=parts, tables=bridges.tables).part(time=column("start"), money=money)
    split = group_columns(query, data, places)
    selected, joins = split.selected, split.joins
    known = " AND NOT customer_id IN (SELECT customer_id FROM unknown)" if survey.unknown else ""
    # neither depends on the order of the rows
    unit = "dense_rank() OVER (ORDER BY customer_id)" if survey.customers <= UNITS else f"hash(customer_id) % {UNITS}"
    code = {name: k for k, name in enumerate(_KINDS)}
    entered, waiting = spans(calendar, bool(bridges.steps), known)
    if tells_before(data, "subscriptions"):
        query.step("early", known_before(data, "subscriptions", query.parts, logged=False))
        joins += " LEFT JOIN early USING (customer_id)"
        # what is paid at the very start is no movement
        fresh = "i = first AND (i = 0 OR known__before IS NULL)"
    else:
        fresh = "i = first"
    steps = {
        "unknown": f"SELECT DISTINCT customer_id FROM log WHERE _mrr IS NULL AND {_LASTING}",
        **bridges.steps,
        **entered,
        "steps": "SELECT customer_id, lo AS i, m AS d FROM spans UNION ALL "
        f"SELECT customer_id, hi AS i, -m AS d FROM spans WHERE hi <= {calendar.lived}",
        "net": "SELECT customer_id, i, CAST(sum(d) AS BIGINT) AS d FROM steps GROUP BY customer_id, i",
        "states": "SELECT customer_id, i, d, CAST(sum(d) OVER (PARTITION BY customer_id ORDER BY i) AS BIGINT) AS now, "
        "min(i) OVER (PARTITION BY customer_id) AS first FROM net",
        "moves": f"SELECT CAST({unit} AS BIGINT) AS unit, i, abs(d) AS amount, CASE "
        "WHEN d = 0 AND now > 0 THEN NULL "
        f"WHEN d = 0 THEN CASE WHEN {fresh} THEN {code['brief']} ELSE {code['brief_again']} END "
        f"WHEN now = d THEN CASE WHEN {fresh} THEN {code['new']} ELSE {code['reactivation']} END "
        f"WHEN now = 0 THEN {code['churn']} WHEN d > 0 THEN {code['expansion']} ELSE {code['contraction']} END AS kind"
        f"{selected} FROM states{joins}{waiting.format(unit=unit, kind=code[OPEN], selected=selected, joins=joins)}",
    }
    if not survey.unknown:
        del steps["unknown"]
    query.steps |= steps
    query.parts |= bridges.parts
    moved = query.select(
        f"SELECT unit, i, kind, CAST(sum(amount) AS BIGINT) AS amount, count(*) AS n{selected} "
        f"FROM moves WHERE NOT kind IS NULL GROUP BY unit, i, kind{selected}"
    )
    return moved, split.names


def _arranged(
    result: pa.Table,
    groups: Groups,
    group: Ints,
    calendar: Calendar,
    by: tuple[str, ...],
    survey: _Survey,
    notes: tuple[str, ...],
    provenance: Provenance,
) -> Movements:
    """The rows as arrays, units in a stable order."""
    key = group * (UNITS + 1) + integers(result, "unit")
    units, place = np.unique(key, return_inverse=True)
    if len(units) * (calendar.lived + 1) > _MOST_CELLS:
        raise ArgumentError(
            f"{calendar.lived:,} periods for {len(groups):,} groups are too many; use a longer period than "
            f"{calendar.period!r}, or fewer groups"
        )
    window, amount, n, kind = (integers(result, name) for name in ("i", "amount", "n", "kind"))
    amounts, counts = {}, {}
    for code, name in enumerate(_KINDS):
        rows = kind == code
        sums = np.zeros((len(units), calendar.lived + 1), dtype=np.int64)
        np.add.at(sums, (place[rows], window[rows]), amount[rows])
        people = np.zeros((len(groups), calendar.lived + 1), dtype=np.int64)
        np.add.at(people, (group[rows], window[rows]), n[rows])
        amounts[name], counts[name] = sums, people
    return Movements(
        calendar=calendar,
        by=by,
        groups=groups,
        group=units // (UNITS + 1),
        opening=amounts["new"][:, 0],
        amounts={name: amounts[name][:, 1:] for name in MOVEMENTS},
        counts={name: counts[name][:, 1:] for name in (*MOVEMENTS, *BRIEF)},
        open=_by_group(amounts[OPEN].cumsum(axis=1)[:, 1:], units // (UNITS + 1), len(groups)),
        n_open=counts[OPEN].cumsum(axis=1)[:, 1:],
        n_opening=counts["new"][:, 0],
        grace=0,
        scale=survey.scale,
        notes=notes,
        provenance=provenance,
    )


def _by_group(values: Ints, group: Ints, groups: int) -> Ints:
    """Sums over the units of every group."""
    result = np.zeros((groups, values.shape[1]), dtype=np.int64)
    np.add.at(result, group, values)
    return result
