"""Numbers and money in real files: one meaning or a message, refunds and cancelled orders told."""

from __future__ import annotations

import pytest

import kbind as kb

from .conftest import Write

ALLOWED = "allowed: 1234.5 or 1,234.5, or with decimal comma 1234,5 or 1.234,5; one way throughout the column"


def _csv(values: list[str], delimiter: str) -> str:
    lines = [delimiter.join(("customer_id", "timestamp", "amount", "rate"))]
    lines += [delimiter.join((str(i), "2024-01-05", value, value)) for i, value in enumerate(values)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("values", "delimiter", "meant"),
    [
        (["1.5", "2.25"], ",", [1.5, 2.25]),
        (["1.5", "2.25"], ";", [1.5, 2.25]),
        (["1,5", "2,25"], ";", [1.5, 2.25]),
        (["1,5", "2,25"], "\t", [1.5, 2.25]),
        (["1.500", "0.5"], ",", [1.5, 0.5]),
        (["1.500", "0,5"], ";", [1500.0, 0.5]),
        (["1 234", "€5", " 7 "], ";", [1234.0, 5.0, 7.0]),
        (["−1.5", "", "+2"], ";", [-1.5, None, 2.0]),
    ],
)
def test_column_of_the_contract_and_attribute_mean_the_same(
    write: Write, values: list[str], delimiter: str, meant: list[float | None]
) -> None:
    frame = kb.open_dataset(write(events=_csv(values, delimiter))).table("events")
    for name in ("amount", "rate"):
        assert [None if x != x else x for x in frame[name].tolist()] == meant


@pytest.mark.parametrize(
    ("values", "delimiter", "message"),
    [
        (["1.5", "2.5", "1,5"], ";", f"is written differently from the rest (decimal '.'): row 4 ('1,5'); {ALLOWED}"),
        (["1.5", "2,5", "1,5"], "\t", f"is written differently from the rest (decimal ','): row 2 ('1.5'); {ALLOWED}"),
        (["1.5", "1.5.5"], ",", f"is not a number: row 3 ('1.5.5'); {ALLOWED}"),
        (["1,5", "12x"], ";", f"is not a number: row 3 ('12x'); {ALLOWED}"),
        (["1.500", "2.250"], ";", "can be read as a decimal or as thousands: row 2 ('1.500'), row 3 ('2.250'); say "
                                  "which in kbind.yaml: decimal: '.' or decimal: ','"),
    ],
)  # fmt: skip
def test_two_meanings_are_an_error(write: Write, values: list[str], delimiter: str, message: str) -> None:
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(write(events=_csv(values, delimiter)))
    assert str(caught.value) == f"events.csv, column 'amount': {message}"


def test_an_attribute_of_two_meanings_stays_text(write: Write) -> None:
    text = "customer_id;rate\n1;1.5\n2;1,5\n3;12x\n"
    assert kb.open_dataset(write(customers=text)).table("customers")["rate"].tolist() == ["1.5", "1,5", "12x"]


ONLINE = """InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,amount
536365,85123A,6,12/1/2010 8:26,2.55,17850,15.30
536366,22633,6,12/1/2010 8:28,1.85,17850,11.10
536367,84879,32,1/13/2011 8:34,1.69,13047,54.08
C536379,D,-1,12/1/2010 9:41,27.5,14527,-27.50
C536383,35004C,-1,12/1/2010 9:49,4.65,17850,-4.65
536390,22941,2,1/14/2011 10:19,8.5,17511,
"""


def test_refunds_and_cancelled_orders_count_and_are_told(write: Write) -> None:
    names = {"customer_id": "CustomerID", "timestamp": "InvoiceDate", "order_id": "InvoiceNo"}
    data = kb.open_dataset(write(events=ONLINE), mapping={"events": names})
    assert data.notes == (
        "events: 2 refunds (negative amounts), -32.15 in all; kept, and counted as activity; "
        "1 customer has nothing else",
        "events: 2 orders look cancelled (order_id like C536379, 2 rows); counted as activity",
    )
    assert kb.activity(data).to_frame()["active"].tolist() == [2, 2]
    assert data.table("events")["Quantity"].tolist() == [6, 6, 32, -1, -1, 2]


def test_order_numbers_that_all_begin_with_c_are_no_cancellations(write: Write) -> None:
    data = kb.open_dataset(write(events="customer_id,timestamp,order_id\n1,2024-01-05,C1\n1,2024-01-06,C2\n"))
    assert data.notes == ()
