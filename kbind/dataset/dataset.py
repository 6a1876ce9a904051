"""A data set: checked tables of one company, its zone, its end, and what is worth knowing about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kbind.calendar import Calendar, days_of
from kbind.dataset.checks import CheckedTable
from kbind.dataset.config import Role, read_as_of
from kbind.dataset.truth import Truth
from kbind.engine.engine import Engine, Expression, bucket, column, literal, parse
from kbind.errors import ArgumentError, NotEnoughData, check_name
from kbind.text.labels import Labels

if TYPE_CHECKING:
    import pandas as pd

    from kbind.dataset.quality import Quality
    from kbind.dataset.timeline import Timeline


@dataclass(frozen=True)
class Card:
    """What a reader must know about a data set before believing a number from it.

    Parameters
    ----------
    title : str
        Name of the data set.
    source : str
        Where it comes from.
    licence : str
        As stated by the package it comes with.
    n : str
        Rows and customers.
    fields : mapping of str to str
        Column -> meaning.
    caveats : tuple of str
        What it must not be used for, and what is odd about it.
    customer : str
        What a customer is called in a report: "customer" or "household".
    key : str
        Name of what a report says about the data, if anything: "grocery".
    apart : bool
        Whether an example is about another company than the other chapters of its report.
    currency : str
        Code of the currency that amounts are in, such as "EUR"; empty if not known.
    margin : float or None
        Share of the revenue that is left after what serving a customer costs.
    acquisition_cost : float or None
        What winning one customer costs.
    owners : mapping of str to str
        Who is responsible for what a chapter of the report asks for, by the chapter's number.
    """

    title: str
    source: str = ""
    licence: str = ""
    n: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    customer: str = "customer"
    key: str = ""
    apart: bool = False
    currency: str = ""
    margin: float | None = None
    acquisition_cost: float | None = None
    owners: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [self.title, f"Source: {self.source}", f"Licence: {self.licence}", f"Size: {self.n}", "Fields:"]
        lines += [f"  {name}: {meaning}" for name, meaning in self.fields.items()]
        lines += ["Caveats:"] + [f"  - {caveat}" for caveat in self.caveats]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Checked tables of one company, ready to be reduced.

    Made by `open_dataset` or by `kbind.datasets`; immutable.

    Attributes
    ----------
    name : str
        Title for reports.
    tables : mapping of str to CheckedTable
        What is there.
    timezone : str or None
        Zone of the calendar that periods are cut in; None if no time stamp has an offset and none was given.
    as_of : datetime or None
        Wall-clock moment in `timezone` up to which the data is complete; None without any time stamp.
    recorded_from : datetime or None
        Wall-clock moment from which on leavers were recorded; who is in the data with an earlier start is there for not
        having left before. None: from the first row on.
    grace : int
        Days within which one contract may follow the other without the customer having left.
    lapse : int or None
        Days of silence after which a customer without a contract has left; None where nobody declared them.
    personas : Path or None
        Folder of the persona files that lie beside the data; None without any.
    roles : mapping of str to Role
        Columns of `customers` that play a part.
    notes : tuple of str
        What was found and is worth knowing, but no error.
    card : Card
        Source, licence, size, fields, caveats.
    truth : Truth or None
        What was planted, if the data is simulated; None for real data.
    labels : Labels
        What readers call columns, levels and personas.
    """

    name: str
    engine: Engine = field(repr=False)
    tables: Mapping[str, CheckedTable]
    timezone: str | None
    as_of: datetime | None
    roles: Mapping[str, Role]
    notes: tuple[str, ...]
    card: Card
    truth: Truth | None = None
    recorded_from: datetime | None = None
    grace: int = 1
    lapse: int | None = None
    personas: Path | None = None
    labels: Labels = field(default_factory=Labels)

    def table(self, name: str) -> pd.DataFrame:
        """One checked table as a pandas data frame.

        Raises
        ------
        ArgumentError
            The data set has no such table.
        """
        self.require(check_name("name", name), asked=True)
        frame: pd.DataFrame = self.engine.query("SELECT * FROM t", tables={"t": name}).to_pandas()
        return frame

    def has(self, need: str) -> bool:
        """Whether there is a table, a column as `table.column`, or a declared role as `role:name`."""
        if check_name("need", need).startswith("role:"):
            return need.removeprefix("role:") in self.roles
        table, _, name = need.partition(".")
        return table in self.tables and (not name or name in self.tables[table].columns)

    def require(self, *names: str, asked: bool = False) -> str:
        """The first of the named tables that is there.

        Raises
        ------
        NotEnoughData
            None of them is.
        ArgumentError
            Neither, and an argument asked for it by name.
        """
        for name in names:
            if name in self.tables:
                return name
        wanted = " or ".join(repr(name) for name in names)
        error = ArgumentError if asked else NotEnoughData
        raise error(f"this needs a table {wanted}; {self.name!r} has: {', '.join(self.tables)}")

    def assuming(self, *, as_of: object = None, grace: str | None = None, lapse: str | None = None) -> Dataset:
        """The same data under other settings; nothing is read anew.

        Parameters
        ----------
        as_of : date, datetime or ISO text, optional
            An earlier end of the data: figures are made of what was known then.
        grace, lapse : str, optional
            As for `open_dataset`.

        Returns
        -------
        Dataset

        Raises
        ------
        ArgumentError
            No date, one behind the end of the data, or no length.
        """
        return replace(
            self,
            as_of=self.as_of if as_of is None else self.end_at(as_of),
            grace=self.grace if grace is None else days_of("grace", grace),
            lapse=self.lapse if lapse is None else days_of("lapse", lapse, 1),
        )

    def end_at(self, as_of: object) -> datetime:
        """The end of the data: its own, or an earlier one that somebody asks for."""
        own, end = self.as_of, read_as_of(as_of, self.timezone)
        if own is None:
            raise ArgumentError(f"as_of={as_of!r}: {self.name!r} has no time stamps and so no end")
        if end is not None and end > own:
            raise ArgumentError(f"as_of={as_of!r} lies behind the end of the data, {own:%Y-%m-%d %H:%M}")
        return end or own

    def quality(self) -> Quality:
        """What is thin: missing values, duplicates, unknown customers, gaps in the calendar."""
        from kbind.dataset.quality import quality

        return quality(self)

    def customer(self, customer_id: Any) -> Timeline:
        """One customer: attributes, and everything that happened to it, in the order of time. For internal use.

        Parameters
        ----------
        customer_id : str or int
            As the data has it.

        Returns
        -------
        Timeline

        Raises
        ------
        ArgumentError
            There is no such customer.

        Examples
        --------
        >>> import kbind as kb
        >>> one = kb.datasets.load_saas().customer(1)
        >>> one.attributes["industry"], one.to_frame()["what"][0]
        ('services', 'acquired_at')
        """
        from kbind.dataset.timeline import timeline

        return timeline(self, customer_id)

    def overview(self) -> pd.DataFrame:
        """Size and span of every table.

        Returns
        -------
        DataFrame
            Columns table, source, rows, customers (missing for counts by period, which name nobody), first, last
            (wall-clock times in `timezone`).
        """
        import pandas as pd

        rows = []
        for table in self.tables.values():
            first, last = (self.wall_clock(moment) for moment in table.span) if table.span else (None, None)
            rows.append((table.name, table.label, table.rows, self.customers_in(table), first, last))
        frame = pd.DataFrame(rows, columns=["table", "source", "rows", "customers", "first", "last"])
        return frame.astype({"customers": "Int64", "first": "datetime64[us]", "last": "datetime64[us]"})

    def customers_in(self, table: CheckedTable) -> int | None:
        """How many different customers a table names; None if it names none but counts them."""
        if not table.names_customers:
            return None
        return int(self.engine.row("SELECT count(DISTINCT customer_id) AS n FROM t", t=table.name)["n"])

    def wall_clock(self, moment: datetime) -> datetime:
        """A moment as the clock on the wall shows it in the data set's zone."""
        if moment.tzinfo is None:
            return moment
        return moment.astimezone(ZoneInfo(self.timezone or "UTC")).replace(tzinfo=None)

    def wall_time(self, table: str, name: str, of: str = "") -> Expression:
        """A column of times on the clock on the wall, for a statement; NULL where a table has none so called."""
        if name not in self.tables[table].columns:
            return parse("CAST(NULL AS TIMESTAMP)")
        time = column(name, of)
        if name in self.tables[table].instants:
            return parse("timezone(_zone, _t)", zone=literal(self.timezone or "UTC"), t=time)
        return time

    def constant(self, table: str, name: str, moment: datetime | None = None) -> Expression:
        """A wall-clock moment, else the end of the data, as a constant that a column of times can be compared with."""
        given = moment or self.as_of
        assert given is not None
        return literal(to_instant(given, self.timezone) if name in self.tables[table].instants else given)

    def period_index(self, table: str, name: str, value: Expression, calendar: Calendar) -> Expression:
        """Index of the period that a time lies in; boundaries are converted to the zone, not every row."""
        return bucket(value, calendar.boundaries(instants=name in self.tables[table].instants))

    def __repr__(self) -> str:
        complete = "no time stamps" if self.as_of is None else f"complete up to {self.as_of:%Y-%m-%d %H:%M}"
        return f"{self.name} ({complete}, time zone {self.timezone or 'not stated'})"

    def __str__(self) -> str:
        lines = [repr(self)]
        lines.append(self.overview().to_string(index=False, na_rep="–"))
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        head = escape(repr(self))
        return f"<p>{head}</p>{self.overview().to_html(index=False, na_rep='–', border=0)}<ul>{notes}</ul>"


def to_instant(moment: datetime, timezone: str | None) -> datetime:
    """A wall-clock time as a moment in world time; inside a gap of the clock, the moment of the change."""
    return moment.replace(tzinfo=ZoneInfo(timezone or "UTC")).astimezone(UTC)


def check_dataset(data: object) -> None:
    """Refuse what is no data set, and say how one is made."""
    if not isinstance(data, Dataset):
        raise ArgumentError(f"data of type {type(data).__name__} is no data set; open it first: kb.open_dataset(...)")
