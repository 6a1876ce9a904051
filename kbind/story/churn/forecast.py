"""What the chapter rests on: snapshots, a tested model, terms of an offer, a list, and what moves the risk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbind.data.dataset import Dataset
from kbind.errors import NotEnoughData, check_amount, check_share
from kbind.estimates.churn import (
    Backtest,
    ChurnClassifier,
    ContactList,
    Drivers,
    backtest,
    contact_list,
    drivers,
)
from kbind.statistics.durations import days_of
from kbind.statistics.snapshots import Snapshots, snapshots

#: Days that most windows of features look back: no observation date before so much has been recorded.
LOOK_BACK = 90
#: Observation dates, and rows of all of them together.
DATES, ROWS = 12, 400_000
#: So many make a list that was trained on earlier dates.
LEAST = 5
#: Share of the customers that the assumed budget reaches.
REACHED = 0.05
#: Cost of a contact and of an offer, in months of what the customer in the middle pays; a few large ones make the mean.
COST, OFFER = 0.1, 1.0
#: What counts where no money is known: everybody is worth a lot more than a contact.
_UNPRICED = 1e6
#: Leavers among the tested from which on there is something to tell.
ENOUGH = 50
#: Parts of the customers for tests and intervals, and draws for intervals.
PARTS, DRAWS = 5, 1000


@dataclass(frozen=True)
class Terms:
    """Money of a decision, and which of it nobody stated.

    Parameters
    ----------
    budget, cost, offer, acceptance : float
        As for `contact_list`.
    value : float or None
        Of keeping a customer; None: a year of each one's own money.
    margin : float or None
        Share of that money that is left after the cost of serving; None: not known.
    assumed : tuple of str
        Names that were not given.
    priced : bool
        False where the data holds no money and none was stated: customers are listed by risk.
    """

    budget: float
    cost: float
    offer: float
    acceptance: float
    value: float | None
    margin: float | None
    assumed: tuple[str, ...]
    priced: bool = True

    def given(self) -> dict[str, Any]:
        """As arguments of `backtest` and `contact_list`."""
        names = ("budget", "cost", "offer", "acceptance", "value")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, eq=False)
class Forecast:
    """Everything the chapter is made of; parts that the data does not allow are None.

    Attributes
    ----------
    data : Dataset
    snapshots : Snapshots or None
    terms : Terms or None
    tested : Backtest or None
        Of the model that the list is made with, and the naive one.
    model : ChurnClassifier or None
        Fitted on everything whose outcome is known.
    listed : ContactList or None
    moved : Drivers or None
    why : str
        Why something is missing.
    """

    data: Dataset
    snapshots: Snapshots | None = field(default=None, repr=False)
    terms: Terms | None = None
    tested: Backtest | None = field(default=None, repr=False)
    model: ChurnClassifier | None = None
    listed: ContactList | None = field(default=None, repr=False)
    moved: Drivers | None = field(default=None, repr=False)
    why: str = ""


def observation_dates(data: Dataset, *, horizon: str = "90D") -> list[datetime] | None:
    """The end of the data and dates one horizon apart before it, so that no leaver counts at two of them.

    Parameters
    ----------
    data : Dataset
    horizon : str
        As for `snapshots`.

    Returns
    -------
    list of datetime or None
        None for data without dates, which is one snapshot.
    """
    log = next((name for name in ("subscriptions", "events") if name in data.tables), None)
    if log is None or data.as_of is None:
        return None
    span, step = data.tables[log].span, timedelta(days=days_of("horizon", horizon))
    begins = data.wall_clock(span[0]) if span is not None else data.as_of
    earliest = max(begins, data.recorded_from or begins) + timedelta(days=LOOK_BACK)
    people = data.tables["customers"].rows if "customers" in data.tables else 0
    most = max(LEAST, min(DATES, ROWS // max(people, 1)))
    dates = [data.as_of - k * step for k in range(most)]
    return [date for date in reversed(dates) if date >= earliest] or [data.as_of]


def predict_churn(
    data: Dataset,
    *,
    lead: str = "30D",
    horizon: str = "90D",
    budget: float | None = None,
    cost: float | None = None,
    offer: float | None = None,
    acceptance: float | None = None,
    value: float | None = None,
    rng: int = 0,
) -> Forecast:
    """Snapshots, a model and its test, the list for the last date, and drivers, in one go.

    Parameters
    ----------
    data : Dataset
    lead, horizon : str
        As for `snapshots`.
    budget, cost, offer, acceptance, value : float, optional
        As for `contact_list`; what is None is assumed, see `Terms`.
    rng : int
        Source of randomness.

    Returns
    -------
    Forecast
        With `why` where the data does not allow all of it.
    """
    stated = {"budget": budget, "cost": cost, "offer": offer, "acceptance": acceptance, "value": value}
    seen, terms = None, None
    days_of("lead", lead)
    for name, number in stated.items():
        if number is not None:
            check_amount(name, number) if name != "acceptance" else check_share(name, number)
    try:
        seen = snapshots(data, as_of=observation_dates(data, horizon=horizon), lead=lead, horizon=horizon)
        there = _there(seen)
        margin = getattr(data.card, "margin", None)
        terms = _terms(seen, there, stated, margin)
        worth = seen if margin is None else replace(seen, value=seen.value * margin)
        tested = backtest(worth, ["logistic"], folds=PARTS, repeats=1, resamples=DRAWS, rng=rng, **terms.given())
        moved = drivers(ChurnClassifier(), seen, folds=PARTS, rng=rng)
    except NotEnoughData as error:
        return Forecast(data, seen, terms, why=str(error))
    known = ~np.isnan(seen.target) & ~seen.lost_in_lead
    model = ChurnClassifier().fit(
        seen.features[known], seen.target[known].astype(int), groups=seen.customer[known].astype(str)
    )
    listed = contact_list(model, pick(worth, there), rng=rng, **terms.given())
    return Forecast(data, seen, terms, tested, model, listed, moved)


def pick(seen: Snapshots, rows: NDArray[np.bool_]) -> Snapshots:
    """Some rows of snapshots."""
    names = ("customer", "as_of", "target", "lost_in_lead", "value", "consent")
    chosen = {name: getattr(seen, name)[rows] for name in names}
    return replace(seen, features=seen.features[rows].reset_index(drop=True), **chosen)


def _there(seen: Snapshots) -> NDArray[np.bool_]:
    """Rows that a list is made of: the last date; without dates, whoever has not left."""
    dates = seen.as_of
    if np.isnat(dates).all():
        return np.asarray(seen.target == 0)
    return np.asarray(dates == dates.max())


def _terms(
    seen: Snapshots, there: NDArray[np.bool_], stated: Mapping[str, float | None], margin: float | None
) -> Terms:
    """What was stated; the rest from what the customer in the middle pays in a month."""
    paid = seen.value[there]
    paid = paid[paid > 0]
    priced = stated["value"] is not None or len(paid) > 0
    if not priced:
        acceptance = 0.3 if stated["acceptance"] is None else stated["acceptance"]
        return Terms(_reached(there), 1.0, 0.0, acceptance, _UNPRICED, None, tuple(stated), priced=False)
    month = float(np.median(paid)) if len(paid) else float(stated["value"] or 0) / 12
    rest = {"cost": _round(COST * month), "offer": _round(OFFER * month), "acceptance": 0.3}
    given: dict[str, Any] = {name: number if stated[name] is None else stated[name] for name, number in rest.items()}
    reaching = (given["cost"] + given["offer"]) * _reached(there)
    return Terms(
        budget=reaching if stated["budget"] is None else stated["budget"],
        **given,
        value=stated["value"],
        margin=margin if stated["value"] is None else None,
        assumed=tuple(name for name in ("budget", *rest) if stated[name] is None),
    )


def _reached(there: NDArray[np.bool_]) -> float:
    return float(np.ceil(REACHED * there.sum()))


def _round(amount: float) -> float:
    """Two leading digits: more would pretend to be known."""
    return float(f"{amount:.1e}")
