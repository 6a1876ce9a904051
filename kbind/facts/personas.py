"""How many of those stay who fit a persona, as facts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kbind.personas.evaluation import ALL, PersonaEvaluation
from kbind.personas.persona import Persona
from kbind.personas.refinement.refinement import Refinement
from kbind.text.facts import Fact
from kbind.text.voice import Voice

#: Where facts come from: of all customers, and of the third part that nothing was chosen on.
EVALUATED, HELD_OUT = "evaluate_personas(...)", "refine_persona(...).held_out"


def in_order(evaluation: PersonaEvaluation) -> tuple[Persona, ...]:
    """Those who stay best on top, those not to sell to at the end."""
    best = {p.name: -np.nan_to_num(evaluation.staying[p.name].retention[0]) for p in evaluation.personas}
    return tuple(sorted(evaluation.personas, key=lambda p: (p.negative, best[p.name])))


def fit(evaluation: PersonaEvaluation, name: str = ALL) -> Fact:
    """How many of those who fit stay."""
    staying = evaluation.staying[name]
    stayed = _stayed(staying.retention, staying.n, evaluation.members.snapshot)
    return persona_fact(f"fit.{name}", staying.retention, "share", staying.n, stayed, evaluation)


def held(refinement: Refinement, version: str, *, snapshot: bool) -> Fact:
    """How many of those stay who match the old or the new version, on the third part."""
    measured = getattr(refinement.held_out, version)
    stayed = _stayed(measured.retention, measured.n, snapshot)
    return persona_fact(f"held.{version}", measured.retention, "share", measured.n, stayed, refinement)


def _stayed(limits: Sequence[float], n: int, snapshot: bool) -> int | None:
    return round(limits[0] * n) if snapshot and n else None


def persona_fact(
    name: str, limits: Sequence[float], unit: str, n: int, count: int | None, result: PersonaEvaluation | Refinement
) -> Fact:
    """A number with its limits, of an evaluation or of what a refinement was confirmed on."""
    value, lower, upper = limits
    source = HELD_OUT if isinstance(result, Refinement) else EVALUATED
    told = (value, unit, result.definition, lower, upper, result.conf_level)
    return Fact(f"personas.{name}", *told, n=n, count=count, source=source)


def with_range(fact: Fact, voice: Voice) -> str:
    """A share with its range."""
    if not voice.disclosure.fact(fact).known:
        return voice.tell(fact)
    return voice.say("personas.with_range", value=voice.tell(fact), range=voice.tell(fact, "range"))
