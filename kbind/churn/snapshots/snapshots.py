"""One row per customer and observation date: what was known then, and what became of the customer afterwards."""

from __future__ import annotations

from dataclasses import replace

from kbind.calendar import days_of
from kbind.churn.snapshots.flagged import flagged
from kbind.churn.snapshots.make import observe
from kbind.churn.snapshots.moments import read_moments
from kbind.churn.snapshots.snapshot_table import Feature, Snapshots
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.errors import ArgumentError, listed
from kbind.spells.silence import silence_of

__all__ = ["Feature", "Snapshots", "snapshots"]


def snapshots(data: Dataset, *, as_of: object = None, lead: str = "30D", horizon: str = "90D") -> Snapshots:
    """Customers as they were known at observation dates, and whether they decided to leave afterwards.

    Parameters
    ----------
    data : Dataset
        With `subscriptions`, with `events`, or with `customers` whose role churned is declared. Leaving is what
        `durations` takes for it. Without a declared `lapse`, the length of silence is read once from the whole log:
        declare it where a test must not know even that of the future.
    as_of : date, datetime, ISO text, or sequence of these
        Observation dates; a date means its start. Not for data without dates, which is one snapshot. None: the end of
        the data and up to 11 dates before it, one horizon apart, so that no leaver counts at two of them; none earlier
        than 90 days after recording began. `notes` says which.
    lead : str
        Time from an observation date to the window in which leaving counts, such as "30D" or "4W".
    horizon : str
        Length of that window.

    Returns
    -------
    Snapshots

    Raises
    ------
    ArgumentError
        An observation date behind the end of the data, or for data without dates; or nobody was a customer then.

    Notes
    -----
    Features come from rows whose time lies before the observation date, and from nothing else: contracts that run at
    that moment count as running whatever end has been entered, tickets closed later are open. Who has given notice
    before is left out. The target is the decision: the notice, failing that a cancellation on purpose, failing that
    the end of the contract. It is NaN where the window is not over at the end of the data, and where a contract that
    nobody has cancelled ended within grace of it, so that another may follow.

    A log is read in one scan for all dates and windows together: every row lies in a cell, that of its customer and
    of the stretch between two moments at which a window begins or ends; windows are differences of running sums over
    cells. Very many customers are read in blocks, so memory is bounded; those that were read are computed some
    thousand at a time, by as many threads as the engine has.
    Sums are made of whole ten-thousandths, so that they are the same whatever the order of the rows.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> contracts = {"customer_id": [1, 2], "start": ["2023-01-01", "2023-02-01"], "end": [None, "2023-09-01"],
    ...              "notice_at": [None, "2023-08-15"], "mrr": [10, 20]}
    >>> log = {"customer_id": [1, 1, 2], "timestamp": ["2023-05-05", "2023-06-20", "2023-06-01"]}
    >>> tables = {"subscriptions": pd.DataFrame(contracts), "events": pd.DataFrame(log)}
    >>> data = kb.open_dataset(tables, as_of="2024-01-01")
    >>> found = kb.snapshots(data, as_of=["2023-07-01"])
    >>> found.to_frame()[["customer_id", "as_of", "tenure", "events_count_30", "subscriptions_mrr", "target"]]
       customer_id      as_of  tenure  events_count_30  subscriptions_mrr  target
    0            1 2023-07-01   181.0              1.0               10.0     0.0
    1            2 2023-07-01   150.0              1.0               20.0     1.0
    """
    check_dataset(data)
    days = {name: days_of(name, length) for name, length in (("lead", lead), ("horizon", horizon))}
    if not days["horizon"]:
        raise ArgumentError(f"horizon={horizon!r} leaves no window; allowed: at least '1D'")
    if "subscriptions" not in data.tables and "events" not in data.tables:
        if as_of is not None:
            raise ArgumentError(f"as_of={as_of!r}: {data.name!r} has no dates and so one snapshot; leave as_of away")
        return _finite(flagged(data, **days))
    quiet = 0 if "subscriptions" in data.tables else silence_of(data).days
    moments = read_moments(data, as_of, **days)
    seen = _finite(observe(data, moments, quiet, data.grace))
    if as_of is not None:
        return seen
    dates = listed(f"{date:%Y-%m-%d}" for date in moments.dates)
    return replace(seen, notes=(f"as_of was not given; looked at {dates}, one horizon apart", *seen.notes))


def _finite(seen: Snapshots) -> Snapshots:
    """Numbers without end are no numbers: taken as missing, and told."""
    import numpy as np

    numbers = seen.features.select_dtypes("float")
    endless = {str(name): places for name in numbers if (places := np.isinf(numbers[name].to_numpy())).any()}
    if not endless:
        return seen
    cleaned = {name: seen.features[name].mask(places) for name, places in endless.items()}
    told = (f"{name}: {places.sum():,} infinite values are taken as missing" for name, places in endless.items())
    return replace(seen, features=seen.features.assign(**cleaned), notes=(*seen.notes, *told))
