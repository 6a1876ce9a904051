from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

import kbind as kb
from kbind.estimate.intervals import newcombe, wilson
from kbind.feedback.answers import Answers, answers
from kbind.feedback.instrument import Instrument
from kbind.feedback.limits import adjusted_wald
from kbind.feedback.score import score_of
from simulations.company import simulate_saas

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "feedback.json").read_text())
Z = NormalDist().inv_cdf(0.975)


def said(scores: Any, *, customers: Any = None, instrument: str = "nps", **columns: Any) -> kb.Dataset:
    """Answers on one day, each of a customer of its own unless told otherwise."""
    ids = np.arange(len(scores)) if customers is None else np.asarray(customers)
    frame = pd.DataFrame({"customer_id": ids, "timestamp": "2024-03-05", "instrument": instrument, "score": scores})
    people = pd.DataFrame({"customer_id": np.unique(ids)})
    return kb.open_dataset({"feedback": frame.assign(**columns), "customers": people}, as_of="2024-04-01")


def counted(scores: list[int], customers: list[int] | None = None, measure: str = "nps") -> Answers:
    """The same without a data set, because opening thousands takes long."""
    ids = list(range(len(scores))) if customers is None else customers
    asked = Instrument("nps", measure, (0, 10))
    steps = {"nps": lambda x: (x >= 9) - 1.0 * (x <= 6), "csat": lambda x: 1.0 * (x >= 9), "mean": lambda x: 1.0 * x}
    value = steps[measure](np.array(scores))
    sums = pd.DataFrame({"id": ids, "v": value}).groupby("id")["v"].agg(["count", "sum"]).to_numpy()
    m, t = sums[:, 0], sums[:, 1]

    def cell(x: float) -> Any:
        return np.array([[x]])

    return replace(
        ONE,
        instrument=asked,
        n=cell(len(scores)),
        customers=cell(len(m)),
        total=cell(value.sum()),
        squares=cell((value**2).sum()),
        mm=cell((m * m).sum()),
        mt=cell((m * t).sum()),
        tt=cell((t * t).sum()),
    )


def row(data: kb.Dataset, instrument: str = "nps", **arguments: Any) -> Any:
    return kb.feedback_score(data, instrument, **arguments).to_frame().iloc[0]


ONE = answers(said([10]), "nps")

# -- values with a source, and by hand -------------------------------------------------------------


def test_feedback_score_nps_of_the_r_package() -> None:
    case = GOLDEN["nps"]
    d1, d2, d3, p1, p2, a, b = case["counts"]
    scores = [0] * d1 + [3] * d2 + [6] * d3 + [7] * p1 + [8] * p2 + [9] * a + [10] * b
    found = row(said(scores))
    tolerance = case["tolerance"]
    assert found["score"] == pytest.approx(case["nps"], abs=tolerance)
    assert found["standard_error"] == pytest.approx(case["se"], abs=tolerance)
    assert found["standard_error"] ** 2 * found["n"] == pytest.approx(case["var"], abs=tolerance)
    assert Z * found["standard_error"] == pytest.approx(case["moe95"], abs=tolerance)
    assert [found[name] for name in ("promoters", "passives", "detractors")] == pytest.approx([0.6, 0.2, 0.2])
    assert found["n_effective"] == 100


def test_feedback_score_adjusted_wald_by_hand() -> None:
    # 6 promoters, 2 passives, 2 detractors: (6.75 - 2.75) / 13, and the variance of these 13
    found = row(said([10] * 6 + [7] * 2 + [0] * 2))
    p, d = 6.75 / 13, 2.75 / 13
    half = Z * np.sqrt((p + d - (p - d) ** 2) / 13)
    assert found["score"] == pytest.approx(0.4)
    assert (found["score_ci_lower"], found["score_ci_upper"]) == pytest.approx((p - d - half, p - d + half))


@pytest.mark.parametrize("n", [1, 2, 20, 2000])
@pytest.mark.parametrize("score", [10, 0])
def test_feedback_score_has_width_when_all_agree(n: int, score: int) -> None:
    found = row(said([score] * n))
    inner, outer = ("score_ci_lower", "score_ci_upper") if score else ("score_ci_upper", "score_ci_lower")
    sign = 1 if score else -1
    assert found["score"] == found[outer] == sign
    assert 0 < abs(found[inner] - sign) < 2


def test_feedback_score_csat_is_wilson() -> None:
    found = row(said([5, 5, 4, 3, 1, 2, 5, 4], instrument="csat"), "csat")
    limits = [float(x) for x in wilson(5, 8)]
    assert [found[f"score{end}"] for end in ("", "_ci_lower", "_ci_upper")] == pytest.approx(limits, abs=1e-14)
    assert "promoters" not in found


def test_feedback_score_mean_by_hand() -> None:
    # 7, 7, 6, 4 on 1 to 7, and 3/4 of a 1, 3/4 of a 7, 3/2 of a 4
    found = row(said([7, 7, 6, 4], instrument="ces"), "ces")
    values, weights = np.array([7, 7, 6, 4, 1, 7, 4]), np.array([1, 1, 1, 1, 0.75, 0.75, 1.5])
    centre = (weights @ values) / 7
    half = Z * np.sqrt((weights @ (values - centre) ** 2) / 7 / 7)
    assert found["score"] == 6
    assert (found["score_ci_lower"], found["score_ci_upper"]) == pytest.approx((centre - half, min(centre + half, 7)))


def test_adjusted_wald_of_a_mean_tends_to_the_normal_interval() -> None:
    lower, upper = (float(x[0]) for x in adjusted_wald(*(np.array([v]) for v in (5.0, 2.0, 1e6)), (1, 7), 0.95))
    assert (upper - lower) / 2 == pytest.approx(Z * np.sqrt(2 / 1e6), rel=1e-4)


def test_feedback_score_response_share() -> None:
    feedback = pd.DataFrame({"customer_id": [1, 1, 9], "timestamp": "2024-01-05", "instrument": "nps", "score": 9})
    contracts = pd.DataFrame({"customer_id": [1, 2, 3, 4], "start": "2023-01-01"})
    found = row(kb.open_dataset({"feedback": feedback, "subscriptions": contracts}, as_of="2024-02-01"))
    expected = [float(x) for x in wilson(1, 4)]
    names = ("response_share", "response_share_ci_lower", "response_share_ci_upper")
    assert [found[name] for name in names] == pytest.approx(expected)
    assert found["customers_there"] == 4
    assert np.isnan(row(said([9, 10]))["response_share"])
    assert "unknown" in kb.feedback_score(said([9, 10]), "nps").definition


def test_feedback_score_response_share_leaves_out_contracts_that_ended_as_the_period_began() -> None:
    feedback = pd.DataFrame({"customer_id": [1], "timestamp": "2024-01-05", "instrument": "nps", "score": 9})
    ends = ["2024-02-01", "2024-01-01", "2024-01-02"]
    contracts = pd.DataFrame({"customer_id": [1, 2, 3], "start": "2023-01-01", "end": ends})
    data = kb.open_dataset({"feedback": feedback, "subscriptions": contracts}, as_of="2024-02-01")
    assert row(data, period="month")["customers_there"] == 2


def test_feedback_score_periods_without_answers_are_unknown() -> None:
    times = ["2024-01-31", "2024-03-01"]
    feedback = pd.DataFrame({"customer_id": [1, 2], "timestamp": times, "instrument": "nps", "score": [10, None]})
    customers = pd.DataFrame({"customer_id": [1, 2]})
    data = kb.open_dataset({"feedback": feedback, "customers": customers}, as_of="2024-04-10")
    frame = kb.feedback_score(data, "nps", period="month").to_frame()
    assert frame["period"].tolist() == ["2024-01", "2024-02", "2024-03"]
    assert frame["n"].tolist() == [1, 0, 0]
    assert frame["n_missing"].tolist() == [0, 0, 1]
    for name in ("score", "score_ci_lower", "score_ci_upper", "standard_error", "promoters"):
        assert frame[name].isna().tolist() == [False, True, True]


# -- several answers of one customer ---------------------------------------------------------------


def test_worth_equals_the_cluster_robust_variance_of_statsmodels() -> None:
    rng = np.random.default_rng(3)
    customers = np.repeat(np.arange(60), rng.integers(1, 6, 60))
    scores = np.clip(np.rint(7 + 2 * rng.normal(size=60)[customers] + rng.normal(size=len(customers))), 0, 10)
    found = row(said(scores, customers=customers), measure="mean", scale=(0, 10))
    fit = sm.OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds={"groups": customers})
    plain = scores.var(ddof=1) / len(scores)
    assert found["score"] == pytest.approx(fit.params[0])
    assert found["n_effective"] == pytest.approx(len(scores) * plain / fit.cov_params().item(), rel=1e-9)
    assert found["n_effective"] < len(scores) / 1.5


def test_feedback_score_repeated_answers_add_nothing() -> None:
    scores = np.array([10, 9, 8, 7, 3, 0, 10, 10, 6, 9])
    once, thrice = row(said(scores)), row(said(np.repeat(scores, 3), customers=np.repeat(np.arange(10), 3)))
    assert thrice["n"] == 30
    assert thrice["n_effective"] == pytest.approx(10)
    assert thrice["standard_error"] == pytest.approx(once["standard_error"])
    assert thrice["score_ci_upper"] - thrice["score_ci_lower"] > once["score_ci_upper"] - once["score_ci_lower"]


def test_feedback_score_limits_have_the_degrees_of_freedom_of_customers() -> None:
    """Korn and Graubard (1998): n_effective times the squared ratio of Student's quantiles, put into Wilson's."""
    scores, customers = [5, 5, 1, 4, 5, 5, 2, 5, 1, 1], [1, 1, 1, 2, 2, 3, 3, 4, 4, 4]
    found = row(said(scores, customers=customers, instrument="csat"), "csat")
    trials = found["n_effective"] * (student.ppf(0.975, 9) / student.ppf(0.975, 3)) ** 2
    limits = [float(x) for x in wilson(0.6 * trials, trials)]
    assert [found[f"score{end}"] for end in ("", "_ci_lower", "_ci_upper")] == pytest.approx(limits, rel=1e-9)


def test_feedback_score_of_one_customer_is_worth_one_answer() -> None:
    found = row(said([10, 9, 9, 2, 10], customers=[1] * 5))
    assert found["n_effective"] == 1
    assert found["score_ci_upper"] - found["score_ci_lower"] > 0.7


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(0, 8)), min_size=1, max_size=40),
    st.floats(0.3, 0.99),
)
def test_feedback_score_invariants(rows: list[tuple[int, int]], conf_level: float) -> None:
    scores, customers = (list(values) for values in zip(*rows, strict=True))
    for measure in ("nps", "csat", "mean"):
        found = score_of(counted(scores, customers, measure), conf_level)
        low, high = found.answers.instrument.limits
        lower, score, upper = (float(x[0, 0]) for x in (found.score_ci_lower, found.score, found.score_ci_upper))
        assert low <= lower <= score <= upper <= high
        assert lower < upper
        once = score_of(counted(scores, None, measure), conf_level)
        assert once.n_effective[0, 0] == pytest.approx(len(scores))
        assert 0 < found.n_effective[0, 0] <= len(scores)


def test_feedback_score_counted_here_as_in_the_engine() -> None:
    """The shortcut of these tests gives what the engine gives."""
    scores, customers = [10, 9, 3, 7, 10, 0], [1, 1, 2, 2, 3, 4]
    for measure in ("nps", "csat", "mean"):
        one = counted(scores, customers, measure)
        two = answers(said(scores, customers=customers), "nps", measure=measure, scale=(0, 10))
        for name in ("n", "customers", "total", "squares", "mm", "mt", "tt"):
            assert getattr(one, name).item() == getattr(two, name).item()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([3, 7, 10]), min_size=1, max_size=30))
def test_feedback_score_nps_mirrored(scores: list[int]) -> None:
    one, two = (score_of(counted(values)) for values in (scores, [{3: 10, 7: 7, 10: 3}[x] for x in scores]))
    assert one.score.item() == pytest.approx(-two.score.item())
    assert one.score_ci_lower.item() == pytest.approx(-two.score_ci_upper.item())
    assert one.score_ci_upper.item() == pytest.approx(-two.score_ci_lower.item())


def test_feedback_score_covers_with_clustered_answers() -> None:
    """A quick look; docs/simulations.md has 2,000 runs of every kind."""
    rng, runs = np.random.default_rng(11), 400
    customer = np.tile(np.repeat(np.arange(40), 3), runs)
    run = np.repeat(np.arange(runs), 120)
    mood = rng.random((runs, 40)).repeat(3, axis=1).ravel()
    rank = np.where(rng.random(len(run)) < 0.6, mood, rng.random(len(run)))
    scores = np.where(rank < 0.3, 3, np.where(rank > 0.5, 10, 7))
    data = said(scores, customers=customer + 100 * run, project=run.astype(str))
    frame = kb.feedback_score(data, "nps", by="project").to_frame()
    covered = ((frame["score_ci_lower"] <= 0.2) & (frame["score_ci_upper"] >= 0.2)).mean()
    assert len(frame) == runs
    assert covered == pytest.approx(0.95, abs=0.022)  # two standard errors
    naive = Z * np.sqrt((0.8 - 0.2**2) / 120)
    assert ((frame["score"] - 0.2).abs() < naive).mean() < 0.87  # what ignoring customers would cover


# -- differences -----------------------------------------------------------------------------------


def test_compare_independent_shares_is_newcombe() -> None:
    scores = [5] * 56 + [1] * 14 + [5] * 48 + [1] * 32
    data = said(scores, instrument="csat", respondent_role=["boss"] * 70 + ["user"] * 80)
    found = kb.feedback_score(data, "csat", by="respondent_role").compare("respondent_role", "boss", "user")
    values = found.to_frame().iloc[0]
    expected = [float(x) for x in newcombe(56, 70, 48, 80)]
    assert [values[f"difference{end}"] for end in ("", "_ci_lower", "_ci_upper")] == pytest.approx(expected, abs=1e-12)
    assert (values["n_first"], values["n_second"]) == (70, 80)
    back = found.of.compare("respondent_role", "user", "boss").to_frame().iloc[0]
    assert (back["difference_ci_lower"], back["difference_ci_upper"]) == pytest.approx((-expected[2], -expected[1]))


def test_compare_equals_the_cluster_robust_difference_of_statsmodels() -> None:
    """Many customers answer in both roles and agree with themselves, which makes the difference more certain."""
    rng = np.random.default_rng(5)
    customers = np.tile(np.arange(2000), 2)
    role = np.repeat([0, 1], 2000)
    scores = np.clip(np.rint(7.4 + 0.3 * role + 2 * rng.normal(size=2000)[customers] + rng.normal(size=4000)), 0, 10)
    data = said(scores, customers=customers, respondent_role=np.where(role == 0, "boss", "user"))
    found = kb.feedback_score(data, "nps", by="respondent_role").compare("respondent_role", "user", "boss")
    values = found.to_frame().iloc[0]
    thirds = (scores >= 9).astype(float) - (scores <= 6)
    fit = sm.OLS(thirds, sm.add_constant(role)).fit(cov_type="cluster", cov_kwds={"groups": customers})
    assert values["difference"] == pytest.approx(fit.params[1])
    half = (values["difference_ci_upper"] - values["difference_ci_lower"]) / 2
    assert half == pytest.approx(Z * fit.bse[1], rel=0.01)
    plain = Z * np.sqrt(sum(thirds[role == k].var() / 2000 for k in (0, 1)))
    assert half < 0.85 * plain


def test_compare_within_other_columns_and_periods() -> None:
    roles = ["boss", "user", "boss", "user", "boss"]
    data = said([10, 0, 9, 8, 7], respondent_role=roles, project=["x", "x", "y", "y", "z"])
    found = kb.feedback_score(data, "nps", by=["project", "respondent_role"], period="month")
    frame = found.compare("respondent_role", "boss", "user").to_frame()
    assert list(frame.columns[:2]) == ["project", "period"]
    assert frame["project"].tolist() == ["x", "y"]
    assert frame["difference"].tolist() == [2, 1]


def test_compare_wrong_arguments() -> None:
    found = kb.feedback_score(said([10, 0], respondent_role=["boss", "user"]), "nps", by="respondent_role")
    with pytest.raises(kb.ArgumentError, match="column='role' does not split this score; .*respondent_role"):
        found.compare("role", "boss", "user")
    with pytest.raises(kb.ArgumentError, match="first='bos' is no value of respondent_role; did you mean 'boss'"):
        found.compare("respondent_role", "bos", "user")
    with pytest.raises(kb.ArgumentError, match="first and second are both 'boss'"):
        found.compare("respondent_role", "boss", "boss")


# -- contacts of ours ------------------------------------------------------------------------------


@pytest.fixture
def desks() -> kb.Dataset:
    """Contact 1 has 6 customers who are unhappy, 2 has 7 who are happy, 3 has 4."""
    owner = np.repeat([1, 2, 3], [6, 7, 4])
    customers = np.arange(len(owner))
    scores = np.array([3, 10, 9])[owner - 1]
    feedback = pd.DataFrame(
        {"customer_id": customers, "timestamp": "2024-01-05", "instrument": "nps", "score": scores, "agent": owner}
    )
    contacts = pd.DataFrame({"customer_id": customers, "contact_id": owner, "side": "ours"})
    tables = {"feedback": feedback, "contacts": contacts, "customers": pd.DataFrame({"customer_id": customers})}
    return kb.open_dataset(tables, as_of="2024-02-01")


def test_feedback_score_by_contact_hides_small_ones_and_does_not_rank(desks: kb.Dataset) -> None:
    found = kb.feedback_score(desks, "nps", by="contact")
    frame = found.to_frame()
    assert frame["contact"].tolist() == [1, 2]  # by id, the better score last; 3 has four customers
    assert frame["score"].tolist() == [-1, 1]
    assert found.hidden == 1
    assert "Fewer than 5 customers are not shown (1 left out)" in found.definition
    with pytest.raises(kb.ArgumentError, match="single contacts of ours are not compared"):
        found.compare("contact", 1, 2)
    assert kb.feedback_score(desks, "nps", by="contact").with_threshold(7).to_frame()["contact"].tolist() == [2]


def test_feedback_score_by_contact_counts_customers_not_answers() -> None:
    feedback = pd.DataFrame({"customer_id": [1, 2] * 10, "timestamp": "2024-01-05", "instrument": "nps", "score": 9})
    contacts = pd.DataFrame({"customer_id": [1, 2], "contact_id": ["ann", "ann"], "side": "ours"})
    data = kb.open_dataset({"feedback": feedback, "contacts": contacts, "customers": contacts[["customer_id"]]})
    assert kb.feedback_score(data, "nps", by="contact").to_frame().empty


def test_feedback_score_by_contact_order_does_not_follow_the_score() -> None:
    data = simulate_saas(n_accounts=1500, months=24)
    frame = kb.feedback_score(data, "nps", by="contact").to_frame().dropna(subset="contact")
    assert len(frame) > 20
    assert frame["contact"].tolist() == sorted(frame["contact"])
    assert not frame["score"].is_monotonic_increasing
    assert not frame["score"].is_monotonic_decreasing
    assert frame["customers"].min() >= 5


def test_feedback_score_threshold_for_other_columns(desks: kb.Dataset) -> None:
    assert len(kb.feedback_score(desks, "nps", by="agent").to_frame()) == 3
    found = kb.feedback_score(desks, "nps", by="agent").with_threshold(5)
    assert found.to_frame()["agent"].tolist() == [1, 2]
    assert found.compare("agent", 1, 3).to_frame().empty
    smallest = kb.feedback_score(desks, "nps", by="agent").with_threshold(6)  # agent 1 has just as many
    assert len(smallest.compare("agent", 1, 2).to_frame()) == 1
    assert kb.feedback_score(desks, "nps", by="agent").with_threshold(7).compare("agent", 1, 2).to_frame().empty
    for wrong in (0, 2.5, True):
        with pytest.raises(kb.ArgumentError, match="threshold="):
            kb.feedback_score(desks, "nps").with_threshold(wrong)


# -- planted ---------------------------------------------------------------------------------------


def test_feedback_score_moves_with_planted_satisfaction() -> None:
    data = simulate_saas(n_accounts=1500, months=24)
    truth = data.truth
    assert truth is not None
    accounts = truth.accounts
    happy = accounts.assign(happy=np.where(accounts["satisfaction"] > 0, "yes", "no"))[["customer_id", "happy"]]
    tables = {
        "feedback": data.table("feedback"),
        "customers": data.table("customers")[["customer_id"]].merge(happy, on="customer_id"),
        "subscriptions": data.table("subscriptions"),
    }
    found = kb.feedback_score(kb.open_dataset(tables, as_of=data.as_of), "nps", by="happy")
    assert found.compare("happy", "yes", "no").to_frame()["difference_ci_lower"].item() > 0.2
    frame = found.to_frame().set_index("happy")
    assert frame.loc["yes", "response_share_ci_lower"] > frame.loc["no", "response_share_ci_upper"]


def test_feedback_score_shows_itself() -> None:
    found = kb.feedback_score(said([10, 0], respondent_role=["<b>", "user"]), "nps", by="respondent_role")
    assert "&lt;b&gt;" in found._repr_html_()
    assert found.definition.startswith("NPS: share of answers 9-10 minus share of 0-6; adjusted Wald")
    assert "MOVER" in found.compare("respondent_role", "<b>", "user").definition
