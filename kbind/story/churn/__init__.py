"""Chapter 03: who is about to leave."""

from kbind.story.churn.forecast import Forecast, observation_dates, predict_churn
from kbind.story.churn.story import ChurnStory, churn_story

__all__ = ["ChurnStory", "Forecast", "churn_story", "observation_dates", "predict_churn"]
