"""What the chapter says about who is about to leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kbind.estimates.churn import Forecast
from kbind.facts.churn import GROUPS, SHOWN, feature_value, lever, lever_name
from kbind.statistics.silence import silence_of
from kbind.story.base import sureness
from kbind.story.churn.facts import ChurnFacts
from kbind.story.leaks import leak_text
from kbind.story.shop import silence_text
from kbind.wording import Disclosure, Fact, Table, Voice, named

#: Half width of the highest tenth's interval, as a share of it, up to which certainty is called high, and medium.
HIGH, MEDIUM = 0.15, 0.35
#: Past lists are said to have kept their word from this share on.
KEPT = 0.9


class ChurnStory(ChurnFacts):
    """Facts and sentences about who is about to leave."""

    @property
    def verdict(self) -> str:
        """What the chapter comes to: "short", "blind", "nobody", "few", "unpriced", "open" or "worth"."""
        if self.short or not self.told(self.risk(GROUPS)) or not self.told(self.anyone):
            return "short"
        if not self.tells:
            return "blind"
        if self.nobody:
            return "nobody"
        if self.voice.disclosure.hides(self.size):
            return "few"
        if not self.priced:
            return "unpriced"
        return "worth" if self.surely_worth else "open"

    @property
    def listing(self) -> bool:
        """Whether there is a list to speak of."""
        return self.verdict in ("worth", "open", "unpriced")

    @property
    def telling(self) -> bool:
        """Whether the risk can be told of."""
        return self.verdict not in ("short", "blind")

    def question(self) -> str:
        """What the chapter asks."""
        return self.voice.say("churn.question")

    def finding(self) -> str:
        """The answer in one sentence."""
        verdict = self.verdict
        if verdict in ("short", "blind"):
            why = self.lack if verdict == "short" else verdict
            return self.voice.say(f"churn.finding.{why}")
        key = "churn.finding.nobody" if verdict == "nobody" else "churn.finding.list"
        return self.voice.say(key, top=self.risk(GROUPS), all=self.anyone)

    def means(self) -> str:
        """What the answer means."""
        verdict = self.verdict
        if verdict == "short":
            words = {"enough": self.voice.number(self.enough), "left": self.voice.count(self.left)}
            return self.voice.say(f"churn.means.{self.lack}", days=self.voice.number(self.least_days), **words)
        if verdict == "blind":
            return self.voice.say("churn.means.blind")
        if not self.priced:
            return self.voice.say("churn.means.unpriced", hit=self.hit)
        if verdict == "nobody":
            return self.voice.say("churn.means.nobody")
        return self.voice.say(f"churn.means.{self._scheme}", past=self.past)

    def act(self) -> str:
        """What a manager should do."""
        verdict = self.verdict
        if verdict == "short":
            return self.voice.say(f"churn.act.{self.lack}")
        if verdict in ("blind", "nobody", "few"):
            return self.voice.say(f"churn.act.{verdict}")
        return self.voice.say(f"churn.act.{verdict}", listed=self.voice.customers(self.size))

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.verdict == "short":
            return self.voice.say("churn.certainty.short")
        top = self.risk(GROUPS)
        level = sureness(top, HIGH, MEDIUM, of=top.value or math.nan)
        tested = self.voice.say(f"churn.tested.{self._scheme}", dates=self._dates())
        right = self.voice.say(
            "churn.right" if self.calibrated else "churn.wrong", announced=self.announced, happened=self.happened
        )
        return self.voice.say(f"churn.certainty.{level}", tested=tested, right=right)

    @property
    def _scheme(self) -> str:
        return "forward" if self.tested.scheme == "forward" else "grouped"

    def _dates(self) -> str:
        return self.voice.catalogue.text("churn.dates", self.dates, n=self.voice.number(self.dates))

    def tiles(self) -> list[tuple[str, str, str]]:
        """Of those on the list, who would leave; of the leavers, who is on it; what it brings."""
        if not self.listing or not (self.told(self.hit) and self.told(self.found)):
            return []
        say, tell = self.voice.say, self.voice.tell
        tiles = [
            (tell(self.hit), say("churn.tile.hit", all=self.anyone), say("churn.tile.hit.note", fact=self.hit)),
            (tell(self.found), say("churn.tile.found"), say("churn.tile.found.note", fact=self.found)),
        ]
        if self.priced:
            tiles.append((tell(self.past, "about"), say("churn.tile.past"), tell(self.past, "interval")))
        return tiles

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        say, number = self.voice.say, self.voice.number
        seen, terms = self.forecast.snapshots, self.forecast.terms
        if seen is None:
            return []
        log = self.scope().log
        window = {"start": number(seen.lead), "end": number(seen.lead + seen.horizon)}
        days = number(silence_of(self.data).days) if log == "events" else ""
        lines = [say(f"churn.foot.target.{log}", days=days, **window)]
        lines += [silence_text(self.voice, self.data)] if log == "events" else []
        if self.forecast.suspects:
            lines.append(say("churn.foot.suspects", columns=self._columns(self.forecast.suspects)))
        if self.verdict != "short":
            if self.dated:
                lines.append(say("churn.foot.base"))
            lines += [
                say(f"churn.foot.model.{self.chosen}"),
                say(f"churn.foot.tested.{self._scheme}"),
                say("churn.foot.drivers"),
            ]
            lines += [say("churn.foot.lists")] if self.listing else []
            lines += [say("churn.foot.gain")] if self.priced else []
        if terms is not None and terms.priced and terms.campaign.value is None and terms.margin is None:
            lines.append(say("churn.foot.margin"))
        if self.priced and not self.voice.currency:
            lines.append(say("value.foot.currency"))
        if self.data.truth is not None:
            lines.append(say("survival.foot.truth"))
        return lines

    # -- columns that know the outcome ---------------------------------------------------------------

    def leaks_title(self) -> str:
        """Heading of what was left out."""
        return self.voice.say("leaks.title", columns=self._columns([leak.column for leak in self.leaks]))

    def leaks_text(self) -> list[str]:
        """How each column shows the outcome, and what to do about it."""
        return [*(leak_text(leak, self.voice) for leak in self.leaks), self.voice.say("leaks.act")]

    def _columns(self, names: Sequence[str]) -> str:
        shown = [named(name) for name in names[:SHOWN]]
        more = len(names) - len(shown)
        return ", ".join([*shown, *([self.voice.catalogue.text("leaks.more", more, n=str(more))] if more else [])])

    # -- how well one can tell -----------------------------------------------------------------------

    @property
    def lower_half(self) -> Fact:
        """Share who left of the half with the lower risk."""
        frame = self.risks.head(GROUPS // 2)
        left, n = int(frame["left"].sum()), int(frame["n"].sum())
        definition = "leavers / customers, among the half with the lower predicted risk"
        return Fact("risk.lower", left / n if n else float("nan"), "share", definition, n=n, count=left,
                    source="backtest(...).by_risk()")  # fmt: skip

    def risk_title(self) -> str:
        """Finding of what happened by risk."""
        if not self.tells:
            return self.voice.say("churn.risk.blind")
        if self.hidden_groups or not self.told(self.lower_half):  # the half could give a hidden tenth away
            return self.voice.say("churn.risk.top", top=self.risk(GROUPS))
        return self.voice.say("churn.risk", top=self.risk(GROUPS), low=self.lower_half)

    def risk_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of what happened by risk."""
        self.voice.note(*(self.risk(int(group)) for group in self.risks["group"]))
        return {"voice": self.voice, "title": self.risk_title(), "kind": "groups"}

    def risk_caption(self) -> str:
        """How to read it, and whether probabilities can be believed."""
        right = self.voice.say(
            "churn.right" if self.calibrated else "churn.wrong", announced=self.announced, happened=self.happened
        )
        level = self.voice.percent(self.tested.conf_level)
        return self.voice.say("churn.risk.caption", level=level, right=right[:1].upper() + right[1:])

    # -- whom to contact -----------------------------------------------------------------------------

    def list_title(self) -> str:
        """Heading of the list by signs."""
        return self.voice.say("churn.list", listed=self.voice.customers(self.size))

    def list_text(self) -> list[str]:
        """What the list is, and what the signs are not."""
        lines = [self.voice.say("churn.list.text" if self.priced else "churn.list.text.risk")]
        if self.priced and self.told(self.hit) and self.hit.ci_upper < self.risk(GROUPS).ci_lower:
            lines.append(self.voice.say("churn.list.lower", hit=self.hit, top=self.risk(GROUPS)))
        if self.consented:
            without = self.listed.n_customers - self.listed.n_contactable
            definition = "customers who have not agreed to be contacted"
            fact = Fact("list.no_consent", without, "customers", definition, source="contact_list(...)")
            lines.append(self.voice.say("churn.list.consent", without=fact))
        return lines

    def sign(self, signs: tuple[str, ...]) -> str:
        """Signs in words: "wenig Nutzung und baldiges Vertragsende"."""
        words = [self.voice.say(f"churn.sign.{sign}") for sign in signs]
        text = self.voice.say("churn.signs", first=words[0], second=words[-1]) if len(words) > 1 else words[0]
        return text[:1].upper() + text[1:]

    def list_table(self) -> Table:
        """The list by signs, without anybody's name."""
        voice, rows = self.voice, []
        whole = float(self.listed.expected_gain.sum())
        for group in self.signs:
            row = [self.sign(group.signs), voice.count(group.n), voice.percent(group.leaving / group.n)]
            if self.priced:
                row.append(voice.percent(group.gain / whole if whole > 0 else float("nan")))
            rows.append(row)
        heads = ["sign", "n", "risk", *(["share"] if self.priced else [])]
        return Table(voice.say("churn.list.table"), [voice.say(f"churn.list.{name}") for name in heads], rows)

    # -- what it yields ------------------------------------------------------------------------------

    def yield_title(self) -> str:
        """Finding of what a list brings."""
        return self.voice.say(f"churn.yield.{self.verdict}", past=self.past)

    def yield_text(self) -> list[str]:
        """What past lists brought, and what the new one promises."""
        say, lines = self.voice.say, []
        if self.calls.called.sum():
            lines.append(say(f"churn.yield.past.{self._scheme}", past=self.past, dates=self._dates()))
        if self.kept.known and self.kept.value > 0 and self.told(self.expected):
            key = "churn.yield.kept" if self.kept.value >= KEPT else "churn.yield.promised"
            if self.size:
                lines.append(say(key, expected=self.expected, kept=self.kept))
        return lines or [say("churn.means.nobody")]

    def terms_table(self) -> Table:
        """What was assumed, and what was stated."""
        voice, terms = self.voice, self.forecast.terms
        assert terms is not None
        say = voice.say
        stated = vars(terms.campaign)
        rows = []
        for name in ("budget", "cost", "offer", "acceptance"):
            written = voice.percent(stated[name]) if name == "acceptance" else voice.money(stated[name])
            origin = say("churn.terms.assumed" if name in terms.assumed else "churn.terms.stated")
            rows.append((say(f"churn.terms.{name}"), written, origin))
        if terms.campaign.value is not None:
            rows.append((say("churn.terms.value"), voice.money(terms.campaign.value), say("churn.terms.stated")))
        elif self.size:
            key = "revenue" if terms.margin is None else "margin"
            what = say(f"churn.terms.{key}", margin=voice.percent(terms.margin or 0))
            rows.append((what, voice.money(float(self.listed.value.mean())), say("churn.terms.data")))
        heads = [say(f"churn.terms.{name}") for name in ("what", "amount", "origin")]
        return Table(say("churn.terms.title"), heads, rows)

    # -- what moves the risk -------------------------------------------------------------------------

    def lever_name(self, feature: str, others: str = "") -> str:
        """A feature in words, and how many go with it."""
        return lever_name(self.moved.snapshots, self.voice, feature, others)

    def drivers_title(self) -> str:
        """Finding of what moves the risk."""
        if self.levers.empty:
            return self.voice.say("churn.drivers.none")
        return self.voice.say("churn.drivers", feature=self.lever_name(self.levers["feature"].iloc[0]))

    def drivers_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of what moves the risk."""
        self.voice.note(*(lever(self.moved, row) for _, row in self.levers.iterrows()))
        return {"voice": self.voice, "title": self.drivers_title()}

    def drivers_caption(self) -> str:
        """How to read it, and what it does not say."""
        return self.voice.say("churn.drivers.caption", level=self.voice.percent(self.moved.conf_level))

    def customer_text(self, customer: Any) -> list[str]:
        """What goes with one customer's risk, in words; for the notebook, not for a page.

        Parameters
        ----------
        customer : object
            As in the snapshots.
        """
        frame = self.moved.of_customer(customer)
        say, percent = self.voice.say, self.voice.percent
        lines = [say("churn.one", risk=percent(frame.attrs["risk"], 1))]
        for _, row in frame.head(3).iterrows():
            key = "churn.one.higher" if row["effect"] > 0 else "churn.one.lower"
            points = self.voice.number(100 * abs(float(row["effect"])), 1)
            value = feature_value(self.moved.snapshots, self.voice, row["value"], row["feature"])
            name = self.lever_name(row["feature"], row["with"])
            lines.append(
                say(
                    key,
                    feature=name,
                    value=value,
                    points=points,
                )
            )
        return lines

    # -- what the list gets wrong --------------------------------------------------------------------

    def errors_title(self) -> str:
        """Finding of what the list gets wrong."""
        return self.voice.say("churn.errors", miss=self.miss, missed=self.missed)

    def errors_text(self) -> list[str]:
        """Both kinds of mistakes, and why they happen."""
        # as many as the budget reaches, which test lists may not use up
        say, reached = self.voice.say, self.voice.customers(int(self.calls.called.max()))
        called = "churn.errors.called" if self.calls.gone.any() else "churn.errors.called.all"
        key = "churn.errors.missed" if self.priced else "churn.errors.missed.risk"
        return [
            say(called, miss=self.miss),
            say(key, missed=self.missed, reached=reached),
            say("churn.errors.prediction"),
        ]

    def errors_table(self) -> Table | None:
        """Counts over all tested dates; None where one of them is too small to tell."""
        voice, calls = self.voice, self.calls
        called, left, leavers = (int(part.sum()) for part in (calls.called, calls.left, calls.leavers))
        counts = {"called": called, "left": left, "stayed": called - left, "leavers": leavers, "missed": leavers - left}
        if any(voice.disclosure.hides(count) for count in counts.values()):
            return None
        rows = [(voice.say(f"churn.errors.{name}.row"), voice.number(count)) for name, count in counts.items()]
        heads = (voice.say("churn.errors.what"), voice.word("customers_upper"))
        return Table(voice.say("churn.errors.table"), heads, rows)


def churn_story(forecast: Forecast, *, lang: str = "en", threshold: int = 5) -> ChurnStory:
    """The story of who is about to leave, in a language, silent about fewer customers than the threshold."""
    card = forecast.data.card
    voice = Voice(
        lang,
        customer=card.customer,
        action="stay",
        disclosure=Disclosure(threshold),
        currency=getattr(card, "currency", "") or "",
    )
    return ChurnStory(forecast, voice)
