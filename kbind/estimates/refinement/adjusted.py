"""What groups of customers would differ by, were they alike in some columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from kbind.estimates.contrasts.regression import Cells, informative, maximum, own_columns
from kbind.statistics.customers.prospects import YEAR, Prospects
from kbind.typing import Bools, Floats, Ints


@dataclass(frozen=True)
class Adjusted:
    """A difference in retention, given other columns.

    Attributes
    ----------
    value, error : float
        NaN where it cannot be told.
    """

    value: float = float("nan")
    error: float = float("nan")

    def limits(self, conf_level: float) -> tuple[float, float, float]:
        """The value with its interval."""
        half = NormalDist().inv_cdf(0.5 + conf_level / 2) * self.error
        return self.value, self.value - half, self.value + half

    @property
    def p_value(self) -> float:
        """Two-sided, of the value being 0."""
        return 2 * NormalDist().cdf(-abs(self.value) / self.error) if self.error > 0 else float("nan")


def adjusted_difference(
    p: Prospects, n: Ints, group: Ints, share: Mapping[int, float], columns: Sequence[str]
) -> Adjusted:
    """Sum over groups of share times the retention that all customers would have in it.

    A regression of leaving (logistic, or Poisson per month at risk) on the groups and the columns gives everybody's
    chance in every group; these are averaged over the customers of all groups.

    Parameters
    ----------
    p : Prospects
    n : ndarray of int, shape (rows,)
        Customers of each row.
    group : ndarray of int, shape (rows,)
        -1 for rows that are left out.
    share : mapping of int to float
        One entry a group, adding up to 0: {1: 1, 0: -1} for the difference of two.
    columns : sequence of str
        Text by level, numbers linear; customers without a number are left out, as are levels of which everybody or
        nobody has left: they say nothing on the groups.

    Returns
    -------
    Adjusted
        NaN where a group is empty, or is separated by its outcome.
    """
    used = (group >= 0) & (n > 0) & (p.size > 0)
    for name in columns:
        if name in p.numbers:
            used &= np.isfinite(p.numbers[name])
    weight, which = n[used].astype(float), group[used]
    cells = Cells(which, weight * p.gone[used], weight * p.size[used], np.empty((len(which), 0)), p.rate)
    levels = {name: _levels(p, name, used) for name in columns if name not in p.numbers}
    held = informative(cells, list(levels.values()))
    numbers = [_scaled(p.numbers[name][used], weight) for name in columns if name in p.numbers]
    design = [np.ones(len(which))]
    for codes in levels.values():
        frequent = int(np.bincount(codes[held], weight[held]).argmax()) if held.any() else 0
        design += [(codes == code).astype(float) for code in np.unique(codes[held]) if code != frequent]
    held_design = np.column_stack([*design, *numbers])[held]
    cells, weight, which = cells.of(held), weight[held], which[held]
    if any(not weight[which == g].sum() for g in share):
        return Adjusted()
    cells = Cells(cells.level, cells.left, cells.size, held_design, p.rate)
    own = held_design[:, own_columns(cells)]
    others = sorted(share)[1:]
    x = np.column_stack([own, *[(which == g).astype(float) for g in others]])
    start = np.zeros(x.shape[1])
    overall = cells.left.sum() / cells.size.sum()
    if not 0 < overall < np.inf or (not p.rate and overall >= 1):
        return Adjusted()
    start[0] = np.log(overall) if p.rate else np.log(overall / (1 - overall))
    found = maximum(cells, x, start)
    if found is None:
        return Adjusted()
    value, slope = 0.0, np.zeros(x.shape[1])
    for g, part in share.items():
        there = np.column_stack([own, *[np.full(len(which), float(g == other)) for other in others]])
        kept, change = _kept(there @ found[0], rate=p.rate)
        value += part * float(weight @ kept / weight.sum())
        slope += part * (weight * change) @ there / weight.sum()
    return Adjusted(value, float(np.sqrt(slope @ found[1] @ slope)))


def _levels(p: Prospects, name: str, used: Bools) -> Ints:
    """Codes from 0, the last for unknown."""
    attribute = p.attributes[name]
    return np.where(attribute.codes < 0, len(attribute.levels), attribute.codes)[used]


def _kept(line: Floats, *, rate: bool) -> tuple[Floats, Floats]:
    """Retention at a value of the linear predictor, and how it changes with it."""
    from scipy.special import expit

    if rate:
        hazard = YEAR * np.exp(line)
        return np.exp(-hazard), -hazard * np.exp(-hazard)
    chance = expit(line)
    return 1 - chance, -chance * (1 - chance)


def _scaled(values: Floats, weight: Floats) -> Floats:
    mean = np.average(values, weights=weight)
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
    return np.asarray((values - mean) / spread if spread > 0 else values - mean)
