from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.practices.service_recovery import BADLY, COMPLAINED, WELL


def company(n: int, bad: float, well: float, seed: int = 0, **tickets: object) -> kb.Dataset:
    """Customers who leave with a constant hazard, times that of the ticket they had in their fifth month."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    kind = rng.integers(0, 3, n)
    ratio = np.select([kind == 1, kind == 2], [bad, well], 1.0)
    # cumulative hazard by day: 0.04 a month, times the ratio for 92 days from 31 days after the ticket of day 150
    target = rng.exponential(size=n) * 365.25 / 12 / 0.04
    begin, until = 181, 273
    gone = np.where(target < begin, target, np.where(target < begin + 92 * ratio, begin + (target - begin) / ratio,
                    until + target - begin - 92 * ratio))  # fmt: skip
    end = (start + pd.to_timedelta(np.ceil(gone), unit="D")).to_series(index=range(n))
    ids = np.arange(n)
    asked = (kind > 0) & (gone > 150)
    opened = start[asked] + pd.Timedelta("150D")
    closed = opened + pd.to_timedelta(np.where(kind[asked] == 1, 480, 20), unit="h")
    frame = pd.DataFrame({"customer_id": ids[asked], "opened": opened, "closed": closed, "severity": 4, **tickets})
    contracts = pd.DataFrame({"customer_id": ids, "start": start, "end": end.where(end < "2024-01-01")})
    return kb.open_dataset({"subscriptions": contracts, "tickets": frame}, as_of="2024-01-01")


def test_planted_ratios_are_found() -> None:
    found = kb.service_recovery(company(6000, 3.0, 0.5))
    assert found.bad_vs_none.ci_lower < 3.0 < found.bad_vs_none.ci_upper
    assert found.well_vs_none.ci_lower < 0.5 < found.well_vs_none.ci_upper
    assert found.well_vs_bad.value == pytest.approx(found.well_vs_none.value / found.bad_vs_none.value)
    stay = np.exp(-0.04 * 92 * 12 / 365.25 * np.array([1.0, 3.0]))
    assert found.staying["bad_vs_none"].ci_lower < stay[1] - stay[0] < found.staying["bad_vs_none"].ci_upper
    assert found.staying["none"].value == pytest.approx(stay[0], abs=0.01)
    assert found.complainers.ci_lower < 1 < found.complainers.ci_upper
    assert (found.staying["well_vs_none"].ci_lower > 0) == (found.well_vs_none.ci_upper < 1)


def test_counts_by_hand() -> None:
    """Ten leave 60 days after a complaint settled late, ten after one settled soon, others without one."""
    n = 40
    begin = pd.Timestamp("2023-01-01")
    end = pd.Series([begin + pd.Timedelta(days=100 + k % 10) for k in range(n)])
    contracts = pd.DataFrame({"customer_id": range(n), "start": begin, "end": end.where(np.arange(n) < 30)})
    opened = end[:20] - pd.Timedelta("60D")
    late = np.arange(20) < 10
    tickets = pd.DataFrame({"customer_id": range(20), "opened": opened, "goodwill": np.where(late, 0, 5),
                            "closed": opened + pd.to_timedelta(np.where(late, 20, 1), unit="D")})  # fmt: skip
    data = kb.open_dataset({"subscriptions": contracts, "tickets": tickets}, as_of="2023-07-01")
    classes = kb.service_recovery(data).classes.set_index("handling")
    assert classes["left"].tolist() == [10, 0, 10]
    assert classes["hours"].tolist()[::2] == [24, 480]
    assert classes["goodwill"].tolist()[::2] == [1, 0]
    # from 31 days after the complaint to the day of leaving, 29 days later
    assert classes.loc[BADLY, "months"] == pytest.approx(10 * 29 / 30.5, rel=0.05)


def test_nobody_is_handled_badly_before_that_is_known() -> None:
    """Without a lag, only the days from the 14th to the 92nd count, of those who are still there."""
    found = kb.service_recovery(company(600, 3.0, 0.5), lag="0D").classes.set_index("handling")
    bad = found.loc[BADLY]
    assert 0 < bad["months"] <= bad["complaints"] * 78 / 28


def test_planted_effects_of_the_generated_company() -> None:
    """Bad tickets +1.10 in full in the month after, good ones -0.70; both fade by 0.7 a month."""
    data = kb.datasets.load_saas()
    assert data.truth is not None
    effects = data.truth.effects.set_index("name")["value"]
    found = kb.service_recovery(data, horizon="31D")
    assert log(found.bad_vs_none.ci_lower) < effects["ticket_bad"] < log(found.bad_vs_none.ci_upper)
    assert log(found.well_vs_none.ci_lower) < effects["ticket_well"] < log(found.well_vs_none.ci_upper)
    assert found.to_frame()["comparison"].tolist() == ["well_vs_bad", "bad_vs_none", "well_vs_none"]
    assert "severity from 2.5 on" in found.definition


def test_what_only_those_who_stayed_can_have_changes_nothing() -> None:
    """A credit at the end of a slow ticket, and opening it again: whoever has left by then has neither."""
    data = company(900, 3.0, 0.5)
    later = data.table("tickets").assign(goodwill=50.0, reopened="yes")
    changed = kb.open_dataset({"subscriptions": data.table("subscriptions"), "tickets": later}, as_of="2024-01-01")
    before, after = kb.service_recovery(data), kb.service_recovery(changed)
    assert tuple(after.well_vs_bad) == tuple(before.well_vs_bad)
    assert after.classes["complaints"].tolist() == before.classes["complaints"].tolist()
    assert (after.classes["goodwill"].dropna() == 1).all()


def test_words_as_severity() -> None:
    data = company(900, 3.0, 0.5)
    tickets = data.table("tickets").assign(severity="High")
    again = kb.open_dataset({"subscriptions": data.table("subscriptions"), "tickets": tickets}, as_of="2024-01-01")
    assert kb.service_recovery(again).classes["complaints"].sum() == len(tickets)
    with pytest.raises(kb.ArgumentError, match="severity='hig' is no level of tickets; did you mean 'high'"):
        kb.service_recovery(again, severity=["hig"])


def test_what_is_missing() -> None:
    data = company(300, 3.0, 0.5)
    contracts = data.table("subscriptions")
    with pytest.raises(kb.NotEnoughData, match="needs a table 'tickets'"):
        kb.service_recovery(kb.open_dataset({"subscriptions": contracts}, as_of="2024-01-01"))
    few = kb.open_dataset({"subscriptions": contracts, "tickets": data.table("tickets").head(3)}, as_of="2024-01-01")
    with pytest.raises(kb.NotEnoughData, match="too few left after a complaint"):
        kb.service_recovery(few)
    with pytest.raises(kb.ArgumentError, match="well='30D' is longer than bad='14D'"):
        kb.service_recovery(data, well="30D")
    assert (WELL, COMPLAINED) == ("handled well", "complained")
