"""Whether declared moments fit what the data spans."""

from __future__ import annotations

from datetime import timedelta

from kbind.data.dataset.model import Dataset
from kbind.errors import ArgumentError

#: Longer than this, and than the data spans, after the last record or before the first one: a mistyped year.
_FAR = timedelta(days=5 * 366)


def check_span(data: Dataset) -> None:
    """Refuse an `as_of` or `recorded_from` before the first record, or years away from all records."""
    spans = [table.span for table in data.tables.values() if table.span]
    if not spans:
        return
    first = min(data.wall_clock(start) for start, _ in spans)
    last = max(data.wall_clock(end) for _, end in spans)
    far = max(_FAR, last - first)
    allowed = f"allowed: as the data spans {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    if data.as_of is not None and not first < data.as_of <= last + far:
        where = "not after the first record" if data.as_of <= first else "years after the last record"
        raise ArgumentError(f"as_of={data.as_of:%Y-%m-%d} lies {where}; {allowed}, or soon after")
    if "subscriptions" in data.tables and data.as_of is not None:
        last = max(last, data.as_of)  # the span is of beginnings: old contracts may end, and be recorded, until as_of
    if data.recorded_from is not None and not first - far <= data.recorded_from <= last:
        where = "after the last record" if data.recorded_from > last else "years before the first record"
        raise ArgumentError(f"recorded_from={data.recorded_from:%Y-%m-%d} lies {where}; {allowed}")
