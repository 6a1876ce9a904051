from __future__ import annotations

from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from kbind.experiments.sizes import (
    critical,
    customers_for,
    detectable,
    events_for,
    for_means,
    for_shares,
    leaving,
)


def test_for_shares_is_what_r_gives() -> None:
    # R: power.prop.test(p1 = .50, p2 = .75, power = .90) # => n = 76.7; of its help page
    assert round(for_shares(0.5, 0.75, power=0.9) / 2, 1) == 76.7
    # R: power.prop.test(p1 = .2, p2 = .25, power = .8) gives n = 1093.739
    assert for_shares(0.2, 0.25) / 2 == pytest.approx(1093.739, abs=1e-3)
    # R: power.prop.test(n = 50, p1 = .50, p2 = .75) ## => power = 0.740
    assert detectable("retained", {"retained": 0.5}, 100, 0.5, 0.95, 0.7401659, looks=False) == pytest.approx(
        0.25, abs=1e-5
    )


def test_for_means_is_what_r_gives() -> None:
    # R: power.t.test(power = .90, delta = 1) # => n = 22.02; of its help page
    assert round(for_means(1.0, 1.0, power=0.9) / 2, 2) == 22.02
    assert for_means(1.0, 0.1) / 2 == pytest.approx(1570.733, abs=0.01)  # R: power.t.test(power = .8, delta = .1)
    # the two ways of computing it meet
    assert for_means(1.0, 0.12533) == pytest.approx(for_means(1.0, 0.12537), abs=2)


def test_events_for_is_schoenfelds_formula() -> None:
    z = norm.ppf(0.975) + norm.ppf(0.8)
    assert events_for(0.7, share=0.3) == pytest.approx(z**2 / (0.3 * 0.7 * log(0.7) ** 2))
    # of 100 left alone 10 leave, of 100 treated 1 - .9^.5 = 5.13 do
    assert leaving(0.9, 0.5, 0.5) == pytest.approx((0.1 + 1 - 0.9**0.5) / 2)


def test_looks_take_more_customers() -> None:
    assert critical(0.95, False) == pytest.approx(1.96, abs=1e-3)
    assert critical(0.95, True) == pytest.approx(3.035, abs=1e-3)
    assert for_shares(0.5, 0.6, looks=True) > 1.8 * for_shares(0.5, 0.6)


@settings(deadline=None, max_examples=60)
@given(
    outcome=st.sampled_from(["retained", "revenue", "time"]),
    n=st.integers(200, 100_000),
    share=st.floats(0.1, 0.9),
    power=st.floats(0.6, 0.95),
    looks=st.booleans(),
)
def test_detectable_is_the_effect_that_takes_so_many(
    outcome: str, n: int, share: float, power: float, looks: bool
) -> None:
    base = {"mean": 50.0, "sd": 30.0} if outcome == "revenue" else {"retained": 0.6}
    found = detectable(outcome, base, n, share, 0.95, power, looks=looks)
    if found == found:
        assert customers_for(outcome, base, found, share, 0.95, power, looks=looks) == pytest.approx(n, rel=1e-4)


def test_customers_for_nothing_are_never_enough() -> None:
    assert customers_for("retained", {"retained": 0.9}, 0.0, 0.5, 0.95, 0.8, looks=False) == float("inf")
    assert customers_for("revenue", {"sd": 1.0}, 0.0, 0.5, 0.95, 0.8, looks=False) == float("inf")
    assert customers_for("time", {"retained": 0.9}, 1.0, 0.5, 0.95, 0.8, looks=False) == float("inf")
    assert detectable("retained", {"retained": 0.999}, 20, 0.5, 0.95, 0.8, looks=False) != 0
