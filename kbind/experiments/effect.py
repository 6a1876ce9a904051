"""What a campaign did: the verdict with its reasons, and the numbers it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kbind.errors import NotEnoughData, check_name, check_number
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.experiments.arms import outcome_values
from kbind.experiments.campaign import Assigned
from kbind.experiments.groups import effect_by_group
from kbind.measures.learning_log import LONGEST, Experiment, append
from kbind.result import Shown

if TYPE_CHECKING:
    import pandas as pd

#: What can be said.
SHOWN, NOT_SHOWN, NOT_IDENTIFIED = "shown", "not shown", "not identified"
#: What an effect may be an effect on: what it says, and its unit.
OUTCOMES = {
    "retained": "share retained at the horizon",
    "revenue": "revenue a month at the horizon, 0 for who has left",
    "time": "days stayed within the horizon",
}
#: Months of its own money that keeping a customer is worth, where no value is given.
MONTHS_KEPT = 12


@dataclass(frozen=True)
class Reason:
    """Why a verdict is what it is.

    Parameters
    ----------
    code : str
        Such as "interval_holds_zero"; stays the same in every language.
    words : str
        One clause, with its numbers.
    """

    code: str
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, eq=False)
class Effect(Shown):
    """The effect of a campaign. Made by `measure_effect`.

    Attributes
    ----------
    verdict : {"shown", "not shown", "not identified"}
        Whether there is an effect; not identified: this data cannot tell it from how the customers were chosen.
    reasons : tuple of Reason
        Why, the most important first.
    naive : Estimate
        Treated less the others, as they are. Shares with Newcombe's interval.
    adjusted : Estimate
        The same, adjusted for what was known at the assignment.
    placebo : Estimate
        The same comparison of what happened before the assignment, which no campaign can have changed.
    outcome : {"retained", "revenue", "time"}
    horizon : int
        Days.
    n : dict of str to int
        Customers by arm whose outcome is known.
    randomised : bool
        Whether chance alone chose who was treated.
    how : str
        How that was decided.
    rmst : Estimate
        Difference of the days stayed up to the horizon; leaving that was not seen yet is allowed for.
    hazard_ratio : Estimate
        Of leaving, treated against the others (Cox).
    sample_ratio : float
        p value of the sizes of the arms if they were dealt out as planned; NaN where no share was planned.
    tighter : float
        Share by which adjusting makes the interval of a randomised comparison narrower.
    valid : Estimate
        Interval that holds however often one has looked; unknown where nobody asked for looks.
    looks, balance : DataFrame or None
        Each look; standardised differences of the arms before and after weighting.
    overlap : float
        Share of the treated who have comparable others; NaN where randomised.
    e_value : float
        How strong something unmeasured had to be, as a risk ratio with both choice and outcome, to explain the effect.
    departures : tuple of str
        In what the question departs from the plan.
    weighted : Estimate
        Not randomised: treated less others weighted to look like them, without a model of the outcome.
    effective : float
        How many customers of equal weight those others are worth.
    rebound : DataFrame or None
        Use before and after, of the treated and of others who had used as much.
    assigned : Assigned
    """

    verdict: str
    reasons: tuple[Reason, ...] = field(repr=False)
    naive: Estimate
    adjusted: Estimate
    placebo: Estimate
    outcome: str
    n: dict[str, int]
    randomised: bool
    how: str
    conf_level: float
    assigned: Assigned = field(repr=False)
    rmst: Estimate = UNKNOWN
    hazard_ratio: Estimate = UNKNOWN
    sample_ratio: float = nan
    tighter: float = nan
    valid: Estimate = UNKNOWN
    looks: pd.DataFrame | None = field(repr=False, default=None)
    balance: pd.DataFrame | None = field(repr=False, default=None)
    overlap: float = nan
    e_value: float = nan
    departures: tuple[str, ...] = ()
    weighted: Estimate = UNKNOWN
    effective: float = nan
    rebound: pd.DataFrame | None = field(repr=False, default=None)

    @property
    def campaign(self) -> str:
        """Name of the campaign."""
        return self.assigned.campaign

    @property
    def horizon(self) -> int:
        """Days after the assignment over which it is judged."""
        return self.assigned.horizon

    @property
    def provenance(self) -> object:
        """Where the numbers come from."""
        return self.assigned.provenance

    @property
    def difference(self) -> Estimate:
        """Treated less the others: as they are where chance chose them, else adjusted."""
        return self.naive if self.randomised else self.adjusted

    @property
    def definition(self) -> str:
        """Who is compared, in what, and how it was decided that chance chose them."""
        chance = "randomised" if self.randomised else "not randomised"
        return (
            f"{OUTCOMES[self.outcome].capitalize()}, treated less others, {self.conf_level:.0%} intervals; {chance}: "
            f"{self.how}. Only {self.assigned.provenance.customer}s whose horizon is over. {self.assigned.definition}"
        )

    def headline(self) -> str:
        """The verdict and the difference."""
        return f"{self.campaign}: {self.verdict}, {self.difference}"

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate.

        Returns
        -------
        DataFrame
            Columns estimate, value, ci_lower, ci_upper, n; NaN where it was not made.
        """
        import pandas as pd

        names = ("naive", "adjusted", "weighted", "placebo", "rmst", "hazard_ratio")
        rows = [(name, *getattr(self, name), getattr(self, name).n) for name in names]
        frame = pd.DataFrame(rows, columns=["estimate", "value", "ci_lower", "ci_upper", "n"])
        return frame.astype({"n": "Int64"})

    def by(self, columns: str | Sequence[str] | Mapping[str, pd.Series[Any]]) -> pd.DataFrame:
        """The effect in groups of customers, and whether it differs from that among all others.

        Parameters
        ----------
        columns : str, sequence of str, or mapping of str to Series
            Columns of `customers`; or labels by customer id, such as segments or personas.

        Returns
        -------
        DataFrame
            column, group, n_treated, n_others, difference with _ci_lower and _ci_upper, against_rest (less the
            difference among all others), p_value of that being 0, q_value (Benjamini-Hochberg over all groups),
            differs (q of at most 1 - conf_level); NaN where a group is too small.

        Raises
        ------
        ArgumentError
            No such column, or labels of nobody.
        NotEnoughData
            Chance did not choose.
        """
        if not self.randomised:
            raise NotEnoughData(f"groups are compared where chance chose who is treated, and it did not: {self.how}")
        values, known = outcome_values(self.assigned, self.outcome)
        return effect_by_group(self.assigned.take(known), values[known], columns, self.outcome, self.conf_level)

    def record(
        self, path: str | Path, *, measure: str = "", experiment: str | None = None, smallest: float | None = None
    ) -> Path:
        """Add the judgement to a learning log (`kb.learned`); what is there stays as it is.

        Parameters
        ----------
        path : str or Path
            The log; made if nothing is there.
        measure : str
            Key of the measure that it is about, so that `kb.recommend_measures(..., learned=path)` knows.
        experiment : str, optional
            Its name in the log, the same as that of its plan. Default: the campaign.
        smallest : float, optional
            The smallest effect that would have been worth it: below it a trial shows that the measure does not work.

        Returns
        -------
        Path

        Raises
        ------
        ArgumentError
            The log holds this judgement, no such measure, or no limits to record.
        DatasetError
            What is there is no log.
        """
        best = self.valid if isfinite(self.valid.ci_lower) else self.adjusted
        if not isfinite(best.ci_lower):
            raise NotEnoughData(f"the effect of campaign {self.campaign!r} has no limits to record")
        day = self.assigned.provenance.as_of
        assert day is not None
        words = tuple(str(reason)[:LONGEST] for reason in self.reasons)
        entry = Experiment(
            experiment=check_name("experiment", self.campaign if experiment is None else experiment), status="judged",
            date=day.date(), measure=measure, campaign=self.campaign, outcome=self.outcome,
            horizon=float(self.horizon), randomised=self.randomised, smallest=smallest, effect=best.value,
            ci_lower=best.ci_lower, ci_upper=best.ci_upper, n=sum(self.n.values()), verdict=self.verdict,
            conf_level=self.conf_level, reasons=words,
        )  # fmt: skip
        return append(path, entry)

    def return_on(self, cost: float | None = None, value: float | None = None) -> Return:
        """Customers and money kept for each unit of money spent.

        Parameters
        ----------
        cost : float, optional
            Money a treated customer. Default: the mean recorded cost of the treated less that of the others.
        value : float, optional
            Money that keeping one customer is worth. Default: a year of the mean revenue of the customers compared.

        Returns
        -------
        Return

        Raises
        ------
        ArgumentError
            Amounts below 0, or a cost of nothing.
        NotEnoughData
            No cost is recorded and none given, or the outcome is a time.
        """
        treated = self.assigned.treated
        if self.outcome == "time":
            raise NotEnoughData("an effect on time has no return; measure the outcome 'retained' or 'revenue'")
        if cost is None:
            cost = _mean(self.assigned.cost[treated]) - np.nan_to_num(_mean(self.assigned.cost[~treated]))
            if not cost > 0:
                raise NotEnoughData(f"campaign {self.campaign!r} has no recorded cost above 0; give cost=")
        cost = check_number("cost", cost, above=0)
        if value is None:
            value = MONTHS_KEPT * _mean(self.assigned.revenue)
        elif self.outcome == "retained":
            value = check_number("value", value, 0)
        best = self.adjusted if isfinite(self.adjusted.value) else self.naive
        kept, money = (
            (best, scaled(best, value)) if self.outcome == "retained" else (UNKNOWN, scaled(best, MONTHS_KEPT))
        )
        return Return(scaled(kept, 1 / cost), scaled(money, 1 / cost), shifted(money, -cost), cost, value, self)


@dataclass(frozen=True, eq=False)
class Return(Shown):
    """What a campaign brings for its money. Made by `Effect.return_on`.

    Attributes
    ----------
    customers : Estimate
        Customers kept for each unit of money spent.
    money : Estimate
        Money kept for each unit of money spent; more than 1 pays.
    gain : Estimate
        Money kept less money spent, a treated customer.
    cost, value : float
        Money a treated customer; what keeping one is worth. NaN where unknown.
    """

    customers: Estimate
    money: Estimate
    gain: Estimate
    cost: float
    value: float
    effect: Effect = field(repr=False)

    @property
    def provenance(self) -> object:
        """Where the numbers come from."""
        return self.effect.provenance

    @property
    def definition(self) -> str:
        """What is divided by what."""
        return (
            f"Effect a treated {self.effect.assigned.provenance.customer} divided by {self.cost:,.2f} spent on it; "
            f"keeping one is worth {self.value:,.2f}. Cost and value are taken as known. {self.effect.definition}"
        )

    def headline(self) -> str:
        """Money kept for each unit spent."""
        return f"{self.effect.campaign}: {self.money} for each 1 spent"

    def to_frame(self) -> pd.DataFrame:
        """One row: customers, money and gain, each with _ci_lower and _ci_upper, cost and value."""
        import pandas as pd

        row: dict[str, float] = {}
        for name in ("customers", "money", "gain"):
            row |= {
                f"{name}{end}": v for end, v in zip(("", "_ci_lower", "_ci_upper"), getattr(self, name), strict=True)
            }
        return pd.DataFrame([row | {"cost": self.cost, "value": self.value}])


def scaled(one: Estimate, factor: float) -> Estimate:
    """An estimate times a known number from 0 on."""
    value, lower, upper = (factor * x for x in one)
    return replace(one, value=value, ci_lower=lower, ci_upper=upper, count=None, kind="")


def shifted(one: Estimate, amount: float) -> Estimate:
    """An estimate plus a known number."""
    value, lower, upper = (amount + x for x in one)
    return replace(one, value=value, ci_lower=lower, ci_upper=upper, count=None, kind="")


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else nan
