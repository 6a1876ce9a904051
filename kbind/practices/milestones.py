"""Milestones of the relationship: who reached them in time, who missed them, and for whom they are still open."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.provenance import Provenance
from kbind.dataset.reading.base import kind_of
from kbind.engine.engine import column, parse
from kbind.engine.query import Query
from kbind.errors import check_conf_level
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns, rate_of
from kbind.practices.staying import Staying, staying
from kbind.result import Shown

#: Milestone -> days that it should be reached within; 0: it has a day of its own.
WITHIN = {
    "first_use": 30,
    "second_use": 90,
    "second_order": 90,
    "first_renewal": 0,
    "one_year": 365,
    "second_category": 365,
    "first_referral": 365,
}
#: Milestone -> tables and columns that it takes.
NEEDS = {
    "first_use": ("subscriptions", "events"),
    "second_use": ("subscriptions", "events.kind"),
    "second_order": ("events.amount",),
    "first_renewal": ("subscriptions.term_end",),
    "one_year": (),
    "second_category": ("events.category",),
    "first_referral": ("customers.referred_by",),
}
#: The n-th day with an event that differs in something, of customers with steps `stays` and `acts`.
_NTH = (
    "SELECT s.customer_id, s.since + to_days({days}) AS due, min(a.t) FILTER (WHERE a.r = {nth}) AS at, s.gone "
    "FROM stays AS s LEFT JOIN (SELECT customer_id, t, row_number() OVER (PARTITION BY customer_id ORDER BY t, v) AS r "
    "FROM (SELECT a.customer_id, {value} AS v, min(t) AS t FROM acts AS a JOIN stays AS f "
    "ON f.customer_id = a.customer_id AND t >= f.since WHERE NOT {value} IS NULL GROUP BY a.customer_id, {value}) AS "
    "d) AS a ON a.customer_id = s.customer_id WHERE s.since >= {since} GROUP BY s.customer_id, s.since, s.gone"
)


@dataclass(frozen=True, eq=False)
class Milestones(Shown):
    """Milestones reached and missed. Made by `milestones`.

    Attributes
    ----------
    reached : dict of str to Estimate
        Milestone -> share that reached it in time, of the customers for whom that time is over.
    open : dict of str to int
        Milestone -> customers who are still there, have not reached it, and have time left.
    needs : dict of str to tuple of str
        Milestone that cannot be told -> tables and columns it takes.
    """

    reached: dict[str, Estimate]
    open: dict[str, int]
    needs: dict[str, tuple[str, ...]]
    conf_level: float
    stays: Staying = field(repr=False)
    query: Query = field(repr=False)

    @property
    def provenance(self) -> Provenance:
        """Where the numbers come from."""
        return self.stays.provenance

    @property
    def definition(self) -> str:
        """What each milestone is, and who is counted."""
        who = self.provenance.customer
        meant = {
            "first_use": "first event within 30 days",
            "second_use": "a second kind of use within 90 days",
            "second_order": "orders on two days within 90 days",
            "first_renewal": "still there when the first term had ended",
            "one_year": "still there after a year",
            "second_category": "bought of two categories within a year",
            "first_referral": f"a {who} won by recommendation within a year",
        }
        told = "; ".join(f"{name}: {meant[name]}" for name in self.reached)
        return (
            f"Share of the {who}s who reached a milestone in time, of all who began since records begin and whose time "
            f"for it is over; who left before counts as having missed it. {told}. {self.conf_level:.0%} Wilson score "
            f"intervals. {self.stays.meaning}. {self.provenance}"
        )

    def headline(self) -> str:
        """How many."""
        return f"{len(self.reached)} milestones"

    def to_frame(self) -> pd.DataFrame:
        """One row a milestone.

        Returns
        -------
        DataFrame
            Columns milestone, within (days; 0: a day of its own), n, reached, missed, open, share with _ci_lower and
            _ci_upper.
        """
        rows = []
        for name, share in self.reached.items():
            n, reached = share.n or 0, share.count or 0
            counts = {"n": n, "reached": reached, "missed": n - reached, "open": self.open[name]}
            rows.append({"milestone": name, "within": WITHIN[name], **counts} | interval_columns("share", share))
        return pd.DataFrame(rows)

    def customers(self) -> pd.DataFrame:
        """Every customer's milestones; for data scientists, not for a report.

        Returns
        -------
        DataFrame
            Columns customer_id, milestone, due (until when), reached_at (NaT: not so far), status ("reached", "missed",
            "open").
        """
        frames = []
        for name in self.reached:
            limit = "_observed" if name in _STAYING else "_data_end"
            found = self.query.select(
                f"SELECT customer_id, due, at AS reached_at, CASE WHEN at <= due THEN 'reached' WHEN gone <= due OR "
                f"due < {limit} THEN 'missed' ELSE 'open' END AS status FROM m_{name} ORDER BY customer_id"
            )
            frame: pd.DataFrame = found.to_pandas()
            frame.insert(1, "milestone", name)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)


#: Milestones that consist in not having left.
_STAYING = ("first_renewal", "one_year")


def milestones(data: Dataset, *, conf_level: float = 0.95) -> Milestones:
    """Which share of the customers reaches each milestone in time, and who missed it.

    Parameters
    ----------
    data : Dataset
        With contracts or events; each milestone is told if the columns for it are there.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Milestones
        `.reached`, `.to_frame()`, `.customers()`.

    Raises
    ------
    NotEnoughData
        Nothing says when customers began.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> contracts = {"customer_id": [1, 2, 3], "start": ["2023-01-01", "2023-01-01", "2024-01-01"],
    ...              "end": [None, "2023-06-01", None]}
    >>> found = kb.milestones(kb.open_dataset({"subscriptions": pd.DataFrame(contracts)}, as_of="2024-07-01"))
    >>> print(found.reached["one_year"], found.open["one_year"])
    50.00% [9.45%, 90.55%] (1 of 2) 1
    """
    conf_level = check_conf_level(conf_level)
    stays = staying(data)
    known = [name for name in WITHIN if all(data.has(need) for need in NEEDS[name])]
    query = _steps(data, stays, known)
    reached, still = {}, {}
    for name in known:
        limit = "_observed" if name in _STAYING else "_data_end"
        found = query.select(
            f"SELECT count(*) FILTER (WHERE due < {limit}) AS n, count(*) FILTER (WHERE due < {limit} AND at <= due) "
            f"AS y, count(*) FILTER (WHERE due >= {limit} AND gone IS NULL AND at IS NULL) AS open FROM m_{name}"
        ).to_pylist()[0]
        reached[name] = rate_of(int(found["y"]), int(found["n"]), conf_level)
        still[name] = int(found["open"])
    needs = {name: NEEDS[name] for name in WITHIN if name not in known}
    return Milestones(reached, still, needs, conf_level, stays, query)


def _steps(data: Dataset, stays: Staying, known: list[str]) -> Query:
    """A step m_NAME (customer_id, due, at, gone) for every milestone."""
    query = stays.query.copy().part(records_began=stays.began, observed=stays.observed)
    if "events" in data.tables:
        columns = data.tables["events"].columns
        extra = "".join(f", {name}" for name in ("kind", "category", "amount") if name in columns)
        began = data.wall_clock(span[0]) if (span := data.tables["events"].span) else stays.end
        query.table(acts__log="events").step(
            "acts",
            f"SELECT customer_id, _acted AS t{extra} FROM acts__log WHERE _acted < _data_end",
            acted=data.wall_time("events", "timestamp"),
            acts_began=max(began.replace(hour=0, minute=0, second=0, microsecond=0), stays.began),
        )
    values = {"first_use": ("1", 1), "second_use": ("a.kind", 2), "second_category": ("a.category", 2),
              "second_order": ("CASE WHEN a.amount > 0 THEN CAST(t AS DATE) END", 2)}  # fmt: skip
    for name in known:
        if name in values:
            value, nth = values[name]
            sql = _NTH.format(days=WITHIN[name], nth=nth, value=value, since="_acts_began")
        elif name == "one_year":
            sql = (
                "SELECT customer_id, since + to_years(1) AS due, CASE WHEN (gone IS NULL OR gone >= since + "
                "to_years(1)) AND since + to_years(1) < _data_end THEN since + to_years(1) END AS at, gone FROM stays "
                "WHERE since >= _records_began"
            )
        elif name == "first_renewal":
            _add_first_terms(query, data)
            sql = (
                "SELECT customer_id, due, CASE WHEN (gone IS NULL OR gone > due) AND due < _data_end THEN due END AS "
                "at, gone FROM stays JOIN first_terms USING (customer_id) WHERE since >= _records_began"
            )
        else:
            query.step(
                "won", "SELECT _referrer AS referrer, min(s.since) AS t FROM customers AS c JOIN stays AS s "
                "ON s.customer_id = c.customer_id WHERE NOT _referrer IS NULL GROUP BY referrer",
                referrer=column("referred_by", "c"),
            )  # fmt: skip
            sql = (
                "SELECT s.customer_id, s.since + to_days(365) AS due, w.t AS at, s.gone FROM stays AS s LEFT JOIN won "
                "AS w ON w.referrer = s.customer_id WHERE s.since >= _records_began"
            )
        query.step(f"m_{name}", sql)
    return query


def _add_first_terms(query: Query, data: Dataset) -> None:
    """A step with the end of each customer's first term: where its length is known, also of a day that moved on."""
    columns = data.tables["subscriptions"].columns
    known = "term" in columns and kind_of(columns["term"]) == "number"
    query.part(
        term=data.wall_time("subscriptions", "term_end"), begun=data.wall_time("subscriptions", "start"),
        months=parse("CAST(_x AS INTEGER)", x=column("term")) if known else parse("CAST(NULL AS INTEGER)"),
    )  # fmt: skip
    query.step(
        "signed",
        "SELECT customer_id, min(struct_pack(s := _begun, t := _term, m := _months)) AS first FROM log "
        "WHERE _begun < _data_end AND NOT _term IS NULL GROUP BY customer_id",
    )
    query.step(
        "first_terms",  # of a term of m months, whole terms too many are taken back
        "SELECT customer_id, CASE WHEN first.m > 0 AND first.t > first.s THEN first.t - to_months(CAST(first.m * "
        "greatest(0, (date_diff('month', first.s, first.t) - 1) // first.m) AS INTEGER)) ELSE first.t END AS due "
        "FROM signed",
    )
