"""What the simulation shows must be what was planted, within stated Monte-Carlo error."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.dataset.schema import TABLES
from simulations.company import simulate_saas
from simulations.company.attributes import BONDS
from simulations.company.cards import ABOUT
from simulations.company.files import COMPANIES, frames_of
from simulations.company.scenario import SCENARIOS
from simulations.company.truth import Planted, effects_table

#: Standard errors that an honest number may be off, in a fixed run.
Z = 4.0

#: First 16 digits of the SHA-256 of every table as CSV, for 300 accounts in 24 months.
DIGESTS = {
    "customers": "42b60e53cd71fb23",
    "events": "c098d1397618b9e2",
    "cancellations": "0ff2f3dfe867094b",
    "tickets": "95d1b305ab14198a",
    "feedback": "617bd05a50aad902",
    "campaigns": "6618ad9ed7379d37",
    "subscriptions": "a50aa4b80b9e21d7",
    "contacts": "fd9b8abcba6d380e",
}


def truth_of(data: kb.Dataset) -> Planted:
    assert isinstance(data.truth, Planted)
    return data.truth


@pytest.fixture(scope="module")
def world() -> kb.Dataset:
    return simulate_saas(20_000)


@pytest.fixture(scope="module")
def panel(world: kb.Dataset) -> pd.DataFrame:
    """Account-months at risk, with everything that was planted."""
    truth = truth_of(world)
    frame = truth.survival
    cells = ~np.isnan(truth.hazard)
    for name, values in truth.covariates.items():
        frame[name if name not in frame else f"{name}_"] = values[cells]
    row = np.nonzero(cells)[0]
    frame["payment_hazard"] = truth.spells["payment_hazard"].to_numpy()[row]
    frame["voluntary"] = frame["left"] & (truth.spells["cause"].to_numpy() == "voluntary")[row]
    return frame[frame["at_risk"]]


def digest(frame: pd.DataFrame) -> str:
    text = frame.to_csv(index=False, date_format="%Y-%m-%d %H:%M:%S", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def z_of(outcome: np.ndarray, chance: np.ndarray) -> float:
    """How far the sum of outcomes is from what the chances say, in standard errors."""
    return float((outcome - chance).sum() / np.sqrt((chance * (1 - chance)).sum()))


# reproducible


def test_simulate_saas_same_seed_same_data() -> None:
    data = simulate_saas(300, 24, rng=7)
    assert {name: digest(data.table(name)) for name in data.tables} == DIGESTS


def test_simulate_saas_other_seed_other_data() -> None:
    one, other = (simulate_saas(300, 24, rng=seed) for seed in (7, 8))
    assert all(digest(one.table(name)) != digest(other.table(name)) for name in one.tables)
    again = simulate_saas(300, 24, rng=np.random.default_rng(7))
    assert digest(again.table("events")) == digest(one.table("events"))


def test_simulate_saas_scenarios_share_random_numbers() -> None:
    """Politeness changes what is said, and nothing else."""
    plain, polite = (simulate_saas(400, 24, scenario=name) for name in ("baseline", "polite_reasons"))
    for name in set(plain.tables) - {"cancellations"}:
        assert digest(plain.table(name)) == digest(polite.table(name))
    assert truth_of(plain).cancellations["true_reason"].equals(truth_of(polite).cancellations["true_reason"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": "b2b"}, "scenario='b2b' is not known; allowed: 'baseline', 'b2c'"),
        ({"n_accounts": 10}, "n_accounts=10 is not possible; allowed: whole numbers from 200"),
        ({"n_accounts": 1e4}, "n_accounts=10000.0 is not possible"),
        ({"rng": "abc"}, "rng='abc' starts no random numbers; allowed: a whole number from 0"),
        ({"rng": -1}, "rng=-1 starts no random numbers"),
        ({"rng": 1.5}, "rng=1.5 starts no random numbers"),
        ({"months": 6}, "months=6 is not possible; allowed: whole numbers from 18 to 120"),
    ],
)
def test_simulate_saas_refuses(arguments: dict, message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message.replace("(", r"\(")):
        simulate_saas(**arguments)


@pytest.mark.parametrize("scenario", COMPANIES)
def test_files_hold_what_the_generator_makes(scenario: str) -> None:
    """If not, `make data` writes them anew."""
    data, made = kb.datasets.load_saas(scenario), simulate_saas(COMPANIES[scenario], scenario=scenario)
    assert set(data.tables) == set(made.tables)
    for name in made.tables:
        pd.testing.assert_frame_equal(data.table(name), made.table(name))
    for name, frame in frames_of(truth_of(made)).items():
        pd.testing.assert_frame_equal(getattr(data.truth, name), frame, check_dtype=False)
    assert data.card == made.card
    for part in ("name", "as_of", "recorded_from", "timezone", "grace", "lapse", "roles"):
        assert getattr(data, part) == getattr(made, part)


# the tables


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_simulate_saas_keeps_the_contract(scenario: str) -> None:
    data = simulate_saas(1000, 24, scenario=scenario)
    log, people = "events" if scenario == "b2c" else "subscriptions", data.table("customers")
    early = (people["acquired_at"] < "2022-01-01") & people["customer_id"].isin(data.table(log)["customer_id"])
    before = f"{early.sum()} customers were there before frame '{log}' begins (2022-01-01)"
    assert data.notes == (f"{before}: nobody counts them as new",)
    expected = (
        set(TABLES) - {"id_map", "periods", "reasons"} - ({"subscriptions", "contacts"} if scenario == "b2c" else set())
    )
    assert set(data.tables) == expected
    assert all(table.rows for table in data.tables.values())
    if scenario == "baseline":
        columns = {name: set(TABLES[name].columns) - {"currency"} for name in expected - {"events"}}  # one, on the card
        assert all(names <= set(data.tables[name].columns) for name, names in columns.items())
    assert str(data.as_of) == "2024-01-01 00:00:00"
    quality = data.quality()
    assert (quality.tables["unknown_rows"].dropna() == 0).all()
    assert "SIMULATED" in str(data.card)
    assert ABOUT[scenario] in str(data.card)
    assert data.card.key == "saas"
    kb.activity(data, period="month")


def test_load_grocery_has_no_truth(grocery: kb.Dataset) -> None:
    assert grocery.truth is None


def test_subscriptions_are_contiguous_and_some_come_back(world: kb.Dataset) -> None:
    rows = world.table("subscriptions").sort_values(["customer_id", "start"])
    following = rows.groupby("customer_id")["start"].shift(-1)
    gap = (following - rows["end"])[following.notna()].dt.days
    assert (gap >= 0).all()
    assert (rows["end"].isna() & following.notna()).sum() == 0
    assert gap[gap > 0].min() >= 59  # two months
    spells = truth_of(world).spells
    back = int((spells["spell"] == 2).sum())
    assert (gap > 0).sum() == back
    left = spells[(spells["spell"] == 1) & (spells["cause"] == "voluntary") & (spells["left_month"] < 36 - 10)]
    returned = left["customer_id"].isin(spells.loc[spells["spell"] == 2, "customer_id"])
    assert abs(z_of(returned.to_numpy(), np.full(len(left), 0.12))) < Z
    changed = rows[following.notna() & (following == rows["end"])]
    assert len(changed) > 1000
    kinds = rows.groupby("customer_id")[["plan", "seats", "mrr"]].nunique()
    assert (kinds.max() > 1).all()


def test_contracts_end_as_the_truth_says(world: kb.Dataset) -> None:
    """Notice lies before the end, by the months of the term; what ends later than the records is known ahead."""
    truth, rows = truth_of(world), world.table("subscriptions")
    first = pd.Timestamp("2022-01-01").to_period("M").ordinal
    ends = rows[rows.groupby("customer_id")["start"].transform("max") == rows["start"]].set_index("customer_id")
    last = truth.spells.groupby("customer_id").tail(1).set_index("customer_id")
    known = last["decided_month"] < 36
    ended = ends["end"].dt.to_period("M").map(lambda p: p.ordinal if p is not pd.NaT else np.nan) - first - 1
    assert ended.notna().equals(known.reindex(ended.index))
    assert (ended[known] == last["left_month"].reindex(ended.index)[known]).all()
    noticed = ends["notice_at"].notna()
    assert (ends.loc[noticed, "notice_at"] < ends.loc[noticed, "end"]).all()
    ahead = noticed & (ends["end"] > world.as_of)
    assert ahead.sum() > 10
    assert set(ends.loc[ahead, "term"]) <= {12, 24}
    told = world.table("cancellations")
    assert told["voluntary"].sum() == rows["notice_at"].notna().sum()


def test_acquired_before_recording_began_means_still_there(world: kb.Dataset) -> None:
    customers, rows = world.table("customers"), world.table("subscriptions")
    old = customers["acquired_at"] < "2022-01-01"
    assert 0.1 < old.mean() < 0.25
    latest = rows.groupby("customer_id")["end"].agg(lambda ends: ends.iloc[-1])
    assert not (latest <= pd.Timestamp("2022-01-01")).any()
    spells = truth_of(world).spells
    assert ((spells["entry_month"] == 0) & (spells["start_month"] < 0)).sum() == old.sum()
    begin = customers.set_index("customer_id")["acquired_at"]
    assert begin.equals(rows.groupby("customer_id")["start"].min().rename("acquired_at"))


def test_referrers_came_earlier(world: kb.Dataset) -> None:
    customers = world.table("customers").set_index("customer_id")
    known = customers["referred_by"].dropna().astype(int)
    assert len(known) > 500
    earlier = customers["acquired_at"].reindex(known).to_numpy()
    assert (earlier < customers.loc[known.index, "acquired_at"].to_numpy()).all()


# leaving


def test_hazard_is_seen_by_plan_term_and_renewal(world: kb.Dataset, panel: pd.DataFrame) -> None:
    term = truth_of(world).accounts.set_index("customer_id")["term"].reindex(panel["customer_id"]).to_numpy()
    groups = panel.groupby(["plan", term, "renewal"])
    z = [z_of(group["left"].to_numpy(), group["hazard"].to_numpy(np.float64)) for _, group in groups]
    assert len(z) == 15
    assert np.abs(z).max() < Z
    seen = panel.groupby([term, "renewal"])["left"].mean()
    assert seen[12, 1.0] > 10 * seen[12, 0.0]  # the spike
    assert seen[24, 1.0] > 10 * seen[24, 0.0]


def test_survival_is_the_product_of_staying(world: kb.Dataset, panel: pd.DataFrame) -> None:
    truth = truth_of(world)
    frame = truth.survival
    some = frame[(frame["customer_id"] == 17) & (frame["spell"] == 1)]
    assert some["survival"].to_numpy() == pytest.approx(np.cumprod(1 - some["hazard"].to_numpy(np.float64)))
    # those who began with the records: how many are there after two years, against the mean of their survival
    fresh = truth.spells[(truth.spells["spell"] == 1) & truth.spells["start_month"].between(0, 11)]
    planted = frame[(frame["spell"] == 1) & (frame["tenure"] == 23)].set_index("customer_id")["survival"]
    stayed = (
        fresh.set_index("customer_id")["left_month"].fillna(999) - fresh.set_index("customer_id")["start_month"] > 23
    )
    # campaigns act by chance and by risk, so that the chances are those given the arm
    chance = planted.reindex(stayed.index).to_numpy()
    assert abs(z_of(stayed.to_numpy(bool), chance)) < Z


def test_regression_recovers_every_planted_effect(world: kb.Dataset, panel: pd.DataFrame) -> None:
    """Complementary log-log regression on account-months: 40 coefficients, the zeros included."""
    truth, customers = truth_of(world), world.table("customers")
    people = customers.merge(truth.accounts.drop(columns="satisfaction"), on="customer_id").set_index("customer_id")
    people["log_budget"] -= 9
    planted = truth.effects.set_index("name")["value"]
    columns: dict[str, tuple[np.ndarray, float]] = {"constant": (np.ones(len(panel)), planted_base(truth))}
    position = panel["customer_id"].to_numpy() - 1
    references = {
        "industry": "software", "company_size": "10-49", "channel": "web", "region": "north", "device": "desktop",
        "language": "de", "persona": "keeper", "segment": "integrator", "goal": "keep",
    }  # fmt: skip
    for name, reference in references.items():
        for level in people[name].unique():
            if level != reference:
                value = planted.get(f"{name}:{level}", 0.0) - planted.get(f"{name}:{reference}", 0.0)
                columns[f"{name}:{level}"] = ((people[name] == level).to_numpy(float)[position], value)
    for bond in BONDS:
        columns[f"bond:{bond}"] = (people[f"bond_{bond}"].to_numpy()[position], planted[f"bond:{bond}"])
    columns["budget_effect"] = (people["log_budget"].to_numpy()[position], planted["budget_effect"])
    columns["referred"] = (people["referred_by"].notna().to_numpy(float)[position], planted["referred"])
    columns["consent"] = (people["consent"].to_numpy(float)[position], 0.0)
    for k, plan in ((0, "basic"), (2, "pro")):
        columns[f"plan:{plan}"] = ((panel["plan"] == k).to_numpy(float), planted[f"plan:{plan}"])
    columns["tenure"] = (np.log1p(panel["tenure"].to_numpy()), planted["tenure"])
    columns["returned"] = ((panel["spell"] == 2).to_numpy(float), planted["returned"])
    moving = ("renewal", "locked", "satisfaction", "lost_manager", "lost_manager_shared", "lost_champion",
              "ticket_bad", "ticket_well")  # fmt: skip
    for name in moving:
        columns[name] = (panel[name].to_numpy(np.float64), planted[name])
    columns["campaign"] = (panel["campaign"].to_numpy(np.float64), 1.0)

    wanted = np.array([value for _, value in columns.values()])
    x = np.column_stack([x for x, _ in columns.values()])
    estimate, error = cloglog(x, panel["voluntary"].to_numpy(float), wanted)
    z = dict(zip(columns, (estimate - wanted) / error, strict=True))
    assert len(z) > 40
    assert max(z.values(), key=abs) < Z, z
    assert min(z.values()) > -Z, z
    assert 0.5 < np.mean(np.square(list(z.values()))) < 1.6
    strong = ("renewal", "lost_manager", "lost_champion", "ticket_bad", "ticket_well", "satisfaction")
    found = dict(zip(columns, np.abs(estimate / error), strict=True))
    assert all(found[name] > 5 for name in strong)  # not recovered by being vague


def planted_base(truth: Planted) -> float:
    return float(truth.parameters["base"])


def cloglog(x: np.ndarray, y: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum likelihood for P(y) = 1 - exp(-exp(x b)) by scoring; returns coefficients and standard errors.

    There is one maximum, so that the start only saves steps.
    """
    beta = start.astype(float)
    for _ in range(30):
        rate = np.exp(np.clip(x @ beta, -20, 3))
        chance = -np.expm1(-rate)
        slope = rate * np.exp(-rate)
        information = x.T @ (x * (slope**2 / (chance * (1 - chance)))[:, None])
        step = np.linalg.solve(information, x.T @ ((y - chance) * slope / (chance * (1 - chance))))
        beta += step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < 1e-6:
            return beta, np.sqrt(np.diag(np.linalg.inv(information)))
    raise AssertionError("did not converge")


def test_payments_fail_as_planted(panel: pd.DataFrame) -> None:
    failed = (panel["left"] & ~panel["voluntary"]).to_numpy()
    assert abs(z_of(failed, panel["payment_hazard"].to_numpy())) < Z


def test_exposures_can_be_read_from_the_tables(world: kb.Dataset) -> None:
    """Lost managers and serious tickets of monthly contracts, counted anew from contacts and tickets."""
    truth = truth_of(world)
    spells = truth.spells[truth.spells["spell"] == 1]
    monthly = spells["customer_id"].isin(truth.accounts.loc[truth.accounts["term"] == 1, "customer_id"]).to_numpy()
    month_of = {name: np.datetime64("2022-01", "M") for name in ("opened", "end")}
    tickets, contacts = world.table("tickets"), world.table("contacts")
    late = tickets["closed"].isna() | (tickets["closed"] - tickets["opened"] >= pd.Timedelta(days=15))
    serious = tickets["severity"] >= 3
    gone = contacts["role"].eq("account_manager") & contacts["end"].notna()
    shared = truth.accounts.loc[truth.accounts["shared"], "customer_id"]
    alone = ~contacts["customer_id"].isin(shared)
    cases = {
        "ticket_bad": (tickets[serious & late], "opened"),
        "ticket_well": (tickets[serious & (tickets["goodwill"] > 0)], "opened"),
        "lost_manager": (contacts[gone & alone], "end"),
        "lost_champion": (contacts[contacts["role"].eq("decision_maker") & contacts["end"].notna()], "end"),
    }
    last = spells["left_month"].fillna(35).clip(upper=35).to_numpy(int)
    cells = (np.arange(36) <= last[:, None]) & (np.arange(36) >= spells["start_month"].to_numpy()[:, None] + 1)
    cells &= (np.arange(36) >= 8) & monthly[:, None]  # what happened before the records has faded by then
    for name, (rows, column) in cases.items():
        shock = np.zeros((len(spells), 36))
        month = (rows[column].to_numpy().astype("datetime64[M]") - month_of[column]).astype(int)
        inside = (month >= 0) & (month < 36)
        shock[rows["customer_id"].to_numpy()[inside] - 1, month[inside]] = 1
        left = np.zeros_like(shock)
        for c in range(1, 36):
            left[:, c] = np.where(shock[:, c - 1] > 0, 1.0, 0.7 * left[:, c - 1])
        planted = truth.covariates[name][: len(spells)]
        old = (spells["start_month"].to_numpy() < 0)[:, None]
        differs = np.abs(left - planted)[cells]
        assert differs[np.broadcast_to(~old, cells.shape)[cells]].max() < 1e-6
        assert differs.max() < 0.7**7 + 1e-6
        assert (planted[cells] == 1).sum() > 200


# use


def test_use_drops_before_leaving(world: kb.Dataset) -> None:
    truth, events = truth_of(world), world.table("events")
    month = (events["timestamp"].to_numpy().astype("datetime64[M]") - np.datetime64("2022-01", "M")).astype(int)
    count = np.zeros((20_000, 36))
    np.add.at(count, (events["customer_id"].to_numpy() - 1, month), 1)
    spells = truth.spells[(truth.spells["spell"] == 1) & (truth.spells["cause"] == "voluntary")]
    spells = spells[(spells["decided_month"] >= 12) & (spells["start_month"] <= 0) & (spells["decided_month"] < 36)]
    rows, decided = spells["customer_id"].to_numpy() - 1, spells["decided_month"].to_numpy(int)
    by_lead = [count[rows, decided - lead].mean() for lead in (0, 1, 2, 6, 8)]
    assert by_lead[0] < 0.5 * by_lead[3]
    assert by_lead[0] < by_lead[1] < by_lead[2] < by_lead[3]
    assert by_lead[4] == pytest.approx(by_lead[3], rel=0.15)
    bonds = truth.accounts.set_index("customer_id")
    kinds = events.groupby(["customer_id", "kind"]).size().unstack(fill_value=0).reindex(bonds.index, fill_value=0)
    share = kinds["community"] / kinds.sum(axis=1).clip(lower=1)
    assert share.corr(bonds["bond_value"]) > share.corr(bonds["bond_forced"]) + 0.3


# campaigns


def seen_outcome(data: kb.Dataset, campaign: str) -> pd.DataFrame:
    """Who was treated and whose contract ended within the horizon, from the tables alone."""
    rows = data.table("campaigns")
    rows = rows[rows["campaign"] == campaign].set_index("customer_id")
    contracts = data.table("subscriptions").sort_values(["customer_id", "start"])
    following = contracts.groupby("customer_id")["start"].shift(-1)
    over = contracts[contracts["end"].notna() & (following != contracts["end"])]
    over = over.groupby("customer_id")["end"].min().reindex(rows.index)  # first spells are eligible
    until = rows["assigned_at"] + pd.DateOffset(months=6)
    return rows.assign(left=(over <= until).to_numpy(), treated=rows["arm"] == "treatment")


def difference(frame: pd.DataFrame, propensity: pd.Series) -> tuple[float, float]:
    """Inverse-probability-weighted difference of the arms (normalised), with its standard error."""
    left, treated = frame["left"].to_numpy(float), frame["treated"].to_numpy(float)
    weights = (treated / propensity.to_numpy(), (1 - treated) / (1 - propensity.to_numpy()))
    means = [np.average(left, weights=weight) for weight in weights]
    parts = [weight / weight.mean() * (left - mean) for weight, mean in zip(weights, means, strict=True)]
    return means[0] - means[1], float(np.std(parts[0] - parts[1]) / np.sqrt(len(frame)))


def truth_about(data: kb.Dataset, campaign: str) -> pd.DataFrame:
    outcomes = truth_of(data).outcomes
    assert outcomes is not None
    return outcomes[outcomes["campaign"] == campaign].set_index("customer_id")


@pytest.mark.parametrize("campaign", ["loyalty_offer", "save_call"])
def test_potential_outcomes_are_those_that_happened(world: kb.Dataset, campaign: str) -> None:
    seen, truth = seen_outcome(world, campaign), truth_about(world, campaign)
    assert seen.index.equals(truth.index)
    happened = np.where(seen["treated"], truth["y1"], truth["y0"])
    assert (happened == seen["left"]).all()
    # the same random numbers: treatment that helps never makes anybody leave
    assert (truth.loc[truth["log_hazard_ratio"] < 0, "effect"] <= 0).all()
    assert (truth.loc[truth["log_hazard_ratio"] > 0, "effect"] >= 0).all()
    assert {-1, 0, 1} == set(truth["effect"])
    for arm in ("0", "1"):
        assert abs(z_of(truth[f"y{arm}"].to_numpy(), truth[f"risk{arm}"].to_numpy())) < Z
    assert (seen["cost"] > 0).equals(seen["treated"])


def test_randomised_campaign_shows_its_effect(world: kb.Dataset) -> None:
    seen, truth = seen_outcome(world, "loyalty_offer"), truth_about(world, "loyalty_offer")
    found, error = difference(seen, seen["propensity"])
    assert (seen["propensity"] == 0.5).all()
    assert abs(found - truth["effect"].mean()) < Z * error
    assert truth["effect"].mean() < -0.005
    harmed = truth["log_hazard_ratio"] > 0
    assert 0.03 < harmed.mean() < 0.2
    assert truth.loc[harmed, "effect"].mean() > 0 > truth.loc[~harmed, "effect"].mean()


def test_targeted_campaign_needs_its_propensity(world: kb.Dataset) -> None:
    seen, truth = seen_outcome(world, "save_call"), truth_about(world, "save_call")
    assert (seen["propensity"] == truth["propensity"]).all()
    naive, naive_error = difference(seen, pd.Series(seen["treated"].mean(), index=seen.index))
    weighted, error = difference(seen, seen["propensity"])
    assert naive - truth["effect"].mean() > Z * naive_error
    assert abs(weighted - truth["effect"].mean()) < 3 * error
    treated = seen.groupby(pd.cut(seen["propensity"], [0, 0.2, 0.4, 0.6, 0.8, 1]), observed=True)
    share, error_of = treated["treated"].mean(), np.sqrt(0.25 / treated.size())
    assert (np.abs(share - treated["propensity"].mean()) < Z * error_of).all()


def test_hidden_risk_defeats_the_recorded_propensity() -> None:
    data = simulate_saas(20_000, scenario="unmeasured_confounder")
    seen, truth = seen_outcome(data, "save_call"), truth_about(data, "save_call")
    recorded, error = difference(seen, seen["propensity"])
    assert recorded - truth["effect"].mean() > Z * error
    right, error = difference(seen, truth["propensity"])
    assert abs(right - truth["effect"].mean()) < 3 * error
    hidden = truth_of(data).accounts.set_index("customer_id")["hidden"].reindex(seen.index)
    assert hidden[seen["treated"]].mean() - hidden[~seen["treated"]].mean() > 0.5


def test_no_effect_means_none() -> None:
    data = simulate_saas(6000, scenario="no_effect")
    truth = truth_of(data)
    effects = truth.effects.set_index("name")["value"]
    kinds = ("industry", "company_size", "channel", "region", "device", "language", "persona", "plan", "segment")
    assert (effects[[name for name in effects.index if name.split(":")[0] in kinds]] == 0).all()
    assert (truth.outcomes["effect"] == 0).all()
    assert (truth.outcomes["risk0"] == truth.outcomes["risk1"]).all()
    assert (truth.accounts["attribute_part"] == 0).all()


# voices


def test_the_satisfied_answer_more_often(world: kb.Dataset) -> None:
    truth, rows = truth_of(world), world.table("feedback")
    nps = rows[rows["instrument"] == "nps"]
    month = (nps["timestamp"].to_numpy().astype("datetime64[M]") - np.datetime64("2022-01", "M")).astype(int)
    assert set(month % 3) == {2}
    first = truth.spells["spell"].to_numpy() == 1
    mood = truth.covariates["satisfaction"][first]
    last = truth.spells.loc[first, "left_month"].fillna(99).to_numpy()
    start = truth.spells.loc[first, "start_month"].to_numpy()
    asked = (np.arange(36) % 3 == 2) & (np.arange(36) <= last[:, None]) & (np.arange(36) >= start[:, None])
    answered = np.zeros(mood.shape, dtype=bool)
    answered[nps["customer_id"] - 1, month] = True
    low, high = mood < -1, mood > 1
    assert answered[asked & high].mean() > 2.5 * answered[asked & low].mean()
    assert np.corrcoef(mood[nps["customer_id"] - 1, month], nps["score"])[0, 1] > 0.5
    assert nps["score"].between(0, 10).all()
    assert rows.loc[rows["instrument"] == "csat", "score"].between(1, 5).all()
    assert rows.loc[rows["instrument"].str.startswith("bond_"), "score"].between(1, 7).all()
    contacts = world.table("contacts")
    known = contacts["customer_id"] * 10**10 + contacts["contact_id"]
    assert (rows["customer_id"] * 10**10 + rows["respondent_id"]).isin(known).mean() > 0.98
    assert rows["text"].notna().sum() > 100


def items(data: kb.Dataset) -> pd.DataFrame:
    rows = data.table("feedback")
    rows = rows[rows["instrument"].str.startswith("bond_")]
    return rows.pivot_table(index=["customer_id", "timestamp"], columns="instrument", values="score")


def first_share(frame: pd.DataFrame) -> float:
    """Share of the first eigenvalue of the correlations."""
    values = np.linalg.eigvalsh(frame.corr().to_numpy())
    return float(values[-1] / values.sum())


def test_items_show_six_bonds_or_one_factor(world: kb.Dataset) -> None:
    answers = items(world)
    assert answers.shape[1] == 18
    means = answers.T.groupby(lambda name: name.split("_")[1]).mean().T
    scores = truth_of(world).accounts.set_index("customer_id")
    for bond in BONDS:
        own = scores[f"bond_{bond}"].reindex(answers.index.get_level_values(0)).to_numpy()
        assert np.corrcoef(means[bond], own)[0, 1] > 0.85
    one = simulate_saas(3000, scenario="no_types")
    assert first_share(answers) < 0.35
    assert first_share(items(one)) > 0.55
    planted = truth_of(one).accounts[[f"bond_{bond}" for bond in BONDS]]
    assert planted.corr().to_numpy().min() > 0.9
    assert scores[[f"bond_{bond}" for bond in BONDS]].std().to_numpy() == pytest.approx(np.ones(6), abs=0.03)


def dependence(frame: pd.DataFrame) -> float:
    """Largest Cramér's V between attributes."""
    from scipy.stats.contingency import association

    names = ["industry", "company_size", "channel", "goal"]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return max(float(association(pd.crosstab(frame[a], frame[b]).to_numpy())) for a, b in pairs)


def lost_customers(data: kb.Dataset) -> pd.DataFrame:
    lost = data.table("cancellations")["customer_id"].unique()
    return data.table("customers").set_index("customer_id").loc[lost]


def test_segments_are_there_or_not(world: kb.Dataset) -> None:
    truth, customers = truth_of(world), world.table("customers")
    segment = truth.accounts["segment"]
    retail = customers["industry"].eq("retail").groupby(segment, observed=True).mean()
    assert retail["saver"] > 0.35 > 0.15 > retail["integrator"]
    budget = np.log2(customers["budget"]).groupby(segment, observed=True).mean()
    assert budget["integrator"] - budget["saver"] == pytest.approx(3, abs=0.1)
    assert dependence(lost_customers(world)) > 0.2
    independent = simulate_saas(8000, scenario="no_segments")
    lost = lost_customers(independent)
    assert len(lost) > 1500
    assert dependence(lost) < 0.08
    assert set(truth_of(independent).accounts["segment"]) == {"all"}
    continuum = simulate_saas(3000, scenario="continuum")
    people = truth_of(continuum).accounts
    bonds = people[[f"bond_{bond}" for bond in BONDS]].assign(budget=people["log_budget"])
    assert bonds.corr().to_numpy()[~np.eye(7, dtype=bool)] == pytest.approx(np.full(42, 0.5625), abs=0.06)
    sizes = continuum.table("customers")["company_size"].map({"1-9": 0, "10-49": 1, "50-249": 2, "250+": 3})
    assert np.corrcoef(sizes, people["log_budget"])[0, 1] > 0.4


def test_polite_customers_blame_the_price() -> None:
    plain, polite = (simulate_saas(5000, scenario=name) for name in ("baseline", "polite_reasons"))
    for data, share in ((plain, 0.1), (polite, 0.65)):
        truth, rows = truth_of(data).cancellations, data.table("cancellations")
        assert truth is not None
        assert truth["customer_id"].tolist() == rows["customer_id"].tolist()
        others = truth[~truth["true_reason"].isin(["price", "payment"])]
        assert abs(z_of((others["stated_reason"] == "price").to_numpy(), np.full(len(others), share))) < Z
        voluntary = rows["voluntary"].to_numpy()
        missing = rows.loc[voluntary, "reason"].isna().to_numpy()
        assert abs(z_of(missing, np.full(voluntary.sum(), 0.2))) < Z
        assert (rows.loc[~voluntary, "reason"] == "payment").all()
        assert rows["reason_text"].nunique() == 30
    said = polite.table("cancellations")["reason"].eq("price").mean()
    true = truth_of(polite).cancellations["true_reason"].eq("price").mean()
    assert said > true + 0.2


def test_bad_service_is_a_reason(world: kb.Dataset) -> None:
    truth = truth_of(world)
    spells = truth.spells.set_index(["customer_id", "spell"])
    first = spells[(spells.index.get_level_values("spell") == 1) & (spells["decided_month"] < 36)]
    first = first[first["left_month"] < 36]
    rows = first.index.get_level_values("customer_id").to_numpy() - 1
    bad = truth.covariates["ticket_bad"][rows, first["left_month"].to_numpy(int)] > 0.4
    reasons = truth.cancellations.drop_duplicates("customer_id").set_index("customer_id")["true_reason"]
    service = reasons.reindex(rows + 1).eq("service").to_numpy()
    assert service[bad].mean() > 2 * service[~bad].mean()


# observation


def test_vanishing_accounts_are_the_risky_ones() -> None:
    data = simulate_saas(12_000, scenario="informative_censoring")
    truth, customers = truth_of(data), data.table("customers")
    vanished = customers["observed_until"].notna().to_numpy()
    assert 0.05 < vanished.mean() < 0.4
    hidden = truth.accounts["hidden"].to_numpy()
    assert hidden[vanished].mean() - hidden[~vanished].mean() > 0.3
    events = data.table("events").groupby("customer_id")["timestamp"].max()
    until = customers.set_index("customer_id")["observed_until"].reindex(events.index)
    assert (events[until.notna()] < until[until.notna()]).all()
    # Kaplan-Meier that trusts the records, against the planted survival of those who came in the first year
    frame = truth.survival
    fresh = truth.spells[(truth.spells["spell"] == 1) & truth.spells["start_month"].between(0, 11)]["customer_id"]
    frame = frame[(frame["spell"] == 1) & frame["customer_id"].isin(fresh)]
    seen = frame[frame["at_risk"]].groupby("tenure")["left"].mean()
    believed = float((1 - seen.loc[:23]).prod())
    planted = float(frame[frame["tenure"] == 23]["survival"].mean())
    error = np.sqrt(planted * (1 - planted) / len(fresh))
    assert believed - planted > 2 * error


def test_b2c_lapses_are_silent() -> None:
    data = simulate_saas(3000, scenario="b2c")
    truth, events = truth_of(data), data.table("events")
    assert (events["amount"] > 0).all()
    assert events["order_id"].is_unique
    first = truth.spells[truth.spells["spell"] == 1]
    left = first["left_month"].lt(36).to_numpy()
    assert 0.15 < len(data.table("cancellations")) / left.sum() < 0.4
    assert kb.activity(data, period="month").action == "buy"


# what is written about it


def effect_rows(effects: pd.DataFrame) -> list[str]:
    """The table of effects in docs/simulation.md, from the parameters."""
    rows = []
    for (table, column, name), group in effects.groupby(
        ["table", "column", effects["name"].str.split(":").str[0]], sort=False
    ):
        where = f"truth: {column}" if table == "truth" else f"{table}.{column}"
        if len(group) == 1:
            one = group.iloc[0]
            rows.append(f"| {name} | {where} | {one['value']:+.2f} | {one['meaning']} |")
        elif table == "campaigns":
            rows += [
                f"| {one['name']} | {where} | {one['value']:+.2f} | {one['meaning']} |" for _, one in group.iterrows()
            ]
        else:
            planted = [f"{one['level']} {one['value']:+.2f}" for _, one in group.iterrows() if one["value"]]
            rest = "the others 0" if planted else "0"
            rows.append(f"| {name} | {where} | {', '.join([*planted, rest])} | |")
    return rows


def scenario_rows() -> list[str]:
    """The table of scenarios: what each is about, and which numbers differ from baseline."""
    rows, plain = [], SCENARIOS["baseline"]
    for name, scenario in SCENARIOS.items():
        pairs = [("", scenario, plain)]
        pairs += [(f"{c.name}: ", c, usual) for c, usual in zip(scenario.campaigns, plain.campaigns, strict=True)]
        changed = [
            f"{whose}{field} {getattr(one, field)}"
            for whose, one, usual in pairs
            for field in one.__dataclass_fields__
            if isinstance(getattr(one, field), (int, float)) and getattr(one, field) != getattr(usual, field)
        ]
        rows.append(f"| {name} | {ABOUT[name]} | {', '.join(changed)} |")
    return rows


def test_documented_effects_and_scenarios_are_those_planted() -> None:
    text = (Path(kb.__file__).parent.parent / "docs" / "simulation.md").read_text()
    effects = effects_table(SCENARIOS["baseline"])
    table = [line for line in text.splitlines() if line.startswith("| ")]
    for row in [*effect_rows(effects), *scenario_rows()]:
        assert row in table
    plain = SCENARIOS["baseline"]
    for name in ("base", "payment", "payment_small", "fading", "manager_leaves", "champion_leaves", "ticket_serious",
                 "ticket_routine", "comes_back", "old_share", "polite", "reason_missing", "goal_correct"):  # fmt: skip
        assert f"`{name}` {getattr(plain, name)}" in text
    for campaign in plain.campaigns:
        assert f"`{campaign.name}` (propensity {campaign.propensity}, slope {campaign.slope}," in text
