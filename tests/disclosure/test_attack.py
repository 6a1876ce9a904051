"""An attacker with all that reports tell finds no count of 1 to 4 customers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kbind as kb
from kbind.estimate.intervals import wilson
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from simulations.attacker import reasons
from simulations.attacker.alone import recovered_alone, told_alike
from simulations.attacker.attack import Target, by_family, compare, recovered
from simulations.attacker.companies import company
from simulations.attacker.knowledge import Knowledge
from simulations.attacker.reports import read_report
from simulations.attacker.rules import Rule

THRESHOLD = 5
#: Companies that are attacked here; `make simulate` attacks a thousand.
SEEDS = range(12)


@pytest.fixture(scope="module")
def rule() -> Rule:
    return Rule(Disclosure(THRESHOLD))


def test_attack_recovers_what_is_told_exactly() -> None:
    """The attacker can reason: with a threshold of 1 he has every small count, those that are gone included."""
    target, known = Target.of(company(5), 1), Knowledge()
    target.read(known, Rule(Disclosure(1)))
    found = by_family(recovered(known, target.truth, THRESHOLD))
    assert found["cohorts"] > 30
    assert found["cohorts, gone"] > 30
    assert found["life cycle"] > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_attack_recovers_nothing_from_two_reports_a_month_apart(seed: int, rule: Rule) -> None:
    known, truth = Knowledge(), {}
    for earlier in (0, 1):
        target = Target.of(company(seed, earlier=earlier), THRESHOLD)
        target.read(known, rule)
        truth |= target.truth
    compare(known)
    assert recovered(known, truth, THRESHOLD) == []


def test_attack_recovers_no_reason(rule: Rule) -> None:
    tables = 0
    for seed in range(1, 20, 2):
        told, counts = reasons.told_of(company(seed), "size", THRESHOLD)
        if told:
            known = Knowledge()
            reasons.read_reasons(known, told, rule, counts)
            assert recovered(known, reasons.truth_of(counts), THRESHOLD) == []
            tables += 1
    assert tables > 5


def test_attack_recovers_nothing_from_a_whole_report(tmp_path: Path, rule: Rule) -> None:
    data, known = company(1), Knowledge()
    kb.Report(data).write(tmp_path, chapters=["01", "02"])
    assert read_report(known, tmp_path, rule) > 300
    assert recovered(known, Target.of(data, 1).truth, THRESHOLD) == []


class _Exact(Disclosure):
    """Tells shares as they are, and their sizes rounded."""

    def shares(self, value, lower, upper, n, count=np.nan, conf_level=0.95):  # type: ignore[no-untyped-def]
        return value, lower, upper, np.zeros(np.shape(value), dtype=bool)


def test_one_exact_share_is_enough_for_the_attacker() -> None:
    value, lower, upper = (float(limit) for limit in wilson(197, 203))
    fact = Fact("kept", value, "share", "", lower, upper, n=200).as_dict()
    assert told_alike(fact, _Exact(THRESHOLD)).tolist() == [[203, 197]]
    value, lower, upper = (float(limit) for limit in wilson(200, 203))
    fact = Fact("kept", value, "share", "", lower, upper, n=200).as_dict()
    assert recovered_alone([fact], _Exact(THRESHOLD)) == ["kept"]
    assert recovered_alone([Disclosure(THRESHOLD).fact(Fact.from_dict(fact)).as_dict()], Disclosure(THRESHOLD)) == []


def test_no_share_of_the_example_report_tells_a_small_count(example_report: Path) -> None:
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(example_report.glob("en/[0-9]*.json"))]
    assert len(records) == 11
    for record in records:
        assert recovered_alone(record["facts"], Disclosure(THRESHOLD)) == [], record["chapter"]
