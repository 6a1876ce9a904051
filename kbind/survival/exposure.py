"""What holds for a while, asked in SQL, and what it does to the hazard of leaving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log, sqrt

import numpy as np
import pyarrow as pa

from kbind.dataset.dataset import Dataset
from kbind.engine.engine import column
from kbind.errors import NotEnoughData
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import normal
from kbind.estimate.newton import newton
from kbind.survival.design import MOST_LEVELS, strata_of
from kbind.survival.durations import observed_lives
from kbind.survival.histories import Histories, histories, windows_of
from kbind.survival.lifetimes import months_between
from kbind.survival.windows import Windows, cut
from kbind.typing import Bools, Floats, Ints

#: Fewer customers who left while something held say nothing of it.
FEWEST = 5
#: Ages in months at which lives are cut where the hazard is a smooth function of age.
AGES = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0, 18.0, *np.arange(24.0, 241.0, 12.0))
#: Columns of contracts whose groups have hazards of their own, where the table has them.
STRATA = ("plan", "term")


@dataclass(frozen=True, eq=False)
class Exposure:
    """Time at risk in pieces in which nothing changes, with what held then.

    Attributes
    ----------
    names : tuple of str
        What may hold or be known, in the order of the columns of `values`.
    lives : Histories
    customer : ndarray of int, shape (pieces,)
        Position of the customer.
    entry, duration : ndarray of float, shape (pieces,)
        Ages in months; the piece is (entry, duration].
    left : ndarray of bool, shape (pieces,)
        Whether the customer left at its end.
    values : ndarray of float, shape (pieces, names)
        1 where it holds, or what was known.
    stratum : list of str or None
        Of every customer: compared within groups.
    """

    names: tuple[str, ...]
    lives: Histories = field(repr=False)
    customer: Ints = field(repr=False)
    entry: Floats = field(repr=False)
    duration: Floats = field(repr=False)
    left: Bools = field(repr=False)
    values: Floats = field(repr=False)
    stratum: list[str] | None = field(repr=False, default=None)

    def take(self, rows: Bools) -> Exposure:
        """Some of the pieces."""
        return Exposure(
            self.names, self.lives, self.customer[rows], self.entry[rows], self.duration[rows], self.left[rows],
            self.values[rows], self.stratum,
        )  # fmt: skip

    def holds(self, name: str) -> Bools:
        """In which pieces something holds."""
        return np.asarray(self.values[:, self.names.index(name)] > 0)

    def months(self, rows: Bools | None = None) -> float:
        """Months at risk in some pieces."""
        span = self.duration - self.entry
        return float(span.sum() if rows is None else span[rows].sum())

    def events(self, rows: Bools) -> int:
        """Customers who left at the end of one of some pieces."""
        return int((self.left & rows).sum())

    def customers(self, rows: Bools) -> int:
        """Different customers in some pieces."""
        return len(np.unique(self.customer[rows]))

    def cox(self, names: Sequence[str]) -> Ratios:
        """Cox regression on age, within groups.

        Raises
        ------
        NotEnoughData
            Fewer than `FEWEST` left while something held, or what the data cannot tell apart.
        """
        from kbind.survival.cox import fit_cox  # lifelines takes a second to load

        columns = [self.names.index(name) for name in names]
        self._check(names)
        label = self.stratum
        fit = fit_cox(
            self.duration,
            self.left,
            self.values[:, columns],
            entry=self.entry,
            strata=None if label is None else [label[position] for position in self.customer],
            names=names,
        )
        return Ratios(tuple(names), fit.coef, fit.cov)

    def smooth(self, names: Sequence[str]) -> Ratios:
        """Poisson regression with a hazard that is a power of 1 + age, for what comes to all at the same age.

        Raises
        ------
        NotEnoughData
            As for `cox`.
        """
        self._check(names)
        x = np.column_stack([self.values[:, [self.names.index(name) for name in names]], np.ones(len(self.left))])
        place = np.searchsorted(AGES, self.duration) - 1
        rate = np.log1p(np.asarray(AGES)[np.maximum(place, 0)])
        rows, at = np.unique(np.column_stack([x, rate]), axis=0, return_inverse=True)
        time = np.bincount(at.ravel(), self.duration - self.entry)
        gone = np.bincount(at.ravel(), self.left.astype(float))
        rows, time, gone = rows[time > 0], time[time > 0], gone[time > 0]

        def look(point: Floats) -> tuple[float, Floats, Floats]:
            expected = time * np.exp(rows @ point)
            value = float(gone @ (rows @ point) - expected.sum())
            return value, rows.T @ (gone - expected), (rows * expected[:, None]).T @ rows

        start = np.zeros(rows.shape[1])
        start[len(names)] = log(max(gone.sum(), 0.5) / time.sum())
        found = newton(look, start)
        if found is None:
            raise NotEnoughData(f"no estimate exists for {', '.join(names)}: nothing tells them apart")
        k = len(names)
        return Ratios(tuple(names), found[0][:k], found[1][:k, :k])

    def _check(self, names: Sequence[str]) -> None:
        for name in names:
            known = self.values[:, self.names.index(name)]
            if set(np.unique(known)) <= {0.0, 1.0}:
                n = self.events(known > 0)
                if n < FEWEST:
                    raise NotEnoughData(f"{n} left while {name!r} held; needed: {FEWEST}")
        if self.left.sum() < FEWEST * 2:
            raise NotEnoughData(f"{int(self.left.sum())} left; needed: {FEWEST * 2}")


@dataclass(frozen=True, eq=False)
class Ratios:
    """Logarithms of hazard ratios with their covariance."""

    names: tuple[str, ...]
    coef: Floats
    cov: Floats

    def weights(self, name: str, against: str | None = None) -> Floats:
        """How the logarithm of a ratio is made of the coefficients."""
        w = np.zeros(len(self.names))
        w[self.names.index(name)] = 1.0
        if against is not None:
            w[self.names.index(against)] -= 1.0
        return w

    def ratio(
        self, name: str, against: str | None = None, *, conf_level: float, n: int | None = None, definition: str = ""
    ) -> Estimate:
        """Hazard ratio with its Wald interval; against another one, or against nothing holding."""
        w = self.weights(name, against)
        value, error = float(w @ self.coef), sqrt(float(w @ self.cov @ w))
        limits = [exp(min(x, 700.0)) for x in normal(value, error, conf_level)]
        return Estimate.of(limits, n=n, conf_level=conf_level, definition=definition)


def stretches(data: Dataset, steps: Mapping[str, str], relations: Mapping[str, str], **parts: object) -> pa.Table:
    """Stretches of days with what is known of them, as ages of the customers.

    Parameters
    ----------
    data : Dataset
    steps : mapping of str to str
        Name -> SELECT. The last one is `stretches` (customer_id, begins, ends, ...), days; ends may be missing. They
        may read `dated` (customer_id, since, first, until, gone, cause) and `_as_of`.
    relations : mapping of str to str
        Name in the statements -> table of the data set.
    **parts : Expression or constant
        What goes into the places of the statements.

    Returns
    -------
    pyarrow.Table
        customer_id, begin, until (ages in months; NaN: for good), and the other columns.
    """
    lives = observed_lives(data)
    if lives.time is None:
        raise NotEnoughData(f"{data.name!r} does not say when customers began: it has neither contracts nor events")
    query = lives.query.copy().table(**relations)
    assert not query.steps.keys() & steps.keys()
    assert not query.parts.keys() & parts.keys()
    for name, sql in steps.items():
        query.step(name, sql)
    query.part(**parts)
    query.part(begin_age=months_between("since", "begins"), until_age=months_between("since", "ends"))
    return query.select(
        "SELECT x.* EXCLUDE (begins, ends), CAST(_begin_age AS DOUBLE) AS begin, CAST(_until_age AS DOUBLE) AS until "
        "FROM stretches AS x JOIN dated AS d ON d.customer_id = x.customer_id ORDER BY x.customer_id, begin, until"
    )


def held_apart(data: Dataset) -> list[str]:
    """Columns of contracts within whose groups customers are compared."""
    if not data.has("subscriptions"):
        return []
    known = [name for name in STRATA if data.has(f"subscriptions.{name}")]
    sql = "SELECT count(DISTINCT _x) AS n FROM t"
    return [
        name
        for name in known
        if 1 < data.engine.row(sql, parts={"x": column(name)}, t="subscriptions")["n"] < MOST_LEVELS
    ]


def exposure(data: Dataset, held: Mapping[str, pa.Table], *, smooth: bool = False) -> Exposure:
    """All time at risk, cut where something begins or ceases to hold.

    Parameters
    ----------
    data : Dataset
    held : mapping of str to pyarrow.Table
        Name -> stretches in which it holds.
    smooth : bool
        Cut at `AGES` too.
    """
    apart = held_apart(data)
    lives = histories(data, dict.fromkeys(apart, "strata"))
    windows = [windows_of(table, lives.customer_id) for table in held.values()]
    if smooth:
        every, spans = np.arange(len(lives)), np.asarray(AGES)
        odd = len(spans) // 2
        windows.append(Windows(np.repeat(every, odd), np.tile(spans[0 : 2 * odd : 2], len(every)),
                               np.tile(spans[1 : 2 * odd : 2], len(every))))  # fmt: skip
    pieces = cut(lives.entry, lives.duration, windows)
    return Exposure(
        tuple(held), lives, pieces.customer, pieces.entry, pieces.duration,
        lives.gone()[pieces.customer] & pieces.last, pieces.values[:, : len(held)], strata_of(lives, apart),
    )  # fmt: skip


def known_from(data: Dataset, table: pa.Table, names: Sequence[str]) -> Exposure:
    """Only the time of which something is known: each stretch with the values that were known at its beginning.

    Parameters
    ----------
    data : Dataset
    table : pyarrow.Table
        Stretches that do not overlap, and columns with numbers; a row with a missing one is left out.
    names : sequence of str
        Of these columns.
    """
    apart = held_apart(data)
    lives = histories(data, dict.fromkeys(apart, "strata"))
    place = {identifier: k for k, identifier in enumerate(lives.customer_id)}
    who = np.array([place.get(value, -1) for value in table.column("customer_id").to_pylist()], dtype=np.int64)
    values = np.column_stack([np.array(table.column(name).to_numpy(zero_copy_only=False), float) for name in names])
    begin, until = (np.array(table.column(name).to_numpy(zero_copy_only=False), float) for name in ("begin", "until"))
    until = np.where(np.isnan(until), np.inf, until)
    entry, end = np.maximum(begin, lives.entry[who]), np.minimum(until, lives.duration[who])
    # what is known on the day of the origin does not hold at age 0, where somebody may leave
    entry = np.where(entry <= 0, np.nextafter(0.0, 1.0), entry)
    kept = (who >= 0) & (entry < end) & ~np.isnan(values).any(axis=1)
    left = lives.gone()[who] & (until >= lives.duration[who])
    return Exposure(
        tuple(names), lives, who[kept], entry[kept], end[kept], left[kept], values[kept], strata_of(lives, apart)
    )


def by_what(table: pa.Table, names: Sequence[str], column: str = "what") -> dict[str, pa.Table]:
    """Stretches apart by what they tell of."""
    import pyarrow.compute as pc

    return {name: table.filter(pc.equal(table.column(column), name)) for name in names}
