"""Stated reasons as facts: who gives which, and whether what went before agrees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.customers.levels import MISSING
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.facts.names import Names
from kbind.reasons.by_type import ReasonsByType
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.typing import Bools

#: A reason is shared if so many of those who gave one give it.
SHARED = 0.5
#: What is measured of what went before, in the order of a table.
MEASURES = ("price_rose", "had_ticket", "usage_halved", "satisfaction_nps", "satisfaction_csat")
#: What a customer who means a reason is expected to have gone through more often.
_SIGNS = {"price": "price_rose", "service": "had_ticket", "no_need": "usage_halved"}
#: Where more of the others went through it than this, nobody can have gone through it clearly more often.
_MOST_OTHERS = 0.8
#: Levels and reasons that a table has room for.
_MOST_LEVELS, _MOST_REASONS = 6, 8
#: Level up to which an association is told of.
_FDR = 0.05


@dataclass(frozen=True, eq=False)
class ReasonFacts:
    """Facts about stated reasons; there are none where nobody was asked.

    Parameters
    ----------
    reasons : ReasonsByType or None
    names : Names
        What readers call things.
    """

    reasons: ReasonsByType | None
    names: Names

    @property
    def result(self) -> ReasonsByType:
        """What was counted."""
        assert self.reasons is not None
        return self.reasons

    @property
    def disclosure(self) -> Disclosure:
        """What may be told of."""
        return self.names.voice.disclosure

    @cached_property
    def shares(self) -> dict[str, Fact]:
        """Every stated reason with its share among those who gave one, the most frequent first."""
        if self.reasons is None:
            return {}
        people = self.reasons.leavers
        counts = np.bincount(people.reason[people.reason >= 0], minlength=len(people.reasons))
        meaning = "customers who gave this reason, divided by those who gave one"
        return {
            reason: Fact.of(f"reason.{reason}", rate_of(int(count), int(counts.sum()), 0.95, meaning), "")
            for reason, count in zip(people.reasons, counts, strict=True)
        }

    @cached_property
    def main(self) -> tuple[str, Fact] | None:
        """The most frequent reason, if it may be told."""
        first = next(iter(self.shares.items()), None)
        return first if first is not None and self.disclosure.tells(first[1]) else None

    @property
    def one_reason(self) -> bool:
        """Whether most of those who gave a reason gave the same."""
        return self.main is not None and self.main[1].ci_lower > SHARED

    @cached_property
    def silent(self) -> Fact:
        """Share of those who said goodbye that gave no reason."""
        people = self.result.leavers
        meaning = "customers who said goodbye without a reason, divided by all who said goodbye"
        return Fact.of("reason.none", rate_of(int((people.reason < 0).sum()), len(people), 0.95, meaning), "")

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
    def crossed(self) -> pd.DataFrame:
        """Leavers by level and reason, rare ones of both together as ""."""
        counts = self.result.counts(self.typed)
        counts = counts.loc[self.names.in_order(list(counts.index))]
        counts = gathered(counts, self.disclosure.threshold)
        common, rare = list(counts.columns[:_MOST_REASONS]), list(counts.columns[_MOST_REASONS:-1])
        shown = counts[common].copy()
        if rare:
            shown[""] = counts[rare].sum(axis=1)
        shown[MISSING] = counts[MISSING]
        return shown

    @cached_property
    def deviation(self) -> tuple[str, str, Fact, Fact] | None:
        """The reason and level that differ most, surely so: level, reason, share there, share of all."""
        ranked = self.result.association()
        if not self.typed or self.typed not in set(ranked["attribute"][ranked["q_value"] <= _FDR]):
            return None
        shown = set(self.crossed.columns)
        frame = self.result.to_frame()
        frame = frame[(frame["attribute"] == self.typed) & (frame["level"] != MISSING) & (frame["reason"] != MISSING)]
        frame = frame[frame["share_simultaneous_ci_lower"] > frame["share_all"]]
        frame = frame.assign(more=frame["share"] - frame["share_all"]).sort_values("more", ascending=False)
        for _, row in frame.iterrows():
            level, reason = str(row["level"]), str(row["reason"])
            if reason not in shown:
                continue
            meaning = f"leavers with {self.typed} {level!r} who said {reason!r}, divided by those of them with a reason"
            name, told = f"typed.{level}.{reason}", (meaning, self.result.conf_level)
            fact = Fact.of(name, Estimate.in_row(row, "share", *told, n=int(row["of"]), count=int(row["n"])))
            if self.disclosure.tells(fact, self.shares[reason]):
                return level, reason, fact, self.shares[reason]
        return None

    # -- against behaviour ---------------------------------------------------------------------------

    @cached_property
    def behaviour(self) -> pd.DataFrame:
        """What went before by reason; hidden where it would tell of too few, nearly where of too few others."""
        if self.reasons is None:
            return pd.DataFrame(columns=["reason", "measure", "n", "value", "of_share", "hidden", "nearly"])
        frame = self.reasons.behaviour()
        few = [reason for reason, fact in self.shares.items() if (fact.count or 0) < self.disclosure.threshold]
        frame = frame[frame["measure"].isin(MEASURES) & ~frame["reason"].isin(few)].reset_index(drop=True)
        shares = {m.name for m in self.reasons.leavers.measures if m.share}
        frame = frame.assign(of_share=frame["measure"].isin(shares), hidden=False, nearly=False)
        for _, rows in frame.groupby("measure"):
            hidden, nearly = self._hidden_before(rows)
            frame.loc[rows.index, "hidden"], frame.loc[rows.index, "nearly"] = hidden, nearly
        return frame

    def _hidden_before(self, rows: pd.DataFrame) -> tuple[Bools, Bools]:
        """One measure: which reasons are hidden, and at which of them it is so of all but too few."""
        n, few = rows["n"].to_numpy(dtype=np.int64), self.disclosure.few
        if not rows["of_share"].all():
            return few(n) | (n == 0), np.zeros(len(rows), dtype=bool)
        yes = np.rint(rows["value"].fillna(0) * n).to_numpy(dtype=np.int64)
        size, part = map(self.disclosure.rounded, (n, yes))
        nearly = (size == part) & ~few(yes) & (self.disclosure.threshold > 1)
        return few(n) | few(yes) | nearly | (n == 0), nearly

    @cached_property
    def checked(self) -> list[tuple[str, str, Fact, Fact]]:
        """Reasons whose sign can tell something: reason, measure, share here, difference to other reasons.

        What nearly all went through, whatever they said, speaks neither for a reason nor against it.
        """
        measured = []
        for reason in self.shares:
            measure = _SIGNS.get(self.names.theme(reason), "")
            rows = self.behaviour[(self.behaviour["reason"] == reason) & (self.behaviour["measure"] == measure)]
            if len(rows) and not rows["hidden"].iloc[0] and np.isfinite(rows["difference"].iloc[0]):
                row = rows.iloc[0]
                if row["value"] - row["difference"] > _MOST_OTHERS:
                    continue
                n, count = int(row["n"]), round(float(row["value"]) * int(row["n"]))
                here = Fact.of(f"before.{reason}", Estimate.in_row(row, "value", measure, n=n, count=count))
                apart = f"{measure}, less that of other reasons"
                gap = Fact.of(f"gap.{reason}", Estimate.in_row(row, "difference", apart, n=n))
                measured.append((reason, measure, here, gap))
        return measured


def gathered(counts: pd.DataFrame, least: int) -> pd.DataFrame:
    """Levels and reasons of fewer customers than can be told together as "": their names may be of one customer.

    >>> table = pd.DataFrame({"price": [9, 1], "my boss": [0, 1], "(missing)": [5, 0]}, index=["basic", "of Mr X"])
    >>> gathered(table, 5)
           price     (missing)
    basic      9  0          5
               1  1          0
    """
    rows = [level if level == MISSING or n >= least else "" for level, n in counts.sum(axis=1).items()]
    names = [name if name == MISSING or n >= least else "" for name, n in counts.sum(axis=0).items()]
    last = [*(name for name in dict.fromkeys(names) if name not in ("", MISSING)), *([""] * ("" in names)), MISSING]
    kinds = [*(level for level in dict.fromkeys(rows) if level not in ("", MISSING)), *([""] * ("" in rows))]
    # arrays: a list whose words are all names of columns would be taken for these columns
    across, down = np.array(names, dtype=object), np.array(rows, dtype=object)
    whole = counts.T.groupby(across, sort=False).sum().T.groupby(down, sort=False).sum()
    return whole.loc[[*kinds, *([MISSING] * (MISSING in rows))], last]
