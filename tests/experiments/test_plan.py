from __future__ import annotations

from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.errors import ArgumentError, DatasetError
from kbind.experiments.plan import Plan


def test_plan_experiment_of_rates_says_how_many() -> None:
    plan = kb.plan_experiment(0.5, effect=0.25, power=0.9, name="call")
    assert (plan.customers, plan.treated) == (154, 77)
    assert isnan(plan.days)
    coming = kb.plan_experiment({"retained": 0.5, "customers": 100, "arrival": 27}, effect=0.25, power=0.9)
    assert coming.days == pytest.approx(182 + 54 / 27 * 365.25 / 12)
    money = kb.plan_experiment({"mean": 50, "sd": 30}, outcome="revenue", effect=30, power=0.9)
    assert money.customers == 45  # twice 22.02
    ratio = kb.plan_experiment(0.9, outcome="time", effect=0.5)
    assert ratio.leavers == pytest.approx(65.345, abs=1e-2)


def test_plan_experiment_of_data_reads_rates_and_customers() -> None:
    data = kb.datasets.load_saas()
    plan = kb.plan_experiment(data, name="call")
    assert plan.effect == plan.detectable
    assert plan.available in (plan.customers, plan.customers - 1)
    assert 0.85 < plan.base["retained"] < 0.95
    assert plan.days == pytest.approx(182, abs=1)
    assert plan.arrival > 50
    money = kb.plan_experiment(data, outcome="revenue", effect=100)
    assert money.base["sd"] > money.base["mean"] > 500


def test_assign_hangs_on_id_and_salt_alone() -> None:
    plan = kb.plan_experiment(0.9, effect=0.05, name="call", design=kb.Design(share=0.3))
    ids = list(range(20_000))
    arms = plan.assign(ids).set_index("customer_id")["arm"]
    turned = plan.assign(ids[::-1][:500]).set_index("customer_id")["arm"]
    assert (turned == arms.loc[turned.index]).all()
    assert (arms == "treatment").mean() == pytest.approx(0.3, abs=0.01)
    other = kb.plan_experiment(0.9, effect=0.05, design=kb.Design(share=0.3, salt="another")).assign(ids)
    both = ((arms == "treatment").to_numpy() & (other["arm"] == "treatment").to_numpy()).mean()
    assert both == pytest.approx(0.09, abs=0.01)  # independent of each other


def test_assign_keeps_the_share_within_strata() -> None:
    plan = kb.plan_experiment(0.9, effect=0.05, name="call", design=kb.Design(strata=["size", "region"]))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"customer_id": range(999), "size": rng.choice(["s", "m"], 999), "region": rng.integers(0, 3, 999)}
    )
    dealt = plan.assign(frame, assigned_at="2025-02-01").merge(frame, on="customer_id")
    treated = dealt.groupby(["size", "region"])["arm"].agg(lambda arm: (arm == "treatment").sum() - len(arm) / 2)
    assert treated.abs().max() <= 0.5
    mixed = plan.assign(frame.sample(frac=1, random_state=1)).set_index("customer_id")["arm"]
    assert (mixed.loc[dealt["customer_id"]].to_numpy() == dealt["arm"].to_numpy()).all()
    with pytest.raises(ArgumentError, match="no column 'size'"):
        plan.assign([1, 2])


def test_plan_is_written_once_and_read_back(tmp_path: Path) -> None:
    design = kb.Design(strata="size", looks=True)
    plan = kb.plan_experiment({"retained": 0.9, "customers": 500}, effect=0.05, name="Anruf", design=design)
    path = tmp_path / "plan.yaml"
    plan.write(path)
    assert Plan.of(path) == plan
    assert "always-valid 95% interval" in path.read_text(encoding="utf-8").replace("\n ", "")
    with pytest.raises(ArgumentError, match="cannot be written: File exists"):
        plan.write(path)
    path.write_text("outcome: retained", encoding="utf-8")
    with pytest.raises(DatasetError, match="is no plan of an experiment"):
        Plan.of(path)
    path.write_text("- 1", encoding="utf-8")
    with pytest.raises(DatasetError, match="is no plan of an experiment"):
        Plan.of(path)


@pytest.mark.parametrize(
    ("rates", "more", "message"),
    [
        (0.9, {}, "effect is missing, and nothing says how many"),
        (0.9, {"effect": 0}, "effect=0 is no effect"),
        (0.9, {"effect": 0.2}, "effect=0.2 is not possible; allowed: numbers from -0.9 to 0.1"),
        (0.9, {"effect": 1, "outcome": "time"}, "effect=1 is no effect"),
        (0.9, {"effect": 10, "outcome": "revenue"}, "has no 'mean'"),
        (1.2, {"effect": 0.1}, "data_or_rates=1.2 is not possible"),
        (0.9, {"effect": 0.05, "outcome": "money"}, "outcome='money' is not known"),
        (0.9, {"effect": 1e-9}, "takes more customers than there can be"),
    ],
)
def test_plan_experiment_refuses(rates: float, more: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        kb.plan_experiment(rates, **more)  # type: ignore[arg-type]
