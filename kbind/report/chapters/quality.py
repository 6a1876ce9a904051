"""Chapter 00: whether the data is good enough to learn from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.quality import Quality, quality
from kbind.dataset.schema import TABLES, Kind
from kbind.errors import plain
from kbind.facts.names import Names
from kbind.facts.quality import OF_MONEY, TOUCHED, Concern, by_period, main_table, rows_of_periods
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Line, Scope, Story, voice_of
from kbind.report.chapters.study import Study
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: Shares of a table's rows from which repeated rows and unknown customers are worth a question.
NOTABLE = 0.01
#: Share of rows from which a column counts as thin.
THIN = 0.2
#: Rows a manager's table has at most, and periods that are named in a sentence.
TABLE_ROWS, NAMED = 14, 4

#: What is counted in customers rather than in rows or orders.
_TREATED = {"refunds only": "customers"}
_SOURCE = "quality(data)"


@dataclass(frozen=True, eq=False)
class QualityStory(Story):
    """What speaks for and against the data.

    Parameters
    ----------
    data : Dataset
        What it is about.
    found : Quality
        What was counted in it.
    voice : Voice
        Who speaks.
    """

    asks = "quality.question"

    data: Dataset
    found: Quality
    voice: Voice

    def scope(self) -> Scope:
        """Who and when it is about."""
        table = self.data.tables[self.log]
        if table.span is None:
            return Scope(customers=self._customers, log=self.log)
        first, last = (self.data.wall_clock(moment).date() for moment in table.span)
        return Scope(self._customers, self.log, first, last, by_month=self.found.period == "month")

    @property
    def log(self) -> str:
        """The table that most chapters rest on."""
        return main_table(self.found)

    # -- facts ---------------------------------------------------------------------------------------

    @property
    def _customers(self) -> int:
        return int(self._row(self.log)["customers"])

    @cached_property
    def _people(self) -> Fact:
        return self._count("customers", self._customers, f"different customers in {self.log}", "customers")

    @cached_property
    def rows(self) -> Fact:
        """Rows of all tables."""
        return self._count("rows", int(self.found.tables["rows"].sum()), "rows of all tables", "rows")

    @cached_property
    def periods(self) -> Fact:
        """Periods of the main table that are over."""
        return self._count("periods", len(self.calendar), f"{self.found.period}s that are over, {self.log}")

    @cached_property
    def gaps(self) -> Fact:
        """Of these, those with far fewer rows than usual."""
        definition = f"{self.found.period}s with less than half of the rows of their neighbours, {self.log}"
        return self._count("gaps", int(self.calendar["gap"].sum()), definition)

    @cached_property
    def calendar(self) -> pd.DataFrame:
        """Rows by period of the main table."""
        return by_period(self.found)

    def _row(self, table: str) -> pd.Series[Any]:
        frame = self.found.tables
        return frame[frame["table"] == table].iloc[0]

    def _count(self, name: str, value: float, definition: str, unit: str = "count") -> Fact:
        return Fact(name, math.nan if pd.isna(value) else float(value), unit, definition, source=_SOURCE)

    def _share(self, name: str, part: int, table: str, definition: str) -> Fact:
        """A share of a table's rows."""
        rows = int(self._row(table)["rows"])
        return Fact(name, part / rows, "share", definition, n=rows, count=part, source=_SOURCE)

    # -- what to look at -------------------------------------------------------------------------------

    @cached_property
    def concerns(self) -> list[Concern]:
        """Everything worth a question, what many chapters rest on first."""
        concerns = []
        for name in sorted(self.found.tables["table"], key=lambda name: name != self.log):
            concerns += [*self._gap(name), *self._unknown(name), *self._repeated(name), *self._thin(name)]
        concerns += [*self._untranslated(), *self._currencies(), *self._unended()]
        return sorted(concerns, key=lambda concern: -len(concern.chapters))

    def _concern(self, key: str, table: str, chapters: tuple[str, ...] | None = None, /, **values: object) -> Concern:
        """A concern about a table, told in both lengths; by default all chapters that use it and are possible."""
        words = {"table": self.name_of(table), **values}
        frame = self.found.chapters
        possible = set(frame.loc[frame["possible"].astype(bool), "chapter"])
        touched = tuple(n for n in (TOUCHED.get(table, ()) if chapters is None else chapters) if n in possible)
        facts = tuple(word for word in words.values() if isinstance(word, Fact))
        both = self.say(f"quality.concern.{key}", **words), self.say(f"quality.brief.{key}", **words)
        return Concern(*both, self.say(f"quality.ask.{key}", **words), touched, facts)

    def _currencies(self) -> list[Concern]:
        frame = self.found.treated[self.found.treated["what"] == "currencies"]
        rows = zip(frame["table"], frame["example"], strict=True)
        return [self._concern("currencies", table, OF_MONEY, currencies=codes) for table, codes in rows]

    @cached_property
    def treated(self) -> list[str]:
        """One sentence for every kind of rows that count otherwise than others, or not at all."""
        sentences = []
        for _, row in self.found.treated.iterrows():
            name, what = str(row["table"]), str(row["what"])
            key = what.replace(" ", "_")
            fact = self._count(f"{name}.{key}", row["count"], f"{what}, {name}", _TREATED.get(what, "rows"))
            if what == "currencies" or not fact.value:
                continue
            words = {"table": self.name_of(name), "example": plain(row["example"])}
            sentences.append(self.say(f"quality.treated.{key}", n=self.tell(fact), **words))
        return sentences

    def _gap(self, table: str) -> list[Concern]:
        frame = self.found.calendar[self.found.calendar["table"] == table]
        gaps = frame[frame["gap"]]
        if gaps.empty:
            return []
        names = [self.voice.period_name(row["start"].date(), row["period"]) for _, row in gaps.iterrows()]
        listed = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
        definition = f"{self.found.period}s with less than half of the rows of their neighbours"
        facts = {
            "gaps": self._count(f"{table}.gaps", len(gaps), definition),
            "periods": self._count(f"{table}.periods", len(frame), f"{self.found.period}s that are over"),
        }
        return [self._concern("gap", table, names=listed, **facts)]

    def _unknown(self, table: str) -> list[Concern]:
        rows = self._row(table)["unknown_rows"]
        if pd.isna(rows):
            return []
        share = self._share(f"{table}.unknown", int(rows), table, "rows of customers that are not in customers")
        return self._notable("unknown", table, share)

    def _repeated(self, table: str) -> list[Concern]:
        rows = int(self._row(table)["duplicates"])
        share = self._share(f"{table}.duplicates", rows, table, "rows that repeat another one in every column")
        return self._notable("duplicates", table, share)

    def _notable(self, key: str, table: str, share: Fact) -> list[Concern]:
        notable = share.value >= NOTABLE and self.told(share)
        return [self._concern(key, table, share=share)] if notable else []

    def _thin(self, table: str) -> list[Concern]:
        """Attributes and amounts with many values missing; times and texts may be empty for a reason."""
        contract = TABLES[table].columns
        frame = self.found.columns[self.found.columns["table"] == table]
        open_to_doubt = [name not in contract or contract[name].kind is Kind.NUMBER for name in frame["column"]]
        frame = frame.loc[np.array(open_to_doubt, dtype=bool)]
        thin = frame[frame["share"] > THIN]
        if thin.empty:
            return []
        worst = thin.sort_values("share", ascending=False, kind="stable").iloc[0]
        words = {"column": self.column(str(worst["column"])), "limit": self.voice.percent(THIN)}
        facts = {
            "thin": self._count(f"{table}.thin", len(thin), f"columns with more than {THIN:.0%} of values missing"),
            "columns": self._count(f"{table}.columns", len(frame), "attributes and amounts"),
            "most": self.missing_fact(table, str(worst["column"]), int(worst["missing"])),
        }
        return [self._concern("thin", table, **words, **facts)] if self.told(facts["most"]) else []

    def _untranslated(self) -> list[Concern]:
        concerns = []
        for _, row in self.found.id_map.iterrows():
            table = str(row["table"])
            left = self._count(f"{table}.unmatched", row["ids"] - row["found"], "ids without partner", "customers")
            if not left.value or not self.told(left):
                continue
            facts = {
                "left": left,
                "ids": self._count(f"{table}.ids", row["ids"], "different ids", "customers"),
                "rows": self._count(f"{table}.left_out", row["rows_left_out"], "rows of ids without partner", "rows"),
            }
            concerns.append(self._concern("ids", table, system=str(row["system"]), **facts))
        return concerns

    def _unended(self) -> list[Concern]:
        n = self.found.unended
        concerned = n and not self.hides(n)
        return [self._concern("unended", "subscriptions", n=self.voice.customers(n))] if concerned else []

    def missing_fact(self, table: str, column: str, missing: int) -> Fact:
        """Share of a table's rows without a value in a column."""
        return self._share(f"{table}.missing.{column}", missing, table, f"rows without a value in {column}")

    # -- sentences ---------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> bool:
        """Whether nothing tells what happened over time."""
        return self.log == "customers"

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.snapshot:
            return self.say("quality.finding.snapshot", n=self.counted(self._people))
        if self.concerns:
            briefs = [concern.brief for concern in self.concerns]
            key = {1: "one", 2: "two"}.get(len(briefs), "more")
            first, second = briefs[0], briefs[-1]
            return self.say(f"quality.finding.{key}", n=self.voice.number(len(briefs)), first=first, second=second)
        return self.say("quality.finding.good", periods=self.voice.periods(len(self.calendar)))

    def means(self) -> str:
        """What the answer means."""
        n = self.counted(self._people, dative=True)
        rows = self.say("quality.means", rows=self.rows, n=n, table=self.name_of(self.log))
        return f"{self.spoilt()} {rows}" if self.concerns and not self.snapshot else rows

    def spoilt(self) -> str:
        """Which chapters the concerns touch, and that the others are not touched."""
        touched = {number for concern in self.concerns for number in concern.chapters}
        numbers = [number.lstrip("0") for number in sorted(touched)]
        if not numbers:
            return self.say("quality.spoilt.none")
        return self.voice.catalogue.text("quality.spoilt", len(numbers), chapters=self.voice.listed(numbers))

    def act(self) -> str:
        """What a manager should do."""
        if self.concerns:
            more = len(self.concerns) > 1
            return self.say("quality.act.more" if more else "quality.act.first", ask=self.concerns[0].ask)
        return self.say("quality.act.snapshot" if self.snapshot else "quality.act.good")

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        return self.say("quality.certainty")

    def tiles(self) -> list[tuple[str, str, str]]:
        """Rows, customers, periods."""
        people = self._people
        tiles = [
            (self.tell(self.rows), self.say("quality.tile.rows"), self._tables_counted()),
            (
                self.tell(people),
                self.say("quality.tile.customers"),
                self.say("quality.tile.customers.note", table=self.name_of(self.log)),
            ),
        ]
        if len(self.calendar):
            note = self.say(
                "quality.tile.gaps" if self.gaps.value else "quality.tile.no_gaps",
                gaps=self.gaps,
                table=self.name_of(self.log),
            )
            tiles.append((self.tell(self.periods), self.say("quality.tile.periods"), note))
        return tiles

    def _tables_counted(self) -> str:
        number = len(self.found.tables)
        self.voice.note(self._count("tables", number, "tables of the data"))
        return self.voice.catalogue.text("quality.tile.tables", number, n=self.voice.number(number))

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters: only where something is to be settled."""
        if not self.concerns or self.snapshot:
            return None
        sure = self.say("quality.line.sure")
        question, answer = self.say("quality.line.question"), f"{self.finding()} {self.spoilt()}"
        return Line(question, answer, sure, self.act())

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        return [self.say(f"quality.foot.{key}") for key in ("gap", "repeated")]

    def calendar_title(self) -> str:
        """Finding of the figure of rows by period."""
        if self.gaps.value:
            return self.say("quality.calendar.gaps", gaps=self.gaps, periods=self.periods)
        return self.say("quality.calendar.good", table=self.name_of(self.log))

    def calendar_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of rows by period."""
        return self.drawn(self.calendar_title, rows_of_periods(self.found))

    def calendar_caption(self) -> str:
        """How to read the figure of rows by period."""
        key = "quality.calendar.caption.gaps" if self.gaps.value else "quality.calendar.caption"
        return self.say(key, table=self.name_of(self.log))

    def looks_title(self) -> str:
        """Heading of what is worth a question."""
        return self.say("quality.look.title")

    def treated_title(self) -> str:
        """Heading of the rows that count otherwise, or not at all."""
        return self.say("quality.treated.title")

    # -- tables ------------------------------------------------------------------------------------------

    def column(self, name: str) -> str:
        """What a reader calls a column: with a word of our own where there is one."""
        key = f"quality.column.{name}"
        if self.voice.catalogue.has(key):
            return self.voice.catalogue.text(key)
        return Names(self.voice, self.data.card.key).attribute(name)

    def name_of(self, table: str) -> str:
        """What a reader calls a table."""
        return self.voice.catalogue.text(f"table.{table}")

    def tables_table(self) -> Table:
        """Size and span of every table, repeated rows and unknown customers."""
        rows = []
        for _, row in self.found.tables.iterrows():
            name = str(row["table"])
            counts = [
                self._count(f"{name}.rows", row["rows"], f"rows of {name}", "rows"),
                self._count(f"{name}.customers", row["customers"], f"customers in {name}", "customers"),
                self._count(f"{name}.repeated", row["duplicates"], "rows beyond the first of equal rows", "rows"),
                self._count(f"{name}.strangers", row["unknown_customers"], "customers not in customers", "customers"),
            ]
            cells = [self.tell(count) if count.known else DASH for count in counts]
            cells.insert(2, DASH if pd.isna(row["first"]) else self.voice.span(row["first"], row["last"]))
            rows.append((self.name_of(name), *cells))
        names = ("table", "rows", "customers", "span", "repeated", "unknown")
        return self.table_of("quality.table.{}", names, rows, title=self.say("quality.tables.title"))

    def missing_table(self) -> Table:
        """The columns with the most missing values."""
        frame = self.found.incomplete.sort_values("share", ascending=False, kind="stable").head(TABLE_ROWS)
        rows = []
        for _, row in frame.iterrows():
            fact = self.missing_fact(str(row["table"]), str(row["column"]), int(row["missing"]))
            rows.append(
                (upper_first(self.column(str(row["column"]))), self.name_of(str(row["table"])), self.tell(fact))
            )
        names = ("column", "table", "missing")
        return self.table_of("quality.table.{}", names, rows, title=self.say("quality.missing.title"))

    def ids_table(self) -> Table:
        """How many ids of other systems found a partner."""
        rows = []
        for _, row in self.found.id_map.iterrows():
            table = str(row["table"])
            ids = self._count(f"{table}.ids", row["ids"], "different ids", "customers")
            found = self._count(f"{table}.found", row["found"], "ids with a partner in id_map", "customers")
            left = self._count(f"{table}.left_out", row["rows_left_out"], "rows of ids without partner", "rows")
            rows.append((self.name_of(table), str(row["system"]), self.tell(ids), self.tell(found), self.tell(left)))
        names = ("table", "system", "ids", "found", "left_out")
        return self.table_of("quality.table.{}", names, rows, title=self.say("quality.ids.title"))

    def uses_table(self) -> Table:
        """What the chapters can find out with this data, and what the others would need."""
        rows = []
        for _, use in self.found.chapters.iterrows():
            answer = self.say("quality.uses.yes")
            if not use["possible"]:
                either = f" {self.voice.catalogue.text('missing.or')} "
                groups = [group.split(" or ") for group in str(use["missing"]).split(", ")]
                answer = self.say("quality.uses.no", lacks=", ".join(either.join(map(self._need, g)) for g in groups))
            number, key = str(use["chapter"]).lstrip("0"), use["use"]
            rows.append((self.say(f"use.{key}"), number, answer))
        names = ("use", "chapter", "possible")
        return self.table_of("quality.table.{}", names, rows, title=self.say("quality.uses.title"))

    def _need(self, need: str) -> str:
        table, _, column = need.partition(".")
        return f"{self.name_of(table)}: {self.column(column)}" if column else self.name_of(table)

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        if len(self.calendar):
            yield self.picture(self.found, self.calendar_figure(), self.calendar_caption())
        if self.concerns:
            yield Section(self.looks_title(), [concern.text for concern in self.concerns])
        yield Section.of(self.tables_table(), folded=True)
        if self.treated:
            yield Section(self.treated_title(), self.treated, folded=True)
        if len(self.found.incomplete):
            yield Section.of(self.missing_table(), folded=True)
        if len(self.found.id_map):
            yield Section.of(self.ids_table(), folded=True)
        yield Section.of(self.uses_table(), folded=True)


def quality_story(data: Dataset, found: Quality | None = None, *, lang: str = "en", threshold: int = 5) -> QualityStory:
    """The story of a data set, in a language, silent about fewer customers than the threshold."""
    found = found or quality(data)
    return QualityStory(data, found, voice_of(data, lang, threshold, action="use", period=found.period))


def cautions(study: Study, chapter: str, voice: Voice) -> list[Block]:
    """What is to be settled about the data that a chapter rests on, such as "03"; empty if nothing.

    The voice is that of the chapter, so that the numbers are facts of its page.
    """
    if not any(chapter in chapters for chapters in TOUCHED.values()):
        return []
    told = quality_story(study.data, study.quality, lang=voice.lang, threshold=study.threshold)
    concerns = [concern for concern in told.concerns if chapter in concern.chapters]
    voice.note(*(fact for concern in concerns for fact in concern.facts))
    return [Section(voice.say("quality.caution"), [concern.text for concern in concerns])] if concerns else []


class QualityChapter(Chapter):
    """Whether the data is good enough."""

    name = "00_data_quality"
    needs = (("customers", "events", "subscriptions"),)

    def compute(self) -> None:
        """Look at the data."""
        self.found = self.study.quality

    def story(self, lang: str) -> QualityStory:
        """The results in the words of a language."""
        return quality_story(self.data, self.found, lang=lang, threshold=self.study.threshold)
