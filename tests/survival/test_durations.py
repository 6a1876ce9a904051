from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.dataset.groups import encode_groups


def contracts(rows: list[tuple[Any, ...]], as_of: str = "2025-01-01", **tables: pd.DataFrame) -> kb.Dataset:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    return kb.open_dataset({"subscriptions": frame, **tables}, as_of=as_of, ends="exclusive")


def lives(data: kb.Dataset, **arguments: Any) -> list[tuple[Any, ...]]:
    frame = kb.durations(data, **arguments).to_frame().round({"duration": 6, "entry": 6})
    return list(frame[["duration", "event_observed", "entry", "n"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, "2024-01-15", None)], (11 + 17 / 31, False)),  # running; from 15 December to 1 January 17 of 31 days
        ([(1, "2023-01-15", "2024-01-15")], (12.0, True)),
        ([(1, "2024-01-31", "2024-02-29")], (1.0, True)),  # the end of a month is a month after the end of the last
        ([(1, "2024-03-01", "2024-03-16")], (15 / 31, True)),
        ([(1, "2023-01-01", "2024-01-01"), (1, "2024-01-01", None)], (24.0, False)),  # renewed
        (
            [(1, "2023-01-01", "2023-12-31"), (1, "2024-01-01", None)],
            (24.0, False),
        ),  # the last day was written
        ([(1, "2023-01-01", "2024-01-01"), (1, "2024-01-03", None)], (12.0, True)),  # came back
        ([(1, "2023-01-01", "2024-06-01"), (1, "2023-03-01", "2023-09-01")], (17.0, True)),  # one within the other
        ([(1, "2024-06-01", "2025-06-01")], (7.0, False)),  # ends behind the end of the data
        ([(1, "2024-06-01", "2025-01-01")], (7.0, False)),  # whether it is renewed, nobody knows yet
        ([(1, "2024-06-01", "2024-06-01"), (1, "2024-07-01", None)], (0.0, True)),  # left on the first day, came back
    ],
)
def test_contracts_by_hand(rows: list[Any], expected: tuple[float, bool]) -> None:
    (found,) = lives(contracts(rows))
    assert found[0] == pytest.approx(expected[0])
    assert found[1:] == (expected[1], 0.0, 1)


def test_who_is_still_there_is_not_at_risk_when_the_data_ends() -> None:
    """One left after a year; the other has been there for a year when the data ends: nobody saw what came then."""
    data = contracts([(1, "2023-06-01", "2024-06-01"), (2, "2024-01-01", None)])
    frame = kb.survival_curve(data).to_frame()
    assert frame["at_risk"].tolist() == [2, 1]
    assert frame["survival"].tolist() == [1.0, 0.0]


def test_grace_is_an_argument() -> None:
    data = contracts([(1, "2023-01-01", "2024-01-01"), (1, "2024-01-20", None)])
    assert lives(data.assuming(grace="1D"))[0][:2] == (12.0, True)
    assert lives(data.assuming(grace="30D"))[0][:2] == (24.0, False)


@pytest.mark.parametrize(
    ("end", "as_of", "grace", "expected"),
    [
        ("2024-06-30", "2024-07-01", "1D", (False, 6 - 1 / 30)),  # open: seen up to its end, not up to that of the data
        ("2024-07-01", "2024-07-01", "0D", (False, 6)),
        ("2024-06-30", "2024-07-01", "0D", (True, 6 - 1 / 30)),
        ("2024-06-30", "2024-07-02", "1D", (True, 6 - 1 / 30)),
        ("2024-05-01", "2024-07-01", "8W", (True, 4)),  # 61 days
        ("2024-05-01", "2024-06-26", "8W", (False, 4)),
    ],
)
def test_leaving_is_known_when_grace_is_over(end: str, as_of: str, grace: str, expected: tuple[bool, float]) -> None:
    frame = pd.DataFrame([(1, "2024-01-01", end)], columns=["customer_id", "start", "end"])
    data = kb.open_dataset({"subscriptions": frame}, as_of=as_of, ends="exclusive", grace=grace)
    ((duration, left, _, _),) = lives(data)
    assert (left, duration) == (expected[0], pytest.approx(expected[1]))


def test_who_left_on_the_first_day_is_counted_at_age_0() -> None:
    for clock in ("", " 10:00"):
        rows = [(1, f"2024-01-31{clock}", f"2024-01-31{clock}"), (2, f"2024-01-31{clock}", None)]
        assert lives(contracts(rows))[0] == (0.0, True, 0.0, 1)
        assert kb.survival_curve(contracts(rows)).to_frame()["survival"].tolist()[0] == 0.5


def test_earlier_end_of_the_data() -> None:
    data = contracts([(1, "2024-01-01", "2024-07-01"), (2, "2024-10-01", None)])
    assert lives(data, as_of="2024-06-01") == [(5.0, False, 0.0, 1)]
    assert lives(data.assuming(as_of="2024-06-01")) == [(5.0, False, 0.0, 1)]
    for call in (lambda: kb.durations(data, as_of="2026-01-01"), lambda: data.assuming(as_of="2026-01-01")):
        with pytest.raises(kb.ArgumentError, match="lies behind the end of the data, 2025-01-01"):
            call()


def test_acquired_before_recording_began_is_delayed_entry() -> None:
    people = pd.DataFrame({"customer_id": [1, 2, 3], "acquired_at": ["2022-01-01", "2024-02-01", None]})
    rows = [(1, "2024-01-01", "2024-07-01"), (2, "2024-03-01", None), (3, "2024-01-01", None)]
    data = contracts(rows, customers=people)
    assert lives(data) == [
        (11.0, False, 0.0, 1),  # 2: acquired a month before the contract, while recording ran
        (12.0, False, 0.0, 1),  # 3: not known, so from the contract on
        (30.0, True, 24.0, 1),  # 1: could not have been seen leaving in the first two years
    ]
    assert lives(data, origin="start") == [(6.0, True, 0.0, 1), (10.0, False, 0.0, 1), (12.0, False, 0.0, 1)]
    assert "1 customers are observed only from a later age on" in kb.durations(data).definition


def test_recording_may_have_begun_after_the_first_start() -> None:
    """Customer 1 is known only because of a contract that still ran when recording began."""
    rows = [(1, "2020-01-01", "2024-07-01"), (2, "2023-03-01", None), (3, "2023-02-01", "2023-05-01")]
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    data = kb.open_dataset({"subscriptions": frame}, as_of="2025-01-01", recorded_from="2023-01-01")
    assert lives(data) == [(3.0, True, 0.0, 1), (22.0, False, 0.0, 1), (54.0, True, 36.0, 1)]
    with pytest.raises(kb.ArgumentError, match="recorded_from='soon' is not a date"):
        kb.open_dataset({"subscriptions": frame}, recorded_from="soon")


def test_causes_come_from_cancellations() -> None:
    said = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 1],
            "timestamp": ["2024-05-20", "2024-06-01", "2024-05-01", "2024-08-01"],
            "voluntary": [True, False, None, False],  # the last one belongs to a later contract
        }
    )
    rows = [(i, "2024-01-01", "2024-06-01") for i in (1, 2, 3, 4)]
    found = kb.durations(contracts(rows, cancellations=said))
    assert found.causes == ("voluntary", "involuntary", "unknown")
    assert found.to_frame().set_index("cause")["n"].to_dict() == {"voluntary": 1, "involuntary": 1, "unknown": 2}


def test_log_with_a_lapse_rule_by_hand() -> None:
    """Silences of more than 30 days; the end of the data is 1 July."""
    days = {
        1: ["2024-01-01", "2024-01-20", "2024-04-20"],  # silent from 20 January: left then, though back later
        2: ["2024-01-01", "2024-01-31", "2024-03-01"],  # 30 days are not more than 30 days; then silent from 1 March
        3: ["2024-06-10"],  # younger than the rule: nobody can tell
        4: ["2024-05-01", "2024-05-25", "2024-06-20"],  # open
    }
    log = pd.DataFrame([(i, d) for i, dates in days.items() for d in dates], columns=["customer_id", "timestamp"])
    data = kb.open_dataset({"events": log}, as_of="2024-07-01")
    found = lives(data.assuming(lapse="30D"))
    assert found == [
        (0.0, False, 0.0, 1),  # 3
        (round(19 / 31, 6), True, 0.0, 1),  # 1
        (1.0, False, 0.0, 1),  # 4: seen whole up to 1 June
        (2.0, True, 0.0, 1),  # 2
    ]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 8), st.integers(0, 300), st.integers(-5, 200)), min_size=1, max_size=40),
    st.sampled_from(["2024-06-01", "2024-12-01"]),
)
def test_contracts_counted_one_by_one(rows: list[Any], as_of: str) -> None:
    first = pd.Timestamp("2024-01-01")
    frame = [(c, first + pd.Timedelta(days=s), first + pd.Timedelta(days=max(s, s + n))) for c, s, n in rows]
    end = pd.Timestamp(as_of)
    expected = []
    for customer in {row[0] for row in frame}:
        mine = sorted((s, min(e, end)) for c, s, e in frame if c == customer and s < end)
        if not mine:
            continue
        start, reach = mine[0]
        for s, e in mine[1:]:
            if s > reach + pd.Timedelta(days=1):
                break
            reach = max(reach, e)
        # nobody has left before grace is over
        expected.append((start, reach, reach + pd.Timedelta(days=1) < end))
    try:
        found = kb.durations(contracts(frame, as_of=as_of))
    except kb.ArgumentError:
        assert not expected
        return
    assert found.customers == len(expected)
    assert found.events == sum(left for _, _, left in expected)
    # a month from the 30th of January is over on the last day of February
    whole = [
        sum(start + pd.DateOffset(months=month) <= reach for month in range(1, 13)) for start, reach, _ in expected
    ]
    assert sorted(np.floor(np.repeat(found.duration, found.n) + 1e-6)) == sorted(whole)


def test_telco_needs_no_more_arguments() -> None:
    found = kb.durations(kb.datasets.load_telco(), by="contract")
    assert (found.customers, found.events) == (7043, 1869)
    assert found.to_frame()["duration"].min() == 0
    assert list(found.to_frame().columns) == ["contract", "duration", "event_observed", "entry", "cause", "n"]


def test_roles_by_keyword_with_entry_and_cause() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2, 3],
            "months": [4, 5, 6],
            "gone": ["ja", "nein", "ja"],
            "since": [0, 2, None],
            "why": ["price", None, " "],
        }
    )
    roles = {"tenure": "months", "churned": {"column": "gone", "value": "ja"}, "entry": "since", "cause": "why"}
    found = kb.durations(kb.open_dataset({"customers": frame}, roles=roles))
    assert found.causes == ("price", "unknown")
    assert found.to_frame()["cause"].tolist() == ["price", None, "unknown"]
    assert found.to_frame()["entry"].tolist() == [0, 2, 0]


def test_customers_without_tenure_are_left_out_and_counted() -> None:
    people = pd.DataFrame({"customer_id": [1, 2, 3], "tenure": [1.0, None, 4.0], "churned": [True, True, False]})
    found = kb.durations(kb.open_dataset({"customers": people}, roles={"tenure": "tenure", "churned": "churned"}))
    assert found.to_frame()["n"].sum() == 2
    assert "1 customers without it are left out" in found.definition
    nobody = kb.open_dataset(
        {"customers": people.assign(tenure=None)}, roles={"tenure": "tenure", "churned": "churned"}
    )
    with pytest.raises(kb.NotEnoughData, match="tenure of 'data', which plays the role 'tenure', holds nothing"):
        kb.durations(nobody)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"tenure": [1, -2], "churned": [True, False]}, "1 customers of 'data' have a negative tenure"),
        ({"tenure": [1, 2], "churned": [True, None]}, "1 customers of 'data' have no readable churned"),
    ],
)
def test_unusable_customers_are_named(frame: dict[str, Any], message: str) -> None:
    people = pd.DataFrame({"customer_id": [1, 2], **frame})
    data = kb.open_dataset({"customers": people}, roles={"tenure": "tenure", "churned": "churned"})
    with pytest.raises(kb.ArgumentError, match=message):
        kb.durations(data)


def test_words_that_are_neither_yes_nor_no_are_refused_when_data_is_opened() -> None:
    people = pd.DataFrame({"customer_id": [1, 2], "tenure": [1, 2], "churned": ["yes", "perhaps"]})
    with pytest.raises(kb.DatasetError, match=r"'churned': holds neither yes nor no in all rows: 'perhaps' \(1\)"):
        kb.open_dataset({"customers": people}, roles={"tenure": "tenure", "churned": "churned"})


def test_mistakes() -> None:
    data = contracts([(1, "2024-01-01", None)])
    for arguments, message in (
        ({"origin": "birth"}, "origin='birth'"),
        ({"log": "events"}, "this needs a table 'events'"),
        ({"by": "plan"}, "by='plan' is no column"),
    ):
        with pytest.raises(kb.ArgumentError, match=message):
            kb.durations(data, **arguments)
    with pytest.raises(kb.ArgumentError, match="grace='1 month' is no length"):
        data.assuming(grace="1 month")
    with pytest.raises(kb.NotEnoughData, match="no column plays the role 'tenure'"):
        kb.durations(kb.open_dataset({"customers": pd.DataFrame({"customer_id": [1]})}))


def test_customers_alike_in_what_is_read_are_counted_together() -> None:
    """Blank and missing groups are one, whatever the rows looked like before."""
    frame = pd.DataFrame(
        {
            "customer_id": range(6),
            "months": [3, 3, 3, 3, 5, 5],
            "gone": ["yes", "Yes", "no", "ja", "no", "0"],
            "plan": ["a", " a", "a", "a", None, "  "],
        }
    )
    found = kb.durations(
        kb.open_dataset({"customers": frame}, roles={"tenure": "months", "churned": "gone"}), by="plan"
    )
    assert found.groups == (("a",), (None,))
    assert found.n.tolist() == [3, 1, 2]
    assert found.duration.tolist() == [3.0, 3.0, 5.0]
    assert found.cause.tolist() == [1, 0, 0]


def test_groups_of_several_columns_and_types() -> None:
    table = pa.table(
        {
            "day": pa.array([date(2024, 1, 2), None, date(2024, 1, 1), date(2024, 1, 2)]),
            "size": pa.array([1.5, float("nan"), 1.5, 1.5]),
            "kind": pa.array(["b", "a", "a", "b"]).cast(pa.dictionary(pa.uint8(), pa.string())),
        }
    )
    groups, code = encode_groups(pa.concat_tables([table.slice(0, 3), table.slice(3)]), ["day", "size", "kind"])
    assert groups == ((date(2024, 1, 1), 1.5, "a"), (date(2024, 1, 2), 1.5, "b"), (None, None, "a"))
    assert code.tolist() == [1, 2, 0, 1]
    empty = encode_groups(table.slice(0, 0), ["day", "kind"])
    assert empty[0] == ()
    assert not len(empty[1])
