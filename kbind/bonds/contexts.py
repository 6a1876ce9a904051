"""The six bonds in their order, and what is expected of them between companies and with consumers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: The six types of bond, from extrinsic to intrinsic.
BONDS = ("forced", "lethargic", "economic", "habitual", "value", "affective")

#: Where each stands on the scale, from -1 (extrinsic) to 1 (intrinsic), in equal steps.
PLACES: Mapping[str, float] = dict(zip(BONDS, (-1.0, -0.6, -0.2, 0.2, 0.6, 1.0), strict=True))


@dataclass(frozen=True)
class Context:
    """What is expected of bonds in one kind of business: said in articles on retention, not measured.

    Parameters
    ----------
    name : {"b2b", "b2c"}
    plausible : tuple of str
        Bonds that are said to be frequent there.
    wanted : tuple of str
        Bonds that a company would rather have there.
    unit : str
        Whose bond a score is.
    """

    name: str
    plausible: tuple[str, ...]
    wanted: tuple[str, ...]
    unit: str


CONTEXTS: Mapping[str, Context] = {
    "b2b": Context(
        "b2b",
        plausible=("forced", "lethargic", "economic"),
        wanted=("economic", "value", "affective"),
        unit="A score is that of an account: what several people of it answered is averaged.",
    ),
    "b2c": Context(
        "b2c",
        plausible=("lethargic", "habitual", "value", "affective"),
        wanted=("habitual", "value", "affective"),
        unit="A score is that of a person or household.",
    ),
}
