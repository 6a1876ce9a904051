"""What segments are like, seen on customers who were not used to form them."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from kbind.customers.levels import MISSING
from kbind.customers.roster import Roster
from kbind.dataset.provenance import Provenance
from kbind.estimate.intervals import interval_columns, newcombe, wilson
from kbind.result import Shown
from kbind.segments.rules import Rule, segment_rules
from kbind.segments.stability import Formed, crossed, form
from kbind.segments.traits import NOT_APPLICABLE, Trait
from kbind.typing import Floats, Ints

#: Parts of the customers who left; each is described by segments formed of the others.
FOLDS = 5

#: Traits that make a name, and reasons that are named.
_IN_NAME, _REASONS = 2, 3


@dataclass(frozen=True, eq=False)
class SegmentProfile(Shown):
    """What the segments are like. Made by `Segmentation.profile`.

    Attributes
    ----------
    k : int
    verdict : str
        Of the segmentation.
    names : tuple of str
        Proposed, made of what distinguishes each segment most.
    rules : tuple of Rule
        A short rule for each segment.
    fidelity : float
        Share of churned customers whom the rules put where the segments do, each fifth judged by rules of the others.
    same_segment : float
        Share of churned customers whom segments formed without them put where the segments formed of all do.
    segment : ndarray of int, shape (customers,)
        From 0, of all customers, in the order of the roster.
    roster : Roster
        All customers.
    differences : DataFrame
        As `traits()`, segments from 0, with what each row says in words.
    """

    k: int
    verdict: str
    names: tuple[str, ...]
    rules: tuple[Rule, ...] = field(repr=False)
    fidelity: float
    same_segment: float
    segment: Ints = field(repr=False)
    roster: Roster = field(repr=False)
    differences: pd.DataFrame = field(repr=False)
    conf_level: float
    provenance: Provenance

    @property
    def definition(self) -> str:
        """On whom, and how."""
        who = f"{self.roster.provenance.customer}s"
        return (
            f"Profiles of {self.k} segments on {who} who were not used to form them: each fifth of the {who} who left "
            f"in segments formed of the other four ({self.same_segment:.0%} fall where the segments formed of all put "
            f"them), {who} who stayed in those formed of all who left. churn_rate: share who left of all {who} who "
            f"fall in the segment (Wilson); lift: that share over the share of all {who} (delta method). "
            f"{self._revenue} The rule is a tree of depth 3 at most; its precision and recall are those of rules made "
            f"without the {who} they are tried on. {self.conf_level:.0%} intervals. {self.roster.meaning} "
            f"{self.provenance}"
        )

    @property
    def _revenue(self) -> str:
        if self.roster.revenue is None:
            return "There is no revenue in the data."
        unknown = int(np.isnan(self.roster.revenue[self.roster.left]).sum())
        gap = f", {unknown:,} of them without a value" if unknown else ""
        return f"lost_revenue: sum of {self.roster.revenue_from} of those who left{gap}."

    def to_frame(self) -> pd.DataFrame:
        """One row a segment, the largest first.

        Returns
        -------
        DataFrame
            Columns segment, name, n_churned, share (of the churned), n (all who fall in it), churn_rate, lift,
            lost_revenue, lost_revenue_share, each estimate with `_ci_lower` and `_ci_upper`; distinguished_by, reasons
            (stated most often), rule, rule_precision, rule_recall, each with limits.
        """
        left, counts = self.roster.left, self._counts
        churned, everybody = counts
        columns: dict[str, Any] = {
            "segment": np.arange(1, self.k + 1),
            "name": list(self.names),
            "n_churned": churned,
        }
        columns |= interval_columns("share", wilson(churned, left.sum(), self.conf_level))
        columns["n"] = everybody
        columns |= interval_columns("churn_rate", wilson(churned, everybody, self.conf_level))
        columns |= interval_columns("lift", lift(churned, everybody, self.conf_level))
        columns |= self._lost()
        columns["distinguished_by"] = [self._distinguished(number) for number in range(self.k)]
        columns["reasons"] = [self._reasons(number) for number in range(self.k)]
        columns["rule"] = [rule.text for rule in self.rules]
        right, picked, true = (np.array([getattr(r, part) for r in self.rules]) for part in ("right", "picked", "true"))
        columns |= interval_columns("rule_precision", wilson(right, picked, self.conf_level))
        columns |= interval_columns("rule_recall", wilson(right, true, self.conf_level))
        return pd.DataFrame(columns)

    def traits(self) -> pd.DataFrame:
        """How each segment differs from all others who left; the largest difference of each first.

        Returns
        -------
        DataFrame
            Columns segment, attribute, level (empty for a number), value and value_others (share with the level;
            median), difference (of shares, Newcombe; of means in standard deviations, normal theory) with limits,
            standardized (difference in standard deviations), clear (whether the interval excludes 0).
        """
        return self.differences.drop(columns="text").assign(segment=self.differences["segment"] + 1)

    def reasons(self) -> pd.DataFrame:
        """Stated reasons by segment, those without a reason counted apart.

        Returns
        -------
        DataFrame
            Columns segment, reason, n, share (of those who gave a reason), share_ci_lower, share_ci_upper,
            missing_share (of the segment's churned customers: no reason known). Empty where nobody gave any.
        """
        rows = []
        reason = self.roster.reason
        for number in range(self.k if reason is not None else 0):
            assert reason is not None
            codes = reason.codes[self.roster.left & (self.segment == number)]
            given = codes[codes >= 0]
            n = np.bincount(given, minlength=len(reason.levels))
            missing = 1 - len(given) / len(codes) if len(codes) else float("nan")
            share = wilson(n, len(given), self.conf_level)
            rows += [(number + 1, reason.levels[c], int(n[c]), *(part[c] for part in share), missing)
                     for c in np.argsort(-n, kind="stable")]  # fmt: skip
        names = ["segment", "reason", "n", "share", "share_ci_lower", "share_ci_upper", "missing_share"]
        return pd.DataFrame(rows, columns=names)

    @property
    def _counts(self) -> tuple[Ints, Ints]:
        """Customers in each segment who left, and all."""
        left = self.roster.left
        return (
            np.bincount(self.segment[left], minlength=self.k),
            np.bincount(self.segment, minlength=self.k),
        )

    def _lost(self) -> dict[str, Any]:
        """Revenue lost in each segment, and its share of all that was lost."""
        left = self.roster.left
        if self.roster.revenue is None:
            unknown = np.full(self.k, np.nan)
            return {"lost_revenue": unknown, **interval_columns("lost_revenue_share", (unknown, unknown, unknown))}
        revenue, segment = np.nan_to_num(self.roster.revenue[left]), self.segment[left]
        lost = np.bincount(segment, weights=revenue, minlength=self.k)
        total = lost.sum()
        if not total > 0:
            unknown = np.full(self.k, np.nan)
            return {"lost_revenue": lost, **interval_columns("lost_revenue_share", (unknown, unknown, unknown))}
        share = lost / total
        away = revenue[:, None] * ((segment[:, None] == np.arange(self.k)) - share)
        half = NormalDist().inv_cdf(0.5 + self.conf_level / 2) * np.sqrt((away**2).sum(axis=0)) / total
        limits = share, np.clip(share - half, 0, 1), np.clip(share + half, 0, 1)
        return {"lost_revenue": lost, **interval_columns("lost_revenue_share", limits)}

    def _distinguished(self, number: int) -> str:
        return "; ".join(_clear(self.differences, number)["text"].head(3))

    def _reasons(self, number: int) -> str:
        frame = self.reasons()
        here = frame[(frame["segment"] == number + 1) & (frame["n"] > 0)].head(_REASONS)
        return ", ".join(f"{row['reason']} ({row['share']:.0%})" for _, row in here.iterrows())


def lift(churned: Ints, everybody: Ints, conf_level: float) -> tuple[Floats, Floats, Floats]:
    """Churn rate of each segment over that of all, with a delta-method interval on the log scale.

    >>> ratio, lower, upper = lift(np.array([30, 70]), np.array([100, 900]), 0.95)
    >>> f"{ratio[0]:.2f} [{lower[0]:.2f}, {upper[0]:.2f}]"
    '3.00 [2.31, 3.90]'
    """
    a, n = churned.astype(float), everybody.astype(float)
    b, m = a.sum() - a, n.sum() - n
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (a / n) / (a.sum() / n.sum())
        own, rest = a * (1 - a / n), np.where(m > 0, b * (1 - b / np.maximum(m, 1)), 0)
        variance = (1 / a - 1 / a.sum()) ** 2 * own + rest / a.sum() ** 2
        half = NormalDist().inv_cdf(0.5 + conf_level / 2) * np.sqrt(variance)
        return ratio, ratio * np.exp(-half), ratio * np.exp(half)


def profile_segments(formed: Formed, people: Roster, verdict: str, conf_level: float) -> SegmentProfile:
    """Assign every customer without having used them, then count."""
    rows = np.flatnonzero(people.left)
    left = people.take(rows)
    fold = np.random.default_rng([formed.seed, 4]).permutation(np.arange(len(rows)) % FOLDS)
    segment = formed.assign(people.columns)
    main, churned = segment[rows], _held_out(formed, left, segment[rows], fold)
    segment[rows] = churned
    differences = trait_differences(formed, left, churned, conf_level)
    rules, fidelity = segment_rules(formed, left, churned, fold)
    return SegmentProfile(
        k=formed.k,
        verdict=verdict,
        names=_names(differences, formed.k),
        rules=rules,
        fidelity=fidelity,
        same_segment=float((churned == main).mean()),
        segment=segment,
        roster=people,
        differences=differences,
        conf_level=conf_level,
        provenance=people.provenance,
    )


def _held_out(formed: Formed, left: Roster, main: Ints, fold: Ints) -> Ints:
    """The segment of each customer who left, by segments formed of the other folds, numbered as those of all."""
    from scipy.optimize import linear_sum_assignment

    result = np.zeros(len(left), dtype=np.int64)
    if formed.k == 1:
        return result
    for part in range(FOLDS):
        rest, held = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        columns = left.take(rest).columns
        again = form(formed.coding, columns, formed.k, formed.seed)
        overlap = crossed(again.assign(columns), main[rest], formed.k, np.ones(len(rest)))
        _, number = linear_sum_assignment(-overlap)
        result[held] = number[again.assign(left.take(held).columns)]
    return result


def trait_differences(formed: Formed, left: Roster, segment: Ints, conf_level: float) -> pd.DataFrame:
    """How each segment differs from all others who left, trait by trait; the largest difference first.

    Numbers: difference of means in standard deviations. Levels: difference of shares (Newcombe), and the same in
    standard deviations.
    """
    rows: list[dict[str, Any]] = []
    z = NormalDist().inv_cdf(0.5 + conf_level / 2)
    for trait, values in zip(formed.coding.traits, formed.coding.read(left.columns), strict=True):
        for number in range(formed.k):
            inside = segment == number
            n, others = int(inside.sum()), int((~inside).sum())
            if not n or not others:
                continue
            if trait.levels:
                rows += _level_rows(trait, values, inside, number, conf_level)
            else:
                rows.append(_number_row(trait, np.asarray(values, dtype=float), inside, number, z))
    names = ["segment", "attribute", "level", "value", "value_others", "difference", "difference_ci_lower",
             "difference_ci_upper", "standardized", "clear", "text"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    size = frame["standardized"].abs()
    return frame.assign(size=size).sort_values(
        ["segment", "size", "attribute", "level"], ascending=[True, False, True, True]
    ).drop(columns="size").reset_index(drop=True)  # fmt: skip


def _level_rows(trait: Trait, values: Any, inside: Any, number: int, conf_level: float) -> list[dict[str, Any]]:
    rows = []
    n, others = int(inside.sum()), int((~inside).sum())
    for code in trait.shown:
        has = values == code
        one, other = int((has & inside).sum()), int((has & ~inside).sum())
        difference, lower, upper = map(float, newcombe(one, n, other, others, conf_level))
        share = has.mean()
        spread = float(np.sqrt(share * (1 - share)))
        level = trait.levels[code]
        rows.append(
            {
                "segment": number,
                "attribute": trait.attribute,
                "level": level,
                "value": one / n,
                "value_others": other / others,
                **interval_columns("difference", (difference, lower, upper)),
                "standardized": difference / spread if spread else 0.0,
                "clear": not lower <= 0 <= upper,
                "text": f"{_words(trait, code, difference > 0)}: {one / n:.0%} against {other / others:.0%}",
            }
        )
    return rows


def _number_row(trait: Trait, values: Floats, inside: Any, number: int, z: float) -> dict[str, Any]:
    one, other = values[inside], values[~inside]
    spread = float(values.std()) or 1.0
    difference = float(one.mean() - other.mean()) / spread
    variance = one.var(ddof=1) / len(one) if len(one) > 1 else np.nan
    variance += other.var(ddof=1) / len(other) if len(other) > 1 else np.nan
    half = z * float(np.sqrt(variance)) / spread
    middle = [float(np.median(np.exp(part) if trait.log else part)) for part in (one, other)]
    name = trait.attribute.replace("_", " ")
    return {
        "segment": number, "attribute": trait.attribute, "level": "", "value": middle[0], "value_others": middle[1],
        "difference": difference, "difference_ci_lower": difference - half, "difference_ci_upper": difference + half,
        "standardized": difference, "clear": bool(abs(difference) > half),
        "text": f"{'high' if difference > 0 else 'low'} {name}: median {middle[0]:.3g} against {middle[1]:.3g}",
    }  # fmt: skip


def _words(trait: Trait, code: int, more: bool) -> str:
    """What a level is called in a name; the lack of it if there is less."""
    name, level = trait.attribute.replace("_", " "), trait.levels[code]
    if level == MISSING:
        said = f"{name} unknown"
    elif len(trait.shown) == 1 and len([v for v in trait.levels if v != NOT_APPLICABLE]) == 2:
        other = trait.levels[1 - code]
        if level.casefold() in ("yes", "1", "true", "ja"):
            return name if more else f"no {name}"
        return f"{name} {level if more else other}"
    else:
        said = f"{name} {level}"
    return said if more else f"not {said}"


def _clear(traits: pd.DataFrame, number: int) -> pd.DataFrame:
    return traits[(traits["segment"] == number) & traits["clear"]]


def _names(traits: pd.DataFrame, k: int) -> tuple[str, ...]:
    """The two clearest differences of each segment, of different attributes; more where names would be the same."""
    if k == 1:
        return ("all who left",)
    parts = []
    for number in range(k):
        clear = _clear(traits, number).drop_duplicates("attribute")
        parts.append([text.split(":")[0] for text in clear["text"]])
    length = _IN_NAME
    while length < max(map(len, parts)) and len({tuple(part[:length]) for part in parts}) < k:
        length += 1
    return tuple(", ".join(part[:length]) or f"segment {number + 1}" for number, part in enumerate(parts))
