from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.estimate.intervals import newcombe, rate_of, welch, wilson
from kbind.reasons.by_type import association, mean
from simulations.company import simulate_saas


def goodbyes(rows: list[tuple[int, str, str | None]], sizes: list[str | None], **tables: pd.DataFrame) -> kb.Dataset:
    """Cancellations (customer, day, reason) of customers numbered from 0 with their size."""
    said = pd.DataFrame(rows, columns=["customer_id", "timestamp", "reason"])
    people = pd.DataFrame({"customer_id": range(len(sizes)), "size": sizes})
    return kb.open_dataset({"customers": people, "cancellations": said, **tables}, as_of="2025-01-01")


@pytest.fixture(scope="module")
def simple() -> kb.Dataset:
    """Small ones: 6 price, 2 service, 2 silent; large ones: 3 price, 9 service; one of unknown size."""
    small = ["price"] * 6 + ["service"] * 2 + [None] * 2
    large = ["price"] * 3 + ["service"] * 9
    reasons = [*small, *large, "price"]
    rows = [(k, "2024-06-01", reason) for k, reason in enumerate(reasons)]
    return goodbyes(rows, [*["small"] * 10, *["large"] * 12, None])


@pytest.fixture(scope="module")
def saas() -> kb.Dataset:
    return simulate_saas(3000, 36, rng=4)


def test_reason_by_type_by_hand(simple: kb.Dataset) -> None:
    found = kb.reason_by_type(simple, "size")
    counts = found.counts("size")
    assert counts.loc["small"].to_dict() == {"service": 2, "price": 6, "(missing)": 2}
    assert counts.loc["(missing)"].sum() == 1
    frame = found.to_frame().set_index(["level", "reason"])
    line = frame.loc[("small", "price")]
    assert (line["n"], line["of"], line["share"]) == (6, 8, 0.75)
    assert line[["share_ci_lower", "share_ci_upper"]].tolist() == pytest.approx([0.4093, 0.9285], abs=1e-4)
    # three levels, the unknown one among them, with two reasons each
    joint = [float(limit) for limit in wilson(6, 8, 1 - 0.05 / 6)[1:]]
    names = ["share_simultaneous_ci_lower", "share_simultaneous_ci_upper"]
    assert line[names].tolist() == pytest.approx(joint)
    assert line["share_all"] == pytest.approx(10 / 21)
    silent = frame.loc[("small", "(missing)")]
    assert (silent["n"], silent["of"], silent["share"]) == (2, 10, 0.2)
    assert "23 customers who said goodbye" in found.definition
    assert "2 gave none" in found.definition


def test_association_leaves_out_what_is_unknown(simple: kb.Dataset) -> None:
    row = kb.reason_by_type(simple, "size").association().iloc[0]
    assert (row["attribute"], row["n"], row["df"]) == ("size", 20, 1)
    assert row["chi_square"] == pytest.approx(20 * (6 * 9 - 2 * 3) ** 2 / (8 * 12 * 9 * 11))
    assert row["method"] == "random tables"


def test_association_agrees_with_scipy_and_bergsma() -> None:
    from scipy.stats import chi2_contingency, ncx2

    table = np.array([[50, 30, 20], [20, 40, 40]])
    found = association(table, 0.95, np.random.default_rng(0))
    expected = chi2_contingency(table, correction=False)
    assert found.chi_square == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    corrected = expected.statistic / 200 - 2 / 199
    least = min(2 - 1 / 199, 3 - 4 / 199) - 1
    assert found.cramers_v.value == pytest.approx(np.sqrt(corrected / least))
    for limit, share in zip(found.cramers_v.interval, (0.975, 0.025), strict=True):
        assert ncx2.cdf(found.chi_square, 2, limit**2 * 200 * least) == pytest.approx(share)


def test_random_tables_give_fishers_p() -> None:
    from scipy.stats import fisher_exact

    table = np.array([[7, 2], [1, 8]])
    found = association(table, 0.95, np.random.default_rng(0))
    assert found.method == "random tables"
    assert found.p_value == pytest.approx(fisher_exact(table).pvalue, abs=0.01)


def test_association_of_one_level_is_unknown() -> None:
    found = association(np.array([[3, 4], [0, 0]]), 0.95, np.random.default_rng(0))
    assert (found.n, found.df, found.method) == (7, 0, "none")
    assert np.isnan(found.cramers_v.value)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=5), st.integers(0, 99))
def test_association_holds_for_any_order(rows: list[list[int]], seed: int) -> None:
    table = np.array(rows)
    rng = np.random.default_rng(seed)
    one = association(table, 0.95, np.random.default_rng(1))
    turned = table[rng.permutation(len(table))][:, rng.permutation(3)]
    other = association(turned.T, 0.95, np.random.default_rng(1))
    assert one.chi_square == pytest.approx(other.chi_square, nan_ok=True)
    value, lower, upper = one.cramers_v
    assert value == pytest.approx(other.cramers_v.value, nan_ok=True, abs=1e-6)
    if not np.isnan(value):
        assert 0 <= lower <= value + 1e-9
        assert value <= upper + 1e-9 or upper == 1
        assert upper <= 1


def test_the_last_goodbye_counts_and_later_ones_are_not_known_yet() -> None:
    rows = [(0, "2024-01-05", "price"), (0, "2024-05-05", "service"), (1, "2024-02-01", "price"),
            (2, "2024-11-01", "service")]  # fmt: skip
    data = goodbyes(rows, ["s", "l", "l"])
    assert kb.reason_by_type(data).counts("size").to_numpy().sum() == 3
    early = kb.reason_by_type(data, as_of="2024-03-01").counts("size")
    assert early.loc["s"].to_dict() == {"price": 1, "(missing)": 0}
    # the data ends before the moment it is complete up to
    assert kb.reason_by_type(data, as_of="2024-02-01").counts("size").to_numpy().sum() == 1


def test_who_is_not_said_to_have_been_thrown_out_left_of_his_own_accord() -> None:
    said = pd.DataFrame({"customer_id": range(3), "timestamp": "2024-06-01", "reason": ["price", "price", "payment"],
                         "voluntary": pd.array([True, None, False], dtype="boolean")})  # fmt: skip
    people = pd.DataFrame({"customer_id": range(3), "size": list("sls")})
    data = kb.open_dataset({"customers": people, "cancellations": said}, as_of="2025-01-01")
    assert kb.reason_by_type(data).leavers.voluntary.tolist() == [True, True, False]


# -- behaviour ---------------------------------------------------------------------------------------


def moment(day: int, month: int) -> str:
    return f"2024-{month:02d}-{day:02d} 10:00"


def test_behaviour_by_hand() -> None:
    """Customer 0 used it ten times, then five; had a ticket for four days; pays 12 instead of 10 a seat."""
    use = [(0, "2023-06-01")] + [(0, moment(k, 4)) for k in range(1, 11)] + [(0, moment(k, 7)) for k in range(1, 6)]
    use += [(1, "2023-06-01")] + [(1, moment(k, m)) for m in (4, 7) for k in range(1, 5)] + [(2, moment(1, 8))]
    contracts = [
        (0, "2023-06-01", "2024-01-01", 20.0, 2),
        (0, "2024-01-01", None, 36.0, 3),
        (1, "2023-06-01", None, 50.0, 5),
        (2, "2024-08-01", None, 9.0, 1),
    ]
    tables = {
        "events": pd.DataFrame(use, columns=["customer_id", "timestamp"]),
        "tickets": pd.DataFrame(
            [(0, moment(1, 7), moment(5, 7)), (0, moment(1, 2), moment(2, 2)), (1, moment(1, 8), None)],
            columns=["customer_id", "opened", "closed"],
        ),
        "subscriptions": pd.DataFrame(contracts, columns=["customer_id", "start", "end", "mrr", "seats"]),
        "feedback": pd.DataFrame(
            [(0, moment(1, 6), "NPS", 4), (0, moment(2, 6), "nps", 6), (0, moment(2, 1), "nps", 10),
             (1, moment(2, 6), "bond_1", 7)],
            columns=["customer_id", "timestamp", "instrument", "score"],
        ),
    }  # fmt: skip
    rows = [(0, moment(3, 9), "price"), (1, moment(3, 9), "service"), (2, moment(3, 9), "service")]
    found = kb.reason_by_type(goodbyes(rows, ["s", "l", "s"], **tables))
    value = found.behaviour().set_index(["reason", "measure"])["value"]
    assert value["price", "usage_trend"] == pytest.approx((5 - 10) / 15)
    assert value["price", "usage_halved"] == 1
    assert value["service", "usage_halved"] == 0  # customer 2 is too new to be compared
    assert value["price", "tickets"] == 1
    assert value["price", "slowest_ticket"] == pytest.approx(4)
    assert value["service", "slowest_ticket"] == pytest.approx(33)  # still open: until the goodbye
    assert value["price", "price_change"] == pytest.approx(0.2)
    assert value["service", "price_rose"] == 0
    assert value["price", "satisfaction_nps"] == pytest.approx(5)
    n = found.behaviour().set_index(["reason", "measure"])["n"]
    assert n["service", "usage_trend"] == n["service", "tickets"] == n["service", "price_change"] == 1
    assert n["service", "satisfaction_nps"] == 0
    assert np.isnan(value["service", "satisfaction_nps"])
    assert any(note.startswith("price_change: monthly price per seat") for note in found.notes)


def test_behaviour_is_that_of_the_time_before_and_of_a_log_that_was_kept() -> None:
    """Events are kept from May on only, so nothing is known of a change in use; a ticket after the goodbye is none."""
    tables = {
        "events": pd.DataFrame([(0, moment(1, 5)), (0, moment(1, 8)), (1, moment(1, 8))],
                               columns=["customer_id", "timestamp"]),
        "tickets": pd.DataFrame([(1, moment(1, 3), None), (0, moment(5, 9), None)],
                                columns=["customer_id", "opened", "closed"]),
        "subscriptions": pd.DataFrame([(k, "2023-01-01", None, 10.0) for k in range(2)],
                                      columns=["customer_id", "start", "end", "mrr"]),
    }  # fmt: skip
    rows = [(0, moment(3, 9), "price"), (1, moment(3, 9), "service")]
    found = kb.reason_by_type(goodbyes(rows, ["s", "l"], **tables)).behaviour().set_index(["reason", "measure"])
    assert found.loc[("price", "usage_trend"), "n"] == 0
    assert found.loc[("price", "tickets"), ["n", "value"]].tolist() == [1, 0]


def test_behaviour_compares_with_others_who_left_of_their_own_accord(saas: kb.Dataset) -> None:
    found = kb.reason_by_type(saas, by="company_size")
    frame = found.behaviour().set_index(["reason", "measure"])
    everybody, own = found.leavers.values["usage_trend"], found.leavers.voluntary
    known = np.isfinite(everybody)
    assert frame.loc[("price", "usage_trend"), "value_all"] == pytest.approx(everybody[known & own].mean())
    assert frame.loc[("payment", "usage_trend"), "value"] > -0.1 > frame.loc[("price", "usage_trend"), "value"]
    price = found.leavers.reason == found.leavers.reasons.index("price")
    others = own & ~price & (found.leavers.reason >= 0) & known
    expected = welch(everybody[price & known], everybody[others], 0.95)
    columns = ["difference", "difference_ci_lower", "difference_ci_upper"]
    assert frame.loc[("price", "usage_trend"), columns].tolist() == pytest.approx([*expected])


def test_politely_given_reasons_hide_the_signs_of_others() -> None:
    """Who says price by politeness had bad tickets, low moods: the same as those who say so; honest ones had not."""
    gaps = {}
    for scenario in ("baseline", "polite_reasons"):
        data = simulate_saas(12_000, 36, scenario=scenario, rng=2)
        frame = kb.reason_by_type(data, by="language").behaviour().set_index(["reason", "measure"])
        gaps[scenario] = {m: frame.loc[("price", m), "value"] for m in ("slowest_ticket", "satisfaction_nps")}
    assert gaps["polite_reasons"]["slowest_ticket"] > gaps["baseline"]["slowest_ticket"]
    assert gaps["polite_reasons"]["satisfaction_nps"] < gaps["baseline"]["satisfaction_nps"]


def test_mean_and_its_gap_agree_with_scipy() -> None:
    from scipy.stats import t, ttest_ind

    one, other = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.0, 1.0, 1.5, 2.0, 9.0])
    found = mean(one, 0.9)
    half = t.ppf(0.95, 3) * one.std(ddof=1) / 2
    assert found.interval == pytest.approx((3.75 - half, 3.75 + half))
    gap, expected = welch(one, other, 0.9), ttest_ind(one, other, equal_var=False).confidence_interval(0.9)
    assert gap.interval == pytest.approx((expected.low, expected.high))
    assert np.isnan(mean(one[:1], 0.9).ci_lower)
    assert np.isnan(welch(one[:1], other, 0.9).value)
    shares = rate_of(2, 3, 0.8).minus(rate_of(1, 4, 0.8))
    assert [*shares] == pytest.approx([float(part) for part in newcombe(2, 3, 1, 4, 0.8)])


# -- planted truth, errors ---------------------------------------------------------------------------


def test_reason_by_type_finds_what_was_planted(saas: kb.Dataset) -> None:
    """Savers say price; language has nothing to do with the reason."""
    found = kb.reason_by_type(saas)
    closeness = found.association().set_index("attribute")
    assert closeness.loc["goal", "cramers_v_ci_lower"] > 0
    assert closeness.loc["region", "cramers_v_ci_lower"] == 0
    price = found.to_frame().query("attribute == 'goal' and reason == 'price'").set_index("level")["share"]
    assert price["save"] > price["grow"]
    assert "Left out, because they hold times: acquired_at." in found.notes


def test_reason_by_type_refuses_what_it_cannot_do(simple: kb.Dataset, telco: kb.Dataset) -> None:
    with pytest.raises(kb.NotEnoughData, match="this needs a table 'cancellations'"):
        kb.reason_by_type(telco)
    with pytest.raises(kb.ArgumentError, match="by='sise' is no column of customers; did you mean 'size'"):
        kb.reason_by_type(simple, "sise")
    with pytest.raises(kb.NotEnoughData, match="nobody in cancellations of .* gave a reason"):
        kb.reason_by_type(goodbyes([(0, "2024-01-01", None)], ["s", "l"]))
    with pytest.raises(kb.ArgumentError, match="attribute='language' is not known"):
        kb.reason_by_type(simple).counts("language")
    many = [(k, "2024-01-01", f"because {k}") for k in range(40)]
    with pytest.raises(kb.NotEnoughData, match=r"reason has 40 levels.*see kb.code_reasons"):
        kb.reason_by_type(goodbyes(many, ["s"] * 40))


@pytest.mark.parametrize("rng", ["abc", -1, 1.5])
def test_reason_by_type_refuses_what_starts_no_random_numbers(simple: kb.Dataset, rng: object) -> None:
    with pytest.raises(kb.ArgumentError, match=f"rng={rng!r} starts no random numbers"):
        kb.reason_by_type(simple, rng=rng)
