"""How a persona should change so that it mirrors the customers who stay: found, confirmed, and measured once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kbind.customers.at_signing import Prospects
from kbind.dataset.dataset import Dataset
from kbind.errors import ArgumentError, check_rng, listed
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.influenced import Influenced
from kbind.estimate.intervals import rate_of
from kbind.personas.persona import Persona
from kbind.personas.refinement.columns import columns_of
from kbind.personas.refinement.edits import (
    CHANCE,
    CONFIRMED,
    PROPOSED,
    Bounds,
    JudgedEdit,
    Scale,
    judge,
    search,
    vanishes,
)
from kbind.personas.refinement.measure import (
    LEAST_CUSTOMERS,
    LEAST_EVENTS,
    Matcher,
    Rules,
    apply,
    enough,
    first_year,
    jaccard,
    months_seen,
    retained_revenue,
    retention,
    revenue,
    share_of,
    words_of,
)
from kbind.personas.refinement.refinement import ACCEPT, NOT_ENOUGH, REJECT, HeldOut, Measured, Refinement, WithBond
from kbind.personas.refinement.settings import Refining
from kbind.typing import Bools, Ints

__all__ = ["Refinement", "Refining", "refine_persona"]

#: Level of the intervals on the first part, which only proposes.
_CAUTION = 0.9
_USUAL = Refining()


def refine_persona(
    persona: Persona,
    data: Dataset,
    *,
    exclude: str | Sequence[str] = (),
    settings: Refining = _USUAL,
    rng: int | np.random.Generator | np.random.SeedSequence = 0,
) -> Refinement:
    """Edits of a persona's rules that win retention, confirmed on other customers than they were found on.

    Parameters
    ----------
    persona : Persona
        Whom sales looks for now.
    data : Dataset
        With `customers`. Who has left is told by the column with the role churned: retention is the share who stayed.
        Without one, contracts or events tell, and retention is what the rate of leaving per month at risk leaves after
        a year, so that nobody looks loyal for having come early.
    exclude : str or sequence of str
        Columns that rules must not be about.
    settings : Refining
        In what compared customers are alike, what is kept off, and what an edit has to reach.
    rng : int, numpy.random.Generator or numpy.random.SeedSequence
        Deals the customers out to the three parts.

    Returns
    -------
    Refinement
        With the verdict "accept", "reject" or "not enough data".

    Raises
    ------
    ArgumentError
        No such column, an argument out of range, a persona of whom not to sell to, unreadable outcomes.

    References
    ----------
    Lavrac, Flach and Zupan (1999), Inductive Logic Programming, 174-185 (ranking); Benjamini and Hochberg (1995), JRSS
    B 57, 289-300; Efron (1981), Biometrika 68, 589-599 (infinitesimal jackknife).

    Notes
    -----
    An edit adds, drops or changes one rule; the levels of a text are taken in the order of their retention on the first
    part, numbers are cut near their quartiles. Traps, looked for on both parts: of a rule that comes or changes, less
    than half of the gain is left among customers alike in `adjust` and that cannot be told from nothing, or clearly
    less than half of it among those who are also alike in the bond; or the first year leaves no room for `min_gain`
    (it selects survivors). A rule may go if customers are in none of these clearly worse without it. No edit may
    clearly lose retained revenue per matched customer.

    The verdict is "accept" if on the third part all edits together win `min_gain` with an interval above 0, do not
    vanish among customers alike in `adjust` as above, and neither retained revenue nor the first year is clearly lower;
    "not enough data" if too few customers match to tell. On contracts or events retention is that of an average year of
    all who match, however long they have been there; `evaluate_personas` gives that of the first year (Kaplan-Meier).
    Where leaving is most frequent at first, the latter is lower.

    Examples
    --------
    >>> import kbind as kb
    >>> rules = (kb.Rule("internet_service", in_=("Fiber optic",)), kb.Rule("streaming_tv", in_=("Yes",)))
    >>> films = kb.Persona("films", 1, "Sales", "2026-01-01", "Watches films", rules)
    >>> result = kb.refine_persona(films, kb.datasets.load_telco(), exclude="contract")
    >>> result.verdict, round(result.held_out.gain.value, 2)
    ('accept', 0.22)
    """
    generator = check_rng(rng)
    columns = columns_of(data, persona, exclude=exclude, settings=settings)
    if persona.negative:
        raise ArgumentError(
            f"persona={persona.name!r} says whom not to sell to; there is no retention to win: "
            "refine those to sell to, and see with evaluate_personas whether this one is borne out"
        )
    p, matcher = columns.p, Matcher(columns.p, persona.min_match)
    parts = p.divide(3, generator)
    bounds = settings.bounds()
    first, second, third = (
        Scale(p, n, matcher, columns.adjust, columns.bond, level)
        for n, level in zip(parts, (_CAUTION, settings.conf_level, settings.conf_level), strict=True)
    )
    run = Run((first, second, third), persona.rules, columns.allowed, bounds, float(settings.fdr))
    outcome = run.refine()
    return Refinement(
        persona=persona,
        refined=None if outcome.rules is None else persona.changed(rules=outcome.rules),
        verdict=outcome.verdict,
        reason=outcome.reason,
        edits=outcome.edits,
        found=outcome.found,
        confirmed=outcome.confirmed,
        held_out=outcome.held_out,
        with_bond=run.with_bond(columns.bond, outcome.proposed),
        sizes=(int(parts[0].sum()), int(parts[1].sum()), int(parts[2].sum())),
        adjust=columns.adjust,
        bounds=bounds,
        fdr=float(settings.fdr),
        conf_level=float(settings.conf_level),
        rate=p.rate,
        meaning=p.meaning,
        notes=columns.notes,
        provenance=p.provenance,
    )


@dataclass(frozen=True)
class Outcome:
    """What a refinement came to; see `Refinement`. `proposed` are the rules after all edits that were proposed."""

    verdict: str
    reason: str
    edits: tuple[JudgedEdit, ...] = ()
    rules: Rules | None = None
    found: Estimate = UNKNOWN
    confirmed: Estimate = UNKNOWN
    held_out: HeldOut | None = None
    proposed: Rules | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """One persona on customers who were dealt out to three parts.

    Attributes
    ----------
    scales : tuple of Scale
        The three parts.
    rules : tuple of Rule
        Of the old persona.
    allowed : tuple of str
        Columns that rules may be about.
    bounds : Bounds
    fdr : float
        Share of false ones to allow among confirmed edits.
    """

    scales: tuple[Scale, Scale, Scale]
    rules: Rules
    allowed: tuple[str, ...]
    bounds: Bounds
    fdr: float

    def refine(self) -> Outcome:
        """Find, confirm, measure."""
        first, second, third = self.scales
        p, old = first.p, first.matcher.match(self.rules)
        if not all(enough(p, scale.n, old) for scale in self.scales):
            return Outcome(NOT_ENOUGH, f"In each part at least {LEAST_CUSTOMERS} {p.provenance.customer}s have to "
                           f"match, {LEAST_EVENTS} of them leavers and {LEAST_EVENTS} stayers.")  # fmt: skip
        steps = search(first, self.rules, self.allowed, self.bounds)
        edits = judge(second, self.rules, steps, fdr=self.fdr, least=self.bounds.gain)
        proposed = [step for step in steps if step.finding == PROPOSED]
        if not proposed:
            reason = f"No edit within the bounds wins {100 * self.bounds.gain:.3g} points of retention."
            return Outcome(REJECT, reason, edits)
        tried = Outcome("", "", edits, found=self._gain(first, proposed[-1].after), proposed=proposed[-1].after)
        rules = self.rules
        for row in edits:
            rules = apply(rules, row.edit) if row.finding == CONFIRMED else rules
        if rules == self.rules:
            # an interval that leaves room for a worthwhile gain does not speak against it
            doubt = any(row.finding == CHANCE and row.weighed.gain.ci_upper >= self.bounds.gain for row in edits)
            reason = f"No proposed edit was confirmed on the second part{', which is too small to tell' * doubt}."
            return replace(tried, verdict=NOT_ENOUGH if doubt else REJECT, reason=reason)
        kept = replace(tried, rules=rules, found=self._gain(first, rules), confirmed=self._gain(second, rules))
        if jaccard(second.n, second.matcher.match(rules), old) < self.bounds.identity:
            return replace(kept, verdict=REJECT, reason="The confirmed edits alone make another persona.")
        there = self._held_out(third, rules)
        verdict, reason = self._verdict(there)
        return replace(kept, verdict=verdict, reason=reason, held_out=there)

    def with_bond(self, bond: Sequence[str], proposed: Rules | None) -> WithBond | None:
        """What could be won on the second part if rules about the bond were allowed."""
        if not bond:
            return None
        first, second, _ = self.scales
        allowed = (*self.allowed, *(name for name in bond if name not in self.allowed))
        # where the bond may be used, what works through it is no trap
        steps = search(replace(first, bond=()), self.rules, allowed, self.bounds)
        taken = [step for step in steps if step.finding == PROPOSED]
        return WithBond(
            columns=tuple(bond),
            edits=tuple(f"{s.edit.kind} {s.edit.attribute}: {words_of(s.edit.new)}" for s in taken),
            gain=self._gain(second, taken[-1].after) if taken else UNKNOWN,
            gain_without=UNKNOWN if proposed is None else self._gain(second, proposed),
        )

    def _gain(self, scale: Scale, rules: Rules) -> Estimate:
        return scale.difference(self.rules, rules).estimate(scale.n, scale.conf_level)

    def _held_out(self, scale: Scale, rules: Rules) -> HeldOut:
        new, old = scale.matcher.match(rules), scale.matcher.match(self.rules)
        gain, money, early = (
            scale.difference(self.rules, rules, figure).estimate(scale.n, scale.conf_level)
            for figure in (retention, retained_revenue, first_year)
        )
        edited = {rule.attribute for rule in set(rules) ^ set(self.rules)}
        adjusted = scale.adjusted(self.rules, rules, [name for name in scale.adjust if name not in edited])
        return HeldOut(
            old=_measured(scale, old),
            new=_measured(scale, new),
            gain=gain,
            gain_adjusted=adjusted,
            retained_revenue_difference=money,
            first_year_difference=early,
            identity=jaccard(scale.n, new, old),
        )

    def _verdict(self, there: HeldOut) -> tuple[str, str]:
        gain, low, _ = there.gain
        if there.retained_revenue_difference.ci_upper < 0:
            return REJECT, "What is won in retention is lost in retained revenue."
        if there.first_year_difference.ci_upper < 0:
            return REJECT, "The new persona does worse in the first year: it selects survivors."
        if np.isnan(gain):
            return NOT_ENOUGH, "On the third part nobody matches."
        if gain < self.bounds.gain:
            return REJECT, f"On the third part less than {100 * self.bounds.gain:.3g} points of retention are won."
        if not low > 0:
            return NOT_ENOUGH, "On the third part the gain cannot be told from nothing."
        if vanishes(there.gain_adjusted, there.gain):
            alike = f"{self.scales[2].p.provenance.customer}s alike in {listed(self.scales[2].adjust)}"
            return REJECT, f"On the third part less than half of the gain is left among {alike}, and perhaps none."
        return ACCEPT, "The gain holds up on customers who had no part in finding it."


def _measured(scale: Scale, mask: Bools) -> Measured:
    p, n = scale.p, scale.n
    return Measured(
        n=int((n * mask).sum()),
        coverage=share_of(n, mask),
        retention=_limits(scale, mask, p.gone, retention),
        revenue=revenue(p, n, mask).value,
        retained_revenue=retained_revenue(p, n, mask).estimate(n, scale.conf_level),
        first_year_retention=_limits(scale, mask & (p.first_size > 0), p.first_gone > 0, first_year),
        months=months_seen(p, n, mask),
    )


def _limits(scale: Scale, mask: Bools, gone: Bools, figure: Callable[[Prospects, Ints, Bools], Influenced]) -> Estimate:
    """Wilson's interval of a share, and that of the influence of a rate."""
    n = scale.n
    if scale.p.rate:
        value, low, high = figure(scale.p, n, mask).estimate(n, scale.conf_level)
        return Estimate(value, max(low, 0.0), min(high, 1.0))
    return rate_of(int((n * (mask & ~gone)).sum()), int((n * mask).sum()), scale.conf_level)
