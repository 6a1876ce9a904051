"""The chapters of a report, in order, and which of them somebody asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kbind.errors import ArgumentError, did_you_mean
from kbind.report.chapters.base import Chapter

#: In the order of the report.
NAMES = (
    "00_data_quality",
    "01_retention_metrics",
    "01b_revenue_and_value",
    "01c_from_the_template",
    "01d_shop",
    "02_when_customers_leave",
    "03_who_is_about_to_leave",
    "04_what_the_lost_have_in_common",
    "05_personas",
    "06_what_binds",
    "07_did_it_work",
)


def chapter_of(name: str) -> type[Chapter]:
    """The class of a chapter, imported when it is asked for."""
    match name:
        case "00_data_quality":
            from kbind.report.chapters.quality import QualityChapter

            return QualityChapter
        case "01_retention_metrics":
            from kbind.report.chapters.retention import RetentionChapter

            return RetentionChapter
        case "01b_revenue_and_value":
            from kbind.report.chapters.revenue import RevenueChapter

            return RevenueChapter
        case "01c_from_the_template":
            from kbind.report.chapters.periods import PeriodChapter

            return PeriodChapter
        case "01d_shop":
            from kbind.report.chapters.shop import ShopChapter

            return ShopChapter
        case "02_when_customers_leave":
            from kbind.report.chapters.survival import SurvivalChapter

            return SurvivalChapter
        case "03_who_is_about_to_leave":
            from kbind.report.chapters.churn import ChurnChapter

            return ChurnChapter
        case "04_what_the_lost_have_in_common":
            from kbind.report.chapters.segments import SegmentChapter

            return SegmentChapter
        case "05_personas":
            from kbind.report.chapters.personas import PersonasChapter

            return PersonasChapter
        case "06_what_binds":
            from kbind.report.chapters.bonds import BondChapter

            return BondChapter
        case "07_did_it_work":
            from kbind.report.chapters.experiments import ExperimentChapter

            return ExperimentChapter
    raise ArgumentError(f"chapter {name!r} is not known; chapters: {', '.join(NAMES)}")


def number_of(name: str) -> str:
    """The number of a chapter: "01b" of "01b_revenue_and_value"."""
    return name.split("_")[0]


def shown_number(name: str) -> str:
    """The same as readers see it: "1b", and nothing for "00"."""
    return number_of(name).lstrip("0")


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
