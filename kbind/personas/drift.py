"""How those who fit a persona move: who comes, who stays, what they use, and when that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from kbind.calendar import PERIODS
from kbind.dataset.dataset import Dataset
from kbind.errors import check_choice, check_conf_level, check_share
from kbind.estimate.intervals import benjamini_hochberg, interval_columns, welch, wilson, with_limits
from kbind.personas.by_period import Counted, Periods, periods_of
from kbind.personas.members import as_personas
from kbind.personas.persona import Persona
from kbind.result import Shown
from kbind.typing import Floats, Ints

#: Periods on either side of a change.
LEAST = 2

#: Series drawn without a change, to compare with.
_DRAWS = 9999


@dataclass(frozen=True)
class Split:
    """The best place to cut a series in two.

    Attributes
    ----------
    place : int
        First period of the second part.
    statistic : float
        F of the two parts against one, the largest over all places.
    p_value : float
        How often a series without a change gives as much.
    """

    place: int
    statistic: float
    p_value: float


def best_split(count: Ints, n: Ints) -> Split | None:
    """The best place to cut a series of shares, and how often chance would give as good a one.

    Parameters
    ----------
    count, n : ndarray of int, shape (periods,)
        Customers counted, and customers who could have been; n above 0.

    Returns
    -------
    Split or None
        None for fewer than 5 periods, or where all shares are equal.

    Notes
    -----
    Shares are turned by the arcsine of their root, so that chance moves all of them alike but for 1 / n, and cut where
    the weighted F statistic is largest (Andrews 1993). What that largest F is without a change is drawn from normal
    noise of the same weights, so the p value is exact but for the normal approximation, however much the shares vary
    beyond the binomial; they have to vary independently from period to period.
    """
    if len(n) < 2 * LEAST + 1:
        return None
    values = np.arcsin(np.sqrt(count / n))
    weights = n.astype(float)
    found = _largest(values[None, :], weights)
    statistic, place = float(found[0][0]), int(found[1][0])
    if np.isnan(statistic):
        return None
    reference = _reference(tuple(weights / weights.sum()))
    beyond = len(reference) - int(np.searchsorted(reference, statistic * (1 - 1e-9)))
    return Split(place, statistic, (1 + beyond) / (1 + len(reference)))


def change_points(count: Ints, n: Ints, p_most: float) -> list[int]:
    """First periods of new levels, by cutting and cutting the parts again as long as p is at most `p_most`."""
    split = best_split(count, n)
    if split is None or split.p_value > p_most:
        return []
    k = split.place
    return [*change_points(count[:k], n[:k], p_most), k, *(k + j for j in change_points(count[k:], n[k:], p_most))]


@lru_cache(maxsize=256)
def _reference(weights: tuple[float, ...]) -> Floats:
    """The largest F of many series of pure noise, in order; always from the same numbers."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((_DRAWS, len(weights))) / np.sqrt(weights)
    return np.sort(_largest(noise, np.array(weights))[0])


def _largest(values: Floats, weights: Floats) -> tuple[Floats, Ints]:
    """The largest F over all places, and the place; shape (series,)."""
    total = weights.sum()
    centred = values - (values @ weights / total)[:, None]
    left = np.cumsum(weights)[LEAST - 1 : -LEAST]
    moved = np.cumsum(centred * weights, axis=1)[:, LEAST - 1 : -LEAST]
    between = moved**2 * total / (left * (total - left))
    whole = (centred**2 @ weights)[:, None]
    # what rounding leaves of nothing is nothing: a cut that explains all is as good from either end
    within = np.where(whole - between > 1e-12 * whole, whole - between, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = between / (within / (len(weights) - 2))
    place = np.argmax(statistic, axis=1)
    flat = (centred**2 @ weights) <= 1e-14 * total
    return np.where(flat, np.nan, statistic[np.arange(len(values)), place]), place + LEAST


#: What is followed: who of the new ones fit, who of those there stay, who of the active ones use something.
ARRIVALS, RETENTION, USE = "arrivals", "retention", "use"


@dataclass(frozen=True, eq=False)
class Series:
    """One share by period.

    Attributes
    ----------
    persona : str
    measure : {"arrivals", "retention", "use"}
    level : str or None
        What is used.
    need : bool
        The persona names it among its needs.
    starts : tuple of date
        Of the periods.
    labels : tuple of str
    count, n : ndarray of int, shape (periods,)
    """

    persona: str
    measure: str
    level: str | None
    need: bool
    starts: tuple[date, ...]
    labels: tuple[str, ...]
    count: Ints = field(repr=False)
    n: Ints = field(repr=False)


@dataclass(frozen=True, eq=False)
class PersonaDrift(Shown):
    """How those who fit move over time. Made by `persona_drift`.

    Attributes
    ----------
    series : tuple of Series
    periods : Periods
        What was counted.
    fdr : float
        Share of false ones allowed among the series that are said to change.
    conf_level : float
        Level of the intervals.
    """

    series: tuple[Series, ...] = field(repr=False)
    periods: Periods = field(repr=False)
    fdr: float
    conf_level: float

    @property
    def definition(self) -> str:
        """What was counted and tested, in a few sentences."""
        who = self.periods.provenance.customer
        use = (
            f" use: of those who fit and have an event in the period, the share with one of that {self.periods.column}."
        )
        return (
            f"arrivals: of the {who}s who came in a period, the share who fit; retention: of those who fit and are "
            f"there at its start, the share still there at its end. {self.periods.meaning}."
            f"{use if self.periods.uses is not None else ''} {self.conf_level:.0%} Wilson intervals. Changes of level "
            f"by binary segmentation with the largest F; of the series said to change, a share of {self.fdr:g} is "
            "expected to be chance (Benjamini-Hochberg), if periods vary independently of each other. "
            f"{self.periods.provenance}"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the data cannot say."""
        short = len(self.periods.labels) < 2 * LEAST + 1
        said = (f"{len(self.periods.labels)} whole periods: too few to look for changes.",) if short else ()
        return (*self.periods.notes, *said)

    def to_frame(self) -> pd.DataFrame:
        """One row a series and period.

        Returns
        -------
        DataFrame
            Columns persona, measure (arrivals, retention, use), level (what is used), need (the persona names it),
            period, start, n, share, share_ci_lower, share_ci_upper; NaN where n is 0.
        """
        frames = []
        for series in self.series:
            columns: dict[str, Any] = {"period": series.labels, "start": series.starts, "n": series.n}
            columns |= interval_columns("share", wilson(series.count, series.n, self.conf_level))
            frame = pd.DataFrame(columns)
            for position, (name, value) in enumerate(_names(series).items()):
                frame.insert(position, name, [value] * len(frame))
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def _tests(self) -> list[tuple[float, float]]:
        """P and q value of every series; NaN where there is no test."""
        splits = [best_split(*_counted_periods(series)[:2]) for series in self.series]
        p_values = [float("nan") if split is None else split.p_value for split in splits]
        return list(zip(p_values, benjamini_hochberg(p_values).tolist(), strict=True))

    def changes(self) -> pd.DataFrame:
        """Where a series has changed its level.

        Returns
        -------
        DataFrame
            One row a change: persona, measure, level, need, period (the first of the new level), direction (up, down;
            for uses found, lost), n (customers and periods on both sides), before, after, difference with
            `_ci_lower` and `_ci_upper` (Welch's t over the periods), p_value and q_value of the whole series. The
            place was sought in the same data, so the differences lean to the large side.
        """
        passed = [p for p, q in self._tests if q <= self.fdr]
        rows = []
        for series, (p, q) in zip(self.series, self._tests, strict=True):
            if not q <= self.fdr:
                continue
            count, n, place = _counted_periods(series)
            # the first cut is decided by q, those of its parts by the p value that q came to
            cuts = change_points(count, n, max(passed))
            edges = [0, *cuts, len(n)]
            for k, cut in enumerate(cuts):
                before, after = slice(edges[k], cut), slice(cut, edges[k + 2])
                difference = welch((count / n)[after], (count / n)[before], self.conf_level)
                words = ("found", "lost") if series.measure == USE else ("up", "down")
                rows.append(
                    _names(series)
                    | {"period": series.labels[place[cut]], "direction": words[int(difference.value < 0)]}
                    | {"n": int(n[edges[k] : edges[k + 2]].sum())}
                    | {"before": count[before].sum() / n[before].sum(), "after": count[after].sum() / n[after].sum()}
                    | interval_columns("difference", difference)
                    | {"p_value": p, "q_value": q}
                )
        columns = ["persona", "measure", "level", "need", "period", "direction", "n", "before", "after"]
        columns += [*with_limits("difference"), "p_value", "q_value"]
        return pd.DataFrame(rows, columns=columns)


def persona_drift(
    personas: Persona | Sequence[Persona],
    data: Dataset,
    period: str = "quarter",
    *,
    uses: str | None = None,
    as_of: object = None,
    fdr: float = 0.05,
    conf_level: float = 0.95,
) -> PersonaDrift:
    """How those who fit move over time: how many come, how many stay, and what they use; interest lost and found.

    Parameters
    ----------
    personas : Persona or sequence of Persona
    data : Dataset
        With `customers`, and contracts or events.
    period : {"day", "week", "month", "quarter", "year"}
    uses : str, optional
        Column of `events` that says what is bought or used. Default: category or kind, if there.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data.
    fdr : float
        Share of false ones to allow among the series that are said to change, between 0 and 1.
    conf_level : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    PersonaDrift

    Raises
    ------
    ArgumentError
        Rules on columns that are not there, a snapshot without times, or not one whole period.

    References
    ----------
    Andrews (1993), Econometrica 61, 821-856; Benjamini and Hochberg (1995), JRSS B 57, 289-300.

    Notes
    -----
    Only periods that are over count, and for retention only those of which it is known who has left. Attributes are
    those known at the time of sale, so a customer fits always or never; what moves is who comes and what they do.
    Change points are sought one by one: a level that moves and comes back soon can stay unseen. The test needs periods
    that vary independently. Where the same customers use the same things period after period, their shares wander with
    who is there: in a simulation of such habits something was said to change in one run of five, though nothing did
    (docs/simulations.md). A change in use is a hint then, to be asked about. Uses are shares of the
    active: where one use is given up by many who had no other, the shares of the others rise.

    Examples
    --------
    >>> import kbind as kb
    >>> text = {"de": "Wachsende", "en": "Growers"}
    >>> grower = kb.Persona("grower", 1, "Sales", "2026-01-01", text, [kb.Rule("goal", in_=["grow"])])
    >>> drift = kb.persona_drift(grower, kb.datasets.load_saas(), "year")
    >>> frame = drift.to_frame()
    >>> frame[frame["measure"] == "arrivals"][["period", "n", "share"]].round(2)
      period     n  share
    0   2022  1060   0.38
    1   2023  1488   0.35
    2   2024  1675   0.37
    """
    many = as_personas(personas)
    check_choice("period", period, PERIODS)
    check_conf_level(conf_level)
    check_share("fdr", fdr)
    ruled = tuple(dict.fromkeys(name for persona in many for name in persona.attributes))
    counted = periods_of(data, ruled, period, uses=uses, as_of=as_of)
    series = tuple(found for persona in many for found in _series(persona, counted))
    return PersonaDrift(series, counted, float(fdr), float(conf_level))


def _series(persona: Persona, periods: Periods) -> list[Series]:
    def of(measure: str, level: str | None, need: bool, count: Ints, n: Ints) -> Series:
        size = len(n)
        return Series(persona.name, measure, level, need, periods.starts[:size], periods.labels[:size], count, n)

    fits = persona.matches(periods.lives.known)
    new, there, left = (periods.lives.counts[name] for name in ("new", "there", "left"))
    known = slice(periods.settled)
    stock = there[fits].sum(axis=0)
    found = [
        of(ARRIVALS, None, False, new[fits].sum(axis=0), new.sum(axis=0)),
        of(RETENTION, None, False, (stock - left[fits].sum(axis=0))[known], stock[known]),
    ]
    if periods.uses is not None:
        needed = _needed(persona, periods.column)
        uses: Counted = periods.uses
        fits = persona.matches(uses.known)
        active = uses.counts[""][fits].sum(axis=0)
        found += [
            of(USE, level, level.casefold() in needed, count[fits].sum(axis=0), active)
            for level, count in uses.counts.items()
            if level
        ]
    return found


def _needed(persona: Persona, column: str | None) -> set[str]:
    """Levels that the persona's needs are said to show in."""
    shown = [need.shows_in.get(f"events.{column}", ()) for need in persona.needs if need.shows_in is not None]
    return {level.casefold() for levels in shown for level in levels}


def _names(series: Series) -> dict[str, Any]:
    return {"persona": series.persona, "measure": series.measure, "level": series.level, "need": series.need}


def _counted_periods(series: Series) -> tuple[Ints, Ints, Ints]:
    """Counts of the periods with anybody in them, and which these are."""
    place = np.flatnonzero(series.n > 0)
    return series.count[place], series.n[place], place
