"""Accounts that hang on one person: how many, what losing the person did so far, and what is at stake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import column, literal, parse
from kbind.errors import ArgumentError, NotEnoughData, check_conf_level, told
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import rate_of
from kbind.practices.service_recovery import MONTH
from kbind.result import Shown
from kbind.survival.exposure import FEWEST, Exposure, by_what, exposure, stretches

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("ours", "theirs")
#: What was lost: the only person on a side, or one of several.
ALONE = {side: f"{side}, the only one" for side in SIDES}
SHARED = {side: f"{side}, others stayed" for side in SIDES}


@dataclass(frozen=True, eq=False)
class IfLeaves:
    """What is at stake if one person leaves.

    Attributes
    ----------
    contact_id : object
    side : {"ours", "theirs"}
    accounts : int
        Customers who have nobody else on that side.
    revenue : float
        What they pay a month; NaN where unknown.
    leavers : Estimate
        Of them, additional ones expected to leave while the loss acts.
    loss : Estimate
        Revenue a month expected to go with them.
    """

    contact_id: object
    side: str
    accounts: int
    revenue: float
    leavers: Estimate
    loss: Estimate


@dataclass(frozen=True, eq=False)
class SingleContacts(Shown):
    """Accounts that hang on one person. Made by `single_contacts`.

    Attributes
    ----------
    shares : dict of str to Estimate
        By "ours", "theirs", "either": share of the customers with a single open contact on that side; n is all
        customers under contract who have a contact there, count those with a single one.
    revenue : dict of str to float
        What these pay a month; NaN where unknown.
    effects : dict of str to Estimate
        By side: hazard ratio of leaving after the only person on it was lost; NaN where too few left after it.
    shared : dict of str to Estimate
        The same after one was lost while others stayed.
    customers : DataFrame
        One row a customer and side with a single contact: customer_id, side, contact_id, revenue, hazard (chance of
        leaving in a month without a loss).
    losses : dict of str to float
        By side: losses of the only person a customer and year, in the time on record.
    lost : dict of str to int
        By side: customers who were still there when such a loss acted.
    window : int
        Days for which a loss acts.
    conf_level : float
    """

    shares: dict[str, Estimate]
    revenue: dict[str, float]
    effects: dict[str, Estimate]
    shared: dict[str, Estimate]
    customers: pd.DataFrame = field(repr=False)
    losses: dict[str, float]
    lost: dict[str, int]
    lag: int
    window: int
    conf_level: float
    provenance: Provenance = field(repr=False)

    def headline(self) -> str:
        """How many there are."""
        return f"a single contact on either side {self.shares['either']}"

    @property
    def definition(self) -> str:
        """Who is counted, and how the expected loss comes about."""
        return (
            "Customers under contract with exactly one open contact on a side, divided by those with any there; "
            "Wilson. Effect: hazard ratio of leaving (Cox regression, within plans and terms where known) from "
            f"{self.lag} days after the only contact was lost, for {self.window} days; the first days do not count, "
            "for contacts of a customer who goes are closed with the contract. Expected loss: revenue a month times "
            f"the chance of leaving in {self.window} days with that ratio less the chance without, at the hazard so "
            f"far; its {self.conf_level:.0%} interval is that of the ratio. {self.provenance}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a side.

        Returns
        -------
        DataFrame
            side ("ours", "theirs", "either"), customers, single, share, share_ci_lower, share_ci_upper, revenue (a
            month), hazard_ratio with limits (only contact lost), shared_hazard_ratio with limits (others stayed); NaN
            where unknown.
        """
        import pandas as pd

        rows = []
        for side, share in self.shares.items():
            row: dict[str, object] = {"side": side, "customers": share.n, "single": share.count}
            found = {"share": share, "hazard_ratio": self.effects.get(side, UNKNOWN)}
            found["shared_hazard_ratio"] = self.shared.get(side, UNKNOWN)
            for name, one in found.items():
                row |= {f"{name}{end}": v for end, v in zip(("", "_ci_lower", "_ci_upper"), one, strict=True)}
            rows.append(row | {"revenue": self.revenue[side]})
        return pd.DataFrame(rows)

    def people(self) -> pd.DataFrame:
        """One row a person on whom accounts hang; for data scientists, not for a report.

        Returns
        -------
        DataFrame
            contact_id, side, accounts, revenue, leavers and loss with _ci_lower and _ci_upper; what may be lost most
            first.
        """
        import pandas as pd

        table = self.customers
        parts = [table[["contact_id", "side", "revenue"]].assign(accounts=1)]
        for k, end in enumerate(("", "_ci_lower", "_ci_upper")):
            more = pd.Series(nan, index=table.index)
            for side in SIDES:
                mine = table["side"] == side
                more[mine] = self._additional(table.loc[mine, "hazard"], tuple(self.effects[side])[k])
            parts.append(pd.DataFrame({f"leavers{end}": more, f"loss{end}": more * table["revenue"]}))
        every = pd.concat(parts, axis=1)
        grouped = every.groupby(["contact_id", "side"], sort=False, as_index=False)
        found: pd.DataFrame = grouped.sum(min_count=1)
        order = ["contact_id", "side", "accounts", "revenue"]
        order += [f"{name}{end}" for name in ("leavers", "loss") for end in ("", "_ci_lower", "_ci_upper")]
        return found[order].sort_values(
            ["loss", "revenue", "accounts", "contact_id"], ascending=[False, False, False, True], ignore_index=True
        )

    def if_leaves(self, contact_id: object = None) -> IfLeaves:
        """What is at stake if one person leaves.

        Parameters
        ----------
        contact_id : object, optional
            Default: who would cost most.

        Returns
        -------
        IfLeaves

        Raises
        ------
        ArgumentError
            No account hangs on that person.
        NotEnoughData
            No account hangs on anybody.
        """
        people = self.people()
        if contact_id is not None:
            asked = [
                isinstance(contact_id, (int, np.integer, str)) and contact_id is not True and known == contact_id
                for known in people["contact_id"]
            ]
            if not any(asked):
                raise ArgumentError(f"contact_id={told(contact_id)}: no account hangs on that person; see people()")
            people = people[asked]
        if not len(people):
            raise NotEnoughData("no account hangs on one person")
        row = people.iloc[0]
        n = int(row["accounts"])
        stakes = {
            name: Estimate.in_row(row, name, self.definition, self.conf_level, n=n) for name in ("leavers", "loss")
        }
        return IfLeaves(row["contact_id"], row["side"], n, float(row["revenue"]), **stakes)

    def _additional(self, hazard: pd.Series[float], ratio: float) -> pd.Series[float]:
        months = self.window / MONTH
        return (-hazard * months).map(np.exp) - (-hazard * months * ratio).map(np.exp)


def single_contacts(
    data: Dataset, *, lag: str = "31D", window: str = "92D", conf_level: float = 0.95
) -> SingleContacts:
    """Accounts that hang on one person, what losing such a person did so far, and what is at stake.

    Parameters
    ----------
    data : Dataset
        With `contacts` (side, end) and `subscriptions`; revenue from mrr, where it is there.
    lag, window : str
        A loss acts from `lag` after the contact ended, for `window`.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    SingleContacts
        `.if_leaves(contact_id)`, `.people()`.

    Raises
    ------
    ArgumentError
        No such length or level.
    NotEnoughData
        No contacts or contracts, or contacts do not tell side or end.

    Notes
    -----
    A ratio counts leaving for whatever cause and is an average over the window: nearer to 1 than the effect in full on
    somebody who is free to decide.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.single_contacts(kb.datasets.load_saas())
    >>> bool(found.effects["ours"].ci_lower > 1)
    True
    """
    check_dataset(data)
    check_conf_level(conf_level)
    days = {"lag": days_of("lag", lag), "window": days_of("window", window, 1)}
    data.require("contacts")
    data.require("subscriptions")
    if not (data.has("contacts.side") and data.has("contacts.end")):
        raise NotEnoughData(f"contacts of {data.name!r} do not say on which side they are and until when: side, end")
    parts = {
        "came": data.wall_time("contacts", "start"), "went": data.wall_time("contacts", "end"), **days,
        "mrr": parse("CAST(_x AS DOUBLE)", x=column("mrr")) if data.has("subscriptions.mrr") else literal(nan),
        "begun": data.wall_time("subscriptions", "start"), "over": data.wall_time("subscriptions", "end"),
    }  # fmt: skip
    relations = {"people": "contacts", "contracts": "subscriptions"}
    lost = by_what(stretches(data, _LOST, relations, **parts), (*ALONE.values(), *SHARED.values()))
    time = exposure(data, lost)
    enough = [name for name in lost if time.events(time.holds(name)) >= FEWEST]
    found = dict.fromkeys(lost, UNKNOWN)
    if enough:
        ratios = time.cox(enough)
        for name in enough:
            n = time.customers(time.holds(name))
            definition = f"hazard of leaving after a contact was lost ({name}), divided by that at other times"
            found[name] = ratios.ratio(name, conf_level=conf_level, n=n, definition=definition)
    open_now = stretches(data, _OPEN, relations, **parts).to_pandas()
    single, shares, revenue = _single(open_now, conf_level)
    return SingleContacts(
        shares=shares,
        revenue=revenue,
        effects={side: found[ALONE[side]] for side in SIDES},
        shared={side: found[SHARED[side]] for side in SIDES},
        customers=single.assign(hazard=_hazards(time, single["customer_id"].tolist())),
        losses={side: _a_year(time, ALONE[side], days["window"]) for side in SIDES},
        lost={side: time.customers(time.holds(ALONE[side])) if ALONE[side] in time.names else 0 for side in SIDES},
        lag=days["lag"],
        window=days["window"],
        conf_level=conf_level,
        provenance=Provenance.of(data, data.as_of),
    )


_PEOPLE = (
    "SELECT customer_id, contact_id, side, coalesce(_came, DATE '0001-01-01') AS s, "
    "CASE WHEN _went < _as_of THEN _went END AS e FROM people "
    "WHERE NOT side IS NULL AND coalesce(_came, _as_of) <= _as_of"
)
#: Ends of contacts, by whether somebody else of that side was there.
_LOST = {
    "persons": _PEOPLE,
    "ends": "SELECT customer_id, contact_id, side, max(e) AS e FROM persons GROUP BY customer_id, contact_id, side "
    "HAVING count(*) = count(e)",
    "losses": "SELECT x.customer_id, x.contact_id, x.side, x.e, count(o.contact_id) AS others FROM ends AS x "
    "LEFT JOIN persons AS o ON o.customer_id = x.customer_id AND o.side = x.side AND o.contact_id <> x.contact_id "
    "AND o.s <= x.e AND (o.e IS NULL OR o.e > x.e) GROUP BY x.customer_id, x.contact_id, x.side, x.e",
    "stretches": "SELECT customer_id, side || CASE WHEN others = 0 THEN ', the only one' ELSE ', others stayed' END "
    "AS what, CAST(e AS DATE) + _lag AS begins, CAST(e AS DATE) + _lag + _window AS ends FROM losses",
}
#: Who is under contract now, with whom, and what they pay a month.
_OPEN = {
    "persons": _PEOPLE,
    "paying": "SELECT customer_id, sum(_mrr) AS revenue FROM contracts WHERE _begun < _as_of "
    "AND (_over IS NULL OR _over > _as_of) GROUP BY customer_id",
    "here": "SELECT customer_id, side, count(DISTINCT contact_id) AS persons_there, min(contact_id) AS contact_id "
    "FROM persons WHERE e IS NULL GROUP BY customer_id, side",
    "stretches": "SELECT h.customer_id, h.side, h.persons_there, h.contact_id, p.revenue, "
    "CAST(_as_of AS DATE) AS begins, CAST(NULL AS DATE) AS ends FROM here AS h JOIN paying AS p "
    "ON p.customer_id = h.customer_id",
}


def _a_year(time: Exposure, name: str, window: int) -> float:
    """How often it begins a customer and year: from the time in which it acts, so that who had left does not count."""
    if name not in time.names or not time.months(time.holds(name)):
        return 0.0
    every = time.months(np.ones(len(time.left), dtype=bool))
    return 12 * time.months(time.holds(name)) / (window / MONTH) / every


def _single(now: pd.DataFrame, conf_level: float) -> tuple[pd.DataFrame, dict[str, Estimate], dict[str, float]]:
    """Customers with a single contact on a side, their share and what they pay."""
    single = now[now["persons_there"] == 1]
    who = {side: single[single["side"] == side] for side in SIDES}
    who["either"] = single.drop_duplicates("customer_id")
    shares, revenue = {}, {}
    for side, mine in who.items():
        every = now if side == "either" else now[now["side"] == side]
        n = every["customer_id"].nunique()
        definition = "customers with a single open contact on that side, of those with any there"
        shares[side] = rate_of(len(mine), n, conf_level, definition)
        revenue[side] = float(mine["revenue"].sum(min_count=1)) if len(mine) else 0.0
    kept = single[["customer_id", "side", "contact_id", "revenue"]].reset_index(drop=True)
    return kept, shares, revenue


def _hazards(time: Exposure, customers: list[object]) -> list[float]:
    """Chance of leaving in a month without a loss: of customers of the same plan and term, where these are known."""
    free = ~np.any([time.holds(name) for name in time.names], axis=0)
    every = time.events(free) / time.months(free)
    place = {identifier: k for k, identifier in enumerate(time.lives.customer_id)}
    if time.stratum is None:
        return [every] * len(customers)
    labels = np.array(time.stratum, dtype=object)[time.customer]
    rates: Mapping[str, float] = {
        label: time.events(rows) / time.months(rows) if time.events(rows) >= FEWEST else every
        for label in set(time.stratum)
        for rows in (free & (labels == label),)
    }
    return [rates[time.stratum[place[one]]] if one in place else every for one in customers]
