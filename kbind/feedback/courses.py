"""Every customer's answers over time, as the sums that a straight line needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import integers, objects
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import column
from kbind.engine.query import Query
from kbind.feedback.instrument import Instrument
from kbind.typing import Floats, Ints, Objects

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
    customer_id: Objects = field(repr=False)
    n: Ints = field(repr=False)
    t: Floats = field(repr=False)
    tt: Floats = field(repr=False)
    y: Floats = field(repr=False)
    ty: Floats = field(repr=False)
    yy: Floats = field(repr=False)
    provenance: Provenance


def courses(data: Dataset, asked: Instrument) -> Courses:
    """Reduce the scores of an instrument to one row a customer."""
    query = Query(data.engine).step(
        "said",
        "SELECT customer_id, CAST(epoch_us(_time) - epoch_us(_as_of) AS DOUBLE) / _year AS t, "
        "CAST(score AS DOUBLE) AS y FROM feedback "
        "WHERE instrument = _name AND _time < _as_of AND NOT score IS NULL",
        time=column("timestamp"),
        as_of=data.constant("feedback", "timestamp"),
        year=YEAR * 86_400e6,
        name=asked.name,
    )
    found = query.select(
        "SELECT customer_id, count(*) AS n, sum(t) AS t, sum(t * t) AS tt, sum(y) AS y, sum(t * y) AS ty, "
        "sum(y * y) AS yy FROM said GROUP BY customer_id ORDER BY customer_id"
    )
    return Courses(
        instrument=asked,
        customer_id=objects(found.column("customer_id")),
        n=integers(found, "n"),
        **{name: np.asarray(found.column(name).to_numpy(), dtype=float) for name in ("t", "tt", "y", "ty", "yy")},
        provenance=Provenance.of(data, data.as_of),
    )
