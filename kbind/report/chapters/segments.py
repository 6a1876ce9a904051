"""Chapter 04: what the customers who left have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kbind.contrasts.contrast import contrast
from kbind.contrasts.contrasts import Contrasts
from kbind.dataset.dataset import Dataset
from kbind.facts.contrasts import ContrastFacts
from kbind.facts.names import Names
from kbind.facts.reasons import ReasonFacts
from kbind.facts.segments import Card, Segments, Shared
from kbind.reasons.by_type import ReasonsByType, reason_by_type
from kbind.report.blocks import Block, Cards, Section
from kbind.report.chapters.base import Chapter, Scope, Story, enough, needed, voice_of
from kbind.report.chapters.stated import StatedStory
from kbind.segments.segmentation import Segmentation
from kbind.segments.segmenting import segment_churned
from kbind.text.facts import Fact
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: Lower limit of an effect from which certainty is called high.
HIGH = 1.5
#: Reversals, and attributes, that are named.
REVERSALS, NAMED = 5, 3
#: p value up to which attributes have to do with each other.
_LEVEL = 0.05
#: What becomes of a difference, as `Contrasts.reversals` says it.
_CHANGES = {"the other way round": "reversed", "clear only after adjusting": "appears"}
#: What is offered for a theme that customers name.
_OFFERS = ("price", "product", "service", "competitor", "no_need", "terms", "trust", "payment")


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
    voice : Voice
        Who speaks.
    """

    asks = "segments.question"

    data: Dataset
    contrasts: Contrasts | None
    reasons: ReasonsByType | None
    segments: Segments | None
    voice: Voice = field(repr=False)

    @cached_property
    def names(self) -> Names:
        """What readers call things."""
        return Names(self.voice, self.data.card.key, self.compared.flags)

    @cached_property
    def compared(self) -> ContrastFacts:
        """Facts about churned against retained customers."""
        return ContrastFacts(self.contrasts, self.voice.disclosure)

    @cached_property
    def stated(self) -> ReasonFacts:
        """Facts about stated reasons."""
        return ReasonFacts(self.reasons, self.names)

    @cached_property
    def said(self) -> StatedStory:
        """What is told of stated reasons."""
        return StatedStory(self.stated, self.voice)

    @cached_property
    def cards(self) -> list[Card]:
        """Facts of every segment; none where nothing is stable."""
        if self.segments is None or self.segments.kind == "none":
            return []
        return self.segments.cards(self.voice.disclosure)

    def scope(self) -> Scope:
        """Who and when it is about."""
        logs = () if "churned" in self.data.roles else ("subscriptions", "events")
        log = next((name for name in logs if name in self.data.tables), "customers")
        rows = self.data.tables["customers"].rows if self.contrasts is None else self.contrasts.profiles.n.sum()
        return Scope.of_log(self.data, int(rows), log, None if log == "customers" else self.data.as_of)

    # -- the answer ----------------------------------------------------------------------------------

    @property
    def answer(self) -> str:
        """Whether the lost share a type or a reason: "yes", "partly", "no", or "short" if nobody can tell."""
        if self.contrasts is None or not self.told(self.compared.lost):
            return "short"
        if self._grouping == "groups" and len(self.compared.striking):
            return "yes"
        return "partly" if len(self.compared.striking) or self.stated.one_reason else "no"

    @property
    def _grouping(self) -> str:
        """What is known of groups; "open" where there are too few customers."""
        return "open" if self.segments is None else self.segments.kind

    def finding(self) -> str:
        """The answer in one sentence."""
        answer, facts = self.answer, self.compared
        if answer == "short":
            return self.say("segments.finding.short")
        if answer == "no":
            return self.say("segments.finding.no" if self.stated.shares else "segments.finding.no_type")
        if not len(facts.striking):
            reason, share = needed(self.stated.main)
            return self.say("segments.finding.reason", reason=self.names.reason(reason), share=share)
        if facts.headline is None:
            return self.say("segments.finding.only_alike", pair=self.names.pair(*facts.level(facts.first)))
        here, rest = facts.left_of(facts.headline)
        words = {"those": self.names.those(*facts.level(facts.headline)), "here": here, "rest": rest}
        if answer == "yes":
            return self.say("segments.finding.yes", k=self.voice.number(needed(self.segments).found.k), **words)
        return self.say(f"segments.finding.partly_{self._grouping}", **words)

    def means(self) -> str:
        """What the answer means: whether there is one reason, and where most revenue was lost."""
        if self.answer == "short":
            return self.say("segments.means.short")
        lines = []
        if self.stated.main is not None:
            reason, share = self.stated.main
            key = "segments.means.one_reason" if self.stated.one_reason else "segments.means.many_reasons"
            lines.append(self.say(key, reason=self.names.reason(reason), share=share))
        known = [card for card in self.cards if self.told(card.revenue, card.revenue_share)]
        if known:
            costly = max(known, key=lambda card: card.revenue.value)
            words = {"name": self._card_name(costly), "revenue": costly.revenue, "share": costly.revenue_share}
            lines.append(self.say(f"segments.means.{needed(self.segments).paid}", **words))
        key = "segments.means.types" if len(self.compared.striking) else "segments.means.none"
        return " ".join(lines) or self.say(key)

    def act(self) -> str:
        """What a manager should do."""
        if self.answer == "short":
            return self.say("segments.act.short")
        if not len(self.compared.striking):
            return self.say("segments.act.reason" if self.stated.one_reason else "segments.act.no")
        return self.say("segments.act.type", attributes=self._watched)

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.answer == "short":
            return self.say("segments.certainty.short")
        facts, lost = self.compared, self.voice.customers(self.compared.lost.count or 0)
        if facts.headline is None:
            return self.say("segments.certainty.no", lost=lost)
        effect = facts.effect(facts.headline)
        level, kind = "high" if effect.ci_lower > HIGH else "medium", "adjusted" if facts.adjusted else "raw"
        return self.say(f"segments.certainty.{level}_{kind}", lost=lost, effect=effect)

    def tiles(self) -> list[tuple[str, str, str]]:
        """Share lost, share lost of the most striking type, and the most frequent reason."""
        if self.answer == "short":
            return []
        facts = self.compared
        tiles = [self.tile_of(facts.lost, self.say("segments.tile.lost"), "segments.tile.lost_note")]
        if facts.headline is not None:
            here, rest = facts.left_of(facts.headline)
            label = self.say("segments.tile.type", those=self.names.those(*facts.level(facts.headline)))
            tiles.append(self.tile_of(here, label, "segments.tile.type_note", here=here, rest=rest))
        if self.stated.main is not None:
            reason, share = self.stated.main
            label = self.say("segments.tile.reason", reason=self.names.reason(reason))
            tiles.append(self.tile_of(share, label, "segments.tile.reason_note", share=share))
        return tiles

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        if self.contrasts is None:
            return []
        left = {"customers": "flag", "subscriptions": "contract"}.get(self.scope().log, "silence")
        lines = [self.say(f"segments.foot.{left}"), self.say(f"segments.foot.{self.compared.kind}")]
        if self.compared.adjusted:
            lines.append(self.say("segments.foot.alike", attributes=self._attributes(self.contrasts.adjust)))
        lines.append(self.say("segments.foot.many", fdr=self.voice.percent(self.contrasts.fdr)))
        if self.contrasts.leaks:
            left_out = self._attributes(leak.column for leak in self.contrasts.leaks)
            lines.append(self.say("leaks.foot", columns=left_out))
        if self.segments is not None:
            used = self._attributes(self.segments.found.coding.attributes)
            lines.append(self.say("segments.foot.segments", attributes=used))
        return [*lines, *self.of_truth(self.data)]

    def _attributes(self, names: Iterable[str]) -> str:
        return self.voice.listed([self.names.attribute(name) for name in names])

    @property
    def _watched(self) -> str:
        """Attributes to watch, the most striking first."""
        return self._attributes(list(dict.fromkeys(map(str, self.compared.striking["attribute"])))[:NAMED])

    # -- contrasts, and groups ------------------------------------------------------------------------

    def contrast_title(self) -> str:
        """Finding of the contrasts."""
        facts = self.compared
        if not len(facts.findings):
            return self.say("segments.contrast.none")
        if not len(facts.striking):
            return self.say("segments.contrast.small")
        place = facts.first if facts.headline is None else facts.headline
        effect = facts.effect(place)
        if facts.kind == "rates" and self.told(effect):
            return self.say("segments.contrast.rate", those=self.names.those(*facts.level(place)), effect=effect)
        return self.say("segments.contrast.odds", pair=self.names.pair(*facts.level(place)))

    def contrast_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of contrasts."""
        drawn, facts = [], self.compared
        for place in facts.places:
            raw = facts.raw(place)
            drawn += [facts.effect(place), *([raw] if facts.adjusted and np.isfinite(raw.value) else [])]
        return self.drawn(self.contrast_title, drawn, names=self.names)

    def contrast_caption(self) -> str:
        """How to read the contrasts."""
        level = self.voice.percent(needed(self.contrasts).conf_level)
        ring = [self.say("segments.contrast.ring")] if self.compared.adjusted else []
        read = self.say(f"segments.contrast.caption_{self.compared.kind}", level=level)
        return " ".join([read, *ring, self.say("segments.contrast.cause")])

    def contrast_table(self) -> Table:
        """The contrasts as a table: shares who left, and the effect with its range."""
        rows, facts = [], self.compared
        for place in facts.places:
            shares, effect = map(self.tell, facts.left_of(place)), facts.effect(place)
            rows.append([self.names.pair(*facts.level(place)), *shares, self.tell(effect), self.tell(effect, "range")])
        return self.table_of("segments.table.{}", ("attribute", "here", "rest", facts.kind, "range"), rows)

    def reversal_title(self) -> str:
        """Finding of the second look."""
        return self.say("segments.reversal.title")

    def reversal_text(self) -> list[str]:
        """What looks different once customers are compared who are alike otherwise, one sentence a kind of change."""
        facts, alike = self.compared, dict[tuple[str, str, str], list[str]]()
        for change, place in facts.reversals[["change", "place"]].head(REVERSALS).itertuples(index=False):
            raw, adjusted = facts.raw(place), facts.effect(place)
            if self.told(raw, adjusted):
                kind = _CHANGES.get(str(change), "gone")
                # what is not clear has no direction
                first = "" if kind == "appears" else self.say(_direction(raw))
                second = "" if kind == "gone" else self.say(_direction(adjusted))
                key = "segments.reversal.item_gone" if kind == "gone" else "segments.reversal.item"
                item = self.say(key, pair=self.names.pair(*facts.level(place)), raw=raw, adjusted=adjusted)
                alike.setdefault((kind, first, second), []).append(item)
        lines = [
            self.say(f"segments.reversal.{kind}", first=first, second=second, items="; ".join(items))
            for (kind, first, second), items in alike.items()
        ]
        return [*lines, self.say("segments.reversal.why")] if lines else []

    def segments_title(self) -> str:
        """Verdict on groups."""
        words = {} if self.segments is None else {"k": self.voice.number(self.segments.found.k)}
        key = {"alike": "groups"}.get(self._grouping, self._grouping)
        return self.say(f"segments.title.{key}", **words)

    def segments_text(self) -> list[str]:
        """What the verdict means, for each of them an answer to work with."""
        if self.segments is None or self.cards:
            return [self.say(f"segments.verdict.{self._grouping}")]
        unrelated = self.segments.found.judgement.association > _LEVEL
        first = self.say("segments.verdict.unrelated" if unrelated else "segments.verdict.unstable")
        if not len(self.compared.striking):
            return [first, self.say("segments.verdict.nothing")]
        return [first, self.say("segments.verdict.instead", attributes=self._watched)]

    def segment_cards(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Title and rows of every card."""
        result = []
        for card in self.cards:
            rows = {"size": self._size(card)}
            if self.told(card.revenue, card.revenue_share):
                key, words = needed(self.segments).paid, {"revenue": card.revenue, "share": card.revenue_share}
                rows["revenue"] = self.say(f"segments.card.{key}_text", **words)
            rows["shared"] = "; ".join(map(self._in_common, card.shared)) or self.say("segments.card.nothing")
            if card.reasons:
                reasons = [f"{self.names.reason(name)} {self.tell(fact, 'whole')}" for name, fact in card.reasons]
                rows["reasons"] = ", ".join(reasons)
            rows["offer"] = self._offer(card)
            planted = needed(self.segments).planted(card.number, self.data.truth)
            if planted is not None:
                name, share = planted
                rows["planted"] = self.say("segments.card.planted_text", share=share, name=self.names.planted(name))
            title = {"number": self.voice.number(card.number), "name": self._card_name(card)}
            labelled = [(self.say(f"segments.card.{key}"), text) for key, text in rows.items()]
            result.append((self.say("segments.card.name", **title), labelled))
        return result

    def _card_name(self, card: Card) -> str:
        """A name made of the two things that distinguish a segment most."""
        clear = [shared for shared in card.shared if shared.more or not shared.level][:2] or card.shared[:1]
        return ", ".join(map(self._trait, clear)) or self.say("segments.card.plain")

    def _trait(self, shared: Shared) -> str:
        if not shared.level:
            key = "segments.trait.high" if shared.more else "segments.trait.low"
            return self.say(key, attribute=self.names.attribute(shared.attribute, first=True))
        pair = self.names.pair(shared.attribute, shared.level)
        return pair if shared.more else self.say("segments.trait.rarely", pair=pair)

    def _size(self, card: Card) -> str:
        if not self.told(card.size, card.churn, card.lift):
            return DASH
        key = "more" if card.lift.ci_lower > 1 else "less" if card.lift.ci_upper < 1 else "same"
        words = {"n": self.voice.customers(card.size.count or 0), "all": self.compared.lost}
        return self.say(f"segments.card.size_{key}", share=card.size, churn=card.churn, **words)

    def _in_common(self, shared: Shared) -> str:
        """One thing with its share or median here and among the others who left."""
        facts = {"here": shared.here, "others": shared.others}
        if shared.level:
            return self.say("segments.card.level", pair=self.names.pair(shared.attribute, shared.level), **facts)
        name = self.names.attribute(shared.attribute, first=True)
        return self.say("segments.card.number", attribute=name, **facts)

    def _offer(self, card: Card) -> str:
        """What to ask before the contract, and what to offer for the reason that is typical of the segment."""
        asked = self._attributes(shared.attribute for shared in card.shared)
        lines = [self.say("segments.card.ask", attributes=asked)] if asked else []
        reason = card.typical(self.stated.shares)
        theme = self.names.theme(reason) if reason else ""
        if theme in _OFFERS:
            lines.append(self.say(f"segments.offer.{theme}"))
        elif not card.reasons:
            lines.append(self.say("segments.offer.unknown"))
        return " ".join(lines)

    def sure_title(self) -> str:
        """Heading of how sure the groups are."""
        return self.say("segments.sure.title")

    def sure_text(self) -> list[str]:
        """How far groups and differences can be trusted, in plain words."""
        facts = needed(self.segments)
        lines, null = [self.say("segments.sure.again", again=facts.again)], facts.found.judgement.null
        if null is not None:
            key = "segments.sure.groups" if facts.groups else "segments.sure.fluid"
            lines.append(self.say(key, samples=self.voice.number(len(null.null))))
        return [*lines, self.say("segments.sure.rules", fidelity=facts.fidelity), self.say("segments.sure.cause")]

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        if self.segments is not None or self.contrasts is not None:
            yield Cards(self.segments_title(), self.segments_text(), self.segment_cards())
        if self.cards:
            yield Section(self.sure_title(), self.sure_text())
        if self.compared.places:
            yield self.picture(needed(self.contrasts), self.contrast_figure(), self.contrast_caption())
        if self.reversal_text():
            yield Section(self.reversal_title(), self.reversal_text())
        yield from self.said.blocks()
        if self.compared.places:
            yield Section.of(self.contrast_table())


def _direction(ratio: Fact) -> str:
    return "segments.more" if ratio.value > 1 else "segments.less"


def segment_story(
    data: Dataset,
    contrasts: Contrasts | None,
    reasons: ReasonsByType | None = None,
    segments: Segmentation | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> SegmentStory:
    """The story of what lost customers have in common, in a language, silent about fewer than the threshold."""
    profiled = None if segments is None else Segments(segments, segments.profile())
    return SegmentStory(data, contrasts, reasons, profiled, voice_of(data, lang, threshold))


class SegmentChapter(Chapter):
    """What the lost customers have in common."""

    name = "04_what_the_lost_have_in_common"
    needs = (("customers",), ("subscriptions", "events", "role:churned"))

    def compute(self) -> None:
        """Contrasts, segments of the lost, and stated reasons."""
        self.contrasts = enough(contrast, self.data, adjust=self.study.adjust)
        found = enough(segment_churned, self.data)
        self.segments = None if found is None else Segments(found, found.profile())
        self.reasons = enough(reason_by_type, self.data)

    def story(self, lang: str) -> SegmentStory:
        """The results in the words of a language."""
        voice = voice_of(self.data, lang, self.study.threshold)
        return SegmentStory(self.data, self.contrasts, self.reasons, self.segments, voice)
