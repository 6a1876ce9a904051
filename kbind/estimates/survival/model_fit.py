"""What a hazard model says: hazard ratios, tests, and predictions by customer with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kbind.data.dataset import Dataset
from kbind.errors import ArgumentError, check_number, listed, real, told
from kbind.estimates.survival.concordance import Concordance
from kbind.estimates.survival.cox_fit import CoxFit
from kbind.estimates.survival.design import Term, coded, strata_of
from kbind.estimates.survival.prediction import Course
from kbind.estimates.survival.proportional import ProportionalHazardsTest
from kbind.estimates.survival.scores import Score, brier_score, time_dependent_auc
from kbind.statistics.arrays import vector
from kbind.statistics.durations.histories import After, Histories, Pieces, histories
from kbind.statistics.result import Shown
from kbind.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Question:
    """What was asked of the data, so that the same can be asked of other data.

    Parameters
    ----------
    origin, as_of, log, lapse, grace
        As for `durations`.
    """

    origin: str
    as_of: object
    log: str | None
    lapse: str | None
    grace: str | None


@dataclass(frozen=True, eq=False)
class HazardModel(Shown):
    """Hazard ratios of customers' attributes, and survival of single customers. Made by `hazard_model`.

    Attributes
    ----------
    fit : CoxFit
        The regression; its baseline, like its handling of ties, is Efron's.
    terms : tuple of Term
        Its columns: what is compared with what.
    after : dict of str to After
        Covariates that change with time; their terms come last.
    strata : tuple of str
        Columns whose groups have hazards of their own.
    cause : str or None
        The one cause of leaving that counts; None: all.
    lives : Histories
        Customers it was fitted to.
    conf_level : float
        Level of the intervals.
    """

    fit: CoxFit
    terms: tuple[Term, ...]
    after: dict[str, After]
    strata: tuple[str, ...]
    cause: str | None
    lives: Histories = field(repr=False)
    pieces: Pieces = field(repr=False)
    conf_level: float
    question: Question = field(repr=False)

    @property
    def definition(self) -> str:
        """What was fitted to whom, in a few sentences."""
        who = self.lives.provenance.customer
        cause = (
            "" if self.cause is None else f" because of {self.cause!r}, other causes taken as the end of observation"
        )
        within = f", within groups of {', '.join(self.strata)}" if self.strata else ""
        changing = "".join(f" {name} is 1 {after}." for name, after in self.after.items())
        return (
            f"Cox regression of leaving{cause}{within}, ties and baseline by Efron: {self.fit.events:,} of "
            f"{len(self.lives):,} {who}s left. A hazard ratio above 1 goes with leaving earlier, other covariates "
            f"being equal; {self.conf_level:.0%} Wald intervals.{changing} {self.lives.definition}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a column of the regression.

        Returns
        -------
        DataFrame
            covariate, level, reference (both None for numbers and what changes with time), coef, hazard_ratio,
            hazard_ratio_ci_lower, hazard_ratio_ci_upper, std_error, z, p_value, n (customers: all for a number, those
            with the level, those to whom it ever happened) and events (how many of them left, for what changes with
            time while it held).
        """
        import pandas as pd

        frame = self.fit.to_frame(self.conf_level)
        gone = self.lives.gone(self.cause)[self.pieces.customer] & self.pieces.last
        n, events = [], []
        values = rows_of(self.lives, self.terms, self.pieces)
        fixed = len(self.terms) - len(self.after)
        for j, term in enumerate(self.terms):
            marked = values[:, j] > 0 if j >= fixed or term.level is not None else np.ones(len(values), dtype=bool)
            n.append(len(np.unique(self.pieces.customer[marked])))
            events.append(int((gone & marked).sum()))
        frame["covariate"] = [term.column for term in self.terms]
        frame.insert(1, "level", pd.Series([term.level for term in self.terms], dtype=object))
        frame.insert(2, "reference", pd.Series([term.reference for term in self.terms], dtype=object))
        return frame.assign(n=n, events=events)

    @cached_property
    def concordance(self) -> Concordance:
        """Share of comparable pairs that the model puts in the right order, within strata."""
        return self.fit.concordance()

    def proportional_hazards_test(self, transform: str = "km") -> ProportionalHazardsTest:
        """Exact score test of whether coefficients change with age, a factor's together.

        A column of text is one term with a degree of freedom less than it has levels, whichever of them is the
        reference. See `CoxFit.proportional_hazards_test`.
        """
        return self.fit.proportional_hazards_test(transform, [term.column for term in self.terms])

    def predict(self, times: ArrayLike, *, given: str | float = "now", data: Dataset | None = None) -> pd.DataFrame:
        """Chance of every customer to be still there.

        Parameters
        ----------
        times : array_like, shape (times,)
            Months from the age in `given` on.
        given : {"now", 0}
            "now": customers who are still there, given the age they have reached. 0: all, from the origin on.
        data : Dataset, optional
            Other customers, asked in the same way. Default: those of the model.

        Returns
        -------
        DataFrame
            customer_id, given (age), time, survival; NaN where customers of that group were not observed so long.

        Notes
        -----
        What changes with time is held at its current value, at 0 at the value it had just after the origin, so that
        nothing is known that was not known then. With one cause, survival is what it would be without the others.
        """
        import pandas as pd

        asked = _times(times)
        lives = self._lives(data)
        rows, ages = self._given(lives, given)
        survival = self._course(lives, rows, ages).survival(ages[rows], asked)
        return pd.DataFrame(
            {
                "customer_id": np.repeat(lives.customer_id[rows], len(asked)),
                "given": np.repeat(ages[rows], len(asked)),
                "time": np.tile(asked, len(rows)),
                "survival": survival.ravel(),
            }
        ).infer_objects()

    def expected_months(
        self, horizon: float, *, given: str | float = "now", data: Dataset | None = None
    ) -> pd.DataFrame:
        """Months that every customer is expected to stay, of the next `horizon` ones.

        Parameters
        ----------
        horizon : float
            Months.
        given, data
            As for `predict`.

        Returns
        -------
        DataFrame
            customer_id, given, horizon, expected_months: the area under `predict`; NaN where customers of that group
            were not observed so long.
        """
        import pandas as pd

        months = check_number("horizon", horizon, 0.0)
        lives = self._lives(data)
        rows, ages = self._given(lives, given)
        expected = self._course(lives, rows, ages).expected(ages[rows], months)
        columns = {"customer_id": lives.customer_id[rows], "given": ages[rows], "horizon": months}
        return pd.DataFrame({**columns, "expected_months": expected}).infer_objects()

    def brier(self, times: ArrayLike, *, data: Dataset | None = None) -> Score:
        """Brier score of predictions from the origin on, weighted by the inverse chance of being observed.

        Parameters
        ----------
        times : array_like, shape (times,)
            Ages in months.
        data : Dataset, optional
            Customers to test with. Default: those the model was fitted to, which flatters it.

        Returns
        -------
        Score

        Raises
        ------
        ArgumentError
            Customers who are observed only from a later age on, or ages that nobody of a group was observed to reach.
        """
        lives, asked, survival = self._tested(times, data)
        return brier_score(lives.duration, lives.gone(self.cause), survival, asked)

    def auc(self, times: ArrayLike, *, data: Dataset | None = None) -> Score:
        """Share of pairs of one who has left by an age and one who has not that are in the right order.

        Parameters and errors as for `brier`.
        """
        lives, asked, survival = self._tested(times, data)
        return time_dependent_auc(lives.duration, lives.gone(self.cause), 1 - survival, asked)

    def _tested(self, times: ArrayLike, data: Dataset | None) -> tuple[Histories, Floats, Floats]:
        lives, asked = self._lives(data), _times(times)
        late = int((lives.entry > 0).sum())
        if late:
            raise ArgumentError(
                f"{late:,} of {len(lives):,} {lives.provenance.customer}s are observed only from a later age on; "
                "scores from the origin on need all from the origin on, so take data without them, or origin='start'"
            )
        rows, ages = self._given(lives, 0)
        survival = self._course(lives, rows, ages).survival(ages, asked)
        unknown = [f"{time:g}" for time, column in zip(asked, survival.T, strict=True) if np.isnan(column).any()]
        if unknown:
            raise ArgumentError(f"times={listed(unknown)}: not every group of customers was observed so long")
        return lives, asked, survival

    def _lives(self, data: Dataset | None) -> Histories:
        if data is None:
            return self.lives
        columns = {term.column: "covariates" for term in self.terms if term.column not in self.after}
        return histories(data, columns | dict.fromkeys(self.strata, "strata"), self.after, **asdict(self.question))

    def _given(self, lives: Histories, given: str | float) -> tuple[Ints, Floats]:
        if isinstance(given, str) and given == "now":
            return np.flatnonzero(~lives.gone()), lives.duration
        if real(given) != 0:
            raise ArgumentError(f"given={told(given)} is not known; allowed: 'now', 0")
        return np.arange(len(lives)), np.zeros(len(lives))

    def _course(self, lives: Histories, rows: Ints, ages: Floats) -> Course:
        fixed = coded(lives, self.terms[: len(self.terms) - len(self.after)])
        covariates = np.column_stack([fixed, lives.values_after(ages)])[rows]
        labels = strata_of(lives, self.strata)
        strata = None if labels is None else [labels[row] for row in rows]
        return Course.of(self.fit, covariates, strata)


def rows_of(lives: Histories, terms: Sequence[Term], pieces: Pieces) -> Floats:
    """Covariates of every piece."""
    fixed = coded(lives, terms[: len(terms) - pieces.values.shape[1]])
    return np.column_stack([fixed[pieces.customer], pieces.values])


def _times(times: ArrayLike) -> Floats:
    asked = vector("times", np.atleast_1d(np.asarray(times, dtype=object)).tolist())
    if isinstance(times, bool) or not len(asked) or not (np.isfinite(asked) & (asked >= 0)).all():
        raise ArgumentError(f"times={told(asked.tolist())} are no months; allowed: 0 and above")
    return asked
