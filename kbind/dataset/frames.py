"""Any data frame, whatever library it comes from, as an Arrow table: the one place that knows kinds of frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from numbers import Number
from typing import Any

import narwhals as nw
import pyarrow as pa
from narwhals.dependencies import is_pandas_dataframe

from kbind.dataset.reading.base import BLANKS, ENDLESS, NO_VALUE
from kbind.errors import DatasetError, Problem, shown


def is_frame(value: object) -> bool:
    """Whether it is a data frame: of pandas, Polars, Arrow, DuckDB, what Narwhals knows or gives Arrow data away."""
    known = nw.from_native(value, pass_through=True, allow_series=True)
    if isinstance(known, nw.Series):
        return False
    return isinstance(known, (nw.DataFrame, nw.LazyFrame)) or hasattr(value, "__arrow_c_stream__")


def to_arrow(frame: Any) -> pa.Table:
    """Any data frame as an Arrow table; what is computed later is computed now.

    Raises
    ------
    TypeError
        It is none.
    """
    if isinstance(frame, pa.Table):
        return frame
    if is_pandas_dataframe(frame):
        return pa.Table.from_pandas(_without_nested(frame), preserve_index=False)
    known = nw.from_native(frame, pass_through=True)
    if isinstance(known, nw.LazyFrame):
        known = known.collect("pyarrow")
    if isinstance(known, nw.DataFrame):
        return known.to_arrow()
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    raise TypeError(f"a {type(frame).__name__} is not a data frame; allowed: pandas, Polars, Arrow or DuckDB")


def as_pandas(frame: Any) -> Any:
    """Any data frame as one of pandas; what is none stays as it is."""
    return to_arrow(frame).to_pandas() if is_frame(frame) and not is_pandas_dataframe(frame) else frame


def frame_columns(frame: Any) -> dict[str, pa.ChunkedArray]:
    """Columns of any data frame by their names."""
    table = to_arrow(frame)
    return dict(zip(table.column_names, table.columns, strict=True))


def numbered(frame: Any) -> Any:
    """With a number for each row in `customer_id`, unless there is such a column.

    Raises
    ------
    TypeError
        It is no data frame.
    """
    if is_pandas_dataframe(frame):
        return frame if "customer_id" in frame.columns else frame.assign(customer_id=range(1, len(frame) + 1))
    table = to_arrow(frame)
    rows = pa.array(range(1, table.num_rows + 1))
    return table if "customer_id" in table.column_names else table.append_column("customer_id", rows)


def read_frame(label: str, frame: Any) -> tuple[pa.Table, list[str]]:
    """A table as the engine can read it, and what was taken for a missing value.

    Raises
    ------
    DatasetError
        Columns hold values of several types, or what no table can.
    """
    cleaned, notes = _plain_numbers(label, frame)
    try:
        arrow = _readable(to_arrow(cleaned))
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = ": ".join(" ".join(str(part).split()) for part in reversed(error.args))
        raise DatasetError(_mixed_columns(label, cleaned) or [Problem(label, f"cannot be read: {reason}")]) from error
    if mixed := _mixed_columns(label, frame, only_times=True):
        raise DatasetError(mixed)
    return arrow, notes


def zone_of(frame: pa.Table) -> str | None:
    """The one zone of an area that all zoned time stamps have."""
    zones = {f.type.tz for f in frame.schema if pa.types.is_timestamp(f.type) and f.type.tz}
    named = {zone for zone in zones if "/" in zone}
    return named.pop() if len(named) == 1 and len(zones) == 1 else None


def _without_nested(frame: Any) -> Any:
    """A copy of a pandas frame, as a later change is not ours, in which lists and the like stand for themselves."""
    copy = frame.copy()
    for place, name in enumerate(copy.columns):
        values = copy.iloc[:, place]
        if str(values.dtype) == "object" and any(map(_is_nested, values)) and not _only_bytes(values):
            # what they hold plays no part: the column is left out, or an error that names its type
            copy = copy.assign(**{str(name): [[str(value)] if _is_nested(value) else None for value in values]})
    return copy


def _is_nested(value: object) -> bool:
    """Whether a value of a column of objects is none that a table of text and numbers can hold."""
    several = isinstance(value, (bytes, bytearray, set, frozenset, Sequence, Mapping)) and not isinstance(value, str)
    return several or (hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0)


def _only_bytes(values: Any) -> bool:
    """Whether a column holds bytes and nothing else: a type of its own to the engine, which can be an identifier."""
    return all(isinstance(value, (bytes, bytearray)) for value in values.dropna())


def _plain_numbers(label: str, frame: Any) -> tuple[Any, list[str]]:
    """A pandas frame whose columns of numbers hold no words for a missing value, and what was taken for one."""
    if not is_pandas_dataframe(frame):
        return frame, []
    notes = []
    for name in frame.columns[[str(dtype) == "object" for dtype in frame.dtypes]]:
        values = list(frame[name])
        words = [(row, shown(v)) for row, v in enumerate(values, start=1) if isinstance(v, str)]
        said = {value.strip(BLANKS).casefold() for value in values if isinstance(value, str)}
        if words and said <= {"", *NO_VALUE, *ENDLESS} and any(_kind(value) == "numbers" for value in values):
            numbers: Any = [None if isinstance(value, str) else value for value in values]
            frame = frame.assign(**{name: numbers})
            message = "stands for a missing value and counts as one"
            notes.append(str(Problem(label, message, str(name), words[:3], len(words))))
    return frame, notes


def _readable(frame: pa.Table) -> pa.Table:
    """An Arrow table with numbers of rare types as floats, which the engine can read."""
    for place, found in enumerate(frame.schema):
        if pa.types.is_float16(found.type) or pa.types.is_decimal256(found.type):
            wider = pa.float32() if pa.types.is_float16(found.type) else pa.float64()
            frame = frame.set_column(place, found.name, frame.column(place).cast(wider))
    return frame


def _mixed_columns(label: str, frame: Any, *, only_times: bool = False) -> list[Problem]:
    """Columns of a pandas frame that hold values of several types, which no engine can.

    Arrow takes times with and without a zone for each other without a word, so these are always looked for.
    """
    problems = []
    for name in frame.columns if is_pandas_dataframe(frame) else ():
        values = frame[name]
        if values.dtype != object or (only_times and not isinstance(values.dropna().iloc[:1].squeeze(), datetime)):
            continue
        kinds = [(row, _kind(value), value) for row, value in enumerate(values, start=1) if value == value]
        counted = Counter(kind for _, kind, _ in kinds if kind)
        if len(counted) < 2:
            continue
        most = counted.most_common(1)[0][0]
        rows = [(row, shown(value)) for row, kind, value in kinds if kind and kind != most]
        message = f"mixes {' and '.join(sorted(counted))}"
        problems.append(Problem(label, message, str(name), rows[:3], len(rows), "allowed: one kind throughout"))
    return problems


def _kind(value: object) -> str:
    """What a value is called in a message; nothing for a missing one."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, datetime):
        return "times without a zone" if value.tzinfo is None else "times with a zone"
    known = {str: "text", date: "dates", bool: "yes and no"}
    return known.get(type(value), "numbers" if isinstance(value, Number) else type(value).__name__)
