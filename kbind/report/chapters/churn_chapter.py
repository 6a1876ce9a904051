"""Chapter 03: what is computed, and who tells it."""

from __future__ import annotations

from kbind.churn.forecast import Forecast, forecast_churn
from kbind.report.chapters.base import Chapter, voice_of
from kbind.report.chapters.churn import ChurnStory


def churn_story(forecast: Forecast, *, lang: str = "en", threshold: int = 5) -> ChurnStory:
    """The story of who is about to leave, in a language, silent about fewer customers than the threshold."""
    return ChurnStory(forecast, voice_of(forecast.data, lang, threshold))


class ChurnChapter(Chapter):
    """Who is about to leave."""

    name = "03_who_is_about_to_leave"
    needs = (("subscriptions", "events", "role:churned"),)

    def compute(self) -> None:
        """Snapshots, a tested model, its list and what moves the risk."""
        self.forecast = forecast_churn(self.data, campaign=self.study.campaign)

    def story(self, lang: str) -> ChurnStory:
        """The results in the words of a language."""
        return churn_story(self.forecast, lang=lang, threshold=self.study.threshold)
