"""Chapter 04 as an attacker reads it: leavers by what they are like and why they say they left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.facts.names import Names
from kbind.facts.reasons import ReasonFacts
from kbind.reasons.by_type import reason_by_type
from kbind.report.chapters.base import voice_of
from kbind.report.chapters.stated import StatedStory

from .cohorts import read_share
from .knowledge import Knowledge
from .rules import Rule, Told


def told_of(data: Dataset, by: str, threshold: int) -> tuple[list[Told], pd.DataFrame]:
    """What the table of reasons by an attribute tells, and the counts behind it; nothing where it is not shown."""
    voice = voice_of(data, "en", threshold)
    stated = ReasonFacts(reason_by_type(data, by), Names(voice))
    if not stated.typed:
        return [], pd.DataFrame()
    StatedStory(stated, voice).reasons_table()
    return [fact.as_dict() for fact in voice.told.values()], stated.crossed


def read_reasons(known: Knowledge, facts: Sequence[Told], rule: Rule, counts: pd.DataFrame) -> None:
    """What a table tells whose rows and columns are named; a field without a fact is hidden."""
    named = {str(fact["id"]): fact for fact in facts}
    kinds, reasons = [*map(str, counts.index), "(all)"], list(counts.columns)
    last = len(reasons)
    for i in range(len(kinds)):
        known.sum(f"cell.{i}.{last}", [f"cell.{i}.{j}" for j in range(last)])
    for j in range(last + 1):
        known.sum(f"cell.{len(kinds) - 1}.{j}", [f"cell.{i}.{j}" for i in range(len(kinds) - 1)])
    for i, kind in enumerate(kinds):
        size = named.get(f"typed.{kind}.n")
        known.count(f"cell.{i}.{last}", *(rule.hidden if size is None else rule.bounds(size["value"])))
    for i, kind in enumerate(kinds):
        for j, reason in enumerate(reasons):
            fact = named.get(f"typed.{kind}.share.{reason}", {"hidden": True})
            read_share(known, fact, rule, f"cell.{i}.{j}", f"cell.{i}.{last}")


def truth_of(counts: pd.DataFrame) -> dict[str, int]:
    """The true counts under the names of the reader."""
    whole = np.vstack([counts.to_numpy(), counts.to_numpy().sum(axis=0)])
    whole = np.hstack([whole, whole.sum(axis=1, keepdims=True)])
    return {f"cell.{i}.{j}": int(n) for (i, j), n in np.ndenumerate(whole)}
