"""Goods that came back: how many rows of a log are refunds, and how many belong to cancelled orders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kbind.data.dataset.model import Dataset

#: Order numbers of cancellations in many shop systems: that of the order, with a C in front.
_CANCELLED = r"C\d+"


@dataclass(frozen=True)
class Refunds:
    """What of a log was given back.

    Parameters
    ----------
    rows, only : int
        Rows with a negative amount, and customers who have no others.
    total : float or None
        What these rows add up to; None for amounts in several currencies.
    orders, cancelled : int
        Orders whose number says that they were cancelled, and their rows.
    example : str
        One of these numbers.
    """

    rows: int = 0
    only: int = 0
    total: float | None = None
    orders: int = 0
    cancelled: int = 0
    example: str = ""


def refunds_of(data: Dataset) -> Refunds:
    """Count refunds and cancelled orders of the events."""
    if "events" not in data.tables:
        return Refunds()
    table = data.tables["events"]
    given: dict[str, Any] = {"n": 0, "total": None}
    called: dict[str, Any] = {"n": 0, "others": 0}
    if "amount" in table.every:
        given = data.engine.query(
            "SELECT count(*) AS n, sum(amount) AS total FROM t WHERE amount < 0", tables={"t": "events"}
        ).to_pylist()[0]
    if table.columns.get("order_id", "").startswith("VARCHAR"):
        called = data.engine.query(
            "SELECT count(*) FILTER (WHERE c) AS n, count(DISTINCT order_id) FILTER (WHERE c) AS orders, "
            "count(*) FILTER (WHERE NOT c) AS others, min(order_id) FILTER (WHERE c) AS example "
            "FROM (SELECT order_id, regexp_full_match(order_id, _pattern) AS c FROM t) AS marked",
            tables={"t": "events"},
            values={"pattern": _CANCELLED},
        ).to_pylist()[0]
    rows = int(given["n"] or 0)
    found = Refunds(
        rows=rows,
        only=_with_refunds_only(data) if rows else 0,
        total=None if "amount" in table.apart else given["total"],
    )
    if not 0 < called["n"] <= called["others"]:  # where most numbers have the C, it means something else
        return found
    return replace(found, orders=called["orders"], cancelled=called["n"], example=called["example"])


def refund_notes(data: Dataset) -> list[str]:
    """What notes say of refunds and cancelled orders; they count as activity, which must be known."""
    found, notes = refunds_of(data), []
    if found.rows:
        what = "refund (negative amount)" if found.rows == 1 else "refunds (negative amounts)"
        total = " in several currencies" if found.total is None else f", {found.total:,.2f} in all"
        note = f"events: {found.rows:,} {what}{total}; kept, and counted as activity"
        who = "customer has" if found.only == 1 else "customers have"
        notes.append(note + (f"; {found.only:,} {who} nothing else" if found.only else ""))
    if found.orders:
        rows = "1 row" if found.cancelled == 1 else f"{found.cancelled:,} rows"
        orders = "1 order looks" if found.orders == 1 else f"{found.orders:,} orders look"
        notes.append(f"events: {orders} cancelled (order_id like {found.example}, {rows}); counted as activity")
    return notes


def _with_refunds_only(data: Dataset) -> int:
    """Customers all of whose rows are refunds; counting customers takes long, so nobody does it without need."""
    found = data.engine.query(
        "SELECT (SELECT count(DISTINCT customer_id) FROM t) - "
        "(SELECT count(DISTINCT customer_id) FROM t WHERE amount >= 0 OR amount IS NULL) AS n",
        tables={"t": "events"},
    )
    return int(found.column("n")[0].as_py())
