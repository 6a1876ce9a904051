"""How closely two columns of levels go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kbind.typing import Floats, Ints

#: Random tables with the same margins, where counts are too small for the chi-squared distribution.
_TABLES = 9999


@dataclass(frozen=True)
class Association:
    """Chi square of a table, and Cramér's V.

    Attributes
    ----------
    n, df : int
        Counted, and degrees of freedom.
    chi_square, p_value : float
    method : str
        "chi-squared", or "random tables" where more than a fifth of the fields expect fewer than 5, or one below 1.
    cramers_v, ci_lower, ci_upper : float
        Corrected for bias; its interval by the noncentral chi-squared distribution.
    """

    n: int
    df: int
    chi_square: float
    p_value: float
    method: str
    cramers_v: float
    ci_lower: float
    ci_upper: float


def association(table: Ints, conf_level: float, rng: np.random.Generator) -> Association:
    """Association of rows and columns.

    Parameters
    ----------
    table : ndarray of int, shape (rows, columns)
    conf_level : float
    rng : numpy.random.Generator
        For random tables.

    References
    ----------
    Bergsma (2013), Journal of the Korean Statistical Society 42, 323-328; Smithson (2003), Confidence Intervals, ch. 4.

    Examples
    --------
    >>> found = association(np.array([[30, 10], [10, 30]]), 0.95, np.random.default_rng(0))
    >>> f"{found.chi_square:.1f}, V {found.cramers_v:.3f} [{found.ci_lower:.3f}, {found.ci_upper:.3f}]"
    '20.0, V 0.490 [0.283, 0.724]'
    """
    from scipy.special import chdtrc

    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, columns = table.shape
    n, df = int(table.sum()), (rows - 1) * (columns - 1)
    if min(rows, columns) < 2:
        return Association(n, 0, np.nan, np.nan, "none", np.nan, np.nan, np.nan)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    chi_square = float(((table - expected) ** 2 / expected).sum())
    if (expected < 5).mean() > 0.2 or expected.min() < 1:
        p_value, method = _by_random_tables(table, expected, chi_square, rng), "random tables"
    else:
        p_value, method = float(chdtrc(df, chi_square)), "chi-squared"
    # the number of rows and of columns, and chi square, each as large as chance alone would not make it
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    if not least > 0:
        return Association(n, df, chi_square, p_value, method, np.nan, np.nan, np.nan)
    cramers_v = float(np.sqrt(max(0.0, chi_square / n - df / (n - 1)) / least))
    limits = (_noncentrality(chi_square, df, tail) for tail in ((1 + conf_level) / 2, (1 - conf_level) / 2))
    lower, upper = (min(1.0, float(np.sqrt(limit / n / least))) for limit in limits)
    return Association(n, df, chi_square, p_value, method, min(cramers_v, 1.0), lower, upper)


def _by_random_tables(table: Ints, expected: Floats, chi_square: float, rng: np.random.Generator) -> float:
    from scipy.stats import random_table

    drawn = random_table(table.sum(axis=1), table.sum(axis=0)).rvs(_TABLES, random_state=rng)
    values = ((drawn - expected) ** 2 / expected).sum(axis=(1, 2))
    return float((1 + (values >= chi_square * (1 - 1e-12)).sum()) / (_TABLES + 1))


def _noncentrality(chi_square: float, df: int, share: float) -> float:
    """The noncentrality at which so large a share of the distribution lies below; 0 where even at 0 less does."""
    from scipy.special import chndtr, chndtrinc

    return float(chndtrinc(chi_square, df, share)) if chndtr(chi_square, df, 0.0) > share else 0.0
