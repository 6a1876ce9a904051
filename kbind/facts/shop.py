"""What customers bring and how often silence is a false alarm, as facts."""

from __future__ import annotations

import math

import pandas as pd

from kbind.calendar import days_of
from kbind.estimate.estimate import Estimate
from kbind.orders.lapse import FLOORS, Lapse
from kbind.text.facts import Fact

#: A share of false alarms up to which a rule is of use.
BEARABLE = 0.5


def row_fact(
    name: str, row: pd.Series[float], figure: str, unit: str, definition: str, n: str, count: str | None = None
) -> Fact:
    """A figure in a row of a frame, with its interval."""
    counted = None if count is None or math.isnan(float(row[count])) else int(row[count])
    source = "purchases(...)" if "false" not in name else "lapse(...).curve()"
    return Fact.of(name, Estimate.in_row(row, figure, definition, n=int(row[n]), count=counted), source, unit)


def brought(ages: pd.DataFrame, age: int) -> Fact:
    """Revenue per new customer up to and including an age; `ages` as `Purchases.pooled`."""
    rows = ages[ages["age"] == age]
    definition = f"revenue in the months of age 0 to {age}, divided by the customers who have lived them"
    return row_fact(f"shop.revenue.{age}", rows.iloc[0], "revenue", "money", definition, "at_risk")


def alarm_curve(rule: Lapse, judged: int = 1) -> pd.DataFrame:
    """False alarms by the silence after which the rule speaks, as far as so many of them could be judged."""
    days = sorted({*(days_of("floor", floor) for floor in FLOORS), rule.rule.floor})
    frame = rule.curve([f"{n}D" for n in days])
    return frame[frame["judged"] >= judged].reset_index(drop=True)


def false_alarms(curve: pd.DataFrame, floor: int) -> Fact:
    """Share of past alarms that were false, for a silence of so many days."""
    row = curve[curve["floor"] == floor].iloc[0]
    definition = f"silences of more than {floor} days and more than the customer's own, that ended within 90 days"
    return row_fact(f"shop.false.{floor}", row, "false_alarm_rate", "share", definition, "judged", "false_alarms")
