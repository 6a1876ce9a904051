"""Check a finished report: every number on its pages is its fact, and both languages tell the same.

Pages are read as any browser reads them; each number is looked up, by the attribute that ties it to a fact, in the JSON
beside the page, and written again as the page's language and the form ask for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from kbind.errors import KbindError, ReportError, temporary_folder
from kbind.report.binding import LABEL_FACTS, LABELS, TEXT_FACTS, UNREAD, VOID
from kbind.report.changes import FACTS
from kbind.report.contents import NAMES, number_of
from kbind.report.record import recorded_voice
from kbind.report.summary import opening_of
from kbind.report.write import write_report
from kbind.text.facts import Fact
from kbind.text.marks import DIGITS, id_and_form
from kbind.text.messages import LANGUAGES
from kbind.text.voice import DASH, Voice

#: How far facts that are computed again may be off: other machines add up in another order.
_NEAR = 1e-9
#: Ids of digits of the wording, on a chapter's page and on the summary.
_WORDING = re.compile(r"(\d+[a-z]?/)?text\.")
#: Signs around a number that a finding shows.
_AROUND = 30

Facts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Verified:
    """What a check of a report has found.

    Attributes
    ----------
    findings : sequence of str
        One line each: file, place, what stands there, what the fact says.
    numbers, pages : int
        How many were looked at.
    """

    findings: Sequence[str]
    numbers: int
    pages: int


@dataclass(frozen=True)
class Place:
    """A text of a page that holds numbers: where it stands, its language, and what its numbers are said to be."""

    where: str
    lang: str
    text: str
    references: Sequence[str]
    drawn: bool = False


@dataclass
class _Element:
    name: str
    lang: str
    where: str
    references: Sequence[str]
    texts: list[str] = field(default_factory=list)


class Places(HTMLParser):
    """Reads a page; `found` holds the texts with numbers, labels and figures among them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Place] = []
        self._open = [_Element("", "en", "", ())]
        self.feed(html)
        self.close()
        while self._open:
            self._end()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins: its labels are read, its text follows."""
        given = {name: value or "" for name, value in attrs}
        around = self._open[-1]
        around.texts.append("\n")  # what stands before and behind an element is not one number
        where = f"<{' '.join([tag, *given.get('class', '').split()])}> in line {self.getpos()[0]}"
        lang = given.get("lang", around.lang)
        labels = "\n".join(given[name] for name in LABELS if name in given and tag != "main")
        self._keep(Place(f"label of {where}", lang, labels, given.get(LABEL_FACTS, "").split()))
        element = _Element(tag, lang, where, given.get(TEXT_FACTS, "").split())
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without text."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._end()

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and those in it."""
        if any(element.name == tag for element in self._open):
            while self._end() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Text."""
        self._open[-1].texts.append(data)

    def _end(self) -> str:
        element = self._open.pop()
        if element.name not in UNREAD:
            drawn = any(each.name == "svg" for each in self._open)
            self._keep(Place(element.where, element.lang, "".join(element.texts), element.references, drawn))
        return element.name

    def _keep(self, place: Place) -> None:
        if place.references or DIGITS.search(place.text):
            self.found.append(place)


@dataclass(frozen=True)
class Book:
    """Facts that a page may refer to, each with the voice that tells it."""

    facts: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]
    voices: dict[tuple[str, str], Voice] = field(default_factory=dict)

    def _voice(self, record: Mapping[str, Any], lang: str) -> Voice:
        key = (str(record.get("chapter")), lang)
        if key not in self.voices:
            self.voices[key] = recorded_voice(record, lang)
        return self.voices[key]

    @classmethod
    def of(cls, record: Mapping[str, Any], facts: Sequence[Mapping[str, Any]], prefix: str = "") -> Book:
        """Facts that a chapter tells; on other pages its number stands before their ids."""
        return cls({prefix + str(fact["id"]): (fact, record) for fact in facts})

    def wrong(self, place: Place) -> str:
        """What is wrong with the numbers of a place; empty if nothing is."""
        rest = place.text.casefold()
        for reference in place.references:
            name, form = id_and_form(reference)
            if name not in self.facts:
                return f"{_near(rest)!r} is tied to {name!r}, which is no fact of the page"
            fact, record = self.facts[name]
            try:
                written = written_again(fact, form, self._voice(record, place.lang))
            except (KbindError, ValueError, KeyError, TypeError, AttributeError) as error:
                return f"{_near(rest)!r} is tied to {name!r}, which cannot be written as {form!r}: {error}"
            if fact.get("hidden") and written.casefold() not in rest:
                written = DASH  # hidden for another reason than that few are counted; the facts do not tell which
            before, found, behind = rest.partition(written.casefold())
            if not found or DIGITS.search(before):
                return f"{_near(rest)!r} is not what {name!r} says: {written!r}"
            rest = behind
        return f"{_near(rest)!r} is tied to no fact" if DIGITS.search(rest) else ""


def written_again(fact: Mapping[str, Any], form: str, voice: Voice) -> str:
    """A fact of a page as a voice writes it in a form."""
    value = fact["value"]
    match fact["unit"]:
        case "number":
            return voice.number(value, int(form))
        case "percent":
            return voice.percent(value, int(form))
        case "amount":
            return Voice(voice.lang, currency=form).money(value)
        case "day":
            return voice.day(date.fromisoformat(value))
        case "days":
            return voice.days(*map(date.fromisoformat, value.split("/")))
        case "months":
            return voice.span(*map(date.fromisoformat, value.split("/")))
        case "period":
            period, _, short = form.partition(".")
            start, label = value.split(" ", 1)
            return Voice(voice.lang, period=period).period_name(date.fromisoformat(start), label, short=bool(short))
        case "text":
            return str(value)
    return voice.write(Fact.from_dict(fact), form)


def verify(reports: str | Path) -> Verified:
    """Check the pages of a report against the facts beside them.

    Raises
    ------
    ReportError
        The folder holds no report, or a file of it cannot be read.
    """
    folder = Path(reports)
    records = _records(folder)
    findings = [*_between_languages(records)]
    whole = _read(folder / FACTS)
    for (lang, name), record in records.items():
        summed = whole.get("chapters", {}).get(name, {}).get("facts")
        if summed != record["facts"] and lang == next(iter(records))[0]:
            findings.append(f"{FACTS}: facts of {name} are not those beside its page")
    read = {}
    for page, book in _pages(folder, records, whole.get("summaries", {})):
        read[page.relative_to(folder).as_posix()] = places = Places(_text(page)).found
        wrongs = ((place.where, book(place.lang).wrong(place)) for place in places)
        findings += [f"{page.relative_to(folder).as_posix()}, {where}: {wrong}" for where, wrong in wrongs if wrong]
    findings += _of_one_language(read)
    return Verified(findings, sum(len(place.references) for places in read.values() for place in places), len(read))


def recomputed(reports: str | Path, source: str | Path, **declared: Any) -> list[str]:
    """Compute the facts of a report from the data once more; one line for each that is another one.

    Parameters
    ----------
    reports : path
    source : path
        The data, as for `write_report`.
    **declared
        What the report was written with: arguments of `write_report`.
    """
    there = _records(Path(reports))
    threshold = next((r["voice"]["threshold"] for r in there.values() if "voice" in r), 5)
    languages = {lang for lang, _ in there}
    lang = "both" if len(languages) > 1 else languages.pop()
    chapters = list(dict.fromkeys(name for _, name in there))
    with temporary_folder() as place:
        with suppress(ReportError):  # of a chapter that fails again, the page says so again
            write_report(source, out=place / "again", lang=lang, chapters=chapters, threshold=threshold, **declared)
        again = _records(place / "again")
    findings = []
    for key, record in there.items():
        for name, what in _different(_by_id(record), _by_id(again.get(key, {}))):
            findings.append(f"{key[0]}/{key[1]}.json: {name!r}: {what.format('the data gives')}")
    return findings


def _pages(folder: Path, records: Mapping[tuple[str, str], Any], summaries: Mapping[str, Any]) -> Iterator[Any]:
    """Every page, with the facts that it may refer to in a language."""
    for (lang, name), record in records.items():
        book = Book.of(record, [*record["facts"], *record.get("numbers", ())])
        yield folder / lang / f"{name}.html", lambda _, book=book: book
    for lang in ("", *dict.fromkeys(lang for lang, _ in records)):

        def summary(spoken: str, lang: str = lang) -> Book:
            mine = [record for (other, _), record in records.items() if other == spoken]
            facts: dict[str, Any] = {}
            for record in mine:
                prefix = f"{number_of(record['chapter'])}/"
                facts |= Book.of(record, [*record["facts"], *record.get("numbers", ())], prefix).facts
            opening = opening_of(mine) or {}
            return Book({**facts, **Book.of(opening, summaries.get(lang, ())).facts})

        yield folder / lang / "index.html", summary


def _records(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What lies beside the pages of chapters, by language and chapter."""
    found = {}
    for lang in LANGUAGES:
        for path in sorted((folder / lang).glob("[0-9]*_*.html")):
            if path.stem in NAMES:
                found[lang, path.stem] = _read(path.with_suffix(".json"))
    if not found:
        raise ReportError(f"{folder} holds no report; allowed: a folder that `kbind report` has written")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(_text(path)))
    except ValueError as error:
        raise ReportError(f"{path} is not what `kbind report` writes: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror or error}") from error


def _between_languages(records: Mapping[tuple[str, str], Any]) -> Iterator[str]:
    """Facts that one language tells otherwise, or not at all."""
    for name in dict.fromkeys(name for _, name in records):
        both = [records[lang, name] for lang in LANGUAGES if (lang, name) in records]
        if len(both) == len(LANGUAGES):
            first, second = (_by_id({"facts": record["facts"]}) for record in both)
            for fact, what in _different(first, second):
                yield f"{LANGUAGES[0]}/{name}.json: {fact!r}: {what.format(LANGUAGES[1] + ' says')}"


def _of_one_language(read: Mapping[str, Sequence[Place]]) -> Iterator[str]:
    """Numbers that a page tells in one language only; axes and the digits of the wording are a language's own."""
    told = {
        page: {id_and_form(reference)[0] for place in places if not place.drawn for reference in place.references}
        for page, places in read.items()
    }
    first, second = LANGUAGES
    for page in sorted(told):
        other = page.replace(f"{first}/", f"{second}/", 1)
        if page.startswith(f"{first}/") and other in told:
            for name in sorted(told[page] ^ told[other]):
                if not _WORDING.match(name):
                    yield f"{page}: {name!r} is told in {first if name in told[page] else second} only"


def _by_id(record: Mapping[str, Any]) -> Facts:
    return {fact["id"]: fact for fact in [*record.get("facts", ()), *record.get("numbers", ())]}


def _different(here: Facts, there: Facts) -> Iterator[tuple[str, str]]:
    """Facts that are not the same, with a sentence in which a place is open for who says otherwise."""
    for name in sorted({*here, *there}):
        first, second = here.get(name), there.get(name)
        if first is None or second is None:
            yield name, f"{'not here' if first is None else 'here'}, {{}} " + ("it" if first is None else "nothing")
            continue
        for key in ("unit", "value", "ci_lower", "ci_upper", "n", "count", "hidden"):
            if not _alike(first.get(key), second.get(key)):
                yield name, f"{key} {first.get(key)!r}, {{}} {second.get(key)!r}"


def _alike(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=_NEAR, abs_tol=_NEAR)
    return a == b


def _near(text: str) -> str:
    """A few words around the first number of a text."""
    line = re.sub(r"\s+", " ", text)
    found = DIGITS.search(line)
    return line[max(found.start() - _AROUND, 0) : found.end() + _AROUND].strip() if found else line[:_AROUND].strip()
