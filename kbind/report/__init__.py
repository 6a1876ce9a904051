"""From chapters to pages: what a notebook shows a manager, and the command that writes the report."""

from kbind.report.chapter import Chapter
from kbind.report.write import write_report
from kbind.story.retention import RetentionStory, suitable_period

__all__ = ["Chapter", "RetentionStory", "suitable_period", "write_report"]
