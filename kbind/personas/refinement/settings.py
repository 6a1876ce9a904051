"""Rarely used settings of refining personas and of asking leads, with what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kbind.errors import check_conf_level, check_count, check_share
from kbind.personas.refinement.edits import Bounds


@dataclass(frozen=True, kw_only=True)
class Refining:
    """How customers are compared, which columns are kept off, and what an edit of a persona has to reach.

    Parameters
    ----------
    adjust : str or sequence of str, optional
        Columns in which compared customers should be alike. Default: the column with the role tenure where customers
        say who has left, else none, as rates mind the time already; for questions the bond as well.
    bond : str or sequence of str, optional
        Columns that are the bond itself, such as the length of a contract: no rule is about them, and what could be
        won with them is reported. Default: those whose names say so, in German or English.
    protected : mapping of str to sequence of str, optional
        Words by which columns on protected characteristics are recognised: nothing is proposed on them. Default:
        `kbind.customers.words.PROTECTED`.
    insist : str or sequence of str
        Protected columns to be used all the same.
    min_coverage : float
        Least share of all customers that the new persona matches.
    min_identity : float
        Least share of customers who match both personas, of those who match either: below, it is another persona.
    min_gain : float
        Retention that every edit has to win, and all of them together.
    max_edits : int
    fdr : float
        Share of false ones to allow among confirmed edits, or among the questions to ask.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> import kbind as kb
    >>> kb.Refining(min_gain=0.02, adjust=["contract"]).min_coverage
    0.05
    """

    adjust: str | Sequence[str] | None = None
    bond: str | Sequence[str] | None = None
    protected: Mapping[str, Sequence[str]] | None = None
    insist: str | Sequence[str] = ()
    min_coverage: float = 0.05
    min_identity: float = 0.2
    min_gain: float = 0.05
    max_edits: int = 3
    fdr: float = 0.05
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        for name in ("min_coverage", "min_identity", "min_gain", "fdr"):
            check_share(name, getattr(self, name))
        check_count("max_edits", self.max_edits, 1, 100)
        check_conf_level(self.conf_level)

    def bounds(self) -> Bounds:
        """What an edit has to keep to."""
        return Bounds(float(self.min_coverage), float(self.min_identity), float(self.min_gain), self.max_edits)
