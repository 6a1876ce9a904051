"""Recurring revenue: the ledger of the definitions, a company followed by hand, and what always holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

import kbind as kb
from kbind.estimate.intervals import wilson
from kbind.revenue import movements as module
from kbind.revenue.movements import MOVEMENTS, movements
from simulations.company import simulate_saas

RATES = ["grr", "nrr", "quick_ratio", "logo_churn"]
COLUMNS = ["period", "n_start", "start_mrr", *MOVEMENTS, "end_mrr"]
COLUMNS += [name + suffix for name in RATES for suffix in ("", "_ci_lower", "_ci_upper")]
COLUMNS += ["n_open", "open_mrr"]
Row = tuple[Any, str, str | None, Any]


def _open(rows: list[Row], as_of: str | None = None, **options: Any) -> kb.Dataset:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", "mrr"])
    return kb.open_dataset({"subscriptions": frame}, as_of=as_of, **options)


# -- the ledger: of ten at 10 one leaves, one goes to 5, one to 20; one returns, one joins, one joins and leaves

LEDGER: list[Row] = [(f"stays {k}", "2024-01-10", None, 10) for k in range(7)] + [
    ("leaves", "2024-01-10", "2024-06-12", 10),
    ("shrinks", "2024-01-10", "2024-06-05", 10),
    ("shrinks", "2024-06-05", None, 5),
    ("grows", "2024-01-10", "2024-06-05", 10),
    ("grows", "2024-06-05", None, 20),
    ("returns", "2024-01-10", "2024-03-10", 10),
    ("returns", "2024-06-20", None, 10),
    ("joins", "2024-06-03", None, 10),
    ("joins and leaves", "2024-06-03", "2024-06-25", 10),
]


def test_ledger_under_all_presets() -> None:
    data = _open(LEDGER, as_of="2024-07-15")
    found = {}
    for preset in ("standard", "chartmogul", "baremetrics", "stripe"):
        june = kb.revenue_retention(data, definition=preset).to_frame().set_index("period").loc["2024-06"]
        assert june[["n_start", "start_mrr", "end_mrr"]].tolist() == [10, 100, 115]
        assert june[list(MOVEMENTS)].tolist() == [10, 10, 5, 10, 10]
        found[preset] = june[RATES].astype(float).tolist()
    nan = np.nan
    expected = {
        "standard": [0.85, 0.95, 20 / 15, 0.10],
        "chartmogul": [0.85, 1.05, 20 / 15, 0.10],
        "baremetrics": [0.85, 0.95, 20 / 15, 0.20],
        "stripe": [nan, nan, nan, 2 / 12],
    }
    for preset, values in expected.items():
        np.testing.assert_allclose(found[preset], values, rtol=1e-15, err_msg=preset)
    with_returns = kb.revenue_retention(data, include_reactivation=True).to_frame()
    assert with_returns["quick_ratio"].iloc[-1] == 2.0


def test_logo_churn_has_wilson_limits() -> None:
    data = _open(LEDGER, as_of="2024-07-01")
    for preset, count, nobs in (("standard", 1, 10), ("baremetrics", 2, 10), ("stripe", 2, 12)):
        june = kb.revenue_retention(data, definition=preset).to_frame().iloc[-1]
        limits = june[["logo_churn", "logo_churn_ci_lower", "logo_churn_ci_upper"]].astype(float)
        np.testing.assert_allclose(limits, wilson(count, nobs), rtol=1e-12)


def test_logo_churn_above_one_has_no_interval() -> None:
    rows: list[Row] = [("there", "2024-01-10", "2024-02-10", 10)]
    rows += [(f"brief {k}", "2024-02-03", "2024-02-20", 10) for k in range(2)]
    february = kb.revenue_retention(_open(rows, as_of="2024-03-01"), definition="baremetrics").to_frame().iloc[-1]
    assert february["logo_churn"] == 3
    assert np.isnan(february["logo_churn_ci_lower"])
    assert np.isnan(february["logo_churn_ci_upper"])


def test_logo_churn_of_a_month_in_which_all_leave_has_an_interval() -> None:
    rows: list[Row] = [(f"gone {k}", "2024-01-10", "2024-02-10", 10) for k in range(4)]
    february = kb.revenue_retention(_open(rows, as_of="2024-03-01")).to_frame().iloc[-1]
    limits = february[["logo_churn", "logo_churn_ci_lower", "logo_churn_ci_upper"]].astype(float)
    np.testing.assert_allclose(limits, wilson(4, 4), rtol=1e-12)


def test_who_came_and_went_within_a_month_is_a_reactivation_in_the_next() -> None:
    rows: list[Row] = [("there", "2024-01-10", None, 10)]
    rows += [("tries", "2024-02-03", "2024-02-20", 10), ("tries", "2024-03-05", None, 10)]
    march = kb.revenue_retention(_open(rows, as_of="2024-04-01")).to_frame().iloc[-1]
    assert march[["new", "reactivation"]].tolist() == [0, 10]


def test_definitions_give_formula_and_value_of_every_preset() -> None:
    data = _open(LEDGER, as_of="2024-07-15")
    table = kb.revenue_retention(data).definitions()
    assert list(table.columns) == ["figure", "preset", "formula", "value", "source", "note"]
    assert len(table) == 16
    assert not table.duplicated(["figure", "preset"]).any()
    assert table["source"].str.len().min() > 0
    for preset, part in table.groupby("preset"):
        result = kb.revenue_retention(data, definition=preset)
        june = result.to_frame().iloc[-1]
        for _, row in part.iterrows():
            np.testing.assert_equal(row["value"], june[row["figure"]])
            assert np.isnan(row["value"]) == (not isinstance(row["formula"], str))
            assert isinstance(row["formula"], str) or any(row["note"] in note for note in result.notes)


def test_definitions_have_a_table_a_group_and_reactivation_where_it_is_counted() -> None:
    contracts = pd.DataFrame(LEDGER, columns=["customer_id", "start", "end", "mrr"])
    contracts["plan"] = ["a" if k % 2 else "b" for k in range(len(contracts))]
    data = kb.open_dataset({"subscriptions": contracts}, as_of="2024-07-15")
    result = kb.revenue_retention(data, by="plan", include_reactivation=True)
    table = result.definitions()
    assert table.groupby("plan", dropna=False).size().tolist() == [16] * len(result.movements.groups)
    formulas = table.loc[table["figure"].eq("quick_ratio") & table["formula"].notna(), "formula"]
    assert formulas.str.contains("reactivation").all()
    last = result.to_frame().groupby("plan").last()
    standard = table[table["preset"] == "standard"].pivot(index="plan", columns="figure", values="value")
    pd.testing.assert_frame_equal(standard[["grr", "nrr"]], last[["grr", "nrr"]], check_names=False)


@pytest.mark.parametrize(
    ("as_of", "longest"), [("2024-02-15", "month"), ("2024-05-15", "quarter"), ("2025-01-15", "year")]
)
def test_no_period_means_the_longest_window_that_is_over(as_of: str, longest: str) -> None:
    data = _open([("a", "2024-01-01", None, 10)], as_of=as_of)
    result = kb.revenue_retention(data, period=None)
    assert result.movements.calendar.period == longest
    pd.testing.assert_frame_equal(result.to_frame(), kb.revenue_retention(data, period=longest).to_frame())


def test_no_period_where_no_month_is_over_is_refused() -> None:
    with pytest.raises(kb.NotEnoughData, match="period='month' is too long"):
        kb.revenue_retention(_open([("a", "2024-01-01", None, 10)], as_of="2024-01-20"), period=None)


# -- a company followed by hand over three months -------------------------------------------------------

COMPANY: list[Row] = [
    # a changes plan in February without a gap, 20.10 -> 30.25
    ("a", "2024-01-01", "2024-02-14", 20.10),
    ("a", "2024-02-14", None, 30.25),
    # b has two contracts at once from January to March, the second ends in March
    ("b", "2023-12-05", None, 10.00),
    ("b", "2024-01-20", "2024-03-15", 5.55),
    # c leaves in January and is back in March
    ("c", "2023-12-10", "2024-01-15", 40.00),
    ("c", "2024-03-02", None, 25.00),
    # d has a gap of three days within February: nothing is seen of it at either end
    ("d", "2023-12-20", "2024-02-10", 12.00),
    ("d", "2024-02-13", None, 12.00),
    # e joins in February and leaves within it, comes again and leaves within March
    ("e", "2024-02-05", "2024-02-20", 99.00),
    ("e", "2024-03-05", "2024-03-20", 99.00),
    # f has a free plan, pays from February on
    ("f", "2023-12-20", "2024-02-02", 0.0),
    ("f", "2024-02-02", None, 7.00),
    # g: a contract that ends where it starts is paid within January
    ("g", "2024-01-05", "2024-01-05", 50.0),
    ("g", "2024-02-10", None, 1.0),
]


def test_company_followed_by_hand() -> None:
    """At 1 January b 10, c 40, d 12 and a, which begins at that instant; the states at the next firsts by hand.

    ======== ====== ======= ====== =======
    customer 1 Jan  1 Feb   1 Mar  1 Apr
    ======== ====== ======= ====== =======
    a        20.10  20.10   30.25  30.25
    b        10.00  15.55   15.55  10.00
    c        40.00   0       0     25.00
    d        12.00  12.00   12.00  12.00
    f         0      0       7.00   7.00
    g         0      0       1.00   1.00
    sum      82.10  47.65   65.80  85.25
    ======== ====== ======= ====== =======
    """
    result = kb.revenue_retention(_open(COMPANY, as_of="2024-04-10"))
    frame = result.to_frame()
    assert list(frame.columns) == COLUMNS
    assert frame["period"].tolist() == ["2023-12", "2024-01", "2024-02", "2024-03"]
    assert frame["n_start"].tolist() == [0, 4, 3, 5]
    money = frame.loc[1:, COLUMNS[2:9]].to_numpy()
    expected = [
        # start, new, expansion, contraction, churn, reactivation, end
        [82.10, 0, 5.55, 0, 40.00, 0, 47.65],
        [47.65, 7.00, 10.15, 0, 0, 1.00, 65.80],  # g had a contract that ended on its first day
        [65.80, 0, 0, 5.55, 0, 25.00, 85.25],
    ]
    np.testing.assert_allclose(money, expected, rtol=1e-15, atol=1e-9)
    np.testing.assert_allclose(frame.loc[1:, "grr"], [42.10 / 82.10, 1, 60.25 / 65.80], rtol=1e-14)
    np.testing.assert_allclose(frame.loc[1:, "nrr"], [47.65 / 82.10, 57.80 / 47.65, 60.25 / 65.80], rtol=1e-14)
    np.testing.assert_allclose(frame["quick_ratio"], [np.nan, 5.55 / 40, np.nan, 0], rtol=1e-14)
    np.testing.assert_array_equal(frame["logo_churn"], [np.nan, 1 / 4, 0, 0])
    assert frame.loc[0, RATES].isna().all()  # nobody at the start of the first window
    brief = result.movements.counts
    assert brief["brief"][0].tolist() == [0, 1, 1, 0]
    assert brief["brief_again"][0].tolist() == [0, 0, 0, 1]


def test_only_periods_that_are_over_have_a_row() -> None:
    for as_of, last in (("2024-03-31", "2024-02"), ("2024-04-01", "2024-03")):
        frame = kb.revenue_retention(_open(COMPANY, as_of=as_of)).to_frame()
        assert frame["period"].iloc[-1] == last
    earlier = kb.revenue_retention(_open(COMPANY, as_of="2024-04-10"), as_of="2024-03-05").to_frame()
    later = kb.revenue_retention(_open(COMPANY, as_of="2024-04-10")).to_frame()
    pd.testing.assert_frame_equal(earlier[COLUMNS[:9]], later[COLUMNS[:9]].iloc[:3])


def test_windows_follow_the_zone_of_the_data() -> None:
    """A contract that starts at 23:30 in London on 31 January starts in February in Berlin."""
    rows: list[Row] = [("a", "2024-01-05T00:00:00Z", None, 10), ("b", "2024-01-31T23:30:00Z", None, 5)]
    for zone, new in (("Europe/London", [15, 0]), ("Europe/Berlin", [10, 5])):
        frame = kb.revenue_retention(_open(rows, as_of="2024-03-01", timezone=zone)).to_frame()
        assert frame["new"].tolist() == new


def test_groups_add_up_to_the_whole() -> None:
    data = kb.open_dataset(
        {
            "subscriptions": pd.DataFrame(LEDGER, columns=["customer_id", "start", "end", "mrr"]).assign(
                plan=lambda f: np.where(f["mrr"] > 5, "full", "light")
            ),
            "customers": pd.DataFrame({"customer_id": ["leaves", "grows", "brief"], "size": ["s", "l", "s"]}),
        },
        as_of="2024-07-01",
    )
    whole = kb.revenue_retention(data).to_frame()
    for by in ("size", "plan", ["size", "plan"]):
        frame = kb.revenue_retention(data, by=by).to_frame()
        names = [by] if isinstance(by, str) else by
        assert list(frame.columns) == [*names, *COLUMNS]
        added = frame.groupby("period")[COLUMNS[1:9]].sum()
        np.testing.assert_allclose(added, whole.set_index("period")[COLUMNS[1:9]], atol=1e-9)
    sizes = kb.revenue_retention(data, by="size").to_frame().drop_duplicates("size")["size"]
    assert sizes.tolist() == ["l", "s", None]


# -- amounts that are missing or cannot be --------------------------------------------------------------


def test_customers_with_an_unknown_amount_are_left_out_and_noted() -> None:
    rows: list[Row] = [
        ("a", "2024-01-05", None, 10), ("b", "2024-01-05", "2024-02-05", 30), ("b", "2024-02-05", None, None),
        ("c", "2024-01-07", "2024-01-07", None), ("c", "2024-01-07", None, 5),
    ]  # fmt: skip
    result = kb.revenue_retention(_open(rows, as_of="2024-03-10"))
    frame = result.to_frame()
    assert frame["new"].tolist() == [15, 0]
    assert frame["churn"].tolist() == [0, 0]
    # the contract of c without amount covers nothing
    assert result.movements.notes == ("1 of 3 customers are left out: 1 of their contracts have no mrr",)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([("a", "2024-01-05", None, 10), ("b", "2024-01-05", None, -2.5)], {}, "1 contracts with an amount .* '-2.5'"),
        ([("a", "2024-01-05", None, 1e17)], {}, "adds up to 1e.17; state it in thousands"),
        ([("a", "2024-01-05", None, 1)], {"definition": "stripes"}, "did you mean 'stripe'"),
        ([("a", "2024-01-05", None, 1)], {"period": "decade"}, "period='decade' is not known"),
        ([("a", "2024-01-05", None, 1)], {"by": "size"}, "by='size' is no column"),
        ([("a", "2024-01-05", None, 1)], {"as_of": "2024-12-02"}, "lies behind the end of the data"),
        ([("a", "2024-01-05", None, 1)], {"by": 5}, "by=5 names no columns; allowed: a name, or a list of names"),
        ([("a", "2024-01-05", None, 1)], {"by": [["size"]]}, "names no columns"),
        ([("a", "2024-01-05", None, 1)], {"conf_level": 95}, "conf_level=95 is not a confidence level"),
    ],
)
def test_revenue_retention_says_what_is_wrong(rows: list[Row], options: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.revenue_retention(_open(rows, as_of="2024-03-10"), **options)


def test_an_endless_amount_is_refused_when_the_data_is_opened() -> None:
    with pytest.raises(kb.DatasetError, match=r"column 'mrr': is endless: row 2 \('inf'\)"):
        _open([("a", "2024-01-05", None, 10), ("b", "2024-01-05", None, np.inf)], as_of="2024-03-10")


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            [("a", "2024-01-05", None, None), ("a", "2024-01-05", None, 3.5)],
            {},
            "every customer has a",
        ),
        ([("a", "2024-01-05", None, 0)], {}, "holds nobody who paid before"),
        ([("a", "2024-01-05", None, 1)], {"period": "year"}, "period='year' is too long: none is over at 2024-03-10"),
        ([("a", "2024-01-05", None, 1)], {"as_of": "2024-01-02"}, "holds nothing before as_of=2024-01-02"),
    ],
)
def test_revenue_retention_says_what_the_data_lacks(rows: list[Row], options: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.NotEnoughData, match=message):
        kb.revenue_retention(_open(rows, as_of="2024-03-10"), **options)


def test_revenue_retention_needs_contracts_with_amounts() -> None:
    with pytest.raises(kb.ArgumentError, match="open it first"):
        kb.revenue_retention("contracts.csv")
    events = kb.open_dataset({"events": pd.DataFrame({"customer_id": [1], "timestamp": ["2024-01-05"]})})
    with pytest.raises(kb.NotEnoughData, match="needs a table 'subscriptions'"):
        kb.revenue_retention(events)
    bare = kb.open_dataset({"subscriptions": pd.DataFrame({"customer_id": [1], "start": ["2024-01-05"]})})
    with pytest.raises(kb.NotEnoughData, match="no column 'mrr'"):
        kb.revenue_retention(bare)


def test_contracts_without_any_end_run_on() -> None:
    frame = pd.DataFrame({"customer_id": [1, 2], "start": ["2024-01-05", "2024-02-05"], "mrr": [3, 4]})
    found = kb.revenue_retention(kb.open_dataset({"subscriptions": frame}, as_of="2024-04-01")).to_frame()
    assert found["end_mrr"].tolist() == [3, 7, 7]


def test_contracts_without_the_column_of_ends_are_noted() -> None:
    rows: list[Row] = [(k, f"2024-0{1 + k % 3}-01", None, 10) for k in range(9)]
    data = kb.open_dataset(
        {"subscriptions": pd.DataFrame(rows, columns=["customer_id", "start", "end", "mrr"]).drop(columns="end")},
        as_of="2024-04-01",
    )
    result = kb.revenue_retention(data)
    assert (
        result.movements.notes[-1]
        == "frame 'subscriptions' has no column 'end': nobody is seen to leave or to pay less"
    )
    assert not any("no column 'end'" in note for note in kb.revenue_retention(_open(rows, as_of="2024-04-01")).notes)
    # that those who begin on 1 April are missing shows in the starts, whether or not there are ends
    assert result.movements.lacking
    assert result.notes[0].startswith("new, expansion and reactivation of 2024-03 are too low")


def test_contracts_that_end_with_the_data_are_open_and_noted() -> None:
    rows: list[Row] = [("a", "2024-01-01", "2024-02-01", 10), ("b", "2024-01-10", None, 10)]
    result = kb.revenue_retention(_open(rows, as_of="2024-02-01"))
    assert result.to_frame()[["churn", "end_mrr", "n_open", "open_mrr"]].to_numpy().tolist() == [[0, 20, 1, 10]]
    assert result.movements.notes[-1].startswith("1 customer counts as still paying 10.00 at the end of 2024-01")
    two = kb.revenue_retention(_open([*rows, ("c", "2024-01-09", "2024-02-01", 1)], as_of="2024-02-01"))
    assert two.movements.notes[-1].startswith("2 customers count as still paying 11.00 at the end of 2024-01")
    # a day later it is still the same: grace is one day; then they are gone
    assert kb.revenue_retention(_open(rows, as_of="2024-02-02")).to_frame()["n_open"].tolist() == [1]
    later = kb.revenue_retention(_open(rows, as_of="2024-02-03"))
    assert later.to_frame()[["churn", "end_mrr", "n_open", "open_mrr"]].to_numpy().tolist() == [[10, 10, 0, 0]]
    assert later.movements.notes == ()


def test_last_window_is_kept_where_contracts_begin_with_the_months() -> None:
    """A period is lived when its end is not after the end of the data; that its gains are incomplete is flagged."""
    rows: list[Row] = [(k, f"2024-0{1 + k % 3}-01", None, 10) for k in range(9)]
    rows += [(99, "2024-01-01", "2024-04-01", 10)]
    result = kb.revenue_retention(_open(rows, as_of="2024-04-01"))
    last = result.to_frame()[["period", "n_start", "churn", "new", "n_open"]].iloc[-1].tolist()
    assert last == ["2024-03", 10, 0, 0, 1]
    assert result.movements.lacking
    assert result.notes[0].startswith("new, expansion and reactivation of 2024-03 are too low")
    quiet = kb.revenue_retention(_open(rows[:-1], as_of="2024-04-01"))  # nothing ends there, and all the same
    assert len(quiet.movements.notes) == 1
    assert quiet.notes[0].startswith("new, expansion and reactivation of 2024-03 are too low")
    assert not kb.revenue_retention(_open([*rows, (98, "2024-04-01", None, 10)], as_of="2024-04-01")).movements.lacking


def test_nobody_has_left_where_contracts_follow_each_other_month_by_month() -> None:
    """One contract a month, complete up to 1 April: those that follow on that day are not recorded yet."""
    firsts = ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"]
    rows: list[Row] = [(k, firsts[m], firsts[m + 1], 10 + m) for k in range(5) for m in range(3)]
    result = kb.revenue_retention(_open(rows, as_of="2024-04-01"))
    frame = result.to_frame()
    assert frame["period"].tolist() == ["2024-01", "2024-02", "2024-03"]
    assert frame["nrr"].tolist() == [55 / 50, 60 / 55, 1]
    assert frame["n_open"].tolist() == [0, 0, 5]
    assert frame["open_mrr"].tolist() == [0, 0, 60]
    entered = [*rows, *((k, firsts[3], firsts[4], 20) for k in range(4))]
    known = kb.revenue_retention(_open(entered, as_of="2024-04-01")).to_frame().iloc[-1]
    # four have renewed at 20; of the fifth nobody knows
    assert known[["period", "nrr", "n_open"]].tolist() == ["2024-03", (80 + 12) / 60, 1]


# -- gaps within grace, and what is open --------------------------------------------------------------------------


def _table(rows: list[Row], as_of: str, *columns: str, **options: Any) -> list[list[float]]:
    frame = kb.revenue_retention(_open(rows, as_of=as_of, ends="exclusive", **options)).to_frame()
    return frame[list(columns)].to_numpy().tolist()  # type: ignore[no-any-return]


def test_minutes_between_two_contracts_over_the_end_of_a_month_are_no_churn() -> None:
    rows: list[Row] = [
        ("a", "2024-01-03 00:00", "2024-01-31 23:58", 10), ("a", "2024-02-01 00:03", None, 12),
        ("b", "2024-01-03 00:00", "2024-01-31 23:58", 10), ("b", "2024-02-02 23:00", None, 12),
    ]  # fmt: skip
    found = _table(rows, "2024-03-10", "new", "expansion", "churn", "reactivation", "end_mrr")
    # a pays on and more; b is away for two days, and so paid only within the first month
    assert found == [[10, 0, 0, 0, 10], [0, 2, 0, 12, 24]]


def test_parallel_contracts_that_pause_together_are_bridged_together() -> None:
    rows: list[Row] = [("a", "2024-01-03 00:00", f"2024-01-31 {h}", 10) for h in ("22:00", "23:59")]
    rows += [("a", "2024-02-01 08:00", None, 5), ("a", "2024-02-01 09:00", None, 5)]
    found = _table(rows, "2024-03-10", "end_mrr", "contraction", "churn", "reactivation")
    assert found == [[20, 0, 0, 0], [10, 10, 0, 0]]


def test_what_another_contract_has_replaced_is_not_bridged() -> None:
    """The first ends while the second runs: it is over, whatever begins within grace of its end."""
    rows: list[Row] = [
        ("a", "2024-01-03", "2024-01-25", 10),
        ("a", "2024-01-20", None, 7),
        ("a", "2024-02-10", None, 1),
    ]
    assert _table(rows, "2024-03-10", "end_mrr", "n_open", grace="30D") == [[7, 0], [8, 0]]


def test_a_long_grace_says_who_is_still_open() -> None:
    rows: list[Row] = [
        ("open", "2024-01-03", "2024-05-10", 10), ("back", "2024-01-03", "2024-02-10", 5),
        ("back", "2024-03-20", None, 8), ("gone", "2024-01-03", "2024-02-10", 4),
    ]  # fmt: skip
    columns = ("churn", "expansion", "end_mrr", "n_open", "open_mrr")
    assert _table(rows, "2024-06-10", *columns, grace="60D") == [
        [0, 0, 19, 0, 0], [4, 0, 15, 0, 0], [0, 3, 18, 0, 0], [0, 0, 18, 0, 0], [0, 0, 18, 1, 10],
    ]  # fmt: skip
    assert _table(rows, "2024-06-10", *columns)[-1] == [10, 0, 8, 0, 0]
    # as of an earlier day, what came later is not known
    early = kb.revenue_retention(_open(rows, as_of="2024-06-10", grace="60D"), as_of="2024-03-05").to_frame()
    assert early[["churn", "n_open"]].to_numpy().tolist() == [[0, 0], [0, 2]]


def test_open_customers_by_group_add_up() -> None:
    rows: list[Row] = [(k, "2024-01-03", "2024-02-29", k) for k in range(1, 7)]
    data = _open([(*row,) for row in rows], as_of="2024-03-01")
    people = pd.DataFrame({"customer_id": range(1, 7), "size": ["s", "l"] * 3})
    data = kb.open_dataset(
        {"subscriptions": data.table("subscriptions"), "customers": people}, as_of="2024-03-01", ends="exclusive"
    )
    frame = kb.revenue_retention(data, by="size").to_frame().groupby("size")[["n_open", "open_mrr"]].last()
    assert frame.loc["l"].tolist() == [3, 12]
    assert frame.loc["s"].tolist() == [3, 9]


@pytest.mark.parametrize(("first", "last"), [("2024-01-01", "2024-01-01"), ("2024-01-31", "2024-01-31"),
                                             ("2024-01-15 10:00", "2024-01-15 10:00")])  # fmt: skip
def test_a_contract_that_ends_where_it_begins_is_paid_within_the_window(first: str, last: str) -> None:
    rows: list[Row] = [("a", first, last, 9), ("b", "2023-12-05 00:00" if ":" in first else "2023-12-05", None, 1)]
    found = kb.revenue_retention(_open(rows, as_of="2024-03-10", ends="exclusive"))
    assert found.movements.counts["brief"].tolist() == [[0, 1, 0]]
    assert found.to_frame()["end_mrr"].tolist() == [1, 1, 1]


def test_windows_before_recording_began_are_left_out() -> None:
    result = kb.revenue_retention(_open(COMPANY, as_of="2024-04-10", recorded_from="2024-01-10"))
    whole = kb.revenue_retention(_open(COMPANY, as_of="2024-04-10")).to_frame()
    found = result.to_frame()
    assert found["period"].tolist() == ["2024-02", "2024-03"]
    assert "months that began before 2024-01-10 are left out" in result.notes[0]
    pd.testing.assert_frame_equal(found[COLUMNS[:9]], whole[COLUMNS[:9]].iloc[2:].reset_index(drop=True))


def test_prices_finer_than_the_cent_are_kept() -> None:
    rows: list[Row] = [(k, "2024-01-05", None, 2000 / 12) for k in range(12)]
    frame = kb.revenue_retention(_open(rows, as_of="2024-02-10")).to_frame()
    assert frame["new"].iloc[0] == pytest.approx(2000, abs=1e-5)


@pytest.mark.parametrize("kind", ["int8", "int32", "uint16", "float32", "int64"])
def test_amounts_of_any_type_are_read(kind: str) -> None:
    frame = pd.DataFrame({"customer_id": [1, 2], "start": ["2024-01-05", "2024-02-05"], "mrr": [120, 7]})
    data = kb.open_dataset({"subscriptions": frame.astype({"mrr": kind})}, as_of="2024-04-01")
    assert kb.revenue_retention(data).to_frame()["end_mrr"].tolist() == [120, 127, 127]


# -- intervals ------------------------------------------------------------------------------------------


def _moved(price: np.ndarray, after: np.ndarray) -> pd.Series:
    """February of customers who pay one price until the 11th and another one after."""
    rows: list[Row] = []
    for k in range(len(price)):
        rows.append((k, "2024-01-05", "2024-02-11", price[k]))
        rows += [(k, "2024-02-11", None, after[k])] if after[k] else []
    return kb.revenue_retention(_open(rows, as_of="2024-03-01")).to_frame().iloc[-1]


def test_intervals_by_the_book() -> None:
    """GRR: Wilson's for Kish's number or the jackknife's; NRR: t with the larger of two variances, each in a loop."""
    rng = np.random.default_rng(3)
    price = rng.lognormal(3, 1, 150).round(2)
    change = rng.choice(["left", "half", "same", "more"], 150, p=[0.15, 0.1, 0.6, 0.15])
    after = np.select([change == "left", change == "half", change == "more"], [0, price / 2, price * 1.4], price)
    february = _moved(price, after)
    kish = price.sum() ** 2 / (price**2).sum()
    variance, ratio, deviation = {}, {}, {}
    for name, kept in (("nrr", after), ("grr", np.minimum(after, price))):
        ratio[name] = kept.sum() / price.sum()
        deviation[name] = kept - ratio[name] * price
        without = [np.delete(kept, k).sum() / np.delete(price, k).sum() for k in range(150)]
        variance[name] = ((np.array(without) - ratio[name]) ** 2).sum()
    share = ratio["grr"]
    n = min(kish, share * (1 - share) / variance["grr"])
    limits = february[["grr_ci_lower", "grr_ci_upper"]].astype(float)
    np.testing.assert_allclose(limits, [float(x) for x in wilson(share * n, n)[1:]], rtol=1e-9)
    squared = deviation["nrr"] ** 2
    spread = max(variance["nrr"], (squared / price).sum() / price.sum() / kish)
    half = student.ppf(0.975, 2 * squared.sum() ** 2 / (squared**2).sum()) * np.sqrt(spread)
    limits = february[["nrr_ci_lower", "nrr_ci_upper"]].astype(float)
    np.testing.assert_allclose(limits, [ratio["nrr"] - half, ratio["nrr"] + half], rtol=1e-9)
    gained, lost = (np.maximum(sign * (after - price), 0) for sign in (1, -1))
    quick = gained.sum() / lost.sum()
    moved = [g / gained.sum() - part / lost.sum() for g, part in zip(gained, lost, strict=True)]
    fourth = sum(x**4 for x in moved)
    half = student.ppf(0.975, 2 * sum(x**2 for x in moved) ** 2 / fourth) * np.sqrt(sum(x**2 for x in moved))
    limits = february[["quick_ratio_ci_lower", "quick_ratio_ci_upper"]].astype(float)
    np.testing.assert_allclose(limits, [quick * np.exp(-half), quick * np.exp(half)], rtol=1e-9)
    drawn = rng.integers(150, size=(20_000, 150))  # and much as the bootstrap has them
    resampled = gained[drawn].sum(axis=1) / lost[drawn].sum(axis=1)
    np.testing.assert_allclose(limits, np.quantile(resampled, [0.025, 0.975]), rtol=0.2)


#: Prices of customers of whom the 5th leaves, and what they are worth in customers of equal revenue.
FEW = {
    "29 equal": ([10.0] * 29, 29),
    "one giant": ([10.0] * 99 + [990.0], 4),
    "a few large": ([1.0] * 500 + [100.0] * 10, 22),
}


@pytest.mark.parametrize("kind", FEW)
def test_few_customers_in_effect_have_no_limits_and_are_told(kind: str) -> None:
    price, worth = np.array(FEW[kind][0]), FEW[kind][1]
    rows: list[Row] = [(k, "2024-01-05", "2024-02-11" if k == 5 else None, x) for k, x in enumerate(price.tolist())]
    result = kb.revenue_retention(_open(rows, as_of="2024-03-01"))
    limits = [f"{name}_ci_{end}" for name in ("grr", "nrr", "quick_ratio") for end in ("lower", "upper")]
    assert result.to_frame().iloc[-1][limits].isna().all()
    assert result.n_effective[0, -1] == pytest.approx(worth, abs=0.7)
    assert any(f"in 1 of 1 windows: those who pay at the start are worth {result.n_effective[0, -1]:.1f}" in note
               for note in result.notes)  # fmt: skip


@pytest.mark.parametrize("count", [30, 40, 400, 4000])
def test_equal_customers_of_whom_none_or_some_leave_have_limits(count: int) -> None:
    price = np.full(count, 20.0)
    stayed = _moved(price, price)
    assert stayed["grr"] == stayed["grr_ci_upper"] == 1
    assert stayed["grr_ci_lower"] == pytest.approx(float(wilson(count, count)[1]), abs=0.003)
    assert np.isnan(stayed["nrr_ci_lower"])  # nothing moved, and NRR has no upper end
    left = _moved(price, np.where(np.arange(count) % 10 == 0, 0.0, price))
    assert left["grr_ci_lower"] < 0.9 < left["grr_ci_upper"] < 1
    assert left["nrr_ci_lower"] < 0.9 < left["nrr_ci_upper"]


def test_random_groups_of_customers_give_much_the_same_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    data = simulate_saas(n_accounts=6000, months=18, rng=5)
    monkeypatch.setattr(module, "UNITS", 10_000)
    # nobody has left in the last month yet: contracts end with the months, and with the data
    single = kb.revenue_retention(data).to_frame().iloc[2:-1]
    monkeypatch.setattr(module, "UNITS", 1000)
    grouped = kb.revenue_retention(data).to_frame().iloc[2:-1]
    pd.testing.assert_frame_equal(single[COLUMNS[:9]], grouped[COLUMNS[:9]])
    for name in ("grr", "nrr"):
        width = (frame[f"{name}_ci_upper"] - frame[f"{name}_ci_lower"] for frame in (single, grouped))
        ratio = next(width) / next(width)
        assert ratio.between(0.75, 1.33).all()
        assert abs(np.log(ratio).mean()) < 0.08


# -- what always holds ----------------------------------------------------------------------------------

START = pd.Timestamp("2024-01-01")
contracts = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 150), st.one_of(st.none(), st.integers(0, 90)), st.integers(0, 3000)),
    min_size=1,
    max_size=25,
)
periods = st.sampled_from(["week", "month", "quarter"])


def _rows(drawn: list[tuple[int, int, int | None, int]]) -> list[Row]:
    """Contracts with plan changes, gaps and overlaps; whole cents, some at boundaries, one that pays in January."""
    rows: list[Row] = [(9, "2024-01-01", None, 0.01)]
    for customer, day, length, cents in drawn:
        first = START + timedelta(days=day)
        end = None if length is None else str(first + timedelta(days=length))
        rows.append((customer, str(first), end, cents / 100))
    return rows


@settings(deadline=None, max_examples=10)
@given(contracts, periods)
@example([(5, 0, 0, 956), (5, 150, None, 2699)], "week")
@example([(5, 28, 0, 956), (5, 30, None, 2699)], "week")
def test_movements_add_up_to_the_cent_and_equal_plain_counting(drawn: list, period: str) -> None:
    rows = _rows(drawn)
    result = kb.revenue_retention(_open(rows, as_of="2024-09-01"), period=period)
    frame = result.to_frame()
    moved = frame["new"] + frame["reactivation"] + frame["expansion"] - frame["contraction"] - frame["churn"]
    assert ((frame["start_mrr"] + moved) * 100).round(6).tolist() == (frame["end_mrr"] * 100).round(6).tolist()
    np.testing.assert_array_equal(frame["end_mrr"].iloc[:-1], frame["start_mrr"].iloc[1:])
    starts = [pd.Timestamp(day) for day in result.movements.calendar.starts]
    for row, a, b in zip(frame.itertuples(), starts, starts[1:], strict=False):
        expected = _counted(rows, a, b)
        assert {name: round(100 * getattr(row, f"{name}")) for name in MOVEMENTS} == expected
        assert not row.grr > 1


def _counted(rows: list[Row], a: pd.Timestamp, b: pd.Timestamp) -> dict[str, int]:
    """Movements of one window in cents, customer by customer, by the words of the definitions."""
    total = dict.fromkeys(MOVEMENTS, 0)
    for customer in {row[0] for row in rows}:
        mine = [(pd.Timestamp(s), pd.Timestamp(e) if e else pd.Timestamp.max, round(100 * m)) for c, s, e, m in rows
                if c == customer]  # fmt: skip
        before, after = (sum(m for s, e, m in mine if s <= t < e) for t in (a, b))
        # what ends where it begins is paid within the window that it lies in, so it is earlier in the next one only
        had_paid = any(m and s < a for s, _, m in mine)
        if before and not after:
            total["churn"] += before
        elif after and not before:
            total["reactivation" if had_paid else "new"] += after
        elif after > before:
            total["expansion"] += after - before
        else:
            total["contraction"] += before - after
    return total


@settings(deadline=None, max_examples=8)
@given(contracts, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(drawn: list, random: Any) -> None:
    rows = _rows(drawn)
    shuffled = list(rows)
    random.shuffle(shuffled)
    expected = kb.revenue_retention(_open(rows, as_of="2024-07-01")).to_frame()
    pd.testing.assert_frame_equal(kb.revenue_retention(_open(shuffled, as_of="2024-07-01")).to_frame(), expected)


@settings(deadline=None, max_examples=8)
@given(contracts, st.integers(35, 240))
def test_a_later_end_of_the_data_changes_no_earlier_window(drawn: list, cut: int) -> None:
    data = _open(_rows(drawn), as_of="2024-09-01")
    early = movements(data, as_of=START + timedelta(days=cut))
    whole = movements(data)
    lived = early.calendar.lived
    np.testing.assert_array_equal(early.start().sum(axis=0), whole.start().sum(axis=0)[:lived])
    for name in MOVEMENTS:
        np.testing.assert_array_equal(early.amounts[name].sum(axis=0), whole.amounts[name].sum(axis=0)[:lived])
    for name, people in early.counts.items():
        np.testing.assert_array_equal(people, whole.counts[name][:, :lived])
