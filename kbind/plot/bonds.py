"""What binds the customers: six bonds on the scale of their items."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from kbind.bonds.contexts import BONDS
from kbind.bonds.scores import BondingScores
from kbind.errors import ArgumentError, NotEnoughData, real, told
from kbind.plot.base import INK, Canvas, finish
from kbind.plot.rows import Row, draw_rows, points_of
from kbind.text.messages import upper_first


def plot_bonds(result: BondingScores, canvas: Canvas, wanted: Mapping[str, float] | None = None) -> Axes:
    """Mean agreement to each bond with its interval, from extrinsic to intrinsic; a stroke where it is wanted.

    `wanted`: bond -> points of the items' scale.
    """
    speak, low, high = canvas.speaker(customer=result.provenance.customer, action="stay"), *result.answers.scale
    company = result.company[~np.vectorize(speak.disclosure.hides, otypes=[bool])(result.company["n"])]
    company = company[company["mean"].notna()]
    aims = _wanted(wanted, low, high)
    if company.empty:
        raise NotEnoughData("no bond has enough answers to items, so there is nothing to draw on their scale")

    def write(x: float) -> str:
        return speak.number(x, 1)

    def whole(x: float) -> str:
        return speak.number(x, 0 if float(x).is_integer() else 1)

    rows, names = [], {bond: upper_first(speak.say(f"persona.bond.{bond}")) for bond in BONDS}
    for bond, mean, lower, upper in company[["bond", "mean", "ci_lower", "ci_upper"]].itertuples(index=False):
        span = speak.catalogue.text("range", low=write(lower), high=write(upper))
        rows.append(Row(names[bond], mean, lower, upper, write(mean), span))
    axes = draw_rows(canvas, rows, whole)
    axes.set_xlim(low, high)
    axes.set_xlabel(speak.say("bonds.axis", low=whole(low), high=whole(high)))
    for y, bond in enumerate(company["bond"]):
        if bond in aims:
            axes.plot([aims[bond]] * 2, [y - 0.3, y + 0.3], color=INK, linewidth=2)
    text = speak.say("bonds.alt", points=points_of(rows, speak))
    if aims:
        points = "; ".join(f"{names[bond]} {whole(aim)}" for bond, aim in aims.items())
        said = speak.say("bonds.wanted", points=points)
        text = f"{text} {said}"
    return finish(axes, canvas.heading("figure.bonds", speak), text)


def _wanted(wanted: object, low: float, high: float) -> dict[str, float]:
    """Where each bond is wanted on the scale, in the order of the bonds."""
    if wanted is None:
        return {}
    if not isinstance(wanted, Mapping) or not set(wanted) <= set(BONDS):
        raise ArgumentError(f"wanted={told(wanted)} says no bonds; allowed: points by bond, such as {{'value': 5}}")
    for bond, aim in wanted.items():
        if not low <= real(aim) <= high:
            raise ArgumentError(f"wanted: {bond}={told(aim)} is not on the scale; allowed: {low:g} to {high:g}")
    return {bond: real(wanted[bond]) for bond in BONDS if bond in wanted}
