"""Chapter 03: who is about to leave."""

from kbind.story.churn.forecast import Forecast, predict_churn
from kbind.story.churn.story import ChurnStory, churn_story

__all__ = ["ChurnStory", "Forecast", "churn_story", "predict_churn"]
