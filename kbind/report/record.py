"""What a chapter leaves for the summary of all chapters and for later reports, as JSON holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kbind.dataset.dataset import Dataset
from kbind.report.blocks import Summary
from kbind.report.chapters.base import Lead, Line, Story
from kbind.report.contents import number_of
from kbind.text.disclosure import Disclosure
from kbind.text.marks import marked_again
from kbind.text.voice import Voice

#: What of a record is no text.
_UNMARKED = ("chapter", "language", "as_of", "currency", "state", "facts", "numbers", "voice", "bound")


def record_of(story: Story, data: Dataset, firm: str, opening: Summary, number: str) -> dict[str, Any]:
    """What the summary needs of a chapter: whom it is about, its row, and what may open the summary.

    Returns
    -------
    dict
        firm, made, day (as they stand above the page), as_of (ISO, or ""), currency, voice, owner, line, lead.
    """
    last = story.scope().last
    line, lead = story.line(), story.lead()
    return {
        "firm": firm,
        "made": opening.made,
        "day": opening.day,
        "as_of": "" if last is None else last.isoformat(),
        "currency": story.voice.currency,
        "voice": _of_voice(story),
        "owner": data.card.owners.get(number, ""),
        "line": None if line is None else _of_line(story, line),
        "lead": None if lead is None else _of_lead(story, lead),
    }


def marked_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record whose texts have their marks again, each with the number of the chapter whose fact it is."""
    bound, prefix = record.get("bound", {}), f"{number_of(record['chapter'])}/"
    kept = {key: record[key] for key in record if key in _UNMARKED}
    return {**marked_again(dict(record), bound, prefix), **kept} if bound else dict(record)


def recorded_voice(record: Mapping[str, Any], lang: str) -> Voice:
    """Who speaks as the chapter did."""
    spoken = {"action": "stay", "currency": record.get("currency", ""), **record.get("voice", {})}
    threshold = spoken.pop("threshold", Disclosure().threshold)
    return Voice(lang, **spoken, disclosure=Disclosure(threshold))


def _of_voice(story: Story) -> dict[str, Any]:
    """How the chapter speaks, so that its numbers can be written again."""
    voice = story.voice
    named = {key: getattr(voice, key) for key in ("customer", "action", "period", "currency")}
    return {**named, "threshold": voice.disclosure.threshold}


def _of_line(story: Story, line: Line) -> dict[str, Any]:
    told = line.stake is not None and story.told(line.stake)
    spread = told and line.stake is not None and line.stake.ci_lower < line.stake.ci_upper
    return {
        **{key: getattr(line, key) for key in ("question", "answer", "sure", "step", "measure", "unknown")},
        "stake": story.tell(line.stake, "about") if told and line.stake is not None else "",
        "stake_range": story.tell(line.stake, "range") if spread and line.stake is not None else "",
        "worth": story.voice.disclosure.fact(line.stake).value if told and line.stake is not None else None,
    }


def _of_lead(story: Story, lead: Lead) -> dict[str, Any]:
    story.voice.note(*(fact for _, fact in lead.steps))
    shown = story.voice.figures
    return {
        **{key: getattr(lead, key) for key in ("sentence", "under", "heading", "unknown")},
        "tiles": [list(tile) for tile in lead.tiles],
        "figures": [[label, shown[label].id] for _, label, _ in lead.tiles if label in shown],
        "steps": [[name, fact.id] for name, fact in lead.steps],
    }
