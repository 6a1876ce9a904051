"""Every number on a page is its fact: an untouched report passes, a falsified digit never does."""

from __future__ import annotations

import json
import random
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.cli import main
from kbind.errors import ReportError
from kbind.report.publish import put_in_place
from kbind.report.verify import recomputed, verify

CHAPTERS = ["00", "01", "01c"]
#: What readers see or hear of a page: text between tags, and labels.
SEEN = re.compile(r'(?: (?:aria-label|alt|title|data-name)="([^"]*)")|>([^<]+)<')


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of 400 customers over a year and a half, and what they are like."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("orders") / "Shop 24"
    folder.mkdir()
    rows = [
        (f"c{customer}", pd.Timestamp(2023, 1, 5) + pd.DateOffset(months=month), round(float(rng.gamma(2, 30)), 2))
        for customer in range(400)
        for month in range(int(rng.integers(0, 14)), 18)
        if rng.random() < 0.6
    ]
    pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"]).to_csv(folder / "events.csv", index=False)
    plans = [["Plan 1", "Plan 2", None][k % 3] for k in range(400)]
    pd.DataFrame({"customer_id": [f"c{k}" for k in range(400)], "plan": plans}).to_csv(
        folder / "customers.csv", index=False
    )
    return folder


@pytest.fixture(scope="module")
def told(orders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kb.Report(kb.open_dataset(orders)).write(tmp_path_factory.mktemp("told"), chapters=CHAPTERS).parent


@pytest.fixture
def copied(told: Path, tmp_path: Path) -> Path:
    return shutil.copytree(told, tmp_path / "copied")


def _pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def _digits(html: str) -> list[int]:
    """Where the digits stand that somebody reads; found without the code that is tested."""
    body = html.index("</style>")
    spans = [m.span(1 if m[1] is not None else 2) for m in SEEN.finditer(html)]
    spans += [m.span(1) for m in re.finditer("<title>(.*?)</title>", html)]
    kept = [(a, b) for a, b in spans if a > body or b < html.index("<style>")]
    entities = {
        k for a, b in kept for m in re.finditer(r"&#\w+;", html[a:b]) for k in range(a + m.start(), a + m.end())
    }
    named = {k for m in re.finditer(r"<main[^>]*>", html) for k in range(*m.span())}
    return sorted({k for a, b in kept for k in range(a, b) if html[k].isdigit()} - entities - named)


def test_an_untouched_report_passes(told: Path) -> None:
    found = verify(told)
    assert found.findings == []
    assert found.pages == len(_pages(told)) == 2 * (len(CHAPTERS) + 1) + 1
    assert found.numbers > 500


def test_nothing_of_the_marks_is_left(told: Path) -> None:
    for path in told.rglob("*.*"):
        assert not re.search("[\ue000-\uf8ff\U000f0000-\U0010ffff]", path.read_text(encoding="utf-8")), path


def test_every_digit_is_read(told: Path) -> None:
    """Figures, navigation, dates, titles and text alternatives among them."""
    html = (told / "en" / "01_retention_metrics.html").read_text(encoding="utf-8")
    seen = " ".join(unescape(html[max(k - 12, 0) : k + 1]) for k in _digits(html))
    for kind in ("As of", "Chapter", "kbind ", 'aria-label="', "<svg"[1:], "202"):
        assert kind in seen + html, kind
    assert len(_digits(html)) > 300


def test_one_hundred_falsified_digits_are_all_caught(copied: Path) -> None:
    rng = random.Random(17)
    missed: list[str] = []
    pages = [(path, path.read_text(encoding="utf-8")) for path in _pages(copied)]
    for number in range(100):
        path, html = pages[number % len(pages)]
        at = rng.choice(_digits(html))
        digit = rng.choice([d for d in "0123456789" if d != html[at]])
        path.write_text(html[:at] + digit + html[at + 1 :], encoding="utf-8")
        findings = verify(copied).findings
        path.write_text(html, encoding="utf-8")
        if len(findings) != 1 or not findings[0].startswith(path.relative_to(copied).as_posix()):
            missed.append(f"{path.name}: {html[at - 40 : at + 20]!r} with {digit}: {findings}")
    assert not missed


def _record(folder: Path, lang: str, name: str = "01_retention_metrics") -> tuple[Path, dict[str, Any]]:
    path = folder / lang / f"{name}.json"
    return path, json.loads(path.read_text(encoding="utf-8"))


def test_languages_that_disagree(copied: Path) -> None:
    path, record = _record(copied, "en")
    fact = next(fact for fact in record["facts"] if fact["n"])
    fact["n"] += 1
    path.write_text(json.dumps(record), encoding="utf-8")
    said = f"de/01_retention_metrics.json: {fact['id']!r}: n {fact['n'] - 1}, en says {fact['n']}"
    assert said in verify(copied).findings


def test_a_number_without_a_fact(copied: Path) -> None:
    page = copied / "de" / "01_retention_metrics.html"
    html = page.read_text(encoding="utf-8")
    page.write_text(html.replace("</h1>", " 77</h1>", 1), encoding="utf-8")
    (finding,) = verify(copied).findings
    assert re.fullmatch(r"de/01_retention_metrics\.html, <h1> in line \d+: '.*77' is tied to no fact", finding)
    page.write_text(html.replace('data-facts="', 'data-facts="made.up: ', 1), encoding="utf-8")
    tied, alone = verify(copied).findings
    assert "is tied to 'made.up', which is no fact of the page" in tied
    assert alone == "de/01_retention_metrics.html: 'made.up' is told in de only"


def test_facts_from_the_data(orders: Path, copied: Path) -> None:
    for lang in ("de", "en"):
        path, record = _record(copied, lang)
        fact = next(fact for fact in record["facts"] if fact["n"] and fact["unit"] == "share")
        fact["value"] /= 2
        path.write_text(json.dumps(record), encoding="utf-8")
    findings = recomputed(copied, orders)
    assert len(findings) == 2
    said = f"de/01_retention_metrics.json: {fact['id']!r}: value {fact['value']!r}, the data gives "
    assert findings[0].startswith(said)


def test_the_command(copied: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> object:
        monkeypatch.setattr("sys.argv", ["kbind", "verify", str(copied)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    assert run() in (0, None)
    assert re.fullmatch(r"[\d,]+ numbers on 9 pages, each is its fact\n", capsys.readouterr().out)
    page = copied / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("kbind 0", "kbind 9"), encoding="utf-8")
    assert run() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("index.html, <p> in line ")
    assert lines[1].endswith(" numbers on 9 pages, 1 findings")


def test_what_has_changed_is_checked_as_well(told: Path, tmp_path: Path) -> None:
    facts = json.loads((told / "facts.json").read_text(encoding="utf-8"))
    chapter = facts["chapters"]["01_retention_metrics"]
    chapter["as_of"] = "2023-05-31"
    for fact in chapter["facts"]:
        fact["value"] = None if fact["value"] is None else fact["value"] * 0.9
    (tmp_path / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    again = publish_again(told, tmp_path / "again", tmp_path / "facts.json")
    html = (again / "en" / "index.html").read_text(encoding="utf-8")
    assert "May 31, 2023" in html
    assert 'data-facts="' in html
    assert verify(again).findings == []
    (again / "en" / "index.html").write_text(html.replace("May 31, 2023", "May 30, 2023", 1), encoding="utf-8")
    (finding,) = verify(again).findings
    assert finding.startswith("en/index.html, <li> in line ")


def publish_again(report: Path, out: Path, earlier: Path) -> Path:
    """The same pages with a summary that compares them with earlier facts."""
    shutil.copytree(report, out)
    put_in_place([], out, earlier)
    return out


def test_a_folder_without_a_report(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="holds no report; allowed: a folder that `kbind report` has written"):
        verify(tmp_path)
