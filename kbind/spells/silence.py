"""How long a silence has to be until a customer without a contract counts as gone: one length for every figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

import numpy as np

from kbind.dataset.dataset import Dataset
from kbind.spells.lapses import Rule, count_past
from kbind.typing import Ints

#: Days of silence where the data cannot tell, and the least that is ever taken.
SILENCE = 56
#: Lengths that are tried: every two weeks up to half a year.
LENGTHS = tuple(range(SILENCE, 183, 14))
#: A share of false alarms up to which a length is of use, and silences that have to be judged to tell it.
BEARABLE, JUDGED = 0.5, 20
#: Days after which an alarm is judged, share of the own pauses and days of activity for a rhythm of one's own.
MATURITY, QUANTILE, RHYTHM = 90, 0.9, 8
#: Rows above which only some of the customers are read.
_ENOUGH = 2_000_000


@dataclass(frozen=True)
class Silence:
    """A length of silence, and where it comes from.

    Parameters
    ----------
    days : int
        A customer leaves with the event before a silence of more days.
    origin : {"given", "data", "longest", "assumed"}
        Stated by somebody; the shortest after which most stay away; the longest that could be judged, after which most
        still come back; taken because too few silences could be judged.
    """

    days: int
    origin: str


_found: WeakKeyDictionary[Dataset, Silence] = WeakKeyDictionary()


def silence_of(data: Dataset) -> Silence:
    """The length of silence that all figures of a data set share: declared, else as its own past tells.

    An alarm is false if the customer is back within 90 days after it. Two ways of raising it are looked at, each on
    silences old enough to be judged: after so many days in which the customer also broke its own rhythm (as `lapse`
    does), and after so many days alone, for whoever has come back once. The length is the shortest from 56 days on
    after which neither is wrong more often than right.
    """
    if data.lapse is not None:
        return Silence(data.lapse, "given")
    if "events" not in data.tables or data.as_of is None:
        return Silence(SILENCE, "assumed")
    if data not in _found:
        _found[data] = _read(data)
    return _found[data]


def _read(data: Dataset) -> Silence:
    assert data.as_of is not None
    end = datetime.combine(data.as_of, datetime.min.time())
    sample = -(-data.tables["events"].rows // _ENOUGH)
    rules = [Rule(SILENCE, QUANTILE, RHYTHM, MATURITY), Rule(SILENCE, None, 2, MATURITY)]
    (rhythm, right), (alone, calm) = (_shortest(*past) for past in count_past(data, rules, LENGTHS, end, sample))
    if rhythm and not right:
        return Silence(rhythm, "longest")
    days = max(rhythm, alone)
    return Silence(days, "data" if calm or rhythm > alone else "longest") if days else Silence(SILENCE, "assumed")


def _shortest(judged: Ints, false: Ints) -> tuple[int, bool]:
    """The first length after which most alarms are right, else the longest that could be judged; 0 if none could.

    Right for good: whoever buys twice a year is silent for 56 days and for 90 more, and comes back all the same, so a
    length does not count if a longer one is surely wrong (by two standard errors).
    """
    known = judged >= JUDGED
    wrong = known & (false - BEARABLE * judged > np.sqrt(judged))
    fine = known & (false <= BEARABLE * judged)
    fine[: int(np.flatnonzero(wrong)[-1]) if wrong.any() else 0] = False
    if fine.any():
        return LENGTHS[int(np.argmax(fine))], True
    return (LENGTHS[int(np.flatnonzero(known)[-1])], False) if known.any() else (0, False)
