"""Where the numbers of a result come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kbind.dataset.dataset import Dataset


@dataclass(frozen=True)
class Provenance:
    """Where a number comes from.

    Parameters
    ----------
    source : str
        Name of the data set.
    timezone : str or None
        Zone of its calendar.
    as_of : datetime or None
        Moment up to which it is complete, as a wall-clock time in that zone.
    customer : str
        What a customer is called: "customer" or "household".
    example : str
        Key of example data, which is made up; empty for data of a user.
    """

    source: str
    timezone: str | None
    as_of: datetime | None
    customer: str = "customer"
    example: str = ""

    @classmethod
    def of(cls, data: Dataset, as_of: datetime | None) -> Provenance:
        """That of a number from a data set which is looked at up to some moment."""
        return cls(data.name, data.timezone, as_of, data.card.customer, data.card.key)

    def __str__(self) -> str:
        zone = f"calendar of {self.timezone}" if self.timezone else "calendar as in the data"
        end = "" if self.as_of is None else f", complete up to {self.as_of:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        return f"Data: {self.source}, {zone}{end}."
