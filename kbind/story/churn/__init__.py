"""Chapter 03: who is about to leave."""

from kbind.story.churn.story import ChurnStory, churn_story

__all__ = ["ChurnStory", "churn_story"]
