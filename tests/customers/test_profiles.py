from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.customers.levels import Attribute, cut_points
from kbind.customers.profiles import profiles
from kbind.customers.roster import roster
from kbind.customers.structure import find_structure


def test_profiles_counts_what_pandas_counts(telco: kb.Dataset) -> None:
    found = profiles(telco, attributes=["contract", "partner"], adjust="internet_service")
    table = telco.table("customers")
    assert (found.n.sum(), found.left.sum()) == (len(table), (table["churn"] == "Yes").sum())
    for attribute in (*found.attributes, *found.levels.values()):
        counts = np.bincount(attribute.codes, found.n)
        expected = table[attribute.name].astype(str).value_counts()
        assert dict(zip(attribute.levels, counts.astype(int), strict=True)) == expected.to_dict()


def test_profiles_of_contracts_are_those_who_had_one() -> None:
    """Customer 3 has no contract, and 4 begins after the end."""
    contracts = pd.DataFrame(
        [(1, "2023-01-01", "2023-07-01"), (2, "2023-01-01", None), (4, "2024-05-01", None)],
        columns=["customer_id", "start", "end"],
    )
    people = pd.DataFrame({"customer_id": [1, 2, 3, 4], "size": ["s", "l", "s", "l"]})
    data = kb.open_dataset({"customers": people, "subscriptions": contracts}, as_of="2024-01-01")
    found = profiles(data, exposure=True)
    assert (found.n.sum(), found.left.sum()) == (2, 1)
    assert found.time is not None
    assert found.time.sum() == pytest.approx(6 + 12)


def test_outcome_may_be_any_column_of_yes_and_no() -> None:
    people = {"customer_id": range(6), "size": list("sslsll"), "moved": ["ja", "nein", "ja", "no", "yes", "no"]}
    data = kb.open_dataset({"customers": pd.DataFrame(people)})
    found = profiles(data, "moved")
    assert (found.n.sum(), found.left.sum()) == (6, 3)
    assert [a.name for a in found.attributes] == ["size"]


def test_names_and_values_of_any_kind_are_only_text() -> None:
    hostile = 'x"; DROP TABLE customers; --'
    rng = np.random.default_rng(0)
    columns = {
        hostile: rng.choice(["_c0", "' OR 1=1", "  "], 60),
        "entry": rng.choice(["a", "b"], 60),
        "n": rng.choice([True, False], 60),
    }
    people = pd.DataFrame({"customer_id": range(60), **columns, "churned": rng.random(60) < 0.5})
    data = kb.open_dataset({"customers": people}, roles={"churned": "churned"})
    found = profiles(data)
    assert [a.name for a in found.attributes] == [hostile, "entry", "n"]
    assert set(found.attributes[0].levels) == {"_c0", "' OR 1=1"}
    assert (found.attributes[0].codes == -1).any()
    assert found.attributes[2].levels == ("no", "yes")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80), st.integers(0, 99))
def test_cut_points_leave_no_range_empty(numbers: list[float], seed: int) -> None:
    values = np.array(numbers)
    n = np.random.default_rng(seed).integers(1, 5, len(values))
    cuts = cut_points(values, n)
    assert list(cuts) == sorted(set(cuts))
    counts = np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(cuts) + 1)
    assert (counts > 0).all()
    assert all(cut == float(f"{cut:.2g}") for cut in cuts)


def attribute(name: str, values: list[str | None]) -> Attribute:
    levels = tuple(sorted({value for value in values if value is not None}))
    return Attribute(name, levels, np.array([-1 if v is None else levels.index(v) for v in values]))


def test_structure_follows_the_wording_where_rows_are_alike() -> None:
    net = attribute("net", ["fast"] * 10 + ["slow"] * 10 + ["none"] * 10)
    extra = attribute("extra", ["yes", "no"] * 10 + ["no net"] * 10)
    more = attribute("more", ["yes"] * 5 + ["no"] * 15 + ["no net"] * 10)
    one = np.ones(30, dtype=np.int64)
    for order in ((net, extra, more), (more, extra, net), (extra, net, more)):
        found, same = find_structure(order, one)
        assert {(s.attribute, s.level, s.parent, s.parent_level, s.n) for s in found} == {
            ("extra", "no net", "net", "none", 10),
            ("more", "no net", "net", "none", 10),
        }
        assert not same


def test_structure_takes_the_column_with_nothing_else_to_say_for_the_parent() -> None:
    lines = attribute("lines", ["one", "two"] * 10 + ["phone not rented"] * 10)
    rented = attribute("rented", ["1"] * 20 + ["0"] * 10)
    (found,), _ = find_structure((lines, rented), np.ones(30, dtype=np.int64))
    assert (found.attribute, found.parent, found.parent_level) == ("lines", "rented", "0")


def test_columns_missing_together_explain_nothing() -> None:
    a = attribute("a", ["x", "y"] * 10 + [None] * 10)
    b = attribute("b", ["u"] * 7 + ["v"] * 13 + [None] * 10)
    assert find_structure((a, b), np.ones(30, dtype=np.int64)) == ((), {})


def test_columns_that_say_the_same_both_depend_on_the_parent() -> None:
    net = attribute("net", ["fast", "slow", "slow", "fast"] * 5 + ["none"] * 10)
    extra = attribute("extra", ["yes", "no"] * 10 + ["no net"] * 10)
    copy = attribute("copy", ["1", "0"] * 10 + ["no net"] * 10)
    found, same = find_structure((net, extra, copy), np.ones(30, dtype=np.int64))
    assert {s.attribute for s in found} == {"extra", "copy"}
    assert same == {"copy": "extra"}


#: Columns that grow together with `minutes`, in ranges and as they stand.
TOGETHER = {
    "proportional": lambda minutes: (minutes, np.round(minutes * 0.17, 2)),
    "with a gap": lambda minutes: (minutes, np.where(minutes < np.quantile(minutes, 0.25), 0.0, 5 + 0.1 * minutes)),
    "backwards": lambda minutes: (minutes, 900 - 2 * minutes),
    "few values": lambda minutes: (np.floor(minutes / 80), np.minimum(np.floor(minutes / 80), 2)),
    "a category beside it": lambda minutes: (minutes, np.array(["low", "mid", "high"])[
        np.searchsorted(cut_points(minutes, np.ones(len(minutes), dtype=int))[::2], minutes, side="right")]),
}  # fmt: skip


@pytest.mark.parametrize("kind", TOGETHER)
def test_numbers_that_grow_together_do_apply(kind: str) -> None:
    rng = np.random.default_rng(5)
    first, second = TOGETHER[kind](rng.gamma(9, 20, 400).round(1))
    people = pd.DataFrame({"customer_id": range(400), "minutes": first, "charge": second,
                           "churned": rng.random(400) < 0.4})  # fmt: skip
    data = kb.open_dataset({"customers": people}, roles={"churned": "churned"})
    assert profiles(data).structural == ()
    compared = kb.contrast(data, adjust=()).to_frame()
    assert compared.groupby("attribute")["n"].sum().eq(400).all()


def test_a_missing_number_and_a_zero_or_one_can_say_that_nothing_applies() -> None:
    """Who has no line has no minutes and no plan for it; `line` holds 0 and 1."""
    rng = np.random.default_rng(6)
    line = (np.arange(300) % 3 > 0).astype(int)
    minutes = np.where(line == 1, rng.gamma(9, 20, 300), np.nan)
    plan = np.where(line == 1, rng.choice(["s", "l"], 300), "none")
    people = pd.DataFrame({"customer_id": range(300), "minutes": minutes, "plan": plan, "line": line,
                           "churned": rng.random(300) < 0.4})  # fmt: skip
    found = profiles(kb.open_dataset({"customers": people}, roles={"churned": "churned"})).structural
    assert {(s.attribute, s.level, s.parent, s.parent_level) for s in found} == {
        ("minutes", "(missing)", "line", "0"),
        ("plan", "none", "line", "0"),
    }


def ranged(values: list[float]) -> Attribute:
    people = pd.DataFrame({"customer_id": range(len(values)), "x": values, "churned": np.arange(len(values)) % 2 == 0})
    (found,) = profiles(kb.open_dataset({"customers": people}, roles={"churned": "churned"})).attributes
    return found


def test_six_numbers_are_levels_and_seven_are_ranges() -> None:
    assert ranged([1.0, 2.0, 3.0, 4.0, 5.0, 6.0] * 4).levels == ("1", "2", "3", "4", "5", "6")
    assert ranged([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0] * 4).cuts


def test_a_range_begins_with_its_cut() -> None:
    values = [float(k) for k in range(1, 41)]
    people = pd.DataFrame({"customer_id": range(40), "x": values, "churned": np.arange(40) % 2 == 0})
    found = profiles(kb.open_dataset({"customers": people}, roles={"churned": "churned"}))
    (x,) = found.attributes
    assert x.levels == ("< 10", "10 to < 20", "20 to < 30", ">= 30")
    assert np.bincount(x.codes, found.n).tolist() == [9, 10, 10, 11]


def test_thirty_levels_are_not_too_many() -> None:
    people = pd.DataFrame({"customer_id": range(90), "x": [f"l{k % 30:02d}" for k in range(90)],
                           "churned": np.arange(90) < 40})  # fmt: skip
    found = profiles(kb.open_dataset({"customers": people}, roles={"churned": "churned"}))
    assert len(found.attributes[0].levels) == 30
    assert found.notes == ()


def test_time_at_risk_below_zero_is_an_error() -> None:
    people = pd.DataFrame({"customer_id": range(4), "x": list("abab"), "months": [3, -1, 2, 5],
                           "churned": [True, False, True, False]})  # fmt: skip
    data = kb.open_dataset({"customers": people}, roles={"churned": "churned"})
    with pytest.raises(kb.ArgumentError, match="exposure='months' is missing or negative"):
        profiles(data, attributes="x", exposure="months")


def with_places(place: np.ndarray, seed: int = 0, **more: object) -> kb.Dataset:
    """Customers in places; those of the first place leave three times as often."""
    rng = np.random.default_rng(seed)
    left = rng.random(len(place)) < np.where(place == place[0], 0.6, 0.2)
    people = pd.DataFrame({"customer_id": range(len(place)), "place": place, "kind": rng.choice(["a", "b"], len(place)),
                           "churned": left, **more})  # fmt: skip
    return kb.open_dataset({"customers": people}, roles={"churned": "churned"})


#: Columns that describe customers, and how many levels stand on their own.
DESCRIBING = {
    "states": ([f"state {k:02d}" for k in range(50)] * 40, 50),
    "two hundred cities": ([f"city {k:03d}" for k in range(200)] * 30, 200),
    "plans, and a long tail": ([f"plan {k}" for k in range(40)] * 35 + [f"once {k}" for k in range(600)], 40),
    "more cities than fit": ([f"city {k:03d}" for k in range(220)] * 30 + ["city 000"] * 10, 200),
}


@pytest.mark.parametrize("kind", DESCRIBING)
def test_levels_that_many_customers_share_describe_them(kind: str) -> None:
    values, levels = DESCRIBING[kind]
    data = with_places(np.array(values))
    found = profiles(data)
    place = next(a for a in found.attributes if a.name == "place")
    assert len([level for level in place.levels if level != "(other)"]) == levels
    assert ("(other)" in place.levels) == (len(set(values)) > levels)
    assert (np.bincount(place.codes, found.n) >= 30).all()
    findings = kb.contrast(data, adjust=()).findings()
    assert findings.iloc[0][["attribute", "level"]].tolist() == ["place", values[0]]
    assert "place" in roster(data).columns
    seen = kb.snapshots(data)
    assert any(str(name).endswith("place") for name in seen.features)


@pytest.mark.parametrize(
    "values",
    [
        [f"name {k}" for k in range(2000)],
        [f"household {k // 3}" for k in range(1800)],
        ["nothing to add"] * 1200 + [f"comment {k}" for k in range(600)],
        [f"street {k // 29}" for k in range(2900)],
    ],
)
def test_levels_that_few_customers_share_name_them(values: list[str]) -> None:
    data = with_places(np.array(values))
    found = profiles(data)
    assert [a.name for a in found.attributes] == ["kind"]
    assert any("too few of 30 customers" in note and "place" in note for note in found.notes)
    seen = kb.snapshots(data)
    assert not any(str(name).endswith("place") for name in seen.features)
    assert any("place" in note and "name customers" in note for note in seen.notes)


def test_a_thin_level_is_told_and_compared_with_the_others() -> None:
    values = [f"plan {k}" for k in range(40)] * 35 + [f"once {k}" for k in range(100)]
    found = profiles(with_places(np.array(values)))
    assert "Levels of fewer than 30 customers, taken together as (other): 100 of place." in found.notes
    place = next(a for a in found.attributes if a.name == "place")
    assert np.bincount(place.codes, found.n)[place.levels.index("(other)")] == 100
