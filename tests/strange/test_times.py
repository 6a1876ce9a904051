"""Times in real files: mixed formats, days that do not exist, zones and clock changes, what lies ahead."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kbind as kb

from .conftest import Write

ALLOWED = "allowed: 2024-01-31, 2024-01-31T18:30:00+01:00, 31.01.2024 or 31.01.2024 18:30; one way throughout"


def _csv(times: list[str]) -> str:
    return "customer_id,timestamp\n" + "".join(f"{i},{time}\n" for i, time in enumerate(times))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["31.01.2024", "31.02.2024"], f"is not a date or time: row 3 ('31.02.2024'); {ALLOWED}"),
        (["2023-02-28", "2023-02-29"], f"is not a date or time: row 3 ('2023-02-29'); {ALLOWED}"),
        (["2024-01-05", "2024-01-06", "05.01.2024", "20240105"],
         "is written differently from the rest (like 2024-01-31): row 4 ('05.01.2024'), row 5 ('20240105'); "
         + ALLOWED),
        (["1/13/2024", "13/1/2024"],
         "can be read as day/month or month/day, and both occur: row 2 ('1/13/2024'), row 3 ('13/1/2024'); "
         "say which in kbind.yaml: date_order: dmy or date_order: mdy"),
        (["2024-01-05T10:00:00Z", "2024-01-05T10:00:00"],
         f"is written differently from the rest (like 2024-01-31): row 2 ('2024-01-05T10:00:00Z'); {ALLOWED}"),
        (["2024-01-05", "2204-01-05"],
         "lies far outside any business: row 3 ('2204-01-05'); allowed: the years 1900 to 2200"),
    ],
    ids=["31.02.", "29.02.", "formats", "day or month", "with and without offset", "year 2204"],
)  # fmt: skip
def test_times_that_cannot_be_meant(write: Write, times: list[str], message: str) -> None:
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(write(events=_csv(times)))
    assert str(caught.value) == f"events.csv, column 'timestamp': {message}"


@pytest.mark.parametrize(
    ("times", "zone", "days"),
    [
        # the night of 27 October has two hours from 2 to 3; that of 31 March has none
        (["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"], "Europe/Berlin", {"2024-10-27": 2}),
        (["2024-03-31T01:59:59+01:00", "2024-03-31T03:00:00+02:00"], "Europe/Berlin", {"2024-03-31": 2}),
        (["2024-03-30T22:59:59Z", "2024-03-30T23:00:00Z", "2024-03-31T21:59:59Z", "2024-03-31T22:00:00Z"],
         "Europe/Berlin", {"2024-03-30": 1, "2024-03-31": 2, "2024-04-01": 1}),
        (["2024-10-26T21:59:59Z", "2024-10-26T22:00:00Z", "2024-10-27T22:59:59Z", "2024-10-27T23:00:00Z"],
         "Europe/Berlin", {"2024-10-26": 1, "2024-10-27": 2, "2024-10-28": 1}),
        (["2024-03-31 02:30:00", "2024-10-27 02:30:00"], "Europe/Berlin", {"2024-03-31": 1, "2024-10-27": 1}),
        # 4 November 2018 began at 1 o'clock in Brazil; Samoa had no 30 December 2011
        (["2018-11-04T02:59:59Z", "2018-11-04T03:00:00Z"], "America/Sao_Paulo", {"2018-11-03": 1, "2018-11-04": 1}),
        (["2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"], "Pacific/Apia", {"2011-12-29": 1, "2011-12-31": 1}),
        (["2024-01-01T04:59:59Z", "2024-01-01T05:00:00Z"], "America/New_York", {"2023-12-31": 1, "2024-01-01": 1}),
    ],
    ids=["twice", "gap", "short day", "long day", "wall clock", "no midnight", "no day", "new year"],
)  # fmt: skip
def test_days_when_the_clock_changes(write: Write, times: list[str], zone: str, days: dict[str, int]) -> None:
    data = kb.open_dataset(write(events=_csv(times)), timezone=zone)
    frame = kb.activity(data, period="day").to_frame()
    active = frame[frame["active"] > 0]
    assert dict(zip(active["period"], active["active"], strict=True)) == days


def _parquet(frame: pd.DataFrame) -> bytes:
    target = BytesIO()
    frame.to_parquet(target)
    return target.getvalue()


def test_parts_of_parquet_with_and_without_a_zone(tmp_path: Path) -> None:
    moment = pd.Timestamp("2024-01-31 23:30")
    (tmp_path / "events").mkdir()
    for name, time in (("a", moment), ("b", moment.tz_localize("UTC"))):
        frame = pd.DataFrame({"customer_id": [1], "timestamp": [time]})
        frame.to_parquet(tmp_path / "events" / f"{name}.parquet")
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(tmp_path, timezone="America/New_York")
    assert str(caught.value) == (
        "events/a.parquet, column 'timestamp': has times without a zone, unlike events/b.parquet; allowed: one kind"
    )


def test_files_with_and_without_a_zone_meet_in_the_zone_of_the_data(write: Write) -> None:
    events = pd.DataFrame({"customer_id": [1], "timestamp": [datetime(2024, 1, 31, 23, 30, tzinfo=UTC)]})
    tickets = "customer_id,opened\n1,2024-02-01 00:30\n"
    folder = write(events_parquet=_parquet(events), tickets=tickets)
    overview = kb.open_dataset(folder, timezone="Europe/Berlin").overview()
    assert overview["first"].tolist() == [pd.Timestamp("2024-02-01 00:30")] * 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-05", tz="UTC"), pd.Timestamp("2024-01-06")],
         "mixes times with a zone and times without a zone: row 2 ('2024-01-05 00:00:00+00:00')"),
        ([pd.NaT, pd.Timestamp("2024-01-05", tz="UTC"), datetime(2024, 1, 6)],
         "mixes times with a zone and times without a zone: row 3 ('2024-01-06 00:00:00')"),
        (["2024-01-05", "2024-01-05", pd.Timestamp("2024-01-05")],
         "mixes text and times without a zone: row 3 ('2024-01-05 00:00:00')"),
        ([datetime(2024, 1, 5), datetime(2024, 1, 5), datetime(2024, 1, 6).date()],
         "mixes dates and times without a zone: row 3 ('2024-01-06')"),
    ],
    ids=["zones", "zones after a gap", "text", "dates"],
)  # fmt: skip
def test_frames_with_times_of_two_kinds(values: list[object], message: str) -> None:
    frame = pd.DataFrame({"customer_id": [1, 2, 3], "timestamp": pd.Series(values, dtype=object)})
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset({"events": frame})
    assert str(caught.value) == f"frame 'events', column 'timestamp': {message}; allowed: one kind throughout"


def test_what_lies_behind_the_end_is_left_out_and_told(write: Write) -> None:
    data = kb.open_dataset(write(events=_csv(["2024-01-05", "2024-02-05", "2024-03-01"])), as_of="2024-03-01")
    assert kb.activity(data).to_frame()["active"].tolist() == [1, 1]
    assert data.notes == ("rows from 2024-03-01 on lie behind the end of the data: events (1)",)


@pytest.mark.parametrize(
    ("as_of", "meant"),
    [
        (np.datetime64("2024-03-01"), datetime(2024, 3, 1)),
        (np.datetime64("2024-03-01T10:00:00.123456789"), datetime(2024, 3, 1, 10, 0, 0, 123456)),
        (pd.Timestamp("2024-03-01 10:00:00.123456789"), datetime(2024, 3, 1, 10, 0, 0, 123456)),
    ],
    ids=["day", "nanoseconds", "pandas"],
)
def test_the_end_as_numpy_and_pandas_write_it(write: Write, as_of: object, meant: datetime) -> None:
    assert kb.open_dataset(write(events=_csv(["2024-01-05"])), as_of=as_of).as_of == meant


@pytest.mark.parametrize("as_of", [np.datetime64("NaT"), np.datetime64(10**18, "D"), np.int64(5)])
def test_no_end_in_numpy(write: Write, as_of: object) -> None:
    with pytest.raises(kb.ArgumentError, match="is not a date; allowed: a date, a datetime or ISO text"):
        kb.open_dataset(write(events=_csv(["2024-01-05"])), as_of=as_of)
