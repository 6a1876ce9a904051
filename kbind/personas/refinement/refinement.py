"""What refining a persona came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, listed
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns, stacked
from kbind.personas.parts import Mark, Statement
from kbind.personas.persona import Persona
from kbind.personas.refinement.edits import CONFIRMED, Bounds, JudgedEdit
from kbind.personas.refinement.measure import words_of
from kbind.result import Shown

ACCEPT, REJECT, NOT_ENOUGH = "accept", "reject", "not enough data"

_WITH_LIMITS = ("gain", "gain_adjusted", "gain_same_bond", "retained_revenue_difference", "first_year_difference")


@dataclass(frozen=True)
class Measured:
    """A persona on the third part.

    Attributes
    ----------
    n : int
        Customers that match.
    coverage : float
        Share of all.
    retention, retained_revenue, first_year_retention : Estimate
        With interval; revenue a month and matched customer.
    revenue, months : float
        Monthly revenue per matched customer, and mean time they have been there.
    """

    n: int
    coverage: float
    retention: Estimate
    revenue: float
    retained_revenue: Estimate
    first_year_retention: Estimate
    months: float


@dataclass(frozen=True)
class HeldOut:
    """The old and the new persona on the part that nothing was chosen on.

    Attributes
    ----------
    old, new : Measured
    gain, retained_revenue_difference, first_year_difference : Estimate
        New minus old, with an interval that minds customers who match both.
    gain_adjusted : Estimate
        The gain among customers alike in `Refinement.adjust`; NaN where nothing is adjusted for.
    identity : float
        Customers who match both, of those who match either.
    """

    old: Measured
    new: Measured
    gain: Estimate
    gain_adjusted: Estimate
    retained_revenue_difference: Estimate
    first_year_difference: Estimate
    identity: float


@dataclass(frozen=True)
class WithBond:
    """What could be won if rules about the bond itself were allowed.

    Attributes
    ----------
    columns : tuple of str
        The bond: such as the length of a contract.
    edits : tuple of str
        Proposed with them.
    gain, gain_without : Estimate
        Of all these edits, and of those proposed without the bond; both on the part that confirms.
    """

    columns: tuple[str, ...]
    edits: tuple[str, ...]
    gain: Estimate
    gain_without: Estimate


@dataclass(frozen=True, eq=False)
class Refinement(Shown):
    """Whether and how a persona should change. Made by `refine_persona`.

    Attributes
    ----------
    persona : Persona
        The old one.
    refined : Persona or None
        The next version, if any edit was confirmed; worth using only if `verdict` is "accept".
    verdict : {"accept", "reject", "not enough data"}
    reason : str
        Why, in one sentence.
    edits : tuple of JudgedEdit
        All that were found, whether or not they hold up.
    found, confirmed : Estimate
        Gain of the confirmed edits (without any, of those proposed) on the part that found them, and of the confirmed
        ones on the part that confirmed them; NaN without. Both flatter: the best edits were chosen on the one, and
        those that stood on the other.
    held_out : HeldOut or None
        Both personas on the third part, which is looked at only if an edit was confirmed.
    with_bond : WithBond or None
        None where no column is the bond itself.
    sizes : tuple of int
        Customers of the three parts.
    """

    persona: Persona
    refined: Persona | None = field(repr=False)
    verdict: str
    reason: str
    edits: tuple[JudgedEdit, ...] = field(repr=False)
    found: Estimate
    confirmed: Estimate
    held_out: HeldOut | None
    with_bond: WithBond | None
    sizes: tuple[int, int, int]
    adjust: tuple[str, ...]
    bounds: Bounds
    fdr: float
    conf_level: float
    rate: bool
    meaning: str
    notes: tuple[str, ...] = field(repr=False)
    provenance: Provenance

    @property
    def definition(self) -> str:
        """How edits were found and judged, in a few sentences."""
        kept = (
            "what the monthly rate of leaving per month at risk leaves after a year"
            if self.rate
            else ("share who stayed")
        )
        held = f" Adjusted for {listed(self.adjust)} by regression." if self.adjust else ""
        sizes = ", ".join(f"{size:,}" for size in self.sizes)
        return (
            f"{self.persona.name}, version {self.persona.version}. Three parts of {sizes} {self.provenance.customer}s, "
            "dealt out at random with equal shares of leavers: edits are found on the first, confirmed on the second "
            f"(Benjamini-Hochberg, at most {self.fdr:.0%} false), and what they come to is measured once on the third. "
            f"Retention: {kept}. {self.meaning} Each edit has to win {100 * self.bounds.gain:.3g} points of retention; "
            f"{self.bounds.coverage:.0%} of all {self.provenance.customer}s still have to match, and "
            f"{self.bounds.identity:.0%} of those who match either version both.{held} {self.conf_level:.0%} intervals "
            f"that mind {self.provenance.customer}s in both. Verdict: {self.verdict}. {self.reason} {self.provenance}"
        )

    @property
    def promised(self) -> Estimate:
        """Gain to be promised before the third part is looked at: the smaller of `found` and `confirmed`."""
        return min(self.found, self.confirmed, key=tuple)

    def to_frame(self) -> pd.DataFrame:
        """One row an edit, as measured on the part that confirms.

        Returns
        -------
        DataFrame
            Columns edit, attribute, old, new, finding, gain, gain_adjusted, gain_same_bond,
            retained_revenue_difference, first_year_difference (each with `_ci_lower` and `_ci_upper`), q_value,
            coverage_before, coverage, identity, months_before, months.
        """
        rows = self.edits
        columns: dict[str, Any] = {
            "edit": [row.edit.kind for row in rows],
            "attribute": [row.edit.attribute for row in rows],
            "old": [words_of(row.edit.old) for row in rows],
            "new": [words_of(row.edit.new) for row in rows],
            "finding": [row.finding for row in rows],
        }
        for name in _WITH_LIMITS:
            columns |= interval_columns(name, stacked(getattr(row.weighed, name) for row in rows))
        for name in ("q_value", "coverage_before", "coverage", "identity", "months_before", "months"):
            columns[name] = [getattr(row, name) for row in rows]
        words = dict.fromkeys(("edit", "attribute", "old", "new", "finding"), "str")
        return pd.DataFrame(columns).astype({name: words.get(name, "float64") for name in columns})

    def measured(self) -> pd.DataFrame:
        """Old and new persona on the third part, one row each; empty if no edit was confirmed.

        Returns
        -------
        DataFrame
            Columns version, n, coverage, retention, revenue, retained_revenue (both a month and matched customer),
            first_year_retention, months; estimates with `_ci_lower` and `_ci_upper`.
        """
        there = self.held_out
        shown = [] if there is None else [(self.persona.version, there.old), (self.persona.version + 1, there.new)]
        columns: dict[str, Any] = {"version": [version for version, _ in shown]}
        for name in ("n", "coverage", "retention", "revenue", "retained_revenue", "first_year_retention", "months"):
            values = [getattr(row, name) for _, row in shown]
            if name in ("retention", "retained_revenue", "first_year_retention"):
                columns |= interval_columns(name, stacked(values))
            else:
                columns[name] = values
        return pd.DataFrame(columns)

    def diff(self) -> pd.DataFrame:
        """Rules of the old and of the new version side by side.

        Returns
        -------
        DataFrame
            Columns attribute, old, new, change ("", "add", "drop" or "change").
        """
        old = {rule.attribute: rule for rule in self.persona.rules}
        new = {rule.attribute: rule for rule in (self.refined or self.persona).rules}
        names = list(dict.fromkeys((*old, *new)))
        kinds = {row.edit.attribute: row.edit.kind for row in self.edits if row.finding == CONFIRMED}
        return pd.DataFrame(
            {
                "attribute": names,
                "old": [words_of(old.get(name)) for name in names],
                "new": [words_of(new.get(name)) for name in names],
                "change": [kinds.get(name, "") for name in names],
            }
        )

    def accept(self, path: str | Path | None = None, *, valid_from: date | str | None = None) -> Persona:
        """The new version, with what it rests on.

        Parameters
        ----------
        path : str or Path, optional
            File of the old version: the old one stays, the new one is written beside it.
        valid_from : date or ISO text, optional
            Default: the end of the data, or what the old version says if that is later.

        Returns
        -------
        Persona

        Raises
        ------
        ArgumentError
            The verdict is not "accept".
        """
        if self.verdict != ACCEPT or self.refined is None or self.held_out is None:
            raise ArgumentError(f"{self.persona.name!r} has no refinement to accept: {self.verdict}. {self.reason}")
        end = self.provenance.as_of
        later = [self.persona.valid_from] if end is None else [self.persona.valid_from, end.date()]
        since = valid_from if valid_from is not None else max(later)
        proof = (*self.persona.evidence, *_evidence(self, self.held_out))
        result = self.refined.changed(version=self.refined.version, valid_from=since, evidence=proof)
        if path is not None:
            result.save(path)
        return result


def _evidence(result: Refinement, there: HeldOut) -> tuple[Statement, ...]:
    """What the new version rests on, in both languages."""
    source, end = result.provenance.source, result.provenance.as_of
    origin = {
        "en": f"{source}, third part" + (f", complete up to {end:%Y-%m-%d}" if end else ""),
        "de": f"{source}, dritter Teil" + (f", vollständig bis {end:%d.%m.%Y}" if end else ""),
    }
    version = result.persona.version
    said = [
        (there.gain, f"Retention against version {version}, difference in shares ({origin['en']})",
         f"Bindung gegenüber Version {version}, Unterschied der Anteile ({origin['de']})"),
        (there.retained_revenue_difference,
         f"Retained monthly revenue per matching {result.provenance.customer} against version {version}, difference "
         f"({origin['en']})",
         f"Monatlich verbleibender Umsatz je passendem Kunden gegenüber Version {version}, Unterschied "
         f"({origin['de']})"),
    ]  # fmt: skip
    return tuple(
        Statement({"de": german, "en": english}, Mark("measured", there.new.n, gain.value, *gain.interval))
        for gain, english, german in said
        if not np.isnan(gain.value)
    )
