"""Companies kept as files: their tables under `data/saas`, what was planted under `data/saas_truth`."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

import kbind as kb
from kbind.dataset.truth import Truth

from . import draw_company, simulate_saas
from .frames import ZONE, month_start

DATA = Path(__file__).resolve().parents[2] / "data"
#: Scenario -> customers.
COMPANIES = {"baseline": 5000, "clear_segments": 5000, "b2c": 2000, "no_effect": 2000}
#: What `kbind.yaml` says, so that the card need not.
_DECLARED = ("title", "currency", "margin", "acquisition_cost")
_MONTHS = 36
#: The company of the notebooks; of it, others are kept as well, to see what a model is worth that learned from it.
_EXAMPLE = "clear_segments"


def write_company(scenario: str, folder: Path = DATA) -> None:
    """Write one company: its folder is one that `kb.open_dataset` reads, and knows nothing of the truth."""
    tables, card, truth = draw_company(COMPANIES[scenario], _MONTHS, scenario=scenario)
    for name, frame in tables.items():
        _write(frame, folder / "saas" / scenario / f"{name}.parquet")
    first, end = (pd.Timestamp(month_start(np.asarray(month)).item()) for month in (0, _MONTHS))
    declared = {key: getattr(card, key) for key in _DECLARED}
    span = {"timezone": ZONE, "recorded_from": str(first.date()), "as_of": str(end.date())}
    text = "# SIMULATED, written by `make data`; what was planted: docs/simulation.md\n"
    text += yaml.safe_dump(declared | span, sort_keys=False)
    (folder / "saas" / scenario / "kbind.yaml").write_text(text, encoding="utf-8")
    planted = folder / "saas_truth" / scenario
    for name, frame in frames_of(truth).items():
        _write(frame, planted / f"{name}.parquet")
    known = {key: value for key, value in asdict(card).items() if key not in _DECLARED}
    (planted / "card.json").write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def frames_of(truth: Truth) -> dict[str, pd.DataFrame]:
    """What was planted, one table each."""
    whole = replace(truth, later=later_customers() if truth.scenario == _EXAMPLE else None)
    return {f.name: found for f in fields(Truth) if isinstance(found := getattr(whole, f.name), pd.DataFrame)}


def later_customers() -> pd.DataFrame:
    """So many others that what a model is worth among them is the truth: what it sees of them, and who left."""
    seen = kb.snapshots(simulate_saas(20_000, _MONTHS, scenario=_EXAMPLE, rng=1), as_of="2024-03-01")
    known = ~np.isnan(seen.target) & ~seen.lost_in_lead
    return seen.features[known].assign(target=seen.target[known].astype(int)).reset_index(drop=True)


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Small: no time has parts of a second, and times share their first bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        coerce_timestamps="ms",
        use_dictionary=[name for name in table.column_names if name not in times],
        column_encoding=dict.fromkeys(times, "BYTE_STREAM_SPLIT"),
    )
