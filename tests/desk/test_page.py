"""One customer: its timeline, its phase, and the page about it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.desk.phase import PHASES, phase_of
from kbind.text.messages import LANGUAGES

AT = "2024-07-01"
EVIL = "<script>alert(1)</script>"


def company() -> dict[str, pd.DataFrame]:
    return {
        "customers": pd.DataFrame(
            {"customer_id": ["a", "b", "c"], "acquired_at": ["2022-01-10", "2024-06-20", "2024-06-01"],
             "consent": [True, False, True], "industry": [EVIL, "retail", None]}
        ),
        "subscriptions": pd.DataFrame(
            {"customer_id": ["a", "a", "b"], "start": ["2022-01-10", "2023-01-10", "2024-06-20"],
             "end": ["2023-01-10", None, None], "seats": [3, 3, 1], "term_end": [None, "2024-08-10", None]}
        ),
        "tickets": pd.DataFrame(
            {"customer_id": ["a", "a"], "opened": ["2024-06-28", "2024-01-01"], "closed": [None, "2024-01-02"],
             "kind": ["fault & fire", "question"]}
        ),
        "contacts": pd.DataFrame(
            {"customer_id": ["a", "a"], "contact_id": [1, 2], "side": ["ours", "theirs"], "role": ["manager", "boss"],
             "start": ["2022-01-10", "2022-01-10"], "end": ["2024-06-20", None]}
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def data() -> kb.Dataset:
    return kb.open_dataset(company(), as_of=AT)


def test_timeline_holds_every_moment_in_order(data: kb.Dataset) -> None:
    found = data.customer("a")
    frame = found.to_frame()
    assert frame["when"].is_monotonic_increasing
    assert [*zip(frame["when"].dt.strftime("%Y-%m-%d"), frame["table"], frame["what"], strict=True)] == [
        ("2022-01-10", "contacts", "start"),
        ("2022-01-10", "contacts", "start"),
        ("2022-01-10", "customers", "acquired_at"),
        ("2022-01-10", "subscriptions", "start"),
        ("2023-01-10", "subscriptions", "end"),
        ("2023-01-10", "subscriptions", "start"),
        ("2024-01-01", "tickets", "opened"),
        ("2024-01-02", "tickets", "closed"),
        ("2024-06-20", "contacts", "end"),
        ("2024-06-28", "tickets", "opened"),
        ("2024-08-10", "subscriptions", "term_end"),
    ]
    assert found.attributes["consent"]
    assert "seats=3" in frame["value"].iloc[3]
    assert "internal use" in found.definition


def test_timeline_knows_nothing_of_later(data: kb.Dataset) -> None:
    frame = data.assuming(as_of="2023-06-01").customer("a").to_frame()
    assert frame["when"].max() == pd.Timestamp("2024-08-10")  # the term was agreed on by then
    assert (frame.loc[frame["what"] != "term_end", "when"] < "2023-06-01").all()


def test_timeline_of_the_planted_company_holds_every_row() -> None:
    company = kb.datasets.load_saas()
    frame = company.customer(226).to_frame()
    counts = frame.groupby("table").size()
    assert counts["events"] == (company.table("events")["customer_id"] == 226).sum()
    assert counts["feedback"] == (company.table("feedback")["customer_id"] == 226).sum()


@pytest.mark.parametrize("wanted", ["nobody", 7])
def test_unknown_customer_is_an_error(data: kb.Dataset, wanted: Any) -> None:
    with pytest.raises(kb.ArgumentError, match="is in no table"):
        data.customer(wanted)


def one(**tables: pd.DataFrame) -> str:
    people = pd.DataFrame({"customer_id": ["a", "b"], "acquired_at": "2022-01-10"})
    data = kb.open_dataset({"customers": people, **tables}, as_of=AT)
    return phase_of(data.customer("a"), datetime(2024, 7, 1))


def contracts(start: list[str], end: list[str | None], seats: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": "a", "start": start, "end": end, "seats": seats})


def test_phases_by_hand() -> None:
    others = pd.DataFrame({"customer_id": ["b"], "start": ["2022-01-10"], "end": [None], "seats": [1]})
    assert one(subscriptions=others) == "plan"
    assert one(subscriptions=contracts(["2024-05-01"], [None], [1])) == "build"
    assert one(subscriptions=contracts(["2022-01-10"], [None], [1])) == "maintain"
    assert one(subscriptions=contracts(["2022-01-10", "2024-04-01"], ["2024-04-01", None], [1, 5])) == "improve"
    assert one(subscriptions=contracts(["2022-01-10", "2024-04-01"], ["2024-04-01", None], [5, 5])) == "maintain"
    assert one(subscriptions=contracts(["2022-01-10"], ["2024-02-01"], [1])) == "ended"


def test_hardly_used_is_still_being_built_and_a_new_kind_of_use_is_growth() -> None:
    held = contracts(["2022-01-10"], [None], [1])
    log = pd.DataFrame({"customer_id": "a", "timestamp": ["2022-02-01"], "kind": ["login"]})
    assert one(subscriptions=held, events=log) == "build"
    days = pd.DataFrame({"customer_id": "a", "timestamp": ["2022-02-01", "2024-05-01"], "kind": ["login", "report"]})
    assert one(subscriptions=held, events=days) == "improve"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_page_is_escaped_and_says_that_it_is_internal(data: kb.Dataset, lang: str, tmp_path: Path) -> None:
    page = kb.customer_page(data, "a", lang=lang)
    text = page.write(tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "fault &amp; fire" in text
    assert ("Nur für den internen Gebrauch" if lang == "de" else "For internal use") in text
    assert f'lang="{lang}"' in text
    assert "noindex" in text
    assert len(page.tickets) == 1
    assert page.contacts["role"].tolist() == ["boss"]
    assert page.occasions["occasion"].tolist()[:2] == ["term_ends", "contact_left"]


def test_page_of_a_customer_without_consent_gives_no_occasion(data: kb.Dataset) -> None:
    page = kb.customer_page(data, "b")
    assert page.may_contact is False
    assert page.occasions.empty
    assert "No consent" in page._repr_html_()


def test_risk_and_its_reasons_come_from_the_forecast() -> None:
    rng = np.random.default_rng(1)
    pull = rng.normal(size=400)
    gone = rng.random(400) < 1 / (1 + np.exp(1.5 - 1.5 * pull))
    people = pd.DataFrame({"customer_id": range(400), "pull": pull, "gone": gone})
    flagged = kb.open_dataset({"customers": people}, roles={"churned": "gone"})
    forecast = kb.forecast_churn(flagged)
    assert forecast.contacts is not None
    customer = int(forecast.contacts.customer[0])
    page = kb.customer_page(flagged, customer, forecast=forecast)
    assert page.risk == pytest.approx(forecast.contacts.probability[0])
    assert 1 <= len(page.reasons) <= 3
    assert page.phase == ""  # nothing is dated
    assert "Predicted chance of leaving" in page._repr_html_()


def test_every_phase_has_words() -> None:
    from kbind.text.messages import Catalogue

    assert all(Catalogue(lang).has(f"desk.phase.{phase}") for lang in LANGUAGES for phase in PHASES)
