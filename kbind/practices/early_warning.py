"""A fall of the score as a warning that the customer will leave: how many it finds, and how many it calls in vain."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import objects
from kbind.engine.query import Query
from kbind.errors import MOST, NotEnoughData, check_choice, check_conf_level, check_number
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns, rate_of
from kbind.feedback.instrument import read_instrument
from kbind.practices.clustered import share_of
from kbind.practices.moments import usual_instrument
from kbind.practices.staying import Staying, need_columns, need_contracts, staying
from kbind.result import Shown
from kbind.typing import Bools, Floats

SIGNS = ("level", "drop")
#: Share of false positives that a threshold may have had in the past to be chosen.
BEARABLE = 0.2
#: What is told of an alarm.
_FIGURES = ("hit_rate", "false_positive_rate", "precision")


@dataclass(frozen=True, eq=False)
class EarlyWarning(Shown):
    """What an alarm on a low or falling score was worth. Made by `early_warning`.

    Attributes
    ----------
    sign : {"level", "drop"}
        A score at or below the threshold, or a fall by at least the threshold since the customer's last answer.
    threshold : float
    chosen : bool
        Whether the threshold was chosen on the answers before `split`; the figures are of those after.
    split : datetime or None
        Between the answers that the threshold was chosen on and those it is tested on.
    hit_rate : Estimate
        Of the answers after which the customer decided to leave within the horizon, the share with an alarm.
    false_positive_rate : Estimate
        Of the other answers, the share with an alarm.
    precision : Estimate
        Of the alarms, the share after which the customer decided to leave within the horizon.
    base : Estimate
        The same of all answers, alarm or not.
    flagged : Estimate
        Of all customers who decided to leave, answer or not, the share with an alarm within the horizon before.
    frame : DataFrame
        As `to_frame` gives it.
    """

    instrument: str
    sign: str
    threshold: float
    chosen: bool
    split: datetime | None
    horizon: int
    hit_rate: Estimate
    false_positive_rate: Estimate
    precision: Estimate
    base: Estimate
    flagged: Estimate
    frame: pd.DataFrame = field(repr=False)
    conf_level: float
    stays: Staying = field(repr=False)

    @property
    def provenance(self) -> object:
        """Where the numbers come from."""
        return self.stays.provenance

    @property
    def false_alarm_rate(self) -> Estimate:
        """Of the alarms, the share that was false: as `lapse` has it."""
        return self.precision.complement()

    @property
    def definition(self) -> str:
        """What an alarm is, which answers are judged, and what leaving is."""
        who = self.stays.provenance.customer
        rule = f"at or below {self.threshold:g}" if self.sign == "level" else f"down by {self.threshold:g} or more"
        how = (
            f"The threshold was chosen on answers whose {self.horizon} days were over by {self.split:%Y-%m-%d} (most "
            f"hits at no more than {BEARABLE:.0%} false positives) and is tested on those given from then on. "
            if self.split is not None
            else ""
        )
        return (
            f"Alarm: an answer to {self.instrument} {rule}. Judged are answers of {who}s who had not given notice, "
            f"followed for {self.horizon} days; hit: the {who} decided to leave within them. {how}"
            f"{self.conf_level:.0%} Wilson score intervals with {who}s as clusters. {self.stays.meaning}; the decision "
            f"is the notice where there is one. {self.stays.provenance}"
        )

    def headline(self) -> str:
        """Hits and false positives."""
        return f"finds {self.hit_rate.value:.0%} at {self.false_positive_rate.value:.0%} false positives"

    def to_frame(self) -> pd.DataFrame:
        """The same for every threshold, on the answers it is tested on, so that it is chosen and not guessed.

        Returns
        -------
        DataFrame
            Columns threshold, alarms, n (answers judged), hit_rate, false_positive_rate, precision, each with _ci_lower
            and _ci_upper, and chosen (bool).
        """
        return self.frame.copy()


def early_warning(
    data: Dataset,
    instrument: str | None = None,
    *,
    sign: str = "level",
    threshold: float | None = None,
    horizon: str = "90D",
    scale: tuple[int, int] | None = None,
    conf_level: float = 0.95,
) -> EarlyWarning:
    """Whether a low or falling score warns of leaving, tested forward in time.

    Parameters
    ----------
    data : Dataset
        With a table `feedback`, and contracts.
    instrument : str, optional
        As for `feedback_moments`.
    sign : {"level", "drop"}
        Alarm at a score at or below the threshold, or at a fall since the customer's last answer.
    threshold : float, optional
        In points. Default: chosen on the first half of the time, tested on the second.
    horizon : str
        Days or weeks within which the customer decides to leave if the alarm is right, such as "90D".
    scale : (int, int), optional
        As for `feedback_score`.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    EarlyWarning
        `.hit_rate`, `.false_positive_rate`, `.precision`, `.flagged`, `.to_frame()` over thresholds.

    Raises
    ------
    ArgumentError
        No such instrument, sign, length or threshold.
    NotEnoughData
        No contracts, no answers that could be judged, or nobody left after one.

    Notes
    -----
    Whoever leaves without having answered gives no alarm: `flagged` counts them, `hit_rate` cannot. An alarm followed
    by leaving does not show that the reason for the score is the reason for leaving.

    Examples
    --------
    >>> import kbind as kb
    >>> warning = kb.early_warning(kb.datasets.load_saas(), "nps", threshold=6)
    >>> bool(warning.precision.value > warning.base.value)
    True
    """
    need_columns(data, "feedback.score")
    need_contracts(data)
    check_choice("sign", sign, SIGNS)
    conf_level, days = check_conf_level(conf_level), days_of("horizon", horizon, 1)
    given = None if threshold is None else check_number("threshold", threshold, -MOST, MOST)
    asked = read_instrument(data, usual_instrument(data, instrument), measure=None, scale=scale)
    stays = staying(data)
    query = _judged(data, stays, asked.name, sign, days)
    found = query.select(
        "SELECT customer_id, coalesce(part, -1) AS part, s, count(*) AS m, count(*) FILTER (WHERE hit) AS y "
        "FROM judged GROUP BY customer_id, part, s"
    )
    part = np.asarray(found.column("part").to_numpy(), dtype=np.int64)
    s = np.asarray(found.column("s").to_numpy(), dtype=float)
    split = query.select("SELECT min(split) AS split FROM judged").column("split")[0].as_py() if len(s) else None
    chosen = given is None
    cells = _Cells.of(found, np.ones(len(s), dtype=bool) if not chosen else part == 1)
    early = _Cells.of(found, part == 0)
    if not cells.y.sum() or (chosen and not early.y.sum()):
        raise NotEnoughData(
            f"instrument={asked.name!r}: nobody who answered decided to leave within {days} days"
            + (", before and after the middle of the time" if chosen else "")
        )
    limit = _limit(sign, given) if given is not None else _best(early)
    shown = sorted({*np.unique(cells.s).tolist(), limit})
    rows = [_row(cells, x, limit, sign, conf_level) for x in shown[-40:]]
    hit, false, precision = cells.rates(limit, conf_level)
    return EarlyWarning(
        instrument=asked.name,
        sign=sign,
        threshold=limit if sign == "level" else 0.0 - limit,
        chosen=chosen,
        split=split if chosen else None,
        horizon=days,
        hit_rate=hit,
        false_positive_rate=false,
        precision=precision,
        base=cells.share(cells.m, cells.y, conf_level),
        flagged=_flagged(query, limit, chosen, conf_level),
        frame=pd.DataFrame(rows),
        conf_level=conf_level,
        stays=stays,
    )


def _limit(sign: str, threshold: float) -> float:
    """Highest value of the sign that gives an alarm: falls are counted below zero."""
    return threshold if sign == "level" else -threshold


@dataclass(frozen=True, eq=False)
class _Cells:
    """Answers counted by customer and value of the sign: m answers, y followed by leaving."""

    who: np.ndarray
    s: Floats
    m: Floats
    y: Floats

    @classmethod
    def of(cls, found: pa.Table, rows: Bools) -> _Cells:
        who = np.unique(objects(found.column("customer_id")), return_inverse=True)[1] if found.num_rows else np.zeros(0)
        s, m, y = (np.asarray(found.column(name).to_numpy(), dtype=float) for name in ("s", "m", "y"))
        return cls(who[rows].astype(np.int64), s[rows], m[rows], y[rows])

    def share(self, m: Floats, y: Floats, conf_level: float) -> Estimate:
        return share_of(np.bincount(self.who, m), np.bincount(self.who, y), conf_level)

    def rates(self, limit: float, conf_level: float) -> tuple[Estimate, Estimate, Estimate]:
        """Hit rate, false-positive rate and precision of an alarm up to the limit."""
        alarm = (self.s <= limit).astype(float)
        stayed = self.m - self.y
        return (
            self.share(self.y, self.y * alarm, conf_level),
            self.share(stayed, stayed * alarm, conf_level),
            self.share(self.m * alarm, self.y * alarm, conf_level),
        )


def _best(cells: _Cells) -> float:
    """Limit with the most hits at a bearable share of false positives; the lowest where none is bearable."""
    values, stayed = np.unique(cells.s), cells.m - cells.y
    false = np.array([stayed[cells.s <= x].sum() for x in values]) / max(stayed.sum(), 1.0)
    return float(values[max(int((false <= BEARABLE).sum()) - 1, 0)])


def _row(cells: _Cells, x: float, limit: float, sign: str, conf_level: float) -> dict[str, object]:
    row: dict[str, object] = {
        "threshold": x if sign == "level" else 0.0 - x,
        "alarms": int(cells.m[cells.s <= x].sum()),
        "n": int(cells.m.sum()),
    }
    for name, figure in zip(_FIGURES, cells.rates(x, conf_level), strict=True):
        row |= interval_columns(name, figure)
    return row | {"chosen": x == limit}


def _judged(data: Dataset, stays: Staying, name: str, sign: str, days: int) -> Query:
    """Steps up to `judged`: answers that could be followed, the sign, whether it was a hit, and the part of time."""
    query = stays.query.copy().table(said__log="feedback")
    query.step(
        "said__rows",
        "SELECT customer_id, at, score, lag(score) OVER (PARTITION BY customer_id ORDER BY at, score) AS before FROM "
        "(SELECT customer_id, _at AS at, CAST(score AS DOUBLE) AS score FROM said__log WHERE instrument = _instrument "
        "AND NOT score IS NULL AND _at < _data_end) AS q",
        at=data.wall_time("feedback", "timestamp"),
        instrument=name,
        horizon=days,
        last=stays.observed - timedelta(days=days),
        observed=stays.observed,
    )
    value = "score" if sign == "level" else "score - before"
    query.step(
        "signs",
        f"SELECT r.customer_id, at, {value} AS s, decided FROM said__rows AS r JOIN stays USING (customer_id) "
        f"WHERE at >= first AND (decided IS NULL OR at < decided) AND NOT {value} IS NULL",
    )
    query.step(
        "halves",
        "SELECT min(at) + (max(at) - min(at)) / 2 AS split FROM signs WHERE at < _last",
    )
    return query.step(
        "judged",
        "SELECT customer_id, at, s, split, coalesce(decided <= at + to_days(_horizon), FALSE) AS hit, "
        "CASE WHEN at >= split THEN 1 WHEN at + to_days(_horizon) <= split THEN 0 END AS part "
        "FROM signs CROSS JOIN halves WHERE at < _last",
    )


def _flagged(query: Query, limit: float, chosen: bool, conf_level: float) -> Estimate:
    """Of all who decided to leave in the time that is tested, those with an alarm in the horizon before."""
    since = "split" if chosen else "opening"
    found = query.part(limit=limit).select(
        "SELECT count(*) AS n, count(*) FILTER (WHERE lowest <= _limit) AS y FROM ("
        "SELECT t.customer_id, min(CASE WHEN r.at >= t.decided - to_days(_horizon) THEN r.s END) AS lowest "
        "FROM stays AS t CROSS JOIN halves CROSS JOIN (SELECT min(at) AS opening FROM signs) AS o "
        "LEFT JOIN signs AS r ON r.customer_id = t.customer_id "
        f"WHERE t.decided >= {since} + to_days(_horizon) AND t.decided < _observed GROUP BY t.customer_id) AS q"
    )
    n, y = int(found.column("n")[0].as_py()), int(found.column("y")[0].as_py())
    return rate_of(y, n, conf_level)
