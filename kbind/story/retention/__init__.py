"""Chapter 01: how many customers come back, or stay."""

from __future__ import annotations

from kbind.estimates.retention import cohort_retention, lifecycle
from kbind.statistics.activity import Activity
from kbind.story.retention.base import RetentionStory, require_one_group, voice_for
from kbind.story.retention.contracts import ContractStory
from kbind.story.retention.returns import ReturnStory
from kbind.wording import Disclosure, Voice

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
