"""One run each of what is claimed of refined personas and of qualifying questions."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from numpy.random import Generator

import kbind as kb
from kbind.estimate.estimate import Estimate

_STAY = {"plan": {"a": 0.0, "b": 0.9, "c": -0.4}, "goal": {"grow": 0.5, "save": -0.5}, "region": {"n": 0.0, "s": 0.0}}


def nothing_matters(rng: Generator, n: int) -> tuple[bool, ...]:
    """Whether an edit is confirmed, whether one is accepted, and whether a question is to be asked."""
    people = _people(rng, n)
    data = _data(people, rng.random(n) < 0.3)
    result = kb.refine_persona(_persona(), data, settings=kb.Refining(min_gain=0.01), rng=rng)
    asked = kb.qualifying_questions(_persona(), data, rng=rng).to_frame()
    return any(edit.finding == "confirmed" for edit in result.edits), result.verdict == "accept", len(asked) > 0


def held_out(rng: Generator, n: int) -> tuple[bool, ...]:
    """Gain and difference in retained revenue on the third part, against the truth for whatever rules came out."""
    people = _people(rng, n)
    result = kb.refine_persona(
        _persona(), _data(people, rng.random(n) > _chance(people)), settings=kb.Refining(min_gain=0.02), rng=rng
    )
    there = result.held_out
    if there is None or result.refined is None:
        return False, False
    many = _everybody()
    stay = _chance(many)
    old, new = (_fits(who, many) for who in (result.persona, result.refined))
    money = stay * many["paid"].to_numpy()
    return (
        _holds(there.gain, stay[new].mean() - stay[old].mean()),
        _holds(there.retained_revenue_difference, money[new].mean() - money[old].mean()),
    )


def answers(rng: Generator, n: int) -> tuple[bool, ...]:
    """Difference that the answer on the goal makes among customers alike in their contract."""
    people = _people(rng, n)
    long = rng.random(n) < np.where(people["goal"] == "grow", 0.7, 0.3)
    odds = np.log(_chance(people) / (1 - _chance(people))) + 0.8 * long
    people["contract"] = np.where(long, "long", "short")
    asked = kb.qualifying_questions(_persona(), _data(people, rng.random(n) > 1 / (1 + np.exp(-odds))), rng=rng)
    found = next(question for question in asked.questions if question.attribute == "goal")
    many = _everybody()
    many = many[many["plan"] == "a"]
    share = np.where(many["goal"] == "grow", 0.7, 0.3)
    base = _STAY["plan"]["a"] + 0.5
    grow, save = (
        share * _logistic(base + effect + 0.8) + (1 - share) * _logistic(base + effect) for effect in (0.5, -0.5)
    )
    return (_holds(found.difference_adjusted, float((grow - save).mean())),)


def _people(rng: Generator, n: int) -> pd.DataFrame:
    frame = {name: rng.choice(list(levels), n) for name, levels in _STAY.items()}
    paid = 40 + 20 * (frame["plan"] == "b") + rng.normal(0, 8, n)
    return pd.DataFrame({**frame, "size": rng.normal(100, 30, n).round(), "paid": paid.round(2)})


@cache
def _everybody() -> pd.DataFrame:
    """So many that shares among them are as good as true."""
    return _people(np.random.default_rng(0), 200_000)


def _chance(people: pd.DataFrame) -> np.ndarray:
    """Of staying."""
    odds = 0.5 + sum(people[name].map(effects).astype(float) for name, effects in _STAY.items())
    return np.asarray(_logistic(np.asarray(odds)))


def _logistic(odds: np.ndarray | float) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(odds))))


def _persona() -> kb.Persona:
    return kb.Persona("toy", 1, "Sales", "2026-01-01", "toy", (kb.Rule("plan", in_=("a",)),))


def _fits(who: kb.Persona, people: pd.DataFrame) -> np.ndarray:
    """Rules of levels and of ranges, laid over people by hand."""
    fits = np.ones(len(people), dtype=bool)
    for rule in who.rules:
        values = people[rule.attribute]
        low, high = (None, None) if rule.range is None else rule.range
        if rule.in_ is not None:
            fits &= values.isin(rule.in_).to_numpy()
        if low is not None:
            fits &= (values >= low).to_numpy()
        if high is not None:
            fits &= (values < high).to_numpy()
    return fits


def _data(people: pd.DataFrame, left: np.ndarray) -> kb.Dataset:
    frame = people.assign(customer_id=np.arange(len(left)), churned=left)
    return kb.open_dataset({"customers": frame}, roles={"churned": "churned", "revenue": "paid"})


def _holds(found: Estimate, truth: float) -> bool:
    return bool(found.ci_lower <= truth <= found.ci_upper)
