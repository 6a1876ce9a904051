"""Do hazards stay proportional? The exact score test against coefficients that change with time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kbind.errors import ArgumentError, check_choice
from kbind.estimates.survival.chi_squared import upper_tail
from kbind.estimates.survival.risk_sets import Likelihood, risk_sets
from kbind.statistics.result import Shown
from kbind.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

TRANSFORMS = ("km", "identity", "rank", "log")


@dataclass(frozen=True, eq=False)
class ProportionalHazardsTest(Shown):
    """Score test of proportional hazards, for each term and for all together (GLOBAL).

    A term is a number, or a factor with all its levels: one test, a degree of freedom a coefficient.

    Attributes
    ----------
    covariate : tuple of str
        Names of the terms, then "GLOBAL".
    chisq : ndarray of float, shape (terms + 1,)
    df : ndarray of int, shape (terms + 1,)
    p_value : ndarray of float, shape (terms + 1,)
    transform : str
        Function of time that the coefficients may change with.
    """

    covariate: tuple[str, ...]
    chisq: Floats
    df: Ints = field(repr=False)
    p_value: Floats
    transform: str

    @property
    def definition(self) -> str:
        """What is tested."""
        times = {"km": "1 - Kaplan-Meier", "identity": "time", "rank": "rank of time", "log": "logarithm of time"}
        return f"score test of coefficients that do not change with {times[self.transform]}"

    def to_frame(self) -> pd.DataFrame:
        """One row a term and one for all: covariate, chisq, df, p_value."""
        import pandas as pd

        names = ("covariate", "chisq", "df", "p_value")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def proportional_hazards_test(
    fitted: Likelihood, names: tuple[str, ...], duration: Floats, event: Bools, entry: Floats | None, transform: str
) -> ProportionalHazardsTest:
    """Test whether adding covariate x g(time) to a fitted model improves it.

    Parameters
    ----------
    fitted : Likelihood
        At its maximum.
    names : tuple of str
        The term that each covariate belongs to; covariates of one term are tested together.
    duration, event, entry : ndarray
        All rows that were fitted; g is taken over all of them, whatever their stratum.
    transform : {"km", "identity", "rank", "log"}

    Returns
    -------
    ProportionalHazardsTest

    Raises
    ------
    ArgumentError
        No such transform, or "log" with an event at time 0.

    References
    ----------
    Grambsch and Therneau (1994), Biometrika 81, 515-526, with the exact information matrix as R's survival::cox.zph
    takes it since version 3.0; the earlier approximation by one average variance can be wrong by orders of magnitude.
    """
    times = fitted.sets.times
    g = _transformed(times, duration, event, entry, check_choice("transform", transform, TRANSFORMS))
    g = g - g[fitted.tied].mean()  # changes no statistic, only the condition of the matrix
    plain, cross, square = (fitted.information(weights) for weights in (None, g, g**2))
    score = fitted.score(g)
    # what is left of the information on the change once the coefficients themselves have been estimated
    remaining = square - cross @ np.linalg.solve(plain, cross)
    scale = np.sqrt(np.diag(square))
    owner, terms = np.array(names), tuple(dict.fromkeys(names))
    places = [*(np.flatnonzero(owner == term) for term in terms), np.arange(len(names))]
    known = np.diag(remaining) > 1e-10 * scale**2
    chisq = np.array([
        score[k] @ np.linalg.solve(remaining[np.ix_(k, k)], score[k]) if known[k].all() else np.nan for k in places
    ])  # fmt: skip
    df = np.array([len(k) for k in places])
    return ProportionalHazardsTest((*terms, "GLOBAL"), chisq, df, upper_tail(chisq, df), transform)


def _transformed(times: Floats, duration: Floats, event: Bools, entry: Floats | None, transform: str) -> Floats:
    if transform == "identity":
        return times
    if transform == "log":
        if (times <= 0).any():
            raise ArgumentError(
                f"transform='log' needs events after time 0, and {int((event & (duration <= 0)).sum()):,} are at 0; "
                "take 'km', 'rank' or 'identity'"
            )
        return np.log(times)
    if transform == "rank":
        ordered = np.sort(duration)
        before, upto = (np.searchsorted(ordered, times, side=side) for side in ("left", "right"))
        return np.asarray((before + 1 + upto) / 2)
    nobody = np.zeros(len(duration), dtype=np.int64)
    whole = risk_sets(duration, event, np.empty((len(duration), 0)), entry, nobody, 1, np.ones(len(duration)))
    survival = np.cumprod(1 - whole.deaths / whole.at_risk(whole.weights))
    before = np.concatenate(([1.0], survival))  # just before each event time
    return np.asarray(1 - before[np.searchsorted(whole.times, times)])
