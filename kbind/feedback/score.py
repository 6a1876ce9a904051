"""NPS, CSAT, CES and item means with intervals, by group and over time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import stack_groups
from kbind.errors import ArgumentError, check_conf_level, check_threshold, did_you_mean, listed, told
from kbind.estimate.intervals import interval_columns, wilson, with_limits
from kbind.feedback.answers import Answers, answers
from kbind.feedback.limits import between_customers, mean_and_variance, score_limits, worth
from kbind.feedback.scan import CONTACT
from kbind.result import Shown
from kbind.typing import Bools, Floats, Ints

#: Fewest customers for a score by contact of ours.
THRESHOLD = 5


@dataclass(frozen=True, eq=False)
class FeedbackScore(Shown):
    """A score with its interval, by group and period.

    Made by `feedback_score`.

    Attributes
    ----------
    answers : Answers
        What it was computed from.
    score, score_ci_lower, score_ci_upper : ndarray of float, shape (groups, periods)
        NPS between -1 and 1, CSAT between 0 and 1, else a mean on the scale; NaN without answers.
    standard_error : ndarray of float, shape (groups, periods)
        With `n_effective` in place of n.
    n_effective : ndarray of float, shape (groups, periods)
        How many answers of different customers the answers are worth.
    conf_level : float
        Level of the intervals.
    threshold : int
        Groups and periods with fewer customers who answered are not shown.
    """

    answers: Answers
    score: Floats = field(repr=False)
    score_ci_lower: Floats = field(repr=False)
    score_ci_upper: Floats = field(repr=False)
    standard_error: Floats = field(repr=False)
    n_effective: Floats = field(repr=False)
    conf_level: float
    threshold: int

    @property
    def hidden(self) -> int:
        """Groups and periods with answers that the threshold hides."""
        return int(((self.answers.customers < self.threshold) & (self.answers.n > 0)).sum())

    @property
    def definition(self) -> str:
        """What was counted and divided, who was there to answer, and how the interval comes about."""
        asked = self.answers.instrument
        method = "Wilson interval"
        if asked.measure != "csat":
            method = "adjusted Wald interval (3/4 of an answer added at each end of the scale, 3/2 in its middle)"
        text = (
            f"{asked.meaning}; {method}, several answers of one {self.answers.provenance.customer} counted as "
            f"clustered. {self._response} Answers without a score count as missing."
        )
        if self.answers.by_contact:
            who = self.answers.provenance.customer
            text += f" An answer counts for every contact of ours that the {who} had at that time."
        if self.threshold > 1:
            text += (
                f" Fewer than {self.threshold} {self.answers.provenance.customer}s are not shown ({self.hidden:,} left "
                "out); the order says nothing."
            )
        return " ".join(part for part in (text, asked.doubt, str(self.answers.provenance)) if part)

    @property
    def _response(self) -> str:
        name = self.answers.provenance.customer
        if self.answers.by_contact or self.answers.present is None:
            return f"Response share: unknown, for nothing says which {name}s there were."
        what = "under contract" if self.answers.present == "subscriptions" else "active (with an event)"
        when = "since the first answer" if self.answers.period is None else f"in the {self.answers.period}"
        return f"Response share: {name}s with an answer among those {what} {when}, by Wilson."

    def to_frame(self) -> pd.DataFrame:
        """One row a group and period that is over.

        Returns
        -------
        DataFrame
            Columns of `by`, period (label; only if asked for), n (answers with a score), n_missing (without one),
            customers, respondents (NaN where not known), score, score_ci_lower, score_ci_upper, standard_error,
            n_effective, for NPS promoters, passives and detractors (shares), customers_there, response_share,
            response_share_ci_lower, response_share_ci_upper (NaN where not known). Sorted by the columns of `by`.
        """
        a = self.answers
        n = np.where(a.n > 0, a.n, np.nan)
        columns: dict[str, Any] = {
            "n": a.n,
            "n_missing": a.missing,
            "customers": a.customers,
            "respondents": a.respondents if (a.respondents >= 0).all() else np.full(a.n.shape, np.nan),
            **{name: getattr(self, name) for name in (*with_limits("score"), "standard_error", "n_effective")},
        }
        if a.instrument.measure == "nps":
            columns["promoters"] = (a.squares + a.total) / 2 / n
            columns["passives"] = 1 - a.squares / n
            columns["detractors"] = (a.squares - a.total) / 2 / n
        columns["customers_there"] = a.there
        share = wilson(a.reached, np.nan_to_num(a.there), self.conf_level)
        columns |= interval_columns("response_share", share)
        labels = {} if a.period is None else {"period": list(a.periods)}
        frames = []
        for g in range(len(a.groups)):
            frame = pd.DataFrame(labels | {name: values[g] for name, values in columns.items()})
            shown = a.customers[g] >= self.threshold if self.threshold > 1 else np.ones(len(frame), dtype=bool)
            frames.append(frame[shown])
        return stack_groups(a.by, a.groups, frames)

    def with_threshold(self, threshold: int) -> FeedbackScore:
        """The same without what rests on fewer customers.

        Parameters
        ----------
        threshold : int
            Smallest number of customers that is shown; 1 shows all.

        Returns
        -------
        FeedbackScore
        """
        return replace(self, threshold=check_threshold(threshold))

    def compare(self, column: str, first: object, second: object) -> FeedbackDifference:
        """Difference of the scores of two groups, first minus second.

        Parameters
        ----------
        column : str
            One of the columns of `by`, such as "respondent_role".
        first, second : object
            Two of its values, such as "decision_maker" and "user".

        Returns
        -------
        FeedbackDifference
            For every period and every value of the other columns.

        Raises
        ------
        ArgumentError
            No such column or value, or single contacts of ours.

        Notes
        -----
        The interval combines the limits of both scores (MOVER [1]_; for independent shares that is Newcombe's hybrid)
        and takes into account that answers of both groups come from the same customers.

        References
        ----------
        .. [1] Zou (2008), American Journal of Epidemiology 168, 212-224.
        """
        a = self.answers
        if not isinstance(column, str) or column not in a.by:
            split = f"columns: {', '.join(a.by)}" if a.by else "it is not split"
            raise ArgumentError(
                f"column={told(column)} does not split this score; {did_you_mean(str(column), a.by)}{split}"
            )
        if column == CONTACT and a.by_contact:
            raise ArgumentError(f"column={column!r}: single contacts of ours are not compared with each other")
        place = a.by.index(column)
        values = list(dict.fromkeys(group[place] for group in a.groups))
        from pandas import NA

        for name, value in (("first", first), ("second", second)):
            if not isinstance(value, Hashable) or value is NA or value not in values:
                hint = did_you_mean(str(value), [str(known) for known in values])
                raise ArgumentError(f"{name}={told(value)} is no value of {column}; {hint}values: {listed(values)}")
        if first == second:
            raise ArgumentError(f"first and second are both {first!r}; name two values of {column}")
        code = {group: g for g, group in enumerate(a.groups)}
        pairs = [
            (code[group], code[other])
            for group in a.groups
            if group[place] == first and (other := (*group[:place], second, *group[place + 1 :])) in code
        ]
        one, two = (np.array([pair[k] for pair in pairs], dtype=np.int64) for k in (0, 1))
        return FeedbackDifference(self, column, (first, second), one, two, *_difference(self, one, two))


@dataclass(frozen=True, eq=False)
class FeedbackDifference(Shown):
    """Difference of the scores of two groups of answers, first minus second.

    Attributes
    ----------
    of : FeedbackScore
        What is compared.
    column : str
        Column that tells the two groups apart.
    values : tuple
        First and second value.
    first, second : ndarray of int, shape (rows,)
        Groups that are compared.
    difference, difference_ci_lower, difference_ci_upper : ndarray of float, shape (rows, periods)
        NaN where a group has no answers, or fewer customers than the threshold.
    """

    of: FeedbackScore
    column: str
    values: tuple[object, object]
    first: Ints = field(repr=False)
    second: Ints = field(repr=False)
    difference: Floats = field(repr=False)
    difference_ci_lower: Floats = field(repr=False)
    difference_ci_upper: Floats = field(repr=False)

    @property
    def definition(self) -> str:
        """What is compared, and that the groups share customers."""
        first, second = self.values
        return (
            f"Score where {self.column} is {first} minus score where it is {second}; limits of both combined (MOVER), "
            f"with the covariance from {self.of.answers.provenance.customer}s who answer in both. {self.of.definition}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a group of the other columns and period.

        Returns
        -------
        DataFrame
            Other columns of `by`, period (only if asked for), n_first, n_second, score_first, score_second,
            difference, difference_ci_lower, difference_ci_upper.
        """
        a = self.of.answers
        labels = {} if a.period is None else {"period": list(a.periods)}
        frames = [
            pd.DataFrame(
                labels
                | {
                    "n_first": a.n[one],
                    "n_second": a.n[two],
                    "score_first": self.of.score[one],
                    "score_second": self.of.score[two],
                    **{name: getattr(self, name)[row] for name in with_limits("difference")},
                }
            )[_shown(self.of, one, two)]
            for row, (one, two) in enumerate(zip(self.first, self.second, strict=True))
        ]
        place = a.by.index(self.column)
        others = [tuple(v for k, v in enumerate(a.groups[g]) if k != place) for g in self.first]
        return stack_groups([name for name in a.by if name != self.column], tuple(others), frames)


def feedback_score(
    data: Dataset,
    instrument: str,
    *,
    by: str | Sequence[str] | None = None,
    period: str | None = None,
    measure: str | None = None,
    scale: tuple[int, int] | None = None,
    conf_level: float = 0.95,
) -> FeedbackScore:
    """Score of an instrument such as NPS or CSAT, with interval and response share.

    Parameters
    ----------
    data : Dataset
        With a table `feedback`.
    instrument : str
        As the column `instrument` has it, such as "nps".
    by : str or sequence of str, optional
        Columns that split the answers: attributes of `customers`, columns of `feedback` such as respondent_role and
        project (of every answer its own), or "contact": our contacts at the time of the answer, from the table
        `contacts`. Unknown values form a group of their own (None).
    period : {"day", "week", "month", "quarter", "year"}, optional
        Calendar periods of the answers; only those that are over. Default: all time up to `data.as_of` together.
    measure : {"nps", "csat", "mean"}, optional
        What is made of the answers. Default: by the name of the instrument, "mean" for all but "nps" and "csat".
    scale : (int, int), optional
        Lowest and highest answer. Default: 0 to 10 for "nps", 1 to 5 for "csat", 1 to 7 for "ces"; for other
        instruments it has to be said.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    FeedbackScore
        Split by "contact", what rests on fewer than 5 customers is left out; `with_threshold` says so where another
        column names employees.

    Raises
    ------
    ArgumentError
        No such table, column or instrument, an unknown scale, scores that the scale does not have, or an NPS that
        cannot have been asked on 0 to 10: nobody of 10 or more customers says 0 or more than 5, or of 30 or more
        customers 0 or more than 7. Giving `scale=(0, 10)` says that it was all the same.

    Notes
    -----
    NPS: variance (p + d - (p - d)^2) / n, interval by the adjusted Wald method: 3/4 added to promoters and to
    detractors, 3 to n [1]_. CSAT: share of the top two answers, Wilson. Others: mean, its interval by the same method
    as that of the NPS, 3/4 of an answer added at each end of the scale and 3/2 in the middle, because Student's fails
    where most answers are at one end. A customer who answers several times, by several people or at several times, is
    a cluster: n is divided by the design effect of the ratio estimator over customers, with fewer degrees of freedom
    [2]_; if everyone answers once, the plain formulas remain. Employees are not ranked: by contact, rows are sorted
    by id, and small groups left out.

    The response share divides customers with an answer by the customers there were in the period (under contract, or
    without contracts with an event), whether or not they were asked. It is about all customers there were when answers
    are split by what belongs to the answer, and unknown by contact.

    References
    ----------
    .. [1] Rocks (2016), Interval estimation for the "Net Promoter Score", The American Statistician 70, 365-372.
    .. [2] Korn and Graubard (1998), Survey Methodology 24, 193-201; Kish (1965), Survey Sampling.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> said = pd.DataFrame({"customer_id": [1, 2, 3, 4], "timestamp": "2024-05-06", "instrument": "nps",
    ...                      "score": [10, 9, 8, 3]})
    >>> data = kb.open_dataset({"feedback": said, "customers": pd.DataFrame({"customer_id": [1, 2, 3, 4]})})
    >>> found = kb.feedback_score(data, "nps").to_frame()
    >>> found[["n", "score", "score_ci_lower", "score_ci_upper", "detractors"]].round(3)
       n  score  score_ci_lower  score_ci_upper  detractors
    0  4   0.25          -0.442           0.727        0.25
    """
    check_conf_level(conf_level)
    counted = answers(data, instrument, by=by, period=period, measure=measure, scale=scale)
    return score_of(counted, conf_level, THRESHOLD if counted.by_contact else 1)


def score_of(counted: Answers, conf_level: float = 0.95, threshold: int = 1) -> FeedbackScore:
    """The score of answers that are counted already."""
    score, variance = mean_and_variance(counted)
    size = worth(counted)
    lower, upper = score_limits(counted, conf_level)
    return FeedbackScore(counted, score, lower, upper, np.sqrt(variance / size), size, conf_level, threshold)


def _shown(result: FeedbackScore, one: Any, two: Any) -> Bools:
    customers = result.answers.customers
    enough = np.minimum(customers[one], customers[two]) >= result.threshold
    return np.asarray(enough | (result.threshold == 1))


def _difference(result: FeedbackScore, one: Ints, two: Ints) -> tuple[Floats, Floats, Floats]:
    """Difference and its limits by MOVER with correlation (Zou 2008), one row a pair of groups."""
    a = result.answers
    mean, _ = mean_and_variance(a)
    mm, mt, tm, tt = (np.zeros((len(one), len(a.periods))) for _ in range(4))
    row = {pair: k for k, pair in enumerate(zip(one.tolist(), two.tolist(), strict=True))}
    p = a.pairs
    for k in range(len(p.group)):
        pair, i = (int(p.group[k]), int(p.other[k])), p.period[k]
        if pair in row:
            mm[row[pair], i], mt[row[pair], i], tt[row[pair], i] = p.mm[k], p.mt[k], p.tt[k]
        if pair[::-1] in row:
            tm[row[pair[::-1]], i] = p.mt[k]
    first, second = mean[one], mean[two]
    shared = tt - first * mt - second * tm + first * second * mm
    squares = between_customers(a, mean)
    scale = np.sqrt(squares[one] * squares[two])
    together = np.clip(np.where(scale > 0, shared / np.where(scale > 0, scale, 1.0), 0.0), -1, 1)
    low, high = result.score_ci_lower, result.score_ci_upper

    def reach(here: Floats, there: Floats) -> Floats:
        return np.asarray(np.sqrt(np.maximum(here**2 + there**2 - 2 * together * here * there, 0.0)))

    difference = first - second
    below = reach(first - low[one], high[two] - second)
    above = reach(high[one] - first, second - low[two])
    hidden = np.array([~_shown(result, x, y) for x, y in zip(one, two, strict=True)]).reshape(difference.shape)
    lower, upper = (np.where(hidden, np.nan, limit) for limit in (difference - below, difference + above))
    return np.where(hidden, np.nan, difference), lower, upper
