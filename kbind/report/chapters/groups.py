"""Groups of the lost in the words of a manager: what each costs, what it has in common, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kbind.customers.words import names_one
from kbind.dataset.truth import Truth
from kbind.facts.names import Names
from kbind.facts.reasons import ReasonFacts
from kbind.facts.segments import Card, Segments, Shared
from kbind.plot.segments import GroupBar
from kbind.report.blocks import Block, Cards, Section
from kbind.report.chapters.base import Speaker, needed
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: The reason that a company can take away by itself: what is done about it comes first.
_MENDED = "payment"
#: What is offered for a theme that customers name.
_OFFERS = ("price", "product", "service", "competitor", "no_need", "terms", "trust", "payment")
#: What is done about a trait and offered for a theme alike.
_SAME = {"money_low": "price"}
#: Words that say what an attribute is about, and so what can be done about it.
_ABOUT = {
    "money": ("budget", "mrr", "price", "charges", "spend", "revenue", "fee", "preis", "umsatz", "entgelt"),
    "channel": ("channel", "acquired_through", "source", "kanal", "vertriebsweg", "weg", "herkunft"),
    "goal": ("goal", "purpose", "use_case", "need", "ziel", "zweck", "bedarf"),
    "industry": ("industry", "sector", "branche"),
    "size": ("company_size", "size", "employees", "seats", "groesse", "mitarbeiter", "household"),
    "product": ("plan", "product", "tariff", "service", "tarif", "produkt", "paket"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class GroupsStory(Speaker):
    """Sentences about groups of those who left, the one with the largest loss first.

    Parameters
    ----------
    segments : Segments
        Of which there are two or more that hold up.
    stated : ReasonFacts
        Why customers say they left.
    names : Names
        What readers call things.
    voice : Voice
        Who speaks.
    """

    segments: Segments
    stated: ReasonFacts
    names: Names
    voice: Voice = field(repr=False)

    @cached_property
    def cards(self) -> list[Card]:
        """Facts of every group: by the money that went with it, else by customers; those without figures last."""
        known = self.segments.cards(self.voice.disclosure)
        money = any(self.told(card.revenue) for card in known)

        def size(card: Card) -> tuple[bool, float]:
            fact = card.revenue if money else card.size
            return (not self.told(fact), -fact.value if self.told(fact) else 0.0)

        return sorted(known, key=size)

    @property
    def by_money(self) -> bool:
        """Whether it is known what revenue went with the first group."""
        return bool(self.cards) and self.told(self.cards[0].revenue, self.cards[0].revenue_share)

    @property
    def costly(self) -> Card | None:
        """The group with the largest loss, in money where that is known; None where nothing of it may be told."""
        first = next(iter(self.cards), None)
        return first if first is not None and self.told(first.size, first.churn, first.lift) else None

    @property
    def frequent(self) -> Card | None:
        """The group that leaves most often, if that is surely more often than all do."""
        more = [card for card in self.cards if self.told(card.churn, card.lift, card.size) and card.lift.ci_lower > 1]
        return max(more, key=lambda card: card.churn.value, default=None)

    # -- what it is called ---------------------------------------------------------------------------

    def name(self, card: Card) -> str:
        """A name made of the two things that distinguish a group most."""
        clear = [shared for shared in card.shared if shared.more or not shared.level][:2] or card.shared[:1]
        return ", ".join(map(self._trait, clear)) or self.say("segments.card.plain")

    def _trait(self, shared: Shared) -> str:
        if not shared.level:
            key = "segments.trait.high" if shared.more else "segments.trait.low"
            return self.say(key, attribute=self.names.attribute(shared.attribute, first=True))
        pair = self.names.pair(shared.attribute, shared.level)
        return pair if shared.more else self.say("segments.trait.rarely", pair=pair)

    # -- the answer ----------------------------------------------------------------------------------

    def finding(self) -> str:
        """The largest loss, then who leaves most often and what little, or much, that is."""
        card, often = self.costly, self.frequent
        if card is None:
            return self.say("segments.groups.none")
        return " ".join([self.largest(card), *([] if often is None else [self._often(card, often)])])

    def short(self) -> str:
        """The same for a row of a table: shares only."""
        card, often = self.costly, self.frequent
        if card is None:
            return self.say("segments.groups.none")
        kind = "money" if self.by_money else "customers"
        first = self.say(f"segments.line.most_{kind}", name=self.name(card), share=self.first_share)
        return " ".join([first, *([] if often is None else [self._often(card, often)])])

    def largest(self, card: Card) -> str:
        """The group with which most is lost."""
        name = self.name(card)
        if not self.by_money:
            return self.say("segments.groups.customers", n=self._lost(card), share=card.size, name=name)
        words = {"revenue": card.revenue, "share": card.revenue_share, "when": self.when}
        return self.say("segments.groups.money", name=name, **words)

    def _often(self, card: Card, often: Card) -> str:
        if often is card:
            return self.say("segments.groups.same")
        share = often.revenue_share if self.by_money else often.size
        if not self.told(share):
            return ""
        words = {"name": self.name(often), "churn": often.churn, "share": share}
        if not self.by_money:
            return self.say("segments.groups.often_customers", **words)
        little = "little" if share.value < often.size.value else "money"
        return self.say(f"segments.groups.often_{little}", **words)

    @property
    def when(self) -> str:
        """The time within which the money was lost: "im Jahr 2024"."""
        losses = self.segments.losses
        if losses is None or losses.year is None:
            return self.say("segments.when.ever")
        return self.say("segments.when.year", year=str(losses.year))

    def means(self) -> str:
        """Why the group that costs most does: it leaves more often, or each of it brings more."""
        card, losses = self.costly, self.segments.losses
        if card is None or losses is None or not self.told(card.mean):
            return ""
        mean = Fact("lost.mean", losses.total.value / int(losses.gone.sum()), "money",
                    "revenue of a year that went with one lost customer, on average")  # fmt: skip
        words = {"mean": card.mean, "all": mean, "churn": card.churn}
        if not card.mean.value > mean.value:
            return self.say("segments.groups.many", **words)
        key = "segments.groups.dear" if card.lift.ci_upper < 1 else "segments.groups.dear_too"
        return self.say(key, left=self.segments.everybody, **words)

    def act(self) -> str:
        """Where to begin, what to do there, and how to see whether it works."""
        card = self.costly
        if card is None:
            return ""
        first = self.say("segments.groups.begin_some")
        if self.told(card.present):
            first = self.say("segments.groups.begin", here=card.present)
        step = self.first_step(card)
        return " ".join(part for part in (first, step, self.trial(card, "groups")) if part)

    def trial(self, card: Card, place: str) -> str:
        """When and in what both halves are compared, on the page ("groups") or in a row of the summary ("line")."""
        if self._payment(card) is None:
            return self.say(f"segments.{place}.trial")
        return self.say(f"segments.{place}.trial_payment")

    # -- what to do ----------------------------------------------------------------------------------

    @cached_property
    def first_steps(self) -> dict[int, str]:
        """What to do about each group by what it has in common, each in its own way; empty where it has nothing."""
        used: set[str] = set()
        return {card.number: self._trait_step(card, used) for card in self.cards}

    @cached_property
    def steps(self) -> dict[int, str]:
        """The same with what is offered for the reason that is typical of a group, each theme once."""
        kinds = {kind for card in self.cards for kind, _ in map(self._kinded, card.shared)}
        used = {_SAME[kind] for kind in kinds & set(_SAME)}
        return {card.number: self._with_offer(card, self.first_steps[card.number], used) for card in self.cards}

    def _kinded(self, shared: Shared) -> tuple[str, Shared]:
        return self._kind(shared), shared

    def step(self, card: Card) -> str:
        """What to do about a group."""
        return self.steps[card.number]

    def short_step(self) -> str:
        """What to try with the group that costs most."""
        card = needed(self.costly)
        if self._payment(card) is not None:
            return self.say("segments.line.step_payment")
        return self.say("segments.line.step", step=self.first_step(card))

    def first_step(self, card: Card) -> str:
        """The part of it that comes first: against payments that fail, else by what the group has in common."""
        failed = self._payment(card)
        if failed is not None:
            return self.say("segments.offer.payment_share", share=failed)
        return self.first_steps[card.number] or self.step(card)

    def _trait_step(self, card: Card, used: set[str]) -> str:
        """By the clearest trait that no costlier group is told apart by."""
        kinds = list(map(self._kinded, card.shared))
        wanted = [each for each in kinds if each[0] not in used] or kinds
        if not wanted:
            return ""
        kind, shared = wanted[0]
        used.add(kind)
        return self._measure(kind, shared)

    def _with_offer(self, card: Card, first: str, used: set[str]) -> str:
        lines = [first] if first else []
        theme = self._theme(card)
        if theme in _OFFERS and (theme not in used or theme == _MENDED):
            used.add(theme)
            lines.insert(0 if theme == _MENDED else len(lines), self.say(f"segments.offer.{theme}"))
        return " ".join(lines) or self.say("segments.offer.unknown")

    def _payment(self, card: Card) -> Fact | None:
        """Share of the lost for whom failed payments are the reason, where that is what is typical of the group."""
        if self._theme(card) != _MENDED:
            return None
        share = dict(card.reasons)[card.typical(self.stated.shares)]
        return share if self.told(share) else None

    def _theme(self, card: Card) -> str:
        """What the reason that is typical of a group is about; empty where none is."""
        reason = card.typical(self.stated.shares)
        return self.names.theme(reason) if reason else ""

    def _kind(self, shared: Shared) -> str:
        """What a trait is about: "money_high", "channel"; "other" where no word of its name is known."""
        about = next((kind for kind, words in _ABOUT.items() if names_one(shared.attribute, words)), "other")
        if about == "money" and not shared.level:
            return "money_high" if shared.more else "money_low"
        return "other" if about == "money" or (shared.level and not shared.more) else about

    def _measure(self, kind: str, shared: Shared) -> str:
        level = self.names.level(shared.attribute, shared.level) if shared.level else self._trait(shared)
        return self.say(f"segments.step.{kind}", level=level, pair=self._trait(shared))

    # -- cards ---------------------------------------------------------------------------------------

    def rows(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Title and rows of every card."""
        result = []
        for place, card in enumerate(self.cards, 1):
            rows = {}
            if self.told(card.revenue, card.revenue_share):
                words = {"revenue": card.revenue, "share": card.revenue_share, "when": self.when}
                rows["revenue"] = self.say("segments.card.revenue_text", **words)
            rows["size"] = self._size(card)
            rows["shared"] = "; ".join(map(self._in_common, card.shared)) or self.say("segments.card.nothing")
            if card.reasons:
                reasons = [f"{self.names.reason(name)} {self.tell(fact, 'whole')}" for name, fact in card.reasons]
                rows["reasons"] = ", ".join(reasons)
            rows["offer"] = self.step(card)
            title = {"number": self.voice.number(place), "name": self.name(card)}
            labelled = [(self.say(f"segments.card.{key}"), text) for key, text in rows.items()]
            result.append((self.say("segments.card.name", **title), labelled))
        return result

    def _lost(self, card: Card) -> str:
        """How many customers of a group have left, with their noun."""
        n, hidden = card.size.count or 0, card.size.hidden
        meaning = "customers of the segment who have left"
        return self.tell(Fact(f"segment.{card.number}.n", n, "customers", meaning, n=n, hidden=hidden), "n")

    def _size(self, card: Card) -> str:
        if not self.told(card.size, card.churn, card.lift):
            return DASH
        key = "more" if card.lift.ci_lower > 1 else "less" if card.lift.ci_upper < 1 else "same"
        words = {"n": self._lost(card), "all": self.segments.everybody}
        return self.say(f"segments.card.size_{key}", share=card.size, churn=card.churn, **words)

    def _in_common(self, shared: Shared) -> str:
        """One thing with its share or typical value here and among the others who left."""
        if shared.level:
            facts = {"here": shared.here, "others": shared.others}
            return self.say("segments.card.level", pair=self.names.pair(shared.attribute, shared.level), **facts)
        here, others = (
            self.names.amount(shared.attribute, self.tell(f, "about")) for f in (shared.here, shared.others)
        )
        name = self.names.attribute(shared.attribute, first=True)
        return self.say("segments.card.number", attribute=name, here=here, others=others)

    # -- the picture ---------------------------------------------------------------------------------

    def bars(self) -> list[GroupBar]:
        """Each group's share of the loss beside its share of the lost customers."""
        result = []
        for card in self.cards:
            if self.told(card.size) and (not self.by_money or self.told(card.revenue, card.revenue_share)):
                share = card.revenue_share if self.by_money else card.size
                key = "segments.bar.money" if self.by_money else "segments.bar.customers"
                said = self.say(key, revenue=card.revenue, share=share) if self.by_money else self.say(key, share=share)
                of_loss, of_lost = (self.voice.disclosure.fact(fact).value for fact in (share, card.size))
                result.append(GroupBar(self.name(card), of_loss, of_lost, said, self.tell(card.size, "whole")))
        return result

    def figure(self) -> dict[str, Any]:
        """What the page adds to the figure."""
        kind = "money" if self.by_money else "customers"
        title = self.say(f"segments.losses.{kind}", name=self.name(self.cards[0]), share=self.first_share)
        return self.drawn(lambda: title, bars=self.bars(), money=self.by_money)

    @property
    def first_share(self) -> Fact:
        """Share of the loss of the first group."""
        return self.cards[0].revenue_share if self.by_money else self.cards[0].size

    @property
    def sure_first(self) -> str:
        """Whether the first group surely costs more than each other: "first", else "perhaps"."""
        others = [card.revenue_share if self.by_money else card.size for card in self.cards[1:]]
        most = max((fact.ci_upper for fact in others if self.told(fact)), default=0.0)
        return "first" if self.first_share.ci_lower > most else "perhaps"

    def caption(self) -> str:
        """How to read the figure."""
        if not self.by_money:
            return self.say("segments.losses.caption_customers")
        return self.say("segments.losses.caption_money", when=upper_first(self.when))

    # -- how sure ------------------------------------------------------------------------------------

    def sure_text(self) -> list[str]:
        """How far groups can be trusted, in plain words."""
        facts = self.segments
        lines, null = [self.say("segments.sure.again", again=facts.again)], facts.found.judgement.null
        if null is not None:
            key = "segments.sure.groups" if facts.groups else "segments.sure.fluid"
            meaning = "made-up sets of customers without groups that were divided in the same way"
            samples = Fact("segments.samples", len(null.null), "count", meaning, source="segment_churned(...)")
            lines.append(self.say(key, samples=samples))
        return [*lines, self.say("segments.sure.rules", fidelity=facts.fidelity), self.say("segments.sure.cause")]

    def planted_table(self, truth: Truth | None) -> Table | None:
        """From which planted group each comes, where the data is simulated."""
        found = [(card, self.segments.planted(card.number, truth)) for card in self.cards]
        rows = [(self.name(card), self.names.planted(own[0]), self.tell(own[1], "whole")) for card, own in found if own]
        return self.table_of("segments.planted.{}", ("group", "name", "share"), rows, words=(1,)) if rows else None

    def blocks(self, heading: str, texts: Sequence[str]) -> Iterator[Block]:
        """What a page shows of it first: who costs how much, and a card each."""
        if len(self.bars()) > 1:
            yield self.picture(self.segments.found, self.figure(), self.caption())
        yield Cards(heading, texts, self.rows())

    def details(self, truth: Truth | None) -> Iterator[Block]:
        """What stands behind it, folded."""
        yield Section(self.say("segments.sure.title"), self.sure_text(), folded=True)
        planted = self.planted_table(truth)
        if planted is not None:
            yield Section(planted.title, [self.say("segments.planted.text")], planted, folded=True)
