from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.contrasts.comparison import Comparison
from kbind.contrasts.contrast import _q_values
from kbind.contrasts.contrasts import Contrasts
from kbind.contrasts.regression import Cells, Effect, effects
from kbind.estimate.intervals import newcombe, wilson
from simulations.company import simulate_saas

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "contrasts.json").read_text())
ADJUST = ["contract", "internet_service", "tenure"]
ESTIMATES = ["share_churned", "share_retained", "risk_difference", "odds_ratio", "odds_ratio_adjusted"]


@pytest.fixture(scope="module")
def found(telco: kb.Dataset) -> Contrasts:
    return kb.contrast(telco, adjust=ADJUST)


def people(**columns: object) -> kb.Dataset:
    size = len(next(iter(columns.values())))
    return kb.open_dataset(
        {"customers": pd.DataFrame({"customer_id": range(size), **columns})}, roles={"churned": "churned"}
    )


def counted(*fields: tuple[str, int, int]) -> kb.Dataset:
    """Customers by level: how many have left and how many are there in all."""
    size = [level for level, _, n in fields for _ in range(n)]
    gone = [k < left for _, left, n in fields for k in range(n)]
    return people(size=size, churned=gone)


def row(result: Contrasts, attribute: str, level: str) -> pd.Series:
    frame = result.to_frame()
    return frame[(frame["attribute"] == attribute) & (frame["level"] == level)].squeeze()


def limits(name: str) -> list[str]:
    return [name, f"{name}_ci_lower", f"{name}_ci_upper"]


# -- reference values --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", GOLDEN["telco_odds_ratios"]["rows"], ids=lambda case: case["attribute"])
def test_contrast_gives_the_odds_ratios_of_telco(found: Contrasts, case: dict[str, float]) -> None:
    line = row(found, case["attribute"], case["level"])
    assert line["odds_ratio"] == pytest.approx(case["odds_ratio"], abs=5e-4)
    expected = [case["adjusted"], case["lower"], case["upper"]]
    assert line[limits("odds_ratio_adjusted")].tolist() == pytest.approx(expected, abs=5.01e-4)


def test_contrast_says_what_each_row_is_adjusted_for(found: Contrasts) -> None:
    details = found.details().set_index(["attribute", "level"])
    assert details.loc[("contract", "Month-to-month"), "adjusted_for"] == "internet_service, tenure"
    assert details.loc[("internet_service", "Fiber optic"), "adjusted_for"] == "contract, tenure"
    assert details.loc[("tenure", "< 9"), "adjusted_for"] == "contract, internet_service"
    assert details.loc[("partner", "0"), "adjusted_for"] == "contract, internet_service, tenure"


def test_contrast_gives_the_coefficients_of_r(telco: kb.Dataset) -> None:
    t, golden = telco.table("customers"), GOLDEN["telco_glm"]
    columns = {
        "fiber": t["internet_service"] == "Fiber optic",
        "no_internet": t["internet_service"] == "No",
        "contract_one": t["contract"] == "One year",
        "contract_two": t["contract"] == "Two year",
        "senior": t["senior_citizen"],
        "partner": t["partner"],
        "dependents": t["dependents"],
        "paperless": t["paperless_billing"],
        "echeck": t["payment_method"] == "Electronic check",
        "monthly10": t["monthly_charges"] / 10,
        "time": t["tenure"],
    }
    data = people(**columns, churned=t["churn"] == "Yes")
    asked = list(columns)[:9]
    result = kb.contrast(data, attributes=asked, adjust=list(columns))
    effect = {(c.attribute, c.level): c.effects["odds_ratio_adjusted"] for c in result.comparisons}
    for name in asked:
        level = "yes" if (name, "yes") in effect else "1"
        place = golden["names"].index(name)
        assert effect[name, level].estimate == pytest.approx(golden["coef"][place], rel=1e-7)
        assert effect[name, level].error == pytest.approx(golden["se"][place], rel=1e-6)


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    golden = GOLDEN["bh_1995"]

    def tested(k: int, p: float) -> Comparison:
        raw = Effect(0.0, 1.0, p)
        return Comparison("a", str(k), 1, 2, 1, 2, {"odds_ratio": raw}, (), "", two=False)

    rows = [tested(k, p) for k, p in enumerate(golden["p"])]
    assert _q_values(rows, "odds_ratio") == pytest.approx(golden["q"], abs=1e-12)


def test_two_levels_of_one_attribute_count_as_one_test() -> None:
    def tested(attribute: str, level: str, p: float, *, two: bool) -> Comparison:
        raw = Effect(0.0, 1.0, p)
        return Comparison(attribute, level, 1, 2, 1, 2, {"odds_ratio": raw}, (), "", two=two)

    rows = [tested("a", "x", 0.01, two=True), tested("a", "y", 0.01, two=True), tested("b", "u", 0.5, two=False)]
    assert _q_values(rows, "odds_ratio") == pytest.approx([0.02, 0.02, 0.5])


# -- by hand -----------------------------------------------------------------------------------------


def test_contrast_of_two_levels_by_hand() -> None:
    """30 of 100 small ones left, 20 of 100 large ones."""
    line = row(kb.contrast(counted(("s", 30, 100), ("l", 20, 100)), adjust=()), "size", "s")
    assert line["n"] == 100
    assert line["share_churned"] == pytest.approx(30 / 50)
    assert line["share_retained"] == pytest.approx(70 / 150)
    assert line["risk_difference"] == pytest.approx(0.1)
    assert line[limits("risk_difference")[1:]].tolist() == pytest.approx([-0.0200, 0.2171], abs=5e-4)
    ratio, error = 30 * 80 / (70 * 20), np.sqrt(1 / 30 + 1 / 70 + 1 / 20 + 1 / 80)
    woolf = [ratio, ratio * np.exp(-1.959964 * error), ratio * np.exp(1.959964 * error)]
    assert line[limits("odds_ratio")].tolist() == pytest.approx(woolf, rel=1e-6)
    assert np.isnan(line[limits("odds_ratio_adjusted")].astype(float)).all()
    chi_square = 200 * (30 * 80 - 70 * 20) ** 2 / (100 * 100 * 50 * 150)
    details = kb.contrast(counted(("s", 30, 100), ("l", 20, 100)), adjust=()).details()
    assert details["p_value"].tolist() == pytest.approx([float(_upper(chi_square))] * 2)
    assert details["q_value"].tolist() == details["p_value"].tolist()  # two rows, one test


def _upper(chi_square: float) -> float:
    from scipy.stats import chi2

    return float(chi2.sf(chi_square, 1))


def test_intervals_are_of_the_level_asked_for() -> None:
    fields = counted(("s", 30, 100), ("l", 20, 100))
    line = row(kb.contrast(fields, conf_level=0.8, adjust=()), "size", "s")
    error = np.sqrt(1 / 30 + 1 / 70 + 1 / 20 + 1 / 80)
    woolf = np.log(30 * 80 / (70 * 20)) + 1.2815516 * error * np.array([-1, 1])
    assert np.log(line[limits("odds_ratio")[1:]].astype(float)).tolist() == pytest.approx(woolf.tolist(), rel=1e-6)
    expected = {"risk_difference": newcombe(30, 100, 20, 100, 0.8), "share_churned": wilson(30, 50, 0.8),
                "share_retained": wilson(70, 150, 0.8)}  # fmt: skip
    for name, values in expected.items():
        assert line[limits(name)].tolist() == pytest.approx([float(value) for value in values])


def test_findings_are_those_of_the_fdr_asked_for() -> None:
    fields = counted(("s", 30, 100), ("l", 22, 100))
    assert kb.contrast(fields, adjust=()).findings().empty
    assert len(kb.contrast(fields, fdr=0.3, adjust=()).findings()) == 2


def test_to_frame_has_exactly_these_columns(found: Contrasts) -> None:
    wanted = [name for estimate in ESTIMATES for name in limits(estimate)]
    assert list(found.to_frame()) == ["attribute", "level", "n", *wanted, "q_value"]
    assert found.to_frame()["q_value"].dropna().between(0, 1).all()
    for name in ESTIMATES:
        part = found.to_frame()[limits(name)].dropna()
        assert (part[f"{name}_ci_lower"] <= part[name]).all()
        assert (part[name] <= part[f"{name}_ci_upper"]).all()


def test_contrast_ranks_by_effect_and_not_by_p(found: Contrasts) -> None:
    tested = found.to_frame().dropna(subset=["q_value"])
    size = np.abs(np.log(tested["odds_ratio_adjusted"].to_numpy()))
    assert (np.diff(size) <= 1e-9).all()
    assert not found.details()["p_value"].dropna().is_monotonic_increasing
    assert found.effect == "odds_ratio_adjusted"
    assert "Ranked by the size of odds_ratio_adjusted" in found.definition


# -- levels that do not apply ------------------------------------------------------------------------


def test_levels_that_do_not_apply_are_found_and_left_out(telco: kb.Dataset, found: Contrasts) -> None:
    frame = found.to_frame()
    assert not frame["level"].isin(["No internet service", "No phone service"]).any()
    extras = frame[frame["attribute"] == "streaming_tv"]
    assert extras["n"].sum() == 5517
    assert set(found.details().set_index("attribute").loc["streaming_tv", "among"]) == {"internet_service is not 'No'"}
    assert sum("does not apply" in note for note in found.notes) == 7
    assert row(found, "phone_service", "0")["n"] == 682
    # also where the column that explains it is not asked for
    alone = kb.contrast(telco, attributes="streaming_tv", adjust=())
    assert alone.to_frame()["n"].sum() == 5517
    assert row(alone, "streaming_tv", "No")["odds_ratio"] == pytest.approx(1.173, abs=5e-4)


def test_missing_values_that_another_level_explains_are_no_level() -> None:
    size = np.repeat(["small", "large", "none"], [60, 60, 40])
    seats = np.where(size == "none", None, np.tile(["few", "many"], 80))
    result = kb.contrast(people(size=size, seats=seats, churned=np.arange(160) % 3 == 0), adjust=())
    assert set(result.to_frame()["level"]) == {"small", "large", "none", "few", "many"}
    assert "seats: '(missing)' marks the same 40 customers as size 'none'" in " ".join(result.notes)


def test_columns_that_say_the_same_are_not_adjusted_for_each_other() -> None:
    rng = np.random.default_rng(1)
    sex = rng.choice(["f", "m"], 300)
    result = kb.contrast(
        people(sex=sex, female=(sex == "f").astype(int), churned=rng.random(300) < 0.3), adjust=["female"]
    )
    assert "female divides the customers just as sex does." in result.notes
    assert result.details()["adjusted_for"].tolist() == [""] * 4
    assert result.to_frame()["odds_ratio_adjusted"].tolist() == result.to_frame()["odds_ratio"].tolist()


def test_few_customers_that_coincide_by_chance_are_no_structure() -> None:
    a, b = ["x"] * 3 + ["y"] * 30 + ["z"] * 27, ["u"] * 3 + ["v", "w", "w"] * 19
    result = kb.contrast(people(a=a, b=b, churned=np.arange(60) % 2 == 0), adjust=())
    assert not result.profiles.structural
    assert set(result.to_frame()["level"]) == set("xyzuvw")


# -- unknown, few, separated -------------------------------------------------------------------------


def test_missing_is_a_level_against_all_known() -> None:
    size = np.repeat(np.array(["s", "l", None], dtype=object), [50, 50, 40])
    result = kb.contrast(people(size=size, churned=np.arange(140) % 4 == 0), adjust=())
    missing, small = row(result, "size", "(missing)"), row(result, "size", "s")
    assert (missing["n"], small["n"]) == (40, 50)
    details = result.details().set_index("level")
    assert details.loc["(missing)", "n_others"] == 100
    assert details.loc["s", "n_others"] == 50


def test_a_level_that_nobody_left_has_no_odds_ratio_but_a_test() -> None:
    result = kb.contrast(counted(("never", 0, 40), ("a", 20, 60), ("b", 25, 60)), adjust=())
    line = row(result, "size", "never")
    assert np.isnan(line[limits("odds_ratio")].astype(float)).all()
    assert line["q_value"] < 1e-3
    assert line["risk_difference_ci_upper"] < 0
    assert result.to_frame()["level"].iloc[0] == "never"
    assert "nobody of this level has left" in " ".join(result.notes)
    full = kb.contrast(counted(("all", 40, 40), ("a", 20, 60), ("b", 25, 60)), adjust=())
    assert full.details().set_index("level").loc["all", "reason"] == "everybody of this level has left"


def test_few_customers_are_not_tested_and_come_last() -> None:
    result = kb.contrast(counted(("rare", 3, 4), ("a", 20, 60), ("b", 25, 60)), adjust=())
    assert result.to_frame()["level"].iloc[-1] == "rare"
    line = row(result, "size", "rare")
    assert np.isnan(line["q_value"])
    assert line["odds_ratio"] == pytest.approx(3 * 75 / (1 * 45))
    assert "fewer than 5 customers expected" in result.details()["reason"].iloc[-1]


def test_a_level_that_follows_from_the_adjustment_is_said_to() -> None:
    plan = np.repeat(["a", "b", "c"], 60)
    region = np.where(plan == "c", "far", np.tile(["n", "s"], 90))
    data = people(plan=plan, paid=np.where(plan == "c", "no", np.tile(["in", "out", "out"], 60)), region=region,
                  churned=np.arange(180) % 3 == 0)  # fmt: skip
    result = kb.contrast(data, attributes="plan", adjust="region")
    assert result.details().set_index("level").loc["c", "reason"] == "cannot be told apart from what is adjusted for"
    assert np.isnan(row(result, "plan", "c")["odds_ratio_adjusted"])
    assert np.isfinite(row(result, "plan", "a")["odds_ratio_adjusted"])


def test_groups_in_which_nobody_left_say_nothing_on_the_adjusted_effect() -> None:
    """With them the likelihood has no maximum; without them the estimate is the one it grows towards."""
    rng = np.random.default_rng(5)
    group = np.repeat(["quiet", "busy", "mixed"], 100)
    size = rng.choice(["s", "l"], 300)
    gone = (rng.random(300) < np.where(size == "s", 0.5, 0.3)) & (group != "quiet")
    whole = kb.contrast(people(group=group, size=size, churned=gone), attributes="size", adjust="group")
    rest = group != "quiet"
    part = kb.contrast(
        people(group=group[rest], size=size[rest], churned=gone[rest]), attributes="size", adjust="group"
    )
    names = limits("odds_ratio_adjusted")
    assert row(whole, "size", "s")[names].tolist() == pytest.approx(row(part, "size", "s")[names].tolist(), rel=1e-9)


def test_numbers_that_separate_leave_no_adjusted_effect() -> None:
    age = np.arange(100.0)
    result = kb.contrast(people(age=age, size=np.tile(["s", "l"], 50), churned=age > 50), attributes="size",
                         adjust="age")  # fmt: skip
    assert "separates those who left" in result.details()["reason"].iloc[0]
    assert result.to_frame()["q_value"].isna().all()


def test_groups_in_which_everybody_left_say_nothing_on_the_adjusted_effect() -> None:
    rng = np.random.default_rng(5)
    group = np.repeat(["gone", "busy", "mixed"], 100)
    size = rng.choice(["s", "l"], 300)
    gone = (rng.random(300) < np.where(size == "s", 0.5, 0.3)) | (group == "gone")
    whole = kb.contrast(people(group=group, size=size, churned=gone), attributes="size", adjust="group")
    rest = group != "gone"
    part = kb.contrast(
        people(group=group[rest], size=size[rest], churned=gone[rest]), attributes="size", adjust="group"
    )
    names = limits("odds_ratio_adjusted")
    assert row(whole, "size", "s")[names].tolist() == pytest.approx(row(part, "size", "s")[names].tolist(), rel=1e-9)


# -- time at risk, contracts -------------------------------------------------------------------------


def test_rate_ratio_by_hand() -> None:
    plan = np.repeat(["old", "new"], 100)
    gone = np.concatenate([np.arange(100) < 40, np.arange(100) < 20])
    months = np.repeat([40, 10], 100)
    result = kb.contrast(
        people(plan=plan, months=months, churned=gone), attributes="plan", exposure="months", adjust=()
    )
    line = row(result, "plan", "old")
    rate, error = (40 / 4000) / (20 / 1000), np.sqrt(1 / 40 + 1 / 20)
    assert line[limits("rate_ratio")].tolist() == pytest.approx(
        [rate, rate * np.exp(-1.959964 * error), rate * np.exp(1.959964 * error)], rel=1e-6
    )
    assert line["odds_ratio"] > 1 > line["rate_ratio"]  # more of the old ones left, in four times the time
    assert result.effect == "rate_ratio"
    assert list(result.to_frame())[-4:] == [*limits("rate_ratio"), "q_value"]


def test_exposure_counts_the_months_of_durations() -> None:
    data = simulate_saas(400, 24, rng=3)
    lived = kb.durations(data)
    result = kb.contrast(data, attributes="company_size", exposure=True, adjust="channel")
    assert result.profiles.n.sum() == lived.customers
    assert result.profiles.left.sum() == lived.events
    assert result.profiles.time is not None
    months = (np.maximum(lived.duration - lived.entry, 0) * lived.n).sum()
    assert result.profiles.time.sum() == pytest.approx(months, rel=1e-6)
    assert "rate_ratio_adjusted" in result.to_frame()
    first = result.comparisons[0]
    assert first.left + first.left_others == lived.events
    assert "contract ends" in result.definition


def test_telco_needs_no_tenure_role_for_its_flag(telco: kb.Dataset) -> None:
    by_role = kb.contrast(telco, exposure=True, attributes="contract", adjust=())
    by_column = kb.contrast(telco, "churn", exposure="tenure", attributes="contract", adjust=())
    pd.testing.assert_frame_equal(by_role.to_frame(), by_column.to_frame())


# -- properties --------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=2, max_size=5),
    st.integers(0, 2**32 - 1),
)
def test_effects_are_those_of_statsmodels(fields: list[tuple[int, int]], seed: int) -> None:
    """Odds and rates, with a number that is adjusted for."""
    import statsmodels.api as sm

    rng = np.random.default_rng(seed)
    levels = np.repeat(np.arange(len(fields)), 3)
    left = np.array([gone for gone, _ in fields]).repeat(3) + rng.integers(0, 5, len(levels))
    stayed = np.array([there for _, there in fields]).repeat(3) + rng.integers(1, 5, len(levels))
    x = np.column_stack([np.ones(len(levels)), rng.normal(size=len(levels))])
    with_first = np.column_stack([x, levels == 0]).astype(float)
    for rates in (False, True):
        cells = Cells(levels, left.astype(float), (left + stayed).astype(float), x, rates)
        found = effects(cells, [0])[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if rates:
                model = sm.GLM(left, with_first, sm.families.Poisson(), exposure=left + stayed)
                null = sm.GLM(left, x, sm.families.Poisson(), exposure=left + stayed).fit(tol=1e-12)
            else:
                model = sm.GLM(np.column_stack([left, stayed]), with_first, sm.families.Binomial())
                null = sm.GLM(np.column_stack([left, stayed]), x, sm.families.Binomial()).fit(tol=1e-12)
            fitted = model.fit(tol=1e-12)
            score = null.score_test(exog_extra=with_first[:, 2:])
        assert found.estimate == pytest.approx(fitted.params[2], abs=1e-7)
        assert found.error == pytest.approx(fitted.bse[2], rel=1e-6)
        if not np.isnan(found.p_value):
            assert found.p_value == pytest.approx(float(np.squeeze(score[1])), rel=1e-5, abs=1e-12)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, ["b"], ["b", "x"]]))
def test_two_levels_mirror_each_other_and_order_does_not_matter(seed: int, adjust: list[str] | None) -> None:
    rng = np.random.default_rng(seed)
    frame = {
        "a": rng.choice(["p", "q"], 120),
        "b": rng.choice(["r", "s", "t"], 120),
        "x": rng.normal(size=120),
        "churned": rng.random(120) < 0.4,
    }
    first = kb.contrast(people(**frame), adjust=adjust)
    p, q = row(first, "a", "p"), row(first, "a", "q")
    for name in ("odds_ratio", "odds_ratio_adjusted")[: 1 + (adjust is not None)]:
        assert p[name] * q[name] == pytest.approx(1, rel=1e-6)
        assert p[f"{name}_ci_lower"] * q[f"{name}_ci_upper"] == pytest.approx(1, rel=1e-6)
    assert p["risk_difference"] == pytest.approx(-q["risk_difference"])
    turned = rng.permutation(120)
    again = kb.contrast(people(**{name: values[turned] for name, values in frame.items()}), adjust=adjust)
    keys = ["attribute", "level"]
    pd.testing.assert_frame_equal(
        first.to_frame().sort_values(keys, ignore_index=True), again.to_frame().sort_values(keys, ignore_index=True),
        rtol=1e-6,
    )  # fmt: skip


def test_false_findings_stay_at_the_level_allowed() -> None:
    """A quick look; 500 runs stand in simulations/. One attribute matters, four only go with it."""
    false, runs = 0, 60
    for run in range(runs):
        rng = np.random.default_rng([8, run])
        cause = rng.integers(0, 2, 600)
        gone = rng.random(600) < np.where(cause == 1, 0.5, 0.2)
        shadows = {f"s{k}": np.where(rng.random(600) < 0.4, cause, rng.integers(0, 2, 600)) for k in range(4)}
        found = kb.contrast(people(cause=cause, **shadows, churned=gone), adjust="cause").findings()
        names = found["attribute"].unique()
        false += rng.choice(names) != "cause" if len(names) else 0
    assert false / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


# -- reversals ---------------------------------------------------------------------------------------


def test_reversals_names_what_adjusting_turns_round(found: Contrasts) -> None:
    turned = found.reversals().set_index(["attribute", "level"])["change"]
    assert turned["streaming_tv", "No"] == "the other way round"
    assert turned["partner", "0"] == "no longer clear"
    assert turned["device_protection", "No"] == "no longer clear, and rather the other way round"
    assert turned["phone_service", "0"] == "clear only after adjusting"
    assert ("contract", "Month-to-month") not in turned.index
    notes = [note for note in found.notes if note.startswith("partner")]
    assert notes == ["partner '0': odds ratio 2.01, adjusted 1.05: no longer clear."]


def test_reversals_finds_nothing_without_adjusting(telco: kb.Dataset) -> None:
    assert kb.contrast(telco, attributes="partner", adjust=()).reversals().empty


# -- what is asked for -------------------------------------------------------------------------------


def test_numbers_are_cut_near_their_quartiles(found: Contrasts) -> None:
    frame = found.to_frame()
    levels = set(frame.loc[frame["attribute"] == "tenure", "level"])
    assert levels == {"< 9", "9 to < 29", "29 to < 55", ">= 55"}
    assert "tenure at 9, 29, 55" in " ".join(found.notes)


def test_customers_without_a_number_are_left_out_of_the_adjusted_effect(telco: kb.Dataset) -> None:
    result = kb.contrast(telco, attributes="partner", adjust="total_charges")
    assert "11 customers without total_charges are left out where total_charges is adjusted for." in result.notes
    assert row(result, "partner", "0")["n"] == 3641


def test_an_unknown_number_is_like_no_other_number() -> None:
    """The adjusted effect is that of the customers whose number is known, though all count in the raw one."""
    rng = np.random.default_rng(4)
    size, months = rng.choice(["s", "l"], 400), rng.integers(1, 30, 400).astype(float)
    gone = rng.random(400) < np.where(size == "s", 0.5, 0.3)
    months[:60], gone[:60] = np.nan, size[:60] == "l"
    whole = kb.contrast(people(size=size, months=months, churned=gone), attributes="size", adjust="months")
    part = kb.contrast(
        people(size=size[60:], months=months[60:], churned=gone[60:]), attributes="size", adjust="months"
    )
    names = limits("odds_ratio_adjusted")
    assert row(whole, "size", "s")[names].tolist() == pytest.approx(row(part, "size", "s")[names].tolist(), rel=1e-9)
    assert whole.to_frame()["n"].sum() == 400


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attributes": "contrakt"}, "attributes='contrakt' is no column of customers; did you mean 'contract'"),
        ({"adjust": ["tenur"]}, "adjust='tenur' is no column of customers; did you mean 'tenure'"),
        ({"adjust": "churn"}, "adjust='churn' is the outcome itself"),
        ({"attributes": "churn"}, "attributes='churn' is the outcome itself"),
        ({"outcome": "left"}, "outcome='left' is neither 'churned' nor a column"),
        ({"outcome": "contract"}, "7,043 customers of 'IBM Telco Customer Churn' have no readable outcome"),
        ({"exposure": "contract"}, "exposure='contract' is no number"),
        ({"exposure": 3}, "exposure=3 is not known"),
        ({"exposure": "total_charges"}, "exposure='total_charges' is missing or negative"),
        ({"fdr": 5}, "fdr=5 is no share"),
        ({"conf_level": 95}, "conf_level=95 is not a confidence level"),
    ],
)
def test_contrast_refuses_what_it_cannot_do(telco: kb.Dataset, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.contrast(telco, **arguments)


def test_contrast_needs_somebody_who_left_and_something_to_compare() -> None:
    with pytest.raises(kb.NotEnoughData, match=r"nobody of 4 customers .* has left"):
        kb.contrast(people(a=list("xyxy"), churned=[False] * 4), adjust=())
    with pytest.raises(kb.NotEnoughData, match="no attribute has two levels"):
        kb.contrast(people(a=list("xxxx"), churned=[False, True] * 2), adjust=())
    with pytest.raises(kb.DatasetError, match="has no rows"):
        kb.contrast(pd.DataFrame(), adjust=())
    with pytest.raises(kb.ArgumentError, match="is no data set"):
        kb.contrast("telco", adjust=())  # type: ignore[arg-type]


def test_columns_that_cannot_be_compared_are_named() -> None:
    data = people(
        a=list("xy") * 20, name=[f"n{k}" for k in range(40)], same=["z"] * 40, churned=[True, True, False, False] * 10
    )
    notes = " ".join(kb.contrast(data, adjust=()).notes)
    assert (
        "Left out, because they have more than 30 levels, and too few of 30 customers or more to describe them: name."
        in notes
    )
    assert "Left out, because all customers are alike in them: same." in notes
    with pytest.raises(kb.ArgumentError, match="attributes='name' has 40 levels"):
        kb.contrast(data, attributes="name", adjust=())


def test_adjusting_for_names_is_refused() -> None:
    data = people(a=list("xy") * 60, name=[f"n{k}" for k in range(120)], churned=[True, False, False] * 40)
    with pytest.raises(kb.ArgumentError, match="adjust='name' has 120 levels; allowed: at most 100"):
        kb.contrast(data, attributes="a", adjust="name")


# -- columns that know the outcome ----------------------------------------------------------------------------------


def leaky(n: int = 400, **columns: object) -> kb.Dataset:
    """A quarter has left; plans say a little about who."""
    rng = np.random.default_rng(0)
    left = np.arange(n) % 4 == 0
    plan = np.where(rng.random(n) < np.where(left, 0.7, 0.4), "basic", "pro")
    made = {name: make(left) for name, make in columns.items()}  # type: ignore[operator]
    return people(plan=plan, churned=left, **made)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda left: np.where(left, "Former", "Customer"), "only leavers have 'Former': 100 customers"),
        (lambda left: np.where(np.arange(400) % 8 == 0, "price", None), "only leavers have 'price': 50 customers"),
        (lambda left: np.where(left, None, "2030-01"), "only leavers have '(missing)': 100 customers"),
        (lambda left: left * 4.0 + np.random.default_rng(1).normal(size=400), "alone it tells who leaves, with an AUC"),
    ],
)  # fmt: skip
def test_a_column_that_knows_the_outcome_is_not_compared(make: object, reason: str) -> None:
    data = leaky(type=make)
    found = kb.contrast(data, adjust=())
    assert found.removed["type"].startswith(reason)
    assert {row.attribute for row in found.comparisons} == {"plan"}
    assert any(note.startswith("Left out, because it knows the outcome: type (") for note in found.notes)
    asked = kb.contrast(data, attributes=["type", "plan"], adjust=())
    assert asked.removed == {}
    assert "type" in {row.attribute for row in asked.comparisons}
    assert any(note.startswith("type knows the outcome: ") for note in asked.notes)


def test_rare_levels_and_honest_columns_are_compared(telco: kb.Dataset) -> None:
    rare = leaky(mark=lambda left: np.where(left & (np.arange(400) < 60), "rare", "usual"))
    assert kb.contrast(rare, adjust=()).removed == kb.contrast(telco, adjust=()).removed == {}


def test_adjusted_contrasts_leave_it_out_too_and_nothing_is_left_where_all_leaks() -> None:
    data = leaky(type=lambda left: np.where(left, "gone", "there"), size=lambda left: np.arange(400) % 3)
    found = kb.contrast(data, adjust="size")
    assert list(found.removed) == ["type"]
    assert {row.attribute for row in found.comparisons} == {"plan", "size"}
    only = people(type=["gone"] * 50 + ["there"] * 50, churned=[True] * 50 + [False] * 50)
    with pytest.raises(kb.NotEnoughData, match="every attribute knows the outcome: type"):
        kb.contrast(only, adjust=())
