"""The lapse rule: by hand, on planted rhythms of customers who never leave, against pandas, and on real data."""

from __future__ import annotations

import json
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.estimate.intervals import wilson
from kbind.orders.lapse import clustered_share

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "purchases.json").read_text())
START = pd.Timestamp("2020-01-01")


def log(days: dict[Any, list[int]], as_of: int, **columns: Any) -> kb.Dataset:
    """Customers active on so-manieth days."""
    rows = [(who, START + pd.Timedelta(days=day)) for who, some in days.items() for day in some]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp"]).assign(**columns)
    return kb.open_dataset({"events": frame}, as_of=START + pd.Timedelta(days=as_of))


def steps(first: int, *gaps: int) -> list[int]:
    return np.cumsum([first, *gaps]).tolist()


# -- by hand ---------------------------------------------------------------------------------------


def test_status_by_hand() -> None:
    """Nine gaps: the 90 % quantile is the ninth; the floor is 28 days; the data ends on day 400."""
    weekly, slow = [7] * 8, [60] * 5
    days = {
        "active": steps(400 - 5 - 56 - 10, *weekly, 10),
        "at the quantile": steps(400 - 10 - 56 - 10, *weekly, 10),
        "at risk": steps(400 - 11 - 56 - 10, *weekly, 10),
        "at the floor": steps(400 - 28 - 56 - 10, *weekly, 10),
        "lapsed": steps(400 - 29 - 56 - 10, *weekly, 10),
        "slow, beyond the floor only": steps(400 - 50 - 300, *slow),
        "slow, lapsed": steps(400 - 61 - 300, *slow),
        "too few": steps(0, 7, 7, 7, 7),
    }
    found = kb.lapse(log(days, 400), floor="28D", quantile=0.9, min_events=6)
    frame = found.customers().set_index("customer_id")
    status = {
        "active": "active", "at the quantile": "active", "at risk": "at risk", "at the floor": "at risk",
        "lapsed": "lapsed", "slow, beyond the floor only": "at risk", "slow, lapsed": "lapsed",
        "too few": "too few events to tell",
    }  # fmt: skip
    assert frame["status"].to_dict() == status
    assert frame.loc["lapsed", ["days_active", "days_since_last", "own_quantile", "limit"]].tolist() == [10, 29, 10, 28]
    assert frame.loc["slow, lapsed", ["own_quantile", "limit"]].tolist() == [60, 60]
    assert frame.loc["too few", ["own_quantile", "limit"]].isna().all()
    row = found.to_frame().iloc[0]
    assert row[["n_customers", "n_active", "n_at_risk", "n_lapsed", "n_too_few"]].tolist() == [8, 2, 3, 2, 1]
    assert row["share_lapsed"] == pytest.approx(2 / 7)
    assert row["days_to_call"] == pytest.approx((5 * 28 + 2 * 60) / 7)


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [(0.1, 1), (0.11, 2), (0.5, 5), (0.9, 9), (0.91, 10), (1.0, 10), (0.3, 3), (0.7, 7)],
)
def test_quantile_is_a_gap_that_occurred(quantile: float, expected: int) -> None:
    """Type 1 of gaps 1 to 10, as R's quantile(1:10, p, type = 1); .3 and .7 of ten are no whole numbers in binary."""
    data = log({1: steps(0, *range(10, 0, -1))}, 60)
    assert kb.lapse(data, floor="0D", quantile=quantile).customers()["own_quantile"].tolist() == [expected]


def test_past_silences_are_judged_by_what_was_known_then() -> None:
    """A week between eight visits, then 30 days, then always 40: the 30 were an alarm, though later gaps are longer."""
    data = log({1: steps(0, *[7] * 7, 30, *[40] * 20)}, 2000)
    row = kb.lapse(data, floor="14D", quantile=0.9, min_events=8).to_frame().iloc[0]
    # at the 30: seven gaps of 7. At the first 40: the eighth of seven 7 and a 30 is 30, so an alarm. At the second: the
    # ninth of nine is 40, no alarm, nor at any later one. At last silent for good
    assert row["silences"] == 3
    assert row["returned"] == 2
    assert row[["judged", "false_alarms"]].tolist() == [3, 2]


def test_maturity_gives_every_alarm_the_same_time() -> None:
    """Floor 10. Returns after 30, 31 and 60 days; open ones that are too young do not count."""
    days = {1: [0, 30], 2: [0, 31], 3: [0, 60], 4: [69], 5: [70], 6: [88]}
    found = kb.lapse(log(days, 100), floor="10D", quantile=None, maturity="20D").to_frame().iloc[0]
    # past: the three; open: 1 to 5 (silent for 70, 69, 40, 31, 30 days) and 6 (12 days)
    assert found[["silences", "returned"]].tolist() == [9, 3]
    # judged when more than 30 days lie behind the last activity: not 5 and 6; over by day 30: only 1
    assert found[["judged", "false_alarms"]].tolist() == [7, 1]


def test_days_of_activity_and_not_rows_count() -> None:
    """Rows of one day are one day, and the day is that of the zone: 23:30 in New York is tomorrow in London."""
    stamps = ["2024-01-01T23:30-05:00", "2024-01-02T00:30-05:00", "2024-01-02T09:00-05:00", "2024-01-20T09:00-05:00"]
    frame = pd.DataFrame({"customer_id": 1, "timestamp": stamps})
    new_york = kb.open_dataset({"events": frame}, timezone="America/New_York")
    assert kb.lapse(new_york).customers()["days_active"].tolist() == [3]
    london = kb.open_dataset({"events": frame}, timezone="Europe/London")
    assert kb.lapse(london).customers()["days_active"].tolist() == [2]
    # the second of January is not over at noon
    assert kb.lapse(new_york.assuming(as_of="2024-01-02T12:00")).customers()["days_active"].tolist() == [1]


def test_groups_and_earlier_end() -> None:
    days = {1: [0, 5, 10], 2: [0, 50]}
    data = log(days, 100, channel=["app", "app", "app", "web", "web"])
    frame = kb.lapse(data, by="channel", quantile=None, floor="20D").to_frame().set_index("channel")
    assert frame["silences"].to_dict() == {"app": 1, "web": 2}
    early = kb.lapse(data.assuming(as_of=START + pd.Timedelta(days=30)), by="channel", quantile=None, floor="20D")
    assert early.to_frame()["silences"].tolist() == [0, 1]
    assert early.customers()["status"].tolist() == ["active", "lapsed"]
    assert early.customers()["channel"].tolist() == ["app", "web"]
    named = log(days, 100, status=["app", "app", "app", "web", "web"])
    assert kb.lapse(named, by="status").customers()["by_status"].tolist() == ["app", "web"]
    assert np.isnan(early.to_frame()["false_alarm_rate"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"floor": 56}, "floor=56 is no length"),
        ({"maturity": "x"}, "maturity='x' is no length"),
        ({"quantile": 90}, "quantile=90 is no share of the gaps; allowed: above 0 up to 1, or None"),
        ({"min_events": 1}, "min_events=1 is not enough for a gap; allowed: whole numbers from 2"),
        ({"by": "chanel"}, "by='chanel' is no column"),
        ({"conf_level": 2}, "conf_level=2"),
    ],
)
def test_lapse_argument(arguments: dict[str, Any], message: str) -> None:
    data = log({1: [0, 5]}, 100)
    with pytest.raises(kb.ArgumentError, match=message):
        kb.lapse(data, **arguments)
    with pytest.raises(kb.ArgumentError, match="floors='14D' is no list of lengths"):
        kb.lapse(data).curve("14D")
    with pytest.raises(kb.ArgumentError, match="floors=14 is no list of lengths"):
        kb.lapse(data).curve(14)


def test_lapse_of_nobody_lacks_data() -> None:
    with pytest.raises(kb.NotEnoughData, match="hold nobody before 2019-01-01"):
        kb.lapse(log({1: [0, 5]}, 100).assuming(as_of="2019-01-01"))


# -- planted truth ---------------------------------------------------------------------------------


def test_false_alarm_rate_of_customers_who_never_leave() -> None:
    """Every day with probability p, for ever: whatever the limit, they are back within d days with 1 - (1 - p)^d."""
    rng = np.random.default_rng(5)
    p, length = 0.03, 1500
    days = {i: np.flatnonzero(rng.random(length) < p).tolist() for i in range(400)}
    data = log(days, length)
    truth = 1 - (1 - p) ** 30
    for quantile in (None, 0.5, 0.9):
        frame = kb.lapse(data, floor="40D", quantile=quantile, maturity="30D").curve(["28D", "42D", "56D"])
        error = np.sqrt(truth * (1 - truth) / frame["judged"])
        assert (frame["judged"] > 500).all()
        assert (abs(frame["false_alarm_rate"] - truth) < 3 * error).all()
        width = frame["false_alarm_rate_ci_upper"] - frame["false_alarm_rate_ci_lower"]
        np.testing.assert_allclose(width, 2 * 1.96 * error, rtol=0.2)


def test_share_of_silences_that_raise_an_alarm_without_look_ahead() -> None:
    """Exchangeable gaps: the next exceeds the r-th of m earlier ones with probability (m + 1 - r) / (m + 1).

    With a look-ahead, a quantile of all the gaps would be exceeded by at most a tenth of them.
    """
    rng = np.random.default_rng(11)
    people, gaps, least = 800, 11, 8
    days = {i: steps(0, *rng.integers(30, 3000, gaps)) for i in range(people)}
    # one day of every customer is the last one of the data, so no open silence adds to the count
    row = kb.lapse(log(days, 33_001), floor="0D", quantile=0.9, min_events=least).to_frame().iloc[0]
    expected = [(m + 1 - ceil(0.9 * m)) / (m + 1) for m in range(least - 1, gaps)]
    assert row["returned"] == pytest.approx(people * sum(expected), abs=3 * np.sqrt(people * sum(expected)))
    assert row["returned"] > 1.15 * 0.1 * people * len(expected)


def test_lapse_finds_who_has_left_in_simulated_purchases() -> None:
    data = kb.datasets.load_saas("b2c")
    assert data.truth is not None
    frame = kb.lapse(data).customers().set_index("customer_id")
    last = data.truth.spells.sort_values("start_month").groupby("customer_id").tail(1).set_index("customer_id")
    told = frame[frame["status"] != "too few events to tell"].join(last)
    gone = told["left_month"] < 36 - 8
    assert (told[gone]["status"] == "lapsed").mean() > 0.95
    assert (told[told["left_month"].isna()]["status"] == "lapsed").mean() < 0.1


# -- against pandas, R and each other --------------------------------------------------------------


def one_by_one(days: dict[int, list[int]], end: int, rule: tuple[int, float | None, int, int]) -> dict[str, int]:
    floor, quantile, least, maturity = rule
    result = dict.fromkeys(("silences", "returned", "judged", "false_alarms", "n_lapsed", "n_at_risk", "n_too_few"), 0)
    for some in days.values():
        active = sorted(set(some))
        for j, day in enumerate(active):
            before = sorted(b - a for a, b in pairwise(active[: j + 1]))
            last = j == len(active) - 1
            if quantile is None:
                own = floor
            elif j + 1 < least:
                result["n_too_few"] += last
                continue
            else:
                own = before[max(ceil(round(quantile * len(before), 9)), 1) - 1]
            limit, gap, seen = max(floor, own), None if last else active[j + 1] - day, end - day
            length = seen if gap is None else gap
            result["n_lapsed"] += last and length > limit
            result["n_at_risk"] += last and min(floor, own) < length <= limit
            if length > limit:
                result["silences"] += 1
                result["returned"] += gap is not None
                result["judged"] += seen > limit + maturity
                result["false_alarms"] += seen > limit + maturity and gap is not None and gap <= limit + maturity
    return result


@settings(max_examples=25, deadline=None)
@given(
    days=st.dictionaries(st.integers(1, 4), st.lists(st.integers(0, 199), min_size=1, max_size=25), min_size=1),
    floor=st.integers(0, 40),
    quantile=st.sampled_from([None, 0.3, 0.5, 0.9, 1.0]),
    least=st.integers(2, 8),
    maturity=st.integers(0, 60),
)
def test_lapse_as_counted_one_by_one(
    days: dict[int, list[int]], floor: int, quantile: float | None, least: int, maturity: int
) -> None:
    found = kb.lapse(log(days, 200), floor=f"{floor}D", quantile=quantile, min_events=least, maturity=f"{maturity}D")
    row = found.to_frame().iloc[0]
    expected = one_by_one(days, 200, (floor, quantile, least, maturity))
    assert {name: row[name] for name in expected} == expected
    assert row[["n_active", "n_at_risk", "n_lapsed", "n_too_few"]].sum() == row["n_customers"] == len(days)
    curve = found.curve([f"{floor + 7}D", f"{floor}D"])
    pd.testing.assert_frame_equal(curve.head(1), found.to_frame())
    assert curve["silences"].is_monotonic_decreasing
    assert curve["n_lapsed"].is_monotonic_decreasing


def test_gaps_lifetimes_as_in_r(lifetimes_csv: Path) -> None:
    rows = pd.read_csv(lifetimes_csv).rename(columns={"id": "customer_id", "date": "timestamp"})
    longest = GOLDEN["longest_gap_days"]
    found = kb.lapse(kb.open_dataset({"events": rows}), quantile=None)
    curve = found.curve(["0D", f"{longest - 1}D", f"{longest}D"])
    assert curve["returned"].tolist() == [GOLDEN["gaps"], 1, 0]


def test_lapse_grocery_by_the_fixed_rule(grocery: kb.Dataset) -> None:
    """Counted before the library was written: 1,016 silences of more than 56 days ended in a return."""
    row = kb.lapse(grocery, floor="56D", quantile=None).to_frame().iloc[0]
    assert row["returned"] == 1016
    assert row["n_customers"] == 2469
    own = kb.lapse(grocery, floor="56D").to_frame().iloc[0]
    assert own["returned"] < 1016 / 3  # the own rhythm explains most of them
    assert own["n_too_few"] > 0


def test_clustered_share_is_wilson_where_customers_have_one_silence_each() -> None:
    sums = {"judged": 40, "false_alarms": 30, "alarmed": 40, "mm": 40, "my": 30, "yy": 30}
    found = clustered_share({name: np.array([n]) for name, n in sums.items()}, 0.95)
    # the variance with 39 instead of 40 is all that differs
    np.testing.assert_allclose(np.ravel(found), np.ravel(wilson(30 * 39 / 40, 39)), rtol=1e-12)


@pytest.mark.parametrize("false", [0, 12])
def test_clustered_share_at_the_ends(false: int) -> None:
    """Four customers with three silences each, all alike: as sure as four, not as twelve."""
    sums = {"judged": 12, "false_alarms": false, "alarmed": 4, "mm": 36, "my": 3 * false, "yy": false**2 // 4}
    found = np.ravel(clustered_share({name: np.array([n]) for name, n in sums.items()}, 0.95))
    np.testing.assert_allclose(found, np.ravel(wilson(4 * (false > 0), 4)))
