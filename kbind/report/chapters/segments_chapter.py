"""Chapter 04: what is computed, and who tells it."""

from __future__ import annotations

from kbind.contrasts.contrast import contrast
from kbind.contrasts.contrasts import Contrasts
from kbind.dataset.dataset import Dataset
from kbind.facts.segments import Segments
from kbind.reasons.by_type import ReasonsByType, reason_by_type
from kbind.report.chapters.base import Chapter, enough, voice_of
from kbind.report.chapters.segments import SegmentStory
from kbind.segments.segmentation import Segmentation
from kbind.segments.segmenting import segment_churned


def segment_story(
    data: Dataset,
    contrasts: Contrasts | None,
    reasons: ReasonsByType | None = None,
    segments: Segmentation | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> SegmentStory:
    """The story of what lost customers have in common, in a language, silent about fewer than the threshold."""
    profiled = None if segments is None else Segments(segments, segments.profile())
    return SegmentStory(data, contrasts, reasons, profiled, voice_of(data, lang, threshold))


class SegmentChapter(Chapter):
    """What the lost customers have in common."""

    name = "04_what_the_lost_have_in_common"
    needs = (("customers",), ("subscriptions", "events", "role:churned"))

    def compute(self) -> None:
        """Contrasts, segments of the lost, and stated reasons."""
        self.contrasts = enough(contrast, self.data, adjust=self.study.adjust)
        self.segments = enough(segment_churned, self.data)
        self.profile = None if self.segments is None else self.segments.profile()
        self.reasons = enough(reason_by_type, self.data)

    def story(self, lang: str) -> SegmentStory:
        """The results in the words of a language."""
        return segment_story(
            self.data, self.contrasts, self.reasons, self.segments, lang=lang, threshold=self.study.threshold
        )
