"""Whether six bonds can be told apart in the answers, and whether a dominant one is more than chance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kbind.bonds.contexts import BONDS
from kbind.bonds.factors import item_loadings, omega
from kbind.bonds.items import Answers
from kbind.dataset.provenance import Provenance
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.result import Shown
from kbind.typing import Floats, Ints

#: Two bonds are one above this; dominant types are chance below that; fewer respondents tell neither.
MOST_HTMT, LEAST_KAPPA, LEAST = 0.85, 0.4, 100


@dataclass(frozen=True, eq=False)
class Validity(Shown):
    """Whether the bonding scores hold. Made by `BondingScores.validity`.

    Attributes
    ----------
    reliability : DataFrame
        One row a bond: bond, items, alpha, alpha_ci_lower, alpha_ci_upper (Cronbach), omega (McDonald); NaN with fewer
        than two items.
    htmt : DataFrame
        One row a pair of bonds: first, second, htmt, htmt_ci_lower, htmt_ci_upper.
    kappa : Estimate
        Agreement of the dominant type between the two halves of the items, stepped up to all items.
    n : int
        Customers who answered all items.
    failed : tuple of str
        Why no type may be told: "no_items" (not all bonds have two items), "few" (respondents), "htmt", "kappa".
    reasons : tuple of str
        The same in words.
    """

    reliability: pd.DataFrame = field(repr=False)
    htmt: pd.DataFrame = field(repr=False)
    kappa: Estimate
    n: int
    failed: tuple[str, ...]
    reasons: tuple[str, ...]
    conf_level: float
    provenance: Provenance

    @property
    def passed(self) -> bool:
        """Whether a dominant type may be told."""
        return not self.failed

    @property
    def definition(self) -> str:
        """What is asked for before a dominant type is told."""
        return (
            f"A dominant type is told if at least {LEAST} customers answered all items, no two bonds have an HTMT "
            f"above {MOST_HTMT}, and the dominant type agrees between two halves of the items with a kappa of "
            f"{LEAST_KAPPA} or more (items split in every way into one and the others, mean, stepped up by "
            f"Spearman and Brown). Intervals: bootstrap of customers. {self.provenance}"
        )

    def headline(self) -> str:
        """Whether the gate is passed."""
        return "types may be told" if self.passed else f"no types: {'; '.join(self.reasons)}"

    def to_frame(self) -> pd.DataFrame:
        """One row a bond: bond, items, alpha with _ci_lower and _ci_upper, omega, htmt_max (with any other bond)."""
        highest = [
            self.htmt.loc[(self.htmt["first"] == bond) | (self.htmt["second"] == bond), "htmt"].max()
            for bond in self.reliability["bond"]
        ]
        return self.reliability.assign(htmt_max=np.array(highest, dtype=float))


def validity_of(answers: Answers, resamples: int, rng: np.random.Generator, conf_level: float,
                provenance: Provenance) -> Validity:  # fmt: skip
    """Reliability, HTMT and split-half kappa of the answers, and whether they allow a dominant type."""
    complete = answers.scores[~np.isnan(answers.scores).any(axis=1)] if answers.items else np.empty((0, 0))
    groups = {bond: answers.of(bond) for bond in BONDS}
    n, tail = len(complete), (1 - conf_level) / 2
    asked = [bond for bond in BONDS if len(groups[bond]) > 1]
    pairs = [(a, b) for i, a in enumerate(asked) for b in asked[i + 1 :]]
    reliability, htmt, kappa = _unknown(groups), _pairs(pairs, np.full((3, len(pairs)), np.nan)), UNKNOWN
    if n > 2 and asked:
        count = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), resamples)])
        covariance = _covariances(complete, count)
        alphas = np.array([_alpha(covariance, groups[bond]) for bond in asked])
        ratios = np.array([_htmt(covariance, groups[a], groups[b]) for a, b in pairs]).reshape(len(pairs), -1)
        z = (complete - complete.mean(axis=0)) / np.maximum(complete.std(axis=0), 1e-12)
        reliability = _reliability(groups, asked, _limits(alphas, tail), z)
        htmt = _pairs(pairs, _limits(ratios, tail))
        if len(asked) == len(BONDS):
            limits = _limits(_kappas(z, [groups[bond] for bond in BONDS], count)[None], tail)
            kappa = Estimate.of(limits[:, 0], n=n, conf_level=conf_level)
    failed = dict(_failures(asked, n, htmt, kappa))
    return Validity(reliability, htmt, kappa, n, tuple(failed), tuple(failed.values()), conf_level, provenance)


def _failures(asked: list[str], n: int, htmt: pd.DataFrame, kappa: Estimate) -> list[tuple[str, str]]:
    if len(asked) < len(BONDS):
        without = ", ".join(bond for bond in BONDS if bond not in asked)
        return [("no_items", f"fewer than two items were asked about: {without}")]
    if n < LEAST:
        return [("few", f"{n} customers answered all items, fewer than {LEAST}")]
    found = []
    # a ratio without a value comes from items of one bond that do not go together: no better than too large a one
    worst = htmt.sort_values("htmt", ascending=False, na_position="first").iloc[0]
    if not worst["htmt"] <= MOST_HTMT:
        pair = f"{worst['first']} and {worst['second']}"
        found.append(("htmt", f"{pair} cannot be told apart: HTMT {worst['htmt']:.2f}, above {MOST_HTMT}"))
    if not kappa.value >= LEAST_KAPPA:
        words = f"the dominant type is hardly more than chance: kappa {kappa.value:.2f}, below {LEAST_KAPPA}"
        found.append(("kappa", words))
    return found


def _covariances(x: Floats, count: Floats) -> Floats:
    """Covariance matrices of weighted rows, shape (resamples, items, items)."""
    n, p = x.shape
    centred = x - x.mean(axis=0)
    products = (centred[:, :, None] * centred[:, None, :]).reshape(n, p * p)
    mean = count @ centred / n
    return np.asarray((count @ products / n).reshape(-1, p, p) - mean[:, :, None] * mean[:, None, :])


def _alpha(covariance: Floats, own: list[int]) -> Floats:
    """Cronbach's alpha of some items."""
    part, k = covariance[:, own][:, :, own], len(own)
    whole = part.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(k / (k - 1) * (1 - np.trace(part, axis1=1, axis2=2) / whole))


def _htmt(covariance: Floats, first: list[int], second: list[int]) -> Floats:
    """Heterotrait-monotrait ratio of correlations (absolute values, as in HTMT+)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        r = np.abs(covariance / spread[:, :, None] / spread[:, None, :])
        between = r[:, first][:, :, second].mean(axis=(1, 2))
        within = [_mean_within(r, own) for own in (first, second)]
        return np.asarray(between / np.sqrt(within[0] * within[1]))


def _mean_within(r: Floats, own: list[int]) -> Floats:
    upper = np.triu_indices(len(own), 1)
    return np.asarray(r[:, own][:, :, own][:, upper[0], upper[1]].mean(axis=1))


def _kappas(z: Floats, groups: list[list[int]], count: Floats) -> Floats:
    """Kappa of the dominant type between one item and the others of each bond: mean of all such splits, stepped up."""
    found = []
    for turn in range(max(map(len, groups))):
        ones = [own[turn % len(own)] for own in groups]
        rest = [[k for k in own if k != one] for own, one in zip(groups, ones, strict=True)]
        found.append(_agreement(_dominant([z[:, one] for one in ones]),
                                _dominant([z[:, own].mean(axis=1) for own in rest]), count, len(groups)))  # fmt: skip
    half = np.mean(found, axis=0)
    return np.asarray(2 * half / (1 + half))


def _dominant(scores: list[Floats]) -> Ints:
    columns = np.column_stack(scores)
    return np.asarray(np.argmax(columns / np.maximum(columns.std(axis=0), 1e-12), axis=1))


def _agreement(first: Ints, second: Ints, count: Floats, types: int) -> Floats:
    """Cohen's kappa of two labels, for each row of weights."""
    cells = count @ np.eye(types * types)[first * types + second]
    table = cells.reshape(-1, types, types) / count.sum(axis=1)[:, None, None]
    same = np.trace(table, axis1=1, axis2=2)
    chance = (table.sum(axis=1) * table.sum(axis=2)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((same - chance) / (1 - chance))


def _limits(values: Floats, tail: float) -> Floats:
    """Estimate (the first column) and percentile limits (of the others), shape (3, rows)."""
    if not values.size:
        return np.empty((3, len(values)))
    low, high = np.nanquantile(values[:, 1:], [tail, 1 - tail], axis=1)
    return np.vstack([values[:, 0], np.minimum(low, values[:, 0]), np.maximum(high, values[:, 0])])


def _unknown(groups: dict[str, list[int]]) -> pd.DataFrame:
    unknown = dict.fromkeys(("alpha", "alpha_ci_lower", "alpha_ci_upper", "omega"), np.nan)
    return pd.DataFrame([{"bond": bond, "items": len(own), **unknown} for bond, own in groups.items()])


def _reliability(groups: dict[str, list[int]], asked: list[str], limits: Floats, z: Floats) -> pd.DataFrame:
    frame = _unknown(groups).set_index("bond")
    for k, bond in enumerate(asked):
        loadings, estimated = item_loadings(z[:, groups[bond]])
        frame.loc[bond, ["alpha", "alpha_ci_lower", "alpha_ci_upper"]] = limits[:, k]
        frame.loc[bond, "omega"] = omega(loadings) if estimated else np.nan
    return frame.reset_index()


def _pairs(pairs: list[tuple[str, str]], limits: Floats) -> pd.DataFrame:
    columns = {"first": [a for a, _ in pairs], "second": [b for _, b in pairs]}
    return pd.DataFrame(columns | dict(zip(("htmt", "htmt_ci_lower", "htmt_ci_upper"), limits, strict=True)))
