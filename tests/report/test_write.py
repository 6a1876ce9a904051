"""Writing a report: complete or not at all, and every mistake in one sentence."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import kbind as kb
from kbind.errors import ReportError
from kbind.report import write as writing
from kbind.report.write import write_report
from kbind.report.execute import chapter_notebooks, execute, set_parameters
from kbind.report.pages import Page, chapter_page, harvest

QUALITY, NAME, LEAVING = "00_data_quality", "01_retention_metrics", "02_when_customers_leave"
REVENUE = "01b_revenue_and_value"
SOON = "03_who_is_about_to_leave"
COUNTS, COMMON = "01c_from_the_template", "04_what_the_lost_have_in_common"
PERSONAS = "05_personas"


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_files_of_a_report(grocery_report: Path) -> None:
    assert _files(grocery_report) == {
        "index.html",
        *(
            f"{lang}/{name}.{end}"
            for lang in ("de", "en")
            for name in (QUALITY, NAME, REVENUE, COUNTS, LEAVING, SOON, COMMON, PERSONAS)
            for end in ("html", "json")
        ),
    }
    index = (grocery_report / "index.html").read_text(encoding="utf-8")
    assert f'href="de/{NAME}.html"' in index
    assert "Wie viele Haushalte kaufen wieder?" in index
    assert "How many households buy again?" in index


def test_one_language_and_later_the_other(toy: kb.Dataset, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    toy.table("events").to_csv(data / "events.csv", index=False)
    write_report(data, out=tmp_path / "out", lang="en", chapters=["01"], as_of="2024-05-01")
    assert _files(tmp_path / "out") == {"index.html", f"en/{NAME}.html", f"en/{NAME}.json"}
    (tmp_path / "out" / "mine.txt").write_text("not ours")
    write_report(data, out=tmp_path / "out", lang="de", chapters=[NAME], as_of="2024-05-01")
    assert (tmp_path / "out" / "mine.txt").read_text() == "not ours"
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert f"en/{NAME}.html" in index
    assert f"de/{NAME}.html" in index


def test_data_without_the_table_gives_a_page_that_says_so(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": [1, 2], "tenure": [3, 4]}).to_csv(tmp_path / "customers.csv", index=False)
    out = write_report(tmp_path, out=tmp_path / "out").parent
    page = (out / "de" / f"{NAME}.html").read_text(encoding="utf-8")
    assert "braucht eine Tabelle: events oder subscriptions. Vorhanden: customers." in page
    assert page.count("<h1") == 1
    quality = (out / "de" / f"{QUALITY}.html").read_text(encoding="utf-8")
    assert "nein; es fehlt: Vorgänge" in quality


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
    return [Page(NAME, "en", f"<html>{text}</html>", record)]


def test_a_failed_run_leaves_the_old_report_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing._put_in_place(_pages("old"), tmp_path)
    before = {name: (tmp_path / name).read_text() for name in _files(tmp_path)}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(
            ReportError, match="cannot be written: No space left on device; an earlier report is unchanged"
        ):
            writing._put_in_place(_pages("new"), tmp_path)
    assert {name: (tmp_path / name).read_text() for name in _files(tmp_path)} == before
    writing._put_in_place(_pages("new"), tmp_path)
    assert "new" in (tmp_path / "index.html").read_text()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".kbind")]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ReportError, match="cannot be written"):
        writing._put_in_place(_pages("new"), tmp_path / "out")


def test_records_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "02_x.json").write_text("{")
    (tmp_path / "de" / "02_x.html").write_text("")
    writing._put_in_place(_pages("new"), tmp_path)
    assert (tmp_path / "de" / "02_x.json").read_text() == "{"


# -- execution -----------------------------------------------------------------------------------------------------


def _notebook(*sources: str) -> nbformat.NotebookNode:
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    return new_notebook(cells=cells)


def test_parameters() -> None:
    notebook = _notebook("a = b = None\nlang = 'en'", "print(a, lang)")
    set_parameters(notebook, {"a": "x'y", "lang": "de"})
    execute(notebook, "test")
    assert notebook.cells[2].outputs[0].text == "x'y de\n"
    with pytest.raises(ReportError, match="no parameter 'langg'; did you mean 'lang'"):
        set_parameters(_notebook("lang = 'en'"), {"langg": "de"})
    with pytest.raises(ReportError, match="no cell tagged 'parameters'"):
        set_parameters(new_notebook(cells=[new_code_cell("x = 1")]), {})


def test_progress_and_failure_without_traceback() -> None:
    steps: list[tuple[int, int]] = []
    notebook = _notebook("x = 1", "x", "raise ValueError('too bad')")
    with pytest.raises(ReportError) as caught:
        execute(notebook, "test.ipynb", lambda done, total: steps.append((done, total)))
    assert str(caught.value) == "test.ipynb: ValueError: too bad"
    assert steps[:2] == [(1, 3), (2, 3)]


def test_a_dead_kernel_is_reported() -> None:
    with pytest.raises(ReportError, match="died; is there enough memory"):
        execute(_notebook("import os", "os._exit(1)"), "test")


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
@pytest.mark.parametrize("long", [False, True])
def test_no_port_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool) -> None:
    place = tmp_path / ("x" * 100 if long else "x")
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    notebook = _notebook("seen = None", "print('ran')", "1")
    found: list[set[str]] = []
    execute(notebook, "test", lambda *_: found.append(_listening()))
    assert notebook.cells[1].outputs[0].text == "ran\n"
    assert found == [set()] * 3
    assert not list(place.iterdir())


def _block(kind: str = "summary", **more: Any) -> dict[str, Any]:
    texts = ("kicker", "about", "question", "label", "finding", "tiles_label", "heading", "alt", "caption")
    summary = dict.fromkeys(texts, "") | {"kind": kind, "rows": [], "tiles": [], "width": 1, "height": 1}
    return {"block": summary | more, "facts": []}


def _emitting(*metadata: dict[str, Any] | None) -> nbformat.NotebookNode:
    cells = []
    for number, emitted in enumerate(metadata, start=1):
        extra = {} if emitted is None else {"kbind": emitted}
        output = new_output("display_data", {"text/plain": "secret K0001", "image/png": "AAAA"}, metadata=extra)
        cells.append(new_code_cell("x", outputs=[output], execution_count=number))
    return new_notebook(cells=cells)


def test_only_what_a_chapter_emits_reaches_the_page() -> None:
    page = chapter_page(_emitting(_block(), None), "01_x", "en", ["en"])
    assert "secret" not in page.html
    assert "AAAA" not in page.html


FAILED = new_notebook(cells=[new_code_cell("x", execution_count=1, outputs=[new_output("error", ename="E")])])


@pytest.mark.parametrize(
    ("notebook", "message"),
    [
        (_emitting(_block(), _block("picture")), "no text alternative"),
        (_emitting(_block("section")), "opens with its summary"),
        (_emitting(_block(), _block()), "has one only"),
        (_emitting(), "opens with its summary"),
        (new_notebook(cells=[new_code_cell("x")]), "never executed"),
        (FAILED, "failed: E"),
    ],
    ids=["no alt", "no summary", "two", "nothing", "stripped", "error"],
)
def test_notebooks_not_fit_for_a_page(notebook: nbformat.NotebookNode, message: str) -> None:
    with pytest.raises(ReportError, match=message):
        harvest(notebook, "x")


def test_chapters_are_found() -> None:
    assert list(chapter_notebooks()) == sorted(chapter_notebooks())
    assert chapter_notebooks()["01"].stem == NAME


def test_published_notebook_and_english_page_say_the_same(grocery_report: Path) -> None:
    notebook = nbformat.read(chapter_notebooks()["01"], as_version=4)
    committed = chapter_page(notebook, NAME, "en", ["de", "en"])
    written = json.loads((grocery_report / "en" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(committed.record)) == written
