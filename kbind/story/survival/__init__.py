"""Chapter 02: when customers leave."""

from kbind.story.survival.story import SurvivalStory, survival_story

__all__ = ["SurvivalStory", "survival_story"]
