"""Chapter 02: when customers leave."""

from kbind.story.survival.facts import contact_fact, followed
from kbind.story.survival.story import SurvivalStory, survival_story

__all__ = ["SurvivalStory", "contact_fact", "followed", "survival_story"]
