"""Chapter 03: who is about to leave."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from kbind.churn.backtests import Backtest
from kbind.churn.contacts import ContactList
from kbind.churn.forecast import Forecast, forecast_churn
from kbind.churn.riskiest import riskiest
from kbind.churn.snapshots.moments import LOOK_BACK
from kbind.dataset.dataset import Dataset
from kbind.facts.churn import GROUPS, SHOWN, ListFacts, leak_text
from kbind.measures.occasions import occasions
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Line, Scope, Story, needed, sureness, voice_of
from kbind.report.chapters.calling import CallingStory
from kbind.report.chapters.drivers import DriversStory
from kbind.report.chapters.shop import silence_text
from kbind.report.lists import Lists
from kbind.spells.silence import silence_of
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.names import named
from kbind.text.voice import Voice

#: Leavers among the tested from which on there is something to tell.
ENOUGH = 50
#: Half width of the highest tenth's interval, as a share of it, up to which certainty is called high, and medium.
HIGH, MEDIUM = 0.15, 0.35


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
        return DriversStory(needed(self.forecast.drivers), self.data.card.key, self.voice)

    @cached_property
    def facts(self) -> ListFacts:
        """What the test and the list say."""
        return ListFacts(self.tested, self.listed, self.voice.disclosure)

    @property
    def size(self) -> int:
        """Customers on the list."""
        return len(needed(self.forecast.contacts).customer)

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
        """Why nothing can be told: few customers ("small"), "young" data, few departures ("short"), or none "apart"."""
        seen = self.forecast.snapshots
        if seen is not None and len(set(seen.customer)) < self.enough:
            return "small"
        if self.dated and (seen is None or not np.isfinite(seen.target).any()):
            return "young"
        return "short" if self.left < self.enough else "apart"

    @property
    def enough(self) -> int:
        """Leavers that it takes."""
        return max(ENOUGH, self.voice.disclosure.threshold)

    @property
    def priced(self) -> bool:
        """Whether money is known."""
        return self.forecast.terms is not None and self.forecast.terms.priced

    @cached_property
    def calls(self) -> CallingStory:
        """The list, what it yields, and what a trial takes."""
        return CallingStory(self.forecast, self.verdict, self.facts, self._scheme, self.voice)

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
        return self._of_top("finding")

    def _of_top(self, place: str) -> str:
        """A sentence about the riskiest tenth, with the days in which leaving counts where there are any."""
        top = {"found": self.calls.calling.in_top, "top": self.facts.risk(GROUPS), "all": self.facts.anyone}
        return self.say(f"churn.{place}.{self._how}", **self._when, **top)

    @property
    def _how(self) -> str:
        return "dated" if self.dated else "once"

    @property
    def _when(self) -> dict[str, str]:
        return self._window if self.dated else {}

    @property
    def _window(self) -> dict[str, str]:
        """The days after a date between which leaving counts."""
        seen = needed(self.forecast.snapshots)
        days = {"start": seen.lead, "end": seen.lead + seen.horizon}
        meaning = "days from the date to the {} of the time in which leaving counts"
        return {
            name: self.tell(Fact(f"window.{name}", count, "count", meaning.format(name)))
            for name, count in days.items()
        }

    def means(self) -> str:
        """What the answer means."""
        verdict = self.verdict
        if verdict == "short":
            seen = self.forecast.snapshots  # it takes a look back, the lead and the horizon
            days = LOOK_BACK + (120 if seen is None else seen.lead + seen.horizon)
            facts = {
                "days": Fact("test.days", days, "count", "days of data that a test takes"),
                "enough": Fact("test.enough", self.enough, "count", "customers who have to have left for a test"),
            }
            left = Fact("test.left", self.left, "customers", "customers who left in the time that could be tested")
            return self.say(f"churn.means.{self.lack}", left=self.tell(left), **facts)
        if verdict == "blind":
            return self.say("churn.means.blind")
        if verdict == "nobody":
            return self.say("churn.means.nobody")
        open_end = [] if self.priced else [self.say("churn.means.unpriced")]
        return " ".join([*self._at_stake(), self.calls.chance(), *open_end])

    def _at_stake(self) -> list[str]:
        """What the riskiest tenth pays a year, and how much of it is expected to go."""
        calling = self.calls.calling
        if calling.held is None or calling.going is None or not self.told(calling.held, calling.going):
            return []
        lines = [self.say(f"churn.means.stake.{self._how}", held=calling.held, going=calling.going, **self._when)]
        if self.dated and calling.going_year is not None and self.told(calling.going_year):
            lines.append(self.say("churn.means.year", year=calling.going_year))
        return lines

    def act(self) -> str:
        """What a manager should do: a trial first, as long as nobody knows whether contacting keeps anybody."""
        verdict = self.verdict
        if verdict == "short":
            return self.say(f"churn.act.{self.lack}")
        if verdict in ("blind", "nobody", "few"):
            return self.say(f"churn.act.{verdict}")
        return self.calls.step()

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.verdict == "short":
            return self.say("churn.certainty.short")
        tested = self.say(f"churn.tested.{self._scheme}", dates=self.calls.dates())
        risk = self.say(f"churn.certainty.{self._level}", tested=tested)
        if not self.facts.calibrated:
            risk = f"{risk} {upper_first(self._right())}."
        if not self.listing:
            return risk
        lines = [risk, self.say("churn.certainty.effect")]
        return " ".join([*lines, *([self.calls.assumed()] if self.priced else [])])

    @property
    def _level(self) -> str:
        top = self.facts.risk(GROUPS)
        return sureness(top, HIGH, MEDIUM, of=top.value or math.nan)

    def _right(self) -> str:
        """Whether probabilities can be believed."""
        facts = {"announced": self.facts.announced, "happened": self.facts.happened}
        return self.say("churn.right" if self.facts.calibrated else "churn.wrong", **facts)

    @property
    def _scheme(self) -> str:
        return "forward" if self.tested.scheme == "forward" else "grouped"

    def tiles(self) -> list[tuple[str, str, str]]:
        """The riskiest tenth: its leavers, what is lost there, how many leave; what lists bring once that is sure."""
        if not self.telling:
            return []
        calling, facts = self.calls.calling, self.facts
        tiles = self.tiles_of((calling.in_top, self.say("churn.tile.top"), "churn.tile.found.note"))
        held, going = calling.held, calling.going
        if held is not None and going is not None and self.told(held, going):
            note = self.say("churn.tile.going.note", held=held, size=self.tell(held, "n"))
            tiles.append((self.tell(going, "about"), self.say(f"churn.tile.going.{self._how}", **self._when), note))
        if not self.listing or not self.told(facts.hit, facts.found):
            return tiles
        if self.verdict == "open":
            top = facts.risk(GROUPS), self.say("churn.tile.risk", all=facts.anyone), "churn.tile.risk.note"
            return [*tiles, *self.tiles_of(top)]
        if not self.priced:
            hit = facts.hit, self.say("churn.tile.hit", all=facts.anyone), "churn.tile.hit.note"
            found = facts.found, self.say("churn.tile.found"), "churn.tile.found.note"
            return [*tiles, *self.tiles_of(hit, found)][:3]
        note = self.say("churn.tile.gain.note", gain=calling.gain, acceptance=calling.acceptance)
        return [*tiles, (self.tell(calling.gain, "about"), self.say("churn.tile.gain", often=self.calls.often), note)]

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters; None where the risk cannot be told of."""
        if not self.telling:
            return None
        calling, priced = self.calls.calling, self.listing and self.priced
        lost = calling.going_year if self.dated else calling.going
        better = "none" if not self.listing else "sure" if calling.surely_better else "open"
        pays = "pays" if self.told(calling.even) else "never"
        money: dict[str, object] = {"gain": calling.gain, "acceptance": calling.acceptance, "often": self.calls.often}
        money |= {"even": calling.even} if pays == "pays" else {}
        listed = self.calls.listed_customers(dative=True)
        sure = self.say(f"churn.line.sure.{self._level}"), self.say(f"churn.line.list.{better}")
        return Line(
            question=self.say("churn.line.question"),
            answer=self._of_top("line"),
            sure=" ".join(sure),
            step=self.calls.short_step() if self.listing else self.act(),
            stake=lost if lost is not None and self.told(lost) else None,
            measure=self._measure(self.say(f"churn.line.measure.{pays}", listed=listed, **money)) if priced else "",
            unknown=self.say("churn.line.unknown"),
        )

    def _measure(self, listed: str) -> str:
        """What is said of the list, or of the trial as long as nobody knows whether the list pays."""
        if self.verdict == "worth" or self.calls.trial is None or not self.told(self.calls.calling.even):
            return listed
        words = {"step": self.calls.contacting(self.calls.trial), "even": self.calls.calling.even}
        return self.say("churn.line.measure.trial", **words)

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        seen, terms = self.forecast.snapshots, self.forecast.terms
        if seen is None:
            return []
        log = self.scope().log
        days = self.voice.number(silence_of(self.data).days) if log == "events" else ""
        lines = [self.say(f"churn.foot.target.{log}", days=days, **self._window)]
        lines += [silence_text(self.voice, self.data)] if log == "events" else []
        if self.forecast.suspects:
            lines.append(self.say("churn.foot.suspects", columns=self._columns(self.forecast.suspects)))
        if self.verdict != "short":
            lines += [self.say("churn.foot.base")] if self.dated else []
            lines.append(self.say(f"churn.foot.model.{needed(self.forecast.model).chosen}"))
            if self.forecast.learned_from is not None:
                some = self.forecast.learned_from
                fact = Fact("model.customers", some, "customers", "customers that the model learned from", n=some)
                lines.append(self.say("churn.foot.sample", some=self.tell(fact, "n")))
            lines.append(self.say(f"churn.foot.tested.{self._scheme}"))
            keys = ["drivers", *["lists", "chance", "trial"] * self.listing, *["gain"] * self.priced]
            lines += [self.say(f"churn.foot.{key}") for key in keys]
        if terms is not None and terms.priced and terms.campaign.value is None and terms.margin is None:
            lines.append(self.say("churn.foot.margin"))
        if self.listing:
            lines.append(self.say("churn.foot.names"))
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
        if not self.told(self.facts.lower_half):
            return self.say("churn.risk.top", top=self.facts.risk(GROUPS))
        return self.say("churn.risk", top=self.facts.risk(GROUPS), low=self.facts.lower_half)

    def risk_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of what happened by risk."""
        facts = (self.facts.risk(int(group)) for group in self.facts.risks["group"])
        return self.drawn(self.risk_title, facts, kind="groups")

    def risk_caption(self) -> str:
        """How to read it, and whether probabilities can be believed."""
        ring = [self.say("churn.risk.caption.hidden")] if self.facts.few_left else []
        return " ".join([self.say("churn.risk.caption", right=upper_first(self._right())), *ring])

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        if self.forecast.leaks:
            yield Section(self.leaks_title(), self.leaks_text())
        if not self.short:
            yield self.picture(self.tested, self.risk_figure(), self.risk_caption())
        if self.listing:
            yield self.calls.list_section()
        if self.telling and self.priced:
            yield self.calls.yield_section()
        if self.telling:
            yield from self.drivers.blocks()
            yield from self.calls.details()


def churn_story(forecast: Forecast, *, lang: str = "en", threshold: int = 5) -> ChurnStory:
    """The story of who is about to leave, in a language, silent about fewer customers than the threshold."""
    return ChurnStory(forecast, voice_of(forecast.data, lang, threshold))


class ChurnChapter(Chapter):
    """Who is about to leave."""

    name = "03_who_is_about_to_leave"
    needs = (("subscriptions", "events", "role:churned"),)

    def compute(self) -> None:
        """Snapshots, a tested model, its list and what moves the risk."""
        before = self.study.forecast_before
        self.forecast = forecast_churn(self.data, campaign=self.study.campaign) if before is None else before

    def story(self, lang: str) -> ChurnStory:
        """The results in the words of a language."""
        return churn_story(self.forecast, lang=lang, threshold=self.study.threshold)

    def lists(self) -> Lists:
        """Whom to contact, and the tenth of the customers with the highest risk."""
        forecast = self.forecast
        if forecast.snapshots is None or forecast.model is None or forecast.contacts is None:
            return {}
        contacts = forecast.contacts
        if self.data.as_of is not None and ("subscriptions" in self.data.tables or "events" in self.data.tables):
            contacts = replace(contacts, occasions=occasions(self.data, effects=False))
        return {"contact_list": contacts.to_frame(), "highest_risk": riskiest(forecast, 1 / GROUPS).to_frame()}
