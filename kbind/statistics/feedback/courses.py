"""Every customer's answers over time, as the sums that a straight line needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC

import numpy as np
from numpy.typing import NDArray

from kbind.data.dataset import Dataset, to_instant
from kbind.data.dataset.clock import end_of_data
from kbind.data.engine import column, literal, parse
from kbind.statistics.feedback.instrument import Instrument
from kbind.statistics.groups import Ints, integers
from kbind.statistics.result import Provenance

Floats = NDArray[np.float64]

#: Days of a year.
YEAR = 365.25


@dataclass(frozen=True, eq=False)
class Courses:
    """Sums of answers by customer; times t in years, negative, 0 at the end of the data; scores y.

    Attributes
    ----------
    instrument : Instrument
        What was asked.
    customer_id : ndarray, shape (customers,)
        Customers with a score, in the order of their ids.
    n : ndarray of int, shape (customers,)
        Answers.
    t, tt, y, ty, yy : ndarray of float, shape (customers,)
        Sums of t, t^2, y, t y and y^2.
    """

    instrument: Instrument
    customer_id: NDArray[np.object_] = field(repr=False)
    n: Ints = field(repr=False)
    t: Floats = field(repr=False)
    tt: Floats = field(repr=False)
    y: Floats = field(repr=False)
    ty: Floats = field(repr=False)
    yy: Floats = field(repr=False)
    provenance: Provenance
    customer: str = "customer"


def courses(data: Dataset, asked: Instrument) -> Courses:
    """Reduce the scores of an instrument to one row a customer."""
    assert data.as_of is not None
    instants = "timestamp" in data.tables["feedback"].instants
    end = to_instant(data.as_of, data.timezone) if instants else data.as_of.replace(tzinfo=UTC)
    years = parse(
        "CAST(epoch_us(_time) - _end AS DOUBLE) / _year",
        time=column("timestamp"),
        end=literal(round(end.timestamp() * 1e6)),
        year=literal(YEAR * 86_400e6),
    )
    found = data.engine.query(
        "WITH said AS (SELECT customer_id, _years AS t, CAST(score AS DOUBLE) AS y FROM log "
        "WHERE instrument = _name AND _time < _as_of AND NOT score IS NULL) "
        "SELECT customer_id, count(*) AS n, sum(t) AS t, sum(t * t) AS tt, sum(y) AS y, sum(t * y) AS ty, "
        "sum(y * y) AS yy FROM said GROUP BY customer_id ORDER BY customer_id",
        tables={"log": "feedback"},
        values={"name": asked.name},
        parts={"years": years, "time": column("timestamp"), "as_of": end_of_data(data, "feedback", "timestamp")},
    )
    ids = np.empty(found.num_rows, dtype=object)
    ids[:] = found.column("customer_id").to_pylist()
    return Courses(
        instrument=asked,
        customer_id=ids,
        n=integers(found, "n"),
        **{name: np.asarray(found.column(name).to_numpy(), dtype=float) for name in ("t", "tt", "y", "ty", "yy")},
        provenance=Provenance(data.name, data.timezone, data.as_of),
        customer=data.card.customer,
    )
