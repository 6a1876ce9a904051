"""How many customers come back or stay, as facts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.estimate.intervals import rate_of
from kbind.retention.activity import Activity, starts_with_recording
from kbind.retention.cohorts import CohortRetention, early_and_late, return_rate, same_cohorts
from kbind.retention.lifecycle import Lifecycle
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact

#: Cohorts up to which a heat map carries numbers.
NUMBERED_COHORTS = 16
#: What customers are in a period of their life cycle.
STATES = ("retained", "resurrected", "new", "churned")
#: An age is told of if so many customers, and this share of all, have lived it, and its interval is no wider.
SOLID_CUSTOMERS, SOLID_SHARE, SOLID_HALF = 100, 0.05, 0.08
#: Periods without anybody new from which on that is said.
QUIET = 6
#: An average is that of every period if those without the two largest have this share of it.
ALIKE = 0.75
#: Below this drop from the first to the last age, and within this range, a curve is said to hold.
HOLDS, RANGE = 0.03, 0.15
#: The half that returning customers are judged against.
HALF = 0.5
#: Periods that make a span a manager thinks in: a year, or a month of days.
_SPAN = {"day": 30, "week": 52, "month": 12, "quarter": 4, "year": 1}
#: Periods that an average is taken over at most: those of a span, of which three where it is one.
_RECENT = {period: max(span, 3) for period, span in _SPAN.items()}
_CYCLE = "lifecycle(...).to_frame()"


@dataclass(frozen=True, eq=False)
class RetentionFacts:
    """Facts about one activity of all customers together.

    Parameters
    ----------
    on, ever : CohortRetention
        Retention of the kinds "on" and "on_or_after".
    cycle : Lifecycle
        Its life cycle.
    disclosure : Disclosure
        What may be told of.
    """

    on: CohortRetention
    ever: CohortRetention
    cycle: Lifecycle
    disclosure: Disclosure

    @property
    def activity(self) -> Activity:
        """What it is about."""
        return self.on.activity

    # -- by age --------------------------------------------------------------------------------------

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Both kinds by age, over all cohorts, as far as any customer has lived the age."""
        frame = self.on.pooled().join(self.ever.pooled().set_index("age").add_prefix("ever_"), on="age")
        return frame[frame["at_risk"] > 0]

    @cached_property
    def last_age(self) -> int:
        """The oldest age that is known well enough to speak of it."""
        frame = self.pooled
        enough = max(SOLID_CUSTOMERS, SOLID_SHARE * self.activity.customers)
        half = (frame["retention_ci_upper"] - frame["retention_ci_lower"]) / 2
        solid = frame.loc[((frame["at_risk"] >= enough) & (half <= SOLID_HALF)) | (frame["age"] <= 1), "age"]
        return int(solid.max()) if len(solid) else 0

    @cached_property
    def marks(self) -> list[int]:
        """One or two ages to speak of: a year and two, or what has been lived."""
        span = _SPAN[self.activity.calendar.period]
        if self.last_age < span:
            return [self.last_age]
        return [span, 2 * span] if self.last_age >= 2 * span else [span]

    def at(self, age: int, kind: str = "on") -> Fact:
        """Share active at an age, or at it or any later one."""
        result, prefix = (self.on, "") if kind == "on" else (self.ever, "ever_")
        rows = self.pooled[self.pooled["age"] == age]
        rate = result.rate_in(rows.iloc[0], prefix) if len(rows) else result.rate(age)
        return Fact.of(f"age.{age}.{kind}", rate, _cell(kind, age))

    @cached_property
    def following(self) -> Fact:
        """Share active in the period after the first."""
        return self.at(1)

    @cached_property
    def again(self) -> Fact:
        """Share active in the period after the first or later."""
        return self.at(1, "on_or_after")

    @cached_property
    def extremes(self) -> tuple[Fact, Fact]:
        """Lowest and highest share from the second solid age on."""
        solid = self.pooled[self.pooled["age"].between(1, self.last_age)]
        shares = solid["retention"].to_numpy(dtype=float)
        low, high = (self.at(int(solid["age"].iloc[i])) for i in (int(shares.argmin()), int(shares.argmax())))
        return low, high

    @cached_property
    def steepest(self) -> int:
        """The age at which the curve loses most."""
        solid = self.pooled[self.pooled["age"] <= self.last_age]
        return int(solid["retention"].diff().fillna(0).to_numpy(dtype=float).argmin())

    @cached_property
    def trend(self) -> str:
        """How the curve runs, judged on the same customers, so that old cohorts do not pass for old ages."""
        if self.last_age < 3:
            return "once"
        early, late = same_cohorts(self.on, self.last_age)
        apart = late.minus(early)
        low, high = self.extremes
        if apart.value < -HOLDS and apart.ci_upper < 0:
            return "falls"
        return "holds" if high.value - low.value <= RANGE else "varies"

    def lack(self, age: int) -> str:
        """What is missing where an age cannot be told of: "short" time, or customers ("few")."""
        return "short" if self.activity.calendar.lived <= age else "few"

    def ages(self) -> list[Fact]:
        """Every share of the curves, by age."""
        return [self.at(int(age), kind) for kind in ("on", "on_or_after") for age in self.pooled["age"]]

    # -- by cohort -----------------------------------------------------------------------------------

    def cohorts(self) -> list[Fact]:
        """Every share of the cohort table that is lived, beyond age 0."""
        frame = self.on.to_frame()
        frame, source = frame[(frame["at_risk"] > 0) & (frame["age"] > 0)], "cohort_retention(...).to_frame()"
        return [
            Fact.of(f"cohort.{row['cohort']}.{row['age']}", self.on.rate_in(row), source) for _, row in frame.iterrows()
        ]

    def halves(self, age: int) -> tuple[dict[str, Fact], str]:
        """Share of the early and of the late cohorts at an age, and whether the late ones do "better" or "worse"."""
        early, late = early_and_late(self.on, age)
        facts = {
            name: Fact.of(f"{name}.on", rate, f"{_cell('on', age)}, {name} half of the cohorts after the first")
            for name, rate in (("early", early), ("late", late))
        }
        apart = late.minus(early)
        return facts, "better" if apart.ci_lower > 0 else "worse" if apart.ci_upper < 0 else "same"

    def first_or_later(self, which: str, kind: str = "on") -> Fact:
        """Share in the period after the first, of the "first" cohort or of all "later" ones."""
        labels = self.activity.calendar.labels
        result = self.on if kind == "on" else self.ever
        rate = result.rate(1, exclude=labels[1:] if which == "first" else labels[:1])
        where = f"{_cell(kind, 1)}, cohorts {'=' if which == 'first' else 'after'} {labels[0]}"
        return Fact.of(f"{which}.{kind}", rate, where)

    @cached_property
    def panel_share(self) -> Fact:
        """Share of all customers who belong to the first cohort."""
        definition = "customers of the first cohort, divided by those of all cohorts"
        rate = rate_of(int(self.on.cohort_size[0][0]), int(self.on.cohort_size.sum()), self.on.conf_level, definition)
        return Fact.of("panel.share", rate, "cohort_retention(...).to_frame(), cohort_size")

    @cached_property
    def panel_start(self) -> bool:
        """Whether the first cohort is the start of recording, and may be told apart from the later ones."""
        if self.activity.action == "stay" or self.activity.dated:
            return False
        sizes, lived = self.on.cohort_size.sum(axis=0), self.activity.calendar.lived
        facts = [self.first_or_later(which, kind) for which in ("first", "later") for kind in ("on", "on_or_after")]
        return starts_with_recording(sizes, lived) and self.disclosure.tells(*facts)

    @cached_property
    def panel_matters(self) -> bool:
        """Whether those who came later come back less often than those there from the start."""
        if not self.panel_start:
            return False
        labels = self.activity.calendar.labels
        return self.on.rate(1, exclude=labels[1:]).minus(self.on.rate(1, exclude=labels[:1])).ci_lower > 0

    def apart(self, which: str) -> list[Fact]:
        """Every share of the curve of the "first" cohort, or of all "later" ones."""
        labels = self.activity.calendar.labels
        frame = self.on.pooled(exclude=labels[1:] if which == "first" else labels[:1])
        source = f"cohort_retention(kind='on').pooled(exclude=...), {which}"
        rows = frame[(frame["at_risk"] > 0) & (frame["age"] > 0)].iterrows()
        return [Fact.of(f"{which}.age.{row['age']:.0f}", self.on.rate_in(row), source) for _, row in rows]

    # -- who is missing ------------------------------------------------------------------------------

    @cached_property
    def returned(self) -> Fact:
        """Of those who were missing in the period after their first, the share who came later.

        Of the new ones only where the first cohort is the start of recording and comes back more often.
        """
        first = self.activity.calendar.labels[:1] if self.panel_matters else []
        source = f"return_rate(on, ever, exclude={first}), age 1"
        return Fact.of("returned", return_rate(self.on, self.ever, exclude=first), source)

    @cached_property
    def absence(self) -> str:
        """Whether those who are missing once come back, as far as that is settled."""
        fact = self.returned
        if not self.disclosure.hides(fact.n) and (fact.value == 0 or self.disclosure.hides(fact.count)):
            return "none"
        if not self.disclosure.tells(fact):
            return "short"
        return "returning" if fact.ci_lower > HALF else "leaving" if fact.ci_upper < HALF else "open"

    @cached_property
    def before(self) -> Fact:
        """Customers who were there before recording began."""
        definition = "customers whose first day lies before the start of recording"
        return Fact("customers.before", float(self.cycle.known.sum()), "customers", definition, source="lifecycle(...)")

    @cached_property
    def waiting(self) -> Fact:
        """Customers whose contract has just ended, so that another one may follow."""
        lived = self.activity.calendar.lived
        number = float(self.activity.open[:, lived - 1].sum()) if lived else 0.0
        definition = "customers whose contract has ended within grace"
        return Fact("customers.open", number, "customers", definition, source="activity(...)")

    # -- by period -----------------------------------------------------------------------------------

    @cached_property
    def churn(self) -> Fact:
        """Share of the customers of a period who are gone in the next, over all periods."""
        frame, period = self.cycle.to_frame(), self.activity.calendar.period
        before, gone = int(frame["active"].iloc[:-1].sum()), int(frame["churned"].iloc[1:].sum())
        definition = f"customers gone in a {period}, divided by customers of the {period} before, over all"
        rate = rate_of(gone, before, self.on.conf_level, definition)
        return Fact.of("churn", rate, f"{_CYCLE}, sums of churned and active")

    @cached_property
    def yearly(self) -> Fact:
        """The same over a year, if it goes on like this."""
        times = _SPAN[self.activity.calendar.period] if self.activity.calendar.period != "day" else 365
        churn = self.disclosure.fact(self.churn)
        value, low, high = (1 - (1 - x) ** times for x in (churn.value, churn.ci_lower, churn.ci_upper))
        definition = f"1 - (1 - churn) ** {times}; {churn.definition}"
        known = churn.conf_level, churn.n, churn.count, _CYCLE, churn.hidden
        return Fact("churn.year", value, "share", definition, low, high, *known)

    def mean(self, state: str) -> Fact:
        """Mean customers per period in a state, over the last periods after the second."""
        counts = self._counts(state)
        mean = float(counts.mean()) if len(counts) else math.nan
        which = f"over the last {self.recent}" if self.recent else "from the third on"
        definition = f"mean of {state} customers per {self.activity.calendar.period}, {which}"
        return Fact(f"mean.{state}", mean, "customers", definition, source=_CYCLE)

    @cached_property
    def recent(self) -> int:
        """How many periods the averages are about, if there are more: numbers of a base that grew say little on now."""
        most = _RECENT[self.activity.calendar.period]
        return most if len(self.cycle.to_frame()) > most + 2 else 0

    def _counts(self, state: str) -> pd.Series[int]:
        counts: pd.Series[int] = self.cycle.to_frame()[state].iloc[2:]
        return counts.iloc[-self.recent :] if self.recent else counts

    def driving(self, state: str) -> list[int]:
        """The two periods that hold more than half of all in a state, if there are five or more; else none."""
        counts = self._counts(state)
        two = _two_largest(counts)
        return two if len(counts) >= 5 and counts.loc[two].sum() > counts.sum() / 2 else []

    def even(self, state: str) -> bool:
        """Whether the mean is that of every period: no two of them drive it, and none is hidden."""
        counts = self._counts(state)
        if any(self.disclosure.hides(int(n)) for n in counts):
            return False
        return len(counts) < 3 or bool(counts.drop(_two_largest(counts)).mean() >= ALIKE * counts.mean())

    @cached_property
    def last_new(self) -> int | None:
        """Place of the last period in which anybody new came, if that is long ago."""
        came = np.flatnonzero(self.activity.fresh.sizes().sum(axis=0))
        lived = self.activity.calendar.lived
        quiet = lived - 1 - int(came[-1]) if len(came) else 0
        return int(came[-1]) if quiet >= QUIET or (quiet >= QUIET / 2 and 2 * quiet >= lived) else None

    def states(self) -> list[Fact]:
        """Every count of the life cycle."""
        return [
            Fact(f"cycle.{row['period']}.{state}", float(row[state]), "customers", self.cycle.definition, source=_CYCLE)
            for _, row in self.cycle.to_frame().iterrows()
            for state in STATES
        ]


def _two_largest(counts: pd.Series[int]) -> list[int]:
    return sorted(int(place) for place in counts.nlargest(2).index)


def _cell(kind: str, age: int) -> str:
    """Where a share is read from."""
    return f"cohort_retention(kind={kind!r}).pooled(), age {age}"
