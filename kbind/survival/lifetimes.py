"""SQL for one row a customer: how long observed, from when on, and how it ended.

Three sources: contracts, a log with a lapse rule, or a table of customers that says how long and whether gone. Each
gives the steps of a statement whose last one is `lives` (customer_id, entry, duration, cause); cause is NULL for
customers who are still there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kbind.dataset.dataset import Dataset
from kbind.dataset.flags import says_yes
from kbind.dataset.reading.base import kind_of
from kbind.dataset.recording import recording_began
from kbind.engine.engine import Expression, column, literal, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData, shown
from kbind.spells.contracts import over, parted, reached

#: Months by which the last sight of a customer lies before the end of the data.
JUST = 1e-9
#: Customers that an error names.
_EXAMPLES = 3
#: What customers are lost to where nothing says why.
LEFT, VOLUNTARY, INVOLUNTARY, UNKNOWN = "left", "voluntary", "involuntary", "unknown"


@dataclass(frozen=True)
class Lives:
    """Steps of a statement that ends in the table `lives`, and what has to be known of it.

    Parameters
    ----------
    log : str
        Table it comes from.
    query : Query
        The statement so far; its last step is `lives`.
    causes : tuple of str
        What may be in `cause`.
    unit : str
        Of entry and duration.
    time : str or None
        Time column of the log, None for a table of customers.
    days : int
        Of grace for contracts, of silence for events.
    meaning : str
        What was counted as leaving, in one sentence.
    made_of : tuple of str
        Columns of the log that a life is made of, where it is made of one row; rows equal in them are equal lives.
    """

    log: str
    query: Query
    causes: tuple[str, ...]
    unit: str
    meaning: str
    time: str | None = None
    days: int = 0
    made_of: tuple[str, ...] = ()


def from_contracts(data: Dataset, as_of: datetime, origin: str, grace: int) -> Lives:
    """A customer leaves when no contract follows within the grace period; what comes later is a return.

    Until the grace period is over nobody knows: the customer was last seen when the contract ended.
    """
    query = (
        Query(data.engine)
        .table(log="subscriptions")
        .step(
            "spans",
            "SELECT customer_id, CAST(_start AS DATE) AS s, CAST(least(coalesce(_end, _as_of), _as_of) AS DATE) AS e "
            "FROM log WHERE _start < _as_of",
            start=data.wall_time("subscriptions", "start"),
            end=data.wall_time("subscriptions", "end"),
            as_of=as_of,
        )
    )
    query.step("ordered", reached("spans"))
    query.step(
        "known",
        "SELECT customer_id, min(s) AS first, max(e) AS until, "
        f"coalesce(min(CASE WHEN {parted(grace)} THEN reach END), CASE WHEN {over('max(e)', '_as_of', grace)} "
        "THEN max(e) END) AS gone FROM ordered GROUP BY customer_id",
    )
    causes: tuple[str, ...] = (LEFT,)
    reason, join = f"'{LEFT}'", ""
    if "cancellations" in data.tables and "voluntary" in data.tables["cancellations"].columns:
        # of several, the last one up to the day after the end
        causes = (VOLUNTARY, INVOLUNTARY, UNKNOWN)
        query.step(
            "said",
            "SELECT k.customer_id, max(struct_pack(t := _said, v := c.voluntary)).v AS voluntary FROM known AS k "
            "JOIN cancellations AS c ON c.customer_id = k.customer_id AND _said >= k.first "
            "AND CAST(_said AS DATE) <= k.gone + _grace GROUP BY k.customer_id",
            said=data.wall_time("cancellations", "timestamp", "c"),
            grace=grace,
        )
        join = " LEFT JOIN said USING (customer_id)"
        reason = (
            f"CASE WHEN said.voluntary THEN '{VOLUNTARY}' WHEN NOT said.voluntary THEN '{INVOLUNTARY}' "
            f"ELSE '{UNKNOWN}' END"
        )
    _add_ages(query, data, "subscriptions", origin, f"CASE WHEN NOT gone IS NULL THEN {reason} END", join)
    rule = f"no other contract within {grace} day{'s' if grace != 1 else ''}"
    return Lives(
        "subscriptions", query, causes, "month", f"A customer leaves when a contract ends and {rule} follows",
        "start", grace,
    )  # fmt: skip


def from_log(data: Dataset, as_of: datetime, origin: str, lapse: int) -> Lives:
    """A customer leaves with the event that a silence longer than the rule follows; recent silences are open."""
    query = (
        Query(data.engine)
        .table(log="events")
        .step(
            "days",
            "SELECT DISTINCT customer_id, CAST(_time AS DATE) AS d FROM log WHERE _time < _as_of",
            time=data.wall_time("events", "timestamp"),
            as_of=as_of,
        )
    )
    query.step("gaps", "SELECT customer_id, d, lead(d) OVER (PARTITION BY customer_id ORDER BY d) AS back FROM days")
    # a silence that began later than the rule's length before the end cannot have been seen whole
    query.step(
        "known",
        "SELECT customer_id, min(d) AS first, greatest(min(d), CAST(_as_of AS DATE) - _lapse) AS until, "
        "min(CASE WHEN d + _lapse < coalesce(back, CAST(_as_of AS DATE)) THEN d END) AS gone "
        "FROM gaps GROUP BY customer_id",
        lapse=lapse,
    )
    _add_ages(query, data, "events", origin, f"CASE WHEN NOT gone IS NULL THEN '{LEFT}' END", "")
    meaning = f"A customer leaves with the last event before a silence of more than {lapse} days"
    return Lives("events", query, (LEFT,), "month", meaning, "timestamp", lapse)


def from_customers(data: Dataset) -> Lives:
    """Customers with their tenure and whether they are gone, by the roles of the data set."""
    roles = data.roles
    missing = [role for role in ("tenure", "churned") if role not in roles]
    if missing:
        raise NotEnoughData(
            f"{data.name!r} has neither subscriptions nor events, and no column plays the role "
            f"{' or '.join(map(repr, missing))}; say which in kbind.yaml: roles: {{{missing[0]}: ...}}"
        )
    tenure, flag = roles["tenure"].column, roles["churned"]
    query = Query(data.engine).part(
        tenure=parse("CAST(_x AS DOUBLE)", x=column(tenure)), gone=says_yes(data, flag), reason=LEFT
    )
    unknown = _check_customers(data, tenure, flag.column, query.parts)
    entry, causes = "0", (LEFT,)
    if "entry" in roles:
        query.part(late=parse("CAST(_x AS DOUBLE)", x=column(roles["entry"].column)))
        entry = "coalesce(_late, 0)"
    if "cause" in roles:
        named = parse("nullif(trim(CAST(_x AS VARCHAR)), '')", x=column(roles["cause"].column))
        query.part(reason=parse("coalesce(_x, _unknown)", x=named, unknown=literal(UNKNOWN)))
        levels = query.select("SELECT DISTINCT _reason AS reason FROM customers WHERE _gone ORDER BY reason")
        causes = tuple(levels.column("reason").to_pylist()) or (LEFT,)
    query.step(
        "lives",
        f"SELECT customer_id, CAST({entry} AS DOUBLE) AS entry, _tenure AS duration, "
        "CASE WHEN _gone THEN _reason END AS cause FROM customers WHERE NOT (_tenure IS NULL OR isnan(_tenure))",
    )
    meaning = f"A customer has left if {flag.column} says so; the duration is {tenure}"
    if unknown:
        meaning += f"; {unknown:,} customers without it are left out"
    made_of = tuple(roles[role].column for role in ("tenure", "churned", "entry", "cause") if role in roles)
    return Lives("customers", query, causes, "month", meaning, made_of=made_of)


def _check_customers(data: Dataset, tenure: str, flag: str, parts: dict[str, Expression]) -> int:
    """Refuse impossible tenures and customers of whom nobody knows whether they have left.

    Returns how many customers have no tenure, unless nobody has one; they can only be left out. Rows are looked at only
    if the extremes leave a doubt.
    """
    numeric = kind_of(data.tables["customers"].columns[tenure]) == "number"
    length = column(tenure) if numeric else parts["tenure"]
    missing = parse("_x IS NULL OR isnan(CAST(_x AS DOUBLE))", x=length)
    conditions = {
        f"a negative {tenure}": parse("_x < 0", x=length),
        f"an endless {tenure}": parse("_x > 0 AND isinf(CAST(_x AS DOUBLE))", x=length),
        f"no readable {flag}": parse("_x IS NULL", x=parts["gone"]),
    }
    traces = {"least": "least(min(_x), 0)", "most": "isinf(CAST(max(_x) AS DOUBLE)) OR isnan(CAST(max(_x) AS DOUBLE))",
              "unknown": "count(*) - count(_x)"}  # fmt: skip
    found = data.engine.aggregate("customers", {name: parse(sql, x=length) for name, sql in traces.items()}
                                  | {"flags": parse("count(*) - count(_x)", x=parts["gone"])})  # fmt: skip
    if not any(found.values()):
        return 0
    unknown = data.engine.size("customers", missing)
    if unknown == data.tables["customers"].rows:
        raise NotEnoughData(f"{tenure} of {data.name!r}, which plays the role 'tenure', holds nothing")
    for what, condition in conditions.items():
        n = data.engine.size("customers", condition)
        if n:
            who = data.engine.query(
                f"SELECT CAST(customer_id AS VARCHAR) AS who FROM customers WHERE _w ORDER BY who LIMIT {_EXAMPLES}",
                tables={"customers": "customers"},
                parts={"w": condition},
            )
            names = ", ".join(shown(name, 30) for name in who.column("who").to_pylist())
            raise ArgumentError(
                f"{n:,} customers of {data.name!r} have {what}, such as {names}; complete or remove them first"
            )
    return unknown


def _add_ages(query: Query, data: Dataset, log: str, origin: str, cause: str, join: str) -> None:
    """The steps from `known` (customer_id, first, until, gone) to `lives`: ages since the origin."""
    acquired = origin == "acquired_at"
    if acquired:
        day = data.wall_time("customers", "acquired_at")
        query.step("acquired", "SELECT customer_id, CAST(_acquired AS DATE) AS since FROM customers", acquired=day)
        join += " LEFT JOIN acquired USING (customer_id)"
    since = "least(coalesce(since, first), first)" if acquired else "first"
    query.step("dated", f"SELECT customer_id, first, until, gone, {since} AS since, {cause} AS cause FROM known{join}")
    # who was there before recording began is known only because of not having left before
    late = "CASE WHEN since < CAST(_began AS DATE) THEN _entry ELSE 0 END"
    began = literal(recording_began(data, log))
    entry = months_between("since", "greatest(first, CAST(_began AS DATE))", began=began)
    query.part(began=began, entry=entry, duration=months_between("since", "coalesce(gone, until)"))
    # nobody has seen whether somebody leaves at the very moment at which the data ends, so who is still there is
    # last seen just before it: else all of them would count as staying at that age
    seen = f"CASE WHEN cause IS NULL THEN greatest(_duration - {JUST}, 0) ELSE _duration END"
    query.step(
        "lives",
        f"SELECT customer_id, CAST({late} AS DOUBLE) AS entry, CAST({seen} AS DOUBLE) AS duration, cause FROM dated",
    )


def months_between(since: str, until: str, **fill: Expression) -> Expression:
    """Calendar months between two days: whole ones, and the days of the last as a share of it."""
    whole = f"date_sub('month', {since}, {until})"
    anchor = f"CAST({since} + to_months(CAST({whole} AS INTEGER)) AS DATE)"
    following = f"CAST({since} + to_months(CAST({whole} + 1 AS INTEGER)) AS DATE)"
    return parse(f"{whole} + CAST({until} - {anchor} AS DOUBLE) / ({following} - {anchor})", **fill)
