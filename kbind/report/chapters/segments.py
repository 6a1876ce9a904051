"""Chapter 04: what the customers who left have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kbind.contrasts.contrast import contrast
from kbind.contrasts.contrasts import Contrasts
from kbind.customers.roster import Roster, roster
from kbind.dataset.dataset import Dataset
from kbind.facts.contrasts import ContrastFacts
from kbind.facts.losses import Losses
from kbind.facts.names import Names
from kbind.facts.reasons import ReasonFacts
from kbind.facts.segments import Card, Segments
from kbind.reasons.by_type import ReasonsByType, reason_by_type
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Line, Scope, Story, enough, needed, sureness, voice_of
from kbind.report.chapters.compared import ComparedStory
from kbind.report.chapters.groups import GroupsStory
from kbind.report.chapters.stated import StatedStory
from kbind.report.lists import Lists, marked
from kbind.segments.segmentation import Segmentation
from kbind.segments.segmenting import segment_churned
from kbind.text.facts import Fact
from kbind.text.voice import Voice
from kbind.typing import Objects

#: Attributes that are named.
NAMED = 3
#: p value up to which attributes have to do with each other.
_LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class SegmentStory(Story):
    """Sentences about what the customers who left have in common.

    Parameters
    ----------
    data : Dataset
        What it is about.
    contrasts : Contrasts or None
        Churned against retained; None where there is nothing to compare.
    reasons : ReasonsByType or None
        Why they say they left, if anybody asked.
    segments : Segments or None
        Segments of those who left; None where there are too few.
    people : Roster or None
        Customers one by one, to tell what revenue went with a type, and who came back.
    losses : Losses or None
        Revenue that went with those who left; None where it is not known.
    voice : Voice
        Who speaks.
    here : ndarray, optional
        Who is a customer at the end of the data.
    """

    asks = "segments.question"

    data: Dataset
    contrasts: Contrasts | None
    reasons: ReasonsByType | None
    segments: Segments | None
    people: Roster | None
    losses: Losses | None
    voice: Voice = field(repr=False)
    here: Objects | None = field(default=None, repr=False)

    @cached_property
    def names(self) -> Names:
        """What readers call things."""
        return Names(self.voice, self.data.card.key, self.compared.flags)

    @cached_property
    def compared(self) -> ContrastFacts:
        """Facts about churned against retained customers."""
        return ContrastFacts(self.contrasts, self.voice.disclosure)

    @cached_property
    def comparing(self) -> ComparedStory:
        """What is told of these comparisons."""
        return ComparedStory(self.compared, self.names, self.voice)

    @cached_property
    def stated(self) -> ReasonFacts:
        """Facts about stated reasons."""
        return ReasonFacts(self.reasons, self.names)

    @cached_property
    def said(self) -> StatedStory:
        """What is told of stated reasons."""
        return StatedStory(self.stated, self.voice)

    @cached_property
    def groups(self) -> GroupsStory | None:
        """What is told of groups; None where none hold up."""
        if self.segments is None or self.segments.kind == "none":
            return None
        return GroupsStory(self.segments, self.stated, self.names, self.voice)

    @property
    def cards(self) -> list[Card]:
        """Facts of every segment, the largest loss first; none where nothing is stable."""
        return [] if self.groups is None else self.groups.cards

    def scope(self) -> Scope:
        """Who and when it is about."""
        logs = () if "churned" in self.data.roles else ("subscriptions", "events")
        log = next((name for name in logs if name in self.data.tables), "customers")
        rows = self.data.tables["customers"].rows if self.contrasts is None else self.contrasts.profiles.n.sum()
        return Scope.of_log(self.data, int(rows), log, None if log == "customers" else self.data.as_of)

    # -- the answer ----------------------------------------------------------------------------------

    @property
    def answer(self) -> str:
        """What the answer is about: "groups", a "type", a "reason", "none" of these, or "short" if nobody can tell."""
        if self.contrasts is None or not self.told(self.compared.lost):
            return "short"
        if self.groups is not None and self.groups.costly is not None:
            return "groups"
        if len(self.compared.striking):
            return "type"
        return "reason" if self.stated.one_reason else "none"

    @property
    def _grouping(self) -> str:
        """What is known of groups; "open" where there are too few customers."""
        return "open" if self.segments is None else self.segments.kind

    def finding(self) -> str:
        """The largest loss first; then who leaves most often, and what little revenue that is."""
        if self.answer == "groups":
            return needed(self.groups).finding()
        if self.answer == "none":
            return self.say("segments.finding.no" if self.stated.shares else "segments.finding.no_type")
        if self.answer == "reason":
            reason, share = needed(self.stated.main)
            return self.say("segments.finding.reason", reason=self.names.reason(reason), share=share)
        return self.say("segments.finding.short") if self.answer == "short" else self._of_type()

    def _of_type(self) -> str:
        """The type that leaves most often, and what went with it."""
        facts = self.compared
        if facts.headline is None:
            return self.say("segments.finding.only_alike", pair=self.names.pair(*facts.level(facts.first)))
        here, rest = facts.left_of(facts.headline)
        words = {"those": self.names.those(*facts.level(facts.headline)), "here": here, "rest": rest}
        lines = [self.say("segments.finding.type", **words)]
        if self._type_money is not None:
            revenue, share = self._type_money
            when = self.say("segments.when.ever") if needed(self.losses).year is None else (
                self.say("segments.when.year", year=str(needed(self.losses).year))
            )  # fmt: skip
            lines.append(self.say("segments.finding.type_money", revenue=revenue, share=share, when=when))
        return " ".join(lines)

    @cached_property
    def _type_money(self) -> tuple[Fact, Fact] | None:
        """Revenue and share that went with the most striking type, where that is known and may be told."""
        if self.losses is None or self.people is None or self.compared.headline is None:
            return None
        found = self.losses.of_level(self.people, *self.compared.level(self.compared.headline))
        return found if found is not None and self.told(*found) else None

    def means(self) -> str:
        """Why most is lost there, and whether there is one reason."""
        if self.answer == "short":
            return self.say("segments.means.short")
        lines = [needed(self.groups).means()] if self.answer == "groups" else []
        if self.stated.main is not None and (self.stated.one_reason or self.answer in ("type", "none")):
            reason, share = self.stated.main
            key = "segments.means.one_reason" if self.stated.one_reason else "segments.means.many_reasons"
            lines.append(self.say(key, reason=self.names.reason(reason), share=share))
        key = "segments.means.types" if len(self.compared.striking) else "segments.means.none"
        return " ".join(filter(None, lines)) or self.say(key)

    def act(self) -> str:
        """What a manager should do."""
        if self.answer == "groups":
            return needed(self.groups).act()
        if self.answer == "type":
            return self.say("segments.act.type", attributes=self._watched)
        key = {"short": "short", "reason": "reason"}.get(self.answer, "no")
        return self.say(f"segments.act.{key}")

    def certainty(self) -> str:
        """How sure the figure is, and how sure it is that the step pays."""
        if self.answer == "short":
            return self.say("segments.certainty.short")
        n = self.compared.lost.count or 0
        lost = self.tell(Fact("lost.n", n, "customers", "customers who have left", n=n), "n")
        if self.answer in ("none", "reason"):
            return self.say("segments.certainty.no", lost=lost)
        return f"{self._sure_figure(lost)} {self._sure_step()}"

    def _sure_figure(self, lost: str) -> str:
        if self.answer == "groups":
            kind, share = "money" if needed(self.groups).by_money else "customers", needed(self.groups).first_share
            said = self.say(f"segments.certainty.groups_{kind}", share=share, lost=lost)
            return self.say(f"segments.certainty.{needed(self.groups).sure_first}", said=said, level=self._level)
        kind = "adjusted" if self.compared.adjusted else "raw"
        return self.say(f"segments.certainty.type_{kind}", level=self._level, here=self._here, lost=lost)

    @property
    def _here(self) -> Fact:
        """Share of the most striking type who have left."""
        place = self.compared.first if self.compared.headline is None else self.compared.headline
        return self.compared.left_of(place)[0]

    @property
    def _level(self) -> str:
        """How sure the share is that the page names first, in a word."""
        figure = needed(self.groups).first_share if self.answer == "groups" else self._here
        return self.say(f"segments.sureness.{sureness(figure)}")

    def _sure_step(self) -> str:
        """What the step may cost at most, where it is known what a customer kept brings."""
        worth = self._worth
        if worth is None:
            return self.say("segments.certainty.step")
        return self.say(f"segments.certainty.step_{'margin' if self.data.card.margin else 'revenue'}", worth=worth)

    @cached_property
    def _worth(self) -> Fact | None:
        """Margin, or else revenue, of a year that one customer kept in the group with the largest loss brings."""
        card = self.groups.costly if self.groups is not None else None
        if card is None or not self.told(card.mean):
            return None
        mean = self.voice.disclosure.fact(card.mean)
        meaning = f"{mean.definition}, times the margin"
        return Fact("lost.worth", mean.value * (self.data.card.margin or 1.0), "money", meaning)

    def tiles(self) -> list[tuple[str, str, str]]:
        """The largest loss, who leaves most often, and what was lost in all."""
        if self.answer == "short":
            return []
        tiles = self._group_tiles() if self.answer == "groups" else self._type_tiles()
        if self.losses is not None and self.told(self.losses.total):
            total = self.losses.total
            kind = "ever" if self.losses.year is None else "year"
            label = self.say(f"segments.tile.total_{kind}", year=str(self.losses.year))
            return [*tiles, (self.tell(total, "about"), label, self.say("segments.tile.total_note", fact=total))][-3:]
        return [*tiles, self.tile_of(self.compared.lost, self.say("segments.tile.lost"), "segments.tile.lost_note")]

    def _group_tiles(self) -> list[tuple[str, str, str]]:
        groups = needed(self.groups)
        card, often = needed(groups.costly), groups.frequent
        words = {"name": groups.name(card), "when": groups.when}
        if groups.by_money:
            note = self.say("segments.tile.group_note", share=card.revenue_share)
            tiles = [(self.tell(card.revenue, "about"), self.say("segments.tile.group", **words), note)]
        else:
            tiles = [
                self.tile_of(card.size, self.say("segments.tile.group_customers", **words), "segments.tile.lost_note")
            ]
        if often is None:
            return tiles
        label = self.say("segments.tile.often", name=groups.name(often))
        share = often.revenue_share if groups.by_money else often.size
        kind = "money" if groups.by_money else "customers"
        note = self.say(f"segments.tile.often_note_{kind}", share=share, all=self.compared.lost)
        return [*tiles, (self.tell(often.churn, "whole"), label, note)]

    def _type_tiles(self) -> list[tuple[str, str, str]]:
        facts, tiles = self.compared, []
        if facts.headline is not None:
            here, rest = facts.left_of(facts.headline)
            label = self.say("segments.tile.type", those=self.names.those(*facts.level(facts.headline)))
            tiles.append(self.tile_of(here, label, "segments.tile.type_note", here=here, rest=rest))
        if self.stated.main is not None:
            reason, share = self.stated.main
            label = self.say("segments.tile.reason", reason=self.names.reason(reason))
            tiles.append(self.tile_of(share, label, "segments.tile.reason_note", share=share))
        return tiles

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters."""
        if self.answer not in ("groups", "type"):
            return None
        groups = self.groups if self.answer == "groups" else None
        money = groups.cards[0].revenue if groups is not None and groups.by_money else None
        if money is None and self._type_money is not None:
            money = self._type_money[0]
        return Line(
            question=self.say("segments.line.question"),
            answer=self.finding() if groups is None else groups.short(),
            sure=self._short_sure(),
            step=self.act() if groups is None else groups.short_step(),
            stake=money,
            measure="" if groups is None else self._measure(groups),
            unknown=self.say("segments.line.unknown"),
        )

    def _short_sure(self) -> str:
        first = self.answer == "groups" and needed(self.groups).sure_first == "first"
        return self.say("segments.line.first" if first else "segments.line.sure", level=self._level)

    def _measure(self, groups: GroupsStory) -> str:
        """What is tried, on how many, and what it may cost at most for each customer kept."""
        card = needed(groups.costly)
        if not self.told(card.present):
            return ""
        words = {"name": groups.name(card), "here": card.present, "step": groups.first_step(card)}
        words["trial"] = groups.trial(card, "line")
        if self._worth is None:
            return self.say("segments.line.measure", **words)
        kind = "margin" if self.data.card.margin else "revenue"
        return self.say(f"segments.line.measure_{kind}", worth=self._worth, **words)

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        if self.contrasts is None:
            return []
        left = {"customers": "flag", "subscriptions": "contract"}.get(self.scope().log, "silence")
        lines = [self.say(f"segments.foot.{left}")]
        if self.losses is not None:
            kind = "ever" if self.losses.year is None else "year"
            lines.append(self.say(f"segments.foot.money_{kind}", year=str(self.losses.year)))
        lines.append(self.say(f"segments.foot.{self.compared.kind}"))
        if self.compared.adjusted:
            lines.append(self.say("segments.foot.alike", attributes=self._attributes(self.contrasts.adjust)))
        meaning = "of differences that are told, the share expected to be chance at most"
        fdr = Fact("contrast.fdr", self.contrasts.fdr, "share", meaning, source="contrast(...)")
        lines.append(self.say("segments.foot.many", fdr=self.tell(fdr, "whole")))
        if self.contrasts.leaks:
            left_out = self._attributes(leak.column for leak in self.contrasts.leaks)
            lines.append(self.say("leaks.foot", columns=left_out))
        if self.segments is not None:
            used = self._attributes(self.segments.found.coding.attributes)
            lines.append(self.say("segments.foot.segments", attributes=used))
        return lines

    def _attributes(self, names: Iterable[str]) -> str:
        return self.voice.listed([self.names.attribute(name) for name in names])

    @property
    def _watched(self) -> str:
        """Attributes to watch, the most striking first."""
        return self._attributes(list(dict.fromkeys(map(str, self.compared.striking["attribute"])))[:NAMED])

    # -- groups --------------------------------------------------------------------------------------

    def segments_title(self) -> str:
        """Verdict on groups."""
        words = {}
        if self.segments is not None:
            words["k"] = Fact("segments.k", self.segments.found.k, "count", "groups of customers who left")
        key = {"alike": "groups"}.get(self._grouping, self._grouping)
        return self.say(f"segments.title.{key}", **words)

    def segments_text(self) -> list[str]:
        """What the verdict means, for each of them an answer to work with; and that a return undoes no departure."""
        return [*self._verdict(), *self._returned()]

    def _returned(self) -> list[str]:
        """That those who came back count as lost, and how many of them are customers today."""
        if self.contrasts is None or self.scope().log == "customers":
            return []
        if self.people is None or self.here is None:
            return [self.say("segments.returned.too")]
        count = int(np.isin(self.people.customer_id[self.people.left], self.here).sum())
        meaning = "customers who have left and are customers again at the end of the data"
        back = Fact("lost.returned", count, "customers", meaning, source="roster(...).left")
        if not count or not self.told(back):
            return [self.say("segments.returned.too")]
        return [self.say("segments.returned", back=back)]

    def _verdict(self) -> list[str]:
        if self.segments is None or self.cards:
            return [self.say(f"segments.verdict.{self._grouping}")]
        unrelated = self.segments.found.judgement.association > _LEVEL
        first = self.say("segments.verdict.unrelated" if unrelated else "segments.verdict.unstable")
        if not len(self.compared.striking):
            return [first, self.say("segments.verdict.nothing")]
        return [first, self.say("segments.verdict.instead", attributes=self._watched)]

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        if self.groups is not None:
            yield from self.groups.blocks(self.segments_title(), self.segments_text())
        if self.compared.places:
            yield self.picture(needed(self.contrasts), self.comparing.figure(), self.comparing.caption())
        if self.groups is None and self.contrasts is not None:
            yield Section(self.segments_title(), self.segments_text())
        yield from self.said.blocks()
        yield from self.comparing.details()
        if self.groups is not None:
            yield from self.groups.details(self.data.truth)


def segment_story(
    data: Dataset,
    contrasts: Contrasts | None,
    reasons: ReasonsByType | None = None,
    segments: Segmentation | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
    losses: Losses | None = None,
) -> SegmentStory:
    """The story of what lost customers have in common, in a language, silent about fewer than the threshold."""
    profiled = None if segments is None else Segments(segments, segments.profile(), losses)
    people = None if segments is None else segments.roster
    return SegmentStory(data, contrasts, reasons, profiled, people, losses, voice_of(data, lang, threshold))


class SegmentChapter(Chapter):
    """What the lost customers have in common."""

    name = "04_what_the_lost_have_in_common"
    needs = (("customers",), ("subscriptions", "events", "role:churned"))

    def compute(self) -> None:
        """Contrasts, segments of the lost, and stated reasons."""
        self.contrasts = enough(contrast, self.data, adjust=self.study.adjust)
        found = enough(segment_churned, self.data)
        self.people = enough(roster, self.data) if found is None else found.roster
        self.losses = None if self.people is None else Losses.of(self.data, self.people, self.study.year)
        self.segments = None if found is None else Segments(found, found.profile(), self.losses)
        self.reasons = enough(reason_by_type, self.data)

    def story(self, lang: str) -> SegmentStory:
        """The results in the words of a language."""
        voice = voice_of(self.data, lang, self.study.threshold)
        parts = (self.contrasts, self.reasons, self.segments, self.people, self.losses)
        return SegmentStory(self.data, *parts, voice, self.study.here)

    def lists(self) -> Lists:
        """Customers who are most like those lost in each group, in the order of the cards."""
        cards = self.story("en").cards
        if self.segments is None or not cards:
            return {}
        fallen = self.segments.found.assign(self.data)
        of = {place: fallen.customer_id[fallen.segment == card.number] for place, card in enumerate(cards, 1)}
        return {f"segment_{place}": marked(customer, self.study.here) for place, customer in of.items()}
