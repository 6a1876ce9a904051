"""Which customers leave earlier: Cox regression from a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import names_of
from kbind.errors import ArgumentError, NotEnoughData, check_choice, check_conf_level
from kbind.result import Shown
from kbind.survival.design import Term, coded, strata_of, terms_of
from kbind.survival.histories import After, Histories, Pieces, histories
from kbind.survival.plain_durations import PLAIN, PLAIN_MEANING, columns_of, plain_customers
from kbind.survival.proportional import proportional_hazards_test
from kbind.typing import Floats

if TYPE_CHECKING:
    import pandas as pd
    from lifelines import CoxPHFitter

    from kbind.survival.cox import CoxFit

__all__ = ["HazardModel", "hazard_model"]


@dataclass(frozen=True, eq=False)
class HazardModel(Shown):
    """Hazard ratios of customers' attributes. Made by `hazard_model`.

    Attributes
    ----------
    fit : CoxFit
        The regression.
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
    conf_level: float = 0.95

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
            f"Cox regression of leaving{cause}{within}, ties by Efron: {self.fit.events:,} of "
            f"{len(self.lives):,} {who}s left. A hazard ratio above 1 goes with leaving earlier, other covariates "
            f"being equal; {self.conf_level:.0%} Wald intervals.{changing} {self.lives.definition}"
        )

    def with_conf_level(self, conf_level: float) -> HazardModel:
        """The same with intervals of another level, between 0 and 1."""
        return replace(self, conf_level=check_conf_level(conf_level))

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
            n.append(int(np.count_nonzero(np.bincount(self.pieces.customer[marked]))))
            events.append(int((gone & marked).sum()))
        frame["covariate"] = [term.column for term in self.terms]
        frame.insert(1, "level", pd.Series([term.level for term in self.terms], dtype=object))
        frame.insert(2, "reference", pd.Series([term.reference for term in self.terms], dtype=object))
        return frame.assign(n=n, events=events)

    @property
    def lifelines(self) -> CoxPHFitter:
        """The fitted regression of lifelines, for its summaries, plots and curves.

        Somebody who enters late is two rows of its data, the second of weight -1 and with the entry as its time; its
        concordance index then means nothing, all else does.
        """
        return self.fit.lifelines

    def proportional_hazards_test(self, transform: str = "km") -> pd.DataFrame:
        """Exact score test of whether coefficients change with age, a factor's together.

        lifelines' test uses an approximation that R gave up, and may say the opposite.

        Parameters
        ----------
        transform : {"km", "identity"}
            Function of age with which they might: 1 - Kaplan-Meier estimate just before, or age itself.

        Returns
        -------
        DataFrame
            covariate (and "GLOBAL"), chisq, df, p_value. A column of text is one term with a degree of freedom less
            than it has levels, whichever of them is the reference.

        References
        ----------
        Grambsch and Therneau (1994), Biometrika 81, 515-526; as R's survival::cox.zph since version 3.0.
        """
        return proportional_hazards_test(self.fit, tuple(term.column for term in self.terms), transform)


def hazard_model(
    durations: Dataset | ArrayLike,
    covariates: Any = None,
    event_observed: ArrayLike | None = None,
    *,
    entry: ArrayLike | None = None,
    strata: Any = None,
    after: Mapping[str, After] | None = None,
    cause: str | None = None,
) -> HazardModel:
    """Which customers leave earlier: Cox regression with hazard ratios.

    Parameters
    ----------
    durations : Dataset or array_like, shape (n,)
        Who stayed how long, as for `durations`; or plain times, together with `event_observed`.
    covariates : str or sequence of str, or DataFrame
        Columns of `customers`, or of the log (then a customer's first value counts). Beside plain times: a frame of
        them. Numbers and yes/no as they are; text as one column a level, against the most frequent one. Missing text is
        a level "(missing)" of its own.
    event_observed : array_like of bool, shape (n,), optional
        Beside plain times: whether the customer has left.
    entry : array_like, shape (n,), optional
        Beside plain times: age at which observation began.
    strata : str or sequence of str, or array_like, shape (n,), optional
        Columns, or beside plain times labels, whose groups may have hazards of any shape; customers are compared within
        them only.
    after : mapping of str to After, optional
        Name -> covariate that changes with time, such as ``{"manager left": kb.After("contacts", "end", ...)}``.
    cause : str, optional
        The only cause of leaving that counts, such as "voluntary"; who leaves for another one was observed until then.
        Default: all.

    Returns
    -------
    HazardModel

    Raises
    ------
    ArgumentError
        No such column, table, level or cause; nobody left; a covariate that is constant, follows
        from others, or separates those who left from the others.

    References
    ----------
    Cox (1972), JRSS B 34, 187-220; Efron (1977), JASA 72, 557-565; Andersen and Gill (1982), Annals of Statistics 10,
    1100-1120.

    Notes
    -----
    Fitted by lifelines, ties by Efron's method. Hazard ratios compare customers who are alike in the other covariates
    only; they are no effects of a measure.

    Examples
    --------
    >>> import kbind as kb
    >>> model = kb.hazard_model(kb.datasets.load_telco(), ["contract", "internet_service"])
    >>> model.to_frame()[["covariate", "level", "reference", "hazard_ratio"]].round(3)
              covariate     level       reference  hazard_ratio
    0          contract  One year  Month-to-month         0.122
    1          contract  Two year  Month-to-month         0.018
    2  internet_service       DSL     Fiber optic         0.743
    3  internet_service        No     Fiber optic         0.555
    """
    # lifelines takes a second to load, which only those pay who fit a regression
    from kbind.survival.cox import fit_cox

    if isinstance(durations, Dataset):
        data = durations
        if event_observed is not None or entry is not None:
            raise ArgumentError("event_observed and entry go with arrays of durations only, not with a Dataset")
    else:
        columns, apart = columns_of("covariates", covariates), columns_of("strata", strata)
        data = plain_customers(durations, event_observed, entry, columns | apart)
        covariates, strata = list(columns), list(apart)
    names = names_of(covariates, "covariates")
    within = names_of(strata, "strata")
    if after is not None and not isinstance(after, Mapping):
        raise ArgumentError(f"after={after!r} is no mapping; allowed: {{name: kb.After(table, time, ...)}}")
    changing = dict(after or {})
    if not names and not changing:
        raise ArgumentError("covariates is empty, and so is after; a model needs at least one of them")
    both = [name for name in names if name in within or name in changing]
    if both:
        raise ArgumentError(f"covariates={both[0]!r} is also in strata or after; allowed: one of them")
    asked = dict.fromkeys(names, "covariates") | dict.fromkeys(within, "strata")
    lives = histories(data, asked, changing, complete=True)
    if data is not durations:
        lives = replace(lives, unit="period", meaning=PLAIN_MEANING, provenance=PLAIN)
    if cause is not None:
        check_choice("cause", cause, lives.causes)
    fixed = terms_of(lives, names)
    terms = (*fixed, *(Term(name) for name in changing))
    pieces = lives.pieces()
    never = [name for j, name in enumerate(changing) if not pieces.values[:, j].any()]
    if never:
        raise NotEnoughData(
            f"after[{never[0]!r}] never held while a {lives.provenance.customer} was at risk; leave it out"
        )
    labels = strata_of(lives, within)
    fit = fit_cox(
        pieces.duration,
        lives.gone(cause)[pieces.customer] & pieces.last,
        rows_of(lives, terms, pieces),
        entry=pieces.entry,
        strata=None if labels is None else [labels[position] for position in pieces.customer],
        names=[term.name for term in terms],
    )
    return HazardModel(fit, terms, changing, within, cause, lives, pieces)


def rows_of(lives: Histories, terms: Sequence[Term], pieces: Pieces) -> Floats:
    """Covariates of every piece."""
    fixed = coded(lives, terms[: len(terms) - pieces.values.shape[1]])
    return np.column_stack([fixed[pieces.customer], pieces.values])
