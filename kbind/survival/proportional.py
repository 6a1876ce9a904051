"""Do hazards stay proportional? The exact score test against coefficients that change with time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kbind.errors import check_choice
from kbind.survival.chi_squared import upper_tail
from kbind.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

    from kbind.survival.cox import CoxFit, Rows

TRANSFORMS = ("km", "identity")


def proportional_hazards_test(fit: CoxFit, terms: tuple[str, ...], transform: str = "km") -> pd.DataFrame:
    """Test whether adding covariate x g(time) to a fitted model improves it.

    Parameters
    ----------
    fit : CoxFit
    terms : tuple of str, shape (covariates,)
        The term that each covariate belongs to; covariates of one term are tested together.
    transform : {"km", "identity"}
        Function g of time that coefficients might change with: 1 - Kaplan-Meier estimate just before, over all rows
        whatever their stratum, or time itself.

    Returns
    -------
    DataFrame
        covariate (the terms, then "GLOBAL"), chisq, df, p_value.

    References
    ----------
    Grambsch and Therneau (1994), Biometrika 81, 515-526, with the exact information matrix as R's survival::cox.zph
    takes it since version 3.0; the earlier approximation by one average variance, which lifelines has, can be wrong by
    orders of magnitude.
    """
    import pandas as pd

    check_choice("transform", transform, TRANSFORMS)
    times, scores, information = _by_event_time(fit.rows, fit.coef)
    g = times if transform == "identity" else _lost_before(fit.rows, times)
    g = g - g.mean()  # changes no statistic, only the condition of the matrix
    plain, cross, square = (np.tensordot(g**power, information, axes=1) for power in (0, 1, 2))
    score = g @ scores
    # what is left of the information on the change once the coefficients themselves have been estimated
    remaining = square - cross @ np.linalg.solve(plain, cross)
    known = np.diag(remaining) > 1e-10 * np.diag(square)
    owner, named = np.array(terms), tuple(dict.fromkeys(terms))
    places = [*(np.flatnonzero(owner == term) for term in named), np.arange(len(terms))]
    chisq = np.array([
        score[k] @ np.linalg.solve(remaining[np.ix_(k, k)], score[k]) if known[k].all() else np.nan for k in places
    ])  # fmt: skip
    df = np.array([len(k) for k in places])
    return pd.DataFrame({"covariate": [*named, "GLOBAL"], "chisq": chisq, "df": df, "p_value": upper_tail(chisq, df)})


def _by_event_time(rows: Rows, coef: Floats) -> tuple[Floats, Floats, Floats]:
    """Event times of every stratum, and what each adds to Efron's score and information."""
    x = rows.x - rows.x.mean(axis=0)
    risk = rows.weight * np.exp(x @ coef)
    times, scores, information = [], [], []
    for stratum in np.unique(rows.stratum):
        order = np.flatnonzero(rows.stratum == stratum)
        order = order[np.argsort(rows.time[order], kind="stable")]
        first = np.flatnonzero(np.diff(rows.time[order], prepend=-np.inf))
        total, once, twice = 0.0, np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
        for here in reversed(np.split(order, first[1:])):  # from the last time on, so that sums over those at risk grow
            total += risk[here].sum()
            once += risk[here] @ x[here]
            twice += (x[here].T * risk[here]) @ x[here]
            dead = here[rows.event[here]]
            if not len(dead):
                continue
            own, weight, share = risk[dead], rows.weight[dead], np.arange(len(dead)) / len(dead)
            compared = total - share * own.sum()
            mean = (once - np.outer(share, own @ x[dead])) / compared[:, None]
            spread = twice * (1 / compared).sum() - (x[dead].T * own) @ x[dead] * (share / compared).sum()
            times.append(rows.time[dead[0]])
            scores.append(weight @ x[dead] - weight.mean() * mean.sum(axis=0))
            information.append(weight.mean() * (spread - mean.T @ mean))
    return np.array(times), np.array(scores), np.array(information)


def _lost_before(rows: Rows, times: Floats) -> Floats:
    """1 - Kaplan-Meier estimate just before each time; rows count once, whatever their weight."""
    grid, left = np.unique(rows.time[rows.event], return_counts=True)
    came, gone = np.sort(rows.time[rows.weight < 0]), np.sort(rows.time[rows.weight > 0])
    at_risk = len(gone) - np.searchsorted(gone, grid) - (len(came) - np.searchsorted(came, grid))
    before = np.concatenate([[1.0], np.cumprod(1 - left / at_risk)])
    return np.asarray(1 - before[np.searchsorted(grid, times)])
