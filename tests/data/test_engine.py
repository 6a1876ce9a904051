from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbind.data.engine import Engine, EngineError, bucket, column, literal, parse


def test_query_fills_names_and_values_without_pasting() -> None:
    engine = Engine()
    engine.read_frame("odd name; drop", pa.table({'we"ird col': ["o'brien", "x"]}))
    found = engine.query(
        "SELECT _c AS c FROM t WHERE _c = _v",
        tables={"t": "odd name; drop"},
        columns={"c": 'we"ird col'},
        values={"v": "o'brien"},
    )
    assert found.column("c").to_pylist() == ["o'brien"]


def test_query_refuses_what_has_no_place() -> None:
    with pytest.raises(EngineError, match="no place for"):
        Engine().query("SELECT 1 AS one", values={"two": 2})


def test_engine_errors_are_kbind_errors() -> None:
    with pytest.raises(EngineError, match="does not exist"):
        Engine().query("SELECT * FROM nothing")


def test_filled_expressions_keep_their_precedence() -> None:
    expression = parse("NOT _a", a=parse("_x OR _y", x=literal(True), y=literal(False)))
    result = Engine().query("SELECT _e AS e", parts={"e": expression})
    assert result.column("e").to_pylist() == [False]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.datetimes(datetime(1960, 1, 1), datetime(2060, 1, 1)), min_size=2, max_size=80, unique=True))
def test_bucket_is_the_half_open_interval(moments: list[datetime]) -> None:
    cuts = sorted(moments)
    values = [*cuts[:-1], *(a + (b - a) / 2 for a, b in pairwise(cuts))]
    engine = Engine()
    engine.read_frame("f", pa.table({"t": values}))
    found = engine.query("SELECT _i AS i FROM f", parts={"i": bucket(column("t"), cuts)})
    expected = [max(i for i, cut in enumerate(cuts[:-1]) if cut <= value) for value in values]
    assert found.column("i").to_pylist() == expected


def test_bucket_of_instants() -> None:
    engine = Engine()
    engine.read_frame("f", pa.table({"t": pa.array([datetime(2024, 1, 31, 23, 30, tzinfo=UTC)])}))
    cuts = [datetime(2024, 1, d, 23, tzinfo=UTC) for d in (1, 31)] + [datetime(2024, 2, 29, 23, tzinfo=UTC)]
    assert engine.query("SELECT _i AS i FROM f", parts={"i": bucket(column("t"), cuts)}).column("i").to_pylist() == [1]


def test_csv_is_read_as_text_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a;b.csv"
    path.write_text('id;v\n007;"1,5"\n008;"two\nlines"\n', encoding="utf-8")
    engine = Engine()
    engine.read_csv("t", path, ["id", "v"], delimiter=";")
    assert engine.query("SELECT * FROM t").to_pylist() == [{"id": "007", "v": "1,5"}, {"id": "008", "v": "two\nlines"}]
