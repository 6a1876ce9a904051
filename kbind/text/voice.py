"""One report's way of speaking: its language, what it calls customers and periods, and what it keeps to itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from string import Formatter
from typing import Any

import numpy as np
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol

from kbind.errors import ArgumentError
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.labels import Labels
from kbind.text.marks import (
    of_day,
    of_days,
    of_fact,
    of_money,
    of_months,
    of_number,
    of_percent,
    of_period,
    writes,
)
from kbind.text.messages import Catalogue, fill

_PERIOD_FORMS = (
    "one", "many", "many_dative", "following", "after", "each", "mean", "first", "one_accusative", "this",
    "this_or_later", "start", "kth", "same_start", "later", "before", "first_within",
)  # fmt: skip

#: Decimals at most of a number that is written with as many as it has.
_FINEST = 3
#: A value that is not there.
DASH = "–"
#: The sign of numbers below zero: as wide as a plus, and never at the end of a line.
MINUS = "\u2212"


class Voice:
    """Writes facts, numbers and dates as a reader of the language expects them.

    Parameters
    ----------
    lang : {"de", "en"}
        Language.
    customer : {"customer", "household"}
        What a customer is called.
    action : {"buy", "use", "stay"}
        What active means: buying, using, or having a contract.
    period : {"day", "week", "month", "quarter", "year"}
        Length of the periods spoken of.
    disclosure : Disclosure
        Which counts are too small to tell.
    currency : str
        Code of the currency that money is in; empty if not known, and money is a plain number.

    Attributes
    ----------
    labels : Labels
        What columns, levels and personas are called; none unless somebody sets them.
    """

    def __init__(
        self,
        lang: str,
        *,
        customer: str = "customer",
        action: str = "use",
        period: str = "month",
        disclosure: Disclosure | None = None,
        currency: str = "",
    ) -> None:
        self.lang = lang
        self.catalogue = Catalogue(lang)
        self.customer, self.action, self.period = customer, action, period
        self.disclosure = disclosure or Disclosure()
        self.currency = currency
        self.labels = Labels()
        if not self.catalogue.has(f"customer.{customer}.many"):
            raise ArgumentError(f"customer={customer!r} is not known; allowed: 'customer', 'household'")
        self.told: dict[str, Fact] = {}
        self.exact: dict[str, Fact] = {}  # the same as it was before anything was kept back
        self.figures: dict[str, Fact] = {}  # what tiles show, by their labels

    # -- sentences ---------------------------------------------------------------------------------

    def say(self, key: str, **values: object) -> str:
        """A sentence about facts.

        Facts are written by unit; a place may ask for a form: ``{x:per100}`` (of 100), ``{x:whole}`` (whole per
        cent), ``{x:about}`` (rounded), ``{x:short}`` (with the decimals it has), ``{x:interval}`` (between two
        limits), ``{x:interval100}`` (the same, of 100).
        The names of customers and periods are filled in. If a fact may not be told or is unknown, the sentence is
        replaced by one that says so.

        Parameters
        ----------
        key : str
            Message; a variant for this report's action (``key/buy``) goes first.
        **values : Fact or str
            What is filled in.
        """
        facts = {name: self.disclosure.fact(value) for name, value in values.items() if isinstance(value, Fact)}
        missing = [values[name] for name, fact in facts.items() if not fact.known]
        # of a sentence that is not said, the record holds only what cannot be told
        self.note(*(fact for fact in missing or values.values() if isinstance(fact, Fact)))
        if missing:
            return self.catalogue.text("too_few", customers=self._words()["customers"])
        variant = f"{key}/{self.action}"
        chosen = variant if self.catalogue.has(variant) else key
        words = self._words()
        filled = {**words, **{name: v for name, v in values.items() if name not in facts}, **facts}
        return fill(self.catalogue.template(chosen), chosen, filled, _FactFormatter(self))

    def note(self, *facts: Fact) -> list[Fact]:
        """Remember the facts for the record of the report; returns them as they may be told.

        Raises
        ------
        ArgumentError
            A fact of the same name had another value.
        """
        safe = [self.disclosure.fact(fact) for fact in facts]
        for fact in facts:
            self.exact.setdefault(fact.id, fact)
        for fact in safe:
            earlier = self.told.setdefault(fact.id, fact)
            if earlier.as_dict() != fact.as_dict():  # NaN is not equal to itself, None is
                raise ArgumentError(f"two facts are called {fact.id!r}: {earlier.value} and {fact.value}")
        return safe

    def tell(self, fact: Fact, form: str = "") -> str:
        """A fact on its own; a dash where unknown, "under 5" or a dash where hidden."""
        (safe,) = self.note(fact)
        return self.write(safe, form)

    @writes(of_fact)
    def write(self, fact: Fact, form: str = "") -> str:
        """A fact that was noted already, on its own; see `tell`."""
        return self._kept_back(fact) if fact.hidden else self._written(fact, form)

    def _kept_back(self, fact: Fact) -> str:
        """What stands for a hidden fact: that it is under the threshold, or a dash where nothing counted is."""
        counted = fact.value if fact.unit in ("customers", "rows") and not np.isnan(fact.value) else None
        counts = [n for n in (fact.n, fact.count, counted) if n is not None]
        few = not counts or any(map(self.disclosure.hides, counts))
        return self.under_threshold() if few else DASH

    def _written(self, fact: Fact, form: str = "") -> str:
        """The fact's value in a form; see `say`."""
        if np.isnan(fact.value):
            return DASH
        if form in ("interval", "interval100"):
            return self.interval(fact, per100=form == "interval100")
        if form == "per100":
            return self.number(round(100 * fact.value))
        if form == "about":
            step = _step(fact)
            return self._plain(_rounded(fact.value) if step is None else _to(fact.value, step), fact.unit)
        if form in ("n", "n_dative"):
            return self.customers(fact.n or 0, dative=form == "n_dative")
        if form == "size":
            return self.count(fact.n or 0)
        if form == "short":
            return self.short(fact.value, _FINEST)
        if form == "range":
            return self._limits(fact)
        if fact.unit == "share":
            return self.percent(fact.value, 0 if form == "whole" else self.disclosure.decimals(fact.n))
        return self._plain(fact.value, fact.unit)

    def _plain(self, value: float, unit: str) -> str:
        """A number that is no share, by its unit."""
        if unit == "money":
            return self.money(value)
        return self.number(value, 1) if unit == "ratio" else self.number(round(value))

    def _limits(self, fact: Fact) -> str:
        """The fact's interval as two limits; a dash if unknown."""
        if fact.unit == "share":
            return self.range(fact.ci_lower, fact.ci_upper, self.disclosure.decimals(fact.n))
        if np.isnan(fact.ci_lower) or np.isnan(fact.ci_upper):
            return DASH
        return self.between(*self._two_limits(fact))

    def _two_limits(self, fact: Fact) -> tuple[str, str]:
        """The limits of a number that is no share, rounded as the number is."""
        step = _step(fact)
        low, high = (limit if step is None else _to(limit, step) for limit in (fact.ci_lower, fact.ci_upper))
        # a sign in front of a currency stays on its line: without it a loss would read as a gain
        return _joined(self._plain(low, fact.unit)), _joined(self._plain(high, fact.unit))

    def between(self, low: str, high: str) -> str:
        """Two limits that are written already: "82 bis 85"."""
        return self.catalogue.text("range", low=low, high=high)

    def count(self, customers: float) -> str:
        """A number of customers, rounded, or that it is under the threshold."""
        if self.disclosure.hides(customers):
            return self.under_threshold()
        return self.number(float(self.disclosure.rounded(customers)))

    def under_threshold(self) -> str:
        """What stands for a number of customers too small to tell: "unter 5"."""
        return self.catalogue.text("hidden", threshold=self.number(self.disclosure.threshold))

    def interval(self, fact: Fact, *, per100: bool = False) -> str:
        """The fact's interval: "zwischen 82 und 85 %", "zwischen 82 und 85 von 100"; or that it is not known."""
        if np.isnan(fact.ci_lower) or np.isnan(fact.ci_upper):
            return self.catalogue.text("interval.unknown")
        if fact.unit != "share":
            low, high = self._two_limits(fact)
        else:
            low, high = self._shares(fact.ci_lower, fact.ci_upper)
            high += "" if per100 else "\u00a0%" if self.lang == "de" else "%"
        if per100:
            return self.catalogue.text("interval.of100", low=low, high=high)
        return self.catalogue.text("interval", low=low, high=high)

    def _shares(self, low: float, high: float) -> tuple[str, str]:
        """Two shares of 100 without a sign: whole from two points apart on, else as exact as tells them apart."""
        digits = 0 if high - low >= 0.02 else 1
        while digits < 3 and low < high and self.number(100 * low, digits) == self.number(100 * high, digits):
            digits += 1
        return self.number(100 * low, digits), self.number(100 * high, digits)

    def range(self, low: float, high: float, least: int = 1) -> str:
        """Two shares as limits: "82,5 bis 85,4 %", as exact as it takes to tell them apart; a dash if unknown."""
        if np.isnan(low) or np.isnan(high):
            return DASH
        alike = [n for n in range(least, 4) if self.number(100 * low, n) == self.number(100 * high, n)]
        digits = least + len(alike) * (low < high)
        return self.between(self.number(100 * low, digits), self.percent(high, digits))

    def customers(self, n: int, *, dative: bool = False) -> str:
        """A number of customers with their noun: "2.469 Haushalte", "unter 5 Haushalte"."""
        case = "counted_dative" if dative else "counted"
        hidden = self.disclosure.hides(n)
        grammatical = self.disclosure.threshold if hidden else int(self.disclosure.rounded(n))
        return self.catalogue.text(f"customer.{self.customer}.{case}", grammatical, n=self.count(n))

    def listed(self, names: Sequence[str]) -> str:
        """Several in a row of words: "Preis, Produkt und Betreuung"."""
        if len(names) < 2:
            return "".join(names)
        return self.catalogue.text("words.and", first=", ".join(names[:-1]), last=names[-1])

    def word(self, name: str) -> str:
        """One of the words that every sentence may use, such as "period_following"."""
        return self._words()[name]

    def periods(self, count: int) -> str:
        """A number of periods: "3 Monate"."""
        return self.catalogue.text(f"period.{self.period}.counted", count, n=self.number(count))

    def after(self, periods: int) -> str:
        """A time span from the start: "nach 11 Monaten"."""
        return self.catalogue.text(f"period.{self.period}.counted_after", periods, n=self.number(periods))

    def _words(self) -> dict[str, str]:
        words = {
            "customers": self.catalogue.text(f"customer.{self.customer}.many"),
            "customers_dative": self.catalogue.text(f"customer.{self.customer}.many_dative"),
        }
        for form in _PERIOD_FORMS:
            words[f"period_{form}"] = self.catalogue.text(f"period.{self.period}.{form}")
        words |= {f"{name}_upper": word[:1].upper() + word[1:] for name, word in words.items()}
        words |= {f"{name}_lower": word[:1].lower() + word[1:] for name, word in words.items() if "_upper" not in name}
        words["threshold"] = self.number(self.disclosure.threshold)
        words["base"] = self.number(self.disclosure.base)
        return words

    # -- numbers and dates ---------------------------------------------------------------------------

    @writes(of_number)
    def number(self, value: float, decimals: int = 0) -> str:
        """A number with the language's separators; a dash for NaN."""
        if value is None or np.isnan(value):
            return DASH
        digits = "#,##0." + "0" * decimals if decimals else "#,##0"
        return _signed(str(format_decimal(round(float(value), decimals), format=digits, locale=self.lang)))

    def short(self, value: float, most: int = 2) -> str:
        """A number with as many decimals as it needs, and no more than so many."""
        return self.number(value, next((k for k in range(most) if round(value, k) == round(value, most)), most))

    @writes(of_percent)
    def percent(self, share: float, decimals: int = 0) -> str:
        """A share in per cent: "83,9 %" or "83.9%"; a dash for NaN."""
        if share is None or np.isnan(share):
            return DASH
        digits = "#,##0" + ("." + "0" * decimals if decimals else "")
        sign = "\u00a0%" if self.lang == "de" else "%"
        return _signed(str(format_percent(float(share), format=digits + sign, locale=self.lang)))

    @writes(of_money)
    def money(self, value: float) -> str:
        """An amount in the report's currency, from 100 on without cents: "1.234 €", "€9.90"; a dash for NaN."""
        if value is None or np.isnan(value):
            return DASH
        decimals = 0 if round(abs(value), 2) >= 100 or value == 0 else 2
        if not self.currency:
            return self.number(value, decimals)
        digits = "#,##0" + ("." + "0" * decimals if decimals else "")
        code = get_currency_symbol(self.currency, locale=self.lang)[-1].isalpha()  # CHF stands apart from the number
        pattern = f"{digits}\u00a0¤" if self.lang == "de" else f"¤\u00a0{digits}" if code else f"¤{digits}"
        amount = round(float(value), decimals) + 0.0
        return _signed(str(format_currency(amount, self.currency, pattern, locale=self.lang, currency_digits=False)))

    @writes(of_day)
    def day(self, day: date) -> str:
        """A date in words: "31. Dezember 2017"."""
        return str(format_date(day, "long", locale=self.lang))

    @writes(of_months)
    def span(self, first: date, last: date) -> str:
        """From one day to another, as one range of months for a table: "Jan.–Dez. 2017"."""
        return str(format_interval(first, last, skeleton="yMMM", locale=self.lang))

    @writes(of_days)
    def days(self, first: date, last: date) -> str:
        """From one day to another, both included: "1. Jan. – 15. Feb. 2024"."""
        return str(format_interval(first, last, skeleton="yMMMd", locale=self.lang))

    @writes(of_period)
    def period_name(self, start: date, label: str, *, short: bool = False) -> str:
        """What a reader calls a period: "Februar 2017", "KW 5/2017", "1. Quartal 2017"."""
        if self.period == "month":
            return str(
                format_skeleton("MMM" if short else "yMMMM", datetime(start.year, start.month, 1), locale=self.lang)
            )
        if self.period == "day":
            return str(
                format_skeleton(
                    "MMMd" if short else "yMMMd", datetime(start.year, start.month, start.day), locale=self.lang
                )
            )
        if self.period == "year":
            return label
        year, number = label.split("-")
        if short:
            return self.catalogue.text(f"period.{self.period}.short", number=number[1:].lstrip("0"))
        return self.catalogue.text(f"period.{self.period}.label", number=number[1:].lstrip("0"), year=year)


class _FactFormatter(Formatter):
    def __init__(self, voice: Voice) -> None:
        self.voice = voice

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Fact):
            return self.voice.write(value, format_spec)
        if not isinstance(value, str) or format_spec:
            raise TypeError(f"{value!r} is neither a fact nor text without a form")
        return value

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        return kwargs[str(key)]


def _signed(number: str) -> str:
    """A written number with a minus instead of a hyphen, and without a sign where nothing but zeros is left."""
    return number.replace("-", MINUS if any(sign in "123456789" for sign in number) else "")


def _joined(amount: str) -> str:
    """A written amount whose minus no line break parts from a currency that follows.

    >>> _joined("\u2212€9"), _joined("\u22129 €")
    ('−\u2060€9', '−9 €')
    """
    return re.sub("\u2212(?=[^0-9])", "\u2212\u2060", amount)


def _rounded(value: float) -> float:
    """Three leading digits: what "about" means where no interval says how exact it is."""
    if abs(value) < 1000:
        return round(value)
    digits = int(np.floor(np.log10(abs(value)))) - 2
    return round(value, -digits)


def _step(fact: Fact) -> float | None:
    """What an amount of money and its limits are rounded to, so that no amount lies outside of its own interval.

    One digit finer than the first of the interval's width; None where cents count, and where nothing is known of the
    limits.
    """
    width = fact.ci_upper - fact.ci_lower
    if fact.unit != "money" or not width >= 10:
        return None
    return float(10 ** (int(np.floor(np.log10(width))) - 1))


def _to(value: float, step: float) -> float:
    return round(value / step) * step
