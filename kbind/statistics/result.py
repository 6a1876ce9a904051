"""What every statistic and every result has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


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
    """

    source: str
    timezone: str | None
    as_of: datetime | None

    def __str__(self) -> str:
        zone = f"calendar of {self.timezone}" if self.timezone else "calendar as in the data"
        end = "" if self.as_of is None else f", complete up to {self.as_of:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        return f"Data: {self.source}, {zone}{end}."


class Shown(ABC):
    """A result that shows itself in a notebook: its definition, then its frame."""

    @property
    @abstractmethod
    def definition(self) -> str:
        """What was counted and divided, in one sentence."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """The result, one row a cell."""

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.definition)}</p>{self.to_frame().to_html(index=False, border=0, na_rep='–')}"
