"""Customers hit by an incident against those who were not: who leaves in the time after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import objects
from kbind.engine.engine import literal, parse
from kbind.engine.query import Query
from kbind.errors import NotEnoughData, check_conf_level
from kbind.estimate.estimate import Estimate
from kbind.practices.clustered import Difference, adjusted_difference
from kbind.practices.staying import Staying, need_contracts, staying
from kbind.result import Shown
from kbind.typing import Bools, Floats

#: What a row of events, or of tickets, is called.
INCIDENT, FAULT = "incident", "fault"
#: Days around a day whose faults say what is usual; faults that a day must have; chance that any day stands out.
_AROUND, _LEAST, _CHANCE = 14, 5, 0.01
#: Incidents that are looked at; of more, those that hit most.
_MOST = 60
#: Days of tenure at which a stratum begins.
BANDS = (90, 180, 365, 730)


@dataclass(frozen=True, eq=False)
class IncidentEffect(Shown):
    """Leaving after an incident, of those hit and of others. Made by `incident_effect`.

    Attributes
    ----------
    source : {"events", "tickets"}
        Whether incidents are recorded as events, or days on which faults pile up.
    within : int
        Days after the incident in which leaving counts.
    hit : Estimate
        Share of the customers hit who decided to leave within them.
    expected : float
        Share that customers not hit, of the same day and tenure, make expect.
    difference : Estimate
        `hit` less `expected`.
    incidents : DataFrame
        day, hit (customers), others (customers there and not hit).
    customers : int
        Different customers hit.
    """

    source: str
    within: int
    compared: Difference = field(repr=False)
    incidents: pd.DataFrame = field(repr=False)
    customers: int
    conf_level: float
    stays: Staying = field(repr=False)

    @property
    def hit(self) -> Estimate:
        """Share of those hit who decided to leave."""
        return self.compared.exposed

    @property
    def expected(self) -> float:
        """Share that the others make expect."""
        return self.compared.expected

    @property
    def difference(self) -> Estimate:
        """Share of those hit less that of the others."""
        return self.compared.difference

    @property
    def provenance(self) -> object:
        """Where the numbers come from."""
        return self.stays.provenance

    @property
    def definition(self) -> str:
        """What an incident is, who was hit, and with whom they are compared."""
        who = self.stays.provenance.customer
        what = (
            f"An incident is a day with events of kind {INCIDENT!r}; hit: {who}s with one."
            if self.source == "events"
            else f"An incident is a day with more {FAULT} tickets than chance allows (Poisson about the {_AROUND} days "
            f"before and after, {_CHANCE:.0%} over all days); hit: {who}s who opened one on it, who may be those who "
            "complain."
        )
        return (
            f"{what} Share that decided to leave within {self.within} days, less that of {who}s there on the same day, "
            f"of the same tenure (bounds {', '.join(map(str, BANDS))} days) and not hit in the {self.within} days "
            f"before; weighted as Mantel and Haenszel do, {self.conf_level:.0%} interval with {who}s as clusters. "
            f"{self.stays.meaning}. {self.stays.provenance}"
        )

    def headline(self) -> str:
        """The difference."""
        return f"{self.hit.value:.1%} left, expected {self.expected:.1%}"

    def to_frame(self) -> pd.DataFrame:
        """One row.

        Returns
        -------
        DataFrame
            Columns incidents, n_hit (a customer once an incident), customers, hit, expected, difference with _ci_lower
            and _ci_upper.
        """
        value, lower, upper = self.difference
        return pd.DataFrame(
            [
                {"incidents": len(self.incidents), "n_hit": self.compared.n_exposed, "customers": self.customers,
                 "hit": self.hit.value, "expected": self.expected, "difference": value, "difference_ci_lower": lower,
                 "difference_ci_upper": upper}
            ]
        )  # fmt: skip


def incident_effect(data: Dataset, *, within: str = "90D", conf_level: float = 0.95) -> IncidentEffect:
    """What incidents do to staying: customers hit against customers of the same day and tenure who were not.

    Parameters
    ----------
    data : Dataset
        With contracts. Incidents are rows of `events` of kind "incident"; without any, days on which tickets
        of kind "fault" pile up.
    within : str
        Days or weeks after the incident in which the decision to leave counts, such as "90D".
    conf_level : float
        Level of the intervals.

    Returns
    -------
    IncidentEffect
        `.hit`, `.expected`, `.difference`, `.incidents`.

    Raises
    ------
    ArgumentError
        No length.
    NotEnoughData
        No contracts, no incident, none long enough ago, or nobody to compare with.

    Notes
    -----
    Whom an incident hits is often not chance: who uses more is hit more. Same day and tenure make that smaller, they do
    not remove it.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> end = [None, "2023-07-01", None, None]
    >>> contracts = pd.DataFrame({"customer_id": [1, 2, 3, 4], "start": "2023-01-01", "end": end})
    >>> hit = pd.DataFrame({"customer_id": [1, 2], "timestamp": "2023-06-01", "kind": "incident"})
    >>> data = kb.open_dataset({"subscriptions": contracts, "events": hit}, as_of="2024-01-01")
    >>> found = kb.incident_effect(data)
    >>> found.hit.value, found.expected
    (0.5, 0.0)
    """
    need_contracts(data)
    conf_level, days = check_conf_level(conf_level), days_of("within", within, 1)
    stays = staying(data)
    source = _source(data)
    query = _hits(data, stays, source, days)
    rows = query.select(
        "SELECT customer_id, day, band, hit, coalesce(decided <= day + to_days(_days), FALSE) AS y FROM exposed "
        "WHERE hit OR NOT before ORDER BY day, customer_id"
    )
    if not rows.num_rows:
        raise NotEnoughData(f"nobody was a customer of {data.name!r} on the day of an incident")
    hit, left = (np.asarray(rows.column(name).to_numpy(zero_copy_only=False), dtype=bool) for name in ("hit", "y"))
    day = np.asarray(rows.column("day").to_numpy(zero_copy_only=False)).astype("datetime64[D]")
    who = np.unique(objects(rows.column("customer_id")), return_inverse=True)[1]
    place = np.unique(day, return_inverse=True)[1]
    band = np.asarray(rows.column("band").to_numpy(), dtype=np.int64)
    compared = adjusted_difference(who, place * (len(BANDS) + 1) + band, hit, left, conf_level)
    if not compared.n_exposed:
        raise NotEnoughData(f"on no day of an incident were some customers of {data.name!r} hit and others not")
    counts = {"hit": np.bincount(place, hit), "others": np.bincount(place, ~hit)}
    incidents = pd.DataFrame({"day": np.unique(day), **{name: n.astype(int) for name, n in counts.items()}})
    return IncidentEffect(source, days, compared, incidents, len(np.unique(who[hit])), conf_level, stays)


def _source(data: Dataset) -> str:
    """Where incidents are told."""
    if data.has("events.kind") and data.engine.size("events", parse("kind = _x", x=literal(INCIDENT))):
        return "events"
    if data.has("tickets.kind") and data.engine.size("tickets", parse("kind = _x", x=literal(FAULT))):
        return "tickets"
    raise NotEnoughData(
        f"{data.name} has no events of kind {INCIDENT!r}, and no tickets of kind {FAULT!r}: nothing tells of incidents"
    )


def _hits(data: Dataset, stays: Staying, source: str, days: int) -> Query:
    """Steps up to `exposed`: a row a customer there on the day of an incident; whether hit then, or shortly before."""
    time, kind = ("timestamp", INCIDENT) if source == "events" else ("opened", FAULT)
    query = stays.query.copy().table(hit__log=source).step(
        "struck",
        "SELECT DISTINCT customer_id, CAST(CAST(_struck_at AS DATE) AS TIMESTAMP) AS day FROM hit__log "
        "WHERE kind = _struck_kind AND _struck_at < _data_end",
        struck_at=data.wall_time(source, time),
        struck_kind=kind,
        days=days,
        observed=stays.observed,
    )  # fmt: skip
    found = query.select("SELECT day, count(*) AS n FROM struck GROUP BY day ORDER BY day")
    when = [moment.date() for moment in found.column("day").to_pylist()]
    n = np.asarray(found.column("n").to_numpy(), dtype=float)
    if source == "tickets":
        loud = outstanding(when, n)
        if not loud.any():
            raise NotEnoughData(
                f"{data.name} has no events of kind {INCIDENT!r}, and no day with more {FAULT} tickets than chance "
                "allows"
            )
        when, n = [day for day, kept in zip(when, loud, strict=True) if kept], n[loud]
    over = np.array([day + timedelta(days=days) <= stays.observed.date() for day in when], dtype=bool)
    largest = np.argsort(-n[over], kind="stable")[:_MOST]
    chosen = sorted(np.array(when, dtype=object)[over][largest].tolist())
    if not chosen:
        raise NotEnoughData(f"incidents of {data.name!r} lie less than {days} days before the end of the data")
    bands = " ".join(f"WHEN date_diff('day', s.since, i.day) < {bound} THEN {k}" for k, bound in enumerate(BANDS))
    for name, listed in (("chosen", chosen), ("every", when)):
        query.step(
            f"{name}__days",
            f"SELECT CAST(_{name} AS TIMESTAMP) AS day",
            **{name: parse("unnest(_x)", x=literal(listed))},
        )
    query.step("blows", "SELECT customer_id, day FROM struck JOIN every__days USING (day)")
    query.step(
        "exposed",
        f"SELECT s.customer_id, i.day, s.decided, CASE {bands} ELSE {len(BANDS)} END AS band, "
        "bool_or(coalesce(h.day = i.day, FALSE)) AS hit, bool_or(coalesce(h.day < i.day, FALSE)) AS before "
        "FROM chosen__days AS i JOIN stays AS s ON s.first <= i.day AND (s.decided IS NULL OR s.decided > i.day) "
        "LEFT JOIN blows AS h ON h.customer_id = s.customer_id AND h.day <= i.day AND h.day > i.day - to_days(_days) "
        "GROUP BY s.customer_id, i.day, s.decided, s.since",
    )
    return query


def outstanding(days: Sequence[date], n: Floats) -> Bools:
    """Days with more faults than chance allows, by the days around each."""
    from scipy.stats import poisson

    if not days:
        return np.zeros(0, dtype=bool)
    first = min(days)
    counts = np.zeros((max(days) - first).days + 1)
    place = np.array([(day - first).days for day in days])
    counts[place] = n
    padded = np.pad(counts, _AROUND, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1).copy()
    around[:, _AROUND] = np.nan
    if len(counts) == 1:
        return np.zeros(1, dtype=bool)  # nothing says what is usual
    # an incident among the days around does not move their median, which lies a third below the mean of a Poisson law
    usual = np.nanmedian(around, axis=1) + 1 / 3
    chance = poisson.sf(counts - 1, usual)
    return np.asarray(((chance * len(counts) < _CHANCE) & (counts >= _LEAST))[place])
