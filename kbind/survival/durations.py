"""How long customers stay and what ends it, counted by duration: the sufficient statistic of survival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from kbind.dataset.config import read_as_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import Groups, encode_groups, group_columns, group_value, integers, names_of, place_columns
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import column
from kbind.errors import ArgumentError, NotEnoughData, check_choice, listed, told
from kbind.result import Shown
from kbind.retention.activity import activity, starts_with_recording
from kbind.spells.silence import silence_of
from kbind.survival.lifetimes import Lives, from_contracts, from_customers, from_log
from kbind.typing import Array, Floats, Ints

__all__ = ["Durations", "durations", "observed_lives"]


_ORIGINS = ("acquired_at", "start")
_LOGS = ("subscriptions", "events", "customers")


@dataclass(frozen=True, eq=False)
class Durations(Shown):
    """Customers counted by how long they were observed and how it ended.

    Made by `durations`; functions such as `survival_curve` take it. One entry a distinct combination.

    Attributes
    ----------
    unit : str
        Of entry and duration: "month".
    by : tuple of str
        Columns that split the customers; empty for all together.
    groups : tuple of tuple
        Values of these columns, one tuple a group; None where unknown.
    causes : tuple of str
        What customers are lost to; ("left",) where nothing says why.
    group : ndarray of int, shape (rows,)
        Index into `groups`.
    entry, duration : ndarray of float, shape (rows,)
        Age at which observation began (0: from the origin on) and ended.
    cause : ndarray of int, shape (rows,)
        0 for customers who are still there, else 1 + index into `causes`.
    n : ndarray of int, shape (rows,)
        Customers.
    log : str
        Table it comes from.
    meaning : str
        What counts as leaving.
    days : int
        Of grace between contracts, or of silence in a log.
    since : date or None
        Customers first seen earlier are left out.
    """

    unit: str
    by: tuple[str, ...]
    groups: Groups
    causes: tuple[str, ...]
    group: Ints = field(repr=False)
    entry: Floats = field(repr=False)
    duration: Floats = field(repr=False)
    cause: Ints = field(repr=False)
    n: Ints = field(repr=False)
    log: str
    meaning: str
    provenance: Provenance
    days: int = 0
    since: date | None = None

    def __post_init__(self) -> None:
        for values in (self.group, self.entry, self.duration, self.cause, self.n):
            values.setflags(write=False)

    @property
    def customers(self) -> int:
        """Number of customers."""
        return int(self.n.sum())

    @property
    def events(self) -> int:
        """Number of customers who have left."""
        return int(self.n[self.cause > 0].sum())

    def headline(self) -> str:
        """How many customers, how many of them have left, and by what they are split."""
        split = f", by {', '.join(self.by)}" if self.by else ""
        return f"{self.customers:,} {self.provenance.customer}s, {self.events:,} have left{split}"

    @property
    def definition(self) -> str:
        """What counts as leaving, in one sentence."""
        late = int(self.n[self.entry > 0].sum())
        delayed = f" {late:,} customers are observed only from a later age on." if late else ""
        delayed += f" Only customers first seen from {self.since:%Y-%m-%d} on." if self.since else ""
        return f"{self.meaning}; {self.unit}s since the origin.{delayed} {self.provenance}"

    def to_frame(self) -> pd.DataFrame:
        """One row a distinct combination.

        Returns
        -------
        DataFrame
            Columns of `by`, duration, event_observed (bool), entry, cause (None for customers who are still
            there), n.
        """
        names = np.array([None, *self.causes], dtype=object)
        frame = pd.DataFrame(
            {
                "duration": self.duration,
                "event_observed": self.cause > 0,
                "entry": self.entry,
                "cause": pd.Series(names[self.cause], dtype=object),
                "n": self.n,
            }
        )
        for position, name in enumerate(self.by):
            values = np.empty(len(self.groups), dtype=object)
            values[:] = [group[position] for group in self.groups]
            frame.insert(position, f"by_{name}" if name in frame else name, values[self.group])
        return frame

    def to_lifelines(self, group: object = None) -> dict[str, Array]:
        """What the fitters of lifelines take: ``WeibullFitter().fit(**durations.to_lifelines())``.

        Parameters
        ----------
        group : object, optional
            One of `groups`, or its value where one column splits the customers. Default: all customers together.

        Returns
        -------
        dict
            durations, event_observed, weights (customers), and entry where somebody is observed from a later age on.
            Its parametric models refuse customers who left at age 0.

        Raises
        ------
        ArgumentError
            No such group.

        Examples
        --------
        >>> import kbind as kb
        >>> from lifelines import WeibullFitter
        >>> lives = kb.durations(kb.datasets.load_telco(), by="contract")
        >>> fitted = WeibullFitter().fit(**lives.to_lifelines("Month-to-month"))
        >>> f"{fitted.predict(24):.4f}"
        '0.5586'
        """
        rows = np.ones(len(self.n), dtype=bool)
        if group is not None:
            places = {known: k for k, known in enumerate(self.groups)}
            try:
                rows = self.group == places[group if isinstance(group, tuple) else (group,)]
            except (KeyError, TypeError):
                raise ArgumentError(f"group={told(group)} is no group; allowed: {listed(self.groups)}") from None
        # who enters at the moment of leaving was never at risk
        rows &= (self.entry < self.duration) | (self.entry <= 0)
        given: dict[str, Array] = {
            "durations": self.duration,
            "event_observed": self.cause > 0,
            "weights": self.n,
        }
        if (self.entry > 0).any():
            given["entry"] = self.entry
        return {name: values[rows] for name, values in given.items()}


def durations(
    data: Dataset,
    *,
    origin: str = "acquired_at",
    by: str | Sequence[str] | None = None,
    as_of: object = None,
    log: str | None = None,
    since: object = None,
) -> Durations:
    """Reduce a data set to how long customers stayed and how it ended.

    Parameters
    ----------
    data : Dataset
        With `subscriptions`, with `events`, or with `customers` whose roles tenure and churned are declared. A contract
        that follows another within its `grace` is no loss; a customer of a log leaves with the event that a silence
        longer than its `lapse` follows, and silences that began later than that before the end are open.
    origin : {"acquired_at", "start"}
        Age 0: the day in `customers.acquired_at`, or the first contract or event. Where `customers` has no
        acquired_at, the first contract or event.
    by : str or sequence of str, optional
        Columns that split the customers, as for `activity`.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data. Default: that of the data set.
    log : {"subscriptions", "events", "customers"}, optional
        Which table says who left. Default: contracts if there are any, else declared roles, else events.
    since : date, datetime or ISO text, optional
        For contracts and events: only customers first seen on this day or later. Default: where a log of events starts
        with far more customers than come later, and no `acquired_at` tells their ages, those of its first period are
        left out, as in all figures; else all customers.

    Returns
    -------
    Durations

    Raises
    ------
    ArgumentError
        No such table or column, customers without tenure or flag, or nobody before `as_of`.

    Notes
    -----
    Calendar months, the days of the last one as a share of it, so that a contract of a year ends at 12. A customer
    who was acquired before recording began (`recorded_from` of the data set, else the first row) is observed only
    from then on, because earlier leaving would not have been seen (delayed entry). Who is still there is last seen
    just before the end of the data, since nobody has seen who leaves at that very moment. A customer who comes back
    has left all the same.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> contracts = {"customer_id": [1, 1, 2], "start": ["2023-01-15", "2024-01-15", "2023-02-01"],
    ...              "end": ["2024-01-15", None, "2023-08-01"]}
    >>> data = kb.open_dataset({"subscriptions": pd.DataFrame(contracts)}, as_of="2024-07-15")
    >>> kb.durations(data).to_frame()
       duration  event_observed  entry cause  n
    0       6.0            True    0.0  left  1
    1      18.0           False    0.0  None  1
    """
    check_dataset(data)
    lives = observed_lives(data, origin=origin, as_of=as_of, log=log)
    start = read_as_of(since, data.timezone, "since")
    first = start.date() if start is not None and lives.time else None
    if since is None and lives.log == "events" and not data.has("customers.acquired_at"):
        first = _recording_over(data)
    names = names_of(by)
    places = place_columns(data, lives.log, names)
    query = lives.query
    if first is not None:
        query.step("dated", f"{query.steps['dated']} WHERE first >= _first_seen", first_seen=first)
    columns = tuple(f"g{k}" for k in range(len(names)))
    joins, counted = "", "count(*)"
    if lives.made_of:
        # everything stands in one table: equal rows are counted before anything is computed from them
        made_of = dict.fromkeys((*lives.made_of, *names))
        raw = ", ".join(f"_raw{k}" for k in range(len(made_of)))
        query.part(**{f"raw{k}": column(name) for k, name in enumerate(made_of)})
        query.part(**{f"by{k}": group_value(data, "customers", name) for k, name in enumerate(names)})
        values = "".join(f", _by{k} AS g{k}" for k in range(len(names)))
        query.steps = {"alike": f"SELECT {raw}, count(*) AS rows__alike FROM customers GROUP BY {raw}"} | {
            "lives": query.steps["lives"]
            .replace("SELECT customer_id,", "SELECT rows__alike,")
            .replace(" FROM customers", f"{values} FROM alike")
        }
        counted = "CAST(sum(rows__alike) AS BIGINT)"
    else:
        if lives.time is not None:
            query.part(time=data.wall_time(lives.log, lives.time))
        joins = group_columns(query, data, places).joins
    selected = "".join(f", {name}" for name in columns)
    result = query.select(
        f"SELECT entry, duration, cause, {counted} AS n{selected} FROM lives{joins} "
        f"GROUP BY entry, duration, cause{selected} ORDER BY duration, cause, entry{selected}"
    )
    if not result.num_rows:
        raise NotEnoughData(f"{lives.log} of {data.name!r} holds nobody before as_of={data.end_at(as_of)}")
    groups, group = encode_groups(result, columns)
    ends, ended = encode_groups(result, ["cause"])
    causes = tuple(name for name in lives.causes if (name,) in ends) or lives.causes[:1]
    code = {name: k for k, name in enumerate(causes, start=1)}
    return Durations(
        unit=lives.unit,
        by=names,
        groups=groups,
        causes=causes,
        group=group,
        entry=np.array(result.column("entry").to_numpy(), dtype=float),
        duration=np.array(result.column("duration").to_numpy(), dtype=float),
        cause=np.array([code.get(name, 0) for (name,) in ends], dtype=np.int64)[ended],
        n=integers(result, "n").copy(),
        log=lives.log,
        meaning=lives.meaning,
        provenance=Provenance.of(data, data.end_at(as_of) if lives.time else data.as_of),
        days=lives.days,
        since=first,
    )


def _recording_over(data: Dataset) -> date | None:
    """The day from which on customers of a log are new; None where its first ones are as well.

    The ages of the others are not known, and who had left before is not among them.
    """
    every = activity(data, log="events")
    if not starts_with_recording(every.fresh.sizes().sum(axis=0), every.calendar.lived):
        return None
    return every.calendar.starts[1]


def observed_lives(
    data: Dataset, *, origin: str = "acquired_at", as_of: object = None, log: str | None = None
) -> Lives:
    """How to get one row a customer; see `durations`."""
    check_choice("origin", origin, _ORIGINS)
    if log is None:
        declared = "tenure" in data.roles and "churned" in data.roles
        tables = ("subscriptions", *(("customers",) if declared else ()), "events", "customers")
        log = data.require(*tables)
    else:
        data.require(check_choice("log", log, _LOGS), asked=True)
    if log == "customers":
        return from_customers(data)
    end = data.end_at(as_of)
    has_origin = "customers" in data.tables and "acquired_at" in data.tables["customers"].columns
    since = origin if origin == "start" or has_origin else "start"
    if log == "subscriptions":
        return from_contracts(data, end, since, data.grace)
    return from_log(data, end, since, silence_of(data).days)
