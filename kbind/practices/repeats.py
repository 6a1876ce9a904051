"""How often a customer has to come again with the same matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.calendar import days_of, label
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import encode_groups, group_value, names_of, objects, place_columns, stack_groups
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import parse
from kbind.engine.query import Query
from kbind.errors import NotEnoughData, check_conf_level
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import interval_columns
from kbind.practices.clustered import from_scores, share_of, slope_of
from kbind.practices.staying import need_columns
from kbind.result import Shown
from kbind.spells.contracts import NEVER
from kbind.typing import Floats, Ints

#: Sums over a customer's first contacts.
_SUMS = {
    "m": "count(*)",
    "y": "count(*) FILTER (WHERE again)",
    "m2": "count(*) FILTER (WHERE later)",
    "y2": "count(*) FILTER (WHERE later AND nxt <= c + to_days(2 * _within))",
    "t": "sum(t)",
    "tt": "sum(t * t)",
    "ty": "coalesce(sum(t) FILTER (WHERE again), 0)",
    "sm": "count(*) FILTER (WHERE again AND NOT ch IS NULL AND NOT next_ch IS NULL)",
    "sy": "count(*) FILTER (WHERE again AND ch <> next_ch)",
}


@dataclass(frozen=True, eq=False)
class RepeatContacts(Shown):
    """Share of first contacts after which the customer came again with the same matter. Made by `repeat_contacts`.

    Attributes
    ----------
    within : int
        Days after closing in which coming again counts.
    share : Estimate
        Of the first contacts, those followed by another of the same kind.
    by_chance : Estimate
        The same in as many days after that, of those that were not: what another matter of the same kind makes expect.
    excess : Estimate
        `share` less `by_chance`.
    trend : Estimate
        Change of the share in a year.
    other_channel : Estimate
        Of those who came again, the share on another channel; NaN without `tickets.channel`.
    customers : int
        Customers who had to come again.
    frame : DataFrame
        As `to_frame` gives it.
    periods : DataFrame
        The share by quarter of the first contact: period, n, repeats, share with _ci_lower and _ci_upper.
    needs : tuple of str
        Columns that are missing for more.
    """

    within: int
    by: tuple[str, ...]
    share: Estimate
    by_chance: Estimate
    excess: Estimate
    trend: Estimate
    other_channel: Estimate
    customers: int
    frame: pd.DataFrame = field(repr=False)
    periods: pd.DataFrame = field(repr=False)
    needs: tuple[str, ...]
    conf_level: float
    provenance: Provenance

    @property
    def settled(self) -> Estimate:
        """Share of first contacts that were one conversation: nobody had to come again."""
        return self.share.complement()

    @property
    def definition(self) -> str:
        """What a first contact is, when somebody came again, and who is counted."""
        who, n = self.provenance.customer, self.within
        return (
            f"Tickets of one {who} and kind belong together when one is opened at most {n} days after those before "
            f"were closed; the first of them is a first contact. Share of first contacts, closed more than {n} days "
            f"before the end of the data, after which another ticket followed; who left in the meantime counts as not "
            f"having come again. First contacts of the first {n} days of records are left out. By chance: a ticket of "
            f"the same kind {n + 1} to {2 * n} days after closing, where none came before; {self.conf_level:.0%} "
            f"Wilson score intervals with {who}s as clusters. {self.provenance}"
        )

    def headline(self) -> str:
        """The share."""
        return f"came again with the same matter within {self.within} days: {self.share}"

    def to_frame(self) -> pd.DataFrame:
        """The share by group.

        Returns
        -------
        DataFrame
            One row a group. Columns of `by`; n (first contacts), customers, repeats, share with _ci_lower and
            _ci_upper, by_chance with _ci_lower and _ci_upper.
        """
        return self.frame.copy()


def repeat_contacts(
    data: Dataset, *, within: str = "30D", by: str | Sequence[str] | None = None, conf_level: float = 0.95
) -> RepeatContacts:
    """How often a customer has to come again with the same matter.

    Parameters
    ----------
    data : Dataset
        With a table `tickets` that has closed and kind; channel, if it has one, shows who came on another.
    within : str
        Days or weeks after closing in which a ticket of the same kind counts as the same matter, such as "30D".
    by : str or sequence of str, optional
        Columns of `customers`, or of `tickets` (then the first contact's value counts).
    conf_level : float
        Level of the intervals.

    Returns
    -------
    RepeatContacts
        `.share`, `.by_chance`, `.excess`, `.trend`, `.other_channel`, `.periods`.

    Raises
    ------
    ArgumentError
        No such column, or no length.
    NotEnoughData
        No tickets with closed and kind, or no first contact old enough.

    Notes
    -----
    Nothing in tickets says that two are about the same matter; the same kind within a short time is a sign of it. Some
    of that is chance, the more the more often a customer writes: `by_chance` says how much. Every first contact has had
    the same time to be followed.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> tickets = pd.DataFrame({"customer_id": [9, 1, 1, 2, 2], "kind": "fault",
    ...     "opened": ["2024-01-01", "2024-03-01", "2024-03-10", "2024-03-01", "2024-06-01"],
    ...     "closed": ["2024-01-02", "2024-03-02", "2024-03-11", "2024-03-03", "2024-06-02"]})
    >>> people = pd.DataFrame({"customer_id": [1, 2, 9]})
    >>> data = kb.open_dataset({"customers": people, "tickets": tickets}, as_of="2024-12-01")
    >>> print(kb.repeat_contacts(data).share)
    33.33% [2.81%, 89.64%] (1 of 3)
    """
    need_columns(data, "tickets.closed", "tickets.kind")
    days, conf_level = days_of("within", within, 1), check_conf_level(conf_level)
    names = names_of(by)
    query = _firsts(data, place_columns(data, "tickets", names), days)
    g = "".join(f", g{k}" for k in range(len(names)))
    sums = ", ".join(f"CAST({sql} AS DOUBLE) AS {name}" for name, sql in _SUMS.items())
    found = query.select(f"SELECT customer_id, {sums}{g} FROM judged GROUP BY customer_id{g}")
    if not found.num_rows:
        raise NotEnoughData(
            f"tickets of {data.name!r} hold no first contact that was closed {days} days before the end of the data"
        )
    periods = query.select(
        "SELECT customer_id, date_trunc('quarter', o) AS quarter, count(*) AS m, count(*) FILTER (WHERE again) AS y "
        "FROM judged GROUP BY customer_id, quarter"
    )
    groups, group = encode_groups(found, [f"g{k}" for k in range(len(names))])
    customer = _numbered(found)
    rows = {name: np.asarray(found.column(name).to_numpy(), dtype=float) for name in _SUMS}
    frames = [_group_row({name: x[group == k] for name, x in rows.items()}, conf_level) for k in range(len(groups))]
    total = {name: np.bincount(customer, x).astype(float) for name, x in rows.items()}
    chance = share_of(total["m2"], total["y2"], conf_level)
    channels = data.has("tickets.channel")
    return RepeatContacts(
        within=days,
        by=names,
        share=share_of(total["m"], total["y"], conf_level),
        by_chance=chance,
        excess=_excess(total, conf_level),
        trend=slope_of(total, conf_level),
        other_channel=share_of(total["sm"], total["sy"], conf_level) if channels else UNKNOWN,
        customers=int((total["y"] > 0).sum()),
        frame=stack_groups(names, groups, frames),
        periods=_by_quarter(periods, conf_level),
        needs=() if channels else ("tickets.channel",),
        conf_level=conf_level,
        provenance=Provenance.of(data, data.end_at(None)),
    )


def _firsts(data: Dataset, places: dict[str, str], days: int) -> Query:
    """Steps that end in `judged`: a row a first contact that has had the time to be followed."""
    query = Query(data.engine).table(log="tickets").part(within=days, never=NEVER, as_of=data.end_at(None))
    own, join = "", ""
    for k, (name, table) in enumerate(places.items()):
        query.part(**{f"by{k}": group_value(data, table, name)})
        if table == "tickets":
            own += f", _by{k} AS g{k}"
        else:
            query.step(f"people{k}", f"SELECT customer_id, _by{k} AS g{k} FROM customers")
            join += f" LEFT JOIN people{k} USING (customer_id)"
    channel = group_value(data, "tickets", "channel") if data.has("tickets.channel") else parse("CAST(NULL AS VARCHAR)")
    query.step(
        "given",
        f"SELECT customer_id, _kind AS kind, _opened AS o, CASE WHEN _closed < _as_of THEN _closed END AS c, "
        f"_channel AS ch{own} FROM log WHERE _opened < _as_of AND NOT _kind IS NULL",
        kind=group_value(data, "tickets", "kind"),
        opened=data.wall_time("tickets", "opened"),
        closed=data.wall_time("tickets", "closed"),
        channel=channel,
    )
    order = "PARTITION BY customer_id, kind ORDER BY o, coalesce(c, _never), ch"
    query.step(
        "ordered",
        f"SELECT *, lead(o) OVER ({order}) AS nxt, lead(ch) OVER ({order}) AS next_ch, "
        f"max(coalesce(c, _never)) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach FROM given",
    )
    span = data.tables["tickets"].span
    assert span is not None
    query.step(
        "judged",
        f"SELECT *, coalesce(nxt <= c + to_days(_within), FALSE) AS again, "
        "coalesce(nxt > c + to_days(_within), TRUE) AND c + to_days(2 * _within) < _as_of AS later, "
        f"CAST(date_diff('day', _as_of, o) AS DOUBLE) / 365.25 AS t FROM ordered{join} "
        "WHERE (reach IS NULL OR o > reach + to_days(_within)) AND o >= _since AND c + to_days(_within) < _as_of",
        since=data.wall_clock(span[0]).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days),
    )
    return query


def _numbered(found: pa.Table) -> Ints:
    return np.unique(objects(found.column("customer_id")), return_inverse=True)[1]


def _group_row(sums: dict[str, Floats], conf_level: float) -> pd.DataFrame:
    share, chance = share_of(sums["m"], sums["y"], conf_level), share_of(sums["m2"], sums["y2"], conf_level)
    counts = {"n": share.n, "customers": len(sums["m"]), "repeats": share.count}
    return pd.DataFrame([counts | interval_columns("share", share) | interval_columns("by_chance", chance)])


def _excess(sums: dict[str, Floats], conf_level: float) -> Estimate:
    """Difference of two shares of the same customers, linearised."""
    first, second = sums["m"].sum(), sums["m2"].sum()
    if not second:
        return UNKNOWN
    share, chance = sums["y"].sum() / first, sums["y2"].sum() / second
    scores = (sums["y"] - share * sums["m"]) / first - (sums["y2"] - chance * sums["m2"]) / second
    return from_scores(float(share - chance), scores, conf_level, int(first))


def _by_quarter(found: pa.Table, conf_level: float) -> pd.DataFrame:
    frame = found.select(["quarter", "m", "y"]).to_pandas()
    rows = []
    for quarter, part in frame.groupby("quarter", sort=True):
        share = share_of(part["m"].to_numpy(), part["y"].to_numpy(), conf_level)
        name = label("quarter", pd.Timestamp(str(quarter)).date())
        rows.append({"period": name, "n": share.n, "repeats": share.count} | interval_columns("share", share))
    return pd.DataFrame(rows)
