"""One data set under study: what its chapters share, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from kbind.churn.contacts import customers_here
from kbind.churn.profit import Campaign
from kbind.dataset.dataset import Dataset
from kbind.dataset.quality import Quality, quality
from kbind.hearsay.claims_checked import Claims, claims
from kbind.personas.persona import Persona
from kbind.retention.activity import Activity, activity, suitable_period
from kbind.survival.durations import Durations, durations
from kbind.typing import Objects

if TYPE_CHECKING:  # loads what fits models, which most chapters do without
    from kbind.churn.forecast import Forecast


@dataclass(frozen=True, eq=False)
class Study:
    """A data set, what is asked of it, and the results that several chapters use.

    Parameters
    ----------
    data : Dataset
        What is studied.
    period : {"day", "week", "month", "quarter", "year"}, optional
        Length of the periods; default what fits the data.
    threshold : int
        Smallest number of customers that is told.
    adjust : str or sequence of str, optional
        As for `contrast`.
    campaign : Campaign, optional
        As for `forecast_churn`.
    personas : sequence of Persona, optional
        Default: those that lie beside the data.
    exclude : str or sequence of str
        Columns that rules and questions must not be about.
    forecast_before : Forecast, optional
        Who is about to leave, where it was computed before.
    """

    data: Dataset
    period: str | None = None
    threshold: int = 5
    adjust: str | Sequence[str] | None = None
    campaign: Campaign | None = None
    personas: Sequence[Persona] | None = None
    exclude: str | Sequence[str] = ()
    forecast_before: Forecast | None = None

    @cached_property
    def activity(self) -> Activity:
        """Who was active in which period."""
        return activity(self.data, period=self.period or suitable_period(self.data))

    @cached_property
    def year(self) -> tuple[datetime, datetime] | None:
        """Start and end of the last calendar year that is over and recorded from its beginning; None without one."""
        as_of, since = self.data.as_of, self.data.recorded_from
        if as_of is None:
            return None
        end = datetime(self.data.wall_clock(as_of).year, 1, 1)
        start = end.replace(year=end.year - 1)
        return None if since is not None and self.data.wall_clock(since) > start else (start, end)

    @cached_property
    def quality(self) -> Quality:
        """What speaks for and against the data."""
        return quality(self.data)

    @cached_property
    def durations(self) -> Durations:
        """How long customers stayed."""
        return durations(self.data)

    @cached_property
    def here(self) -> Objects:
        """Who is a customer at the end of the data."""
        return customers_here(self.data)

    @cached_property
    def claims(self) -> Claims:
        """What articles claim, held against the data."""
        return claims(self.data)

    @cached_property
    def known_personas(self) -> tuple[Persona, ...]:
        """The personas given, or those that lie beside the data."""
        if self.personas is not None:
            return tuple(self.personas)
        folder = self.data.personas
        return () if folder is None else Persona.load_all(folder)
