"""The tables a data set may have: the contract that every source is checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial


class Kind(Enum):
    """What a column holds, and so how it is read and checked."""

    ID = "an identifier"
    TIME = "a point in time"
    NUMBER = "a number"
    FLAG = "yes or no"
    TEXT = "text"
    ANY = "anything"


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    Parameters
    ----------
    kind : Kind
        What it holds.
    required : bool
        The table cannot be used without it, and no row may leave it empty.
    levels : tuple of str
        The only values allowed, if any.
    happened : bool
        For times: when the row happened or began; the table's span runs from the first to the last.
    meaning : str
        What it holds, in which unit, as documentation and `kbind check` say it.
    """

    kind: Kind
    required: bool = False
    levels: tuple[str, ...] = ()
    happened: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class Table:
    """One table of the contract: its columns, pairs (earlier, later) of times in order, a key without repeats.

    `until` is the column with the last day of what a row tells of, where a row is about more than a moment.

    Columns that are not named here are attributes and stay as they are: text from a CSV file unless every
    value is a number, else with the type they have.
    """

    columns: Mapping[str, Column]
    ordered: tuple[tuple[str, str], ...] = field(default=())
    key: tuple[str, ...] = field(default=())
    until: str | None = None

    @property
    def time(self) -> str:
        """The column that says when a row happened or began; empty if there is none."""
        return next((name for name, column in self.columns.items() if column.happened), "")


_ID = partial(Column, Kind.ID, required=True)
_OPTIONAL_ID = partial(Column, Kind.ID)
_HAPPENED = partial(Column, Kind.TIME, required=True, happened=True)
_TIME = partial(Column, Kind.TIME)
_NUMBER = partial(Column, Kind.NUMBER)
_COUNT = partial(Column, Kind.NUMBER, required=True)
_TEXT = partial(Column, Kind.TEXT)
_FLAG = partial(Column, Kind.FLAG)

TABLES: Mapping[str, Table] = {
    "customers": Table(
        {
            "customer_id": _ID(meaning="who it is; one row a customer"),
            "acquired_at": Column(Kind.TIME, happened=True, meaning="day or moment from which on it was a customer"),
            "referred_by": _OPTIONAL_ID(meaning="customer_id of the customer who recommended you"),
            "consent": _FLAG(meaning="whether it may be contacted: yes or no"),
        },
        key=("customer_id",),
    ),
    "events": Table(
        {
            "customer_id": _ID(meaning="who it was"),
            "timestamp": _HAPPENED(meaning="when it happened"),
            "kind": _TEXT(meaning="what it was, such as order or login"),
            "amount": _NUMBER(meaning="what was paid for it, in the currency of the data; negative for a refund"),
            "currency": _TEXT(meaning="currency of the amount, such as EUR"),
            "order_id": _OPTIONAL_ID(meaning="order that the row belongs to; rows with the same one are one order"),
            "category": _TEXT(meaning="group of goods"),
            "channel": _TEXT(meaning="where it was bought, such as web or shop"),
            "device": _TEXT(meaning="what it was bought or used with"),
        }
    ),
    "subscriptions": Table(
        {
            "customer_id": _ID(meaning="whose contract it is"),
            "start": _HAPPENED(meaning="first day or moment of the contract"),
            "end": _TIME(meaning="moment from which on it no longer holds; empty while it runs"),
            "mrr": _NUMBER(meaning="revenue of the contract a month, in the currency of the data (yearly price / 12)"),
            "currency": _TEXT(meaning="currency of mrr, such as EUR"),
            "plan": _TEXT(meaning="what was booked"),
            "term_end": _TIME(meaning="end of the term that the customer is bound to"),
            "notice_at": _TIME(meaning="when notice was given"),
            "auto_renew": _FLAG(meaning="whether it renews by itself: yes or no"),
            "seats": _NUMBER(meaning="number of users or licences"),
            "discount": _NUMBER(meaning="discount on the price, as a share from 0 to 1"),
        },
        ordered=(("start", "end"),),
    ),
    "cancellations": Table(
        {
            "customer_id": _ID(meaning="who cancelled"),
            "timestamp": _HAPPENED(meaning="when the cancellation was received"),
            "reason": _TEXT(meaning="reason, as one of some words"),
            "reason_text": _TEXT(meaning="reason in the customer's own words"),
            "voluntary": _FLAG(meaning="yes if the customer wanted to go, no if a payment failed or you ended it"),
        }
    ),
    "tickets": Table(
        {
            "customer_id": _ID(meaning="who asked"),
            "opened": _HAPPENED(meaning="when the request came in"),
            "closed": _TIME(meaning="when it was settled; empty while it is open"),
            "kind": _TEXT(meaning="what it was about"),
            "severity": Column(Kind.ANY, meaning="how bad it was: a number, or a word"),
            "goodwill": _NUMBER(meaning="what was paid or credited for it, in the currency of the data"),
        },
        ordered=(("opened", "closed"),),
    ),
    "feedback": Table(
        {
            "customer_id": _ID(meaning="whose feedback it is"),
            "timestamp": _HAPPENED(meaning="when it was given"),
            "instrument": Column(Kind.TEXT, required=True, meaning="what was asked, such as nps or csat"),
            "score": _NUMBER(meaning="the answer, in the points of the instrument"),
            "text": _TEXT(meaning="the answer in words"),
            "respondent_id": _OPTIONAL_ID(meaning="person who answered"),
            "respondent_role": _TEXT(meaning="role of that person, such as user or buyer"),
            "project": _TEXT(meaning="what the answer is about"),
        }
    ),
    "campaigns": Table(
        {
            "customer_id": _ID(meaning="who was chosen, or held back"),
            "campaign": Column(Kind.TEXT, required=True, meaning="name of the campaign"),
            "assigned_at": Column(Kind.TIME, happened=True, meaning="when the customer was assigned to an arm"),
            "arm": _TEXT(meaning="treatment, or control for those held back"),
            "propensity": _NUMBER(meaning="chance with which the customer was treated, from 0 to 1"),
            "cost": _NUMBER(meaning="cost of treating this customer, in the currency of the data"),
        }
    ),
    "contacts": Table(
        {
            "customer_id": _ID(meaning="whose contact it is"),
            "contact_id": Column(Kind.ID, required=True, meaning="person"),
            "side": Column(Kind.TEXT, levels=("ours", "theirs"), meaning="ours or theirs"),
            "role": _TEXT(meaning="role of the person"),
            "start": _TIME(meaning="from when on"),
            "end": _TIME(meaning="until when; empty while it lasts"),
        },
        ordered=(("start", "end"),),
    ),
    "id_map": Table(
        {
            "system": Column(Kind.TEXT, required=True, meaning="name of the system, as kbind.yaml calls it"),
            "system_id": Column(Kind.ID, required=True, meaning="id of the customer in that system"),
            "customer_id": _ID(meaning="the customer behind it"),
        },
        key=("system", "system_id"),
    ),
    "periods": Table(
        {
            "first_day": _HAPPENED(meaning="first day of the period"),
            "last_day": Column(Kind.TIME, required=True, meaning="last day of the period; it belongs to it"),
            "customers_start": _COUNT(meaning="customers at the start"),
            "gained": _COUNT(meaning="customers at the end who were none at the start"),
            "lost": _COUNT(meaning="customers at the start who are none at the end"),
            "revenue_start": _NUMBER(meaning="revenue of the customers at the start, in the period"),
            "revenue_lost": _NUMBER(meaning="of that, revenue of the customers lost"),
            "revenue_contraction": _NUMBER(meaning="of that, what the others pay less"),
            "revenue_expansion": _NUMBER(meaning="what the others pay more"),
        },
        until="last_day",
    ),
    "reasons": Table(
        {
            "first_day": _HAPPENED(meaning="first day of the period"),
            "reason": Column(Kind.TEXT, required=True, meaning="why customers were lost"),
            "customers": _COUNT(meaning="customers lost for that reason"),
        }
    ),
}


@dataclass(frozen=True)
class Use:
    """One thing that a chapter finds out.

    Parameters
    ----------
    chapter : str
        Number of the chapter, perhaps with a letter: "01c".
    key : str
        What it finds out.
    needs : tuple of tuple of str
        Tables, columns as `table.column`, or roles as `role:name`; of every inner tuple one has to be there.
    """

    chapter: str
    key: str
    needs: tuple[tuple[str, ...], ...]


USES = (
    Use("01", "returns", (("events",),)),
    Use("01", "contracts", (("subscriptions",),)),
    Use("01b", "revenue", (("subscriptions.mrr",),)),
    Use("01d", "purchases", (("events.amount",),)),
    Use("01c", "counts", (("periods",),)),
    Use("02", "leaving", (("subscriptions", "events", "role:tenure"),)),
    Use("02", "causes", (("subscriptions",), ("cancellations.voluntary",))),
    Use("02", "contact", (("subscriptions",), ("contacts",))),
    Use("03", "prediction", (("subscriptions", "events", "role:churned"),)),
    Use("04", "common", (("customers",), ("subscriptions", "events", "role:churned"))),
    Use("04", "stated", (("customers",), ("cancellations.reason",))),
    Use("05", "personas", (("customers",), ("subscriptions", "events", "role:tenure"))),
    Use(
        "06",
        "bonds",
        (("subscriptions", "events"), ("tickets.closed", "contacts.side", "feedback.score", "subscriptions.term_end")),
    ),
    Use("07", "worked", (("campaigns.assigned_at",), ("subscriptions", "events"))),
)

#: Tables whose rows are recorded when they happen, so that they say how far the data reaches.
WITNESSES = ("events", "cancellations", "tickets", "feedback")

#: One of these must be there, or there is nobody to study.
ANCHORS = ("customers", "events", "subscriptions", "periods")

#: Roles a column of `customers` can play where a table does not follow the names above.
ROLES = ("churned", "tenure", "entry", "cause", "revenue", "acquired_at")

#: What the column with a role has to hold, if not anything.
ROLE_KINDS: Mapping[str, Kind] = {
    "tenure": Kind.NUMBER, "entry": Kind.NUMBER, "revenue": Kind.NUMBER, "acquired_at": Kind.TIME,
}  # fmt: skip
