"""What the chapter says about what the customers who left have in common."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from kbind.data.dataset import Dataset
from kbind.estimates.contrasts import Contrasts
from kbind.estimates.reasons import ReasonsByType
from kbind.story.segments.cards import Card, Segments, Shared
from kbind.story.segments.facts import ROWS
from kbind.story.segments.reasons import ReasonStory
from kbind.wording import DASH, Disclosure, Fact, Table, Voice

#: Lower limit of an effect from which certainty is called high.
HIGH = 1.5
#: Attributes and reversals that are named.
NAMED, REVERSALS = 3, 5
#: p value up to which attributes have to do with each other.
_LEVEL = 0.05
#: What becomes of a difference, as `Contrasts.reversals` says it.
_CHANGES = {"the other way round": "reversed", "clear only after adjusting": "appears"}
#: What is offered for a theme that customers name.
_OFFERS = ("price", "product", "service", "competitor", "no_need", "terms", "trust", "payment")


class SegmentStory(ReasonStory):
    """Facts and sentences about what the customers who left have in common."""

    # -- the opening ---------------------------------------------------------------------------------

    def question(self) -> str:
        """What the chapter asks."""
        return self.voice.say("segments.question")

    @cached_property
    def headline(self) -> int | None:
        """Place of the most striking level that is striking at first sight, too."""
        places = [int(place) for place in self.striking["place"]]
        both = [place for place in places if self.raw(place).ci_lower > 1 and self.told(*self.left_of(place))]
        return both[0] if both else None

    def finding(self) -> str:
        """The answer in one sentence."""
        answer, say = self.answer, self.voice.say
        if answer == "short":
            return say("segments.finding.short")
        if answer == "no":
            return say("segments.finding.no" if self.stated else "segments.finding.no_type")
        if not len(self.striking):
            reason, share = self.stated[0]
            return say("segments.finding.reason", reason=self.names.reason(reason), share=share)
        if self.headline is None:
            return say("segments.finding.only_alike", pair=self.label(int(self.striking["place"].iloc[0])))
        here, rest = self.left_of(self.headline)
        words = {"those": self._those(self.headline), "here": here, "rest": rest}
        if answer == "yes":
            assert self.segments is not None
            return say("segments.finding.yes", k=self.voice.number(self.segments.found.k), **words)
        return say(f"segments.finding.partly_{self._grouping}", **words)

    @property
    def _grouping(self) -> str:
        """What is known of groups: "open", "none", "fluid", "alike" (groups that leave like all others) or "groups"."""
        if self.segments is None:
            return "open"
        if not self.segments.stable:
            return "none"
        if not self.segments.groups:
            return "fluid"
        return "groups" if self.segments.stand_out else "alike"

    def means(self) -> str:
        """What the answer means: whether there is one reason, and where most revenue was lost."""
        say = self.voice.say
        if self.answer == "short":
            return say("segments.means.short")
        lines = []
        if self.stated and self.told(self.stated[0][1]):
            reason, share = self.stated[0]
            key = "segments.means.one_reason" if self.one_reason else "segments.means.many_reasons"
            lines.append(say(key, reason=self.names.reason(reason), share=share))
        costly = self.costliest
        if costly is not None:
            words = {"name": self.card_name(costly), "revenue": costly.revenue, "share": costly.revenue_share}
            lines.append(say(f"segments.means.{self._paid}", **words))
        return " ".join(lines) or say("segments.means.types" if len(self.striking) else "segments.means.none")

    def act(self) -> str:
        """What a manager should do."""
        if self.answer == "short":
            return self.voice.say("segments.act.short")
        if not len(self.striking):
            return self.voice.say("segments.act.reason" if self.one_reason else "segments.act.no")
        return self.voice.say("segments.act.type", attributes=self.names.listed(self._watched))

    @property
    def _watched(self) -> list[str]:
        """Attributes to watch, the most striking first."""
        names = dict.fromkeys(self.striking["attribute"])
        return [self.names.attribute(str(name)) for name in list(names)[:NAMED]]

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.answer == "short":
            return self.voice.say("segments.certainty.short")
        if self.headline is None:
            return self.voice.say("segments.certainty.no", lost=self._customers_lost())
        effect = self.effect(self.headline)
        level = "high" if effect.ci_lower > HIGH else "medium"
        kind = "adjusted" if self.adjusted else "raw"
        return self.voice.say(f"segments.certainty.{level}_{kind}", lost=self._customers_lost(), effect=effect)

    def tiles(self) -> list[tuple[str, str, str]]:
        """Share lost, share lost of the most striking type, and the most frequent reason."""
        say, tell = self.voice.say, self.voice.tell
        if self.answer == "short":
            return []
        tiles = [(tell(self.lost), say("segments.tile.lost"), say("segments.tile.lost_note", fact=self.lost))]
        if self.headline is not None:
            here, rest = self.left_of(self.headline)
            label = say("segments.tile.type", those=self._those(self.headline))
            tiles.append((tell(here), label, say("segments.tile.type_note", here=here, rest=rest)))
        if self.stated and self.told(self.stated[0][1]):
            reason, share = self.stated[0]
            label = say("segments.tile.reason", reason=self.names.reason(reason))
            tiles.append((tell(share), label, say("segments.tile.reason_note", share=share)))
        return tiles

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        say = self.voice.say
        if self.contrasts is None:
            return []
        scope = self.scope()
        left = {"customers": "flag", "subscriptions": "contract"}.get(scope.log, "silence")
        lines = [say(f"segments.foot.{left}")]
        lines.append(say(f"segments.foot.{self.kind}"))
        if self.adjusted:
            alike = self.names.listed([self.names.attribute(name) for name in self.contrasts.adjust])
            lines.append(say("segments.foot.alike", attributes=alike))
        lines.append(say("segments.foot.many", fdr=self.voice.percent(self.contrasts.fdr)))
        if self.segments is not None:
            used = self.names.listed([self.names.attribute(name) for name in self.segments.found.coding.attributes])
            lines.append(say("segments.foot.segments", attributes=used))
        if self.data.truth is not None:
            lines.append(say("survival.foot.truth"))
        return lines

    # -- contrasts -----------------------------------------------------------------------------------

    @cached_property
    def shown(self) -> pd.DataFrame:
        """Rows of the figure: the largest effects, from those who leave most to those who stay most."""
        if self.contrasts is None:
            return self.findings
        frame = self.findings if len(self.findings) else self.frame
        frame = frame[np.isfinite(frame["effect_ci_lower"]) & np.isfinite(frame["effect_ci_upper"])].head(ROWS)
        ranked: pd.DataFrame = frame.sort_values("effect", ascending=False, kind="stable")
        return ranked.reset_index(drop=True)

    def contrast_title(self) -> str:
        """Finding of the contrasts."""
        if not len(self.findings):
            return self.voice.say("segments.contrast.none")
        if not len(self.striking):
            return self.voice.say("segments.contrast.small")
        place = self.headline if self.headline is not None else int(self.striking["place"].iloc[0])
        effect = self.effect(place)
        if self.rates and self.told(effect):
            return self.voice.say("segments.contrast.rate", those=self._those(place), effect=effect)
        return self.voice.say("segments.contrast.odds", pair=self.label(place))

    def contrast_caption(self) -> str:
        """How to read the contrasts."""
        assert self.contrasts is not None
        level = self.voice.percent(self.contrasts.conf_level)
        lines = [self.voice.say(f"segments.contrast.caption_{self.kind}", level=level)]
        if self.adjusted:
            lines.append(self.voice.say("segments.contrast.ring"))
        return " ".join([*lines, self.voice.say("segments.contrast.cause")])

    def contrast_table(self) -> Table:
        """The contrasts as a table: shares who left, and the effect with its range."""
        say, tell = self.voice.say, self.voice.tell
        head = [say(f"segments.table.{name}") for name in ("attribute", "here", "rest")]
        head += [say(f"segments.table.{self.kind}"), say("segments.table.range")]
        rows = []
        for place in self.shown["place"]:
            here, rest = self.left_of(int(place))
            effect = self.effect(int(place))
            rows.append([self.label(int(place)), tell(here), tell(rest), tell(effect), tell(effect, "range")])
        return Table(say("segments.table.title"), head, rows)

    def reversal_title(self) -> str:
        """Finding of the second look."""
        return self.voice.say("segments.reversal.title")

    def reversal_text(self) -> list[str]:
        """What looks different once customers are compared who are alike otherwise, one sentence a kind of change."""
        say = self.voice.say
        told: dict[tuple[str, str, str], list[str]] = {}
        for _, row in self.reversals.head(REVERSALS).iterrows():
            place = int(row["place"])
            raw, adjusted = self.raw(place), self.effect(place)
            if self.told(raw, adjusted):
                kind = _CHANGES.get(str(row["change"]), "gone")
                # what is not clear has no direction
                first = "" if kind == "appears" else self._direction(raw)
                second = "" if kind == "gone" else self._direction(adjusted)
                key = "segments.reversal.item_gone" if kind == "gone" else "segments.reversal.item"
                item = say(key, pair=self.label(place), raw=raw, adjusted=adjusted)
                told.setdefault((kind, first, second), []).append(item)
        lines = [
            say(f"segments.reversal.{kind}", first=first, second=second, items="; ".join(items))
            for (kind, first, second), items in told.items()
        ]
        return [*lines, say("segments.reversal.why")] if lines else []

    def _direction(self, effect: Fact) -> str:
        return self.voice.say("segments.more" if effect.value > 1 else "segments.less")

    @property
    def kind(self) -> str:
        """Of which ratio effects are: "rates" or "odds"."""
        return "rates" if self.rates else "odds"

    def label(self, place: int) -> str:
        """Attribute and level of a comparison: "Branche: Handel"."""
        assert self.contrasts is not None
        own = self.contrasts.comparisons[place]
        return self.names.pair(own.attribute, own.level)

    def _those(self, place: int) -> str:
        assert self.contrasts is not None
        own = self.contrasts.comparisons[place]
        return self.names.those(own.attribute, own.level)

    def _customers_lost(self) -> str:
        return self.voice.customers(self.lost.count or 0)

    # -- segments ------------------------------------------------------------------------------------

    @cached_property
    def cards(self) -> list[Card]:
        """One card a segment; none where nothing is stable."""
        if self.segments is None or not self.segments.stable:
            return []
        return self.segments.cards(self.voice.disclosure)

    @cached_property
    def costliest(self) -> Card | None:
        """The segment with which most revenue was lost."""
        known = [card for card in self.cards if self.told(card.revenue, card.revenue_share)]
        return max(known, key=lambda card: card.revenue.value) if known else None

    @property
    def _paid(self) -> str:
        """Whether revenue is known to be by the month."""
        assert self.segments is not None
        return "monthly" if self.segments.found.roster.revenue_from == "subscriptions.mrr" else "revenue"

    def segments_title(self) -> str:
        """Verdict on groups."""
        words = {} if self.segments is None else {"k": self.voice.number(self.segments.found.k)}
        key = {"alike": "groups"}.get(self._grouping, self._grouping)
        return self.voice.say(f"segments.title.{key}", **words)

    def segments_text(self) -> list[str]:
        """What the verdict means, for each of them an answer to work with."""
        say = self.voice.say
        if self.segments is None:
            return [say("segments.verdict.open")]
        if self.cards:
            return [say(f"segments.verdict.{self._grouping}")]
        unrelated = self.segments.found.judgement.association > _LEVEL
        lines = [say("segments.verdict.unrelated" if unrelated else "segments.verdict.unstable")]
        if len(self.striking):
            lines.append(say("segments.verdict.instead", attributes=self.names.listed(self._watched)))
        else:
            lines.append(say("segments.verdict.nothing"))
        return lines

    def segment_cards(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Title and rows of every card."""
        say = self.voice.say
        result = []
        for card in self.cards:
            rows = [(say("segments.card.size"), self._size(card))]
            if self.told(card.revenue, card.revenue_share):
                words = {"revenue": card.revenue, "share": card.revenue_share}
                rows.append((say("segments.card.revenue"), say(f"segments.card.{self._paid}_text", **words)))
            rows.append((say("segments.card.shared"), self._in_common(card)))
            if card.reasons:
                told = [f"{self.names.reason(name)} {self.voice.tell(fact, 'whole')}" for name, fact in card.reasons]
                rows.append((say("segments.card.reasons"), ", ".join(told)))
            rows.append((say("segments.card.offer"), self._offer(card)))
            planted = self._planted(card)
            if planted:
                rows.append((say("segments.card.planted"), planted))
            number = self.voice.number(card.number)
            result.append((say("segments.card.name", number=number, name=self.card_name(card)), rows))
        return result

    def card_name(self, card: Card) -> str:
        """A name made of the two things that distinguish a segment most."""
        parts = [self._trait(shared) for shared in card.shared if shared.more or not shared.level][:2]
        parts = parts or [self._trait(shared) for shared in card.shared[:1]]
        return ", ".join(parts) if parts else self.voice.say("segments.card.plain")

    def _trait(self, shared: Shared) -> str:
        if not shared.level:
            key = "segments.trait.high" if shared.more else "segments.trait.low"
            return self.voice.say(key, attribute=self.names.attribute(shared.attribute, first=True))
        pair = self.names.pair(shared.attribute, shared.level)
        return pair if shared.more else self.voice.say("segments.trait.rarely", pair=pair)

    def _size(self, card: Card) -> str:
        if not self.told(card.size, card.churn, card.lift):
            return DASH
        low, high = card.lift.ci_lower, card.lift.ci_upper
        key = "more" if low > 1 else "less" if high < 1 else "same"
        n = self.voice.customers(card.size.count or 0)
        return self.voice.say(f"segments.card.size_{key}", n=n, share=card.size, churn=card.churn, all=self.lost)

    def _in_common(self, card: Card) -> str:
        """Up to three things, with their shares or medians here and among the others who left."""
        if not card.shared:
            return self.voice.say("segments.card.nothing")
        lines = []
        for shared in card.shared:
            if shared.level:
                words = {"pair": self.names.pair(shared.attribute, shared.level)}
                key = "segments.card.level"
            else:
                name = self.names.attribute(shared.attribute, first=True)
                words, key = {"attribute": name}, "segments.card.number"
            lines.append(self.voice.say(key, here=shared.here, others=shared.others, **words))
        return "; ".join(lines)

    def _offer(self, card: Card) -> str:
        """What to ask before the contract, and what to offer for the reason that is typical of the segment."""
        say = self.voice.say
        asked = [self.names.attribute(shared.attribute) for shared in card.shared]
        lines = [say("segments.card.ask", attributes=self.names.listed(asked))] if asked else []
        reason = self._typical(card)
        theme = self.names.theme(reason) if reason else ""
        if theme in _OFFERS:
            lines.append(say(f"segments.offer.{theme}"))
        elif not card.reasons:
            lines.append(say("segments.offer.unknown"))
        return " ".join(lines)

    def _typical(self, card: Card) -> str:
        """The reason that the segment surely names more often than all; else its most frequent one."""
        everybody = dict(self.stated)
        more = [
            (fact.value - everybody[name].value, name)
            for name, fact in card.reasons
            if name in everybody and fact.ci_lower > everybody[name].value
        ]
        return max(more)[1] if more else card.reasons[0][0] if card.reasons else ""

    def _planted(self, card: Card) -> str:
        """For simulated data: the planted segment that most of them come from."""
        if self.data.truth is None or self.segments is None:
            return ""
        profile = self.segments.profile
        planted = self.data.truth.accounts.set_index("customer_id")["segment"]
        people = profile.roster
        here = people.left & (profile.segment == card.number - 1)
        own = planted.reindex(people.customer_id[here]).value_counts()
        if own.empty or len(planted.unique()) < 2:
            return ""
        name, count = str(own.index[0]), int(own.iloc[0])
        n = int(own.sum())
        meaning = "customers of the segment who come from one planted segment, divided by those of the segment"
        fact = Fact(f"planted.{card.number}", count / n, "share", meaning, n=n, count=count)
        return self.voice.say("segments.card.planted_text", share=fact, name=self.names.planted(name))

    def sure_title(self) -> str:
        """Heading of how sure the groups are."""
        return self.voice.say("segments.sure.title")

    def sure_text(self) -> list[str]:
        """How far groups and differences can be trusted, in plain words."""
        assert self.segments is not None
        say, found = self.voice.say, self.segments
        lines = [say("segments.sure.again", again=found.again)]
        null = found.found.judgement.null
        if null is not None:
            key = "segments.sure.groups" if found.groups else "segments.sure.fluid"
            lines.append(say(key, samples=self.voice.number(len(null.null))))
        lines.append(say("segments.sure.rules", fidelity=found.fidelity))
        lines.append(say("segments.sure.cause"))
        return lines


def segment_story(
    data: Dataset,
    contrasts: Contrasts | None,
    reasons: ReasonsByType | None = None,
    segments: Segments | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> SegmentStory:
    """The story of what lost customers have in common, in a language, silent about fewer than the threshold.

    Parameters
    ----------
    data : Dataset
        What it is about.
    contrasts : Contrasts or None
        From `contrasts_of`.
    reasons : ReasonsByType or None
        From `reasons_of`.
    segments : Segments or None
        From `segments_of`.
    lang : {"de", "en"}
        Language.
    threshold : int
        Smallest number of customers that is told.
    """
    voice = Voice(
        lang,
        customer=data.card.customer,
        action="stay",
        period="month",
        disclosure=Disclosure(threshold),
        currency=data.card.currency,
    )
    return SegmentStory(data, contrasts, reasons, segments, voice)
