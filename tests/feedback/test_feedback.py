from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.feedback.answers import answers
from simulations.company import simulate_saas


def said(scores: list[Any], *, customers: Any = None, instrument: str = "nps", **columns: Any) -> kb.Dataset:
    """Answers on one day, each of a customer of its own unless told otherwise."""
    ids = np.arange(len(scores)) if customers is None else customers
    frame = pd.DataFrame({"customer_id": ids, "timestamp": "2024-03-05", "instrument": instrument, "score": scores})
    people = pd.DataFrame({"customer_id": sorted(set(ids))})
    return kb.open_dataset({"feedback": frame.assign(**columns), "customers": people}, as_of="2024-04-01")


@pytest.fixture
def toy() -> kb.Dataset:
    """Four customers; d never answers, and c is there from March on only.

    ======== ======== ========================= ================
    customer contract January                   February
    ======== ======== ========================= ================
    a        Jan-     10 (boss p), 9 (user q)   2 (boss p)
    b        Jan-     7 (boss r), none (user s)
    c        Mar-                               9 (a lead, no contract)
    d        Jan-Jan
    ======== ======== ========================= ================
    """
    rows = [
        ("a", "2024-01-10", 10, "p", "boss"),
        ("a", "2024-01-31 23:59", 9, "q", "user"),
        ("b", "2024-01-11", 7, "r", "boss"),
        ("b", "2024-01-12", None, "s", "user"),
        ("a", "2024-02-01", 2, "p", "boss"),
        ("c", "2024-02-02", 9, "t", None),
        ("a", "2024-03-02", 10, "p", "boss"),
    ]
    feedback = pd.DataFrame(rows, columns=["customer_id", "timestamp", "score", "respondent_id", "respondent_role"])
    contracts = pd.DataFrame(
        {
            "customer_id": list("abcd"),
            "start": ["2023-05-01", "2024-01-31", "2024-03-01", "2023-01-01"],
            "end": [None, None, None, "2024-02-01"],
        }
    )
    customers = pd.DataFrame({"customer_id": list("abcd"), "size": ["s", "s", "l", "l"]})
    tables = {"feedback": feedback.assign(instrument="nps"), "subscriptions": contracts, "customers": customers}
    return kb.open_dataset(tables, as_of="2024-03-15")


# -- by hand ---------------------------------------------------------------------------------------


def test_answers_by_month_by_hand(toy: kb.Dataset) -> None:
    found = answers(toy, "nps", period="month")
    assert found.periods == ("2024-01", "2024-02")  # March is not over
    np.testing.assert_array_equal(found.n, [[3, 2]])
    np.testing.assert_array_equal(found.missing, [[1, 0]])
    np.testing.assert_array_equal(found.customers, [[2, 2]])
    np.testing.assert_array_equal(found.respondents, [[3, 2]])
    np.testing.assert_array_equal(found.total, [[2, 0]])
    np.testing.assert_array_equal(found.squares, [[2, 2]])
    # a has 2 answers that sum to 2 in January, b has 1 that sums to 0
    np.testing.assert_array_equal(found.mm, [[5, 2]])
    np.testing.assert_array_equal(found.mt, [[4, 0]])
    np.testing.assert_array_equal(found.tt, [[4, 2]])
    # in January a, b and d are under contract; in February a and b, and c answers without one
    np.testing.assert_array_equal(found.there, [[3, 2]])
    np.testing.assert_array_equal(found.reached, [[2, 1]])


def test_answers_of_all_time_by_hand(toy: kb.Dataset) -> None:
    found = answers(toy, "nps")
    assert found.n.item() == 6  # the running month counts
    assert found.customers.item() == 3
    assert found.there.item() == 4
    assert found.reached.item() == 3
    assert list(found.to_frame().columns) == ["n", "n_missing", "customers"]


def test_answers_by_role_share_customers(toy: kb.Dataset) -> None:
    found = answers(toy, "nps", by="respondent_role", period="month")
    assert found.groups == (("boss",), ("user",), (None,))
    np.testing.assert_array_equal(found.n, [[2, 1], [1, 0], [0, 1]])
    np.testing.assert_array_equal(found.missing, [[0, 0], [1, 0], [0, 0]])
    np.testing.assert_array_equal(found.there, [[3, 2]] * 3)  # all customers there were
    pair = (found.pairs.group == 0) & (found.pairs.other == 1)
    # a: boss 1 answer of 1, user 1 answer of 1; b: boss 1 answer of 0, user none with a score
    assert (found.pairs.mm[pair].item(), found.pairs.mt[pair].item(), found.pairs.tt[pair].item()) == (1, 1, 1)


def test_answers_by_attribute_keep_silent_groups(toy: kb.Dataset) -> None:
    found = answers(toy, "nps", by="size", period="month")
    assert found.groups == (("l",), ("s",))
    np.testing.assert_array_equal(found.n, [[0, 1], [3, 1]])
    np.testing.assert_array_equal(found.there, [[1, 0], [2, 2]])
    both = answers(toy, "nps", by=["respondent_role", "size"], period="month")
    assert dict(zip(both.groups, both.there.tolist(), strict=True))["boss", "s"] == [2, 2]


def test_answers_without_contracts_count_the_active() -> None:
    feedback = pd.DataFrame({"customer_id": [1, 2], "timestamp": "2024-01-31", "instrument": "csat", "score": [5, 1]})
    events = pd.DataFrame({"customer_id": [1, 3, 3], "timestamp": ["2024-01-01", "2024-01-09", "2024-02-01"]})
    data = kb.open_dataset({"feedback": feedback, "events": events}, as_of="2024-03-01")
    found = answers(data, "csat", period="month")
    np.testing.assert_array_equal(found.there, [[2, 1]])
    np.testing.assert_array_equal(found.reached, [[1, 0]])
    assert answers(data, "csat").there.item() == 1  # only 3 has an event since the first answer


def test_answers_without_any_log_do_not_know_who_was_there() -> None:
    found = answers(said([10, 9]), "nps")
    assert np.isnan(found.there).all()
    assert np.isnan(found.reached).all()
    assert (found.respondents == -1).all()


def test_answers_in_the_calendar_of_the_zone() -> None:
    times = ["2024-01-31T23:30:00+00:00", "2024-01-31T22:30:00+00:00"]  # 00:30 on 1 February, 23:30 on 31 January
    feedback = pd.DataFrame({"customer_id": [1, 2], "timestamp": times, "instrument": "nps", "score": [10, 0]})
    contracts = pd.DataFrame({"customer_id": [1, 2], "start": ["2024-01-01"] * 2, "end": ["2024-02-01", None]})
    tables = {"feedback": feedback, "subscriptions": contracts}
    data = kb.open_dataset(tables, timezone="Europe/Berlin", as_of="2024-03-01")
    found = answers(data, "nps", period="month")
    np.testing.assert_array_equal(found.total, [[-1, 1]])
    np.testing.assert_array_equal(found.there, [[2, 1]])


# -- contacts of ours ------------------------------------------------------------------------------


def test_answers_by_contact_at_that_time() -> None:
    times = ["2024-01-09", "2024-01-10", "2024-02-01", "2024-02-02"]
    feedback = pd.DataFrame(
        {"customer_id": [1, 1, 1, 2], "timestamp": times, "instrument": "nps", "score": [10, 0, 9, 8]}
    )
    contacts = pd.DataFrame(
        [
            (1, "ann", "ours", "manager", None, "2024-01-10"),
            (1, "bob", "ours", "manager", "2024-01-10", None),
            (1, "cleo", "ours", "consultant", "2024-02-01", None),
            (1, "cleo", "ours", "manager", "2024-01-15", None),  # the same person in two roles
            (1, "zoe", "theirs", "user", None, None),
        ],
        columns=["customer_id", "contact_id", "side", "role", "start", "end"],
    )
    customers = pd.DataFrame({"customer_id": [1, 2]})
    tables = {"feedback": feedback, "contacts": contacts, "customers": customers}
    found = answers(kb.open_dataset(tables, as_of="2024-03-01"), "nps", by="contact")
    assert found.by_contact
    assert found.groups == (("ann",), ("bob",), ("cleo",), (None,))
    np.testing.assert_array_equal(found.n[:, 0], [1, 2, 1, 1])
    np.testing.assert_array_equal(found.total[:, 0], [1, 0, 1, 0])


# -- against counting one by one -------------------------------------------------------------------


@pytest.mark.parametrize("by", [None, "respondent_role", ["company_size", "project"]])
def test_answers_equal_counting_one_by_one(by: Any) -> None:
    data = simulate_saas(n_accounts=300, months=18)
    found = answers(data, "csat", by=by, period="quarter")
    names = [by] if isinstance(by, str) else by or []
    rows = data.table("feedback").query("instrument == 'csat'")
    rows = rows.merge(data.table("customers")[["customer_id", "company_size"]], on="customer_id")
    rows["value"] = (rows["score"] >= 4).astype(float)
    rows["quarter"] = rows["timestamp"].dt.year.astype(str) + "-Q" + rows["timestamp"].dt.quarter.astype(str)
    sums = rows.groupby(["customer_id", "quarter", *names], observed=True)["value"].agg(["count", "sum"]).reset_index()
    for g, group in enumerate(found.groups):
        for i, quarter in enumerate(found.periods):
            chosen = sums["quarter"] == quarter
            for name, value in zip(names, group, strict=True):
                chosen &= sums[name] == value
            m, t = sums.loc[chosen, "count"].to_numpy(), sums.loc[chosen, "sum"].to_numpy()
            expected = (m.sum(), t.sum(), (m * m).sum(), (m * t).sum(), (t * t).sum(), len(m))
            have = [getattr(found, name)[g, i] for name in ("n", "total", "mm", "mt", "tt", "customers")]
            assert have == list(expected)


def test_customers_there_equal_counting_one_by_one() -> None:
    data = simulate_saas(n_accounts=300, months=18)
    found = answers(data, "nps", period="month")
    active = kb.activity(data, period="month").to_frame().set_index("period")["active"]
    np.testing.assert_array_equal(found.there[0], active.loc[list(found.periods)].to_numpy())


# -- the scale -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "arguments", "message"),
    [
        ([11, 9, 11], {}, r"2 scores of instrument 'nps' do not fit .*: 11 \(2 rows\); allowed: .* from 0 to 10"),
        ([7.5, 9], {}, r"1 scores .* 7.5 \(1 rows\)"),
        ([-1, 9], {}, r"-1 \(1 rows\)"),
        ([4, 80, 90], {}, r"2 scores .* 80 \(1 rows\), 90 \(1 rows\)"),
        ([9, 10], {"scale": (1, 5)}, "NPS is defined on 0 to 10 only"),
        ([9, 10], {"scale": (5, 1)}, "scale=.* is no scale"),
        ([9, 10], {"scale": 5}, "scale=5 is no scale"),
        ([9, 10], {"measure": "npss"}, "did you mean 'nps'"),
    ],
)  # fmt: skip
def test_answers_impossible_scores(scores: list[float], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        answers(said(scores), "nps", **arguments)


def test_answers_unknown_instrument_or_scale() -> None:
    data = said([3, 4], instrument="effort item")
    with pytest.raises(
        kb.ArgumentError, match="instrument='efort item' is not in feedback; did you mean 'effort item'"
    ):
        answers(data, "efort item")
    with pytest.raises(kb.ArgumentError, match=r"scale of 'effort item' is not known; .* scale=\(1, 7\)"):
        answers(data, "effort item")
    assert answers(data, "effort item", scale=(1, 7)).instrument.measure == "mean"
    assert answers(data, "effort item", measure="csat").instrument.scale == (1, 5)


def test_answers_csat_on_another_scale() -> None:
    data = said([6, 7, 5, 1], instrument="csat")
    with pytest.raises(kb.ArgumentError, match=r"2 scores .* from 1 to 5, or say another scale="):
        answers(data, "csat")
    assert answers(data, "csat", scale=(1, 7)).total.item() == 2


@pytest.mark.parametrize(("top", "customers"), [(5, 10), (7, 30)])
def test_nps_on_a_shorter_scale_is_an_error(top: int, customers: int) -> None:
    scores = [1 + k % top for k in range(customers)]
    with pytest.raises(kb.ArgumentError, match=rf"{customers} customers lie within 1 to {top}.*scale=\(1, {top}\)"):
        answers(said(scores), "nps")
    assert answers(said(scores), "nps", scale=(0, 10)).n.item() == customers  # who knows the scale says so
    few = answers(said(scores[1:] if top > 5 else scores[:-1]), "nps")
    assert f"lie within 1 to {top}: make sure" in few.instrument.doubt


@pytest.mark.parametrize("other", [0, 8])
def test_nps_that_is_only_bad_is_no_error(other: int) -> None:
    found = answers(said([1, 2, 3, 4, 5] * 20 + [other]), "nps")
    assert found.instrument.doubt == ""


def test_nps_many_low_answers_of_few_customers_are_no_error() -> None:
    found = answers(said([1, 2, 3] * 20, customers=[1, 2, 3] * 20), "nps")
    assert found.n.item() == 60


def test_nps_on_1_to_5_rarely_raised_by_chance() -> None:
    """Of companies whose customers rightly say 1 to 5 in 40 % of the answers, hardly any raises an error."""
    rng = np.random.default_rng(0)
    shares = [0.02, 0.08, 0.08, 0.08, 0.08, 0.08, 0.1, 0.14, 0.14, 0.1, 0.1]
    rows = rng.choice(11, size=(20_000, 10), p=shares)
    assert ((rows >= 1) & (rows <= 5)).all(axis=1).mean() < 0.001


# -- arguments -------------------------------------------------------------------------------------


def test_answers_wrong_arguments(toy: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="is no data set"):
        answers(pd.DataFrame(), "nps")
    with pytest.raises(kb.NotEnoughData, match="this needs a table 'feedback'"):
        answers(kb.datasets.load_telco(), "nps")
    with pytest.raises(kb.ArgumentError, match="by='respondent_rol' is no column; did you mean 'respondent_role'"):
        answers(toy, "nps", by="respondent_rol")
    with pytest.raises(kb.NotEnoughData, match="this needs a table 'contacts'"):
        answers(toy, "nps", by="contact")
    with pytest.raises(kb.ArgumentError, match="period='months' is not known"):
        answers(toy, "nps", period="months")
    with pytest.raises(kb.NotEnoughData, match="no year since the first answer is over"):
        answers(toy, "nps", period="year")
