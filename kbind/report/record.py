"""What a chapter leaves for the summary of all chapters and for later reports, as JSON holds it."""

from __future__ import annotations

from typing import Any

from kbind.dataset.dataset import Dataset
from kbind.report.blocks import Summary
from kbind.report.chapters.base import Lead, Line, Story


def record_of(story: Story, data: Dataset, firm: str, opening: Summary, number: str) -> dict[str, Any]:
    """What the summary needs of a chapter: whom it is about, its row, and what may open the summary.

    Returns
    -------
    dict
        firm, made, day (as they stand above the page), as_of (ISO, or ""), currency, customer, owner, line, lead.
    """
    last = story.scope().last
    line, lead = story.line(), story.lead()
    return {
        "firm": firm,
        "made": opening.made,
        "day": opening.day,
        "as_of": "" if last is None else last.isoformat(),
        "currency": story.voice.currency,
        "owner": data.card.owners.get(number, ""),
        "line": None if line is None else _of_line(story, line),
        "lead": None if lead is None else _of_lead(story, lead),
    }


def _of_line(story: Story, line: Line) -> dict[str, Any]:
    told = line.stake is not None and story.told(line.stake)
    spread = told and line.stake is not None and line.stake.ci_lower < line.stake.ci_upper
    return {
        **{key: getattr(line, key) for key in ("question", "answer", "sure", "step", "measure", "unknown")},
        "stake": story.tell(line.stake, "about") if told and line.stake is not None else "",
        "stake_range": story.tell(line.stake, "range") if spread and line.stake is not None else "",
        "worth": line.stake.value if told and line.stake is not None else None,
    }


def _of_lead(story: Story, lead: Lead) -> dict[str, Any]:
    story.voice.note(*(fact for _, fact in lead.steps))
    shown = story.voice.figures
    return {
        **{key: getattr(lead, key) for key in ("sentence", "under", "heading")},
        "tiles": [list(tile) for tile in lead.tiles],
        "figures": [[label, shown[label].id] for _, label, _ in lead.tiles if label in shown],
        "steps": [[name, fact.id] for name, fact in lead.steps],
    }
