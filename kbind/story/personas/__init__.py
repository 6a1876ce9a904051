"""Chapter 05: which persona to change, into what, what to ask, and what it brings and costs."""

from kbind.story.personas.facts import pick
from kbind.story.personas.story import PersonasStory, personas_story

__all__ = ["PersonasStory", "personas_story", "pick"]
