"""Features by table: what customers used, what their contracts say, how they were served, what they said."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kbind.churn.snapshots.cells import UNITS, Cells, Rows, Whole
from kbind.churn.snapshots.choice import Choice
from kbind.churn.snapshots.columns import Columns, numbers, texts, values_of
from kbind.churn.snapshots.held import Held
from kbind.churn.snapshots.logs import SIDES
from kbind.churn.snapshots.moments import DAY, LONG, MIDDLE, PRIOR, SHORT, Moments
from kbind.churn.snapshots.rhythm import Rhythm
from kbind.dataset.dataset import Dataset
from kbind.typing import Floats

#: Days of a month, on average.
_MONTH = 365.25 / 12


@dataclass(frozen=True, eq=False)
class Part:
    """Some customers: the data set they belong to, what becomes features, and their logs, by name."""

    data: Dataset
    moments: Moments
    choice: Choice
    logs: dict[str, Cells]


def add_usage(part: Part, rows: Rows, rhythm: Rhythm, columns: Columns) -> None:
    """Events: how many, how long ago, whether they become fewer, and silence by the customer's own rhythm."""
    cells = part.logs["events"]
    _add_counts(cells, rows, columns, "events")
    columns.add(_change(cells, cells.before(), rows), "change", "events", window=MIDDLE)
    for name, amounts in cells.amounts.items():
        sums, factor = cells.before(amounts.units), amounts.factor
        for days, found in cells.windows(sums, rows).items():
            columns.add(found / factor, "sum", "events", name, window=days)
        columns.add(_change(cells, sums, rows) / factor, "sum_change", "events", name, window=MIDDLE)
    gap = rhythm.usual_gap(rows)
    columns.add(gap, "gap", "events")
    columns.add((part.moments.days[rows.when] - rhythm.last_day(rows)) / gap, "rhythm", "events")
    kinds = replace(cells, amounts={})
    # one kind alone would repeat the whole
    for level, kind in enumerate(part.choice.kinds if len(part.choice.kinds) > 1 else (), start=1):
        _add_counts(kinds.of(level), rows, columns, "events", kind)


def revenue(columns: Columns) -> Floats:
    """Amounts of the last year a month, of the months since the customer came if these are fewer; NaN without any."""
    tenure = columns.values["tenure"]
    spent = columns.values.get(f"events_amount_sum_{LONG}", np.full(len(tenure), np.nan))
    return np.asarray(spent / np.clip(tenure / _MONTH, 1.0, LONG / _MONTH))


def add_contracts(part: Part, held: Held, columns: Columns) -> None:
    """Contracts: price, seats, what they were earlier, plan, discount, and when the next term ends."""
    rows, table, choice = held.rows, held.table, part.choice
    has = part.data.tables["subscriptions"].columns
    started = part.logs["started"]
    columns.add(numbers(table, "n"), "number", "subscriptions")
    columns.add(started.count(rows, LONG), "count", "subscriptions", window=LONG)
    for name in started.amounts:
        now = numbers(table, name) / UNITS
        columns.add(now, "value", "subscriptions", name)
        for days in (MIDDLE, LONG):
            columns.add(now - _earlier(part, name, rows, days), "change", "subscriptions", name, window=days)
    if len(started.amounts) > 1:
        seats = numbers(table, "seats")
        columns.add(
            numbers(table, "mrr") / np.where(seats > 0, seats, np.nan), "price_per_seat", "subscriptions", "mrr"
        )
    if "discount" in has:
        columns.add(numbers(table, "discount"), "value", "subscriptions", "discount")
    if "plan" in has:
        columns.add(texts(table.column("plan")), "value", "subscriptions", "plan")
    if choice.auto_renew:
        columns.add(numbers(table, "auto_renew"), "flag", "subscriptions", "auto_renew")
    if choice.renewal:
        dates = np.asarray(part.moments.dates, dtype="datetime64[us]")[rows.when]
        end = table.column("term_end").cast("timestamp[us]").to_numpy().astype("datetime64[us]")
        if choice.renewal == "term":
            end = next_term(end, numbers(table, f"x{choice.terms.index('term')}"), dates)
        left = (end - dates) / np.timedelta64(DAY, "us")
        columns.add(np.where(left >= 0, left, np.nan), "days_to", "subscriptions", "term_end")
    for k, name in enumerate(choice.terms):
        columns.add(values_of(table, f"x{k}", has[name]), "attribute", "subscriptions", name)


def next_term(end: np.ndarray, months: Floats, moment: np.ndarray) -> np.ndarray:
    """The first end of a term that is not before a moment, if terms follow each other up to or from a given end.

    >>> at = [np.array([day], dtype="datetime64[us]") for day in ("2025-01-01", "2024-03-10")]
    >>> str(next_term(at[0], np.array([3.0]), at[1])[0])[:10]
    '2024-04-01'
    """
    known = ~np.isnat(end) & (months >= 1) & np.isfinite(months)
    length = np.where(known, months, 1).astype(np.int64)
    calendar = end.astype("datetime64[M]")
    day = end - calendar.astype("datetime64[us]")
    month = np.where(known, calendar.astype(np.int64), 0)
    found = month - (month - moment.astype("datetime64[M]").astype(np.int64)) // length * length
    result = found.astype("datetime64[M]").astype("datetime64[us]") + day
    later = (found + length).astype("datetime64[M]").astype("datetime64[us]") + day
    return np.where(known, np.where(result < moment, later, result), np.datetime64("NaT"))


def _earlier(part: Part, name: str, rows: Rows, days: int) -> Floats:
    """What contracts in force some days before summed up to; NaN where there was none."""
    total, n = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    for log, sign in (("started", 1), ("ended", -1)):
        if log not in part.logs:
            continue
        cells = part.logs[log]
        amounts = cells.amounts[name]
        total += sign * cells.window(cells.before(amounts.units), rows, None, days) / amounts.factor
        n += sign * cells.window(cells.before(amounts.filled), rows, None, days)
    return np.where(n > 0, total, np.nan)


def add_tickets(part: Part, rows: Rows, columns: Columns) -> None:
    """Tickets: how many, how grave, how many are open."""
    cells = part.logs["tickets"]
    _add_counts(cells, rows, columns, "tickets")
    if "closed" in part.logs:
        columns.add(cells.count(rows, None) - part.logs["closed"].count(rows, None), "open", "tickets")
    if "severity" in cells.amounts:
        columns.add(cells.mean("severity", rows, LONG), "mean", "tickets", "severity", window=LONG)
        columns.add(cells.last("severity", rows), "last", "tickets", "severity")
    if "goodwill" in cells.amounts:
        columns.add(cells.sum("goodwill", rows, LONG), "sum", "tickets", "goodwill", window=LONG)


def add_feedback(part: Part, rows: Rows, columns: Columns) -> None:
    """Feedback: the last answer to each instrument, the mean of a year, on how many it rests, how old it is."""
    for level, instrument in enumerate(part.choice.instruments, start=1):
        cells = part.logs["feedback"].of(level)
        answers = cells.window(cells.before(cells.amounts["score"].filled), rows, LONG)
        columns.add(cells.last("score", rows), "last", "feedback", "score", instrument)
        columns.add(cells.mean("score", rows, LONG), "mean", "feedback", "score", instrument, LONG)
        columns.add(answers.astype(float), "count", "feedback", "", instrument, LONG)
        columns.add(cells.days_since(rows), "days_since", "feedback", "", instrument)


def add_contacts(part: Part, rows: Rows, columns: Columns) -> None:
    """Contacts: how many there are on each side, and how many left lately."""
    sided = "side" in part.data.tables["contacts"].columns
    for level, side in enumerate(SIDES, start=1) if sided else ((0, ""),):
        here = part.logs["came"].of(level).count(rows, None)
        if "went" not in part.logs:
            columns.add(here, "number", "contacts", "", side)
            continue
        left = part.logs["went"].of(level)
        columns.add(here - left.count(rows, None), "number", "contacts", "", side)
        columns.add(left.count(rows, MIDDLE), "left", "contacts", "", side, MIDDLE)


def add_others(part: Part, rows: Rows, columns: Columns) -> None:
    """Campaigns and earlier cancellations."""
    for log, days in (("campaigns", LONG), ("cancellations", None)):
        if log in part.logs:
            cells = part.logs[log]
            columns.add(cells.count(rows, days), "count", log, window=days or 0)
            columns.add(cells.days_since(rows), "days_since", log)


def _add_counts(cells: Cells, rows: Rows, columns: Columns, table: str, level: str = "") -> None:
    """Rows in each window, days since the last, and whether events come faster in the last month than in three."""
    counts = {days: found.astype(float) for days, found in cells.windows(cells.before(), rows).items()}
    for days, found in counts.items():
        columns.add(found, "count", table, "", level, days)
    columns.add(cells.days_since(rows), "days_since", table, "", level)
    if table == "events":
        usual = np.where(counts[MIDDLE] > 0, counts[MIDDLE], np.nan) * (SHORT / MIDDLE)
        columns.add(counts[SHORT] / usual, "trend", table, "", level, SHORT)


def _change(cells: Cells, sums: Whole, rows: Rows) -> Floats:
    """The last 90 days less the 90 days before."""
    late, before = cells.window(sums, rows, MIDDLE), cells.window(sums, rows, PRIOR, MIDDLE)
    return np.asarray(late - before, dtype=float)
