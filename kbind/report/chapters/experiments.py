"""Chapter 07: whether what was done worked, campaign by campaign, and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import nan

from kbind.dataset.dataset import Dataset
from kbind.experiments.verdicts import Verdicts, judge_campaigns
from kbind.facts.experiments import CampaignFacts, campaign_facts
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Line, Scope, Story, sureness, voice_of
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: How sure a figure is by half its range, as a share of it.
HIGH, MEDIUM = 0.5, 1.0


@dataclass(frozen=True, eq=False)
class ExperimentStory(Story):
    """Facts and sentences about campaigns.

    Parameters
    ----------
    data : Dataset
        What it is about.
    verdicts : Verdicts
        All campaigns.
    here : int
        Customers of today.
    voice : Voice
        Who speaks.
    """

    asks = "experiments.question"

    data: Dataset
    verdicts: Verdicts
    here: int
    voice: Voice = field(repr=False)

    def scope(self) -> Scope:
        """Who and when it is about."""
        log = "subscriptions" if self.data.has("subscriptions") else "events"
        return Scope.of_log(self.data, self.here, log, self.data.as_of)

    @cached_property
    def campaigns(self) -> list[CampaignFacts]:
        """What may be told of, what is worth most first."""
        return campaign_facts(self.verdicts, self.voice.disclosure)

    @property
    def main(self) -> CampaignFacts | None:
        """The campaign that is worth most."""
        return self.campaigns[0] if self.campaigns else None

    def _name(self, one: CampaignFacts) -> str:
        return named(one.effect.campaign)

    @cached_property
    def _horizon(self) -> Fact:
        days = self.verdicts.effects[0].horizon if self.verdicts.effects else 0
        return Fact("campaign.days", float(days), "count", "days after the assignment, as set")

    def _money(self, fact: Fact | None) -> Fact | None:
        return fact if fact is not None and self.told(fact) else None

    # -- sentences -----------------------------------------------------------------------------------

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.main is None:
            return self.say("experiments.finding.none")
        one = self.main
        values: dict[str, object] = {"campaign": self._name(one), "days": self._horizon}
        stake = self._money(one.stake)
        if one.outcome in ("works", "harms"):
            key = f"experiments.finding.{one.outcome}" + (".money" if stake is not None else "")
            return self.say(key, more=one.difference, **values, **({} if stake is None else {"stake": stake}))
        spent = self._money(one.spent)
        if spent is None:
            return self.say(f"experiments.finding.{one.outcome}", treated=one.treated, **values)
        return self.say(f"experiments.finding.{one.outcome}.money", treated=one.treated, spent=spent, **values)

    def means(self) -> str:
        """What the answer means: like compared with like, and what the plain comparison says."""
        one = self.main
        if one is None:
            return self.say("experiments.means.none")
        lines = []
        stake, spent = self._money(one.stake), self._money(one.spent)
        if one.outcome in ("works", "harms"):
            if stake is not None:
                lines.append(self.say("experiments.means.range", stake=stake))
            if spent is not None:
                lines.append(self.say("experiments.means.spent", spent=spent, treated=one.treated))
        if not one.effect.randomised and self._differs(one):
            more = "more" if one.effect.naive.value > 0 else "fewer"
            lines.append(self.say(f"experiments.means.naive.{more}", naive=one.naive, days=self._horizon))
            lines.append(self.say(f"experiments.means.like.{one.outcome}"))
        if one.outcome == "nothing":
            lines.append(self.say("experiments.means.nothing", more=one.difference))
        return " ".join(lines)

    def _differs(self, one: CampaignFacts) -> bool:
        """Whether the plain comparison shows a difference that a reader would see."""
        return self.told(one.naive) and round(100 * self.voice.disclosure.fact(one.naive).value) != 0

    def act(self) -> str:
        """What a manager should do."""
        one = self.main
        if one is None:
            return self.say("experiments.act.none")
        return self._step(one)

    def _step(self, one: CampaignFacts) -> str:
        if one.outcome == "harms" or (one.outcome == "nothing" and one.hopeless):
            return self.say(f"experiments.act.stop.{one.outcome}")
        if one.outcome == "works" and one.effect.randomised:
            return self.say("experiments.act.repeat")
        lot = self.say("experiments.act.confirm" if one.outcome == "works" else "experiments.act.lot")
        if one.needed is None:
            return lot
        return " ".join([lot, self.say("experiments.act.size", needed=one.needed, wanted=one.wanted)])

    def certainty(self) -> str:
        """How sure the figure is, and how sure it is that the step pays."""
        one = self.main
        if one is None:
            return self.say("experiments.certainty.none")
        if one.outcome == "unknown":
            return " ".join([self.say("experiments.certainty.unknown"), self.say(f"experiments.why.{one.why}")])
        figure = self.say(f"experiments.certainty.{self._level(one)}", more=one.difference)
        if one.outcome == "nothing":
            return figure
        how = "lot" if one.effect.randomised else "chosen"
        return " ".join([figure, self.say(f"experiments.certainty.{how}")])

    def _level(self, one: CampaignFacts) -> str:
        if one.outcome in ("nothing", "unknown"):
            return sureness(one.difference)
        level = sureness(one.difference, HIGH, MEDIUM, of=one.difference.value or nan)
        return "medium" if level == "high" and not one.effect.randomised else level

    def tiles(self) -> list[tuple[str, str, str]]:
        """Money kept or spent, the difference, and the plain comparison where somebody chose."""
        one = self.main
        if one is None:
            return []
        tiles = []
        stake, spent = self._money(one.stake), self._money(one.spent)
        if stake is not None:
            label = self.labelled(self._label(one.outcome, one), stake)
            tiles.append((self.tell(stake, "about"), label, self.say("experiments.tile.range", fact=stake)))
        if spent is not None:
            label = self.labelled(self._label("spent", one), spent)
            tiles.append((self.tell(spent, "about"), label, self.say("experiments.tile.on", treated=one.treated)))
        if one.outcome in ("works", "harms"):
            tiles.append(self._of100("more" if one.outcome == "works" else "fewer", one, one.difference))
        elif one.outcome == "nothing":
            tiles.append(self._of100("open", one, one.difference))
        elif self._differs(one) and not one.effect.randomised:
            more = "more" if one.effect.naive.value > 0 else "fewer"
            tiles.append(self._of100(f"naive_{more}", one, one.naive))
        return tiles[:3]

    def _label(self, name: str, one: CampaignFacts) -> str:
        return self.say(f"experiments.tile.{name}", campaign=self._name(one))

    def _of100(self, name: str, one: CampaignFacts, fact: Fact) -> tuple[str, str, str]:
        label = self.labelled(self._label(name, one), fact)
        return self.say("experiments.tile.of100", fact=fact), label, self.say("experiments.tile.note", fact=fact)

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters."""
        one = self.main
        if one is None or not one.worth:
            return None
        stake = self._money(one.stake) or self._money(one.spent)
        how = "open" if one.outcome in ("nothing", "unknown") else "lot" if one.effect.randomised else "chosen"
        sure = "unknown" if one.outcome == "unknown" else self._level(one)
        values: dict[str, object] = {"campaign": self._name(one), "days": self._horizon, "treated": one.treated}
        if one.outcome in ("works", "harms"):
            values["more"] = one.difference
        return Line(
            question=self.say("experiments.line.question"),
            answer=self.say(f"experiments.line.{one.outcome}", **values),
            sure=" ".join([self.say(f"experiments.line.sure.{sure}"), self.say(f"experiments.line.sure.{how}")]),
            step=self.say(f"experiments.line.step.{self._line_step(one)}"),
            stake=stake,
            measure=self._step(one),
            unknown=self.say("experiments.line.open", campaign=self._name(one)) if how == "open" else "",
        )

    def _line_step(self, one: CampaignFacts) -> str:
        if one.outcome == "harms" or (one.outcome == "nothing" and one.hopeless):
            return "stop"
        return "repeat" if one.outcome == "works" else "lot"

    def definitions(self) -> Sequence[str]:
        """What was counted, in plain words."""
        kinds = {one.effect.randomised for one in self.campaigns}
        log = "contracts" if self.data.has("subscriptions") else "orders"
        lines = [self.say(f"experiments.foot.stays.{log}", days=self._horizon)]
        lines += [self.say("experiments.foot.lot")] if True in kinds else []
        lines += [self.say("experiments.foot.chosen")] if False in kinds else []
        if any(one.stake is not None for one in self.campaigns):
            lines.append(self.say("experiments.foot.money"))
        if self.verdicts.left_out:
            lines.append(self.say("experiments.foot.more"))
        return [*lines, *self.of_truth(self.data)]

    # -- the sections --------------------------------------------------------------------------------

    def campaigns_table(self) -> Table:
        """Every campaign: how many got it, the difference, money kept and spent, and the verdict."""
        rows = []
        for one in self.campaigns:
            difference, spread = self._points(one) if one.outcome != "unknown" else (DASH, DASH)
            stake, spent = self._money(one.stake), self._money(one.spent)
            rows.append(
                [
                    self._name(one), self.tell(one.treated), difference, spread,
                    DASH if stake is None else self._signed(one, stake),
                    DASH if spent is None else self.tell(spent, "about"),
                    self.say(f"experiments.verdict.{one.outcome}"),
                ]
            )  # fmt: skip
        names = ("campaign", "treated", "more", "range", "stake", "spent", "verdict")
        return self.table_of("experiments.table.{}", names, rows, words=(6,))

    def _signed(self, one: CampaignFacts, stake: Fact) -> str:
        told = self.tell(stake, "about")
        return self.say("experiments.table.lost", stake=stake) if one.outcome == "harms" else told

    def _points(self, one: CampaignFacts) -> tuple[str, str]:
        told = self.voice.disclosure.fact(one.difference)
        sign = -1 if one.outcome == "harms" else 1
        ends = sorted((sign * told.ci_lower, sign * told.ci_upper))
        value, low, high = (self.voice.number(100 * x, 1) for x in (sign * told.value, *ends))
        self.voice.note(one.difference)
        return value, self.voice.between(low, high)

    def chosen_table(self) -> Table:
        """Campaigns whose customers somebody chose: as they are, like with like, and why it may not be told."""
        rows = []
        for one in self._chosen:
            told = self.voice.disclosure.fact(one.naive)
            sign = -1 if one.effect.naive.value < 0 else 1
            naive = self.voice.number(100 * sign * told.value, 1) if told.known else DASH
            self.voice.note(one.naive)
            like = self._points(one)[0]
            why = self.say(f"experiments.why.{one.why}") if one.why else self.say("experiments.why.fine")
            rows.append([self._name(one), naive, like, why])
        return self.table_of("experiments.chosen.{}", ("campaign", "naive", "like", "why"), rows, words=(3,))

    @property
    def _chosen(self) -> list[CampaignFacts]:
        return [one for one in self.campaigns if not one.effect.randomised]

    @property
    def _alone(self) -> bool:
        """Whether the picture shows one campaign: the only one, or one whose plain comparison misleads."""
        return len(self.campaigns) == 1 or self.campaigns[0].outcome == "unknown"

    def picture_title(self) -> str:
        """Finding of the picture."""
        works = sum(one.outcome == "works" for one in self.campaigns)
        if self._alone:
            return self.say(f"experiments.picture.{self.campaigns[0].outcome}", campaign=self._name(self.campaigns[0]))
        if not works:
            return self.say("experiments.picture.no")
        every = "all" if works == len(self.campaigns) else "some"
        counts = {"works": self.voice.number(works), "all": self.voice.number(len(self.campaigns))}
        return self.say(f"experiments.picture.{every}", **counts)

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        main = self.main
        if main is None:
            return
        figure = {"voice": self.voice, "title": self.picture_title()}
        caption = self.say("experiments.picture.caption", days=self._horizon)
        yield self.picture(main.effect if self._alone else self.verdicts, figure, caption)
        yield Section.of(self.campaigns_table())
        if self._chosen:
            table = self.chosen_table()
            yield Section(table.title, [self.say("experiments.chosen.text"), *self._rebounds()], table, folded=True)

    def _rebounds(self) -> list[str]:
        """Where customers were chosen while they used little: how others like them went on."""
        lines = []
        for one in self._chosen:
            if one.rebound is not None and self.told(*one.rebound):
                own, others = one.rebound
                lines.append(self.say("experiments.rebound", campaign=self._name(one), own=own, others=others))
        return lines


class ExperimentChapter(Chapter):
    """Whether what was done worked, campaign by campaign."""

    name = "07_did_it_work"
    needs = (("campaigns.assigned_at",), ("subscriptions", "events"))

    def compute(self) -> None:
        """The verdict on every campaign."""
        self.verdicts = judge_campaigns(self.data)

    def story(self, lang: str) -> ExperimentStory:
        """The results in the words of a language."""
        voice = voice_of(self.data, lang, self.study.threshold)
        return ExperimentStory(self.data, self.verdicts, len(self.study.here), voice)
