"""The tables a data set may have: the contract that every source is checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


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
    """

    kind: Kind
    required: bool = False
    levels: tuple[str, ...] = ()
    happened: bool = False


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


_ID = Column(Kind.ID, required=True)
_OPTIONAL_ID = Column(Kind.ID)
_HAPPENED = Column(Kind.TIME, required=True, happened=True)
_TIME = Column(Kind.TIME)
_NUMBER = Column(Kind.NUMBER)
_COUNT = Column(Kind.NUMBER, required=True)
_TEXT = Column(Kind.TEXT)
_FLAG = Column(Kind.FLAG)

TABLES: Mapping[str, Table] = {
    "customers": Table(
        {
            "customer_id": _ID,
            "acquired_at": Column(Kind.TIME, happened=True),
            "referred_by": _OPTIONAL_ID,
            "consent": _FLAG,
        },
        key=("customer_id",),
    ),
    "events": Table(
        {
            "customer_id": _ID,
            "timestamp": _HAPPENED,
            "kind": _TEXT,
            "amount": _NUMBER,
            "currency": _TEXT,
            "order_id": _OPTIONAL_ID,
            "category": _TEXT,
            "channel": _TEXT,
            "device": _TEXT,
        }
    ),
    "subscriptions": Table(
        {
            "customer_id": _ID,
            "start": _HAPPENED,
            "end": _TIME,
            "mrr": _NUMBER,
            "currency": _TEXT,
            "plan": _TEXT,
            "term_end": _TIME,
            "notice_at": _TIME,
            "auto_renew": _FLAG,
            "seats": _NUMBER,
            "discount": _NUMBER,
        },
        ordered=(("start", "end"),),
    ),
    "cancellations": Table(
        {
            "customer_id": _ID,
            "timestamp": _HAPPENED,
            "reason": _TEXT,
            "reason_text": _TEXT,
            "voluntary": _FLAG,
        }
    ),
    "tickets": Table(
        {
            "customer_id": _ID,
            "opened": _HAPPENED,
            "closed": _TIME,
            "kind": _TEXT,
            "severity": Column(Kind.ANY),
            "goodwill": _NUMBER,
        },
        ordered=(("opened", "closed"),),
    ),
    "feedback": Table(
        {
            "customer_id": _ID,
            "timestamp": _HAPPENED,
            "instrument": Column(Kind.TEXT, required=True),
            "score": _NUMBER,
            "text": _TEXT,
            "respondent_id": _OPTIONAL_ID,
            "respondent_role": _TEXT,
            "project": _TEXT,
        }
    ),
    "campaigns": Table(
        {
            "customer_id": _ID,
            "campaign": Column(Kind.TEXT, required=True),
            "assigned_at": Column(Kind.TIME, happened=True),
            "arm": _TEXT,
            "propensity": _NUMBER,
            "cost": _NUMBER,
        }
    ),
    "contacts": Table(
        {
            "customer_id": _ID,
            "contact_id": Column(Kind.ID, required=True),
            "side": Column(Kind.TEXT, levels=("ours", "theirs")),
            "role": _TEXT,
            "start": _TIME,
            "end": _TIME,
        },
        ordered=(("start", "end"),),
    ),
    "id_map": Table(
        {
            "system": Column(Kind.TEXT, required=True),
            "system_id": Column(Kind.ID, required=True),
            "customer_id": _ID,
        },
        key=("system", "system_id"),
    ),
    "periods": Table(
        {
            "first_day": _HAPPENED,
            "last_day": Column(Kind.TIME, required=True),
            "customers_start": _COUNT,
            "gained": _COUNT,
            "lost": _COUNT,
            "revenue_start": _NUMBER,
            "revenue_lost": _NUMBER,
            "revenue_contraction": _NUMBER,
            "revenue_expansion": _NUMBER,
        },
        until="last_day",
    ),
    "reasons": Table({"first_day": _HAPPENED, "reason": Column(Kind.TEXT, required=True), "customers": _COUNT}),
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
    Use("01b", "purchases", (("events.amount",),)),
    Use("01c", "counts", (("periods",),)),
    Use("02", "leaving", (("subscriptions", "events", "role:tenure"),)),
    Use("02", "causes", (("subscriptions",), ("cancellations.voluntary",))),
    Use("02", "contact", (("subscriptions",), ("contacts",))),
    Use("03", "prediction", (("subscriptions", "events", "role:churned"),)),
    Use("04", "common", (("customers",), ("subscriptions", "events", "role:churned"))),
    Use("04", "stated", (("customers",), ("cancellations.reason",))),
    Use("05", "personas", (("customers",), ("subscriptions", "events", "role:tenure"))),
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
