"""What has changed since an earlier report, and whether that is more than chance."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from kbind.errors import ReportError
from kbind.estimate.estimate import Estimate
from kbind.report.contents import number_of
from kbind.report.record import recorded_voice
from kbind.report.summary import Record, fact_of, opening_of
from kbind.text.facts import Fact
from kbind.text.marks import plain

#: Days that the figures of a year look back.
_WINDOW = 365
#: Name of the file that holds all facts of a report.
FACTS = "facts.json"
#: How ids of facts begin that an earlier report told.
BEFORE = "before."


def facts_file(records: Sequence[Record], summaries: Mapping[str, Any] | None = None) -> str:
    """All facts of a report as JSON: of chapters, the same in every language; and what is on summaries only."""
    chapters = {r["chapter"]: {key: r.get(key, "") for key in ("as_of", "firm", "facts")} for r in records}
    whole = {"chapters": chapters, "summaries": summaries or {}}
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def read_facts(path: Path) -> Mapping[str, Any]:
    """The chapters of an earlier report.

    Raises
    ------
    ReportError
        The file cannot be read, or holds no facts of a report.
    """
    allowed = f"allowed: the {FACTS} of an earlier report"
    try:
        chapters = json.loads(path.read_text(encoding="utf-8"))["chapters"]
        for chapter in chapters.values():
            for fact in chapter["facts"]:
                fact["id"], fact["value"]
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror or error}; {allowed}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"{path} holds no facts of a report; {allowed}") from error
    return dict(chapters)


def changes_since(earlier: Mapping[str, Any], records: Sequence[Record], lang: str) -> list[str]:
    """The figures that open the summary which are not what they were, each in a sentence.

    Where two figures of a year do not look at the same days, a sentence says whether the difference is more than
    chance: whether its interval (`Estimate.minus`) leaves out zero.
    """
    now = opening_of(records)
    before = None if now is None else earlier.get(now["chapter"])
    if now is None or before is None or not before.get("as_of") or not now["as_of"]:
        return []
    then = date.fromisoformat(before["as_of"])
    voice = recorded_voice(now, lang)
    if not now["lead"]["figures"]:
        return []
    told = {"day": voice.day(then)}
    recorded = {fact["id"] for fact in before["facts"]}
    apart = (date.fromisoformat(now["as_of"]) - then).days >= _WINDOW
    sentences = []
    for label, name in now["lead"]["figures"]:
        if name not in recorded:
            continue
        new, old = fact_of(now, name), fact_of(before, name)
        written = [voice.tell(fact, "about" if fact.unit == "money" else "") for fact in (_of(now, new), _renamed(old))]
        if not (new.known and old.known) or plain(written[0]) == plain(written[1]):
            continue
        key = "change.overlap" if not apart else _kind(new, old)
        sentences.append(voice.catalogue.text(key, label=label, now=written[0], before=written[1], **told))
    return sentences or [voice.catalogue.text("change.none", **told)]


def _of(record: Record, fact: Fact) -> Fact:
    """The fact of a chapter, under the name that the summary calls it by."""
    return replace(fact, id=f"{number_of(record['chapter'])}/{fact.id}")


def _renamed(fact: Fact) -> Fact:
    return replace(fact, id=f"{BEFORE}{fact.id}")


def _kind(new: Fact, old: Fact) -> str:
    """Whether the difference of two figures is more than chance, as far as their intervals say."""
    now, before = (Estimate(fact.value, fact.ci_lower, fact.ci_upper) for fact in (new, old))
    gap = now.minus(before)
    if math.isnan(gap.ci_lower):
        return "change.plain"
    return "change.more" if gap.ci_lower > 0 or gap.ci_upper < 0 else "change.chance"
