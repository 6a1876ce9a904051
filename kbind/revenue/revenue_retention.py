"""Retention of recurring revenue, window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import stack_groups
from kbind.errors import NotEnoughData, check_choice, check_conf_level, check_flag
from kbind.estimate.intervals import LEAST_EFFECTIVE, interval_columns, wilson
from kbind.result import Shown
from kbind.revenue.definitions import FIGURES, PRESETS, RULES, Rule, rule_of
from kbind.revenue.movements import BRIEF, MOVEMENTS, UNITS, Movements, movements
from kbind.typing import Bools, Floats, Ints


def effective_number(weights: Floats, *, single: bool = True) -> Floats:
    """Kish's effective number of customers, column by column; 0 where there are none.

    Of units of several customers put together at random, what the units differ by tells the sum of squares.

    >>> effective_number(np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 8.0]])).round(2)
    array([3.  , 1.52])
    """
    total = weights.sum(axis=0)
    squares = ((weights if single else weights - weights.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.divide(total**2, squares, out=np.zeros(total.shape), where=squares > 0))


def enough(effective: Floats) -> Bools:
    """Whether limits are given; 30 equal customers are enough, whatever rounding says."""
    return effective >= LEAST_EFFECTIVE * (1 - 1e-9)


def share_limits(kept: Floats, whole: Floats, conf_level: float, *, single: bool) -> tuple[Floats, Floats]:
    """Limits of the share of revenue that is kept, where no unit keeps more than it had.

    Wilson's for as many customers as the data is worth: Kish's number, or fewer if those who pay more fare unlike the
    others. They have a width where nothing was lost.

    Parameters
    ----------
    kept, whole : ndarray of float, shape (units, windows)
    conf_level : float
    single : bool
        Whether a unit is one customer.
    """
    n, total = effective_number(whole, single=single), whole.sum(axis=0)
    total = np.where(total > 0, total, np.nan)
    share = kept.sum(axis=0) / total
    spread = _spread(kept, whole, share, total)
    worth = np.divide(share * (1 - share), spread, out=n.copy(), where=spread > 0)
    worth = np.where(enough(n), np.minimum(worth, n), 0.0)
    _, lower, upper = wilson(np.where(worth > 0, share * worth, 0.0), worth, conf_level)
    return lower, upper


def ratio_limits(above: Floats, below: Floats, conf_level: float, *, single: bool) -> tuple[Floats, Floats]:
    """Limits of a ratio of sums, by Student's t.

    The variance is the jackknife's, and of single customers at least what it would be if what happens to them did not
    depend on what they pay; the degrees of freedom are twice the effective number of squared deviations, so that a few
    large ones widen the limits. NaN where nothing varies.

    Parameters
    ----------
    above, below : ndarray of float, shape (units, windows)
    conf_level : float
    """
    from scipy.special import stdtrit

    n, total = effective_number(below, single=single), below.sum(axis=0)
    total = np.where(total > 0, total, np.nan)
    ratio = above.sum(axis=0) / total
    deviation = above - ratio * below
    variance = _spread(above, below, ratio, total)
    if single:
        squared = np.divide(deviation**2, below, out=np.zeros(above.shape), where=below > 0)
        variance = np.maximum(variance, squared.sum(axis=0) / total / np.where(n > 0, n, np.nan))
    freedom = np.maximum(2 * effective_number(deviation**2), 1.0)
    half = stdtrit(freedom, 0.5 + conf_level / 2) * np.sqrt(np.where((variance > 0) & enough(n), variance, np.nan))
    return np.maximum(ratio - half, 0.0), ratio + half


def log_ratio_limits(above: Floats, below: Floats, conf_level: float) -> tuple[Floats, Floats]:
    """Limits of a ratio of sums of which either may be small, by Student's t on its logarithm.

    The variance and the degrees of freedom are those of `ratio_limits`: what each unit moves the logarithm by. NaN
    where one of the sums is nothing.

    >>> lower, upper = log_ratio_limits(np.array([[4.0], [4.0], [0.0]]), np.array([[0.0], [0.0], [2.0]]), 0.95)
    >>> lower.round(3), upper.round(1)
    (array([0.133]), array([119.9]))
    """
    from scipy.special import stdtrit

    known = (above.sum(axis=0) > 0) & (below.sum(axis=0) > 0)
    gained, lost = (np.where(known, side.sum(axis=0), np.nan) for side in (above, below))
    moved = (above / gained - below / lost) ** 2
    freedom = np.maximum(2 * effective_number(moved), 1.0)
    factor = np.exp(stdtrit(freedom, 0.5 + conf_level / 2) * np.sqrt(moved.sum(axis=0)))
    return gained / lost / factor, gained / lost * factor


def _spread(above: Floats, below: Floats, ratio: Floats, total: Floats) -> Floats:
    """Jackknife variance of a ratio of sums; a unit that is everything has none."""
    left = np.where(below < total, 1 - below / total, np.nan)
    moved = (above - ratio * below) / total / left
    return np.asarray((moved**2).sum(axis=0))


Terms = Mapping[str, Ints] | Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class RevenueRetention(Shown):
    """Recurring revenue of every window that is over: where it came from, where it went, and the rates made of it.

    Attributes
    ----------
    movements : Movements
        What it was computed from.
    preset : str
        Whose definitions were followed.
    include_reactivation : bool
        Whether revenue of customers who came back is in the numerator of the quick ratio.
    conf_level : float
        Level of the intervals.
    start, end : ndarray of float, shape (groups, windows)
        Revenue at the two ends of every window.
    moved : dict of str to ndarray of float, shape (groups, windows)
        new, expansion, contraction, churn, reactivation.
    rates : dict of str to tuple of ndarray
        grr, nrr, quick_ratio, logo_churn: estimate, lower and upper limit, each of shape (groups, windows).
    n_effective : ndarray of float, shape (groups, windows)
        How many customers of equal revenue those at the start are worth (Kish); below 30 money has no limits.
    """

    movements: Movements
    preset: str
    include_reactivation: bool
    conf_level: float
    start: Floats = field(repr=False)
    end: Floats = field(repr=False)
    moved: dict[str, Floats] = field(repr=False)
    rates: dict[str, tuple[Floats, Floats, Floats]] = field(repr=False)
    n_effective: Floats = field(repr=False)

    @property
    def definition(self) -> str:
        """What was counted and divided, in one sentence."""
        rules = {figure: self._rule(figure).formula for figure in FIGURES}
        told = "; ".join(f"{figure} = {formula or 'open'}" for figure, formula in rules.items())
        period, grace = self.movements.calendar.period, self.movements.grace
        return (
            f"Recurring revenue at the two ends of a {period}, a customer's being the sum over its contracts with "
            f"start <= t < end, or at most {grace:,} days later where another may follow. Preset {self.preset}: "
            f"{told}. {self.conf_level:.0%} intervals: Wilson for grr, by the effective number of customers, and for "
            f"logo_churn; Student's t for nrr, and for quick_ratio on the logarithm; none of money below "
            f"{LEAST_EFFECTIVE} effective customers. "
            f"{self.movements.provenance}"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, where there are too few customers for limits, and which figures are open."""
        rules = {figure: self._rule(figure) for figure in FIGURES}
        missing = tuple(f"{figure}, {self.preset}: {rule.note}" for figure, rule in rules.items() if not rule.numerator)
        return (*self.movements.notes, *self._few(), *missing)

    def _few(self) -> list[str]:
        """Windows without limits of money, and why."""
        paying = self.start > 0
        few = self.n_effective[paying & ~enough(self.n_effective)]
        if not len(few):
            return []
        return [
            f"No limits of grr, nrr and quick_ratio in {len(few):,} of {int(paying.sum()):,} windows: those who pay at "
            f"the start are worth {few.min():.1f} to {few.max():.1f} customers of equal revenue (Kish's effective "
            f"number), and limits hold what they promise from {LEAST_EFFECTIVE} on."
        ]

    def to_frame(self) -> pd.DataFrame:
        """One row a period that is over.

        Returns
        -------
        DataFrame
            Columns of `by`, period (label), n_start (customers paying at the start), start_mrr, new, expansion,
            contraction, churn, reactivation, end_mrr, then grr, nrr, quick_ratio and logo_churn, each with `_ci_lower`
            and `_ci_upper`. Always end_mrr = start_mrr + new + reactivation + expansion - contraction - churn. At last
            n_open and open_mrr: customers and revenue that count at the end although a contract has ended, because
            grace is not over.
        """
        calendar, n_start = self.movements.calendar, self.movements.n_start()
        frames = []
        for g in range(len(self.movements.groups)):
            cells = {"period": calendar.labels[: calendar.lived], "n_start": n_start[g], "start_mrr": self.start[g]}
            cells |= {name: self.moved[name][g] for name in MOVEMENTS} | {"end_mrr": self.end[g]}
            for figure, limits in self.rates.items():
                cells |= interval_columns(figure, (part[g] for part in limits))
            cells |= {"n_open": self.movements.n_open[g], "open_mrr": self.movements.open[g] / self.movements.scale}
            frames.append(pd.DataFrame(cells))
        return stack_groups(self.movements.by, self.movements.groups, frames)

    def definitions(self) -> pd.DataFrame:
        """How each vendor defines each figure, and what the last window comes to by it.

        Returns
        -------
        DataFrame
            One row a figure and preset. Columns of `by`, figure, preset, formula, value (of the last window), source
            (where the formula was read), note. Formula and value are NaN where the vendor leaves the figure open; then
            the note says why. In a formula start is the revenue of the customers who pay at the start of the window.

        Examples
        --------
        >>> import kbind as kb, pandas as pd
        >>> contracts = pd.DataFrame({"customer_id": ["a", "b"], "start": "2024-01-01", "end": ["2024-02-15", None],
        ...                           "mrr": [10, 30]})
        >>> data = kb.open_dataset({"subscriptions": contracts}, as_of="2024-03-01")
        >>> table = kb.revenue_retention(data).definitions().set_index(["figure", "preset"])
        >>> print(*table.loc[("nrr", "standard"), ["formula", "value"]])
        (start + expansion - contraction - churn) / start 0.75
        >>> table.loc[("nrr", "stripe"), "note"]
        'open: what was read of the page has no such rate, only MRR and its growth'
        """
        included = self.include_reactivation
        by_preset = {p: retention_of(self.movements, p, self.conf_level, include=included).rates for p in PRESETS}
        frames = []
        for g in range(len(self.movements.groups)):
            rows = []
            for figure, preset in RULES:
                rule = rule_of(figure, preset, include_reactivation=included)
                value = float(by_preset[preset][figure][0][g, -1])
                rows.append((figure, preset, rule.formula or np.nan, value, rule.source, rule.note))
            frames.append(pd.DataFrame(rows, columns=["figure", "preset", "formula", "value", "source", "note"]))
        return stack_groups(self.movements.by, self.movements.groups, frames)

    def _rule(self, figure: str) -> Rule:
        return rule_of(figure, self.preset, include_reactivation=self.include_reactivation)


def revenue_retention(
    data: Dataset,
    *,
    period: str | None = "month",
    definition: str = "standard",
    by: str | Sequence[str] | None = None,
    as_of: object = None,
    include_reactivation: bool = False,
    conf_level: float = 0.95,
) -> RevenueRetention:
    """How much recurring revenue stays, grows, shrinks and leaves, period by period.

    Parameters
    ----------
    data : Dataset
        With `subscriptions` and their `mrr`: several contracts a customer, plan changes, gaps and overlaps are fine.
    period : {"day", "week", "month", "quarter", "year"} or None
        Length of the calendar windows. None: the longest of year, quarter and month of which one is over.
    definition : {"standard", "chartmogul", "baremetrics", "stripe"}
        Whose formulas to follow; `.definitions()` of the result shows them all. What a vendor leaves open is NaN.
    by : str or sequence of str, optional
        Columns that split the customers: attributes of `customers`, or columns of `subscriptions`, of which the value
        of the customer's first contract counts.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data. Default: that of the data set.
    include_reactivation : bool
        Count revenue of customers who came back in the numerator of the quick ratio.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    RevenueRetention
        `.to_frame()` has one row per period that is over; `.notes` says what was left out; `.definitions()` compares
        the formulas.

    Raises
    ------
    ArgumentError
        No such table or column, a negative amount, no period that is over, or nobody who paid.

    Notes
    -----
    A customer's revenue at an instant t is the sum over its contracts with start <= t < end, in the currency of `mrr`;
    who has a free contract only is not paying. Where another contract follows within grace, the one that has ended
    counts until then; until grace is over nobody has left, and `open_mrr` says how much may still. Windows are looked
    at from both ends: who pays at the start and not at the end is churn, who pays more is expansion, less contraction;
    who pays only at the end is new, or a reactivation if it had paid before the window. Amounts are added up as whole
    millionths, so that no order of rows and no number of threads changes them and the movements add up. Customers with
    a contract of unknown mrr are left out and noted.

    What a few large customers do decides money: limits are NaN where those who pay at the start are worth fewer than 30
    customers of equal revenue (Kish's number, (sum of revenue) squared / sum of squared revenue; `n_effective`), and
    `notes` says in how many windows. `grr` is a share: Wilson's interval for that number, or for fewer if those who pay
    more fare unlike the others; it has a width where nothing was lost. `nrr`: Student's t with the variance of the
    jackknife, NaN where nothing changed. `quick_ratio`: the same on the logarithm, NaN where nothing was gained or
    nothing lost. How far they hold is in docs/simulations.md. `logo_churn`: Wilson's, NaN where more leave than were
    there.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7. Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter
    11. Wilson (1927), JASA 22, 209-212.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> contracts = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "c"],
    ...     "start": ["2024-01-01", "2024-02-10", "2024-01-01", "2024-02-20"],
    ...     "end": ["2024-02-10", None, "2024-02-15", None],
    ...     "mrr": [10, 15, 20, 5],
    ... })
    >>> data = kb.open_dataset({"subscriptions": contracts}, as_of="2024-03-01")
    >>> frame = kb.revenue_retention(data).to_frame()
    >>> frame[["period", "start_mrr", "new", "expansion", "churn", "end_mrr", "grr", "nrr"]].round(3)
        period  start_mrr  new  expansion  churn  end_mrr    grr  nrr
    0  2024-01       30.0  0.0        0.0    0.0     30.0  1.000  1.0
    1  2024-02       30.0  5.0        5.0   20.0     20.0  0.333  0.5
    """
    check_choice("definition", definition, PRESETS)
    check_conf_level(conf_level)
    check_flag("include_reactivation", include_reactivation)
    record = _longest(data, by, as_of) if period is None else movements(data, period=period, by=by, as_of=as_of)
    return retention_of(record, definition, conf_level, include=include_reactivation)


def _longest(data: Dataset, by: str | Sequence[str] | None, as_of: object) -> Movements:
    """The movements of the longest windows of which one is over; where not even a month is, that is said."""
    for period in ("year", "quarter"):
        with suppress(NotEnoughData):
            return movements(data, period=period, by=by, as_of=as_of)
    return movements(data, period="month", by=by, as_of=as_of)


def retention_of(record: Movements, preset: str, conf_level: float, *, include: bool = False) -> RevenueRetention:
    """The rates of movements that are known; see `revenue_retention`."""
    start, groups = record.start(), len(record.groups)
    money = {"start": start, **record.amounts}
    sums = {name: _by_group(values, record.group, groups) for name, values in money.items()}
    net = sums["new"] + sums["reactivation"] + sums["expansion"] - sums["contraction"] - sums["churn"]
    people = {"n_start": record.n_start()} | {f"n_{name}": record.counts[name] for name in (*MOVEMENTS, *BRIEF)}
    rules = {figure: rule_of(figure, preset, include_reactivation=include) for figure in FIGURES}
    rates = {figure: _ratio(rule, sums | people) for figure, rule in rules.items()}
    of_money = {figure: rule for figure, rule in rules.items() if figure != "logo_churn"}
    effective = np.array([
        effective_number(start[record.group == g].astype(float), single=_single(record, g)) for g in range(groups)
    ])  # fmt: skip
    limits = _money_limits(of_money, money, record, conf_level)
    limits["logo_churn"] = _wilson_limits(rules["logo_churn"], people, conf_level)
    return RevenueRetention(
        movements=record,
        preset=preset,
        include_reactivation=include,
        conf_level=conf_level,
        start=sums["start"] / record.scale,
        end=(sums["start"] + net) / record.scale,
        moved={name: sums[name] / record.scale for name in MOVEMENTS},
        rates={figure: (rates[figure], *limits[figure]) for figure in FIGURES},
        n_effective=effective,
    )


def _by_group(values: Ints, group: Ints, groups: int) -> Ints:
    """Sums over the units of every group, in whole numbers."""
    result = np.zeros((groups, values.shape[1]), dtype=np.int64)
    np.add.at(result, group, values)
    return result


def _total(terms: Terms, signs: Mapping[str, int]) -> Floats:
    """Terms added and subtracted."""
    return np.asarray(sum(sign * terms[name] for name, sign in signs.items()), dtype=float)


def _ratio(rule: Rule, terms: Terms) -> Floats:
    """The rule's ratio; NaN where it is open, or nothing is there to divide by."""
    if not rule.numerator:
        return np.full(next(iter(terms.values())).shape, np.nan)
    below = _total(terms, rule.denominator)
    ratio = np.full(below.shape, np.nan)
    np.divide(_total(terms, rule.numerator), below, out=ratio, where=below > 0)
    return ratio


def _money_limits(
    rules: dict[str, Rule], money: dict[str, Ints], record: Movements, conf_level: float
) -> dict[str, tuple[Floats, Floats]]:
    """Limits of ratios of money, from the units of every group."""
    groups, windows = len(record.groups), record.calendar.lived
    limits = {figure: (np.full((groups, windows), np.nan), np.full((groups, windows), np.nan)) for figure in rules}
    for g in range(groups):
        mine = record.group == g
        terms = {name: values[mine] / record.scale for name, values in money.items()}
        single = _single(record, g)
        for figure, rule in rules.items():
            if rule.numerator:
                found = _limits_of(rule, terms, conf_level, single=single)
                limits[figure][0][g], limits[figure][1][g] = found
    return limits


def _single(record: Movements, group: int) -> bool:
    """Whether a unit is one customer, of so few that it matters."""
    paying = np.count_nonzero(record.start()[record.group == group] > 0, axis=0)
    n = record.n_start()[group]
    return bool((paying == n).all() and n.max(initial=0) <= UNITS)


def _limits_of(rule: Rule, terms: dict[str, Floats], conf_level: float, *, single: bool) -> tuple[Floats, Floats]:
    """Limits of one ratio of sums over units."""
    above, below = _total(terms, rule.numerator), _total(terms, rule.denominator)
    if set(rule.denominator) != {"start"}:
        known = enough(effective_number(terms["start"], single=single))
        lower, upper = log_ratio_limits(above, below, conf_level)
        return np.where(known, lower, np.nan), np.where(known, upper, np.nan)
    if set(rule.numerator) <= {"start", "contraction", "churn"}:
        return share_limits(above, below, conf_level, single=single)
    return ratio_limits(above, below, conf_level, single=single)


def _wilson_limits(rule: Rule, people: dict[str, Ints], conf_level: float) -> tuple[Floats, Floats]:
    """Wilson's limits; where more left than were there it is no share."""
    count, nobs = _total(people, rule.numerator), _total(people, rule.denominator)
    share = (count <= nobs) & (nobs > 0)
    _, lower, upper = wilson(np.where(share, count, 0), np.where(share, nobs, 0), conf_level)
    return lower, upper
