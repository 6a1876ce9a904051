"""One run each of what is claimed of bonding scores."""

from __future__ import annotations

from company import simulate_saas
from numpy.random import Generator

import kbind as kb
from kbind.bonds.contexts import BONDS
from kbind.bonds.scores import BondingScores

#: What an item of the simulated company adds to the middle of its scale for one standard deviation of the bond.
MIDDLE, STEP = 4.0, 1.4 * 0.8


def types_told(rng: Generator, n: int) -> tuple[bool, ...]:
    """A dominant type is told where all six bonds are one."""
    return (_scores(rng, n, "no_types").validity(resamples=20).passed,)


def types_refused(rng: Generator, n: int) -> tuple[bool, ...]:
    """It is not told where there are six."""
    return (not _scores(rng, n, "baseline").validity(resamples=20).passed,)


def covered(rng: Generator, n: int) -> tuple[bool, ...]:
    """Score of a customer who answered, of one who did not; the company's mean of a bond that does not drive answers.

    Which bond is chance; items are cut at the ends of their scale, which moves their mean by less than .02.
    """
    scores = _scores(rng, n, "baseline")
    planted = scores.data.truth.accounts.set_index("customer_id")
    found = []
    for sources in (["items", "both"], ["behaviour"]):
        row = scores.frame[scores.frame["source"].isin(sources)].sample(random_state=int(rng.integers(2**31))).iloc[0]
        found.append(row["ci_lower"] <= planted.at[row["customer_id"], f"bond_{row['bond']}"] <= row["ci_upper"])
    bond = str(rng.choice([name for name in BONDS if name not in ("affective", "lethargic")]))
    mean = scores.company.set_index("bond").loc[bond]
    truth = MIDDLE + STEP * planted.loc[scores.customer, f"bond_{bond}"].mean()
    return (*map(bool, found), bool(mean["ci_lower"] <= truth <= mean["ci_upper"]))


def _scores(rng: Generator, n: int, scenario: str) -> BondingScores:
    world = simulate_saas(n, 36, scenario=scenario, rng=rng)
    return kb.bonding_scores(world)
