"""The page about one customer, for whoever talks to it; never part of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from babel.dates import format_date

from kbind.churn.forecast import Forecast
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.timeline import Timeline
from kbind.desk.phase import phase_of
from kbind.errors import ArgumentError, NotEnoughData, check_choice, check_kind, check_path, written
from kbind.facts.features import feature_name
from kbind.measures.catalogue import load_measures
from kbind.measures.occasions import Occasions, occasions
from kbind.text.labels import Labels
from kbind.text.messages import LANGUAGES
from kbind.text.names import named
from kbind.text.voice import DASH, Voice

#: Reasons of the risk that are shown, and rows of the timeline.
REASONS, ROWS = 3, 100
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.2rem .8rem .2rem 0;text-align:left;"
    "vertical-align:top}h2{font-size:1.1rem;margin:1.5rem 0 .3rem}.internal{font-weight:bold}"
)


@dataclass(frozen=True, eq=False)
class CustomerPage:
    """What to know of one customer before talking to it. Made by `customer_page`; shows itself in a notebook.

    Attributes
    ----------
    customer : Timeline
    at : datetime or None
        What was known then counts.
    phase : str
        Of the relationship: "plan", "build", "improve", "maintain", "ended"; empty for data without times.
    risk : float or None
        Predicted chance of leaving, at the last date of the forecast.
    reasons : tuple of str
        Features that raise it most, in words.
    may_contact : bool or None
        Whether it gave consent; None where that is not recorded.
    occasions : DataFrame
        Of this customer, the most urgent first; see `kb.occasions`.
    contacts, tickets : DataFrame
        Contact persons at present; requests that are open.
    lang : {"de", "en"}
    """

    customer: Timeline
    at: datetime | None
    phase: str
    risk: float | None
    reasons: tuple[str, ...]
    may_contact: bool | None
    occasions: pd.DataFrame = field(repr=False)
    contacts: pd.DataFrame = field(repr=False)
    tickets: pd.DataFrame = field(repr=False)
    lang: str
    labels: Labels = field(repr=False)

    def write(self, path: str | Path) -> Path:
        """Write the page as one HTML file."""
        target = check_path("path", path)
        title = self._said("desk.title", customer=named(self.customer.customer_id))
        head = f'<meta charset="utf-8"><meta name="robots" content="noindex"><title>{title}</title>'
        whole = (
            f'<!DOCTYPE html>\n<html lang="{self.lang}"><head>{head}<style>{_STYLE}</style></head>'
            f"<body>{self._repr_html_()}</body></html>\n"
        )
        with written("path", target):
            target.write_text(whole, encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        title, internal = (
            self._said("desk.title", customer=named(self.customer.customer_id)),
            self._said("desk.internal"),
        )
        phase = self._line(f"desk.phase.{self.phase}") if self.phase else ""
        parts = [
            f'<h1>{title}</h1>\n<p class="internal">{internal}</p>',
            self._section("desk.who", self._who()),
            self._section("desk.phase", phase),
            self._section("desk.risk", self._risk()),
            self._section("desk.next", self._next()),
            self._section("desk.contacts", self._rows(self.contacts, ("role", "side", "contact_id", "start"))),
            self._section("desk.tickets", self._rows(self.tickets, ("opened", "kind", "severity"))),
            self._section("desk.timeline", self._timeline()),
        ]
        return "\n".join(parts)

    @property
    def _voice(self) -> Voice:
        return Voice(self.lang)

    def _said(self, key: str, **values: str) -> str:
        """A text, escaped."""
        return escape(self._voice.catalogue.text(key, **values))

    def _line(self, key: str, **values: str) -> str:
        return f"<p>{self._said(key, **values)}</p>"

    def _section(self, key: str, body: str) -> str:
        nothing = self._line("desk.nothing")
        return f"<h2>{self._said(key)}</h2>\n{body or nothing}"

    def _who(self) -> str:
        rows = [(self._column(name), self._cell(value, name)) for name, value in self.customer.attributes.items()]
        return _table((), rows)

    def _risk(self) -> str:
        if self.risk is None:
            return self._line("desk.risk.none")
        risk, score = self._voice.percent(self.risk), self._voice.number(100 - 100 * self.risk)
        said = self._line("desk.risk.value", risk=risk, score=score)
        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in self.reasons)
        return said + (self._line("desk.risk.reasons") + f"<ul>{reasons}</ul>" if reasons else "")

    def _next(self) -> str:
        text = self._voice.catalogue.text
        if self.may_contact is False:
            return self._line("desk.no_consent")
        measures = load_measures().measures
        head = [text(f"desk.head.{name}") for name in ("occasion", "since", "measure", "channel", "not_before")]
        rows = [
            (
                text(f"desk.occasion.{row.occasion}"),
                self._day(row.since),
                measures[str(row.measure)].name[self.lang],
                text(f"desk.channel.{row.channel}"),
                self._day(row.not_before),
            )
            for row in self.occasions.itertuples()
        ]
        return _table(head, rows)

    def _rows(self, frame: pd.DataFrame, names: Sequence[str]) -> str:
        there = [name for name in names if name in frame]
        rows = [tuple(self._cell(row[name], name) for name in there) for _, row in frame.iterrows()]
        return _table([self._column(name) for name in there], rows)

    def _timeline(self) -> str:
        text = self._voice.catalogue.text
        frame = self.customer.to_frame().iloc[::-1]
        shown = frame.head(ROWS)
        rows = [
            (self._day(row.when), text(f"desk.moment.{row.table}.{row.what}"), named(str(row.value)))
            for row in shown.itertuples()
        ]
        more = len(frame) - len(shown)
        note = self._line("desk.more", n=self._voice.number(more)) if more else ""
        return _table([text(f"desk.head.{name}") for name in ("when", "what", "value")], rows) + note

    def _day(self, moment: Any) -> str:
        return str(format_date(moment, "medium", locale=self.lang))

    def _column(self, name: str) -> str:
        catalogue, own = self._voice.catalogue, self.labels.column(name, self.lang)
        key = f"desk.column.{name}"
        return own or (catalogue.text(key) if catalogue.has(key) else named(name))

    def _cell(self, value: Any, name: str) -> str:
        if value is None or pd.isna(value):
            return DASH
        if isinstance(value, (datetime, pd.Timestamp)):
            return self._day(value)
        if isinstance(value, bool):
            return self._voice.catalogue.text("desk.yes" if value else "desk.no")
        key = f"desk.side.{value}"
        if name == "side" and self._voice.catalogue.has(key):
            return self._voice.catalogue.text(key)
        return self.labels.level(name, str(value), self.lang) or named(str(value))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text, escaped; empty without rows."""
    if not rows:
        return ""
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{titles}</tr>' if titles else ''}{body}</table>"


def customer_page(
    data: Dataset,
    customer_id: Any,
    *,
    forecast: Forecast | None = None,
    lang: str = "en",
    at: object = None,
) -> CustomerPage:
    """Who a customer is, where the relationship stands, what may go wrong, and what gives an occasion to call.

    For the desk of whoever talks to the customer: for internal use, and never part of a report.

    Parameters
    ----------
    data : Dataset
    customer_id : str or int
        As the data has it.
    forecast : Forecast, optional
        Made by `kb.forecast_churn`, for the risk and its reasons.
    lang : {"de", "en"}
        Language.
    at : date, datetime or ISO text, optional
        What was known then counts. Default: the end of the data.

    Returns
    -------
    CustomerPage
        Shows itself in a notebook; `.write(path)` makes a file.

    Raises
    ------
    ArgumentError
        There is no such customer, or an argument is not usable.

    Notes
    -----
    Phases of the relationship: see `kbind.desk.phase.phase_of`.

    Examples
    --------
    >>> import kbind as kb
    >>> page = kb.customer_page(kb.datasets.load_saas(), 1)
    >>> page.phase, page.may_contact, len(page.contacts)
    ('maintain', True, 2)
    """
    check_dataset(data)
    check_choice("lang", lang, LANGUAGES)
    if forecast is not None:
        check_kind("forecast", forecast, Forecast, "kb.forecast_churn(...)")
    known = data if at is None else data.assuming(as_of=at)
    customer = known.customer(customer_id)
    risk, reasons = _risk_of(forecast, customer.customer_id, lang)
    return CustomerPage(
        customer=customer,
        at=known.as_of,
        phase=phase_of(customer, known.as_of) if known.as_of is not None else "",
        risk=risk,
        reasons=reasons,
        may_contact=bool(customer.attributes.get("consent", False)) if data.has("customers.consent") else None,
        occasions=_occasions_of(known, customer.customer_id),
        contacts=_still(customer.rows, "contacts", "end", known.as_of),
        tickets=_still(customer.rows, "tickets", "closed", known.as_of),
        lang=lang,
        labels=data.labels,
    )


def _risk_of(forecast: Forecast | None, customer: str, lang: str) -> tuple[float | None, tuple[str, ...]]:
    """Predicted risk, and the features that raise it most."""
    if forecast is None or forecast.drivers is None or forecast.snapshots is None:
        return None, ()
    try:
        frame = forecast.drivers.of_customer(customer)
    except ArgumentError:  # not a customer any more, or too new
        return None, ()
    meanings = {feature.name: feature for feature in forecast.snapshots.meanings}
    raising = frame[frame["effect"] > 0]["feature"].head(REASONS)
    return float(frame.attrs["risk"]), tuple(feature_name(meanings[name], lang) for name in raising)


def _occasions_of(data: Dataset, customer: str) -> pd.DataFrame:
    try:
        found: Occasions = occasions(data, effects=False)
    except NotEnoughData:
        return pd.DataFrame()
    frame = found.to_frame()
    return frame[frame["customer_id"].astype(str) == customer].reset_index(drop=True)


def _still(rows: Mapping[str, pd.DataFrame], table: str, over: str, at: datetime | None) -> pd.DataFrame:
    """Rows of a table that are not over at a date."""
    frame = rows.get(table, pd.DataFrame())
    if not len(frame) or over not in frame:
        return frame
    return frame[frame[over].isna() | (frame[over] > at)].reset_index(drop=True)
