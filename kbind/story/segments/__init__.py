"""Chapter 04: what the customers who left have in common."""

from kbind.story.segments.cards import Segments, segments_of
from kbind.story.segments.facts import contrasts_of, reasons_of
from kbind.story.segments.story import SegmentStory, segment_story

__all__ = ["SegmentStory", "Segments", "contrasts_of", "reasons_of", "segment_story", "segments_of"]
