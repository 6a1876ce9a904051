"""Who has lapsed without a contract, and how often the rule that says so was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import names_of, place_columns, stack_groups
from kbind.dataset.provenance import Provenance
from kbind.errors import MOST, ArgumentError, check_conf_level, real, told
from kbind.estimate.intervals import interval_columns, wilson
from kbind.result import Shown
from kbind.spells.lapses import LapseCounts, Rule, count_lapses, list_customers
from kbind.spells.silence import silence_of
from kbind.typing import Floats, Ints

#: Floors that a curve shows unless told otherwise: every two weeks up to half a year.
FLOORS = tuple(f"{days}D" for days in range(14, 183, 14))


@dataclass(frozen=True, eq=False)
class Lapse(Shown):
    """Customers by status, and the false alarms of the rule in the past.

    Made by `lapse`.

    Attributes
    ----------
    rule : Rule
        Floor, quantile, least number of days of activity, and maturity.
    counts : LapseCounts
        What the rule says with its floor.
    by : tuple of str
        Columns that split the customers.
    end : datetime
        Midnight up to which the data is complete.
    conf_level : float
        Level of the intervals.
    data : Dataset
        What it was computed from; asked again for other floors and for the customers one by one.
    """

    rule: Rule
    counts: LapseCounts = field(repr=False)
    by: tuple[str, ...]
    end: datetime
    conf_level: float
    data: Dataset = field(repr=False)
    places: Mapping[str, str] = field(repr=False)
    provenance: Provenance

    @property
    def definition(self) -> str:
        """The rule, and what a false alarm is, in words."""
        who, rule = self.data.card.customer, self.rule
        if rule.quantile is None:
            limit = f"A {who} has lapsed when silent for more than {rule.floor} days."
        else:
            limit = (
                f"A {who} has lapsed when silent for more than {rule.floor} days and for more than the "
                f"{rule.quantile:.0%} quantile of its own past gaps, and is at risk when one of the two is passed; "
                f"with fewer than {rule.min_events} days of activity nobody can tell."
            )
        return (
            f"{limit} False alarms: past silences beyond the limit of that day that ended within {rule.maturity} days "
            f"after it, divided by all that old; {self.conf_level:.0%} Wilson score interval with customers as "
            f"clusters. {self.provenance}"
        )

    def to_frame(self) -> pd.DataFrame:
        """What the rule says.

        Returns
        -------
        DataFrame
            One row a group. Columns of `by`; floor (days); n_customers, n_active, n_at_risk, n_lapsed, n_too_few;
            share_lapsed (of those whom the rule can tell) with _ci_lower and _ci_upper; days_to_call (mean limit, so
            many days after the last activity the rule calls); silences (past and open ones beyond the limit of their
            day), returned (of them, at any time), judged (with the limit and the maturity behind them), false_alarms
            (of them, over within the maturity), false_alarm_rate with _ci_lower and _ci_upper.
        """
        return self._frame(self.counts, [self.rule.floor])

    def curve(self, floors: Sequence[str] = FLOORS) -> pd.DataFrame:
        """The same for other floors, so that the floor is chosen and not guessed: fewer false alarms come later.

        Parameters
        ----------
        floors : sequence of str
            Days or weeks, such as "14D". Default: every two weeks from 14 to 182 days.

        Returns
        -------
        DataFrame
            Columns as in `to_frame`, one row a group and floor, floors increasing.
        """
        if not isinstance(floors, Sequence) or isinstance(floors, str) or not floors:
            raise ArgumentError(f"floors={floors!r} is no list of lengths; allowed: such as ['14D', '56D']")
        days = sorted({days_of("floors", floor) for floor in floors})
        return self._frame(count_lapses(self.data, self.rule, days, self.places, self.end), days)

    def customers(self) -> pd.DataFrame:
        """Every customer's status; for data scientists, not for a report.

        Returns
        -------
        DataFrame
            Columns customer_id, those of `by`, status ("active", "at risk", "lapsed", "too few events to tell"),
            last_activity (date), days_active, days_since_last, own_quantile and limit (days; NaN where unknown).
        """
        found = list_customers(self.data, self.rule, self.places, self.end)
        names = {"last": "last_activity", "silent": "days_since_last", "own": "own_quantile", "allowed": "limit"}
        taken = {*names.values(), "customer_id", "status", "days_active"}
        names |= {f"g{k}": f"by_{name}" if name in taken else name for k, name in enumerate(self.by)}
        frame: pd.DataFrame = found.rename_columns([names.get(name, name) for name in found.column_names]).to_pandas()
        return frame.astype({"last_activity": "datetime64[us]", "own_quantile": float, "limit": float})

    def _frame(self, counts: LapseCounts, floors: Sequence[int]) -> pd.DataFrame:
        frames = []
        for g in range(len(counts.groups)):
            now = {name: values[g] for name, values in counts.present.items()}
            past = {name: values[g] for name, values in counts.past.items()}
            told = now["customers"] - now["too_few"]
            columns: dict[str, object] = {"floor": floors}
            columns |= {f"n_{name}": now[name] for name in ("customers", "active", "at_risk", "lapsed", "too_few")}
            columns |= interval_columns("share_lapsed", wilson(now["lapsed"], told, self.conf_level))
            columns["days_to_call"] = np.where(told > 0, now["limits"] / np.maximum(told, 1), np.nan)
            columns |= {name: past[name] for name in ("silences", "returned", "judged", "false_alarms")}
            columns |= interval_columns("false_alarm_rate", clustered_share(past, self.conf_level))
            frames.append(pd.DataFrame(columns))
        return stack_groups(self.by, counts.groups, frames)


def lapse(
    data: Dataset,
    *,
    floor: str | None = None,
    quantile: float | None = 0.9,
    min_events: int = 8,
    maturity: str = "90D",
    by: str | Sequence[str] | None = None,
    conf_level: float = 0.95,
) -> Lapse:
    """Say who has lapsed without a contract, and how often the same rule gave a false alarm in the past.

    Parameters
    ----------
    data : Dataset
        With a table `events`; every row is activity. A last day that is not over at its end is left out.
    floor : str, optional
        Nobody has lapsed before that many days of silence, such as "56D". Default: what the data set declares, else
        the shortest from 56 days on after which alarms are right for good; else the longest that could be judged.
    quantile : float or None
        Nor before this quantile of the customer's own gaps between days of activity. None: the floor alone decides.
    min_events : int
        With fewer days of activity a customer has no rhythm of its own that could be known. Not used if the floor alone
        decides.
    maturity : str
        A silence is judged when its limit lies at least that far back; it was a false alarm if the customer was active
        again within that time after the limit.
    by : str or sequence of str, optional
        Columns that split the customers, as for `activity`.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Lapse
        `.to_frame()`, `.curve()` over the choice of floor, `.customers()`.

    Raises
    ------
    ArgumentError
        No such table or column, or a rule that cannot be.
    NotEnoughData
        Nobody has an event before the end of the data.

    Notes
    -----
    The quantile is the smallest gap that at least that share of the gaps does not exceed (type 1 of Hyndman and Fan
    1996), so it is always a gap that occurred. A past silence is judged by the gaps before it only, as it would have
    been on the day: what came later is not known to the rule, and a customer who slows down gives alarms. Every judged
    silence has had the same time to end, whenever it began.

    A false-alarm rate is a share of the alarms. Its complement is no proof that the others have left for good.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> days = ["2024-01-01", "2024-01-08", "2024-01-15", "2024-03-20"]
    >>> log = pd.DataFrame({"customer_id": [1] * 4 + [2] * 2, "timestamp": [*days, "2024-01-01", "2024-01-15"]})
    >>> data = kb.open_dataset({"events": log}, as_of="2024-05-01")
    >>> found = kb.lapse(data, floor="28D", quantile=None, maturity="60D")
    >>> found.to_frame()[["n_active", "n_lapsed", "silences", "returned", "judged", "false_alarms"]]
       n_active  n_lapsed  silences  returned  judged  false_alarms
    0         0         2         3         1       2             1
    """
    check_dataset(data)
    data.require("events")
    share, least = _check_quantile(quantile), _check_events(min_events)
    rule = Rule(
        silence_of(data).days if floor is None else days_of("floor", floor),
        share,
        1 if share is None else least,
        days_of("maturity", maturity),
    )
    names = names_of(by)
    places = place_columns(data, "events", names)
    end = datetime.combine(data.end_at(None), datetime.min.time())
    return Lapse(
        rule=rule,
        counts=count_lapses(data, rule, [rule.floor], places, end),
        by=names,
        end=end,
        conf_level=check_conf_level(conf_level),
        data=data,
        places=places,
        provenance=Provenance.of(data, end),
    )


def clustered_share(sums: Mapping[str, Ints], conf_level: float) -> tuple[Floats, Floats, Floats]:
    """Share of false alarms with a Wilson interval for as many silences as they are worth.

    Silences of one customer resemble each other. Their variance with customers as clusters (linearised ratio) says how
    many independent ones would be as sure; where it says nothing, because all or none were false, each customer counts
    once.

    Parameters
    ----------
    sums : mapping of str to ndarray of int
        judged (m), false_alarms (y), alarmed (customers with m > 0), and mm, my, yy, the sums over customers of the
        products.
    conf_level : float
        Between 0 and 1.
    """
    m, y, customers = (sums[name].astype(float) for name in ("judged", "false_alarms", "alarmed"))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = y / m
        squared = sums["yy"] - 2 * share * sums["my"] + share**2 * sums["mm"]
        variance = customers / (customers - 1) * squared / m**2
        worth = np.where(variance > 1e-15, share * (1 - share) / variance, customers)
    worth = np.where(m > 0, np.minimum(worth, m), 0.0)
    # all and none exactly, so that their limits are exactly 1 and 0
    hits = np.where(y == m, worth, np.where(m > 0, share, 0.0) * worth)
    return wilson(hits, worth, conf_level)


def _check_quantile(quantile: float | None) -> float | None:
    if quantile is None or 0 < real(quantile) <= 1:
        return None if quantile is None else float(quantile)
    raise ArgumentError(f"quantile={told(quantile)} is no share of the gaps; allowed: above 0 up to 1, or None")


def _check_events(min_events: int) -> int:
    if not isinstance(min_events, bool) and isinstance(min_events, (int, np.integer)) and 2 <= min_events <= MOST:
        return int(min_events)
    raise ArgumentError(f"min_events={told(min_events)} is not enough for a gap; allowed: whole numbers from 2")
