"""Which customers leave earlier: Cox regression from a data set, told by customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from kbind.data.dataset import Dataset
from kbind.errors import ArgumentError, NotEnoughData, check_choice, check_conf_level
from kbind.estimates.survival.cox import fit_cox
from kbind.estimates.survival.design import Term, strata_of, terms_of
from kbind.estimates.survival.model_fit import HazardModel, Question, rows_of
from kbind.statistics.durations.histories import After, histories
from kbind.statistics.groups import names_of

__all__ = ["HazardModel", "hazard_model"]


def hazard_model(
    data: Dataset,
    covariates: str | Sequence[str] = (),
    *,
    after: Mapping[str, After] | None = None,
    strata: str | Sequence[str] | None = None,
    cause: str | None = None,
    origin: str = "acquired_at",
    as_of: object = None,
    log: str | None = None,
    lapse: str | None = None,
    grace: str | None = None,
    conf_level: float = 0.95,
) -> HazardModel:
    """Which customers leave earlier: Cox regression with hazard ratios, tests and predictions by customer.

    Parameters
    ----------
    data : Dataset
        As for `durations`.
    covariates : str or sequence of str
        Columns of `customers`, or of the log (then a customer's first value counts). Numbers and yes/no as they are;
        text as one column a level, against the most frequent one. Missing text is a level "(missing)" of its own.
    after : mapping of str to After, optional
        Name -> covariate that changes with time, such as ``{"manager left": kb.After("contacts", "end", ...)}``.
    strata : str or sequence of str, optional
        Columns whose groups may have hazards of any shape; customers are compared within them only.
    cause : str, optional
        The only cause of leaving that counts, such as "voluntary"; who leaves for another one was observed until then.
        Default: all.
    origin, as_of, log, lapse, grace
        As for `durations`.
    conf_level : float
        Level of the intervals.

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
    Ties by Efron's method, which the baseline of predictions follows too, as in R. Hazard ratios compare customers
    who are alike in the other covariates only; they are no effects of a measure.

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
    names = names_of(covariates, "covariates")
    within = names_of(strata, "strata")
    if after is not None and not isinstance(after, Mapping):
        raise ArgumentError(f"after={after!r} is no mapping; allowed: {{name: kb.After(table, time, ...)}}")
    changing = dict(after or {})
    check_conf_level(conf_level)
    if not names and not changing:
        raise ArgumentError("covariates is empty, and so is after; a model needs at least one of them")
    both = [name for name in names if name in within or name in changing]
    if both:
        raise ArgumentError(f"covariates={both[0]!r} is also in strata or after; allowed: one of them")
    question = Question(origin, as_of, log, lapse, grace)
    columns = dict.fromkeys(names, "covariates") | dict.fromkeys(within, "strata")
    lives = histories(data, columns, changing, **asdict(question), complete=True)
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
        strata=None if labels is None else [labels[who] for who in pieces.customer],
        names=[term.name for term in terms],
    )
    return HazardModel(fit, terms, changing, within, cause, lives, pieces, conf_level, question)
