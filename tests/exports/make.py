"""Made-up exports in the layouts of their vendors, and what a right reading of them gives.

Run `python tests/exports/make.py` to write all of them anew. Nothing here reads the recognisers in order to count: the
expected numbers come from the rows themselves. At the end the recognisers are checked against the headers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

import yaml

from kbind.dataset.schema import ROLES, TABLES

HERE = Path(__file__).parent
RECOGNISERS = HERE.parent.parent / "data" / "exports"
#: The exports were all taken on this day; nothing in them has happened later.
TAKEN = datetime(2024, 7, 1)
FIRST = datetime(2022, 9, 1)

Row = dict[str, str]
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
#: Columns of recognisers that some accounts export, and that the samples lack.
NOT_EVERYWHERE = {"subscriptions.cancel_schedule_created_at"}


def moment(rng: Random, first: datetime, last: datetime) -> datetime:
    """A moment in office hours, so that no time zone moves it to another day."""
    day = first + timedelta(days=rng.randrange((last - first).days))
    return datetime(day.year, day.month, day.day, rng.randrange(8, 18), rng.randrange(60), rng.randrange(60))


def months_later(start: datetime, months: int) -> datetime:
    """The same day, not later than the 28th, some months on."""
    month = start.month - 1 + months
    return start.replace(year=start.year + month // 12, month=month % 12 + 1, day=min(start.day, 28))


def money(value: Decimal | float | int) -> str:
    """Two decimals with a point."""
    return f"{value:.2f}"


def clock(time: datetime | None, style: str = "%Y-%m-%d %H:%M") -> str:
    """A moment as the vendor writes it, empty for none."""
    return "" if time is None else time.strftime(style)


def token(rng: Random, letters: int, alphabet: str = LETTERS) -> str:
    """Letters that look like an id."""
    return "".join(rng.choice(alphabet) for _ in range(letters))


def uuid(rng: Random) -> str:
    """Something in the form of a UUID."""
    return "-".join(token(rng, size, "0123456789abcdef") for size in (8, 4, 4, 4, 12))


def text_of(header: Sequence[str], rows: Iterable[Mapping[str, str]], **dialect: Any) -> str:
    """Rows as CSV; columns that a row does not name are empty."""
    file = io.StringIO()
    writer = csv.DictWriter(file, header, restval="", lineterminator="\n", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def summary(
    customers: Iterable[str], happened: Iterable[date | datetime | None], **amounts: Iterable[Decimal]
) -> dict[str, Any]:
    """What a table holds: rows, customers, sums, first and last day."""
    who, when = list(customers), [each for each in happened if each is not None]
    told: dict[str, Any] = {"rows": len(who), "customers": len(set(who))}
    for name, values in amounts.items():
        told[name] = float(sum(values, Decimal(0)).quantize(Decimal("0.01"), ROUND_HALF_UP))
    if when:
        days = [each.date() if isinstance(each, datetime) else each for each in when]
        told |= {"first": min(days), "last": max(days)}
    return told


def paid_events(events: Sequence[tuple[str, datetime, Decimal]]) -> dict[str, Any]:
    """What events with amounts hold, each a customer, a moment and an amount."""
    return summary(
        (who for who, _, _ in events), (when for _, when, _ in events), amount=(amount for _, _, amount in events)
    )


class Export:
    """One file with the numbers that a right reading gives."""

    def __init__(
        self, folder: str, file: str, text: str, tables: Mapping[str, Any], *, encoding: str = "utf-8", **more: Any
    ) -> None:
        self.folder, self.file, self.text, self.encoding = folder, file, text, encoding
        self.expected = {"file": file, **more, "tables": dict(tables)}

    def write(self) -> None:
        """Write the file into its folder."""
        (HERE / self.folder).mkdir(parents=True, exist_ok=True)
        (HERE / self.folder / self.file).write_bytes(self.text.encode(self.encoding))


def parse(text: str, style: str = "%Y-%m-%d %H:%M") -> datetime | None:
    """A moment out of a row, None for an empty one."""
    return datetime.strptime(text, style) if text else None


# --- contracts --------------------------------------------------------------------------------------------------------


def stripe_subscriptions(rng: Random) -> Export:
    header = [
        "id", "Customer ID", "Customer Description", "Customer Email", "Customer Name", "Plan", "Product", "Quantity",
        "Currency", "Interval", "Amount", "Status", "Created (UTC)", "Start (UTC)", "Start Date (UTC)",
        "Current Period Start (UTC)", "Current Period End (UTC)", "Trial Start (UTC)", "Trial End (UTC)",
        "Application Fee Percent", "Coupon", "Tax Percent", "Canceled At (UTC)", "Ended At (UTC)",
        "Cancellation Reason",
    ]  # fmt: skip
    plans = [("start", "Starter", "month", 19), ("team", "Team", "month", 49), ("year", "Team", "year", 468)]
    rows: list[Row] = []

    def add(number: int, start: datetime, status: str, months: int | None, reason: str = "") -> datetime | None:
        plan, product, interval, price = plans[rng.randrange(3)]
        step = 12 if interval == "year" else 1
        ran = 0
        stop = TAKEN if months is None else min(months_later(start, months), TAKEN - timedelta(days=2))
        while months_later(start, ran + step) <= stop:
            ran += step
        until = months_later(start, ran + step)
        ended = noticed = None
        if status == "canceled":
            ended = until if until < TAKEN and rng.random() < 0.6 else stop
            noticed = ended - timedelta(days=rng.randrange(2, 12)) if reason == "cancellation_requested" else ended
            noticed = max(noticed, start + timedelta(days=1))
            ended = max(ended, noticed)
        elif reason:
            noticed = TAKEN - timedelta(days=rng.randrange(1, 6), hours=9)
        trial = months is None and status == "trialing"
        rows.append({
            "id": f"sub_1{token(rng, 23)}", "Customer ID": f"cus_Made{number:04d}Up{number:02d}",
            "Customer Email": f"kunde{number}@example.com", "Customer Name": f"Kunde {number}",
            "Plan": f"price_{plan}", "Product": product, "Quantity": str(rng.choice([1, 1, 1, 2, 3, 5])),
            "Currency": "eur",
            "Interval": interval, "Amount": money(price), "Status": status, "Created (UTC)": clock(start),
            "Start (UTC)": clock(start), "Start Date (UTC)": clock(start),
            "Current Period Start (UTC)": clock(months_later(start, ran)), "Current Period End (UTC)": clock(until),
            "Trial Start (UTC)": clock(start if trial else None),
            "Trial End (UTC)": clock(start + timedelta(days=14) if trial else None),
            "Coupon": rng.choice(["", "", "", "", "WELCOME10"]),
            "Canceled At (UTC)": clock(noticed), "Ended At (UTC)": clock(ended), "Cancellation Reason": reason,
        })  # fmt: skip
        return ended

    for number in range(1, 41):
        start = moment(rng, FIRST, TAKEN - timedelta(days=150))
        if number % 3 == 0:
            reason = "payment_failed" if number % 9 == 0 else "cancellation_requested"
            ended = add(number, start, "canceled", rng.randrange(1, 9), reason)
            if number % 12 == 0 and ended and ended < TAKEN - timedelta(days=60):  # comes back
                add(number, moment(rng, ended + timedelta(days=20), TAKEN - timedelta(days=5)), "active", None)
        elif number in (5, 17):
            add(number, start, "past_due", None)
        elif number in (7, 22, 31):
            add(number, start, "active", None, "cancellation_requested")
        else:
            add(number, start, "active", None)
    for number in (41, 42):
        add(number, moment(rng, TAKEN - timedelta(days=12), TAKEN), "trialing", None)
    for number in (43, 44):
        add(number, moment(rng, FIRST, TAKEN - timedelta(days=30)), "incomplete_expired", None)
    rng.shuffle(rows)
    paying = [row for row in rows if row["Status"] in ("active", "past_due", "canceled")]
    left = [row for row in paying if row["Canceled At (UTC)"]]
    monthly = [
        Decimal(row["Amount"]) * int(row["Quantity"]) / (12 if row["Interval"] == "year" else 1) for row in paying
    ]
    return Export("stripe_subscriptions", "subscriptions.csv", text_of(header, rows), {
        "subscriptions": summary(
            (row["Customer ID"] for row in paying), (parse(row["Start Date (UTC)"]) for row in paying), mrr=monthly
        ) | {"ended": sum(bool(row["Ended At (UTC)"]) for row in paying)},
        "cancellations": summary(
            (row["Customer ID"] for row in left), (parse(row["Canceled At (UTC)"]) for row in left)
        ),
    })  # fmt: skip


def stripe_invoices(rng: Random) -> Export:
    header = [
        "id", "Amount Due", "Billing", "Charge", "Closed", "Currency", "Customer", "Date (UTC)", "Due Date (UTC)",
        "Description", "Number", "Paid", "Period End (UTC)", "Period Start (UTC)", "Subscription", "Subtotal",
        "Total Discount Amount", "Applied Coupons", "Tax", "Tax Percent", "Total", "Amount Paid", "Status",
        "Starting Balance", "Ending Balance", "Forgiven", "Paid At (UTC)", "Finalized At (UTC)", "Voided At (UTC)",
        "Marked Uncollectible At (UTC)", "Minimum Line Item Period Start (UTC)",
        "Maximum Line Item Period End (UTC)", "Customer Name", "Customer Email",
    ]  # fmt: skip
    rows: list[Row] = []
    for number in range(1, 16):
        start = moment(rng, FIRST, TAKEN - timedelta(days=200)).replace(second=0)
        price, subscription = rng.choice([29, 59, 119]), f"sub_1{token(rng, 23)}"
        free = number in (3, 8)  # begins with an invoice of nothing
        for count in range(rng.randrange(2, 7)):
            time = months_later(start, count)
            if time >= TAKEN:
                break
            status = "paid"
            if count and number % 5 == 0 and rng.random() < 0.5:
                status = rng.choice(["open", "void", "uncollectible"])
            price_now = 0 if free and not count else price
            tax = (Decimal(price_now) * Decimal("0.19")).quantize(Decimal("0.01"))
            total = price_now + tax
            paid = status == "paid"
            rows.append({
                "id": f"in_1{token(rng, 23)}", "Amount Due": money(total), "Billing": "charge_automatically",
                "Charge": f"ch_3{token(rng, 23)}" if paid and total else "", "Closed": str(status != "open").lower(),
                "Currency": "eur", "Customer": f"cus_Made{number:04d}Up{number:02d}", "Date (UTC)": clock(time),
                "Number": f"{token(rng, 8, '0123456789ABCDEF')}-{count + 1:04d}", "Paid": str(paid).lower(),
                "Period Start (UTC)": clock(time), "Period End (UTC)": clock(time), "Subscription": subscription,
                "Subtotal": money(price_now), "Total Discount Amount": "0.00", "Tax": money(tax), "Tax Percent": "19.0",
                "Total": money(total), "Amount Paid": money(total if paid else 0), "Status": status,
                "Starting Balance": "0.00", "Ending Balance": "0.00", "Forgiven": "false",
                "Paid At (UTC)": clock(time + timedelta(hours=1) if paid else None),
                "Finalized At (UTC)": clock(time + timedelta(hours=1)),
                "Voided At (UTC)": clock(time + timedelta(days=9) if status == "void" else None),
                "Marked Uncollectible At (UTC)": clock(time + timedelta(days=9) if status == "uncollectible" else None),
                "Minimum Line Item Period Start (UTC)": clock(time),
                "Maximum Line Item Period End (UTC)": clock(months_later(time, 1)),
                "Customer Name": f"Kunde {number}", "Customer Email": f"kunde{number}@example.com",
            })  # fmt: skip
    rows.sort(key=lambda row: row["Date (UTC)"], reverse=True)
    kept = [row for row in rows if row["Status"] == "paid" and Decimal(row["Amount Paid"]) > 0]
    return Export("stripe_invoices", "invoices.csv", text_of(header, rows), {
        "events": summary(
            (row["Customer"] for row in kept), (parse(row["Date (UTC)"]) for row in kept),
            amount=(Decimal(row["Amount Paid"]) for row in kept),
        ),
    })  # fmt: skip


def chargebee_subscriptions(rng: Random) -> Export:
    header = [
        "subscriptions.id", "subscriptions.plan_id", "subscriptions.plan_quantity", "subscriptions.plan_unit_price",
        "subscriptions.plan_amount", "subscriptions.currency_code", "subscriptions.status", "subscriptions.start_date",
        "subscriptions.trial_start", "subscriptions.trial_end", "subscriptions.current_term_start",
        "subscriptions.current_term_end", "subscriptions.remaining_billing_cycles", "subscriptions.created_at",
        "subscriptions.started_at", "subscriptions.activated_at", "subscriptions.cancelled_at",
        "subscriptions.cancel_reason", "subscriptions.cancel_reason_code", "subscriptions.pause_date",
        "subscriptions.resume_date", "subscriptions.po_number", "subscriptions.auto_collection", "subscriptions.mrr",
        "customers.id", "customers.first_name", "customers.last_name", "customers.email", "customers.company",
    ]  # fmt: skip
    style = "%Y-%m-%d %H:%M:%S"
    rows: list[Row] = []

    def add(number: int, status: str) -> None:
        plan, price, step = rng.choice([("basic-monthly", 39, 1), ("pro-monthly", 89, 1), ("pro-yearly", 948, 12)])
        seats = rng.choice([1, 1, 2, 4, 10])
        start = moment(rng, FIRST, TAKEN - timedelta(days=120))
        if status == "In Trial":
            start = moment(rng, TAKEN - timedelta(days=10), TAKEN)
        ran = 0
        stop = TAKEN
        if status == "Cancelled":
            stop = moment(rng, start + timedelta(days=30), TAKEN)
        while months_later(start, ran + step) <= stop:
            ran += step
        term = months_later(start, ran + step)
        ahead = status == "Future"
        cancelled = {"Cancelled": stop, "Non Renewing": term}.get(status)
        code, cause = "", ""
        if status == "Cancelled":
            reasons = [("Too expensive", ""), ("Missing features", ""), ("", "Not Paid"), ("", "No Card")]
            code, cause = rng.choice(reasons)
        elif status == "Non Renewing":
            code = rng.choice(["Too expensive", "Went out of business"])
        rows.append({
            "subscriptions.id": f"AzqMade{token(rng, 8)}", "subscriptions.plan_id": plan,
            "subscriptions.plan_quantity": str(seats), "subscriptions.plan_unit_price": money(price),
            "subscriptions.plan_amount": money(price * seats), "subscriptions.currency_code": "EUR",
            "subscriptions.status": status,
            "subscriptions.start_date": clock(TAKEN + timedelta(days=20, hours=9), style) if ahead else "",
            "subscriptions.trial_start": clock(start, style) if status == "In Trial" else "",
            "subscriptions.trial_end": clock(start + timedelta(days=14), style) if status == "In Trial" else "",
            "subscriptions.current_term_start": "" if ahead else clock(months_later(start, ran), style),
            "subscriptions.current_term_end": "" if ahead else clock(term, style),
            "subscriptions.created_at": clock(start, style),
            "subscriptions.started_at": "" if ahead else clock(start, style),
            "subscriptions.activated_at": "" if ahead or status == "In Trial" else clock(start, style),
            "subscriptions.cancelled_at": clock(cancelled, style), "subscriptions.cancel_reason": cause,
            "subscriptions.cancel_reason_code": code, "subscriptions.auto_collection": "On",
            "subscriptions.mrr": money(
                0 if status in ("Cancelled", "In Trial", "Future") else Decimal(price * seats) / step
            ),
            "customers.id": f"made-{number:04d}", "customers.first_name": "Kunde", "customers.last_name": str(number),
            "customers.email": f"kunde{number}@example.com", "customers.company": f"Firma {number} GmbH",
        })  # fmt: skip

    for number in range(1, 37):
        add(number, "Cancelled" if number % 3 == 0 else "Non Renewing" if number % 11 == 0 else "Active")
        if number % 8 == 0:
            add(number, "Active")
    for number in (37, 38):
        add(number, "In Trial")
    for number in (39, 40):
        add(number, "Future")
    add(41, "Paused")
    kept = [row for row in rows if row["subscriptions.status"] not in ("In Trial", "Future")]
    left = [row for row in kept if row["subscriptions.status"] == "Cancelled"]
    return Export("chargebee_subscriptions", "Subscriptions.csv", text_of(header, rows), {
        "subscriptions": summary(
            (row["customers.id"] for row in kept), (parse(row["subscriptions.started_at"], style) for row in kept)
        ) | {"ended": sum(bool(row["subscriptions.cancelled_at"]) for row in kept)},
        "cancellations": summary(
            (row["customers.id"] for row in left), (parse(row["subscriptions.cancelled_at"], style) for row in left)
        ),
    })  # fmt: skip


def chartmogul_customers(rng: Random) -> Export:
    header = [
        "MRR", "ARR", "PLAN_NAME", "BILLING_CYCLE", "NET_PAYMENTS", "COUNTRY", "STATE", "CITY", "ADDRESS_ZIP",
        "SUBSCRIBER_SINCE", "STATUS", "UUID",
    ]  # fmt: skip
    rows: list[Row] = []
    for number in range(1, 49):
        status = "Active"
        if number % 4 == 0:
            status = "Cancelled"
        elif number % 15 == 0:
            status = "Past Due"
        elif number % 7 == 0:
            status = rng.choice(["New Lead", "Working Lead", "Qualified Lead", "Unqualified Lead"])
        lead = "Lead" in status
        plan, cents = rng.choice([("Starter", 1900), ("Team", 4900), ("Starter|Team", 4900), ("Business", 14900)])
        since = moment(rng, FIRST, TAKEN - timedelta(days=30))
        rows.append({
            "MRR": str(0 if lead or status == "Cancelled" else cents),
            "ARR": str(0 if lead or status == "Cancelled" else cents * 12),
            "PLAN_NAME": "" if lead else plan, "BILLING_CYCLE": "" if lead else "1 month",
            "NET_PAYMENTS": "0" if lead else str(cents * rng.randrange(1, 14)),
            "COUNTRY": rng.choice(["DE", "AT", "CH"]),
            "CITY": rng.choice(["Berlin", "Graz", "Basel"]),
            "SUBSCRIBER_SINCE": "" if lead else clock(since, "%Y-%m-%dT%H:%M:%SZ"), "STATUS": status,
            "UUID": f"cus_{uuid(rng)}",
        })  # fmt: skip
    kept = [row for row in rows if row["STATUS"] in ("Active", "Past Due", "Cancelled")]
    since_when = [parse(row["SUBSCRIBER_SINCE"], "%Y-%m-%dT%H:%M:%SZ") for row in kept]
    return Export("chartmogul_customers", "customers.csv", text_of(header, rows), {
        "customers": summary((row["UUID"] for row in kept), since_when)
        | {"churned": sum(row["STATUS"] == "Cancelled" for row in kept)},
    })  # fmt: skip


# --- orders -----------------------------------------------------------------------------------------------------------


def purchases(rng: Random, customers: int, most: int) -> list[tuple[int, datetime]]:
    """Who bought when: some once, some again and again, some no longer."""
    bought = []
    for number in range(1, customers + 1):
        first = moment(rng, FIRST, TAKEN - timedelta(days=60))
        last = TAKEN if rng.random() < 0.6 else min(TAKEN, first + timedelta(days=120))
        bought += [(number, first)]
        bought += [(number, moment(rng, first + timedelta(days=1), last)) for _ in range(rng.randrange(most))]
    return sorted(bought, key=lambda each: each[1])


ADDRESS = ["Name", "Street", "Address1", "Address2", "Company", "City", "Zip", "Province", "Country", "Phone"]
GOODS = [("Kaffee Hausmischung", "KA-01", 12), ("Filter", "FI-10", 4), ("Mühle", "MU-03", 59), ("Becher", "BE-07", 9)]


def shopify_orders(rng: Random) -> Export:
    header = [
        "Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Accepts Marketing",
        "Currency", "Subtotal", "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount", "Shipping Method",
        "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem compare at price",
        "Lineitem sku", "Lineitem requires shipping", "Lineitem taxable", "Lineitem fulfillment status",
        *(f"Billing {part}" for part in ADDRESS), *(f"Shipping {part}" for part in ADDRESS),
        "Notes", "Note Attributes", "Cancelled at", "Payment Method", "Payment Reference", "Refunded Amount", "Vendor",
        "Outstanding Balance", "Employee", "Location", "Device ID", "Id", "Tags", "Risk Level", "Source",
        "Lineitem discount", *(f"Tax {number} {part}" for number in range(1, 6) for part in ("Name", "Value")),
        "Phone", "Receipt Number", "Duties", "Billing Province Name", "Shipping Province Name", "Payment ID",
        "Payment Terms Name", "Next Payment Due At", "Payment References",
    ]  # fmt: skip
    rows: list[Row] = []
    kept: list[tuple[str, datetime, Decimal]] = []
    for order, (number, time) in enumerate(purchases(rng, 20, 3), 1001):
        zone = "+0200" if 4 <= time.month <= 10 else "+0100"
        written = f"{clock(time, '%Y-%m-%d %H:%M:%S')} {zone}"
        status = rng.choices(["paid", "partially_refunded", "refunded", "voided", "pending"], [40, 3, 3, 1, 2])[0]
        items = rng.sample(GOODS, rng.choice([1, 1, 2, 3]))
        quantities = [rng.choice([1, 1, 2]) for _ in items]
        subtotal = Decimal(sum(price * many for (_, _, price), many in zip(items, quantities, strict=True)))
        total = subtotal + Decimal("4.90")
        till = order % 13 == 0  # sold at a till, without an e-mail
        test = order == 1005
        email = "" if till else f"kunde{number}@example.com"
        paid = status in ("paid", "partially_refunded", "refunded")
        refunded = {"refunded": total, "partially_refunded": Decimal(items[0][2])}.get(status, Decimal(0))
        person = {
            f"{side} {part}": value for side in ("Billing", "Shipping")
            for part, value in (("Name", f"Kunde {number}"), ("Street", f"Musterweg {number}"),
                                ("Address1", f"Musterweg {number}"), ("City", "Musterstadt"), ("Zip", "'12345"),
                                ("Country", "DE"))
        }  # fmt: skip
        for line, ((name, sku, price), many) in enumerate(zip(items, quantities, strict=True)):
            row = {
                "Name": f"#{order}", "Email": email, "Created at": written, "Lineitem quantity": str(many),
                "Lineitem name": name, "Lineitem price": money(price), "Lineitem sku": sku,
                "Lineitem requires shipping": "true", "Lineitem taxable": "true",
                "Lineitem fulfillment status": "fulfilled" if paid else "pending", "Vendor": "Beispielrösterei",
                "Lineitem discount": "0.00",
            }  # fmt: skip
            if not line:
                row |= person | {
                    "Financial Status": status, "Paid at": written if paid else "",
                    "Fulfillment Status": "fulfilled" if paid else "unfulfilled",
                    "Fulfilled at": written if paid else "",
                    "Accepts Marketing": rng.choice(["yes", "no"]), "Currency": "EUR", "Subtotal": money(subtotal),
                    "Shipping": "4.90", "Taxes": money(total * 7 / 107), "Total": money(total),
                    "Discount Amount": "0.00", "Shipping Method": "Standard",
                    "Cancelled at": written if status == "voided" else "",
                    "Payment Method": "bogus" if test else "Shopify Payments", "Refunded Amount": money(refunded),
                    "Outstanding Balance": "0.00" if paid else money(total), "Id": str(5400000000000 + order),
                    "Risk Level": "Low", "Source": "pos" if till else "web",
                }  # fmt: skip
            rows.append(row)
        if status in ("paid", "partially_refunded") and not till and not test:
            kept.append((email, time, total))
    return Export("shopify_orders", "orders_export_1.csv", text_of(header, rows), {
        "events": paid_events(kept),
    })  # fmt: skip


def woocommerce_orders(rng: Random) -> Export:
    sides = ["First Name", "Last Name", "Company", "Address 1&2", "City", "State Code", "Postcode", "Country Code"]
    header = [
        "Order Number", "Order Status", "Order Date", "Customer Note", *(f"{part} (Billing)" for part in sides),
        "Email (Billing)", "Phone (Billing)", *(f"{part} (Shipping)" for part in sides if part != "Company"),
        "Payment Method Title", "Cart Discount Amount", "Order Subtotal Amount", "Shipping Method Title",
        "Order Shipping Amount", "Order Refund Amount", "Order Total Amount", "Order Total Tax Amount", "SKU",
        "Item #", "Item Name", "Quantity (- Refund)", "Item Cost", "Coupon Code", "Discount Amount",
        "Discount Amount Tax",
    ]  # fmt: skip
    rows: list[Row] = []
    for order, (number, time) in enumerate(purchases(rng, 18, 4), 2301):
        kinds = ["Completed", "Processing", "Cancelled", "Failed", "Refunded", "Pending payment"]
        status = rng.choices(kinds, [40, 4, 2, 1, 2, 1])[0]
        items = rng.sample(GOODS, rng.choice([1, 1, 2]))
        quantities = [rng.choice([1, 2, 3]) for _ in items]
        returned = Decimal(0)
        full = Decimal(sum(price * many for (_, _, price), many in zip(items, quantities, strict=True)))
        if status == "Completed" and order % 9 == 0:
            quantities[0] -= 1
            returned = Decimal(items[0][2])
        elif status == "Refunded":
            quantities, returned = [0 for _ in items], full + Decimal("4.90")
        for line, ((name, sku, price), many) in enumerate(zip(items, quantities, strict=True), 1):
            rows.append({
                "Order Number": str(order), "Order Status": status, "Order Date": clock(time),
                "First Name (Billing)": "Kunde", "Last Name (Billing)": str(number),
                "Address 1&2 (Billing)": f"Musterweg {number}", "City (Billing)": "Musterstadt",
                "Postcode (Billing)": "12345", "Country Code (Billing)": "DE",
                "Email (Billing)": f"kunde{number}@example.com", "First Name (Shipping)": "Kunde",
                "Last Name (Shipping)": str(number), "Address 1&2 (Shipping)": f"Musterweg {number}",
                "City (Shipping)": "Musterstadt", "Postcode (Shipping)": "12345", "Country Code (Shipping)": "DE",
                "Payment Method Title": rng.choice(["PayPal", "Rechnung"]), "Cart Discount Amount": "0.00",
                "Order Subtotal Amount": money(full), "Shipping Method Title": "Versand",
                "Order Shipping Amount": "4.90", "Order Refund Amount": money(returned),
                "Order Total Amount": money(full + Decimal("4.90")), "Order Total Tax Amount": "0.00", "SKU": sku,
                "Item #": str(line), "Item Name": name, "Quantity (- Refund)": str(many), "Item Cost": money(price),
            })  # fmt: skip
    kept = [row for row in rows if row["Order Status"] in ("Completed", "Processing")]
    return Export("woocommerce_orders", "orders-2024-07-01-09-30-12.csv", text_of(header, rows), {
        "events": summary(
            (row["Email (Billing)"] for row in kept), (parse(row["Order Date"]) for row in kept),
            amount=(int(row["Quantity (- Refund)"]) * Decimal(row["Item Cost"]) for row in kept),
        ) | {"orders": len({row["Order Number"] for row in kept})},
    })  # fmt: skip


def online_retail(rng: Random) -> Export:
    header = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    goods = [("90001A", "BLUE TIN BOX", "2.55"), ("90002", "GARDEN CANDLE", "0.85"), ("90003B", "PAPER STARS", "1.25"),
             ("90004", "WOODEN CRATE", "7.95")]  # fmt: skip
    rows: list[Row] = []
    kept: list[tuple[str, datetime, Decimal]] = []

    def add(invoice: str, item: tuple[str, str, str], quantity: int, time: datetime, customer: str) -> None:
        stamp = f"{time.month}/{time.day}/{time.year} {time.hour}:{time.minute:02d}"
        rows.append({
            "InvoiceNo": invoice, "StockCode": item[0], "Description": item[1], "Quantity": str(quantity),
            "InvoiceDate": stamp, "UnitPrice": item[2], "CustomerID": customer, "Country": "United Kingdom",
        })  # fmt: skip
        if customer and item[0] != "BANK CHARGES":
            kept.append((customer, time, quantity * Decimal(item[2])))

    for number, (who, time) in enumerate(purchases(rng, 16, 4)):
        invoice, customer = 610001 + number, "" if who % 7 == 0 else str(30000 + who)
        for item in rng.sample(goods, rng.choice([1, 2])):
            quantity = rng.choice([2, 6, 12, 24])
            add(str(invoice), item, quantity, time, customer)
            if number % 9 == 4:
                add(f"C{invoice + 500}", item, -quantity, min(time + timedelta(days=2), TAKEN), customer)
        if number == 10:
            add(str(invoice), ("BANK CHARGES", "Bank Charges", "15.00"), 1, time, customer)
        if number == 12:
            add(str(invoice), ("POST", "POSTAGE", "18.00"), 1, time, customer)
    return Export("online_retail", "Online Retail.csv", text_of(header, rows), {
        "events": paid_events(kept),
    })  # fmt: skip


# --- events -----------------------------------------------------------------------------------------------------------


def visits(rng: Random, users: int, most: int) -> list[tuple[int, datetime, str]]:
    """Who did what when; number 0 has not signed in."""
    did = []
    for number in range(1, users + 1):
        first = moment(rng, FIRST, TAKEN - timedelta(days=60))
        last = TAKEN if rng.random() < 0.6 else min(TAKEN, first + timedelta(days=90))
        did.append((number, first, "signup"))
        did += [
            (number, moment(rng, first + timedelta(days=1), last), rng.choice(["login", "export", "purchase"]))
            for _ in range(rng.randrange(1, most))
        ]
    did += [(0, moment(rng, FIRST, TAKEN), "page_view") for _ in range(6)]
    return sorted(did, key=lambda each: each[1])


def amplitude_events(rng: Random) -> Export:
    header = [
        "$insert_id", "$schema", "adid", "amplitude_attribution_ids", "amplitude_event_type", "amplitude_id", "app",
        "city", "client_event_time", "client_upload_time", "country", "data", "device_brand", "device_carrier",
        "device_family", "device_id", "device_manufacturer", "device_model", "device_type", "dma", "event_id",
        "event_properties", "event_time", "event_type", "group_properties", "groups", "idfa", "ip_address",
        "is_attribution_event", "language", "library", "location_lat", "location_lng", "os_name", "os_version",
        "paying", "platform", "processed_time", "region", "sample_rate", "server_received_time", "server_upload_time",
        "session_id", "start_version", "user_creation_time", "user_id", "user_properties", "uuid", "version_name",
    ]  # fmt: skip
    rows: list[Row] = []
    kept: list[tuple[str, datetime, Decimal]] = []
    for event, (number, time, kind) in enumerate(visits(rng, 16, 5), 1):
        paid = Decimal(rng.choice([19, 49])) if kind == "purchase" else None
        properties = {"plan": rng.choice(["free", "team"])} | ({"$revenue": float(paid)} if paid else {})
        name = "revenue_amount" if paid else kind
        if event % 17 == 0:
            name, properties, paid = "$identify", {}, None
        device, system = rng.choice([("Windows", "Web"), ("Apple iPhone", "iOS")])
        stamp = clock(time, "%Y-%m-%d %H:%M:%S.") + f"{rng.randrange(1000):03d}000"
        rows.append({
            "$insert_id": uuid(rng), "amplitude_id": str(700000000000 + number), "app": "123456", "city": "Berlin",
            "client_event_time": stamp, "client_upload_time": stamp, "country": "Germany", "data": "{}",
            "device_family": device, "device_id": f"dev-{number or event}-{number}", "device_type": device,
            "event_id": str(event), "event_properties": json.dumps(properties), "event_time": stamp,
            "event_type": name, "group_properties": "{}", "groups": "{}", "is_attribution_event": "False",
            "language": "German", "library": "amplitude-ts/2.3.0", "os_name": system, "platform": system,
            "processed_time": stamp, "server_received_time": stamp, "server_upload_time": stamp,
            "session_id": str(int(time.replace(tzinfo=UTC).timestamp() * 1000)),
            "user_id": f"user-{number:03d}" if number else "", "user_properties": "{}", "uuid": uuid(rng),
        })  # fmt: skip
        if number and name != "$identify":
            kept.append((f"user-{number:03d}", time, paid or Decimal(0)))
    return Export("amplitude_events", "events.csv", text_of(header, rows), {
        "events": paid_events(kept),
    })  # fmt: skip


def mixpanel_events(rng: Random) -> Export:
    header = [
        "event", "time", "distinct_id", "$browser", "$city", "$current_url", "$device_id", "$insert_id",
        "$lib_version", "$os", "$region", "$user_id", "mp_country_code", "mp_lib", "mp_processing_time_ms", "Plan",
    ]  # fmt: skip
    rows: list[Row] = []
    kept: list[tuple[str, datetime]] = []
    for event, (number, time, kind) in enumerate(visits(rng, 17, 5), 1):
        name = "$identify" if event % 19 == 0 else {"page_view": "$mp_web_page_view"}.get(kind, kind.title())
        seconds = int(time.replace(tzinfo=UTC).timestamp())
        device, user = uuid(rng), f"user-{number:03d}" if number else ""
        rows.append({
            "event": name, "time": str(seconds), "distinct_id": user or f"$device:{device}", "$browser": "Firefox",
            "$city": "Hamburg", "$current_url": "https://app.example.com/", "$device_id": device,
            "$insert_id": token(rng, 16), "$lib_version": "2.47.0", "$os": rng.choice(["Windows", "iOS", "Android"]),
            "$region": "Hamburg", "$user_id": user, "mp_country_code": "DE", "mp_lib": "web",
            "mp_processing_time_ms": str(seconds * 1000 + 412), "Plan": rng.choice(["free", "team"]),
        })  # fmt: skip
        if user and name != "$identify":
            kept.append((user, time))
    return Export(
        "mixpanel_events",
        "export.csv",
        text_of(header, rows),
        {
            "events": summary(*zip(*kept, strict=True)),
        },
    )


def posthog_events(rng: Random) -> Export:
    header = [
        "uuid", "event", "properties", "timestamp", "team_id", "distinct_id", "elements_chain", "created_at",
        "person_id",
    ]  # fmt: skip
    rows: list[Row] = []
    kept: list[tuple[str, datetime, Decimal]] = []
    persons = {number: uuid(rng) for number in range(1, 16)}
    for event, (number, time, kind) in enumerate(visits(rng, 15, 5), 1):
        name = {"signup": "user signed up", "page_view": "$pageview", "login": "$pageview"}.get(kind, kind)
        paid = Decimal(rng.choice([29, 99])) if kind == "purchase" else None
        properties: dict[str, Any] = {"$device_type": rng.choice(["Desktop", "Mobile"]), "$lib": "web"}
        if event % 16 == 0:
            name, paid = "$identify", None
        if paid:
            properties |= {"revenue": float(paid), "currency": "EUR"}
        person = persons.get(number) or uuid(rng)
        other = number and rng.random() < 0.3  # the same person on another device, before it signed in there
        stamp = clock(time, "%Y-%m-%dT%H:%M:%S.") + f"{rng.randrange(1000):03d}000+00:00"
        rows.append({
            "uuid": uuid(rng), "event": name, "properties": json.dumps(properties), "timestamp": stamp,
            "team_id": "4711", "distinct_id": f"user-{number:03d}" if number and not other else uuid(rng),
            "created_at": stamp, "person_id": person,
        })  # fmt: skip
        if name != "$identify":
            kept.append((person, time, paid or Decimal(0)))
    return Export("posthog_events", "events.csv", text_of(header, rows), {
        "events": paid_events(kept),
    })  # fmt: skip


# --- accounts, tickets, answers ---------------------------------------------------------------------------------------

INDUSTRIES = ["Retail", "Machinery", "Computer Software", "Construction", "Hospital & Health Care"]


def hubspot_companies(rng: Random) -> Export:
    header = [
        "Record ID", "Company name", "Company owner", "Create Date", "Phone Number", "Last Activity Date", "City",
        "Country/Region", "Industry", "Lifecycle Stage", "Became a Customer Date", "Annual Revenue",
        "Number of Employees", "Company Domain Name",
    ]  # fmt: skip
    rows: list[Row] = []
    for number in range(1, 51):
        stage = rng.choices(["Customer", "Lead", "Opportunity", "Subscriber", "Evangelist", "Former Customer"],
                            [30, 6, 5, 3, 2, 6])[0]  # fmt: skip
        created = moment(rng, FIRST, TAKEN - timedelta(days=60))
        customer = stage in ("Customer", "Evangelist", "Former Customer")
        became = moment(rng, created + timedelta(days=3), TAKEN) if customer else None
        rows.append({
            "Record ID": str(18200000000 + number * 7919), "Company name": f"Firma {number} GmbH",
            "Company owner": rng.choice(["Team Nord", "Team Süd"]), "Create Date": clock(created),
            "Last Activity Date": clock(became or created), "City": "Musterstadt", "Country/Region": "Germany",
            "Industry": rng.choice(INDUSTRIES), "Lifecycle Stage": stage,
            "Became a Customer Date": "" if number == 9 else clock(became),
            "Annual Revenue": str(rng.randrange(1, 90) * 100000), "Number of Employees": str(rng.randrange(3, 400)),
            "Company Domain Name": f"firma{number}.example.com",
        })  # fmt: skip
    kept = [row for row in rows if row["Lifecycle Stage"] in ("Customer", "Evangelist", "Former Customer")]
    text = text_of(header, rows, quoting=csv.QUOTE_ALL)
    return Export("hubspot_companies", "hubspot-crm-exports-all-companies-2024-07-01.csv", text, {
        "customers": summary(
            (row["Record ID"] for row in kept), (parse(row["Became a Customer Date"]) for row in kept)
        ),
    })  # fmt: skip


def accounts(rng: Random) -> list[tuple[str, int, str, datetime]]:
    """Ids, numbers, types and days of creation of accounts."""
    kinds = ["Customer - Direct", "Customer - Channel", "Prospect", "Other", "Former Customer"]
    made = []
    for number in range(1, 46):
        kind = rng.choices(kinds, [25, 8, 8, 2, 6])[0]
        made.append((f"0015g0000{token(rng, 2)}{number:02d}Qa", number, kind, moment(rng, FIRST, TAKEN)))
    return made


def salesforce_accounts(rng: Random) -> Export:
    header = [
        "Account Owner", "Account Name", "Billing State/Province", "Type", "Rating", "Industry", "Last Activity",
        "Last Modified Date", "Created Date", "Account ID",
    ]  # fmt: skip
    rows: list[Row] = []
    for known, number, kind, created in accounts(rng):
        day = f"{created.month}/{created.day}/{created.year}"
        rows.append({
            "Account Owner": rng.choice(["Team Nord", "Team Süd"]), "Account Name": f"Firma {number} GmbH",
            "Type": kind, "Industry": rng.choice(INDUSTRIES), "Last Modified Date": day, "Created Date": day,
            "Account ID": known,
        })  # fmt: skip
    kept = [row for row in rows if "Customer" in row["Type"]]
    text = text_of(header, rows, quoting=csv.QUOTE_ALL)
    return Export(
        "salesforce_accounts",
        "report1719820800000.csv",
        text,
        {
            "customers": summary((row["Account ID"] for row in kept), ()),
        },
    )


def salesforce_export(rng: Random) -> Export:
    header = [
        "Id", "IsDeleted", "MasterRecordId", "Name", "Type", "ParentId", "BillingCity", "BillingCountry", "Phone",
        "Website", "Industry", "AnnualRevenue", "NumberOfEmployees", "OwnerId", "CreatedDate", "LastModifiedDate",
    ]  # fmt: skip
    rows: list[Row] = []
    for known, number, kind, created in accounts(rng):
        stamp = clock(created, "%Y-%m-%dT%H:%M:%S.000Z")
        rows.append({
            "Id": f"{known}AAC", "IsDeleted": str(number % 14 == 0).lower(), "Name": f"Firma {number} GmbH",
            "Type": kind, "BillingCity": "Musterstadt", "BillingCountry": "Germany",
            "Website": f"firma{number}.example.com",
            "Industry": rng.choice(INDUSTRIES), "AnnualRevenue": f"{rng.randrange(1, 90) * 100000}.0",
            "NumberOfEmployees": str(rng.randrange(3, 400)), "OwnerId": f"0055g00000MadeUp{number % 3}AAA",
            "CreatedDate": stamp, "LastModifiedDate": stamp,
        })  # fmt: skip
    kept = [row for row in rows if "Customer" in row["Type"] and row["IsDeleted"] == "false"]
    text = text_of(header, rows, quoting=csv.QUOTE_ALL)
    return Export(
        "salesforce_export",
        "Account.csv",
        text,
        {
            "customers": summary((row["Id"] for row in kept), ()),
        },
    )


def zendesk_tickets(rng: Random) -> Export:
    spans = ["First reply time", "First resolution time", "Full resolution time", "Agent wait time",
             "Requester wait time", "On hold time"]  # fmt: skip
    header = [
        "Summation column", "Id", "Requester", "Requester id", "Requester external id", "Requester email",
        "Requester domain", "Submitter", "Assignee", "Group", "Subject", "Tags", "Status", "Priority", "Via",
        "Ticket type", "Created at", "Updated at", "Assigned at", "Organization", "Due date", "Initially assigned at",
        "Solved at", "Resolution time", "Satisfaction Score", "Group stations", "Assignee stations", "Reopens",
        "Replies", *(f"{span} in minutes{hours}" for span in spans for hours in ("", " within business hours")),
    ]  # fmt: skip
    rows: list[Row] = []
    for ticket in range(1, 61):
        number = rng.randrange(1, 20)
        opened = moment(rng, FIRST, TAKEN - timedelta(days=1)).replace(second=0)
        status = rng.choices(["Closed", "Solved", "Open", "Pending", "Deleted"], [40, 10, 3, 2, 3])[0]
        solved = None
        if status in ("Closed", "Solved"):
            solved = min(opened + timedelta(minutes=rng.randrange(20, 6000)), TAKEN - timedelta(hours=3))
        call = ticket % 20 == 0  # a call from an unknown number
        rows.append({
            "Summation column": "1", "Id": str(3000 + ticket), "Requester": "Anrufer" if call else f"Kunde {number}",
            "Requester id": str(360000000000 + (900 + ticket if call else number)),
            "Requester email": "" if call else f"kunde{number}@example.com",
            "Requester domain": "" if call else "example.com", "Submitter": f"Kunde {number}", "Assignee": "Team",
            "Group": "Support", "Subject": rng.choice(["Rechnung", "Lieferung", "Anmeldung"]), "Tags": "made_up",
            "Status": status, "Priority": rng.choice(["Urgent", "High", "Normal", "Normal", "Low", ""]),
            "Via": "Phone" if call else rng.choice(["Mail", "Web form"]),
            "Ticket type": rng.choice(["Question", "Incident", "Problem", "Task"]), "Created at": clock(opened),
            "Updated at": clock(solved or opened), "Assigned at": clock(opened), "Initially assigned at": clock(opened),
            "Solved at": clock(solved),
            "Resolution time": f"{(solved - opened).total_seconds() / 3600:.0f}" if solved else "",
            "Satisfaction Score": rng.choice(["Not Offered", "Offered", "Good", "Bad"]), "Group stations": "1",
            "Assignee stations": "1", "Reopens": "0", "Replies": str(rng.randrange(1, 6)),
            "First reply time in minutes": str(rng.randrange(3, 900)),
            "Full resolution time in minutes": f"{(solved - opened).total_seconds() / 60:.0f}" if solved else "",
        })  # fmt: skip
    kept = [row for row in rows if row["Requester email"] and row["Status"] != "Deleted"]
    text = text_of(header, rows, quoting=csv.QUOTE_ALL)
    return Export("zendesk_tickets", "export-2024-07-01-0930-123456.csv", text, {
        "tickets": summary((row["Requester email"] for row in kept), (parse(row["Created at"]) for row in kept))
        | {"closed": sum(bool(row["Solved at"]) for row in kept)},
    })  # fmt: skip


def survey_answers(rng: Random) -> Export:
    question = "How likely are you to recommend us to a friend or colleague?"
    why = "What is the main reason for your score?"
    header = [
        "#", question, why, "customer_id", "Response Type", "Start Date (UTC)", "Stage Date (UTC)", "Submit Date (UTC)",
        "Network ID", "Tags", "Ending",
    ]  # fmt: skip
    style = "%Y-%m-%d %H:%M:%S"
    praise, blame = ["Works well", "Quick help, friendly people", ""], ["Too expensive", "Slow, and hard to reach", ""]
    rows: list[Row] = []
    for answer in range(1, 56):
        time = moment(rng, FIRST, TAKEN)
        done = answer % 11 != 0
        score = rng.choice([10, 10, 9, 9, 8, 8, 7, 6, 4, 1, 0])
        number = rng.randrange(1, 25)
        later = clock(time + timedelta(minutes=rng.randrange(1, 5)), style)
        rows.append({
            "#": token(rng, 32, "abcdefghijklmnopqrstuvwxyz0123456789"), question: str(score),
            why: rng.choice(praise if score > 6 else blame) if done else "", "customer_id": f"K{number:04d}",
            "Response Type": "completed" if done else "partial", "Start Date (UTC)": clock(time, style),
            "Stage Date (UTC)": "" if done else later, "Submit Date (UTC)": later if done else "",
            "Network ID": token(rng, 10, "0123456789abcdef"),
        })  # fmt: skip
    kept = [row for row in rows if row["Submit Date (UTC)"]]
    return Export("survey_answers", "responses.csv", text_of(header, rows), {
        "feedback": summary(
            (row["customer_id"] for row in kept), (parse(row["Submit Date (UTC)"], style) for row in kept),
            score=(Decimal(row[question]) for row in kept),
        ),
    })  # fmt: skip


# --- nobody's layout --------------------------------------------------------------------------------------------------


def comma(value: Decimal | float | int) -> str:
    """Two decimals as Germans write them."""
    whole, cents = money(value).split(".")
    return f"{int(whole):,}".replace(",", ".") + f",{cents}"


def erp_orders(rng: Random) -> Export:
    header = ["Kundennr", "Belegdatum", "Belegnummer", "Menge", "Einzelpreis", "Warengruppe"]
    rows: list[Row] = []
    kept: list[tuple[str, datetime, Decimal]] = []
    for order, (number, time) in enumerate(purchases(rng, 18, 4), 240101):
        for group in rng.sample(["Büromöbel", "Lampen", "Zubehör"], rng.choice([1, 1, 2])):
            many, price = rng.choice([1, 2, 4, 10]), Decimal(rng.choice(["19.90", "149.00", "1249.50", "7.45"]))
            customer = f"{10000 + number:06d}"
            rows.append({
                "Kundennr": customer, "Belegdatum": clock(time, "%d.%m.%Y"), "Belegnummer": f"AB{order}",
                "Menge": str(many), "Einzelpreis": comma(price), "Warengruppe": group,
            })  # fmt: skip
            kept.append((customer, time, many * price))
    text = text_of(header, rows, delimiter=";").replace("\n", "\r\n")
    table = paid_events(kept)
    columns = {"customer_id": "Kundennr", "timestamp": "Belegdatum", "order_id": "Belegnummer",
               "amount": {"product": ["Menge", "Einzelpreis"]}, "category": "Warengruppe"}  # fmt: skip
    return Export("unknown", "Auftragsliste.csv", text, {"events": table | {"columns": columns}}, encoding="cp1252")


def gym_members(rng: Random) -> Export:
    header = ["Mitgliedsnummer", "Eintritt", "Austritt", "Beitrag mtl.", "Tarif", "Kündigungsdatum", "Kündigungsgrund"]
    rows: list[Row] = []
    style = "%d.%m.%Y"
    for number in range(1, 56):
        start = moment(rng, FIRST, TAKEN - timedelta(days=40))
        rate, fee = rng.choice([("Basis", "19.90"), ("Komfort", "34.90"), ("Premium", "59.00")])
        notice = moment(rng, start + timedelta(days=20), TAKEN) if number % 3 == 0 else None
        leaves = (months_later(notice, 2).replace(day=1) - timedelta(days=1)) if notice else None
        rows.append({
            "Mitgliedsnummer": f"M-{number:05d}", "Eintritt": clock(start, style), "Austritt": clock(leaves, style),
            "Beitrag mtl.": comma(Decimal(fee)), "Tarif": rate, "Kündigungsdatum": clock(notice, style),
            "Kündigungsgrund": rng.choice(["Umzug", "Preis", "Zeitmangel", "Gesundheit"]) if notice else "",
        })  # fmt: skip
    left = [row for row in rows if row["Kündigungsdatum"]]
    fees = [Decimal(row["Beitrag mtl."].replace(".", "").replace(",", ".")) for row in rows]
    contracts = {"customer_id": "Mitgliedsnummer", "start": "Eintritt", "end": "Austritt", "mrr": "Beitrag mtl.",
                 "plan": "Tarif", "notice_at": "Kündigungsdatum"}  # fmt: skip
    given = {"customer_id": "Mitgliedsnummer", "timestamp": "Kündigungsdatum", "reason": "Kündigungsgrund"}
    return Export("unknown", "Mitgliederliste.csv", text_of(header, rows, delimiter=";"), {
        "subscriptions": summary(
            (row["Mitgliedsnummer"] for row in rows), (parse(row["Eintritt"], style) for row in rows), mrr=fees
        ) | {"ended": len(left), "columns": contracts},
        "cancellations": summary(
            (row["Mitgliedsnummer"] for row in left), (parse(row["Kündigungsdatum"], style) for row in left)
        ) | {"columns": given},
    }, encoding="utf-8-sig", ends="inclusive")  # fmt: skip


def app_log(rng: Random) -> Export:
    header = ["userId", "eventTime", "eventName"]
    rows: list[Row] = []
    kept: list[tuple[str, datetime]] = []
    for number, time, kind in visits(rng, 17, 5):
        if number:
            milliseconds = int(time.replace(tzinfo=UTC).timestamp() * 1000) + rng.randrange(1000)
            rows.append({"userId": str(88000 + number), "eventTime": str(milliseconds), "eventName": kind})
            kept.append((str(88000 + number), time))
    columns = {"customer_id": "userId", "timestamp": "eventTime", "kind": "eventName"}
    table = summary(*zip(*kept, strict=True)) | {"columns": columns}
    return Export("unknown", "app-log.csv", text_of(header, rows), {"events": table}, times="epoch_ms")


KNOWN: Sequence[Callable[[Random], Export]] = (
    stripe_subscriptions, stripe_invoices, chargebee_subscriptions, chartmogul_customers, shopify_orders,
    woocommerce_orders, online_retail, amplitude_events, mixpanel_events, posthog_events, hubspot_companies,
    salesforce_accounts, salesforce_export, zendesk_tickets, survey_answers,
)  # fmt: skip
UNKNOWN: Sequence[Callable[[Random], Export]] = (erp_orders, gym_members, app_log)


# --- the recognisers against the files --------------------------------------------------------------------------------


KEYS = ("name", "about", "source", "signs", "tables", "timezone", "times", "roles", "notes")


def choices_of(making: Any) -> list[list[str]]:
    """Groups of columns of which one has to be there each."""
    if isinstance(making, str):
        return [[making]]
    if isinstance(making, list):
        return [making]
    groups: list[list[str]] = []
    for key, value in making.items():
        if key == "product":
            groups += [[name] for name in value]
        elif key == "first_of":
            groups.append(value)
        elif key in ("column", "per", "json"):
            groups.append([value])
    return groups


def check(name: str, headers: Mapping[str, Sequence[str]]) -> None:
    """Refuse a recogniser that does not fit its own file, or fits another one."""
    what = yaml.safe_load((RECOGNISERS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert list(what) == [key for key in KEYS if key in what], f"{name}: other keys, or in another order"
    assert all(isinstance(note, str) for note in what["notes"]), f"{name}: a note is no text"
    fitting = [other for other, header in headers.items() if set(what["signs"]) <= set(header)]
    assert fitting == [name], f"{name}: its signs fit {fitting}"
    header = headers[name]
    for table, entry in what["tables"].items():
        columns = TABLES[table].columns
        assert set(entry) <= {"columns", "only", "without", "filled"}, f"{name}: {table}: {list(entry)}"
        assert set(entry["columns"]) <= set(columns), f"{name}: {table}: columns that the contract does not know"
        missing = [column for column, rule in columns.items() if rule.required and column not in entry["columns"]]
        assert not missing, f"{name}: {table}: {missing} are needed"
        used = [group for making in entry["columns"].values() for group in choices_of(making)]
        used += [[column] for part in ("only", "without") for column in entry.get(part, {})]
        used += [[column] for column in entry.get("filled", [])]
        for group in used:
            assert set(group) & (set(header) | NOT_EVERYWHERE), f"{name}: {table}: none of {group} in the file"
    for role, entry in what.get("roles", {}).items():
        assert role in ROLES, f"{name}: role {role}"
        assert entry["column"] in header, f"{name}: role {role}"


def main() -> None:
    """Write all files and what is expected of them, and check the recognisers."""
    expected: dict[str, Any] = {}
    headers: dict[str, list[str]] = {}
    for number, make in enumerate(KNOWN):
        export = make(Random(20240701 + number))
        export.write()
        expected[export.folder] = export.expected
        headers[export.folder] = next(csv.reader(io.StringIO(export.text)))
        assert 40 <= len(list(csv.reader(io.StringIO(export.text)))) - 1 <= 80, export.folder
    others = {}
    for number, make in enumerate(UNKNOWN):
        export = make(Random(20240801 + number))
        export.write()
        others[Path(export.file).stem] = export.expected | {"encoding": export.encoding}
    for folder, told in ((HERE, expected), (HERE / "unknown", others)):
        text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120)
        (folder / "expected.yaml").write_text(text, encoding="utf-8")
    assert sorted(headers) == sorted(path.stem for path in RECOGNISERS.glob("*.yaml"))
    for name in headers:
        check(name, headers)


if __name__ == "__main__":
    main()
