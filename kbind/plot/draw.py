"""Figures: each takes a result, draws on one Axes, and carries its finding and a text alternative.

A function `plot_...(result, canvas, **options)` draws one type of result; `draw` finds it, and gives it a canvas.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from matplotlib.axes import Axes

from kbind.errors import ArgumentError, KbindError, check_name, did_you_mean, listed
from kbind.plot import (
    alive,
    bonds,
    churn,
    experiments,
    feedback,
    periods,
    personas,
    practices,
    quality,
    retention,
    revenue,
    segments,
    shop,
    survival,
    uplift,
    value,
)
from kbind.plot.base import Canvas, alt_text, house_style
from kbind.text.voice import Voice

__all__ = ["alt_text", "draw"]

#: The function that draws each type of result.
_FIGURES: dict[str, Callable[..., Axes]] = {
    "Alive": alive.plot_alive,
    "Backtest": churn.plot_backtest,
    "BondingScores": bonds.plot_bonds,
    "CohortRetention": retention.plot_cohorts,
    "Contrasts": segments.plot_contrasts,
    "CumulativeIncidence": survival.plot_incidence,
    "Drivers": churn.plot_drivers,
    "Effect": experiments.plot_effect,
    "EventRetention": retention.plot_returns,
    "FeedbackScore": feedback.plot_score,
    "HazardCurve": survival.plot_hazard,
    "HazardModel": survival.plot_ratios,
    "Lapse": shop.plot_false_alarms,
    "Lifecycle": retention.plot_lifecycle,
    "Offers": experiments.plot_offers,
    "PeriodRates": periods.plot_periods,
    "PersonaDrift": personas.plot_drift,
    "PersonaEvaluation": personas.plot_personas,
    "Practices": practices.plot_practices,
    "Purchases": shop.plot_purchases,
    "Quality": quality.plot_rows,
    "ReasonsByType": segments.plot_reasons,
    "Refinement": personas.plot_refinement,
    "RetentionProjection": survival.plot_projection,
    "RetentionValue": value.plot_tornado,
    "RevenueRetention": revenue.plot_movements,
    "SatisfactionTrend": feedback.plot_trend,
    "Segmentation": segments.plot_segments,
    "SurvivalCurve": survival.plot_survival,
    "Uplift": uplift.plot_uplift,
    "Verdicts": experiments.plot_verdicts,
}


def draw(
    result: object,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    **options: Any,
) -> Axes:
    """Draw a result by the function for its type; what `Result.plot` does.

    Parameters
    ----------
    result : object
        A result of kbind.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    **options
        As the function takes them.

    Returns
    -------
    Axes

    Raises
    ------
    KbindError
        The result has no picture.
    ArgumentError
        An option that the picture does not know.
    """
    kind = type(result).__name__
    if kind not in _FIGURES:
        raise KbindError(f"a {kind} has no picture; its numbers: .to_frame(); pictures have {listed(sorted(_FIGURES))}")
    function = _FIGURES[kind]
    allowed = ["title", "voice", *list(signature(function).parameters)[2:]]  # after result and canvas
    for name in options:
        if name not in allowed:
            near = did_you_mean(name, allowed)
            raise ArgumentError(f"{name}= is no option of the picture of a {kind}; {near}allowed: {', '.join(allowed)}")
    if title is not None:
        check_name("title", title, "a title")
    with house_style():
        return function(result, Canvas(ax, lang, title, voice), **options)
