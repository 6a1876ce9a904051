"""How many of those stay who fit a persona, before and after a change, as facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kbind.churn.contacts import customers_here
from kbind.dataset.dataset import Dataset
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.facts.losses import MONTHS
from kbind.personas.evaluation import ALL, PersonaEvaluation
from kbind.personas.matching import reached, score
from kbind.personas.persona import Persona
from kbind.personas.refinement.refinement import ACCEPT, HeldOut, Refinement
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.voice import Voice
from kbind.typing import Objects

#: Where facts come from: of all customers, and of the third part that nothing was chosen on.
EVALUATED, HELD_OUT = "evaluate_personas(...)", "refine_persona(...).held_out"


def in_order(evaluation: PersonaEvaluation) -> tuple[Persona, ...]:
    """Those who stay best on top, those not to sell to at the end."""
    best = {p.name: -np.nan_to_num(evaluation.staying[p.name].retention.value) for p in evaluation.personas}
    return tuple(sorted(evaluation.personas, key=lambda p: (p.negative, best[p.name])))


def fit(evaluation: PersonaEvaluation, name: str = ALL) -> Fact:
    """How many of those who fit stay."""
    staying = evaluation.staying[name]
    stayed = _stayed(staying.retention, staying.n, evaluation.members.snapshot)
    return _fact(f"fit.{name}", staying.retention, "share", staying.n, stayed, evaluation)


def coverage(evaluation: PersonaEvaluation, name: str) -> Fact:
    """How many of all fit."""
    total, n = evaluation.staying[ALL].n, evaluation.staying[name].n
    share = rate_of(n, total, evaluation.conf_level)
    return _fact(f"coverage.{name}", share, "share", total, n, evaluation)


def held(refinement: Refinement, version: str) -> Fact:
    """How many of those stay who match the old or the new version, on the third part."""
    measured = getattr(refinement.held_out, version)
    stayed = _stayed(measured.retention, measured.n, not refinement.rate)
    return _fact(f"held.{version}", measured.retention, "share", measured.n, stayed, refinement)


def persona_name(persona: Persona, voice: Voice) -> str:
    """What readers call a persona: as kbind.yaml says, else as its own file does, else its name."""
    declared = voice.labels.persona(persona.name, voice.lang)
    return declared or named((persona.label or {}).get(voice.lang, "")) or named(persona.name)


def _stayed(retention: Estimate, n: int, snapshot: bool) -> int | None:
    return round(retention.value * n) if snapshot and n else None


def _fact(
    name: str, estimate: Estimate, unit: str, n: int | None, count: int | None, result: PersonaEvaluation | Refinement
) -> Fact:
    """An estimate, of an evaluation or of what a refinement was confirmed on."""
    source = HELD_OUT if isinstance(result, Refinement) else EVALUATED
    known = replace(estimate, n=n, count=count, conf_level=result.conf_level, definition=result.definition)
    return Fact.of(f"personas.{name}", known, source, unit)


def with_range(fact: Fact, voice: Voice) -> str:
    """A share with its range."""
    if not voice.disclosure.tells(fact):
        return voice.tell(fact)
    return voice.say("personas.with_range", value=voice.tell(fact), range=voice.tell(fact, "range"))


def borne_out(evaluation: PersonaEvaluation, name: str, disclosure: Disclosure) -> str:
    """Whether those who are not to be sold to clearly stay less than the others: "yes", "no" or "open"."""
    fits, n = evaluation.fits[name], evaluation.members.n
    value, _, upper = evaluation.differences[name]
    if any(disclosure.hides(int(n[rows].sum())) for rows in (fits, ~fits)) or np.isnan(value):
        return "open"
    return "yes" if upper < 0 else "no"


def mark_kinds(persona: Persona) -> Iterator[str]:
    """Of every statement of a persona whether it is measured, said or assumed."""
    yield "assumed"  # the description
    for statements in (persona.needs, persona.channels, persona.qualifying_questions, persona.evidence):
        yield from (statement.mark.kind for statement in statements)
    yield from (part.mark.kind for part in (persona.bonding, persona.revenue) if part is not None)


def pick(refinements: Iterable[Refinement]) -> Refinement | None:
    """Of the accepted refinements the one that gains most on the third part."""
    gains = [
        (one.held_out.gain.value, one) for one in refinements if one.verdict == ACCEPT and one.held_out is not None
    ]
    return max(gains, key=lambda pair: pair[0])[1] if gains else None


def fitting_customers(data: Dataset, persona: Persona) -> Objects:
    """Customers of any time who fit a persona."""
    people = data.table("customers")
    fits = reached(score(persona.rules, people), persona.min_match)
    return people["customer_id"].to_numpy(dtype=object)[fits]


@dataclass(frozen=True, eq=False)
class ChangeFacts:
    """Facts about the change of a persona, on the third part that nothing was chosen on.

    Parameters
    ----------
    refinement : Refinement
        An accepted one.
    disclosure : Disclosure
        What may be told.
    data : Dataset
        What the persona was refined on.
    """

    refinement: Refinement
    disclosure: Disclosure
    data: Dataset

    @property
    def measured(self) -> HeldOut:
        """The old and the new version."""
        assert self.refinement.held_out is not None
        return self.refinement.held_out

    @cached_property
    def gain(self) -> Fact:
        """Retention of the new version minus that of the old one, as it looks at first sight.

        Where numbers are rounded, it is the difference of the two as they are told.
        """
        found = self.measured.gain
        if self.disclosure.threshold > 1:
            old, new = (
                self.disclosure.estimate(version.retention) for version in (self.measured.old, self.measured.new)
            )
            found = replace(new.minus(old), definition=found.definition)
        fact = _fact("gain", found, "share", None, None, self.refinement)
        return replace(fact, hidden=bool(np.isnan(found.value) and not np.isnan(self.measured.gain.value)))

    @property
    def alike(self) -> bool:
        """Whether customers could be compared who are alike in what is adjusted for."""
        return not np.isnan(self.measured.gain_adjusted.value)

    @cached_property
    def more(self) -> Fact:
        """What to count on: the gain among customers who are alike, where they can be compared."""
        if self.alike:
            return _fact("more", self.measured.gain_adjusted, "share", min(self._sizes), None, self.refinement)
        return replace(self.gain, id="personas.more")

    @property
    def _sizes(self) -> tuple[int, int]:
        return self.measured.old.n, self.measured.new.n

    @cached_property
    def fitting(self) -> Fact:
        """How many of the customers of today fit the new version."""
        assert self.refinement.refined is not None
        n = int(np.isin(fitting_customers(self.data, self.refinement.refined), customers_here(self.data)).sum())
        return Fact("personas.fitting", n, "customers", "customers of today who fit the new version", n=n, count=n)

    @cached_property
    def stake(self) -> Fact:
        """Revenue of a year that stays because more do, if as many come and pay as those who fitted so far."""
        each = MONTHS * self.measured.old.revenue * self.fitting.value
        value, low, high = (each * share for share in (self.more.value, self.more.ci_lower, self.more.ci_upper))
        meaning = "more of 100 who stay x customers of today who fit x 12 x monthly revenue of those who fitted so far"
        conf = self.refinement.conf_level
        return Fact("personas.stake", value, "money", meaning, low, high, conf, n=min(self._sizes), source=HELD_OUT)

    @cached_property
    def break_even(self) -> Fact:
        """Customers who fit the new version, for 100 of the old one, with whom as much stays as before."""
        # from numbers as they are told, and so told as it is
        kept, told = self.disclosure.estimate(self.measured.old.retention).value, self.disclosure.fact(self.more)
        ends = (told.value, told.ci_upper, told.ci_lower)
        value, low, high = (kept / (kept + more) if kept + more > 0 else np.nan for more in ends)
        meaning = "retention of the old version, divided by it and what more stay of the new one"
        conf = self.refinement.conf_level
        return Fact("personas.break_even", value, "share", meaning, low, high, conf, source=HELD_OUT)

    def fits(self, version: str) -> Fact:
        """How many of the third part fit the "old" or the "new" version."""
        n = getattr(self.measured, version).n
        return Fact(f"personas.held.{version}.n", n, "customers", f"customers of the third part who fit the {version} "
                    "version", source=HELD_OUT)  # fmt: skip

    @property
    def both(self) -> int:
        """Customers who match both versions."""
        either = (self.measured.old.n + self.measured.new.n) / (1 + self.measured.identity)
        return round(either * self.measured.identity)

    def shared(self, name: str) -> Fact:
        """Of those who matched the old version: turned away by the new one; of the new one's: not there before."""
        before = self.measured.old if name == "turned" else self.measured.new
        count = before.n - self.both
        limits = rate_of(count, before.n, self.refinement.conf_level)
        # a few who remain would follow from the others
        counted = self.both if self.disclosure.hides(self.both) else count
        return _fact(name, limits, "share", before.n, counted, self.refinement)
