"""An attacker with all that reports tell, and what he computes back."""

from __future__ import annotations

from kbind.text.disclosure import Disclosure
from simulations.attacker.attack import Target, by_family, recovered
from simulations.attacker.companies import company
from simulations.attacker.knowledge import Knowledge
from simulations.attacker.rules import Rule

THRESHOLD = 5


def test_attack_recovers_what_is_told_exactly() -> None:
    """The attacker can reason: with a threshold of 1 he has every small count, those that are gone included."""
    target, known = Target.of(company(5), 1), Knowledge()
    target.read(known, Rule(Disclosure(1)))
    found = by_family(recovered(known, target.truth, THRESHOLD))
    assert found["cohorts"] > 30
    assert found["cohorts, gone"] > 30
    assert found["life cycle"] > 10
