"""One run of what is claimed of customers who buy at random and leave unseen, and of what they are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.random import Generator

import kbind as kb
from kbind.value.cells import UNITS
from kbind.value.fitting import Fit
from kbind.value.purchase_model import Alive

#: Of the CDNOW customers, times in weeks: Fader, Hardie and Lee (2005); MBG/NBD as fitted to the same. The same numbers
#: of months are customers who buy more rarely.
TRUE = {
    "bg_nbd": (0.243, 4.414, 0.793, 2.426),
    "mbg_nbd": (0.525, 6.183, 0.891, 1.614),
    "pareto_nbd": (0.553, 10.578, 0.606, 11.669),
}
#: Amounts: Fader and Hardie (2013), of the same customers.
AMOUNTS = (6.25, 3.74, 15.45)
#: Weeks or months in which customers come, and for which they are watched.
COMING, WATCHED = 12.0, 52.0
#: Repeat purchases, and weeks or months to the last of them and to the end.
HISTORY = (2, 20.0, 45.0)
_FIRST = pd.Timestamp("2023-01-02")


def fitted(rng: Generator, n: int, model: str, unit: str) -> tuple[bool, ...]:
    """The four parameters; P(alive) of a history, purchases after it and of a new customer within 26 units."""
    found = kb.alive(shop(rng, n, model, unit), model=model, unit=unit)
    known = _with(found, TRUE[model])
    parameters = found.parameters()
    inside = [
        bool(low <= true <= high)
        for low, true, high in zip(parameters["ci_lower"], TRUE[model], parameters["ci_upper"], strict=True)
    ]
    asked = (
        (found.probability_alive(*HISTORY), known.probability_alive(*HISTORY), "probability_alive"),
        (found.expected_purchases(26, *HISTORY), known.expected_purchases(26, *HISTORY), "expected_purchases"),
        (found.expected_purchases(26), known.expected_purchases(26), "expected_purchases"),
    )
    return (*inside, *(_covers(frame, name, float(truth[name].iloc[0])) for frame, truth, name in asked))


def valued(rng: Generator, n: int, model: str) -> tuple[bool, ...]:
    """The parameters of the amounts, their mean, and the value of all customers in the year to come."""
    data = shop(rng, n, model, "month")
    found, amounts = kb.alive(data, model=model, unit="month"), kb.spend(data)
    worth = kb.lifetime_value(found, amounts)
    truth = replace(worth, alive=_with(found, TRUE[model]), spend=replace(amounts, fit=_fit(AMOUNTS)))
    parameters = amounts.parameters()
    inside = [
        bool(low <= true <= high)
        for low, true, high in zip(parameters["ci_lower"], AMOUNTS, parameters["ci_upper"], strict=True)
    ]
    for estimate, true in ((amounts.mean, truth.spend.mean.value), (worth.total, truth.total.value)):
        inside.append(bool(estimate.ci_lower <= true <= estimate.ci_upper))
    return tuple(inside)


def shop(rng: Generator, n: int, model: str, unit: str) -> kb.Dataset:
    """A log of purchases as the model says they come."""
    days = UNITS[unit]
    r, alpha, third, fourth = TRUE[model]
    p, q, scale = AMOUNTS
    rate, first = rng.gamma(r, 1 / alpha, n), rng.uniform(0, COMING, n)
    leaves = rng.gamma(third, 1 / fourth, n) if model == "pareto_nbd" else rng.beta(third, fourth, n)
    end = np.full(n, WATCHED) if model != "pareto_nbd" else np.minimum(first + rng.exponential(1 / leaves), WATCHED)
    who, when = [np.arange(n)], [first]
    there, now = np.arange(n), first.copy()
    if model == "mbg_nbd":
        there = there[rng.random(n) >= leaves]
    while len(there):
        now[there] += rng.exponential(1 / rate[there])
        there = there[now[there] < end[there]]
        who.append(there)
        when.append(now[there].copy())
        if model != "pareto_nbd":
            there = there[rng.random(len(there)) >= leaves[there]]
    buyer, time = np.concatenate(who), np.concatenate(when)
    mean = scale / rng.gamma(q, 1.0, n)
    amount = rng.gamma(p, mean[buyer])
    frame = pd.DataFrame(
        {"customer_id": buyer, "timestamp": _FIRST + pd.to_timedelta(np.floor(time * days), unit="D"), "amount": amount}
    )
    return kb.open_dataset({"events": frame}, as_of=str((_FIRST + pd.Timedelta(days=int(WATCHED * days))).date()))


def _fit(parameters: tuple[float, ...]) -> Fit:
    size = len(parameters)
    return Fit(np.log(parameters), np.zeros((size, size)), 0.0)


def _with(found: Alive, parameters: tuple[float, ...]) -> Alive:
    return replace(found, fit=_fit(parameters))


def _covers(frame: pd.DataFrame, name: str, true: float) -> bool:
    low, high = (float(frame[f"{name}_ci_{end}"].iloc[0]) for end in ("lower", "upper"))
    return bool(low <= true <= high)
