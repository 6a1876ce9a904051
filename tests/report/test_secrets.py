"""Nothing of a single customer, of the machine or of an error reaches what is handed on."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader

import kbind as kb
from kbind.errors import ReportError
from kbind.report import workers
from kbind.report.pdf import find_browser, print_report
from kbind.report.verify import verify
from kbind.report.write import write_report

CUSTOMERS = 240
#: What only this data holds, and no page may: by what it is.
SECRETS = {
    "id": "ID-SECRET-{:03d}",
    "name": "Xaverine Quonkel{:03d}",
    "e-mail": "quonkel{:03d}@example.org",
    "phone": "+49 555 77{:03d}",
    "note": "asked for her sister zorblat{:03d}",
    "reason": "my boss Flimwick{:03d} said stop",
    "answer": "ticket of Mr Brastow{:03d} was lost",
    "order": "ORDER-SECRET-{:03d}",
}
#: The same without its number, in case a page cuts it short; and folders of the machine.
WORDS = (
    "ID-SECRET",
    "Quonkel",
    "quonkel",
    "+49 555",
    "zorblat",
    "Flimwick",
    "Brastow",
    "ORDER-SECRET",
    "home-of-maria",
)


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Contracts, purchases, reasons and answers of customers who are named in every way."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("home-of-maria") / "data"
    folder.mkdir()

    def of(kind: str, who: Any) -> list[str]:
        return [SECRETS[kind].format(k) for k in who]

    every = np.arange(CUSTOMERS)
    start = pd.Timestamp(2022, 1, 1) + pd.to_timedelta(rng.integers(0, 500, CUSTOMERS), "D")
    length = rng.integers(30, 900, CUSTOMERS)
    end = pd.Series(start + pd.to_timedelta(length, "D")).where(lambda day: day < pd.Timestamp(2024, 1, 1))
    gone = np.flatnonzero(end.notna())
    tables = {
        "customers": {
            "customer_id": of("id", every),
            **{kind: of(kind, every) for kind in ("name", "e-mail", "phone", "note")},
            "plan": [*of("name", range(3)), *rng.choice(["basic", "large"], CUSTOMERS - 3)],
        },
        "subscriptions": {"customer_id": of("id", every), "start": start, "end": end, "mrr": rng.integers(20, 90, 240)},
        "cancellations": {
            "customer_id": of("id", gone),
            "timestamp": end[gone],
            "reason": [*of("reason", gone[:10]), *rng.choice(["price", "product"], len(gone) - 10)],
            "reason_text": of("reason", gone),
        },
        "feedback": {
            "customer_id": of("id", every),
            "timestamp": start + pd.to_timedelta(20, "D"),
            "instrument": "nps",
            "score": rng.integers(0, 11, CUSTOMERS),
            "text": of("answer", every),
            "respondent_id": of("e-mail", every),
        },
        "events": {
            "customer_id": np.repeat(of("id", every), 3),
            "timestamp": np.repeat(start, 3) + pd.to_timedelta(np.tile([1, 35, 60], CUSTOMERS), "D"),
            "amount": rng.integers(5, 50, 3 * CUSTOMERS),
            "order_id": of("order", range(3 * CUSTOMERS)),
        },
    }
    for name, columns in tables.items():
        pd.DataFrame(columns).to_csv(folder / f"{name}.csv", index=False)
    (folder / "kbind.yaml").write_text("title: A firm\nas_of: 2024-01-01\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def written(secret: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole report, with exact facts in a folder of their own."""
    place = tmp_path_factory.mktemp("out")
    return write_report(secret, out=place / "reports", internal=place / "inside" / "exact.json").parent


def _leaks(text: str) -> list[str]:
    wanted = {*WORDS, *(pattern.format(k) for pattern in SECRETS.values() for k in range(CUSTOMERS))}
    return sorted(word for word in wanted if word in text)


def test_no_customer_and_no_path_is_named(written: Path, secret: Path) -> None:
    files = [path for path in written.rglob("*") if path.is_file()]
    assert len(files) == 2 + 2 * (2 * 11 + 1)
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert _leaks(text) == [], path.name
        assert str(secret) not in text
        assert str(Path.home()) not in text
        assert "Traceback" not in text
    assert _leaks("asked for her sister zorblat017") == ["asked for her sister zorblat017", "zorblat"]


def test_no_customer_and_no_path_is_in_the_pdf(written: Path, tmp_path: Path) -> None:
    try:
        find_browser()
    except ReportError as error:
        pytest.skip(f"whether the PDF names a customer or a path: {error}")
    out = shutil.copytree(written, tmp_path / "home-of-maria" / "reports")
    printed = print_report(out, "de")
    reader = PdfReader(printed)
    text = "\n".join([str(reader.metadata), str(reader.xmp_metadata), *(page.extract_text() for page in reader.pages)])
    assert _leaks(text) == []
    assert str(tmp_path) not in text
    assert str(tmp_path).encode() not in printed.read_bytes()


def test_every_number_of_all_chapters_is_its_fact(written: Path) -> None:
    found = verify(written)
    assert found.findings == []
    assert found.pages == 25


def test_exact_facts_lie_elsewhere_and_are_more_than_the_pages_say(written: Path) -> None:
    exact = json.loads((written.parent / "inside" / "exact.json").read_text(encoding="utf-8"))
    assert exact["warning"].startswith("internal")
    hidden = 0
    for name, facts in exact["exact"].items():
        shown = json.loads((written / "de" / f"{name}.json").read_text(encoding="utf-8"))["facts"]
        assert {fact["id"] for fact in shown} == {fact["id"] for fact in facts}, name
        kept_back = {fact["id"] for fact in shown if fact["hidden"]}
        assert all(fact["value"] is None and fact["n"] is None for fact in shown if fact["hidden"])
        hidden += sum(fact["id"] in kept_back and fact["value"] is not None for fact in facts)
    assert hidden


def test_exact_facts_never_lie_beside_the_pages(written: Path, secret: Path) -> None:
    before = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    for place in (written / "exact.json", written / "de" / "x" / ".." / "exact.json"):
        with pytest.raises(ReportError, match="lies in the folder of the report, .* which is handed on"):
            write_report(secret, out=written, internal=place)
    with pytest.raises(ReportError, match="is a folder; allowed: a file for exact facts"):
        kb.Report(kb.datasets.load_counts()).write(written, internal=written.parent)
    assert {path: path.read_bytes() for path in written.rglob("*") if path.is_file()} == before


def test_a_failure_is_not_told_on_its_page(secret: Path) -> None:
    broken = copy.copy(kb.datasets.load_personas()[0])
    object.__setattr__(broken, "rules", 7)
    job = workers.Job(str(secret), {}, {"personas": [broken]}, ("de", "en"))
    (outcome,) = workers.write_chapters(["05_personas"], job)
    assert "TypeError" in outcome.why
    for page in outcome.pages:
        for text in (page.html, json.dumps(page.record)):
            assert not any(word in text for word in ("TypeError", "Traceback", "iterable", *WORDS))
