"""Chapter 01: how many customers come back, or stay."""

from __future__ import annotations

from kbind.estimates.retention import CohortRetention, Lifecycle, cohort_retention, lifecycle
from kbind.statistics.activity import Activity
from kbind.story.retention.base import NUMBERED_COHORTS, STATES, RetentionStory, require_one_group, voice_for
from kbind.story.retention.contracts import ContractStory
from kbind.story.retention.returns import ReturnStory
from kbind.wording import Disclosure, Voice

__all__ = ["NUMBERED_COHORTS", "STATES", "RetentionStory", "require_one_group", "retention_story", "tell", "voice_for"]


def retention_story(
    activity: Activity, voice: Voice | None = None, *, lang: str = "en", threshold: int = 5
) -> RetentionStory:
    """The story of an activity, in a language, silent about fewer customers than the threshold."""
    require_one_group(activity)
    speak = voice or voice_for(activity, lang, Disclosure(threshold))
    ever = cohort_retention(activity, kind="on_or_after")
    return tell(cohort_retention(activity), ever, lifecycle(activity), speak)


def tell(on: CohortRetention, ever: CohortRetention, cycle: Lifecycle, voice: Voice) -> RetentionStory:
    """The story of results: of contracts that run on, or of customers who come back or do not."""
    kind = ContractStory if on.activity.action == "stay" else ReturnStory
    return kind(on, ever, cycle, voice)
