"""One campaign, customer by customer: who was assigned to what, what was known then, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from kbind.customers.customers import attribute_names
from kbind.customers.roster import Values, read_columns, take_columns
from kbind.dataset.arms import treated
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.dataset.reading.base import kind_of
from kbind.engine.engine import Expression, column, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData, check_name, choices
from kbind.experiments.following import buying, known_before, under_contract
from kbind.survival.durations import observed_lives
from kbind.survival.lifetimes import Lives
from kbind.typing import Array, Bools, Floats, Objects

#: What those are called who are compared because nobody was held back.
NOT_CHOSEN = "not chosen"
#: Days before the assignment in which use is recent.
RECENT = 30


@dataclass(frozen=True, eq=False)
class Assigned:
    """The customers of one campaign, one entry each; every array has shape (customers,).

    Attributes
    ----------
    campaign : str
    horizon : int
        Days after the assignment over which it is judged.
    customer_id, arm : ndarray of object
    treated : ndarray of bool
        Whether the arm is any but that of those left alone.
    assigned_at : ndarray of datetime64
        Days.
    propensity : ndarray of float
        Recorded chance of treatment; NaN where none is.
    cost : ndarray of float
        Recorded money a customer; NaN where none is.
    lived : ndarray of bool
        Whether it is known what became of the customer over the horizon.
    left : ndarray of bool
        Whether the customer left within the horizon, in effect; a customer without a contract, whether it did not buy
        again within it. Counts only where `lived`.
    duration : ndarray of float
        Days from the assignment to leaving, or to the last day on which the customer was known to be there.
    event_observed : ndarray of bool
        Whether `duration` ended with leaving.
    revenue, revenue_after : ndarray of float
        Money a month at the assignment and at the end of the horizon, 0 for who has left; without contracts what was
        spent a month in the horizon before and after. NaN where the data does not say, or not yet.
    use, spend : ndarray of float
        Events, and their amounts, in the `horizon` days before the assignment; NaN without such a table or column.
    recent : ndarray of float
        Events in the 30 days before the assignment.
    use_late, spend_late : ndarray of float
        As `use` and `spend`, in the second half of those days only.
    use_after : ndarray of float
        Events in the `horizon` days after the assignment; NaN where they are not over.
    tenure : ndarray of float
        Months since the customer began, at the assignment; NaN where unknown.
    attributes : dict of str to Attribute or ndarray of float
        Columns of `customers`, as they stand in the data.
    held_back : bool
        Whether the others were assigned to a control arm; if not, they are all other customers of the day.
    outside : int
        Assigned customers who are left out, because they were under no contract on the day.
    meaning : str
        What counts as leaving.
    settles : int
        Days after the horizon until it is known who has left.
    """

    campaign: str
    horizon: int
    customer_id: Objects = field(repr=False)
    arm: Objects = field(repr=False)
    treated: Bools = field(repr=False)
    assigned_at: Array = field(repr=False)
    propensity: Floats = field(repr=False)
    cost: Floats = field(repr=False)
    lived: Bools = field(repr=False)
    left: Bools = field(repr=False)
    duration: Floats = field(repr=False)
    event_observed: Bools = field(repr=False)
    revenue: Floats = field(repr=False)
    revenue_after: Floats = field(repr=False)
    use: Floats = field(repr=False)
    spend: Floats = field(repr=False)
    recent: Floats = field(repr=False)
    use_late: Floats = field(repr=False)
    spend_late: Floats = field(repr=False)
    use_after: Floats = field(repr=False)
    tenure: Floats = field(repr=False)
    attributes: dict[str, Values] = field(repr=False)
    held_back: bool
    outside: int
    meaning: str
    provenance: Provenance = field(repr=False)
    settles: int = 0

    def __len__(self) -> int:
        return len(self.customer_id)

    def take(self, rows: Any) -> Assigned:
        """Some of the customers: a mask, or their positions."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        arrays = {name: value[rows] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return replace(self, **arrays, attributes=take_columns(self.attributes, rows))

    @property
    def controls(self) -> Bools:
        """Who was left alone."""
        return ~self.treated

    @property
    def shop(self) -> bool:
        """Whether no contract, but what is bought tells who stays."""
        return self.meaning.startswith("bought")

    @property
    def definition(self) -> str:
        """Who is compared with whom, and what counts as leaving."""
        other = "held back" if self.held_back else "not chosen, from the first day of the campaign on"
        gone = f" {self.outside:,} assigned while under no contract are left out." if self.outside else ""
        return (
            f"Campaign {self.campaign!r}: {self.provenance.customer}s treated against those {other}, over "
            f"{self.horizon} days; retained: {self.meaning}.{gone} {self.provenance}"
        )


def assigned(data: Dataset, campaign: str, horizon: int, *, arm: str | None = None) -> Assigned:
    """Read one campaign customer by customer.

    Parameters
    ----------
    data : Dataset
        With `campaigns`, and contracts or events.
    campaign : str
        Its name. A customer who was assigned to it several times counts by the first.
    horizon : int
        Days.
    arm : str, optional
        Only this arm and those left alone.

    Returns
    -------
    Assigned

    Raises
    ------
    ArgumentError
        No such campaign or arm.
    NotEnoughData
        No campaigns, nobody treated, or nobody to compare with.

    Notes
    -----
    Who was under contract on the day of the assignment counts, whatever came later. Somebody without a contract counts
    in any case: a silence that looks like an end may be one that the campaign has ended.

    Examples
    --------
    >>> import kbind as kb
    >>> found = assigned(kb.datasets.load_saas(), "loyalty_offer", 182)
    >>> len(found), int(found.treated.sum()), bool(found.lived.all())
    (1502, 728, True)
    """
    check_dataset(data)
    data.require("campaigns")
    if "assigned_at" not in data.tables["campaigns"].columns:
        raise NotEnoughData(f"campaigns of {data.name!r} has no column 'assigned_at'; name it in kbind.yaml")
    log = data.require("subscriptions", "events")
    lives = observed_lives(data, log=log)
    query = _sent(lives.query.copy(), data, campaign, horizon)
    held_back = bool(query.select("SELECT bool_or(NOT treated) AS c FROM chosen").column("c")[0].as_py())
    if not held_back:
        _others(query, log)
    frame = _followed(query, data, log, lives.days)
    if arm is not None:
        arms = sorted({str(word) for word in frame.loc[frame["treated"].astype(bool), "arm"]})
        if not isinstance(arm, str) or arm not in arms:
            raise ArgumentError(f"arm={arm!r} is no arm that was treated; {choices(arm, arms, 'arms')}")
        frame = frame[(frame["arm"] == arm) | ~frame["treated"].astype(bool)]
    inside = frame["inside"].to_numpy(dtype=bool)
    kept = frame[inside].reset_index(drop=True)
    chosen = kept["treated"].to_numpy(dtype=bool)
    for name, n in (("treated", int(chosen.sum())), ("to compare them with", int((~chosen).sum()))):
        if not n:
            raise NotEnoughData(f"of campaign {campaign!r} there is nobody {name} who was a customer on the day")
    return _made(kept, data, campaign, horizon, held_back, int((~inside).sum()), lives)


def everybody(data: Dataset, horizon: int, *, today: bool = False) -> Assigned:
    """All customers on the last day whose horizon is over, or of the data, as if a campaign had left them all alone.

    Raises
    ------
    NotEnoughData
        The data does not reach back so far, or tells no days.
    """
    check_dataset(data)
    log = data.require("subscriptions", "events")
    lives = observed_lives(data, log=log)
    settles = lives.days if log == "subscriptions" else 0
    day = data.end_at(None) - timedelta(days=1 if today else horizon + settles + 1)
    query = lives.query.copy().step(
        "picked",
        "SELECT customer_id, _then AS moment, CAST(_then AS DATE) AS day, '' AS arm, CAST(NULL AS DOUBLE) AS "
        "propensity, CAST(NULL AS DOUBLE) AS cost, FALSE AS treated FROM dated WHERE first <= CAST(_then AS DATE)",
        then=datetime.combine(day.date(), datetime.min.time()), horizon=horizon, recently=RECENT,
        as_of=data.end_at(None),
    )  # fmt: skip
    query.step("chosen", "SELECT * FROM picked")
    frame = _followed(query, data, log, lives.days)
    kept = frame[frame["inside"].to_numpy(dtype=bool)].reset_index(drop=True)
    if not len(kept):
        raise NotEnoughData(f"nobody of {data.name!r} was a customer on {day:%Y-%m-%d}, {horizon} days before its end")
    return _made(kept, data, "", horizon, True, len(frame) - len(kept), lives)


def _followed(query: Query, data: Dataset, log: str, days: int) -> pd.DataFrame:
    known_before(query, data)
    (under_contract if log == "subscriptions" else buying)(query, data, days)
    frame: pd.DataFrame = query.select("SELECT * FROM outcomes ORDER BY customer_id").to_pandas()
    return frame


def _made(
    kept: pd.DataFrame, data: Dataset, campaign: str, horizon: int, held_back: bool, outside: int, lives: Lives
) -> Assigned:
    floats = {name: kept[name].to_numpy(dtype=float) for name in (
        "propensity", "cost", "duration", "revenue", "revenue_after", "use", "spend", "recent", "use_late",
        "spend_late", "use_after", "tenure")}  # fmt: skip
    bools = {name: kept[name].to_numpy(dtype=bool) for name in ("treated", "lived", "left", "event_observed")}
    identifiers = kept["customer_id"].to_numpy(dtype=object)
    contracts = lives.log == "subscriptions"
    meaning = (
        f"under contract {horizon} days after the assignment; {lives.meaning}"
        if contracts
        else f"bought again within {horizon} days after the assignment; for the time to leaving, {lives.meaning}, "
        "counted from the assignment"
    )
    return Assigned(
        campaign=campaign, horizon=horizon, customer_id=identifiers, arm=kept["arm"].to_numpy(dtype=object),
        assigned_at=kept["day"].to_numpy().astype("datetime64[D]"), **floats, **bools,
        attributes=attributes_of(data, identifiers), held_back=held_back, outside=outside, meaning=meaning,
        provenance=Provenance.of(data, data.as_of), settles=lives.days if contracts else 0,
    )  # fmt: skip


def attributes_of(data: Dataset, identifiers: Objects) -> dict[str, Values]:
    """What `customers` says of some of them; columns that tell the outcome or grow with the time are left out."""
    if "customers" not in data.tables:
        return {}
    telling = [data.roles[role].column for role in ("tenure", "revenue", "churned") if role in data.roles]
    names, _ = attribute_names(data, None, without=telling)
    if not names:
        return {}
    columns = data.tables["customers"].columns
    who, values = read_columns(data, names, [name for name in names if kind_of(columns[name]) == "number"])
    place = pd.Index(who).get_indexer(pd.Index(identifiers))
    if (place < 0).any():  # campaigns may name customers whom the table does not know
        return {}
    return take_columns(values, place)


def _sent(query: Query, data: Dataset, campaign: str, horizon: int) -> Query:
    """Steps up to `chosen`: one row a customer of the campaign."""
    name = check_name("campaign", campaign, "the name of a campaign")
    number = parse("CAST(NULL AS DOUBLE)")

    def recorded(what: str) -> Expression:
        return parse("CAST(_x AS DOUBLE)", x=column(what)) if data.has(f"campaigns.{what}") else number

    word = parse("'treatment'")
    if data.has("campaigns.arm"):
        word = parse("nullif(trim(CAST(_x AS VARCHAR)), '')", x=column("arm"))
    query.table(sent="campaigns").step(
        "named",
        "SELECT customer_id, _when AS moment, CAST(_when AS DATE) AS day, _word AS arm, _chance AS propensity, "
        "_paid AS cost, _treated AS treated FROM sent WHERE trim(CAST(campaign AS VARCHAR)) = _campaign "
        "AND _when < _as_of AND NOT _word IS NULL",
        when=data.wall_time("campaigns", "assigned_at"), word=word, campaign=name.strip(),
        chance=recorded("propensity"), paid=recorded("cost"), as_of=data.end_at(None), horizon=horizon,
        treated=treated(data), recently=RECENT,
    )  # fmt: skip
    query.step(
        "chosen",
        "SELECT * EXCLUDE (k) FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY moment, arm) AS k "
        "FROM named) AS n WHERE k = 1",
    )
    if not query.select("SELECT count(*) AS n FROM chosen").column("n")[0].as_py():
        known = data.engine.query("SELECT DISTINCT CAST(campaign AS VARCHAR) AS c FROM t ORDER BY c",
                                  tables={"t": "campaigns"}).column("c").to_pylist()  # fmt: skip
        raise ArgumentError(
            f"campaign={campaign!r} is no campaign before the end of the data; {choices(campaign, known, 'campaigns')}"
        )
    return query


def _others(query: Query, log: str) -> None:
    """All other customers join those chosen, from the first day of the campaign on."""
    everybody = "spans" if log == "subscriptions" else "days"
    begun = "s" if log == "subscriptions" else "d"
    chosen = query.steps.pop("chosen")
    query.step("picked", chosen)
    query.step("opened", "SELECT min(moment) AS moment, min(day) AS day FROM picked")
    query.step(
        "chosen",
        "SELECT * FROM picked UNION ALL SELECT e.customer_id, o.moment, o.day, _not_chosen AS arm, "
        "CAST(NULL AS DOUBLE) AS propensity, CAST(0 AS DOUBLE) AS cost, FALSE AS treated "
        f"FROM (SELECT customer_id, min({begun}) AS first FROM {everybody} GROUP BY customer_id) AS e "
        "CROSS JOIN opened AS o WHERE e.first < o.day AND NOT e.customer_id IN (SELECT customer_id FROM picked)",
        not_chosen=NOT_CHOSEN,
    )


def campaigns_of(data: Dataset) -> list[str]:
    """Names of the campaigns, in the order of time."""
    data.require("campaigns")
    found = data.engine.query(
        "SELECT trim(CAST(campaign AS VARCHAR)) AS c, min(_t) AS t FROM t GROUP BY c ORDER BY t, c",
        tables={"t": "campaigns"}, parts={"t": data.wall_time("campaigns", "assigned_at")},
    )  # fmt: skip
    return [name for name in found.column("c").to_pylist() if name]
