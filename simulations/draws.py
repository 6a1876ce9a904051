"""Customers drawn at random, as the statistics that the estimators take."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import ArrayLike

from kbind.calendar import Calendar
from kbind.dataset.provenance import Provenance
from kbind.feedback.answers import Answers, Pairs
from kbind.feedback.instrument import Instrument
from kbind.revenue.movements import BRIEF, MOVEMENTS, UNITS, Movements
from kbind.survival.durations import Durations
from kbind.typing import Bools, Floats, Ints


def record(
    duration: Floats,
    cause: ArrayLike,
    *,
    entry: Floats | None = None,
    split: dict[str, ArrayLike] | None = None,
    causes: tuple[str, ...] = ("left",),
) -> Durations:
    """Durations of one row a customer; reading a file would take longer than all estimates."""
    size = len(duration)
    columns = {name: np.asarray(values) for name, values in (split or {}).items()}
    rows = list(zip(*(values.tolist() for values in columns.values()), strict=True)) if columns else [()] * size
    groups = tuple(sorted(set(rows)))
    code = {group: k for k, group in enumerate(groups)}
    return Durations(
        unit="month",
        by=tuple(columns),
        groups=groups,
        causes=causes,
        group=np.array([code[row] for row in rows], dtype=np.int64),
        entry=np.zeros(size) if entry is None else entry,
        duration=duration,
        cause=np.asarray(cause, dtype=np.int64),
        n=np.ones(size, dtype=np.int64),
        log="customers",
        meaning="A simulated customer leaves",
        provenance=Provenance("simulation", None, None),
    )


def observed(rng: np.random.Generator, stay: Floats, until: tuple[float, float], *, monthly: bool = False) -> Durations:
    """Customers who stay so long, each watched for a time between two limits."""
    return record(*censored(rng, stay, until, monthly=monthly))


def censored(
    rng: np.random.Generator, stay: Floats, until: tuple[float, float], *, monthly: bool = False
) -> tuple[Floats, Bools]:
    """How long they were watched, and whether they were seen leaving; by whole months, many at the same time."""
    watched = rng.uniform(*until, len(stay))
    if monthly:
        stay, watched = np.ceil(stay), np.floor(watched)
    return np.minimum(stay, watched), stay <= watched


def weibull(rng: np.random.Generator, size: int, shape: float = 0.8, scale: float = 40.0) -> Floats:
    """Times stayed: most who leave do so early."""
    return np.asarray(scale * rng.weibull(shape, size))


def weibull_survival(time: ArrayLike, shape: float = 0.8, scale: float = 40.0) -> Floats:
    """The share that `weibull` keeps up to a time."""
    return np.asarray(np.exp(-((np.asarray(time, dtype=float) / scale) ** shape)))


def said(customer: ArrayLike, value: Floats, asked: Instrument, group: ArrayLike = 0, groups: int = 1) -> Answers:
    """Answers of customers 0, 1, ... in groups 0, 1, ..., as the sums that the estimators take."""
    who, value = np.asarray(customer), np.asarray(value, dtype=float)
    place = np.broadcast_to(np.asarray(group), who.shape)
    m, t = np.zeros((groups, who.max() + 1)), np.zeros((groups, who.max() + 1))
    np.add.at(m, (place, who), 1.0)
    np.add.at(t, (place, who), value)
    squares = np.bincount(place, weights=value**2, minlength=groups)
    customers = (m > 0).sum(axis=1)[:, None]
    one, two = np.nonzero(~np.eye(groups, dtype=bool))
    shared = ((x[one] * y[two]).sum(axis=1) for x, y in ((m, m), (m, t), (t, t)))
    none = np.zeros_like(customers)
    return Answers(
        instrument=asked,
        period=None,
        periods=("all",),
        by=("group",) if groups > 1 else (),
        groups=tuple((k,) for k in range(groups)) if groups > 1 else ((),),
        n=m.sum(axis=1).astype(np.int64)[:, None],
        missing=none,
        customers=customers,
        respondents=customers,
        total=t.sum(axis=1)[:, None],
        squares=squares[:, None],
        mm=(m * m).sum(axis=1)[:, None],
        mt=(m * t).sum(axis=1)[:, None],
        tt=(t * t).sum(axis=1)[:, None],
        there=np.full(customers.shape, np.nan),
        reached=np.full(customers.shape, np.nan),
        pairs=Pairs(one, two, np.zeros(len(one), dtype=np.int64), *shared),
        present=None,
        by_contact=False,
        provenance=Provenance("simulation", None, None),
    )


def alike(rng: np.random.Generator, answers: Ints, correlation: float) -> tuple[Ints, Floats]:
    """Customer and uniform rank of every answer, the ranks of one customer's answers going together."""
    from scipy.special import ndtr

    customer = np.repeat(np.arange(len(answers)), answers)
    own = rng.normal(size=len(answers))[customer]
    return customer, ndtr(np.sqrt(correlation) * own + np.sqrt(1 - correlation) * rng.normal(size=len(customer)))


#: What happens to customers within a window: 4 in 100 leave, 4 pay 40 % less, 8 pay 40 % more; 6 join for 100 there.
LEAVE, SHRINK, GROW, JOIN, CHANGE = 0.04, 0.04, 0.08, 0.06, 0.4


def revenue(rng: np.random.Generator, n: int, spread: float) -> Movements:
    """One window of customers with log-normal prices, and as many who may join; dealt to units as the engine does.

    A spread of 0.5 lets the dearest tenth pay a fifth of all, 1.2 nearly half.
    """
    price = np.round(rng.lognormal(3.5, spread, n), 2)
    fate = rng.random(n)
    left, less = fate < LEAVE, (fate >= LEAVE) & (fate < LEAVE + SHRINK)
    more = (fate >= LEAVE + SHRINK) & (fate < LEAVE + SHRINK + GROW)
    joined = np.where(rng.random(n) < JOIN, np.round(rng.lognormal(3.5, spread, n), 2), 0.0)
    moved = {"new": joined, "expansion": more * price * CHANGE, "contraction": less * price * CHANGE,
             "churn": left * price, "reactivation": np.zeros(n)}  # fmt: skip
    people = 2 * n
    unit = np.arange(people) if people <= UNITS else rng.integers(UNITS, size=people)
    units = int(unit.max()) + 1

    def dealt(values: Floats, *, late: bool = False) -> Ints:
        who = unit[n:] if late else unit[:n]
        return np.bincount(who, np.round(values * 10**6), minlength=units).astype(np.int64)[:, None]

    none = np.zeros((1, 1), dtype=np.int64)
    return Movements(
        calendar=Calendar("month", date(2024, 1, 1), 1, 1, None),
        by=(),
        groups=((),),
        group=np.zeros(units, dtype=np.int64),
        opening=dealt(price)[:, 0],
        amounts={name: dealt(moved[name], late=name == "new") for name in MOVEMENTS},
        counts=dict.fromkeys(BRIEF, none) | {name: np.array([[np.count_nonzero(moved[name])]]) for name in MOVEMENTS},
        open=none,
        n_open=none,
        n_opening=np.array([n]),
        grace=0,
        scale=10**6,
        notes=(),
        provenance=Provenance("simulation", None, None),
    )
