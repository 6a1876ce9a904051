"""Service recovery: how customers stay after a complaint was handled well, badly, or none was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp, nan, sqrt
from typing import TYPE_CHECKING

import numpy as np

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.dataset.reading.base import kind_of
from kbind.engine.engine import Expression, column, literal, parse
from kbind.errors import ArgumentError, NotEnoughData, check_conf_level, did_you_mean, listed, real, told
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import normal
from kbind.practices.staying import need_contracts
from kbind.result import Shown
from kbind.survival.exposure import FEWEST, Exposure, Ratios, by_what, exposure, stretches

if TYPE_CHECKING:
    import pandas as pd

#: How a complaint was handled, and that one was made at all.
WELL, USUAL, BADLY = "handled well", "handled as usual", "handled badly"
COMPLAINED = "complained"
#: Who complains, once, twice, more often, may be another customer than who does not.
BEFORE = (COMPLAINED, "complained again", "complained often")
#: Words for a serious matter, where severity is written in words.
SERIOUS = ("critical", "high", "urgent", "severe", "major", "kritisch", "hoch", "dringend", "schwer")
#: Days of a month, on average.
MONTH = 365.25 / 12
_CONTRASTS = {"well_vs_bad": (WELL, BADLY), "bad_vs_none": (BADLY, None), "well_vs_none": (WELL, None)}


@dataclass(frozen=True, eq=False)
class ServiceRecovery(Shown):
    """Staying after complaints, by how they were handled. Made by `service_recovery`.

    Attributes
    ----------
    well_vs_bad, bad_vs_none, well_vs_none : Estimate
        Hazard ratios of leaving; NaN where too few left.
    staying : dict of str to Estimate
        By the same names, and "none": difference of the shares who stay over the horizon; for "none" the share itself.
    complainers : Estimate
        Hazard ratio of who complained before, outside the horizon, against who never did: 1 if they are alike.
    classes : DataFrame
        One row a way of handling: handling, complaints, customers, hours (median to the answer), goodwill (share with
        any; NaN without the column), months (at risk within the horizon), left.
    a_year : float
        Times a customer and year in which a badly handled complaint acts, one after the other counted once.
    severity : str
        Which tickets count as complaints.
    graded : bool
        Whether tickets say how severe they are.
    spells : int
        Times counted in `a_year`.
    horizon : int
        Days that a complaint may act.
    conf_level : float
    """

    well_vs_bad: Estimate
    bad_vs_none: Estimate
    well_vs_none: Estimate
    staying: dict[str, Estimate] = field(repr=False)
    complainers: Estimate
    classes: pd.DataFrame = field(repr=False)
    a_year: float
    severity: str
    graded: bool
    spells: int
    handling: str
    horizon: int
    conf_level: float
    provenance: Provenance = field(repr=False)

    def headline(self) -> str:
        """The ratio of well to badly handled."""
        return f"well against badly {self.well_vs_bad}"

    @property
    def definition(self) -> str:
        """What is compared with what."""
        return (
            f"Hazard ratio of leaving (Cox regression on age, complaints as covariates that change with time). "
            f"Complaints: {self.severity}. {self.handling} How often somebody complained before is "
            f"adjusted for. Staying: over {self.horizon} days, at the hazard of the time when no complaint acts. "
            f"{self.conf_level:.0%} Wald intervals. {self.provenance}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a comparison.

        Returns
        -------
        DataFrame
            comparison, hazard_ratio, staying (difference of shares), each with _ci_lower and _ci_upper, and n
            (customers with such complaints).
        """
        import pandas as pd

        rows = []
        for name in _CONTRASTS:
            ratio, stay = getattr(self, name), self.staying[name]
            row: dict[str, object] = {"comparison": name}
            for figure, one in (("hazard_ratio", ratio), ("staying", stay)):
                row |= {f"{figure}{end}": v for end, v in zip(("", "_ci_lower", "_ci_upper"), one, strict=True)}
            rows.append(row | {"n": ratio.n})
        return pd.DataFrame(rows)


def service_recovery(
    data: Dataset,
    *,
    severity: object = None,
    well: str = "2D",
    bad: str = "14D",
    lag: str = "31D",
    horizon: str = "92D",
    conf_level: float = 0.95,
) -> ServiceRecovery:
    """How customers stay after complaints that were handled well, badly, or none.

    Parameters
    ----------
    data : Dataset
        With `tickets` (opened, closed; severity is used where it is there, goodwill told) and with contracts.
    severity : number, or list of values, optional
        Tickets at least that severe, or with one of these values, are complaints. Default: the upper half of the range
        of numbers, or words such as "high"; all tickets where there is no such column.
    well : str
        Settled within that time: handled well.
    bad : str
        Not settled within that time: handled badly. All else is as usual. What came later, a credit or a reopening,
        does not count: only those can have it who stayed.
    lag, horizon : str
        A complaint acts from `lag` after it was made, or from when its handling is known if that is later, for
        `horizon`. The lag leaves out who had decided before: contracts end with notice.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    ServiceRecovery

    Raises
    ------
    ArgumentError
        No such length or level.
    NotEnoughData
        No tickets, no time of closing, or too few who left after complaints.

    Notes
    -----
    A customer counts as handled badly only from the day on which that was known, so that nobody has to stay for being
    counted. Customers who complain may be others than those who do not. That they complained before, once, twice or
    more often, is adjusted for: "none" is the time of such customers when no complaint acts, and `complainers` tells
    how far it differs from that of customers who never complained.

    A ratio counts leaving for whatever cause and is an average over the horizon. Where an effect fades, notice has been
    given before, or payments fail, it lies nearer to 1 than the effect in full on somebody who is free to decide.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.service_recovery(kb.datasets.load_saas())
    >>> bool(found.well_vs_bad.ci_upper < 1 < found.bad_vs_none.ci_lower)
    True
    """
    check_dataset(data)
    check_conf_level(conf_level)
    days = {"well": days_of("well", well), "bad": days_of("bad", bad), "lag": days_of("lag", lag)}
    days["horizon"] = days_of("horizon", horizon, 1)
    if days["well"] > days["bad"]:
        raise ArgumentError(f"well={well!r} is longer than bad={bad!r}; allowed: at most that")
    data.require("tickets")
    need_contracts(data)
    if not data.has("tickets.closed"):
        raise NotEnoughData(f"tickets of {data.name!r} has no column 'closed'; name it in kbind.yaml")
    severe, meaning = _severe(data, severity)
    table = stretches(
        data, _STEPS, {"asked": "tickets"}, severe=severe, when=data.wall_time("tickets", "opened"),
        done=data.wall_time("tickets", "closed"), credit=_credit(data), **days,
    )  # fmt: skip
    if not table.num_rows:
        raise NotEnoughData(f"tickets of {data.name!r} holds no complaint ({meaning}) that was settled or grew old")
    names = (WELL, USUAL, BADLY)
    time = exposure(data, by_what(table, (*names, *BEFORE)))
    ratios, used = _fitted(time, names)
    marked = table.to_pandas()
    found = {name: _ratio(ratios, *pair, marked, conf_level) for name, pair in _CONTRASTS.items()}
    apart = ratios.ratio(COMPLAINED, conf_level=conf_level) if COMPLAINED in ratios.names else UNKNOWN
    handling = (
        f"Handled well: settled within {days['well']} days; badly: not settled "
        f"within {days['bad']} days; acting from {days['lag']} days "
        f"after it for {days['horizon']} days."
    )
    every, badly = time.months(np.ones(len(time.left), dtype=bool)), time.holds(BADLY)
    # a spell that goes on from the piece before is no other one; who had left by then is none either
    going = badly[:-1] & (time.customer[1:] == time.customer[:-1]) & np.isclose(time.entry[1:], time.duration[:-1])
    begun = int((badly & ~np.append(False, going)).sum())
    return ServiceRecovery(
        well_vs_bad=found["well_vs_bad"],
        bad_vs_none=found["bad_vs_none"],
        well_vs_none=found["well_vs_none"],
        staying=_staying(used, ratios, days["horizon"], conf_level),
        complainers=apart,
        classes=_classes(marked, time, names, data),
        a_year=12 * begun / every if every else nan,
        severity=meaning,
        graded=data.has("tickets.severity"),
        spells=begun,
        handling=handling,
        horizon=days["horizon"],
        conf_level=conf_level,
        provenance=Provenance.of(data, data.as_of),
    )


#: From tickets to stretches: what was known when.
_STEPS = {
    "complaints": "SELECT customer_id, CAST(_when AS DATE) AS opened, _when AS moment, _done AS settled, "
    "_credit AS credit FROM asked WHERE _when < _as_of AND _severe",
    # by what is known when `bad` is over: a later credit, or that it was opened again, only those can have who stayed
    "judged": "SELECT *, CASE "
    "WHEN settled < _as_of AND settled <= moment + to_days(CAST(_well AS INTEGER)) THEN 'handled well' "
    "WHEN coalesce(settled, _as_of) <= moment + to_days(CAST(_bad AS INTEGER)) THEN "
    "CASE WHEN settled < _as_of THEN 'handled as usual' END "
    "ELSE 'handled badly' END AS what FROM complaints",
    "handled": "SELECT *, CASE WHEN what = 'handled badly' "
    "THEN opened + _bad ELSE CAST(settled AS DATE) END AS sure FROM judged WHERE NOT what IS NULL",
    "stretches": "SELECT customer_id, what, greatest(opened + _lag, sure) AS begins, opened + _lag + _horizon AS ends, "
    "date_diff('minute', moment, settled) / 60.0 AS hours, credit FROM handled "
    "WHERE greatest(opened + _lag, sure) < opened + _lag + _horizon UNION ALL "
    "SELECT customer_id, CASE j WHEN 1 THEN 'complained' WHEN 2 THEN 'complained again' ELSE 'complained often' END, "
    "opened + _lag, CAST(NULL AS DATE), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE) FROM (SELECT customer_id, opened, "
    "row_number() OVER (PARTITION BY customer_id ORDER BY moment) AS j FROM complaints) AS n WHERE j <= 3",
}


def _fitted(time: Exposure, names: Sequence[str]) -> tuple[Ratios, Exposure]:
    """Ratios of the ways of handling that enough left after; the time of the others is left out."""
    enough = [name for name in names if time.events(time.holds(name)) >= FEWEST]
    if not {WELL, BADLY} & set(enough):
        left = {name: time.events(time.holds(name)) for name in (WELL, BADLY)}
        raise NotEnoughData(
            f"too few left after a complaint: {left[WELL]} handled well, {left[BADLY]} handled badly; needed: {FEWEST}"
        )
    out = np.zeros(len(time.left), dtype=bool)
    for name in set(names) - set(enough):
        out |= time.holds(name)
    used = time.take(~out)
    others = np.any([used.holds(name) for name in enough], axis=0)
    apart = [
        name
        for name in BEFORE
        if min(used.events(used.holds(name) & ~others), used.events(~used.holds(name))) >= FEWEST
    ]
    return used.cox([*enough, *apart]), used


def _ratio(ratios: Ratios, name: str, against: str | None, marked: pd.DataFrame, conf_level: float) -> Estimate:
    if name not in ratios.names or (against is not None and against not in ratios.names):
        return UNKNOWN
    n = marked.loc[marked["what"].isin([name, against]), "customer_id"].nunique()
    definition = f"hazard of leaving after a complaint {name} divided by that "
    definition += "while none acts" if against is None else f"after one {against}"
    return ratios.ratio(name, against, conf_level=conf_level, n=n, definition=definition)


def _staying(used: Exposure, ratios: Ratios, days: int, conf_level: float) -> dict[str, Estimate]:
    """Shares who stay over the horizon, and their differences.

    The hazard of no complaint is taken as known: its error is small beside that of the ratios, and common to both.
    """
    kinds = [name for name in (WELL, USUAL, BADLY) if name in ratios.names]
    free = ~np.any([used.holds(name) for name in kinds], axis=0)
    events, months = used.events(free), days / MONTH
    if not events:
        return dict.fromkeys((*_CONTRASTS, "none"), UNKNOWN)
    base = events / used.months(free) * months
    error = base / sqrt(events)
    none = Estimate.of([exp(-value) for value in _swapped(normal(base, error, conf_level))], conf_level=conf_level)
    known = {
        name: Estimate.of(
            [exp(-base * value) for value in _swapped(ratios.ratio(name, conf_level=conf_level))], conf_level=conf_level
        )
        for name in kinds
    }
    fixed = Estimate(none.value, none.value, none.value)
    found = {"none": none}
    for label, (name, against) in _CONTRASTS.items():
        pair = known.get(name), fixed if against is None else known.get(against)
        found[label] = UNKNOWN if pair[0] is None or pair[1] is None else _minus(pair[0], pair[1], conf_level)
    return found


def _swapped(one: Estimate) -> tuple[float, float, float]:
    """Number and limits of what falls as the estimate rises."""
    return one.value, one.ci_upper, one.ci_lower


def _minus(one: Estimate, other: Estimate, conf_level: float) -> Estimate:
    definition = "difference of the shares who stay over the horizon"
    return replace(one.minus(other), conf_level=conf_level, definition=definition)


def _classes(marked: pd.DataFrame, time: Exposure, names: Sequence[str], data: Dataset) -> pd.DataFrame:
    import pandas as pd

    credit = data.has("tickets.goodwill")
    rows = []
    for name in names:
        mine = marked[marked["what"] == name]
        holds = time.holds(name)
        share = float((mine["credit"] > 0).mean()) if credit and len(mine) else nan
        rows.append((name, len(mine), mine["customer_id"].nunique(), float(mine["hours"].median()), share,
                     time.months(holds), time.events(holds)))  # fmt: skip
    columns = ["handling", "complaints", "customers", "hours", "goodwill", "months", "left"]
    return pd.DataFrame(rows, columns=columns)


def _severe(data: Dataset, severity: object) -> tuple[Expression, str]:
    """Which tickets are complaints, and how that is said."""
    if not data.has("tickets.severity"):
        if severity is not None:
            raise ArgumentError(f"severity={told(severity)}: tickets of {data.name!r} has no column 'severity'")
        return literal(True), "all tickets, for none tells how bad it was"
    value = column("severity")
    if kind_of(data.tables["tickets"].columns["severity"]) == "number" and not isinstance(severity, (list, tuple)):
        ends = data.engine.row("SELECT min(severity) AS low, max(severity) AS high FROM t", t="tickets")
        if ends["low"] is None:
            raise NotEnoughData(f"severity is missing in every row of tickets of {data.name!r}")
        low, high = float(ends["low"]), float(ends["high"])
        least = (low + high) / 2 if severity is None else real(severity)
        if not low <= least <= high:
            raise ArgumentError(f"severity={told(severity)} is not possible; allowed: numbers from {low:g} to {high:g}")
        return parse("coalesce(_x >= _least, FALSE)", x=value, least=literal(least)), f"severity from {least:g} on"
    text = parse("lower(trim(CAST(_x AS VARCHAR)))", x=value)
    found = data.engine.query("SELECT DISTINCT _x AS v FROM t WHERE NOT _x IS NULL ORDER BY v", tables={"t": "tickets"},
                              parts={"x": text})  # fmt: skip
    known = found.column("v").to_pylist()
    asked = [word for word in SERIOUS if word in known] if severity is None else _words(severity)
    for word in asked:
        if word not in known:
            raise ArgumentError(
                f"severity={word!r} is no level of tickets; {did_you_mean(word, known)}levels: {listed(known)}"
            )
    if not asked:
        raise NotEnoughData(f"severity of tickets says nowhere {' or '.join(SERIOUS[:2])}; levels: {listed(known)}")
    return parse(
        "coalesce(list_contains(_values, _x), FALSE)", values=literal(asked), x=text
    ), f"severity {listed(asked)}"


def _words(severity: object) -> list[str]:
    values = list(severity) if isinstance(severity, (list, tuple)) else [severity]
    if not values or not all(isinstance(value, (str, int, float)) and not isinstance(value, bool) for value in values):
        raise ArgumentError(f"severity={told(severity)} is no level; allowed: a number, a word, or a list of them")
    return [f"{value:g}" if isinstance(value, float) else str(value).strip().lower() for value in values]


def _credit(data: Dataset) -> Expression:
    return parse("CAST(_x AS DOUBLE)", x=column("goodwill")) if data.has("tickets.goodwill") else literal(0.0)
