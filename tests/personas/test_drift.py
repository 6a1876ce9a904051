from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.estimate.intervals import welch
from kbind.personas.drift import ARRIVALS, PersonaDrift, Series, best_split, change_points
from kbind.personas.parts import Statement

NEED = Statement({"de": "Berichte", "en": "Reports"}, shows_in={"events.kind": ("report",)})
GROWER = kb.Persona("grower", 1, "Sales", "2026-01-01", {"de": "x", "en": "x"}, (kb.Rule("goal", in_=("grow",)),),
                    needs=(NEED,))  # fmt: skip
QUARTERS = pd.date_range("2020-01-01", "2023-10-01", freq="QS")


def company(rng: np.random.Generator) -> kb.Dataset:
    """120 accounts join a quarter; from 2022 on 20 % of them want to grow instead of 60, and reports are given up."""
    people, contracts, events = [], [], []
    for k, day in enumerate(QUARTERS):
        ids = np.arange(120) + 1000 * k
        goal = np.where(rng.random(120) < (0.6 if day.year < 2022 else 0.2), "grow", "save")
        people.append(pd.DataFrame({"customer_id": ids, "goal": goal}))
        start = day + pd.Timedelta(days=3)
        end = start + pd.to_timedelta(1 + np.floor(rng.exponential(600, 120)), unit="D")
        contracts.append(pd.DataFrame({"customer_id": ids, "start": start, "end": end}))
        for name, chance in (("report", 0.7 if day.year < 2022 else 0.3), ("login", 0.8), ("visit", 1)):
            some = ids[rng.random(120) < chance]
            rows = pd.DataFrame({"customer_id": some, "timestamp": day + pd.Timedelta(days=40), "kind": name})
            events.append(rows)
    tables = {"customers": people, "subscriptions": contracts, "events": events}
    return kb.open_dataset(
        {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()},
        as_of="2024-01-01", recorded_from="2020-01-01",
    )  # fmt: skip


def test_drift_finds_what_was_planted_and_nothing_else() -> None:
    found = kb.persona_drift(GROWER, company(np.random.default_rng(5)))
    changes = found.changes()
    told = changes[["persona", "measure", "level", "need", "period", "direction"]].to_numpy().tolist()
    assert told == [
        ["grower", "arrivals", None, False, "2022-Q1", "down"],
        ["grower", "use", "report", True, "2022-Q1", "lost"],
    ]
    arrivals = changes.iloc[0]
    assert arrivals["before"] == pytest.approx(0.6, abs=0.05)
    assert arrivals["after"] == pytest.approx(0.2, abs=0.05)
    assert arrivals["difference_ci_lower"] < -0.4 < arrivals["difference_ci_upper"] < 0
    assert arrivals["n"] == 120 * 16
    frame = found.to_frame()
    assert frame.columns.tolist() == [
        "persona", "measure", "level", "need", "period", "start", "n", "share", "share_ci_lower", "share_ci_upper"
    ]  # fmt: skip
    # nobody is there at the start of the first quarter, and who leaves at the end of the data is not seen
    retention = frame[frame["measure"] == "retention"]
    assert retention["period"].tolist() == [f"{q.year}-Q{q.quarter}" for q in QUARTERS[:-1]]
    assert retention.iloc[0][["n", "share"]].isna().tolist() == [False, True]
    # in a quarter of 91 days, with a mean stay of 600
    assert retention["share"].mean() == pytest.approx(np.exp(-91 / 600), abs=0.03)
    # nothing is left to chance
    assert changes.equals(kb.persona_drift(GROWER, company(np.random.default_rng(5))).changes())


def test_drift_of_few_periods_has_no_changes_and_says_so() -> None:
    found = kb.persona_drift(GROWER, company(np.random.default_rng(5)), "year")
    assert found.changes().empty
    assert found.notes == ("4 whole periods: too few to look for changes.",)


def test_drift_refuses(telco: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="period='quater' is not known; did you mean 'quarter'"):
        kb.persona_drift(GROWER, telco, "quater")
    with pytest.raises(kb.ArgumentError, match="fdr=0 is no share"):
        kb.persona_drift(GROWER, telco, fdr=0)
    with pytest.raises(kb.ArgumentError, match="no persona"):
        kb.persona_drift([], telco)


def test_best_split_by_hand() -> None:
    count, n = np.array([50, 52, 48, 50, 20, 22, 18, 20]), np.full(8, 100)
    found = best_split(count, n)
    assert found is not None
    assert found.place == 4
    assert found.p_value <= 0.001
    # F of the two means, in one way and the other
    values = np.arcsin(np.sqrt(count / 100))
    between = 4 * (values[:4].mean() - values.mean()) ** 2 + 4 * (values[4:].mean() - values.mean()) ** 2
    within = ((values[:4] - values[:4].mean()) ** 2).sum() + ((values[4:] - values[4:].mean()) ** 2).sum()
    assert found.statistic == pytest.approx(between / (within / 6), rel=1e-9)
    assert change_points(count, n, 0.01) == [4]
    assert best_split(count[:4], n[:4]) is None
    assert best_split(np.full(8, 50), n) is None
    # everybody, of many and of few
    many = np.array([400, 410, 390, 420, 40, 41, 39, 42])
    assert best_split(many, many) is None


def test_welch_is_that_of_scipy_and_without_limits_where_nothing_varies() -> None:
    from scipy.stats import ttest_ind

    shares = np.array([0.5, 0.52, 0.47, 0.3, 0.2, 0.25, 0.31])
    limits = ttest_ind(shares[3:], shares[:3], equal_var=False).confidence_interval(0.9)
    found = welch(shares[3:7], shares[0:3], 0.9)
    assert tuple(found) == pytest.approx((shares[3:].mean() - shares[:3].mean(), limits.low, limits.high), rel=1e-9)
    assert np.isnan(welch(np.array([0.5, 0.5]), np.array([1.0, 1.0]), 0.9).interval).all()


def test_change_points_in_steps() -> None:
    count = np.array([70, 72, 69, 71, 70, 40, 41, 39, 40, 42, 11, 10, 9, 12, 10])
    assert change_points(count, np.full(15, 100), 0.01) == [5, 10]


def drift_of(count: list[int], fdr: float, conf_level: float = 0.95) -> PersonaDrift:
    """One series of shares of 100."""
    starts = tuple(day.date() for day in pd.date_range("2020-01-01", periods=len(count), freq="QS"))
    labels = tuple(f"{day.year}-Q{(day.month + 2) // 3}" for day in starts)
    series = Series("p", ARRIVALS, None, False, starts, labels, np.array(count), np.full(len(count), 100))
    return PersonaDrift((series,), None, fdr, conf_level)


def test_each_change_is_told_against_the_level_before_and_after_it() -> None:
    found = drift_of([70, 72, 69, 71, 70, 40, 41, 39, 40, 42, 11, 10, 9, 12, 10], 0.05, 0.9).changes()
    assert found["period"].tolist() == ["2021-Q2", "2022-Q3"]
    assert found["before"].tolist() == pytest.approx([0.704, 0.404])
    assert found["after"].tolist() == pytest.approx([0.404, 0.104])
    assert found["n"].tolist() == [1000, 1000]
    shares = np.array([70, 72, 69, 71, 70, 40, 41, 39, 40, 42]) / 100
    limits = found[["difference", "difference_ci_lower", "difference_ci_upper"]].iloc[0].tolist()
    assert limits == pytest.approx([*welch(shares[5:10], shares[0:5], 0.9)])


def test_changes_are_those_of_the_fdr_asked_for() -> None:
    count = [50, 54, 46, 52, 42, 50, 44, 46]
    p_value = best_split(np.array(count), np.full(8, 100)).p_value
    assert 0.06 < p_value < 0.9
    assert drift_of(count, 0.05).changes().empty
    assert len(drift_of(count, 0.9).changes())


def test_p_values_of_noise_are_even() -> None:
    """So that a test at 5 % errs in 5 %: 600 series, whose customers differ from quarter to quarter beyond chance."""
    rng = np.random.default_rng(2)
    n = np.array([60, 80, 100, 150, 200, 250, 300, 300, 320, 350, 400, 400])
    p_values = []
    for _ in range(600):
        share = np.clip(0.4 + 0.05 * rng.normal(size=12) * np.sqrt(100 / n), 0.01, 0.99)
        split = best_split(rng.binomial(n, share), n)
        assert split is not None
        p_values.append(split.p_value)
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / 600))


@given(st.lists(st.integers(0, 40), min_size=5, max_size=14))
@example([0, 0, 0, 1, 1])  # two levels and nothing else: rounding decides between very much and endless
@settings(max_examples=25, deadline=None)
def test_best_split_does_not_depend_on_direction_or_on_what_is_counted(counts: list[int]) -> None:
    count, n = np.array(counts), np.full(len(counts), 40)
    found, others, back = best_split(count, n), best_split(40 - count, n), best_split(count[::-1], n)
    if found is None:
        assert others is back is None
        return
    assert others is not None
    assert back is not None
    assert 0 < found.p_value <= 1
    assert found.statistic == pytest.approx(others.statistic, rel=1e-6)
    assert found.statistic == pytest.approx(back.statistic, rel=1e-6)
