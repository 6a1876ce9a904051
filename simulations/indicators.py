"""One run of each claim on the practices: whether an interval covers what was planted."""

from __future__ import annotations

import indicator_panels as panels
from numpy.random import Generator

import kbind as kb
from kbind.estimate.estimate import Estimate


def covers(found: Estimate, truth: float) -> bool:
    """Whether the interval holds the truth."""
    return bool(found.ci_lower <= truth <= found.ci_upper)


def repeats(rng: Generator, n: int) -> tuple[bool, ...]:
    """Share of first contacts followed by another, on another channel, and its trend, of customers who differ."""
    found = kb.repeat_contacts(panels.repeats(rng, n))
    return (
        covers(found.share, panels.AGAIN),
        covers(found.other_channel, panels.SWITCH),
        covers(found.excess, panels.AGAIN),
        covers(found.trend, 0.0),
    )


def moments(rng: Generator, n: int) -> tuple[bool, ...]:
    """Share of answers and CSAT in the first month, and the difference of the CSAT after a year to it."""
    frame = kb.feedback_moments(panels.moments(rng, n)).to_frame().set_index(["family", "moment"])
    first, late = frame.loc[("tenure", "days 0-30")], frame.loc[("tenure", "after a year")]
    return (
        covers(Estimate.in_row(first, "response_rate"), panels.ANSWERS[0]),
        covers(Estimate.in_row(first, "score"), panels.CONTENT[0]),
        covers(Estimate.in_row(late, "difference"), panels.CONTENT[3] - panels.CONTENT[0]),
    )


def warning(rng: Generator, n: int) -> tuple[bool, ...]:
    """Hit rate, false positives and precision of an alarm at a given threshold, and of a chosen one."""
    data = panels.warnings(rng, n)
    hits, false = panels.HIT * panels.LEAVERS, panels.FALSE * (1 - panels.LEAVERS)
    truth = (panels.HIT, panels.FALSE, hits / (hits + false))
    given, chosen = kb.early_warning(data, threshold=6), kb.early_warning(data)
    return tuple(
        covers(figure, value)
        for one in (given, chosen)
        for figure, value in zip((one.hit_rate, one.false_positive_rate, one.precision), truth, strict=True)
    )


def onboarding(rng: Generator, n: int) -> tuple[bool, ...]:
    """Share with a first use within 14 and 30 days, where some leave without any."""
    found = kb.onboarding(panels.first_uses(rng, n))
    use, stay = panels.USE, (1 - panels.USE) * (1 - panels.GIVE_UP)
    truth = [use * (1 - stay ** (d + 1)) / (1 - stay) for d in (14, 30)]
    return covers(found.within_14, truth[0]), covers(found.within_30, truth[1])


def consistency(rng: Generator, n: int) -> tuple[bool, ...]:
    """Share of the variance within customers, and the factor."""
    import numpy as np

    found = kb.service_consistency(panels.handled(rng, n))
    within, between = panels.WITHIN, panels.BETWEEN
    return (
        covers(found.within_share, within / (within + between)),
        covers(found.within_factor, float(np.exp(np.sqrt(within)))),
    )


def incident(rng: Generator, n: int) -> tuple[bool, ...]:
    """What an incident adds to leaving, where the young leave more and are hit less."""
    return (covers(kb.incident_effect(panels.struck(rng, n)).difference, panels.ADDED),)


def pressure(rng: Generator, n: int) -> tuple[bool, ...]:
    """What the first, second and third contact adds to leaving, by lot."""
    found = kb.contact_pressure(panels.contacted(rng, n), within="90D").left
    return tuple(covers(found[k].difference, panels.MORE[k - 1]) for k in (1, 2, 3))
