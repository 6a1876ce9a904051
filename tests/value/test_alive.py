"""Alive or gone: published figures, cases counted by hand, what always holds, and another package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.value.alive import fit_cells
from kbind.value.cells import Cells
from kbind.value.fitting import Fit
from kbind.value.models import MODELS, History
from kbind.value.purchase_model import Alive

KEYS = tuple(MODELS)


def shop(days: dict[str, list[int]], as_of: str = "2024-03-01", **columns: list[Any]) -> kb.Dataset:
    """A log of purchases on so many days after New Year."""
    rows = [(customer, pd.Timestamp("2024-01-01") + pd.Timedelta(days=d)) for customer, ds in days.items() for d in ds]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp"]).assign(**columns)
    return kb.open_dataset({"events": frame}, as_of=as_of)


def buyers(rng: np.random.Generator, n: int, shape: float) -> kb.Dataset:
    """Customers with gamma gaps of a shape, of whom about half leave within the year."""
    days = {}
    for k in range(n):
        mean, here = 1 / rng.gamma(2, 0.03), rng.choice([400, 150])
        steps = rng.integers(0, 60) + np.concatenate([[0.0], np.cumsum(rng.gamma(shape, mean / shape, 200))])
        days[f"c{k}"] = np.floor(steps[steps < here]).astype(int).tolist() or [0]
    return shop(days, "2025-02-01")


# -- published ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["bg_nbd", "pareto_nbd"])
def test_published_parameters_of_cdnow(model: str, fits: dict[str, Alive], published: dict[str, Any]) -> None:
    golden = dict(published[model])
    assert fits[model].log_likelihood == pytest.approx(golden.pop("log_likelihood"), abs=0.05)
    found = fits[model].parameters().set_index("parameter")
    assert list(found.index) == list(golden)
    assert found["estimate"].to_numpy() == pytest.approx(np.array(list(golden.values())), abs=0.005)
    assert (found["ci_lower"] < found["estimate"]).all()
    assert (found["ci_upper"] > found["estimate"]).all()


def test_exact_maximum_is_the_one_found_elsewhere(fits: dict[str, Alive], published: dict[str, Any]) -> None:
    beta = fits["pareto_nbd"].parameters().set_index("parameter")["estimate"]["beta"]
    assert beta == pytest.approx(published["exact"]["beta"], abs=0.001)


@pytest.mark.parametrize("model", ["bg_nbd", "pareto_nbd"])
def test_repeat_purchases_to_week_78(model: str, fits: dict[str, Alive], published: dict[str, Any]) -> None:
    frame = fits[model].cumulative()
    assert list(frame["time"]) == list(range(1, 79))
    assert frame["held_out"].sum() == 39
    last = frame.iloc[-1]
    assert last["actual"] == 2457 + 1882
    assert abs(last["error"]) < 0.05
    assert last["error"] == pytest.approx(published["exact"]["error_78"][model], abs=0.0005)


def test_cells_are_the_published_customers(fits: dict[str, Alive], cdnow_summary: pd.DataFrame) -> None:
    cells = fits["bg_nbd"].cells
    mine = pd.DataFrame({"x": cells.frequency, "t_x": (cells.recency / 7).round(2), "T": (cells.age / 7).round(2)})
    mine = mine.loc[np.repeat(np.arange(len(mine)), cells.n)].sort_values(["x", "t_x", "T"])
    theirs = cdnow_summary[["x", "t_x", "T"]].sort_values(["x", "t_x", "T"])
    assert len(mine) == 2357
    assert np.abs(mine.to_numpy() - theirs.to_numpy()).max() < 0.011
    assert len(cells.n) < 0.5 * cells.customers


# -- by hand --------------------------------------------------------------------------------------------

#: Customers: once, seen for 1; twice at 0 and 1, seen for 2. All parameters are 1.
BY_HAND = {
    "bg_nbd": ([1 / 2, 1 / 18 + 1 / 8], [1, 4 / 13]),
    "mbg_nbd": ([1 / 4 + 1 / 2, 1 / 27 + 1 / 24], [1 / 3, 8 / 17]),
    "pareto_nbd": ([1 / 4 + 3 / 8, 1 / 27 + 19 / 648], [2 / 5, 24 / 43]),
}


@pytest.mark.parametrize("model", KEYS)
def test_likelihood_and_probability_counted_by_hand(model: str) -> None:
    seen = History(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    likelihood, alive = BY_HAND[model]
    assert np.exp(MODELS[model].likelihood(np.ones(4), seen).value) == pytest.approx(np.array(likelihood), rel=1e-12)
    odds = np.exp(MODELS[model].odds_gone(np.ones(4), seen))
    assert 1 / (1 + odds) == pytest.approx(np.array(alive), rel=1e-12)


def test_purchases_of_a_day_are_one_and_what_costs_nothing_is_none() -> None:
    data = shop({"a": [0, 0, 10, 10, 20], "b": [5, 6]}, amount=[3, 4, 5, 6, 0, 7, 8])
    cells = kb.alive(data, unit="day").cells
    kept = sorted(zip(cells.frequency.tolist(), cells.recency.tolist(), cells.age.tolist(), cells.spent, strict=True))
    assert kept == [(1, 1, 54, 8.0), (1, 10, 59, 11.0)]  # 1 March is the day after the sixtieth


def test_amounts_of_several_currencies_say_who_paid() -> None:
    data = shop({"a": [0, 10, 20], "b": [5, 6]}, amount=[3, 4, 0, 7, 8], currency=["EUR", "EUR", "EUR", "USD", "USD"])
    assert sorted(kb.alive(data).cells.recency.tolist()) == [1, 10]


def test_holdout_knows_only_the_customers_of_the_calibration_period() -> None:
    data = shop({"a": [0, 10, 40, 41], "b": [5, 6], "c": [35, 36]})
    found = kb.alive(data, calibration_end="2024-02-01")
    assert found.n == 2
    assert found.holdout()[["frequency", "n", "actual"]].to_numpy().tolist() == [["1", 2, 2.0]]
    assert found.cumulative()["actual"].to_list()[-1] == 4
    assert kb.alive(data, since="2024-01-03").n == 2
    assert kb.alive(data, as_of="2024-02-01").n == 2


def test_customers_known_before_recording_do_not_count() -> None:
    people = pd.DataFrame({"customer_id": ["a", "b"], "acquired_at": pd.to_datetime(["2023-05-05", "2024-01-06"])})
    log = shop({"a": [0, 10], "b": [5, 6]}).table("events")
    data = kb.open_dataset({"events": log, "customers": people}, as_of="2024-03-01")
    assert kb.alive(data).n == 1


# -- what always holds ----------------------------------------------------------------------------------

_theta = st.lists(st.floats(0.05, 20), min_size=4, max_size=4).map(np.array)


@settings(max_examples=60, deadline=None)
@given(theta=_theta, x=st.integers(0, 120), tx=st.floats(0.01, 50), wait=st.floats(0, 50), more=st.floats(0.01, 20))
@pytest.mark.parametrize("model", KEYS)
def test_probability_alive_is_one_and_falls_with_silence(
    model: str, theta: np.ndarray, x: int, tx: float, wait: float, more: float
) -> None:
    used, last = MODELS[model], tx if x else 0.0
    seen = History(np.full(3, float(x)), np.full(3, last), last + np.array([wait, wait + more, wait + 2 * more]))
    alive = 1 / (1 + np.exp(used.odds_gone(theta, seen)))
    assert ((alive >= 0) & (alive <= 1)).all()
    if model == "bg_nbd" and x == 0:
        assert (alive == 1).all()
    else:
        assert (np.diff(alive) <= 1e-12).all()
    bought = [used.purchases(theta, seen, t) for t in (more, 2 * more)]
    assert (bought[0] >= 0).all()
    assert (bought[1] >= bought[0] * (1 - 1e-9)).all()
    worth = used.purchases(theta, seen, more, 0.05)
    assert (worth <= bought[0] * (1 + 1e-9)).all()
    assert used.purchases(theta, seen, more, 1e-12) == pytest.approx(bought[0], rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(theta=_theta)
@pytest.mark.parametrize("model", KEYS)
def test_slopes_are_those_of_the_likelihood(model: str, theta: np.ndarray) -> None:
    seen = History(np.array([0.0, 1, 3, 40]), np.array([0.0, 2, 8, 30]), np.array([5.0, 9, 8, 31]))
    part = MODELS[model].likelihood(theta, seen)
    for k in range(4):
        low, high = (MODELS[model].likelihood(theta * np.exp(sign * 1e-5 * np.eye(4)[k]), seen).value
                     for sign in (-1, 1))  # fmt: skip
        assert (high - low) / 2e-5 == pytest.approx(part.slope[k], rel=1e-4, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(theta=_theta, x=st.integers(0, 300), tx=st.floats(0.5, 100), wait=st.floats(0.01, 100))
def test_leaving_at_any_moment_is_the_integral(theta: np.ndarray, x: int, tx: float, wait: float) -> None:
    """The rule of few points against adaptive quadrature."""
    from scipy.integrate import quad

    r, alpha, s, beta = theta
    end = tx + wait

    def inner(t: float) -> float:
        return float(np.exp((r + x) * np.log((alpha + end) / (alpha + t)) + s * np.log((beta + end) / (beta + t))
                            - (r + x) * np.log((alpha + end) / (alpha + tx))) / (beta + t))  # fmt: skip

    cuts = [tx + wait * 2.0**-k for k in range(12)]
    pieces = [quad(inner, low, high, epsabs=0)[0] for low, high in zip([tx, *cuts[:0:-1]], cuts[::-1], strict=True)]
    value = np.log(s * sum(pieces)) + (r + x) * np.log((alpha + end) / (alpha + tx))
    seen = History(np.array([float(x)]), np.array([tx]), np.array([end]))
    assert MODELS["pareto_nbd"].odds_gone(theta, seen)[0] == pytest.approx(value, abs=1e-7)


@pytest.mark.parametrize("model", KEYS)
def test_the_unit_of_time_changes_nothing_but_lengths(model: str, cdnow: kb.Dataset, fits: dict[str, Alive]) -> None:
    weeks = fits[model]
    days = kb.alive(cdnow, model=model, unit="day", calibration_end="1997-10-01")
    scale = np.where(MODELS[model].times, 7.0, 1.0)
    assert np.exp(days.fit.point) == pytest.approx(np.exp(weeks.fit.point) * scale, rel=1e-9)
    assert days.log_likelihood == pytest.approx(weeks.log_likelihood - np.log(7) * 2457, rel=1e-9)
    assert days.holdout()["expected"].to_numpy() == pytest.approx(weeks.holdout()["expected"].to_numpy(), rel=1e-8)
    one = weeks.probability_alive(2, 30, 38), days.probability_alive(2, 210, 266)
    columns = ["probability_alive", "probability_alive_ci_lower", "probability_alive_ci_upper"]
    assert one[0][columns].to_numpy() == pytest.approx(one[1][columns].to_numpy(), rel=1e-6)


@pytest.mark.parametrize("model", KEYS)
def test_single_customers_give_the_fit_of_their_cells(model: str, fits: dict[str, Alive]) -> None:
    cells = fits[model].cells
    each = np.random.default_rng(3).permutation(np.repeat(np.arange(len(cells.n)), cells.n))
    ones = {name: getattr(cells, name)[each] for name in ("frequency", "recency", "age")}
    single: Cells = replace(cells, **ones, n=np.ones(len(each), dtype=np.int64))
    found = fit_cells(MODELS[model], single, 7.0)
    assert found.point == pytest.approx(fits[model].fit.point, abs=1e-8)
    assert found.covariance == pytest.approx(fits[model].fit.covariance, rel=1e-4)
    assert found.log_likelihood == pytest.approx(fits[model].log_likelihood, rel=1e-12)


def test_limits_are_those_of_draws_of_the_parameters(fits: dict[str, Alive]) -> None:
    found = fits["mbg_nbd"]
    draws = np.random.default_rng(0).multivariate_normal(found.fit.point, found.fit.covariance, 4000)
    seen = History(np.array([2.0]), np.array([30.0]), np.array([38.0]))
    alive = [1 / (1 + np.exp(found._model.odds_gone(np.exp(one), seen)[0])) for one in draws]
    row = found.probability_alive(2, 30, 38).iloc[0]
    limits = row[["probability_alive_ci_lower", "probability_alive_ci_upper"]].to_numpy(dtype=float)
    assert limits == pytest.approx(np.quantile(alive, [0.025, 0.975]), abs=0.01)


# -- another package ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", KEYS)
def test_other_data_as_in_lifetimes(model: str, lifetimes_csv: Path) -> None:
    import lifetimes

    rows = pd.read_csv(lifetimes_csv).rename(columns={"id": "customer_id", "date": "timestamp"})
    found = kb.alive(kb.open_dataset({"events": rows}, as_of="2015-01-01"), model=model, unit="day")
    summary = lifetimes.utils.summary_data_from_transaction_data(
        rows, "customer_id", "timestamp", observation_period_end="2014-12-31"
    )
    assert found.n == len(summary)
    assert int(found.cells.n @ found.cells.frequency) == summary["frequency"].sum()
    fitters = {"bg_nbd": "BetaGeoFitter", "mbg_nbd": "ModifiedBetaGeoFitter", "pareto_nbd": "ParetoNBDFitter"}
    fitter = getattr(lifetimes, fitters[model])()
    fitter.fit(summary["frequency"], summary["recency"], summary["T"])
    theirs = np.array([fitter.params_[name] for name in MODELS[model].parameters])
    # theirs stops a little early: ours is at least as likely, and near
    seen = found._seen
    at_theirs = float(found.cells.n @ MODELS[model].likelihood(theirs, seen).value)
    assert found.log_likelihood >= at_theirs - 1e-6
    assert at_theirs == pytest.approx(found.log_likelihood, abs=0.5)
    # with their parameters the same answers
    there = replace(found, fit=Fit(np.log(theirs), found.fit.covariance, at_theirs))
    x, tx, end = np.array([0.0, 1, 4, 12]), np.array([0.0, 50, 120, 200]), np.array([100.0, 200, 180, 210])
    assert there.probability_alive(x, tx, end)["probability_alive"].to_numpy() == pytest.approx(
        np.asarray(fitter.conditional_probability_alive(x, tx, end), dtype=float), rel=1e-6
    )
    assert there.expected_purchases(60, x, tx, end)["expected_purchases"].to_numpy() == pytest.approx(
        np.asarray(fitter.conditional_expected_number_of_purchases_up_to_time(60, x, tx, end), dtype=float), rel=1e-6
    )
    new = fitter.expected_number_of_purchases_up_to_time(60)
    assert there.expected_purchases(60)["expected_purchases"][0] == pytest.approx(float(new), rel=1e-6)


# -- concerns and refusals ------------------------------------------------------------------------------


def test_buyers_with_a_rhythm_are_a_concern_and_others_are_none() -> None:
    rng = np.random.default_rng(5)
    random, regular, bursts = (kb.alive(buyers(rng, 400, shape), model="mbg_nbd") for shape in (1, 4, 0.4))
    assert random.regularity.ci_lower < 1 < random.regularity.ci_upper
    assert regular.regularity.value == pytest.approx(4, rel=0.25)  # whole days blur short gaps
    assert not any("rhythm" in said or "bursts" in said for said in random.concerns)
    assert any("follow a rhythm" in said for said in regular.concerns)
    assert any("come in bursts" in said for said in bursts.concerns)
    even = shop({f"c{k}": list(range(k % 7, 59, 7)) for k in range(30)})
    assert kb.alive(even).regularity.value == np.inf


def test_what_was_held_out_and_where_recording_starts_are_concerns(fits: dict[str, Alive], grocery: kb.Dataset) -> None:
    assert any("After the calibration period 1,882 purchases came" in said for said in fits["bg_nbd"].concerns)
    assert any("where recording starts" in said for said in kb.alive(grocery).concerns)
    assert not any("where recording starts" in said for said in kb.alive(grocery, since="2017-02-01").concerns)


def test_customers_taken_for_gone_who_come_back_are_a_concern(fits: dict[str, Alive], cdnow: kb.Dataset) -> None:
    """Everybody pauses for months: no model of leaving for good foresees that."""
    weekly = {f"c{k}": [*range(k % 9, 120, 8 + k % 5), *range(240 + k % 9, 330, 8 + k % 5)] for k in range(60)}
    paused = kb.alive(shop(weekly, "2024-12-01"), model="mbg_nbd", calibration_end="2024-08-01")
    assert any("some silences are pauses" in said for said in paused.concerns)
    assert paused.holdout()["back"].sum() == 60


def test_a_likelihood_without_maximum_says_so_and_holds_what_runs_off(grocery: kb.Dataset) -> None:
    """Where customers do not differ in how they leave, s and beta grow together; what follows hardly changes."""
    found = kb.alive(grocery, model="pareto_nbd", since="2017-02-01")
    parameters = found.parameters().set_index("parameter")
    assert found.concerns[0].startswith("The likelihood has no maximum: beta becomes as large as it may")
    assert np.isnan(parameters.loc["beta", "std_error"])
    assert parameters.loc[["r", "alpha", "s"], "std_error"].notna().all()
    rate = parameters["estimate"]["s"] / parameters["estimate"]["beta"]
    point = found.fit.point + np.log([1, 1, 3, 3])
    further = replace(found, fit=found.fit._replace(point=point))
    assert 0 < rate < 0.1
    assert found.share_alive.value == pytest.approx(further.share_alive.value, abs=0.002)
    assert found.share_alive.ci_lower < found.share_alive.value < found.share_alive.ci_upper


@pytest.mark.parametrize("model", KEYS)
@pytest.mark.parametrize(
    "days",
    [
        {"a": [0, 5]},
        {"a": [0, 59], "b": [59]},
        {f"c{k}": list(range(k, 60)) for k in range(20)},
        {"a": list(range(60)), **{f"c{k}": [k] for k in range(40)}},
        {f"c{k}": [0, 9, 20, 30, 41, 50, 57] for k in range(40)},
    ],
    ids=["one customer", "on the last day", "every day", "one heavy buyer", "all alike"],
)
def test_odd_logs_are_answered_and_a_likelihood_that_runs_off_says_so(model: str, days: dict[str, list[int]]) -> None:
    found = kb.alive(shop(days), model=model, unit="day")
    assert found.concerns[0].startswith("The likelihood has no maximum") == (found.fit.held is not None)
    alive = found.to_frame()["probability_alive"]
    assert ((alive >= 0) & (alive <= 1)).all()
    assert found.share_alive.value > 0
    assert found.cumulative()["actual"].iloc[-1] == sum(len(each) - 1 for each in days.values())


def test_who_bought_once_is_there_with_certainty_by_bg_nbd_only(fits: dict[str, Alive]) -> None:
    once = {model: found.probability_alive(0, 0, 38)["probability_alive"][0] for model, found in fits.items()}
    assert once["bg_nbd"] == 1
    assert once["mbg_nbd"] < 0.5
    assert once["pareto_nbd"] < 0.5
    assert "1,411 of 2,357 customers who bought once" in fits["bg_nbd"].notes[0]
    assert fits["mbg_nbd"].notes == ()
    assert fits["bg_nbd"].share_alive.value > 0.8


def test_what_cannot_be_is_refused(fits: dict[str, Alive], cdnow: kb.Dataset) -> None:
    found = fits["bg_nbd"]
    for wrong, match in (
        ((1, 5, 4), "recency=5 is longer than T=4"),
        ((0, 5, 9), "recency is 0 without repeat purchases"),
        ((1.5, 5, 9), "no number of purchases"),
        (([1, 2], [1, 2, 3], 9), "differ in number"),
        ((-1, 0, 9), "frequency=-1"),
    ):
        with pytest.raises(kb.ArgumentError, match=match):
            found.probability_alive(*wrong)
    with pytest.raises(kb.ArgumentError, match="recency and T missing"):
        found.expected_purchases(3, 1)
    with pytest.raises(kb.ArgumentError, match="did you mean 'bg_nbd'"):
        kb.alive(cdnow, model="bgnbd")
    with pytest.raises(kb.ArgumentError, match="lies behind the end of the data"):
        kb.alive(cdnow, calibration_end="1999-01-01")
    with pytest.raises(kb.ArgumentError, match="does not lie before the end"):
        kb.alive(cdnow, since="1998-01-01", calibration_end="1997-10-01")
    with pytest.raises(kb.NotEnoughData, match="give calibration_end="):
        kb.alive(cdnow).holdout()
    with pytest.raises(kb.NotEnoughData, match="hold no purchase before"):
        kb.alive(cdnow, calibration_end="1996-10-01")
    with pytest.raises(kb.NotEnoughData, match="nobody among 2 customers bought on a second day"):
        kb.alive(shop({"a": [0, 0], "b": [3]}))
