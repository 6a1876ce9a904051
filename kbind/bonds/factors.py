"""How closely items and signs go with a bond, and what they say of a customer's score together."""

from __future__ import annotations

import numpy as np

from kbind.typing import Floats

#: Loading of an item, and of a sign, where the data cannot tell; fewest customers who can tell it.
ITEM, SIGN, LEAST_ITEM, LEAST_SIGN = 0.7, 0.5, 30, 100
#: Loadings are kept off 0 and 1.
_LOW, _HIGH = 0.05, 0.97


def item_loadings(z: Floats) -> tuple[Floats, bool]:
    """Loadings of standardised items on their one factor, and whether they were estimated.

    Three items and more by maximum likelihood, two by the square root of their correlation; one item, or fewer than 30
    complete answers, tell nothing: then .7 is assumed.

    Parameters
    ----------
    z : ndarray of float, shape (customers, items)
        NaN where a customer did not answer.
    """
    from sklearn.decomposition import FactorAnalysis

    k = z.shape[1]
    complete = z[~np.isnan(z).any(axis=1)]
    if k < 2 or len(complete) < LEAST_ITEM:
        return np.full(k, ITEM), False
    if k == 2:
        found = np.full(2, np.sqrt(max(float(np.asarray(np.corrcoef(complete.T))[0, 1]), 0.0)))
    else:
        found = FactorAnalysis(1, tol=1e-8).fit(complete).components_[0] / complete.std(axis=0)
        found = found * np.sign(found.sum() or 1.0)
    return np.clip(found, _LOW, _HIGH), True


def information(z: Floats, loadings: Floats) -> tuple[Floats, Floats]:
    """What answers say of a score with mean 0 and variance 1: sum of weighted answers, and precision.

    Answers are taken as independent given the score: Thomson's factor score is the first divided by 1 + the second.
    """
    weight = loadings / (1 - loadings**2)
    return np.nan_to_num(z * weight).sum(axis=1), (~np.isnan(z) * weight * loadings).sum(axis=1)


def sign_loadings(x: Floats, score: Floats, reliability: Floats, weight: Floats) -> tuple[Floats, bool]:
    """Loadings of signs on their bond, and whether they were estimated from customers who answered as well.

    From these: the covariance of a sign with the score from the items, divided by the reliability of that score; not
    below 0, as a sign that speaks against its meaning is none. With fewer than 100 of them all signs of a bond get the
    same loading: the square root of their mean correlation, between .3 and .8; .5 for a single one.

    Parameters
    ----------
    x : ndarray of float, shape (customers, signs)
    score, reliability : ndarray of float, shape (customers,)
        From the items alone.
    weight : ndarray of float, shape (customers,)
        How many customers each stands for who answered; 0 for those who did not.
    """
    k = x.shape[1]
    both = (weight > 0)[:, None] & ~np.isnan(x)
    if k and both.any(axis=1).sum() >= LEAST_SIGN:
        found = np.zeros(k)
        for j in np.flatnonzero(both.sum(axis=0) >= LEAST_ITEM):
            rows = both[:, j]
            shared = np.average(reliability[rows], weights=weight[rows])
            found[j] = _covariance(x[rows, j], score[rows], weight[rows]) / shared
        return np.clip(found, 0.0, 0.9), True
    if k < 2:
        return np.full(k, SIGN), False
    together = _correlations(x)[np.triu_indices(k, 1)]
    return np.full(k, np.clip(np.sqrt(max(float(together.mean()), 0.0)), 0.3, 0.8)), False


def from_signs(x: Floats, loadings: Floats, equal: bool) -> tuple[Floats, Floats]:
    """Best linear prediction of a score by the signs that a customer has: mean, and variance that is left.

    Parameters
    ----------
    x : ndarray of float, shape (customers, signs)
    loadings : ndarray of float, shape (signs,)
    equal : bool
        Signs count alike: they are taken as correlated through the bond only.
    """
    n, k = x.shape
    mean, variance = np.zeros(n), np.ones(n)
    if not k:
        return mean, variance
    r = np.outer(loadings, loadings) if equal else 0.98 * _correlations(x)
    np.fill_diagonal(r, 1.0)
    patterns, which = np.unique(~np.isnan(x), axis=0, return_inverse=True)
    for p, there in enumerate(patterns):
        rows, own = which.ravel() == p, np.flatnonzero(there)
        if len(own):
            weight = np.linalg.lstsq(r[np.ix_(own, own)], loadings[own], rcond=None)[0]
            mean[rows] = x[rows][:, own] @ weight
            variance[rows] = np.clip(1 - loadings[own] @ weight, 0.05, 1.0)
    return mean, variance


def omega(loadings: Floats) -> float:
    """Share of the variance of the sum of standardised items that their one factor explains (McDonald's omega).

    >>> round(omega(np.array([0.8, 0.8, 0.8])), 3)
    0.842
    """
    shared = loadings.sum() ** 2
    return float(shared / (shared + (1 - loadings**2).sum()))


def _covariance(a: Floats, b: Floats, weight: Floats) -> float:
    mean = np.average(np.stack([a, b]), axis=1, weights=weight)
    return float(np.average((a - mean[0]) * (b - mean[1]), weights=weight))


def _correlations(x: Floats) -> Floats:
    """Correlations by pairs of customers who have both; 0 where too few have."""
    import pandas as pd

    return np.asarray(np.nan_to_num(pd.DataFrame(x).corr(min_periods=LEAST_ITEM).to_numpy(copy=True)))
