"""Arms of an offer from any frame: one row an arm, or one row a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.frames import as_pandas, is_frame
from kbind.errors import ArgumentError, check_amount, check_number, choices, listed, told
from kbind.typing import Floats

_ALLOWED = "a data frame with arm, n and kept, or with arm and kept of every customer; or a data set with campaigns"


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm of an offer.

    Attributes
    ----------
    name : str
    dose : float
        How much of it is given; NaN where nothing says it.
    cost : float
        Of offering it to one customer, on average.
    n, kept : int
        Customers, and those of them who were kept.
    net : ndarray of float, shape (n,), or None
        Worth less cost of every customer, where that differs within the arm.
    """

    name: str
    dose: float
    cost: float
    n: int
    kept: int
    net: Floats | None = field(default=None, repr=False)


def arms_of(
    source: Any,
    campaign: str | None,
    doses: Mapping[str, float] | None,
    costs: Mapping[str, float] | None,
    value: float,
) -> tuple[list[Arm], str]:
    """Arms by dose, and what they come from.

    Raises
    ------
    ArgumentError
        A column is missing, or holds what it must not.
    """
    said = ""
    if isinstance(source, Dataset):
        raise ArgumentError(f"arms={told(source)} is no frame; allowed: {_ALLOWED}")
    if not is_frame(source):
        raise ArgumentError(f"arms of type {type(source).__name__} is not possible; allowed: {_ALLOWED}")
    if campaign is not None and not said:
        raise ArgumentError(f"campaign={told(campaign)} is for a data set; allowed with a frame: None")
    frame = as_pandas(source)
    for need in ("arm", "kept"):
        if need not in frame.columns:
            raise ArgumentError(f"arms has no column {need!r}; {choices(need, frame.columns)}")
    frame = frame.assign(arm=frame["arm"].astype(object).where(frame["arm"].notna()).map(_name))
    names = list(dict.fromkeys(frame["arm"]))
    given = {"dose": _by_arm("doses", doses, names), "cost": _by_arm("costs", costs, names)}
    counted = "n" in frame.columns
    if counted and len(names) != len(frame):
        twice = frame["arm"][frame["arm"].duplicated()].iloc[0]
        raise ArgumentError(f"arms: {told(twice)} is given twice; allowed: one row an arm where n is given")
    made = _counted if counted else _customers
    arms = [made(str(name), rows, given, value) for name, rows in frame.groupby("arm", sort=False)]
    if len({isnan(arm.dose) for arm in arms}) > 1:
        lacking = [arm.name for arm in arms if isnan(arm.dose)]
        raise ArgumentError(f"arms without a dose: {listed(lacking)}; allowed: a dose for every arm, or for none")
    equal = [arm.dose for arm in arms if not isnan(arm.dose)]
    if len(set(equal)) < len(equal):
        raise ArgumentError("two arms have the same dose; allowed: a dose of its own for every arm, or none for all")
    return sorted(arms, key=lambda arm: (0 if isnan(arm.dose) else arm.dose, _rank(arm.name), arm.cost)), said


#: What campaigns call those who were left alone.
CONTROL = ("control", "holdout", "kontrolle", "kontrollgruppe", "none", "keine", "0", "false")


def _rank(name: str) -> int:
    """Those who were left alone come first, where no dose says it."""
    return 0 if name.strip().casefold() in CONTROL else 1


def _name(value: object) -> str:
    if value is None or (isinstance(value, float) and isnan(value)) or not str(value).strip():
        raise ArgumentError("arms: a row names no arm; allowed: text in every row")
    return str(value).strip()


def _by_arm(parameter: str, given: Mapping[str, float] | None, names: list[Any]) -> dict[str, float]:
    """Numbers by arm, one for every arm."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ArgumentError(f"{parameter}={told(given)} is no mapping; allowed: {{arm: number}}")
    for name in given:
        if name not in names:
            raise ArgumentError(f"{parameter}: no arm {told(name)}; {choices(name, names, 'arms')}")
    lacking = [name for name in names if name not in given]
    if lacking:
        raise ArgumentError(f"{parameter} says nothing of arm {listed(lacking)}; allowed: a number for every arm")
    check = check_amount if parameter == "costs" else check_number
    return {name: check(f"{parameter}[{told(name)}]", number) for name, number in given.items()}


def _counted(name: str, rows: pd.DataFrame, given: Mapping[str, dict[str, float]], value: float) -> Arm:
    """An arm from its one row."""
    row = rows.iloc[0]
    n, kept = (_whole(f"arms: {column} of arm {told(name)}", row[column]) for column in ("n", "kept"))
    if kept > n:
        raise ArgumentError(f"arms: kept={kept} of arm {told(name)} is more than n={n}; allowed: at most that")
    dose, cost = (_one(name, column, row.get(column, nan), given) for column in ("dose", "cost"))
    return Arm(name, dose, 0.0 if isnan(cost) else cost, n, kept)


def _customers(name: str, rows: pd.DataFrame, given: Mapping[str, dict[str, float]], value: float) -> Arm:
    """An arm from its customers; with what each returns where their costs or their worth differ."""
    kept = _numbers(name, "kept", rows)
    if not np.isin(kept, (0.0, 1.0)).all():
        raise ArgumentError(f"arms: kept of arm {told(name)} holds other than yes and no; allowed: 0, 1, True, False")
    doses = np.unique(_numbers(name, "dose", rows)) if "dose" in rows and not given["dose"] else np.array([nan])
    if len(doses) > 1:
        raise ArgumentError(f"arms: arm {told(name)} has several doses; allowed: one")
    costs = np.full(len(rows), given["cost"].get(name, 0.0))
    if "cost" in rows and not given["cost"]:
        costs = _numbers(name, "cost", rows)
    own = "value" in rows and isnan(value)
    worth = _numbers(name, "value", rows) if own else np.full(len(rows), value)
    differ = own or (np.ptp(costs) > 0 and not isnan(value))
    net = kept * worth - costs if differ else None
    dose = _one(name, "dose", float(doses[0]), given)
    return Arm(name, dose, float(costs.mean()), len(rows), int(kept.sum()), net)


def _numbers(name: str, column: str, rows: pd.DataFrame) -> Floats:
    try:
        values = rows[column].to_numpy(dtype=float, na_value=nan)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"arms: {column} of arm {told(name)} holds what is no number; allowed: numbers") from error
    if not np.isfinite(values).all():
        raise ArgumentError(f"arms: {column} of arm {told(name)} has empty cells; allowed: a number in every row")
    if column != "dose" and (values < 0).any():
        raise ArgumentError(f"arms: {column} of arm {told(name)} has numbers below 0; allowed: numbers from 0")
    return np.asarray(values)


def _whole(what: str, value: Any) -> int:
    """A count of customers."""
    number = check_number(what, value.item() if isinstance(value, np.generic) else value, 0)
    if number != int(number):
        raise ArgumentError(f"{what} is {number:g}; allowed: a whole number")
    return int(number)


def _one(name: str, column: str, value: Any, given: Mapping[str, dict[str, float]]) -> float:
    """Dose or cost of an arm: as given, else as its row has it, NaN where neither says it."""
    if given[column]:
        return given[column][name]
    number = value.item() if isinstance(value, np.generic) else value
    if number is None or (isinstance(number, float) and isnan(number)):
        return nan
    check = check_amount if column == "cost" else check_number
    return check(f"arms: {column} of arm {told(name)}", number)
