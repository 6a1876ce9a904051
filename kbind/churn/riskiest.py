"""The customers of the last date with the highest predicted risk, and what they pay."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kbind.churn.contacts import last_rows
from kbind.churn.forecast import Forecast
from kbind.churn.leakage import without
from kbind.churn.profit import MONTHS_KEPT, contactable
from kbind.errors import NotEnoughData, check_share
from kbind.typing import Bools, Floats, Objects


@dataclass(frozen=True, eq=False)
class Riskiest:
    """Customers with the highest predicted risk, the highest first. Made by `riskiest`.

    Attributes
    ----------
    customer : ndarray of object, shape (n,)
    probability : ndarray of float, shape (n,)
        Of leaving.
    paid : ndarray of float, shape (n,)
        Money a year; NaN where unknown.
    contactable : ndarray of bool, shape (n,)
        Whether consent does not stand against a contact.
    """

    customer: Objects
    probability: Floats = field(repr=False)
    paid: Floats = field(repr=False)
    contactable: Bools = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a customer.

        Returns
        -------
        DataFrame
            customer_id, probability, paid (a year), contactable.
        """
        columns = {"probability": self.probability, "paid": self.paid, "contactable": self.contactable}
        return pd.DataFrame({"customer_id": self.customer, **columns})


def riskiest(forecast: Forecast, share: float = 0.1) -> Riskiest:
    """Who of the customers of the last date has the highest predicted risk.

    Parameters
    ----------
    forecast : Forecast
        With a model.
    share : float
        Of all of them, between 0 and 1; rounded down, one at least.

    Raises
    ------
    NotEnoughData
        Nothing could be forecast.

    Examples
    --------
    >>> import kbind as kb
    >>> found = riskiest(kb.forecast_churn(kb.datasets.load_telco()))
    >>> len(found.customer), bool((np.diff(found.probability) <= 0).all())
    (517, True)
    """
    check_share("share", share)
    seen, model = forecast.snapshots, forecast.model
    if seen is None or model is None:
        raise NotEnoughData(f"nothing can be forecast: {forecast.why}")
    rows = last_rows(seen)
    removed = {name: why for name, why in model.removed_.items() if name in seen.features}
    probability = model.predict_proba(without(seen, removed).features.iloc[rows])[:, 1]
    first = np.argsort(-probability, kind="stable")[: max(int(share * len(rows) + 1e-9), 1)]
    chosen = rows[first]
    return Riskiest(
        customer=seen.customer[chosen],
        probability=np.asarray(probability[first], dtype=float),
        paid=MONTHS_KEPT * seen.value[chosen],
        contactable=contactable(seen)[chosen],
    )
