"""A fact: one number with everything a reader may ask about it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kbind.errors import check_choice

if TYPE_CHECKING:
    import pandas as pd


class CountedRate(Protocol):
    """What a fact can be made of: a share, its interval, and what was counted."""

    @property
    def value(self) -> float:
        """The share."""

    @property
    def ci_lower(self) -> float:
        """Lower limit of its interval."""

    @property
    def ci_upper(self) -> float:
        """Upper limit of its interval."""

    @property
    def numerator(self) -> float:
        """Customers counted."""

    @property
    def denominator(self) -> float:
        """Customers who could have been counted."""

    @property
    def conf_level(self) -> float:
        """Level of the interval."""

    @property
    def definition(self) -> str:
        """What was counted and divided."""


#: What a fact's value is, and so how it is written.
UNITS = ("share", "customers", "count", "ratio", "money")


@dataclass(frozen=True)
class Fact:
    """One number that may reach a manager.

    Parameters
    ----------
    id : str
        Name within the chapter, such as "next.on".
    value : float
        The number; NaN if unknown.
    unit : {"share", "customers", "count", "ratio", "money"}
        A share is a fraction of 1; a count counts things other than customers; a ratio compares two numbers; money
        is in the currency of the voice that tells it.
    definition : str
        What was counted and divided, in one sentence.
    ci_lower, ci_upper : float
        Its interval; NaN without one.
    conf_level : float
        Level of the interval.
    n : int or None
        Customers it rests on.
    count : int or None
        Customers in the numerator.
    source : str
        Result and cell it is read from.
    hidden : bool
        Suppressed, because it would tell of too few customers.
    """

    id: str
    value: float
    unit: str
    definition: str
    ci_lower: float = math.nan
    ci_upper: float = math.nan
    conf_level: float = 0.95
    n: int | None = None
    count: int | None = None
    source: str = ""
    hidden: bool = False

    def __post_init__(self) -> None:
        check_choice("unit", self.unit, UNITS)

    @classmethod
    def of_rate(cls, id: str, rate: CountedRate, source: str) -> Fact:
        """A counted share as a fact."""
        unknown = math.isnan(rate.denominator)
        return cls(
            id,
            rate.value,
            "share",
            rate.definition,
            rate.ci_lower,
            rate.ci_upper,
            rate.conf_level,
            n=None if unknown else int(rate.denominator),
            count=None if unknown or math.isnan(rate.numerator) else int(rate.numerator),
            source=source,
        )

    @classmethod
    def of_row(
        cls,
        id: str,
        row: pd.Series[Any],
        figure: str,
        unit: str,
        definition: str,
        conf_level: float = 0.95,
        *,
        n: int | None = None,
        count: int | None = None,
        source: str = "",
    ) -> Fact:
        """A figure in a row of a result's frame, with its interval as far as the frame has one."""
        value, lower, upper = (float(row.get(f"{figure}{end}", math.nan)) for end in ("", "_ci_lower", "_ci_upper"))
        return cls(id, value, unit, definition, lower, upper, conf_level, n=n, count=count, source=source)

    @property
    def known(self) -> bool:
        """Whether there is a value that may be told."""
        return not self.hidden and not math.isnan(self.value)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: unknown numbers as None, and nothing but the definition of a hidden fact."""
        record = {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in asdict(self).items()
        }
        if self.hidden:
            record |= dict.fromkeys(("value", "ci_lower", "ci_upper", "n", "count"))
        return record
