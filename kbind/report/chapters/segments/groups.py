"""What the chapter says about groups of the customers who left."""

from __future__ import annotations

from functools import cached_property

from kbind.report.chapters.base import needed
from kbind.report.chapters.segments.cards import Card, Shared
from kbind.report.chapters.segments.reasons import ReasonStory
from kbind.text.facts import Fact
from kbind.text.voice import DASH

#: Attributes that are named.
NAMED = 3
#: p value up to which attributes have to do with each other.
_LEVEL = 0.05
#: What is offered for a theme that customers name.
_OFFERS = ("price", "product", "service", "competitor", "no_need", "terms", "trust", "payment")


class GroupStory(ReasonStory):
    """Facts and sentences about groups of the customers who left."""

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

    @property
    def _watched(self) -> list[str]:
        """Attributes to watch, the most striking first."""
        names = dict.fromkeys(self.striking["attribute"])
        return [self.names.attribute(str(name)) for name in list(names)[:NAMED]]

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
        return "monthly" if needed(self.segments).found.roster.revenue_from == "subscriptions.mrr" else "revenue"

    def segments_title(self) -> str:
        """Verdict on groups."""
        words = {} if self.segments is None else {"k": self.voice.number(self.segments.found.k)}
        key = {"alike": "groups"}.get(self._grouping, self._grouping)
        return self.say(f"segments.title.{key}", **words)

    def segments_text(self) -> list[str]:
        """What the verdict means, for each of them an answer to work with."""
        if self.segments is None:
            return [self.say("segments.verdict.open")]
        if self.cards:
            return [self.say(f"segments.verdict.{self._grouping}")]
        unrelated = self.segments.found.judgement.association > _LEVEL
        lines = [self.say("segments.verdict.unrelated" if unrelated else "segments.verdict.unstable")]
        if len(self.striking):
            lines.append(self.say("segments.verdict.instead", attributes=self.voice.listed(self._watched)))
        else:
            lines.append(self.say("segments.verdict.nothing"))
        return lines

    def segment_cards(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Title and rows of every card."""
        result = []
        for card in self.cards:
            rows = [(self.say("segments.card.size"), self._size(card))]
            if self.told(card.revenue, card.revenue_share):
                words = {"revenue": card.revenue, "share": card.revenue_share}
                rows.append((self.say("segments.card.revenue"), self.say(f"segments.card.{self._paid}_text", **words)))
            rows.append((self.say("segments.card.shared"), self._in_common(card)))
            if card.reasons:
                told = [f"{self.names.reason(name)} {self.tell(fact, 'whole')}" for name, fact in card.reasons]
                rows.append((self.say("segments.card.reasons"), ", ".join(told)))
            rows.append((self.say("segments.card.offer"), self._offer(card)))
            planted = self._planted(card)
            if planted:
                rows.append((self.say("segments.card.planted"), planted))
            number = self.voice.number(card.number)
            result.append((self.say("segments.card.name", number=number, name=self.card_name(card)), rows))
        return result

    def card_name(self, card: Card) -> str:
        """A name made of the two things that distinguish a segment most."""
        parts = [self._trait(shared) for shared in card.shared if shared.more or not shared.level][:2]
        parts = parts or [self._trait(shared) for shared in card.shared[:1]]
        return ", ".join(parts) if parts else self.say("segments.card.plain")

    def _trait(self, shared: Shared) -> str:
        if not shared.level:
            key = "segments.trait.high" if shared.more else "segments.trait.low"
            return self.say(key, attribute=self.names.attribute(shared.attribute, first=True))
        pair = self.names.pair(shared.attribute, shared.level)
        return pair if shared.more else self.say("segments.trait.rarely", pair=pair)

    def _size(self, card: Card) -> str:
        if not self.told(card.size, card.churn, card.lift):
            return DASH
        low, high = card.lift.ci_lower, card.lift.ci_upper
        key = "more" if low > 1 else "less" if high < 1 else "same"
        n = self.voice.customers(card.size.count or 0)
        return self.say(f"segments.card.size_{key}", n=n, share=card.size, churn=card.churn, all=self.lost)

    def _in_common(self, card: Card) -> str:
        """Up to three things, with their shares or medians here and among the others who left."""
        if not card.shared:
            return self.say("segments.card.nothing")
        lines = []
        for shared in card.shared:
            if shared.level:
                words = {"pair": self.names.pair(shared.attribute, shared.level)}
                key = "segments.card.level"
            else:
                name = self.names.attribute(shared.attribute, first=True)
                words, key = {"attribute": name}, "segments.card.number"
            lines.append(self.say(key, here=shared.here, others=shared.others, **words))
        return "; ".join(lines)

    def _offer(self, card: Card) -> str:
        """What to ask before the contract, and what to offer for the reason that is typical of the segment."""
        asked = [self.names.attribute(shared.attribute) for shared in card.shared]
        lines = [self.say("segments.card.ask", attributes=self.voice.listed(asked))] if asked else []
        reason = self._typical(card)
        theme = self.names.theme(reason) if reason else ""
        if theme in _OFFERS:
            lines.append(self.say(f"segments.offer.{theme}"))
        elif not card.reasons:
            lines.append(self.say("segments.offer.unknown"))
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
        return self.say("segments.card.planted_text", share=fact, name=self.names.planted(name))

    def sure_title(self) -> str:
        """Heading of how sure the groups are."""
        return self.say("segments.sure.title")

    def sure_text(self) -> list[str]:
        """How far groups and differences can be trusted, in plain words."""
        found = needed(self.segments)
        lines = [self.say("segments.sure.again", again=found.again)]
        null = found.found.judgement.null
        if null is not None:
            key = "segments.sure.groups" if found.groups else "segments.sure.fluid"
            lines.append(self.say(key, samples=self.voice.number(len(null.null))))
        lines.append(self.say("segments.sure.rules", fidelity=found.fidelity))
        lines.append(self.say("segments.sure.cause"))
        return lines
