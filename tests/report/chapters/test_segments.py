from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.customers.levels import MISSING
from kbind.facts.contrasts import hidden_levels
from kbind.facts.segments import Card, Segments
from kbind.plot.base import alt_text
from kbind.report.chapters.segments import SegmentStory, segment_story
from kbind.text.disclosure import Disclosure
from simulations.company import simulate_saas

ALIKE = ["industry", "company_size", "channel", "budget", "goal"]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def company() -> kb.Dataset:
    return simulate_saas(2500, scenario="clear_segments")


@pytest.fixture(scope="module")
def grouped(company: kb.Dataset) -> Segments:
    """Four segments as asked, so that the test of the verdict costs little; the verdict is set by the tests."""
    found = kb.segment_churned(company, k=4, resamples=20, null_samples=19)
    return Segments(replace(found, verdict="groups"), found.profile())


@pytest.fixture(scope="module")
def story(company: kb.Dataset, grouped: Segments) -> SegmentStory:
    return segment_story(company, kb.contrast(company, adjust=ALIKE), kb.reason_by_type(company), grouped.found)


def in_german(story: SegmentStory, **changes: object) -> SegmentStory:
    given = {"contrasts": story.contrasts, "reasons": story.reasons, "segments": story.segments, **changes}
    told = segment_story(story.data, given["contrasts"], given["reasons"], lang="de")
    return replace(told, segments=given["segments"])


def with_verdict(grouped: Segments, verdict: str, **changes: object) -> Segments:
    return Segments(replace(grouped.found, verdict=verdict, **changes), grouped.profile)


def everything(story: SegmentStory) -> str:
    """All that a page can hold."""
    lines = [story.question(), story.finding(), story.means(), story.act(), story.certainty(), story.contrast_title()]
    lines += [part for tile in story.tiles() for part in tile]
    lines += [*story.definitions(), story.segments_title(), *story.segments_text(), *story.reversal_text()]
    lines += [
        text for title, rows in story.segment_cards() for text in (title, *(part for row in rows for part in row))
    ]
    if story.cards:
        lines += story.sure_text()
    tables = [story.contrast_table()] if story.contrasts is not None else []
    if story.stated.typed:
        lines += [story.said.reasons_title(), story.said.reasons_text(), story.said.reasons_note()]
        tables.append(story.said.reasons_table())
    if story.stated.checked:
        lines += [story.said.behaviour_title(), *story.said.behaviour_text()]
        tables.append(story.said.behaviour_table())
    lines += [cell for table in tables for row in (table.head, *table.rows) for cell in row]
    return "\n".join(lines)


# -- the answer ----------------------------------------------------------------------------------------------------


def test_answer_is_yes_where_there_are_groups_and_types(story: SegmentStory) -> None:
    assert story.answer == "yes"
    here, rest = story.compared.left_of(story.compared.headline)
    assert story.finding() == (
        "Yes: the lost customers form 4 distinct groups, and of 100 customers from the retail industry, "
        f"{round(100 * here.value)} left, against only {round(100 * rest.value)} of 100 others."
    )
    assert in_german(story).finding().startswith("Ja: Die verlorenen Kunden bilden 4 erkennbare Gruppen, und von 100")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("a useful partition of a continuum", "die Übergänge zwischen den Typen sind aber fließend"),
        ("no stable segments", "feste Gruppen bilden die Verlorenen aber nicht"),
        (None, "für Gruppen sind es noch zu wenige Verlorene"),
    ],
)
def test_answer_is_partly_where_there_are_types_only(
    story: SegmentStory, grouped: Segments, verdict: str | None, said: str
) -> None:
    german = in_german(story, segments=None if verdict is None else with_verdict(grouped, verdict))
    assert german.answer == "partly"
    assert german.finding().startswith("Zum Teil: Von 100 Kunden aus der Branche Handel gingen")
    assert said in german.finding()


def test_no_stable_segments_is_an_answer_to_work_with(story: SegmentStory, grouped: Segments) -> None:
    german = in_german(story, segments=with_verdict(grouped, "no stable segments"))
    assert german.segments_title() == "Feste Gruppen verlorener Kunden gibt es nicht"
    assert german.segment_cards() == []
    assert "Das spart Arbeit" in german.segments_text()[-1]
    assert "Branche" in german.segments_text()[-1]


def _flags(effect: float, n: int = 3000) -> kb.Dataset:
    """Customers with two columns, of which one goes with leaving as strongly as said."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"customer_id": range(n), "tier": rng.choice(["gold", "iron"], n),
                          "side": rng.choice(["left", "right", "middle"], n)})  # fmt: skip
    chance = np.where(frame["tier"] == "iron", 0.2 * effect, 0.2)
    return kb.open_dataset({"customers": frame.assign(gone=rng.random(n) < chance)}, roles={"churned": "gone"})


def test_answer_is_no_where_nothing_goes_with_leaving() -> None:
    data = _flags(1.0)
    for lang, start in (("de", "Nein: Ein gemeinsamer Kundentyp"), ("en", "No: no shared type")):
        told = segment_story(data, kb.contrast(data), lang=lang)
        assert told.answer == "no"
        assert told.finding().startswith(start)
        assert len(told.tiles()) == 1
        assert "tier: " in alt_text(told.contrasts.plot(**told.contrast_figure()))


def test_names_of_the_data_are_told_as_they_are() -> None:
    data = _flags(2.5)
    told = segment_story(data, kb.contrast(data), lang="de")
    assert told.answer == "partly"
    assert "Von 100 Kunden mit „tier: iron“ gingen" in told.finding()
    # odds are never told as "times as often"
    assert told.contrast_title() == "Am deutlichsten hebt sich ab: tier: iron"
    assert "-mal so oft" not in everything(told)


def test_nothing_to_compare_is_said() -> None:
    data = kb.open_dataset({"customers": pd.DataFrame({"customer_id": [1, 2, 3], "gone": [True, False, False]})},
                           roles={"churned": "gone"})  # fmt: skip
    told = segment_story(data, None, lang="de")
    assert told.answer == "short"
    assert told.finding().startswith("Das lässt sich noch nicht sagen")
    assert told.tiles() == []
    assert len(told.compared.shown) == 0
    assert told.segments_title() == "Für Gruppen sind noch zu wenige Kunden gegangen"
    assert everything(told)


@pytest.mark.parametrize("lang", ["de", "en"])
def test_no_page_claims_a_cause(story: SegmentStory, lang: str) -> None:
    told = everything(story if lang == "en" else in_german(story))
    assert "{" not in told
    assert not re.search(r"\b(because of|caused|leads to|führt zu|wegen|verursacht|Grund dafür)\b", told)
    assert re.search(r"does not prove a cause|Ursache ist damit nicht bewiesen", told)


# -- contrasts -----------------------------------------------------------------------------------------------------


def test_figure_shows_the_largest_effects_with_their_numbers(story: SegmentStory) -> None:
    ax = story.contrasts.plot(**story.contrast_figure())
    effects = [story.compared.effect(int(place)) for place in story.compared.shown["place"]]
    assert [fact.value for fact in effects] == sorted((fact.value for fact in effects), reverse=True)
    assert 5 < len(effects) == len(ax.get_yticklabels()) <= 10
    assert ax.get_yticklabels()[0].get_text() == "Industry: retail"
    for fact in effects:
        assert f"{story.voice.tell(fact)} ({story.voice.tell(fact, 'range')})" in alt_text(ax)
    assert ax.get_title(loc="left").startswith("Customers from the retail industry leave ")


def test_reversals_are_told_in_words() -> None:
    telco = kb.datasets.load_telco()
    found = kb.contrast(telco, adjust=["contract", "internet_service", "tenure"])
    told = segment_story(telco, found, lang="en")
    text = " ".join(told.reversal_text())
    assert "“Total_charges" not in text  # names stay as they are
    assert "total_charges" in text
    first, gone = (next(line for line in told.reversal_text() if part in line) for part in (
        "leave less often, but among otherwise similar ones more often", "Such impressions"))  # fmt: skip
    assert "“total_charges: 3,800 or more” (ratio 0.4, then 1.8)" in first
    assert gone


def test_default_adjustment_leaves_out_numbers_but_tenure() -> None:
    found = kb.contrast(kb.datasets.load_telco())
    assert found.adjust[0] == "tenure"
    assert {"monthly_charges", "total_charges"}.isdisjoint(found.adjust)
    assert {"contract", "internet_service"} <= set(found.adjust)


# -- segments ------------------------------------------------------------------------------------------------------


def test_cards_tell_how_many_what_revenue_what_they_share_and_what_to_offer(story: SegmentStory) -> None:
    cards = story.segment_cards()
    assert len(cards) == 4
    labels = [label for label, _ in cards[0][1]]
    assert labels == ["How many", "Revenue", "In common", "Stated reasons", "Ask and offer", "Planted"]
    saver = next(dict(rows) for _, rows in cards if "“savers”" in dict(rows)["Planted"])
    assert "more than the average" in saver["How many"]
    assert "Offer a smaller plan" in saver["Ask and offer"]
    share = int(re.search(r"^(\d+)%", saver["Planted"])[1])
    assert share >= 85


def test_cards_keep_small_counts_to_themselves(company: kb.Dataset, grouped: Segments) -> None:
    hidden = segment_story(
        company, kb.contrast(company, adjust=ALIKE), kb.reason_by_type(company), grouped.found, threshold=60
    )
    frame = grouped.profile.reasons()
    small = frame[(frame["n"] > 0) & (frame["n"] < 60)]
    assert len(small)
    for card in hidden.cards:
        told = {name for name, _ in card.reasons}
        assert told.isdisjoint(small[small["segment"] == card.number]["reason"])


def test_a_card_of_too_few_has_no_figures(company: kb.Dataset, grouped: Segments) -> None:
    sizes = grouped.frame["n_churned"].to_numpy()
    hidden = segment_story(company, None, None, grouped.found, threshold=int(sizes.min()) + 1)
    card = hidden.cards[int(sizes.argmin())]
    for fact in (card.size, card.churn, card.lift, card.revenue, card.revenue_share):
        assert not hidden.told(fact)
    # the size of one alone would follow from those of the others
    assert sum(not hidden.told(card.size, card.churn) for card in hidden.cards) >= 2
    assert all(
        segment_story(company, None, None, grouped.found).told(card.size) for card in grouped.cards(Disclosure())
    )


@pytest.mark.parametrize("threshold", [5, 40, 80])
def test_what_a_segment_shares_tells_of_no_few(grouped: Segments, threshold: int) -> None:
    traits = grouped.profile.traits().set_index(["segment", "attribute", "level"])["value"]
    left = grouped.frame["n_churned"].to_numpy()
    for card in grouped.cards(Disclosure(threshold)):
        for shared in card.shared:
            if shared.level:
                count = round(traits[card.number, shared.attribute, shared.level] * left[card.number - 1])
                for few in (count, left[card.number - 1] - count):
                    assert not 0 < few < threshold


def test_cards_of_a_segment_that_nobody_falls_in_are_written(grouped: Segments) -> None:
    """Customers are described by segments formed without them, and these need not have anybody in each."""
    traits = grouped.profile.traits()
    profile = SimpleNamespace(traits=lambda: traits[traits["segment"] != 4])
    left = grouped.frame["n_churned"].to_numpy() * np.array([1, 1, 1, 0])
    shared = Segments(grouped.found, profile)._shared(1, left, Disclosure())
    assert any(one.level for one in shared)


def test_reasons_of_a_card_do_not_tell_how_few_gave_none(grouped: Segments) -> None:
    rows = [(1, "price", 30, 0.8), (1, "service", 8, 0.2), (2, "price", 30, 0.8), (2, "service", 9, 0.2),
            (3, "price", 40, 0.5), (3, "service", 40, 0.5)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["segment", "reason", "n", "share"]).assign(share_ci_lower=0.1,
                                                                                  share_ci_upper=0.9)  # fmt: skip
    profile = SimpleNamespace(reasons=lambda: frame)
    found = Segments(grouped.found, profile)._reasons(np.array([41, 59, 180]), Disclosure(5))
    assert found[0] == ()
    assert [name for name, _ in found[2]] == ["price", "service"]


def test_contrasts_hide_levels_of_which_few_stayed_and_what_would_tell_them() -> None:
    rows = [SimpleNamespace(attribute="x", level=level, left=left, n=n)
            for level, left, n in (("a", 50, 53), ("b", 30, 100), ("c", 40, 120))]  # fmt: skip
    assert hidden_levels(SimpleNamespace(comparisons=rows), Disclosure(5)) == {("x", "a"), ("x", "b")}


def test_a_finding_is_striking_only_if_it_is_surely_not_small() -> None:
    data = _flags(1.3)
    told = segment_story(data, kb.contrast(data))
    assert told.compared.findings["attribute"].tolist() == ["tier"]
    assert 1 < told.compared.findings["effect_ci_lower"].iloc[0] < 1.25
    assert len(told.compared.striking) == 0
    assert told.answer == "no"


# -- reasons -------------------------------------------------------------------------------------------------------


def test_reasons_show_silence_and_add_up(story: SegmentStory) -> None:
    table = story.said.reasons_table()
    rows = {row[0]: row[1:] for row in table.rows}
    assert "none given" in rows
    assert table.head[-1] == "All"
    shares = np.array([[int(cell.rstrip("%")) for cell in row] for name, row in rows.items() if name != "Cancelled"
                       and "–" not in row])  # fmt: skip
    assert (np.abs(shares.sum(axis=0) - 100) <= 4).all() or any("–" in row for row in rows.values())
    assert story.reasons is not None
    assert rows["Cancelled"][-1] == story.voice.number(len(story.reasons.leavers))


def test_one_reason_is_that_of_surely_more_than_half(company: kb.Dataset) -> None:
    for price, other, one in ((6, 5, False), (60, 40, True)):
        people = SimpleNamespace(reasons=("price", "service"), reason=np.repeat([0, 1], [price, other]))
        told = segment_story(company, None, SimpleNamespace(leavers=people))
        assert told.stated.one_reason == one


def test_the_reason_that_differs_does_not_tell_how_few_gave_none(company: kb.Dataset) -> None:
    counts = pd.DataFrame({"price": [60, 20, 50], "service": [8, 9, 30], MISSING: [2, 30, 40]},
                          index=pd.Index(["a", "b", "c"], name="type"))  # fmt: skip
    stated = counts[["price", "service"]]
    rows = [
        ("type", level, reason, stated.loc[level, reason], stated.loc[level].sum())
        for level in counts.index for reason in stated
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["attribute", "level", "reason", "n", "of"])
    frame = frame.assign(share=frame["n"] / frame["of"], share_all=0.4, share_ci_lower=0.5, share_ci_upper=0.9,
                         share_simultaneous_ci_lower=0.5)  # fmt: skip
    codes = np.repeat([0, 1, -1], counts.sum().to_numpy())
    levels = SimpleNamespace(name="type", levels=("a", "b", "c"))
    leavers = SimpleNamespace(reasons=("price", "service"), reason=codes, attributes=(levels,))
    given = SimpleNamespace(
        leavers=leavers, conf_level=0.95, counts=lambda _: counts, to_frame=lambda: frame,
        association=lambda: pd.DataFrame({"attribute": ["type"], "q_value": [0.001]}),
    )  # fmt: skip
    found = segment_story(company, None, given).stated.deviation
    assert found is not None
    assert found[:2] == ("c", "price")


@pytest.mark.parametrize("threshold", [5, 25, 60])
def test_no_hidden_reason_can_be_computed_back(company: kb.Dataset, story: SegmentStory, threshold: int) -> None:
    told = segment_story(company, story.contrasts, story.reasons, threshold=threshold)
    counts = told.reasons.counts(told.stated.typed)
    rows = {row[0]: row[1:] for row in told.said.reasons_table().rows}
    names = {told.names.reason(str(reason)): str(reason) for reason in counts.columns}
    levels = told.names.in_order(list(counts.index))
    for name, cells in rows.items():
        if name in names:
            for level, cell in zip(levels, cells, strict=False):
                assert cell == "–" or not 0 < counts.loc[level, names[name]] < threshold
    hidden = np.array([[cell == "–" for cell in cells] for name, cells in rows.items() if name in names])
    # one field alone would follow from the others of its line
    assert not (hidden[:, :-1].sum(axis=0) == 1).any()
    assert MISSING in counts.columns


def test_polite_reasons_are_set_against_behaviour() -> None:
    data = simulate_saas(4000, scenario="polite_reasons")
    told = segment_story(data, None, kb.reason_by_type(data), lang="de")
    assert "„Preis“" in told.said.behaviour_title()
    text = " ".join(told.said.behaviour_text())
    assert "Wer „Preis“ sagt, hatte vorher nicht häufiger eine Preiserhöhung als andere" in text
    assert "aus Höflichkeit" in text


def behaved(story: SegmentStory, counts: dict[str, tuple[int, int]], threshold: int) -> dict[str, str]:
    """Cells of a table of how many made a request to support, of how many who gave a reason."""
    frame = pd.DataFrame(
        [(reason, "had_ticket", n, yes / n if n else np.nan) for reason, (yes, n) in counts.items()],
        columns=["reason", "measure", "n", "value"],
    ).assign(difference=0.0, difference_ci_lower=-0.1, difference_ci_upper=0.1)
    assert story.reasons is not None
    given = SimpleNamespace(behaviour=lambda: frame, leavers=story.reasons.leavers)
    table = segment_story(story.data, None, given, threshold=threshold).said.behaviour_table()
    return {row[0]: row[1] for row in table.rows}


def test_behaviour_that_follows_from_other_rows_is_hidden(story: SegmentStory) -> None:
    # 3 alone would follow from how many made a request in all; the smallest of the others goes with it
    cells = behaved(story, {"price": (3, 40), "product": (8, 50), "service": (30, 60), "other": (0, 0)}, 5)
    assert cells == {"price": "–", "product": "–", "service": "50%", "other": "–"}


def test_behaviour_of_all_but_few_is_not_told_by_the_other_rows(story: SegmentStory) -> None:
    cells = behaved(story, {"price": (38, 40), "product": (40, 50), "service": (30, 60)}, 5)
    assert cells == {"price": "nearly all", "product": "–", "service": "50%"}
    # several that are few in all, but enough together, protect each other
    cells = behaved(story, {"price": (38, 40), "product": (46, 50), "service": (30, 60)}, 5)
    assert cells == {"price": "nearly all", "product": "nearly all", "service": "50%"}


def test_behaviour_without_small_counts_is_told(story: SegmentStory) -> None:
    cells = behaved(story, {"price": (0, 40), "product": (50, 50), "service": (30, 60)}, 5)
    assert cells == {"price": "0%", "product": "100%", "service": "50%"}


@pytest.mark.parametrize("threshold", [5, 25, 60])
def test_no_hidden_behaviour_can_be_computed_back(company: kb.Dataset, story: SegmentStory, threshold: int) -> None:
    told = segment_story(company, story.contrasts, story.reasons, threshold=threshold)
    frame = told.stated.behaviour
    assert frame["hidden"].any()
    dashes = any(cell == "–" for row in told.said.behaviour_table().rows for cell in row)
    assert dashes == any(line.startswith("–: hidden") for line in told.said.behaviour_text())
    for _, rows in frame[frame["of_share"]].groupby("measure"):
        n, yes = rows["n"].to_numpy(), np.rint(rows["value"] * rows["n"]).to_numpy()
        hidden = rows["hidden"].to_numpy()
        for count in (yes, n - yes, n):
            assert not (~hidden & (count > 0) & (count < threshold)).any()
        # with how many it was so of in all, where that may be told, what is left over tells of enough customers
        for count in (yes, n - yes):
            assert 0 < count.sum() < threshold or not 0 < count[hidden].sum() < threshold
        assert hidden.sum() != 1
    assert not {measure for _, measure, *_ in told.stated.checked} - set(frame["measure"][~frame["hidden"]])


def test_facts_of_a_card_have_names_of_their_own(story: SegmentStory) -> None:
    cards: list[Card] = story.cards
    names = [fact.id for card in cards for fact in (card.size, card.churn, card.lift, card.revenue)]
    assert len(names) == len(set(names))
