"""What campaigns and offers did: differences with their intervals, one row each."""

from __future__ import annotations

from math import nan

from matplotlib.axes import Axes

from kbind.errors import NotEnoughData
from kbind.estimate.estimate import Estimate
from kbind.experiments.effect import NOT_IDENTIFIED, Effect
from kbind.experiments.offers import Offers
from kbind.experiments.verdicts import Verdicts
from kbind.facts.experiments import CampaignFacts
from kbind.plot.base import MUTE, Canvas, finish
from kbind.plot.rows import Row, draw_rows, points_of
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.voice import DASH, Voice


def plot_effect(result: Effect, canvas: Canvas) -> Axes:
    """One campaign: the difference as customers are, and like compared with like; right of the line, more stay."""
    speak = canvas.speaker(customer=str(getattr(result.provenance, "customer", "customer")), action="stay")
    names = ("naive",) if result.randomised else ("naive", "adjusted")
    known = {speak.say(f"experiments.row.{name}"): getattr(result, name) for name in names}
    campaign = named(result.campaign)
    if result.outcome == "retained":
        rows = [_row(label, one, result, speak) for label, one in known.items()]
        return _drawn(canvas, rows, speak, speak.say("experiments.alt.one", campaign=campaign))
    write = speak.money if result.outcome == "revenue" else lambda days: speak.number(days, 1)
    rows = [
        Row(
            label,
            one.value,
            one.ci_lower,
            one.ci_upper,
            write(one.value),
            speak.between(write(one.ci_lower), write(one.ci_upper)),
        )
        for label, one in known.items()
    ]
    axes = draw_rows(canvas, rows, write, line=0.0)
    axes.set_xlabel(speak.say(f"experiments.axis.{result.outcome}"))
    axis = speak.say(f"experiments.axis.{result.outcome}")
    what = f"{campaign}, {axis}"
    text = speak.say("experiments.alt", what=what, points=points_of(rows, speak))
    return finish(axes, canvas.heading("experiments.figure", speak), text)


def plot_verdicts(result: Verdicts, canvas: Canvas) -> Axes:
    """All campaigns: like compared with like; grey where no difference is shown, or nothing can be told."""
    speak = canvas.speaker(customer=result.provenance.customer, action="stay")
    told = [one for one in result.effects if CampaignFacts(one, speak.disclosure, "").tells]
    if not told:
        raise NotEnoughData("no campaign can be told of, so there is nothing to draw")
    rows = []
    for one in told:
        label = named(one.campaign)
        if one.verdict == NOT_IDENTIFIED:
            rows.append(Row(label, nan, nan, nan, speak.say("experiments.row.unknown"), DASH))
        else:
            rows.append(_row(label, one.adjusted, one, speak))
    axes = _drawn(canvas, rows, speak, speak.say("experiments.alt.all"))
    for beside in axes.texts:
        if beside.get_text().replace("\n", " ") == speak.say("experiments.row.unknown"):
            beside.set_color(MUTE)
    return axes


def plot_offers(result: Offers, canvas: Canvas) -> Axes:
    """What each arm returns a customer, against the reference; without a worth, how many more it keeps."""
    speak = canvas.speaker()
    rows = []
    for arm in result.arms[1:]:
        priced = result.step.decision != "unpriced"
        one = result.returns(arm.name) if priced else result.difference(arm.name)
        write = speak.money if priced else lambda share: speak.percent(share, 1)
        span = speak.between(write(one.ci_lower), write(one.ci_upper))
        rows.append(Row(named(arm.name), one.value, one.ci_lower, one.ci_upper, write(one.value), span))
    axes = draw_rows(canvas, rows, write, line=0.0)
    title = canvas.heading("experiments.offers", speak, reference=named(result.reference))
    return finish(axes, title, speak.say("experiments.alt", what=title, points=points_of(rows, speak)))


def _drawn(canvas: Canvas, rows: list[Row], speak: Voice, what: str) -> Axes:
    axes = draw_rows(canvas, rows, lambda x: speak.number(100 * x), line=0.0)
    axes.set_xlabel(speak.say("experiments.axis"))
    text = speak.say("experiments.alt", what=what, points=points_of(rows, speak))
    return finish(axes, canvas.heading("experiments.figure", speak), text)


def _row(label: str, one: Estimate, effect: Effect, speak: Voice) -> Row:
    """A difference in points as it may be told."""
    n = int(min(effect.assigned.treated.sum(), effect.assigned.controls.sum()))
    told = speak.disclosure.fact(Fact("", one.value, "share", "", *one.interval, n=n))
    value, low, high = told.value, told.ci_lower, told.ci_upper
    said, *span = (speak.number(100 * x, 1) for x in (value, low, high))
    return Row(label, value, low, high, said, speak.between(*span))
