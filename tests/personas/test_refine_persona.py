from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.customers.at_signing import prospects
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.personas.parts import Rule
from kbind.personas.persona import Persona
from kbind.personas.refinement.columns import columns_of
from kbind.personas.refinement.edits import (
    CHANCE,
    CONFIRMED,
    LOCK_IN,
    PROPOSED,
    SMALL,
    SURVIVORS,
    Bounds,
    Scale,
    Step,
    Weighed,
    _finding,
    benjamini_hochberg,
    search,
)
from kbind.personas.refinement.measure import Edit, Matcher, apply
from kbind.personas.refinement.refine import Run
from kbind.personas.refinement.refinement import HeldOut, Measured, Refinement

PERSONAS = Path(__file__).parents[2] / "data" / "personas" / "telco"
TELCO_ROLES = {"churned": {"column": "churn", "value": "Yes"}, "tenure": "tenure", "revenue": "monthly_charges"}


def persona(*rules: Rule, **more: object) -> Persona:
    return Persona("toy", 1, "Sales", "2026-01-01", "toy", rules, **more)


def company(seed: int, n: int = 6000, **effects: object) -> pd.DataFrame:
    """Customers on plan a or b; b stays more often, whatever else they are like."""
    rng = np.random.default_rng(seed)
    plan = rng.integers(0, 2, n)
    frame = pd.DataFrame(
        {
            "customer_id": range(n),
            "kind": rng.choice(["x", "y"], n),
            "plan": np.array(["a", "b"])[plan],
            "noise": rng.choice(["u", "v", "w"], n),
            "months": rng.integers(1, 49, n),
            "paid": 50.0,
            "churned": rng.random(n) < np.where(plan == 1, 0.2, 0.5),
        }
    )
    return frame.assign(**effects)


def opened(frame: pd.DataFrame) -> kb.Dataset:
    roles = {"churned": "churned", "tenure": "months", "revenue": "paid"}
    return kb.open_dataset({"customers": frame}, roles=roles)


KIND_X = persona(Rule("kind", in_=("x",)))


@pytest.fixture(scope="module")
def streaming(telco: kb.Dataset) -> Refinement:
    return kb.refine_persona(Persona.load(PERSONAS / "streaming.yaml"), telco, exclude="contract")


# -- what the issue asks for -------------------------------------------------------------------------


def test_refine_persona_wins_fifteen_points_for_the_poor_persona(streaming: Refinement) -> None:
    assert streaming.verdict == "accept"
    assert streaming.held_out is not None
    gain, lower, upper = streaming.held_out.gain
    assert gain >= 0.15
    assert lower > 0
    assert upper - lower < 0.15
    assert streaming.promised.value == min(streaming.found.value, streaming.confirmed.value)
    assert streaming.held_out.retained_revenue_difference.value > 0
    # part of it goes with tenure, not all
    assert 0 < streaming.held_out.gain_adjusted.ci_lower < streaming.held_out.gain_adjusted.value < gain / 2
    assert "contract" not in streaming.diff()["attribute"].tolist()


def test_refine_persona_proposes_nothing_for_the_good_persona(telco: kb.Dataset) -> None:
    result = kb.refine_persona(Persona.load(PERSONAS / "basic.yaml"), telco, exclude="contract")
    assert result.verdict == "reject"
    assert result.refined is None
    assert result.held_out is None
    assert result.measured().empty
    assert not any(edit.proposed for edit in result.edits)
    with pytest.raises(kb.ArgumentError, match="no refinement to accept"):
        result.accept()


def test_refine_persona_shows_what_wins_retention_and_loses_revenue(telco: kb.Dataset) -> None:
    result = kb.refine_persona(Persona.load(PERSONAS / "family.yaml"), telco, exclude="contract")
    frame = result.to_frame().set_index("finding")
    row = frame.loc[["loses revenue"]].iloc[0]
    assert row["attribute"] == "internet_service"
    assert row["gain_ci_lower"] > 0.05
    assert row["retained_revenue_difference_ci_upper"] < 0
    assert result.verdict == "reject"


def test_refine_persona_reports_what_the_bond_would_win(streaming: Refinement) -> None:
    assert streaming.with_bond is not None
    assert streaming.with_bond.columns == ("contract",)
    assert any("contract" in edit for edit in streaming.with_bond.edits)
    assert streaming.with_bond.gain.value > 0.1


def test_refine_persona_keeps_off_protected_characteristics(telco: kb.Dataset, streaming: Refinement) -> None:
    assert any("gender" in note and "female" in note for note in streaming.notes)
    assert any("age" in note and "senior_citizen" in note for note in streaming.notes)
    columns = columns_of(telco, streaming.persona, exclude=(), settings=kb.Refining(insist="senior_citizen"))
    assert "senior_citizen" in columns.allowed
    assert "female" not in columns.allowed


# -- planted truths ----------------------------------------------------------------------------------


def test_refine_persona_finds_what_is_planted() -> None:
    result = kb.refine_persona(KIND_X, opened(company(1)))
    assert result.verdict == "accept"
    assert result.refined is not None
    assert result.refined.rules == (*KIND_X.rules, Rule("plan", in_=("b",)))
    assert result.held_out is not None
    _, lower, upper = result.held_out.gain
    assert lower < 0.15 < upper  # from 65 to 80 of 100
    assert result.held_out.identity == pytest.approx(0.5, abs=0.05)


def test_refine_persona_says_when_it_would_be_another_persona() -> None:
    result = kb.refine_persona(KIND_X, opened(company(1)), settings=kb.Refining(min_identity=0.6))
    assert result.verdict == "reject"
    row = result.to_frame().set_index("finding").loc["another persona"]
    assert (row["attribute"], row["new"]) == ("plan", "b")
    assert row["identity"] < 0.6


def test_refine_persona_says_when_retention_costs_revenue() -> None:
    frame = company(1)
    frame["paid"] = np.where(frame["plan"] == "b", 20.0, 80.0)
    result = kb.refine_persona(KIND_X, opened(frame))
    assert result.verdict == "reject"
    row = result.to_frame().set_index("finding").loc["loses revenue"]
    assert row["attribute"] == "plan"
    assert row["retained_revenue_difference_ci_upper"] < 0


def test_refine_persona_says_when_an_effect_vanishes_after_adjusting() -> None:
    """Leaving depends on the months only, and plan b is what those have who have been there for long."""
    frame = company(2)
    rng = np.random.default_rng(3)
    late = frame["months"] > 24
    frame["plan"] = np.where(rng.random(len(frame)) < np.where(late, 0.85, 0.15), "b", "a")
    frame["churned"] = rng.random(len(frame)) < 1 / (1 + np.exp(0.08 * (frame["months"] - 24)))
    result = kb.refine_persona(KIND_X, opened(frame))
    assert result.verdict == "reject"
    row = result.to_frame().set_index("finding").loc["vanishes after adjusting"]
    assert row["attribute"] == "plan"
    assert row["gain_ci_lower"] > 0.1
    assert abs(row["gain_adjusted"]) < 0.05


def test_refine_persona_accepts_no_gain_that_vanishes_after_adjusting() -> None:
    """A rule may go, but that is no improvement where those who come are only there for longer."""
    frame = company(2)
    rng = np.random.default_rng(3)
    late = frame["months"] > 24
    frame["plan"] = np.where(rng.random(len(frame)) < np.where(late, 0.85, 0.15), "b", "a")
    frame["churned"] = rng.random(len(frame)) < 1 / (1 + np.exp(0.08 * (frame["months"] - 24)))
    result = kb.refine_persona(persona(Rule("kind", in_=("x",)), Rule("plan", in_=("a",))), opened(frame))
    assert [(row.edit.kind, row.edit.attribute) for row in result.edits if row.finding == "confirmed"] == [
        ("drop", "plan")
    ]
    assert result.held_out is not None
    assert result.held_out.gain.ci_lower > 0.05
    assert abs(result.held_out.gain_adjusted.value) < 0.05
    assert result.verdict == "reject"
    assert "less than half of the gain is left among customers alike in months" in result.reason
    unadjusted = kb.refine_persona(result.persona, opened(frame), settings=kb.Refining(adjust=()))
    assert unadjusted.verdict == "accept"
    assert unadjusted.held_out is not None
    assert np.isnan([*unadjusted.held_out.gain_adjusted]).all()


def test_refine_persona_says_when_a_rule_is_lock_in_in_disguise() -> None:
    """Those on plan b stay because of their contract, which mostly comes with the plan."""
    frame = company(2)
    rng = np.random.default_rng(3)
    frame["contract"] = np.where(rng.random(len(frame)) < np.where(frame["plan"] == "b", 0.9, 0.1), "long", "short")
    frame["churned"] = rng.random(len(frame)) < np.where(frame["contract"] == "long", 0.1, 0.5)
    result = kb.refine_persona(KIND_X, opened(frame))
    assert result.verdict == "reject"
    row = result.to_frame().set_index("finding").loc["lock-in in disguise"]
    assert row["attribute"] == "plan"
    assert row["gain_adjusted_ci_lower"] > 0.1
    assert abs(row["gain_same_bond"]) < 0.05
    assert result.with_bond is not None
    assert result.with_bond.edits[0].startswith("add contract: long")
    allowed = kb.refine_persona(KIND_X, opened(frame), settings=kb.Refining(bond=()))
    assert allowed.verdict == "accept"
    assert allowed.with_bond is None


def test_refine_persona_says_when_survivors_are_selected() -> None:
    """Couples are many among customers of long standing, who hardly leave, and leave more often in the first year."""
    frame = company(2)
    rng = np.random.default_rng(3)
    late, couple = frame["months"] > 12, rng.random(len(frame)) < np.where(frame["months"] > 12, 0.6, 0.2)
    frame["plan"] = np.where(couple, "b", "a")
    frame["churned"] = rng.random(len(frame)) < np.where(late, np.where(couple, 0.1, 0.3), np.where(couple, 0.6, 0.5))
    result = kb.refine_persona(KIND_X, opened(frame), settings=kb.Refining(adjust=()))
    row = result.to_frame().set_index("finding").loc["selects survivors"]
    assert row["attribute"] == "plan"
    assert row["gain_ci_lower"] > 0.05
    assert row["first_year_difference"] < 0
    assert row["months"] > row["months_before"] + 3
    assert result.verdict == "reject"


def test_refine_persona_drops_a_rule_that_is_not_worth_asking() -> None:
    """Those who fit stay less for being new, and the rule has nothing to do with it once months are alike."""
    result = kb.refine_persona(persona(Rule("kind", in_=("x",)), Rule("plan", in_=("a",))), opened(company(4)))
    frame = result.to_frame()
    dropped = frame[(frame["edit"] == "drop") & (frame["finding"] == "confirmed")]
    assert dropped["attribute"].tolist() == ["plan"]
    assert result.verdict == "accept"


def test_refine_persona_says_when_there_is_not_enough_data() -> None:
    result = kb.refine_persona(KIND_X, opened(company(1, n=500)))
    assert result.verdict == "not enough data"
    assert result.edits == ()
    assert "100 customers" in result.reason
    with pytest.raises(kb.ArgumentError, match="not enough data"):
        result.accept()


def test_refine_persona_given_exposure_does_not_fall_for_early_customers() -> None:
    """Contracts: some came early and were seen for long, but leave at the same rate; plan b leaves less often."""
    rng = np.random.default_rng(5)
    n = 4500
    early, plan = rng.integers(0, 2, n), rng.integers(0, 2, n)
    begun = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.where(early == 1, 0, 900) + rng.integers(0, 60, n), "D")
    stay = rng.exponential(np.where(plan == 1, 1600.0, 500.0), n).astype(int) + 1
    end, today = begun + pd.to_timedelta(stay, "D"), pd.Timestamp("2023-06-01")
    people = pd.DataFrame({"customer_id": range(n), "kind": "x", "came": np.where(early, "early", "late"),
                           "plan": np.array(["a", "b"])[plan], "size": rng.choice(["s", "l"], n)})  # fmt: skip
    people.loc[people.index[: n // 3], "kind"] = "y"
    contracts = pd.DataFrame({"customer_id": range(n), "start": begun, "end": end.where(end < today), "mrr": 10.0})
    data = kb.open_dataset({"customers": people, "subscriptions": contracts}, as_of=today)
    result = kb.refine_persona(KIND_X, data)
    assert result.rate
    assert result.refined is not None
    assert result.refined.rules[1:] == (Rule("plan", in_=("b",)),)
    assert result.held_out is not None
    # a year at the rate of plan b, against that of both together
    true = np.exp(-365.25 / 1600)
    low, high = result.held_out.new.retention.interval
    assert low < true < high
    assert result.accept().valid_from == date(2026, 1, 1)
    assert "2023-06-01" in result.accept().evidence[0].text["en"]


# -- how it is done ----------------------------------------------------------------------------------


def run_on(data: kb.Dataset, who: Persona, parts: np.ndarray) -> Run:
    columns = columns_of(data, who, exclude="contract", settings=kb.Refining())
    matcher = Matcher(columns.p, who.min_match)
    scales = [Scale(columns.p, n, matcher, columns.adjust, columns.bond, 0.95) for n in parts]
    return Run((scales[0], scales[1], scales[2]), who.rules, columns.allowed, Bounds(0.05, 0.2, 0.05, 3), 0.05)


def test_refine_persona_does_not_look_at_the_third_part_before_the_end(telco: kb.Dataset) -> None:
    """Edits and promised gain are bit-identical whoever is in the third part."""
    who = Persona.load(PERSONAS / "streaming.yaml")
    p = prospects(telco)
    parts = p.divide(3, np.random.default_rng(0))
    one = run_on(telco, who, parts).refine()
    turned = parts.copy()
    turned[2, p.gone] *= 3
    other = run_on(telco, who, turned).refine()
    assert one.held_out is not None
    assert other.held_out is not None
    assert one.edits == other.edits
    assert (one.rules, one.found, one.confirmed) == (other.rules, other.found, other.confirmed)
    assert one.held_out.gain != other.held_out.gain


def test_search_does_not_look_at_the_other_parts(telco: kb.Dataset) -> None:
    who = Persona.load(PERSONAS / "streaming.yaml")
    p = prospects(telco)
    parts = p.divide(3, np.random.default_rng(0))
    steps = [search(run.scales[0], run.rules, run.allowed, run.bounds)
             for run in (run_on(telco, who, parts), run_on(telco, who, parts[[0, 2, 1]]))]  # fmt: skip
    assert steps[0] == steps[1]


def test_refine_persona_depends_on_rng_and_on_nothing_else(telco: kb.Dataset, streaming: Refinement) -> None:
    turned = telco.table("customers").sample(frac=1, random_state=1)
    data = kb.open_dataset({"customers": turned}, roles=TELCO_ROLES)
    again = kb.refine_persona(streaming.persona, data, exclude="contract")
    pd.testing.assert_frame_equal(again.to_frame(), streaming.to_frame())
    assert again.held_out == streaming.held_out
    other = kb.refine_persona(streaming.persona, telco, exclude="contract", rng=1)
    assert other.held_out != streaming.held_out


def test_refine_persona_accepts_nothing_on_permuted_outcomes() -> None:
    """A quick version of the simulation: nothing matters, so nothing is accepted, and hardly anything confirmed."""
    accepted = confirmed = 0
    for seed in range(8):
        frame = company(seed, n=2000)
        frame["churned"] = np.random.default_rng(seed).permutation(frame["churned"])
        result = kb.refine_persona(KIND_X, opened(frame), rng=seed, settings=kb.Refining(min_gain=0.01))
        accepted += result.verdict == "accept"
        confirmed += any(edit.finding == "confirmed" for edit in result.edits)
    assert accepted <= 1
    assert confirmed <= 2


def test_refine_persona_promises_little_too_much(telco: kb.Dataset) -> None:
    """A quick version of the simulation: what was promised, against the untouched third."""
    who = Persona.load(PERSONAS / "streaming.yaml")
    excess = [
        result.promised.value - result.held_out.gain.value
        for result in (kb.refine_persona(who, telco, exclude="contract", rng=seed) for seed in range(4))
        if result.held_out
    ]
    assert len(excess) >= 3
    assert abs(np.mean(excess)) < 0.05


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_benjamini_hochberg_keeps_order_and_never_lowers_a_p_value(p_values: list[float]) -> None:
    found = benjamini_hochberg(p_values)
    assert all(q >= p - 1e-12 for p, q in zip(p_values, found, strict=True))
    assert sorted(found) == [found[k] for k in np.argsort(p_values, kind="stable")]


@settings(max_examples=12, deadline=None)
@given(
    data=st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.one_of(st.none(), st.integers(0, 5)), st.booleans()),
        min_size=8,
        max_size=30,
    ),
    weight=st.integers(1, 4),
    least=st.sampled_from([0.25, 0.5, 0.75, 1.0]),
)
def test_matcher_matches_as_matched_does(
    data: list[tuple[str | None, int | None, bool]], weight: int, least: float
) -> None:
    frame = pd.DataFrame(data, columns=["plan", "size", "churned"]).assign(customer_id=range(len(data)))
    frame.loc[:1, "churned"] = [True, False]
    frame["size"] = frame["size"].astype("Float64")
    frame.loc[:1, ["plan", "size"]] = [["a", 1.0], ["b", 2.0]]
    who = persona(Rule("plan", in_=("a",), weight=weight), Rule("size", range=(2, 4)), min_match=least)
    p = prospects(kb.open_dataset({"customers": frame}, roles={"churned": "churned"}))
    found = Matcher(p, least).match(who.rules)
    assert (p.n * found).sum() == who.matches(frame).sum()


def test_apply_edits_rules_in_their_place() -> None:
    one, two, other = Rule("a", in_=("x",)), Rule("b", in_=("y",)), Rule("a", in_=("z",))
    assert apply((one, two), Edit("change", one, other)) == (other, two)
    assert apply((one, two), Edit("drop", one, None)) == (two,)
    assert apply((two,), Edit("add", None, one)) == (two, one)


def test_trap_of_what_is_not_known_is_none() -> None:
    found = Weighed(Estimate(0.1, 0.05, 0.15), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0.001)
    assert found.trap(0.05, dropped=False) == ""
    assert (
        replace(found, gain_adjusted=Estimate(0.02, -0.01, 0.05)).trap(0.05, dropped=False)
        == "vanishes after adjusting"
    )
    assert replace(found, gain_adjusted=Estimate(0.02, -0.01, 0.05)).trap(0.05, dropped=True) == ""
    assert replace(found, gain_adjusted=Estimate(0.06, -0.01, 0.13)).trap(0.05, dropped=False) == ""


def test_trap_of_survivors_leaves_room_for_the_gain_in_the_first_year() -> None:
    """A rule that comes has to be able to win as much in the first year; one that goes must only not lose there."""
    found = Weighed(Estimate(0.1, 0.05, 0.15), UNKNOWN, UNKNOWN, UNKNOWN, Estimate(-0.01, -0.05, 0.03), 0.001)
    assert found.trap(0.05, dropped=False) == SURVIVORS
    assert found.trap(0.02, dropped=False) == ""
    assert found.trap(0.05, dropped=True) == ""
    assert replace(found, first_year_difference=Estimate(-0.05, -0.08, -0.01)).trap(0.05, dropped=True) == SURVIVORS


def test_trap_of_lock_in_is_half_of_the_gain_among_those_who_are_alike() -> None:
    found = Weighed(
        Estimate(0.2, 0.15, 0.25), Estimate(0.1, 0.05, 0.15), Estimate(0.02, 0.0, 0.04), UNKNOWN, UNKNOWN, 0.001
    )
    assert found.trap(0.05, dropped=False) == LOCK_IN
    assert replace(found, gain_same_bond=Estimate(0.04, 0.02, 0.06)).trap(0.05, dropped=False) == ""
    assert found.trap(0.05, dropped=True) == ""


def test_findings_mind_the_fdr_and_the_gain_asked_for() -> None:
    step = Step(Edit("add", None, Rule("plan", in_=("b",))), (), (), PROPOSED)
    found = Weighed(Estimate(0.1, 0.05, 0.15), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0.1)
    assert _finding(step, found, 0.2, fdr=0.05, least=0.05) == CHANCE
    assert _finding(step, found, 0.2, fdr=0.3, least=0.05) == CONFIRMED
    assert _finding(step, found, 0.2, fdr=0.3, least=0.12) == SMALL


def verdict(**changes: object) -> str:
    """On a third part on which the new version wins ten points, but for what is changed."""
    one = Measured(200, 0.2, Estimate(0.7, 0.6, 0.8), 50.0, Estimate(35.0, 30.0, 40.0), Estimate(0.7, 0.6, 0.8), 12.0)
    there = HeldOut(
        one, one, Estimate(0.1, 0.05, 0.15), UNKNOWN, Estimate(1.0, -1.0, 3.0), Estimate(0.05, -0.05, 0.15), 0.5
    )
    run = Run((None,) * 3, (), (), Bounds(0.05, 0.2, 0.05, 3), 0.05)
    return run._verdict(replace(there, **changes))[0]


def test_verdict_of_the_third_part() -> None:
    assert verdict() == "accept"
    assert verdict(retained_revenue_difference=Estimate(-2.0, -3.0, -1.0)) == "reject"
    assert verdict(first_year_difference=Estimate(-0.1, -0.15, -0.05)) == "reject"
    assert verdict(gain=Estimate(0.04, 0.01, 0.07)) == "reject"
    assert verdict(gain=Estimate(0.06, -0.01, 0.13)) == "not enough data"


def test_confirmed_edits_that_alone_make_another_persona_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proposed within the bounds, together with others that were not confirmed."""
    p = prospects(opened(company(1)))
    scales = [Scale(p, n, Matcher(p, 1.0), (), (), 0.95) for n in p.divide(3, np.random.default_rng(0))]
    edit = Edit("add", None, Rule("plan", in_=("b",)))
    step = Step(edit, KIND_X.rules, apply(KIND_X.rules, edit), PROPOSED)
    monkeypatch.setattr("kbind.personas.refinement.refine.search", lambda *_: [step])
    bounds = Bounds(0.05, 0.6, 0.05, 3)
    found = Run((scales[0], scales[1], scales[2]), KIND_X.rules, ("plan",), bounds, 0.05).refine()
    assert found.edits[0].finding == CONFIRMED
    assert (found.verdict, found.reason) == ("reject", "The confirmed edits alone make another persona.")
    assert found.held_out is None


def test_what_the_bond_would_win_is_measured_on_the_part_that_confirms() -> None:
    frame = company(2)
    frame["contract"] = np.where(np.random.default_rng(3).random(len(frame)) < 0.5, "long", "short")
    frame["churned"] = np.random.default_rng(4).random(len(frame)) < np.where(frame["contract"] == "long", 0.1, 0.5)
    p = prospects(opened(frame))
    parts = p.divide(3, np.random.default_rng(0))
    turned = parts.copy()
    turned[1, p.gone] *= 3
    found = []
    for each in (parts, turned):
        scales = [Scale(p, n, Matcher(p, 1.0), (), ("contract",), 0.95) for n in each]
        run = Run((scales[0], scales[1], scales[2]), KIND_X.rules, (), Bounds(0.05, 0.2, 0.05, 3), 0.05)
        found.append(run.with_bond(("contract",), None))
    one, other = found
    assert one is not None
    assert other is not None
    assert one.edits == other.edits == ("add contract: long",)
    assert one.gain != other.gain


def test_bounds_of_coverage_and_edits_are_kept() -> None:
    frame = company(1)
    rng = np.random.default_rng(9)
    frame["goal"] = rng.choice(["c", "d"], len(frame))
    frame["churned"] = rng.random(len(frame)) < 0.2 + 0.25 * (frame["plan"] == "a") + 0.25 * (frame["goal"] == "c")
    found = {most: kb.refine_persona(KIND_X, opened(frame), settings=kb.Refining(max_edits=most)) for most in (1, 2)}
    assert {most: sum(edit.proposed for edit in one.edits) for most, one in found.items()} == {1: 1, 2: 2}
    # half of the customers are of kind x, a quarter on plan b too
    wide = kb.refine_persona(KIND_X, opened(frame), settings=kb.Refining(min_coverage=0.3))
    assert not any(edit.proposed for edit in wide.edits)


def test_search_ranks_by_gain_times_coverage() -> None:
    """A tenth of the customers stay best, but half of them win more in all."""
    frame = company(1)
    rng = np.random.default_rng(9)
    frame["goal"] = rng.choice(["few", "others"], len(frame), p=[0.1, 0.9])
    chance = np.where(frame["plan"] == "b", 0.25, 0.5)
    frame["churned"] = rng.random(len(frame)) < np.where(frame["goal"] == "few", 0.05, chance)
    p = prospects(opened(frame))
    scale = Scale(p, p.n, Matcher(p, 1.0), (), (), 0.9)
    steps = search(scale, KIND_X.rules, ("plan", "goal"), Bounds(0.01, 0.01, 0.05, 1))
    assert [step.edit.attribute for step in steps if step.finding == PROPOSED] == ["plan"]


# -- what comes out of it ----------------------------------------------------------------------------


def test_refinement_shows_old_and_new_side_by_side(streaming: Refinement) -> None:
    frame = streaming.diff().set_index("attribute")
    assert frame.loc["partner"].tolist() == ["0", "–", "drop"]
    assert frame.loc["streaming_tv"].tolist() == ["Yes", "Yes", ""]
    measured = streaming.measured()
    assert measured["version"].tolist() == [1, 2]
    assert streaming.held_out is not None
    rise = measured["retention"].diff().iloc[1]
    assert rise == pytest.approx(streaming.held_out.gain.value)
    assert (measured["retention_ci_lower"] < measured["retention"]).all()
    assert "third" in streaming.definition
    assert "<table" in streaming._repr_html_()


def test_accept_writes_the_new_version_beside_the_old(streaming: Refinement, tmp_path: Path) -> None:
    old = tmp_path / "streaming.yaml"
    old.write_text((PERSONAS / "streaming.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    new = streaming.accept(old)
    assert Persona.load(old) == streaming.persona
    written = Persona.load(tmp_path / "streaming.v2.yaml")
    assert written.rules == new.rules
    assert written.version == 2
    assert "A poor persona on purpose" in (tmp_path / "streaming.v2.yaml").read_text(encoding="utf-8")
    mark = new.evidence[0].mark
    assert streaming.held_out is not None
    assert (mark.kind, mark.n) == ("measured", streaming.held_out.new.n)
    assert (mark.estimate, mark.ci_lower, mark.ci_upper) == tuple(streaming.held_out.gain)
    assert new.valid_from == streaming.persona.valid_from
    assert streaming.accept(valid_from="2026-12-01").valid_from == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"exclude": "contrct"}, "exclude='contrct'.*did you mean 'contract'"),
        ({"adjust": "tenur"}, "adjust='tenur'.*did you mean 'tenure'"),
        ({"insist": "sex"}, "insist='sex'"),
        ({"min_coverage": 0}, "min_coverage=0 is no share"),
        ({"min_identity": 1.5}, "min_identity=1.5"),
        ({"min_gain": True}, "min_gain=True"),
        ({"max_edits": 0}, "max_edits=0"),
        ({"fdr": 1}, "fdr=1"),
        ({"conf_level": 2}, "conf_level=2"),
        ({"protected": {"age": "age"}}, "protected="),
    ],
)
def test_refine_persona_names_what_is_wrong(telco: kb.Dataset, arguments: dict[str, object], message: str) -> None:
    exclude, settings = arguments.get("exclude", ()), {k: v for k, v in arguments.items() if k != "exclude"}
    with pytest.raises(kb.ArgumentError, match=message):
        kb.refine_persona(persona(Rule("partner", in_=(1,))), telco, exclude=exclude, settings=kb.Refining(**settings))


def test_refine_persona_names_a_wrong_persona(telco: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="'partnr'.*did you mean 'partner'"):
        kb.refine_persona(persona(Rule("partnr", in_=(1,))), telco)
    with pytest.raises(kb.ArgumentError, match="whom not to sell to"):
        kb.refine_persona(persona(Rule("partner", in_=(1,)), negative=True), telco)
    with pytest.raises(kb.ArgumentError, match="is no persona"):
        kb.refine_persona("streaming", telco)
