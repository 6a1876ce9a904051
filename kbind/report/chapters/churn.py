"""Chapter 03: who is about to leave."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kbind.churn.backtests import Backtest
from kbind.churn.contacts import ContactList
from kbind.churn.forecast import Forecast, forecast_churn
from kbind.churn.snapshots.moments import LOOK_BACK
from kbind.dataset.dataset import Dataset
from kbind.facts.churn import GROUPS, SHOWN, ListFacts, leak_text
from kbind.facts.signs import SignGroup, sign_groups
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Scope, Story, needed, sureness, voice_of
from kbind.report.chapters.drivers import DriversStory
from kbind.report.chapters.shop import silence_text
from kbind.spells.silence import silence_of
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import Voice

#: Leavers among the tested from which on there is something to tell.
ENOUGH = 50
#: Half width of the highest tenth's interval, as a share of it, up to which certainty is called high, and medium.
HIGH, MEDIUM = 0.15, 0.35
#: Past lists are said to have kept their word from this share on.
KEPT = 0.9


@dataclass(frozen=True, eq=False)
class ChurnStory(Story):
    """Facts and sentences about who is about to leave.

    Parameters
    ----------
    forecast : Forecast
        What was computed.
    voice : Voice
        Who speaks.
    """

    asks = "churn.question"

    forecast: Forecast
    voice: Voice = field(repr=False)

    @property
    def data(self) -> Dataset:
        """What it is about."""
        return self.forecast.data

    @property
    def dated(self) -> bool:
        """Whether customers were looked at on dates, and not once."""
        return "subscriptions" in self.data.tables or "events" in self.data.tables

    def scope(self) -> Scope:
        """Who and when it is about."""
        log = next(name for name in ("subscriptions", "events", "customers") if name in self.data.tables)
        seen = self.forecast.snapshots
        customers = len(seen.customer) if seen is not None else 0
        if seen is not None and self.dated:
            customers = int((seen.as_of == seen.as_of.max()).sum())
        return Scope.of_log(self.data, customers, log, self.data.as_of if self.dated else None)

    # -- what there is -------------------------------------------------------------------------------

    @property
    def tested(self) -> Backtest:
        """The test of the model."""
        return needed(self.forecast.backtest)

    @property
    def listed(self) -> ContactList:
        """The list of the last date."""
        return needed(self.forecast.contacts)

    @cached_property
    def drivers(self) -> DriversStory:
        """What moves the risk."""
        return DriversStory(needed(self.forecast.drivers), self.voice)

    @cached_property
    def facts(self) -> ListFacts:
        """What the test and the list say."""
        return ListFacts(self.tested, self.listed, self.voice.disclosure)

    @property
    def size(self) -> int:
        """Customers on the list."""
        return len(self.listed.customer)

    @cached_property
    def left(self) -> int:
        """Departures in the time that could be tested."""
        seen = self.forecast.snapshots
        if self.forecast.backtest is not None and self.forecast.contacts is not None:
            return int(self.facts.calls.leavers.sum())
        return 0 if seen is None else int(np.nansum(seen.target))

    @cached_property
    def short(self) -> bool:
        """Whether too few customers have left, or been seen for long enough, to tell anything."""
        return self.forecast.backtest is None or self.forecast.contacts is None or self.left < self.enough

    @cached_property
    def lack(self) -> str:
        """Why nothing can be told: "small" number of customers, "young" data, or departures ("short")."""
        seen = self.forecast.snapshots
        if seen is not None and len(set(seen.customer)) < self.enough:
            return "small"
        return "young" if self.dated and (seen is None or not np.isfinite(seen.target).any()) else "short"

    @property
    def enough(self) -> int:
        """Leavers that it takes."""
        return max(ENOUGH, self.voice.disclosure.threshold)

    @property
    def priced(self) -> bool:
        """Whether money is known."""
        return self.forecast.terms is not None and self.forecast.terms.priced

    @cached_property
    def signs(self) -> list[SignGroup]:
        """The list by its customers' strongest signs."""
        return sign_groups(self.listed, needed(self.forecast.snapshots), max(self.voice.disclosure.threshold, 2))

    # -- the answer ----------------------------------------------------------------------------------

    @property
    def verdict(self) -> str:
        """What the chapter comes to: "short", "blind", "nobody", "few", "unpriced", "open" or "worth"."""
        if self.short or not self.told(self.facts.risk(GROUPS), self.facts.anyone):
            return "short"
        if not self.facts.tells:
            return "blind"
        # the list is empty, or past ones would have cost more than they brought
        if self.size == 0 or (self.priced and self.facts.calls.money.sum() <= 0):
            return "nobody"
        if self.hides(self.size):
            return "few"
        if not self.priced:
            return "unpriced"
        return "worth" if self.facts.past.ci_lower > 0 else "open"

    @property
    def listing(self) -> bool:
        """Whether there is a list to speak of."""
        return self.verdict in ("worth", "open", "unpriced")

    @property
    def telling(self) -> bool:
        """Whether the risk can be told of."""
        return self.verdict not in ("short", "blind")

    def finding(self) -> str:
        """The answer in one sentence."""
        verdict = self.verdict
        if verdict in ("short", "blind"):
            why = self.lack if verdict == "short" else verdict
            return self.say(f"churn.finding.{why}")
        key = "churn.finding.nobody" if verdict == "nobody" else "churn.finding.list"
        return self.say(key, top=self.facts.risk(GROUPS), all=self.facts.anyone)

    def means(self) -> str:
        """What the answer means."""
        verdict = self.verdict
        if verdict == "short":
            seen = self.forecast.snapshots  # it takes a look back, the lead and the horizon
            days = self.voice.number(LOOK_BACK + (120 if seen is None else seen.lead + seen.horizon))
            words = {"enough": self.voice.number(self.enough), "left": self.voice.count(self.left)}
            return self.say(f"churn.means.{self.lack}", days=days, **words)
        if verdict == "blind":
            return self.say("churn.means.blind")
        if not self.priced:
            return self.say("churn.means.unpriced", hit=self.facts.hit)
        if verdict == "nobody":
            return self.say("churn.means.nobody")
        return self.say(f"churn.means.{self._scheme}", past=self.facts.past)

    def act(self) -> str:
        """What a manager should do."""
        verdict = self.verdict
        if verdict == "short":
            return self.say(f"churn.act.{self.lack}")
        listed = {} if verdict in ("blind", "nobody", "few") else {"listed": self.voice.customers(self.size)}
        return self.say(f"churn.act.{verdict}", **listed)

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.verdict == "short":
            return self.say("churn.certainty.short")
        top = self.facts.risk(GROUPS)
        level = sureness(top, HIGH, MEDIUM, of=top.value or math.nan)
        tested = self.say(f"churn.tested.{self._scheme}", dates=self._dates())
        return self.say(f"churn.certainty.{level}", tested=tested, right=self._right())

    def _right(self) -> str:
        """Whether probabilities can be believed."""
        facts = {"announced": self.facts.announced, "happened": self.facts.happened}
        return self.say("churn.right" if self.facts.calibrated else "churn.wrong", **facts)

    @property
    def _scheme(self) -> str:
        return "forward" if self.tested.scheme == "forward" else "grouped"

    def _dates(self) -> str:
        dates = len(self.facts.calls.as_of)
        return self.voice.catalogue.text("churn.dates", dates, n=self.voice.number(dates))

    def tiles(self) -> list[tuple[str, str, str]]:
        """Of those on the list, who would leave; of the leavers, who is on it; what it brings."""
        if not self.listing or not self.told(self.facts.hit, self.facts.found):
            return []
        facts = self.facts
        hit = facts.hit, self.say("churn.tile.hit", all=facts.anyone), "churn.tile.hit.note"
        tiles = self.tiles_of(hit, (facts.found, self.say("churn.tile.found"), "churn.tile.found.note"))
        if self.priced:
            past = self.tell(facts.past, "about"), self.say("churn.tile.past"), self.tell(facts.past, "interval")
            tiles.append(past)
        return tiles

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        number = self.voice.number
        seen, terms = self.forecast.snapshots, self.forecast.terms
        if seen is None:
            return []
        log = self.scope().log
        window = {"start": number(seen.lead), "end": number(seen.lead + seen.horizon)}
        days = number(silence_of(self.data).days) if log == "events" else ""
        lines = [self.say(f"churn.foot.target.{log}", days=days, **window)]
        lines += [silence_text(self.voice, self.data)] if log == "events" else []
        if self.forecast.suspects:
            lines.append(self.say("churn.foot.suspects", columns=self._columns(self.forecast.suspects)))
        if self.verdict != "short":
            lines += [self.say("churn.foot.base")] if self.dated else []
            lines.append(self.say(f"churn.foot.model.{needed(self.forecast.model).chosen}"))
            lines.append(self.say(f"churn.foot.tested.{self._scheme}"))
            keys = ["drivers", *["lists"] * self.listing, *["gain"] * self.priced]
            lines += [self.say(f"churn.foot.{key}") for key in keys]
        if terms is not None and terms.priced and terms.campaign.value is None and terms.margin is None:
            lines.append(self.say("churn.foot.margin"))
        if self.priced and not self.voice.currency:
            lines.append(self.say("value.foot.currency"))
        return [*lines, *self.of_truth(self.data)]

    # -- columns that know the outcome ---------------------------------------------------------------

    def leaks_title(self) -> str:
        """Heading of what was left out."""
        return self.say("leaks.title", columns=self._columns([leak.column for leak in self.forecast.leaks]))

    def leaks_text(self) -> list[str]:
        """How each column shows the outcome, and what to do about it."""
        return [*(leak_text(leak, self.voice) for leak in self.forecast.leaks), self.say("leaks.act")]

    def _columns(self, names: Sequence[str]) -> str:
        shown = [named(name) for name in names[:SHOWN]]
        more = len(names) - len(shown)
        return ", ".join([*shown, *([self.voice.catalogue.text("leaks.more", more, n=str(more))] if more else [])])

    # -- how well one can tell -----------------------------------------------------------------------

    def risk_title(self) -> str:
        """Finding of what happened by risk."""
        if not self.facts.tells:
            return self.say("churn.risk.blind")
        if self.facts.hidden_groups or not self.told(self.facts.lower_half):  # the half could give a hidden tenth away
            return self.say("churn.risk.top", top=self.facts.risk(GROUPS))
        return self.say("churn.risk", top=self.facts.risk(GROUPS), low=self.facts.lower_half)

    def risk_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of what happened by risk."""
        facts = (self.facts.risk(int(group)) for group in self.facts.risks["group"])
        return self.drawn(self.risk_title, facts, kind="groups")

    def risk_caption(self) -> str:
        """How to read it, and whether probabilities can be believed."""
        level = self.voice.percent(self.tested.conf_level)
        return self.say("churn.risk.caption", level=level, right=upper_first(self._right()))

    # -- whom to contact -----------------------------------------------------------------------------

    def list_title(self) -> str:
        """Heading of the list by signs."""
        return self.say("churn.list", listed=self.voice.customers(self.size))

    def list_text(self) -> list[str]:
        """What the list is, and what the signs are not."""
        lines = [self.say("churn.list.text" if self.priced else "churn.list.text.risk")]
        if self.priced and self.told(self.facts.hit) and self.facts.hit.ci_upper < self.facts.risk(GROUPS).ci_lower:
            lines.append(self.say("churn.list.lower", hit=self.facts.hit, top=self.facts.risk(GROUPS)))
        without = self.listed.n_customers - self.listed.n_contactable
        if without:
            definition = "customers who have not agreed to be contacted"
            fact = Fact("list.no_consent", without, "customers", definition, source="contact_list(...)")
            lines.append(self.say("churn.list.consent", without=fact))
        return lines

    def sign(self, signs: tuple[str, ...]) -> str:
        """Signs in words: "wenig Nutzung und baldiges Vertragsende"."""
        words = [self.say(f"churn.sign.{sign}") for sign in signs]
        return upper_first(self.say("churn.signs", first=words[0], second=words[-1]) if words[1:] else words[0])

    def list_table(self) -> Table:
        """The list by signs, without anybody's name."""
        voice, rows = self.voice, []
        whole = float(self.listed.expected_gain.sum())
        for group in self.signs:
            row = [self.sign(group.signs), voice.count(group.n), voice.percent(group.leaving / group.n)]
            share = voice.percent(group.gain / whole if whole > 0 else math.nan)
            rows.append([*row, *[share] * self.priced])
        heads = ("sign", "n", "risk", *["share"] * self.priced)
        return self.table_of("churn.list.{}", heads, rows, title=self.say("churn.list.table"))

    # -- what it yields ------------------------------------------------------------------------------

    def yield_title(self) -> str:
        """Finding of what a list brings."""
        return self.say(f"churn.yield.{self.verdict}", past=self.facts.past)

    def yield_text(self) -> list[str]:
        """What past lists brought, and what the new one promises."""
        lines = []
        if self.facts.calls.called.sum():
            lines.append(self.say(f"churn.yield.past.{self._scheme}", past=self.facts.past, dates=self._dates()))
        if self.facts.kept.known and self.facts.kept.value > 0 and self.told(self.facts.expected):
            key = "churn.yield.kept" if self.facts.kept.value >= KEPT else "churn.yield.promised"
            if self.size:
                lines.append(self.say(key, expected=self.facts.expected, kept=self.facts.kept))
        return lines or [self.say("churn.means.nobody")]

    def terms_table(self) -> Table:
        """What was assumed, and what was stated."""
        voice, terms, rows = self.voice, needed(self.forecast.terms), []
        stated = vars(terms.campaign)
        for name in ("budget", "cost", "offer", "acceptance"):
            written = voice.percent(stated[name]) if name == "acceptance" else voice.money(stated[name])
            origin = self.say("churn.terms.assumed" if name in terms.assumed else "churn.terms.stated")
            rows.append((self.say(f"churn.terms.{name}"), written, origin))
        value = terms.campaign.value
        if value is not None:
            rows.append((self.say("churn.terms.value"), voice.money(value), self.say("churn.terms.stated")))
        elif self.size:
            key = "revenue" if terms.margin is None else "margin"
            what = self.say(f"churn.terms.{key}", margin=voice.percent(terms.margin or 0))
            rows.append((what, voice.money(float(self.listed.value.mean())), self.say("churn.terms.data")))
        return self.table_of("churn.terms.{}", ("what", "amount", "origin"), rows)

    # -- what the list gets wrong --------------------------------------------------------------------

    def errors_title(self) -> str:
        """Finding of what the list gets wrong."""
        return self.say("churn.errors", miss=self.facts.miss, missed=self.facts.missed)

    def errors_text(self) -> list[str]:
        """Both kinds of mistakes, and why they happen."""
        # as many as the budget reaches, which test lists may not use up
        reached = self.voice.customers(int(self.facts.calls.called.max()))
        called = "churn.errors.called" if self.facts.calls.gone.any() else "churn.errors.called.all"
        key = "churn.errors.missed" if self.priced else "churn.errors.missed.risk"
        return [
            self.say(called, miss=self.facts.miss),
            self.say(key, missed=self.facts.missed, reached=reached),
            self.say("churn.errors.prediction"),
        ]

    def errors_table(self) -> Table | None:
        """Counts over all tested dates; None where one of them is too small to tell."""
        voice, calls = self.voice, self.facts.calls
        called, left, leavers = (int(part.sum()) for part in (calls.called, calls.left, calls.leavers))
        counts = {"called": called, "left": left, "stayed": called - left, "leavers": leavers, "missed": leavers - left}
        if self.hides(*counts.values()):
            return None
        rows = [(self.say(f"churn.errors.{name}.row"), voice.number(count)) for name, count in counts.items()]
        heads = (self.say("churn.errors.what"), voice.word("customers_upper"))
        return Table(self.say("churn.errors.table"), heads, rows)

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        if self.forecast.leaks:
            yield Section(self.leaks_title(), self.leaks_text())
        if not self.short:
            yield self.picture(self.tested, self.risk_figure(), self.risk_caption())
        if self.listing:
            signs = self.list_table()
            yield Section(self.list_title(), self.list_text(), signs if signs.rows else None)
        if self.telling and self.priced:
            yield Section(self.yield_title(), self.yield_text(), self.terms_table())
        if self.telling:
            yield from self.drivers.blocks()
        if self.listing:
            yield Section(self.errors_title(), self.errors_text(), self.errors_table())


def churn_story(forecast: Forecast, *, lang: str = "en", threshold: int = 5) -> ChurnStory:
    """The story of who is about to leave, in a language, silent about fewer customers than the threshold."""
    return ChurnStory(forecast, voice_of(forecast.data, lang, threshold))


class ChurnChapter(Chapter):
    """Who is about to leave."""

    name = "03_who_is_about_to_leave"
    needs = (("subscriptions", "events", "role:churned"),)

    def compute(self) -> None:
        """Snapshots, a tested model, its list and what moves the risk."""
        self.forecast = forecast_churn(self.data, campaign=self.study.campaign)

    def story(self, lang: str) -> ChurnStory:
        """The results in the words of a language."""
        return churn_story(self.forecast, lang=lang, threshold=self.study.threshold)
