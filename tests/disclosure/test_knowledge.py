"""What follows from sums and limits, by hand."""

from __future__ import annotations

import pytest

from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from simulations.attacker.cohorts import read_share
from simulations.attacker.knowledge import Knowledge
from simulations.attacker.rules import Rule

TRUTH = {"all": 20, "left": 2, "stayed": 18}


def parts(**limits: tuple[int, int]) -> Knowledge:
    """Two parts and their sum, each between two limits."""
    known = Knowledge()
    for name, pair in limits.items():
        known.count(name, *pair)
    known.sum("all", ["left", "stayed"])
    return known


def test_recovered_what_a_total_less_the_rest_leaves_over() -> None:
    known = parts(all=(20, 20), stayed=(18, 18), left=(1, 4))
    assert known.recovered(TRUTH, 5) == ["left"]


def test_recovered_nothing_where_a_part_is_known_roughly_only() -> None:
    assert parts(all=(20, 20), stayed=(15, 24), left=(0, 4)).recovered(TRUTH, 5) == []


def test_recovered_only_counts_below_the_threshold() -> None:
    known = parts(all=(20, 20), stayed=(18, 18), left=(1, 4))
    assert known.recovered(TRUTH, 2) == []


def test_recovered_by_whole_numbers_where_halves_would_do() -> None:
    """a + b = 5, b + c = 5, a + c = 4: halves apart, a = 2; with a + c known to within 1, nothing follows."""
    truth = {"a": 2, "b": 3, "c": 2}
    for slack, found in ((0, ["a", "b", "c"]), (2, [])):
        known = Knowledge()
        for name in truth:
            known.count(name, 0, 9)
        known.linear({"a": 1, "b": 1}, 5, 5)
        known.linear({"b": 1, "c": 1}, 5, 5)
        known.linear({"a": 1, "c": 1}, 4, 4 + slack)
        assert sorted(known.recovered(truth, 5)) == found


def test_recovered_where_all_parts_round_the_same_way() -> None:
    """Rounded to multiples of 5, five counts can add up so that each has to be at its limit."""
    names = list("vwxyz")
    truth = dict.fromkeys(names, 3) | {"sum": 15}
    for spread, found in ((4, names), (9, [])):
        known = Knowledge()
        for name in names:
            known.count(name, 3, 3 + spread)
        known.sum("sum", names)
        known.count("sum", 15 if spread == 4 else 10, 15 if spread == 4 else 24)
        assert known.recovered(truth, 5) == found


def test_either_leaves_both_ends() -> None:
    known = Knowledge()
    known.either("part", (0, 4), (15, 24))
    known.count("whole", 20, 20)
    known.sum("whole", ["part", "rest"])
    assert known.recovered({"whole": 20, "part": 18, "rest": 2}, 5) == []
    known.count("part", 5, 99)
    known.count("rest", 2, 9)
    assert known.recovered({"whole": 20, "part": 18, "rest": 2}, 5) == []
    known.count("part", 18, 99)
    assert known.recovered({"whole": 20, "part": 18, "rest": 2}, 5) == ["rest"]


def test_fits_names_what_the_truth_contradicts() -> None:
    known = parts(all=(20, 20), stayed=(15, 17), left=(1, 4))
    assert known.fits(TRUTH) == ["stayed = 18 is not in 15 to 17"]
    assert known.fits({"all": 20, "left": 4, "stayed": 17}) == [
        "{'all': (-1.0, 20), 'left': (1.0, 4), 'stayed': (1.0, 17)} = 1 is not in 0 to 0"
    ]


@pytest.mark.parametrize("threshold", [1, 2, 5, 10])
def test_rule_holds_every_count_and_every_share(threshold: int) -> None:
    """Whatever is told, or hidden, the truth lies between the limits that the attacker concludes."""
    disclosure = Disclosure(threshold)
    rule = Rule(disclosure, 300)
    for n in range(0, 140, 7):
        told = disclosure.fact(Fact("n", float(n), "customers", ""))
        low, high = rule.hidden if told.hidden else rule.bounds(told.value)
        assert low <= n <= high
        for count in range(n + 1):
            share = Fact("share", count / n if n else 0.0, "share", "", n=n, count=count)
            known = Knowledge()
            known.count("n", low, high)
            read_share(known, disclosure.fact(share).as_dict(), rule, "count", "n")
            assert not known.fits({"n": n, "count": count})


def test_rule_that_tells_all_leaves_one_count_each() -> None:
    rule = Rule(Disclosure(1))
    assert rule.bounds(7) == (7, 7)
    assert rule.mean(7.25) == (7.25, 7.25)
