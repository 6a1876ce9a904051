"""Put the pages of a report into its folder, with a summary of all that lie there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kbind.errors import ReportError
from kbind.report.binding import bind
from kbind.report.changes import BEFORE, FACTS, changes_since, facts_file, read_facts
from kbind.report.pages import Page
from kbind.report.place import placing, put
from kbind.report.record import marked_record
from kbind.report.summary import language_page, sheet_of, summary_page
from kbind.text.marks import writing
from kbind.text.messages import LANGUAGES


def put_in_place(pages: Sequence[Page], out: Path, compare: Path | None = None) -> Path:
    """Write everything, then put it in place together; other files in the folder are not touched.

    Parameters
    ----------
    pages : sequence of Page
    out : Path
    compare : Path, optional
        Facts of an earlier report; the summary says what has changed since.

    Returns
    -------
    Path
        The page that leads to the summaries.

    Raises
    ------
    ReportError
        The folder cannot be written, or the earlier facts cannot be read; an earlier report is unchanged.
    """
    earlier = None if compare is None else read_facts(compare)
    try:
        with placing(out) as place:
            texts = {}
            for page in pages:
                record = json.dumps(page.record, ensure_ascii=False, indent=1, allow_nan=False)
                texts[f"{page.lang}/{page.chapter}.html"] = page.html + "\n"
                texts[f"{page.lang}/{page.chapter}.json"] = record + "\n"
            texts |= _summaries(_all_records(pages, place), earlier)
            put(texts, place)
    except OSError as error:
        raise ReportError(
            f"{out} cannot be written: {error.strerror or error}; an earlier report is unchanged"
        ) from error
    return out / "index.html"


def _summaries(records: Sequence[dict[str, Any]], earlier: Mapping[str, Any] | None) -> dict[str, str]:
    """The summary in each language, the page that leads to them, and the facts of all pages."""
    languages = [lang for lang in LANGUAGES if any(record["language"] == lang for record in records)]
    texts, sheets, own = {}, [], {}
    for lang in languages:
        with writing() as scribe:
            mine = [marked_record(record) for record in records if record["language"] == lang]
            changes = [] if earlier is None else changes_since(earlier, mine, lang)
            sheets.append(sheet_of(mine, lang, changes))
            bound = bind(summary_page(sheets[-1], languages), scribe.drawn)
        texts[f"{lang}/index.html"] = bound.html + "\n"
        earlier_facts = [fact for name, fact in scribe.facts.items() if name.startswith(BEFORE)]
        own[lang] = [*earlier_facts, *bound.small_facts(scribe.numbers)]
    bound = bind(language_page(sheets), {})
    own[""] = bound.small_facts({})
    texts["index.html"] = bound.html + "\n"
    texts[FACTS] = facts_file([record for record in records if record["language"] == languages[0]], own)
    return texts


def _all_records(pages: Sequence[Page], out: Path) -> list[dict[str, Any]]:
    """Records of the new pages, and of pages of other chapters or languages that are there already."""
    records = {(page.lang, page.chapter): dict(page.record) for page in pages}
    for lang in LANGUAGES:
        for path in sorted((out / lang).glob("[0-9]*_*.json")):
            if (lang, path.stem) not in records and path.with_suffix(".html").exists():
                try:
                    earlier = json.loads(path.read_text(encoding="utf-8"))
                    if {"question", "finding", "facts"} <= set(earlier):
                        records[(lang, path.stem)] = {**earlier, "chapter": path.stem, "language": lang}
                except (ValueError, TypeError):
                    continue  # not a record of ours
    return list(records.values())
