from __future__ import annotations

import sys
from math import isnan
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.plot.base import alt_text
from kbind.practices.clustered import adjusted_difference, share_of, slope_of
from kbind.practices.consistency import consistency_of
from kbind.practices.incidents import outstanding
from kbind.practices.practices import NEEDS, PRACTICE, Practices

sys.path.append(str(Path(__file__).parents[2] / "simulations"))
import indicator_panels as panels
import indicators as claims


def company(as_of: str = "2024-01-01", **tables: dict[str, Any]) -> kb.Dataset:
    frames = {name: pd.DataFrame(columns) for name, columns in tables.items()}
    return kb.open_dataset(frames, as_of=as_of)


# -- parts -----------------------------------------------------------------------------------------


def test_adjusted_difference_weighs_strata_as_mantel_and_haenszel_do() -> None:
    stratum = np.repeat([0, 1, 2], [6, 4, 3])
    exposed = np.array([1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1], dtype=bool)
    happened = np.array([1, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1], dtype=bool)
    found = adjusted_difference(np.arange(13), stratum, exposed, happened, 0.95)
    # the third stratum has nobody to compare with; weights 2 * 4 / 6 and 3 * 1 / 4
    assert found.difference.value == pytest.approx((8 / 6 * (1 / 2 - 1 / 4) + 3 / 4 * (2 / 3 - 0)) / (8 / 6 + 3 / 4))
    assert (found.n_exposed, found.n_others) == (5, 5)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=4, max_size=40))
@settings(max_examples=60, deadline=None)
def test_adjusted_difference_turns_with_the_sides(rows: list[tuple[int, bool, bool]]) -> None:
    stratum, exposed, happened = (np.array(column) for column in zip(*rows, strict=True))
    who = np.arange(len(rows))
    one = adjusted_difference(who, stratum, exposed, happened, 0.95).difference
    other = adjusted_difference(who, stratum, ~exposed, happened, 0.95).difference
    assert one.value == pytest.approx(-other.value, nan_ok=True, abs=1e-12)
    assert isnan(one.value) or abs(one.value) <= 1 + 1e-9


def test_shares_and_slopes_of_customers_with_one_row_are_the_plain_ones() -> None:
    y, t = np.array([0.0, 1, 1, 0, 1, 1]), np.arange(6.0)
    assert share_of(np.ones(6), y, 0.95).value == pytest.approx(4 / 6)
    sums = {"m": np.ones(6), "t": t, "tt": t * t, "y": y, "ty": t * y}
    assert slope_of(sums, 0.95).value == pytest.approx(np.polyfit(t, y, 1)[0])


def test_a_day_full_of_faults_stands_out_and_no_other() -> None:
    days = [pd.Timestamp("2023-01-01").date() + pd.Timedelta(days=k) for k in range(60)]
    n = np.tile([3.0, 5.0, 4.0], 20)
    n[30] = 40
    assert np.flatnonzero(outstanding(days, n)).tolist() == [30]


# -- repeat contacts -------------------------------------------------------------------------------

TICKETS = {
    # the last ticket cannot be judged, the first is only there so that records begin
    "customer_id": [9, 1, 1, 1, 2, 2, 3, 3, 4],
    "kind": ["x", "a", "a", "a", "a", "b", "a", "a", "a"],
    "opened": ["2023-01-01", "2023-03-01", "2023-03-20", "2023-04-10", "2023-03-01", "2023-03-05", "2023-03-01",
               "2023-05-01", "2023-12-20"],
    "closed": ["2023-01-01", "2023-03-02", "2023-03-21", "2023-04-11", "2023-03-02", "2023-03-06", "2023-03-02",
               "2023-05-02", "2023-12-21"],
    "channel": ["mail", "mail", "phone", "mail", "mail", "mail", "mail", "mail", "mail"],
}  # fmt: skip
PEOPLE = {"customer_id": [1, 2, 3, 4, 9], "size": ["s", "s", "l", "l", "l"]}


def test_repeat_contacts_by_hand() -> None:
    found = kb.repeat_contacts(company(tickets=TICKETS, customers=PEOPLE), by="size")
    # first contacts: 1 a (came again, on the phone), 2 a, 2 b, 3 a in March and 3 a in May
    assert (found.share.count, found.share.n) == (1, 5)
    assert (found.other_channel.count, found.other_channel.n) == (1, 1)
    # of the others that were seen for 60 days, one was followed 30 to 60 days after: 3 in May
    assert (found.by_chance.count, found.by_chance.n) == (1, 4)
    assert found.to_frame()[["size", "n", "repeats"]].values.tolist() == [["l", 2, 0], ["s", 3, 1]]
    assert found.periods[["period", "n", "repeats"]].values.tolist() == [["2023-Q1", 4, 1], ["2023-Q2", 1, 0]]
    assert found.customers == 1
    assert found.needs == ()


def test_repeat_contacts_of_before_an_earlier_end() -> None:
    data = company(tickets=TICKETS, customers=PEOPLE)
    found = kb.repeat_contacts(data.assuming(as_of="2023-04-02"))
    # the ticket of the 20th March is known, that of April is not
    assert (found.share.count, found.share.n) == (1, 3)


def test_repeat_contacts_name_what_is_missing() -> None:
    without = {name: column for name, column in TICKETS.items() if name != "channel"}
    found = kb.repeat_contacts(company(tickets=without, customers=PEOPLE))
    assert isnan(found.other_channel.value)
    assert found.needs == ("tickets.channel",)
    with pytest.raises(kb.NotEnoughData, match="has no column kind"):
        kb.repeat_contacts(company(tickets={"customer_id": [1], "opened": ["2023-01-01"], "closed": ["2023-01-02"]},
                                   customers=PEOPLE))  # fmt: skip


# -- feedback --------------------------------------------------------------------------------------

CONTRACTS = {"customer_id": [1, 2, 3, 4], "start": "2023-01-01", "end": [None, "2023-07-01", None, None]}
FEEDBACK = {
    "customer_id": [1, 2, 3, 4, 1, 2, 3],
    "timestamp": ["2023-01-10", "2023-01-10", "2023-01-10", "2023-01-10", "2023-06-10", "2023-06-10", "2023-06-10"],
    "instrument": "nps",
    "score": [9, 8, 10, None, 10, 3, 5],
}


def test_feedback_moments_by_hand() -> None:
    tickets = {"customer_id": [2, 3, 3, 4], "opened": ["2023-06-01", "2023-06-01", "2023-05-01", "2023-05-01"],
               "closed": ["2023-06-09", "2023-06-02", "2023-05-02", "2023-05-02"]}  # fmt: skip
    found = kb.feedback_moments(company(subscriptions=CONTRACTS, feedback=FEEDBACK, tickets=tickets))
    frame = found.to_frame().set_index(["family", "moment"])
    early, later = frame.loc[("tenure", "days 0-30")], frame.loc[("tenure", "days 91-365")]
    assert (early["asked"], early["n"], early["response_rate"]) == (4, 3, 0.75)
    assert early["score"] == pytest.approx(2 / 3)
    assert later["score"] == pytest.approx(-1 / 3)
    assert later["difference"] == pytest.approx(-1)
    assert frame.loc["ticket", "n"].to_dict() == {"no ticket": 4, "after a quick ticket": 1, "after a slow ticket": 1}
    assert found.response.value == pytest.approx(6 / 7)
    assert found.needs == {"purchase": ("events.amount",)}


def test_nobody_knows_the_response_where_nobody_says_who_was_asked() -> None:
    said = {name: column[:3] if isinstance(column, list) else column for name, column in FEEDBACK.items()}
    found = kb.feedback_moments(company(subscriptions=CONTRACTS, feedback=said))
    assert isnan(found.response.value)
    assert "does not say who was asked" in found.why
    assert found.to_frame()["response_rate"].isna().all()


def test_early_warning_by_hand() -> None:
    found = kb.early_warning(company(subscriptions=CONTRACTS, feedback=FEEDBACK), threshold=6)
    # judged: three answers in January and three in June; 2 leaves within 90 days of the latter
    assert (found.hit_rate.count, found.hit_rate.n) == (1, 1)
    assert (found.false_positive_rate.count, found.false_positive_rate.n) == (1, 5)
    assert (found.precision.count, found.precision.n) == (1, 2)
    assert found.false_alarm_rate.value == pytest.approx(1 / 2)
    assert (found.flagged.count, found.flagged.n) == (1, 1)
    fall = kb.early_warning(company(subscriptions=CONTRACTS, feedback=FEEDBACK), sign="drop", threshold=5)
    # 2 fell by 5 and left, 3 fell by 5 and stayed, 1 rose
    assert (fall.hit_rate.count, fall.false_positive_rate.count, fall.false_positive_rate.n) == (1, 1, 2)


def test_an_answer_after_notice_warns_of_nothing() -> None:
    contracts = {**CONTRACTS, "notice_at": [None, "2023-06-01", None, None]}
    with pytest.raises(kb.NotEnoughData, match="nobody who answered decided to leave"):
        kb.early_warning(company(subscriptions=contracts, feedback=FEEDBACK), threshold=6)


# -- onboarding, consistency, milestones -----------------------------------------------------------


def test_onboarding_counts_who_left_without_use_as_not_having_used() -> None:
    contracts = {"customer_id": [1, 2, 3, 4, 5], "start": "2023-02-01", "end": [None, None, "2023-02-10", None, None]}
    events = {"customer_id": [0, 1, 1, 2, 4], "kind": ["a", "a", "b", "a", "a"],
              "timestamp": ["2023-01-01", "2023-02-01", "2023-02-03", "2023-02-11", "2023-05-01"]}  # fmt: skip
    found = kb.onboarding(company(subscriptions=contracts, events=events))
    assert found.within_14.value == pytest.approx(2 / 5)
    assert found.within_30.value == pytest.approx(2 / 5)
    assert found.median.value == 89
    assert found.kinds.value == pytest.approx(3 / 5)
    assert found.steps[["kind", "used"]].values.tolist() == [["a", 2], ["b", 1]]


def test_consistency_is_the_analysis_of_variance() -> None:
    values = [[1.0, 2.0, 3.0], [2.0, 4.0], [5.0, 6.0, 7.0, 9.0]]
    n, s, q = (np.array([f(np.array(x)) for x in values], dtype=float) for f in (len, np.sum, lambda x: (x * x).sum()))
    share, factor = consistency_of(n, s, q, 0.95)
    mean = np.concatenate(values).mean()
    within = sum(((np.array(x) - np.mean(x)) ** 2).sum() for x in values) / (9 - 3)
    between = sum(len(x) * (np.mean(x) - mean) ** 2 for x in values) / 2
    size = (9 - (9 + 4 + 16) / 9) / 2
    assert share.value == pytest.approx(within / (within + (between - within) / size))
    assert factor.value == pytest.approx(np.exp(np.sqrt(within)))


def test_milestones_by_hand() -> None:
    contracts = {"customer_id": [1, 2, 3, 4], "start": ["2022-01-01", "2022-01-01", "2022-06-01", "2023-06-01"],
                 "end": [None, "2022-08-01", "2023-01-01", None],
                 "term_end": ["2022-07-01", "2022-07-01", "2023-01-01", "2024-06-01"]}  # fmt: skip
    people = {"customer_id": [1, 2, 3, 4], "referred_by": [None, None, 1, None]}
    found = kb.milestones(company(subscriptions=contracts, customers=people))
    counts = found.to_frame().set_index("milestone")[["n", "reached", "missed", "open"]]
    assert counts.loc["first_renewal"].tolist() == [3, 2, 1, 1]
    assert counts.loc["one_year"].tolist() == [3, 1, 2, 1]
    assert counts.loc["first_referral"].tolist() == [3, 1, 2, 1]
    assert set(found.needs) == {"first_use", "second_use", "second_order", "second_category"}
    status = found.customers().set_index(["milestone", "customer_id"])["status"]
    assert status.loc["one_year"].to_dict() == {1: "reached", 2: "missed", 3: "missed", 4: "open"}


# -- incidents, contact pressure -------------------------------------------------------------------


def test_incident_effect_compares_within_tenure() -> None:
    n = 40
    start = np.where(np.arange(n) < 20, "2023-01-01", "2022-01-01")
    end = [None] * n
    for who in (0, 1, 2, 10, 20, 30):
        end[who] = "2023-05-01"
    hit = [0, 1, 2, 3, *range(20, 36)]
    data = company(subscriptions={"customer_id": range(n), "start": start, "end": end},
                   events={"customer_id": hit, "timestamp": "2023-04-01", "kind": "incident"})  # fmt: skip
    found = kb.incident_effect(data)
    # the young: 3 of 4 hit left, 1 of 16 others; the old: 2 of 16, 0 of 4
    assert found.difference.value == pytest.approx(((3 / 4 - 1 / 16) + (2 / 16 - 0)) / 2)
    assert (found.hit.count, found.hit.n, found.customers) == (5, 20, 20)


def test_a_day_full_of_faults_is_an_incident_where_no_event_tells_of_one() -> None:
    n, rng = 60, np.random.default_rng(0)
    noise = pd.Timestamp("2023-03-01") + pd.to_timedelta(np.repeat(np.arange(90), 2), unit="D")
    hit = np.arange(0, n, 3)
    tickets = {"customer_id": [*rng.integers(0, n, 180), *hit], "kind": "fault",
               "opened": [*noise, *[pd.Timestamp("2023-04-15 10:00")] * len(hit)]}  # fmt: skip
    contracts = {"customer_id": range(n), "start": "2023-01-01",
                 "end": ["2023-05-20" if k % 6 == 0 else None for k in range(n)]}  # fmt: skip
    found = kb.incident_effect(company(subscriptions=contracts, tickets=tickets))
    assert found.source == "tickets"
    assert found.incidents["day"].dt.strftime("%Y-%m-%d").tolist() == ["2023-04-15"]
    # every other of those hit has left, and none of the others, but for the two with a fault by chance on that day
    assert found.hit.value == pytest.approx(1 / 2, abs=0.06)
    assert found.difference.value == pytest.approx(1 / 2, abs=0.06)


def test_contact_pressure_counts_within_a_quarter() -> None:
    sent = {"customer_id": [1, 1, 1, 2, 3], "campaign": "c",
            "assigned_at": ["2023-01-10", "2023-03-01", "2023-09-01", "2023-03-01", "2023-03-01"],
            "arm": ["treatment", "treatment", "treatment", "control", "treatment"]}  # fmt: skip
    contracts = {"customer_id": [1, 2, 3], "start": "2023-01-01", "end": [None, None, "2023-05-01"]}
    found = kb.contact_pressure(company(campaigns=sent, subscriptions=contracts))
    assert found.contacts == {1: 3, 2: 1}
    assert found.left[1].difference.value == pytest.approx(1)  # 3 left, 2 was held back
    assert found.needs == ("campaigns.opted_out", "feedback")
    no_arm = {name: column for name, column in sent.items() if name != "arm"}
    found = kb.contact_pressure(company(campaigns=no_arm, subscriptions=contracts))
    assert found.compared_with == "first contact"
    assert found.left[2].difference.value == pytest.approx(-1 / 2)


# -- the twelve ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> Practices:
    return kb.practices(kb.datasets.load_saas("b2c"))


def test_practices_of_the_generated_shop(shop: Practices) -> None:
    frame = shop.frame.set_index("indicator")
    assert list(frame.index) == list(PRACTICE)
    assert frame["practice"].nunique() == 12
    told = frame[frame["why"] == ""]
    assert (told["ci_lower"] <= told["value"]).all()
    assert (told["value"] <= told["ci_upper"]).all()
    assert frame.loc["expectations", "needs"] == "tickets.promised"
    now = shop.results["milestones"].stays.query.select("SELECT * FROM stays").to_pandas()
    people = kb.datasets.load_saas("b2c").table("customers")
    here = set(now.loc[now["decided"].isna(), "customer_id"])
    who = here & set(people["referred_by"].dropna())
    assert (frame.loc["referrals", "n"], frame.loc["referrals", "concerns"]) == (len(here), len(who))


def test_promises_are_held_to_the_time_that_was_promised() -> None:
    tickets = {"customer_id": [1, 1, 2, 3], "opened": "2023-03-01", "closed": ["2023-03-02", "2023-03-09", None, None],
               "promised": ["2023-03-03", "2023-03-03", "2023-03-03", "2024-03-03"]}  # fmt: skip
    contracts = {"customer_id": [1, 2, 3], "start": "2023-01-01"}
    found = kb.practices(company(tickets=tickets, subscriptions=contracts)).indicator("expectations")
    assert (found.value.count, found.value.n, found.concerns) == (1, 3, 2)


def test_practices_say_what_is_missing() -> None:
    frame = kb.practices(company(customers={"customer_id": [1, 2]}, as_of=None)).frame.set_index("indicator")  # type: ignore[arg-type]
    assert frame["value"].isna().all()
    assert (frame["why"] != "").all()
    assert frame["needs"].to_dict() == {key: ", ".join(needs) for key, needs in NEEDS.items()}


# -- planted truth; many runs in simulations -------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "runs"),
    [("repeats", 2), ("moments", 2), ("warning", 1), ("onboarding", 3), ("consistency", 5), ("incident", 8),
     ("pressure", 3)],
)  # fmt: skip
def test_intervals_hold_what_was_planted(run: str, runs: int) -> None:
    hits = np.array([getattr(claims, run)(np.random.default_rng([11, k]), 300) for k in range(runs)])
    assert hits.mean() >= 0.8


def test_a_world_without_repeats_has_none_beyond_chance() -> None:
    found = kb.repeat_contacts(kb.datasets.load_saas())
    assert found.excess.ci_lower < 0.003
    assert found.excess.ci_upper < 0.01


def test_panels_hold_what_they_say() -> None:
    found = kb.contact_pressure(panels.contacted(np.random.default_rng(0), 300))
    assert list(found.contacts) == [1, 2, 3]
    assert found.to_frame()["opted_out"].between(0, 0.3).all()


def test_practices_are_drawn_in_both_languages(shop: Practices) -> None:
    texts = {lang: alt_text(shop.plot(lang=lang)) for lang in ("en", "de")}
    plt.close("all")
    assert "One conversation 96%" in texts["en"]
    assert "Promise kept: it takes tickets.promised" in texts["en"]
    assert "Ein Gespräch genügt 96" in texts["de"]
