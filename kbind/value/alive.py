"""Who is still a customer, and how much more will be bought, where nobody says goodbye."""

from __future__ import annotations

from datetime import datetime, time

import numpy as np

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import NotEnoughData, check_choice, check_conf_level
from kbind.typing import Floats
from kbind.value.cells import UNITS, Cells, count_cells, seen_of, window_of
from kbind.value.fitting import Fit, maximise
from kbind.value.models import MODELS, Model
from kbind.value.purchase_model import Alive


def alive(
    data: Dataset,
    *,
    model: str = "bg_nbd",
    unit: str = "week",
    calibration_end: object = None,
    as_of: object = None,
    since: object = None,
    conf_level: float = 0.95,
) -> Alive:
    """Tell from a log of purchases who is still a customer, and how much more each will buy.

    Parameters
    ----------
    data : Dataset
        With a table `events`.
    model : {"bg_nbd", "mbg_nbd", "pareto_nbd"}
        How customers leave: after a purchase but never the first, after any purchase, or at any moment.
    unit : {"day", "week", "month", "year"}
        Unit of time; a month is a twelfth of 365.25 days.
    calibration_end : date, datetime or ISO text, optional
        Only purchases before this day are fitted, and what came later is held against the fit.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data. Default: that of the data set. A day that is not over then is left out.
    since : date, datetime or ISO text, optional
        Only customers whose first purchase falls on this day or later; see `purchases`.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Alive
        `.parameters()`, `.probability_alive(...)`, `.expected_purchases(...)`, `.to_frame()`, `.holdout()`,
        `.cumulative()`; `.concerns`: why not to rely on it.

    Raises
    ------
    ArgumentError
        No such table or model, or days in the wrong order.
    NotEnoughData
        No customer with a known first purchase, or nobody who bought twice.

    Notes
    -----
    A day with a purchase is one occasion, however many rows and orders it has; it is a purchase if one of its rows has
    a positive amount, as for `purchases`. So T counts the days after the first purchase on which another could come.
    The log is reduced inside the engine to cells of equal frequency, recency and T, and the likelihood is summed over
    cells. Unlike `lapse` no length of silence has to be chosen, at the price of a model: read `.concerns` and
    `.holdout()` before the rest.

    References
    ----------
    BG/NBD: Fader, Hardie and Lee (2005), Counting your customers the easy way, Marketing Science 24, 275-284.
    MBG/NBD: Batislam, Denizel and Filiztekin (2007), International Journal of Research in Marketing 24, 201-209.
    Pareto/NBD: Schmittlein, Morrison and Colombo (1987), Management Science 33, 1-24.

    Examples
    --------
    >>> import kbind as kb
    >>> shop = kb.datasets.load_saas("b2c")
    >>> found = kb.alive(shop, model="mbg_nbd", calibration_end="2024-07-01")
    >>> found.parameters()[["parameter", "estimate"]].round(1)
      parameter  estimate
    0         r       4.6
    1     alpha      11.1
    2         a       0.3
    3         b       2.8
    >>> found.probability_alive(4, 20, [22, 30, 40])[["T", "probability_alive"]].round(2)
          T  probability_alive
    0  22.0               0.93
    1  30.0               0.69
    2  40.0               0.25
    """
    check_dataset(data)
    data.require("events")
    used = MODELS[check_choice("model", model, tuple(MODELS))]
    length = UNITS[check_choice("unit", unit, tuple(UNITS))]
    level = check_conf_level(conf_level)
    window = window_of(data, calibration_end, as_of, since)
    cells = count_cells(data, window)
    if not cells.frequency.any():
        raise NotEnoughData(f"nobody among {cells.customers:,} customers bought on a second day: there is no rate")
    return Alive(
        model=model,
        unit=unit,
        cells=cells,
        fit=fit_cells(used, cells, length),
        conf_level=level,
        provenance=Provenance.of(data, datetime.combine(window.end, time.min)),
        dated=data.has("customers.acquired_at"),
    )


def fit_cells(model: Model, cells: Cells, length: float) -> Fit:
    """Maximum likelihood on cells, times in units of so many days."""
    # fitted in units of the mean age, so that the unit of time cannot matter
    scale = float(cells.n @ cells.age) / cells.customers or 1.0
    seen, n = seen_of(cells, scale), cells.n.astype(float)

    def slope_of(point: Floats) -> tuple[float, Floats]:
        part = model.likelihood(np.exp(point), seen)
        return float(n @ part.value), part.slope @ n

    rate = float(n @ seen.x) / cells.customers
    # from much and from little difference between customers, who leave soon and late
    starts = [np.log([r, r / rate, leave, other]) for r, leave, other in ((0.5, 0.6, 1.5), (2.0, 0.3, 3.0))]
    found = maximise(slope_of, starts)
    change = np.log(scale / length)
    point = found.point + change * np.array(model.times)
    return found._replace(point=point, log_likelihood=found.log_likelihood - change * float(n @ seen.x))
