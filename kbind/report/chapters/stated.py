"""Why lost customers say they left, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kbind.facts.names import Names
from kbind.facts.reasons import MEASURES, ReasonFacts
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Speaker, needed
from kbind.text.facts import Fact
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: Column of a table with all customers.
_ALL = "(all)"


@dataclass(frozen=True, eq=False)
class StatedStory(Speaker):
    """Sentences about stated reasons: which type of customer gives which, and whether behaviour agrees.

    Parameters
    ----------
    stated : ReasonFacts
        What was counted.
    voice : Voice
        Who speaks.
    """

    stated: ReasonFacts
    voice: Voice = field(repr=False)

    @property
    def names(self) -> Names:
        """What readers call things."""
        return self.stated.names

    # -- by type -------------------------------------------------------------------------------------

    def reasons_title(self) -> str:
        """Finding of reasons by type."""
        if self.stated.deviation is None:
            return self.say("segments.reasons.alike")
        return self.say("segments.reasons.typed", **self._deviating())

    def reasons_text(self) -> str:
        """The finding with its numbers, and who said nothing."""
        silent = self.say("segments.reasons.silent", silent=self.stated.silent)
        if self.stated.deviation is None:
            return silent
        *_, here, everybody = self.stated.deviation
        return " ".join([self.say("segments.reasons.share", here=here, all=everybody, **self._deviating()), silent])

    def _deviating(self) -> dict[str, str]:
        level, reason, *_ = needed(self.stated.deviation)
        return {"those": self.names.those(self.stated.typed, level), "reason": self.names.reason(reason)}

    def reasons_note(self) -> str:
        """How to read the table."""
        note, hidden = self.say("segments.reasons.note"), self.say("segments.reasons.hidden", dash=DASH)
        return f"{note} {hidden}" if self.voice.disclosure.few(self.stated.crossed).any() else note

    def reasons_table(self) -> Table:
        """Share of each reason, by type; of all who said goodbye, so that the silent are seen."""
        names, typed, counts = self.names, self.stated.typed, self.stated.crossed
        others = self.say("segments.others")
        whole = np.vstack([counts.to_numpy(dtype=np.int64), counts.sum(axis=0).to_numpy(dtype=np.int64)])
        totals = whole.sum(axis=1)
        kinds, meaning = [*map(str, counts.index), _ALL], "customers who said goodbye"
        sizes = [
            self._cell(Fact(f"typed.{kind}.n", total, "customers", f"{meaning}, with {typed} {kind!r}"))
            for kind, total in zip(kinds, map(int, totals), strict=True)
        ]
        rows = [[self.say("segments.table.leavers"), *sizes]]
        for column, reason in enumerate(counts.columns):
            label = names.reason(str(reason)) if reason else others
            row = [label]
            for kind, total, count in zip(kinds, map(int, totals), map(int, whole[:, column]), strict=True):
                share = f"{meaning} because of {reason!r} / {meaning}, with {typed} {kind!r}"
                value = count / total if total else np.nan
                fact = Fact(f"typed.{kind}.share.{reason}", value, "share", share, n=total, count=count)
                row.append(self._cell(fact))
            rows.append(row)
        levels = (names.level(typed, str(level)) if level else others for level in counts.index)
        head = [self.say("segments.table.reason"), *levels, self.say("segments.table.all")]
        return Table(self.say("segments.reasons.title", attribute=names.attribute(typed)), head, rows)

    def _cell(self, fact: Fact) -> str:
        """A field of a table of which some are not told."""
        return self.tell(fact, "whole") if self.told(fact) else DASH

    # -- against behaviour ---------------------------------------------------------------------------

    def behaviour_title(self) -> str:
        """Finding: how many of the reasons show in what went before."""
        doubtful = [self.names.reason(reason) for reason, *_, gap in self.stated.checked if not gap.ci_lower > 0]
        if doubtful:
            quoted = self.voice.listed([self.say("segments.quoted", name=name) for name in doubtful])
            return self.say("segments.behaviour.doubt", reasons=quoted)
        return self.say("segments.behaviour.fits" if self.stated.checked else "segments.behaviour.open")

    def behaviour_text(self) -> list[str]:
        """One sentence for each reason whose sign was measured."""
        lines, before = [], self.stated.behaviour
        for reason, measure, here, gap in self.stated.checked:
            key = "more" if gap.ci_lower > 0 else "less" if gap.ci_upper < 0 else "same"
            done = self.say(f"segments.sign.{measure}", how=self.say(f"segments.how.{key}"))
            lines.append(self.say(f"segments.behaviour.{key}", here=here, reason=self.names.reason(reason), done=done))
        if any(not gap.ci_lower > 0 for *_, gap in self.stated.checked):
            lines.append(self.say("segments.behaviour.unseen"))
        if (before["hidden"] & ~before["nearly"] & (before["n"] > 0)).any():
            lines.append(self.say("segments.reasons.hidden", dash=DASH))
        return lines

    def behaviour_table(self) -> Table:
        """What went before, by stated reason."""
        frame = self.stated.behaviour
        measures = [m for m in MEASURES if m in set(frame["measure"])][:4]
        head = [self.say("segments.table.reason"), *(self.say(f"segments.measure.{m}") for m in measures)]
        rows = []
        for reason in frame["reason"].unique():
            own = frame[frame["reason"] == reason].set_index("measure")
            rows.append(
                [self.names.reason(str(reason)), *(self._measured(own.loc[m], str(reason), m) for m in measures)]
            )
        return Table(self.say("segments.behaviour.title"), head, rows)

    def _measured(self, row: pd.Series[Any], reason: str, measure: str) -> str:
        if row["hidden"]:
            return self.say("segments.table.nearly") if row["nearly"] else DASH
        value, n = float(row["value"]), int(row["n"])
        name, definition = f"before.{reason}.{measure}", f"{measure} before leaving, of those who said {reason!r}"
        if not row["of_share"]:
            return self.tell(Fact(name, value, "ratio", f"{definition}, mean", n=n))
        return self.tell(Fact(name, value, "share", definition, n=n, count=round(value * n)), "whole")

    def blocks(self) -> Iterator[Block]:
        """What a page shows of it."""
        if self.stated.typed:
            yield Section(
                self.reasons_title(), [self.reasons_text(), self.reasons_note()], self.reasons_table(), folded=True
            )
        if self.stated.checked:
            yield Section(self.behaviour_title(), self.behaviour_text(), self.behaviour_table(), folded=True)
