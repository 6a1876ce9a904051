"""What binds customers, and what costs those who could be kept, as facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import exp, hypot, isnan, log, nan, sqrt
from statistics import NormalDist

from kbind.bonds.answers import Answer
from kbind.bonds.questions import BondQuestions
from kbind.bonds.scores import BondingScores
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.practices.practices import Indicator, Practices
from kbind.practices.service_recovery import BADLY, ServiceRecovery
from kbind.practices.single_contacts import SingleContacts
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact

#: Months of a year.
YEAR = 12
#: Units of what questions find.
_UNITS = {"share": "share", "difference": "share", "hazard_ratio": "ratio", "ratio_of_hazard_ratios": "ratio"}


@dataclass(frozen=True)
class Cause:
    """Something that costs customers who could be kept.

    Parameters
    ----------
    key : {"complaint", "contact"}
        Serious matters that stay open for long; the only person of ours whom a customer knows leaves.
    a_year : Fact
        Customers of today whom it meets in a year, at the rate so far.
    extra : Fact
        Of these, the share who leave because of it while it acts.
    stake : Fact or None
        Revenue a year of those; None where the data knows of no money.
    ratio : Fact
        Hazard ratio of leaving.
    """

    key: str
    a_year: Fact
    extra: Fact
    stake: Fact | None
    ratio: Fact


@dataclass(frozen=True, eq=False)
class BondFacts:
    """What results say about bonds, causes and contacts.

    Parameters
    ----------
    scores : BondingScores or None
        None where the data holds too little.
    questions, practices : results
    here : int
        Customers of today.
    paid : float
        What a customer pays a month, on average; NaN where unknown.
    disclosure : Disclosure
        What may be told.
    """

    scores: BondingScores | None = field(repr=False)
    questions: BondQuestions = field(repr=False)
    practices: Practices = field(repr=False)
    here: int
    paid: float
    disclosure: Disclosure = field(repr=False)

    @property
    def contacts(self) -> SingleContacts | None:
        """Accounts that hang on one person, if that could be measured."""
        found = self.practices.results.get("single_contacts")
        return found if isinstance(found, SingleContacts) else None

    @property
    def recovery(self) -> ServiceRecovery | None:
        """Staying after complaints, if that could be measured."""
        found = self.practices.results.get("service_recovery")
        return found if isinstance(found, ServiceRecovery) else None

    @cached_property
    def causes(self) -> list[Cause]:
        """What is shown to cost customers, what costs most first."""
        found = [cause for cause in (self._complaint(), self._contact()) if cause is not None]
        found = [cause for cause in found if cause.extra.ci_lower > 0]
        return sorted(found, key=lambda cause: -(nan_last(cause.stake) or cause.a_year.value * cause.extra.value))

    def _complaint(self) -> Cause | None:
        found = self.recovery
        if found is None or isnan(found.well_vs_bad.value) or isnan(found.staying["well_vs_bad"].value):
            return None
        counts = found.classes.set_index("handling")
        n, left = int(counts.loc[BADLY, "customers"]), int(counts.loc[BADLY, "left"])  # type: ignore[arg-type]
        extra = replace(found.staying["well_vs_bad"], n=n, count=None)
        ratio = turned(found.well_vs_bad)
        return self._cause("complaint", found.a_year * self.here, extra, ratio, self.paid, found.spells, left)

    def _contact(self) -> Cause | None:
        found = self.contacts
        if found is None or isnan(found.effects["ours"].value):
            return None
        people = found.people()
        ours = people[people["side"] == "ours"]
        accounts, known = int(ours["accounts"].sum()), found.shares["ours"]
        if not accounts or known.n is None:
            return None
        ends = [float(ours[f"leavers{end}"].sum()) / accounts for end in ("", "_ci_lower", "_ci_upper")]
        each = float(ours["loss"].sum()) / max(float(ours["leavers"].sum()), 1e-12)
        effect = found.effects["ours"]
        extra = Estimate.of(ends, n=effect.n, conf_level=found.conf_level, definition="additional leavers / accounts")
        return self._cause("contact", found.losses["ours"] * self.here, extra, effect, each, found.lost["ours"], None)

    def _cause(
        self, key: str, a_year: float, extra: Estimate, ratio: Estimate, each: float, seen: int, left: int | None
    ) -> Cause | None:
        """A cause, with the money that it costs in a year; how often it was seen adds to the range."""
        if self.disclosure.hides(a_year) or (left is not None and self.disclosure.hides(left)):
            return None
        met = Fact(f"bonds.{key}.a_year", float(round(a_year)), "customers", "a customer and year so far x customers")
        told = Fact.of(f"bonds.{key}.extra", extra)
        stake = None
        if not isnan(each) and each > 0:
            value, low, high = (YEAR * each * a_year * end for end in _product(extra, seen))
            meaning = (
                "customers met in a year x share who leave because of it x mean revenue a month x 12; the range is of "
                "the share and of how often it was seen"
            )
            few = None if extra.n is None else max(1, round(a_year * max(extra.value, 0)))
            stake = Fact(f"bonds.{key}.stake", value, "money", meaning, low, high, extra.conf_level, count=few)
            if few is not None and self.disclosure.hides(few):
                stake = None
        return Cause(key, met, told, stake, Fact.of(f"bonds.{key}.ratio", ratio, unit="ratio"))

    def answered(self) -> Iterator[tuple[Answer, Fact]]:
        """The questions that could be answered, each with its fact."""
        for answer in self.questions.answers:
            if answer.why is None and not isnan(answer.estimate.value):
                yield answer, Fact.of(f"bonds.{answer.question}", answer.estimate, unit=_UNITS[answer.measure])

    def answer(self, question: str) -> Fact | None:
        """The fact of one question; None where it could not be answered."""
        return next((fact for answer, fact in self.answered() if answer.question == question), None)

    def practised(self) -> Iterator[tuple[Indicator, Fact | None, Fact | None]]:
        """The indicators of practices, each with its fact and how many customers it concerns; None where unknown."""
        for one in self.practices.indicators:
            if isnan(one.value.value):
                yield one, None, None
                continue
            concerns = None
            if one.concerns:
                meaning = "customers to act upon at the end of the data"
                concerns = Fact(f"practices.{one.key}.concerns", float(one.concerns), "customers", meaning)
            yield one, Fact.of(f"practices.{one.key}", one.value, unit="share"), concerns

    @property
    def single(self) -> Fact | None:
        """Share of the customers who know only one person of ours."""
        return None if self.contacts is None else Fact.of("bonds.single", self.contacts.shares["ours"])

    @property
    def hanging(self) -> Fact | None:
        """Revenue a year that hangs on single people of ours."""
        if self.contacts is None or isnan(self.contacts.revenue["ours"]):
            return None
        meaning = "revenue a month of customers with a single contact of ours, times 12"
        value = YEAR * self.contacts.revenue["ours"]
        return Fact("bonds.hanging", value, "money", meaning, count=self.contacts.shares["ours"].count)

    def means(self) -> list[tuple[str, Fact]]:
        """Mean agreement to each bond, the strongest first."""
        if self.scores is None:
            return []
        rows = self.scores.company[self.scores.company["mean"].notna()]
        columns = zip(*(rows[name] for name in ("bond", "mean", "ci_lower", "ci_upper", "n")), strict=True)
        noted = [
            (str(bond), Fact(f"bonds.mean.{bond}", mean, "ratio", "mean of its items", low, high, n=int(n)))
            for bond, mean, low, high, n in columns
        ]
        return sorted(noted, key=lambda pair: -pair[1].value)


def _product(share: Estimate, seen: int) -> tuple[float, float, float]:
    """A share and its limits, once it is multiplied with a rate that was counted `seen` times: errors add on the log.

    >>> [round(end, 3) for end in _product(Estimate(0.2, 0.2, 0.2, conf_level=0.95), 100)]
    [0.2, 0.164, 0.243]
    """
    value, low, high = share
    if not (seen and 0 < low <= high):
        return value, min(low, 0.0), nan
    rate = NormalDist().inv_cdf(0.5 + share.conf_level / 2) / sqrt(seen)
    below, above = (hypot(log(end / value), rate) for end in (low, high))
    return value, value * exp(-below), value * exp(above)


def nan_last(fact: Fact | None) -> float:
    """Money as a number; 0 where there is none."""
    return 0.0 if fact is None or isnan(fact.value) else fact.value


def turned(ratio: Estimate) -> Estimate:
    """The ratio of the second to the first instead."""
    if isnan(ratio.value) or not ratio.value:
        return UNKNOWN
    low, high = (1 / end if end else nan for end in (ratio.ci_upper, ratio.ci_lower))
    return replace(ratio, value=1 / ratio.value, ci_lower=low, ci_upper=high)
