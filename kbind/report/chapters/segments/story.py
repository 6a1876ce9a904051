"""What the chapter says about what the customers who left have in common."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.contrasts.contrasts import Contrasts
from kbind.dataset.dataset import Dataset
from kbind.facts.contrasts import shown_contrasts
from kbind.reasons.by_type import ReasonsByType
from kbind.report.chapters.base import needed, voice_of
from kbind.report.chapters.segments.cards import Segments
from kbind.report.chapters.segments.groups import GroupStory
from kbind.segments.segmentation import Segmentation
from kbind.text.facts import Fact
from kbind.text.tables import Table

#: Lower limit of an effect from which certainty is called high.
HIGH = 1.5
#: Reversals that are named.
REVERSALS = 5
#: What becomes of a difference, as `Contrasts.reversals` says it.
_CHANGES = {"the other way round": "reversed", "clear only after adjusting": "appears"}


class SegmentStory(GroupStory):
    """Facts and sentences about what the customers who left have in common."""

    # -- the opening ---------------------------------------------------------------------------------

    @cached_property
    def headline(self) -> int | None:
        """Place of the most striking level that is striking at first sight, too."""
        places = [int(place) for place in self.striking["place"]]
        both = [place for place in places if self.raw(place).ci_lower > 1 and self.told(*self.left_of(place))]
        return both[0] if both else None

    def finding(self) -> str:
        """The answer in one sentence."""
        answer = self.answer
        if answer == "short":
            return self.say("segments.finding.short")
        if answer == "no":
            return self.say("segments.finding.no" if self.stated else "segments.finding.no_type")
        if not len(self.striking):
            reason, share = self.stated[0]
            return self.say("segments.finding.reason", reason=self.names.reason(reason), share=share)
        if self.headline is None:
            return self.say("segments.finding.only_alike", pair=self.label(int(self.striking["place"].iloc[0])))
        here, rest = self.left_of(self.headline)
        words = {"those": self._those(self.headline), "here": here, "rest": rest}
        if answer == "yes":
            return self.say("segments.finding.yes", k=self.voice.number(needed(self.segments).found.k), **words)
        return self.say(f"segments.finding.partly_{self._grouping}", **words)

    def means(self) -> str:
        """What the answer means: whether there is one reason, and where most revenue was lost."""
        if self.answer == "short":
            return self.say("segments.means.short")
        lines = []
        if self.stated and self.told(self.stated[0][1]):
            reason, share = self.stated[0]
            key = "segments.means.one_reason" if self.one_reason else "segments.means.many_reasons"
            lines.append(self.say(key, reason=self.names.reason(reason), share=share))
        costly = self.costliest
        if costly is not None:
            words = {"name": self.card_name(costly), "revenue": costly.revenue, "share": costly.revenue_share}
            lines.append(self.say(f"segments.means.{self._paid}", **words))
        return " ".join(lines) or self.say("segments.means.types" if len(self.striking) else "segments.means.none")

    def act(self) -> str:
        """What a manager should do."""
        if self.answer == "short":
            return self.say("segments.act.short")
        if not len(self.striking):
            return self.say("segments.act.reason" if self.one_reason else "segments.act.no")
        return self.say("segments.act.type", attributes=self.voice.listed(self._watched))

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.answer == "short":
            return self.say("segments.certainty.short")
        if self.headline is None:
            return self.say("segments.certainty.no", lost=self._customers_lost())
        effect = self.effect(self.headline)
        level = "high" if effect.ci_lower > HIGH else "medium"
        kind = "adjusted" if self.adjusted else "raw"
        return self.say(f"segments.certainty.{level}_{kind}", lost=self._customers_lost(), effect=effect)

    def tiles(self) -> list[tuple[str, str, str]]:
        """Share lost, share lost of the most striking type, and the most frequent reason."""
        if self.answer == "short":
            return []
        tiles = [
            (self.tell(self.lost), self.say("segments.tile.lost"), self.say("segments.tile.lost_note", fact=self.lost))
        ]
        if self.headline is not None:
            here, rest = self.left_of(self.headline)
            label = self.say("segments.tile.type", those=self._those(self.headline))
            tiles.append((self.tell(here), label, self.say("segments.tile.type_note", here=here, rest=rest)))
        if self.stated and self.told(self.stated[0][1]):
            reason, share = self.stated[0]
            label = self.say("segments.tile.reason", reason=self.names.reason(reason))
            tiles.append((self.tell(share), label, self.say("segments.tile.reason_note", share=share)))
        return tiles

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        if self.contrasts is None:
            return []
        scope = self.scope()
        left = {"customers": "flag", "subscriptions": "contract"}.get(scope.log, "silence")
        lines = [self.say(f"segments.foot.{left}")]
        lines.append(self.say(f"segments.foot.{self.kind}"))
        if self.adjusted:
            alike = self.voice.listed([self.names.attribute(name) for name in self.contrasts.adjust])
            lines.append(self.say("segments.foot.alike", attributes=alike))
        lines.append(self.say("segments.foot.many", fdr=self.voice.percent(self.contrasts.fdr)))
        if self.contrasts.leaks:
            left_out = self.voice.listed([self.names.attribute(leak.column) for leak in self.contrasts.leaks])
            lines.append(self.say("leaks.foot", columns=left_out))
        if self.segments is not None:
            used = self.voice.listed([self.names.attribute(name) for name in self.segments.found.coding.attributes])
            lines.append(self.say("segments.foot.segments", attributes=used))
        if self.data.truth is not None:
            lines.append(self.say("survival.foot.truth"))
        return lines

    # -- contrasts -----------------------------------------------------------------------------------

    @cached_property
    def shown(self) -> pd.DataFrame:
        """Rows of the figure: the largest effects, from those who leave most to those who stay most."""
        if self.contrasts is None:
            return self.findings
        return shown_contrasts(self.contrasts, self.frame)

    def contrast_title(self) -> str:
        """Finding of the contrasts."""
        if not len(self.findings):
            return self.say("segments.contrast.none")
        if not len(self.striking):
            return self.say("segments.contrast.small")
        place = self.headline if self.headline is not None else int(self.striking["place"].iloc[0])
        effect = self.effect(place)
        if self.rates and self.told(effect):
            return self.say("segments.contrast.rate", those=self._those(place), effect=effect)
        return self.say("segments.contrast.odds", pair=self.label(place))

    def contrast_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of contrasts."""
        facts = []
        for place in map(int, self.shown["place"]):
            raw = self.raw(place)
            facts += [self.effect(place), *([raw] if self.adjusted and np.isfinite(raw.value) else [])]
        return self.drawn(self.contrast_title, facts, names=self.names)

    def contrast_caption(self) -> str:
        """How to read the contrasts."""
        level = self.voice.percent(needed(self.contrasts).conf_level)
        lines = [self.say(f"segments.contrast.caption_{self.kind}", level=level)]
        if self.adjusted:
            lines.append(self.say("segments.contrast.ring"))
        return " ".join([*lines, self.say("segments.contrast.cause")])

    def contrast_table(self) -> Table:
        """The contrasts as a table: shares who left, and the effect with its range."""
        head = [self.say(f"segments.table.{name}") for name in ("attribute", "here", "rest")]
        head += [self.say(f"segments.table.{self.kind}"), self.say("segments.table.range")]
        rows = []
        for place in self.shown["place"]:
            here, rest = self.left_of(int(place))
            effect = self.effect(int(place))
            rows.append(
                [
                    self.label(int(place)),
                    self.tell(here),
                    self.tell(rest),
                    self.tell(effect),
                    self.tell(effect, "range"),
                ]
            )
        return Table(self.say("segments.table.title"), head, rows)

    def reversal_title(self) -> str:
        """Finding of the second look."""
        return self.say("segments.reversal.title")

    def reversal_text(self) -> list[str]:
        """What looks different once customers are compared who are alike otherwise, one sentence a kind of change."""
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
                item = self.say(key, pair=self.label(place), raw=raw, adjusted=adjusted)
                told.setdefault((kind, first, second), []).append(item)
        lines = [
            self.say(f"segments.reversal.{kind}", first=first, second=second, items="; ".join(items))
            for (kind, first, second), items in told.items()
        ]
        return [*lines, self.say("segments.reversal.why")] if lines else []

    def _direction(self, effect: Fact) -> str:
        return self.say("segments.more" if effect.value > 1 else "segments.less")

    @property
    def kind(self) -> str:
        """Of which ratio effects are: "rates" or "odds"."""
        return "rates" if self.rates else "odds"

    def label(self, place: int) -> str:
        """Attribute and level of a comparison: "Branche: Handel"."""
        own = needed(self.contrasts).comparisons[place]
        return self.names.pair(own.attribute, own.level)

    def _those(self, place: int) -> str:
        own = needed(self.contrasts).comparisons[place]
        return self.names.those(own.attribute, own.level)

    def _customers_lost(self) -> str:
        return self.voice.customers(self.lost.count or 0)


def segment_story(
    data: Dataset,
    contrasts: Contrasts | None,
    reasons: ReasonsByType | None = None,
    segments: Segmentation | None = None,
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
        Churned against retained; None where there is nothing to compare.
    reasons : ReasonsByType or None
        Why they say they left; None where nobody was asked.
    segments : Segmentation or None
        Of those who left; None where there are too few.
    lang : {"de", "en"}
        Language.
    threshold : int
        Smallest number of customers that is told.
    """
    voice = voice_of(data, lang, threshold)
    found = None if segments is None else Segments(segments, segments.profile())
    return SegmentStory(data, contrasts, reasons, found, voice)
