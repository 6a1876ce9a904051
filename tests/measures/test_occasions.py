"""Occasions to contact customers: each rule on data small enough to check by hand, and what no list may hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.measures.occasions import Occasions
from kbind.measures.rules import OCCASIONS
from simulations.company import simulate_saas

AT = "2024-07-01"


def company(**tables: pd.DataFrame) -> kb.Dataset:
    """Customers a to d under contract since 2022-01-10, and what is given."""
    contracts = pd.DataFrame({"customer_id": list("abcd"), "start": "2022-01-10", "end": None})
    return kb.open_dataset({"subscriptions": contracts, **tables}, as_of=AT)


def found(data: kb.Dataset, occasion: str, **arguments: Any) -> dict[str, str]:
    """Customer -> day since when the occasion holds."""
    frame = kb.occasions(data, effects=False, **arguments).to_frame()
    rows = frame[frame["occasion"] == occasion]
    return dict(zip(rows["customer_id"], rows["since"].dt.strftime("%Y-%m-%d"), strict=True))


def events(days: dict[str, list[str]], kind: str = "login") -> pd.DataFrame:
    rows = [(customer, day, kind) for customer, some in days.items() for day in some]
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "kind"])


def every(start: str, step: int, times: int) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in pd.date_range(start, periods=times, freq=f"{step}D")]


def test_term_ends_within_ninety_days_of_long_terms_only() -> None:
    contracts = pd.DataFrame(
        {
            "customer_id": list("abcde"),
            "start": ["2023-09-01", "2023-09-01", "2024-06-01", "2023-07-15", "2023-09-01"],
            "end": [None, None, None, None, "2024-09-01"],
            "term_end": ["2024-09-01", "2025-09-01", "2024-08-01", "2024-07-15", "2024-09-01"],
            "notice_at": [None, None, None, None, "2024-06-01"],
        }
    )
    data = kb.open_dataset({"subscriptions": contracts}, as_of=AT)
    # b is bound for longer, c for two months only, e has given notice
    assert found(data, "term_ends") == {"a": "2024-06-03", "d": "2024-04-16"}


def test_term_that_renewed_itself_ends_again() -> None:
    contracts = pd.DataFrame(
        {"customer_id": ["a"], "start": "2022-08-20", "end": None, "term_end": "2023-08-20", "term": 12}
    )
    data = kb.open_dataset({"subscriptions": contracts}, as_of=AT)
    assert found(data, "term_ends") == {"a": "2024-05-22"}


def test_contact_person_left_in_the_last_quarter() -> None:
    people = pd.DataFrame(
        {
            "customer_id": list("abc"),
            "contact_id": [1, 2, 3],
            "side": "ours",
            "end": ["2024-06-10", "2024-01-10", None],
        }
    )
    assert found(company(contacts=people), "contact_left") == {"a": "2024-06-10"}


def test_ticket_went_badly_when_it_took_longer_than_nine_in_ten() -> None:
    quick = pd.DataFrame({"customer_id": "d", "opened": every("2023-01-01", 7, 30), "goodwill": 0.0})
    quick["closed"] = [f"{day} 12:00" for day in quick["opened"]]
    slow = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "opened": ["2024-06-01", "2024-06-01", "2024-06-28"],
            "closed": ["2024-06-20", "2024-06-20", None],
            "goodwill": [0.0, 50.0, 0.0],
        }
    )
    # two days at least; b was made up for, c has waited for three days
    data = company(tickets=pd.concat([quick, slow]))
    assert found(data, "ticket_bad") == {"a": "2024-06-03", "c": "2024-06-30"}


def test_satisfaction_falls_below_the_own_level() -> None:
    scores = {"a": [9, 9, 2], "b": [9, 9, 8], "c": [2, 2, 2], "d": [9, 2]}
    rows = [
        (customer, f"2024-0{4 + k}-15", "nps", score)
        for customer, given_ in scores.items()
        for k, score in enumerate(given_)
    ]
    feedback = pd.DataFrame(rows, columns=["customer_id", "timestamp", "instrument", "score"])
    # c was never content, and of d one answer says no level
    assert found(company(feedback=feedback), "satisfaction_falls") == {"a": "2024-06-15"}


def test_rhythm_is_broken_beyond_the_own_pauses() -> None:
    log = events({"a": every("2024-01-01", 7, 20), "b": every("2024-01-01", 9, 20), "c": every("2023-02-01", 60, 9)})
    # last use of a on 2024-05-13; 28 days later it was beyond the floor and its own pauses
    assert found(company(events=log), "rhythm_broken", proven=["rhythm_broken"]) == {"a": "2024-06-10"}


def test_profile_drifted_when_one_kind_of_use_stopped() -> None:
    going_on = events({name: every("2023-10-01", 7, 39) for name in "ab"})
    gone = events({"a": every("2023-10-01", 14, 13)}, "report")
    data = company(events=pd.concat([going_on, gone]))
    assert found(data, "profile_drifted", proven=["profile_drifted"]) == {"a": "2024-06-15"}  # 90 days after 2024-03-17


def test_anniversary_is_near_from_two_weeks_before() -> None:
    people = pd.DataFrame({"customer_id": list("abcd"), "acquired_at": "2022-01-10"})
    people.loc[[0, 1], "acquired_at"] = ["2022-07-10", "2023-06-20"]
    assert found(company(customers=people), "anniversary") == {"a": "2024-06-26", "b": "2024-06-06"}


def test_milestone_is_a_round_number_of_days_of_use() -> None:
    log = events({"a": every("2024-06-01", 1, 25), "b": every("2024-06-01", 1, 24)})
    assert found(company(events=log), "milestone", proven=["milestone"]) == {"a": "2024-06-25"}


def test_nothing_is_known_before_it_happened() -> None:
    data = kb.datasets.load_saas()
    early = kb.occasions(data, at="2023-07-01", effects=False).to_frame()
    tables = {name: data.table(name) for name in ("customers", "subscriptions", "contacts", "tickets", "feedback")}
    tables["contacts"].loc[tables["contacts"]["end"] >= "2023-07-01", "end"] = pd.NaT
    tables["tickets"] = tables["tickets"][tables["tickets"]["opened"] < "2023-07-01"]
    tables["tickets"].loc[tables["tickets"]["closed"] >= "2023-07-01", "closed"] = pd.NaT
    tables["feedback"] = tables["feedback"][tables["feedback"]["timestamp"] < "2023-07-01"]
    for name in ("events", "cancellations"):
        log = data.table(name)
        tables[name] = log[log["timestamp"] < "2023-07-01"]
    contracts = tables["subscriptions"][tables["subscriptions"]["start"] < "2023-07-01"]
    contracts.loc[contracts["end"] > "2023-07-01", "end"] = pd.NaT
    contracts.loc[contracts["notice_at"] >= "2023-07-01", "notice_at"] = pd.NaT
    tables["subscriptions"] = contracts.drop(columns="auto_renew")
    known = kb.open_dataset(tables, as_of="2023-07-01", timezone="Europe/Berlin")
    late = kb.occasions(known, effects=False).to_frame()
    columns = ["customer_id", "occasion", "since"]
    pd.testing.assert_frame_equal(early[columns], late[columns], check_dtype=False)


def test_nobody_is_contacted_again_before_the_time_is_over() -> None:
    people = pd.DataFrame(
        {"customer_id": list("abc"), "contact_id": [1, 2, 3], "side": "ours", "end": ["2024-06-10"] * 3}
    )
    campaigns = pd.DataFrame(
        {
            "customer_id": list("abc"),
            "campaign": "letter",
            "assigned_at": ["2024-06-20", "2024-06-25", "2024-01-01"],
            "arm": ["treatment", "control", "treatment"],
        }
    )
    frame = kb.occasions(company(contacts=people, campaigns=campaigns), effects=False).to_frame()
    held = frame.set_index("customer_id")["not_before"].dt.strftime("%Y-%m-%d")
    assert held.to_dict() == {"a": "2024-07-20", "b": AT, "c": AT}  # those held back were not contacted


def test_who_pays_without_using_is_left_alone_unless_the_occasion_is_proven() -> None:
    ids = [f"c{k:02}" for k in range(20)]
    contracts = pd.DataFrame({"customer_id": ids, "start": "2022-01-10", "end": None})
    log = events({name: every("2024-05-01", 1, 1 + 3 * k) for k, name in enumerate(ids)})
    people = pd.DataFrame({"customer_id": ids, "contact_id": range(20), "side": "ours", "end": "2024-06-10"})
    data = kb.open_dataset({"subscriptions": contracts, "events": log, "contacts": people}, as_of=AT)
    assert set(found(data, "contact_left")) == set(ids[5:])
    assert set(found(data, "contact_left", proven=["contact_left"])) == set(ids)
    assert kb.occasions(data, effects=False).n_sleeping == 5


@settings(max_examples=6, deadline=None)
@given(st.lists(st.sampled_from([True, False, None]), min_size=4, max_size=4))
def test_no_list_holds_a_customer_without_consent(consent: list[bool | None]) -> None:
    people = pd.DataFrame({"customer_id": list("abcd"), "consent": pd.array(consent, dtype="boolean")})
    gone = pd.DataFrame({"customer_id": list("abcd"), "contact_id": range(4), "side": "ours", "end": "2024-06-10"})
    listed = found(company(customers=people, contacts=gone), "contact_left", proven=["contact_left"])
    # a column without a value says nothing of consent, and nobody is contacted
    assert set(listed) == {name for name, yes in zip("abcd", consent, strict=True) if yes is True}


@pytest.fixture(scope="module")
def planted() -> Occasions:
    return kb.occasions(kb.datasets.load_saas())


def test_planted_company_lists_nobody_without_consent_and_few_sleeping_dogs(planted: Occasions) -> None:
    data = kb.datasets.load_saas()
    plain = planted.to_frame()["customer_id"].unique()
    agreed = data.table("customers").set_index("customer_id")["consent"]
    assert agreed.loc[plain].all()
    accounts = data.truth.accounts.set_index("customer_id")["bond_lethargic"] > 1  # type: ignore[union-attr]
    here = data.table("subscriptions").query("end.isna()")["customer_id"].unique()
    random = accounts.loc[here].mean()
    error = np.sqrt(random * (1 - random) / len(plain))
    assert accounts.loc[plain].mean() < random - 1.96 * error


def test_lists_of_several_companies_hold_fewer_sleeping_dogs_than_random_ones() -> None:
    shares = []
    for seed in range(3):
        data = simulate_saas(800, 24, rng=seed)
        assert data.truth is not None
        lethargic = data.truth.accounts.set_index("customer_id")["bond_lethargic"] > 1
        here = data.table("subscriptions").query("end.isna()")["customer_id"].unique()
        listed = kb.occasions(data, effects=False).frame["customer_id"].unique()
        shares.append((lethargic[listed].mean(), lethargic[here].mean()))
    assert all(mine < random for mine, random in shares), shares


def test_planted_effects_are_measured_here(planted: Occasions) -> None:
    for key in ("term_ends", "contact_left", "ticket_bad"):
        assert planted.effects[key].ci_lower > 1
    frame = planted.to_frame()
    assert (frame.loc[frame["occasion"] == "contact_left", "grade"] == "measured here").all()
    assumed = frame[frame["grade"] == "assumed"]
    assert assumed["effect"].isna().all()
    assert set(assumed["occasion"]) >= {"anniversary"}


def test_most_urgent_is_one_a_customer(planted: Occasions) -> None:
    urgent = planted.most_urgent()
    assert urgent["customer_id"].is_unique
    order = [one.key for one in OCCASIONS]
    ranks = planted.frame["occasion"].map(order.index)
    assert ranks.is_monotonic_increasing


def test_what_the_data_lacks_is_told() -> None:
    found = kb.occasions(company(), effects=False)
    assert found.missing["contact_left"] == "contacts.end"
    assert found.missing["profile_drifted"] == "events.kind|events.category"
    assert found.frame.empty


def test_data_without_times_has_no_occasions() -> None:
    people = pd.DataFrame({"customer_id": [1, 2], "gone": ["yes", "no"]})
    data = kb.open_dataset({"customers": people}, roles={"churned": "gone"})
    with pytest.raises(kb.NotEnoughData, match="this needs a table 'subscriptions' or 'events'"):
        kb.occasions(data)


def test_where_all_use_alike_nobody_is_idle_and_an_old_notice_is_over() -> None:
    ids = [f"c{k:02}" for k in range(20)]
    old = pd.DataFrame({"customer_id": ids, "start": "2020-01-10", "end": "2021-01-10", "notice_at": "2020-11-01"})
    now = pd.DataFrame({"customer_id": ids, "start": "2022-01-10", "end": None, "notice_at": None})
    log = events({name: every("2024-05-01", 1, 20) for name in ids})
    people = pd.DataFrame({"customer_id": ids, "contact_id": range(20), "side": "ours", "end": "2024-06-10"})
    contracts = pd.concat([old, now], ignore_index=True)
    data = kb.open_dataset({"subscriptions": contracts, "events": log, "contacts": people}, as_of=AT)
    result = kb.occasions(data, effects=False)
    assert (result.n_customers, result.n_sleeping) == (20, 0)
    assert set(found(data, "contact_left")) == set(ids)
