"""What was known of customers at their assignment, as columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kbind.customers.levels import Attribute
from kbind.experiments.campaign import Assigned
from kbind.typing import Floats

#: Numbers known of every customer of a campaign.
NUMBERS = ("tenure", "revenue", "use", "recent", "spend")
#: Customers that a column has to stand for.
_FEWEST = 20
#: Columns that say no more than others do (share of their spread that is their own).
_OWN = 1e-6


@dataclass(frozen=True)
class Covariate:
    """One column: a number, whether it is missing or none, or a level of an attribute.

    Parameters
    ----------
    source : str
        The number or attribute it is made of.
    what : {"number", "missing", "none", "level"}
        "none": whether the number is 0.
    level : str
        Of an attribute.
    centre, scale : float
        Of numbers: what stands for missing ones, and the divisor.
    log : bool
        Whether log(1 + number) is taken.
    """

    source: str
    what: str
    level: str = ""
    centre: float = 0.0
    scale: float = 1.0
    log: bool = False

    @property
    def name(self) -> str:
        """As a table calls it."""
        return {"number": self.source, "level": f"{self.source}={self.level}"}.get(
            self.what, f"{self.source}: {self.what}"
        )


def covariates_of(assigned: Assigned) -> tuple[Covariate, ...]:
    """The columns that customers of a campaign can be told apart by.

    Numbers of money and use, which are skewed, by log(1 + number); unknown ones are marked. Levels of attributes that
    hold at least 20 customers, against the most frequent.
    """
    made: list[Covariate] = []
    numbers = {name: getattr(assigned, name) for name in NUMBERS}
    numbers |= {name: values for name, values in assigned.attributes.items() if not isinstance(values, Attribute)}
    for name, values in numbers.items():
        known = np.isfinite(values)
        if known.sum() < _FEWEST or not np.ptp(values[known]) > 0:
            continue
        log = name != "tenure" and bool((values[known] >= 0).all())
        moved = np.log1p(values[known]) if log else values[known]
        made.append(Covariate(name, "number", "", float(moved.mean()), float(moved.std()), log))
        made += [Covariate(name, what) for what, hit in (("missing", ~known), ("none", values == 0)) if _some(hit)]
    for name, values in assigned.attributes.items():
        if isinstance(values, Attribute):
            size = np.bincount(values.codes + 1, minlength=len(values.levels) + 1)
            usual = int(size.argmax())
            made += [
                Covariate(name, "level", values.levels[k - 1] if k else "(missing)")
                for k in range(len(size))
                if k != usual and min(size[k], len(assigned) - size[k]) >= _FEWEST
            ]
    return tuple(made)


def _some(hit: np.ndarray) -> bool:
    return bool(min(hit.sum(), (~hit).sum()) >= _FEWEST)


def matrix(assigned: Assigned, covariates: tuple[Covariate, ...]) -> Floats:
    """The columns for the customers of a campaign, shape (customers, covariates)."""
    columns: list[Floats] = []
    for one in covariates:
        values = getattr(assigned, one.source) if one.source in NUMBERS else assigned.attributes[one.source]
        if isinstance(values, Attribute):
            code = values.levels.index(one.level) if one.level in values.levels else -1
            columns.append((values.codes == code).astype(float))
        elif one.what == "missing":
            columns.append((~np.isfinite(values)).astype(float))
        elif one.what == "none":
            columns.append((values == 0).astype(float))
        else:
            moved = np.log1p(np.maximum(values, 0)) if one.log else values
            columns.append((np.where(np.isfinite(moved), moved, one.centre) - one.centre) / one.scale)
    return np.array(columns).T if columns else np.zeros((len(assigned), 0))


def independent(x: Floats) -> Floats:
    """The columns of which a share of the spread is their own, centred.

    >>> independent(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])).shape
    (3, 1)
    """
    apart: Floats = x - x.mean(axis=0)
    if not apart.shape[1]:
        return apart
    from scipy.linalg import qr

    spread = np.sqrt((apart**2).sum(axis=0))
    apart = apart[:, spread > 0] / spread[spread > 0]
    if not apart.shape[1]:
        return apart
    _, r, order = qr(apart, mode="economic", pivoting=True)
    own = np.abs(np.diag(r)) > _OWN
    kept = np.sort(order[: len(own)][own])
    return np.asarray(apart[:, kept])
