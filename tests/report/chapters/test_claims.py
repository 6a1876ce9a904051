from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import kbind as kb
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import wilson
from kbind.hearsay.claims_checked import CLAIMS, Claims
from kbind.report.blocks import Section
from kbind.report.chapters.claims import ClaimsStory, claims_story
from kbind.text.disclosure import Disclosure
from simulations.company import simulate_saas


@pytest.fixture(scope="module")
def saas() -> kb.Dataset:
    return simulate_saas(1500, rng=3)


@pytest.fixture(scope="module")
def found(saas: kb.Dataset) -> Claims:
    return kb.claims(saas)


def told(data: kb.Dataset, found: Claims, lang: str = "en", threshold: int = 5) -> ClaimsStory:
    return claims_story(data, found, lang=lang, threshold=threshold)


@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_claim_has_its_words(saas: kb.Dataset, found: Claims, lang: str) -> None:
    """Whatever the data, each claim can be told as checked, as too little data and as lacking data."""
    story = told(saas, found, lang)
    for status in ("checked", "not enough data", "needs data"):
        for check in found.checks:
            if check.claim.lacks and status != "needs data":
                continue
            estimate = Estimate(1.2, 1.1, 1.3, n=100) if status == "checked" else Estimate(np.nan, n=100)
            one = replace(found, checks=(replace(check, status=status, estimate=estimate),))
            story = told(saas, one, lang)
            (row,) = (*story.table().rows, *story.open_table().rows)
            assert all(row)
            assert not any("{" in cell or "nan" in cell for cell in row)
    assert len({story.said(check) for check in found.checks}) == len(CLAIMS)


def test_numbers_claimed_come_from_the_list(saas: kb.Dataset, found: Claims) -> None:
    german = {check.claim.key: told(saas, found, "de").said(check) for check in found.checks}
    assert german["acquisition_cost"].startswith("Einen Neukunden zu gewinnen kostet das 5- bis 25-Fache")
    assert german["five_points"].endswith("bringen 25\u00a0% bis 95\u00a0% mehr Umsatz; hier in 5 Jahren.")
    assert german["brand_share"] == "Die Qualität der Marke bringt bis zu 30\u00a0% mehr Marktanteil."
    assert told(saas, found).said(found["regulars_spend"]).startswith("Regular customers spend about 7 times")


def test_table_puts_what_was_checked_first(saas: kb.Dataset, found: Claims) -> None:
    table = told(saas, found).table()
    assert list(table.head) == ["Claim", "Here", "Result"]
    checked = sum(check.status == "checked" for check in found.checks)
    assert len(table.rows) == checked
    assert len(told(saas, found).open_table().rows) == len(CLAIMS) - checked
    phone = next(row for row in table.rows if row[0].startswith("65% of buying"))
    share = found["phone_first"].estimate
    counts = Disclosure().rounded([share.count, share.n])
    _, lower, upper = wilson(*counts)
    assert phone[1] == f"{counts[0] / counts[1]:.1%} ({100 * lower:.1f} to {upper:.1%})"
    assert phone[2].startswith("Lower here. ")


def test_finding_counts_the_verdicts(saas: kb.Dataset, found: Claims, telco: kb.Dataset) -> None:
    frame = found.to_frame()
    counts = frame["verdict"].value_counts()
    checked = (frame["status"] == "checked").sum()
    other = counts.get("higher", 0) + counts.get("lower", 0)
    text = told(saas, found).finding()
    assert text.startswith(f"Of {len(frame)} claims about loyal customers, {checked} can be checked with this data. ")
    assert text.endswith(f" and {other} do not hold here." if other > 1 else " and one does not hold here.")
    nothing = told(telco, kb.claims(telco), "de").finding()
    assert nothing.endswith("lässt sich mit diesen Daten keine prüfen; die Tabelle sagt, was dazu fehlt.")


@pytest.mark.parametrize(
    ("borne", "open_", "lower", "german", "english"),
    [
        (1, 2, 2, "Eine ist gestützt, 2 sind vereinbar, aber nicht gezeigt, und 2 treffen bei Ihnen nicht zu.",
         "One is borne out, 2 are compatible but not shown, and 2 do not hold here."),
        (2, 0, 0, "2 sind gestützt.", "2 are borne out."),
        (0, 0, 1, "Eine trifft bei Ihnen nicht zu.", "One does not hold here."),
    ],
)  # fmt: skip
def test_numbers_of_verdicts_are_no_ordinals(
    saas: kb.Dataset, found: Claims, borne: int, open_: int, lower: int, german: str, english: str
) -> None:
    """Claimed are 25 to 95 %."""
    one = replace(found["five_points"], status="checked")
    limits = [(0.5, 0.4, 0.6)] * borne + [(0.5, 0.1, 0.99)] * open_ + [(0.1, 0.05, 0.15)] * lower
    planted = replace(found, checks=tuple(replace(one, estimate=Estimate(*each, n=100)) for each in limits))
    assert told(saas, planted, "de").finding().endswith(german)
    assert told(saas, planted).finding().endswith(english)


def test_a_share_known_to_the_last_digit_has_no_range(saas: kb.Dataset, found: Claims) -> None:
    story = told(saas, found)
    sure = replace(found["phone_first"], status="checked", estimate=Estimate(0.0318, 0.0316, 0.0319))
    assert story.written(story.fact(sure)) == "3.2%"


def test_claims_are_an_appendix(saas: kb.Dataset, found: Claims) -> None:
    assert all(block.folded for block in told(saas, found).blocks() if isinstance(block, Section))


def test_ratios_near_one_show_on_which_side_they_lie(saas: kb.Dataset, found: Claims) -> None:
    story = told(saas, found)
    near = replace(found["loyal_recommend"], status="checked", estimate=Estimate(1.04, 0.96, 1.12))
    far = replace(near, estimate=Estimate(9.78, 6.53, 14.66))
    assert story.written(story.fact(near)) == "1.04 (0.96 to 1.12)"
    assert story.written(story.fact(far)) == "9.8 (6.5 to 14.7)"


def test_small_numerators_are_hidden(saas: kb.Dataset, found: Claims) -> None:
    few = replace(found["phone_tablet"], status="checked", estimate=Estimate(0.03, n=100, count=3))
    one = replace(found, checks=(few,))
    (row,) = told(saas, one).table().rows
    assert row[1] == "under 5"


def test_nothing_is_presented_as_proven(saas: kb.Dataset, found: Claims) -> None:
    for lang, words in (("de", "dass Treue die Ursache ist, zeigt keine"), ("en", "none of these figures shows")):
        story = told(saas, found, lang)
        assert words in story.caution()
        assert story.heading()
        assert len(story.definitions()) == 1
