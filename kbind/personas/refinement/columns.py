"""Which columns a rule or a question may be about, and which are held alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kbind.customers.at_signing import Prospects, prospects
from kbind.customers.leaks import leaks_in
from kbind.customers.words import BOND, names_one, protected_columns
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import names_of
from kbind.errors import ArgumentError, check_kind, choices, listed
from kbind.personas.persona import Persona
from kbind.personas.refinement.settings import Refining


@dataclass(frozen=True, eq=False)
class Columns:
    """What is known of customers, and what it may be used for.

    Attributes
    ----------
    p : Prospects
    allowed : tuple of str
        Columns known at the time of sale that a rule or a question may be about.
    adjust, bond : tuple of str
        Columns in which compared customers should be alike; columns that are the bond itself.
    barred : dict of str to str
        Columns that are neither, and why.
    """

    p: Prospects = field(repr=False)
    allowed: tuple[str, ...]
    adjust: tuple[str, ...]
    bond: tuple[str, ...]
    barred: dict[str, str]

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on columns that were left out, by reason."""
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.barred.items():
            by_reason.setdefault(reason, []).append(name)
        return (*self.p.notes, *(f"Left out ({reason}): {listed(names)}." for reason, names in by_reason.items()))


def columns_of(
    data: Dataset,
    persona: Persona,
    *,
    exclude: str | Sequence[str],
    settings: Refining,
) -> Columns:
    """Sort the columns of `customers`; see `refine_persona` for the parameters."""
    if not isinstance(persona, Persona):
        raise ArgumentError(f"persona of type {type(persona).__name__} is no persona; load one: kb.Persona.load(...)")
    p = prospects(data, needed=persona.attributes)
    tenure = data.roles.get("tenure")
    check_kind("settings", settings, Refining, "kb.Refining(...)")
    asked = {"exclude": exclude, "adjust": settings.adjust, "bond": settings.bond, "insist": settings.insist}
    named = {name: _known(p, names_of(value, name), name) for name, value in asked.items()}
    held = named["adjust"]
    if settings.adjust is None and not p.rate and tenure is not None:
        held = (tenure.column,)
    bonds = (
        named["bond"] if settings.bond is not None else tuple(name for name in p.attributes if names_one(name, BOND))
    )
    grounds = protected_columns(p.attributes, settings.protected, named["insist"])
    barred = dict.fromkeys(named["exclude"], "excluded")
    barred |= dict.fromkeys(bonds, "the bond itself") | p.barred
    leaks = {leak.column: leak.reason for leak in leaks_in(data, keep=named["insist"]) if leak.column not in held}
    barred |= {name: f"it knows the outcome: {reason}" for name, reason in leaks.items()}
    barred |= {name: f"protected characteristic: {ground}" for name, ground in grounds.items()}
    allowed = tuple(name for name in p.attributes if name not in barred)
    return Columns(p, allowed, held, bonds, {name: barred[name] for name in p.attributes if name in barred})


def _known(p: Prospects, names: Sequence[str], parameter: str) -> tuple[str, ...]:
    for name in names:
        if name not in p.attributes:
            known = choices(name, p.attributes)
            raise ArgumentError(f"{parameter}={name!r} is no column that customers are known by; {known}")
    return tuple(names)
