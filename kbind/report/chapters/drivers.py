"""What moves the risk to leave, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from kbind.churn.risk_drivers import Drivers
from kbind.facts.churn import lever, lever_name, levers
from kbind.report.blocks import Block
from kbind.report.chapters.base import Speaker
from kbind.text.voice import Voice


@dataclass(frozen=True, eq=False)
class DriversStory(Speaker):
    """Facts and sentences about what moves the risk.

    Parameters
    ----------
    moved : Drivers
        What was computed.
    example : str
        Key of example data, whose levels have names in both languages; else empty.
    voice : Voice
        Who speaks.
    """

    moved: Drivers
    example: str
    voice: Voice = field(repr=False)

    @cached_property
    def levers(self) -> pd.DataFrame:
        """The strongest drivers."""
        return levers(self.moved)

    def title(self) -> str:
        """Finding of what moves the risk."""
        if self.levers.empty:
            return self.say("churn.drivers.none")
        name = lever_name(self.moved.snapshots, self.voice, self.levers["feature"].iloc[0], self.example)
        return self.say("churn.drivers", feature=name)

    def figure(self) -> dict[str, Any]:
        """What the page adds to the figure of what moves the risk."""
        facts = (lever(self.moved, row) for _, row in self.levers.iterrows())
        return self.drawn(self.title, facts, example=self.example)

    def caption(self) -> str:
        """How to read it, and what it does not say."""
        return self.say("churn.drivers.caption")

    def blocks(self) -> Iterator[Block]:
        """What a page shows of it."""
        yield self.picture(self.moved, self.figure(), self.caption())
