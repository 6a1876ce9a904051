"""Personas against the data: who fits, who of them stays, and what they bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import names_of
from kbind.errors import MOST, ArgumentError, check_conf_level, listed, real, told
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import interval_columns, rate_of, with_limits
from kbind.personas.matching import reached, score, strange_levels
from kbind.personas.members import Members, as_personas, members, part_of
from kbind.personas.persona import Persona
from kbind.personas.staying import Staying, distance, recall, staying
from kbind.result import Shown
from kbind.typing import Bools, Floats

#: Rows beside the personas: who fits at least one that is not negative, who fits none of these, everybody.
ANY, NONE, ALL = "(any)", "(none)", "(all)"

_FIGURES = ("retention", "rate", "rmst", "revenue", "retained_revenue")


@dataclass(frozen=True, eq=False)
class PersonaEvaluation(Shown):
    """What the data says of some personas. Made by `evaluate_personas`.

    Attributes
    ----------
    personas : tuple of Persona
    members : Members
        What was counted.
    attributes : tuple of str
        What the distance to the loyal is about.
    horizon : float
        Months up to which staying is measured.
    conf_level : float
        Level of the intervals.
    """

    personas: tuple[Persona, ...]
    members: Members = field(repr=False)
    attributes: tuple[str, ...]
    horizon: float
    conf_level: float

    @property
    def definition(self) -> str:
        """What was counted and how, in a few sentences."""
        lives = self.members.lives
        stay = (
            f"retention: share of those who fit that has not left in this snapshot, whenever they came (Wilson); rate: "
            f"those who have left a month of tenure (exact Poisson). {lives.meaning}."
            if self.members.snapshot
            else f"retention: share that stays {self.horizon:g} months, by Kaplan-Meier with delayed entry (log-log); "
            f"rate: leavers a month at risk (exact Poisson); rmst: months stayed up to {self.horizon:g}. "
            f"{lives.meaning}."
        )
        money = (
            f" Revenue: {self.members.meaning_revenue}, a customer seen from the start on; retained revenue: "
            "the same, those who have left counted with 0 (sandwich)."
            if self.members.meaning_revenue
            else " Revenue is not known."
        )
        return (
            f"A {lives.provenance.customer} fits a persona if the weighted share of the rules that hold, among those "
            "whose attribute is known, reaches its min_match; of whom none is known fits none. coverage: share of all "
            f"who fit; {stay}{money} difference: retention minus that of those who do not fit, limits from those of "
            "both (Zou and Donner). recall: of those who stay, given how long they were seen, the share who fit; "
            f"distance: mean over {listed(self.attributes)} of the total variation between those who fit and those who "
            f"stay. {self.conf_level:.0%} intervals. {lives.provenance}"
        )

    @cached_property
    def scores(self) -> dict[str, Floats]:
        """Match score of every row of `members`, by persona."""
        return {persona.name: score(persona.rules, self.members.known) for persona in self.personas}

    @cached_property
    def fits(self) -> dict[str, Bools]:
        """Which rows of `members` fit, by persona; then those of any, none, and all."""
        found = {one.name: reached(self.scores[one.name], one.min_match) for one in self.personas}
        wanted = [found[persona.name] for persona in self.personas if not persona.negative]
        fits_any = np.logical_or.reduce(wanted) if wanted else np.zeros(len(self.members.n), dtype=bool)
        return found | {ANY: fits_any, NONE: ~fits_any, ALL: np.ones(len(fits_any), dtype=bool)}

    @cached_property
    def staying(self) -> dict[str, Staying]:
        """How those stay who fit, by persona; then those of any, none, and all."""
        return {name: self._staying(rows) for name, rows in self.fits.items()}

    @cached_property
    def differences(self) -> dict[str, Estimate]:
        """Retention of those who fit minus that of the others, by persona; then of any, none, and all."""
        return {
            name: self.staying[name].retention.minus(self._staying(~fits).retention) for name, fits in self.fits.items()
        }

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing: levels that nobody has, unknown attributes, what the data cannot say."""
        strange = {persona.name: strange_levels(persona.rules, self.members.known) for persona in self.personas}
        found = [f"{name}: {text}" for name, texts in strange.items() for text in texts]
        for persona in self.personas:
            unknown = int(self.members.n[np.isnan(self.scores[persona.name])].sum())
            if unknown:
                found.append(f"{persona.name}: of {unknown:,} customers no attribute is known; they do not fit.")
        for name in sorted(self._negative):
            difference, _, upper = self.differences[name]
            if difference == difference and not upper < 0:
                found.append(
                    f"{name} says whom not to sell to, but those who fit do not clearly stay less than the others."
                )
        if self.members.snapshot:
            found.append(
                "A snapshot: who left before it is missing, and when they came differs; compare the rate by month at "
                "risk too."
            )
        if not self.members.meaning_revenue:
            found.append("Neither a column with the role revenue nor subscriptions.mrr: revenue is unknown.")
        if self.members.channel is None:
            found.append("No column says how customers were won: nothing by channel.")
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """One row a persona, then those who fit any that is not negative, those who fit none of these, and all.

        Returns
        -------
        DataFrame
            Columns persona, negative, n (who fit), n_unknown (of whom no attribute is known), and with `_ci_lower` and
            `_ci_upper`: coverage, recall, retention, difference (in retention to those who do not fit: of whom not to
            sell to it should be below 0), rate, rmst, revenue, retained_revenue; then distance.
        """
        total = int(self.members.n.sum())
        rows = []
        for name, fits in self.fits.items():
            stay = self.staying[name]
            unknown = self.members.n[np.isnan(self.scores[name])].sum() if name in self.scores else 0
            row: dict[str, Any] = {"persona": name, "negative": name in self._negative, "n": stay.n}
            row["n_unknown"] = int(unknown)
            row |= interval_columns("coverage", rate_of(stay.n, total, self.conf_level))
            row |= interval_columns("recall", self._recall(fits))
            row |= interval_columns("retention", stay.retention) | interval_columns(
                "difference", self.differences[name]
            )
            for figure in _FIGURES[1:]:
                row |= interval_columns(figure, getattr(stay, figure))
            row["distance"] = distance(self.members, fits, self.attributes, self.horizon)
            rows.append(row)
        return pd.DataFrame(rows)

    def overlap(self) -> pd.DataFrame:
        """How far personas share their customers.

        Returns
        -------
        DataFrame
            One row a pair of personas: persona, other, n (who fit either), n_both, jaccard (both / either) with
            `_ci_lower` and `_ci_upper` (Wilson).
        """
        names = [persona.name for persona in self.personas]
        rows = []
        for k, name in enumerate(names):
            for other in names[k + 1 :]:
                a, b = self.fits[name], self.fits[other]
                either, both = int(self.members.n[a | b].sum()), int(self.members.n[a & b].sum())
                limits = interval_columns("jaccard", rate_of(both, either, self.conf_level))
                rows.append({"persona": name, "other": other, "n": either, "n_both": both, **limits})
        columns = ["persona", "other", "n", "n_both", *with_limits("jaccard")]
        return pd.DataFrame(rows, columns=columns)

    def jaccard(self) -> pd.DataFrame:
        """Jaccard of every persona with every other, as a matrix with the names on both sides."""
        names = [persona.name for persona in self.personas]
        matrix = pd.DataFrame(1.0, index=names, columns=names)
        for _, row in self.overlap().iterrows():
            matrix.loc[row["persona"], row["other"]] = matrix.loc[row["other"], row["persona"]] = row["jaccard"]
        return matrix

    def by_channel(self) -> pd.DataFrame:
        """The same by how customers were won.

        Returns
        -------
        DataFrame
            One row a persona and channel, and for all: persona, channel (None where unknown), n, and with `_ci_lower`
            and `_ci_upper`: coverage (of those won so), retention, rate, rmst, revenue, retained_revenue. Empty where
            no column says how.
        """
        columns = ["persona", "channel", "n"]
        columns += with_limits("coverage", *_FIGURES)
        if self.members.channel is None:
            return pd.DataFrame(columns=columns)
        channel = self.members.known[self.members.channel]
        levels = [*sorted(channel.dropna().unique().tolist(), key=str), *([None] if channel.isna().any() else [])]
        rows = []
        for name in (*(persona.name for persona in self.personas), ALL):
            for level in levels:
                here = (channel.isna() if level is None else channel == level).to_numpy(dtype=bool)
                stay = self._staying(self.fits[name] & here)
                row = {"persona": name, "channel": level, "n": stay.n}
                row |= interval_columns("coverage", rate_of(stay.n, int(self.members.n[here].sum()), self.conf_level))
                for figure in _FIGURES:
                    row |= interval_columns(figure, getattr(stay, figure))
                rows.append(row)
        return pd.DataFrame(rows, columns=columns)

    @property
    def _negative(self) -> set[str]:
        return {persona.name for persona in self.personas if persona.negative}

    def _staying(self, rows: Bools) -> Staying:
        return staying(part_of(self.members, rows), self.horizon, self.conf_level)

    def _recall(self, fits: Bools) -> Estimate:
        if fits.all() or not fits.any():
            return Estimate(float(fits.all())) if len(fits) else UNKNOWN
        return recall(self.members, fits, self._staying(fits), self._staying(~fits), self.conf_level)


def evaluate_personas(
    personas: Persona | Sequence[Persona],
    data: Dataset,
    *,
    horizon: float = 12.0,
    attributes: str | Sequence[str] | None = None,
    channel: str | None = None,
    as_of: object = None,
    conf_level: float = 0.95,
) -> PersonaEvaluation:
    """What the data says of personas: who fits, who of them stays given how long they were seen, what they bring.

    Parameters
    ----------
    personas : Persona or sequence of Persona
    data : Dataset
        With `customers`, and contracts, events or the roles tenure and churned.
    horizon : float
        Months up to which staying is measured; without meaning for a snapshot.
    attributes : str or sequence of str, optional
        Columns of `customers` known at the time of sale in which those who fit are compared with those who stay.
        Default: those of the rules.
    channel : str, optional
        Column that says how customers were won. Default: acquired_through or channel, if there.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data.
    conf_level : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    PersonaEvaluation

    Raises
    ------
    ArgumentError
        Rules on columns that are not there, two personas of one name, or what `durations` raises.

    Notes
    -----
    Loyal means having stayed given the time one was watched, never merely having been there for long. Who was there
    before recording began counts from then on only. Who comes back has left all the same.

    A negative persona, whom not to sell to, is measured like any other, and does not count in "(any)". It is borne out
    if those who fit stay clearly less than the others; where they do not, a note says so.

    Examples
    --------
    >>> import kbind as kb
    >>> text = {"de": "Familien mit Glasfaser", "en": "Families with fibre"}
    >>> rules = [kb.Rule("partner", in_=[1]), kb.Rule("dependents", in_=[1]),
    ...          kb.Rule("internet_service", in_=["Fiber optic"])]
    >>> family = kb.Persona("family", 1, "Sales", "2026-01-01", text, rules)
    >>> found = kb.evaluate_personas(family, kb.datasets.load_telco()).to_frame()
    >>> found.set_index("persona")[["n", "retention", "retention_ci_lower", "retention_ci_upper"]].round(3)
                n  retention  retention_ci_lower  retention_ci_upper
    persona
    family    569      0.719               0.680               0.754
    (any)     569      0.719               0.680               0.754
    (none)   6474      0.736               0.725               0.747
    (all)    7043      0.735               0.724               0.745
    """
    many = as_personas(personas)
    check_conf_level(conf_level)
    if not 0 < real(horizon) <= MOST:
        raise ArgumentError(f"horizon={told(horizon)} is no length; allowed: months above 0, such as 12")
    ruled = tuple(dict.fromkeys(name for persona in many for name in persona.attributes))
    compared = ruled if attributes is None else names_of(attributes, "attributes")
    if not compared:
        raise ArgumentError(f"attributes={attributes!r} names no column; allowed: one or more, or None for the rules'")
    counted = members(data, (*ruled, *compared), channel=channel, as_of=as_of)
    return PersonaEvaluation(many, counted, compared, float(horizon), float(conf_level))
