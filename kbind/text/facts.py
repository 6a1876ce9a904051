"""A fact: one number with everything a reader may ask about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from kbind.errors import check_choice
from kbind.estimate.estimate import Estimate

#: What a fact's value is, and so how it is written.
UNITS = ("share", "customers", "rows", "count", "ratio", "money")


@dataclass(frozen=True)
class Fact:
    """One number that may reach a manager.

    Parameters
    ----------
    id : str
        Name within the chapter, such as "next.on".
    value : float
        The number; NaN if unknown.
    unit : {"share", "customers", "rows", "count", "ratio", "money"}
        A share is a fraction of 1; rows are those of a table, each perhaps of another customer; a count counts other
        things; a ratio compares two numbers; money is in the currency of the voice that tells it.
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
    def of(cls, id: str, estimate: Estimate, source: str = "", unit: str = "share") -> Fact:
        """An estimate as a fact."""
        told = (estimate.value, unit, estimate.definition, *estimate.interval, estimate.conf_level)
        return cls(id, *told, n=estimate.n, count=estimate.count, source=source)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Fact:
        """A fact as JSON holds it; see `as_dict`."""
        known = {field.name: record[field.name] for field in fields(cls) if field.name in record}
        return cls(**known | {key: math.nan for key in ("value", "ci_lower", "ci_upper") if known.get(key) is None})

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
