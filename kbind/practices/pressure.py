"""Contact pressure: what the k-th contact in a quarter does to leaving and answering."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.calendar import days_of
from kbind.dataset.arms import treated
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import objects
from kbind.engine.engine import column, parse
from kbind.engine.query import Query
from kbind.errors import NotEnoughData, check_conf_level
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import interval_columns
from kbind.practices.clustered import Difference, adjusted_difference, share_of
from kbind.practices.incidents import BANDS
from kbind.practices.staying import Staying, need_columns, need_contracts, staying
from kbind.result import Shown
from kbind.typing import Bools, Ints

#: Days that count as a quarter, and contacts from which on all are one group.
QUARTER, MOST = 91, 4


@dataclass(frozen=True, eq=False)
class ContactPressure(Shown):
    """Leaving and answering after the k-th contact in a quarter. Made by `contact_pressure`.

    Attributes
    ----------
    within : int
        Days after the contact in which leaving and answering count.
    compared_with : {"held back", "first contact"}
        Customers held back at the same time, with as many contacts behind them; where nobody was, customers contacted
        for the first time in the quarter.
    left, answered : dict of int to Difference
        k -> share of those contacted, and its difference to the others; the last k stands for so many or more.
        `answered` is empty without `feedback`.
    opted_out : dict of int to Estimate
        k -> share of contacts after which the customer opted out; empty without `campaigns.opted_out`.
    contacts : dict of int to int
        k -> contacts.
    customers : int
        Customers contacted in the last quarter of the data.
    needs : tuple of str
        Columns that are missing for more.
    """

    within: int
    compared_with: str
    left: dict[int, Difference] = field(repr=False)
    answered: dict[int, Difference] = field(repr=False)
    opted_out: dict[int, Estimate] = field(repr=False)
    contacts: dict[int, int]
    customers: int
    needs: tuple[str, ...]
    conf_level: float
    stays: Staying = field(repr=False)

    @property
    def provenance(self) -> object:
        """Where the numbers come from."""
        return self.stays.provenance

    @property
    def definition(self) -> str:
        """What a contact is, how it is counted, and with whom it is compared."""
        who = self.stays.provenance.customer
        with_whom = (
            f"{who}s held back of the same campaign and month"
            if self.compared_with == "held back"
            else f"{who}s contacted for the first time, of the same campaign and month"
        )
        return (
            f"Contacts: rows of campaigns that were not held back; the k-th of a {who} within {QUARTER} days. Share "
            f"that decided to leave, or gave feedback, within {self.within} days, less that of {with_whom}, with as "
            f"many contacts behind them where held back, of the same tenure and tenth of the propensity where known; "
            f"weighted as Mantel and Haenszel do, {self.conf_level:.0%} intervals with {who}s as clusters. "
            f"{self.stays.meaning}. {self.stays.provenance}"
        )

    def headline(self) -> str:
        """How many contacts."""
        return f"{sum(self.contacts.values()):,} contacts, up to {max(self.contacts)} a quarter"

    def to_frame(self) -> pd.DataFrame:
        """One row a k.

        Returns
        -------
        DataFrame
            Columns k, contacts, n_others, left, left_difference, answered, answered_difference, opted_out, each with
            _ci_lower and _ci_upper; NaN where unknown.
        """
        rows = []
        nothing = Difference(UNKNOWN, UNKNOWN, 0, 0)
        for k, n in self.contacts.items():
            row: dict[str, object] = {"k": k, "contacts": n, "n_others": self.left[k].n_others}
            for name, found in (("left", self.left[k]), ("answered", self.answered.get(k, nothing))):
                row |= interval_columns(name, found.exposed) | interval_columns(f"{name}_difference", found.difference)
            rows.append(row | interval_columns("opted_out", self.opted_out.get(k, UNKNOWN)))
        return pd.DataFrame(rows)


def contact_pressure(data: Dataset, *, within: str = "90D", conf_level: float = 0.95) -> ContactPressure:
    """What the first, second and further contact in a quarter does to leaving and answering.

    Parameters
    ----------
    data : Dataset
        With `campaigns` that have assigned_at, and contracts. With `arm`, those held back are whom the others
        are compared with; a column opted_out (yes or no) tells who wanted no more.
    within : str
        Days or weeks after the contact in which leaving and answering count, such as "90D".
    conf_level : float
        Level of the intervals.

    Returns
    -------
    ContactPressure
        `.left`, `.answered`, `.opted_out` by k, `.to_frame()`.

    Raises
    ------
    ArgumentError
        No length.
    NotEnoughData
        No campaigns with assigned_at, no contracts, or no contact long enough ago.

    Notes
    -----
    Where arms were drawn by lot, the difference is the effect of one more contact. Without arms, customers who are
    contacted often are others than those who are not, and the difference says little.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.contact_pressure(kb.datasets.load_saas())
    >>> found.compared_with, list(found.contacts)
    ('held back', [1])
    """
    need_columns(data, "campaigns.assigned_at")
    need_contracts(data)
    conf_level, days = check_conf_level(conf_level), days_of("within", within, 1)
    stays = staying(data)
    rows = _assigned(data, stays, days).select("SELECT * FROM judged ORDER BY customer_id, t, campaign")
    flags = {
        name: np.asarray(rows.column(name).to_numpy(zero_copy_only=False), dtype=bool)
        for name in ("treated", "gone_soon", "said", "opted")
    }
    reached = flags["treated"]
    if not reached.any():
        raise NotEnoughData(f"campaigns of {data.name!r} hold no contact {days} days before the end of the data")
    who = np.unique(objects(rows.column("customer_id")), return_inverse=True)[1]
    k = np.minimum(np.asarray(rows.column("k").to_numpy(), dtype=np.int64), MOST)
    held_back = bool((~reached).any())
    stratum = _strata(rows, k if held_back else np.zeros_like(k))
    left, answered, opted, contacts = {}, {}, {}, {}
    for j in np.unique(k[reached]).tolist():
        contacts[j] = int((reached & (k == j)).sum())
        if held_back:
            some, exposed = k == j, reached
        else:
            some, exposed = (k == j) | (k == 1), k == j
        left[j] = _compared(who, stratum, exposed, flags["gone_soon"], some, conf_level)
        if "feedback" in data.tables:
            answered[j] = _compared(who, stratum, exposed, flags["said"], some, conf_level)
        if data.has("campaigns.opted_out"):
            here = (reached & (k == j)).astype(float)
            opted[j] = share_of(np.bincount(who, here), np.bincount(who, here * flags["opted"]), conf_level)
    return ContactPressure(
        within=days,
        compared_with="held back" if held_back else "first contact",
        left=left,
        answered=answered,
        opted_out=opted,
        contacts=contacts,
        customers=_lately(data, stays),
        needs=tuple(need for need in ("campaigns.arm", "campaigns.opted_out", "feedback") if not data.has(need)),
        conf_level=conf_level,
        stays=stays,
    )


def _compared(who: Ints, stratum: Ints, exposed: Bools, happened: Bools, some: Bools, conf_level: float) -> Difference:
    """The difference, or the share alone where there is nobody to compare with."""
    found = adjusted_difference(who[some], stratum[some], exposed[some], happened[some], conf_level)
    if found.n_exposed:
        return found
    here = (some & exposed).astype(float)
    alone = share_of(np.bincount(who, here), np.bincount(who, here * happened), conf_level)
    return Difference(alone, UNKNOWN, int(here.sum()), 0)


def _strata(rows: pa.Table, k: Ints) -> Ints:
    """Number of every combination of campaign, month, contacts so far, tenure and propensity."""
    frame = rows.select(["campaign", "month", "band", "tenth"]).to_pandas().assign(k=k)
    return np.asarray(frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup(), dtype=np.int64)


def _assigned(data: Dataset, stays: Staying, days: int) -> Query:
    """Steps up to `judged`: rows of campaigns that could be followed, and what happened after."""
    query = stays.query.copy().table(sent="campaigns").part(
        assigned=data.wall_time("campaigns", "assigned_at"), treated=treated(data), quarter=QUARTER, days=days,
        observed=stays.observed,
        tenth=parse("least(floor(10 * _x), 9)", x=column("propensity")) if data.has("campaigns.propensity")
        else parse("CAST(NULL AS DOUBLE)"),
        opted=parse("lower(CAST(_x AS VARCHAR)) IN ('true', 'yes', 'ja', '1', 'y', 't')", x=column("opted_out"))
        if data.has("campaigns.opted_out") else parse("FALSE"),
    )  # fmt: skip
    query.step(
        "sent__rows",
        "SELECT customer_id, campaign, _assigned AS t, coalesce(_treated, TRUE) AS treated, _tenth AS tenth, "
        "coalesce(_opted, FALSE) AS opted FROM sent WHERE _assigned < _data_end",
    )
    query.step(
        "counted",
        "SELECT *, 1 + coalesce(sum(CASE WHEN treated THEN 1 ELSE 0 END) OVER (PARTITION BY customer_id ORDER BY t "
        "RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND INTERVAL 1 SECOND PRECEDING), 0) AS k FROM sent__rows",
    )
    said = "FALSE"
    if "feedback" in data.tables:
        known = " WHERE NOT score IS NULL" if data.has("feedback.score") else ""
        query.table(said__log="feedback").step(
            "replies",
            f"SELECT customer_id, _replied AS at FROM said__log{known}",
            replied=data.wall_time("feedback", "timestamp"),
        )  # fmt: skip
        said = (
            "EXISTS (SELECT 1 FROM replies AS r WHERE r.customer_id = c.customer_id AND r.at > c.t "
            "AND r.at <= c.t + to_days(_days))"
        )
    bands = " ".join(f"WHEN date_diff('day', s.since, c.t) < {bound} THEN {j}" for j, bound in enumerate(BANDS))
    return query.step(
        "judged",
        "SELECT c.customer_id, campaign, t, date_trunc('month', t) AS month, treated, tenth, opted, "
        "CAST(k AS BIGINT) AS k, "
        f"CASE {bands} ELSE {len(BANDS)} END AS band, coalesce(s.decided <= t + to_days(_days), FALSE) AS gone_soon, "
        f"{said} AS said FROM counted AS c JOIN stays AS s ON s.customer_id = c.customer_id "
        "WHERE t >= s.first AND (s.decided IS NULL OR s.decided > t) AND t + to_days(_days) <= _observed",
    )


def _lately(data: Dataset, stays: Staying) -> int:
    """Customers contacted in the last quarter of the data."""
    query = _assigned(data, stays, 1)
    found = query.select(
        "SELECT count(DISTINCT customer_id) AS n FROM sent__rows WHERE treated AND t >= _data_end - to_days(_quarter)"
    )
    return int(found.column("n")[0].as_py())
