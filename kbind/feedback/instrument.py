"""What was asked: the scale of an instrument, what is made of an answer, and answers that cannot be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.engine.engine import Expression, column, literal, parse
from kbind.errors import MOST, ArgumentError, NotEnoughData, check_choice, did_you_mean, listed, told

Scale = tuple[int, int]

#: Kinds of score.
MEASURES = ("nps", "csat", "mean")
#: Scales that instruments are asked on unless told otherwise.
SCALES: Mapping[str, Scale] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
#: Lowest score of a promoter, highest of a detractor.
PROMOTER, DETRACTOR = 9, 6
#: Top of a shorter scale -> so many customers who all keep within 1 to there give it away.
GIVEN_AWAY: Mapping[int, int] = {5: 10, 7: 30}
#: Impossible scores that an error shows.
_EXAMPLES = 5


@dataclass(frozen=True)
class Instrument:
    """A question with its scale.

    Parameters
    ----------
    name : str
        As the column `instrument` has it.
    measure : {"nps", "csat", "mean"}
        What is made of the answers.
    scale : (int, int)
        Lowest and highest answer.
    doubt : str
        Why the scale may be another one, where the answers are too few to tell.
    """

    name: str
    measure: str
    scale: Scale
    doubt: str = ""

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest possible score."""
        return {"nps": (-1.0, 1.0), "csat": (0.0, 1.0)}.get(self.measure) or (
            float(self.scale[0]),
            float(self.scale[1]),
        )

    @property
    def meaning(self) -> str:
        """How the score is made of the answers."""
        low, high = self.scale
        if self.measure == "nps":
            return f"NPS: share of answers {PROMOTER}-{high} minus share of {low}-{DETRACTOR}"
        if self.measure == "csat":
            return f"CSAT: share of answers {high - 1} and {high} on a scale from {low} to {high}"
        return f"Mean of {self.name} on a scale from {low} to {high}"

    def value(self, score: Expression) -> Expression:
        """What one answer counts: 1, 0 or -1 for NPS, 1 or 0 for CSAT, else itself; nothing without a score."""
        if self.measure == "mean":
            return parse("CAST(_x AS DOUBLE)", x=score)
        if self.measure == "csat":
            return parse("CAST(CASE WHEN _x >= _top THEN 1 WHEN _x < _top THEN 0 END AS DOUBLE)", x=score,
                         top=literal(self.scale[1] - 1))  # fmt: skip
        return parse(
            "CAST(CASE WHEN _x >= _high THEN 1 WHEN _x <= _low THEN -1 WHEN _x < _high THEN 0 END AS DOUBLE)",
            x=score, high=literal(PROMOTER), low=literal(DETRACTOR),
        )  # fmt: skip


def read_instrument(data: Dataset, name: object, *, measure: str | None, scale: object) -> Instrument:
    """An instrument of a data set, its scale known and its answers checked. Called first.

    Raises
    ------
    ArgumentError
        No such instrument, measure or scale; scores outside the scale or between its steps; an NPS whose answers
        give away a shorter scale.
    """
    check_dataset(data)
    data.require("feedback")
    if "score" not in data.tables["feedback"].columns:
        raise NotEnoughData(f"feedback of {data.name!r} has no column score")
    statement = "SELECT DISTINCT instrument AS name FROM log WHERE _time < _as_of ORDER BY name"
    known = data.engine.query(statement, tables={"log": "feedback"}, parts=_until(data)).column("name").to_pylist()
    if not isinstance(name, str) or name not in known:
        hint = did_you_mean(name, known) if isinstance(name, str) else ""
        raise ArgumentError(f"instrument={name!r} is not in feedback; {hint}instruments: {listed(known)}")
    usual = name.strip().lower()
    kind = check_choice("measure", measure, MEASURES) if measure is not None else usual
    asked = Instrument(name, kind if kind in MEASURES else "mean", _read_scale(name, kind, scale))
    _check_scores(data, asked)
    doubt = _shorter_scale(data, asked) if asked.measure == "nps" and scale is None else ""
    return Instrument(asked.name, asked.measure, asked.scale, doubt)


def _read_scale(name: str, kind: str, scale: object) -> Scale:
    usual = SCALES.get(kind) or SCALES.get(name.strip().lower())
    if scale is None:
        if usual is None:
            raise ArgumentError(f"the scale of {name!r} is not known; say lowest and highest answer: scale=(1, 7)")
        return usual
    if not (
        isinstance(scale, (tuple, list))
        and len(scale) == 2
        and all(isinstance(end, Integral) and not isinstance(end, bool) for end in scale)
        and scale[0] + 2 <= scale[1] <= MOST
    ):
        raise ArgumentError(f"scale={told(scale)} is no scale; allowed: lowest and highest answer, such as (1, 5)")
    if kind == "nps" and tuple(scale) != SCALES["nps"]:
        raise ArgumentError(
            f"scale={scale!r}: the NPS is defined on 0 to 10 only, a score on another scale is no NPS; use "
            f"measure='csat' (share of the top two answers) or measure='mean' with that scale"
        )
    return int(scale[0]), int(scale[1])


def _until(data: Dataset) -> dict[str, Expression]:
    return {"time": column("timestamp"), "as_of": data.constant("feedback", "timestamp")}


def _check_scores(data: Dataset, asked: Instrument) -> None:
    """Refuse scores that the scale does not have."""
    low, high = asked.scale
    found = data.engine.query(
        "SELECT score, count(*) AS n, CAST(sum(count(*)) OVER () AS BIGINT) AS rows__wrong FROM log "
        "WHERE instrument = _name AND _time < _as_of AND (score < _low OR score > _high OR score <> floor(score)) "
        f"GROUP BY score ORDER BY n DESC, score LIMIT {_EXAMPLES}",
        tables={"log": "feedback"},
        parts={"name": asked.name, "low": low, "high": high, **_until(data)},
    ).to_pylist()
    if found:
        examples = ", ".join(f"{row['score']:g} ({row['n']:,} rows)" for row in found)
        raise ArgumentError(
            f"{found[0]['rows__wrong']:,} scores of instrument {asked.name!r} do not fit its scale: {examples}; "
            f"allowed: whole numbers from {low} to {high}"
            + ("" if asked.measure == "nps" else ", or say another scale=")
        )


def _shorter_scale(data: Dataset, asked: Instrument) -> str:
    """Refuse an NPS asked on 1 to 5 or 1 to 7; words of doubt where there are too few answers to tell.

    One customer's answers resemble each other, so customers are counted. Even where three in five answers are
    rightly that low, ten customers of whom nobody says 0 or more than 5 come up in one of 165 companies; for 7,
    where up to 85 % of the answers may be that low, thirty do in one of 130. Who knows the scale says so.
    """
    found = data.engine.query(
        "SELECT min(score) AS lowest, max(score) AS highest, count(DISTINCT customer_id) AS n FROM log "
        "WHERE instrument = _name AND _time < _as_of AND NOT score IS NULL",
        tables={"log": "feedback"},
        parts={"name": asked.name, **_until(data)},
    ).to_pylist()[0]
    if not found["n"] or found["lowest"] < 1:
        return ""
    for top, enough in GIVEN_AWAY.items():
        if found["highest"] > top:
            continue
        what = f"all scores of {found['n']:,} customers lie within 1 to {top}"
        if found["n"] >= enough:
            raise ArgumentError(
                f"instrument={asked.name!r}: {what}, so the question was not asked on 0 to 10 and there is no NPS; use "
                f"measure='csat' or measure='mean' with scale=(1, {top}), or say scale=(0, 10) if it was"
            )
        return f"{what[0].upper()}{what[1:]}: make sure that the question runs from 0 to 10."
    return ""
