"""Frames of every library come in, with the same numbers, and results go out to every library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kbind as kb
from kbind.dataset.frames import is_frame


def _people() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    plan, staff = rng.choice(["small", "large"], 200), rng.integers(1, 9, 200)
    return pd.DataFrame({"plan": plan, "staff": staff, "churned": (rng.random(200) < 0.4).astype(int)})


class OnlyArrow:
    """A frame of a library that nobody knows, which gives Arrow data away."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.table = pa.Table.from_pandas(frame)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


LIBRARIES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "Polars": pl.from_pandas,
    "lazy Polars": lambda frame: pl.from_pandas(frame).lazy(),
    "Arrow": pa.Table.from_pandas,
    "Arrow batches": lambda frame: pa.Table.from_pandas(frame).to_reader(),
    "DuckDB": lambda frame: duckdb.from_arrow(pa.Table.from_pandas(frame)),
    "only Arrow's protocol": OnlyArrow,
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_frames_of_every_library_are_read_alike(library: str) -> None:
    made, people = LIBRARIES[library], _people()
    pd.testing.assert_frame_equal(kb.contrast(made(people)).to_frame(), kb.contrast(people).to_frame())
    named = people.assign(customer_id=people.index.astype(str), acquired_at=pd.Timestamp("2024-01-05"))
    own, plain = (kb.open_dataset({"customers": frame}).table("customers") for frame in (made(named), named))
    pd.testing.assert_frame_equal(own, plain)
    rest: dict[str, Any] = {"durations": people["staff"], "event_observed": people["churned"]}
    by = people[["plan"]]
    pd.testing.assert_frame_equal(
        kb.survival_curve(**rest, by=made(by)).to_frame(), kb.survival_curve(**rest, by=by).to_frame()
    )
    assert kb.compare_survival(**rest, by=made(by)).p_value == kb.compare_survival(**rest, by=by).p_value


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_classifier_takes_frames_of_every_library(library: str) -> None:
    made, people = LIBRARIES[library], _people()
    features, left = people[["plan", "staff"]], people["churned"]
    model = kb.ChurnClassifier("logistic").fit(made(features), left)
    assert list(model.feature_names_in_) == ["plan", "staff"]
    plain = kb.ChurnClassifier("logistic").fit(features, left).predict_proba(features)
    np.testing.assert_allclose(model.predict_proba(made(features)), plain, rtol=1e-12)
    assert (model.predict(made(features)) == model.predict(features)).all()


@pytest.mark.parametrize("column", [pl.Series([1]), pd.Series([1]), pa.chunked_array([[1]]), [1], "x", None])
def test_a_column_is_no_frame(column: object) -> None:
    assert not is_frame(column)
    with pytest.raises(kb.ArgumentError, match="is no data set and no data frame"):
        kb.contrast(column)


def test_columns_of_every_library_are_arrays() -> None:
    people = _people()
    plain = kb.survival_curve(people["staff"], event_observed=people["churned"], by=people["plan"])
    for frame in (pl.from_pandas(people), pa.Table.from_pandas(people)):
        curve = kb.survival_curve(frame["staff"], event_observed=frame["churned"], by=frame["plan"])
        assert curve.to_frame()["survival"].tolist() == plain.to_frame()["survival"].tolist()


def test_contrasts_of_a_frame_are_those_of_a_data_set() -> None:
    people = _people().rename(columns={"churned": "gone"})
    data = kb.open_dataset({"customers": people.assign(customer_id=people.index)}, roles={"churned": "gone"})
    ways = (kb.contrast(people, "gone"), kb.contrast(people.assign(gone=people["gone"] == 1), "gone"))
    ways += (kb.contrast(people.assign(gone=np.where(people["gone"] == 1, "yes", "no")), "gone"),)
    for found in ways:
        pd.testing.assert_frame_equal(found.to_frame(), kb.contrast(data).to_frame())
    with pytest.raises(kb.ArgumentError, match="outcome='left' is no column of the frame; columns: plan, staff"):
        kb.contrast(people, "left")


def test_results_go_out_to_every_library() -> None:
    result = kb.contrast(_people())
    rows = len(result.to_frame())
    assert pa.table(result).num_rows == pl.DataFrame(result).height == rows
    assert duckdb.sql("SELECT count(*) FROM result").fetchall() == [(rows,)]
