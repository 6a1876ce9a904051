"""How a persona should change so that it mirrors the customers who stay: found, confirmed, and measured once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kbind.data.dataset import Dataset
from kbind.data.personas import Persona
from kbind.errors import ArgumentError, check_rng
from kbind.estimates.refinement.columns import columns_of
from kbind.estimates.refinement.matching import Matcher
from kbind.estimates.refinement.result import Refinement
from kbind.estimates.refinement.run import Run
from kbind.estimates.refinement.settings import Refining
from kbind.estimates.refinement.traps import Scale

__all__ = ["Refinement", "Refining", "refine_persona"]

#: Level of the intervals on the first part, which only proposes.
_CAUTION = 0.9
_USUAL = Refining()


def refine_persona(
    persona: Persona,
    data: Dataset,
    *,
    exclude: str | Sequence[str] = (),
    settings: Refining = _USUAL,
    rng: int | np.random.Generator | np.random.SeedSequence = 0,
) -> Refinement:
    """Edits of a persona's rules that win retention, confirmed on other customers than they were found on.

    Parameters
    ----------
    persona : Persona
        Whom sales looks for now.
    data : Dataset
        With `customers`. Who has left is told by the column with the role churned: retention is the share who stayed.
        Without one, contracts or events tell, and retention is what the rate of leaving per month at risk leaves after
        a year, so that nobody looks loyal for having come early.
    exclude : str or sequence of str
        Columns that rules must not be about.
    settings : Refining
        In what compared customers are alike, what is kept off, and what an edit has to reach.
    rng : int, numpy.random.Generator or numpy.random.SeedSequence
        Deals the customers out to the three parts.

    Returns
    -------
    Refinement
        With the verdict "accept", "reject" or "not enough data".

    Raises
    ------
    ArgumentError
        No such column, an argument out of range, a persona of whom not to sell to, unreadable outcomes.

    References
    ----------
    Lavrac, Flach and Zupan (1999), Inductive Logic Programming, 174-185 (ranking); Benjamini and Hochberg (1995), JRSS
    B 57, 289-300; Efron (1981), Biometrika 68, 589-599 (infinitesimal jackknife).

    Notes
    -----
    An edit adds, drops or changes one rule; the levels of a text are taken in the order of their retention on the first
    part, numbers are cut near their quartiles. Traps, looked for on both parts: of a rule that comes or changes, less
    than half of the gain is left among customers alike in `adjust` and that cannot be told from nothing, or clearly
    less than half of it among those who are also alike in the bond; or the first year leaves no room for `min_gain`
    (it selects survivors). A rule may go if customers are in none of these clearly worse without it. No edit may
    clearly lose retained revenue per matched customer.

    The verdict is "accept" if on the third part all edits together win `min_gain` with an interval above 0, do not
    vanish among customers alike in `adjust` as above, and neither retained revenue nor the first year is clearly lower;
    "not enough data" if too few customers match to tell. On contracts or events retention is that of an average year of
    all who match, however long they have been there; `evaluate_personas` gives that of the first year (Kaplan-Meier).
    Where leaving is most frequent at first, the latter is lower.

    Examples
    --------
    >>> import kbind as kb
    >>> rules = (kb.Rule("internet_service", in_=("Fiber optic",)), kb.Rule("streaming_tv", in_=("Yes",)))
    >>> films = kb.Persona("films", 1, "Sales", "2026-01-01", "Watches films", rules)
    >>> result = kb.refine_persona(films, kb.datasets.load_telco(), exclude="contract")
    >>> result.verdict, round(result.held_out.gain[0], 2)
    ('accept', 0.22)
    """
    generator = check_rng(rng)
    columns = columns_of(data, persona, exclude=exclude, settings=settings)
    if persona.negative:
        raise ArgumentError(
            f"persona={persona.name!r} says whom not to sell to; there is no retention to win: "
            "refine those to sell to, and see with evaluate_personas whether this one is borne out"
        )
    p, matcher = columns.p, Matcher(columns.p, persona.min_match)
    parts = p.divide(3, generator)
    bounds = settings.bounds()
    first, second, third = (
        Scale(p, n, matcher, columns.adjust, columns.bond, level)
        for n, level in zip(parts, (_CAUTION, settings.conf_level, settings.conf_level), strict=True)
    )
    run = Run((first, second, third), persona.rules, columns.allowed, bounds, float(settings.fdr))
    outcome = run.refine()
    return Refinement(
        persona=persona,
        refined=None if outcome.rules is None else persona.changed(rules=outcome.rules),
        verdict=outcome.verdict,
        reason=outcome.reason,
        edits=outcome.edits,
        found=outcome.found,
        confirmed=outcome.confirmed,
        held_out=outcome.held_out,
        with_bond=run.with_bond(columns.bond, outcome.proposed),
        sizes=(int(parts[0].sum()), int(parts[1].sum()), int(parts[2].sum())),
        adjust=columns.adjust,
        bounds=bounds,
        fdr=float(settings.fdr),
        conf_level=float(settings.conf_level),
        rate=p.rate,
        meaning=p.meaning,
        notes=columns.notes,
        provenance=p.provenance,
    )
