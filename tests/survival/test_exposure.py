from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.survival.exposure import Exposure, exposure, known_from, stretches


def company(seed: int, n: int = 200) -> kb.Dataset:
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2022-01-01")
    start, stay = rng.integers(0, 500, n), rng.integers(1, 700, n)
    end = pd.Series(day + pd.to_timedelta(start + stay, unit="D"))
    asked = rng.integers(0, n, 2 * n)
    opened = day + pd.to_timedelta(start[asked] + rng.integers(0, 300, 2 * n), unit="D")
    contracts = pd.DataFrame({"customer_id": range(n), "start": day + pd.to_timedelta(start, unit="D"),
                              "end": end.where(end < "2023-10-01")})  # fmt: skip
    tickets = pd.DataFrame({"customer_id": asked, "opened": opened})
    return kb.open_dataset({"subscriptions": contracts, "tickets": tickets}, as_of="2023-10-01")


STEPS = {
    "stretches": "SELECT customer_id, CAST(_when AS DATE) + 7 AS begins, CAST(_when AS DATE) + 67 AS ends "
    "FROM asked WHERE _when < _as_of"
}


def asked(data: kb.Dataset) -> Exposure:
    table = stretches(data, STEPS, {"asked": "tickets"}, when=data.wall_time("tickets", "opened"))
    return exposure(data, {"asked": table}, smooth=True)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_stretches_are_what_after_is(seed: int) -> None:
    data = company(seed)
    model = kb.hazard_model(data, after={"asked": kb.After("tickets", "opened", lag="7D", window="60D")})
    ratios = asked(data).cox(["asked"])
    assert ratios.coef == pytest.approx(model.fit.coef, rel=1e-6, abs=1e-9)
    assert ratios.cov == pytest.approx(model.fit.cov, rel=1e-6)


def test_months_at_risk_add_up() -> None:
    data = company(1)
    time, lives = asked(data), kb.durations(data)
    assert time.months() == pytest.approx((lives.n * (lives.duration - lives.entry)).sum())
    assert time.left.sum() == lives.events
    assert time.months(time.holds("asked")) + time.months(~time.holds("asked")) == pytest.approx(time.months())


def test_smooth_hazard_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    from kbind.survival.exposure import AGES

    time = asked(company(2))
    age = np.log1p(np.asarray(AGES)[np.searchsorted(AGES, time.duration) - 1])
    x = sm.add_constant(np.column_stack([time.values[:, 0], age]))
    span = time.duration - time.entry
    fit = sm.GLM(time.left[span > 0].astype(float), x[span > 0], sm.families.Poisson(), exposure=span[span > 0]).fit()
    found = time.smooth(["asked"])
    assert found.coef[0] == pytest.approx(fit.params[1], rel=1e-6)
    assert found.cov[0, 0] == pytest.approx(fit.bse[1] ** 2, rel=1e-6)


def test_what_is_known_counts_from_then_on_only() -> None:
    """Of one customer 10 months are seen, and something is known from month 4 to month 6 and from month 9 on."""
    contracts = pd.DataFrame({"customer_id": [1, 2], "start": "2023-01-01", "end": ["2023-11-01", None]})
    known = pd.DataFrame({"customer_id": [1, 1, 2], "opened": ["2023-05-01", "2023-10-01", "2023-03-01"],
                          "closed": ["2023-07-01", None, "2023-04-01"], "points": [3.0, 5.0, np.nan]})  # fmt: skip
    data = kb.open_dataset({"subscriptions": contracts, "tickets": known}, as_of="2024-01-01")
    steps = {"stretches": "SELECT customer_id, points, CAST(opened AS DATE) AS begins, CAST(closed AS DATE) AS ends "
             "FROM asked"}  # fmt: skip
    time = known_from(data, stretches(data, steps, {"asked": "tickets"}), ["points"])
    assert time.entry.tolist() == [4, 9]
    assert time.duration.tolist() == [6, 10]
    assert time.left.tolist() == [False, True]
    assert time.values[:, 0].tolist() == [3, 5]


def test_too_few_to_tell() -> None:
    with pytest.raises(kb.NotEnoughData, match="left while 'asked' held; needed: 5"):
        asked(company(3, n=12)).cox(["asked"])


def test_ratio_of_two_is_the_difference_of_their_logarithms() -> None:
    from kbind.survival.exposure import Ratios

    both = Ratios(("a", "b"), np.array([1.0, 0.4]), np.array([[0.04, 0.01], [0.01, 0.09]]))
    found = both.ratio("a", "b", conf_level=0.95)
    assert log(found.value) == pytest.approx(0.6)
    assert log(found.ci_upper) == pytest.approx(0.6 + 1.959964 * np.sqrt(0.04 + 0.09 - 0.02))
