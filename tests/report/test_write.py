"""Writing a report: complete or not at all, and every mistake in one sentence."""

from __future__ import annotations

import copy
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup

import kbind as kb
from kbind.errors import ReportError
from kbind.report import publish, workers
from kbind.report import write as writing
from kbind.report.contents import NAMES
from kbind.report.notebooks import shipped_notebooks
from kbind.report.pages import Page
from kbind.report.write import write_report

QUALITY, NAME, REVENUE, PERSONAS = "00_data_quality", "01_retention_metrics", "01b_revenue_and_value", "05_personas"


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_files_of_a_report(example_report: Path) -> None:
    ends = [f"{name}.{end}" for name in NAMES for end in ("html", "json")]
    paths = {f"{lang}/{end}" for lang in ("de", "en") for end in [*ends, "index.html"]}
    assert _files(example_report) == {"index.html", "facts.json", *paths}
    choice = (example_report / "index.html").read_text(encoding="utf-8")
    assert 'href="de/index.html"' in choice
    assert 'href="en/index.html"' in choice
    summary = (example_report / "de" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}.html"' in summary for name in NAMES)


def test_facts_carry_no_language(example_report: Path) -> None:
    for name in NAMES:
        german, english = (
            json.loads((example_report / lang / f"{name}.json").read_text(encoding="utf-8")) for lang in ("de", "en")
        )
        assert german["facts"] == english["facts"]


def test_one_language_and_later_the_other(toy: kb.Dataset, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    toy.table("events").to_csv(data / "events.csv", index=False)
    write_report(data, out=tmp_path / "out", lang="en", chapters=["01"], as_of="2024-05-01")
    assert _files(tmp_path / "out") == {
        "index.html",
        "facts.json",
        "en/index.html",
        f"en/{NAME}.html",
        f"en/{NAME}.json",
    }
    (tmp_path / "out" / "mine.txt").write_text("not ours")
    write_report(data, out=tmp_path / "out", lang="de", chapters=[NAME], as_of="2024-05-01")
    assert (tmp_path / "out" / "mine.txt").read_text() == "not ours"
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "en/index.html" in index
    assert "de/index.html" in index
    assert f'href="{NAME}.html"' in (tmp_path / "out" / "en" / "index.html").read_text(encoding="utf-8")


def test_data_without_the_table_gives_a_page_that_says_so(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": [1, 2], "tenure": [3, 4]}).to_csv(tmp_path / "customers.csv", index=False)
    out = write_report(tmp_path, out=tmp_path / "out").parent
    page = (out / "de" / f"{NAME}.html").read_text(encoding="utf-8")
    assert "braucht eine Tabelle: events oder subscriptions. Vorhanden: customers." in page
    assert page.count("<h1") == 1
    quality = (out / "de" / f"{QUALITY}.html").read_text(encoding="utf-8")
    assert "nein; es fehlt: Ereignisse" in quality


def test_personas_beside_the_data_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"customer_id": range(40), "goal": ["grow", "save"] * 20})
    frame.to_csv(tmp_path / "customers.csv", index=False)
    stays = pd.DataFrame({"customer_id": range(40), "start": "2024-01-01", "end": [None, "2024-06-01"] * 20})
    stays.to_csv(tmp_path / "subscriptions.csv", index=False)
    page = tmp_path / "out" / "en" / f"{PERSONAS}.html"
    write_report(tmp_path, out=tmp_path / "out", lang="en", chapters=["05"], as_of="2025-06-01")
    assert "How to write down a persona" in page.read_text(encoding="utf-8")
    rule = kb.Rule("goal", in_=("grow",))
    grower = kb.Persona("grower", 1, "Sales", "2026-01-01", {"de": "Wächst", "en": "Grows"}, (rule,))
    (tmp_path / "personas").mkdir()
    grower.save(tmp_path / "personas" / "grower.yaml")
    write_report(tmp_path, out=tmp_path / "out", lang="en", chapters=["05"], as_of="2025-06-01")
    written = page.read_text(encoding="utf-8")
    assert "How to write down a persona" not in written
    assert "too few customers fit the personas" in written


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_tiny_data_gives_a_page(tmp_path: Path, rows: int) -> None:
    stamps = ["2024-01-05", "2024-02-05", "2024-04-05"][:rows]
    frame = pd.DataFrame({"customer_id": 1, "timestamp": stamps})
    frame.to_csv(tmp_path / "events.csv", index=False)
    out = write_report(tmp_path, out=tmp_path / "out", lang="en").parent
    page = (out / "en" / f"{NAME}.html").read_text(encoding="utf-8")
    assert "under 5 customers" in page
    assert "1 customer" not in page


def test_mistakes_come_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(kb.ArgumentError, match="chapter '99' is not known; .*chapters: 00, 01, .*02, 03, 04, 05"):
        write_report(out=tmp_path, chapters=["99"])
    with pytest.raises(kb.ArgumentError, match="lang='fr'"):
        write_report(out=tmp_path, lang="fr")
    with pytest.raises(kb.ArgumentError, match="threshold=0"):
        write_report(out=tmp_path, threshold=0)
    with pytest.raises(kb.DatasetError, match="does not exist"):
        write_report(tmp_path / "nothing", out=tmp_path)
    assert not _files(tmp_path)


def _pages(text: str) -> list[Page]:
    record = {"chapter": NAME, "language": "en", "question": "Q", "finding": text, "data": "", "facts": []}
    return [Page(NAME, "en", f"<html>{text}</html>", record, [])]


def test_a_failed_run_leaves_the_old_report_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish.put_in_place(_pages("old"), tmp_path)
    before = {name: (tmp_path / name).read_text() for name in _files(tmp_path)}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(
            ReportError, match="cannot be written: No space left on device; an earlier report is unchanged"
        ):
            publish.put_in_place(_pages("new"), tmp_path)
    assert {name: (tmp_path / name).read_text() for name in _files(tmp_path)} == before
    publish.put_in_place(_pages("new"), tmp_path)
    assert "new" in (tmp_path / "index.html").read_text()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".kbind")]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ReportError, match="cannot be written"):
        publish.put_in_place(_pages("new"), tmp_path / "out")


def test_records_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "02_x.json").write_text("{")
    (tmp_path / "de" / "02_x.html").write_text("")
    publish.put_in_place(_pages("new"), tmp_path)
    assert (tmp_path / "de" / "02_x.json").read_text() == "{"


# -- side by side --------------------------------------------------------------------------------------------------


@pytest.fixture
def stays(tmp_path: Path) -> Path:
    """Customers with contracts, enough for a persona to be looked at."""
    folder = tmp_path / "stays"
    folder.mkdir()
    frame = pd.DataFrame({"customer_id": range(40), "goal": ["grow", "save"] * 20})
    frame.to_csv(folder / "customers.csv", index=False)
    ends = [None, "2024-06-01"] * 20
    frame = pd.DataFrame({"customer_id": range(40), "start": "2024-01-01", "end": ends})
    frame.to_csv(folder / "subscriptions.csv", index=False)
    return folder


def _job(folder: Path, **options: Any) -> workers.Job:
    return workers.Job(str(folder), {"as_of": "2025-06-01"}, options, ("de", "en"))


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (7, "unexpected TypeError: 'int' object is not iterable; KBIND_DEBUG=1 shows where"),
        (map(os._exit, [1]), "the process that ran it died; is there enough memory?"),  # whoever reads them dies
    ],
    ids=["error", "death"],
)
def test_a_failing_chapter_does_not_take_the_others_along(stays: Path, rules: Any, why: str) -> None:
    broken = copy.copy(kb.datasets.load_personas()[0])
    object.__setattr__(broken, "rules", rules)
    outcomes = workers.write_chapters([QUALITY, NAME, PERSONAS], _job(stays, personas=[broken]))
    assert [outcome.why for outcome in outcomes] == ["", "", why]
    assert [page.lang for page in outcomes[2].pages] == ["de", "en"]
    assert "Dieses Kapitel fehlt in diesem Bericht" in outcomes[2].pages[0].html
    assert "How many customers stay?" in outcomes[1].pages[1].html


def _outcome(why: str, text: str = "new") -> workers.Outcome:
    return workers.Outcome(NAME, _pages(text), why)


def test_a_report_without_a_chapter_is_written_and_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "write_chapters", lambda *_: [_outcome("too bad"), _outcome("")])
    with pytest.raises(ReportError, match=r"written: .*index.html, but for\n01: too bad"):
        write_report(out=tmp_path)
    assert "new" in (tmp_path / "index.html").read_text()


def test_a_report_without_any_chapter_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish.put_in_place(_pages("old"), tmp_path)
    monkeypatch.setattr(writing, "write_chapters", lambda *_: [_outcome("too bad")])
    with pytest.raises(ReportError, match=r"an earlier report is unchanged:\n01: too bad"):
        write_report(out=tmp_path)
    assert "old" in (tmp_path / "index.html").read_text()


def _listening() -> set[str]:
    """Sockets of this process and what it started that wait for others to connect to a port."""
    ports = {
        words[9]
        for name in ("tcp", "tcp6")
        for words in (line.split() for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:])
        if words[3] == "0A"
    }
    processes, mine = ["self"], set()
    for process in processes:
        processes += [c for t in Path(f"/proc/{process}/task").glob("*/children") for c in t.read_text().split()]
        for file in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                mine.add(str(file.readlink())[8:-1])
    assert len(processes) > 1
    return ports & mine


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="ports are not listed here")
def test_progress_is_told_and_no_port_is_opened(stays: Path) -> None:
    steps: list[tuple[str, float, float]] = []
    ports: list[set[str]] = []

    def progress(what: str, done: float, total: float) -> None:
        steps.append((what, done, total))
        ports.append(_listening() if "written" not in what else set())

    workers.write_chapters([QUALITY, NAME], _job(stays), progress)
    said = [what for what, _, _ in steps]
    assert {"00 de", "00 en", "01 de", "01 en"} <= set(said)
    # what a chapter found is told when it is written, in the first language
    findings = [what for what in said if " written: " in what]
    assert [finding[:2] for finding in sorted(findings)] == ["00", "01"]
    assert all(re.search(r"[a-zäöü]{4}", finding) and "\ue000" not in finding for finding in findings)
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert steps[-1][1] == steps[-1][2]
    assert ports == [set()] * len(steps)


# -- in notebooks --------------------------------------------------------------------------------------------------


def _text(html: str, shown: str) -> str:
    page = BeautifulSoup(html, "html.parser").select_one(shown)
    assert page is not None
    for part in page.select("nav"):
        part.decompose()
    return page.get_text(" ", strip=True)


@pytest.mark.parametrize("path", [p for p in shipped_notebooks() if p.stem in NAMES], ids=lambda path: path.stem)
def test_notebooks_end_with_the_pages_of_the_report(example_report: Path, path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    pages = [cell for cell in cells if "page" in cell["metadata"].get("tags", [])]
    assert pages
    shown = [_text("".join(out["data"]["text/html"]), "article main") for cell in pages for out in cell["outputs"]]
    for name in (path.stem, *([REVENUE] if path.stem == NAME else [])):
        written = (example_report / "en" / f"{name}.html").read_text(encoding="utf-8")
        apart = "; this chapter is about a different company"  # than the others of the example, which a notebook lacks
        assert _text(written, "main").replace(apart, "") in shown
