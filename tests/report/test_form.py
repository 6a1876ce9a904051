"""The workbook itself, and the way from there to a page and back."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook

import kbind as kb
from kbind.errors import ReportError
from kbind.report.template import write_template
from kbind.report.write import write_report
from kbind.retention.period_rates import late_change
from kbind.text.disclosure import Disclosure

FIRST, LAST = 6, 41
ACTIVE = ("=1+1", "+49 30", "-5 %", "@sum(A1)", "Preis")
SHEETS = {
    "de": ["Anleitung", "Kunden", "Umsatz", "Gründe", "Beispiel"],
    "en": ["Guide", "Customers", "Revenue", "Reasons", "Example"],
}


@pytest.mark.parametrize("lang", ["de", "en"])
def test_template_is_locked_but_for_what_is_typed_in(tmp_path: Path, lang: str) -> None:
    book = load_workbook(write_template(tmp_path / "t.xlsx", lang=lang))
    assert book.sheetnames == SHEETS[lang]
    for sheet in book:
        assert sheet.protection.sheet
        assert not sheet.protection.password
        assert sheet.page_setup.paperSize == 9
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
        open_cells = {c.coordinate for row in sheet for c in row if not c.protection.locked}
        formulas = {c.coordinate for row in sheet for c in row if c.data_type == "f"}
        assert not open_cells & formulas
    letters = {1: "ABCDE", 2: "CDEF", 3: "DEFGHIJK"}
    for number, columns in letters.items():
        sheet = book.worksheets[number]
        body = {f"{letter}{row}" for letter in columns for row in range(FIRST, LAST + 1)}
        heads = {f"{letter}5" for letter in columns} if number == 3 else set()
        assert {c.coordinate for row in sheet for c in row if not c.protection.locked} == body | heads
        assert sheet.freeze_panes == "C6"


@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_typed_cell_is_validated_in_the_language(tmp_path: Path, lang: str) -> None:
    book = load_workbook(write_template(tmp_path / "t.xlsx", lang=lang))
    for sheet in book.worksheets[1:4]:
        rules = sheet.data_validations.dataValidation
        covered = {cell for rule in rules for span in rule.sqref.ranges for row in span.cells for cell in [row]}
        typed = {(c.row, c.column) for row in sheet for c in row if not c.protection.locked and c.row >= FIRST}
        assert covered == typed
        for rule in rules:
            assert rule.showErrorMessage
            assert 0 < len(rule.errorTitle) <= 32
            assert 0 < len(rule.error) <= 255
            assert 0 < len(rule.prompt) <= 255
            assert ("Bitte" in rule.error) == (lang == "de")


def test_both_languages_hold_the_same_workbook_each_in_its_own_words(tmp_path: Path) -> None:
    german, english = (load_workbook(write_template(tmp_path / f"{lang}.xlsx", lang=lang)) for lang in SHEETS)
    texts: dict[str, list[str]] = {"de": [], "en": []}

    def plain(formula: str) -> str:
        return re.sub(r"'\w+'!", "!", re.sub('"[^"]*"', '""', formula))

    for one, other in zip(german, english, strict=True):
        assert one.merged_cells.ranges == other.merged_cells.ranges
        for row, same in zip(one, other, strict=True):
            for a, b in zip(row, same, strict=True):
                assert (a.data_type, a.protection.locked, a.fill.fgColor.rgb) == (
                    b.data_type,
                    b.protection.locked,
                    b.fill.fgColor.rgb,
                )
                if a.data_type == "f":
                    assert plain(a.value) == plain(b.value), a.coordinate
                elif a.data_type != "s":
                    assert a.value == b.value
                texts["de"] += [a.value] if a.data_type in "sf" else []
                texts["en"] += [b.value] if b.data_type in "sf" else []
    names = [{name: plain(at.attr_text) for name, at in book.defined_names.items()} for book in (german, english)]
    assert names[0] == names[1]
    assert not re.search(r"\b(the|of|and|customers|share|month|which|with)\b", " ".join(map(str, texts["de"])))
    assert not re.search(r"[äöüßÄÖÜ]|\b(und|der|die|das|nicht|Kunden)\b", " ".join(map(str, texts["en"])))


def test_the_guide_names_the_file(tmp_path: Path) -> None:
    guide = load_workbook(write_template(tmp_path / "Quote <2024>.xlsx", lang="de")).worksheets[0]
    assert guide["B9"].value == "Als .xlsx speichern, dann: kbind report --data Quote <2024>.xlsx"


def test_text_that_begins_like_a_formula_is_written_as_text(tmp_path: Path) -> None:
    sheet = load_workbook(write_template(tmp_path / "t.xlsx", reasons=ACTIVE)).worksheets[3]
    cells = [sheet.cell(5, 4 + i) for i in range(len(ACTIVE))]
    assert [cell.value for cell in cells] == list(ACTIVE)
    assert all(cell.data_type == "s" for cell in cells)
    assert [bool(cell.quotePrefix) for cell in cells] == [True, True, True, True, False]


@pytest.mark.parametrize("lead", ["\t", "\r"])
def test_tab_and_return_before_a_formula_do_not_help_it(tmp_path: Path, lead: str) -> None:
    sheet = load_workbook(write_template(tmp_path / "t.xlsx", reasons=[f"{lead}=1+1"])).worksheets[3]
    assert (sheet["D5"].value, sheet["D5"].data_type, bool(sheet["D5"].quotePrefix)) == ("=1+1", "s", True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "t.csv"}, "allowed: a name that ends in .xlsx"),
        ({"lang": "fr"}, "lang='fr'"),
        ({"reasons": ["a"] * 2}, "up to 8 different texts, none empty"),
        ({"reasons": list("abcdefghi")}, "up to 8 different texts"),
        ({"reasons": ["  "]}, "none empty"),
    ],
)
def test_mistakes_write_nothing(tmp_path: Path, options: dict[str, object], message: str) -> None:
    values = {"path": "t.xlsx", **options}
    with pytest.raises(kb.ArgumentError, match=message):
        write_template(tmp_path / str(values.pop("path")), **values)
    assert not list(tmp_path.iterdir())


def test_a_filled_file_is_not_replaced_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.write_text("filled in for hours")
    with pytest.raises(kb.ArgumentError, match="exists already and was left as it is; --force"):
        write_template(path)
    assert path.read_text() == "filled in for hours"
    write_template(path, force=True)
    assert load_workbook(path).sheetnames == SHEETS["en"]
    assert [found.name for found in tmp_path.iterdir()] == ["t.xlsx"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReportError, match="cannot be written: No such file or directory"):
        write_template(tmp_path / "nowhere" / "t.xlsx")
    path = write_template(tmp_path / "t.xlsx")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ReportError, match="cannot be written: No space left on device"):
        write_template(path, force=True)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["t.xlsx"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A German template with four quarters, a name like a tag and a reason like a formula."""
    path = tmp_path_factory.mktemp("filled") / "Quote <b>2024.xlsx"
    write_template(path, lang="de", reasons=["=1+1", "<script>alert(1)</script>"])
    book = load_workbook(path)
    customers, revenue, reasons = book["Kunden"], book["Umsatz"], book["Gründe"]
    quarters = ((1, 31, 3), (4, 30, 6), (7, 30, 9), (10, 31, 12))
    counts = ((210, 25, 13), (222, 18, 20), (220, 30, 12), (238, 16, 41))
    for row, ((first, day, last), numbers) in enumerate(zip(quarters, counts, strict=True), start=FIRST):
        for letter, value in zip("ABCDE", (date(2024, first, 1), date(2024, last, day), *numbers), strict=True):
            customers[f"{letter}{row}"] = value
        for letter, value in zip("CDEF", (10_000.0, 700.0, 120.0, 900.0), strict=True):
            revenue[f"{letter}{row}"] = value
        reasons[f"D{row}"], reasons[f"E{row}"] = numbers[2] // 2, 2
    book.save(path)
    return path


@pytest.fixture(scope="module")
def filled_report(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(filled, out=tmp_path_factory.mktemp("reports"), lang="de").parent


def test_a_filled_german_template_becomes_a_german_page(filled: Path, filled_report: Path) -> None:
    page = (filled_report / "de" / "01c_from_the_template.html").read_text(encoding="utf-8")
    found = kb.period_rates(kb.open_dataset(filled))
    assert "Wie viele Kunden bleiben nach Ihrer eigenen Zählung?" in page
    assert "Kapitel 1c · Quote &lt;b&gt;2024" in page
    change = late_change(found)
    assert change is not None
    rule = Disclosure()
    for share in map(rule.estimate, (change.late, change.before)):
        lower, upper = (round(100 * limit) for limit in share.interval)
        assert f"zwischen {lower} und {upper} von 100" in page
    assert f"{round(100 * rule.estimate(change.late).value)} von 100" in page
    assert f"{round(100 * rule.estimate(found.rate(-1)).value)}\u00a0%" in page
    assert "blieben weniger als zuvor" in page
    assert "=1+1" in page
    assert "<script" not in page
    assert "customer_id" not in page


def test_facts_of_the_page_are_the_rates(filled: Path, filled_report: Path) -> None:
    record = json.loads((filled_report / "de" / "01c_from_the_template.json").read_text(encoding="utf-8"))
    found = kb.period_rates(kb.open_dataset(filled))
    facts = {fact["id"]: fact for fact in record["facts"]}
    for i in range(len(found.counts)):
        told = Disclosure().estimate(found.rate(i))
        assert (facts[f"period.{i}"]["value"], facts[f"period.{i}"]["ci_lower"]) == (told.value, told.ci_lower)
    assert {row: facts[f"lost.{row}"]["value"] for row in range(4)} == {0: 10, 1: 20, 2: 10, 3: 40}


def test_the_other_chapters_say_what_they_miss(filled_report: Path) -> None:
    for name in (
        "00_data_quality",
        "01_retention_metrics",
        "01b_revenue_and_value",
        "02_when_customers_leave",
        "03_who_is_about_to_leave",
        "04_what_the_lost_have_in_common",
    ):
        page = (filled_report / "de" / f"{name}.html").read_text(encoding="utf-8")
        assert re.search(r"Vorhanden: periods, reasons\.", page)


def test_a_template_in_which_one_customer_left_tells_no_count(tmp_path: Path) -> None:
    path = write_template(tmp_path / "small.xlsx", lang="de")
    book = load_workbook(path)
    for letter, value in zip("ABCDE", (date(2024, 1, 1), date(2024, 12, 31), 20, 5, 1), strict=True):
        book["Kunden"][f"{letter}{FIRST}"] = value
    book.save(path)
    out = write_report(path, out=tmp_path / "out", lang="de", chapters=["1c"]).parent
    page = (out / "de" / "01c_from_the_template.html").read_text(encoding="utf-8")
    assert "95,0\u00a0%" not in page
    assert "unter 5" in page


def test_periods_below_the_last_row_are_refused_and_not_passed_over(tmp_path: Path) -> None:
    path = write_template(tmp_path / "t.xlsx", lang="de")
    book = load_workbook(path)
    sheet = book.worksheets[1]
    for row, first in ((6, date(2024, 1, 1)), (42, date(2024, 4, 1))):
        last = date(first.year, first.month + 2, 30)
        for column, value in enumerate((first, last, 20, 5, 1), start=1):
            sheet.cell(row, column).value = value
    book.save(path)
    with pytest.raises(kb.DatasetError, match=r"'Erster Tag': stands below the last row of the form: cell A42") as told:
        kb.open_dataset(path)
    assert "column 'Verloren': stands below the last row of the form: cell E42" in str(told.value)
