"""Arms of an offer from any frame: one row an arm, or one row a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.arms import HELD_BACK
from kbind.dataset.dataset import Dataset
from kbind.dataset.frames import as_pandas, is_frame
from kbind.errors import ArgumentError, NotEnoughData, check_amount, check_name, check_number, choices, listed, told
from kbind.experiments.campaign import assigned
from kbind.experiments.effect import MONTHS_KEPT
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


def check_frame(source: Any, campaign: str | None) -> pd.DataFrame:
    """Any data frame as one of pandas."""
    if not is_frame(source):
        raise ArgumentError(f"arms of type {type(source).__name__} is not possible; allowed: {_ALLOWED}")
    if campaign is not None:
        raise ArgumentError(f"campaign={told(campaign)} is for a data set; allowed with a frame: None")
    found: pd.DataFrame = as_pandas(source)
    return found


def campaign_arms(data: Dataset, campaign: str | None, horizon: int, value: float) -> tuple[pd.DataFrame, float, str]:
    """Customers of a campaign with several arms, what keeping one is worth, and what was counted.

    Raises
    ------
    ArgumentError
        No such campaign.
    NotEnoughData
        Nobody was held back, or the arms were not drawn by lot.
    """
    found = assigned(data, check_name("campaign", campaign, "the name of a campaign"), horizon)
    if not found.held_back:
        raise NotEnoughData(
            f"nobody of campaign {campaign!r} was held back; offers are compared with those who got none"
        )
    chance = found.propensity[np.isfinite(found.propensity)]
    if len(chance) and np.ptp(chance) > 1e-9:
        raise NotEnoughData(
            f"campaign {campaign!r}: the recorded chance of treatment goes from {chance.min():g} to {chance.max():g}; "
            "arms that were not drawn by lot are not compared"
        )
    kept = found.take(found.lived)
    frame = pd.DataFrame({"arm": kept.arm, "kept": ~kept.left, "cost": np.nan_to_num(kept.cost)})
    if isnan(value) and np.isfinite(kept.revenue).any():
        value = MONTHS_KEPT * float(np.nanmean(kept.revenue))
    return frame, value, found.definition


def arms_of(frame: pd.DataFrame, doses: Mapping[str, float] | None, value: float) -> list[Arm]:
    """Arms by dose, from one row an arm or one a customer.

    Raises
    ------
    ArgumentError
        A column is missing, or holds what it must not.
    """
    for need in ("arm", "kept"):
        if need not in frame.columns:
            raise ArgumentError(f"arms has no column {need!r}; {choices(need, frame.columns)}")
    frame = frame.assign(arm=frame["arm"].astype(object).where(frame["arm"].notna()).map(_name))
    names = list(dict.fromkeys(frame["arm"]))
    given = _by_arm(doses, names)
    counted = "n" in frame.columns
    if counted and len(names) != len(frame):
        twice = frame["arm"][frame["arm"].duplicated()].iloc[0]
        raise ArgumentError(f"arms: {told(twice)} is given twice; allowed: one row an arm where n is given")
    made = _counted if counted else _customers
    arms = [made(str(name), rows, given, value) for name, rows in frame.groupby("arm", sort=False)]
    if len({isnan(arm.dose) for arm in arms}) > 1:
        lacking = [arm.name for arm in arms if isnan(arm.dose)]
        raise ArgumentError(f"arms without a dose: {listed(lacking)}; allowed: a dose for every arm, or for none")
    known = [arm.dose for arm in arms if not isnan(arm.dose)]
    if len(set(known)) < len(known):
        raise ArgumentError("two arms have the same dose; allowed: a dose of its own for every arm, or none for all")
    return sorted(arms, key=lambda arm: (0 if isnan(arm.dose) else arm.dose, _rank(arm.name), arm.cost))


#: Arms that got nothing, besides those that campaigns call so.
_NOTHING = ("none", "nothing", "keine", "nichts")


def _rank(name: str) -> int:
    """Those who were left alone come first, where no dose says it."""
    return 0 if name.strip().casefold() in (*HELD_BACK, *_NOTHING) else 1


def _name(value: object) -> str:
    if value is None or (isinstance(value, float) and isnan(value)) or not str(value).strip():
        raise ArgumentError("arms: a row names no arm; allowed: text in every row")
    return str(value).strip()


def _by_arm(given: Mapping[str, float] | None, names: list[Any]) -> dict[str, float]:
    """Doses by arm, one for every arm."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ArgumentError(f"doses={told(given)} is no mapping; allowed: {{arm: number}}")
    for name in given:
        if name not in names:
            raise ArgumentError(f"doses: no arm {told(name)}; {choices(name, names, 'arms')}")
    lacking = [name for name in names if name not in given]
    if lacking:
        raise ArgumentError(f"doses says nothing of arm {listed(lacking)}; allowed: a number for every arm")
    return {name: check_number(f"doses[{told(name)}]", number) for name, number in given.items()}


def _counted(name: str, rows: pd.DataFrame, doses: Mapping[str, float], value: float) -> Arm:
    """An arm from its one row."""
    row = rows.iloc[0]
    n, kept = (_whole(f"arms: {column} of arm {told(name)}", row[column]) for column in ("n", "kept"))
    if kept > n:
        raise ArgumentError(f"arms: kept={kept} of arm {told(name)} is more than n={n}; allowed: at most that")
    cost = _one(name, "cost", row.get("cost", nan))
    dose = doses[name] if doses else _one(name, "dose", row.get("dose", nan))
    return Arm(name, dose, 0.0 if isnan(cost) else cost, n, kept)


def _customers(name: str, rows: pd.DataFrame, doses: Mapping[str, float], value: float) -> Arm:
    """An arm from its customers; with what each returns where their costs or their worth differ."""
    kept = _numbers(name, "kept", rows)
    if not np.isin(kept, (0.0, 1.0)).all():
        raise ArgumentError(f"arms: kept of arm {told(name)} holds other than yes and no; allowed: 0, 1, True, False")
    given = np.unique(_numbers(name, "dose", rows)) if "dose" in rows and not doses else np.array([nan])
    if len(given) > 1:
        raise ArgumentError(f"arms: arm {told(name)} has several doses; allowed: one")
    costs = _numbers(name, "cost", rows) if "cost" in rows else np.zeros(len(rows))
    own = "value" in rows and isnan(value)
    worth = _numbers(name, "value", rows) if own else np.full(len(rows), value)
    net = kept * worth - costs if own or (np.ptp(costs) > 0 and not isnan(value)) else None
    dose = doses[name] if doses else float(given[0])
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


def _one(name: str, column: str, value: Any) -> float:
    """Dose or cost of an arm as its row has it, NaN where it is empty."""
    number = value.item() if isinstance(value, np.generic) else value
    if number is None or (isinstance(number, float) and isnan(number)):
        return nan
    check = check_amount if column == "cost" else check_number
    return check(f"arms: {column} of arm {told(name)}", number)
