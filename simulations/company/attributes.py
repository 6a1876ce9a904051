"""What customers are like: attributes, how the segments differ in them, and what they do to the hazard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """A column of `customers` with a few levels.

    Parameters
    ----------
    name : str
        Name of the column.
    levels : tuple of str
        Its values, in order where they have one.
    shares : tuple of tuple of float
        Share of each level, one row a segment, or one row for all.
    effects : tuple of float
        Planted log hazard ratio of each level; 0 is the reference, or no effect.
    hidden : bool
        Known to the truth only.
    """

    name: str
    levels: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    effects: tuple[float, ...]
    hidden: bool = False


#: The planted segments: integrators, savers, quiet ones, fans. Rows of `shares` below are in this order.
SEGMENTS = ("integrator", "saver", "quiet", "fan")

#: What each persona wants, in the order of its levels: the answers to the question that sales asks.
GOALS = ("grow", "keep", "save")

#: The six types of bond, from extrinsic to intrinsic.
BONDS = ("forced", "lethargic", "economic", "habitual", "value", "affective")

_REGION = Attribute("region", ("north", "south", "west", "east"), ((0.25, 0.3, 0.3, 0.15),), (0.0,) * 4)
_DEVICE = Attribute("device", ("desktop", "mobile", "tablet"), ((0.6, 0.32, 0.08),), (0.0,) * 3)
_LANGUAGE = Attribute("language", ("de", "en"), ((0.7, 0.3),), (0.0,) * 2)
_PERSONA = Attribute(
    "persona",
    ("grower", "keeper", "saver"),
    ((0.55, 0.35, 0.1), (0.15, 0.25, 0.6), (0.15, 0.65, 0.2), (0.6, 0.3, 0.1)),
    (-0.2, 0.0, 0.3),
    hidden=True,
)
_PLAN = Attribute(
    "plan",
    ("basic", "team", "pro"),
    ((0.1, 0.45, 0.45), (0.65, 0.3, 0.05), (0.5, 0.4, 0.1), (0.3, 0.5, 0.2)),
    (0.2, 0.0, -0.15),
    hidden=True,
)

#: Attributes of companies.
COMPANIES = (
    Attribute(
        "industry",
        ("software", "manufacturing", "retail", "health", "services", "public"),
        (
            (0.10, 0.55, 0.05, 0.10, 0.10, 0.10),
            (0.05, 0.05, 0.60, 0.05, 0.20, 0.05),
            (0.05, 0.10, 0.10, 0.20, 0.40, 0.15),
            (0.60, 0.05, 0.10, 0.10, 0.10, 0.05),
        ),
        (0.0, 0.0, 0.35, 0.0, 0.0, -0.3),
    ),
    Attribute(
        "company_size",
        ("1-9", "10-49", "50-249", "250+"),
        ((0.02, 0.13, 0.45, 0.4), (0.65, 0.27, 0.06, 0.02), (0.25, 0.5, 0.2, 0.05), (0.2, 0.45, 0.3, 0.05)),
        (0.3, 0.0, 0.0, -0.25),
    ),
    Attribute(
        "channel",
        ("web", "sales", "partner", "discount"),
        ((0.15, 0.5, 0.3, 0.05), (0.35, 0.1, 0.1, 0.45), (0.5, 0.2, 0.15, 0.15), (0.55, 0.2, 0.2, 0.05)),
        (0.0, -0.15, 0.0, 0.4),
    ),
    _REGION,
    _DEVICE,
    _LANGUAGE,
    _PERSONA,
    _PLAN,
)

#: Attributes of people who buy for themselves.
PEOPLE = (
    Attribute(
        "age",
        ("18-29", "30-44", "45-59", "60+"),
        ((0.2, 0.4, 0.3, 0.1), (0.5, 0.3, 0.15, 0.05), (0.05, 0.2, 0.35, 0.4), (0.35, 0.4, 0.15, 0.1)),
        (0.25, 0.0, 0.0, -0.15),
    ),
    Attribute(
        "household",
        ("single", "couple", "family"),
        ((0.2, 0.3, 0.5), (0.55, 0.3, 0.15), (0.35, 0.45, 0.2), (0.35, 0.35, 0.3)),
        (0.0, 0.0, -0.25),
    ),
    Attribute(
        "channel",
        ("web", "shop", "app", "discount"),
        ((0.4, 0.3, 0.25, 0.05), (0.3, 0.05, 0.15, 0.5), (0.4, 0.4, 0.05, 0.15), (0.3, 0.15, 0.5, 0.05)),
        (0.0, -0.1, 0.0, 0.4),
    ),
    _REGION,
    _DEVICE,
    _LANGUAGE,
    _PERSONA,
    Attribute("plan", ("guest",), ((1.0,),), (0.0,), hidden=True),
)
