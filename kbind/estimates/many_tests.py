"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kbind.typing import Floats


def benjamini_hochberg(p_values: Sequence[float] | Floats) -> Floats:
    """Smallest false discovery rate at which each test is a finding; tests without p value do not count.

    Parameters
    ----------
    p_values : array_like of float, shape (tests,)
        NaN where there is none.

    Returns
    -------
    ndarray of float, shape (tests,)
        NaN where there is no p value.

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, float("nan"), 0.04])
    array([0.02,  nan, 0.04])
    """
    p = np.asarray(p_values, dtype=float)
    known = ~np.isnan(p)
    q = np.full(p.shape, np.nan)
    if known.any():
        from statsmodels.stats.multitest import multipletests

        q[known] = multipletests(p[known], method="fdr_bh")[1]
    return q
