from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbind.engine.engine import Engine, bucket, column, literal, parse
from kbind.engine.failures import EngineError


def test_query_fills_names_and_values_without_pasting() -> None:
    engine = Engine()
    engine.read_frame("odd name; drop", pa.table({'we"ird col': ["o'brien", "x"]}))
    found = engine.query(
        "SELECT _c AS c FROM t WHERE _c = _v",
        tables={"t": "odd name; drop"},
        parts={"c": column('we"ird col'), "v": "o'brien"},
    )
    assert found.column("c").to_pylist() == ["o'brien"]


def test_query_refuses_what_has_no_place() -> None:
    with pytest.raises(EngineError, match="no place for"):
        Engine().query("SELECT 1 AS one", parts={"two": 2})


def test_engine_errors_are_kbind_errors() -> None:
    with pytest.raises(EngineError, match="does not exist"):
        Engine().query("SELECT * FROM nothing")


def test_filled_expressions_keep_their_precedence() -> None:
    expression = parse("NOT _a", a=parse("_x OR _y", x=literal(True), y=literal(False)))
    result = Engine().query("SELECT _e AS e", parts={"e": expression})
    assert result.column("e").to_pylist() == [False]


def test_filling_leaves_its_parts_as_they_are() -> None:
    """A part is used twice and stays what it was; a column that is called like a place is none within a part."""
    part = parse("_x + 1", x=column("_b"))
    before = part.sql()
    engine = Engine()
    engine.read_frame("f", pa.table({"_b": [2, 3], "c": [0, 1]}))
    engine.define("t", "f", {"b": parse("_p", p=part), "c": column("c")}, stored=True, where=parse("_p > 3", p=part))
    assert engine.query("SELECT * FROM t").to_pylist() == [{"b": 4, "c": 1}]
    for _ in range(2):
        found = engine.query(
            "WITH s AS (SELECT _p * _p AS y FROM t) SELECT s.y FROM s", tables={"t": "f"}, parts={"p": part}
        )
        assert found.column("y").to_pylist() == [9, 16]
    assert part.sql() == before


@settings(max_examples=30, deadline=None)
@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2060, 1, 1)),
    st.lists(st.one_of(st.just(timedelta(0)), st.timedeltas(timedelta(hours=22), timedelta(days=31))), max_size=300),
)
def test_bucket_is_the_half_open_interval(first: datetime, lengths: list[timedelta]) -> None:
    cuts = list(accumulate([*lengths, timedelta(days=1)], initial=first))
    inner = [a + (b - a) / 2 for a, b in pairwise(cuts)]
    values = [v for v in [*cuts, *inner, *(cut - timedelta(microseconds=1) for cut in cuts)] if cuts[0] <= v < cuts[-1]]
    engine = Engine()
    engine.read_frame("f", pa.table({"t": pa.array(values, pa.timestamp("us"))}))
    found = engine.query("SELECT _i AS i FROM f", parts={"i": bucket(column("t"), cuts)})
    assert found.column("i").to_pylist() == [bisect_right(cuts, value) - 1 for value in values]


def test_bucket_refuses_what_would_need_endless_slots() -> None:
    cuts = [datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 1), datetime(2025, 1, 1)]
    with pytest.raises(EngineError, match="too unlike"):
        bucket(column("t"), cuts)


@pytest.mark.parametrize("slots", [0, 1 << 13, 1 << 40])
@pytest.mark.parametrize("step", [1, -1, 3, 10**15])
def test_grouping_by_whole_numbers_does_not_depend_on_slots(slots: int, step: int) -> None:
    engine = Engine()
    engine.read_frame("f", pa.table({"x": [step * (i % 1000) for i in range(10_000)]}))
    engine.define("t", "f", {"x": column("x")}, stored=True)
    found = engine.query("SELECT x, count(*) AS n FROM t GROUP BY x ORDER BY x", slots=slots)
    assert found.column("x").to_pylist() == sorted(step * i for i in range(1000))
    assert set(found.column("n").to_pylist()) == {10}


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
