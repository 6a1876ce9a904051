"""What the figures of retention share."""

from __future__ import annotations

import pandas as pd

from kbind.errors import ArgumentError, check_choice
from kbind.statistics.activity import Activity
from kbind.story.retention import voice_for
from kbind.wording import Disclosure, Voice
from kbind.wording.messages import LANGUAGES

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24


def check_result(result: object, kind: type, made_by: str) -> None:
    """Refuse what cannot be drawn, and say what can."""
    if not isinstance(result, kind):
        raise ArgumentError(f"a {type(result).__name__} cannot be drawn here; give the result of {made_by}")


def voice_of(activity: Activity, lang: str, voice: Voice | None) -> Voice:
    """The given way of speaking, or the language's with nothing hidden."""
    check_choice("lang", lang, LANGUAGES)
    if voice is None:
        return voice_for(activity, lang, Disclosure(1))
    if isinstance(voice, Voice):
        return voice
    raise ArgumentError(f"voice of type {type(voice).__name__} is not possible; allowed: a Voice, or None")


def safe_frame(frame: pd.DataFrame, voice: Voice) -> pd.DataFrame:
    """A retention frame without the cells that rest on too few customers."""
    counts = [name for name in ("cohort_size", "at_risk", "active") if name in frame]
    told = ["active", "retention", "retention_ci_lower", "retention_ci_upper"]
    return voice.disclosure.frame(frame, counts=counts, told=told)
