"""Who fits a persona: the weighted share of its rules that hold, among those whose attribute is known."""

from kbind.statistics.personas.matching import match, matched, strange_levels

__all__ = ["match", "matched", "strange_levels"]
