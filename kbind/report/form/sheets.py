"""The sheets of the template: guide, customers, revenue, reasons, example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from kbind.data.dataset.form import PREFIX, REASON_CUSTOMERS, REASONS
from kbind.figures.base import BLUE, MUTE
from kbind.report.form.columns import FIRST, HEAD, LAST, LAST_REASON, PERIODS, REASON_COLUMNS, Column, Columns
from kbind.report.workbook import at, body_cell, close_sheet, head_cell, heading, look, put_text
from kbind.wording import Catalogue, Voice, named

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

#: The two worked examples: first day, last day, customers at the start, gained, lost.
EXAMPLES = (
    (date(2024, 1, 1), date(2024, 3, 31), 20, 5, 1),
    (date(2025, 1, 1), date(2025, 12, 31), 44, 12, 13),
)
#: The parts of the guide and their entries.
_GUIDE: Mapping[str, Sequence[str]] = {
    "steps": ("customers", "gained", "lost", "revenue", "reasons", "cells", "report"),
    "means": ("retention", "churn", "interval", "year", "grr", "nrr"),
}
#: Signs of the guide that fit on a line.
_LINE = 105
_FROM = "greaterThanOrEqual"


class Form:
    """Puts the sheets into the workbook, one after the other."""

    def __init__(self, book: Workbook, words: Catalogue) -> None:
        self.book, self.words, self.voice = book, words, Voice(words.lang)
        kinds = ("guide", "customers", "revenue", "reasons", "example")
        self.names = {kind: words.text(f"template.sheet.{kind}") for kind in kinds}
        self.columns = Columns(words, self.names["customers"])

    def guide(self, file: str) -> None:
        """What to do, and what the numbers mean."""
        sheet, text = self.book.worksheets[0], self.words.text
        sheet.title = self.names["guide"]
        look(put_text(at(sheet, 1, 1), text("template.title")), colour=BLUE, size=18, bold=True, across="beyond")
        sheet.row_dimensions[1].height = 34
        values = {f"sheet_{kind}": name for kind, name in self.names.items()}
        values |= {"file": named(file), "level": self.voice.percent(0.95), "whole": self.voice.percent(1)}
        row = 1
        for part, keys in _GUIDE.items():
            row += 1
            look(put_text(at(sheet, row, 1), text(f"template.guide.{part}")), bold=True, size=12, across="beyond")
            sheet.row_dimensions[row].height = 32
            for key in keys:
                row += 1
                name = text(f"template.guide.{part}.{key}.name", **values)
                line = text(f"template.guide.{part}.{key}.text", **values)
                look(put_text(at(sheet, row, 1), name), bold=True)
                look(put_text(at(sheet, row, 2), line))
                sheet.row_dimensions[row].height = 8 + 13 * (1 + len(line) // _LINE)
        close_sheet(sheet, (24, 100))

    def customers(self) -> None:
        """Days and counts to fill in; rates with their intervals."""
        columns = self.columns.customers()
        sheet = self._sheet("customers", columns, PERIODS)
        self._name_fields(sheet, columns)
        self._validate(sheet, "A", "first_day", "date", _FROM, "DATE(1950,1,1)")
        self._validate(sheet, "B", "last_day", "date", _FROM, f"A{FIRST}")
        self._validate(sheet, "C", "customers_start", "whole", _FROM, "0")
        self._validate(sheet, "D", "gained", "whole", _FROM, "0")
        self._validate(sheet, "E", "lost", "whole", "between", "0", f"$C{FIRST}")

    def revenue(self) -> None:
        """Recurring revenue of the customers at the start, if somebody wants to fill it in."""
        columns = self.columns.revenue()
        sheet = self._sheet("revenue", columns, PERIODS)
        self._name_fields(sheet, columns)
        self._validate(sheet, "C", "revenue_start", "decimal", _FROM, "0")
        self._validate(sheet, "D", "revenue_lost", "decimal", "between", "0", f"$C{FIRST}")
        self._validate(sheet, "E", "revenue_contraction", "decimal", "between", "0", f"$C{FIRST}")
        self._validate(sheet, "F", "revenue_expansion", "decimal", _FROM, "0")

    def reasons(self, reasons: Sequence[str]) -> None:
        """How many left for which reason; the headings can be changed."""
        sheet = self._sheet("reasons", self.columns.reasons(), PERIODS)
        for place in range(REASON_COLUMNS):
            cell = at(sheet, HEAD, ord("D") - ord("A") + 1 + place)
            head_cell(cell, reasons[place] if place < len(reasons) else "", typed=True, locked=False)
        self._name(sheet, REASONS, f"D{HEAD}:{LAST_REASON}{HEAD}")
        self._name(sheet, REASON_CUSTOMERS, f"D{FIRST}:{LAST_REASON}{LAST}")
        self._validate(sheet, "D", "reason", "whole", _FROM, "0", to=LAST_REASON)

    def example(self) -> None:
        """Two rows filled in, with the same formulas, and what they say."""
        columns, voice = self.columns.customers(), self.voice
        sheet = self._sheet("example", columns, len(EXAMPLES), locked=True)
        below = FIRST + len(EXAMPLES) + 1
        for place, (first, last, *counts) in enumerate(EXAMPLES):
            values: list[Any] = [first, last, *counts]
            for column, value in enumerate(values, start=1):
                at(sheet, FIRST + place, column).value = value
            start, gained, lost = counts
            end = start + gained - lost
            numbers = {"start": start, "gained": gained, "lost": lost, "end": end, "kept": end - gained}
            words = {name: voice.number(number) for name, number in numbers.items()}
            words |= {"first": voice.day(first), "last": voice.day(last)}
            line = self.words.text("template.example.text", share=voice.percent((end - gained) / start, 1), **words)
            look(put_text(at(sheet, below + place, 1), line), colour=MUTE)
            sheet.merge_cells(start_row=below + place, end_row=below + place, start_column=1, end_column=len(columns))
            sheet.row_dimensions[below + place].height = 24

    # -- parts of a sheet --------------------------------------------------------------------------------

    def _sheet(self, kind: str, columns: Sequence[Column], rows: int, *, locked: bool = False) -> Worksheet:
        """A new sheet with its title, the columns' names, and so many rows."""
        text = self.words.text
        sheet: Worksheet = self.book.create_sheet(self.names[kind])
        heading(sheet, text(f"template.{kind}.title"), text(f"template.{kind}.hint"), columns=len(columns))
        typed = [number for number, column in enumerate(columns, start=1) if column.field]
        if not locked:
            for group, start, colour in (("typed", typed[0], BLUE), ("made", typed[-1] + 1, MUTE)):
                label = put_text(at(sheet, HEAD - 1, start), text(f"template.group.{group}"))
                look(label, colour=colour, bold=True, size=9, across="beyond")
        for number, column in enumerate(columns, start=1):
            name = text(f"template.head.{column.key}") if column.key else ""
            head_cell(at(sheet, HEAD, number), name, typed=bool(column.field))
            for row in range(FIRST, FIRST + rows):
                cell = at(sheet, row, number)
                if column.formula is not None:
                    cell.value = column.formula(row)
                body_cell(cell, column.number_format, typed=bool(column.field), warns=column.warns, locked=locked)
        sheet.row_dimensions[HEAD].height = 44
        for row in range(FIRST, FIRST + rows):
            sheet.row_dimensions[row].height = 18
        close_sheet(sheet, [column.width for column in columns], freeze=f"C{FIRST}", repeat=f"{HEAD}:{HEAD}")
        return sheet

    def _name_fields(self, sheet: Worksheet, columns: Sequence[Column]) -> None:
        for number, column in enumerate(columns):
            if column.field:
                letter = chr(ord("A") + number)
                self._name(sheet, column.field, f"{letter}{FIRST}:{letter}{LAST}")

    def _name(self, sheet: Worksheet, name: str, area: str) -> None:
        """Say inside the workbook where a column stands; `open_dataset` reads it there."""
        from openpyxl.utils import absolute_coordinate, quote_sheetname
        from openpyxl.workbook.defined_name import DefinedName

        reference = f"{quote_sheetname(sheet.title)}!{absolute_coordinate(area)}"
        self.book.defined_names[PREFIX + name] = DefinedName(PREFIX + name, attr_text=reference)

    def _validate(
        self,
        sheet: Worksheet,
        letter: str,
        key: str,
        kind: Any,
        operator: Any,
        least: str,
        most: str | None = None,
        to: str | None = None,
    ) -> None:
        """Refuse what cannot be when it is typed, and say what is meant as soon as the cell is chosen."""
        from openpyxl.worksheet.datavalidation import DataValidation

        text = self.words.text
        rule = DataValidation(type=kind, operator=operator, formula1=least, formula2=most, allow_blank=True)
        rule.errorTitle, rule.error = text("template.refused"), text(f"template.error.{key}")
        rule.promptTitle, rule.prompt = text(f"template.prompt.{key}.title"), text(f"template.prompt.{key}")
        rule.showErrorMessage = rule.showInputMessage = True
        rule.add(f"{letter}{FIRST}:{to or letter}{LAST}")
        sheet.add_data_validation(rule)
