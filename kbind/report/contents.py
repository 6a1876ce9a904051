"""The chapters of a report, in order, and which of them somebody asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module

from kbind.errors import ArgumentError, did_you_mean
from kbind.report.chapters.base import Chapter

#: Where each chapter stands, in the order of the report. They are imported when they are written.
_HOMES = {
    "00_data_quality": "quality.QualityChapter",
    "01_retention_metrics": "retention.RetentionChapter",
    "01b_revenue_and_value": "revenue.RevenueChapter",
    "01c_from_the_template": "periods.PeriodChapter",
    "01d_shop": "shop.ShopChapter",
    "02_when_customers_leave": "survival.SurvivalChapter",
    "03_who_is_about_to_leave": "churn.ChurnChapter",
    "04_what_the_lost_have_in_common": "segments.SegmentChapter",
    "05_personas": "personas.PersonasChapter",
}
NAMES = tuple(_HOMES)


def chapter_of(name: str) -> type[Chapter]:
    """The class of a chapter."""
    module, _, kind = _HOMES[name].partition(".")
    found: type[Chapter] = getattr(import_module(f"kbind.report.chapters.{module}"), kind)
    return found


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
    known = {number_of(name): name for name in NAMES}
    names = {**known, **{name: name for name in NAMES}}
    wanted = [re.sub(r"^(\d)(?=[a-z]?$)", r"0\1", str(chapter)) for chapter in chapters]
    for chapter in wanted:
        if chapter not in names:
            hint = did_you_mean(chapter, names)
            raise ArgumentError(f"chapter {chapter!r} is not known; {hint}chapters: {', '.join(known)}")
    return list(dict.fromkeys(names[chapter] for chapter in wanted)) or list(NAMES)
