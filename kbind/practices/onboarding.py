"""Onboarding: how long new customers take until first use, and how much of the offer they then use."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.dataset.dataset import Dataset
from kbind.dataset.provenance import Provenance
from kbind.dataset.recording import recording_began
from kbind.engine.query import Query
from kbind.errors import NotEnoughData, check_conf_level
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import interval_columns, rate_of
from kbind.estimate.sums import mean_of_sums
from kbind.practices.staying import need_columns, staying
from kbind.result import Shown
from kbind.survival.curve import SurvivalCurve, survival_curve

#: Days within which first use is told, and in which kinds of use are counted.
DAYS, FIRST = (14, 30), 30


@dataclass(frozen=True, eq=False)
class Onboarding(Shown):
    """Time from the beginning to the first use. Made by `onboarding`.

    Attributes
    ----------
    curve : SurvivalCurve
        Share that has not used it yet, by days since the beginning.
    median : Estimate
        Days after which half of the new customers have used it.
    within_14, within_30 : Estimate
        Share that has used it within so many days.
    kinds : Estimate
        Mean number of distinct kinds of use in the first 30 days; NaN without `events.kind`.
    steps : DataFrame
        Share of the customers that used each kind in the first 30 days: kind, n, used, share with _ci_lower and
        _ci_upper; the most used first.
    waiting : int
        Customers of the last 90 days who are still there and have not used it yet.
    needs : tuple of str
        Columns that are missing for more.
    """

    curve: SurvivalCurve = field(repr=False)
    median: Estimate
    within_14: Estimate
    within_30: Estimate
    kinds: Estimate
    steps: pd.DataFrame = field(repr=False)
    waiting: int
    needs: tuple[str, ...]
    conf_level: float
    provenance: Provenance

    @property
    def definition(self) -> str:
        """What first use is, and who is counted."""
        who = self.provenance.customer
        return (
            f"Days from the beginning to the first event of a {who} on or after that day, Kaplan-Meier, for {who}s who "
            f"began after events are recorded; who left without any use counts as not having used it. Kinds of use: "
            f"distinct kinds of events in the first {FIRST} days, of {who}s who began at least so long ago. "
            f"{self.conf_level:.0%} intervals. {self.provenance}"
        )

    def headline(self) -> str:
        """Share within a month."""
        return f"{self.within_30.value:.0%} use it within 30 days"

    def to_frame(self) -> pd.DataFrame:
        """The figures.

        Returns
        -------
        DataFrame
            Columns figure (median, within_14, within_30, kinds), value, ci_lower, ci_upper, n.
        """
        figures = {name: getattr(self, name) for name in ("median", "within_14", "within_30", "kinds")}
        return pd.DataFrame([{"figure": name, "value": one.value, "ci_lower": one.ci_lower, "ci_upper": one.ci_upper,
                              "n": one.n} for name, one in figures.items()])  # fmt: skip


def onboarding(data: Dataset, *, conf_level: float = 0.95) -> Onboarding:
    """Time from the beginning of a contract to the first use, and how many kinds of use follow at once.

    Parameters
    ----------
    data : Dataset
        With `events`, and with `subscriptions` or `customers.acquired_at` that say when customers began.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Onboarding
        `.median` (days), `.within_14`, `.within_30`, `.kinds`, `.steps`.

    Raises
    ------
    NotEnoughData
        No events, nothing but events that says when customers began, or nobody began since they are recorded.

    Notes
    -----
    Leaving without use is no censoring: such a customer will not use it any more, and stays among those who have not.
    The end of the data is.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> contracts = pd.DataFrame({"customer_id": [1, 2, 3], "start": ["2024-01-01", "2024-01-01", "2024-02-01"]})
    >>> uses = pd.DataFrame({"customer_id": [1, 2], "timestamp": ["2024-01-01", "2024-01-21"]})
    >>> found = kb.onboarding(kb.open_dataset({"subscriptions": contracts, "events": uses}, as_of="2024-06-01"))
    >>> found.median.value, round(found.within_30.value, 3)
    (20.0, 0.667)
    """
    need_columns(data, "events")
    check_conf_level(conf_level)
    query = first_uses(data)
    rows = query.select(
        "SELECT coalesce(days, seen) AS duration, NOT days IS NULL AS used, count(*) AS n FROM first__uses "
        "GROUP BY duration, used ORDER BY duration, used"
    )
    if not rows.num_rows:
        raise NotEnoughData(f"nobody in {data.name!r} began after its events begin to be recorded")
    duration, used, n = (
        np.asarray(rows.column(name).to_numpy(zero_copy_only=False)) for name in ("duration", "used", "n")
    )
    curve = survival_curve(duration.astype(float), used.astype(bool), weights=n, conf_level=conf_level)
    customers = int(n.sum())
    half = curve.quantiles([0.5]).iloc[0] if used.any() else None
    within = [_within(curve, days, customers, conf_level) for days in DAYS]
    kinds, steps = _kinds(query, conf_level) if data.has("events.kind") else (UNKNOWN, pd.DataFrame())
    waiting = query.select(
        "SELECT count(*) AS n FROM first__uses WHERE days IS NULL AND gone IS NULL AND seen <= 90"
    ).column("n")[0].as_py()  # fmt: skip
    return Onboarding(
        curve=curve,
        median=UNKNOWN if half is None else Estimate.in_row(half, "time", conf_level=conf_level, n=customers),
        within_14=within[0],
        within_30=within[1],
        kinds=kinds,
        steps=steps,
        waiting=int(waiting),
        needs=() if data.has("events.kind") else ("events.kind",),
        conf_level=conf_level,
        provenance=Provenance.of(data, data.end_at(None)),
    )


def first_uses(data: Dataset) -> Query:
    """Steps up to `first__uses` (customer_id, since, gone, seen, days): new customers, days to the end and first use.

    Raises
    ------
    NotEnoughData
        Nothing but the events says when customers began.
    """
    if "subscriptions" in data.tables:
        query = staying(data).query.copy()
    elif data.has("customers.acquired_at"):
        query = Query(data.engine).part(data_end=data.end_at(None))
        query.step(
            "stays",
            "SELECT customer_id, CAST(CAST(_acquired AS DATE) AS TIMESTAMP) AS since, CAST(NULL AS TIMESTAMP) AS gone "
            "FROM customers WHERE NOT _acquired IS NULL",
            acquired=data.wall_time("customers", "acquired_at"),
        )
    else:
        raise NotEnoughData(
            f"{data.name!r} does not say when customers began: subscriptions, or acquired_at of customers"
        )
    query.table(use__log="events").step(
        "uses",
        "SELECT customer_id, _used AS t FROM use__log WHERE _used < _data_end",
        used=data.wall_time("events", "timestamp"),
        uses_began=recording_began(data, "events").replace(hour=0, minute=0, second=0, microsecond=0),
    )
    return query.step(
        "first__uses",
        "SELECT s.customer_id, min(s.since) AS since, min(s.gone) AS gone, "
        "min(date_diff('day', s.since, _data_end)) AS seen, min(date_diff('day', s.since, u.t)) AS days FROM stays AS "
        "s LEFT JOIN uses AS u ON u.customer_id = s.customer_id AND u.t >= s.since "
        "WHERE s.since >= _uses_began AND s.since < _data_end GROUP BY s.customer_id",
    )


def _within(curve: SurvivalCurve, days: int, n: int, conf_level: float) -> Estimate:
    still = Estimate.in_row(curve.at(days).iloc[0], "survival", conf_level=conf_level)
    return Estimate(1 - still.value, 1 - still.ci_upper, 1 - still.ci_lower, n, None, conf_level, kind="share")


def _kinds(query: Query, conf_level: float) -> tuple[Estimate, pd.DataFrame]:
    """Distinct kinds of use in the first days, and the share of customers for each."""
    query = query.copy().part(first__days=FIRST)
    query.step(
        "used__kinds",
        "SELECT DISTINCT f.customer_id, l.kind AS kind FROM first__uses AS f JOIN use__log AS l "
        "ON l.customer_id = f.customer_id AND _used_at >= f.since AND _used_at < f.since + to_days(_first__days) "
        "WHERE f.seen >= _first__days AND NOT l.kind IS NULL",
        used_at=query.parts["used"],
    )
    total = query.select(
        "SELECT count(*) AS n, CAST(sum(k) AS DOUBLE) AS s, CAST(sum(k * k) AS DOUBLE) AS q, "
        "CAST(sum(k * k * k) AS DOUBLE) AS c FROM (SELECT f.customer_id, count(u.kind) AS k FROM first__uses AS f "
        "LEFT JOIN used__kinds AS u USING (customer_id) WHERE f.seen >= _first__days GROUP BY f.customer_id) AS t"
    ).to_pylist()[0]
    n = int(total["n"])
    if not n:
        return UNKNOWN, pd.DataFrame()
    mean = Estimate.of(mean_of_sums((n, total["s"], total["q"], total["c"]), conf_level), n=n, conf_level=conf_level)
    found: pa.Table = query.select(
        "SELECT kind, count(*) AS used FROM used__kinds GROUP BY kind ORDER BY used DESC, kind"
    )
    rows = [
        {"kind": row["kind"], "n": n, "used": row["used"]}
        | interval_columns("share", rate_of(row["used"], n, conf_level))
        for row in found.to_pylist()
    ]
    return mean, pd.DataFrame(rows)
