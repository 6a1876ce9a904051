"""Who is about to leave, in one call: snapshots, a tested model, money of a campaign, a list, and drivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from kbind.churn.backtests import Backtest, backtest
from kbind.churn.classifier import ChurnClassifier, settled
from kbind.churn.contacts import ContactList, contact_list, last_rows
from kbind.churn.folds import Validation, learnable
from kbind.churn.leakage import LeakageReport, leakage_report, without, without_leaks
from kbind.churn.profit import Campaign
from kbind.churn.risk_drivers import Drivers, drivers
from kbind.churn.snapshots.picking import customer_codes, picked, rows_of_some
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.churn.snapshots.snapshots import snapshots
from kbind.customers.leaks import Leak
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import names_of
from kbind.errors import NotEnoughData, check_kind, check_rng
from kbind.result import Shown

#: Share of the customers that the assumed budget reaches.
REACHED = 0.05
#: Cost of a contact and of an offer, in months of what the customer in the middle pays; a few large ones make the mean.
COST, OFFER = 0.1, 1.0
#: Chance that an offer is accepted, where none is stated.
ACCEPTED = 0.3
#: What counts where no money is known: everybody is worth a lot more than a contact.
_UNPRICED = 1e6
#: Alarms that prove nothing and are told.
SUSPECT = ("missing", "identifier")
#: Rows that are learned from at most, and searched for leaks: those of customers drawn at random. Beyond, more rows
#: make a model that is hardly better; every customer is tested and may be on the list.
MOST = 100_000
#: How the model is tested; drivers leave out one part of the customers at a time, too.
_TESTED = Validation(folds=5, repeats=1, resamples=1000, most=MOST)
#: The same where chance weighs little, so that fewer draws tell how much.
_TESTED_LARGE = replace(_TESTED, resamples=400)


@dataclass(frozen=True)
class Terms:
    """Money of a decision, and which of it nobody stated.

    Attributes
    ----------
    campaign : Campaign
        Complete.
    margin : float or None
        Share of the customers' money that is left after the cost of serving; None: not known, or a value was stated.
    assumed : tuple of str
        Names that were not given.
    priced : bool
        False where the data holds no money and none was stated: customers are listed by risk.
    """

    campaign: Campaign
    margin: float | None
    assumed: tuple[str, ...]
    priced: bool = True


@dataclass(frozen=True, eq=False)
class Forecast(Shown):
    """Who is about to leave. Made by `forecast_churn`; parts that the data does not allow are None.

    Attributes
    ----------
    data : Dataset
    snapshots : Snapshots or None
    terms : Terms or None
        Money of the campaign, and what of it was assumed.
    backtest : Backtest or None
        Of the model that the list is made with, and the naive one.
    model : ChurnClassifier or None
        Fitted on everything whose outcome is known.
    contacts : ContactList or None
    drivers : Drivers or None
    leaks : tuple of Leak
        Features that are proven to know the outcome; the model did not have them, and `snapshots` has not.
    suspects : tuple of str
        Features that are missing for leavers or not, or name customers: no proof, but to be looked at.
    why : str
        What the data lacks; empty if nothing.
    leakage : LeakageReport or None
        Signs that features know the outcome, before anything was left out.
    learned_from : int or None
        Customers drawn at random that the model, its drivers and the search for leaks rest on; None: all.
    """

    data: Dataset
    snapshots: Snapshots | None = field(default=None, repr=False)
    terms: Terms | None = None
    backtest: Backtest | None = field(default=None, repr=False)
    model: ChurnClassifier | None = None
    contacts: ContactList | None = field(default=None, repr=False)
    drivers: Drivers | None = field(default=None, repr=False)
    leaks: tuple[Leak, ...] = ()
    suspects: tuple[str, ...] = ()
    why: str = ""
    leakage: LeakageReport | None = field(default=None, repr=False)
    learned_from: int | None = None

    @property
    def definition(self) -> str:
        """Who is on the list and how the model was tested, or what the data lacks."""
        if self.contacts is None or self.backtest is None:
            return f"Nothing can be forecast: {self.why}."
        return f"{self.contacts.definition} {self.backtest.definition}"

    def to_frame(self) -> pd.DataFrame:
        """The list, one row a customer; see `ContactList`. Empty where nothing can be forecast."""
        return pd.DataFrame() if self.contacts is None else self.contacts.to_frame()


def forecast_churn(
    data: Dataset,
    *,
    lead: str = "30D",
    horizon: str = "90D",
    campaign: Campaign | None = None,
    keep: str | Sequence[str] | None = None,
    rng: int | np.random.Generator = 0,
) -> Forecast:
    """Snapshots, a model and its test, the list for the last date, and what moves the risk, in one call.

    Parameters
    ----------
    data : Dataset
    lead, horizon : str
        As for `snapshots`.
    campaign : Campaign, optional
        Money of the decision. What is not given is assumed from what the customer in the middle pays: a contact costs a
        tenth of a month, an offer a month, three in ten accept, and the budget reaches one customer in twenty.
    keep : str or sequence of str, optional
        As for `backtest`.
    rng : int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Forecast
        Where the data holds too little, parts are missing, and `why` says what it lacks.

    Raises
    ------
    ArgumentError
        An argument is not usable.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.forecast_churn(kb.datasets.load_telco())
    >>> found.terms.assumed
    ('budget', 'cost', 'offer', 'acceptance')
    >>> len(found.contacts.customer), found.leaks
    (259, ())
    """
    stated = Campaign() if campaign is None else check_kind("campaign", campaign, Campaign, "kb.Campaign(...)")
    check_rng(rng)
    seen, terms = None, None
    report: LeakageReport | None = None
    leaks: tuple[Leak, ...] = ()
    suspects: tuple[str, ...] = ()
    try:
        seen = snapshots(data, lead=lead, horizon=horizon)
        some = _to_learn_from(seen)
        if len(np.unique(some.target[learnable(some)])) == 2:
            report = leakage_report(some)
            leaks, suspects = _signs(report, names_of(keep, "keep"))
        some, removed = without_leaks(some, keep)
        seen = without(seen, removed)
        kept = [str(name) for name in seen.features]
        margin = getattr(data.card, "margin", None)
        terms = terms_of(seen, stated, margin)
        worth = seen if margin is None else replace(seen, value=seen.value * margin)
        test = _TESTED if len(some.target) == len(seen.target) else _TESTED_LARGE
        tested = backtest(worth, ["default"], campaign=terms.campaign, validation=test, keep=kept, rng=rng)
        model = ChurnClassifier(keep=kept).fit(some)
        moved = drivers(settled(model, model), some, folds=_TESTED.folds, keep=kept, rng=rng)
    except NotEnoughData as error:
        return Forecast(data, seen, terms, leaks=leaks, suspects=suspects, why=str(error), leakage=report)
    listed = contact_list(model, picked(worth, last_rows(seen)), terms.campaign, rng=rng)
    learned = None if len(some.target) == len(seen.target) else len(np.unique(customer_codes(some.customer)))
    return Forecast(data, seen, terms, tested, model, listed, moved, leaks, suspects, "", report, learned)


def _to_learn_from(seen: Snapshots) -> Snapshots:
    """All snapshots, or where these are too many those of customers drawn at random."""
    known = int(learnable(seen).sum())
    if known <= MOST:
        return seen
    customer = customer_codes(seen.customer)
    return picked(seen, rows_of_some(customer, int(MOST * len(customer) / known)))


def _signs(report: LeakageReport, kept: Sequence[str]) -> tuple[tuple[Leak, ...], tuple[str, ...]]:
    """Features that are proven to know the outcome, and others that give an alarm of a weaker kind."""
    leaks = tuple(leak for leak in report.proven if leak.column not in kept)
    alarms = report.alarms
    weaker = alarms[alarms["check"].isin(SUSPECT)]["feature"]
    proven = {leak.column for leak in report.proven}
    return leaks, tuple(dict.fromkeys([*weaker[~weaker.isin(proven)], *sorted(proven & set(kept))]))


def terms_of(seen: Snapshots, stated: Campaign, margin: float | None) -> Terms:
    """What was stated; the rest from what the customer in the middle pays in a month."""
    rows = last_rows(seen)
    paid = seen.value[rows]
    paid = paid[paid > 0]
    reached = float(np.ceil(REACHED * len(rows)))
    accepted = ACCEPTED if stated.acceptance is None else stated.acceptance
    if stated.value is None and not len(paid):
        free = Campaign(budget=reached, cost=1.0, offer=0.0, acceptance=accepted, value=_UNPRICED)
        return Terms(free, None, tuple(vars(stated)), priced=False)
    month = float(np.median(paid)) if len(paid) else float(stated.value or 0) / 12
    cost = _round(COST * month) if stated.cost is None else stated.cost
    offer = _round(OFFER * month) if stated.offer is None else stated.offer
    budget = (cost + offer) * reached if stated.budget is None else stated.budget
    return Terms(
        Campaign(budget=budget, cost=cost, offer=offer, acceptance=accepted, value=stated.value),
        margin=margin if stated.value is None else None,
        assumed=tuple(name for name, number in vars(stated).items() if number is None and name != "value"),
    )


def _round(amount: float) -> float:
    """Two leading digits: more would pretend to be known."""
    return float(f"{amount:.1e}")
