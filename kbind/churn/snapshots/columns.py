"""Features as they are found: values of the rows, by the name of the column, with what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.churn.snapshots.snapshot_table import Feature
from kbind.dataset.reading.base import kind_of
from kbind.typing import Array, Floats, Objects


@dataclass
class Columns:
    """Columns of a scope's rows, in the order in which they were added."""

    values: dict[str, Array] = field(default_factory=dict)
    meanings: dict[str, Feature] = field(default_factory=dict)

    def add(self, values: Array, measure: str, table: str, column: str = "", level: str = "", window: int = 0) -> None:
        """Add a column; a name that is taken is numbered."""
        parts = (table, column, "" if measure == "value" else measure, level, str(window) if window else "")
        # attributes keep their own names, and there is only one tenure
        wanted = {"attribute": column, "tenure": "tenure"}.get(measure, "_".join(part for part in parts if part))
        name, k = wanted, 1
        while name in self.values:
            name, k = f"{wanted}_{k + 1}", k + 1
        self.values[name] = values
        self.meanings[name] = Feature(name, measure, table, column, level, window)


def numbers(table: pa.Table, name: str) -> Floats:
    """A column as numbers; NaN where there is none."""
    return np.asarray(table.column(name).cast("double").to_numpy(), dtype=float)


def values_of(table: pa.Table, name: str, kind: str) -> Array:
    """A column of that type of the engine's: yes, no and numbers as numbers, else texts."""
    return numbers(table, name) if kind_of(kind) in ("number", "flag") else texts(table.column(name))


def texts(values: pa.ChunkedArray) -> Objects:
    """Text without blanks around it; None where there is none."""
    found = {value: str(value).strip() or None for value in values.unique().to_pylist() if value is not None}
    result = np.empty(len(values), dtype=object)
    result[:] = [found.get(value) for value in values.to_pylist()]
    return result


def frame_of(values: dict[str, Array]) -> pd.DataFrame:
    """Numbers as they are, text as categories in the order of the alphabet."""
    columns = {name: pd.Categorical(found) if found.dtype.kind == "O" else found for name, found in values.items()}
    return pd.DataFrame(columns, copy=False)
