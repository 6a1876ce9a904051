"""From chapters to pages: what a notebook shows a manager, and the command that writes the report."""

from kbind.report.chapter import Chapter
from kbind.report.write import write_report

__all__ = ["Chapter", "write_report"]
