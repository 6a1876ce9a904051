"""Claims of articles beside a company's own figures, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kbind.dataset.dataset import Dataset
from kbind.hearsay.checks import LEAST, SOON, WITHIN, YEARS
from kbind.hearsay.claims_checked import CHECKED, NEEDS, Check, Claims
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Speaker, voice_of
from kbind.text.facts import Fact
from kbind.text.marks import plain
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import Voice

#: Ratios below this are written with two decimals.
FINE = 3
#: Claims that are told of with the same words.
_ALIKE = {
    "five_points": "growth",
    "one_point": "growth",
    "five_points_lifetime": "lifetime",
    "one_point_lifetime": "lifetime",
}


@dataclass(frozen=True, eq=False)
class ClaimsStory(Speaker):
    """Facts and sentences about claims and what the data says.

    Parameters
    ----------
    found : Claims
        Every claim with its check.
    voice : Voice
        Who speaks.
    """

    found: Claims
    voice: Voice = field(repr=False)

    # -- facts ---------------------------------------------------------------------------------------

    def fact(self, check: Check) -> Fact:
        """What the data says about a claim."""
        told = replace(check.estimate, conf_level=self.found.conf_level)
        unit, source = check.claim.unit or "count", f"claims(...)[{check.claim.key!r}]"
        return Fact.of(f"claims.{check.claim.key}", told, source, unit)

    def number(self, name: str, *verdicts: str) -> Fact:
        """How many claims had one of these verdicts."""
        count = sum(check.verdict in verdicts for check in self.found.checks)
        definition = f"claims whose check ended with {' or '.join(map(repr, verdicts))}"
        return Fact(f"claims.{name}", count, "count", definition, source="claims(...).to_frame()")

    # -- sentences -----------------------------------------------------------------------------------

    def heading(self) -> str:
        """Heading of the section."""
        return self.say("claims.heading")

    def finding(self) -> str:
        """How many claims could be checked, and how they fared."""
        every = Fact("claims.all", len(self.found.checks), "count", "claims listed", source="claims(...)")
        checked = self.number("checked", "borne out", "open", "higher", "lower")
        if not checked.value:
            return self.say("claims.finding.none", all=every)
        verdicts = {"borne": ("borne out",), "open": ("open",), "other": ("higher", "lower")}
        fares = [self.fare(key, self.number(key, *names)) for key, names in verdicts.items()]
        told = [text for text in fares if text]
        words = told[0] if len(told) == 1 else self.say("claims.fares", first=", ".join(told[:-1]), last=told[-1])
        return self.say("claims.finding", all=every, checked=checked, fares=upper_first(words))

    def fare(self, key: str, number: Fact) -> str:
        """How many claims fared in one way: "eine ist gestützt"; empty if none did."""
        (told,) = self.voice.note(number)
        count = int(told.value)
        return self.voice.catalogue.text(f"claims.fare.{key}", count, n=self.voice.number(count)) if count else ""

    def caution(self) -> str:
        """What the table does not say."""
        return self.say("claims.caution")

    def said(self, check: Check) -> str:
        """The claim as it was made, with its numbers."""
        claim = check.claim
        years = self.voice.number(YEARS)
        write = self.voice.percent if claim.unit == "share" else self.voice.number
        return self.say(f"claims.says.{claim.key}", low=write(claim.low), high=write(claim.high), years=years)

    def verdict(self, check: Check) -> str:
        """How claim and data go together."""
        if check.status == CHECKED:
            verdict = check.verdict.replace(" ", "_")
            return self.say(f"claims.verdict.{verdict}")
        return self.say("claims.verdict.needs" if check.status == NEEDS else "claims.verdict.too_little")

    def how(self, check: Check) -> str:
        """What was measured; where that was not possible, what it would take."""
        key = _ALIKE.get(check.claim.key, check.claim.key)
        if check.status == NEEDS:
            return self.say("claims.missing", needs=self.say(f"claims.needs.{key}"))
        numbers = {"years": YEARS, "soon": SOON, "within": WITHIN}
        words = {name: self.voice.number(value) for name, value in numbers.items()}
        return self.say(f"claims.measured.{key}", **words)

    def written(self, fact: Fact) -> str:
        """An estimate with its range; a ratio near 1 finely enough to see on which side it lies."""
        if fact.unit != "ratio":
            told = self.voice.disclosure.fact(fact)
            decimals = self.voice.disclosure.decimals(told.n)
            ends = {plain(self.voice.percent(x, decimals)) for x in (told.ci_lower, told.ci_upper)}
            if fact.unit == "share" and ends == {plain(self.tell(fact))}:
                return self.tell(fact)  # so sure that its range is the number itself
            return self.say("claims.here", value=self.tell(fact), range=self.tell(fact, "range"))
        decimals = 2 if fact.value < FINE else 1
        value, low, high = (self.voice.number(x, decimals) for x in (fact.value, fact.ci_lower, fact.ci_upper))
        return self.say("claims.here", value=value, range=self.voice.between(low, high))

    def table(self) -> Table:
        """The claims that could be checked: what is said, what is so here, the verdict, and what was measured."""
        rows = []
        for check in self.found.checks:
            if check.status == CHECKED:
                fact = self.fact(check)
                told = self.told(fact)
                here = self.written(fact) if told else self.tell(fact)
                rows.append((self.said(check), here, f"{upper_first(self.verdict(check))}. {self.how(check)}"))
        return self.table_of("claims.table.{}", ("claim", "here", "verdict"), rows, words=(1, 2))

    def open_table(self) -> Table:
        """The claims that could not be checked, and what it would take."""
        rows = [
            (self.said(check), self.how(check) if check.status == NEEDS else self.verdict(check))
            for check in self.found.checks
            if check.status != CHECKED
        ]
        title = self.say("claims.open.title")
        return self.table_of("claims.table.{}", ("claim", "needs"), rows, title=title, words=(1,))

    def definitions(self) -> Sequence[str]:
        """What the words of the table mean."""
        level = self.voice.percent(self.found.conf_level)
        return [self.say("claims.foot", least=self.voice.customers(LEAST, dative=True), level=level)]

    def blocks(self) -> Iterator[Block]:
        """What a page shows of it: an appendix, folded."""
        checked, words = self.table(), [self.finding(), self.caution(), *self.definitions()]
        yield Section(self.heading(), words, checked if checked.rows else None, folded=True)
        yield Section.of(self.open_table(), folded=True)


def claims_story(
    data: Dataset, found: Claims, *, lang: str = "en", voice: Voice | None = None, threshold: int = 5
) -> ClaimsStory:
    """The story of claims against data, in a language, silent about fewer customers than the threshold."""
    return ClaimsStory(found, voice or voice_of(data, lang, threshold, action="buy", currency=""))
