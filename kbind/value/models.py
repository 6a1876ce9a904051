"""Three models of customers who buy at random while they are there, and leave unseen: likelihoods and expectations.

While a customer is there, purchases come at a rate of its own, gamma distributed over customers (r, alpha). The models
differ in how a customer leaves. All three likelihoods have the form

    purchases(r, alpha) * staying * (1 + odds),

where `odds` are those of having left after the last purchase; hence P(alive) = 1 / (1 + odds). What differs are staying
and odds, and what is expected of those who are still there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from kbind.typing import Array, Floats

_Averaged = Callable[[Array, Array, Array, Array], Array]
_OfCounts = Callable[[Floats], Floats]

#: Points of the rules that integrate over the time of leaving, over the probability of leaving, and over the future.
_LEAVING, _SHARES, _FUTURE = 40, 40, 24
#: What lies so many units of decay behind the last purchase adds nothing that a computer could see.
_DECAYED = 40.0
#: Cells of which the integrals are computed at once.
_AT_ONCE = 20_000


class History(NamedTuple):
    """What is known of customers: repeat purchases, and time from the first purchase to the last and to the end."""

    x: Floats
    tx: Floats
    T: Floats


class Part(NamedTuple):
    """A term for every cell, shape (cells,), with its slopes in the logarithms of the parameters, shape (4, cells)."""

    value: Floats
    slope: Floats


@dataclass(frozen=True)
class Model(ABC):
    """A model with four positive parameters.

    Attributes
    ----------
    key, name : str
    parameters : tuple of str
        As the literature names them.
    times : tuple of bool
        Which of them are lengths of time.
    source : str
    """

    key: str
    name: str
    parameters: tuple[str, str, str, str]
    times: tuple[bool, bool, bool, bool]
    source: str

    @abstractmethod
    def staying(self, theta: Floats, seen: History) -> Part:
        """Logarithm of the probability of not having left."""

    @abstractmethod
    def gone(self, theta: Floats, seen: History) -> Part:
        """Logarithm of the odds of having left after the last purchase; -inf where nobody can have."""

    @abstractmethod
    def bought(self, theta: Floats, seen: History, t: Floats) -> Floats:
        """Purchases expected within t of those who are there at T."""

    @abstractmethod
    def rate(self, theta: Floats, seen: History, u: Floats) -> Floats:
        """Purchases expected per unit of time at T + u, of those who are there at T."""

    def likelihood(self, theta: Floats, seen: History) -> Part:
        """Logarithm of the likelihood of each cell's history."""
        from scipy.special import expit

        purchases, staying, gone = _purchases(theta, seen), self.staying(theta, seen), self.gone(theta, seen)
        weight = expit(gone.value)
        value = purchases.value + staying.value + np.logaddexp(0.0, gone.value)
        return Part(value, purchases.slope + staying.slope + weight * gone.slope)

    def odds_gone(self, theta: Floats, seen: History) -> Floats:
        """Logarithm of the odds that a customer has left."""
        return self.gone(theta, seen).value

    def purchases(self, theta: Floats, seen: History, t: float, force: float = 0.0) -> Floats:
        """Purchases expected within t after T of everybody, each worth exp(-force u) where it comes at T + u."""
        from scipy.special import expit

        # of those who are there nothing but x and T counts, so fewer kinds of customers are computed than there are
        kinds, place = np.unique(np.stack([seen.x, seen.T]), axis=1, return_inverse=True)
        there = History(kinds[0], np.zeros(kinds.shape[1]), kinds[1])
        if force == 0:
            expected = self.bought(theta, there, np.full(kinds.shape[1], float(t)))
        else:
            expected = self._discounted(theta, there, t, force)
        return np.asarray(expit(-self.odds_gone(theta, seen)) * expected[place.ravel()], dtype=np.float64)

    def of_new(self, theta: Floats, t: Floats) -> Floats:
        """Purchases expected of a new customer within each t after the first."""
        from scipy.special import expit

        none = History(*np.zeros((3, len(t))))
        return np.asarray(expit(-self.odds_gone(theta, none)) * self.bought(theta, none, t), dtype=np.float64)

    def _discounted(self, theta: Floats, seen: History, horizon: float, force: float) -> Floats:
        # the expected rate falls as a power of time counted from about there
        scale = float(theta[np.array(self.times)].min()) + seen.T
        node, weight = _legendre(_FUTURE)
        growth, total = np.log1p(horizon / scale), np.zeros_like(seen.T)
        for at, w in zip(node.tolist(), weight.tolist(), strict=True):
            u = scale * np.expm1(at * growth)
            total += w * growth * (scale + u) * np.exp(-force * u) * self.rate(theta, seen, u)
        return total


@dataclass(frozen=True)
class BetaGeometric(Model):
    """A customer leaves after a purchase, with a probability of its own, beta distributed over customers (a, b).

    Attributes
    ----------
    at_first : bool
        Whether a customer may leave after the first purchase too.
    """

    at_first: bool = False

    def staying(self, theta: Floats, seen: History) -> Part:
        """See `Model`."""
        a, b = theta[2:]
        m = seen.x + self.at_first
        value = _each(m, lambda m: _rising(b, m) - _rising(a + b, m))
        both = _each(m, lambda m: _rise(a + b, m))
        return Part(value, _stacked(value, {2: -a * both, 3: b * (_each(m, lambda m: _rise(b, m)) - both)}))

    def gone(self, theta: Floats, seen: History) -> Part:
        """See `Model`."""
        r, alpha, a, b = theta
        before = b + seen.x + self.at_first - 1
        can = (seen.x > 0) | self.at_first
        ratio = np.log((alpha + seen.T) / (alpha + seen.tx))
        safe = np.where(can, before, 1.0)
        value = np.where(can, np.log(a / safe) + (r + seen.x) * ratio, -np.inf)
        slopes = {
            0: r * ratio,
            1: alpha * (r + seen.x) * (1 / (alpha + seen.T) - 1 / (alpha + seen.tx)),
            2: np.ones_like(ratio),
            3: -b / safe,
        }
        return Part(value, _stacked(value, slopes))

    def bought(self, theta: Floats, seen: History, t: Floats) -> Floats:
        """See `Model`: (1 - (alpha / (alpha + p t))^r) / p, averaged over p."""

        def within(p: Array, shape: Array, scale: Array, t: Array) -> Array:
            return np.asarray(-np.expm1(-shape * np.log1p(p * t / scale)) / p)

        return self._averaged(theta, seen, within, t)

    def rate(self, theta: Floats, seen: History, u: Floats) -> Floats:
        """See `Model`: r / alpha (1 + p u / alpha)^-(r + 1), averaged over p."""

        def now(p: Array, shape: Array, scale: Array, t: Array) -> Array:
            return np.asarray(shape / scale * np.exp(-(shape + 1) * np.log1p(p * t / scale)))

        return self._averaged(theta, seen, now, u)

    def _averaged(self, theta: Floats, seen: History, of: _Averaged, t: Floats) -> Floats:
        """Mean over the probability of leaving, beta (a, b + m) given so many purchases without leaving."""
        r, alpha, a, b = theta
        result = np.empty_like(seen.T)
        for x in np.unique(seen.x):
            those = seen.x == x
            p, weight = _beta_rule(float(a), float(b + x + self.at_first))
            result[those] = of(p, r + x, (alpha + seen.T[those])[:, np.newaxis], t[those][:, np.newaxis]) @ weight
        return result


@dataclass(frozen=True)
class ParetoModel(Model):
    """A customer leaves at any moment, at a rate of its own, gamma distributed over customers (s, beta)."""

    def staying(self, theta: Floats, seen: History) -> Part:
        """See `Model`."""
        s, beta = theta[2:]
        value = -s * np.log1p(seen.T / beta)
        return Part(value, _stacked(value, {2: value, 3: s * seen.T / (beta + seen.T)}))

    def gone(self, theta: Floats, seen: History) -> Part:
        """See `Model`: an integral over the time of leaving between the last purchase and the end."""
        if len(seen.x) <= _AT_ONCE:
            return self._gone(theta, seen)
        pieces = range(0, len(seen.x), _AT_ONCE)
        parts = [self._gone(theta, History(*(values[k : k + _AT_ONCE] for values in seen))) for k in pieces]
        return Part(np.concatenate([part.value for part in parts]), np.hstack([part.slope for part in parts]))

    def _gone(self, theta: Floats, seen: History) -> Part:
        r, alpha, s, beta = theta
        x, tx, end = (values[:, np.newaxis] for values in seen)
        least = min(alpha, beta)
        # in the logarithm of least + t the integrand is smooth and falls at least as fast as at its beginning
        width = np.log((least + end) / (least + tx))
        fall = (r + x) * (least + tx) / (alpha + tx) + (s + 1) * (least + tx) / (beta + tx) - 1
        width = np.minimum(width, np.where(fall > 0, _DECAYED / np.maximum(fall, 1e-12), np.inf))
        node, weight = _legendre(_LEAVING)
        t = (least + tx) * np.exp(width * node) - least
        longer, later = np.log((alpha + end) / (alpha + t)), np.log((beta + end) / (beta + t))
        logs = np.log(weight) + (r + x) * longer + s * later + np.log((least + t) / (beta + t))
        top = logs.max(axis=1, keepdims=True)
        share = np.exp(logs - top)
        total = share.sum(axis=1, keepdims=True)
        share /= total
        with np.errstate(divide="ignore"):  # who bought on the last day has no time to leave
            value = (np.log(s) + np.log(width) + top + np.log(total))[:, 0]
        end_of = seen.T
        inverse = (share / (beta + t)).sum(axis=1)
        slopes = {
            0: r * (share * longer).sum(axis=1),
            1: alpha * (r + seen.x) * (1 / (alpha + end_of) - (share / (alpha + t)).sum(axis=1)),
            2: 1 + s * (share * later).sum(axis=1),
            3: beta * (s / (beta + end_of) - (s + 1) * inverse),
        }
        return Part(value, _stacked(value, slopes))

    def bought(self, theta: Floats, seen: History, t: Floats) -> Floats:
        """See `Model`."""
        r, alpha, s, beta = theta
        # (1 - ((beta + T) / (beta + T + t))^(s - 1)) / (s - 1), the logarithm of the ratio where s is 1
        log = np.log1p(t / (beta + seen.T))
        grown = log if abs(s - 1) < 1e-9 else -np.expm1(-(s - 1) * log) / (s - 1)
        return np.asarray((r + seen.x) / (alpha + seen.T) * (beta + seen.T) * grown, dtype=np.float64)

    def rate(self, theta: Floats, seen: History, u: Floats) -> Floats:
        """See `Model`."""
        r, alpha, s, beta = theta
        lasting = np.exp(-s * np.log1p(u / (beta + seen.T)))
        return np.asarray((r + seen.x) / (alpha + seen.T) * lasting, dtype=np.float64)


_FHL = "Fader, Hardie and Lee (2005), Counting your customers the easy way, Marketing Science 24, 275-284"
_BDR = (
    "Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base "
    "analysis, International Journal of Research in Marketing 24, 201-209"
)
_SMC = (
    "Schmittlein, Morrison and Colombo (1987), Counting your customers: who are they and what will they do next?, "
    "Management Science 33, 1-24"
)
_OFTEN = (False, True, False, False)
MODELS: dict[str, Model] = {
    "bg_nbd": BetaGeometric("bg_nbd", "BG/NBD", ("r", "alpha", "a", "b"), _OFTEN, _FHL),
    "mbg_nbd": BetaGeometric("mbg_nbd", "MBG/NBD", ("r", "alpha", "a", "b"), _OFTEN, _BDR, at_first=True),
    "pareto_nbd": ParetoModel(
        "pareto_nbd", "Pareto/NBD", ("r", "alpha", "s", "beta"), (False, True, False, True), _SMC
    ),
}


def _purchases(theta: Floats, seen: History) -> Part:
    """Logarithm of Gamma(r + x) / Gamma(r) alpha^r (alpha + T)^-(r + x)."""
    r, alpha = theta[:2]
    longer = np.log1p(seen.T / alpha)
    value = _each(seen.x, lambda x: _rising(r, x)) - seen.x * np.log(alpha) - (r + seen.x) * longer
    slopes = {
        0: r * (_each(seen.x, lambda x: _rise(r, x)) - longer),
        1: r - (r + seen.x) * alpha / (alpha + seen.T),
    }
    return Part(value, _stacked(value, slopes))


def _stacked(like: Floats, slopes: dict[int, Floats]) -> Floats:
    result = np.zeros((4, len(like)))
    for k, slope in slopes.items():
        result[k] = slope
    return result


def _each(x: Floats, of: _OfCounts) -> Floats:
    """A function of counts, computed once for each count."""
    if x.max(initial=0) >= len(x):
        return of(x)
    return np.asarray(of(np.arange(x.max() + 1))[x.astype(np.intp)], dtype=np.float64)


def _rising(start: float, n: Floats) -> Floats:
    """Logarithm of Gamma(start + n) / Gamma(start)."""
    from scipy.special import gammaln

    return np.asarray(gammaln(start + n) - gammaln(start), dtype=np.float64)


def _rise(start: float, n: Floats) -> Floats:
    """Slope of `_rising` in its start."""
    from scipy.special import digamma

    return np.asarray(digamma(start + n) - digamma(start), dtype=np.float64)


@lru_cache(maxsize=8)
def _legendre(points: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre rule on [0, 1]."""
    node, weight = np.polynomial.legendre.leggauss(points)
    return (1 + node) / 2, weight / 2


@lru_cache(maxsize=1024)
def _beta_rule(a: float, b: float) -> tuple[Floats, Floats]:
    """Gauss-Jacobi rule for means over a beta distribution, by the eigenvalues of its recurrence (Golub and Welsch)."""
    from scipy.linalg import eigh_tridiagonal

    u, v, n = b - 1, a - 1, np.arange(1.0, _SHARES)
    both = 2 * n + u + v
    middle = np.concatenate([[(v - u) / (u + v + 2)], (v**2 - u**2) / (both * (both + 2))])
    # the first in a form that stays what it is where u + v is -1
    first = 4 * (1 + u) * (1 + v) / ((2 + u + v) ** 2 * (3 + u + v))
    n, both = n[1:], both[1:]
    beside = 4 * n * (n + u) * (n + v) * (n + u + v) / (both**2 * (both + 1) * (both - 1))
    node, vectors = eigh_tridiagonal(middle, np.sqrt(np.concatenate([[first], beside])))
    # the smallest may be rounded to 0
    return np.maximum((1 + node) / 2, 1e-300), vectors[0] ** 2
