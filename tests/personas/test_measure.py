from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.customers.at_signing import Prospects, prospects
from kbind.estimate.influenced import Influenced
from kbind.estimate.intervals import normal, two_sided
from kbind.personas.refinement.measure import (
    adjusted_difference,
    enough,
    first_year,
    jaccard,
    retained_revenue,
    retention,
    revenue,
    share_of,
)


def customers(**columns: object) -> Prospects:
    frame = pd.DataFrame(columns)
    frame.insert(0, "customer_id", range(len(frame)))
    roles = {"churned": "churned"} | {r: r for r in ("tenure", "revenue") if r in frame}
    return prospects(kb.open_dataset({"customers": frame}, roles=roles))


def at_risk(p: Prospects, months: np.ndarray) -> Prospects:
    """The same customers, seen for some months each."""
    from dataclasses import replace

    return replace(p, rate=True, size=months, first_size=np.minimum(months, 12.0))


def is_level(p: Prospects, name: str, level: str) -> np.ndarray:
    return p.attributes[name].codes == p.attributes[name].levels.index(level)


@pytest.fixture
def ten() -> Prospects:
    """Ten customers: of six on plan a three stay, of four on plan b one does."""
    return customers(
        plan=list("aaaaaabbbb"),
        churned=[True] * 3 + [False] * 3 + [True] * 3 + [False],
        revenue=[1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        tenure=[1, 20, 20, 1, 20, 20, 1, 1, 20, 1],
    )


def test_retention_of_ten_customers(ten: Prospects) -> None:
    a, every = is_level(ten, "plan", "a"), np.ones(len(ten.n), dtype=bool)
    assert retention(ten, ten.n, a).value == pytest.approx(3 / 6)
    assert retention(ten, ten.n, every).value == pytest.approx(4 / 10)
    assert retention(ten, ten.n, a).error(ten.n) == pytest.approx(np.sqrt(0.25 / 6))
    assert revenue(ten, ten.n, a).value == pytest.approx(3.5)
    assert retained_revenue(ten, ten.n, a).value == pytest.approx((4 + 5 + 6) / 6)
    assert first_year(ten, ten.n, a).value == pytest.approx(1 / 2)
    assert share_of(ten.n, a) == 0.6
    assert jaccard(ten.n, a, every) == 0.6


def test_retention_of_months_at_risk(ten: Prospects) -> None:
    p = at_risk(ten, np.full(len(ten.n), 10.0))
    a = is_level(p, "plan", "a")
    found = retention(p, p.n, a)
    assert found.value == pytest.approx(np.exp(-12 * 3 / 60))
    # the rate's standard error times the slope
    assert found.error(p.n) == pytest.approx(12 * found.value * np.sqrt(6 * 0.25 / 60**2))


def test_minus_minds_customers_in_both(ten: Prospects) -> None:
    """Six of ten against all ten: the difference is 4/10 of that to the other four."""
    a = is_level(ten, "plan", "a")
    every = np.ones(len(ten.n), dtype=bool)
    found = retention(ten, ten.n, a).minus(retention(ten, ten.n, every))
    assert found.value == pytest.approx(0.1)
    apart = 0.25 / 6 + 0.25 * 0.75 / 4
    # the share of plan a moves too, and with it the difference: it is not fixed by design
    moves = 0.25**2 * 0.6 * 0.4 / 10
    assert found.error(ten.n) ** 2 == pytest.approx(0.4**2 * apart + moves, rel=0.01)


def test_minus_of_separate_groups_is_the_unpooled_error(ten: Prospects) -> None:
    a = is_level(ten, "plan", "a")
    found = retention(ten, ten.n, a).minus(retention(ten, ten.n, ~a))
    assert found.error(ten.n) == pytest.approx(np.sqrt(0.25 / 6 + 0.25 * 0.75 / 4))


@settings(max_examples=25, deadline=None)
@given(
    stay=st.lists(st.booleans(), min_size=12, max_size=12),
    sets=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=12, max_size=12),
    rate=st.booleans(),
)
def test_influence_is_what_leaving_one_out_changes(stay: list[bool], sets: list[tuple[bool, bool]], rate: bool) -> None:
    """(n - 1) (value - value without one) tends to the influence times n."""
    stay[:2] = [True, False]
    sets[:4] = [(True, True), (True, True), (True, False), (False, True)]
    p = customers(churned=~np.array(stay), key=list("abcdefghijkl"), revenue=np.arange(12.0))
    if rate:
        p = at_risk(p, np.linspace(3, 9, 12))
    order = [p.attributes["key"].levels[k] for k in p.attributes["key"].codes]
    one, other = (np.array([dict(zip("abcdefghijkl", sets, strict=True))[key][k] for key in order]) for k in (0, 1))
    many = p.n * 1000

    def value(n: np.ndarray) -> Influenced:
        return retained_revenue(p, n, one).minus(retained_revenue(p, n, other))

    whole = value(many)
    for row in range(12):
        less = many.copy()
        less[row] -= 1
        assert whole.value - value(less).value == pytest.approx(whole.influence[row], abs=1e-5)


def test_enough_takes_customers_leavers_and_stayers() -> None:
    for left, n, said in ((10, 100, True), (9, 100, False), (91, 100, False), (90, 100, True), (50, 99, False)):
        p = customers(churned=np.arange(n) < left, plan=["a"] * n)
        assert enough(p, p.n, np.ones(len(p.n), dtype=bool)) == said


def test_figures_of_nobody_are_unknown(ten: Prospects) -> None:
    nobody = np.zeros(len(ten.n), dtype=bool)
    for figure in (retention, first_year, revenue, retained_revenue):
        assert np.isnan(figure(ten, ten.n, nobody).value)
    assert np.isnan(share_of(ten.n, nobody, nobody))


@pytest.mark.parametrize("rate", [False, True])
def test_adjusted_difference_equals_statsmodels(telco: kb.Dataset, rate: bool) -> None:
    """Averaged predictions of a regression by statsmodels, the error by its covariance and numeric derivatives."""
    import statsmodels.api as sm

    p = prospects(telco)
    if rate:
        p = at_risk(p, np.maximum(p.months, 0.5))
    group = p.attributes["tech_support"].codes
    levels = p.attributes["tech_support"].levels
    group = np.select([group == levels.index("Yes"), group == levels.index("No")], [1, 0], default=-1)
    value, error = adjusted_difference(p, p.n, group, {0: -1.0, 1: 1.0}, ["contract", "tenure"])
    used = group >= 0
    contract = p.attributes["contract"].codes[used]
    months = p.numbers["tenure"][used]
    months = (months - months.mean()) / months.std()
    x = np.column_stack([np.ones(used.sum()), contract == 1, contract == 2, months, group[used]]).astype(float)
    y, weight = p.gone[used].astype(float), p.n[used].astype(float)
    family, offset = (sm.families.Poisson(), np.log(p.size[used])) if rate else (sm.families.Binomial(), None)
    fit = sm.GLM(y, x, family=family, offset=offset, freq_weights=weight).fit(tol=1e-12)

    def difference(beta: np.ndarray) -> float:
        kept = []
        for answer in (1.0, 0.0):
            line = np.column_stack([x[:, :4], np.full(len(x), answer)]) @ beta
            stay = np.exp(-12 * np.exp(line)) if rate else 1 / (1 + np.exp(line))
            kept.append(np.average(stay, weights=weight))
        return float(kept[0] - kept[1])

    step = 1e-6 * np.eye(5)
    slope = [(difference(fit.params + h) - difference(fit.params - h)) / 2e-6 for h in step]
    assert value == pytest.approx(difference(fit.params), abs=1e-7)
    assert error == pytest.approx(np.sqrt(slope @ fit.cov_params() @ slope), rel=1e-5)


def test_adjusted_difference_without_columns_is_the_raw_one(ten: Prospects) -> None:
    a = is_level(ten, "plan", "a")
    value, error = adjusted_difference(ten, ten.n, a.astype(int), {1: 1.0, 0: -1.0}, [])
    raw = retention(ten, ten.n, a).minus(retention(ten, ten.n, ~a))
    assert value == pytest.approx(raw.value)
    assert error == pytest.approx(raw.error(ten.n))


def test_adjusted_difference_vanishes_where_a_cause_explains_it() -> None:
    rng = np.random.default_rng(0)
    cause = rng.integers(0, 2, 4000)
    level = np.where(rng.random(4000) < 0.8, cause, 1 - cause)
    p = customers(level=level, cause=cause.astype(str), churned=rng.random(4000) < np.where(cause == 1, 0.2, 0.5))
    group = p.attributes["level"].codes
    raw = adjusted_difference(p, p.n, group, {1: 1.0, 0: -1.0}, [])
    value, error = adjusted_difference(p, p.n, group, {1: 1.0, 0: -1.0}, ["cause"])
    assert normal(*raw, 0.95).ci_lower > 0.1
    assert abs(value) < 2 * error < 0.05


def test_adjusted_difference_is_unknown_for_an_empty_or_separated_group(ten: Prospects) -> None:
    a = is_level(ten, "plan", "a")
    assert np.isnan(adjusted_difference(ten, ten.n, np.where(a, 1, -1), {1: 1.0, 0: -1.0}, [])[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = adjusted_difference(ten, ten.n, ten.gone.astype(int), {1: 1.0, 0: -1.0}, [])
    assert np.isnan(found[0])
    assert np.isnan(two_sided(*found))
