"""Put the pages of a report into its folder, with an index of all that lie there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kbind.errors import ReportError
from kbind.report.pages import Page, index_page
from kbind.report.place import placing, put
from kbind.text.messages import LANGUAGES


def put_in_place(pages: Sequence[Page], out: Path) -> Path:
    """Write everything, then put it in place together; other files in the folder are not touched.

    Returns
    -------
    Path
        The index page.

    Raises
    ------
    ReportError
        The folder cannot be written; an earlier report is unchanged.
    """
    try:
        with placing(out) as place:
            texts = {}
            for page in pages:
                record = json.dumps(page.record, ensure_ascii=False, indent=1, allow_nan=False)
                texts[f"{page.lang}/{page.chapter}.html"] = page.html + "\n"
                texts[f"{page.lang}/{page.chapter}.json"] = record + "\n"
            texts["index.html"] = index_page(_all_records(pages, place)) + "\n"
            put(texts, place)
    except OSError as error:
        raise ReportError(
            f"{out} cannot be written: {error.strerror or error}; an earlier report is unchanged"
        ) from error
    return out / "index.html"


def _all_records(pages: Sequence[Page], out: Path) -> list[dict[str, Any]]:
    """Records of the new pages, and of pages of other chapters or languages that are there already."""
    records = {(page.lang, page.chapter): dict(page.record) for page in pages}
    for lang in LANGUAGES:
        for path in sorted((out / lang).glob("[0-9]*_*.json")):
            if (lang, path.stem) not in records and path.with_suffix(".html").exists():
                try:
                    earlier = json.loads(path.read_text(encoding="utf-8"))
                    about = {key: str(earlier[key]) for key in ("question", "finding", "data")}
                    records[(lang, path.stem)] = {"chapter": path.stem, "language": lang, **about}
                except (ValueError, KeyError, TypeError):
                    continue  # not a record of ours
    return list(records.values())
