"""Segments of churned customers: formed as planted, judged at the stated rates, described on others."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

import kbind as kb
from kbind.customers.roster import Roster, roster
from kbind.estimate.intervals import wilson
from kbind.segments.profile import FOLDS, SegmentProfile, _level_rows, _number_row, lift
from kbind.segments.segmentation import Segmentation
from kbind.segments.stability import Stability, adjusted_rand, crossed, stability
from kbind.segments.traits import NOT_APPLICABLE, Coding, Trait, learn_coding
from kbind.segments.verdict import CONTINUUM, GROUPS, NOTHING, association_p, fit_copula, null_test
from simulations.company import simulate_saas

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "segments.json").read_text())


def opened(frame: dict[str, object], left: object = True) -> kb.Dataset:
    n = len(next(iter(frame.values())))
    people = pd.DataFrame({"customer_id": np.arange(n), **frame, "churned": left})
    return kb.open_dataset({"customers": people}, roles={"churned": "churned"})


def churned(data: kb.Dataset) -> Roster:
    people = roster(data)
    return people.take(np.flatnonzero(people.left))


def blobs(n: int = 240, k: int = 3) -> dict[str, object]:
    rng = np.random.default_rng(1)
    kind = np.arange(n) % k
    return {
        "size": 10.0 * kind + rng.normal(size=n),
        "age": 40.0 - 10 * (kind == 1) + rng.normal(size=n),
        "kind": np.array(list("abc"))[kind],
    }


@pytest.fixture(scope="module")
def clear() -> kb.Dataset:
    return simulate_saas(8200, 36, scenario="clear_segments", rng=1)


@pytest.fixture(scope="module")
def planted(clear: kb.Dataset) -> Segmentation:
    return kb.segment_churned(clear, resamples=20, null_samples=19)


@pytest.fixture(scope="module")
def telco() -> Segmentation:
    return kb.segment_churned(kb.datasets.load_telco(), null_samples=19)


def true_segments(data: kb.Dataset, ids: object) -> np.ndarray:
    assert data.truth is not None
    return data.truth.accounts.set_index("customer_id").loc[list(ids), "segment"].to_numpy()


# agreement


def test_adjusted_rand_golden() -> None:
    golden = GOLDEN["ari_small"]
    for (one, other), expected in zip(golden["pairs"], golden["expected"], strict=True):
        table = crossed(np.array(one), np.array(other), 3, np.ones(len(one)))
        assert adjusted_rand(table) == pytest.approx(expected, abs=golden["tolerance"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40), st.integers(1, 3))
def test_adjusted_rand_counted_equals_one_by_one(pairs: list[tuple[int, int]], times: int) -> None:
    one, other = np.array(pairs).T
    counted = adjusted_rand(crossed(one, other, 4, np.full(len(one), float(times))))
    assert counted == pytest.approx(adjusted_rand_score(np.repeat(one, times), np.repeat(other, times)), abs=1e-9)


# coding


def test_learn_coding_hand_computed() -> None:
    data = opened({"seats": [1.0, 2.0, 3.0, 6.0], "goal": ["a", "b", "c", "a"], "agreed": [True, False, False, False]})
    people = churned(data)
    coding = learn_coding(people)
    assert coding.attributes == ("seats", "goal", "agreed")
    seats = (np.array([1, 2, 3, 6]) - 3) / np.sqrt(3.5)
    goal = np.array([[0.5, -0.25, -0.25], [-0.5, 0.75, -0.25], [-0.5, -0.25, 0.75], [0.5, -0.25, -0.25]])
    agreed = np.array([0.75, -0.25, -0.25, -0.25])
    expected = np.column_stack([seats, goal, agreed])
    assert coding.matrix(coding.read(people.columns)) == pytest.approx(expected)
    assert list(coding.owners()) == [0, 1, 1, 1, 2]


def test_learn_coding_logarithm_only_where_skewed() -> None:
    skewed = np.exp(np.linspace(-3, 3, 60))
    even = np.linspace(1, 2, 60) + np.sin(np.arange(60))
    coding = learn_coding(churned(opened({"skewed": skewed, "even": even + 5})))
    assert {trait.attribute: trait.log for trait in coding.traits} == {"skewed": True, "even": False}


def test_a_logarithm_of_nothing_is_unknown() -> None:
    trait = Trait("seats", np.array([0.0]), 1.5, log=True)
    values, unknown = trait.read(np.array([np.e, 0.0, -1.0, np.nan]))
    assert values.tolist() == [1, 1.5, 1.5, 1.5]
    assert unknown.tolist() == [False, True, True, True]


def test_learn_coding_does_not_apply_counts_as_no() -> None:
    net = np.array(["none", "cable", "fibre", "cable"] * 5)
    extra = np.where(net == "none", "No internet", np.array(["", "Yes", "No", "No"] * 5))
    brand = np.where(net == "none", "No internet", np.array(["", "x", "x", "y"] * 5))
    coding = learn_coding(churned(opened({"internet": net, "extra": extra, "brand": brand})))
    by_name = {trait.attribute: trait for trait in coding.traits}
    assert by_name["extra"].levels == ("No", "Yes")
    assert by_name["extra"].codes == {"No": 0, "Yes": 1, "No internet": 0}
    # without a no, it has no column
    assert by_name["brand"].levels == ("x", "y", NOT_APPLICABLE)
    assert by_name["brand"].shown == (0, 1)
    assert sum("does not apply" in note for note in coding.notes) == 2


def test_learn_coding_telco_leaves_out_total_charges() -> None:
    coding = learn_coding(churned(kb.datasets.load_telco()))
    assert "total_charges" not in coding.attributes
    assert any(note == "total_charges is left out, because it is nearly tenure x monthly_charges." for note in
               coding.notes)  # fmt: skip
    security = next(trait for trait in coding.traits if trait.attribute == "online_security")
    assert security.levels == ("No", "Yes")


def test_learn_coding_missing_values_tell() -> None:
    data = opened({"seats": [1.0, np.nan, 3.0, 8.0, 3.0], "goal": ["a", None, "b", "a", "b"]})
    people = churned(data)
    coding = learn_coding(people)
    read = dict(zip([(t.attribute, t.missing) for t in coding.traits], coding.read(people.columns), strict=True))
    assert list(read["seats", False]) == [1, 3, 3, 8, 3]
    assert list(read["seats", True]) == [0, 1, 0, 0, 0]
    assert list(read["goal", False]) == [0, 2, 1, 0, 1]
    assert any("Missing values in seats, goal" in note for note in coding.notes)


def test_learn_coding_alike_in_all_is_an_error() -> None:
    with pytest.raises(kb.NotEnoughData, match="alike in all attributes"):
        learn_coding(churned(opened({"goal": ["a"] * 4})))


# customers without groups


def copied(data: kb.Dataset) -> tuple[Coding, list[np.ndarray]]:
    people = churned(data)
    coding = learn_coding(people)
    return coding, coding.read(people.columns)


def test_fit_copula_keeps_margins_and_correlations() -> None:
    rng = np.random.default_rng(0)
    n = 2000
    factor = rng.normal(size=n)
    data = opened(
        {
            "price": np.exp(0.8 * factor + 0.6 * rng.normal(size=n)),
            "seats": np.round(10 + 3 * factor + 3 * rng.normal(size=n)),
            "fast": factor + rng.normal(size=n) > 0.8,
            "size": np.array(["s", "m", "l"])[np.digitize(factor + rng.normal(size=n), [-0.5, 0.7])],
            "alone": rng.random(n) < 0.3,
        }
    )
    coding, values = copied(data)
    copula = fit_copula(coding, values)
    drawn = [copula.draw(np.random.default_rng(seed)) for seed in range(20)]
    for k, before in enumerate(values):
        assert np.array_equal(np.sort(drawn[0][k]), np.sort(before))
    wanted = np.corrcoef(coding.matrix(values).T)
    reached = np.mean([np.corrcoef(coding.matrix(one).T) for one in drawn], axis=0)
    apart = coding.owners()[:, None] != coding.owners()[None, :]
    away = np.where(apart, np.abs(wanted - reached), 0)
    plain = [k for k, owner in enumerate(coding.owners()) if owner != coding.attributes.index("size")]
    # the standard error of a mean of 20 correlations of 2,000 customers is .005
    assert away[np.ix_(plain, plain)].max() < 0.02
    # of three levels only their scores correlate as in the data, not each for itself
    assert away.max() < 0.06
    assert np.abs(wanted)[apart].max() > 0.5


def test_fit_copula_impossible_correlations_stay_a_correlation_matrix() -> None:
    coding, values = copied(opened(blobs(120)))
    copula = fit_copula(coding, values)
    assert np.linalg.eigvalsh(copula.correlation).min() > 0
    assert np.diag(copula.correlation) == pytest.approx(1)


# stability


def stable(data: kb.Dataset, k: int) -> Stability:
    coding, values = copied(data)
    x = coding.matrix(values)
    return stability(x, np.ones(len(x)), k, 20, np.random.default_rng(0))


def test_stability_of_separate_groups_is_perfect() -> None:
    found = stable(opened(blobs()), 3)
    assert found.ari.min() == 1
    assert found.least_jaccard == 1
    assert list(found.sizes) == [80, 80, 80]
    assert found.passes


def test_stability_of_noise_fails_the_rule() -> None:
    rng = np.random.default_rng(2)
    noise: dict[str, object] = {f"x{k}": rng.normal(size=200) for k in range(6)}
    found = stable(opened(noise), 5)
    assert found.least_jaccard < 0.6
    assert not found.passes


def test_stability_distinct_customers_with_counts_equal_all() -> None:
    coding, values = copied(opened({"a": ["x", "y"] * 60, "b": ["u", "u", "v"] * 40}))
    x = coding.matrix(values)
    rows, counts = np.unique(x, axis=0, return_counts=True)
    assert len(rows) == 4
    found = stability(rows, counts.astype(float), 2, 20, np.random.default_rng(0))
    assert found.sizes.sum() == 120


def test_rule_asks_for_segments_that_come_back_and_are_large_enough() -> None:
    def passes(sizes: list[int], jaccard: float) -> bool:
        return Stability(2, np.array(sizes), np.ones(20), np.full((20, 2), jaccard)).passes

    assert passes([95, 5], 0.75)
    assert not passes([96, 4], 1.0)
    assert not passes([50, 50], 0.74)


def test_null_samples_as_stable_as_the_data_speak_against_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    coding, values = copied(opened(blobs(120)))
    same = Stability(3, np.array([40, 40, 40]), np.ones(20), np.ones((20, 3)))
    monkeypatch.setattr("kbind.segments.verdict.stability", lambda *_: same)
    found = null_test(coding, values, same, 19, np.random.default_rng(0), lambda *_: None)
    assert (len(found.null), found.p_value) == (5, 1.0)


def of_association(seed: int, *, together: bool) -> float:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, 150)
    b = np.where(rng.random(150) < 0.5, a, rng.integers(0, 3, 150)) if together else rng.integers(0, 3, 150)
    traits = tuple(
        Trait(name, np.full(3, 1 / 3), 0, levels=("x", "y", "z"), shown=(0, 1, 2)) for name in ("one", "other")
    )
    return association_p(Coding(traits, ()), [a, b], rng, lambda *_: None)


def test_association_p_of_attributes_that_belong_together() -> None:
    assert max(of_association(seed, together=True) for seed in range(10)) <= 0.05


def test_association_p_is_uniform_where_there_is_none() -> None:
    found = np.array([of_association(seed, together=False) for seed in range(100)])
    # of 100, within three standard errors: 2.2 at .05, 5 at the median
    assert 0 < (found <= 0.05).sum() <= 11
    assert 35 <= (found <= 0.5).sum() <= 65


# verdicts


def test_segment_churned_telco_reaches_what_was_asked(telco: Segmentation) -> None:
    row = telco.to_frame().set_index("k").loc[4]
    assert telco.k == 4
    assert row["ari"] >= 0.9
    assert row["jaccard_min"] >= 0.85
    assert telco.verdict in (GROUPS, CONTINUUM)
    assert telco.judgement.null is not None
    assert telco.verdict in telco.definition
    assert any("tenure is one of the attributes" in note for note in telco.notes)


def test_segment_churned_planted_groups(clear: kb.Dataset, planted: Segmentation) -> None:
    ids = planted.roster.customer_id[planted.roster.left]
    assert planted.n > 1900
    assert (planted.verdict, planted.k) == (GROUPS, 4)
    assert adjusted_rand_score(true_segments(clear, ids), planted.segment) >= 0.8


@pytest.mark.parametrize(("scenario", "verdicts"), [("no_segments", (NOTHING,)), ("continuum", (NOTHING, CONTINUUM))])
def test_segment_churned_without_groups(scenario: str, verdicts: tuple[str, ...]) -> None:
    world = simulate_saas(1500, 30, scenario=scenario, rng=3)
    found = kb.segment_churned(world, resamples=20, null_samples=19)
    assert found.verdict in verdicts


def test_segment_churned_same_seed_same_segments() -> None:
    data = opened(blobs(), left=True)
    one, other = (kb.segment_churned(data, k=3, resamples=20, null_samples=19, rng=seed) for seed in (4, 4))
    assert np.array_equal(one.segment, other.segment)
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


def test_segment_churned_too_few_says_how_many() -> None:
    data = opened(blobs(60), left=[True] * 43 + [False] * 17)
    with pytest.raises(kb.NotEnoughData, match="too few churned customers to look for segments: 43; needed: 100"):
        kb.segment_churned(data)


def test_segment_churned_nothing_stable_is_one_segment() -> None:
    rng = np.random.default_rng(0)
    data = opened({f"x{k}": rng.normal(size=150) for k in range(3)}, left=[True] * 110 + [False] * 40)
    found = kb.segment_churned(data, resamples=20)
    assert (found.verdict, found.k) == (NOTHING, 1)
    assert set(found.segment) == {1}
    profile = found.profile().to_frame()
    assert profile["name"].to_list() == ["all who left"]
    assert profile["churn_rate"].iloc[0] == pytest.approx(110 / 150)
    asked = kb.segment_churned(data, k=2, resamples=20)
    assert (asked.verdict, asked.k, set(asked.segment)) == (NOTHING, 2, {1, 2})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 1}, "k=1 is not possible; allowed: whole numbers from 2 to 20"),
        ({"k": 2.5}, "k=2.5 is not possible"),
        ({"resamples": 5}, "resamples=5 is not possible"),
        ({"rng": -1}, "rng=-1 starts no random numbers"),
        ({"rng": "abc"}, "rng='abc' starts no random numbers"),
        ({"null_samples": 3}, "null_samples=3 is not possible"),
        ({"attributes": ["siz"]}, "no column of customers; did you mean 'size'"),
    ],
)
def test_segment_churned_arguments_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.segment_churned(opened(blobs()), **options)


def test_segment_churned_progress_only_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = opened(blobs())
    kb.segment_churned(data, k=3, resamples=20, null_samples=19)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    kb.segment_churned(data, k=3, resamples=20, null_samples=19)
    out, err = capsys.readouterr()
    assert out == ""
    assert "resamples" in err


def test_segment_churned_customers_of_whom_nothing_is_known() -> None:
    frame = blobs(240)
    frame["size"][:3], frame["age"][:3] = np.nan, np.nan
    frame["kind"] = [None if k < 3 else kind for k, kind in enumerate(frame["kind"])]
    found = kb.segment_churned(opened(frame), k=3, resamples=20, null_samples=19)
    assert any(note.startswith("Of 3 of the 240 nothing is known") for note in found.notes)


# using them


def test_assign_puts_those_it_was_formed_of_where_they_are(planted: Segmentation, clear: kb.Dataset) -> None:
    frame = planted.assign(clear).to_frame()
    assert len(frame) == 8200
    of_churned = frame[frame["customer_id"].isin(list(planted.roster.customer_id[planted.roster.left]))]
    assert np.array_equal(of_churned["segment"], planted.segment)
    assert (frame["unknown"] == "").all()


def test_assign_unseen_and_missing_values_are_said(planted: Segmentation, clear: kb.Dataset) -> None:
    few = clear.table("customers").head(3).drop(columns="customer_id")
    few["industry"] = ["space", None, few["industry"].iloc[2]]
    few.loc[2, "budget"] = np.nan
    found = planted.assign(few)
    frame = found.to_frame()
    assert frame["customer_id"].to_list() == [1, 2, 3]
    assert frame["unknown"].to_list() == ["industry", "industry", "budget"]
    assert set(frame["segment"]) <= {1, 2, 3, 4}
    assert any("industry (2), budget (1)" in note for note in found.notes)


def test_assign_says_what_is_missing(planted: Segmentation, clear: kb.Dataset) -> None:
    few = clear.table("customers").head(3)
    with pytest.raises(kb.ArgumentError, match="new_data has no column 'budget'"):
        planted.assign(few.drop(columns="budget"))
    with pytest.raises(kb.ArgumentError, match="'budget' holds no numbers"):
        planted.assign(few.assign(budget=["much", "little", "none"]))
    with pytest.raises(kb.ArgumentError, match="type list is not possible"):
        planted.assign([1])


def test_compare_counts_everybody_who_left_once(planted: Segmentation, clear: kb.Dataset) -> None:
    assert clear.truth is not None
    found = planted.compare(clear.truth)
    assert found.sum(axis=1).tolist() == planted.profile().to_frame()["n_churned"].tolist()
    assert sorted(found) == ["fan", "integrator", "quiet", "saver"]
    assert found.max(axis=1).sum() > 0.9 * planted.n
    known = clear.truth.accounts.set_index("customer_id")["segment"]
    assert planted.compare(known).equals(found)
    assert planted.compare(known.iloc[::2])["(missing)"].sum() == planted.n - (
        known.iloc[::2].index.isin(planted.roster.customer_id[planted.roster.left]).sum())  # fmt: skip


def test_compare_says_what_is_missing(planted: Segmentation) -> None:
    with pytest.raises(kb.ArgumentError, match="groups of type list is not possible"):
        planted.compare(["saver"])  # type: ignore[arg-type]
    with pytest.raises(kb.ArgumentError, match="knows none of the customers"):
        planted.compare(pd.Series({-1: "saver"}))
    with pytest.raises(kb.ArgumentError, match="names a customer twice"):
        planted.compare(pd.Series(["saver", "fan"], index=[1, 1]))


def test_profile_adds_up(planted: Segmentation) -> None:
    found = planted.profile()
    frame = found.to_frame()
    left = planted.roster.left
    assert frame["n_churned"].sum() == left.sum()
    assert frame["n"].sum() == len(left)
    assert frame["churn_rate"].to_numpy() == pytest.approx((frame["n_churned"] / frame["n"]).to_numpy())
    assert planted.roster.revenue is not None
    assert frame["lost_revenue"].sum() == pytest.approx(planted.roster.revenue[left].sum())
    assert frame["lost_revenue_share"].sum() == pytest.approx(1)
    for name in ("share", "churn_rate", "lift", "lost_revenue_share", "rule_precision", "rule_recall"):
        assert (frame[f"{name}_ci_lower"] <= frame[name]).all()
        assert (frame[name] <= frame[f"{name}_ci_upper"]).all()
    assert frame["name"].is_unique
    assert found.fidelity > 0.85
    assert found.same_segment > 0.95
    assert "not used to form them" in found.definition
    reasons = found.reasons()
    assert reasons.groupby("segment")["share"].sum().to_numpy() == pytest.approx(1)
    assert reasons["missing_share"].between(0.05, 0.5).all()


def test_profile_names_and_rules_tell_what_was_planted(planted: Segmentation, clear: kb.Dataset) -> None:
    frame = planted.profile().to_frame().set_index("segment")
    ids = planted.roster.customer_id[planted.roster.left]
    table = pd.crosstab(planted.segment, true_segments(clear, ids))
    saver = int(table["saver"].idxmax())
    assert "retail" in frame.loc[saver, "name"]
    assert "industry is retail" in frame.loc[saver, "rule"]
    integrator = int(table["integrator"].idxmax())
    assert "high budget" in frame.loc[integrator, "distinguished_by"]


def test_profile_is_made_of_segments_formed_without_those_described(monkeypatch: pytest.MonkeyPatch) -> None:
    import kbind.segments.profile as segments

    found = kb.segment_churned(opened(blobs(), left=[True] * 200 + [False] * 40), k=3, resamples=20, null_samples=19)
    seen: list[int] = []
    original = segments.form

    def watched(coding: Coding, columns: dict, k: int, seed: int) -> object:
        seen.append(len(columns["size"]))
        return original(coding, columns, k, seed)

    monkeypatch.setattr(segments, "form", watched)
    found.profile()
    assert seen == [200 - 200 // FOLDS] * FOLDS


def test_rules_are_judged_on_customers_they_were_not_grown_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import kbind.segments.rules as rules

    found = kb.segment_churned(opened(blobs(), left=[True] * 200 + [False] * 40), k=3, resamples=20, null_samples=19)
    seen: list[int] = []
    original = rules._grow

    def watched(x: np.ndarray, segment: np.ndarray, seed: int) -> object:
        seen.append(len(x))
        return original(x, segment, seed)

    monkeypatch.setattr(rules, "_grow", watched)
    found.profile()
    assert seen == [200 - 200 // FOLDS] * FOLDS + [200]


def test_share_of_lost_revenue_by_hand() -> None:
    people = replace(roster(opened({"a": ["x", "y", "x"] * 10})), revenue=np.tile([10.0, 20.0, 30.0], 10))
    found = SegmentProfile(
        k=2, verdict=GROUPS, names=(), rules=(), fidelity=1.0, same_segment=1.0, segment=np.tile([0, 0, 1], 10),
        roster=people, differences=pd.DataFrame(), conf_level=0.9, provenance=people.provenance,
    )._lost()  # fmt: skip
    assert found["lost_revenue"].tolist() == [300, 300]
    # each customer moves the share by revenue times (in the segment - share) / all revenue
    half = 1.6448536 * np.sqrt(10 * (5**2 + 10**2 + 15**2)) / 600
    assert found["lost_revenue_share_ci_lower"] == pytest.approx([0.5 - half] * 2)
    assert found["lost_revenue_share_ci_upper"] == pytest.approx([0.5 + half] * 2)


def test_profile_has_intervals_of_the_level_asked_for(planted: Segmentation) -> None:
    found = replace(planted.profile(), conf_level=0.8)
    frame = found.to_frame()
    churned_here, everybody = frame["n_churned"].to_numpy(), frame["n"].to_numpy()
    expected = {
        "share": wilson(churned_here, churned_here.sum(), 0.8),
        "churn_rate": wilson(churned_here, everybody, 0.8),
        "lift": lift(churned_here, everybody, 0.8),
    }
    for name, (_, lower, upper) in expected.items():
        assert frame[f"{name}_ci_lower"].to_numpy() == pytest.approx(lower)
        assert frame[f"{name}_ci_upper"].to_numpy() == pytest.approx(upper)


def test_difference_of_a_number_in_standard_deviations_by_hand() -> None:
    values, inside = np.array([10.0, 14.0, 20.0, 30.0, 40.0, 60.0]), np.array([True, True, True, False, False, False])
    found = _number_row(Trait("size", np.array([29.0]), 25.0), values, inside, 0, 1.96)
    one, other, spread = values[:3], values[3:], values.std()
    half = 1.96 * np.sqrt(one.var(ddof=1) / 3 + other.var(ddof=1) / 3) / spread
    difference = (one.mean() - other.mean()) / spread
    limits = [found[f"difference{end}"] for end in ("", "_ci_lower", "_ci_upper")]
    assert limits == pytest.approx([difference, difference - half, difference + half])
    assert found["clear"]


def test_a_level_is_clear_only_if_its_interval_leaves_out_nothing() -> None:
    trait = Trait("kind", np.array([0.5]), 0, levels=("a", "b"), shown=(1,))
    inside = np.arange(40) < 20
    for others, clear in ((9, False), (1, True)):
        values = np.r_[np.arange(20) < 10, np.arange(20) < others].astype(int)
        (found,) = _level_rows(trait, values, inside, 0, 0.95)
        assert found["clear"] == clear


def test_lift_of_half_as_many() -> None:
    ratio, lower, upper = lift(np.array([10, 30]), np.array([100, 100]), 0.95)
    assert ratio == pytest.approx([0.5, 1.5])
    assert np.all(lower < ratio)
    assert np.all(ratio < upper)
    # log(a / (a + b)): derivative 1/a - 1/40 by a, -1/40 by b
    half = 1.959964 * np.sqrt((1 / 10 - 1 / 40) ** 2 * 9 + 21 / 40**2)
    assert np.log(upper[0] / ratio[0]) == pytest.approx(half, rel=1e-6)
