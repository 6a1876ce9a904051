"""Consistent service: how unlike the same customer's requests are in the time they take."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import group_value
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import literal
from kbind.engine.query import Query
from kbind.errors import NotEnoughData, check_conf_level
from kbind.estimate.estimate import Estimate
from kbind.practices.staying import need_columns
from kbind.result import Shown
from kbind.typing import Floats

#: Customers with two tickets or more that it takes.
ENOUGH = 20
#: Share of the closed tickets that took no longer than the time that a ticket must have had to be closed.
_NEARLY_ALL = 0.99
#: Hours that a ticket is taken to have lasted at least.
_LEAST = 1


@dataclass(frozen=True, eq=False)
class ServiceConsistency(Shown):
    """Spread of the time to close within and between customers. Made by `service_consistency`.

    Attributes
    ----------
    within_share : Estimate
        Share of the variance of the logarithm of hours to close that lies within customers.
    within_factor : Estimate
        By so much a ticket is typically slower or faster than is usual for its customer (1: always the same).
    tickets, customers : int
        Counted.
    waited : float
        Days that a ticket must have been opened before the end of the data.
    """

    within_share: Estimate
    within_factor: Estimate
    tickets: int
    customers: int
    waited: float
    by_kind: bool
    conf_level: float
    provenance: Provenance

    @property
    def definition(self) -> str:
        """What varies, and how it is divided."""
        who = self.provenance.customer
        kinds = "less the mean of its kind, " if self.by_kind else ""
        return (
            f"Variance of the logarithm of the hours to close a ticket (at least {_LEAST}), {kinds}divided into that "
            f"within and that between {who}s (one-way analysis of variance, random effects). Factor: exp of the "
            f"standard deviation within. Tickets opened less than {self.waited:.0f} days before the end are left out, "
            f"so that slow ones count; {self.conf_level:.0%} jackknife intervals over {who}s. {self.provenance}"
        )

    def headline(self) -> str:
        """The factor."""
        return f"times to close differ by a factor of {self.within_factor.value:.1f} for the same customer"

    def to_frame(self) -> pd.DataFrame:
        """The two figures.

        Returns
        -------
        DataFrame
            Columns figure (within_share, within_factor), value, ci_lower, ci_upper, tickets, customers.
        """
        figures = {"within_share": self.within_share, "within_factor": self.within_factor}
        return pd.DataFrame([{"figure": name, "value": one.value, "ci_lower": one.ci_lower, "ci_upper": one.ci_upper,
                              "tickets": self.tickets, "customers": self.customers}
                             for name, one in figures.items()])  # fmt: skip


def service_consistency(data: Dataset, *, conf_level: float = 0.95) -> ServiceConsistency:
    """How consistent service is: spread of the time to close a ticket within customers, and between them.

    Parameters
    ----------
    data : Dataset
        With a table `tickets` that has closed; kinds are compared with their own mean, where they are known.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    ServiceConsistency
        `.within_share`, `.within_factor`.

    Raises
    ------
    NotEnoughData
        No tickets with closed, or fewer than 20 customers with two of them.

    References
    ----------
    Searle, Casella and McCulloch (1992), Variance Components, section 3.6; jackknife of the logarithm of the ratio of
    mean squares: Arvesen (1969), Annals of Mathematical Statistics 40, 2076-2100.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.service_consistency(kb.datasets.load_saas())
    >>> bool(found.within_share.value > 0.9)
    True
    """
    need_columns(data, "tickets.closed")
    check_conf_level(conf_level)
    by_kind = data.has("tickets.kind")
    query = Query(data.engine).table(log="tickets").part(end=data.end_at(None))
    query.step(
        "took",
        "SELECT customer_id, _opened AS o, _kind AS kind, date_diff('minute', _opened, _closed) / 60.0 AS hours FROM "
        "log WHERE _closed < _end",
        opened=data.wall_time("tickets", "opened"),
        closed=data.wall_time("tickets", "closed"),
        kind=group_value(data, "tickets", "kind") if by_kind else literal(""),
    )
    found = (
        query.select(f"SELECT quantile_disc(hours, {_NEARLY_ALL}) AS longest FROM took").column("longest")[0].as_py()
    )
    longest = 0.0 if found is None else float(found)
    query.part(longest=int(np.ceil(longest)))
    rows = query.step(
        "logs",
        f"SELECT customer_id, x - avg(x) OVER (PARTITION BY kind) AS x FROM (SELECT customer_id, kind, "
        f"ln(greatest(hours, {_LEAST})) AS x FROM took WHERE o + to_hours(_longest) < _end) AS t",
    ).select("SELECT count(*) AS n, sum(x) AS s, sum(x * x) AS q FROM logs GROUP BY customer_id ORDER BY customer_id")
    n, s, q = (np.asarray(rows.column(name).to_numpy(), dtype=float) for name in ("n", "s", "q"))
    several = int((n > 1).sum())
    if several < ENOUGH:
        raise NotEnoughData(
            f"{several:,} customers of {data.name!r} have two closed tickets; consistency needs {ENOUGH}"
        )
    share, factor = consistency_of(n, s, q, conf_level)
    return ServiceConsistency(
        within_share=share,
        within_factor=factor,
        tickets=int(n.sum()),
        customers=len(n),
        waited=longest / 24,
        by_kind=by_kind,
        conf_level=conf_level,
        provenance=Provenance.of(data, data.end_at(None)),
    )


def consistency_of(n: Floats, s: Floats, q: Floats, conf_level: float) -> tuple[Estimate, Estimate]:
    """Share of the variance within customers, and the factor, from every customer's count, sum and sum of squares."""
    k = len(n)
    kept = _mean_squares(np.array([float(k)]), *(np.array([x.sum()]) for x in (n, n * n, s, q, s * s / n)))
    without = _mean_squares(np.array(k - 1.0), *(x.sum() - x for x in (n, n * n, s, q, s * s / n)))
    size = float(kept[2][0])
    ratio = _jackknife(np.log(kept[0] / kept[1])[0], np.log(without[0] / without[1]), conf_level)
    spread = _jackknife(np.log(kept[1])[0], np.log(without[1]), conf_level)
    share = [1 - min(max((np.exp(x) - 1) / (np.exp(x) - 1 + size), 0.0), 1.0) for x in ratio]
    factor = [float(np.exp(np.sqrt(np.exp(x)))) for x in spread]
    return (
        Estimate(share[0], share[2], share[1], k, conf_level=conf_level, kind="share"),
        Estimate.of(factor, n=k, conf_level=conf_level),
    )


def _mean_squares(
    k: Floats, n: Floats, nn: Floats, s: Floats, q: Floats, means: Floats
) -> tuple[Floats, Floats, Floats]:
    """Mean squares between and within, and the average size of a customer, of sums over k customers."""
    between = (means - s * s / n) / (k - 1)
    within = (q - means) / (n - k)
    return between, within, (n - nn / n) / (k - 1)


def _jackknife(value: float, without: Floats, conf_level: float) -> tuple[float, float, float]:
    """A number and its limits, from what it is without each customer."""
    k = len(without)
    error = float(np.sqrt((k - 1) / k * ((without - without.mean()) ** 2).sum()))
    half = NormalDist().inv_cdf(0.5 + conf_level / 2) * error
    return value, value - half, value + half
