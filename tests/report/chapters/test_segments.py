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
from kbind.customers.roster import roster
from kbind.facts.contrasts import hidden_levels
from kbind.facts.losses import Losses
from kbind.facts.reasons import gathered
from kbind.facts.segments import Card, Segments
from kbind.plot.base import alt_text
from kbind.report.chapters.segments import SegmentStory, segment_story
from kbind.report.chapters.study import Study
from kbind.revenue.movements import movements
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
    losses = Losses.of(company, found.roster, Study(company).year)
    return Segments(replace(found, verdict="groups"), found.profile(), losses)


@pytest.fixture(scope="module")
def story(company: kb.Dataset, grouped: Segments) -> SegmentStory:
    return segment_story(company, kb.contrast(company, adjust=ALIKE), kb.reason_by_type(company), grouped.found,
                         losses=grouped.losses)  # fmt: skip


def in_german(story: SegmentStory, **changes: object) -> SegmentStory:
    given = {"contrasts": story.contrasts, "reasons": story.reasons, "segments": story.segments, **changes}
    told = segment_story(story.data, given["contrasts"], given["reasons"], lang="de")
    changed = {"segments": given["segments"], "people": story.people, "losses": story.losses}
    return replace(told, **{**changed, **{name: given[name] for name in ("people", "losses") if name in given}})


def told_of(story: SegmentStory, **changes: object) -> SegmentStory:
    """The same story of something else, told by a voice that has not said anything yet."""
    fresh = segment_story(story.data, story.contrasts, story.reasons)
    changed = {"segments": story.segments, "people": story.people, "losses": story.losses, **changes}
    return replace(fresh, **changed)


def with_verdict(grouped: Segments, verdict: str, **changes: object) -> Segments:
    return Segments(replace(grouped.found, verdict=verdict, **changes), grouped.profile, grouped.losses)


def everything(story: SegmentStory) -> str:
    """All that a page can hold."""
    lines = [story.question(), story.finding(), story.means(), story.act(), story.certainty()]
    lines += [] if story.contrasts is None else [story.comparing.title(), story.comparing.caption()]
    lines += [part for tile in story.tiles() for part in tile]
    lines += [*story.definitions(), story.segments_title(), *story.segments_text(), *story.comparing.reversal_text()]
    row = story.line()
    lines += [] if row is None else [row.question, row.answer, row.sure, row.step, row.measure, row.unknown]
    if story.groups is not None:
        for title, rows in story.groups.rows():
            lines += [title, *(part for row in rows for part in row)]
        lines += story.groups.sure_text()
    tables = [story.comparing.table()] if story.contrasts is not None else []
    if story.stated.typed:
        lines += [story.said.reasons_title(), story.said.reasons_text(), story.said.reasons_note()]
        tables.append(story.said.reasons_table())
    if story.stated.checked:
        lines += [story.said.behaviour_title(), *story.said.behaviour_text()]
        tables.append(story.said.behaviour_table())
    lines += [cell for table in tables for row in (table.head, *table.rows) for cell in row]
    return "\n".join(lines)


# -- the answer ----------------------------------------------------------------------------------------------------


def test_finding_leads_with_the_largest_loss_then_who_leaves_most_often(story: SegmentStory) -> None:
    assert story.answer == "groups"
    groups = story.groups
    shares = [card.revenue_share.value for card in story.cards]
    assert shares == sorted(shares, reverse=True)
    assert groups.costly is story.cards[0]
    assert groups.frequent is max(story.cards, key=lambda card: card.churn.value)
    assert groups.frequent is not groups.costly
    costly, often = groups.name(groups.costly), groups.name(groups.frequent)
    assert story.finding().startswith(f"The group “{costly}” accounts for the largest loss of revenue: €")
    assert f"{round(100 * shares[0])}% of the loss" in story.finding()
    rate = story.voice.tell(groups.frequent.churn, "per100")
    assert f"“{often}” ({rate} of 100 so far)" in story.finding()
    share = groups.frequent.revenue_share.value
    assert share < groups.frequent.size.value
    told = story.tell(groups.frequent.revenue_share, "whole")
    assert f"but it accounts for only {told} of the loss" in story.finding()
    german = in_german(story)
    assert german.finding().startswith("Der größte Umsatzverlust entfällt auf die Gruppe „")
    assert not re.match(r"Ja|Yes", german.finding() + story.finding())
    assert story.tiles()[0][0] == story.tell(groups.costly.revenue, "about")


def test_money_of_the_groups_adds_up_with_the_revenue_lost_in_that_year(story: SegmentStory) -> None:
    moved = movements(story.data, period="year")
    place = moved.calendar.labels.index(str(story.losses.year))
    churned = moved.amounts["churn"][:, place].sum() / moved.scale
    assert story.losses.total.value == pytest.approx(12 * churned)
    assert sum(card.revenue.value for card in story.cards) == pytest.approx(12 * churned)
    assert f"of annual revenue lost in {story.losses.year}" in story.finding()
    assert f"were there at the start of {story.losses.year} and gone by its end" in story.tiles()[-1][1]
    assert f"at the start of {story.losses.year}" in " ".join(story.definitions())


def test_without_a_whole_year_the_money_of_all_who_left_is_told(story: SegmentStory) -> None:
    losses = Losses.of(story.data, story.people, None)
    assert losses.total.value == pytest.approx(12 * np.nansum(story.people.revenue[story.people.left]))
    told = segment_story(story.data, story.contrasts, None, story.segments.found, losses=losses)
    assert "of annual revenue lost so far" in told.finding()
    assert "over the whole recorded time" in " ".join(told.definitions())


def test_without_revenue_the_finding_counts_customers(story: SegmentStory) -> None:
    told = replace(story, segments=replace(story.segments, losses=None), losses=None)
    sizes = [card.size.value for card in told.cards]
    assert sizes == sorted(sizes, reverse=True)
    assert told.finding().startswith("The largest group of lost customers is “")
    assert "€" not in told.finding() + told.means() + told.certainty()
    assert told.line().stake is None


def test_the_step_is_about_the_group_with_the_largest_loss_and_what_it_may_cost(story: SegmentStory) -> None:
    card = story.groups.costly
    assert story.act().startswith(
        f"Start with half of the {story.tell(card.present)} customers who are in this group today"
    )
    assert story.groups.first_step(card) in story.act()
    assert story.groups.first_steps[card.number] in story.groups.step(card)
    steps = list(story.groups.steps.values())
    assert len(set(steps)) == len(steps)
    assert "The figure: " in story.certainty()
    assert "The effect: not tried yet" in story.certainty()
    assert "for each customer it actually keeps" in story.certainty()
    worth = story.voice.disclosure.fact(card.mean).value * story.data.card.margin
    assert story.voice.tell(replace(story._worth, value=worth), "about") in story.certainty()


def test_the_row_of_the_summary_has_the_money_of_a_year(story: SegmentStory) -> None:
    for told in (story, in_german(story)):
        row = told.line()
        assert row.stake == told.cards[0].revenue
        assert row.stake.unit == "money"
        assert told.groups.name(told.cards[0]) in row.answer
        assert all((row.question, row.sure, row.step, row.measure, row.unknown))
        assert len(row.answer) < 300
        assert told.groups.first_step(told.groups.costly) in row.measure
    assert "Effect: not tried" in story.line().sure


def test_where_nothing_goes_with_leaving_there_is_no_row() -> None:
    data = _flags(1.0)
    assert segment_story(data, kb.contrast(data)).line() is None


@pytest.mark.parametrize("verdict", ["no stable segments", None])
def test_without_groups_the_type_that_leaves_most_often_is_told_with_its_money(
    story: SegmentStory, grouped: Segments, verdict: str | None
) -> None:
    german = in_german(story, segments=None if verdict is None else with_verdict(grouped, verdict))
    assert german.answer == "type"
    assert german.finding().startswith("Am häufigsten gehen Kunden aus der Branche Handel: ")
    rows = story.people.columns["industry"]
    retail = rows.codes == rows.levels.index("retail")
    share = story.losses.amount[retail].sum() / story.losses.amount.sum()
    exact = story.losses.share_of("share", retail)
    assert exact.value == pytest.approx(share)
    assert (
        f"{german.voice.write(german.voice.disclosure.fact(exact), 'whole')} des gesamten Verlusts" in german.finding()
    )
    assert german.line().stake.value == pytest.approx(story.losses.amount[retail].sum())


def test_no_stable_segments_is_an_answer_to_work_with(story: SegmentStory, grouped: Segments) -> None:
    german = in_german(story, segments=with_verdict(grouped, "no stable segments"))
    assert german.segments_title() == "Feste Gruppen verlorener Kunden gibt es nicht"
    assert german.groups is None
    assert "Das spart Arbeit" in german.segments_text()[1]
    assert "Branche" in german.segments_text()[1]


def test_who_came_back_counts_as_lost_and_the_page_says_how_many(story: SegmentStory) -> None:
    people = story.people
    back = np.concatenate([people.customer_id[people.left][:7], people.customer_id[~people.left]])
    said = "Those who came back later count as lost, too"
    assert f"{said}: 10 are customers again today." in told_of(story, here=back).segments_text()
    assert f"{said}." in told_of(story, here=back[4:]).segments_text()  # 3 are too few to tell
    assert f"{said}." in told_of(story, here=back[7:]).segments_text()
    assert any("has left all the same" in line for line in story.definitions())
    frame = pd.DataFrame({"customer_id": range(400), "goal": ["a", "b"] * 200, "gone": [*[False] * 150, *[True] * 250]})
    flagged = kb.open_dataset({"customers": frame}, roles={"churned": "gone"})
    assert said not in everything(segment_story(flagged, kb.contrast(flagged)))


def test_losses_of_a_level_and_of_a_range_are_those_of_its_customers(company: kb.Dataset) -> None:
    people = roster(company)
    losses = Losses.of(company, people, None)
    budget = people.columns["budget"]
    for level, rows in (("< 520", budget < 520), ("520 to < 1600", (budget >= 520) & (budget < 1600)),
                        (">= 1600", budget >= 1600)):  # fmt: skip
        revenue, share = losses.of_level(people, "budget", level)
        assert revenue.value == pytest.approx(losses.amount[rows].sum())
        assert share.ci_lower < share.value < share.ci_upper
    assert losses.of_level(people, "industry", "mining") is None
    assert losses.of_level(people, "budget", "rich") is None


def _flags(effect: float, n: int = 3000) -> kb.Dataset:
    """Customers with two columns, of which one goes with leaving as strongly as said."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"customer_id": range(n), "tier": rng.choice(["gold", "iron"], n),
                          "side": rng.choice(["left", "right", "middle"], n)})  # fmt: skip
    chance = np.where(frame["tier"] == "iron", 0.2 * effect, 0.2)
    return kb.open_dataset({"customers": frame.assign(gone=rng.random(n) < chance)}, roles={"churned": "gone"})


def test_answer_is_no_where_nothing_goes_with_leaving() -> None:
    data = _flags(1.0)
    for lang, start in (("de", "Ein gemeinsamer Kundentyp ist nicht"), ("en", "No shared type can be seen")):
        told = segment_story(data, kb.contrast(data), lang=lang)
        assert told.answer == "none"
        assert told.finding().startswith(start)
        assert len(told.tiles()) == 1
        assert "tier: " in alt_text(told.contrasts.plot(**told.comparing.figure()))


def test_names_of_the_data_are_told_as_they_are() -> None:
    data = _flags(2.5)
    told = segment_story(data, kb.contrast(data), lang="de")
    assert told.answer == "type"
    assert told.finding().startswith("Am häufigsten gehen Kunden mit „tier: iron“: ")
    assert told.comparing.title().startswith("Von 100 Kunden mit „tier: iron“ sind ")
    # shares are told, and never a ratio
    assert not re.search(r"-mal so oft|Verhältnis", told.finding() + told.certainty() + told.comparing.caption())


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
    assert re.search(r"not yet a cause|noch keine Ursache", told)


# -- contrasts -----------------------------------------------------------------------------------------------------


def test_figure_shows_the_largest_effects_with_their_numbers(story: SegmentStory) -> None:
    ax = story.contrasts.plot(**story.comparing.figure())
    effects = [story.compared.effect(int(place)) for place in story.compared.shown["place"]]
    assert [fact.value for fact in effects] == sorted((fact.value for fact in effects), reverse=True)
    assert 5 < len(effects) == len(ax.get_yticklabels()) <= 10
    assert ax.get_yticklabels()[0].get_text() == "Industry: retail"
    for place in story.compared.places:
        here, rest = (story.voice.tell(fact, "whole") for fact in story.compared.left_of(place))
        assert f"{here}, the others {rest}" in alt_text(ax)
    assert ax.get_title(loc="left").startswith("Of 100 customers from the retail industry, ")
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] == 0


def test_like_with_like_is_said_once_and_as_a_share(story: SegmentStory) -> None:
    facts = story.compared
    here, rest = facts.left_of(facts.headline)
    alike = facts.alike(facts.headline)
    assert rest.value < alike.value < here.value
    assert alike.ci_lower < alike.value < alike.ci_upper
    # rates: the share stands for a hazard, which the ratio brings down
    assert np.log(1 - here.value) / np.log(1 - alike.value) == pytest.approx(facts.effect(facts.headline).value)
    assert "stand against about" in story.comparing.caption()
    assert not re.search(r"ratio|times as often", everything(story))


def test_reversals_are_told_in_words() -> None:
    telco = kb.datasets.load_telco()
    found = kb.contrast(telco, adjust=["contract", "internet_service", "tenure"])
    told = segment_story(telco, found, lang="en")
    text = " ".join(told.comparing.reversal_text())
    assert "total_charges" not in text  # example data is called in words
    first, gone = (next(line for line in told.comparing.reversal_text() if part in line) for part in (
        "leave less often, but among otherwise similar ones more often", "Such impressions"))  # fmt: skip
    assert "“Total charges so far: $3,800 or more” (" in first
    assert re.search(r"of 100 against \d+; comparable others about \d+\)", first)
    assert gone


@pytest.mark.parametrize(("lang", "contract", "film"), [
    ("de", "Vertrag: monatlich kündbar", "Glasfaser"), ("en", "Contract: month to month", "fibre")])  # fmt: skip
def test_example_data_is_called_in_words_of_the_language(lang: str, contract: str, film: str) -> None:
    telco = kb.datasets.load_telco()
    names = segment_story(telco, None, lang=lang).names
    assert names.pair("contract", "Month-to-month") == contract
    assert names.level("internet_service", "Fiber optic") == film
    assert names.level("streaming_tv", "Yes") == ("ja" if lang == "de" else "yes")
    assert names.level("household_size", "1") == "1"  # a number of one says nothing of yes
    assert names.level("tenure", "< 1") == ("unter 1" if lang == "de" else "below 1")


def test_default_adjustment_leaves_out_numbers_but_tenure() -> None:
    found = kb.contrast(kb.datasets.load_telco())
    assert found.adjust[0] == "tenure"
    assert {"monthly_charges", "total_charges"}.isdisjoint(found.adjust)
    assert {"contract", "internet_service"} <= set(found.adjust)


# -- segments ------------------------------------------------------------------------------------------------------


def test_cards_tell_how_many_what_revenue_what_they_share_and_what_to_offer(story: SegmentStory) -> None:
    cards = story.groups.rows()
    assert len(cards) == 4
    labels = [label for label, _ in cards[0][1]]
    assert labels == ["Loss", "Lost", "In common", "Stated reasons", "What to do"]
    planted = {row[1]: row for row in story.groups.planted_table(story.data.truth).rows}
    saver = next(dict(rows) for title, rows in cards if planted["savers"][0] in title)
    assert "more than overall" in saver["Lost"]
    assert "Offer a smaller plan" in saver["What to do"]
    assert int(planted["savers"][2].rstrip("%")) >= 85
    assert not any("planted" in text.casefold() for _, rows in cards for row in rows for text in row)


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


def test_reasons_of_a_card_are_told_from_enough_on(grouped: Segments) -> None:
    rows = [(1, "price", 30, 0.9), (1, "service", 4, 0.1), (2, "price", 30, 0.8), (2, "service", 9, 0.2),
            (3, "price", 40, 0.5), (3, "service", 40, 0.5)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["segment", "reason", "n", "share"]).assign(share_ci_lower=0.1,
                                                                                  share_ci_upper=0.9)  # fmt: skip
    profile = SimpleNamespace(reasons=lambda: frame)
    found = Segments(grouped.found, profile)._reasons(np.array([41, 59, 180]), Disclosure(5))
    assert [name for name, _ in found[0]] == ["price"]
    assert [name for name, _ in found[2]] == ["price", "service"]


def test_contrasts_hide_levels_of_which_few_stayed_or_left() -> None:
    rows = [SimpleNamespace(attribute="x", level=level, left=left, n=n)
            for level, left, n in (("a", 50, 53), ("b", 4, 100), ("c", 40, 120))]  # fmt: skip
    assert hidden_levels(SimpleNamespace(comparisons=rows), Disclosure(5)) == {("x", "a"), ("x", "b")}


def test_a_finding_is_striking_only_if_it_is_surely_not_small() -> None:
    data = _flags(1.3)
    told = segment_story(data, kb.contrast(data))
    assert told.compared.findings["attribute"].tolist() == ["tier"]
    assert 1 < told.compared.findings["effect_ci_lower"].iloc[0] < 1.25
    assert len(told.compared.striking) == 0
    assert told.answer == "none"


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
    assert rows["Cancelled"][-1] == story.voice.count(len(story.reasons.leavers))


def test_tables_of_reasons_are_facts(story: SegmentStory) -> None:
    table, known = story.said.reasons_table(), story.voice.told
    counts = story.stated.crossed
    level, reason = str(counts.index[0]), str(counts.columns[0])
    total, count = int(counts.iloc[0].sum()), int(counts.iloc[0, 0])
    rule = story.voice.disclosure
    assert known[f"typed.{level}.n"].value == rule.rounded(total)
    share = float(rule.rounded(count) / rule.rounded(total))
    assert known[f"typed.{level}.share.{reason}"].value == pytest.approx(share)
    assert known["typed.(all).n"].value == rule.rounded(counts.to_numpy().sum())
    assert table.rows[1][1] == f"{round(100 * share)}%"
    story.said.behaviour_table()
    row = story.stated.behaviour[~story.stated.behaviour["hidden"]].iloc[0]
    name = f"before.{row['reason']}.{row['measure']}"
    assert story.voice.exact[name].value == row["value"]
    assert known[name].value == story.voice.disclosure.fact(story.voice.exact[name]).value


def test_one_reason_is_that_of_surely_more_than_half(company: kb.Dataset) -> None:
    for price, other, one in ((6, 5, False), (60, 40, True)):
        people = SimpleNamespace(reasons=("price", "service"), reason=np.repeat([0, 1], [price, other]))
        told = segment_story(company, None, SimpleNamespace(leavers=people))
        assert told.stated.one_reason == one


def test_the_reason_that_differs_is_told_of_enough_customers(company: kb.Dataset) -> None:
    counts = pd.DataFrame({"price": [60, 20, 50], "service": [3, 9, 30], MISSING: [2, 30, 40]},
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
    assert found[:2] == ("b", "price")


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
    text = " ".join(told.said.behaviour_text())
    assert "Höflichkeit" not in text
    others = {reason: here.value - gap.value for reason, _, here, gap in told.stated.checked}
    assert max(others.values()) <= 0.8


def test_what_nearly_all_went_through_checks_no_reason(story: SegmentStory) -> None:
    """A price rise of 95 in 100 others leaves no room for those who say price; one of 40 does."""
    assert story.reasons is not None
    for others, asked in ((0.95, False), (0.4, True)):
        frame = pd.DataFrame({"reason": ["price", "product"], "measure": "price_rose", "n": [200, 300],
                              "value": [0.6, others]}).assign(difference=[0.6 - others, others - 0.6],
                              difference_ci_lower=-0.1, difference_ci_upper=0.1)  # fmt: skip
        given = SimpleNamespace(behaviour=lambda frame=frame: frame, leavers=story.reasons.leavers)
        told = segment_story(story.data, None, given)
        assert [reason for reason, *_ in told.stated.checked] == (["price"] if asked else [])


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


def test_behaviour_of_few_is_hidden(story: SegmentStory) -> None:
    cells = behaved(story, {"price": (3, 40), "product": (8, 50), "service": (30, 60), "other": (0, 0)}, 5)
    assert cells == {"price": "–", "product": "20%", "service": "50%", "other": "–"}


def test_behaviour_of_all_but_few_is_told_in_words(story: SegmentStory) -> None:
    cells = behaved(story, {"price": (38, 40), "product": (40, 50), "service": (30, 60)}, 5)
    assert cells == {"price": "nearly all", "product": "80%", "service": "50%"}
    cells = behaved(story, {"price": (38, 40), "product": (46, 50), "service": (30, 60)}, 5)
    assert cells == {"price": "nearly all", "product": "nearly all", "service": "50%"}


def test_behaviour_without_small_counts_is_told(story: SegmentStory) -> None:
    cells = behaved(story, {"price": (0, 40), "product": (50, 50), "service": (30, 60)}, 5)
    assert cells == {"price": "–", "product": "nearly all", "service": "50%"}


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
    names = [fact.id for card in cards for fact in (card.size, card.churn, card.lift, card.revenue, card.mean)]
    assert len(names) == len(set(names))


def test_reasons_of_levels_that_are_all_rare_are_told_together() -> None:
    table = pd.DataFrame({"price": [2, 1], "boss": [0, 1], MISSING: [1, 0]}, index=["of Mr X", "of Mrs Y"])
    together = gathered(table, 5)
    assert together.index.tolist() == [""]
    assert together.to_numpy().tolist() == [[4, 1]]
    assert together.columns.tolist() == ["", MISSING]
