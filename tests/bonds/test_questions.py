from __future__ import annotations

from math import log, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.bonds.answers import Answer
from kbind.bonds.questions import QUESTIONS, BondQuestions
from kbind.bonds.questions_use import limit_of_chance
from kbind.estimate.estimate import Estimate


@pytest.fixture(scope="module")
def baseline() -> BondQuestions:
    return kb.bond_questions(kb.datasets.load_saas())


def ask(data: kb.Dataset, key: str) -> Answer:
    """One question only: the others take their time."""
    return next(question for question in QUESTIONS if question.key == key).ask(data, 182, 0.95)


def part(found: BondQuestions | Answer, question: str, name: str) -> Estimate:
    answer = found if isinstance(found, Answer) else found[question]
    value = answer.parts[name]
    assert isinstance(value, Estimate)
    return value


def covers(estimate: Estimate, truth: float) -> bool:
    return estimate.ci_lower <= truth <= estimate.ci_upper


def test_every_question_is_answered_or_says_why(baseline: BondQuestions) -> None:
    frame = baseline.to_frame()
    assert frame["question"].tolist() == [question.key for question in QUESTIONS]
    assert frame["why"].isna().all()
    assert (frame["value"].between(frame["ci_lower"], frame["ci_upper"])).all()
    assert frame["definition"].str.len().min() > 20
    telco = kb.bond_questions(kb.datasets.load_telco())
    assert all(answer.why is not None and answer.why.kind == "missing" for answer in telco.answers)
    assert str(telco["rhythm"].why) == "not measurable because events is missing"
    assert telco["sleeping_dogs"].why is not None
    assert telco["sleeping_dogs"].why.needs[0] == "campaigns.arm"
    with pytest.raises(kb.ArgumentError, match="'rythm' is no question; did you mean 'rhythm'"):
        telco["rythm"]


def test_planted_truth(baseline: BondQuestions) -> None:
    """Terms hold and let go, prices do nothing, use is a sign, and nobody follows who recommended them."""
    exits = baseline["first_exit"]
    # renewal +1.70 against locked -2.30; failed payments, which terms do not hold, make the ratio smaller
    assert 10 < exits.estimate.ci_lower < exits.estimate.ci_upper < np.exp(4.0)
    assert covers(part(baseline, "first_exit", "first_against_later"), 1.25)
    assert covers(baseline["price_rise"].estimate, 1.0)
    assert baseline["price_rise"].parts["median_rise"] == pytest.approx(0.04, abs=0.001)
    assert baseline["rhythm"].estimate.ci_upper < 0.05  # within a month days are laid at random
    assert part(baseline, "broken_rhythm", "hazard_ratio").ci_lower > 1.5
    assert covers(baseline["contagion"].estimate, 1.0)
    assert covers(baseline["recommending"].estimate, 1.0)


def test_revealed_is_as_planted(baseline: BondQuestions) -> None:
    """Log hazard ratios by standard deviation: economic -0.10, affective -0.25 and satisfaction that goes with it."""
    for name in ("forced", "lethargic", "economic", "habitual", "value"):
        planted = {"forced": -0.30, "lethargic": -0.20, "economic": -0.10, "habitual": -0.20, "value": -0.15}[name]
        revealed = part(baseline, "stated_revealed", f"revealed_{name}")
        assert log(revealed.ci_lower) < planted < log(revealed.ci_upper), name
    assert baseline["stated_revealed"].estimate.ci_upper < 1
    assert baseline["stated_revealed"].parts["revealed_rank_affective"] == 1


def test_campaigns_are_as_planted(baseline: BondQuestions) -> None:
    """Who left is what the truth says happens with and without treatment, of the idle and of the active."""
    data = kb.datasets.load_saas()
    assert data.truth is not None
    sent = data.table("campaigns").merge(data.truth.outcomes[["customer_id", "campaign", "y0", "y1"]])
    recent = data.table("events").merge(sent[["customer_id", "campaign", "assigned_at"]])
    days = (recent["assigned_at"] - recent["timestamp"]).dt.days
    active = set(recent.loc[days.between(0, 29), ["customer_id", "campaign"]].itertuples(index=False, name=None))
    pairs = sent[["customer_id", "campaign"]].itertuples(index=False, name=None)
    idle = np.array([pair not in active for pair in pairs])
    treated = (sent["arm"] == "treatment").to_numpy()
    for name, mine in (("idle", idle), ("active", ~idle)):
        expected = [
            np.average(sent.loc[mine & arm, y], weights=1 / chance[mine & arm])
            for arm, y, chance in ((treated, "y1", sent["propensity"]), (~treated, "y0", 1 - sent["propensity"]))
        ]
        found = [baseline["sleeping_dogs"].parts[f"{name}_{arm}"] for arm in ("treated", "control")]
        assert found == pytest.approx(expected, abs=0.005), name


def test_regression_to_the_mean_is_taken_out(baseline: BondQuestions) -> None:
    """An answer of 9 says less of who will stay once the earlier answers are known."""
    praise = baseline["praise"]
    assert part(baseline, "praise", "unadjusted").value < praise.estimate.value
    assert part(baseline, "praise", "unadjusted").ci_upper < 1


def contracts(n: int) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": range(n), "start": "2023-01-01", "end": None, "mrr": 10.0})


def test_first_exit_by_hand() -> None:
    """Twenty held for a year and seen for two: ten leave at the first exit, five at the second, five in month 6."""
    rows = [(k, "2022-01-01", "2023-01-01", "2023-01-01") for k in range(10)]
    rows += [(k, "2022-01-01", "2022-07-01", "2023-01-01") for k in range(10, 15)]
    for k in range(15, 25):
        rows.append((k, "2022-01-01", "2023-01-01", "2023-01-01"))
        rows.append((k, "2023-01-01", "2024-01-01" if k < 20 else None, "2024-01-01"))
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", "term_end"])
    found = ask(kb.open_dataset({"subscriptions": frame}, as_of="2024-03-01"), "first_exit")
    first, later = part(found, "first_exit", "share_first"), part(found, "first_exit", "share_later")
    assert (first.count, first.n, later.count, later.n) == (10, 20, 5, 10)
    # 5 in other months: 25 x 6 months and 20 x 5 up to the first exit, then 10 x 11, and of 5 the last two
    months = 25 * 6 + 20 * 5 + 10 * 11 + 5 * 2
    assert found.estimate.value == pytest.approx((10 / 20) / (5 / months), rel=0.02)
    error = sqrt(1 / 10 + 1 / 5)
    upper = found.estimate.ci_upper / found.estimate.value
    assert log(upper) == pytest.approx(1.96 * error, rel=1e-3)


def test_paying_without_using_by_hand() -> None:
    """Three under contract: one used it last week, one two months ago, one never; one more is new."""
    frame = contracts(4)
    frame["start"] = ["2023-01-01"] * 3 + ["2023-12-20"]
    events = pd.DataFrame({"customer_id": [0, 1], "timestamp": ["2023-12-25", "2023-10-25"]})
    answer = ask(kb.open_dataset({"subscriptions": frame, "events": events}, as_of="2024-01-01"), "paying_unused")
    assert (answer.estimate.count, answer.estimate.n) == (2, 3)
    assert answer.parts["revenue"] == 20
    assert answer.parts["revenue_share"] == pytest.approx(2 / 3)


def campaign(n: int = 800) -> dict[str, pd.DataFrame]:
    """Half are idle; contacting them drives 30 % away instead of 10 %; of the active 10 % leave either way."""
    k = np.arange(n)
    idle, treated = k % 2 == 0, (k // 2) % 2 == 0
    left = (k // 4) % 10 < np.where(idle & treated, 3, 1)
    frame = contracts(n)
    frame["end"] = pd.Series(np.where(left, "2023-08-01", None), dtype=object)
    events = pd.DataFrame({"customer_id": k[~idle], "timestamp": "2023-05-25"})
    sent = pd.DataFrame({"customer_id": k, "campaign": "call", "assigned_at": "2023-06-01",
                         "arm": np.where(treated, "treatment", "control"), "propensity": 0.5})  # fmt: skip
    return {"subscriptions": frame, "events": events, "campaigns": sent}


def test_sleeping_dogs_by_hand() -> None:
    tables = campaign()
    found = ask(kb.open_dataset(tables, as_of="2024-01-01"), "sleeping_dogs")
    # the answer is about the idle; how much worse it is for them than for the active stands beside it
    active, apart = (part(found, "sleeping_dogs", name) for name in ("active", "idle_less_active"))
    assert [one.value for one in (found.estimate, active, apart)] == pytest.approx([0.2, 0.0, 0.2], abs=1e-12)
    for one, variance in ((found.estimate, 0.3 * 0.7 + 0.1 * 0.9), (apart, 0.3 * 0.7 + 3 * 0.1 * 0.9)):
        assert one.ci_upper - one.value == pytest.approx(1.96 * sqrt(variance / 200), rel=1e-3)
    without = tables | {"campaigns": tables["campaigns"].drop(columns="propensity")}
    same = ask(kb.open_dataset(without, as_of="2024-01-01"), "sleeping_dogs")
    assert same.estimate.value == pytest.approx(0.2)


def test_what_was_not_randomised_is_no_answer() -> None:
    tables = campaign()
    for change in ({"propensity": 1.0}, {"arm": "treatment"}):
        sent = tables["campaigns"].assign(**change)
        found = ask(kb.open_dataset(tables | {"campaigns": sent}, as_of="2024-01-01"), "sleeping_dogs")
        assert found.why is not None
        assert found.why.kind == "not_randomised"
    early = ask(kb.open_dataset(tables, as_of="2023-09-01"), "sleeping_dogs")
    assert early.why is not None
    assert early.why.kind == "not_randomised"


def test_weights_take_out_who_was_chosen() -> None:
    """Who was going to leave was treated more often; weighted, the effect is none."""
    rng = np.random.default_rng(0)
    n = 6000
    risky, idle = rng.random(n) < 0.5, rng.random(n) < 0.4
    chance = np.where(risky, 0.8, 0.2)
    treated, left = rng.random(n) < chance, rng.random(n) < np.where(risky, 0.4, 0.1)
    frame = contracts(n)
    frame["end"] = pd.Series(np.where(left, "2023-08-01", None), dtype=object)
    sent = pd.DataFrame({"customer_id": range(n), "campaign": "call", "assigned_at": "2023-06-01",
                         "arm": np.where(treated, "treatment", "control"), "propensity": chance})  # fmt: skip
    events = pd.DataFrame({"customer_id": np.flatnonzero(~idle), "timestamp": "2023-05-25"})
    data = kb.open_dataset({"subscriptions": frame, "events": events, "campaigns": sent}, as_of="2024-01-01")
    found = ask(data, "sleeping_dogs")
    assert covers(found.estimate, 0.0)
    assert covers(part(found, "sleeping_dogs", "active"), 0.0)


def test_rhythm_by_hand() -> None:
    """Twelve customers buy every Monday, twelve at random."""
    rng = np.random.default_rng(1)
    rows = [(k, pd.Timestamp("2023-01-02") + pd.Timedelta(7 * w, "D")) for k in range(12) for w in range(40)]
    rows += [(k, pd.Timestamp("2023-01-02") + pd.Timedelta(int(d), "D")) for k in range(12, 24)
             for d in np.sort(rng.choice(280, 40, replace=False))]  # fmt: skip
    data = kb.open_dataset({"events": pd.DataFrame(rows, columns=["customer_id", "timestamp"])}, as_of="2023-10-10")
    answer = ask(data, "rhythm")
    assert answer.estimate.count is not None
    assert 12 <= answer.estimate.count <= 14
    assert answer.estimate.n == 24


@settings(max_examples=40, deadline=None)
@given(st.integers(7, 60), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_even_gaps_are_never_chance_and_one_long_gap_always_is(gaps: int, mean: int, seed: int) -> None:
    days = gaps * (mean + 1)
    limit = limit_of_chance(np.array([float(gaps)]), np.array([float(days)]))[0]
    assert gaps * mean**2 <= limit < (days - gaps) ** 2 + 1
    assert seed >= 0


def test_chance_is_no_rhythm() -> None:
    """Days laid at random pass for a rhythm in at most 5 % of the customers."""
    rng = np.random.default_rng(2)
    for gaps, days in ((7, 60), (30, 200), (100, 250)):
        inner = np.sort(np.argsort(rng.random((3000, days - 1)), axis=1)[:, : gaps - 1] + 1, axis=1)
        edges = np.column_stack([np.zeros(3000), inner, np.full(3000, days)])
        squares = ((np.diff(edges, axis=1) - 1) ** 2).sum(axis=1)
        assert (squares <= limit_of_chance(np.array([float(gaps)]), np.array([float(days)]))).mean() <= 0.055


def test_price_rises_by_size() -> None:
    """Prices rise at any age; a rise of a fifth triples the hazard for three months, one of 3 % does nothing."""
    rng = np.random.default_rng(3)
    n, hazard, day = 5000, 0.03 * 12 / 365.25, pd.Timestamp("2022-01-01")
    start, rise = rng.integers(0, 200, n), rng.integers(60, 400, n)
    size = rng.choice([1.03, 1.2], n)
    ratio, target = np.where(size > 1.1, 3.0, 1.0), rng.exponential(size=n) / hazard
    gone = np.where(target < rise, target, np.where(target < rise + 92 * ratio, rise + (target - rise) / ratio,
                    target - 92 * (ratio - 1)))  # fmt: skip
    last = start + np.ceil(gone).astype(int)
    after = np.flatnonzero(gone > rise)
    first_end = np.where(gone > rise, start + rise, last)

    def rows(who: np.ndarray, begin: np.ndarray, end: np.ndarray, price: np.ndarray) -> pd.DataFrame:
        dates = {"start": day + pd.to_timedelta(begin, unit="D"), "end": day + pd.to_timedelta(end, unit="D")}
        return pd.DataFrame({"customer_id": who, **dates, "mrr": price, "plan": "basic"})

    both = pd.concat([rows(np.arange(n), start, first_end, np.full(n, 100.0)),
                      rows(after, (start + rise)[after], last[after], 100 * size[after])])  # fmt: skip
    both = both[both["start"] < "2024-01-01"]
    both["end"] = both["end"].where(both["end"] < "2024-01-01")
    found = ask(kb.open_dataset({"subscriptions": both}, as_of="2024-01-01"), "price_rise")
    assert covers(part(found, "price_rise", "over_10"), 3.0)
    assert covers(part(found, "price_rise", "up_to_5"), 1.0)
    unnamed = ask(kb.open_dataset({"subscriptions": both.drop(columns="plan")}, as_of="2024-01-01"), "price_rise")
    assert unnamed.why is not None
    assert unnamed.why.needs == ("subscriptions.plan",)  # a new price may be another offer


def test_who_leaves_after_who_recommended_them() -> None:
    """Those recommended leave three times as often once the other one has left."""
    rng = np.random.default_rng(4)
    n, day = 3000, pd.Timestamp("2022-01-01")
    first = rng.exponential(size=n) * 500
    target = rng.exponential(size=n) * 600
    second = np.where(target < first, target, np.where(target < first + 182 * 3, first + (target - first) / 3,
                      target - 182 * 2))  # fmt: skip
    gone = np.ceil(np.concatenate([first, second]))
    end = pd.Series(day + pd.to_timedelta(gone, unit="D"))
    frame = pd.DataFrame({"customer_id": range(2 * n), "start": day, "end": end.where(end < "2024-01-01")})
    people = pd.DataFrame({"customer_id": range(2 * n), "acquired_at": day,
                           "referred_by": [None] * n + list(range(n))})  # fmt: skip
    people["referred_by"] = people["referred_by"].astype("Int64")
    found = ask(kb.open_dataset({"subscriptions": frame, "customers": people}, as_of="2024-01-01"), "contagion")
    assert covers(found.estimate, 3.0)
    assert found.parts["recommended"] == n
