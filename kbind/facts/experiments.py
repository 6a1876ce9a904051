"""What campaigns did, as facts: customers and money kept, money spent, and what a plain comparison says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, isfinite, nan

import numpy as np

from kbind.errors import NotEnoughData
from kbind.estimate.estimate import Estimate
from kbind.experiments.effect import NOT_IDENTIFIED, SHOWN, Effect
from kbind.experiments.planning import plan_experiment
from kbind.experiments.verdicts import Verdicts
from kbind.facts.bonds import YEAR
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact

#: Difference of the shares that stay which a trial should be able to show.
WANTED = 0.05
#: Codes of what keeps a campaign from being judged, the first of which a page tells.
OBSTACLES = (
    "placebo_differs", "chances_do_not_fit", "no_overlap", "few_comparable", "imbalance", "no_placebo",
    "nothing_known", "sample_ratio",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class CampaignFacts:
    """One campaign, as a page tells of it.

    Parameters
    ----------
    effect : Effect
    disclosure : Disclosure
    key : str
        Starts the names of its facts.
    """

    effect: Effect
    disclosure: Disclosure
    key: str

    @property
    def outcome(self) -> str:
        """What can be said: "works", "harms", "nothing" shown, or "unknown"."""
        if self.effect.verdict == NOT_IDENTIFIED:
            return "unknown"
        if self.effect.verdict != SHOWN:
            return "nothing"
        return "works" if self.effect.adjusted.value > 0 else "harms"

    @property
    def why(self) -> str:
        """Code of the first reason why it cannot be judged; empty where it can."""
        codes = [reason.code for reason in self.effect.reasons]
        return next((code for code in codes if code in OBSTACLES), "")

    @property
    def tells(self) -> bool:
        """Whether enough customers stayed and left in both arms for it to be told of."""
        arms = self.effect.assigned
        counts = [int((arms.lived & (arms.treated == side) & (arms.left == gone)).sum())
                  for side in (True, False) for gone in (True, False)]  # fmt: skip
        return not any(map(self.disclosure.hides, counts)) and self.disclosure.tells(self.difference)

    @cached_property
    def difference(self) -> Fact:
        """Share more that stay with it than without, like compared with like; of harm, share fewer."""
        return self._share("difference", self.effect.adjusted, self.outcome == "harms")

    @cached_property
    def naive(self) -> Fact:
        """The same, as customers are."""
        return self._share("naive", self.effect.naive, self.effect.naive.value < 0)

    def _share(self, name: str, estimate: Estimate, turned: bool) -> Fact:
        value, low, high = estimate
        if turned:
            value, low, high = -value, -high, -low
        n = int(min(self.effect.assigned.treated.sum(), (~self.effect.assigned.treated).sum()))
        meaning = f"share {'less' if turned else 'more'} that stays {self.effect.horizon} days, treated less others"
        return Fact(f"{self.key}.{name}", value, "share", meaning, low, high, self.effect.conf_level, n=n)

    @cached_property
    def treated(self) -> Fact:
        """Customers who got it."""
        return Fact(f"{self.key}.treated", float(self.effect.assigned.treated.sum()), "customers", "customers treated")

    @cached_property
    def stake(self) -> Fact | None:
        """What those kept, or lost, by it pay in a year; None where the data knows of no money."""
        if not self._paid > 0 or self.outcome not in ("works", "harms"):
            return None
        return self._times("stake", "money", self.treated.value * YEAR * self._paid,
                           "share more x customers treated x mean revenue a month x 12")  # fmt: skip

    def _times(self, name: str, unit: str, factor: float, meaning: str) -> Fact:
        told = self.disclosure.fact(self.difference)
        value, low, high = (factor * number for number in (told.value, told.ci_lower, told.ci_upper))
        few = max(1, round(abs(self.treated.value * told.value))) if isfinite(told.value) else 0
        return Fact(f"{self.key}.{name}", value, unit, meaning, low, high, self.effect.conf_level, count=few)

    @property
    def _paid(self) -> float:
        """Mean revenue a month of the treated at the assignment."""
        money = self.effect.assigned.revenue[self.effect.assigned.treated]
        return float(np.nanmean(money)) if np.isfinite(money).any() else nan

    @cached_property
    def spent(self) -> Fact | None:
        """What the campaign cost; None where that was not recorded."""
        cost = self.effect.assigned.cost[self.effect.assigned.treated]
        total = float(np.nansum(cost))
        if not total > 0 or not np.isfinite(cost).all():
            return None
        return Fact(f"{self.key}.spent", total, "money", "recorded cost of the treated", count=len(cost))

    @property
    def hopeless(self) -> bool:
        """Whether it keeps less than it costs even at the upper limit, as far as money is known."""
        if self.spent is None or not self._paid > 0:
            return False
        best = self.effect.adjusted.ci_upper * self.treated.value * YEAR * self._paid
        return bool(best < self.spent.value)

    @cached_property
    def needed(self) -> Fact | None:
        """Customers a trial takes that shows a difference of five of 100."""
        base = self.effect.assigned
        stays = 1 - float(base.left[base.controls & base.lived].mean())
        try:
            plan = plan_experiment(stays, effect=min(WANTED, (1 - stays) / 2), horizon=f"{self.effect.horizon}D")
        except (NotEnoughData, ValueError):
            return None
        meaning = "customers for a trial in halves that shows the difference in 80 % of cases"
        return Fact(f"{self.key}.needed", float(ceil(plan.customers / 100) * 100), "count", meaning)

    @property
    def wanted(self) -> Fact:
        """The difference that such a trial would show."""
        base = self.effect.assigned
        stays = 1 - float(base.left[base.controls & base.lived].mean())
        return Fact(f"{self.key}.wanted", round(min(WANTED, (1 - stays) / 2), 2), "share", "difference, as set")

    @property
    def worth(self) -> float:
        """Money by which campaigns are ranked: what it keeps or loses a year, else what was spent on it."""
        if self.stake is not None:
            return abs(self.stake.value)
        return 0.0 if self.spent is None else self.spent.value

    @cached_property
    def rebound(self) -> tuple[Fact, Fact] | None:
        """Use more a month after than before, of the treated and of others like them; None without the pattern."""
        frame = self.effect.rebound
        codes = [reason.code for reason in self.effect.reasons]
        if frame is None or "regression_to_the_mean" not in codes:
            return None
        found = []
        for row in frame.to_dict("records"):
            value, low, high = (float(row[f"change{end}"]) for end in ("", "_ci_lower", "_ci_upper"))
            meaning = f"events a month after less before, {row['group']}"
            name = f"{self.key}.rebound.{row['group']}"
            found.append(Fact(name, value, "ratio", meaning, low, high, n=int(row["n"])))
        return found[0], found[1]


def campaign_facts(verdicts: Verdicts, disclosure: Disclosure) -> list[CampaignFacts]:
    """The campaigns that may be told of, what is worth most first."""
    made = [CampaignFacts(effect, disclosure, f"campaign.{k}") for k, effect in enumerate(verdicts.effects, start=1)]
    order = {"works": 0, "harms": 0, "nothing": 1, "unknown": 1}
    told = [replace(one) for one in made if one.tells]
    return sorted(told, key=lambda one: (-one.worth, order[one.outcome], -one.treated.value))
