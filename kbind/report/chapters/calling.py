"""Whom to contact, what it yields, what it gets wrong, and what a trial takes, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from kbind.churn.contacts import ContactList
from kbind.churn.forecast import Forecast
from kbind.facts.calling import CallingFacts, Trial
from kbind.facts.churn import GROUPS, ListFacts
from kbind.facts.signs import SignGroup, sign_groups
from kbind.report.blocks import Section
from kbind.report.chapters.base import Speaker, needed
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import Voice

#: Past lists are said to have kept their word from this share on.
KEPT = 0.9
#: Width of a range from which on a share in it is told in whole per cent.
_WIDE = 0.02
#: Dates from which on a trial is said to take too long.
ENDLESS = 12


@dataclass(frozen=True, eq=False)
class CallingStory(Speaker):
    """Facts and sentences about the list of customers to contact.

    Parameters
    ----------
    forecast : Forecast
        With a test and a list.
    verdict : str
        What the chapter comes to; see `ChurnStory.verdict`.
    facts : ListFacts
        What the test says.
    scheme : str
        How it was tested: "forward" or "grouped".
    voice : Voice
        Who speaks.
    """

    forecast: Forecast
    verdict: str
    facts: ListFacts
    scheme: str
    voice: Voice = field(repr=False)

    @cached_property
    def calling(self) -> CallingFacts:
        """What calling brings, and what a trial takes."""
        return CallingFacts(self.forecast, self.facts)

    @property
    def listed(self) -> ContactList:
        """The list of the last date."""
        return self.facts.listed

    @property
    def size(self) -> int:
        """Customers on the list."""
        return len(self.listed.customer)

    @property
    def priced(self) -> bool:
        """Whether money is known."""
        return self.forecast.terms is not None and self.forecast.terms.priced

    @cached_property
    def signs(self) -> list[SignGroup]:
        """The list by its customers' strongest signs."""
        return sign_groups(self.listed, needed(self.forecast.snapshots), max(self.voice.disclosure.threshold, 2))

    def dates(self) -> str:
        """How many dates were tested: "5 frühere Stichtage"."""
        dates = len(self.facts.calls.as_of)
        fact = Fact("test.dates", dates, "count", "dates on which the prediction was tested", source="backtest(...)")
        return self.voice.catalogue.text("churn.dates", dates, n=self.tell(fact))

    def listed_customers(self, *, dative: bool = False) -> str:
        """How many customers are on the list, with their noun."""
        return self.tell(self.calling.listed_now, "n_dative" if dative else "n")

    @property
    def often(self) -> str:
        """For how long the gain of lists is told: "im Jahr", or "einmalig" where there are no dates."""
        return self.say("churn.often.year" if self.calling.dated else "churn.often.once")

    def chance(self) -> str:
        """Whether the list is better than calling at random."""
        key = "churn.chance.better" if self.calling.surely_better else "churn.chance.open"
        name = self.say("churn.list.by_gain" if self.priced else "churn.list.by_risk")
        return self.say(key, list=name, hit=self.facts.hit, others=self.calling.others)

    def assumed(self) -> str:
        """From which acceptance on the list pays, and which one it is counted with."""
        acceptance, even = self.calling.acceptance, self.calling.even
        origin = self.say("churn.terms.assumed" if self._guessed else "churn.terms.stated")
        if not self.told(even):
            return self.say("churn.assumed.never", acceptance=acceptance, origin=origin)
        wide = even.ci_upper - even.ci_lower > _WIDE
        words = {"even": self.tell(even, "whole" if wide else ""), "range": self.tell(even, "interval")}
        key = "churn.assumed" if self.verdict == "worth" else "churn.assumed.open"
        return self.say(key, acceptance=acceptance, origin=origin, **words)

    @property
    def _guessed(self) -> bool:
        return self.forecast.terms is not None and "acceptance" in self.forecast.terms.assumed

    # -- a trial ---------------------------------------------------------------------------------------

    @property
    def trial(self) -> Trial | None:
        """The trial that shows soonest whether contacting keeps anybody; None where its group is too small to tell."""
        trial = self.calling.best_trial
        return None if trial is None or self.hides(trial.half) else trial

    def step(self) -> str:
        """Whom to contact first, and when the result is known."""
        trial = self.trial
        if trial is None:
            return self.say("churn.step.none")
        if trial.name == "tenth":
            return " ".join([self.say("churn.step.tenth", **self._halves(trial, dative=True)), self._known(trial)])
        return " ".join([self.say("churn.step.list", **self._halves(trial, dative=True)), self._known(trial)])

    def short_step(self) -> str:
        """The same for a table."""
        trial = self.trial
        if trial is None:
            return self.say("churn.step.none")
        return " ".join([self.contacting(trial), self._known(trial)])

    def contacting(self, trial: Trial) -> str:
        """Whom to contact for a trial."""
        return self.say(f"churn.line.step.{trial.name}", **self._halves(trial))

    def _halves(self, trial: Trial, *, dative: bool = False) -> dict[str, str]:
        size = self.tell(trial.available, "n_dative" if dative else "n")
        return {"half": self.tell(trial.contacted), "size": size}

    def _known(self, trial: Trial) -> str:
        if trial.rounds > ENDLESS:
            return self.say("churn.known.never", needed=trial.needed)
        if not trial.days:
            return self.say("churn.known.once", needed=trial.needed, rounds=self._rounds("churn.rounds.once", trial))
        day = self.voice.day(self.calling.known_on(trial))
        return self.say("churn.known", rounds=self._rounds("churn.rounds", trial), day=day)

    def _rounds(self, key: str, trial: Trial) -> str:
        apart = needed(self.forecast.snapshots).horizon
        days = Fact("window.days", apart, "count", "days in which leaving counts, and from one date to the next")
        definition = "dates that a trial of this size takes"
        rounds = Fact(f"trial.{trial.name}.rounds", trial.rounds, "count", definition)
        return self.voice.catalogue.text(key, trial.rounds, n=self.tell(rounds), days=self.tell(days))

    def trial_text(self) -> list[str]:
        """How many customers a trial takes, in the list and in the riskiest tenth."""
        lines = []
        for name in ("tenth", "list"):
            trial = self.calling.trial(name)
            if trial is None or self.hides(trial.size):
                continue
            share = self.facts.hit if name == "list" else self.facts.risk(GROUPS)
            facts = {"share": share, "needed": trial.needed, "acceptance": self.calling.acceptance}
            rounds = self._rounds("churn.rounds.once", trial)
            lines.append(self.say(f"churn.trial.{name}", size=trial.available, rounds=rounds, **facts))
        return lines

    # -- the sections ----------------------------------------------------------------------------------

    def list_section(self) -> Section:
        """Whom to contact, by what stands out."""
        signs = self.list_table()
        return Section(self.list_title(), self.list_text(), signs if signs.rows else None)

    def yield_section(self) -> Section:
        """What a list brings."""
        return Section(self.yield_title(), self.yield_text())

    def details(self) -> Iterator[Section]:
        """What a reader opens who wants to know more: the trial, the assumptions, the mistakes."""
        listing, takes = self.size > 0 and not self.hides(self.size), self.trial_text()
        if listing and takes:
            yield Section(self.say("churn.trial.title"), [*takes, self.say("churn.trial.how")], folded=True)
        if self.priced:
            yield Section.of(self.terms_table(), folded=True)
        if listing and self.verdict != "nobody":
            yield Section(self.errors_title(), self.errors_text(), self.errors_table(), folded=True)

    # -- whom to contact -----------------------------------------------------------------------------

    def list_title(self) -> str:
        """Heading of the list by signs."""
        return self.say("churn.list", listed=self.listed_customers())

    def list_text(self) -> list[str]:
        """What the list is, and what the signs are not."""
        lines = [self.say("churn.list.text" if self.priced else "churn.list.text.risk"), self.say("churn.list.where")]
        if self.priced and self.told(self.facts.hit) and self.facts.hit.ci_upper < self.facts.risk(GROUPS).ci_lower:
            lines.append(self.say("churn.list.lower", hit=self.facts.hit, top=self.facts.risk(GROUPS)))
        without = self.listed.n_customers - self.listed.n_contactable
        if without and not self.hides(without):
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
        rows, whole = [], float(self.listed.expected_gain.sum())
        for group in self.signs:
            facts = group.facts(whole)
            shares = (self.tell(fact, "whole") for fact in (facts["risk"], *[facts["gain"]] * self.priced))
            rows.append([self.sign(group.signs), self.tell(facts["n"]), *shares])
        heads = ("sign", "n", "risk", *["share"] * self.priced)
        return self.table_of("churn.list.{}", heads, rows, title=self.say("churn.list.table"))

    # -- what it yields ------------------------------------------------------------------------------

    def yield_title(self) -> str:
        """Finding of what a list brings."""
        return self.say(f"churn.yield.{self.verdict}", gain=self.calling.gain, often=self.often)

    def yield_text(self) -> list[str]:
        """What past lists brought, from which acceptance on they pay, and what the new one promises."""
        lines = []
        if self.facts.calls.called.sum():
            told = {
                "past": self.facts.past,
                "gain": self.calling.gain,
                "lists": self.tell(self.calling.lists_a_year, "short"),
            }
            lines += [self.say(f"churn.yield.past.{self.scheme}", dates=self.dates(), **told), self.assumed()]
            added = self.calling.added
            key = "churn.yield.added" if added.ci_lower > 0 else "churn.yield.added.open"
            lines += [self.say(key, added=added)] if self.told(added) else []
        if self.facts.kept.known and self.facts.kept.value > 0 and self.told(self.facts.expected):
            key = "churn.yield.kept" if self.facts.kept.value >= KEPT else "churn.yield.promised"
            if self.size:
                lines.append(self.say(key, expected=self.facts.expected, kept=self.facts.kept))
        return lines or [self.say("churn.means.nobody")]

    def terms_table(self) -> Table:
        """What was assumed, and what was stated."""
        terms, calling, rows = needed(self.forecast.terms), self.calling, []
        for name in ("budget", "cost", "offer", "acceptance"):
            fact = calling.acceptance if name == "acceptance" else calling.term(name)
            origin = self.say(f"churn.terms.from.{name}" if name in terms.assumed else "churn.terms.stated")
            rows.append((self.say(f"churn.terms.{name}"), self.tell(fact, "whole"), origin))
        if terms.campaign.value is not None:
            rows.append(
                (self.say("churn.terms.value"), self.tell(calling.term("value")), self.say("churn.terms.stated"))
            )
        elif self.size:
            margin = Fact("terms.margin", terms.margin or 0, "share", "stated margin", source="terms")
            key = {"margin": self.tell(margin, "whole")} if terms.margin is not None else {}
            what = self.say("churn.terms.margin" if key else "churn.terms.revenue", **key)
            rows.append((what, self.tell(calling.worth), self.say("churn.terms.data")))
        return self.table_of("churn.terms.{}", ("what", "amount", "origin"), rows)

    # -- what the list gets wrong --------------------------------------------------------------------

    def errors_title(self) -> str:
        """Finding of what the list gets wrong."""
        return self.say("churn.errors", miss=self.facts.miss, missed=self.facts.missed)

    def errors_text(self) -> list[str]:
        """Both kinds of mistakes, and why they happen."""
        reached = self.tell(self.calling.reached, "n")
        called = "churn.errors.called" if self.facts.calls.gone.any() else "churn.errors.called.all"
        key = "churn.errors.missed" if self.priced else "churn.errors.missed.risk"
        return [
            self.say(called, miss=self.facts.miss),
            self.say(key, missed=self.facts.missed, reached=reached),
            self.say("churn.errors.prediction"),
        ]

    def errors_table(self) -> Table | None:
        """Counts over all tested dates; None where one of them is too small to tell."""
        calls = self.facts.calls
        called, left, leavers = (int(part.sum()) for part in (calls.called, calls.left, calls.leavers))
        counts = {"called": called, "left": left, "stayed": called - left, "leavers": leavers, "missed": leavers - left}
        if self.hides(*counts.values()):
            return None
        meaning, source = "customers, over all tested dates", "backtest(...).calls()"
        rows = [
            (
                self.say(f"churn.errors.{name}.row"),
                self.tell(Fact(f"errors.{name}", count, "customers", f"{name}: {meaning}", source=source)),
            )
            for name, count in counts.items()
        ]
        heads = (self.say("churn.errors.what"), self.voice.word("customers_upper"))
        return Table(self.say("churn.errors.table"), heads, rows)
