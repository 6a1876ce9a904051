"""What every chapter's story offers, so that one kind of page can tell them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from kbind.wording import Voice


@dataclass(frozen=True)
class Scope:
    """Who and when a chapter is about.

    Parameters
    ----------
    customers : int
        How many.
    log : str
        Table that tells what they did.
    first, last : date or None
        First and last day; None for data without time stamps.
    by_month : bool
        Whether a reader thinks of the span in months rather than days.
    running : str
        Name of the period that is not over and therefore not counted; empty if there is none.
    """

    customers: int
    log: str
    first: date | None = None
    last: date | None = None
    by_month: bool = True
    running: str = ""


def sureness(half: float, high: float, medium: float) -> str:
    """How sure a figure is by the half width of its interval; without a width nothing is known of that.

    >>> sureness(0.01, 0.02, 0.05), sureness(0.03, 0.02, 0.05), sureness(0.0, 0.02, 0.05)
    ('high', 'medium', 'low')
    """
    if 0 < half <= high:
        return "high"
    return "medium" if 0 < half <= medium else "low"


class Story(Protocol):
    """One chapter's question, answer, and what follows from it."""

    @property
    def voice(self) -> Voice:
        """Who speaks."""

    def scope(self) -> Scope:
        """Who and when it is about."""

    def question(self) -> str:
        """What the chapter asks."""

    def finding(self) -> str:
        """The answer in one sentence."""

    def means(self) -> str:
        """What the answer means."""

    def act(self) -> str:
        """What a manager should do."""

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""

    def tiles(self) -> list[tuple[str, str, str]]:
        """At most three figures: value, what it is, interval and n."""

    def definitions(self) -> Sequence[str]:
        """What was counted, in plain words."""
