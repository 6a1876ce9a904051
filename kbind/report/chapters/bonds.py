"""Chapter 06: what binds the customers who stay, what costs those who could be kept, and which measures fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isnan, nan
from typing import Any

from kbind.bonds.answers import Answer
from kbind.bonds.items import ready_items
from kbind.bonds.questions import bond_questions
from kbind.bonds.scores import BondingScores, bonding_scores
from kbind.bonds.validity import Validity
from kbind.dataset.dataset import Dataset
from kbind.facts.bonds import BondFacts, Cause
from kbind.measures.catalogue import load_measures
from kbind.measures.evidence import Finding
from kbind.measures.recommend import Recommendations, recommend_measures
from kbind.practices.practices import practices
from kbind.practices.service_recovery import ServiceRecovery
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Line, Scope, Story, enough, needed, sureness, voice_of
from kbind.revenue.paying import mean_paid
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: How sure the money of a cause is by half its range, as a share of it.
HIGH, MEDIUM = 0.25, 0.5
#: Measures that a manager's table has.
MEASURES = 6
#: Questions whose answer is yes where the ratio lies below what means no difference.
_BELOW = ("breadth", "praise", "recommending", "stated_revealed")


@dataclass(frozen=True, eq=False)
class BondStory(Story):
    """Facts and sentences about what binds customers.

    Parameters
    ----------
    data : Dataset
        What it is about.
    facts : BondFacts
        What results say.
    validity : Validity or None
        Whether the scores hold; None without answers to items.
    fitting : Recommendations or None
        Measures that fit the bonds; None without scores.
    voice : Voice
        Who speaks.
    """

    asks = "bonds.question"

    data: Dataset
    facts: BondFacts
    validity: Validity | None
    fitting: Recommendations | None
    voice: Voice = field(repr=False)

    def scope(self) -> Scope:
        """Who and when it is about."""
        log = "subscriptions" if self.data.has("subscriptions") else "events"
        return Scope.of_log(self.data, self.facts.here, log, self.data.as_of)

    @cached_property
    def causes(self) -> list[Cause]:
        """What is shown to cost customers and may be told, what costs most first."""
        return [cause for cause in self.facts.causes if self.told(cause.a_year, cause.extra)]

    @property
    def main(self) -> Cause | None:
        """The cause that costs most."""
        return self.causes[0] if self.causes else None

    # -- sentences -----------------------------------------------------------------------------------

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.main is None:
            return self.say("bonds.finding.none" if self._looked else "bonds.finding.short")
        return self.say(f"bonds.finding.{self.main.key}", **self._words(self.main))

    @property
    def _looked(self) -> bool:
        return self.facts.recovery is not None or self.facts.contacts is not None

    def _words(self, cause: Cause) -> dict[str, Any]:
        recovery = self.facts.recovery
        known = {"bad": 14, "well": 2, "days": recovery.horizon if recovery is not None else 0}
        if cause.key == "contact":
            known = {"days": needed(self.facts.contacts).window}
        days = {name: self._days(name, count) for name, count in known.items()}
        return {"a_year": cause.a_year, "extra": cause.extra, **days, **self._problems}

    @property
    def _problems(self) -> dict[str, str]:
        """What complaints are called: serious where somebody says how severe they are."""
        names = ("problems", "problems_dative")
        if self.facts.recovery is not None and self.facts.recovery.graded:
            return {name: self.say(f"bonds.{name}.graded") for name in names}
        return {name: self.say(f"bonds.{name}") for name in names}

    def _days(self, name: str, count: int) -> str:
        return self.tell(Fact(f"bonds.{name}", count, "count", "days, as set"))

    def means(self) -> str:
        """What the answer means: in money, and what comes next."""
        if self.main is None:
            return self.say("bonds.means.none")
        lines = [self._money(self.main, "first")]
        lines += [self._money(cause, "next") for cause in self.causes[1:]]
        hanging, single = self.facts.hanging, self.facts.single
        if not self.causes[1:] and single is not None and hanging is not None and self.told(single, hanging):
            lines.append(self.say("bonds.means.hanging", single=single, hanging=hanging))
        return " ".join(line for line in lines if line)

    def _money(self, cause: Cause, place: str) -> str:
        if cause.stake is None or not self.told(cause.stake):
            return ""
        return self.say(
            f"bonds.means.{place}", what=self.say(f"bonds.when.{cause.key}", **self._problems), stake=cause.stake
        )

    def act(self) -> str:
        """What a manager should do."""
        return (
            self.say("bonds.act.none")
            if self.main is None
            else self.say(f"bonds.act.{self.main.key}", **self._problems)
        )

    def certainty(self) -> str:
        """How sure the figure is, and how sure it is that the step pays."""
        if self.main is None:
            return self.say("bonds.certainty.none")
        ratio = self.main.ratio
        who = self.say(f"bonds.who.{self.main.key}")
        than = self.say(f"bonds.than.{self.main.key}")
        level = self.say(f"bonds.certainty.{self._level}", who=who, than=than, ratio=ratio)
        compared = self.say(f"bonds.certainty.compared.{self.main.key}")
        return " ".join([level, compared, self.say("bonds.certainty.step")])

    @property
    def _level(self) -> str:
        main = needed(self.main)
        of = main.stake if main.stake is not None and self.told(main.stake) else main.extra
        return sureness(of, HIGH, MEDIUM, of=of.value or nan)

    def tiles(self) -> list[tuple[str, str, str]]:
        """Money of the main cause, who hangs on one person, who pays without using."""
        tiles = []
        main = self.main
        if main is not None and main.stake is not None and self.told(main.stake):
            label = self.labelled(self.say(f"bonds.tile.{main.key}"), main.stake)
            tiles.append((self.tell(main.stake, "about"), label, self.say("bonds.tile.money", fact=main.stake)))
        shares = (self.facts.single, "single"), (self.facts.answer("paying_unused"), "unused")
        for fact, name in shares:
            if fact is not None and self.told(fact):
                label = self.labelled(self.say(f"bonds.tile.{name}"), fact)
                tiles.append((self.say("bonds.tile.of100", fact=fact), label, self.say("bonds.tile.note", fact=fact)))
        return tiles[:3]

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters."""
        main = self.main
        if main is None:
            return None
        stake = main.stake if main.stake is not None and self.told(main.stake) else None
        pays = [] if stake is None else [self.say("bonds.line.pays", stake=stake)]
        return Line(
            question=self.say("bonds.line.question"),
            answer=self.say(f"bonds.line.{main.key}", **self._words(main)),
            sure=self.say(f"bonds.line.sure.{self._level}"),
            step=self.say(f"bonds.line.step.{main.key}", **self._problems),
            stake=stake,
            measure=" ".join([self.say(f"bonds.line.measure.{main.key}", **self._problems), *pays]),
            unknown=self.say(f"bonds.line.unknown.{main.key}"),
        )

    def definitions(self) -> Sequence[str]:
        """What was counted, in plain words."""
        lines = [self.say(f"bonds.foot.{cause.key}", **self._words(cause)) for cause in self.causes]
        if self.facts.scores is not None and self.facts.means():
            lines += self._items(self.facts.scores)
        if self.validity is not None:
            lines.append(self.say("bonds.foot.types" if self.validity.passed else "bonds.foot.no_types"))
        return [*lines, self.say("bonds.foot.measures")]

    def _items(self, scores: BondingScores) -> list[str]:
        """Who answered, whether the answers stand for all, and whether the statements are tried."""
        answered = Fact("bonds.answered", float(scores.n_respondents), "customers", "customers who answered items")
        lines = [self.say("bonds.foot.items", answered=answered)] if self.told(answered) else []
        if scores.response.weighted:
            lines.append(self.say("bonds.foot.weighed"))
        own = {item.instrument for item in scores.answers.items} - {item.instrument for item in ready_items().items}
        return lines if own else [*lines, self.say("bonds.foot.untried")]

    # -- the sections --------------------------------------------------------------------------------

    def causes_table(self) -> Table:
        """What costs customers: how many it meets, how many leave because of it, and the money."""
        rows = []
        for cause in self.causes:
            told = cause.stake is not None and self.told(cause.stake)
            money = self.tell(needed(cause.stake), "about") if told else DASH
            spread = self.tell(needed(cause.stake), "range") if told else DASH
            cells = self.tell(cause.a_year), self.tell(cause.extra, "per100"), money, spread
            rows.append(
                [
                    upper_first(self.say(f"bonds.cause.{cause.key}", **self._problems)),
                    *cells,
                    self.say(f"bonds.measure.{cause.key}"),
                ]
            )
        names = ("what", "a_year", "extra", "money", "range", "measure")
        return self.table_of("bonds.causes.{}", names, rows, words=(5,))

    def picture_title(self) -> str:
        """Finding of the picture of bonds."""
        (first, most), (_, second), *_ = means = self.facts.means()
        if most.ci_lower > second.ci_upper:
            return self.say("bonds.picture.title", first=self._bond(first))
        return self.say("bonds.picture.even", low=means[-1][1], high=most)

    def _bond(self, bond: str) -> str:
        return self.say(f"persona.bond.{bond}")

    def questions_table(self) -> Table:
        """What each bond does to staying, as far as the data tells."""
        known = {answer.question: fact for answer, fact in self.facts.answered()}
        rows = [[self.say(f"bonds.q.{answer.question}"), *self._answer(answer, known)]
                for answer in self.facts.questions.answers]  # fmt: skip
        return self.table_of("bonds.questions.{}", ("question", "answer", "range"), rows, words=(1,))

    def _answer(self, answer: Answer, known: dict[str, Fact]) -> tuple[str, str]:
        fact = known.get(answer.question)
        if fact is None:
            return self._why(answer), DASH
        if not self.told(fact):
            return self.tell(fact), DASH
        if fact.unit == "share" and answer.measure == "share":
            return self.say(f"bonds.a.{answer.question}", fact=fact), self.tell(fact, "range")
        neutral = 0.0 if answer.measure == "difference" else 1.0
        more, less = fact.ci_lower > neutral, fact.ci_upper < neutral
        if answer.question in _BELOW:
            more, less = less, more
        how = "yes" if more else "no" if less else "open"
        kind = {"difference": "points", "ratio_of_hazard_ratios": "felt"}.get(answer.measure, "times")
        self.voice.note(fact)
        return self.say(f"bonds.a.{kind}.{how}", fact=fact), self.tell(fact, "range")

    def _why(self, answer: Answer) -> str:
        why = needed(answer.why)
        if why.kind != "missing":
            return self.say(f"bonds.why.{why.kind}")
        return self._missing(why.needs)

    def _missing(self, needs: Sequence[str]) -> str:
        """That tables are not there, or columns such as "tickets.closed" of those that are."""
        table, _, column = needs[0].partition(".")
        if table in self.data.tables and column:
            what = self.voice.catalogue.text(f"table.{table}")
            return self.say("bonds.why.column", what=what, column=column)
        tables = dict.fromkeys(re.split(r"[.:]", need)[0] for need in needs)
        what = ", ".join(self.voice.catalogue.text(f"table.{name}") for name in tables)
        return self.say("bonds.why.missing", what=what)

    def practices_table(self) -> Table:
        """What is done for customers, by indicator, and how many of them it should be done for."""
        names, lang = load_measures().measures, self.voice.lang
        rows = []
        for one, fact, concerns in self.facts.practised():
            head = names[one.practice].name[lang], self.say(f"practices.indicator.{one.key}")
            if fact is None:
                why = self._missing(one.needs) if one.needs else self.say("bonds.why.too_few")
                rows.append([*head, why, DASH, DASH])
            else:
                some = DASH if concerns is None else self.tell(concerns)
                rows.append([*head, self.tell(fact), self.tell(fact, "range"), some])
        return self.table_of(
            "bonds.practices.{}", ("practice", "indicator", "value", "range", "concerns"), rows, words=(1, 2)
        )

    def measures_table(self) -> Table:
        """Measures that fit the bonds, with what is to be watched and how well each is founded."""
        lang, known = self.voice.lang, load_measures()
        rows = []
        for one in needed(self.fitting).ranked[:MEASURES]:
            bonds = ", ".join(self._bond(bond) for kind, bond in one.reasons if kind == "closes")
            risk = known.risks[one.measure.risks[0]][lang] if one.measure.risks else DASH
            rows.append(
                [one.measure.name[lang], one.measure.text[lang], bonds, risk, self.say(f"bonds.grade.{one.grade}")]
            )
        names = ("measure", "what", "bond", "risk", "grade")
        return self.table_of("bonds.measures.{}", names, rows, words=(1, 2, 3, 4))

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        if self.facts.scores is not None and len(self.facts.means()) > 1:
            self.voice.note(*(fact for _, fact in self.facts.means()))
            figure = {"voice": self.voice, "title": self.picture_title()}
            yield self.picture(self.facts.scores, figure, self.say("bonds.picture.caption"))
        if self.causes:
            yield Section.of(self.causes_table())
        yield Section.of(self.questions_table(), folded=True)
        yield Section.of(self.practices_table(), folded=True)
        if self.fitting is not None and self.fitting.ranked:
            table = self.measures_table()
            yield Section(table.title, [self.say("bonds.measures.text")], table, folded=True)


class BondChapter(Chapter):
    """What binds customers, what costs those who could be kept, and which measures fit."""

    name = "06_what_binds"
    needs = (
        ("subscriptions", "events"),
        ("tickets.closed", "contacts.side", "feedback.score", "subscriptions.term_end"),
    )

    def compute(self) -> None:
        """Scores, questions, contacts and complaints."""
        data = self.data
        self.questions = bond_questions(data)
        self.scores: BondingScores | None = enough(
            bonding_scores, data, context="b2b" if data.has("contacts") else "b2c"
        )
        self.practices = practices(data)
        items = self.scores is not None and self.scores.company["mean"].notna().any()
        self.validity = needed(self.scores).validity() if items else None
        self.fitting = recommend_measures(self.scores, observed=self._observed()) if items else None

    def _observed(self) -> dict[str, Finding]:
        """What the data says of measures: nothing that was tried, only what was seen."""
        found = self.practices.results.get("service_recovery")
        if not isinstance(found, ServiceRecovery) or isnan(found.well_vs_bad.value):
            return {}
        return {"service_recovery": Finding(found.well_vs_bad, neutral=1.0, lower_is_better=True)}

    def story(self, lang: str) -> BondStory:
        """The results in the words of a language."""
        voice = voice_of(self.data, lang, self.study.threshold)
        here, paid = len(self.study.here), mean_paid(self.data)
        facts = BondFacts(self.scores, self.questions, self.practices, here, paid, voice.disclosure)
        return BondStory(self.data, facts, self.validity, self.fitting, voice)
