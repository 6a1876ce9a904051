"""Chapter 01: how many customers come back, or stay."""

from __future__ import annotations

from kbind.report.chapters.retention.base import RetentionStory, require_one_group, voice_for
from kbind.report.chapters.retention.contracts import ContractStory
from kbind.report.chapters.retention.returns import ReturnStory
from kbind.retention.activity import Activity
from kbind.retention.cohorts import cohort_retention
from kbind.retention.lifecycle import lifecycle
from kbind.text.disclosure import Disclosure
from kbind.text.voice import Voice

__all__ = ["RetentionStory", "retention_story", "voice_for"]


def retention_story(
    activity: Activity, voice: Voice | None = None, *, lang: str = "en", threshold: int = 5
) -> RetentionStory:
    """The story of an activity, in a language, silent about fewer customers than the threshold."""
    require_one_group(activity)
    speak = voice or voice_for(activity, lang, Disclosure(threshold))
    kind = ContractStory if activity.action == "stay" else ReturnStory
    ever = cohort_retention(activity, kind="on_or_after")
    return kind(cohort_retention(activity), ever, lifecycle(activity), speak)
