"""Effects of what was no experiment: weighted, doubly robust, with a placebo and a measure of what stays unseen."""

from __future__ import annotations

from kbind.errors import NotEnoughData
from kbind.experiments.campaign import Assigned
from kbind.experiments.effect import Effect


def observe(assigned: Assigned, *, outcome: str, how: str, conf_level: float) -> Effect:
    """The effect of a campaign whose customers somebody chose.

    Parameters
    ----------
    assigned : Assigned
    outcome : {"retained", "revenue", "time"}
    how : str
        How it was decided that chance did not choose.
    conf_level : float

    Raises
    ------
    NotEnoughData
        Always, for the time being.
    """
    raise NotEnoughData(f"campaign {assigned.campaign!r} was not randomised: {how}")
