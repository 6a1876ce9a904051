"""A number with its interval: what results hand out, and what facts are made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape
from math import isnan, nan, sqrt
from typing import TYPE_CHECKING, Any, SupportsFloat

from kbind.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, and what it rests on.

    Attributes
    ----------
    value, ci_lower, ci_upper : float
        The number and its limits, in which order it unpacks; NaN where unknown.
    n : int or None
        Customers it rests on; None where that was not counted.
    count : int or None
        Of these customers, those in the numerator of a share.
    conf_level : float
        Level of the interval.
    definition : str
        How it was computed.
    kind : {"", "share", "retention", "churn"}
        Whether it is a share, and then whether of those who stay or of those who leave.

    Examples
    --------
    >>> print(Estimate(0.95, 0.764, 0.991, n=20, count=19, kind="retention"))
    95.00% [76.40%, 99.10%] (19 of 20)
    >>> value, lower, upper = Estimate(1.5, 1.2, 1.9)
    """

    value: float
    ci_lower: float = nan
    ci_upper: float = nan
    n: int | None = None
    count: int | None = None
    conf_level: float = 0.95
    definition: str = ""
    kind: str = ""

    @classmethod
    def of(cls, limits: Iterable[SupportsFloat], **rest: Any) -> Estimate:
        """From a number and its limits, which may come as arrays of one."""
        value, lower, upper = map(float, limits)
        return cls(value, lower, upper, **rest)

    @classmethod
    def in_row(
        cls,
        row: pd.Series[Any],
        figure: str,
        definition: str = "",
        conf_level: float = 0.95,
        *,
        n: int | None = None,
        count: int | None = None,
    ) -> Estimate:
        """A figure in a row of a result's frame, with its limits as far as the frame has any."""
        value, lower, upper = (float(row.get(f"{figure}{end}", nan)) for end in ("", "_ci_lower", "_ci_upper"))
        return cls(value, lower, upper, n, count, conf_level, definition)

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper limit."""
        return self.ci_lower, self.ci_upper

    def complement(self) -> Estimate:
        """One minus the share, with what that says of the limits and of who was counted."""
        rest = None if self.n is None or self.count is None else self.n - self.count
        return replace(self, value=1 - self.value, ci_lower=1 - self.ci_upper, ci_upper=1 - self.ci_lower, count=rest)

    @property
    def churn(self) -> Estimate:
        """Share of those who are gone, of a rate that counts those who are still there.

        Raises
        ------
        ArgumentError
            It is no retention rate.
        """
        if self.kind != "retention":
            raise ArgumentError(f"a number of kind {self.kind!r} has no churn; allowed: a retention rate")
        return replace(self.complement(), kind="churn", definition=f"1 - {self.definition}")

    def minus(self, other: Estimate) -> Estimate:
        """The difference to an estimate from other customers, with limits from those of both.

        References
        ----------
        Zou and Donner (2008), Statistics in Medicine 27, 1693-1702; for Wilson's limits it is Newcombe's interval.

        Examples
        --------
        >>> print(Estimate(0.6, 0.5, 0.7).minus(Estimate(0.5, 0.4, 0.6)))
        0.1 [-0.04142, 0.2414]
        """
        gap = self.value - other.value
        down = sqrt((self.value - self.ci_lower) ** 2 + (other.ci_upper - other.value) ** 2)
        up = sqrt((self.ci_upper - self.value) ** 2 + (other.value - other.ci_lower) ** 2)
        return Estimate(gap, gap - down, gap + up, conf_level=self.conf_level)

    def __iter__(self) -> Iterator[float]:
        return iter((self.value, self.ci_lower, self.ci_upper))

    def __str__(self) -> str:
        form = ".2%" if self.kind else ".4g"
        text = f"{self.value:{form}}"
        if not isnan(self.ci_lower):
            text += f" [{self.ci_lower:{form}}, {self.ci_upper:{form}}]"
        if self.count is not None:
            text += f" ({self.count:g} of {self.n:g})"
        return text

    def to_frame(self) -> pd.DataFrame:
        """One row: value, ci_lower, ci_upper, count, n."""
        import pandas as pd

        return pd.DataFrame([{name: getattr(self, name) for name in ("value", "ci_lower", "ci_upper", "count", "n")}])

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(str(self))}</b><br>{escape(self.definition)}</p>"


UNKNOWN = Estimate(nan)
