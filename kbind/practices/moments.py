"""Feedback at the right moment: who answers and what is said, by what had just happened."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import objects
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import column
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData, check_conf_level, listed
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import interval_columns
from kbind.feedback.answers import Answers, Pairs
from kbind.feedback.instrument import SCALES, Instrument, read_instrument
from kbind.feedback.score import FeedbackScore, score_of
from kbind.practices.clustered import share_of
from kbind.practices.staying import need_columns, staying
from kbind.result import Shown
from kbind.typing import Array, Floats, Ints

#: Days that what happened counts as just before an answer.
JUST = 30
#: Share of the tickets that are not slow.
_QUICK = 0.75
#: Family of moments -> moments in order; the first with answers is what the others are compared with.
MOMENTS = {
    "tenure": ("days 0-30", "days 31-90", "days 91-365", "after a year"),
    "ticket": ("no ticket", "after a quick ticket", "after a slow ticket"),
    "anniversary": ("other days", "after an anniversary"),
    "purchase": ("days 0-7", "days 8-30", "after 30 days"),
}
#: Family -> what is missing where it is not known.
NEEDS = {
    "tenure": ("subscriptions.start", "events.timestamp"),
    "ticket": ("tickets.closed",),
    "anniversary": ("subscriptions.start", "events.timestamp"),
    "purchase": ("events.amount",),
}
#: Why nobody knows who did not answer.
NOT_ASKED = "feedback has no row without a score, so it does not say who was asked and did not answer"


@dataclass(frozen=True, eq=False)
class FeedbackMoments(Shown):
    """What is answered by moment, and who answers. Made by `feedback_moments`.

    Attributes
    ----------
    instrument : Instrument
        What was asked.
    scores : dict of str to FeedbackScore
        Family of moments ("tenure", "ticket", "anniversary", "purchase") -> score by moment, with its `compare`.
    response : Estimate
        Share of the questions that were answered; NaN where nobody knows who was asked.
    why : str
        Why there is no share of answers; empty where there is.
    quick : float
        Hours up to which a ticket is quick: three in four of the closed ones are.
    needs : dict of str to tuple of str
        Family that cannot be told -> columns of which it takes one.
    frame : DataFrame
        As `to_frame` gives it.
    """

    instrument: Instrument
    scores: dict[str, FeedbackScore] = field(repr=False)
    response: Estimate
    why: str
    quick: float
    needs: dict[str, tuple[str, ...]]
    frame: pd.DataFrame = field(repr=False)
    conf_level: float
    provenance: Provenance

    @property
    def definition(self) -> str:
        """Which moments there are, and how answers are counted."""
        who = self.provenance.customer
        ticket = (
            f" After a ticket: closed at most {JUST} days before, the last one counts; slow if it took longer than "
            f"three in four ({self.quick:.0f} hours)." if "ticket" in self.scores else ""
        )  # fmt: skip
        return (
            f"{self.instrument.meaning}, by days since the {who} began, by the last ticket, by days since an "
            f"anniversary ({JUST} of them) and by days since the last purchase, as far as known.{ticket} Share of "
            f"answers: rows with a score among all rows. {self.conf_level:.0%} intervals, answers of one {who} as "
            f"clusters. Moments were not drawn by lot: a difference is none of the moment alone. "
            f"{self.why and self.why + '. '}{self.provenance}"
        )

    def headline(self) -> str:
        """The instrument, and how many moments."""
        return f"{self.instrument.name}, {len(self.frame)} moments"

    def to_frame(self) -> pd.DataFrame:
        """Score and share of answers by moment.

        Returns
        -------
        DataFrame
            Columns family, moment, asked, n (answers with a score), customers, response_rate, score and difference (to
            the first moment of the family that has answers), each with _ci_lower and _ci_upper; NaN where unknown.
        """
        return self.frame.copy()


def feedback_moments(
    data: Dataset, *, instrument: str | None = None, scale: tuple[int, int] | None = None, conf_level: float = 0.95
) -> FeedbackMoments:
    """Who answers and what is said, by the moment of asking: tenure, tickets, anniversaries, purchases.

    Parameters
    ----------
    data : Dataset
        With a table `feedback`; contracts or events, tickets and purchases as far as there are any. A row without a
        score was asked and not answered.
    instrument : str, optional
        As the column `instrument` has it. Default: the first of nps, csat, ces that is there.
    scale : (int, int), optional
        As for `feedback_score`.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    FeedbackMoments
        `.to_frame()`, `.scores`, `.response`.

    Raises
    ------
    ArgumentError
        No such instrument, or none with a usual scale and none named.
    NotEnoughData
        No feedback with a score, or nothing that says in which moment it was given.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.feedback_moments(kb.datasets.load_saas(), instrument="csat")
    >>> found.to_frame().query("family == 'ticket'")[["moment", "n"]].values.tolist()
    [['no ticket', 0], ['after a quick ticket', 1930], ['after a slow ticket', 645]]
    """
    need_columns(data, "feedback.score")
    check_conf_level(conf_level)
    asked = read_instrument(data, usual_instrument(data, instrument), measure=None, scale=scale)
    query, known, quick = _moments(data, asked)
    if not known:
        raise NotEnoughData(
            f"nothing in {data.name!r} says in which moment feedback was given: contracts, tickets, orders"
        )
    total = query.select("SELECT customer_id, count(*) AS m, count(v) AS y FROM answers GROUP BY customer_id")
    m, y = (total.column(name).to_numpy() for name in ("m", "y"))
    unasked = "" if (m > y).any() else NOT_ASKED
    scores, frames = {}, []
    for family in known:
        found = query.select(
            f"SELECT customer_id, {family} AS moment, count(*) AS asked, count(v) AS m, coalesce(sum(v), 0) AS t, "
            f"coalesce(sum(v * v), 0) AS q FROM answers WHERE NOT {family} IS NULL GROUP BY customer_id, moment"
        )
        place = np.array([MOMENTS[family].index(name) for name in found.column("moment").to_pylist()], dtype=np.int64)
        who = np.unique(objects(found.column("customer_id")), return_inverse=True)[1]
        sums = {name: np.asarray(found.column(name).to_numpy(), dtype=float) for name in ("asked", "m", "t", "q")}
        scores[family] = score_of(_answers(data, asked, family, who, place, sums), conf_level)
        frames.append(_rows(family, scores[family], place, sums, unasked, conf_level))
    return FeedbackMoments(
        instrument=asked,
        scores=scores,
        response=UNKNOWN if unasked else share_of(m, y, conf_level),
        why=unasked,
        quick=quick,
        needs={family: NEEDS[family] for family in MOMENTS if family not in known},
        frame=pd.concat(frames, ignore_index=True),
        conf_level=conf_level,
        provenance=Provenance.of(data, data.end_at(None)),
    )


def usual_instrument(data: Dataset, instrument: object) -> object:
    """The instrument that was asked for, else the first usual one that is there."""
    if instrument is not None:
        return instrument
    names = data.engine.query("SELECT DISTINCT instrument AS name FROM log ORDER BY name", tables={"log": "feedback"})
    known = names.column("name").to_pylist()
    usual = [name for one in SCALES for name in known if str(name).strip().lower() == one]
    if not usual:
        raise ArgumentError(f"instrument=None: none of {listed(SCALES)} is in feedback; instruments: {listed(known)}")
    return usual[0]


def _moments(data: Dataset, asked: Instrument) -> tuple[Query, list[str], float]:
    """Steps that end in `answers` (customer_id, v, a column a family), the families that are known, and quick hours."""
    known, selected, joins, quick = [], "", "", float("nan")
    if "subscriptions" in data.tables or "events" in data.tables:
        stays = staying(data)
        query = stays.query.copy()
        days = "date_diff('day', s.since, at)"
        selected += (
            f", CASE WHEN at < s.since THEN NULL WHEN {days} <= 30 THEN 'days 0-30' WHEN {days} <= 90 THEN 'days "
            f"31-90' WHEN {days} <= 365 THEN 'days 91-365' WHEN {days} > 365 THEN 'after a year' END AS tenure, "
            f"CASE WHEN at < s.since + to_years(1) THEN NULL WHEN date_diff('day', s.since + to_years(CAST("
            f"date_sub('year', s.since, at) AS INTEGER)), at) < {JUST} THEN 'after an anniversary' "
            "ELSE 'other days' END AS anniversary"
        )
        joins += " LEFT JOIN stays AS s USING (customer_id)"
        known += ["tenure", "anniversary"]
    else:
        query = Query(data.engine)
    query.table(said__log="feedback").step(
        "said__rows",
        "SELECT customer_id, _at AS at, _v AS v, row_number() OVER () AS a FROM said__log "
        "WHERE instrument = _instrument AND _at < _said_until",
        at=data.wall_time("feedback", "timestamp"),
        v=asked.value(column("score")),
        instrument=asked.name,
        said_until=data.end_at(None),
    )
    if data.has("tickets.closed"):
        quick = _add_tickets(data, query)
        selected += (
            ", CASE WHEN k.hours IS NULL THEN 'no ticket' WHEN k.hours <= _quick THEN 'after a quick ticket' "
            "ELSE 'after a slow ticket' END AS ticket"
        )
        joins += " LEFT JOIN last__ticket AS k USING (a)"
        known.append("ticket")
    if data.has("events.amount"):
        query.table(bought__log="events").step(
            "last__order",
            "SELECT a, min(date_diff('day', _bought, at)) AS silent FROM said__rows AS r JOIN bought__log AS b "
            "ON b.customer_id = r.customer_id AND _bought <= at AND b.amount > 0 GROUP BY a",
            bought=data.wall_time("events", "timestamp", "b"),
        )
        selected += (
            ", CASE WHEN silent <= 7 THEN 'days 0-7' WHEN silent <= 30 THEN 'days 8-30' "
            "WHEN silent > 30 THEN 'after 30 days' END AS purchase"
        )
        joins += " LEFT JOIN last__order USING (a)"
        known.append("purchase")
    query.step("answers", f"SELECT r.customer_id, v{selected} FROM said__rows AS r{joins}")
    return query, [family for family in MOMENTS if family in known], quick


def _add_tickets(data: Dataset, query: Query) -> float:
    """A step with the hours that the last ticket before an answer took; and how many are quick."""
    query.table(ticket__log="tickets").step(
        "handled",
        "SELECT customer_id, _done AS done, date_diff('minute', _asked_at, _done) / 60.0 AS hours FROM ticket__log "
        "WHERE _done < _said_until",
        done=data.wall_time("tickets", "closed"),
        asked_at=data.wall_time("tickets", "opened"),
    )
    found = query.select(f"SELECT quantile_disc(hours, {_QUICK}) AS quick FROM handled").column("quick")[0].as_py()
    query.part(quick=float("nan") if found is None else float(found))
    query.step(
        "last__ticket",
        "SELECT a, max(struct_pack(t := done, h := hours)).h AS hours FROM said__rows AS r JOIN handled AS h "
        f"ON h.customer_id = r.customer_id AND done <= at AND done > at - to_days({JUST}) GROUP BY a",
    )
    return float("nan") if found is None else float(found)


def _answers(data: Dataset, asked: Instrument, family: str, who: Ints, place: Ints, sums: dict[str, Floats]) -> Answers:
    """Sums by moment, and over customers who answered in two."""
    groups = len(MOMENTS[family])
    m, t = np.zeros((groups, int(who.max(initial=-1)) + 1)), np.zeros((groups, int(who.max(initial=-1)) + 1))
    m[place, who], t[place, who] = sums["m"], sums["t"]
    one, two = np.nonzero(~np.eye(groups, dtype=bool))
    mm, mt, tt = m @ m.T, m @ t.T, t @ t.T

    def cell(values: Array) -> Floats:
        return np.asarray(values, dtype=float)[:, None]

    customers = (m > 0).sum(axis=1)[:, None].astype(np.int64)
    missing = np.bincount(place, sums["asked"] - sums["m"], minlength=groups)
    return Answers(
        instrument=asked,
        period=None,
        periods=("all",),
        by=("moment",),
        groups=tuple((name,) for name in MOMENTS[family]),
        n=cell(m.sum(axis=1)).astype(np.int64),
        missing=cell(missing).astype(np.int64),
        customers=customers,
        respondents=np.full(customers.shape, -1),
        total=cell(t.sum(axis=1)),
        squares=cell(np.bincount(place, sums["q"], minlength=groups)),
        mm=cell(np.diag(mm)),
        mt=cell(np.diag(mt)),
        tt=cell(np.diag(tt)),
        there=np.full(customers.shape, np.nan),
        reached=np.full(customers.shape, np.nan),
        pairs=Pairs(one, two, np.zeros(len(one), dtype=np.int64), mm[one, two], mt[one, two], tt[one, two]),
        present=None,
        by_contact=False,
        provenance=Provenance.of(data, data.end_at(None)),
    )


def _rows(
    family: str, score: FeedbackScore, place: Ints, sums: dict[str, Floats], unasked: str, conf_level: float
) -> pd.DataFrame:
    rows, n = [], score.answers.n[:, 0]
    reference = int(np.argmax(n > 0))
    for k, moment in enumerate(MOMENTS[family]):
        here = place == k
        response = UNKNOWN if unasked else share_of(sums["asked"][here], sums["m"][here], conf_level)
        found = Estimate.of(x[k, 0] for x in (score.score, score.score_ci_lower, score.score_ci_upper))
        gap = UNKNOWN
        if k != reference and n[k]:
            compared = score.compare("moment", moment, MOMENTS[family][reference]).to_frame()
            gap = Estimate.in_row(compared.iloc[0], "difference")
        rows.append(
            {"family": family, "moment": moment, "asked": int(sums["asked"][here].sum()), "n": int(n[k]),
             "customers": int(score.answers.customers[k, 0])}
            | interval_columns("response_rate", response) | interval_columns("score", found)
            | interval_columns("difference", gap)
        )  # fmt: skip
    return pd.DataFrame(rows)
