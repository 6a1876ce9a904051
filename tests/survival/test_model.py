from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kbind as kb
from kbind.survival.cox import fit_cox
from kbind.survival.hazard_model import HazardModel
from kbind.survival.histories import histories
from kbind.survival.proportional import proportional_hazards_test
from simulations.company import simulate_saas

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "survival_cox.json").read_text())

#: Standard errors that an honest number may be off, in a fixed run.
Z = 3.0


@pytest.fixture(scope="module")
def coded(telco: kb.Dataset) -> kb.Dataset:
    """Telco with the columns of the golden model."""
    customers = telco.table("customers")
    customers["fiber"] = customers["internet_service"] == "Fiber optic"
    customers["monthly10"] = customers["monthly_charges"] / 10
    customers["senior"] = customers["senior_citizen"]
    return kb.open_dataset({"customers": customers}, roles={"tenure": "tenure", "churned": "churn"})


@pytest.fixture(scope="module")
def golden_model(coded: kb.Dataset) -> HazardModel:
    return kb.hazard_model(coded, GOLDEN["telco_cox"]["names"])


@pytest.fixture(scope="module")
def by_contract(telco: kb.Dataset) -> HazardModel:
    return kb.hazard_model(telco, ["contract", "monthly_charges"])


def small(tickets: list[tuple[str, str, str]], **customers: list[object]) -> kb.Dataset:
    """Three customers until 2024: a leaves at 10 months, b stays 12, c leaves at 3."""
    contracts = {
        "customer_id": list("abc"),
        "start": ["2023-01-01", "2023-01-01", "2023-03-01"],
        "end": ["2023-11-01", None, "2023-06-01"],
    }
    tables = {
        "subscriptions": pd.DataFrame(contracts),
        "tickets": pd.DataFrame(tickets, columns=["customer_id", "opened", "kind"]),
    }
    if customers:
        tables["customers"] = pd.DataFrame({"customer_id": list("abc"), **customers})
    return kb.open_dataset(tables, as_of="2024-01-01")


TICKETS = [
    ("a", "2023-02-01 09:00", "fault"),
    ("a", "2023-02-15 09:00", "fault"),
    ("a", "2023-07-01 09:00", "question"),
    ("b", "2023-01-01 09:00", "fault"),
    ("c", "2023-06-01 09:00", "fault"),
    ("c", "2023-08-01 09:00", "fault"),
]


# -- R's numbers, and the core's ---------------------------------------------------------------------


def test_hazard_model_gives_r_results(golden_model: HazardModel) -> None:
    frame, golden = golden_model.to_frame(), GOLDEN["telco_cox"]
    assert frame["coef"].to_numpy() == pytest.approx(golden["coef"], rel=1e-8)
    assert frame["std_error"].to_numpy() == pytest.approx(golden["se"], rel=1e-8)
    test = golden_model.proportional_hazards_test("km")
    assert test["chisq"].to_numpy() == pytest.approx(GOLDEN["telco_zph"]["km"]["chisq"], rel=1e-7)
    assert frame["n"].tolist() == [7043] * 4
    assert frame["events"].tolist() == [1869] * 4


def test_text_is_coded_against_the_most_frequent_level(telco: kb.Dataset, by_contract: HazardModel) -> None:
    customers = telco.table("customers")
    dummies = [customers["contract"] == "One year", customers["contract"] == "Two year", customers["monthly_charges"]]
    gone = customers["churn"] == "Yes"
    fit = fit_cox(customers["tenure"], gone, np.column_stack(dummies).astype(float))
    frame = by_contract.to_frame()
    assert frame["coef"].to_numpy() == pytest.approx(fit.coef, rel=1e-9)
    assert frame["level"].tolist() == ["One year", "Two year", None]
    assert frame["reference"].tolist() == ["Month-to-month", "Month-to-month", None]
    assert frame["n"].tolist() == [int(dummies[0].sum()), int(dummies[1].sum()), 7043]
    assert frame["events"].tolist() == [int((dummies[0] & gone).sum()), int((dummies[1] & gone).sum()), 1869]


def test_a_text_column_is_one_test_of_proportional_hazards(telco: kb.Dataset, by_contract: HazardModel) -> None:
    """The same chi-squared whichever contract is the reference; R's number for a column of numbers stays."""
    customers = telco.table("customers")
    others = [customers["contract"] == level for level in ("Month-to-month", "Two year")]
    x = np.column_stack([*others, customers["monthly_charges"]]).astype(float)
    fit = fit_cox(customers["tenure"], customers["churn"] == "Yes", x)
    test = by_contract.proportional_hazards_test()
    assert test["covariate"].tolist() == ["contract", "monthly_charges", "GLOBAL"]
    assert test["df"].tolist() == [2, 1, 3]
    again = proportional_hazards_test(fit, ("contract", "contract", "monthly_charges"))
    assert test["chisq"].to_numpy() == pytest.approx(again["chisq"], rel=1e-6)


def test_strata_are_those_of_the_core(telco: kb.Dataset) -> None:
    customers = telco.table("customers")
    model = kb.hazard_model(telco, "monthly_charges", strata=["contract", "partner"])
    labels = customers["contract"] + customers["partner"].astype(str)
    fit = fit_cox(customers["tenure"], customers["churn"] == "Yes", customers[["monthly_charges"]], strata=labels)
    assert model.fit.coef == pytest.approx(fit.coef, rel=1e-9)


# -- histories by hand -------------------------------------------------------------------------------


def test_pieces_by_hand() -> None:
    """Windows of 28 days: a from 1 to 2 and from 1 + 14/28 to 2 + 14/31, one stretch; b from the first day on.

    c's ticket on the day of leaving holds only afterwards, and the later one not at all.
    """
    after = kb.After("tickets", "opened", where={"kind": "fault"}, window="28D")
    lives = histories(small(TICKETS), {}, {"fault": after})
    assert lives.customer_id.tolist() == ["a", "b", "c"]
    assert lives.duration.round(6).tolist() == [10, 12, 3]
    assert lives.gone().tolist() == [True, False, True]
    pieces = lives.pieces()
    assert pieces.customer.tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert pieces.duration == pytest.approx([1, 2 + 14 / 31, 10, 0, 28 / 31, 12, 3])
    assert pieces.entry == pytest.approx([0, 1, 2 + 14 / 31, 0, 0, 28 / 31, 0])
    assert pieces.values[:, 0].tolist() == [0, 1, 0, 0, 1, 0, 0]
    assert pieces.last.tolist() == [False, False, True, False, False, True, True]
    assert pieces.entry[4] > 0  # an entry of 0 would have b at risk twice at age 0


def test_pieces_without_window_with_lag_and_several_levels() -> None:
    after = kb.After("tickets", "opened", where={"kind": ["fault", "question"]}, lag="4W")
    pieces = histories(small(TICKETS), {}, {"asked": after}).pieces()
    assert pieces.customer.tolist() == [0, 0, 1, 1, 2]
    assert pieces.duration == pytest.approx([2, 10, 28 / 31, 12, 3])
    assert pieces.values[:, 0].tolist() == [0, 1, 0, 1, 0]


def test_two_covariates_that_change_are_cut_at_every_edge() -> None:
    fault = kb.After("tickets", "opened", where={"kind": "fault"}, window="28D")
    question = kb.After("tickets", "opened", where={"kind": "question"})
    pieces = histories(small(TICKETS), {}, {"fault": fault, "question": question}).pieces()
    a = pieces.customer == 0
    assert pieces.duration[a] == pytest.approx([1, 2 + 14 / 31, 6, 10])
    assert pieces.values[a].tolist() == [[0, 0], [1, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize("seed", range(5))
def test_pieces_add_up_and_hold_what_the_windows_say(seed: int) -> None:
    """Pieces of a customer follow each other from entry to duration; in the middle of each the rule holds."""
    rng = np.random.default_rng(seed)
    tickets = [
        (name, f"2023-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}", "fault") for name in "abc" for _ in range(4)
    ]
    lives = histories(small(tickets), {}, {"fault": kb.After("tickets", "opened", window="40D")})
    pieces, windows = lives.pieces(), lives.windows["fault"]
    length = np.bincount(pieces.customer, pieces.duration - pieces.entry)
    assert length == pytest.approx(lives.duration - lives.entry)
    for who, begin, end, value in zip(pieces.customer, pieces.entry, pieces.duration, pieces.values[:, 0], strict=True):
        own = windows.customer == who
        for age in ((begin + end) / 2, end):
            assert value == ((windows.begin < age) & (age <= windows.until))[own].any()


def test_coefficients_with_time_equal_hand_made_rows() -> None:
    """Customers 0-39, one ticket each at a whole month: rows made by hand give the same regression."""
    rng = np.random.default_rng(3)
    n = 40
    length, opened = rng.integers(2, 13, n), rng.integers(1, 12, n)
    month = np.array([f"2023-{k:02d}-01" for k in range(1, 13)] + ["2024-01-01"])
    gone = rng.random(n) < 0.7
    length[~gone] = 12
    contracts = pd.DataFrame(
        {"customer_id": range(n), "start": "2023-01-01", "end": np.where(gone, month[length], None)}
    )
    gone &= length < 12  # the end of the data is no end of a contract
    tickets = pd.DataFrame({"customer_id": range(n), "opened": month[opened]})
    data = kb.open_dataset({"subscriptions": contracts, "tickets": tickets}, as_of="2024-01-01")
    model = kb.hazard_model(data, after={"ticket": kb.After("tickets", "opened")})
    rows = []
    for k in range(n):
        if opened[k] < length[k]:
            rows += [(0, opened[k], 0, 0), (opened[k], length[k], gone[k], 1)]
        else:
            rows.append((0, length[k], gone[k], 0))
    entry, duration, event, value = np.array(rows, dtype=float).T
    fit = fit_cox(duration, event, value[:, None], entry=entry)
    assert model.fit.coef == pytest.approx(fit.coef, rel=1e-9)
    frame = model.to_frame()
    assert frame["n"][0] == int((opened < length).sum())
    assert frame["events"][0] == int((event * value).sum())


# -- what was planted --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> kb.Dataset:
    """Accounts acquired since recording began: of the older ones only those who stayed are known.

    Whether somebody else of ours knew the customer, and how a ticket was handled, is put into columns of its own.
    """
    whole = simulate_saas(20_000)
    assert whole.truth is not None
    contacts, tickets = whole.table("contacts"), whole.table("tickets")
    consulted = contacts.loc[contacts["role"] == "consultant", "customer_id"]
    contacts["alone"] = ~contacts["customer_id"].isin(consulted)
    days = (tickets["closed"].fillna(whole.as_of) - tickets["opened"]) / pd.Timedelta("1D")
    tickets["bad"] = (tickets["severity"] >= 3) & (days >= 15) & ~(tickets["goodwill"] > 0)
    tables = {name: whole.table(name) for name in ("customers", "subscriptions", "cancellations")}
    accounts = whole.truth.accounts
    new = set(accounts.loc[accounts["start_month"] >= 0, "customer_id"])
    tables |= {"contacts": contacts, "tickets": tickets}
    opened = kb.open_dataset(
        {name: table[table["customer_id"].isin(new)] for name, table in tables.items()},
        timezone=whole.timezone,
        as_of=whole.as_of,
    )
    return replace(opened, truth=whole.truth)


#: A contact person's leaving acts in the next month; contacts closed with the contract itself end within the last one.
MANAGER = {"table": "contacts", "time": "end", "window": "31D", "lag": "31D"}
PLANTED = {
    "lost_manager": kb.After(**MANAGER, where={"role": "account_manager", "alone": True}),
    "lost_manager_shared": kb.After(**MANAGER, where={"role": "account_manager", "alone": False}),
    "lost_champion": kb.After(**MANAGER, where={"role": "decision_maker"}),
    "ticket_bad": kb.After("tickets", "opened", where={"bad": True}, lag="15D", window="45D"),
}
ZERO = ["region", "device", "language", "consent"]
NOT_ZERO = ["industry", "channel", "company_size"]


@pytest.fixture(scope="module")
def planted(world: kb.Dataset) -> HazardModel:
    return kb.hazard_model(world, [*ZERO, *NOT_ZERO], after=PLANTED, strata=["term", "plan"])


def implied(world: kb.Dataset, model: HazardModel, name: str, position: int) -> float:
    """Log ratio of the planted hazards with the effect to those without it, months in the window against the others.

    The planted exposure fades and waits for the notice, so that the months that the window marks are not all of it.
    """
    truth, pieces = world.truth, model.pieces
    assert truth is not None
    first = truth.spells["spell"].to_numpy() == 1
    row_of = pd.Series(np.flatnonzero(first), index=truth.spells["customer_id"][first])
    low, high = np.floor(pieces.entry).astype(int) + 1, np.floor(pieces.duration).astype(int)
    ends = np.maximum(high - low + 1, 0)  # ends of months in each piece
    piece = np.repeat(np.arange(len(ends)), ends)
    age = low[piece] + np.arange(len(piece)) - np.repeat(ends.cumsum() - ends, ends)
    row = row_of.loc[model.lives.customer_id[pieces.customer[piece]]].to_numpy()
    month = age - 1 + truth.spells["start_month"].to_numpy()[row]
    hazard = truth.hazard[row, month].astype(float)
    without = hazard / np.exp(truth.parameters[name] * truth.covariates[name][row, month])
    marked = pieces.values[piece, position] > 0
    ratio = [hazard[rows].sum() / without[rows].sum() for rows in (marked, ~marked)]
    return float(np.log(ratio[0] / ratio[1]))


@pytest.mark.parametrize(("position", "name"), list(enumerate(PLANTED)))
def test_planted_events_are_found(world: kb.Dataset, planted: HazardModel, position: int, name: str) -> None:
    line = planted.to_frame().set_index("covariate").loc[name]
    expected = implied(world, planted, name, position)
    assert abs(line["coef"] - expected) < Z * line["std_error"]
    if name != "lost_manager_shared":  # 0.2 is too small for 50 events
        assert line["hazard_ratio_ci_lower"] > 1
        assert expected > 0.4


def test_attributes_without_effect_are_not_found(planted: HazardModel) -> None:
    frame = planted.to_frame()
    assert frame.loc[frame["covariate"].isin(ZERO), "z"].abs().max() < 4
    line = frame.set_index(["covariate", "level"])["coef"]
    assert line["industry", "retail"] > 0.3
    assert line["channel", "discount"] > 0.3


def test_without_lag_the_leaving_itself_is_taken_for_a_reason(world: kb.Dataset) -> None:
    """Contact persons of a customer who goes are closed in the last month: why `After` has a lag."""
    naive = kb.After("contacts", "end", where={"role": "account_manager", "alone": True}, window="31D")
    assert kb.hazard_model(world, after={"manager": naive}).to_frame()["hazard_ratio"][0] > 10


def test_one_cause_takes_others_for_the_end_of_observation(world: kb.Dataset) -> None:
    every = kb.hazard_model(world, ["industry"])
    parts = [kb.hazard_model(world, ["industry"], cause=cause) for cause in ("voluntary", "involuntary")]
    assert 0 < parts[1].fit.events < parts[0].fit.events
    assert sum(part.fit.events for part in parts) <= every.fit.events
    assert "'voluntary'" in parts[0].definition
    with pytest.raises(kb.ArgumentError, match="did you mean 'voluntary'"):
        kb.hazard_model(world, ["industry"], cause="volutary")


# -- words and errors --------------------------------------------------------------------------------


def test_definition_says_what_was_fitted() -> None:
    tickets = [(name, day, "fault") for name, day in (("a", "2023-10-20"), ("b", "2023-08-20"), ("c", "2023-03-20"))]
    data = small(tickets, size=[1.0, 2.0, 1.5])
    model = kb.hazard_model(data.assuming(as_of="2023-12-01"), "size")
    assert "ties by Efron: 2 of 3 customers left" in model.definition
    assert "95% Wald" in model.definition
    assert "complete up to 2023-12-01" in model.definition
    assert "hazard_ratio" in model._repr_html_()
    assert str(kb.After("tickets", "opened", where={"kind": ["a", "b"]}, window="8W", lag="3D")) == (
        "after tickets.opened, kind a or b from 3D on for 8W"
    )


def test_missing_text_is_a_level_and_who_lacks_a_number_is_left_out_and_counted(telco: kb.Dataset) -> None:
    model = kb.hazard_model(telco, ["contract", "total_charges"])
    assert "Left out, because total_charges is missing: 11." in model.definition
    customers = telco.table("customers")
    known = kb.open_dataset({"customers": customers.dropna()}, roles={"tenure": "tenure", "churned": "churn"})
    whole = kb.hazard_model(known, ["contract", "total_charges"])
    assert model.to_frame()["coef"].tolist() == whole.to_frame()["coef"].tolist()
    roles = {"tenure": "tenure", "churned": "churn"}
    nobody = kb.open_dataset({"customers": customers.assign(size=np.nan)}, roles=roles)
    with pytest.raises(kb.NotEnoughData, match="covariates='size' is missing for every customer"):
        kb.hazard_model(nobody, "size")
    customers.loc[customers.index % 7 == 0, "contract"] = None
    data = kb.open_dataset({"customers": customers}, roles={"tenure": "tenure", "churned": "churn"})
    levels = kb.hazard_model(data, "contract").to_frame()["level"].tolist()
    assert levels == ["(missing)", "One year", "Two year"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"covariates": ["contrat"]}, "covariates='contrat' is no column; did you mean 'contract'"),
        ({"covariates": ["contract"], "strata": "contrct"}, "strata='contrct' is no column; did you mean 'contract'"),
        ({"covariates": []}, "covariates is empty, and so is after"),
        ({"covariates": ["contract", "contract"]}, "names a column twice"),
        ({"covariates": ["contract"], "strata": ["contract"]}, "also in strata"),
        ({"covariates": ["contract"], "entry": [1]}, "entry go with arrays of durations only"),
        ({"covariates": ["partner"], "after": kb.After("tickets", "opened")}, "is no mapping"),
        ({"covariates": ["partner"], "after": {"t": kb.After("tickets", "opened")}}, "has durations only"),
    ],
)
def test_wrong_arguments_on_telco(telco: kb.Dataset, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.hazard_model(telco, **arguments)


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (kb.After("ticket", "opened"), "'ticket' is no table; did you mean 'tickets'"),
        (kb.After("tickets", "opend"), "'opend' is no column of tickets; did you mean 'opened'"),
        (kb.After("tickets", "kind"), "'kind' of tickets holds no times"),
        (kb.After("tickets", "opened", where={"kid": 1}), "'kid' is no column of tickets; did you mean 'kind'"),
        (kb.After("tickets", "opened", where={"kind": "falt"}), "kind='falt'; did you mean 'fault'"),
        (kb.After("tickets", "opened", where={"kind": []}), "is empty"),
        ("tickets", "is a str; allowed: kb.After"),
    ],
)
def test_wrong_after(after: kb.After, message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.hazard_model(small(TICKETS), after={"x": after})


def test_what_never_happened_is_lack_of_data() -> None:
    with pytest.raises(kb.NotEnoughData, match="never held while"):
        kb.hazard_model(small(TICKETS), after={"x": kb.After("tickets", "opened", lag="60W")})


def test_after_checks_lengths() -> None:
    for wrong in ({"window": "90"}, {"window": "0D"}, {"lag": "soon"}):
        with pytest.raises(kb.ArgumentError, match=next(iter(wrong))):
            kb.After("tickets", "opened", **wrong)


def test_constant_collinear_and_identifying_columns_are_errors(coded: kb.Dataset) -> None:
    customers = coded.table("customers")
    customers["one"], customers["word"] = 1, "same"
    customers["half"] = customers["monthly10"] / 2
    customers["code"] = "k" + customers["customer_id"].astype(str)
    data = kb.open_dataset({"customers": customers}, roles={"tenure": "tenure", "churned": "churn"})
    for columns, error, message in (
        (["one"], kb.NotEnoughData, "constant"),
        (["word"], kb.NotEnoughData, "constant"),
        (["monthly10", "half"], kb.NotEnoughData, "combination|follows|collinear"),
        (["code"], kb.ArgumentError, "has 7,043 levels"),
    ):
        with pytest.raises(error, match=message):
            kb.hazard_model(data, columns)


def test_who_was_never_at_risk_is_left_out() -> None:
    people = pd.DataFrame(
        {"customer_id": range(8), "t": range(2, 10), "gone": [1, 0, 1, 1, 1, 0, 1, 0], "x": [1, 2, 4, 1, 3, 2, 2, 5]}
    ).assign(since=[0, 0, 0, 0, 0, 3, 0, 9])
    roles = {"tenure": "t", "churned": {"column": "gone", "value": 1}, "entry": "since"}
    model = kb.hazard_model(kb.open_dataset({"customers": people}, roles=roles), "x")
    assert model.fit.n == 7
    assert "Left out, because never observed at risk: 1." in model.definition


# -- plain arrays ------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
def test_arrays_and_frames_give_what_a_data_set_gives(telco: kb.Dataset, library: Any) -> None:
    people = telco.table("customers")
    columns = library(people[["contract", "partner", "total_charges"]])
    gone = people["churn"] == "Yes"
    plain = kb.hazard_model(people["tenure"], columns, gone, strata=people["internet_service"])
    whole = kb.hazard_model(telco, ["contract", "partner", "total_charges"], strata="internet_service")
    pd.testing.assert_frame_equal(plain.to_frame(), whole.to_frame())
    assert "A customer has left where event_observed says so; periods since the origin." in plain.definition
    assert "Left out, because total_charges is missing: 11." in plain.definition


def test_entries_are_taken_and_mistakes_named() -> None:
    rng = np.random.default_rng(5)
    times, gone, size = rng.uniform(1, 9, 200), rng.random(200) < 0.6, rng.normal(size=200)
    entry = np.where(rng.random(200) < 0.3, times / 2, 0.0)
    model = kb.hazard_model(times, {"size": size}, gone, entry=entry)
    assert model.fit.coef == pytest.approx(fit_cox(times, gone, size[:, None], entry=entry).coef, rel=1e-9)
    wider, narrower = model.with_conf_level(0.99).to_frame(), model.with_conf_level(0.5).to_frame()
    assert wider["hazard_ratio_ci_upper"][0] > narrower["hazard_ratio_ci_upper"][0]
    with pytest.raises(kb.ArgumentError, match="arrays of durations together with event_observed"):
        kb.hazard_model(times, {"size": size})
    with pytest.raises(kb.ArgumentError, match="a column is called 'entry', as an argument is"):
        kb.hazard_model(times, {"entry": size}, gone)
    with pytest.raises(kb.ArgumentError, match="entry has 200 values behind the duration"):
        kb.hazard_model(times, {"size": size}, gone, entry=times + 1)
    with pytest.raises(kb.ArgumentError, match="covariates='size' is a name; allowed beside arrays"):
        kb.hazard_model(times, "size", gone)
