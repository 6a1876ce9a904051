"""What the chapter says about stated reasons: who gives which, and whether what went before agrees."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kbind.customers.levels import MISSING
from kbind.report.chapters.base import needed
from kbind.report.chapters.segments.facts import SegmentFacts
from kbind.text.facts import Fact
from kbind.text.tables import Table
from kbind.text.voice import DASH
from kbind.typing import Ints

#: What a customer who means a reason is expected to have gone through more often.
_SIGNS = {"price": "price_rose", "service": "had_ticket", "no_need": "usage_halved"}
#: Columns of the table of behaviour, if they were measured.
_MEASURES = ("price_rose", "had_ticket", "usage_halved", "satisfaction_nps", "satisfaction_csat")
#: Levels and reasons that a table has room for.
_MOST_LEVELS, _MOST_REASONS = 6, 8
#: Level up to which an association is told of.
_FDR = 0.05


class ReasonStory(SegmentFacts):
    """Facts and sentences about stated reasons."""

    # -- by type -------------------------------------------------------------------------------------

    @cached_property
    def typed(self) -> str:
        """The attribute that goes most closely with stated reasons; empty if none can be shown."""
        if self.reasons is None:
            return ""
        few = {a.name for a in self.reasons.leavers.attributes if 1 < len(a.levels) <= _MOST_LEVELS}
        ranked = self.reasons.association()
        ranked = ranked[ranked["attribute"].isin(few)]
        return str(ranked["attribute"].iloc[0]) if len(ranked) else ""

    @cached_property
    def _crossed(self) -> tuple[pd.DataFrame, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
        """Leavers by level and reason, rare reasons together, and what of it is hidden."""
        counts = needed(self.reasons).counts(self.typed)
        order = self.names.in_order(list(counts.index))
        counts = counts.loc[order]
        common, rare = list(counts.columns[:_MOST_REASONS]), list(counts.columns[_MOST_REASONS:-1])
        shown = counts[common].copy()
        if rare:
            shown[""] = counts[rare].sum(axis=1)
        shown[MISSING] = counts[MISSING]
        return shown, self.voice.disclosure.crossed(shown.to_numpy(dtype=np.int64))

    @cached_property
    def deviation(self) -> tuple[str, str, Fact, Fact] | None:
        """The reason and level that differ most, surely so: level, reason, share there, share of all."""
        assert self.reasons is not None
        ranked = self.reasons.association()
        clear = ranked["attribute"][ranked["q_value"] <= _FDR]
        if not self.typed or self.typed not in set(clear):
            return None
        counts, mask = self._crossed
        frame = self.reasons.to_frame()
        frame = frame[(frame["attribute"] == self.typed) & (frame["level"] != MISSING) & (frame["reason"] != MISSING)]
        frame = frame[frame["share_simultaneous_ci_lower"] > frame["share_all"]]
        frame = frame.assign(more=frame["share"] - frame["share_all"]).sort_values("more", ascending=False)
        for _, row in frame.iterrows():
            level, reason = str(row["level"]), str(row["reason"])
            if reason not in counts.columns:
                continue
            place = list(counts.index).index(level)
            # shares of those who gave a reason would tell how many gave none
            if mask[place, list(counts.columns).index(reason)] or mask[place, -2] or mask[place, -1]:
                continue
            meaning = f"leavers with {self.typed} {level!r} who said {reason!r}, divided by those of them with a reason"
            name, told = f"typed.{level}.{reason}", (meaning, self.reasons.conf_level)
            fact = Fact.of_row(name, row, "share", "share", *told, n=int(row["of"]), count=int(row["n"]))
            everybody = dict(self.stated)[reason]
            if self.told(fact, everybody):
                return level, reason, fact, everybody
        return None

    def reasons_title(self) -> str:
        """Finding of reasons by type."""
        if self.deviation is None:
            return self.say("segments.reasons.alike")
        level, reason, *_ = self.deviation
        those = self.names.those(self.typed, level)
        return self.say("segments.reasons.typed", reason=self.names.reason(reason), those=those)

    def reasons_text(self) -> str:
        """The finding with its numbers, and who said nothing."""
        lines = []
        if self.deviation is not None:
            level, reason, here, everybody = self.deviation
            words = {"those": self.names.those(self.typed, level), "reason": self.names.reason(reason)}
            lines.append(self.say("segments.reasons.share", here=here, all=everybody, **words))
        lines.append(self.say("segments.reasons.silent", silent=self.silent))
        return " ".join(lines)

    def reasons_note(self) -> str:
        """How to read the table."""
        note, hidden = self.say("segments.reasons.note"), self.say("segments.reasons.hidden", dash=DASH)
        return f"{note} {hidden}" if self._crossed[1].any() else note

    def reasons_table(self) -> Table:
        """Share of each reason, by type; of all who said goodbye, so that the silent are seen."""
        names = self.names
        counts, mask = self._crossed
        whole = np.vstack([counts.to_numpy(dtype=np.int64), counts.sum(axis=0).to_numpy(dtype=np.int64)])
        totals, known = whole.sum(axis=1), ~mask[:, -1]
        head = [self.say("segments.table.reason"), *(names.level(self.typed, str(level)) for level in counts.index)]
        sizes = [self.voice.number(total) if shown else DASH for total, shown in zip(totals, known, strict=True)]
        rows = [[self.say("segments.table.leavers"), *sizes]]
        for column, reason in enumerate(counts.columns):
            label = names.reason(str(reason)) if reason else self.say("segments.others")
            cells = [
                self.voice.percent(whole[place, column] / totals[place])
                if known[place] and not mask[place, column]
                else DASH
                for place in range(len(whole))
            ]
            rows.append([label, *cells])
        title = self.say("segments.reasons.title", attribute=names.attribute(self.typed))
        return Table(title, [*head, self.say("segments.table.all")], rows)

    # -- against behaviour ---------------------------------------------------------------------------

    @cached_property
    def behaviour(self) -> pd.DataFrame:
        """What went before by reason; hidden where it would tell of too few, nearly where of too few others."""
        if self.reasons is None:
            return pd.DataFrame(columns=["reason", "measure", "n", "value", "of_share", "hidden", "nearly"])
        frame = self.reasons.behaviour()
        frame = frame[frame["measure"].isin(_MEASURES)].reset_index(drop=True)
        shares = {m.name for m in self.reasons.leavers.measures if m.share}
        frame = frame.assign(of_share=frame["measure"].isin(shares), hidden=False, nearly=False)
        for _, rows in frame.groupby("measure"):
            hidden, nearly = self._hidden_before(rows)
            frame.loc[rows.index, "hidden"], frame.loc[rows.index, "nearly"] = hidden, nearly
        return frame

    def _hidden_before(self, rows: pd.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """One measure: which reasons are hidden, and at which of them it is so of all but too few."""
        disclosure = self.voice.disclosure
        n = rows["n"].to_numpy(dtype=np.int64)

        def crossed(counts: Ints) -> NDArray[np.bool_]:
            return disclosure.crossed(counts[:, None])[:-1, 0]

        if not rows["of_share"].all():
            return crossed(n) | (n == 0), np.zeros(len(rows), dtype=bool)
        yes = np.rint(rows["value"].fillna(0) * n).to_numpy(dtype=np.int64)
        # how many give a reason is told above, and how many in all it was so of may be known from elsewhere; a share
        # tells of those of whom it was not so, too
        hidden = crossed(yes) | crossed(n - yes)
        nearly = [disclosure.hides(few) and not disclosure.hides(many) for few, many in zip(n - yes, yes, strict=True)]
        return hidden | (n == 0), np.array(nearly)

    @cached_property
    def checked(self) -> list[tuple[str, str, Fact, Fact]]:
        """Reasons whose sign was measured: reason, measure, share here, difference to other reasons."""
        found = []
        for reason, _ in self.stated:
            measure = _SIGNS.get(self.names.theme(reason), "")
            rows = self.behaviour[(self.behaviour["reason"] == reason) & (self.behaviour["measure"] == measure)]
            if len(rows) and not rows["hidden"].iloc[0] and np.isfinite(rows["difference"].iloc[0]):
                row = rows.iloc[0]
                n, count = int(row["n"]), round(float(row["value"]) * int(row["n"]))
                here = Fact.of_row(f"before.{reason}", row, "value", "share", measure, n=n, count=count)
                apart = f"{measure}, less that of other reasons"
                gap = Fact.of_row(f"gap.{reason}", row, "difference", "share", apart, n=n)
                found.append((reason, measure, here, gap))
        return found

    def behaviour_title(self) -> str:
        """Finding: how many of the reasons show in what went before."""
        doubtful = [self.names.reason(reason) for reason, *_, gap in self.checked if not gap.ci_lower > 0]
        if not self.checked:
            return self.say("segments.behaviour.open")
        if not doubtful:
            return self.say("segments.behaviour.fits")
        return self.say("segments.behaviour.doubt", reasons=self._quoted(doubtful))

    def behaviour_text(self) -> list[str]:
        """One sentence for each reason whose sign was measured."""
        lines = []
        for reason, measure, here, gap in self.checked:
            key = "more" if gap.ci_lower > 0 else "less" if gap.ci_upper < 0 else "same"
            done = self.say(f"segments.sign.{measure}", how=self.say(f"segments.how.{key}"))
            words = {"reason": self.names.reason(reason), "done": done}
            lines.append(self.say(f"segments.behaviour.{key}", here=here, **words))
        if any(not gap.ci_lower > 0 for *_, gap in self.checked):
            lines.append(self.say("segments.behaviour.polite"))
        unsaid = self.behaviour["hidden"] & ~self.behaviour["nearly"] & (self.behaviour["n"] > 0)
        if unsaid.any():
            lines.append(self.say("segments.reasons.hidden", dash=DASH))
        return lines

    def behaviour_table(self) -> Table:
        """What went before, by stated reason."""
        frame = self.behaviour
        measures = [m for m in _MEASURES if m in set(frame["measure"])][:4]
        head = [self.say("segments.table.reason"), *(self.say(f"segments.measure.{m}") for m in measures)]
        rows = []
        for reason in frame["reason"].unique():
            own = frame[frame["reason"] == reason].set_index("measure")
            rows.append([self.names.reason(str(reason)), *(self._measured(own.loc[m]) for m in measures)])
        return Table(self.say("segments.behaviour.title"), head, rows)

    def _measured(self, row: pd.Series[Any]) -> str:
        if row["hidden"]:
            return self.say("segments.table.nearly") if row["nearly"] else DASH
        return self.voice.percent(row["value"]) if row["of_share"] else self.voice.number(row["value"], 1)

    def _quoted(self, names: list[str]) -> str:
        return self.voice.listed([self.voice.catalogue.text("segments.quoted", name=name) for name in names])
