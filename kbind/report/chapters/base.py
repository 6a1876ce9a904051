"""What every chapter's story is made of, so that one kind of page can tell them all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.errors import NotEnoughData
from kbind.report.blocks import Block, Picture, Section
from kbind.report.chapters.study import Study
from kbind.report.lists import Lists
from kbind.report.pictures import picture_of
from kbind.result import Shown
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.marks import shown
from kbind.text.tables import Table
from kbind.text.voice import Voice

T = TypeVar("T")


@dataclass(frozen=True)
class Scope:
    """Who and when a chapter is about.

    Parameters
    ----------
    customers : int
        How many.
    log : str
        Table that tells what they did.
    first, last : date or None
        First and last day; None for data without time stamps.
    by_month : bool
        Whether a reader thinks of the span in months rather than days.
    running : str
        Name of the period that is not over and therefore not counted; empty if there is none.
    """

    customers: int
    log: str
    first: date | None = None
    last: date | None = None
    by_month: bool = True
    running: str = ""

    @classmethod
    def of_log(cls, data: Dataset, customers: int, log: str, as_of: datetime | None) -> Scope:
        """From the first row of a table that is fully recorded to the last day; no days without time stamps."""
        span = data.tables[log].span
        if as_of is None or span is None:
            return cls(customers, log)
        first, last = data.wall_clock(span[0]), last_day(as_of)
        return cls(customers, log, min(max(first, data.recorded_from or first).date(), last), last)


def last_day(as_of: datetime | None) -> date:
    """The last day before an instant at which observation ends."""
    return (pd.Timestamp(needed(as_of)) - pd.Timedelta(microseconds=1)).date()


def needed(part: T | None) -> T:
    """A part of a story which is not asked for where it is missing."""
    assert part is not None
    return part


def enough(estimate: Callable[..., T], *args: Any, **options: Any) -> T | None:
    """What a function finds; None where the data holds too little for it."""
    with suppress(NotEnoughData):
        return estimate(*args, **options)
    return None


def sureness(fact: Fact, high: float = 0.02, medium: float = 0.05, *, of: float = 1) -> str:
    """How sure a figure is by half the width of its interval, as a share of `of`; without a width little is known.

    >>> [sureness(Fact("x", 0.5, "share", "d", 0.5 - half, 0.5 + half)) for half in (0.01, 0.03, 0)]
    ['high', 'medium', 'low']
    """
    half = (fact.ci_upper - fact.ci_lower) / 2 / of
    if 0 < half <= high:
        return "high"
    return "medium" if 0 < half <= medium else "low"


def voice_of(
    data: Dataset,
    lang: str,
    threshold: int,
    *,
    action: str = "stay",
    period: str = "month",
    currency: str | None = None,
) -> Voice:
    """The way of speaking of customers that a data set asks for, silent about fewer of them than the threshold."""
    card = data.card
    money = card.currency if currency is None else currency
    limit = Disclosure(threshold)
    voice = Voice(lang, customer=card.customer, action=action, period=period, disclosure=limit, currency=money)
    voice.labels = data.labels
    return voice


@dataclass(frozen=True)
class Line:
    """A chapter in one row of the summary of all chapters.

    Parameters
    ----------
    question : str
        Short: "When do they leave?".
    answer : str
        One or two short sentences.
    sure : str
        How sure the figure is, and how sure it is that the step pays.
    step : str
        What to do next; who and by when is not part of it.
    stake : Fact or None
        Money of a year that the step is about; None where it was not measured.
    measure : str
        What is tried on how many customers, what it should bring under which assumption, from which value of it on it
        pays, and whom to compare with; empty where nothing can be tried yet.
    unknown : str
        What nobody knows yet, in one sentence; may be empty.
    """

    question: str
    answer: str
    sure: str
    step: str
    stake: Fact | None = None
    measure: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class Lead:
    """What opens the summary of all chapters.

    Parameters
    ----------
    sentence : str
        What is lost in a year, in customers and money, and whether revenue grows all the same.
    under : str
        A second, smaller sentence; may be empty.
    tiles : sequence of (str, str, str)
        At most three figures, as in `Story.tiles`, each compared with the year before where that is known.
    heading : str
        Finding of the picture; empty without one.
    steps : sequence of (str, Fact)
        From the revenue at the start over what moved it to the revenue at the end, each with its name; losses are
        negative.
    unknown : str
        What the sentence leaves open; may be empty.
    """

    sentence: str
    under: str
    tiles: Sequence[tuple[str, str, str]]
    heading: str = ""
    steps: Sequence[tuple[str, Fact]] = ()
    unknown: str = ""


class Speaker:
    """How stories speak.

    Attributes
    ----------
    voice : Voice
        Who speaks.
    """

    voice: Voice

    def say(self, key: str, **values: object) -> str:
        """A sentence about facts; see `Voice.say`."""
        return self.voice.say(key, **values)

    def tell(self, fact: Fact, form: str = "") -> str:
        """A fact on its own; see `Voice.tell`."""
        return self.voice.tell(fact, form)

    def told(self, *facts: Fact) -> bool:
        """Whether facts are known and may be told."""
        return self.voice.disclosure.tells(*facts)

    def hides(self, *counts: float) -> bool:
        """Whether one of some counts of customers is too small to tell."""
        return any(map(self.voice.disclosure.hides, counts))

    def counted(self, fact: Fact, *, dative: bool = False) -> str:
        """A number of customers with their noun: "2.469 Haushalte", "unter 5 Haushalte"."""
        self.voice.note(fact)
        return self.voice.customers(int(fact.value), dative=dative)

    def labelled(self, label: str, fact: Fact) -> str:
        """The label of a figure of the opening, which is then compared with an earlier report."""
        self.voice.figures[label] = fact
        return label

    def tile_of(self, fact: Fact, label: str, note: str, **values: object) -> tuple[str, str, str]:
        """A figure of the opening: value, what it is, and its note by key."""
        return self.tell(fact), self.labelled(label, fact), self.say(note, fact=fact, **values)

    def tiles_of(self, *figures: tuple[Fact, str, str], **values: object) -> list[tuple[str, str, str]]:
        """Of some figures those that may be told, each with what it is and the key of its note; see `tile_of`."""
        return [self.tile_of(fact, label, note, **values) for fact, label, note in figures if self.told(fact)]

    def bridge(self, revenue: bool, *more: str) -> Section:
        """Why chapters give different shares that leave, and perhaps more; revenue: whether 1b is one of them."""
        which = "all" if revenue else "two"
        return Section(self.say(f"bridge.title.{which}"), [self.say(f"bridge.text.{which}"), *more])

    def of_truth(self, data: Dataset) -> list[str]:
        """That the data is simulated, where it is and the page does not say so anyway."""
        return [] if data.truth is None or data.card.key else [self.say("survival.foot.truth")]

    def table_of(
        self,
        keys: str,
        names: Iterable[str],
        rows: Sequence[Sequence[str]],
        *,
        title: str = "",
        words: Sequence[int] = (),
        **values: object,
    ) -> Table:
        """A table whose column names, and title unless given, stand under keys such as "survival.table.{}"."""
        head = [self.say(keys.format(name), **values) for name in names]
        return Table(title or self.say(keys.format("title"), **values), head, rows, words)

    def picture(self, result: Shown, figure: Mapping[str, Any], caption: str) -> Picture:
        """A result as it draws itself, with what the page adds; see `drawn`."""
        return picture_of(lambda: result.plot(**figure), caption)

    def drawn(self, title: Callable[[], str], facts: Iterable[Fact] = (), **options: Any) -> dict[str, Any]:
        """What the page adds to a figure: who speaks, and its finding; what it shows is noted."""
        self.voice.note(*facts)
        return {"voice": self.voice, "title": title(), **shown(options)}


class Story(Speaker, ABC):
    """One chapter's question, answer, and what follows from it.

    Attributes
    ----------
    asks : str
        Key of the question.
    """

    asks: ClassVar[str]

    @abstractmethod
    def scope(self) -> Scope:
        """Who and when it is about."""

    def question(self) -> str:
        """What the chapter asks."""
        return self.say(self.asks)

    @abstractmethod
    def finding(self) -> str:
        """The answer in one sentence."""

    @abstractmethod
    def means(self) -> str:
        """What the answer means."""

    @abstractmethod
    def act(self) -> str:
        """What a manager should do."""

    @abstractmethod
    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""

    @abstractmethod
    def tiles(self) -> list[tuple[str, str, str]]:
        """At most three figures: value, what it is, interval and n."""

    @abstractmethod
    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""

    @abstractmethod
    def definitions(self) -> Sequence[str]:
        """What was counted, in plain words."""

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters; None where it has nothing to act on."""
        return None

    def lead(self) -> Lead | None:
        """What may open the summary of all chapters; None where another chapter does that better."""
        return None


class Chapter(ABC):
    """One chapter of the report: computed once from a study, then told in any language.

    Parameters
    ----------
    study : Study
        What it is about. Its results are computed here; what is too little for a figure is None.

    Attributes
    ----------
    name : str
        Number and name, such as "02_when_customers_leave"; its page and its notebook are called so.
    needs : tuple of tuple of str
        As `Dataset.has` takes them; of every inner tuple one has to be there.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[tuple[str, ...], ...]]

    def __init__(self, study: Study) -> None:
        self.study, self.data = study, study.data
        self.compute()

    @abstractmethod
    def compute(self) -> None:
        """Compute the results."""

    @abstractmethod
    def story(self, lang: str) -> Story:
        """The results in the words of a language."""

    def lists(self) -> Lists:
        """Customers that the chapter speaks of, by the name of the list; they stand on no page."""
        return {}
