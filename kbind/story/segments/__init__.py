"""Chapter 04: what the customers who left have in common."""

from kbind.story.segments.story import SegmentStory, segment_story

__all__ = ["SegmentStory", "segment_story"]
