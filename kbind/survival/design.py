"""From what is known about customers to the columns of a regression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbind.errors import ArgumentError, NotEnoughData, listed, shown
from kbind.survival.histories import Histories
from kbind.typing import Array, Floats, Objects

#: Level of customers of whom a text column says nothing.
MISSING = "(missing)"

#: A text column with more levels is taken for an identifier.
MOST_LEVELS = 100


@dataclass(frozen=True)
class Term:
    """One column of the regression.

    Attributes
    ----------
    column : str
        Column it is made of.
    level, reference : str or None
        The level that it marks, and the one that it is compared with; None for numbers and what changes with time.
    """

    column: str
    level: str | None = None
    reference: str | None = None

    @property
    def name(self) -> str:
        """As the fit calls it."""
        return self.column if self.level is None else f"{self.column}={self.level}"


def terms_of(lives: Histories, covariates: Sequence[str]) -> tuple[Term, ...]:
    """How the columns are coded: numbers as they are, text against its most frequent level.

    Raises
    ------
    ArgumentError
        Missing numbers, a text column with one level or with very many.
    """
    terms: list[Term] = []
    for name in covariates:
        values, kind = lives.columns[name], lives.kinds[name]
        if kind == "number" or (kind == "flag" and not np.isnan(values).any()):
            _refuse_missing(lives, name)
            terms.append(Term(name))
            continue
        count = Counter(texts(values, kind).tolist())
        if len(count) > MOST_LEVELS:
            raise ArgumentError(
                f"covariate {name!r} has {len(count):,} levels; allowed: at most {MOST_LEVELS}; group them first"
            )
        if len(count) == 1:
            raise NotEnoughData(f"covariate {name!r} is constant ({shown(next(iter(count)))}); leave it out")
        reference = min(count, key=lambda level: (-count[level], level))
        terms += [Term(name, level, reference) for level in sorted(count) if level != reference]
    return tuple(terms)


def coded(lives: Histories, terms: Sequence[Term]) -> Floats:
    """One row a customer, one column a term.

    Raises
    ------
    ArgumentError
        Missing numbers, or a level that the terms do not know.
    """
    result = np.empty((len(lives), len(terms)))
    levels: dict[str, Objects] = {}
    for j, term in enumerate(terms):
        if term.level is None:
            _refuse_missing(lives, term.column)
            result[:, j] = lives.columns[term.column]
            continue
        if term.column not in levels:
            levels[term.column] = texts(lives.columns[term.column], lives.kinds[term.column])
            known = {t.level for t in terms if t.column == term.column} | {term.reference}
            unknown = sorted(set(levels[term.column].tolist()) - known)
            if unknown:
                raise ArgumentError(
                    f"column {term.column!r} has levels that the model was not fitted with: {listed(unknown)}"
                )
        result[:, j] = levels[term.column] == term.level
    return result


def texts(values: Array, kind: str) -> Objects:
    """A column as text, with a level of its own for what is missing."""
    if kind == "text":
        words = [MISSING if value is None else value for value in values]
    elif kind == "flag":
        words = [MISSING if np.isnan(value) else "yes" if value else "no" for value in values]
    else:
        words = [MISSING if np.isnan(value) else f"{value:g}" for value in values]
    return np.array(words, dtype=object)


def strata_of(lives: Histories, columns: Sequence[str]) -> list[str] | None:
    """One label a customer, made of the columns; None without columns."""
    if not columns:
        return None
    parts = [texts(lives.columns[name], lives.kinds[name]).tolist() for name in columns]
    return [", ".join(values) for values in zip(*parts, strict=True)]


def _refuse_missing(lives: Histories, name: str) -> None:
    missing = int(np.isnan(lives.columns[name]).sum())
    if missing:
        who = f"{lives.provenance.customer}{'s' if missing > 1 else ''}"
        raise NotEnoughData(
            f"covariate {name!r} is missing for {missing:,} {who}; complete it, turn it into groups (a text column, "
            "in which missing is a level of its own), or leave it out"
        )
