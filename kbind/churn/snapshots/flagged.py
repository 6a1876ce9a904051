"""The one snapshot of a table of customers that says who has left, without any dates."""

from __future__ import annotations

import numpy as np

from kbind.churn.snapshots.choice import too_many
from kbind.churn.snapshots.columns import Columns, frame_of, numbers, values_of
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.dataset.dataset import Dataset
from kbind.dataset.flags import says_yes
from kbind.dataset.groups import objects
from kbind.dataset.provenance import Provenance
from kbind.dataset.reading.base import kind_of
from kbind.engine.engine import column
from kbind.errors import NotEnoughData, plain

#: Columns of the contract that are no attributes, and roles that tell of the outcome.
_NO_FEATURES, _OUTCOME = ("customer_id", "acquired_at", "consent"), ("churned", "cause", "entry")


def flagged(data: Dataset, lead: int, horizon: int) -> Snapshots:
    """One row a customer: its attributes, and the flag that says who has left."""
    data.require("customers")
    if "churned" not in data.roles:
        raise NotEnoughData(
            f"{data.name!r} has neither subscriptions nor events, and no column plays the role 'churned'; "
            "say which in kbind.yaml: roles: {churned: ...}"
        )
    kinds = data.tables["customers"].columns
    roles = {role.column: name for name, role in data.roles.items()}
    notes: list[str] = []
    parts = {"churned": says_yes(data, data.roles["churned"])}
    chosen = [name for name in kinds if name not in _NO_FEATURES and roles.get(name) not in _OUTCOME]
    for name in [*chosen]:
        why = "a time, where nothing says as of when" if kinds[name].startswith(("TIME", "DATE", "INTERVAL")) else ""
        why = why or (too_many(data, "customers", name) if name != "referred_by" else "")
        if why:
            notes.append(f"left out: customers.{plain(name)} ({why})")
            chosen.remove(name)
    notes += [
        f"left out: customers.{plain(name)} (role {role})" for name, role in roles.items() if role in _OUTCOME[1:]
    ]
    parts |= {f"x{k}": column(name) for k, name in enumerate(chosen)}
    if "consent" in kinds:
        parts["consent"] = column("consent")
    found = data.engine.query(
        f"SELECT customer_id{''.join(f', _{name} AS {name}' for name in parts)} FROM customers ORDER BY customer_id",
        tables={"customers": "customers"},
        parts=parts,
    )

    columns = Columns()
    for k, name in enumerate(chosen):
        if name == "referred_by":
            referred = 1.0 - np.asarray(found.column(f"x{k}").is_null().to_numpy(), dtype=float)
            columns.add(referred, "flag", "customers", name)
            continue
        measure = "tenure" if roles.get(name) == "tenure" else "attribute"
        columns.add(values_of(found, f"x{k}", kinds[name]), measure, "customers", name)
    priced = [name for name in chosen if roles.get(name) == "revenue" and kind_of(kinds[name]) == "number"]
    revenue = f"x{chosen.index(priced[0])}" if priced else ""
    unknown = np.full(found.num_rows, np.nan)
    return Snapshots(
        customer=objects(found.column("customer_id")),
        as_of=np.full(found.num_rows, np.datetime64("NaT"), dtype="datetime64[us]"),
        features=frame_of(columns.values),
        target=numbers(found, "churned"),
        lost_in_lead=np.zeros(found.num_rows, dtype=bool),
        value=numbers(found, revenue) if revenue else unknown,
        consent=numbers(found, "consent") if "consent" in parts else unknown,
        meanings=tuple(columns.meanings.values()),
        lead=lead,
        horizon=horizon,
        notes=tuple(notes),
        provenance=Provenance.of(data, data.as_of),
    )
