"""What a data set holds and where it is thin: counted, not guessed, and nothing of it an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from kbind.calendar import Calendar
from kbind.dataset.answers import lacking
from kbind.dataset.checks import CheckedTable
from kbind.dataset.currencies import codes_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.notes import refunds_of, rows_behind, unended, unknown_in
from kbind.dataset.schema import TABLES, USES
from kbind.engine.engine import column, parse
from kbind.result import Shown

if TYPE_CHECKING:
    import pandas as pd

#: A calendar is looked at by the longest period of which so many are over.
_ENOUGH = 6
#: A period is compared with so many others before it and after it.
_NEIGHBOURS = 3
#: Columns of `Quality.tables` behind those of the overview.
_ODD = {
    "duplicates": "int64",
    **dict.fromkeys(("unknown_rows", "unknown_customers", "without_rows"), "Int64"),
}
#: Tables of which a usual number of rows a period can be expected.
_STEADY = ("events", "tickets", "cancellations", "feedback", "subscriptions")


@dataclass(frozen=True, eq=False, repr=False)
class Quality(Shown):
    """What a data set holds and where it is thin. Made by `Dataset.quality`.

    Attributes
    ----------
    name : str
        The data set.
    tables : DataFrame
        Columns table, source, rows, customers, first, last (wall-clock times), duplicates (rows beyond the first of
        rows equal in every column), unknown_rows and unknown_customers (rows whose customer is not in `customers`, and
        how many customers that are), without_rows (customers of `customers` without a row here); missing where there
        is no table `customers`, or the rows name no customers.
    columns : DataFrame
        Columns table, column, type, missing (rows without a value), share of the rows.
    calendar : DataFrame
        Columns table, period, start, rows, usual (median of up to three periods with rows on either side), gap: less
        than half of what is usual, and by more than four times its square root. Periods that are over only.
    period : str
        Length of these periods: "month" if six are over, else "week", else "day".
    id_map : DataFrame
        Columns table, system, ids (different ones in the table), found (in `id_map`), rows_left_out.
    chapters : DataFrame
        Columns chapter, use, possible, missing (what it would need).
    treated : DataFrame
        Rows that count otherwise than others, or not at all. Columns table, what ("refunds", "refunds only": customers
        without other rows, "cancelled": orders, "dropped": rows without customer, "behind": rows after the end of the
        data, "currencies": how many), count, example.
    unended : int
        Customers with a cancellation on record while their contract has no end.
    """

    name: str
    tables: pd.DataFrame
    columns: pd.DataFrame
    calendar: pd.DataFrame
    period: str
    id_map: pd.DataFrame
    chapters: pd.DataFrame
    treated: pd.DataFrame
    unended: int = 0

    @property
    def definition(self) -> str:
        """What was counted."""
        return f"Rows, customers, missing values and gaps of {self.name}."

    def to_frame(self) -> pd.DataFrame:
        """The tables: their size, span, duplicates and unknown customers."""
        return self.tables

    @property
    def gaps(self) -> pd.DataFrame:
        """The periods with far fewer rows than usual."""
        return self.calendar[self.calendar["gap"]].reset_index(drop=True)

    @property
    def incomplete(self) -> pd.DataFrame:
        """The columns that miss values."""
        return self.columns[self.columns["missing"] > 0].reset_index(drop=True)

    def _parts(self) -> list[tuple[str, pd.DataFrame]]:
        return [
            ("Tables", self.tables),
            ("Columns with missing values", self.incomplete),
            (f"Gaps ({self.period}s with less than half of the usual rows)", self.gaps),
            ("Translated ids", self.id_map),
            ("Rows that count otherwise, or not at all", self.treated),
            ("Chapters", self.chapters),
        ]

    def __repr__(self) -> str:
        return f"Quality of {self.name}: {len(self.tables)} tables, {len(self.gaps)} gaps"

    def __str__(self) -> str:
        shown = [f"{title}\n{_text(frame)}" for title, frame in self._parts()]
        return "\n\n".join([self.name, *shown])

    def _repr_html_(self) -> str:
        return "".join(
            f"<p><b>{escape(title)}</b></p>{frame.to_html(index=False, border=0, na_rep='–')}"
            for title, frame in self._parts()
            if len(frame)
        )


def _text(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, na_rep="–") if len(frame) else "none"


def quality(data: Dataset) -> Quality:
    """Look for what is thin: missing values, duplicates, unknown customers, gaps in the calendar.

    Parameters
    ----------
    data : Dataset

    Returns
    -------
    Quality
        Shows itself in a notebook; its frames are attributes.

    Raises
    ------
    ArgumentError
        It is no data set.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> people = {"customer_id": [1, 2], "industry": ["trade", None]}
    >>> log = {"customer_id": [1, 1, 3], "timestamp": ["2024-01-03", "2024-01-03", "2024-02-05"]}
    >>> data = kb.open_dataset({"customers": pd.DataFrame(people), "events": pd.DataFrame(log)})
    >>> found = data.quality()
    >>> found.tables[["table", "rows", "duplicates", "unknown_rows", "without_rows"]]
           table  rows  duplicates unknown_rows without_rows
    0  customers     2           0         <NA>         <NA>
    1     events     3           1            1            1
    >>> found.incomplete[["table", "column", "missing", "share"]]
           table    column  missing  share
    0  customers  industry        1    0.5
    """
    import pandas as pd

    check_dataset(data)
    calendar = _calendar(data)
    odd = pd.DataFrame([_odd(data, table) for table in data.tables.values()], columns=list(_ODD))
    translations = [(t.name, t.translation) for t in data.tables.values() if t.translation is not None]
    return Quality(
        name=data.name,
        tables=data.overview().join(odd.astype(_ODD)),
        columns=pd.DataFrame([row for table in data.tables.values() for row in _missing(data, table)]),
        calendar=pd.concat([_rows_by_period(data, table, calendar) for table in _steady(data)] or [_no_periods()]),
        period=calendar.period if calendar else "day",
        id_map=pd.DataFrame(
            [(name, t.system, t.ids, t.found, t.rows_left_out) for name, t in translations],
            columns=["table", "system", "ids", "found", "rows_left_out"],
        ),
        chapters=pd.DataFrame(
            [(use.chapter, use.key, not (lacks := ", ".join(lacking(data, use.needs))), lacks) for use in USES],
            columns=["chapter", "use", "possible", "missing"],
        ),
        treated=pd.DataFrame(_treated(data), columns=["table", "what", "count", "example"]),
        unended=unended(data),
    )


def _treated(data: Dataset) -> list[tuple[str, str, int, str]]:
    """The rows of `Quality.treated`."""
    given, late = refunds_of(data), rows_behind(data)
    rows = [
        ("events", "refunds", given.rows, ""),
        ("events", "refunds only", given.only, ""),
        ("events", "cancelled", given.orders, given.example),
    ]
    for name, table in data.tables.items():
        codes = codes_of(data.engine, table)
        rows += [
            (name, "dropped", table.dropped, ""),
            (name, "behind", late.get(name, 0), ""),
            (name, "currencies", len(codes), ", ".join(codes)),
        ]
    return [row for row in rows if row[2]]


def _odd(data: Dataset, table: CheckedTable) -> dict[str, int]:
    """What `Quality.tables` says of a table besides its size and span."""
    places = {f"c{i}": column(name) for i, name in enumerate(table.every)}
    every = ", ".join(f"_{place}" for place in places)
    repeated = f"SELECT sum(n - 1) AS duplicates FROM (SELECT count(*) AS n FROM t GROUP BY {every}) AS d"
    row = data.engine.row(repeated, parts=places, t=table.name) | unknown_in(data, table)
    if "unknown_rows" in row:
        silent = "SELECT count(*) AS without_rows FROM customers WHERE NOT customer_id IN (SELECT customer_id FROM t)"
        row |= data.engine.row(silent, t=table.name)
    return {"duplicates": int(row.pop("duplicates") or 0)} | row


def _missing(data: Dataset, table: CheckedTable) -> list[dict[str, Any]]:
    """The rows of `Quality.columns`; blank text is no value."""
    counts = {
        name: parse("count(nullif(trim(_x), ''))" if kind.startswith("VARCHAR") else "count(_x)", x=column(name))
        for name, kind in table.every.items()
    }
    filled = data.engine.aggregate(table.name, counts)
    return [
        {
            "table": table.name,
            "column": name,
            "type": kind,
            "missing": table.rows - int(filled[name]),
            "share": (table.rows - int(filled[name])) / table.rows,
        }
        for name, kind in table.every.items()
    ]


def _steady(data: Dataset) -> list[CheckedTable]:
    if data.as_of is None:
        return []
    tables = [data.tables[name] for name in _STEADY if name in data.tables]
    return [table for table in tables if table.span and data.wall_clock(table.span[0]) < data.as_of]


def _calendar(data: Dataset) -> Calendar | None:
    """The periods from the first row to the end of the data, of the longest length that has enough of them."""
    firsts = [data.wall_clock(table.span[0]) for table in _steady(data) if table.span]
    if not firsts or data.as_of is None:
        return None
    found = None
    for period in ("month", "week", "day"):
        found = Calendar.spanning(period, min(firsts), data.as_of, data.timezone)
        if found.lived >= _ENOUGH:
            break
    return found


def _rows_by_period(data: Dataset, table: CheckedTable, calendar: Calendar | None) -> pd.DataFrame:
    """The rows of `Quality.calendar` for one table, from its first row on."""
    import numpy as np
    import pandas as pd

    assert calendar is not None
    time = TABLES[table.name].time
    counted = data.engine.query(
        "SELECT i, count(*) AS n FROM (SELECT _i AS i FROM t WHERE _t < _as_of) AS placed GROUP BY i",
        tables={"t": table.name},
        parts={
            "i": data.period_index(table.name, time, column(time), calendar),
            "t": column(time),
            "as_of": data.constant(table.name, time),
        },
    )
    rows = np.zeros(calendar.size, dtype=np.int64)
    rows[counted.column("i").to_numpy()] = counted.column("n").to_numpy()
    first = int(np.flatnonzero(rows)[0])
    rows = rows[: calendar.lived][first:]
    usual = usual_rows(rows.tolist())
    frame = pd.DataFrame(
        {
            "table": table.name,
            "period": calendar.labels[first : calendar.lived],
            "start": pd.to_datetime(calendar.starts[first : calendar.lived]),
            "rows": rows,
            "usual": usual,
        }
    )
    far = (frame["rows"] < frame["usual"] / 2) & (frame["usual"] - frame["rows"] > 4 * frame["usual"] ** 0.5)
    # a recording starts at any day of its first period
    return frame.assign(gap=far & (np.arange(len(frame)) > 0))


def usual_rows(rows: Sequence[int]) -> list[float]:
    """Median of up to three periods with rows before and three after each one; NaN if there are none.

    >>> usual_rows([10, 12, 0, 11, 13])
    [12.0, 11.0, 11.5, 12.0, 11.0]
    """
    from statistics import median

    result = []
    for i in range(len(rows)):
        before = [n for n in reversed(rows[:i]) if n][:_NEIGHBOURS]
        after = [n for n in rows[i + 1 :] if n][:_NEIGHBOURS]
        result.append(float(median(before + after)) if before or after else float("nan"))
    return result


def _no_periods() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"table": [], "period": [], "start": [], "rows": [], "usual": [], "gap": []}).astype(
        {"rows": "int64", "gap": bool, "start": "datetime64[ns]"}
    )
