"""Features by table: what customers used, what their contracts say, how they were served, what they said."""

from __future__ import annotations

import numpy as np

from kbind.data.engine import column, parse
from kbind.statistics.snapshots.cells import Cells, Floats, Rows, Scope, count_cells
from kbind.statistics.snapshots.choice import Choice, is_number
from kbind.statistics.snapshots.columns import Columns, texts
from kbind.statistics.snapshots.held import UNITS, Held
from kbind.statistics.snapshots.moments import DAY, EARLY, LONG, MIDDLE, PRIOR, SHORT, WINDOWS
from kbind.statistics.snapshots.rhythm import Rhythm

#: Days of a month, on average.
MONTH = 365.25 / 12


def add_usage(scope: Scope, choice: Choice, rows: Rows, rhythm: Rhythm, columns: Columns) -> Cells:
    """Events: how many, how long ago, whether they become fewer, and silence by the customer's own rhythm."""
    has_amount = "amount" in scope.data.tables["events"].columns
    cells = count_cells(
        scope, "events", "timestamp", level="kind", levels=choice.kinds, amount="amount" if has_amount else ""
    )
    _add_counts(cells, rows, columns, "events")
    if has_amount:
        sums = cells.before(cells.total)
        for days in WINDOWS:
            columns.add(cells.window(sums, rows, days) / cells.factor, "sum", "events", "amount", window=days)
        columns.add(_change(cells, cells.total, rows) / cells.factor, "sum_change", "events", "amount", window=MIDDLE)
    columns.add(_change(cells, cells.n, rows).astype(float), "change", "events", window=MIDDLE)
    gap = rhythm.usual_gap(rows)
    silent = scope.moments.days[rows.when] - rhythm.last_day(rows)
    columns.add(gap, "gap", "events")
    columns.add(silent / gap, "rhythm", "events")
    if len(choice.kinds) > 1:
        for level, kind in enumerate(choice.kinds, start=1):
            _add_counts(cells.of(level), rows, columns, "events", kind)
    return cells


def revenue(cells: Cells, rows: Rows, tenure: Floats) -> Floats:
    """Amounts of the last year a month, of the months since the customer came if these are fewer."""
    spent = cells.window(cells.before(cells.total), rows, LONG) / cells.factor
    return np.asarray(spent / np.clip(tenure / MONTH, 1.0, LONG / MONTH))


def add_contracts(scope: Scope, choice: Choice, held: Held, columns: Columns) -> None:
    """Contracts: price, seats, what they were earlier, plan, discount, and when the next term ends."""
    rows, table = held.rows, held.table
    has = scope.data.tables["subscriptions"].columns

    def numbers(name: str) -> Floats:
        return np.asarray(table.column(name).cast("double").to_numpy(), dtype=float)

    columns.add(numbers("n"), "number", "subscriptions")
    starts = count_cells(scope, "subscriptions", "start")
    columns.add(starts.window(starts.before(starts.n), rows, LONG).astype(float), "count", "subscriptions", window=LONG)
    for name in ("mrr", "seats"):
        if name in has:
            now = numbers(name) / UNITS
            columns.add(now, "value", "subscriptions", name)
            for days, earlier in _earlier(scope, name, rows).items():
                columns.add(now - earlier, "change", "subscriptions", name, window=days)
    if "mrr" in has and "seats" in has:
        seats = numbers("seats")
        price = numbers("mrr") / np.where(seats > 0, seats, np.nan)
        columns.add(price, "price_per_seat", "subscriptions", "mrr")
    if "discount" in has:
        columns.add(numbers("discount"), "value", "subscriptions", "discount")
    if "plan" in has:
        columns.add(texts(table.column("plan")), "value", "subscriptions", "plan")
    if choice.auto_renew:
        columns.add(numbers("auto_renew"), "flag", "subscriptions", "auto_renew")
    if choice.renewal:
        end = table.column("term_end").cast("timestamp[us]").to_numpy().astype("datetime64[us]")
        if choice.renewal == "term":
            length = numbers(f"x{choice.terms.index('term')}")
            end = next_term(end, length, np.asarray(scope.moments.dates, dtype="datetime64[us]")[rows.when])
        left = (end - np.asarray(scope.moments.dates, dtype="datetime64[us]")[rows.when]) / np.timedelta64(DAY, "us")
        columns.add(np.where(left >= 0, left, np.nan), "days_to", "subscriptions", "term_end")
    for k, name in enumerate(choice.terms):
        text = not is_number(has[name]) and has[name] != "BOOLEAN"
        values = texts(table.column(f"x{k}")) if text else numbers(f"x{k}")
        columns.add(values, "attribute", "subscriptions", name)


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
    behind = month - moment.astype("datetime64[M]").astype(np.int64)
    found = month - behind // length * length
    result = found.astype("datetime64[M]").astype("datetime64[us]") + day
    later = (found + length).astype("datetime64[M]").astype("datetime64[us]") + day
    return np.where(known, np.where(result < moment, later, result), np.datetime64("NaT"))


def _earlier(scope: Scope, name: str, rows: Rows) -> dict[int, Floats]:
    """What contracts in force some days before summed up to; NaN where there was none."""
    cells = {"start": count_cells(scope, "subscriptions", "start", amount=name)}
    if "end" in scope.data.tables["subscriptions"].columns:
        cells["end"] = count_cells(scope, "subscriptions", "end", amount=name)
    result = {}
    for days in (MIDDLE, LONG):
        value, n = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
        for edge, found in cells.items():
            sign = 1 if edge == "start" else -1
            value += sign * found.window(found.before(found.total), rows, None, days) / found.factor
            n += sign * found.window(found.before(found.filled), rows, None, days)
        result[days] = np.where(n > 0, value, np.nan)
    return result


def add_tickets(scope: Scope, rows: Rows, columns: Columns) -> None:
    """Tickets: how many, how grave, how many are open."""
    has = scope.data.tables["tickets"].columns
    graded = "severity" in has and is_number(has["severity"])
    cells = count_cells(scope, "tickets", "opened", amount="severity" if graded else "")
    _add_counts(cells, rows, columns, "tickets")
    if "closed" in has:
        closed = count_cells(scope, "tickets", "closed")
        left = cells.window(cells.before(cells.n), rows, None) - closed.window(closed.before(closed.n), rows, None)
        columns.add(left.astype(float), "open", "tickets")
    if graded:
        columns.add(_mean(cells, rows), "mean", "tickets", "severity", window=LONG)
        columns.add(cells.last(rows), "last", "tickets", "severity")
    if "goodwill" in has:
        paid = count_cells(scope, "tickets", "opened", amount="goodwill")
        sums = paid.window(paid.before(paid.total), rows, LONG) / paid.factor
        columns.add(sums, "sum", "tickets", "goodwill", window=LONG)


def add_feedback(scope: Scope, choice: Choice, rows: Rows, columns: Columns) -> None:
    """Feedback: the last answer to each instrument, the mean of a year, on how many it rests, how old it is."""
    if "score" not in scope.data.tables["feedback"].columns:
        return
    every = count_cells(scope, "feedback", "timestamp", level="instrument", levels=choice.instruments, amount="score")
    for level, instrument in enumerate(choice.instruments, start=1):
        cells = every.of(level)
        answers = cells.window(cells.before(cells.filled), rows, LONG)
        columns.add(cells.last(rows), "last", "feedback", "score", instrument)
        columns.add(_mean(cells, rows), "mean", "feedback", "score", instrument, LONG)
        columns.add(answers.astype(float), "count", "feedback", "", instrument, LONG)
        columns.add(cells.days_since(rows), "days_since", "feedback", "", instrument)


def add_contacts(scope: Scope, rows: Rows, columns: Columns) -> None:
    """Contacts: how many there are on each side, and how many left lately."""
    has = scope.data.tables["contacts"].columns
    sides = ("ours", "theirs") if "side" in has else ()
    side = "side" if sides else ""
    if "start" in has:
        early = scope.moments.constant(scope.data, "contacts", "start", EARLY)
        since = parse("coalesce(_t, _early)", t=column("start"), early=early)
        came = count_cells(scope, "contacts", "start", level=side, levels=sides, since=since)
        gone = count_cells(scope, "contacts", "end", level=side, levels=sides) if "end" in has else came.of(-1)
        for level, name in enumerate(sides or ("",), start=1 if sides else 0):
            here, left = came.of(level), gone.of(level)
            lost = left.before(left.n)
            there = here.window(here.before(here.n), rows, None) - left.window(lost, rows, None)
            columns.add(there.astype(float), "number", "contacts", "", name)
            if "end" in has:
                columns.add(left.window(lost, rows, MIDDLE).astype(float), "left", "contacts", "", name, MIDDLE)


def add_others(scope: Scope, rows: Rows, columns: Columns) -> None:
    """Campaigns and earlier cancellations."""
    if "campaigns" in scope.data.tables and "assigned_at" in scope.data.tables["campaigns"].columns:
        cells = count_cells(scope, "campaigns", "assigned_at")
        columns.add(cells.window(cells.before(cells.n), rows, LONG).astype(float), "count", "campaigns", window=LONG)
        columns.add(cells.days_since(rows), "days_since", "campaigns")
    if "cancellations" in scope.data.tables:
        cells = count_cells(scope, "cancellations", "timestamp")
        columns.add(cells.window(cells.before(cells.n), rows, None).astype(float), "count", "cancellations")
        columns.add(cells.days_since(rows), "days_since", "cancellations")


def _add_counts(cells: Cells, rows: Rows, columns: Columns, table: str, level: str = "") -> None:
    """Rows in each window, days since the last, and whether the last month had more of them than the last three."""
    sums = cells.before(cells.n)
    counts = {days: cells.window(sums, rows, days).astype(float) for days in WINDOWS}
    for days, found in counts.items():
        columns.add(found, "count", table, "", level, days)
    columns.add(cells.days_since(rows), "days_since", table, "", level)
    if table == "events":
        usual = np.where(counts[MIDDLE] > 0, counts[MIDDLE], np.nan) * (SHORT / MIDDLE)
        columns.add(counts[SHORT] / usual, "trend", table, "", level, SHORT)


def _change(cells: Cells, values: np.ndarray, rows: Rows) -> np.ndarray:
    """The last 90 days less the 90 days before."""
    sums = cells.before(values)
    return np.asarray(cells.window(sums, rows, MIDDLE) - cells.window(sums, rows, PRIOR, MIDDLE))


def _mean(cells: Cells, rows: Rows) -> Floats:
    """Mean amount of the last year; NaN without any."""
    n = cells.window(cells.before(cells.filled), rows, LONG)
    total = cells.window(cells.before(cells.total), rows, LONG) / cells.factor
    return np.asarray(total / np.where(n > 0, n, np.nan))
