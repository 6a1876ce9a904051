"""The columns of the template and their formulas: what `kb.period_rates` computes, as a spreadsheet writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kbind.wording import Catalogue

#: Periods that a form has room for, and reasons.
PERIODS, REASON_COLUMNS = 36, 8
#: The row of the columns' names, and the first to fill in.
HEAD, FIRST = 5, 6
LAST = FIRST + PERIODS - 1

_Z = "NORMSINV(0.975)"
_COUNT, _AMOUNT = "#,##0", "#,##0.00"
_DAY = {"de": "DD.MM.YYYY", "en": "D MMM YYYY"}
_SHARE = {"de": "0.0 %", "en": "0.0%"}

LAST_REASON = chr(ord("D") + REASON_COLUMNS - 1)

Formula = Callable[[int], str]


@dataclass(frozen=True)
class Column:
    """One column of a sheet: a field to fill in, or a formula of the row."""

    key: str
    width: float
    number_format: str
    formula: Formula | None = None
    field: str = ""
    warns: bool = False


class Columns:
    """The columns of each sheet, in the words of a language."""

    def __init__(self, words: Catalogue, sheet_of_customers: str) -> None:
        self.words, self.counts = words, f"'{sheet_of_customers}'!"
        self.day, self.share = _DAY[words.lang], _SHARE[words.lang]

    def said(self, key: str) -> str:
        """A text as a constant inside a formula."""
        return '"' + self.words.text(f"template.check.{key}").replace('"', '""') + '"'

    def customers(self) -> list[Column]:
        """Days and counts; rates with intervals, and what is wrong with a row."""
        count = "COUNT(C{0}:E{0})<3"
        wrong = "OR(C{0}<=0,D{0}<0,E{0}<0,E{0}>C{0})"
        centre, half = f"(C{{0}}-E{{0}}+{_Z}^2/2", f"{_Z}*SQRT((C{{0}}-E{{0}})*E{{0}}/C{{0}}+{_Z}^2/4))/(C{{0}}+{_Z}^2)"
        year = "1-(1-J{0})^((EDATE(A{0},12)-A{0})/(B{0}-A{0}+1))"
        return [
            Column("first_day", 13, self.day, field="first_day"),
            Column("last_day", 13, self.day, field="last_day"),
            Column("customers_start", 14, _COUNT, field="customers_start"),
            Column("gained", 12, _COUNT, field="gained"),
            Column("lost", 12, _COUNT, field="lost"),
            Column("customers_end", 14, _COUNT, _of(f'IF({count},"",IF({wrong},"",C{{0}}+D{{0}}-E{{0}}))')),
            Column("retention", 16, self.share, _of(f'IF({count},"",IF({wrong},"",(F{{0}}-D{{0}})/C{{0}}))')),
            Column("lower", 10, self.share, _of(f'IF(G{{0}}="","",IF(E{{0}}=C{{0}},0,{centre}-{half}))')),
            Column("upper", 10, self.share, _of(f'IF(G{{0}}="","",IF(E{{0}}=0,1,{centre}+{half}))')),
            Column("churn", 20, self.share, _of('IF(G{0}="","",1-G{0})')),
            Column(
                "year", 17, self.share, _of(f'IF(OR(G{{0}}="",COUNT(A{{0}}:B{{0}})<2),"",IF(B{{0}}<A{{0}},"",{year}))')
            ),
            Column("check", 30, "General", self._customer_check, warns=True),
        ]

    def _customer_check(self, row: int) -> str:
        broken = ",".join(f"{c}{row}<>INT({c}{row}),{c}{row}<0" for c in "CDE")
        good = self.said("good")
        if row > FIRST:  # the row above may be empty, and then says nothing
            before = row - 1
            good = _if(
                f"AND(A{row}-1=B{before},ISNUMBER(F{before}),C{row}<>F{before})",
                f"{self.said('chain')}&F{before}",
                good,
            )
            good = _if(f"AND(ISNUMBER(B{before}),A{row}<=B{before})", self.said("overlap"), good)
        for condition, key in (
            (f"C{row}=0", "nobody"),
            (f"E{row}>C{row}", "more_lost"),
            (f"OR({broken})", "whole"),
            (f"B{row}<A{row}", "backwards"),
            (f"COUNT(A{row}:E{row})<5", "incomplete"),
        ):
            good = _if(condition, self.said(key), good)
        return "=" + _if(f"COUNTA(A{row}:E{row})=0", '""', good)

    def revenue(self) -> list[Column]:
        """Recurring revenue; how much of it stayed."""
        wrong = "OR(C{0}<=0,D{0}<0,E{0}<0,D{0}+E{0}>C{0})"
        gross = "(C{0}-D{0}-E{0})/C{0}"
        return [
            *self._mirrored_days(),
            Column("revenue_start", 16, _AMOUNT, field="revenue_start"),
            Column("revenue_lost", 16, _AMOUNT, field="revenue_lost"),
            Column("revenue_contraction", 16, _AMOUNT, field="revenue_contraction"),
            Column("revenue_expansion", 16, _AMOUNT, field="revenue_expansion"),
            Column("revenue_end", 16, _AMOUNT, _of('IF(I{0}="","",C{0}-D{0}-E{0}+F{0})')),
            Column("grr", 13, self.share, _of(f'IF(COUNT(C{{0}}:E{{0}})<3,"",IF({wrong},"",{gross}))')),
            Column(
                "nrr", 13, self.share, _of('IF(OR(H{0}="",COUNT(F{0})=0),"",IF(F{0}<0,"",(C{0}-D{0}-E{0}+F{0})/C{0}))')
            ),
            Column("check", 30, "General", self._revenue_check, warns=True),
        ]

    def _revenue_check(self, row: int) -> str:
        result = self.said("good")
        for condition, key in (
            (f'A{row}=""', "customers_first"),
            (f"COUNT(C{row}:F{row})<4", "incomplete"),
            (f"N(D{row})+N(E{row})>N(C{row})", "more_revenue_lost"),
            (f"MIN(C{row}:F{row})<0", "amounts"),
            (f"COUNT(C{row}:F{row})<COUNTA(C{row}:F{row})", "numbers"),
        ):
            result = _if(condition, self.said(key), result)
        return "=" + _if(f"COUNTA(C{row}:F{row})=0", '""', result)

    def reasons(self) -> list[Column]:
        """Customers lost by reason; the names of the reasons stand in the sheet."""
        block = f"D{{0}}:{LAST_REASON}{{0}}"
        lost = f"{self.counts}E{{0}}"
        open_cases = f'IF(OR(COUNT({block})=0,C{{0}}=""),"",C{{0}}-SUM({block}))'
        return [
            *self._mirrored_days(),
            Column("lost", 12, _COUNT, _of(f'IF(ISNUMBER({lost}),{lost},"")')),
            *(Column("", 12, _COUNT, field="reason") for _ in range(REASON_COLUMNS)),
            Column("unexplained", 12, _COUNT, _of(open_cases)),
            Column("check", 30, "General", self._reason_check, warns=True),
        ]

    def _reason_check(self, row: int) -> str:
        block = f"D{row}:{LAST_REASON}{row}"
        result = self.said("good")
        for condition, key in (
            (f"SUM({block})>N(C{row})", "more_reasons"),
            (f'C{row}=""', "customers_first"),
            (f"COUNT({block})<COUNTA({block})", "numbers"),
        ):
            result = _if(condition, self.said(key), result)
        return "=" + _if(f"COUNTA({block})=0", '""', result)

    def _mirrored_days(self) -> list[Column]:
        """The days of the sheet of customers, so that nobody types them twice."""
        sheet = self.counts
        return [
            Column(field, 13, self.day, _of(f'IF(ISNUMBER({sheet}{letter}{{0}}),{sheet}{letter}{{0}},"")'))
            for field, letter in (("first_day", "A"), ("last_day", "B"))
        ]


def _of(pattern: str) -> Formula:
    """A formula with the row's number in the place of {0}."""
    return lambda row: "=" + pattern.format(row)


def _if(condition: str, then: str, otherwise: str) -> str:
    return f"IF({condition},{then},{otherwise})"
