"""What calling customers from a list brings, under which assumption, and what a trial of it takes, as facts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from math import ceil, nan, sqrt

import numpy as np
import pandas as pd

from kbind.churn.backtests import BASELINE
from kbind.churn.forecast import Forecast
from kbind.churn.profit import ACCEPTANCE_WEIGHT
from kbind.churn.riskiest import Riskiest, riskiest
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.facts.churn import GROUPS, ListFacts
from kbind.text.facts import Fact

#: Days of a year, over which lists follow each other.
YEAR = 365
#: Half the width of an interval of 95 %, in standard errors.
_WIDE = 1.96
_CALLS, _LISTED = "backtest(...).calls()", "contact_list(...)"


def _needed(share: float, gap: float) -> int | None:
    """Customers in each of two groups, so that a gap below a share is found; None where there is none to find.

    >>> _needed(0.25, 0.05)  # R: power.prop.test(p1 = .2, p2 = .25, power = .8) gives 1093.739
    1094
    """
    from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail  # takes a second to load

    if not share > 0 or not gap > 0:
        return None
    needed = samplesize_proportions_2indep_onetail(gap, share - gap, 0.8, alpha=0.05, alternative="two-sided")
    return ceil(float(needed))


@dataclass(frozen=True)
class Trial:
    """What a trial takes: half of a group is contacted, drawn by lot, and the others are not.

    Parameters
    ----------
    name : str
        Of the group: "list" or "tenth".
    size : int
        Customers of the group at one date.
    needed : Fact
        Customers in each half, so that it shows whether the assumed acceptance keeps anybody.
    rounds : int
        Dates that it takes.
    days : int
        From the date of the first until the outcome of the last is known; 0 without dates.
    """

    name: str
    size: int
    needed: Fact
    rounds: int
    days: int

    @property
    def half(self) -> int:
        """Customers to be contacted at a date; the others are the comparison."""
        return self.size // 2

    @property
    def available(self) -> Fact:
        """Customers of the group at one date."""
        definition = "customers of the group who may be contacted at one date"
        return Fact(
            f"trial.{self.name}.size", self.size, "customers", definition, n=self.size, source="contact_list(...)"
        )

    @property
    def contacted(self) -> Fact:
        """Those of them to be contacted."""
        definition = "half of the customers of the group at one date, drawn by lot"
        return Fact(f"trial.{self.name}.half", self.half, "customers", definition, source="contact_list(...)")


@dataclass(frozen=True, eq=False)
class CallingFacts:
    """Facts about the riskiest customers, the list, its gain and a trial.

    Parameters
    ----------
    forecast : Forecast
        With a test and a list.
    facts : ListFacts
        What the test says.
    """

    forecast: Forecast = field(repr=False)
    facts: ListFacts

    # -- the riskiest tenth ---------------------------------------------------------------------------

    @cached_property
    def top(self) -> Riskiest:
        """The tenth with the highest risk at the last date."""
        return riskiest(self.forecast, 1 / GROUPS)

    @cached_property
    def in_top(self) -> Fact:
        """Of those who left, the share who had been in the tenth with the highest risk."""
        left = self.facts.risks["left"].to_numpy()
        definition = "leavers in the tenth with the highest predicted risk / all leavers, at the tested dates"
        share = rate_of(int(left[-1]), int(left.sum()), 0.95, definition)
        return Fact.of("risk.found", share, "backtest(...).by_risk()")

    @cached_property
    def held(self) -> Fact | None:
        """Money a year that the riskiest tenth pays; None where the data knows of no money."""
        paid = self.top.paid[~np.isnan(self.top.paid)]
        if not len(paid) or paid.sum() <= 0:
            return None
        definition = "what the tenth with the highest predicted risk pays a month at the last date, times 12"
        return Fact("risk.held", float(paid.sum()), "money", definition, n=len(paid), source="riskiest(...)")

    @cached_property
    def going(self) -> Fact | None:
        """Money a year of those in the riskiest tenth who are expected to leave; None where no money is known."""
        known = ~np.isnan(self.top.paid)
        if self.held is None:
            return None
        value = float((self.top.probability[known] * self.top.paid[known]).sum())
        definition = "predicted risk times what a customer pays a month, times 12, over the tenth with the highest risk"
        return Fact("risk.going", value, "money", definition, n=int(known.sum()), source="riskiest(...)")

    @cached_property
    def going_year(self) -> Fact | None:
        """What is lost in a year where it goes on as in the days after the last date; as sure as the tested risk."""
        going, risk = self.going, self.facts.disclosure.fact(self.facts.risk(GROUPS))
        if going is None:
            return None
        ends = (risk.value, risk.ci_lower, risk.ci_upper)
        value, low, high = (self.lists * going.value * end / risk.value if risk.value else nan for end in ends)
        definition = (
            "what is expected to go, for a whole year; limits of the share of such a tenth that left in the test"
        )
        return Fact("risk.year", value, "money", definition, low, high, n=going.n, source=going.source)

    # -- is the list better than chance ---------------------------------------------------------------

    @cached_property
    def others(self) -> Fact:
        """Of all who were on no list, the share who left."""
        every, on = self.facts.calls.anyone, self.facts.calls.leaving
        left, n = (every.count or 0) - (on.count or 0), (every.n or 0) - (on.n or 0)
        definition = "leavers / customers on no list and still there when the horizon began, at the tested dates"
        return Fact.of("list.others", rate_of(left, n, 0.95, definition), _CALLS)

    @cached_property
    def better(self) -> Fact:
        """By how much more of those on the lists left than of the others."""
        on, off = self.facts.hit, self.others
        shares = [Estimate(fact.value, fact.ci_lower, fact.ci_upper) for fact in (on, off)]
        definition = f"{on.definition}, less {off.definition}"
        gap = replace(shares[0].minus(shares[1]), definition=definition, n=on.n)
        return Fact.of("list.better", gap, _CALLS)

    @property
    def surely_better(self) -> bool:
        """Whether the lists surely held more leavers than a call at random."""
        return self.better.ci_lower > 0

    # -- money -----------------------------------------------------------------------------------------

    @property
    def lists(self) -> float:
        """Lists a year: one follows the other when its outcome is known; one where there are no dates."""
        seen = self.forecast.snapshots
        return YEAR / seen.horizon if self.dated and seen is not None else 1.0

    @property
    def dated(self) -> bool:
        """Whether customers were looked at on dates."""
        return not np.isnat(self.facts.calls.as_of).all()

    @property
    def lists_a_year(self) -> Fact:
        """Lists a year, with one decimal."""
        return Fact("list.a_year", round(self.lists, 1), "count", f"{YEAR} / days in which leaving counts")

    @property
    def listed_now(self) -> Fact:
        """Customers on the list of the last date."""
        size = len(self.facts.listed.customer)
        return Fact("list.size", size, "customers", "customers on the list of the last date", n=size, source=_LISTED)

    @property
    def reached(self) -> Fact:
        """Customers on a list that the budget pays for."""
        count = int(min(self.facts.listed.terms.contacts, self.facts.listed.n_customers))
        definition = "budget of a list / cost of a contact and an offer, and no more than there are customers"
        return Fact("list.reached", count, "customers", definition, n=count, source=_LISTED)

    def term(self, name: str) -> Fact:
        """Money of the campaign that was stated or assumed: budget, cost, offer or value."""
        stated = vars(self.forecast.terms.campaign)[name] if self.forecast.terms else None
        value = np.nan if stated is None else float(stated)
        return Fact(f"terms.{name}", value, "money", f"{name} of the campaign, stated or assumed", source="terms")

    @property
    def worth(self) -> Fact:
        """What keeping a customer on the list is worth on average."""
        value, n = self.facts.listed.value, len(self.facts.listed.customer)
        mean = float(value.mean()) if n else np.nan
        return Fact(
            "terms.worth", mean, "money", "value of keeping a customer, mean over the list", n=n, source=_LISTED
        )

    @cached_property
    def acceptance(self) -> Fact:
        """Share of those who would leave that is taken to accept and stay."""
        terms = self.facts.listed.terms
        return Fact("list.acceptance", terms.acceptance, "share", "stated or assumed acceptance", source="terms")

    @cached_property
    def _spent(self) -> float:
        """What a tested list cost on average: the contacts, and offers to those who stay anyway."""
        calls, terms = self.facts.calls, self.facts.listed.terms
        stayed = calls.called - calls.left - calls.gone
        return float((terms.cost * calls.called + terms.offer * stayed).mean())

    @cached_property
    def even(self) -> Fact:
        """Acceptance from which on the tested lists pay; unknown where nobody on them was worth the offer."""
        past, a = self.facts.past, self.facts.listed.terms.acceptance
        worth = [(money + self._spent) / a if a else np.nan for money in (past.value, past.ci_upper, past.ci_lower)]
        shares = [self._spent / kept if kept > 0 else np.nan for kept in worth]
        limits = shares[1], min(shares[2], 1.0) if np.isfinite(shares[2]) else 1.0
        definition = "costs of the tested lists / what those on them who left were worth, less their offers"
        value = shares[0] if shares[0] <= 1 else np.nan
        n = int(self.facts.calls.called.sum())
        return Fact.of("list.even", Estimate(value, *limits, n=n, definition=definition), _CALLS)

    @cached_property
    def gain(self) -> Fact:
        """What lists bring a year; where acceptance is assumed, the interval holds how little is known of it."""
        past, terms = self.facts.past, self.facts.listed.terms
        a, assumed = terms.acceptance, "acceptance" in (self.forecast.terms.assumed if self.forecast.terms else ())
        error = sqrt(a * (1 - a) / (ACCEPTANCE_WEIGHT + 1)) if assumed else 0.0
        swing = _WIDE * error * (past.value + self._spent) / a if a else 0.0
        down, up = (sqrt(part**2 + swing**2) for part in (past.value - past.ci_lower, past.ci_upper - past.value))
        limits = (self.lists * money for money in (past.value, past.value - down, past.value + up))
        definition = (
            f"money that a tested list would have brought on average, costs deducted, times {self.lists:.3g} lists a "
            f"year; acceptance {a:.10g}, {f'known as well as from {ACCEPTANCE_WEIGHT} offers' if assumed else 'stated'}"
        )
        return Fact.of("list.gain", Estimate.of(limits, n=past.n, definition=definition), past.source, "money")

    @cached_property
    def added(self) -> Fact:
        """Money that the prediction adds to a list, compared with one by value alone, where all have the same risk."""
        frame = self.facts.tested.differences()
        rows = frame[(frame["metric"] == "profit") & (frame["model"] == self.facts.tested.models[0])]
        row = rows[rows["against"] == BASELINE].iloc[0]
        definition = "money of a tested list, less that of a list made with the same risk for everybody"
        estimate = Estimate.of((row["difference"], row["ci_lower"], row["ci_upper"]), definition=definition)
        return Fact.of("list.added", estimate, "backtest(...).differences()", "money")

    # -- a trial ---------------------------------------------------------------------------------------

    def trial(self, name: str) -> Trial | None:
        """What a trial on the "list" or in the riskiest "tenth" takes; None where it cannot be known."""
        rule = self.facts.disclosure  # the size of a trial follows from the share as it is told
        share = rule.fact(self._leaving(name))
        size = int(rule.rounded(len(self.facts.listed.customer) if name == "list" else self.top.contactable.sum()))
        if share.hidden:
            return None
        needed = _needed(share.value, share.value * self.acceptance.value)
        if needed is None or size < 2:
            return None
        definition = (
            f"customers in each of two groups, so that {share.value:.3g} less a share of {self.acceptance.value:.3g} "
            "of it is found with the chance .8 (two-sided test, 5 %)"
        )
        seen, rounds = self.forecast.snapshots, ceil(2 * needed / size)
        assert seen is not None
        days = (rounds - 1) * seen.horizon + seen.lead + seen.horizon if self.dated else 0
        fact = Fact(f"trial.{name}", needed, "count", definition, source="statsmodels.stats.proportion")
        return Trial(name, size, fact, rounds, days)

    def _leaving(self, name: str) -> Fact:
        """Share of a group that leaves, as tested; without dates as predicted, because many tested had left before."""
        tested = self.facts.hit if name == "list" else self.facts.risk(GROUPS)
        if self.dated:
            return tested
        risk = self.facts.listed.probability if name == "list" else self.top.probability
        definition = "mean predicted risk of the group"
        value = float(risk.mean()) if len(risk) else nan
        return replace(tested, value=value, ci_lower=nan, ci_upper=nan, count=None, n=len(risk), definition=definition)

    @cached_property
    def best_trial(self) -> Trial | None:
        """The trial that takes fewer dates; that of the list where both take as many."""
        found = [trial for trial in map(self.trial, ("list", "tenth")) if trial is not None]
        return min(found, key=lambda trial: trial.rounds, default=None)

    def known_on(self, trial: Trial) -> date:
        """The day on which the outcome of a trial is known."""
        return (pd.Timestamp(self.facts.listed.as_of) + pd.Timedelta(days=trial.days)).date()
