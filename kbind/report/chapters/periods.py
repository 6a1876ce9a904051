"""Chapter 01c: how many customers stay, from counts that somebody filled in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.facts.periods import (
    SOURCE,
    in_period,
    kept,
    late_and_before,
    lost_revenue,
    main_rate,
    more_lost,
    name,
    of_year,
    periods_of_year,
    together,
)
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Lead, Line, Scope, Story, needed, sureness, voice_of
from kbind.retention.period_rates import LateChange, PeriodRates, late_change, period_rates
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import Voice

#: Rows a manager's tables have at most: as many periods as a template has room for.
TABLE_ROWS = 36
#: Up to this chance the last periods are said to differ from those before.
ALARM = 0.05
#: Days from which on a period is as good as a year.
_YEAR = 350


@dataclass(frozen=True, eq=False)
class PeriodStory(Story):
    """Facts and sentences about counts by period.

    Parameters
    ----------
    data : Dataset
        What it is about.
    rates : PeriodRates
        What was counted, and the rates.
    voice : Voice
        Who speaks.
    """

    asks = "periods.question"

    data: Dataset
    rates: PeriodRates
    voice: Voice = field(repr=False)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a period."""
        return self.rates.to_frame()

    def scope(self) -> Scope:
        """Who and when it is about: those who were there at the end of the last period."""
        first, last = self.frame["first_day"].iloc[0], self.frame["last_day"].iloc[-1]
        by_month = self.rates.kind in ("month", "quarter", "year")
        return Scope(int(self.frame["customers_end"].iloc[-1]), "periods", first, last, by_month=by_month)

    # -- facts ---------------------------------------------------------------------------------------

    @cached_property
    def kept(self) -> Fact:
        """The rate that the chapter is about."""
        return kept(self.rates)

    @cached_property
    def year(self) -> Fact:
        """The same over twelve months."""
        return of_year(self.rates, main_rate(self.rates), "kept.year", self.voice.disclosure)

    def in_period(self, position: int) -> Fact:
        """Share of the customers at the start of a period who were there at its end."""
        return in_period(self.rates, position)

    @cached_property
    def change(self) -> LateChange | None:
        """The last period or two against all before them."""
        found = late_change(self.rates) if together(self.rates) else None
        return found if found and self.told(*self._both(found).values()) else None

    def _both(self, change: LateChange) -> dict[str, Fact]:
        return late_and_before(self.rates, change.periods)

    @cached_property
    def trend(self) -> str:
        """How the last one or two periods compare with all before: "better", "worse", "same", or "none"."""
        if self.change is None:
            return "none"
        if self.change.chance >= ALARM:
            return "same"
        return "better" if self.change.late.value > self.change.before.value else "worse"

    @property
    def alarm(self) -> LateChange | None:
        """The change, if the last periods are clearly worse."""
        return self.change if self.trend == "worse" else None

    def total(self, name: str) -> Fact:
        """Customers gained or lost, in the last periods where these are worse, else in all."""
        rows = self.frame.iloc[-self.alarm.periods :] if self.alarm else self.frame
        definition = f"customers {name} in {len(rows)} periods"
        return Fact(f"total.{name}", float(rows[name].sum()), "customers", definition, source=SOURCE)

    def revenue(self, name: str, position: int) -> Fact:
        """GRR or NRR of a period; who is alone in having left must not be read from it."""
        row = self.frame.iloc[position]
        position %= len(self.frame)
        n, lost, definition = int(row["customers_start"]), int(row["lost"]), self.rates.definition
        return Fact(f"{name}.{position}", float(row[name]), "share", definition, n=n, count=lost, source=SOURCE)

    @cached_property
    def latest_revenue(self) -> int | None:
        """Place of the last period with a GRR that may be told."""
        places = range(len(self.frame))
        return next((i for i in reversed(places) if self.told(self.revenue("grr", i))), None)

    def reason(self, position: int) -> Fact:
        """Share of the customers lost that a reason stands behind; after the last one, those without a reason."""
        counts = [int(n) for n in self.rates.reasons["customers"]]
        lost = int(self.frame["lost"].sum())
        counts.append(lost - sum(counts))
        definition = "customers lost for the reason, divided by customers lost, in all periods"
        share = counts[position] / lost if lost else math.nan
        return Fact(f"reason.{position}", share, "share", definition, n=lost, count=counts[position], source="reasons")

    @cached_property
    def breaks(self) -> Fact:
        """How often customers at the start are not those at the end of the period just before."""
        frame = self.frame
        gaps = zip(frame["last_day"], frame["first_day"][1:], strict=False)
        follows = np.array([(after - before).days == 1 for before, after in gaps], dtype=bool)
        differs = frame["customers_start"].to_numpy()[1:] != frame["customers_end"].to_numpy()[:-1]
        definition = "periods that start with other numbers of customers than the one before has ended with"
        number = (follows & differs).sum()
        return Fact("breaks", float(number), "count", definition, source=SOURCE)

    def late_years(self) -> dict[str, Fact]:
        """Twelve months at the rate of the last periods, and at that of those before."""
        change = needed(self.change)
        pairs = {"year": change.late, "earlier": change.before}
        rule = self.voice.disclosure
        return {name: of_year(self.rates, rate, f"{name}.of_change", rule) for name, rate in pairs.items()}

    @cached_property
    def more_lost(self) -> Fact | None:
        """Revenue a year that the last periods lost beyond the usual; None where that is not known, or none."""
        fact = more_lost(self.rates, self.alarm) if self.alarm else None
        return fact if fact and self.told(fact) and fact.value > 0 else None

    # -- names ---------------------------------------------------------------------------------------

    def name(self, position: int) -> str:
        """What a reader calls a period."""
        return name(self.rates, position, self.voice)

    @property
    def late_names(self) -> str:
        """What a reader calls the last periods that are compared."""
        change = needed(self.change)
        return self.voice.listed([self.name(i) for i in range(-change.periods, 0)])

    def per(self) -> str:
        """Per what the main rate is."""
        return self.say("periods.per" if self.rates.kind else "periods.per.any")

    # -- sentences -----------------------------------------------------------------------------------

    def finding(self) -> str:
        """The answer in one sentence: first of all that it got worse."""
        if not self.told(self.kept):
            return self.say("periods.finding.few")
        if self.trend in ("worse", "better"):
            facts = self._both(needed(self.change))
            return self.say(f"periods.finding.{self.trend}", per=self.per(), names=self.late_names, **facts)
        if together(self.rates):
            return self.say("periods.finding.all", kept=self.kept, per=self.per())
        return self.say("periods.finding.one", kept=self.kept, name=self.name(-1))

    @property
    def short(self) -> bool:
        """Whether a period is so short that a year says more."""
        return float(self.frame["days"].iloc[-1]) < _YEAR

    def means(self) -> str:
        """What the answer means."""
        sentences = self._again()
        if self.alarm and self.short and self.told(*self.late_years().values()):
            sentences.append(self.say("periods.means.worse", **self.late_years()))
        elif self.told(self.year) and self.short:
            sentences.append(self.say("periods.means.year", year=self.year))
        if self.more_lost:
            key = "periods.means.money" if self.voice.currency else "periods.means.money.bare"
            sentences.append(self.say(key, money=self.more_lost))
        gained, lost = (self.total(name) for name in ("gained", "lost"))
        if self.told(gained, lost):
            order = "more" if gained.value > lost.value else "fewer" if gained.value < lost.value else "even"
            key = f"periods.means.late.{order}" if self.alarm else f"periods.means.{order}"
            sentences.append(self.say(key, gained=gained, lost=lost))
        return " ".join(sentences) or self.say("periods.means.few")

    def _again(self) -> list[str]:
        """That the last of several worse periods was as good as those before them, if it was, however it is rounded."""
        if not self.alarm or self.alarm.periods < 2:
            return []
        last, before = self.in_period(-1), self._both(self.alarm)["before"]
        better = self.told(last) and last.value >= before.value
        return [self.say("periods.means.again", name=self.name(-1), last=last)] if better else []

    def act(self) -> str:
        """What a manager should do."""
        reasons = {}
        if len(self.rates.reasons) and self.told(self.reason(0)):
            reasons = {"reason": self.reason_name(0), "share": self.reason(0)}
        if self.alarm:
            keys = ["periods.act.worse", *["periods.act.worse.reason"] * bool(reasons)]
            return " ".join(self.say(key, name=self.late_names, **reasons) for key in keys)
        if reasons:
            return self.say("periods.act.reason", **reasons)
        return self.say("periods.act.ask")

    def certainty(self) -> str:
        """How sure the answer is, what it rests on, and that nobody knows yet whether a step pays."""
        if not self.told(self.kept):
            return self.say("periods.certainty.few")
        if self.trend in ("worse", "better"):
            change = needed(self.change)
            definition = "chance of so large a difference where nothing has changed, corrected for looking twice"
            self.voice.note(Fact("change.chance", change.chance, "share", definition, source="late_change(rates)"))
            chance = self.voice.number(max(1, math.ceil(100 * change.chance)))
            sentence = self.say("periods.certainty.change", chance=chance, **self._both(change))
        else:
            sentence = self.say(f"periods.certainty.{sureness(self.kept)}", kept=self.kept)
        breaks = [self.say("periods.certainty.breaks", breaks=self.breaks)] if self.breaks.value else []
        open_yet = self.say("periods.certainty.cause" if self.alarm else "periods.certainty.step")
        return " ".join([sentence, *breaks, open_yet])

    def tiles(self) -> list[tuple[str, str, str]]:
        """What stays per period, over a year, and of the revenue."""
        return [*self._late_tiles(), *self._revenue_tile()] if self.alarm else [*self._tiles(), *self._revenue_tile()]

    def _tiles(self) -> list[tuple[str, str, str]]:
        if not self.told(self.kept):
            return []
        text = self.say("periods.tile.kept" if together(self.rates) else "periods.tile.one", per=self.per())
        tiles = [self._of_hundred(self.kept, text)]
        return [*tiles, self._of_hundred(self.year, self.say("periods.tile.year"))] if self.short else tiles

    def _late_tiles(self) -> list[tuple[str, str, str]]:
        both, years = self._both(needed(self.change)), self.late_years()
        label = self.say("periods.tile.late", per=self.per(), names=self.late_names)
        tiles = [self._of_hundred(both["late"], label, both["before"])]
        if self.short:
            tiles.append(self._of_hundred(years["year"], self.say("periods.tile.year"), years["earlier"]))
        return tiles

    def _of_hundred(self, fact: Fact, label: str, earlier: Fact | None = None) -> tuple[str, str, str]:
        note = self.say("periods.tile.interval", fact=fact)
        if earlier is not None:
            note = "; ".join([note, self.say("periods.tile.before", earlier=earlier)])
        return self.say("periods.tile.of100", fact=fact), label, note

    def _revenue_tile(self) -> list[tuple[str, str, str]]:
        if self.latest_revenue is None:
            return []
        gross, net = (self.revenue(name, self.latest_revenue) for name in ("grr", "nrr"))
        note = self.say("periods.tile.net", net=net) if self.told(net) else ""
        return [(self.tell(gross), self.say("periods.tile.gross", name=self.name(self.latest_revenue)), note)]

    # -- the summary of all chapters -------------------------------------------------------------------

    def stake(self) -> Fact | None:
        """Revenue a year: what was lost of late beyond the usual, or what all periods of a year lost."""
        if self.alarm:
            return self.more_lost
        periods = max(1, min(round(periods_of_year(self.rates)), len(self.frame)))
        fact = lost_revenue(self.rates, slice(len(self.frame) - periods, None))
        return fact if self.told(fact) else None

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters."""
        if not self.told(self.kept):
            return None
        sure = "change" if self.trend in ("worse", "better") else sureness(self.kept)
        unknown = self.say("periods.line.unknown") if self.alarm else ""
        question, level = self.say("periods.line.question"), self.say(f"periods.line.sure.{sure}")
        return Line(question, self.finding(), level, self.act(), self.stake(), unknown=unknown)

    def lead(self) -> Lead | None:
        """How many stay, as the opening of all chapters."""
        return Lead(self.finding(), self.means(), self.tiles()) if self.told(self.kept) else None

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        level = self.voice.percent(self.rates.conf_level)
        keys = ["kept", *(["all", "change"] if together(self.rates) else []), "year", "counted"]
        keys += ["money"] if self.more_lost else []
        lines = [self.say(f"periods.foot.{key}", level=level) for key in keys]
        return [*lines, *([self.say("periods.foot.revenue")] if self.latest_revenue is not None else [])]

    def curve_title(self) -> str:
        """Finding of the figure by period."""
        last = self.in_period(-1)
        if len(self.frame) > 1 and not self.rates.alike:
            return self.say("periods.curve.unlike")
        if self.trend == "none":
            if not self.told(last):
                return self.say("periods.curve.few")
            return self.say("periods.curve.one", kept=last, name=self.name(-1))
        change = needed(self.change)
        return self.say(f"periods.curve.{self.trend}", name=self.late_names, **self._both(change))

    def curve_figure(self) -> dict[str, Any]:
        """What the page adds to the figure by period."""
        facts = map(self.in_period, range(len(self.frame)))
        return self.drawn(self.curve_title, facts, stands_out=self._outstanding)

    @property
    def _outstanding(self) -> int:
        return needed(self.change).periods if self.trend in ("better", "worse") else 0

    def curve_caption(self) -> str:
        """How to read the figure by period."""
        key = "periods.caption.all" if together(self.rates) else "periods.caption"
        key = "periods.caption.before" if self._outstanding else key
        return self.say(key, level=self.voice.percent(self.rates.conf_level))

    def revenue_title(self) -> str:
        """Heading of the revenue that stayed."""
        last = needed(self.latest_revenue)
        gross, net = (self.revenue(name, last) for name in ("grr", "nrr"))
        if self.told(net):
            return self.say("periods.revenue.both", name=self.name(last), grr=gross, nrr=net)
        return self.say("periods.revenue.gross", name=self.name(last), grr=gross)

    def revenue_text(self) -> str:
        """Why the revenue has no interval."""
        return self.say("periods.revenue.text")

    def reasons_title(self) -> str:
        """Heading of the reasons."""
        if not self.told(self.reason(0)):
            return self.say("periods.reasons.few")
        return self.say("periods.reasons.most", reason=self.reason_name(0), share=self.reason(0))

    def reason_name(self, position: int) -> str:
        """A reason as it was called in the template."""
        return named(str(self.rates.reasons["reason"].iloc[position]))

    # -- tables --------------------------------------------------------------------------------------

    def periods_table(self) -> Table:
        """Counts and retention by period."""
        rows = []
        for i in self._places():
            kept = self.in_period(i)
            counts = [self.tell(self._count(i, name)) for name in ("customers_start", "gained", "lost")]
            year = of_year(self.rates, self.rates.rate(i), f"year.{i}", self.voice.disclosure, i)
            rows.append((self.name(i), *counts, self.tell(kept), self.tell(kept, "range"), self.tell(year)))
        return self._table(("period", "start", "gained", "lost", "kept", "interval", "year"), rows)

    def revenue_table(self) -> Table:
        """GRR and NRR by period."""
        rows = [
            (self.name(i), *(self.tell(self.revenue(name, i)) for name in ("grr", "nrr")))
            for i in self._places()
            if not math.isnan(self.frame["grr"].iloc[i])
        ]
        return self._table(("period", "grr", "nrr"), rows, self.say("periods.table.revenue"))

    def reasons_table(self) -> Table:
        """Customers lost by reason, most frequent first."""
        rows = []
        for i in range(len(self.rates.reasons) + 1):
            share = self.reason(i)
            name = self.reason_name(i) if i < len(self.rates.reasons) else self.say("periods.reasons.none")
            if i < len(self.rates.reasons) or share.count:
                rows.append((name, self.voice.count(share.count or 0), self.tell(share)))
        return self._table(("reason", "lost", "share"), rows, self.say("periods.table.reasons"))

    def _places(self) -> range:
        return range(max(len(self.frame) - TABLE_ROWS, 0), len(self.frame))

    def _count(self, position: int, name: str) -> Fact:
        row: pd.Series[Any] = self.frame.iloc[position]
        return Fact(f"{name}.{position}", float(row[name]), "customers", f"{name} of the period", source=SOURCE)

    def _table(self, names: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> Table:
        level = self.voice.percent(self.rates.conf_level)
        return self.table_of("periods.table.{}", names, rows, title=title, level=level)

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        yield self.picture(self.rates, self.curve_figure(), self.curve_caption())
        if len(self.rates.reasons):
            yield Section(self.reasons_title(), (), self.reasons_table())
        if self.latest_revenue is not None:
            yield Section(self.revenue_title(), [self.revenue_text()], self.revenue_table(), folded=True)
        yield Section.of(self.periods_table(), folded=True)


def period_story(
    data: Dataset, rates: PeriodRates | None = None, *, lang: str = "en", threshold: int = 5
) -> PeriodStory:
    """The story of counts by period, in a language, silent about fewer customers than the threshold."""
    rates = rates or period_rates(data)
    return PeriodStory(data, rates, voice_of(data, lang, threshold, period=rates.kind or "month"))


class PeriodChapter(Chapter):
    """How many customers stay, by counts that were filled in."""

    name = "01c_from_the_template"
    needs = (("periods",),)

    def compute(self) -> None:
        """Rates by period."""
        self.rates = period_rates(self.data)

    def story(self, lang: str) -> PeriodStory:
        """The results in the words of a language."""
        return period_story(self.data, self.rates, lang=lang, threshold=self.study.threshold)
