"""What the chapter rests on: snapshots, a tested model, terms of an offer, a list, and what moves the risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    leakage_report,
)
from kbind.estimates.churn.classifier import settled
from kbind.estimates.churn.contacts import last_rows
from kbind.estimates.churn.folds import learnable
from kbind.estimates.churn.leakage import without_leaks
from kbind.estimates.leaks import Leak
from kbind.statistics.groups import names_of
from kbind.statistics.snapshots import Snapshots, snapshots

#: Share of the customers that the assumed budget reaches.
REACHED = 0.05
#: Cost of a contact and of an offer, in months of what the customer in the middle pays; a few large ones make the mean.
COST, OFFER = 0.1, 1.0
#: What counts where no money is known: everybody is worth a lot more than a contact.
_UNPRICED = 1e6
#: Leavers among the tested from which on there is something to tell.
ENOUGH = 50
#: Alarms that prove nothing and are told.
SUSPECT = ("missing", "identifier")
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
    leaks : tuple of Leak
        Features that are proven to know the outcome; the model did not have them, and `snapshots` has not.
    suspects : tuple of str
        Features that are missing for leavers or not, or name customers: no proof, but to be looked at.
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
    leaks: tuple[Leak, ...] = ()
    suspects: tuple[str, ...] = ()
    why: str = ""


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
    keep: str | Sequence[str] | None = None,
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
    keep : str or sequence of str, optional
        As for `backtest`.
    rng : int
        Source of randomness.

    Returns
    -------
    Forecast
        With `why` where the data does not allow all of it.
    """
    stated = {"budget": budget, "cost": cost, "offer": offer, "acceptance": acceptance, "value": value}
    seen, terms = None, None
    for name, number in stated.items():
        if number is not None:
            check_amount(name, number) if name != "acceptance" else check_share(name, number)
    leaks: tuple[Leak, ...] = ()
    suspects: tuple[str, ...] = ()
    try:
        seen = snapshots(data, lead=lead, horizon=horizon)
        leaks, suspects = _looked_at(seen, keep)
        seen, _ = without_leaks(seen, keep)
        kept = [str(name) for name in seen.features]
        there = _there(seen)
        margin = getattr(data.card, "margin", None)
        terms = _terms(seen, there, stated, margin)
        worth = seen if margin is None else replace(seen, value=seen.value * margin)
        told = {"rng": rng, **terms.given()}
        tested = backtest(worth, ["default"], folds=PARTS, repeats=1, resamples=DRAWS, keep=kept, **told)
        model = ChurnClassifier(keep=kept).fit(seen)
        moved = drivers(settled(model, model), seen, folds=PARTS, keep=kept, rng=rng)
    except NotEnoughData as error:
        return Forecast(data, seen, terms, leaks=leaks, suspects=suspects, why=str(error))
    listed = contact_list(model, pick(worth, there), **told)
    return Forecast(data, seen, terms, tested, model, listed, moved, leaks, suspects)


def _looked_at(seen: Snapshots, keep: str | Sequence[str] | None) -> tuple[tuple[Leak, ...], tuple[str, ...]]:
    """Features that are proven to know the outcome, and others that give an alarm of a weaker kind."""
    if len(np.unique(seen.target[learnable(seen)])) < 2:
        return (), ()
    report = leakage_report(seen)
    kept = names_of(keep, "keep")
    leaks = tuple(leak for leak in report.proven if leak.column not in kept)
    alarms = report.alarms
    weaker = alarms[alarms["check"].isin(SUSPECT)]["feature"]
    proven = {leak.column for leak in report.proven}
    return leaks, tuple(dict.fromkeys([*weaker[~weaker.isin(proven)], *sorted(proven & set(kept))]))


def pick(seen: Snapshots, rows: NDArray[np.bool_]) -> Snapshots:
    """Some rows of snapshots."""
    names = ("customer", "as_of", "target", "lost_in_lead", "value", "consent")
    chosen = {name: getattr(seen, name)[rows] for name in names}
    return replace(seen, features=seen.features[rows].reset_index(drop=True), **chosen)


def _there(seen: Snapshots) -> NDArray[np.bool_]:
    """Rows that a list is made of."""
    there = np.zeros(len(seen.customer), dtype=bool)
    there[last_rows(seen)] = True
    return there


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
