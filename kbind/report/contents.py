"""The chapters of a report, in order, and which of them somebody asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kbind.errors import ArgumentError, did_you_mean
from kbind.report.chapters.base import Chapter
from kbind.report.chapters.churn import ChurnChapter
from kbind.report.chapters.periods import PeriodChapter
from kbind.report.chapters.personas import PersonasChapter
from kbind.report.chapters.quality import QualityChapter
from kbind.report.chapters.retention import RetentionChapter
from kbind.report.chapters.revenue import RevenueChapter
from kbind.report.chapters.segments import SegmentChapter
from kbind.report.chapters.shop import ShopChapter
from kbind.report.chapters.survival import SurvivalChapter

CHAPTERS: dict[str, type[Chapter]] = {
    chapter.name: chapter
    for chapter in (
        QualityChapter,
        RetentionChapter,
        RevenueChapter,
        PeriodChapter,
        ShopChapter,
        SurvivalChapter,
        ChurnChapter,
        SegmentChapter,
        PersonasChapter,
    )
}


def number_of(name: str) -> str:
    """The number of a chapter: "01b" of "01b_revenue_and_value"."""
    return name.split("_")[0]


def chosen(chapters: Sequence[str]) -> list[str]:
    """Names of chapters that are asked for by number or name; all of them if none is.

    Raises
    ------
    ArgumentError
        There is no such chapter.

    Examples
    --------
    >>> chosen(["1", "04"])
    ['01_retention_metrics', '04_what_the_lost_have_in_common']
    """
    known = {number_of(name): name for name in CHAPTERS}
    names = {**known, **{name: name for name in CHAPTERS}}
    wanted = [re.sub(r"^(\d)(?=[a-z]?$)", r"0\1", str(chapter)) for chapter in chapters]
    for chapter in wanted:
        if chapter not in names:
            hint = did_you_mean(chapter, names)
            raise ArgumentError(f"chapter {chapter!r} is not known; {hint}chapters: {', '.join(known)}")
    return list(dict.fromkeys(names[chapter] for chapter in wanted)) or list(CHAPTERS)
