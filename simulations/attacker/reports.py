"""A finished report as an attacker reads it: the JSON beside its pages, in every language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import cohorts, months
from .knowledge import Knowledge
from .rules import Rule, Told

#: The number of customers as it stands above a page: "142 customers", "1.420 Kunden", "2,469 households".
_CUSTOMERS = re.compile(r"([\d.,]+) (?:customers?|households?|Kunden|Kunde|Haushalte?)\b")


def read_report(known: Knowledge, folder: Path, rule: Rule) -> int:
    """Add what the chapters on retention and on leaving tell in both languages; returns how many facts that were."""
    number = 0
    for lang in ("de", "en"):
        retention, leaving = (_record(folder / lang, name) for name in ("01_*.json", "02_*.json"))
        if retention.get("facts"):
            reader = cohorts.CohortReader([*retention["facts"], *_size(retention)], rule)
            reader.read(known)
            if leaving.get("facts"):
                months.read_months(known, leaving["facts"], rule, f"@{reader.lived}")
        number += sum(len(record.get("facts", ())) for record in (retention, leaving))
    return number


def _record(folder: Path, pattern: str) -> dict[str, Any]:
    """The record of the page of that name; empty where there is none."""
    paths = sorted(folder.glob(pattern))
    return dict(json.loads(paths[0].read_text(encoding="utf-8"))) if paths else {}


def _size(record: dict[str, Any]) -> Iterator[Told]:
    found = _CUSTOMERS.search(str(record["data"]).replace("\xa0", " "))
    if found:
        value = float(re.sub("[.,]", "", found[1]))
        yield {"id": "customers", "unit": "customers", "value": value, "hidden": False, "definition": ""}
