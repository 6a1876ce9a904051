"""Survival of single customers by a fitted regression, from the origin or from the age they have reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbind.errors import ArgumentError, listed
from kbind.estimates.survival.cox import CoxFit
from kbind.typing import Floats, Ints

#: Cells of customers x steps that are held in memory at once.
_CELLS = 2_000_000


@dataclass(frozen=True, eq=False)
class Course:
    """Customers whose cumulative hazards are multiples of those of their strata.

    Attributes
    ----------
    fit : CoxFit
    risk : ndarray of float, shape (customers,)
        Hazard as a multiple of that of mean covariates.
    stratum : ndarray of int, shape (customers,)
        Position in `fit.strata`.
    """

    fit: CoxFit
    risk: Floats
    stratum: Ints

    @classmethod
    def of(cls, fit: CoxFit, covariates: Floats, strata: Sequence[str] | None) -> Course:
        """Of customers with the given covariates, constant from now on."""
        risk = np.exp((covariates - fit.centre) @ fit.coef)
        place = {label: k for k, label in enumerate(fit.strata)}
        unknown = sorted(set(strata or ()) - set(place), key=str)
        if unknown:
            raise ArgumentError(f"the model was not fitted with these groups of strata: {listed(unknown)}")
        stratum = [0] * len(risk) if strata is None else [place[label] for label in strata]
        return cls(fit, risk, np.array(stratum, dtype=np.int64))

    def survival(self, given: Floats, times: Floats) -> Floats:
        """Share still there so long after an age of each, of those who have reached it; (customers, times).

        NaN where the stratum was not observed so long.
        """
        result = np.full((len(self.risk), len(times)), np.nan)
        for s in np.unique(self.stratum):
            rows = np.flatnonzero(self.stratum == s)
            ages = given[rows, None] + np.concatenate(([0.0], times))
            distinct, at = np.unique(ages, return_inverse=True)
            spent = self._baseline(int(s), distinct)[at.reshape(ages.shape)]
            result[rows] = np.exp(-self.risk[rows, None] * (spent[:, 1:] - spent[:, :1]))
        return result

    def expected(self, given: Floats, horizon: float) -> Floats:
        """Area under each one's survival from its age to `horizon` later; NaN where that was not observed."""
        result = np.full(len(self.risk), np.nan)
        bounds = self.fit.fitted.sets.bounds
        for s in np.unique(self.stratum):
            known = np.flatnonzero((self.stratum == s) & (given + horizon <= self.fit.ends[s]))
            steps = self.fit.fitted.sets.times[bounds[s] : bounds[s + 1]]
            level = np.concatenate(([0.0], self._baseline(int(s), steps)))
            for low in range(0, len(known), max(1, _CELLS // (len(steps) + 1))):
                rows = known[low : low + max(1, _CELLS // (len(steps) + 1))]
                begin = given[rows, None]
                # edges outside the stretch are moved to its ends, where they leave no width
                edges = np.clip(np.append(np.insert(steps, 0, -np.inf), np.inf), begin, begin + horizon)
                reached = level[np.searchsorted(steps, given[rows], side="right")]
                share = np.exp(-self.risk[rows, None] * np.maximum(level - reached[:, None], 0.0))
                result[rows] = (share * np.diff(edges, axis=1)).sum(axis=1)
        return result

    def _baseline(self, stratum: int, times: Floats) -> Floats:
        """Cumulative hazard of mean covariates in a stratum."""
        label = None if self.fit.strata == (None,) else [self.fit.strata[stratum]]
        return np.asarray(self.fit.cumulative_hazard_at(times, self.fit.centre[None, :], label)[0][0])
